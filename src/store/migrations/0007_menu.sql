-- What staff took off sale: kind is 'dish' or 'ingredient'.
CREATE TABLE stops (
  kind     TEXT NOT NULL,
  id       TEXT NOT NULL,
  since_at INTEGER NOT NULL,
  until_at INTEGER,
  who      TEXT NOT NULL,
  why      TEXT NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

-- What promotions count, by order; given back when the order is not paid. Guests and the store's own people are keyed
-- hashes, which can be erased. sum guards the row.
CREATE TABLE promotion_uses (
  order_id  BLOB NOT NULL,
  promotion TEXT NOT NULL,
  code      TEXT,
  who       BLOB,
  day       TEXT NOT NULL,
  pieces    INTEGER NOT NULL,
  at        INTEGER NOT NULL,
  sum       INTEGER NOT NULL,
  PRIMARY KEY (order_id, promotion)
) STRICT, WITHOUT ROWID;
CREATE INDEX promotion_uses_by_code ON promotion_uses (code) WHERE code IS NOT NULL;
CREATE INDEX promotion_uses_by_who ON promotion_uses (who) WHERE who IS NOT NULL;

-- What is known of a phone number, by its keyed hash: month and day of the birthday, MM-DD.
CREATE TABLE guests (
  who      BLOB PRIMARY KEY,
  birthday TEXT NOT NULL,
  at       INTEGER NOT NULL,
  sum      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
