//! What the store can't do, by what the caller must distinguish.

use std::sync::Arc;

/// A failure of the store. Nothing of the failed write is in the database.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full: nothing was written, nothing is lost, and it goes on when there is room.
    #[error("the disk is full; free some space, the store goes on by itself")]
    DiskFull,
    /// The disk refused a write or a flush. The writer has reopened the database and verifies it.
    #[error("the disk failed: {0}")]
    Disk(Arc<rusqlite::Error>),
    /// A stored row is not what was written.
    #[error("damaged data in {0}")]
    Damaged(String),
    /// The database could not be opened.
    #[error("{0}")]
    Open(String),
    /// The writer has stopped; the daemon is going down.
    #[error("the store is closed")]
    Closed,
    /// SQL that can't be: a bug.
    #[error("database: {0}")]
    Sql(Arc<rusqlite::Error>),
    /// What a database server answered, or that it did not.
    #[error("the database server: {0}")]
    Server(String),
    /// A value that can't be written or read as JSON: a bug.
    #[error("database document: {0}")]
    Json(Arc<serde_json::Error>),
    /// What was to be written made the program panic: a bug. Nothing of it was written.
    #[error("a bug in Galley stopped this write; its words are in the log")]
    Panicked,
    /// A secret that stays closed.
    #[error("secret {0}: {1}")]
    Secret(String, super::vault::VaultError),
    /// A movement that the stock ledger refuses.
    #[error(transparent)]
    Stock(#[from] crate::domain::stock::StockError),
}

impl StoreError {
    /// Whether what was to be written may be at fault, and not the disk or the server.
    #[must_use]
    pub fn is_about_content(&self) -> bool {
        matches!(
            self,
            Self::Sql(_) | Self::Server(_) | Self::Json(_) | Self::Damaged(_) | Self::Panicked
        )
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(e: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as C;
        match e.sqlite_error_code() {
            Some(C::DiskFull) => Self::DiskFull,
            Some(C::SystemIoFailure | C::ReadOnly | C::CannotOpen) => Self::Disk(Arc::new(e)),
            Some(C::DatabaseCorrupt | C::NotADatabase) => Self::Damaged(e.to_string()),
            _ => Self::Sql(Arc::new(e)),
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(e: serde_json::Error) -> Self {
        Self::Json(Arc::new(e))
    }
}
