-- People who work in the store. "pin" is argon2id of the PIN over a secret that is not in this file.
CREATE TABLE users (
  id          BLOB PRIMARY KEY,
  name        TEXT NOT NULL UNIQUE,
  role        TEXT NOT NULL,
  language    TEXT NOT NULL,
  pin         BLOB UNIQUE,
  created_at  INTEGER NOT NULL,
  disabled_at INTEGER
) STRICT, WITHOUT ROWID;

-- Who is at work, and where they came in; of a token only its hash is kept.
CREATE TABLE sessions (
  hash       BLOB PRIMARY KEY,
  user_id    BLOB NOT NULL,
  door       TEXT NOT NULL,
  opened_at  INTEGER NOT NULL,
  seen_at    INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Wrong PINs in a row, by door.
CREATE TABLE pin_guards (
  door  TEXT PRIMARY KEY,
  wrong INTEGER NOT NULL,
  until INTEGER
) STRICT, WITHOUT ROWID;

-- Screens that wait to be paired: the code that stands on them, and the hash of what they ask with.
CREATE TABLE pairings (
  code       TEXT PRIMARY KEY,
  poll       BLOB NOT NULL UNIQUE,
  role       TEXT NOT NULL,
  name       TEXT,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Tokens are those of paired screens.
ALTER TABLE tokens ADD COLUMN paired_by TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX tokens_by_name ON tokens (name);

-- Guests at a kiosk who called for a person and were not answered yet.
CREATE TABLE calls (
  id   BLOB PRIMARY KEY,
  door TEXT NOT NULL UNIQUE,
  why  TEXT NOT NULL,
  at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
