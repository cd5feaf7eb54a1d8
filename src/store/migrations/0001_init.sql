-- The log: everything that happened, in order, each with the hash over its predecessor's.
CREATE TABLE events (
  seq      INTEGER PRIMARY KEY,
  at       INTEGER NOT NULL,
  kind     TEXT NOT NULL,
  order_id BLOB,
  actor    TEXT NOT NULL,
  body     TEXT NOT NULL,
  hash     BLOB NOT NULL
) STRICT;
CREATE INDEX events_by_order ON events (order_id, seq) WHERE order_id IS NOT NULL;

-- Orders, whole; the columns beside the document are for finding them. "check" guards the document.
CREATE TABLE orders (
  id         BLOB PRIMARY KEY,
  day        TEXT NOT NULL,
  number     INTEGER NOT NULL,
  state      TEXT NOT NULL,
  placed_at  INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  doc        TEXT NOT NULL,
  "check"    INTEGER NOT NULL
) STRICT;
CREATE INDEX orders_active ON orders (state, expires_at)
  WHERE state NOT IN ('closed', 'cancelled', 'expired', 'refunded');
CREATE INDEX orders_by_day ON orders (day);
-- Cook jobs and payments that events of the outside world name.
CREATE TABLE order_parts (
  part_id  BLOB PRIMARY KEY,
  order_id BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE counters (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE stock (
  ingredient TEXT PRIMARY KEY,
  on_hand    INTEGER NOT NULL,
  reserved   INTEGER NOT NULL CHECK (reserved >= 0),
  "check"    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE reservations (
  job_id     BLOB NOT NULL,
  ingredient TEXT NOT NULL,
  quantity   INTEGER NOT NULL CHECK (quantity > 0),
  PRIMARY KEY (job_id, ingredient)
) STRICT, WITHOUT ROWID;
-- Ids of movements that the outside world reported: each is booked once.
CREATE TABLE uses (
  use_id TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Registered receipts, for the shift's report.
CREATE TABLE receipts (
  key          TEXT PRIMARY KEY,
  order_id     BLOB NOT NULL,
  shift_number INTEGER,
  doc          TEXT NOT NULL,
  "check"      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX receipts_by_shift ON receipts (shift_number);
CREATE INDEX receipts_by_order ON receipts (order_id);

CREATE TABLE shift_books (
  number              INTEGER PRIMARY KEY,
  registration_number TEXT NOT NULL,
  closed_at           INTEGER NOT NULL,
  posted_minor        INTEGER,
  documents           INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE effects (
  id         INTEGER PRIMARY KEY,
  key        TEXT NOT NULL UNIQUE,
  kind       TEXT NOT NULL,
  queue      TEXT NOT NULL,
  order_id   BLOB,
  item       BLOB,
  request    TEXT NOT NULL,
  evidence   TEXT NOT NULL DEFAULT 'null',
  state      TEXT NOT NULL,
  attempt    INTEGER NOT NULL DEFAULT 0,
  tries      INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  next_at    INTEGER NOT NULL,
  ended_at   INTEGER,
  note       TEXT,
  advice     TEXT,
  result     TEXT
) STRICT;
CREATE INDEX effects_live ON effects (queue, id)
  WHERE state IN ('waiting', 'sent', 'unknown', 'person');
CREATE INDEX effects_by_order ON effects (order_id) WHERE order_id IS NOT NULL;
CREATE TABLE attempts (
  effect_id INTEGER NOT NULL,
  at        INTEGER NOT NULL,
  verb      TEXT NOT NULL,
  outcome   TEXT NOT NULL,
  note      TEXT
) STRICT;
CREATE INDEX attempts_by_effect ON attempts (effect_id);

CREATE TABLE cursors (
  reader TEXT PRIMARY KEY,
  seq    INTEGER NOT NULL,
  at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- With a rowid: answers are too long for the pages of an index, each would take an overflow page of its own.
CREATE TABLE requests (
  key         TEXT PRIMARY KEY,
  fingerprint BLOB NOT NULL,
  status      INTEGER NOT NULL,
  body        TEXT NOT NULL,
  at          INTEGER NOT NULL
) STRICT;

CREATE TABLE tokens (
  hash       BLOB PRIMARY KEY,
  role       TEXT NOT NULL,
  name       TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE alerts (
  key TEXT PRIMARY KEY,
  doc TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Personal data, apart from the log: it can be erased.
CREATE TABLE contacts (
  order_id BLOB PRIMARY KEY,
  phone    TEXT NOT NULL,
  at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Documents of which there is one: the catalog, the shift, a device's journal.
CREATE TABLE documents (
  name TEXT PRIMARY KEY,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
