//! A run of batches without a break, and why it ends.

use super::{
    Limits, UplinkError,
    batch::{HexHash, WireError},
    log::{Doing, LogError},
    pack::Pack,
    state::Status,
};
use crate::store::StoreError;
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// A batch that is answered within this time may grow.
const QUICK: Duration = Duration::from_millis(500);
/// One that takes longer is halved: the newest state must not wait behind it.
const SLOW: Duration = Duration::from_secs(3);
/// What is under way is to be answered within about this time, so that the newest state gets through.
const QUEUE: Duration = Duration::from_secs(2);

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    Route(#[from] UplinkError),
    #[error("headquarters does not take event {seq}: {reason}")]
    NotTaken { seq: u64, reason: String },
    #[error("headquarters has another history than this store at event {0}")]
    OtherHistory(u64),
    #[error("event {0}, which headquarters needs, is no longer in the log")]
    Dropped(u64),
    #[error("headquarters sends us back to event {0} again and again")]
    Circles(u64),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Damaged(#[from] WireError),
    #[error("the network may be back")]
    Poked,
    #[error("the preferred route may carry again")]
    Better,
}

impl From<LogError> for Trouble {
    fn from(e: LogError) -> Self {
        match e {
            LogError::Store(e) => Self::Store(e),
            LogError::Wire(e) => Self::Damaged(e),
        }
    }
}

impl Trouble {
    pub(super) fn silent() -> Self {
        Self::Route(UplinkError::Silent(
            "headquarters does not answer".to_owned(),
        ))
    }

    pub(super) fn status(&self) -> Status {
        match self {
            Self::Route(UplinkError::Unreachable(_)) | Self::Poked => Status::Offline,
            _ => Status::Degraded,
        }
    }

    /// A person must act; trying again every second would not help.
    pub(super) fn refuses(&self) -> bool {
        match self {
            Self::Route(UplinkError::Refused { retry_after, .. }) => retry_after.is_none(),
            Self::NotTaken { .. } | Self::OtherHistory(_) | Self::Dropped(_) | Self::Damaged(_) => {
                true
            }
            Self::Route(_) | Self::Circles(_) | Self::Store(_) | Self::Poked | Self::Better => {
                false
            }
        }
    }
}

/// How much is sent at a time; follows what the route and headquarters bear.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// The configured batch.
    pub(super) batch: usize,
    /// Events in the next batch.
    pub(super) size: usize,
    /// Batches under way.
    pub(super) window: usize,
}

impl Pace {
    pub(super) fn new(batch: usize) -> Self {
        Self {
            batch,
            size: batch,
            window: 1,
        }
    }

    /// A new connection over a route.
    pub(super) fn begin(&mut self, limits: Limits) {
        self.size = self.size.min(self.batch * limits.growth);
        self.window = limits.in_flight;
    }

    /// Nothing was answered in time.
    pub(super) fn starve(&mut self) {
        self.size = (self.size / 2).max(1);
    }

    /// A batch was answered `took` after the one before it.
    pub(super) fn answered(
        &mut self,
        full: bool,
        took: Duration,
        wish: Option<u16>,
        limits: Limits,
    ) {
        if took >= SLOW {
            self.starve();
        } else if full && took <= QUICK {
            self.size = (self.size * 2).min(self.batch * limits.growth);
        }
        let most = wish.map_or(limits.in_flight, |w| {
            usize::from(w).clamp(1, limits.in_flight)
        });
        let bearable = QUEUE.as_micros() / took.as_micros().max(1);
        self.window = usize::try_from(bearable)
            .unwrap_or(usize::MAX)
            .clamp(most.min(2), most);
    }
}

/// A batch that is not answered yet.
pub(super) struct UnderWay {
    pub(super) number: u64,
    /// How many events it has.
    pub(super) events: usize,
    /// It had as many events as it might.
    pub(super) full: bool,
}

/// A run of batches without a break.
pub(super) struct Session {
    pub(super) stream: u64,
    /// Number of the last batch.
    pub(super) number: u64,
    /// The last event handed to the route, and its hash when the log still has it.
    pub(super) sent: u64,
    pub(super) sent_hash: Option<HexHash>,
    pub(super) under_way: VecDeque<UnderWay>,
    /// When the oldest batch under way became that.
    pub(super) progress: Instant,
    pub(super) last_summary: Instant,
    /// Events went since the last summary.
    pub(super) stale: bool,
    pub(super) rewinds: u32,
    /// The next events, packed while what is under way is being answered.
    pub(super) ready: Option<Pack>,
    /// They are being packed.
    pub(super) packing: Option<Doing<Option<Pack>>>,
}

impl Session {
    pub(super) fn restart(&mut self, stream: u64, seq: u64, hash: HexHash) {
        self.stream = stream;
        self.number = 0;
        self.sent = seq;
        self.sent_hash = Some(hash);
        self.under_way.clear();
        self.ready = None;
        self.packing = None;
    }

    /// Batches of events that are under way.
    pub(super) fn loads(&self) -> usize {
        self.under_way.iter().filter(|b| b.events > 0).count()
    }

    /// Waits for the events that are being packed; for ever when none are.
    pub(super) async fn packed(&mut self) -> Result<Option<Pack>, LogError> {
        match &mut self.packing {
            Some(packing) => {
                let pack = packing.await;
                self.packing = None;
                pack
            }
            None => std::future::pending().await,
        }
    }
}
