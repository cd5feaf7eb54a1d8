//! Stock levels, what is held for which cook job, and which outside movements are booked.

use super::{Snapshot, StoreError, Tx, checksum};
use crate::domain::{
    ids::{IngredientId, JobId},
    stock::{Level, Levels, Movement},
};
use rusqlite::{OptionalExtension as _, params};
use std::collections::BTreeMap;

impl Tx<'_> {
    /// Books movements: levels and reservations.
    ///
    /// # Errors
    /// When the ledger refuses one, or it can't be written; the whole write fails then.
    pub fn move_stock(&mut self, movements: &[Movement]) -> Result<(), StoreError> {
        let mut changed: Levels = BTreeMap::new();
        for m in movements {
            let level = match changed.get(&m.ingredient) {
                Some(level) => *level,
                None => self.snapshot().level(&m.ingredient)?,
            };
            changed.insert(m.ingredient.clone(), level.after(m)?);
            if let Some(job) = m.job
                && m.reserved != 0
            {
                self.hold(job, &m.ingredient, m.reserved)?;
            }
            if let Some(use_id) = &m.use_id {
                self.prepare_cached("INSERT INTO uses (use_id) VALUES (?1)")?
                    .execute([use_id])?;
            }
        }
        for (ingredient, level) in changed {
            self.prepare_cached(
                r#"INSERT INTO stock (ingredient, on_hand, reserved, "check") VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (ingredient) DO UPDATE SET on_hand = ?2, reserved = ?3, "check" = ?4"#,
            )?
            .execute(params![
                ingredient.0,
                level.on_hand,
                level.reserved,
                guard(&ingredient, level)
            ])?;
        }
        Ok(())
    }

    fn hold(&self, job: JobId, ingredient: &IngredientId, by: i64) -> Result<(), StoreError> {
        if by > 0 {
            self.prepare_cached(
                "INSERT INTO reservations (job_id, ingredient, quantity) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET quantity = quantity + ?3",
            )?
            .execute(params![job.0.into_bytes(), ingredient.0, by])?;
            return Ok(());
        }
        let held: Option<i64> = self
            .prepare_cached(
                "SELECT quantity FROM reservations WHERE job_id = ?1 AND ingredient = ?2",
            )?
            .query_row(params![job.0.into_bytes(), ingredient.0], |r| r.get(0))
            .optional()?;
        let next = held.unwrap_or(0).saturating_add(by);
        if next > 0 {
            self.prepare_cached(
                "UPDATE reservations SET quantity = ?3 WHERE job_id = ?1 AND ingredient = ?2",
            )?
            .execute(params![job.0.into_bytes(), ingredient.0, next])?;
        } else {
            self.prepare_cached("DELETE FROM reservations WHERE job_id = ?1 AND ingredient = ?2")?
                .execute(params![job.0.into_bytes(), ingredient.0])?;
        }
        Ok(())
    }
}

impl Snapshot<'_> {
    /// The level of one ingredient; zero where none was ever booked.
    ///
    /// # Errors
    /// When it can't be read, or is damaged.
    pub fn level(&self, ingredient: &IngredientId) -> Result<Level, StoreError> {
        let row: Option<(i64, i64, i64)> = self
            .prepare_cached(
                r#"SELECT on_hand, reserved, "check" FROM stock WHERE ingredient = ?1"#,
            )?
            .query_row([&ingredient.0], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
            .optional()?;
        row.map_or(Ok(Level::default()), |row| checked(ingredient, row))
    }

    /// All levels.
    ///
    /// # Errors
    /// When they can't be read, or one is damaged.
    pub fn levels(&self) -> Result<Levels, StoreError> {
        let mut statement =
            self.prepare_cached(r#"SELECT ingredient, on_hand, reserved, "check" FROM stock"#)?;
        let mut rows = statement.query([])?;
        let mut levels = Levels::new();
        while let Some(r) = rows.next()? {
            let ingredient = IngredientId(r.get(0)?);
            let level = checked(&ingredient, (r.get(1)?, r.get(2)?, r.get(3)?))?;
            levels.insert(ingredient, level);
        }
        Ok(levels)
    }

    /// What is held for a cook job.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn held_for(&self, job: JobId) -> Result<BTreeMap<IngredientId, i64>, StoreError> {
        let rows = self
            .prepare_cached("SELECT ingredient, quantity FROM reservations WHERE job_id = ?1")?
            .query_map([job.0.into_bytes()], |r| {
                Ok((IngredientId(r.get(0)?), r.get(1)?))
            })?
            .collect::<Result<_, _>>()?;
        Ok(rows)
    }

    /// Whether a movement of the outside world is booked already.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn is_booked(&self, use_id: &str) -> Result<bool, StoreError> {
        Ok(self
            .prepare_cached("SELECT 1 FROM uses WHERE use_id = ?1")?
            .exists([use_id])?)
    }
}

fn guard(ingredient: &IngredientId, level: Level) -> i64 {
    checksum(&[
        ingredient.0.as_bytes(),
        &level.on_hand.to_be_bytes(),
        &level.reserved.to_be_bytes(),
    ])
}

fn checked(
    ingredient: &IngredientId,
    (on_hand, reserved, check): (i64, i64, i64),
) -> Result<Level, StoreError> {
    let level = Level { on_hand, reserved };
    if guard(ingredient, level) != check {
        return Err(StoreError::Damaged(format!("the stock of {ingredient}")));
    }
    Ok(level)
}
