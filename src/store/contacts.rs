//! Guests' phone numbers, apart from the log.

use super::{Snapshot, StoreError, Tx, checksum};
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
            "INSERT INTO contacts (order_id, phone, at, sum) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET phone = ?2, sum = ?4",
            params![
                order.0.into_bytes(),
                phone,
                now.as_millis(),
                sum(order, phone)
            ],
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
    /// When it can't be read, or is damaged: a message would go to a stranger.
    pub fn contact(&self, order: OrderId) -> Result<Option<String>, StoreError> {
        let row: Option<(String, Option<i64>)> = self
            .prepare_cached("SELECT phone, sum FROM contacts WHERE order_id = ?1")?
            .query_row([order.0.into_bytes()], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        match row {
            Some((phone, Some(kept))) if kept != sum(order, &phone) => Err(StoreError::Damaged(
                format!("the phone number of order {order}"),
            )),
            row => Ok(row.map(|(phone, _)| phone)),
        }
    }
}

fn sum(order: OrderId, phone: &str) -> i64 {
    checksum(&[order.0.as_bytes(), phone.as_bytes()])
}
