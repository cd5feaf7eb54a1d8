//! What the law looks at: drive, registration and clock are read now and then, and what changed is written down for
//! `flow::law` to judge.

use super::{Printer, Session, map};
use crate::{
    domain::{
        event::{Actor, Body},
        fiscal_law::{DriveFacts, Facts},
        time::Timestamp,
    },
    flow::{law::FACTS, record::record},
    store::StoreError,
};
use galley_fiscal::{
    Capabilities, DriveInfo, Ffd, FiscalError, PrinterStatus, Registration, ShiftState,
};
use jiff::{civil, tz::TimeZone};
use std::time::Duration;
use tokio::{sync::MutexGuard, time::Instant};

/// How often drive and registration are read.
const READ: Duration = Duration::from_mins(10);
/// A clock that has moved less than this is written down as it was: the printer tells whole seconds, late.
const STEADY_S: u64 = 30;

/// What was read last, and when.
#[derive(Default)]
pub(super) struct Known {
    read_at: Option<Instant>,
    facts: Option<Facts>,
    clock_set_at: Option<Instant>,
}

impl Printer {
    pub(super) async fn watch_law(
        &self,
        session: &mut MutexGuard<'_, Session>,
        status: &PrinterStatus,
    ) {
        let due = session.known.read_at.is_none_or(|at| at.elapsed() >= READ);
        let mut facts = match session.known.facts.clone() {
            Some(facts) if !due && facts.drive.number == status.drive_number => facts,
            _ => {
                let Ok(facts) = self.read_facts(session, status).await else {
                    return;
                };
                session.known.read_at = Some(Instant::now());
                facts
            }
        };
        let ahead = self.clock_ahead_s(&status.local_time).unwrap_or(0);
        if facts.clock_ahead_s.abs_diff(ahead) > STEADY_S {
            facts.clock_ahead_s = ahead;
        }
        if session.known.facts.as_ref() != Some(&facts) {
            let stored = facts.clone();
            let written = self
                .site
                .store
                .write(move |tx| -> Result<(), StoreError> { tx.put_document(FACTS, &stored) })
                .await;
            match written {
                Ok(()) => session.known.facts = Some(facts),
                Err(error) => tracing::error!(%error, "what the printer says can't be written"),
            }
        }
        self.keep_clock(session, status, ahead).await;
    }

    async fn read_facts(
        &self,
        session: &mut MutexGuard<'_, Session>,
        status: &PrinterStatus,
    ) -> Result<Facts, FiscalError> {
        let printer = self.open(session).await?;
        let drive = said(printer.drive().await);
        let drive = self.settle(session, drive).await?;
        let printer = self.open(session).await?;
        let registration = said(printer.registration().await);
        let can = printer.info().capabilities.clone();
        let registration = self.settle(session, registration).await?;
        Ok(self.facts(status, drive, registration, &can))
    }

    fn facts(
        &self,
        status: &PrinterStatus,
        drive: Option<DriveInfo>,
        registration: Option<Registration>,
        can: &Capabilities,
    ) -> Facts {
        let zone = self.site.zone();
        // A printer that does not tell about its drive tells some of it in its status.
        let drive = drive.unwrap_or_else(|| DriveInfo {
            number: status.drive_number.clone(),
            valid_until: status.drive_valid_until.clone(),
            unsent_documents: status.unsent_documents.unwrap_or(0),
            first_unsent_at: status.oldest_unsent.clone(),
            ..DriveInfo::default()
        });
        let registration = registration.unwrap_or_default();
        Facts {
            shift_open_since: None,
            drive: DriveFacts {
                number: status.drive_number.clone(),
                valid_until: drive
                    .valid_until
                    .as_deref()
                    .and_then(|day| end_of(day, zone)),
                replace_urgently: drive.replace_urgently,
                resource_ends: drive.resource_ends,
                memory_nearly_full: drive.memory_nearly_full,
                ofd_overdue: drive.ofd_overdue,
                critical: drive.critical,
                unsent: drive.unsent_documents,
                oldest_unsent_at: drive
                    .first_unsent_at
                    .as_deref()
                    .and_then(|at| instant(at, zone)),
            },
            clock_ahead_s: self.clock_ahead_s(&status.local_time).unwrap_or(0),
            automatic: registration.automatic,
            cashier_named: self.settings.operator().is_some(),
            tax_system_registered: (!registration.tax_systems.is_empty())
                .then(|| registration.tax_systems.contains(&self.settings.tax_system)),
            vat: can
                .vat
                .iter()
                .filter_map(|rate| map::our_vat(*rate))
                .collect(),
            ffd: Some(
                match can.ffd {
                    Ffd::V105 => "1.05",
                    Ffd::V11 => "1.1",
                    Ffd::V12 => "1.2",
                }
                .to_owned(),
            ),
            marking: Some(can.marking),
        }
    }

    /// The printer's clock less ours, in seconds.
    pub(super) fn clock_ahead_s(&self, local_time: &str) -> Option<i64> {
        let theirs = instant(local_time, self.site.zone())?;
        Some((theirs.as_millis() - self.site.world.clock.now().as_millis()) / 1000)
    }

    /// The store's local time, as printers take it.
    #[must_use]
    pub fn store_time(&self) -> String {
        let now = self.site.world.clock.now();
        jiff::Timestamp::from_millisecond(now.as_millis())
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
            .to_zoned(self.site.zone().clone())
            .strftime("%Y-%m-%dT%H:%M:%S")
            .to_string()
    }

    /// Sets a clock that is wrong, with a closed shift and where the configuration wants it.
    async fn keep_clock(
        &self,
        session: &mut MutexGuard<'_, Session>,
        status: &PrinterStatus,
        ahead_s: i64,
    ) {
        let policy = self.site.policy();
        let law = &policy.law;
        let wrong = ahead_s.unsigned_abs() > law.clock_drift.as_secs();
        let lately = session
            .known
            .clock_set_at
            .is_some_and(|at| at.elapsed() < READ);
        if !law.set_clock || !wrong || lately || status.shift != ShiftState::Closed {
            return;
        }
        session.known.clock_set_at = Some(Instant::now());
        let time = self.store_time();
        let set = match self.open(session).await {
            Ok(printer) => printer.set_clock(&time).await,
            Err(e) => Err(e),
        };
        if let Err(error) = self.settle(session, set).await {
            tracing::warn!(%error, "the printer's clock can't be set");
            return;
        }
        let body = Body::PrinterAsked {
            act: "set_clock".to_owned(),
            detail: format!("{time}, it was {}", status.local_time),
        };
        let noted = self
            .site
            .command(Actor::system(), move |tx, cx| record(tx, cx, None, body))
            .await;
        if let Err(error) = noted {
            tracing::error!(%error, "that the printer's clock was set can't be written");
        }
    }
}

/// What a printer does not tell is none; anything else that went wrong stays wrong.
pub(super) fn said<T>(answer: Result<T, FiscalError>) -> Result<Option<T>, FiscalError> {
    match answer {
        Ok(said) => Ok(Some(said)),
        Err(FiscalError::Unsupported(_) | FiscalError::Refused { .. }) => Ok(None),
        Err(e) => Err(e),
    }
}

/// A local day or time as an instant; a day is its beginning.
fn instant(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let local: civil::DateTime = text
        .parse()
        .or_else(|_| text.parse::<civil::Date>().map(|d| d.at(0, 0, 0, 0)))
        .ok()?;
    let zoned = local.to_zoned(zone.clone()).ok()?;
    Some(Timestamp::from_millis(zoned.timestamp().as_millisecond()))
}

/// The end of a local day.
fn end_of(day: &str, zone: &TimeZone) -> Option<Timestamp> {
    let next = day.parse::<civil::Date>().ok()?.tomorrow().ok()?;
    instant(&next.to_string(), zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_printer_tells_as_local_text_is_an_instant_of_the_stores_zone() {
        let zone = TimeZone::get("Europe/Moscow").unwrap();
        let utc = |text: &str| {
            let at: jiff::Timestamp = text.parse().unwrap();
            Some(Timestamp::from_millis(at.as_millisecond()))
        };
        assert_eq!(
            instant("2026-11-22T12:00:30", &zone),
            utc("2026-11-22T09:00:30Z")
        );
        assert_eq!(
            instant("2026-11-22T12:00", &zone),
            utc("2026-11-22T09:00:00Z")
        );
        assert_eq!(instant("2026-11-22", &zone), utc("2026-11-21T21:00:00Z"));
        assert_eq!(end_of("2026-11-22", &zone), utc("2026-11-22T21:00:00Z"));
        assert_eq!(instant("soon", &zone), None);
    }
}
