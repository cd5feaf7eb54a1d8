//! The uplink as the rest of the store sees it.

use super::batch::DayRoot;
use crate::domain::time::Timestamp;
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::{Notify, watch};

/// Whether the way to headquarters works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Headquarters answers and takes events.
    Online,
    /// There is a way, but headquarters does not answer or does not take events; or the link was just lost.
    Degraded,
    /// There is no way.
    Offline,
}

impl Status {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Degraded => "degraded",
            Self::Offline => "offline",
        }
    }
}

/// The uplink as the rest of the store sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UplinkState {
    /// How it is.
    pub status: Status,
    /// Since when.
    pub since_at: Timestamp,
    /// Why it is not online.
    pub reason: Option<String>,
    /// Headquarters refuses this store or an event of it: a person must act.
    pub refused: bool,
    /// The route in use.
    pub route: Option<&'static str>,
}

/// What others can do with the uplink. Clones share it.
#[derive(Clone, Debug)]
pub struct UplinkHandle {
    pub(super) poke: Arc<Notify>,
    pub(super) state: watch::Receiver<UplinkState>,
    pub(super) acknowledged: watch::Receiver<u64>,
    pub(super) day: watch::Receiver<DayCheck>,
}

/// What came of comparing the last full day with headquarters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DayCheck {
    /// Not compared yet.
    #[default]
    Open,
    /// Both come out at the same hash: nothing of the day is missing or changed on either side.
    Same(DayRoot),
    /// They don't: the store's and headquarters'.
    Differs(DayRoot, DayRoot),
}

impl UplinkHandle {
    /// The network may be back: try now (but never sooner than a second after the last attempt). Online, it
    /// tells headquarters the newest state.
    pub fn poke(&self) {
        self.poke.notify_one();
    }

    /// How the uplink is, now and as it changes.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<UplinkState> {
        self.state.clone()
    }

    /// The last event that headquarters has acknowledged, now and as it changes; 0 until it first answered.
    #[must_use]
    pub fn acknowledged(&self) -> watch::Receiver<u64> {
        self.acknowledged.clone()
    }

    /// What came of comparing the last full day with headquarters, now and as it changes.
    #[must_use]
    pub fn day(&self) -> watch::Receiver<DayCheck> {
        self.day.clone()
    }
}
