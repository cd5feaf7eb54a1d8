//! Documents of which there is one: the catalog, the shift, a device's journal.

use super::{Snapshot, StoreError, Tx};
use rusqlite::{OptionalExtension as _, params};
use serde::{Serialize, de::DeserializeOwned};

/// Name of the document with the store's fence at the robot, and its place in the robot's journal.
pub const ROBOT: &str = "robot";

impl Tx<'_> {
    /// Writes the document with this name.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put_document<T: Serialize>(&mut self, name: &str, body: &T) -> Result<(), StoreError> {
        let text = serde_json::to_string(body)?;
        self.prepare_cached(
            "INSERT INTO documents (name, body) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET body = ?2",
        )?
        .execute(params![name, text])?;
        Ok(())
    }
}

impl Tx<'_> {
    /// Forgets the document with this name.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn delete_document(&mut self, name: &str) -> Result<(), StoreError> {
        self.execute("DELETE FROM documents WHERE name = ?1", [name])?;
        Ok(())
    }
}

impl Snapshot<'_> {
    /// The document with this name.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn document<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        let text: Option<String> = self
            .prepare_cached("SELECT body FROM documents WHERE name = ?1")?
            .query_row([name], |r| r.get(0))
            .optional()?;
        Ok(text.map(|t| serde_json::from_str(&t)).transpose()?)
    }
}
