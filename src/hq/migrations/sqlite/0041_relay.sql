-- Calls of outside services that are for a store. A call that has no store yet waits for the store's order to come.
CREATE TABLE relay_calls (
  provider    TEXT NOT NULL,
  -- Tells a call that is repeated from a new one.
  key         TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  order_id    BLOB NOT NULL,
  -- The command for the store.
  command     TEXT NOT NULL,
  -- waiting, passed or given_up
  state       TEXT NOT NULL,
  message     BLOB,
  PRIMARY KEY (provider, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX relay_calls_waiting ON relay_calls (received_at) WHERE state = 'waiting';
CREATE INDEX orders_by_id ON orders (order_id);
