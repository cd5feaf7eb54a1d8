//! Guests' phone numbers and the addresses of their receipts, apart from the log.

use super::{Snapshot, StoreError, Tx, checksum};
use crate::domain::{
    contact::{Contact, ReceiptTo},
    ids::OrderId,
    time::Timestamp,
};
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

    /// Keeps where the receipt of an order goes; for paper, that there is no such place any more.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put_receipt_contact(
        &mut self,
        order: OrderId,
        contact: Option<&Contact>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let id = order.0.into_bytes();
        let Some(contact) = contact else {
            self.execute("DELETE FROM receipt_contacts WHERE order_id = ?1", [id])?;
            return Ok(());
        };
        let (kind, address) = (contact.to().word(), contact.reveal());
        self.execute(
            "INSERT INTO receipt_contacts (order_id, kind, address, at, sum) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET kind = ?2, address = ?3, sum = ?5",
            params![id, kind, address, now.as_millis(), address_sum(order, kind, address)],
        )?;
        Ok(())
    }

    /// Erases numbers and addresses that are older than `before`.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn erase_contacts(&mut self, before: Timestamp) -> Result<usize, StoreError> {
        let before = before.as_millis();
        self.erasing(|tx| {
            let phones = tx.execute("DELETE FROM contacts WHERE at < ?1", [before])?;
            let addresses = tx.execute("DELETE FROM receipt_contacts WHERE at < ?1", [before])?;
            Ok(phones + addresses)
        })
    }
}

impl Tx<'_> {
    /// Erases a guest's phone number from every order; the number of rows. `same` tells whether a number is the guest's.
    ///
    /// # Errors
    /// When they can't be read or written.
    pub fn erase_contacts_of(&mut self, same: impl Fn(&str) -> bool) -> Result<usize, StoreError> {
        let mut erased = 0;
        for (table, column) in [("contacts", "phone"), ("receipt_contacts", "address")] {
            let all: Vec<(Vec<u8>, String)> = self
                .prepare(&format!("SELECT order_id, {column} FROM {table}"))?
                .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?
                .collect::<Result<_, _>>()?;
            for (order, _) in all.iter().filter(|(_, number)| same(number)) {
                erased += self.erasing(|tx| {
                    let sql = format!("DELETE FROM {table} WHERE order_id = ?1");
                    Ok(tx.execute(&sql, [order])?)
                })?;
            }
        }
        self.wipe_behind();
        Ok(erased)
    }
}

impl Snapshot<'_> {
    /// Where the receipt of an order goes, if not on paper and not erased yet.
    ///
    /// # Errors
    /// When it can't be read, or is damaged: a receipt would go to a stranger.
    pub fn receipt_contact(&self, order: OrderId) -> Result<Option<Contact>, StoreError> {
        let row: Option<(String, String, i64)> = self
            .prepare_cached("SELECT kind, address, sum FROM receipt_contacts WHERE order_id = ?1")?
            .query_row([order.0.into_bytes()], |r| {
                Ok((r.get(0)?, r.get(1)?, r.get(2)?))
            })
            .optional()?;
        let Some((kind, address, kept)) = row else {
            return Ok(None);
        };
        let to = ReceiptTo::ALL.into_iter().find(|to| to.word() == kind);
        let whole = (kept == address_sum(order, &kind, &address))
            .then(|| Contact::read(to?, Some(&address)).ok().flatten())
            .flatten();
        whole
            .map(Some)
            .ok_or_else(|| StoreError::Damaged(format!("where the receipt of order {order} goes")))
    }

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

fn address_sum(order: OrderId, kind: &str, address: &str) -> i64 {
    checksum(&[order.0.as_bytes(), kind.as_bytes(), address.as_bytes()])
}

fn sum(order: OrderId, phone: &str) -> i64 {
    checksum(&[order.0.as_bytes(), phone.as_bytes()])
}
