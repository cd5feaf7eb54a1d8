-- What follows from the events, written in the same transaction; it can be made anew from them at any time.
DROP TABLE orders;
DROP TABLE refunds;
DROP TABLE days;

-- Which shape the projections have; with another one they are made anew from the events.
CREATE TABLE projected (
  id    BIGINT PRIMARY KEY,
  shape BIGINT NOT NULL
);

CREATE TABLE orders (
  store           BIGINT NOT NULL REFERENCES stores (id),
  order_id        BYTEA NOT NULL,
  day             TEXT NOT NULL,
  number          BIGINT NOT NULL,
  state           TEXT NOT NULL,
  currency        TEXT NOT NULL,
  placed_at       BIGINT NOT NULL,
  updated_at      BIGINT NOT NULL,
  total_minor     BIGINT NOT NULL,
  orders          BIGINT NOT NULL,
  sold_minor      BIGINT NOT NULL,
  captured_minor  BIGINT NOT NULL,
  refunded_minor  BIGINT NOT NULL,
  receipted_minor BIGINT NOT NULL,
  returned_minor  BIGINT NOT NULL,
  elsewhere_minor BIGINT NOT NULL,
  dishes          BIGINT NOT NULL,
  plated          BIGINT NOT NULL,
  waiting         BIGINT NOT NULL,
  unequal         BIGINT NOT NULL,
  -- Its events lie between these two in the store's log.
  first_seq       BIGINT NOT NULL,
  last_seq        BIGINT NOT NULL,
  events          BIGINT NOT NULL,
  -- The whole order while it lives; afterwards it is read from its events.
  doc             TEXT,
  PRIMARY KEY (store, order_id)
);
CREATE INDEX orders_by_day ON orders (store, day);

CREATE TABLE days (
  store             BIGINT NOT NULL REFERENCES stores (id),
  day               TEXT NOT NULL,
  currency          TEXT NOT NULL,
  orders            BIGINT NOT NULL,
  sold_minor        BIGINT NOT NULL,
  captured_minor    BIGINT NOT NULL,
  refunded_minor    BIGINT NOT NULL,
  receipted_minor   BIGINT NOT NULL,
  returned_minor    BIGINT NOT NULL,
  elsewhere_minor   BIGINT NOT NULL,
  dishes            BIGINT NOT NULL,
  plated            BIGINT NOT NULL,
  waiting           BIGINT NOT NULL,
  unequal           BIGINT NOT NULL,
  -- Receipts of no order.
  corrections_minor BIGINT NOT NULL,
  -- Of the day's receipts, what accounting has; and in how many shifts the others are.
  accounted_minor   BIGINT NOT NULL,
  unposted          BIGINT NOT NULL,
  PRIMARY KEY (store, day)
);
CREATE INDEX days_by_day ON days (day);

-- A shift, with its receipts by the day of their orders.
CREATE TABLE shifts (
  store        BIGINT NOT NULL REFERENCES stores (id),
  drive        TEXT NOT NULL,
  number       BIGINT NOT NULL,
  opened_at    BIGINT,
  closed_at    BIGINT,
  posted_at    BIGINT,
  posted_minor BIGINT,
  document     TEXT,
  receipts     TEXT NOT NULL,
  PRIMARY KEY (store, drive, number)
);

-- Quarters of an hour: signs of life by headquarters' clock, what happened by the store's.
CREATE TABLE quarters (
  store        BIGINT NOT NULL REFERENCES stores (id),
  at           BIGINT NOT NULL,
  first_at     BIGINT,
  last_at      BIGINT,
  -- Milliseconds of silence between two signs of life, beyond what is usual.
  silent_ms    BIGINT NOT NULL,
  received     BIGINT NOT NULL,
  backlog      BIGINT NOT NULL,
  oldest_ms    BIGINT NOT NULL,
  orders       BIGINT NOT NULL,
  sales_minor  BIGINT NOT NULL,
  dishes       BIGINT NOT NULL,
  cook_ms      BIGINT NOT NULL,
  PRIMARY KEY (store, at)
);
CREATE INDEX quarters_by_time ON quarters (at);

CREATE TABLE alerts (
  store     BIGINT NOT NULL REFERENCES stores (id),
  key       TEXT NOT NULL,
  severity  TEXT NOT NULL,
  title     TEXT NOT NULL,
  detail    TEXT NOT NULL,
  advice    TEXT NOT NULL,
  since_at  BIGINT NOT NULL,
  raised    BIGINT NOT NULL,
  PRIMARY KEY (store, key)
);
CREATE TABLE alerts_over (
  store      BIGINT NOT NULL REFERENCES stores (id),
  seq        BIGINT NOT NULL,
  key        TEXT NOT NULL,
  severity   TEXT NOT NULL,
  title      TEXT NOT NULL,
  since_at   BIGINT NOT NULL,
  cleared_at BIGINT NOT NULL,
  PRIMARY KEY (store, seq)
);
CREATE INDEX alerts_over_by_time ON alerts_over (cleared_at);
