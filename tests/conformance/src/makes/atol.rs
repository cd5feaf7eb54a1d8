//! ATOL, native back end.

use crate::{Door, Kept, Make, Pace, Trouble};
use galley_atol::{
    AtolConfig, AtolPrinters, Timeouts,
    emulator::{AtolEmulator, Durations, EmulatorConfig, Fault, Times, TokioClock},
    local_time::LocalDateTime,
};
use galley_fiscal::{CashCounters, PrinterFactory, ReceiptKind, RecordKind};
use galley_link::{Address, Dialer};
use std::sync::Arc;

/// An ATOL 91F with an empty drive.
#[must_use]
pub fn atol(pace: Pace) -> Box<dyn Make> {
    let noon = LocalDateTime::new(2026, 11, 22, 12, 0, 0).unwrap();
    let clock = TokioClock::starting(noon);
    let config = EmulatorConfig {
        durations: match pace {
            Pace::Product => Durations::default(),
            Pace::Quick => Durations {
                close_receipt_ms: 30,
                ..Durations::none()
            },
        },
        ..EmulatorConfig::default()
    };
    let emulator = AtolEmulator::open(None, config, Arc::new(clock)).unwrap();
    Box::new(Atol { emulator })
}

struct Atol {
    emulator: AtolEmulator,
}

impl Make for Atol {
    fn name(&self) -> &'static str {
        "ATOL native"
    }

    fn driver(
        &self,
        dialer: Arc<dyn Dialer>,
        address: Address,
        pace: Pace,
    ) -> Arc<dyn PrinterFactory> {
        let timeouts = match pace {
            Pace::Product => Timeouts::default(),
            Pace::Quick => Timeouts {
                probe_ms: 500,
                silence_ms: 300,
                read_ms: 2000,
                act_ms: 3000,
                z_ms: 3000,
                busy_ms: 3000,
                settle_ms: 100,
            },
        };
        let config = AtolConfig {
            timeouts,
            ..AtolConfig::default()
        };
        Arc::new(AtolPrinters::new(dialer, address, config))
    }

    fn serve(&self, door: Door) {
        let emulator = self.emulator.clone();
        tokio::spawn(async move {
            match door {
                Door::Listener(listener) => emulator.listen(listener).await,
                Door::Pty(port) => emulator.serve_pty(port).await,
            }
        });
    }

    fn trouble(&self, trouble: Trouble) {
        let fault = match trouble {
            Trouble::RequestLost => Fault::Silence,
            Trouble::AnswerLost => Fault::AnswerLost,
            Trouble::AnswerCut => Fault::FrameCut,
            Trouble::AnswerDamaged => Fault::WrongCrc,
            Trouble::CableOut { acted } => Fault::LinkLost { carried_out: acted },
            Trouble::PowerOff { acted } => Fault::PowerCut { carried_out: acted },
            Trouble::PaperEnds { registered } => Fault::PaperEnds { registered },
            Trouble::Busy => Fault::Busy,
        };
        self.emulator.set_fault(fault, Times::Once);
    }

    fn repair(&self) {
        if !self.emulator.snapshot().powered {
            self.emulator.restart();
        }
        self.emulator.clear_faults();
        self.emulator.set_fault(Fault::PaperBack, Times::Once);
        self.emulator.set_fault(Fault::CoverClosed, Times::Once);
    }

    fn other_drive(&self) {
        self.emulator.set_fault(Fault::OtherDrive, Times::Once);
    }

    fn age_shift(&self) {
        self.emulator.set_fault(Fault::ShiftExpired, Times::Once);
    }

    fn stranger_sells(&self, total_minor: i64) {
        let total = u64::try_from(total_minor).unwrap();
        self.emulator.stranger_receipt(true, total, None).unwrap();
    }

    fn kept(&self) -> Vec<Kept> {
        let kept = self.emulator.documents().into_iter().filter_map(|d| {
            let receipt = d.settlement().and_then(ReceiptKind::from_number);
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
                total_minor: receipt.and(i64::try_from(d.total_minor).ok()),
                key: d.key,
                units: Vec::new(),
            })
        });
        kept.collect()
    }

    fn drawer(&self) -> CashCounters {
        let mut cash = CashCounters::default();
        for moved in self.emulator.cash() {
            let sum = i64::try_from(moved.sum_minor).unwrap();
            if moved.out {
                cash.outs += 1;
                cash.out_minor += sum;
            } else {
                cash.ins += 1;
                cash.in_minor += sum;
            }
        }
        let mut drawer = i128::from(cash.in_minor - cash.out_minor);
        for receipt in self.emulator.receipts() {
            let kind = receipt
                .operation
                .and_then(ReceiptKind::from_number)
                .unwrap();
            let paid: u64 = receipt.tenders.iter().map(|(_, sum)| sum).sum();
            let change = paid - receipt.total_minor;
            let cash: u64 = receipt
                .tenders
                .iter()
                .filter(|(form, _)| *form == 1)
                .map(|(_, sum)| sum)
                .sum();
            let net = i128::from(cash - change.min(cash));
            drawer += if kind.is_income() { net } else { -net };
        }
        cash.drawer_minor = i64::try_from(drawer).unwrap();
        cash
    }

    fn paper(&self) -> Vec<String> {
        self.emulator.paper(100)
    }
}
