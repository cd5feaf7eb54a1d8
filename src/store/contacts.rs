//! Guests' phone numbers, apart from the log.

use super::{Snapshot, StoreError, Tx};
use crate::domain::{ids::OrderId, time::Timestamp};
use rusqlite::{OptionalExtension as _, params};

impl Tx<'_> {
    /// Keeps the phone number of an order's guest.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put_contact(
        &mut self,
        order: OrderId,
        phone: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO contacts (order_id, phone, at) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET phone = ?2",
            params![order.0.into_bytes(), phone, now.as_millis()],
        )?;
        Ok(())
    }

    /// Erases numbers that are older than `before`.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn erase_contacts(&mut self, before: Timestamp) -> Result<usize, StoreError> {
        Ok(self.execute("DELETE FROM contacts WHERE at < ?1", [before.as_millis()])?)
    }
}

impl Snapshot<'_> {
    /// The phone number of an order's guest.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn contact(&self, order: OrderId) -> Result<Option<String>, StoreError> {
        Ok(self
            .prepare_cached("SELECT phone FROM contacts WHERE order_id = ?1")?
            .query_row([order.0.into_bytes()], |r| r.get(0))
            .optional()?)
    }
}
