//! What promotions count, and for whom: phone numbers and the cards of the store's own people are kept as keyed
//! hashes, apart from the log, and can be erased.

use super::{Snapshot, StoreError, Tx, checksum};
use crate::domain::{
    ids::OrderId,
    promotion::{Guest, Staff},
    promotion_sum::{Use, UseOf},
    time::Timestamp,
};
use rusqlite::{OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};
use std::{fmt::Write as _, time::Duration};

/// Document with the key of the hashes.
const KEY: &str = "guest-key";
/// A birthday's promotion is had once in so long. A year less the days around it.
const BIRTHDAY: Duration = Duration::from_hours(300 * 24);

/// A person's keyed hash (HMAC-SHA-256).
pub type Who = [u8; 32];

/// Whose hash.
#[derive(Clone, Copy, Debug)]
pub enum Person<'a> {
    /// A guest, by the phone number as it was typed.
    Phone(&'a str),
    /// One of the store's own people, by what their card says.
    Card(&'a str),
    /// A member of the loyalty programme, by the number of their card.
    Member(&'a str),
}

impl Person<'_> {
    /// The number in one way of writing: digits, with the country's.
    #[must_use]
    pub fn plain(self) -> String {
        match self {
            Self::Phone(text) => {
                let digits: String = text.chars().filter(char::is_ascii_digit).collect();
                // Russian numbers are also typed with an 8, or without the country.
                match digits.len() {
                    11 if digits.starts_with('8') => format!("phone:7{}", &digits[1..]),
                    10 => format!("phone:7{digits}"),
                    _ => format!("phone:{digits}"),
                }
            }
            Self::Card(text) => format!("card:{}", text.trim()),
            // Cards are printed in groups, and scanners tell letters as they come.
            Self::Member(text) => {
                let plain = text.chars().filter(char::is_ascii_alphanumeric);
                format!("member:{}", plain.collect::<String>().to_ascii_uppercase())
            }
        }
    }
}

/// RFC 2104 with SHA-256 and a key of its block size or less.
fn hmac(key: &[u8; 32], text: &[u8]) -> Who {
    let pad = |with: u8| {
        let mut block = [with; 64];
        for (b, k) in block.iter_mut().zip(key) {
            *b ^= k;
        }
        block
    };
    let inner = Sha256::new_with_prefix(pad(0x36))
        .chain_update(text)
        .finalize();
    Sha256::new_with_prefix(pad(0x5c))
        .chain_update(inner)
        .finalize()
        .into()
}

impl Tx<'_> {
    /// Takes `fresh` as the key of the hashes, unless there is one.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn keep_guest_key(&mut self, fresh: &[u8; 32]) -> Result<(), StoreError> {
        if self.snapshot().document::<String>(KEY)?.is_some() {
            return Ok(());
        }
        let mut text = String::new();
        for byte in fresh {
            let _ = write!(text, "{byte:02x}");
        }
        self.put_document(KEY, &text)
    }

    /// Counts what promotions count of an order.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put_promotion_uses(
        &mut self,
        order: OrderId,
        uses: &[Use],
        guest: Option<Who>,
        staff: Option<Who>,
        day: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for u in uses {
            let who = match u.of {
                UseOf::Anyone => None,
                UseOf::Guest => guest,
                UseOf::Staff => staff,
            };
            let row = Row {
                order,
                promotion: u.promotion.clone(),
                code: u.code.clone(),
                day: day.to_owned(),
                pieces: u.pieces,
                at: now,
            };
            self.prepare_cached(
                "INSERT INTO promotion_uses (order_id, promotion, code, who, day, pieces, at, sum)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                order.0.into_bytes(),
                row.promotion,
                row.code,
                who,
                row.day,
                row.pieces,
                now.as_millis(),
                row.sum(who.as_ref())
            ])?;
        }
        Ok(())
    }

    /// Gives back what an order had counted: it is not paid.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn undo_promotion_uses(&mut self, order: OrderId) -> Result<(), StoreError> {
        self.prepare_cached("DELETE FROM promotion_uses WHERE order_id = ?1")?
            .execute([order.0.into_bytes()])?;
        Ok(())
    }

    /// Keeps a guest's birthday, `MM-DD`.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put_birthday(
        &mut self,
        who: Who,
        birthday: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO guests (who, birthday, at, sum) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (who) DO UPDATE SET birthday = ?2, at = ?3, sum = ?4",
            params![who, birthday, now.as_millis(), birthday_sum(&who, birthday)],
        )?;
        Ok(())
    }

    /// Forgets a person; what is counted for promotions stays, without saying whose it was. The number of rows.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn erase_person(&mut self, who: Who) -> Result<usize, StoreError> {
        let rows = self.snapshot().rows_of(&who)?;
        self.wipe_behind();
        self.erasing(|tx| {
            for row in &rows {
                tx.forget_whose(row)?;
            }
            let guests = tx.execute("DELETE FROM guests WHERE who = ?1", [who])?;
            Ok(rows.len() + guests)
        })
    }

    /// Forgets people who were last seen before then.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn erase_people(&mut self, before: Timestamp) -> Result<(), StoreError> {
        let rows = self.snapshot().rows_before(before)?;
        self.erasing(|tx| {
            for row in &rows {
                tx.forget_whose(row)?;
            }
            tx.execute(
                "DELETE FROM guests WHERE at < ?1 AND who NOT IN (SELECT who FROM promotion_uses WHERE who IS NOT NULL)",
                [before.as_millis()],
            )?;
            Ok(())
        })
    }

    fn forget_whose(&mut self, row: &Row) -> Result<(), StoreError> {
        self.execute(
            "UPDATE promotion_uses SET who = NULL, sum = ?3 WHERE order_id = ?1 AND promotion = ?2",
            params![row.order.0.into_bytes(), row.promotion, row.sum(None)],
        )?;
        Ok(())
    }
}

/// A row of what is counted.
struct Row {
    order: OrderId,
    promotion: String,
    code: Option<String>,
    day: String,
    pieces: u32,
    at: Timestamp,
}

impl Row {
    fn sum(&self, who: Option<&Who>) -> i64 {
        checksum(&[
            self.order.0.as_bytes(),
            self.promotion.as_bytes(),
            self.code.as_deref().unwrap_or_default().as_bytes(),
            who.map_or(&[][..], |w| w.as_slice()),
            self.day.as_bytes(),
            &self.pieces.to_be_bytes(),
            &self.at.as_millis().to_be_bytes(),
        ])
    }
}

fn birthday_sum(who: &Who, birthday: &str) -> i64 {
    checksum(&[who, birthday.as_bytes()])
}

impl Snapshot<'_> {
    /// The keyed hash of a person; none before the store has a key.
    ///
    /// # Errors
    /// When the key can't be read.
    pub fn who(&self, person: Person<'_>) -> Result<Option<Who>, StoreError> {
        let Some(text) = self.document::<String>(KEY)? else {
            return Ok(None);
        };
        let mut key = [0u8; 32];
        let damaged = || StoreError::Damaged("the key of guests' numbers".to_owned());
        if text.len() != 64 || !text.is_ascii() {
            return Err(damaged());
        }
        for (i, byte) in key.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| damaged())?;
        }
        Ok(Some(hmac(&key, person.plain().as_bytes())))
    }

    /// Orders that a code was used for.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn code_uses(&self, code: &str) -> Result<u32, StoreError> {
        Ok(self
            .prepare_cached("SELECT count(*) FROM promotion_uses WHERE code = ?1")?
            .query_row([code], |r| r.get(0))?)
    }

    /// What promotions know of a guest. `code`: the one that was given.
    ///
    /// # Errors
    /// When it can't be read, or is damaged.
    pub fn guest(
        &self,
        who: &Who,
        code: Option<&str>,
        now: Timestamp,
    ) -> Result<Guest, StoreError> {
        let mut guest = Guest {
            birthday: self.birthday(who)?,
            ..Guest::default()
        };
        for row in self.rows_of(who)? {
            let bought = guest.bought.entry(row.promotion.clone()).or_default();
            *bought = bought.saturating_add(row.pieces);
            guest.code_uses += u32::from(code.is_some() && row.code.as_deref() == code);
            if now.since(row.at) < BIRTHDAY {
                guest.birthday_used.insert(row.promotion);
            }
        }
        Ok(guest)
    }

    /// What promotions know of one of the store's own people, on a day.
    ///
    /// # Errors
    /// When it can't be read, or is damaged.
    pub fn staff_meals(&self, who: &Who, day: &str) -> Result<Staff, StoreError> {
        let mut staff = Staff::default();
        for row in self.rows_of(who)?.into_iter().filter(|r| r.day == day) {
            *staff.meals_today.entry(row.promotion).or_default() += 1;
        }
        Ok(staff)
    }

    fn birthday(&self, who: &Who) -> Result<Option<(i8, i8)>, StoreError> {
        let row: Option<(String, i64)> = self
            .prepare_cached("SELECT birthday, sum FROM guests WHERE who = ?1")?
            .query_row([who], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        let Some((text, sum)) = row else {
            return Ok(None);
        };
        let parsed = text
            .split_once('-')
            .and_then(|(month, day)| Some((month.parse::<i8>().ok()?, day.parse::<i8>().ok()?)));
        match parsed {
            Some(day) if sum == birthday_sum(who, &text) => Ok(Some(day)),
            _ => Err(StoreError::Damaged("a guest's birthday".to_owned())),
        }
    }

    fn rows_of(&self, who: &Who) -> Result<Vec<Row>, StoreError> {
        self.rows("WHERE who = ?1", params![who])
    }

    fn rows_before(&self, before: Timestamp) -> Result<Vec<Row>, StoreError> {
        self.rows(
            "WHERE who IS NOT NULL AND at < ?1",
            params![before.as_millis()],
        )
    }

    fn rows(&self, which: &str, with: &[&dyn rusqlite::ToSql]) -> Result<Vec<Row>, StoreError> {
        let mut statement = self.prepare_cached(&format!(
            "SELECT order_id, promotion, code, day, pieces, at, who, sum FROM promotion_uses {which}"
        ))?;
        let mut rows = statement.query(with)?;
        let mut found = Vec::new();
        while let Some(r) = rows.next()? {
            let order: Vec<u8> = r.get(0)?;
            let row = Row {
                order: OrderId(super::uuid_from(&order)?),
                promotion: r.get(1)?,
                code: r.get(2)?,
                day: r.get(3)?,
                pieces: r.get(4)?,
                at: Timestamp::from_millis(r.get(5)?),
            };
            let who: Option<Who> = r.get(6)?;
            if r.get::<_, i64>(7)? != row.sum(who.as_ref()) {
                return Err(StoreError::Damaged(format!(
                    "what promotion {} counted",
                    row.promotion
                )));
            }
            found.push(row);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keyed_hash_is_hmac_sha_256() {
        // RFC 4231, case 2, has a key of 4 bytes; zeros behind it are the same key.
        let mut key = [0u8; 32];
        key[..4].copy_from_slice(b"Jefe");
        let mut hex = String::new();
        for byte in hmac(&key, b"what do ya want for nothing?") {
            let _ = write!(hex, "{byte:02x}");
        }
        assert_eq!(
            hex,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn a_number_is_the_same_however_it_is_typed() {
        let plain = |text| Person::Phone(text).plain();
        assert_eq!(plain("+7 (916) 123-45-67"), plain("89161234567"));
        assert_eq!(plain("9161234567"), plain("7 916 1234567"));
        assert_ne!(plain("+998 90 123 45 67"), plain("+7 916 123 45 67"));
        assert_ne!(plain("123"), Person::Card("123").plain());
    }
}
