//! Shtrikh-M, over each of its two low levels.

use crate::{Door, Kept, Make, Pace, Trouble};
use galley_fiscal::{CashCounters, PrinterFactory, ReceiptKind, RecordKind};
use galley_link::{Address, Dialer};
use galley_shtrih_m::{
    ProtocolChoice, ShtrihConfig, ShtrihPrinters, Timeouts,
    emulator::{Durations, EmulatorConfig, Fault, ShtrihEmulator, Times, TokioClock},
    local_time::LocalDateTime,
};
use std::sync::Arc;

/// Protocol 1.
#[must_use]
pub fn shtrih_one(pace: Pace) -> Box<dyn Make> {
    shtrih(pace, ProtocolChoice::One)
}

/// Protocol 2.
#[must_use]
pub fn shtrih_two(pace: Pace) -> Box<dyn Make> {
    shtrih(pace, ProtocolChoice::Two)
}

fn shtrih(pace: Pace, protocol: ProtocolChoice) -> Box<dyn Make> {
    let noon = LocalDateTime::new(2026, 11, 22, 12, 0, 0).unwrap();
    let clock = TokioClock::starting(noon);
    let config = EmulatorConfig {
        durations: match pace {
            Pace::Product => Durations::default(),
            Pace::Quick => Durations::none(),
        },
        ..EmulatorConfig::default()
    };
    let emulator = ShtrihEmulator::open(None, config, Arc::new(clock)).unwrap();
    Box::new(Shtrih { emulator, protocol })
}

struct Shtrih {
    emulator: ShtrihEmulator,
    protocol: ProtocolChoice,
}

impl Make for Shtrih {
    fn name(&self) -> &'static str {
        match self.protocol {
            ProtocolChoice::Two => "Shtrikh-M, protocol 2",
            _ => "Shtrikh-M, protocol 1",
        }
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
                enq_ms: 200,
                ack_ms: 400,
                silence_ms: 500,
                longest_ms: 3000,
                grace_ms: 500,
                settle_ms: 100,
                ..Timeouts::default()
            },
        };
        let config = ShtrihConfig {
            protocol: self.protocol,
            timeouts,
            ..ShtrihConfig::default()
        };
        Arc::new(ShtrihPrinters::new(dialer, address, config))
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
            Trouble::AnswerLost => Fault::ReplyLost,
            Trouble::AnswerCut => Fault::ReplyCut,
            Trouble::AnswerDamaged => Fault::WrongSum,
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
        self.emulator
            .stranger_receipt(ReceiptKind::Sale, total, None)
            .unwrap();
    }

    fn kept(&self) -> Vec<Kept> {
        let kept = self.emulator.documents().into_iter().filter_map(|d| {
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
                total_minor: receipt.and(i64::try_from(d.total_minor).ok()),
                key: d.key(),
                units: d
                    .lines
                    .iter()
                    .filter_map(|l| l.marking.clone())
                    .map(|code| String::from_utf8(code).unwrap())
                    .collect(),
            })
        });
        kept.collect()
    }

    fn drawer(&self) -> CashCounters {
        self.emulator.snapshot().cash
    }

    fn paper(&self) -> Vec<String> {
        self.emulator.paper(100)
    }
}
