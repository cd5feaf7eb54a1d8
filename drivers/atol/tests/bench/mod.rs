//! A printer on the bench: the driver at one end of a link, the emulator at the other, and an engine that
//! does what the daemon does: baseline, register, and after any doubt recover until decided.
#![allow(dead_code, reason = "each test binary uses its part")]

use galley_atol::{
    AtolConfig, AtolPrinters,
    emulator::{AtolEmulator, EmulatorConfig, Fault, Times, TokioClock},
    local_time::LocalDateTime,
};
use galley_fiscal::{
    Baseline, CashDocument, Correction, CorrectionBasis, CorrectionBy, Document, FiscalError,
    FiscalPrinter, FiscalRecord, Line, LineDetails, MeasureUnit, Operator, PrinterFactory as _,
    Receipt, ReceiptDetails, ReceiptKind, Recovered, SettlementMethod, SettlementSubject,
    ShiftDocument, TaxSystem, TenderForm, TenderSum, VatRate,
};
use galley_link::{Address, Dialer, MemoryNet};
use std::{sync::Arc, time::Duration};

pub struct Bench {
    pub emulator: AtolEmulator,
    pub clock: TokioClock,
    pub printers: AtolPrinters,
    dialer: Arc<dyn Dialer>,
    address: Address,
    config: AtolConfig,
    /// How long the engine waits before it tries an absent printer again.
    pub patience: Duration,
}

pub fn noon() -> LocalDateTime {
    LocalDateTime::new(2026, 11, 22, 12, 0, 0).unwrap()
}

impl Bench {
    /// A printer in memory, with nothing open.
    pub fn new(config: EmulatorConfig) -> Self {
        let clock = TokioClock::starting(noon());
        let emulator = AtolEmulator::open(None, config, Arc::new(clock.clone())).unwrap();
        Self::of(emulator, clock)
    }

    pub fn of(emulator: AtolEmulator, clock: TokioClock) -> Self {
        let net = MemoryNet::new();
        let door = net.listen("atol");
        let serving = emulator.clone();
        tokio::spawn(async move { serving.listen(door).await });
        Self::at(
            emulator,
            clock,
            Arc::new(net),
            "mem://atol",
            AtolConfig::default(),
        )
    }

    pub fn at(
        emulator: AtolEmulator,
        clock: TokioClock,
        dialer: Arc<dyn Dialer>,
        address: &str,
        config: AtolConfig,
    ) -> Self {
        let address: Address = address.parse().unwrap();
        Self {
            emulator,
            clock,
            printers: AtolPrinters::new(Arc::clone(&dialer), address.clone(), config.clone()),
            dialer,
            address,
            config,
            patience: Duration::from_secs(5),
        }
    }

    /// A printer in memory with an open shift.
    pub async fn open_shift(config: EmulatorConfig) -> Self {
        let mut bench = Self::new(config);
        bench.carry_out(&shift_open(), false).await;
        bench
    }

    /// The daemon died: nothing of the driver is left.
    pub fn crash(&mut self) {
        self.printers = AtolPrinters::new(
            Arc::clone(&self.dialer),
            self.address.clone(),
            self.config.clone(),
        );
    }

    pub async fn open(&self) -> Box<dyn FiscalPrinter> {
        self.printers.open().await.unwrap()
    }

    /// Brings the printer back to where a person would have it.
    fn repair(&self) {
        if !self.emulator.snapshot().powered {
            self.emulator.restart();
        }
        self.emulator.set_fault(Fault::PaperBack, Times::Once);
        self.emulator.set_fault(Fault::CoverClosed, Times::Once);
    }

    /// What the daemon does with one intent, to its end. With `crash` the process dies after every unknown
    /// outcome.
    pub async fn carry_out(&mut self, document: &Document, crash: bool) -> Done {
        let mut unknowns = 0;
        let mut baseline: Option<Baseline> = None;
        for _ in 0..40 {
            let mut printer = match self.printers.open().await {
                Ok(printer) => printer,
                Err(FiscalError::Unreachable { .. }) => {
                    self.repair();
                    tokio::time::sleep(self.patience).await;
                    continue;
                }
                Err(e) => panic!("opening: {e}"),
            };
            if let Some(before) = &baseline {
                match printer.recover(document, before).await {
                    Ok(Recovered::Registered(record)) => {
                        return Done { record, unknowns };
                    }
                    Ok(Recovered::NotRegistered) => baseline = None,
                    Err(FiscalError::Unreachable { .. } | FiscalError::Unknown { .. }) => {
                        self.repair();
                        continue;
                    }
                    Err(e) => panic!("recovering: {e}"),
                }
            }
            let before = match printer.baseline().await {
                Ok(before) => before,
                Err(FiscalError::Unreachable { .. } | FiscalError::Refused { retry: true, .. }) => {
                    continue;
                }
                Err(e) => panic!("baseline: {e}"),
            };
            match printer.register(document, &before).await {
                Ok(record) => return Done { record, unknowns },
                Err(FiscalError::Unreachable { .. }) => {}
                Err(FiscalError::Unknown { .. }) => {
                    unknowns += 1;
                    baseline = Some(before);
                    if crash {
                        drop(printer);
                        self.crash();
                    }
                }
                Err(FiscalError::Refused { retry: true, .. }) => {
                    self.repair();
                    tokio::time::sleep(self.patience).await;
                }
                Err(e) => panic!("registering: {e}"),
            }
        }
        panic!("not decided");
    }
}

/// How an intent ended.
pub struct Done {
    pub record: FiscalRecord,
    /// Attempts that ended without an answer.
    pub unknowns: u32,
}

pub fn operator() -> Operator {
    Operator {
        name: "Робот 1".into(),
        inn: Some("123456789047".into()),
    }
}

pub fn shift_open() -> Document {
    Document::ShiftOpen(ShiftDocument {
        key: "shift-1".into(),
        operator: Some(operator()),
    })
}

pub fn shift_close() -> Document {
    Document::ShiftClose(ShiftDocument {
        key: "shift-1-z".into(),
        operator: Some(operator()),
    })
}

pub fn line(name: &str, price_minor: i64, quantity_milli: i64) -> Line {
    Line {
        name: name.into(),
        price_minor,
        quantity_milli,
        sum_minor: (price_minor * quantity_milli + 500) / 1000,
        vat: VatRate::Vat10,
        subject: SettlementSubject::Commodity,
        method: SettlementMethod::FullPayment,
        unit: MeasureUnit::Piece,
        details: LineDetails::default(),
    }
}

pub fn receipt(kind: ReceiptKind, key: &str) -> Receipt {
    Receipt {
        key: key.into(),
        kind,
        operator: Some(operator()),
        tax_system: TaxSystem::General,
        lines: vec![
            line("Суп дня", 35_000, 2000),
            line("Хлеб «Бородинский»", 1_990, 1500),
        ],
        tenders: vec![
            TenderSum {
                form: TenderForm::Electronic,
                sum_minor: 70_000,
            },
            TenderSum {
                form: TenderForm::Cash,
                sum_minor: 2_985,
            },
        ],
        buyer_contact: Some("guest@example.org".into()),
        print: true,
        details: ReceiptDetails::default(),
    }
}

pub fn correction(kind: ReceiptKind, key: &str) -> Document {
    Document::Correction(Correction {
        basis: CorrectionBasis {
            by: CorrectionBy::Instruction,
            date: "2026-11-20".into(),
            number: Some("15/3".into()),
            description: Some("Касса стояла".into()),
        },
        receipt: receipt(kind, key),
    })
}

pub fn cash(sum_minor: i64) -> CashDocument {
    CashDocument {
        key: format!("cash-{sum_minor}"),
        operator: Some(operator()),
        sum_minor,
    }
}

pub fn sale(key: &str) -> Document {
    Document::Receipt(receipt(ReceiptKind::Sale, key))
}

pub fn sale_return(key: &str) -> Document {
    Document::Receipt(receipt(ReceiptKind::SaleReturn, key))
}
