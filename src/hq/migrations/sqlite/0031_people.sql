-- Who may come in at headquarters, and what they did there.
CREATE TABLE users (
  id          BLOB PRIMARY KEY,
  name        TEXT NOT NULL UNIQUE,
  full_name   TEXT NOT NULL,
  role        TEXT NOT NULL,
  password    TEXT,
  -- Who the identity provider says they are: issuer and subject.
  subject     TEXT UNIQUE,
  created_at  INTEGER NOT NULL,
  disabled_at INTEGER,
  -- Wrong passwords in a row, and until when none is looked at.
  wrong       INTEGER NOT NULL DEFAULT 0,
  shut_until  INTEGER
) STRICT;

CREATE TABLE sessions (
  hash       BLOB PRIMARY KEY,
  user_id    BLOB NOT NULL REFERENCES users (id),
  opened_at  INTEGER NOT NULL,
  seen_at    INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  address    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user_id);

CREATE TABLE api_keys (
  id         BLOB PRIMARY KEY,
  hash       BLOB NOT NULL UNIQUE,
  name       TEXT NOT NULL,
  role       TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  used_at    INTEGER,
  revoked_at INTEGER
) STRICT;

CREATE TABLE audit (
  id       INTEGER PRIMARY KEY,
  at       INTEGER NOT NULL,
  who      TEXT NOT NULL,
  address  TEXT NOT NULL,
  act      TEXT NOT NULL,
  subject  TEXT NOT NULL,
  detail   TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_time ON audit (at);

-- Who looks after an alert. It is of this cause and this time only.
CREATE TABLE acknowledged (
  store    INTEGER NOT NULL REFERENCES stores (id),
  key      TEXT NOT NULL,
  since_at INTEGER NOT NULL,
  who      TEXT NOT NULL,
  at       INTEGER NOT NULL,
  note     TEXT NOT NULL,
  PRIMARY KEY (store, key, since_at)
) STRICT, WITHOUT ROWID;

-- Where a store stands, in millionths of a degree.
CREATE TABLE places (
  store     INTEGER PRIMARY KEY REFERENCES stores (id),
  latitude  INTEGER NOT NULL,
  longitude INTEGER NOT NULL,
  city      TEXT NOT NULL
) STRICT;
