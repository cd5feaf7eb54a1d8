//! Marked units that orders hold or have sold, by what identifies them.

use super::{Snapshot, StoreError, Tx, checksum, log::order_id};
use crate::domain::{ids::OrderId, time::Timestamp};
use rusqlite::{OptionalExtension as _, params};

impl Tx<'_> {
    /// Holds a unit for an order. False when another order has it.
    ///
    /// # Errors
    /// When it can't be read or written.
    pub fn hold_mark(
        &mut self,
        cis: &str,
        order: OrderId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if self.snapshot().mark(cis)?.is_some_and(|by| by != order) {
            return Ok(false);
        }
        self.execute(
            "INSERT INTO marks (cis, order_id, at, sum) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            params![cis, order.0.into_bytes(), now.as_millis(), sum(cis, order)],
        )?;
        Ok(true)
    }

    /// Lets a unit of an order go: it can be sold again.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn release_mark(&mut self, cis: &str, order: OrderId) -> Result<(), StoreError> {
        self.execute(
            "DELETE FROM marks WHERE cis = ?1 AND order_id = ?2",
            params![cis, order.0.into_bytes()],
        )?;
        Ok(())
    }
}

impl Snapshot<'_> {
    /// The order that holds or sold this unit.
    ///
    /// # Errors
    /// When it can't be read, or is damaged.
    pub fn mark(&self, cis: &str) -> Result<Option<OrderId>, StoreError> {
        let row: Option<(Vec<u8>, i64)> = self
            .prepare_cached("SELECT order_id, sum FROM marks WHERE cis = ?1")?
            .query_row([cis], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        let Some((id, kept)) = row else {
            return Ok(None);
        };
        let order = order_id(&id)?;
        if kept != sum(cis, order) {
            return Err(StoreError::Damaged(format!(
                "the marked unit of order {order}"
            )));
        }
        Ok(Some(order))
    }
}

fn sum(cis: &str, order: OrderId) -> i64 {
    checksum(&[cis.as_bytes(), order.0.as_bytes()])
}
