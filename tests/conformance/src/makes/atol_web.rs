//! ATOL behind the vendor's web server.

use crate::{Door, Kept, Make, Pace, Trouble};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use galley_atol::{
    emulator::TokioClock,
    local_time::LocalDateTime,
    web::{
        AtolWebConfig, AtolWebPrinters, TaskIds, WebTimeouts,
        emulator::{Times, WebEmulator, WebEmulatorConfig, WebFault},
    },
};
use galley_fiscal::{CashCounters, PrinterFactory, ReceiptKind, RecordKind};
use galley_link::{Address, Dialer};
use serde_json::Value;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// A printer with an empty drive behind a server.
#[must_use]
pub fn atol_web(_: Pace) -> Box<dyn Make> {
    let noon = LocalDateTime::new(2026, 11, 22, 12, 0, 0).unwrap();
    let clock = TokioClock::starting(noon);
    let server = WebEmulator::open(None, WebEmulatorConfig::default(), Arc::new(clock)).unwrap();
    Box::new(AtolWeb { server })
}

struct AtolWeb {
    server: WebEmulator,
}

/// Ids that never repeat: the server may outlive the driver.
fn ids() -> TaskIds {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Arc::new(|| uuid::Uuid::from_u128(1 << 100 | u128::from(NEXT.fetch_add(1, Ordering::Relaxed))))
}

impl Make for AtolWeb {
    fn name(&self) -> &'static str {
        "ATOL web"
    }

    fn driver(
        &self,
        dialer: Arc<dyn Dialer>,
        address: Address,
        pace: Pace,
    ) -> Arc<dyn PrinterFactory> {
        let timeouts = match pace {
            Pace::Product => WebTimeouts::default(),
            Pace::Quick => WebTimeouts {
                first_poll_ms: 5,
                poll_ms: 20,
                settle_ms: 100,
                http_ms: 1000,
                read_ms: 3000,
                act_ms: 3000,
                z_ms: 3000,
                ..WebTimeouts::default()
            },
        };
        let config = AtolWebConfig {
            timeouts,
            ..AtolWebConfig::default()
        };
        Arc::new(AtolWebPrinters::new(dialer, address, config, ids()))
    }

    fn serve(&self, door: Door) {
        let Door::Listener(listener) = door else {
            panic!("a web server has no serial line");
        };
        let server = self.server.clone();
        tokio::spawn(async move { server.listen(listener).await });
    }

    fn trouble(&self, trouble: Trouble) {
        let fault = match trouble {
            Trouble::RequestLost => WebFault::RequestDropped,
            Trouble::AnswerLost | Trouble::AnswerCut | Trouble::AnswerDamaged => {
                WebFault::AnswerDropped
            }
            Trouble::CableOut { acted } => WebFault::LinkLost { carried_out: acted },
            Trouble::PowerOff { acted } => WebFault::Crash { carried_out: acted },
            Trouble::PaperEnds { registered } => WebFault::PaperEnds { registered },
            Trouble::Busy => WebFault::Delayed { ms: 2000 },
        };
        self.server.set_fault(fault, Times::Once);
    }

    fn repair(&self) {
        if !self.server.is_up() {
            self.server.restart();
        }
        self.server.clear_faults();
        self.server.set_fault(WebFault::PrinterOn, Times::Once);
        self.server.set_fault(WebFault::PaperBack, Times::Once);
        self.server.unblock();
    }

    fn other_drive(&self) {
        self.server.set_fault(WebFault::OtherDrive, Times::Once);
    }

    fn age_shift(&self) {
        self.server.set_fault(WebFault::ShiftExpired, Times::Once);
    }

    fn stranger_sells(&self, total_minor: i64) {
        self.server.stranger_receipt(total_minor, None);
    }

    fn kept(&self) -> Vec<Kept> {
        let kept = self.server.documents().into_iter().filter_map(|d| {
            let receipt = d.operation.and_then(ReceiptKind::from_number);
            let kind = match (d.kind, receipt) {
                (2, _) => RecordKind::ShiftOpen,
                (5, _) => RecordKind::ShiftClose,
                (3, Some(kind)) => RecordKind::Receipt(kind),
                (31, Some(kind)) => RecordKind::Correction(kind),
                // The printer's registration.
                _ => return None,
            };
            Some(Kept {
                kind,
                number: d.number,
                sign: d.sign,
                total_minor: receipt.map(|_| d.total),
                key: d.key,
                units: units(&d.task),
            })
        });
        kept.collect()
    }

    fn drawer(&self) -> CashCounters {
        let ((ins, in_minor), (outs, out_minor), drawer_minor) = self.server.drawer();
        CashCounters {
            ins,
            in_minor,
            outs,
            out_minor,
            drawer_minor,
        }
    }

    fn paper(&self) -> Vec<String> {
        let slips = self.server.slips();
        slips.iter().map(ToString::to_string).collect()
    }
}

/// Codes in the lines of a task.
fn units(task: &Value) -> Vec<String> {
    let items = task["items"].as_array().into_iter().flatten();
    let codes = items.filter_map(|item| item["imcParams"]["imc"].as_str());
    let bytes = codes.map(|code| STANDARD.decode(code).unwrap());
    bytes.map(|code| String::from_utf8(code).unwrap()).collect()
}
