-- Which of several headquarters does what only one may do.
CREATE TABLE leases (
  name   TEXT PRIMARY KEY,
  holder BLOB NOT NULL,
  until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What people were told of, as one document.
CREATE TABLE notify_cases (
  id  INTEGER PRIMARY KEY,
  doc TEXT NOT NULL
) STRICT;

-- Messages to people: next_at is set while one is still to be sent.
CREATE TABLE notices (
  id       BLOB PRIMARY KEY,
  channel  TEXT NOT NULL,
  what     TEXT NOT NULL,
  at       INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  next_at  INTEGER,
  sent_at  INTEGER,
  error    TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX notices_due ON notices (next_at) WHERE next_at IS NOT NULL;
