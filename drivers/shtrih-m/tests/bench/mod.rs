//! A printer on the bench: the driver at one end of a link, the emulator at the other, and an engine that
//! does what the daemon does: baseline, register, and after any doubt recover until decided.
#![allow(dead_code, reason = "each test binary uses its part")]

use galley_fiscal::{
    Baseline, CashDocument, Correction, CorrectionBasis, CorrectionBy, Document, FiscalError,
    FiscalPrinter, FiscalRecord, Line, LineDetails, MeasureUnit, Operator, PrinterFactory as _,
    Receipt, ReceiptDetails, ReceiptKind, Recovered, SettlementMethod, SettlementSubject,
    ShiftDocument, TaxSystem, TenderForm, TenderSum, VatRate,
};
use galley_link::{Address, Dialer, MemoryNet};
use galley_shtrih_m::{
    ShtrihConfig, ShtrihPrinters,
    emulator::{EmulatorConfig, Fault, ShtrihEmulator, Times, TokioClock},
    local_time::LocalDateTime,
};
use std::{sync::Arc, time::Duration};

pub struct Bench {
    pub emulator: ShtrihEmulator,
    pub clock: TokioClock,
    pub printers: ShtrihPrinters,
    dialer: Arc<dyn Dialer>,
    address: Address,
    config: ShtrihConfig,
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
        let emulator = ShtrihEmulator::open(None, config, Arc::new(clock.clone())).unwrap();
        Self::of(emulator, clock)
    }

    pub fn of(emulator: ShtrihEmulator, clock: TokioClock) -> Self {
        Self::with(emulator, clock, ShtrihConfig::default())
    }

    /// With other settings of the driver.
    pub fn with(emulator: ShtrihEmulator, clock: TokioClock, config: ShtrihConfig) -> Self {
        let net = MemoryNet::new();
        let door = net.listen("shtrih");
        let serving = emulator.clone();
        tokio::spawn(async move { serving.listen(door).await });
        Self::at(emulator, clock, Arc::new(net), "mem://shtrih", config)
    }

    pub fn at(
        emulator: ShtrihEmulator,
        clock: TokioClock,
        dialer: Arc<dyn Dialer>,
        address: &str,
        config: ShtrihConfig,
    ) -> Self {
        let address: Address = address.parse().unwrap();
        Self {
            emulator,
            clock,
            printers: ShtrihPrinters::new(Arc::clone(&dialer), address.clone(), config.clone()),
            dialer,
            address,
            config,
            patience: Duration::from_secs(5),
        }
    }

    /// A printer in memory with an open shift.
    pub async fn open_shift(config: EmulatorConfig) -> Self {
        Self::new(config).opened().await
    }

    /// With an open shift and some cash in the drawer.
    pub async fn opened(mut self) -> Self {
        self.carry_out(&shift_open(), false, "shift").await;
        self.carry_out(&cash_in("float", 50_000), false, "float")
            .await;
        self
    }

    /// The daemon died: nothing of the driver is left.
    pub fn crash(&mut self) {
        self.printers = ShtrihPrinters::new(
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
    pub async fn carry_out(&mut self, document: &Document, crash: bool, what: &str) -> Done {
        let mut unknowns = 0;
        let mut baseline: Option<Baseline> = None;
        for _ in 0..120 {
            let mut printer = match self.printers.open().await {
                Ok(printer) => printer,
                Err(FiscalError::Unreachable { .. }) => {
                    self.repair();
                    tokio::time::sleep(self.patience).await;
                    continue;
                }
                Err(e) => panic!("{what}: opening: {e}"),
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
                    Err(e) => panic!("{what}: recovering: {e}"),
                }
            }
            let before = match printer.baseline().await {
                Ok(before) => before,
                Err(FiscalError::Unreachable { .. } | FiscalError::Refused { retry: true, .. }) => {
                    continue;
                }
                Err(e) => panic!("{what}: baseline: {e}"),
            };
            match printer.register(document, &before).await {
                Ok(record) => return Done { record, unknowns },
                Err(FiscalError::Unreachable { .. }) => self.repair(),
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
                Err(e) => panic!("{what}: registering: {e}"),
            }
        }
        panic!("{what}: not decided");
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

pub fn sale(key: &str) -> Document {
    Document::Receipt(receipt(ReceiptKind::Sale, key))
}

pub fn sale_return(key: &str) -> Document {
    Document::Receipt(receipt(ReceiptKind::SaleReturn, key))
}

pub fn of_kind(kind: ReceiptKind, key: &str) -> Document {
    Document::Receipt(receipt(kind, key))
}

pub fn correction(kind: ReceiptKind, key: &str) -> Document {
    Document::Correction(Correction {
        basis: CorrectionBasis {
            by: CorrectionBy::Ourselves,
            date: "2026-11-20".into(),
            number: None,
            description: None,
        },
        receipt: receipt(kind, key),
    })
}

pub fn cash_in(key: &str, sum_minor: i64) -> Document {
    Document::CashIn(cash(key, sum_minor))
}

pub fn cash_out(key: &str, sum_minor: i64) -> Document {
    Document::CashOut(cash(key, sum_minor))
}

fn cash(key: &str, sum_minor: i64) -> CashDocument {
    CashDocument {
        key: key.into(),
        operator: None,
        sum_minor,
    }
}
