//! The supervisor in front of a printer that says what a test tells it.

use super::*;
use crate::{
    domain::{policy::Policy, time::Timestamp},
    store::{Options, Store, Threads},
    world::MemoryDoors,
};
use galley_fiscal::{
    DriveInfo, Marking, MarkingCheck, PrinterInfo, Registration, ShiftDocument, ShiftTotals, Slip,
    SlipPrinter, TableCell,
};
use serde_json::json;

const DRIVE: &str = "9999078902004312";
const REGISTRATION: &str = "0000000001002292";

/// A fiscal drive whose documents say no more than these two things.
#[derive(Clone)]
struct Told {
    drive: &'static str,
    registration: Option<&'static str>,
    /// Its shift 1 was closed (document 5) and shift 2 opened (document 6).
    turned: bool,
    info: PrinterInfo,
}

impl Told {
    fn new(drive: &'static str, registration: Option<&'static str>) -> Arc<Self> {
        let text = String::new;
        Arc::new(Self {
            drive,
            registration,
            turned: false,
            info: PrinterInfo {
                model: text(),
                serial: text(),
                firmware: text(),
                backend: text(),
                capabilities: galley_fiscal::Capabilities::default(),
            },
        })
    }

    fn record(&self, document: &Document) -> FiscalRecord {
        FiscalRecord {
            kind: match document {
                Document::ShiftOpen(_) => RecordKind::ShiftOpen,
                _ => RecordKind::ShiftClose,
            },
            document_number: 2,
            fiscal_sign: 1,
            drive_number: self.drive.to_owned(),
            registration_number: self.registration.map(str::to_owned),
            shift_number: Some(1),
            receipt_number: None,
            local_time: "2026-11-22T12:00".to_owned(),
            total_minor: None,
            key: None,
            printed: None,
        }
    }
}

#[async_trait]
impl PrinterFactory for Told {
    async fn open(&self) -> Result<Box<dyn FiscalPrinter>, FiscalError> {
        Ok(Box::new(self.clone()))
    }
}

fn nobody_asks<T>() -> Result<T, FiscalError> {
    Err(FiscalError::Unsupported("nobody asks".to_owned()))
}

#[async_trait]
impl SlipPrinter for Told {
    fn columns(&self) -> usize {
        32
    }

    async fn slip(&mut self, _: &Slip) -> Result<(), FiscalError> {
        nobody_asks()
    }

    async fn open_drawer(&mut self) -> Result<(), FiscalError> {
        nobody_asks()
    }
}

#[async_trait]
impl FiscalPrinter for Told {
    fn info(&self) -> &PrinterInfo {
        &self.info
    }

    async fn status(&mut self) -> Result<PrinterStatus, FiscalError> {
        nobody_asks()
    }

    async fn baseline(&mut self) -> Result<Baseline, FiscalError> {
        if !self.turned {
            return nobody_asks();
        }
        Ok(Baseline {
            drive_number: self.drive.to_owned(),
            last_document: 6,
            shift_number: 2,
            shift_open: true,
            cash: None,
        })
    }

    async fn register(
        &mut self,
        document: &Document,
        _: &Baseline,
    ) -> Result<FiscalRecord, FiscalError> {
        Ok(self.record(document))
    }

    async fn recover(
        &mut self,
        document: &Document,
        _: &Baseline,
    ) -> Result<Recovered, FiscalError> {
        Ok(Recovered::Registered(self.record(document)))
    }

    async fn last_document(&mut self) -> Result<Option<FiscalRecord>, FiscalError> {
        Ok(None)
    }

    async fn document(&mut self, number: u32) -> Result<Option<FiscalRecord>, FiscalError> {
        let turn = ShiftDocument {
            key: String::new(),
            operator: None,
        };
        let (document, shift) = match number {
            5 if self.turned => (Document::ShiftClose(turn), 1),
            6 if self.turned => (Document::ShiftOpen(turn), 2),
            _ => return Ok(None),
        };
        Ok(Some(FiscalRecord {
            document_number: number,
            shift_number: Some(shift),
            ..self.record(&document)
        }))
    }

    async fn x_report(&mut self) -> Result<(), FiscalError> {
        Ok(())
    }

    async fn continue_print(&mut self) -> Result<(), FiscalError> {
        Ok(())
    }

    async fn copy_last(&mut self) -> Result<(), FiscalError> {
        nobody_asks()
    }

    async fn totals(&mut self) -> Result<ShiftTotals, FiscalError> {
        nobody_asks()
    }

    async fn registration(&mut self) -> Result<Registration, FiscalError> {
        nobody_asks()
    }

    async fn drive(&mut self) -> Result<DriveInfo, FiscalError> {
        nobody_asks()
    }

    async fn set_clock(&mut self, _: &str) -> Result<(), FiscalError> {
        nobody_asks()
    }

    async fn read_table(&mut self, _: TableCell) -> Result<Vec<u8>, FiscalError> {
        nobody_asks()
    }

    async fn write_table(&mut self, _: TableCell, _: &[u8]) -> Result<(), FiscalError> {
        nobody_asks()
    }

    async fn check_marking(&mut self, _: &Marking) -> Result<MarkingCheck, FiscalError> {
        nobody_asks()
    }
}

async fn site(folder: &tempfile::TempDir) -> Arc<Site> {
    let store = Store::open(Options {
        threads: Threads::Inline,
        ..Options::at(folder.path().join("store.db"))
    });
    Site::open(
        store.unwrap(),
        MemoryDoors::world(Timestamp::from_millis(1_795_338_000_000), 1),
        Policy::default(),
        Some(toml::from_str(include_str!("../../demo/menu.toml")).unwrap()),
        jiff::tz::TimeZone::UTC,
    )
    .await
    .unwrap()
}

fn printer(site: &Arc<Site>, told: Arc<Told>) -> Arc<Printer> {
    Printer::new(
        site.clone(),
        told,
        FiscalSettings::default(),
        Poke::default(),
    )
}

fn call(request: shift::Request, shift_open: bool) -> Call {
    let baseline = Baseline {
        drive_number: DRIVE.to_owned(),
        last_document: 1,
        shift_number: u32::from(shift_open),
        shift_open,
        cash: None,
    };
    Call {
        kind: shift::KIND.to_owned(),
        key: "shift:1".to_owned(),
        request: json!(request),
        evidence: json!(Evidence {
            baseline,
            counters: None,
            marks: documents::Checks::new(),
        }),
        attempt: 1,
    }
}

/// The registration number of a close that was found in the drive after a doubt.
async fn recovered(printer: &Printer) -> Option<String> {
    let resolution = printer.resolve(&call(shift::Request::Close, true)).await;
    let Resolution::Done(result) = resolution else {
        panic!("{resolution:?}");
    };
    let done: shift::Done = serde_json::from_value(result).unwrap();
    done.registered.registration_number
}

#[tokio::test(start_paused = true)]
async fn a_document_without_the_registration_number_gets_that_of_the_drives_other_documents() {
    let folder = tempfile::tempdir().unwrap();
    let site = site(&folder).await;
    let first = printer(&site, Told::new(DRIVE, Some(REGISTRATION)));
    let opened = first.perform(&call(shift::Request::Open, false)).await;
    let Outcome::Done(result) = opened else {
        panic!("{opened:?}");
    };
    let shift::Done {
        number,
        registered,
        counters,
    } = serde_json::from_value(result).unwrap();
    site.command(Actor::system(), move |tx, cx| {
        let body = Body::ShiftOpened {
            number,
            registered,
            counters,
        };
        record(tx, cx, None, body)
    })
    .await
    .unwrap();

    // The daemon was started again since: the log knows.
    let silent = printer(&site, Told::new(DRIVE, None));
    assert_eq!(recovered(&silent).await.as_deref(), Some(REGISTRATION));
    // Nothing is known of another drive.
    let other = printer(&site, Told::new("9999078902009999", None));
    assert_eq!(recovered(&other).await, None);
}

#[tokio::test(start_paused = true)]
async fn what_a_document_told_is_known_before_the_log_knows_it() {
    let folder = tempfile::tempdir().unwrap();
    let site = site(&folder).await;
    let printer = printer(&site, Told::new(DRIVE, None));
    assert_eq!(recovered(&printer).await, None);
    let known = Told::new(DRIVE, Some(REGISTRATION)).record(&Document::ShiftOpen(ShiftDocument {
        key: String::new(),
        operator: None,
    }));
    let mut session = printer.session.lock().await;
    printer.whole(&mut session, known).await;
    drop(session);
    assert_eq!(recovered(&printer).await.as_deref(), Some(REGISTRATION));
}

/// The daemon died after the printer had turned the shift, and somebody wants it closed before anything is sold.
async fn turned_while_closing(folder: &tempfile::TempDir) -> (Arc<Site>, Arc<Printer>) {
    let site = site(folder).await;
    let told = Told::new(DRIVE, Some(REGISTRATION));
    let opened = told.record(&Document::ShiftOpen(ShiftDocument {
        key: String::new(),
        operator: None,
    }));
    site.command(Actor::system(), move |tx, cx| {
        let registered = map::registered(&opened);
        let body = Body::ShiftOpened {
            number: 1,
            registered,
            counters: None,
        };
        record(tx, cx, None, body)?;
        record(tx, cx, None, Body::ShiftClosing {})
    })
    .await
    .unwrap();
    let turned = Told {
        turned: true,
        ..Told::clone(&told)
    };
    let printer = printer(&site, Arc::new(turned));
    (site, printer)
}

#[tokio::test(start_paused = true)]
async fn a_shift_that_was_turned_before_it_is_to_be_closed_is_in_the_books_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let (site, printer) = turned_while_closing(&folder).await;
    printer
        .prepare(&call(shift::Request::Close, true))
        .await
        .unwrap();
    let shift = site.store.read_here(|s| s.shift()).unwrap();
    assert_eq!((shift.state, shift.number), (Turn::Open, Some(2)));
    let log = site.store.read_here(|s| s.events_after(0, 100)).unwrap();
    let turns: Vec<&str> = log
        .iter()
        .map(|e| e.kind.as_str())
        .filter(|kind| kind.starts_with("shift."))
        .collect();
    let turned = [
        "shift.opened",
        "shift.closing",
        "shift.closed",
        "shift.opened",
    ];
    assert_eq!(turns, turned);
}

#[tokio::test(start_paused = true)]
async fn a_shift_that_was_open_before_the_store_was_is_in_the_books_before_anything_is_counted_in_it()
 {
    let folder = tempfile::tempdir().unwrap();
    let site = site(&folder).await;
    let told = Told {
        turned: true,
        ..Told::clone(&Told::new(DRIVE, Some(REGISTRATION)))
    };
    let printer = printer(&site, Arc::new(told));
    let mut session = printer.session.lock().await;
    printer.know_shift(&mut session).await.unwrap();
    let shift = site.store.read_here(|s| s.shift()).unwrap();
    assert_eq!((shift.state, shift.number), (Turn::Open, Some(2)));
    printer.know_shift(&mut session).await.unwrap();
    let log = site.store.read_here(|s| s.events_after(0, 100)).unwrap();
    let opened = log.iter().filter(|e| e.kind == "shift.opened").count();
    assert_eq!(opened, 1);
}

#[tokio::test(start_paused = true)]
async fn a_database_that_takes_nothing_is_not_told_as_a_printer_that_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let (site, printer) = turned_while_closing(&folder).await;
    site.store.close().await;
    let prepared = printer.prepare(&call(shift::Request::Close, true)).await;
    let why = prepared.unwrap_err();
    assert!(why.advice.contains("galley doctor"), "{why:?}");
    assert!(printer.session.lock().await.printer.is_some());
    assert_eq!(printer.health(), None);
}
