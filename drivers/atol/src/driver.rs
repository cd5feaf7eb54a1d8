//! Opening an ATOL printer.

use crate::{
    bcd,
    config::AtolConfig,
    device::AtolPrinter,
    session::{OpenError, Session, SharedIds},
};
use async_trait::async_trait;
use galley_fiscal::{FiscalError, FiscalPrinter, PrinterFactory};
use galley_link::{Address, Dialer};
use std::sync::Arc;

const PLATFORM_50: &str = "the printer speaks the protocol of platform 5.0, which nobody has published: configure \
     the web server back end (the vendor's web server) for it";
const SILENT: &str = "no answer: the printer is off, the cable is out, the speed of the line is another, or it is a \
     platform 5.0 printer, which needs the web server back end";

/// Opens the ATOL printer at one address. One of these a printer: it remembers, from one connection to the
/// next, the task whose end was not seen.
pub struct AtolPrinters {
    dialer: Arc<dyn Dialer>,
    address: Address,
    config: Arc<AtolConfig>,
    ids: SharedIds,
}

/// The passwords as they go over the wire.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passwords {
    pub(crate) access: [u8; 2],
    pub(crate) mode: [u8; 4],
}

impl AtolPrinters {
    /// A printer at `address`, reached through `dialer`.
    #[must_use]
    pub fn new(dialer: Arc<dyn Dialer>, address: Address, config: AtolConfig) -> Self {
        Self {
            dialer,
            address,
            config: Arc::new(config),
            ids: SharedIds::default(),
        }
    }

    fn passwords(&self) -> Result<Passwords, FiscalError> {
        let digits = |text: &str, len: usize, what: &str| {
            let right = text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
            right
                .then(|| text.parse::<u64>().ok())
                .flatten()
                .ok_or_else(|| FiscalError::Unsupported(format!("{what} must have {len} digits")))
        };
        let access = digits(&self.config.access_password, 4, "access_password")?;
        let mode = digits(&self.config.mode_password, 8, "mode_password")?;
        bcd::encode(access)
            .zip(bcd::encode(mode))
            .map(|(access, mode)| Passwords { access, mode })
            .ok_or_else(|| FiscalError::Unsupported("a password has too many digits".to_owned()))
    }
}

#[async_trait]
impl PrinterFactory for AtolPrinters {
    async fn open(&self) -> Result<Box<dyn FiscalPrinter>, FiscalError> {
        let passwords = self.passwords()?;
        let unreachable = |detail: String| FiscalError::Unreachable { detail };
        let stream = self.dialer.open(&self.address).await.map_err(|e| {
            let cause = std::error::Error::source(&e).map_or(String::new(), |s| format!(": {s}"));
            unreachable(format!("{e}{cause}"))
        })?;
        let session = Session::open(stream, Arc::clone(&self.ids), &self.config.timeouts)
            .await
            .map_err(|e| match e {
                OpenError::Platform50 => FiscalError::Unsupported(PLATFORM_50.to_owned()),
                OpenError::Silent => unreachable(SILENT.to_owned()),
                OpenError::Broken(detail) => unreachable(detail),
            })?;
        let printer = AtolPrinter::greet(session, Arc::clone(&self.config), passwords)
            .await
            // A printer that refuses to say who it is runs something else; that passes.
            .map_err(|e| unreachable(e.to_string()))?;
        let info = printer.info();
        tracing::debug!(
            device.model = info.model,
            device.serial = info.serial,
            "printer opened"
        );
        Ok(Box::new(printer))
    }
}
