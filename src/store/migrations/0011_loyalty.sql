-- Members of the loyalty programme. name is a first name, apart from the log: it can be erased. sum guards the row.
CREATE TABLE loyalty_members (
  id          BLOB PRIMARY KEY,
  name        TEXT NOT NULL,
  terms       TEXT NOT NULL,
  balance     INTEGER NOT NULL,
  held        INTEGER NOT NULL,
  owed        INTEGER NOT NULL,
  spent_minor INTEGER NOT NULL,
  joined_at   INTEGER NOT NULL,
  seen_at     INTEGER NOT NULL,
  expires_at  INTEGER,
  sum         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX loyalty_members_by_expiry ON loyalty_members (expires_at) WHERE expires_at IS NOT NULL;

-- By what members are known: keyed hashes of phone numbers and cards.
CREATE TABLE loyalty_keys (
  who    BLOB PRIMARY KEY,
  member BLOB NOT NULL,
  kind   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX loyalty_keys_by_member ON loyalty_keys (member);

-- All that moved, each once by its key. points: change of the balance; held: change of what is held.
CREATE TABLE loyalty_moves (
  op         TEXT PRIMARY KEY,
  member     BLOB NOT NULL,
  act        TEXT NOT NULL,
  points     INTEGER NOT NULL,
  held       INTEGER NOT NULL,
  balance    INTEGER NOT NULL,
  order_id   BLOB,
  at         INTEGER NOT NULL,
  expires_at INTEGER,
  reason     TEXT NOT NULL,
  sum        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX loyalty_moves_by_member ON loyalty_moves (member, at);
CREATE INDEX loyalty_moves_by_order ON loyalty_moves (order_id) WHERE order_id IS NOT NULL;
