//! A printer's queue: one worker, one live session, one document at a time.
//!
//! Before the first byte of an attempt may leave the box, the counters of the fiscal drive are read and written
//! down together with the word "sent". Whatever is *sent* without an answer (a cut cable, a lost process) is in
//! *doubt*, and nothing else is printed by this printer until [`FiscalPrinter::recover`] has compared the counters
//! and the documents behind them. "It does not exist" leads back into the queue, because it was asked for; "it
//! exists" ends it; a contradiction waits for a technician. Other printers' queues go on meanwhile.

mod registered;
mod session;
mod units;
mod waiting;

use super::{
    device::{Ask, Device, Tally},
    dropin::{self, Marks, Zone},
    journal::{Door, Ending, JournalError, NewRow, Row, State, Trouble},
    task::{Asked, Paper, Task},
};
use galley_fiscal::{
    Baseline, Document, FiscalError, FiscalPrinter, FiscalRecord, Recovered, Registration,
    ShiftState,
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use units::Unchecked;

/// How often an idle printer is asked how it does. A battery model must not be asked more than once a second.
/// [source: atol.md 5]
const LOOK: Duration = Duration::from_secs(3);
/// A status that is so old is read again before a document, to see whether the shift is too old.
const STALE: Duration = Duration::from_secs(60);
/// Counters that were read ahead serve so long. Nothing else is done with the printer meanwhile, and a driver refuses
/// counters that have moved.
const AHEAD: Duration = Duration::from_secs(1);
/// First pause after an attempt that got nowhere; doubles with every further one.
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
/// Longest pause.
const BACKOFF_LONGEST: Duration = Duration::from_secs(15);

/// What the worker does next.
enum Next {
    /// Looks at the queue again.
    Now,
    /// Waits, at most so long.
    Wait(Duration),
    /// Waits for a document.
    Idle,
}

/// Whether a document can be begun.
enum Ready {
    /// Yes, with these counters before it.
    Go(Option<Baseline>),
    /// Another document comes first.
    First(Value),
    /// It asks for what already is.
    Needless,
    /// It can't be, now or later.
    Wrong(Trouble),
}

pub(super) struct Worker {
    device: Arc<Device>,
    zone: Zone,
    asks: mpsc::Receiver<Ask>,
    session: Option<Box<dyn FiscalPrinter>>,
    looked: Option<Instant>,
    /// The head of the queue waits for its pause: which, since how many tries, until when.
    pause: Option<(i64, u32, Instant)>,
    /// The check of a marked unit that a client of the vendor's face has begun.
    marks: Marks,
    /// How the printer of this session is registered, once a receipt has made it worth the reading.
    registration: Option<Registration>,
    /// Counters that were read while the document was being written down: when, how long that took, and they.
    ahead: Option<(Instant, Duration, Baseline)>,
}

impl Worker {
    pub(super) fn new(device: Arc<Device>, zone: Zone, asks: mpsc::Receiver<Ask>) -> Self {
        Self {
            device,
            zone,
            asks,
            session: None,
            looked: None,
            pause: None,
            marks: Marks::default(),
            registration: None,
            ahead: None,
        }
    }

    /// Prints what is in the queue until `shutdown`. An attempt under way is brought to its end.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            let next = match self.step().await {
                Ok(next) => next,
                Err(error @ JournalError::Damaged(_)) => {
                    tracing::error!(device = self.device.id(), %error, "the queue can't be read");
                    Next::Wait(BACKOFF_LONGEST)
                }
                Err(error) => {
                    // The journal stands as it was; whatever was sent is found out again.
                    tracing::error!(device = self.device.id(), %error, "a document's life can't be written down");
                    Next::Wait(BACKOFF_FIRST)
                }
            };
            let until = match next {
                Next::Now => Instant::now(),
                Next::Wait(pause) => Instant::now() + pause,
                Next::Idle => Instant::now() + LOOK,
            };
            let look = self.looked.map_or_else(Instant::now, |at| at + LOOK);
            let busy = matches!(next, Next::Now);
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                Some(ask) = self.asks.recv() => self.serve(ask).await,
                () = self.device.poke.notified() => self.pause = None,
                () = self.device.hint.notified(), if !busy => self.read_ahead().await,
                () = self.device.wake.notified(), if !busy => {}
                () = sleep_until(until.min(look)), if !busy => {
                    if Instant::now() >= look {
                        self.look().await;
                        if matches!(next, Next::Idle) {
                            self.device.journal.rest();
                        }
                    }
                }
                () = std::future::ready(()), if busy => {}
            }
        }
    }

    /// Does the next thing for the head of the queue.
    async fn step(&mut self) -> Result<Next, JournalError> {
        let Some(row) = self.device.journal.head(self.device.id())? else {
            self.pause = None;
            return Ok(Next::Idle);
        };
        if let Some((id, _, until)) = self.pause
            && id == row.id
            && Instant::now() < until
        {
            if row.state == State::Queued && self.turns_first(&row).await? {
                return Ok(Next::Now);
            }
            let due = self.end_impatient(&row).await?;
            let pause = until.saturating_duration_since(Instant::now());
            return Ok(Next::Wait(due.map_or(pause, |due| due.min(pause))));
        }
        match row.state {
            State::Queued => self.attempt(row).await,
            State::Sent | State::Doubt => self.recover(row).await,
            // A technician's word wakes the worker.
            _ => Ok(Next::Idle),
        }
    }

    async fn attempt(&mut self, row: Row) -> Result<Next, JournalError> {
        let asked = match self.asked(&row) {
            Ok(asked) => asked,
            Err(trouble) => return self.end(&row, Ending::Refused(trouble), None).await,
        };
        if let Some(limit) = asked.options.give_up_after_s {
            let age = self.device.now().saturating_sub(row.created_at);
            if age > i64::from(limit).saturating_mul(1000) {
                let trouble = Trouble::new(
                    "expired",
                    format!("it could not be begun within {limit} s"),
                    row.trouble
                        .as_ref()
                        .map_or_else(|| "Ask for it again.".to_owned(), |t| t.advice.clone()),
                );
                return self.end(&row, Ending::Needless(trouble), None).await;
            }
        }
        let began = Instant::now();
        let before = self.ahead.as_ref().map_or(Duration::ZERO, |a| a.1);
        let baseline = match self.make_ready(&row, &asked.task).await {
            Ok(Ready::Go(baseline)) => baseline,
            Ok(Ready::First(request)) => return self.first(request).await,
            Ok(Ready::Needless) => {
                let trouble = Trouble::new(
                    "needless",
                    "the shift already stands so",
                    "Nothing is to do.",
                );
                return self.end(&row, Ending::Needless(trouble), None).await;
            }
            Ok(Ready::Wrong(trouble)) => {
                return self.end(&row, Ending::Refused(trouble), None).await;
            }
            Err(e) => {
                self.settle(&e);
                return self.later(&row, Trouble::of(&e)).await;
            }
        };
        let task = match self.units_checked(&row, asked).await {
            Ok(task) => task,
            Err(Unchecked::Wrong(trouble)) => {
                return self.end(&row, Ending::Refused(trouble), None).await;
            }
            Err(Unchecked::Away(e)) => {
                self.settle(&e);
                return self.later(&row, Trouble::of(&e)).await;
            }
        };
        let asked_for = before + began.elapsed();
        let now = self.device.now();
        let Some(row) = self.device.journal.start(row.id, baseline, now).await? else {
            return Ok(Next::Now);
        };
        self.device.changed(&row);
        let began = Instant::now();
        let outcome = self.perform(&row, &task).await;
        // What the printer took, without the journal's writes.
        let busy = i64::try_from((asked_for + began.elapsed()).as_micros()).ok();
        let ending = match outcome {
            Ok(value) => {
                self.up();
                Ending::Done(value)
            }
            Err(e) => {
                self.settle(&e);
                self.verdict(&row, &task, &e)
            }
        };
        self.end(&row, ending, busy).await
    }

    /// The head of the queue waits for a shift that somebody has asked for behind it: that comes first. True when it does.
    async fn turns_first(&mut self, row: &Row) -> Result<bool, JournalError> {
        let turns = self.turns_behind(row)?;
        if turns.is_empty() {
            return Ok(false);
        }
        let Ok(status) = self.read_status().await else {
            return Ok(false);
        };
        match turns.iter().find(|(_, state)| *state == status.shift) {
            Some((id, _)) => self.device.journal.put_first(*id).await,
            None => Ok(false),
        }
    }

    /// What turns the shift among the documents that wait, the oldest first, each with the state in which it helps; nothing
    /// where the head is one itself, or has met no trouble yet.
    fn turns_behind(&self, head: &Row) -> Result<Vec<(i64, ShiftState)>, JournalError> {
        if head.trouble.is_none() || self.helps_when(head).is_some() {
            return Ok(Vec::new());
        }
        let queued = self.waiting()?;
        let oldest_first = queued.iter().rev();
        Ok(oldest_first
            .filter_map(|row| Some((row.id, self.helps_when(row)?)))
            .collect())
    }

    /// In which state of the shift a document that turns it helps; none for others.
    fn helps_when(&self, row: &Row) -> Option<ShiftState> {
        match self.asked(row).ok()?.task {
            Task::Fiscal(document) => match *document {
                Document::ShiftOpen(_) => Some(ShiftState::Closed),
                Document::ShiftClose(_) => Some(ShiftState::Expired),
                _ => None,
            },
            Task::Paper(_) | Task::Vendor(_) => None,
        }
    }

    /// What an attempt's error means for the document.
    fn verdict(&self, row: &Row, task: &Task, error: &FiscalError) -> Ending {
        let trouble = Trouble::of(error);
        match error {
            FiscalError::Unreachable { .. } | FiscalError::Refused { retry: true, .. }
                if self.is_over(row) =>
            {
                Ending::Refused(trouble)
            }
            FiscalError::Unreachable { .. } | FiscalError::Refused { retry: true, .. } => {
                Ending::Back(Some(trouble))
            }
            // What the gateway does by itself it tries again: others wait behind it.
            FiscalError::Refused { .. } | FiscalError::Unsupported(_) if row.door == Door::Own => {
                Ending::Back(Some(trouble))
            }
            FiscalError::Refused { .. } | FiscalError::Unsupported(_) => Ending::Refused(trouble),
            _ if !matches!(task, Task::Fiscal(_)) => Ending::Back(Some(trouble)),
            FiscalError::NeedsPerson(_) => Ending::Person(trouble),
            FiscalError::Unknown { .. } | FiscalError::OtherDrive { .. } => {
                Tally::count(&self.device.tally.doubted);
                Ending::Doubt(trouble)
            }
        }
    }

    /// Finds out what became of an attempt without an answer.
    async fn recover(&mut self, row: Row) -> Result<Next, JournalError> {
        let (document, baseline) = match (self.asked(&row).map(|a| a.task), &row.baseline) {
            (Ok(Task::Fiscal(document)), Some(baseline)) => (document, baseline.clone()),
            // A repeat costs paper only; and without a baseline nothing was sent.
            _ => {
                return self
                    .end(&row, Ending::Back(row.trouble.clone()), None)
                    .await;
            }
        };
        let found = match self.open().await {
            Ok(printer) => printer.recover(&document, &baseline).await,
            Err(e) => Err(e),
        };
        let ending = match found {
            Ok(found) => {
                self.up();
                Tally::count(&self.device.tally.recovered);
                tracing::info!(
                    device = self.device.id(),
                    key = row.key,
                    exists = matches!(found, Recovered::Registered(_)),
                    "a document in doubt was decided by the printer's evidence"
                );
                match found {
                    Recovered::Registered(record) => Ending::Done(self.registered(&record)),
                    Recovered::NotRegistered => Ending::Back(None),
                }
            }
            Err(e) => {
                self.settle(&e);
                match &e {
                    FiscalError::NeedsPerson(_) => Ending::Person(Trouble::of(&e)),
                    // Put back, the drive tells by itself; meanwhile a technician can.
                    FiscalError::OtherDrive { .. } => {
                        self.stop(Some(Trouble::of(&e)));
                        return self.later(&row, Trouble::of(&e)).await;
                    }
                    _ => return self.later(&row, Trouble::of(&e)).await,
                }
            }
        };
        self.end(&row, ending, None).await
    }

    /// What a row asks for.
    fn asked(&self, row: &Row) -> Result<Asked, Trouble> {
        match row.door {
            Door::Vendor => dropin::read(row, self.device.settings.tax_system, &self.zone),
            Door::Native | Door::Own => Asked::read(&row.key, &row.request),
        }
    }

    /// Whether whoever asked wants to know by now. The vendor's clients do: they look at a trouble themselves.
    fn is_over(&self, row: &Row) -> bool {
        row.door == Door::Vendor
            && matches!(self.pause, Some((id, tries, _)) if id == row.id && dropin::out_of_patience(tries))
    }

    /// Makes sure that the printer can take the document, and reads the counters before it.
    async fn make_ready(&mut self, row: &Row, task: &Task) -> Result<Ready, FiscalError> {
        let Task::Fiscal(document) = task else {
            self.open().await?;
            return Ok(Ready::Go(None));
        };
        let settings = self.device.settings.clone();
        let needs_shift = !matches!(**document, Document::ShiftOpen(_) | Document::ShiftClose(_));
        let stale = self.device.state().status_at.is_none_or(|at| {
            let age = self.device.now().saturating_sub(at);
            !(0..i64::try_from(STALE.as_millis()).unwrap_or(i64::MAX)).contains(&age)
        });
        if needs_shift && settings.close_expired_shift && stale {
            self.read_status().await?;
        }
        let baseline = match self.ahead.take() {
            Some((at, _, baseline)) if at.elapsed() < AHEAD => baseline,
            _ => self.open().await?.baseline().await?,
        };
        self.same_drive(&baseline.drive_number).await?;
        if let Some(trouble) = self.unregistered(document).await? {
            return Ok(Ready::Wrong(trouble));
        }
        let expired = || {
            self.device.state().status.is_some_and(|s| {
                s.shift == ShiftState::Expired && s.shift_number == baseline.shift_number
            })
        };
        let turn = |word: &str, shift: u32| {
            let mut request = json!({
                "document": word,
                "key": format!("own~{word}~{}~{shift}", baseline.drive_number),
            });
            if let Some(operator) = &settings.operator {
                request["operator"] = json!(operator);
            }
            request
        };
        if row.door == Door::Own {
            let needless = match **document {
                Document::ShiftOpen(_) => baseline.shift_open,
                _ => !baseline.shift_open,
            };
            if needless {
                return Ok(Ready::Needless);
            }
        } else if row.door == Door::Native
            && matches!(**document, Document::ShiftClose(_))
            && !baseline.shift_open
        {
            // Of this some printers say that it may be tried again, and it never helps.
            return Ok(Ready::Wrong(Trouble::new(
                "shift_closed",
                "the shift is closed already",
                "Nothing is to do.",
            )));
        } else if needs_shift && baseline.shift_open && settings.close_expired_shift && expired() {
            return Ok(Ready::First(turn("shift_close", baseline.shift_number)));
        } else if needs_shift && !baseline.shift_open && settings.open_shift {
            let next = baseline.shift_number.saturating_add(1);
            return Ok(Ready::First(turn("shift_open", next)));
        }
        Ok(Ready::Go(Some(baseline)))
    }

    /// Puts a document of our own before the others.
    async fn first(&mut self, request: Value) -> Result<Next, JournalError> {
        let base = request["key"].as_str().unwrap_or("own~").to_owned();
        let mut key = base.clone();
        let mut n = 1;
        // One that was called off or needless has used its key up.
        while self.device.journal.document(&key)?.is_some() {
            n += 1;
            key = format!("{base}~{n}");
        }
        let new = NewRow {
            key,
            device: self.device.id().to_owned(),
            door: Door::Own,
            bundle: None,
            rank: 0,
            request,
            asked_by: "gateway".to_owned(),
        };
        self.device.journal.submit(new, self.device.now()).await?;
        Ok(Next::Now)
    }

    async fn perform(&mut self, row: &Row, task: &Task) -> Result<Value, FiscalError> {
        match task {
            Task::Fiscal(document) => {
                let baseline = row
                    .baseline
                    .clone()
                    .ok_or_else(|| FiscalError::Unreachable {
                        detail: "there are no counters to compare with".to_owned(),
                    })?;
                let printer = self.open().await?;
                let record = printer.register(document, &baseline).await?;
                let mut drawer = None;
                if matches!(**document, Document::CashIn(_) | Document::CashOut(_)) {
                    // It is done; what the drawer holds now is a detail.
                    drawer = printer.totals().await.ok().map(|t| t.cash.drawer_minor);
                }
                let mut value = self.registered(&record);
                if let Some(sum) = drawer {
                    value["drawer_minor"] = json!(sum);
                }
                Ok(value)
            }
            Task::Vendor(query) => {
                let mut marks = std::mem::take(&mut self.marks);
                let answer = match self.open().await {
                    Ok(printer) => query.answer(&mut **printer, &mut marks).await,
                    Err(e) => Err(e),
                };
                self.marks = marks;
                answer
            }
            Task::Paper(paper) => {
                let printer = self.open().await?;
                match paper {
                    Paper::XReport {} => printer.x_report().await?,
                    Paper::Copy {} => printer.copy_last().await?,
                    Paper::Slip { slip } => printer.slip(slip).await?,
                    Paper::Drawer {} => printer.open_drawer().await?,
                    Paper::ContinuePrint {} => printer.continue_print().await?,
                }
                Ok(json!({}))
            }
        }
    }

    fn registered(&self, record: &FiscalRecord) -> Value {
        if record.printed == Some(false) {
            self.change(|state| state.paper_owed = true);
        }
        let mut value = json!(record);
        value["qr"] = json!(record.qr_text());
        value
    }

    /// Writes an ending down, and tells whoever waits.
    async fn end(
        &mut self,
        row: &Row,
        ending: Ending,
        busy: Option<i64>,
    ) -> Result<Next, JournalError> {
        let back = matches!(&ending, Ending::Back(Some(_)));
        let now = self.device.now();
        let ended = self
            .device
            .journal
            .finish(row.id, ending, busy, now)
            .await?;
        let Some(ended) = ended else {
            return Ok(Next::Now);
        };
        match ended.state {
            State::Done => Tally::count(&self.device.tally.done),
            State::Refused => Tally::count(&self.device.tally.refused),
            State::Person => tracing::error!(
                device = self.device.id(),
                key = row.key,
                "a technician must decide what became of a document"
            ),
            _ => {}
        }
        self.device.changed(&ended);
        if back && ended.state == State::Queued {
            self.hold(row.id);
        } else if ended.state.is_final() {
            self.pause = None;
        }
        Ok(Next::Now)
    }

    /// The document waits. Why is written down when it is something new.
    async fn later(&mut self, row: &Row, trouble: Trouble) -> Result<Next, JournalError> {
        if row.state == State::Queued && self.is_over(row) {
            return self.end(row, Ending::Refused(trouble), None).await;
        }
        self.hold(row.id);
        if row.trouble.as_ref() != Some(&trouble) {
            let ending = match row.state {
                State::Queued => Ending::Back(Some(trouble)),
                _ => Ending::Doubt(trouble),
            };
            let now = self.device.now();
            if let Some(row) = self
                .device
                .journal
                .finish(row.id, ending, None, now)
                .await?
            {
                self.device.changed(&row);
            }
        }
        Ok(Next::Now)
    }

    /// The head of the queue pauses, longer every time.
    fn hold(&mut self, id: i64) {
        let tries = match self.pause {
            Some((of, tries, _)) if of == id => tries.saturating_add(1),
            _ => 0,
        };
        let longest = u64::try_from(BACKOFF_LONGEST.as_millis()).unwrap_or(u64::MAX);
        let first = u64::try_from(BACKOFF_FIRST.as_millis()).unwrap_or(500);
        let pause = first.saturating_mul(1 << tries.min(10)).min(longest);
        let jitter = self.device.world.entropy.below(pause / 4 + 1);
        let until = Instant::now() + Duration::from_millis(pause + jitter);
        self.pause = Some((id, tries, until));
    }
}
