//! Opening a Shtrih-M printer.

use crate::{
    config::{ProtocolChoice, ShtrihConfig},
    device::ShtrihPrinter,
    session::{OpenError, Session, SharedMemory},
};
use async_trait::async_trait;
use galley_fiscal::{FiscalError, FiscalPrinter, PrinterFactory};
use galley_link::{Address, Dialer};
use std::sync::Arc;

const SILENT: &str = "no answer in protocol 1 or 2: the printer is off, the cable is out, the speed of the line is \
     another, or another program holds the printer";
/// Speeds a silent line is tried at, in the order of the vendor's driver (1).
const SPEEDS: [u32; 7] = [115_200, 4800, 9600, 19_200, 38_400, 57_600, 2400];

/// Opens the printer at one address. One of these a printer: it remembers, from one connection to the next, the act
/// whose reply was not seen.
pub struct ShtrihPrinters {
    dialer: Arc<dyn Dialer>,
    address: Address,
    config: Arc<ShtrihConfig>,
    memory: SharedMemory,
}

impl ShtrihPrinters {
    /// A printer at `address`, reached through `dialer`.
    #[must_use]
    pub fn new(dialer: Arc<dyn Dialer>, address: Address, config: ShtrihConfig) -> Self {
        Self {
            dialer,
            address,
            config: Arc::new(config),
            memory: SharedMemory::default(),
        }
    }

    /// The address, and the same line at other speeds where they may be tried.
    fn addresses(&self) -> Vec<Address> {
        let mut all = vec![self.address.clone()];
        if let Address::Serial { path, baud } = &self.address
            && self.config.probe_speeds
        {
            all.extend(
                SPEEDS
                    .iter()
                    .filter(|s| *s != baud)
                    .map(|s| Address::Serial {
                        path: path.clone(),
                        baud: *s,
                    }),
            );
        }
        all
    }

    async fn session(&self, address: &Address) -> Result<Option<Session>, FiscalError> {
        let unreachable = |detail: String| FiscalError::Unreachable { detail };
        let stream = self.dialer.open(address).await.map_err(|e| {
            let cause = std::error::Error::source(&e).map_or(String::new(), |s| format!(": {s}"));
            unreachable(format!("{e}{cause}"))
        })?;
        let memory = Arc::clone(&self.memory);
        match Session::open(stream, self.config.protocol, memory, self.config.timeouts).await {
            Ok(session) => Ok(Some(session)),
            Err(OpenError::Silent) => Ok(None),
            Err(OpenError::Broken(detail)) => Err(unreachable(detail)),
        }
    }
}

#[async_trait]
impl PrinterFactory for ShtrihPrinters {
    async fn open(&self) -> Result<Box<dyn FiscalPrinter>, FiscalError> {
        if self.config.department > 16 {
            return Err(FiscalError::Unsupported(
                "the department must be 0 to 16".to_owned(),
            ));
        }
        for address in self.addresses() {
            let Some(session) = self.session(&address).await? else {
                continue;
            };
            if address != self.address {
                tracing::warn!(
                    device.address = %address,
                    "the printer answers at another speed than the configured one"
                );
            }
            let protocol = session.protocol_number();
            if self.config.protocol == ProtocolChoice::Auto {
                tracing::debug!(device.protocol = protocol, "protocol found");
            }
            let printer = ShtrihPrinter::greet(session, Arc::clone(&self.config))
                .await
                .map_err(|e| match e {
                    FiscalError::Unsupported(_) => e,
                    // A printer that refuses to say who it is runs something else; that passes.
                    other => FiscalError::Unreachable {
                        detail: other.to_string(),
                    },
                })?;
            let info = printer.info();
            tracing::debug!(
                device.model = info.model,
                device.serial = info.serial,
                "printer opened"
            );
            return Ok(Box::new(printer));
        }
        Err(FiscalError::Unreachable {
            detail: SILENT.to_owned(),
        })
    }
}
