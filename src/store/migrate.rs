//! Migrations by `user_version`; only ever added.

use super::StoreError;
use rusqlite::Connection;

/// In order; the number of those applied is the database's `user_version`.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_init.sql")];

/// Brings the database to this program's version, each step in a transaction of its own.
pub(super) fn migrate(db: &mut Connection) -> Result<(), StoreError> {
    let applied: usize = db.pragma_query_value(None, "user_version", |r| r.get(0))?;
    if applied > MIGRATIONS.len() {
        return Err(StoreError::Open(format!(
            "the database is of a newer Galley (schema {applied}, this one knows {}); install that version",
            MIGRATIONS.len()
        )));
    }
    for (i, sql) in MIGRATIONS.iter().enumerate().skip(applied) {
        let tx = db.transaction()?;
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", i + 1)?;
        tx.commit()?;
    }
    Ok(())
}
