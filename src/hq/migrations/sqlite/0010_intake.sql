-- An event that can't be proven is kept in its place, and counts for nothing until a person has looked.
ALTER TABLE events ADD COLUMN unproven INTEGER NOT NULL DEFAULT 0;
-- How many of a store's events wait for a person.
ALTER TABLE stores ADD COLUMN unproven INTEGER NOT NULL DEFAULT 0;
-- The last day that headquarters and the store come out at different roots for.
ALTER TABLE stores ADD COLUMN day_differs TEXT;
-- What a person decided; the row stays.
ALTER TABLE quarantine ADD COLUMN verdict TEXT;
ALTER TABLE quarantine ADD COLUMN settled_by TEXT;
ALTER TABLE quarantine ADD COLUMN note TEXT;
ALTER TABLE quarantine ADD COLUMN settled_at INTEGER;
-- What was not taken until now comes again.
DELETE FROM quarantine WHERE seq > (SELECT seq FROM stores WHERE id = quarantine.store);
UPDATE stores SET refused = NULL;

-- The end of each day, as the store and as headquarters come out at it.
CREATE TABLE roots (
  store       INTEGER NOT NULL REFERENCES stores (id),
  day         TEXT NOT NULL,
  seq         INTEGER NOT NULL,
  theirs      BLOB NOT NULL,
  ours        BLOB NOT NULL,
  compared_at INTEGER NOT NULL,
  PRIMARY KEY (store, day)
) STRICT, WITHOUT ROWID;
