-- Secrets that technicians put in, each sealed with the box's key, which is never in the database.
CREATE TABLE secrets (
  name   TEXT PRIMARY KEY,
  sealed BLOB NOT NULL,
  at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
