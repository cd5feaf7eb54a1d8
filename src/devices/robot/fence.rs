//! In whose name the robot is spoken to: the fence, and where the store stands in the robot's journal.
//!
//! The robot takes the highest fence it ever heard for the box that holds it, and sends lower ones away. So a fence goes up
//! whenever a database is new, restored, or takes a store's place over (`store::backup::hand_over`), and never at a plain
//! restart.

use crate::{
    flow::Site,
    store::{ROBOT, Snapshot, StoreError},
};
use galley_robot::Cursor;
use serde::{Deserialize, Serialize};

/// Document with what must outlive a restart.
pub(super) const JOURNAL: &str = ROBOT;

/// Where the store stands in the robot's journal.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) fence: u64,
    pub(super) cursor: Option<Cursor>,
}

/// How far the journal of the robot was taken in; none before its first event.
///
/// # Errors
/// When it can't be read.
pub(crate) fn cursor(s: &Snapshot<'_>) -> Result<Option<Cursor>, StoreError> {
    let place: Option<Place> = s.document(JOURNAL)?;
    Ok(place.and_then(|p| p.cursor))
}

/// Where it stands; a database that never had a robot gets its fence.
pub(super) async fn place(site: &Site) -> Result<Place, String> {
    let stored: Result<Option<Place>, StoreError> = site.store.read(|s| s.document(JOURNAL)).await;
    match stored {
        Ok(Some(place)) => Ok(place),
        Ok(None) => {
            // The database is new: its fence is above that of any before it at this robot.
            let fence = u64::try_from(site.world.clock.now().as_millis()).unwrap_or(1);
            let place = Place {
                fence,
                cursor: None,
            };
            let row = place.clone();
            site.store
                .write(move |tx| tx.put_document(JOURNAL, &row))
                .await
                .map_err(|e| e.to_string())?;
            Ok(place)
        }
        Err(e) => Err(e.to_string()),
    }
}
