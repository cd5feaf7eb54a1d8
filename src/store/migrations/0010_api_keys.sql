-- Keys of other systems. Of a key only its hash is kept; a revoked one keeps its name, so that the log never means two.
CREATE TABLE api_keys (
  name         TEXT PRIMARY KEY,
  hash         BLOB NOT NULL UNIQUE,
  hint         TEXT NOT NULL,
  scopes       TEXT NOT NULL,
  per_minute   INTEGER,
  created_at   INTEGER NOT NULL,
  created_by   TEXT NOT NULL,
  expires_at   INTEGER,
  former_hash  BLOB,
  former_until INTEGER,
  used_at      INTEGER,
  revoked_at   INTEGER
) STRICT, WITHOUT ROWID;

-- Subscriptions to the log. How far each has come stands in "cursors", its secrets in "secrets".
CREATE TABLE webhooks (
  id            BLOB PRIMARY KEY,
  name          TEXT NOT NULL UNIQUE,
  url           TEXT NOT NULL,
  kinds         TEXT NOT NULL,
  state         TEXT NOT NULL,
  created_at    INTEGER NOT NULL,
  created_by    TEXT NOT NULL,
  former_until  INTEGER,
  attempts      INTEGER NOT NULL DEFAULT 0,
  failing_since INTEGER,
  next_at       INTEGER,
  last_error    TEXT,
  delivered_at  INTEGER,
  delivered_seq INTEGER,
  delivered     INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
