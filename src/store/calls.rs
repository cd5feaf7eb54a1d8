//! Guests at a kiosk who called for a person.

use super::{Snapshot, StoreError, Tx, uuid_from};
use crate::domain::time::Timestamp;
use rusqlite::params;
use uuid::Uuid;

/// A call that nobody has answered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its id.
    pub id: Uuid,
    /// The kiosk, as the log names it; one has one call open at most.
    pub door: String,
    /// Why, a word.
    pub why: String,
    /// Since when.
    pub at: Timestamp,
}

impl Tx<'_> {
    /// Keeps a call; a kiosk's older one gives way.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put_call(&mut self, call: &Call) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO calls (id, door, why, at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (door) DO UPDATE SET why = ?3",
            params![
                call.id.into_bytes(),
                call.door,
                call.why,
                call.at.as_millis()
            ],
        )?;
        Ok(())
    }

    /// Forgets a call that was answered.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn delete_call(&mut self, id: Uuid) -> Result<(), StoreError> {
        self.execute("DELETE FROM calls WHERE id = ?1", [id.into_bytes()])?;
        Ok(())
    }
}

impl Snapshot<'_> {
    /// Open calls, the oldest first.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn calls(&self) -> Result<Vec<Call>, StoreError> {
        let rows = self
            .prepare_cached("SELECT id, door, why, at FROM calls ORDER BY at, id")?
            .query_map([], |r| {
                Ok((r.get::<_, Vec<u8>>(0)?, r.get(1)?, r.get(2)?, r.get(3)?))
            })?
            .collect::<Result<Vec<_>, _>>()?;
        rows.into_iter()
            .map(|(id, door, why, at)| {
                Ok(Call {
                    id: uuid_from(&id)?,
                    door,
                    why,
                    at: Timestamp::from_millis(at),
                })
            })
            .collect()
    }
}
