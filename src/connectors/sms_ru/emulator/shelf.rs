//! What the provider has taken.

use crate::{
    connectors::sms_ru::{Encoding, Phone, measure},
    domain::time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, time::Duration};

/// Handsets get a message that long after it was taken.
const DELIVERY: Duration = Duration::from_secs(10);
/// The most parts of one message.
const PARTS_MOST: usize = 8;

/// A message that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentSms {
    /// The provider's id.
    pub sms_id: String,
    /// The number, digits only.
    pub to: String,
    /// The text.
    pub text: String,
    /// What it travels in.
    pub encoding: Encoding,
    /// In how many parts.
    pub segments: usize,
    /// When it was taken.
    pub at: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Shelf {
    balance: u64,
    sent: Vec<SentSms>,
    stopped: BTreeSet<String>,
}

impl Shelf {
    pub fn new(balance: u64) -> Self {
        Self {
            balance,
            sent: Vec::new(),
            stopped: BTreeSet::new(),
        }
    }

    pub fn stop(&mut self, digits: &str) {
        self.stopped.insert(digits.to_owned());
    }

    pub fn sent(&self) -> &[SentSms] {
        &self.sent
    }

    pub fn balance(&self) -> u64 {
        self.balance
    }

    /// Takes one message; answers with its id, or the provider's code.
    pub fn take(
        &mut self,
        to: &str,
        text: &str,
        test: bool,
        now: Timestamp,
    ) -> Result<String, i64> {
        let phone = Phone::parse(to).map_err(|_| 202)?;
        if self.stopped.contains(phone.digits()) {
            return Err(209);
        }
        if text.is_empty() {
            return Err(203);
        }
        if text.contains('\u{fffd}') {
            return Err(212);
        }
        let size = measure(text);
        if size.parts > PARTS_MOST {
            return Err(205);
        }
        let cost = u64::try_from(size.parts).unwrap_or(u64::MAX);
        let balance = self.balance.checked_sub(cost).ok_or(201)?;
        let sms_id = format!("{}-{:08}", week(now), 10_000_000 + self.sent.len());
        if test {
            return Ok(sms_id);
        }
        self.balance = balance;
        self.sent.push(SentSms {
            sms_id: sms_id.clone(),
            to: phone.digits().to_owned(),
            text: text.to_owned(),
            encoding: size.encoding,
            segments: size.parts,
            at: now,
        });
        Ok(sms_id)
    }

    /// The provider's status code of a message: -1 when there is none.
    pub fn status(&self, sms_id: &str, now: Timestamp) -> i64 {
        match self.sent.iter().find(|sms| sms.sms_id == sms_id) {
            None => -1,
            Some(sms) if now.since(sms.at) >= DELIVERY => 103,
            Some(_) => 102,
        }
    }
}

/// Year and week, the first group of an id [memory].
fn week(now: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(now.as_millis())
        .map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).date().iso_week_date())
        .map_or("000000".into(), |w| {
            format!("{:04}{:02}", w.year(), w.week())
        })
}
