-- What headquarters told this store: each message is done once. state is 'doing', 'done' or 'refused'.
CREATE TABLE told (
  id      BLOB PRIMARY KEY,
  kind    TEXT NOT NULL,
  state   TEXT NOT NULL,
  at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX told_by_time ON told (at);
