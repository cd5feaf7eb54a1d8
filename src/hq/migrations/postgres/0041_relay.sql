-- Calls of outside services that are for a store. A call that has no store yet waits for the store's order to come.
CREATE TABLE relay_calls (
  provider    TEXT NOT NULL,
  -- Tells a call that is repeated from a new one.
  key         TEXT NOT NULL,
  received_at BIGINT NOT NULL,
  order_id    BYTEA NOT NULL,
  -- The command for the store.
  command     TEXT NOT NULL,
  -- waiting, passed or given_up
  state       TEXT NOT NULL,
  message     BYTEA,
  PRIMARY KEY (provider, key)
);
CREATE INDEX relay_calls_waiting ON relay_calls (received_at) WHERE state = 'waiting';
CREATE INDEX orders_by_id ON orders (order_id);
