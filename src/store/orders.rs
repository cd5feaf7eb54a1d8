//! Orders, whole, and what finds them.

use super::{Snapshot, StoreError, Tx, checksum, log::order_id};
use crate::domain::{
    ids::OrderId,
    order::{Order, OrderState},
    time::Timestamp,
};
use rusqlite::{OptionalExtension as _, Row, params};
use std::collections::BTreeSet;
use uuid::Uuid;

/// Which orders.
#[derive(Clone, Debug, Default)]
pub struct OrderFilter {
    /// In this state.
    pub state: Option<OrderState>,
    /// Of this day.
    pub day: Option<String>,
    /// Placed before this time.
    pub before: Option<Timestamp>,
    /// At most so many, the newest first.
    pub limit: usize,
}

impl Tx<'_> {
    /// Writes the order, new or changed, and makes its parts findable.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put_order(&mut self, order: &Order) -> Result<(), StoreError> {
        let doc = serde_json::to_string(order)?;
        let id = order.id.0.into_bytes();
        self.prepare_cached(
            r#"INSERT INTO orders (id, day, number, state, placed_at, expires_at, doc, "check")
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
               ON CONFLICT (id) DO UPDATE SET state = ?4, expires_at = ?6, doc = ?7, "check" = ?8"#,
        )?
        .execute(params![
            id,
            order.day,
            order.number,
            order.state.word(),
            order.placed_at.as_millis(),
            order.expires_at.as_millis(),
            doc,
            checksum(&[&id, doc.as_bytes()])
        ])?;
        Ok(())
    }

    /// Makes an order findable by the id of one of its parts (payment, refund, cook job).
    ///
    /// # Errors
    /// When it can't be written.
    pub fn link_part(&mut self, part: Uuid, order: OrderId) -> Result<(), StoreError> {
        self.prepare_cached(
            "INSERT INTO order_parts (part_id, order_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        )?
        .execute(params![part.into_bytes(), order.0.into_bytes()])?;
        Ok(())
    }

    /// Adds to a counter.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn add_to_counter(&mut self, name: &str, by: i64) -> Result<(), StoreError> {
        self.prepare_cached(
            "INSERT INTO counters (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = value + ?2",
        )?
        .execute(params![name, by])?;
        Ok(())
    }
}

impl Snapshot<'_> {
    /// The number of the next order of a day, from 1: one more than the last has. No order is ever deleted. Numbers that
    /// another box may have given out are left free (`backup::restore`).
    ///
    /// # Errors
    /// When it can't be read.
    pub fn next_number(&self, day: &str) -> Result<u32, StoreError> {
        let last: u32 = self
            .prepare_cached(
                "SELECT max(coalesce((SELECT max(number) FROM orders WHERE day = ?1), 0),
                            coalesce((SELECT value FROM counters WHERE name = 'number:' || ?1), 0))",
            )?
            .query_row([day], |r| r.get(0))?;
        Ok(last + 1)
    }

    /// Days and numbers that more than one order has.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn numbers_given_twice(&self) -> Result<BTreeSet<(String, u32)>, StoreError> {
        self.prepare("SELECT day, number FROM orders GROUP BY day, number HAVING count(*) > 1")?
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect::<Result<_, _>>()
            .map_err(StoreError::from)
    }

    /// A counter's value; 0 when it was never used.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn counter(&self, name: &str) -> Result<i64, StoreError> {
        Ok(self
            .prepare_cached("SELECT value FROM counters WHERE name = ?1")?
            .query_row([name], |r| r.get(0))
            .optional()?
            .unwrap_or(0))
    }

    /// The order with this id.
    ///
    /// # Errors
    /// When it can't be read, or is damaged.
    pub fn order(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        self.prepare_cached(r#"SELECT id, doc, "check" FROM orders WHERE id = ?1"#)?
            .query_row([id.0.into_bytes()], raw)
            .optional()?
            .map(checked)
            .transpose()
    }

    /// The order that one of whose parts has this id.
    ///
    /// # Errors
    /// When it can't be read, or is damaged.
    pub fn order_of_part(&self, part: Uuid) -> Result<Option<Order>, StoreError> {
        let id: Option<Vec<u8>> = self
            .prepare_cached("SELECT order_id FROM order_parts WHERE part_id = ?1")?
            .query_row([part.into_bytes()], |r| r.get(0))
            .optional()?;
        match id {
            Some(id) => self.order(order_id(&id)?),
            None => Ok(None),
        }
    }

    /// Orders whose ids lie between these, both included.
    ///
    /// # Errors
    /// When they can't be read, or one is damaged.
    pub fn orders_between(&self, first: OrderId, last: OrderId) -> Result<Vec<Order>, StoreError> {
        let rows = self
            .prepare_cached(
                r#"SELECT id, doc, "check" FROM orders WHERE id >= ?1 AND id <= ?2 ORDER BY id"#,
            )?
            .query_map([first.0.into_bytes(), last.0.into_bytes()], raw)?
            .collect::<Result<Vec<_>, _>>()?;
        rows.into_iter().map(checked).collect()
    }

    /// Orders by filter, the newest first.
    ///
    /// # Errors
    /// When they can't be read, or one is damaged.
    pub fn orders(&self, filter: &OrderFilter) -> Result<Vec<Order>, StoreError> {
        let live = filter.state.is_some_and(|state| !state.is_final());
        let from = match (live, &filter.day) {
            (true, _) => {
                "orders INDEXED BY orders_active
                 WHERE state NOT IN ('closed', 'cancelled', 'expired', 'refunded') AND state = ?1
                   AND (?2 IS NULL OR day = ?2)"
            }
            (false, Some(_)) => {
                "orders INDEXED BY orders_by_day WHERE day = ?2 AND (?1 IS NULL OR state = ?1)"
            }
            // The newest first, as far as the limit.
            (false, None) => "orders WHERE (?1 IS NULL OR state = ?1) AND ?2 IS NULL",
        };
        let rows = self
            .prepare_cached(&format!(
                r#"SELECT id, doc, "check" FROM {from} AND (?3 IS NULL OR placed_at < ?3)
                   ORDER BY rowid DESC LIMIT ?4"#
            ))?
            .query_map(
                params![
                    filter.state.map(OrderState::word),
                    filter.day,
                    filter.before.map(Timestamp::as_millis),
                    filter.limit
                ],
                raw,
            )?
            .collect::<Result<Vec<_>, _>>()?;
        rows.into_iter().map(checked).collect()
    }

    /// Orders that are not finished, the oldest first.
    ///
    /// # Errors
    /// When they can't be read, or one is damaged.
    pub fn active_orders(&self) -> Result<Vec<Order>, StoreError> {
        let rows = self
            .prepare_cached(
                // Without being told, SQLite walks all orders that there ever were, as they lie in that order.
                r#"SELECT id, doc, "check" FROM orders INDEXED BY orders_active
                   WHERE state NOT IN ('closed', 'cancelled', 'expired', 'refunded') ORDER BY rowid"#,
            )?
            .query_map([], raw)?
            .collect::<Result<Vec<_>, _>>()?;
        rows.into_iter().map(checked).collect()
    }

    /// Unpaid orders whose time is over.
    ///
    /// # Errors
    /// When they can't be read, or one is damaged.
    pub fn overdue_orders(&self, now: Timestamp) -> Result<Vec<Order>, StoreError> {
        let rows = self
            .prepare_cached(
                r#"SELECT id, doc, "check" FROM orders INDEXED BY orders_active
                   WHERE state = 'placed' AND expires_at <= ?1
                     AND state NOT IN ('closed', 'cancelled', 'expired', 'refunded') ORDER BY expires_at"#,
            )?
            .query_map([now.as_millis()], raw)?
            .collect::<Result<Vec<_>, _>>()?;
        rows.into_iter().map(checked).collect()
    }

    /// Calls `each` with every order of a day (all days when none), the oldest first.
    ///
    /// # Errors
    /// When they can't be read, or one is damaged.
    pub fn each_order(
        &self,
        day: Option<&str>,
        mut each: impl FnMut(Order),
    ) -> Result<(), StoreError> {
        let mut statement = self.prepare_cached(match day {
            Some(_) => r#"SELECT id, doc, "check" FROM orders WHERE day = ?1 ORDER BY number"#,
            None => r#"SELECT id, doc, "check" FROM orders WHERE ?1 IS NULL ORDER BY rowid"#,
        })?;
        let mut rows = statement.query([day])?;
        while let Some(row) = rows.next()? {
            each(checked(raw(row)?)?);
        }
        Ok(())
    }
}

type Raw = (Vec<u8>, String, i64);

fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

fn checked((id, doc, check): Raw) -> Result<Order, StoreError> {
    if checksum(&[&id, doc.as_bytes()]) != check {
        let id = order_id(&id).map_or_else(|_| "with a damaged id".to_owned(), |i| i.to_string());
        return Err(StoreError::Damaged(format!("order {id}")));
    }
    Ok(serde_json::from_str(&doc)?)
}
