//! A printer behind an emulated web server, the driver at the other end, and an engine that does what the daemon does:
//! baseline, register, and after any doubt recover until decided.
#![allow(dead_code, reason = "each test binary uses its part")]

use galley_atol::{
    emulator::TokioClock,
    local_time::LocalDateTime,
    web::{
        AtolWebConfig, AtolWebPrinters, TaskIds,
        emulator::{Times, WebEmulator, WebEmulatorConfig, WebFault},
    },
};
use galley_fiscal::{
    Baseline, CashDocument, Correction, CorrectionBasis, CorrectionBy, Document, FiscalError,
    FiscalPrinter, FiscalRecord, Line, LineDetails, MeasureUnit, Operator, PrinterFactory as _,
    Receipt, ReceiptDetails, ReceiptKind, Recovered, SettlementMethod, SettlementSubject,
    ShiftDocument, TaxSystem, TenderForm, TenderSum, VatRate,
};
use galley_link::MemoryNet;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use uuid::Uuid;

pub struct Bench {
    pub server: WebEmulator,
    pub clock: TokioClock,
    pub printers: AtolWebPrinters,
    pub config: AtolWebConfig,
    net: MemoryNet,
    ids: TaskIds,
    pub patience: Duration,
}

pub fn noon() -> LocalDateTime {
    LocalDateTime::new(2026, 11, 22, 12, 0, 0).unwrap()
}

/// Ids that never repeat, not even for a server that outlives the driver.
pub fn ids() -> TaskIds {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Arc::new(|| Uuid::from_u128(0xA000 << 64 | u128::from(NEXT.fetch_add(1, Ordering::Relaxed))))
}

impl Bench {
    pub fn new(config: WebEmulatorConfig) -> Self {
        let clock = TokioClock::starting(noon());
        let server = WebEmulator::open(None, config, Arc::new(clock.clone())).unwrap();
        Self::of(server, clock, AtolWebConfig::default())
    }

    pub fn of(server: WebEmulator, clock: TokioClock, config: AtolWebConfig) -> Self {
        let net = MemoryNet::new();
        let door = net.listen("web");
        let serving = server.clone();
        tokio::spawn(async move { serving.listen(door).await });
        let ids = ids();
        Self {
            printers: printers(&net, &config, &ids),
            server,
            clock,
            config,
            net,
            ids,
            patience: Duration::from_secs(5),
        }
    }

    /// With an open shift and money in the drawer.
    pub async fn open_shift(config: WebEmulatorConfig) -> Self {
        let mut bench = Self::new(config);
        bench.start().await;
        bench
    }

    pub async fn start(&mut self) {
        self.carry_out(&shift_open(), false).await;
        self.carry_out(&cash_in("k-float", 500_000), false).await;
    }

    /// The daemon died: nothing of the driver is left.
    pub fn crash(&mut self) {
        self.printers = printers(&self.net, &self.config, &self.ids);
    }

    pub async fn open(&self) -> Box<dyn FiscalPrinter> {
        self.printers.open().await.unwrap()
    }

    /// Brings everything back to where a person would have it.
    pub fn repair(&self) {
        if !self.server.is_up() {
            self.server.restart();
        }
        self.server.unblock();
        self.server.set_fault(WebFault::PaperBack, Times::Once);
        self.server.set_fault(WebFault::PrinterOn, Times::Once);
    }

    /// What the daemon does with one intent, to its end. With `crash` the process dies after every unknown outcome.
    pub async fn carry_out(&mut self, document: &Document, crash: bool) -> Done {
        let (mut unknowns, mut refusals) = (0, 0);
        let mut baseline: Option<Baseline> = None;
        for _ in 0..60 {
            let mut printer = match self.printers.open().await {
                Ok(printer) => printer,
                Err(FiscalError::Unreachable { .. }) => {
                    tokio::time::sleep(self.patience).await;
                    self.repair();
                    continue;
                }
                Err(e) => panic!("opening: {e}"),
            };
            if let Some(before) = &baseline {
                match printer.recover(document, before).await {
                    Ok(Recovered::Registered(record)) => {
                        return Done {
                            record,
                            unknowns,
                            refusals,
                        };
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
                    self.repair();
                    continue;
                }
                Err(e) => panic!("baseline: {e}"),
            };
            match printer.register(document, &before).await {
                Ok(record) => {
                    return Done {
                        record,
                        unknowns,
                        refusals,
                    };
                }
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
                    refusals += 1;
                    self.repair();
                    tokio::time::sleep(self.patience).await;
                }
                Err(e) => panic!("registering: {e}"),
            }
        }
        panic!("not decided");
    }
}

fn printers(net: &MemoryNet, config: &AtolWebConfig, ids: &TaskIds) -> AtolWebPrinters {
    AtolWebPrinters::new(
        Arc::new(net.clone()),
        "mem://web".parse().unwrap(),
        config.clone(),
        Arc::clone(ids),
    )
}

/// How an intent ended.
#[derive(Debug)]
pub struct Done {
    pub record: FiscalRecord,
    /// Attempts that ended without an answer.
    pub unknowns: u32,
    /// Attempts that were refused for the time being.
    pub refusals: u32,
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

pub fn cash(key: &str, sum_minor: i64) -> CashDocument {
    CashDocument {
        key: key.into(),
        operator: Some(operator()),
        sum_minor,
    }
}

pub fn cash_in(key: &str, sum_minor: i64) -> Document {
    Document::CashIn(cash(key, sum_minor))
}

pub fn cash_out(key: &str, sum_minor: i64) -> Document {
    Document::CashOut(cash(key, sum_minor))
}

pub fn line(name: &str, price_minor: i64, quantity_milli: i64) -> Line {
    Line {
        name: name.into(),
        price_minor,
        quantity_milli,
        sum_minor: (price_minor * quantity_milli + 500) / 1000,
        vat: VatRate::Vat22,
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

pub fn correction(kind: ReceiptKind, key: &str) -> Document {
    Document::Correction(Correction {
        basis: CorrectionBasis {
            by: CorrectionBy::Ourselves,
            date: "2026-11-20".into(),
            number: Some("1".into()),
            description: None,
        },
        receipt: receipt(kind, key),
    })
}
