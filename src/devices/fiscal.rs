//! The fiscal printer's supervisor: one live session at most, one document at a time.

mod desk;
mod documents;
mod law;
mod map;
pub mod slips;

use super::Health;
use crate::{
    domain::{
        alert::{Alert, Severity},
        event::{Actor, Body},
        shift::{Shift, ShiftState as Turn},
        shift_report::Counters,
    },
    flow::{
        Site,
        commands::{clear_alert, raise_alert},
        effects::{cash, correction, receipt, shift, slip, x_report},
        engine::Poke,
        executor::{Call, Executor, NotNow, Outcome, Refusal, Resolution},
        record::record,
    },
    protection::{Protection, holds},
    store::StoreError,
};
use async_trait::async_trait;
use galley_fiscal::{
    Baseline, Document, FiscalError, FiscalPrinter, FiscalRecord, PrinterFactory, PrinterStatus,
    RecordKind, Recovered, ShiftState,
};
pub use map::{FiscalSettings, registered};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio::sync::{Mutex, MutexGuard, watch};
use tokio_util::sync::CancellationToken;

/// How often an idle printer is asked how it does. A battery model must not be asked more than once a second.
/// [source: atol.md 5]
const LOOK: Duration = Duration::from_secs(3);

/// Documents that are looked through for the one that turned a shift.
const LOOK_BACK: u32 = 500;

/// What resolve compares with; stored before the first byte.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Evidence {
    baseline: Baseline,
    /// What the printer had counted before it closed the shift.
    #[serde(default)]
    counters: Option<Box<Counters>>,
    /// What the printer said of the receipt's marked units.
    #[serde(default)]
    marks: documents::Checks,
}

/// The printer of the store.
pub struct Printer {
    site: Arc<Site>,
    factory: Arc<dyn PrinterFactory>,
    settings: FiscalSettings,
    poke: Poke,
    session: Mutex<Session>,
    health: Health,
    status: watch::Sender<Option<PrinterStatus>>,
}

/// What keeps a document from being begun.
#[derive(Debug, thiserror::Error)]
enum Hindrance {
    /// The printer's answer, or that there is none.
    #[error(transparent)]
    Printer(#[from] FiscalError),
    /// The store's own database: the printer is as it was.
    #[error("how the shift stands can't be kept: {0}")]
    Store(String),
}

#[derive(Default)]
struct Session {
    printer: Option<Box<dyn FiscalPrinter>>,
    /// A document was registered and its paper is missing.
    paper_owed: bool,
    /// A fiscal drive, and the till's registration number with it (tag 1037).
    registration: Option<(String, String)>,
    /// What the law looks at.
    known: law::Known,
}

impl Printer {
    /// Takes the printer over.
    #[must_use]
    pub fn new(
        site: Arc<Site>,
        factory: Arc<dyn PrinterFactory>,
        settings: FiscalSettings,
        poke: Poke,
    ) -> Arc<Self> {
        Arc::new(Self {
            site,
            factory,
            settings,
            poke,
            session: Mutex::default(),
            health: Health::of("printer"),
            status: watch::Sender::new(None),
        })
    }

    /// The last status that was read; none while the printer is away.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Option<PrinterStatus>> {
        self.status.subscribe()
    }

    /// Whether it is there, and what is known of it; none before it was asked.
    #[must_use]
    pub fn health(&self) -> Option<(&'static str, String)> {
        self.health.now()
    }

    /// The last document of the fiscal drive.
    ///
    /// # Errors
    /// When the printer doesn't say.
    pub async fn last_document(&self) -> Result<Option<FiscalRecord>, FiscalError> {
        let mut session = self.session.lock().await;
        let result = match self.open(&mut session).await {
            Ok(printer) => printer.last_document().await,
            Err(e) => Err(e),
        };
        self.settle(&mut session, result).await
    }

    /// Looks after the printer until `shutdown`.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        loop {
            // A printer that is busy with a document answers to that; it is not asked in between.
            if let Ok(mut session) = self.session.try_lock() {
                self.look(&mut session).await;
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    async fn look(&self, session: &mut MutexGuard<'_, Session>) {
        let result = match self.open(session).await {
            Ok(printer) => printer.status().await,
            Err(e) => Err(e),
        };
        if let Ok(status) = self.settle(session, result).await {
            self.status.send_replace(Some(status.clone()));
            self.watch_paper(session, &status).await;
            self.watch_law(session, &status).await;
        }
    }

    async fn watch_paper(&self, session: &mut MutexGuard<'_, Session>, status: &PrinterStatus) {
        const KEY: &str = "printer:paper";
        if status.paper && status.cover_closed {
            self.clear(KEY).await;
            if session.paper_owed
                && let Some(printer) = session.printer.as_mut()
            {
                let printed = printer.continue_print().await;
                if self.settle(session, printed).await.is_ok() {
                    session.paper_owed = false;
                }
            }
        } else {
            let detail = if status.cover_closed {
                "There is no paper in the printer."
            } else {
                "The printer's cover is open."
            };
            self.alarm(
                KEY,
                "The printer can't print",
                detail,
                "Put paper in and close the cover; printing goes on by itself.",
            )
            .await;
        }
    }

    async fn alarm(&self, key: &str, title: &str, detail: &str, advice: &str) {
        let (key, title, detail, advice) = (
            key.to_owned(),
            title.to_owned(),
            detail.to_owned(),
            advice.to_owned(),
        );
        let raised = self
            .site
            .command(Actor::system(), move |tx, cx| {
                raise_alert(
                    tx,
                    cx,
                    Alert {
                        key,
                        severity: Severity::Warning,
                        title,
                        detail,
                        advice,
                        since_at: cx.now,
                    },
                )
            })
            .await;
        if let Err(error) = raised {
            tracing::error!(%error, "an alert can't be written");
        }
    }

    async fn clear(&self, key: &'static str) {
        let open = self.site.store.read(move |s| s.alert(key)).await;
        if let Ok(Some(_)) = open {
            let cleared = self
                .site
                .command(Actor::system(), move |tx, cx| clear_alert(tx, cx, key))
                .await;
            if let Err(error) = cleared {
                tracing::error!(%error, "an alert can't be cleared");
            }
        }
    }

    /// The live session, opened if there is none.
    async fn open<'s>(
        &self,
        session: &'s mut Session,
    ) -> Result<&'s mut Box<dyn FiscalPrinter>, FiscalError> {
        if session.printer.is_none() {
            session.printer = Some(self.factory.open().await?);
        }
        session
            .printer
            .as_mut()
            .ok_or_else(|| FiscalError::Unreachable {
                detail: "no session".to_owned(),
            })
    }

    /// Draws the consequences of an answer: a session that may be out of step is dropped, health is told.
    async fn settle<T>(
        &self,
        session: &mut Session,
        result: Result<T, FiscalError>,
    ) -> Result<T, FiscalError> {
        let live = session.printer.is_some();
        match &result {
            // What a live printer can't do says nothing about the link.
            Err(FiscalError::Unsupported(_)) if live => {}
            Ok(_) | Err(FiscalError::Refused { .. }) => {
                let detail = session.printer.as_ref().map_or_else(String::new, |p| {
                    let info = p.info();
                    format!("{} {} ({})", info.model, info.serial, info.backend)
                });
                if self.health.set(&self.site, "up", &detail).await {
                    self.poke.poke();
                }
            }
            Err(e) => {
                session.printer = None;
                self.status.send_replace(None);
                let state = match e {
                    FiscalError::Unsupported(_) => "refused",
                    _ => "down",
                };
                self.health.set(&self.site, state, &e.to_string()).await;
            }
        }
        result
    }

    /// Brings the till to a shift that takes receipts: opens a closed one, closes and opens one that is too old.
    /// Each step is safe to repeat by nature, and what the printer says goes into the log.
    async fn ensure_shift(&self, session: &mut Session) -> Result<(), Hindrance> {
        let state = self.open(session).await?.status().await?.shift;
        if state == ShiftState::Expired {
            let counters = self.count(session).await?;
            let record = self.turn_shift(session, false).await?;
            self.note_shift(&record, false, counters).await?;
        }
        if state != ShiftState::Open {
            let record = self.turn_shift(session, true).await?;
            let counters = self.count(session).await.unwrap_or_default();
            self.note_shift(&record, true, counters).await?;
        }
        Ok(())
    }

    /// Before anything is registered: the printer is the one the open shift lives on, and the log knows how the
    /// shift stands there. The answer to a turn may have been lost, the daemon may have died before it was written
    /// down, or somebody turned the shift at the printer.
    async fn know_shift(&self, session: &mut Session) -> Result<(), Hindrance> {
        let baseline = self.open(session).await?.baseline().await?;
        let read: Result<Shift, StoreError> = self.site.store.read(|s| s.shift()).await;
        let shift = read.map_err(|e| Hindrance::Store(e.to_string()))?;
        if !shift.lives_on(&baseline.drive_number) && holds(Protection::DriveBinding) {
            return Err(Hindrance::Printer(FiscalError::OtherDrive {
                expected: shift.drive_number.unwrap_or_default(),
                found: baseline.drive_number,
            }));
        }
        if shift.state == Turn::Closed
            && baseline.shift_open
            && shift.number != Some(baseline.shift_number)
        {
            return self.adopt_shift(session, &baseline).await;
        }
        // One that is being closed was turned as well when the printer has a younger one.
        let turns = matches!(shift.state, Turn::Open | Turn::Closing);
        let Some(number) = shift.number.filter(|_| turns) else {
            return Ok(());
        };
        let over = baseline.shift_number > number
            || baseline.shift_number == number && shift.state == Turn::Open && !baseline.shift_open;
        if !over {
            return Ok(());
        }
        let close = self
            .turn_in_drive(session, &baseline, RecordKind::ShiftClose, number)
            .await?;
        self.note_shift(&close, false, None).await?;
        if baseline.shift_open {
            let open = self
                .turn_in_drive(
                    session,
                    &baseline,
                    RecordKind::ShiftOpen,
                    baseline.shift_number,
                )
                .await?;
            self.note_shift(&open, true, None).await?;
        }
        Ok(())
    }

    /// The printer has a shift of which the log knows nothing: it was opened before this store was, or by somebody at the
    /// printer. It is entered with what the drawer holds now, before anything is counted in it. A drive that does not tell
    /// its document any more is no reason not to sell.
    async fn adopt_shift(
        &self,
        session: &mut Session,
        baseline: &Baseline,
    ) -> Result<(), Hindrance> {
        let number = baseline.shift_number;
        let opened = match self
            .turn_in_drive(session, baseline, RecordKind::ShiftOpen, number)
            .await
        {
            Ok(opened) => opened,
            Err(FiscalError::NeedsPerson(why)) => {
                tracing::warn!(shift = number, why, "an open shift can't be entered");
                return Ok(());
            }
            Err(e) => return Err(e.into()),
        };
        let counters = self.count(session).await?;
        self.note_shift(&opened, true, counters).await
    }

    /// The document that turned a shift, read back from the drive; the newest first.
    async fn turn_in_drive(
        &self,
        session: &mut Session,
        baseline: &Baseline,
        kind: RecordKind,
        shift: u32,
    ) -> Result<FiscalRecord, FiscalError> {
        let printer = self.open(session).await?;
        let last = baseline.last_document;
        for number in (last.saturating_sub(LOOK_BACK)..=last).rev() {
            if let Some(found) = printer.document(number).await?
                && found.kind == kind
                && found.shift_number.is_none_or(|n| n == shift)
            {
                let found = FiscalRecord {
                    shift_number: Some(shift),
                    ..found
                };
                return Ok(self.whole(session, found).await);
            }
        }
        Err(FiscalError::NeedsPerson(format!(
            "the printer says that shift {shift} was turned, and the drive has no document of it"
        )))
    }

    async fn turn_shift(
        &self,
        session: &mut Session,
        open: bool,
    ) -> Result<FiscalRecord, FiscalError> {
        let document = self.shift_document("shift:auto", open);
        let printer = self.open(session).await?;
        let baseline = printer.baseline().await?;
        let record = printer.register(&document, &baseline).await?;
        Ok(self.whole(session, record).await)
    }

    /// The document with the till's registration number. The link may break after the registration, before that
    /// number is read; it is known from another document of the drive, and accounting takes no shift without it.
    async fn whole(&self, session: &mut Session, mut record: FiscalRecord) -> FiscalRecord {
        if let Some(number) = &record.registration_number {
            session.registration = Some((record.drive_number.clone(), number.clone()));
            return record;
        }
        let read = session
            .registration
            .as_ref()
            .filter(|(drive, _)| *drive == record.drive_number)
            .map(|(_, number)| number.clone());
        record.registration_number = match read {
            Some(number) => Some(number),
            None => {
                let shift: Result<Shift, StoreError> = self.site.store.read(|s| s.shift()).await;
                shift
                    .ok()
                    .and_then(|s| s.registration_on(&record.drive_number))
            }
        };
        record
    }

    /// What the printer has summed up, where it says it.
    async fn count(&self, session: &mut Session) -> Result<Option<Box<Counters>>, FiscalError> {
        let totals = law::said(self.open(session).await?.totals().await)?;
        Ok(totals.map(|t| Box::new(map::counters(&t))))
    }

    /// Enters a turn into the log. Nothing goes on without it: of a shift whose end is in no log, accounting is never
    /// told. What is missing is read back from the drive the next time ([`Self::know_shift`]).
    async fn note_shift(
        &self,
        fiscal: &FiscalRecord,
        open: bool,
        counters: Option<Box<Counters>>,
    ) -> Result<(), Hindrance> {
        let number = fiscal.shift_number.unwrap_or(0);
        let registered = map::registered(fiscal);
        let body = if open {
            Body::ShiftOpened {
                number,
                registered,
                counters,
            }
        } else {
            Body::ShiftClosed {
                number,
                registered,
                counters,
            }
        };
        self.site
            .command(Actor::system(), move |tx, cx| record(tx, cx, None, body))
            .await
            .map_err(|e| Hindrance::Store(e.to_string()))
    }

    async fn try_perform(&self, call: &Call, document: &Document) -> Result<Value, FiscalError> {
        let evidence: Evidence = serde_json::from_value(call.evidence.clone()).map_err(|e| {
            FiscalError::NeedsPerson(format!("the stored evidence can't be read: {e}"))
        })?;
        let mut session = self.session.lock().await;
        let result = self
            .register(&mut session, document, &evidence.baseline)
            .await;
        let record = self.settle(&mut session, result).await?;
        session.paper_owed |= record.printed == Some(false);
        let record = self.whole(&mut session, record).await;
        self.tell_of_units(call, &evidence.marks).await;
        let mut counters = evidence.counters;
        if matches!(document, Document::ShiftOpen(_)) {
            // It is open, whether or not its counters can be read now.
            let counted = self.count(&mut session).await;
            counters = self.settle(&mut session, counted).await.unwrap_or_default();
        }
        Ok(Self::result(call, &evidence.baseline, &record, counters))
    }

    async fn register(
        &self,
        session: &mut Session,
        document: &Document,
        baseline: &Baseline,
    ) -> Result<FiscalRecord, FiscalError> {
        let printer = self.open(session).await?;
        // A shift that already stands as asked is taken as it is: somebody turned it at the printer.
        let stands = match document {
            Document::ShiftOpen(_) => baseline.shift_open,
            Document::ShiftClose(_) => !baseline.shift_open,
            _ => false,
        };
        if stands && let Some(last) = printer.last_document().await? {
            return Ok(FiscalRecord {
                shift_number: Some(baseline.shift_number),
                ..last
            });
        }
        printer.register(document, baseline).await.map_err(|e| match e {
            // It would never succeed, and everything behind it in the queue would wait for it.
            FiscalError::Unsupported(text) => FiscalError::Refused {
                code: 0,
                text,
                advice: "Do it at another till, or have this printer's firmware or back end changed."
                    .to_owned(),
                retry: false,
            },
            e => e,
        })
    }
}

/// What a person can do about a printer that doesn't answer.
const CHECK: &str = "Check that the printer is on and its cable is plugged in.";

fn not_now(e: &FiscalError) -> NotNow {
    let advice = match e {
        FiscalError::Refused { advice, .. } => advice.clone(),
        FiscalError::Unsupported(_) => "Correct the printer's configuration.".to_owned(),
        FiscalError::NeedsPerson(_) => {
            "Compare the printer's last documents with the order, then settle the effect."
                .to_owned()
        }
        FiscalError::OtherDrive { .. } => {
            "Put the fiscal drive back, or settle the effect by hand.".to_owned()
        }
        FiscalError::Unreachable { .. } | FiscalError::Unknown { .. } => CHECK.to_owned(),
    };
    NotNow::new(e.to_string(), advice)
}

fn refusal(code: &str, e: &FiscalError) -> Refusal {
    let why = not_now(e);
    Refusal::new(code, why.reason, why.advice)
}

#[async_trait]
impl Executor for Printer {
    fn kinds(&self) -> &'static [&'static str] {
        &[
            receipt::KIND,
            correction::KIND,
            cash::KIND,
            shift::KIND,
            x_report::KIND,
            slip::KIND,
        ]
    }

    async fn prepare(&self, call: &Call) -> Result<Value, NotNow> {
        if call.kind == x_report::KIND {
            return Ok(Value::Null);
        }
        if call.kind == slip::KIND {
            return super::slip_printer::evidence(&self.site, call).await;
        }
        let mut session = self.session.lock().await;
        let turns_shift = call.kind == shift::KIND;
        let closes =
            turns_shift && call.request::<shift::Request>().ok() == Some(shift::Request::Close);
        let result = async {
            // A too old shift must be closed before another can be opened, whoever asks.
            self.know_shift(&mut session).await?;
            if !turns_shift
                || call.request::<shift::Request>().ok() == Some(shift::Request::Open)
                    && self.open(&mut session).await?.status().await?.shift == ShiftState::Expired
            {
                self.ensure_shift(&mut session).await?;
            }
            let counters = match closes {
                true => self.count(&mut session).await?,
                false => None,
            };
            let marks = self.check_units(&mut session, call).await?;
            let baseline = self.open(&mut session).await?.baseline().await?;
            Ok(Evidence {
                baseline,
                counters,
                marks,
            })
        }
        .await;
        let result = match result {
            Ok(evidence) => Ok(evidence),
            Err(Hindrance::Printer(e)) => Err(e),
            // It says nothing about the printer, whose link is not what is to be mended.
            Err(e @ Hindrance::Store(_)) => {
                return Err(NotNow::new(
                    e.to_string(),
                    "Look at the disk and the database: galley doctor.",
                ));
            }
        };
        let evidence = self
            .settle(&mut session, result)
            .await
            .map_err(|e| not_now(&e))?;
        serde_json::to_value(evidence).map_err(|e| {
            NotNow::new(
                e.to_string(),
                "Send a support bundle to the makers of Galley.",
            )
        })
    }

    async fn perform(&self, call: &Call) -> Outcome {
        if call.kind == x_report::KIND {
            let mut session = self.session.lock().await;
            let result = match self.open(&mut session).await {
                Ok(printer) => printer.x_report().await,
                Err(e) => Err(e),
            };
            return match self.settle(&mut session, result).await {
                Ok(()) => {
                    // The paper is out, whether or not the counters can be read now.
                    let counted = self.count(&mut session).await;
                    let counters = self.settle(&mut session, counted).await.unwrap_or_default();
                    Outcome::Done(serde_json::to_value(counters).unwrap_or(Value::Null))
                }
                Err(e @ FiscalError::Refused { retry: false, .. }) => {
                    Outcome::Refused(refusal("printer", &e))
                }
                Err(e) => Outcome::NotSent(not_now(&e)),
            };
        }
        if call.kind == slip::KIND {
            return self.kitchen_slip(call).await;
        }
        let document = match self.document(call).await {
            Ok(document) => document,
            Err(refusal) => return Outcome::Refused(refusal),
        };
        match self.try_perform(call, &document).await {
            Ok(result) => Outcome::Done(result),
            Err(e @ FiscalError::Unreachable { .. }) => Outcome::NotSent(not_now(&e)),
            Err(e @ FiscalError::Unsupported(_)) => Outcome::NotSent(not_now(&e)),
            Err(e @ FiscalError::Refused { retry: true, .. }) => Outcome::NotSent(not_now(&e)),
            Err(FiscalError::Refused {
                code, text, advice, ..
            }) => Outcome::Refused(Refusal::new(format!("device_{code}"), text, advice)),
            Err(e) => Outcome::Unknown(not_now(&e)),
        }
    }

    async fn resolve(&self, call: &Call) -> Resolution {
        if matches!(call.kind.as_str(), x_report::KIND | slip::KIND) {
            return Resolution::NotDone;
        }
        let document = match self.document(call).await {
            Ok(document) => document,
            Err(refusal) => return Resolution::NeedsPerson(refusal),
        };
        let evidence = match call.evidence::<Evidence>() {
            Ok(Some(evidence)) if holds(Protection::Evidence) => evidence,
            Ok(Some(_)) => return Resolution::NotDone,
            // The attempt is written down together with its evidence; without one nothing was sent.
            Ok(None) => return Resolution::NotDone,
            Err(refusal) => return Resolution::NeedsPerson(refusal),
        };
        let mut session = self.session.lock().await;
        let result = match self.open(&mut session).await {
            Ok(printer) => printer.recover(&document, &evidence.baseline).await,
            Err(e) => Err(e),
        };
        match self.settle(&mut session, result).await {
            Ok(Recovered::Registered(record)) => {
                session.paper_owed |= record.printed == Some(false);
                let record = self.whole(&mut session, record).await;
                Resolution::Done(Self::result(
                    call,
                    &evidence.baseline,
                    &record,
                    evidence.counters,
                ))
            }
            Ok(Recovered::NotRegistered) => Resolution::NotDone,
            Err(e @ FiscalError::NeedsPerson(_)) => {
                Resolution::NeedsPerson(refusal("contradiction", &e))
            }
            Err(e) => Resolution::Unknown(not_now(&e)),
        }
    }
}

#[cfg(test)]
mod tests;
