//! The vendor's tasks that wait behind a document in trouble: their tills expect an answer in time.

use super::Worker;
use crate::gateway::{
    device::Tally,
    dropin,
    journal::{Door, Ending, Filter, JournalError, Row, State},
};
use std::time::Duration;

/// Waiting documents that are looked at.
const LOOKED_AT: u32 = 1000;

impl Worker {
    /// What waits for this printer, the newest first; of very many the newest.
    pub(super) fn waiting(&self) -> Result<Vec<Row>, JournalError> {
        self.device.journal.list(&Filter {
            device: Some(self.device.id().to_owned()),
            state: Some(State::Queued),
            live: true,
            before: None,
            limit: LOOKED_AT,
        })
    }

    /// Ends the vendor's tasks that have waited behind `head` for too long, with the trouble that the head has met: nothing
    /// of them is in the printer. When the next is due. Behind a document in doubt they wait, and are told that the queue is
    /// blocked: so does the vendor's server.
    pub(super) async fn end_impatient(
        &mut self,
        head: &Row,
    ) -> Result<Option<Duration>, JournalError> {
        let (State::Queued, Some(trouble)) = (head.state, &head.trouble) else {
            return Ok(None);
        };
        let queued = self.waiting()?;
        let now = self.device.now();
        let mut next: Option<Duration> = None;
        // The other tasks of the head's own request end with it.
        let behind = |row: &&Row| {
            row.id != head.id
                && row.door == Door::Vendor
                && (row.bundle.is_none() || row.bundle != head.bundle)
        };
        for row in queued.iter().rev().filter(behind) {
            if let Some(left) = dropin::patience_left(row.created_at, now) {
                next = Some(next.map_or(left, |due| due.min(left)));
                continue;
            }
            let ending = Ending::Refused(trouble.clone());
            let ended = self
                .device
                .journal
                .finish(row.id, ending, None, now)
                .await?;
            if let Some(ended) = ended.filter(|row| row.state == State::Refused) {
                Tally::count(&self.device.tally.refused);
                self.device.changed(&ended);
            }
        }
        Ok(next)
    }
}
