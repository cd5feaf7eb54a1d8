//! ATOL fiscal printers behind the vendor's web server: JSON over HTTP, for every platform and every version of the
//! fiscal data format. [source: atol.md 3, 4]
//!
//! # How one intent gives one document
//!
//! The server queues requests by uuid, keeps their results, and answers a POST of a uuid it knows with 409 without
//! adding anything. That makes the uuid the idempotency key; everything here hangs on which uuid is sent when.
//!
//! **Which uuid.** An attempt's uuid is computed, never stored: UUID v5 of the fiscal drive's number, the number of the
//! last document in the [baseline](galley_fiscal::Baseline), the kind and the key of the document, and a count *n*. The
//! caller stores the baseline before the attempt, so after a crash the same inputs give the same uuid, and what the
//! dead process sent is found. *n* is the first count whose uuid the server does not know. So a second attempt with
//! an unmoved drive (there was no paper, say) has another uuid than the first, which is final with an error at the
//! server and would be answered with that old error for ever.
//!
//! **A POST whose fate is not known** (answer lost, daemon killed): asked for by GET. 404 alone proves nothing: the
//! request may still be on its way. Recovery therefore *fences*: it POSTs a harmless task (`getDeviceStatus`) under
//! the very uuid. If the server takes it, a late arrival of the real request gets 409 and is never carried out, and the
//! fence's own end shows that the one worker is done with all that came before. If the server answers 409, the real
//! request has come in meanwhile and is waited for. Only then the drive's counters are read.
//!
//! **`wait`, `inProgress`, `blocked`** are not ends. While an attempt is in one of them the outcome is `Unknown`; no
//! other attempt is begun. `blocked` means that the server itself does not know what became of a task; it goes on
//! after a person, or the printer's return, has settled that.
//!
//! **`ready`** is success: the document's number and sign are in the answer. `notPrinted` beside it means that the
//! paper is missing, and the document stands all the same.
//!
//! **`error`** says what the driver saw, not what the drive did. Codes that leave the outcome open (no link, interrupted,
//! internal, unknown: [`code::Class::leaves_open`](crate::json::code::Class::leaves_open)) are always `Unknown`, never a
//! refusal. After any other code the drive's counter is compared with the baseline and the documents behind it are
//! read; only when ours is not there, it is `Refused`.
//!
//! **A server that lost its base** (reinstalled) answers 404 to everything. The fence is taken, and the evidence of the
//! drive decides: counter, documents, our key in tag 1192. What a printer cut off from its driver still does is given
//! `settle_ms` before "not registered" is believed.
//!
//! **Reads** go through the same queue, under fresh uuids from the caller's source of ids. A 409 to such a uuid is an
//! error: a stale answer must never pass for evidence.
//!
//! The server's own driver cancels a receipt that it could not close, and no task asks whether one is open. So
//! `receipt_open` is always false here.

mod acts;
mod config;
mod document;
#[cfg(feature = "emulator")]
pub mod emulator;
mod http;
mod printer;
mod queue;
mod reads;

pub use config::{Api, AtolWebConfig, Credentials, WebTimeouts};

use crate::json::{Task, answer::DeviceInfoAnswer};
use ::http::Method;
use async_trait::async_trait;
use bytes::Bytes;
use galley_fiscal::{FiscalError, FiscalPrinter, PrinterFactory};
use galley_link::{Address, Dialer};
use http::HttpClient;
use printer::WebPrinter;
use queue::Queue;
use std::sync::Arc;
use uuid::Uuid;

/// Where fresh uuids come from; two calls must never give the same one, restarts included.
pub type TaskIds = Arc<dyn Fn() -> Uuid + Send + Sync>;

/// Opens the printer behind one web server.
pub struct AtolWebPrinters {
    dialer: Arc<dyn Dialer>,
    address: Address,
    config: Arc<AtolWebConfig>,
    credentials: Option<Credentials>,
    ids: TaskIds,
}

impl AtolWebPrinters {
    /// A server at `address` (port 16732 by default at the vendor's), reached through `dialer`.
    #[must_use]
    pub fn new(
        dialer: Arc<dyn Dialer>,
        address: Address,
        config: AtolWebConfig,
        ids: TaskIds,
    ) -> Self {
        Self {
            dialer,
            address,
            config: Arc::new(config),
            credentials: None,
            ids,
        }
    }

    /// Authenticates with these.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Option<Credentials>) -> Self {
        self.credentials = credentials;
        self
    }

    fn http(&self) -> Result<HttpClient, FiscalError> {
        HttpClient::new(
            Arc::clone(&self.dialer),
            self.address.clone(),
            self.credentials.as_ref(),
            self.config.device_id.as_deref(),
            self.config.timeouts,
        )
        .map_err(FiscalError::Unsupported)
    }

    /// The server's version, as it says it; asks no printer. For a doctor.
    ///
    /// # Errors
    /// [`FiscalError::Unreachable`] when the server doesn't answer.
    pub async fn server_info(&self) -> Result<String, FiscalError> {
        let answer = self
            .http()?
            .exchange(Method::GET, "/api/v2/serverInfo", Bytes::new())
            .await
            .map_err(|e| FiscalError::Unreachable {
                detail: e.into_detail(),
            })?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }
}

#[async_trait]
impl PrinterFactory for AtolWebPrinters {
    async fn open(&self) -> Result<Box<dyn FiscalPrinter>, FiscalError> {
        let queue = Queue::new(self.http()?, self.config.api, self.config.device_id.clone());
        let mut printer = WebPrinter::new(queue, Arc::clone(&self.config), Arc::clone(&self.ids));
        let info: DeviceInfoAnswer = printer.ask(Task::GetDeviceInfo).await.map_err(|e| {
            match FiscalError::from(e) {
                // A printer that refuses to say who it is runs something else; that passes.
                e @ FiscalError::Refused { retry: true, .. } => FiscalError::Unreachable {
                    detail: e.to_string(),
                },
                FiscalError::Refused { text, advice, .. } => {
                    FiscalError::Unsupported(format!("{text}. {advice}"))
                }
                other => other,
            }
        })?;
        printer.meet(info.device_info);
        let info = printer.info();
        tracing::debug!(
            device.model = info.model,
            device.serial = info.serial,
            "printer opened"
        );
        Ok(Box::new(printer))
    }
}
