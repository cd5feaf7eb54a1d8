-- Where electronic receipts go, apart from the log: it can be erased.
CREATE TABLE receipt_contacts (
  order_id BLOB PRIMARY KEY,
  kind     TEXT NOT NULL,
  address  TEXT NOT NULL,
  at       INTEGER NOT NULL,
  sum      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Marked units that an order holds or that were sold: a unit is sold once. A row goes when the unit is free again.
CREATE TABLE marks (
  cis      TEXT PRIMARY KEY,
  order_id BLOB NOT NULL,
  at       INTEGER NOT NULL,
  sum      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX marks_by_order ON marks (order_id);
