//! Open alerts; closed ones are in the log.

use super::{Snapshot, StoreError, Tx};
use crate::domain::alert::Alert;
use rusqlite::{OptionalExtension as _, params};

impl Tx<'_> {
    /// Opens an alert, or changes the words of an open one.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put_alert(&mut self, alert: &Alert) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO alerts (key, doc) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET doc = ?2",
            params![alert.key, serde_json::to_string(alert)?],
        )?;
        Ok(())
    }

    /// Closes an alert.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn delete_alert(&mut self, key: &str) -> Result<(), StoreError> {
        self.execute("DELETE FROM alerts WHERE key = ?1", [key])?;
        Ok(())
    }
}

impl Snapshot<'_> {
    /// The open alert of this cause.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn alert(&self, key: &str) -> Result<Option<Alert>, StoreError> {
        let doc: Option<String> = self
            .prepare_cached("SELECT doc FROM alerts WHERE key = ?1")?
            .query_row([key], |r| r.get(0))
            .optional()?;
        Ok(doc.map(|d| serde_json::from_str(&d)).transpose()?)
    }

    /// All open alerts.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn alerts(&self) -> Result<Vec<Alert>, StoreError> {
        let docs: Vec<String> = self
            .prepare_cached("SELECT doc FROM alerts ORDER BY key")?
            .query_map([], |r| r.get(0))?
            .collect::<Result<_, _>>()?;
        docs.iter().map(|d| Ok(serde_json::from_str(d)?)).collect()
    }
}
