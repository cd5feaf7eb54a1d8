//! The stop-list.

use super::{Snapshot, StoreError, Tx};
use crate::domain::{
    ids::{DishId, IngredientId},
    stops::{Stop, Stopped, Stops},
    time::Timestamp,
};
use rusqlite::params;

const DISH: &str = "dish";
const INGREDIENT: &str = "ingredient";

fn words(what: &Stopped) -> (&'static str, &str) {
    match what {
        Stopped::Dish(id) => (DISH, &id.0),
        Stopped::Ingredient(id) => (INGREDIENT, &id.0),
    }
}

impl Tx<'_> {
    /// Takes something off sale.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put_stop(&mut self, what: &Stopped, stop: &Stop) -> Result<(), StoreError> {
        let (kind, id) = words(what);
        self.execute(
            "INSERT INTO stops (kind, id, since_at, until_at, who, why) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET until_at = ?4, who = ?5, why = ?6",
            params![
                kind,
                id,
                stop.since_at.as_millis(),
                stop.until_at.map(Timestamp::as_millis),
                stop.who,
                stop.why
            ],
        )?;
        Ok(())
    }

    /// Puts it on sale again; whether it was off sale.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn lift_stop(&mut self, what: &Stopped) -> Result<bool, StoreError> {
        let (kind, id) = words(what);
        let gone = self.execute("DELETE FROM stops WHERE kind = ?1 AND id = ?2", [kind, id])?;
        Ok(gone > 0)
    }

    /// Drops what is over by itself.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn drop_stops_over(&mut self, now: Timestamp) -> Result<usize, StoreError> {
        Ok(self.execute(
            "DELETE FROM stops WHERE until_at IS NOT NULL AND until_at <= ?1",
            [now.as_millis()],
        )?)
    }
}

impl Snapshot<'_> {
    /// The stop-list.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn stops(&self) -> Result<Stops, StoreError> {
        let mut statement =
            self.prepare_cached("SELECT kind, id, since_at, until_at, who, why FROM stops")?;
        let mut rows = statement.query([])?;
        let mut stops = Stops::default();
        while let Some(r) = rows.next()? {
            let kind: String = r.get(0)?;
            let what = match kind.as_str() {
                DISH => Stopped::Dish(DishId(r.get(1)?)),
                INGREDIENT => Stopped::Ingredient(IngredientId(r.get(1)?)),
                other => return Err(StoreError::Damaged(format!("a stop of {other:?}"))),
            };
            let stop = Stop {
                since_at: Timestamp::from_millis(r.get(2)?),
                until_at: r.get::<_, Option<i64>>(3)?.map(Timestamp::from_millis),
                who: r.get(4)?,
                why: r.get(5)?,
            };
            stops.0.insert(what, stop);
        }
        Ok(stops)
    }
}
