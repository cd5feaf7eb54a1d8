//! The live session of a worker: opened, asked, looked after, and dropped when it may be out of step.

use super::{
    super::device::{Ask, DeviceState, Link},
    Worker,
};
use crate::gateway::journal::{JournalError, Trouble};
use galley_fiscal::{FiscalError, FiscalPrinter};
use tokio::time::Instant;

impl Worker {
    /// A document is being written down: an idle printer's counters are read in the same time.
    pub(super) async fn read_ahead(&mut self) {
        let began = Instant::now();
        let Some(printer) = self.session.as_mut() else {
            return;
        };
        match printer.baseline().await {
            Ok(baseline) => {
                self.up();
                self.ahead = Some((Instant::now(), began.elapsed(), baseline));
            }
            Err(e) => self.settle(&e),
        }
    }

    pub(super) async fn serve(&mut self, ask: Ask) {
        let answer = match self.open().await {
            Ok(printer) => (ask.act)(&mut **printer).await,
            Err(e) => Err(e),
        };
        match &answer {
            Ok(_) => self.up(),
            Err(e) => self.settle(e),
        }
        // Whoever asked may have gone.
        let _ = ask.reply.send(answer);
    }

    /// The live session, opened if there is none.
    pub(super) async fn open(&mut self) -> Result<&mut Box<dyn FiscalPrinter>, FiscalError> {
        if self.session.is_none() {
            self.registration = None;
            let mut printer = self.device.factory.open().await?;
            let info = printer.info().clone();
            let owed = match printer.last_document().await {
                Ok(last) => last.is_some_and(|last| last.printed == Some(false)),
                // A printer without a drive, or one that can't tell: the look will.
                Err(FiscalError::Refused { .. } | FiscalError::Unsupported(_)) => false,
                Err(e) => return Err(e),
            };
            self.change(|state| {
                state.info = Some(info);
                state.paper_owed = owed;
            });
            self.session = Some(printer);
        }
        self.session
            .as_mut()
            .ok_or_else(|| FiscalError::Unreachable {
                detail: "no session".to_owned(),
            })
    }

    /// A printer's documents live on one drive; another one stops the queue.
    pub(super) async fn same_drive(&mut self, drive: &str) -> Result<(), FiscalError> {
        let journal = &self.device.journal;
        let unread = |e: JournalError| FiscalError::Unreachable {
            detail: e.to_string(),
        };
        let id = self.device.id().to_owned();
        match journal.pinned(&id).map_err(unread)? {
            None if drive.is_empty() => Ok(()),
            None => {
                let now = self.device.now();
                journal
                    .pin(id, drive.to_owned(), None, now)
                    .await
                    .map_err(unread)
            }
            Some(pinned) if pinned.drive_number == drive => {
                self.stop(None);
                Ok(())
            }
            Some(pinned) => {
                let e = FiscalError::OtherDrive {
                    expected: pinned.drive_number,
                    found: drive.to_owned(),
                };
                self.stop(Some(Trouble::of(&e)));
                Err(e)
            }
        }
    }

    /// Asks an idle printer how it does.
    pub(super) async fn look(&mut self) {
        if let Err(e) = self.try_look().await {
            self.settle(&e);
        }
    }

    pub(super) async fn try_look(&mut self) -> Result<(), FiscalError> {
        let status = self.read_status().await?;
        // A drive in doubt is told by `recover`; this one only stops the queue.
        let _ = self.same_drive(&status.drive_number).await;
        let fine = status.paper && status.cover_closed;
        let before = self.device.state();
        if fine && before.paper_owed {
            self.open().await?.continue_print().await?;
            self.change(|state| state.paper_owed = false);
        }
        let was_fine = before.status.is_none_or(|s| s.paper && s.cover_closed);
        if fine && !was_fine {
            self.pause = None;
        }
        Ok(())
    }

    pub(super) async fn read_status(
        &mut self,
    ) -> Result<galley_fiscal::PrinterStatus, FiscalError> {
        self.looked = Some(Instant::now());
        let status = self.open().await?.status().await?;
        let now = self.device.now();
        self.change(|state| {
            state.status = Some(status.clone());
            state.status_at = Some(now);
        });
        self.up();
        Ok(status)
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut DeviceState)) {
        self.device.state.send_modify(change);
    }

    /// The printer has answered.
    pub(super) fn up(&mut self) {
        self.looked = Some(Instant::now());
        self.ahead = None;
        self.device.state.send_if_modified(|state| {
            let link = match state.stop {
                Some(_) => Link::Stopped,
                None => Link::Up,
            };
            let changed = state.link != link;
            state.link = link;
            state.detail.clear();
            changed
        });
    }

    pub(super) fn stop(&self, why: Option<Trouble>) {
        self.device.state.send_if_modified(|state| {
            if state.stop == why {
                return false;
            }
            if let Some(why) = &why {
                tracing::error!(
                    device = self.device.settings.id,
                    reason = why.text,
                    "a printer's queue stands still"
                );
                state.link = Link::Stopped;
            }
            state.stop = why;
            true
        });
    }

    /// Draws the consequences of an error: a session that may be out of step is dropped.
    pub(super) fn settle(&mut self, error: &FiscalError) {
        self.looked = Some(Instant::now());
        self.ahead = None;
        match error {
            FiscalError::Refused { .. } | FiscalError::NeedsPerson(_) => self.up(),
            FiscalError::OtherDrive { .. } => {}
            // What a live printer can't do is no reason to hang up.
            FiscalError::Unsupported(_) if self.session.is_some() => self.up(),
            other => {
                self.session = None;
                let link = match other {
                    FiscalError::Unsupported(_) => Link::Refused,
                    _ => Link::Down,
                };
                if self.device.state().link != link {
                    tracing::warn!(device = self.device.id(), reason = %other, "a printer is away");
                }
                self.change(|state| {
                    state.link = link;
                    state.detail = other.to_string();
                    state.status = None;
                    state.status_at = None;
                });
            }
        }
    }
}
