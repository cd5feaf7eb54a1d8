-- Which of several headquarters does what only one may do.
CREATE TABLE leases (
  name   TEXT PRIMARY KEY,
  holder BYTEA NOT NULL,
  until  BIGINT NOT NULL
);

-- What people were told of, as one document.
CREATE TABLE notify_cases (
  id  BIGINT PRIMARY KEY,
  doc TEXT NOT NULL
);

-- Messages to people: next_at is set while one is still to be sent.
CREATE TABLE notices (
  id       BYTEA PRIMARY KEY,
  channel  TEXT NOT NULL,
  what     TEXT NOT NULL,
  at       BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  next_at  BIGINT,
  sent_at  BIGINT,
  error    TEXT
);
CREATE INDEX notices_due ON notices (next_at) WHERE next_at IS NOT NULL;
