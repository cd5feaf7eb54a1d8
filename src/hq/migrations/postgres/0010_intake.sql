-- How many of a store's events wait for a person, and the last day that headquarters and the store come out at
-- different roots for.
ALTER TABLE stores ADD COLUMN unproven BIGINT NOT NULL DEFAULT 0;
ALTER TABLE stores ADD COLUMN day_differs TEXT;
-- The row changes with every batch: room beside it keeps the indexes out of that.
ALTER TABLE stores SET (fillfactor = 40);
-- What a person decided; the row stays.
ALTER TABLE quarantine ADD COLUMN verdict TEXT;
ALTER TABLE quarantine ADD COLUMN settled_by TEXT;
ALTER TABLE quarantine ADD COLUMN note TEXT;
ALTER TABLE quarantine ADD COLUMN settled_at BIGINT;
-- What was not taken until now comes again.
DELETE FROM quarantine q USING stores s WHERE s.id = q.store AND q.seq > s.seq;
UPDATE stores SET refused = NULL;

-- The end of each day, as the store and as headquarters come out at it.
CREATE TABLE roots (
  store       BIGINT NOT NULL REFERENCES stores (id),
  day         TEXT NOT NULL,
  seq         BIGINT NOT NULL,
  theirs      BYTEA NOT NULL,
  ours        BYTEA NOT NULL,
  compared_at BIGINT NOT NULL,
  PRIMARY KEY (store, day)
);

-- Events lie in a table a month, by the time they came, so that old ones are dropped and not deleted. That a number
-- comes once in a store is kept by the store's row, which is locked while its events are written. `unproven`: the event
-- does not fit its hash, and counts for nothing until a person has looked.
ALTER TABLE events RENAME TO events_whole;
ALTER TABLE events_whole RENAME CONSTRAINT events_pkey TO events_whole_pkey;
CREATE TABLE events (
  store       BIGINT NOT NULL,
  seq         BIGINT NOT NULL,
  at          BIGINT NOT NULL,
  kind        TEXT NOT NULL,
  order_id    BYTEA,
  actor       TEXT NOT NULL,
  body        TEXT NOT NULL,
  hash        BYTEA NOT NULL,
  received_at BIGINT NOT NULL,
  unproven    BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (store, seq, received_at)
) PARTITION BY RANGE (received_at);
-- What no month's table is there for; there should never be anything in it.
CREATE TABLE events_other PARTITION OF events DEFAULT;
INSERT INTO events SELECT store, seq, at, kind, order_id, actor, body, hash, received_at, 0 FROM events_whole;
DROP TABLE events_whole;
