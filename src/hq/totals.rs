//! What follows from an event at headquarters: orders and money per day, in the same transaction.

use crate::{
    domain::{event::Body, ids::OrderId},
    store::StoreError,
    sync::Entry,
};
use rusqlite::{Connection, OptionalExtension as _, params};

/// Takes in one event of a store. False when this program does not know its kind: the event is kept, and counts
/// for nothing.
pub(super) fn apply(db: &Connection, store: i64, entry: &Entry) -> Result<bool, StoreError> {
    let Ok(body) = serde_json::from_str::<Body>(entry.body.get()) else {
        return Ok(false);
    };
    match (&body, entry.order_id) {
        (Body::OrderPlaced { order }, _) => {
            db.prepare_cached(
                "INSERT INTO orders (store, order_id, day) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            )?
            .execute(params![store, order.id.0.into_bytes(), order.day])?;
        }
        (Body::OrderPaid {}, Some(order)) => add(db, store, order, 1, 0, 0)?,
        (Body::PaymentCaptured { amount_minor, .. }, Some(order)) => {
            add(db, store, order, 0, *amount_minor, 0)?;
        }
        (Body::RefundRequested { refund }, _) => {
            db.prepare_cached(
                "INSERT INTO refunds (store, refund_id, amount_minor) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                store,
                refund.id.0.into_bytes(),
                refund.amount_minor
            ])?;
        }
        (Body::RefundDone { refund_id, .. }, Some(order)) => {
            let amount: Option<i64> = db
                .prepare_cached(
                    "SELECT amount_minor FROM refunds WHERE store = ?1 AND refund_id = ?2",
                )?
                .query_row(params![store, refund_id.0.into_bytes()], |r| r.get(0))
                .optional()?;
            add(db, store, order, 0, 0, amount.unwrap_or(0))?;
        }
        _ => {}
    }
    Ok(true)
}

/// Adds to the day that the order belongs to.
fn add(
    db: &Connection,
    store: i64,
    order: OrderId,
    orders: i64,
    sales_minor: i64,
    returns_minor: i64,
) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO days (store, day, orders, sales_minor, returns_minor)
         SELECT store, day, ?3, ?4, ?5 FROM orders WHERE store = ?1 AND order_id = ?2
         ON CONFLICT (store, day) DO UPDATE SET orders = orders + ?3, sales_minor = sales_minor + ?4,
           returns_minor = returns_minor + ?5",
    )?
    .execute(params![
        store,
        order.0.into_bytes(),
        orders,
        sales_minor,
        returns_minor
    ])?;
    Ok(())
}
