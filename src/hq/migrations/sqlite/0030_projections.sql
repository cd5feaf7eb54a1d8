-- What follows from the events, written in the same transaction; it can be made anew from them at any time.
DROP TABLE orders;
DROP TABLE refunds;
DROP TABLE days;

-- Which shape the projections have; with another one they are made anew from the events.
CREATE TABLE projected (
  id    INTEGER PRIMARY KEY,
  shape INTEGER NOT NULL
) STRICT;

CREATE TABLE orders (
  store           INTEGER NOT NULL REFERENCES stores (id),
  order_id        BLOB NOT NULL,
  day             TEXT NOT NULL,
  number          INTEGER NOT NULL,
  state           TEXT NOT NULL,
  currency        TEXT NOT NULL,
  placed_at       INTEGER NOT NULL,
  updated_at      INTEGER NOT NULL,
  total_minor     INTEGER NOT NULL,
  orders          INTEGER NOT NULL,
  sold_minor      INTEGER NOT NULL,
  captured_minor  INTEGER NOT NULL,
  refunded_minor  INTEGER NOT NULL,
  receipted_minor INTEGER NOT NULL,
  returned_minor  INTEGER NOT NULL,
  elsewhere_minor INTEGER NOT NULL,
  dishes          INTEGER NOT NULL,
  plated          INTEGER NOT NULL,
  waiting         INTEGER NOT NULL,
  unequal         INTEGER NOT NULL,
  -- Its events lie between these two in the store's log.
  first_seq       INTEGER NOT NULL,
  last_seq        INTEGER NOT NULL,
  events          INTEGER NOT NULL,
  -- The whole order while it lives; afterwards it is read from its events.
  doc             TEXT,
  PRIMARY KEY (store, order_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX orders_by_day ON orders (store, day);

CREATE TABLE days (
  store             INTEGER NOT NULL REFERENCES stores (id),
  day               TEXT NOT NULL,
  currency          TEXT NOT NULL,
  orders            INTEGER NOT NULL,
  sold_minor        INTEGER NOT NULL,
  captured_minor    INTEGER NOT NULL,
  refunded_minor    INTEGER NOT NULL,
  receipted_minor   INTEGER NOT NULL,
  returned_minor    INTEGER NOT NULL,
  elsewhere_minor   INTEGER NOT NULL,
  dishes            INTEGER NOT NULL,
  plated            INTEGER NOT NULL,
  waiting           INTEGER NOT NULL,
  unequal           INTEGER NOT NULL,
  -- Receipts of no order.
  corrections_minor INTEGER NOT NULL,
  -- Of the day's receipts, what accounting has; and in how many shifts the others are.
  accounted_minor   INTEGER NOT NULL,
  unposted          INTEGER NOT NULL,
  PRIMARY KEY (store, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX days_by_day ON days (day);

-- A shift, with its receipts by the day of their orders.
CREATE TABLE shifts (
  store        INTEGER NOT NULL REFERENCES stores (id),
  drive        TEXT NOT NULL,
  number       INTEGER NOT NULL,
  opened_at    INTEGER,
  closed_at    INTEGER,
  posted_at    INTEGER,
  posted_minor INTEGER,
  document     TEXT,
  receipts     TEXT NOT NULL,
  PRIMARY KEY (store, drive, number)
) STRICT, WITHOUT ROWID;

-- Quarters of an hour: signs of life by headquarters' clock, what happened by the store's.
CREATE TABLE quarters (
  store        INTEGER NOT NULL REFERENCES stores (id),
  at           INTEGER NOT NULL,
  first_at     INTEGER,
  last_at      INTEGER,
  -- Milliseconds of silence between two signs of life, beyond what is usual.
  silent_ms    INTEGER NOT NULL,
  received     INTEGER NOT NULL,
  backlog      INTEGER NOT NULL,
  oldest_ms    INTEGER NOT NULL,
  orders       INTEGER NOT NULL,
  sales_minor  INTEGER NOT NULL,
  dishes       INTEGER NOT NULL,
  cook_ms      INTEGER NOT NULL,
  PRIMARY KEY (store, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX quarters_by_time ON quarters (at);

CREATE TABLE alerts (
  store     INTEGER NOT NULL REFERENCES stores (id),
  key       TEXT NOT NULL,
  severity  TEXT NOT NULL,
  title     TEXT NOT NULL,
  detail    TEXT NOT NULL,
  advice    TEXT NOT NULL,
  since_at  INTEGER NOT NULL,
  raised    INTEGER NOT NULL,
  PRIMARY KEY (store, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE alerts_over (
  store      INTEGER NOT NULL REFERENCES stores (id),
  seq        INTEGER NOT NULL,
  key        TEXT NOT NULL,
  severity   TEXT NOT NULL,
  title      TEXT NOT NULL,
  since_at   INTEGER NOT NULL,
  cleared_at INTEGER NOT NULL,
  PRIMARY KEY (store, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX alerts_over_by_time ON alerts_over (cleared_at);
