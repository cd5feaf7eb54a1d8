-- Every store: who it is, how far its log is here, and its newest state.
CREATE TABLE stores (
  id            INTEGER PRIMARY KEY,
  store_id      TEXT NOT NULL UNIQUE,
  name          TEXT NOT NULL,
  token_hash    BLOB,
  enrolled_at   INTEGER NOT NULL,
  -- All its events up to seq are here, without a hole; hash is the chain's at seq.
  seq           INTEGER NOT NULL DEFAULT 0,
  hash          BLOB NOT NULL,
  last_event_at INTEGER,
  seen_at       INTEGER,
  summary       TEXT,
  summary_at    INTEGER,
  refused       TEXT
) STRICT;

CREATE TABLE events (
  store       INTEGER NOT NULL REFERENCES stores (id),
  seq         INTEGER NOT NULL,
  at          INTEGER NOT NULL,
  kind        TEXT NOT NULL,
  order_id    BLOB,
  actor       TEXT NOT NULL,
  body        TEXT NOT NULL,
  hash        BLOB NOT NULL,
  received_at INTEGER NOT NULL,
  PRIMARY KEY (store, seq)
) STRICT;

-- An event that was not taken; a later good one with its number takes it out.
CREATE TABLE quarantine (
  store       INTEGER NOT NULL REFERENCES stores (id),
  seq         INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  reason      TEXT NOT NULL,
  entry       TEXT NOT NULL,
  PRIMARY KEY (store, seq)
) STRICT, WITHOUT ROWID;

-- What follows from the events, written in the same transaction.
CREATE TABLE orders (
  store    INTEGER NOT NULL REFERENCES stores (id),
  order_id BLOB NOT NULL,
  day      TEXT NOT NULL,
  PRIMARY KEY (store, order_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE refunds (
  store        INTEGER NOT NULL REFERENCES stores (id),
  refund_id    BLOB NOT NULL,
  amount_minor INTEGER NOT NULL,
  PRIMARY KEY (store, refund_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE days (
  store         INTEGER NOT NULL REFERENCES stores (id),
  day           TEXT NOT NULL,
  orders        INTEGER NOT NULL DEFAULT 0,
  sales_minor   INTEGER NOT NULL DEFAULT 0,
  returns_minor INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (store, day)
) STRICT, WITHOUT ROWID;
