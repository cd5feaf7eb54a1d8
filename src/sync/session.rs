//! A run of batches without a break, and why it ends.

use super::{
    UplinkError,
    batch::{HexHash, WireError},
    state::Status,
};
use crate::store::StoreError;
use std::collections::VecDeque;
use tokio::time::Instant;

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
            Self::Route(_) | Self::Circles(_) | Self::Store(_) | Self::Poked => false,
        }
    }
}

/// A batch that is not answered yet.
pub(super) struct UnderWay {
    pub(super) number: u64,
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
}

impl Session {
    pub(super) fn restart(&mut self, stream: u64, seq: u64, hash: HexHash) {
        self.stream = stream;
        self.number = 0;
        self.sent = seq;
        self.sent_hash = Some(hash);
        self.under_way.clear();
    }
}
