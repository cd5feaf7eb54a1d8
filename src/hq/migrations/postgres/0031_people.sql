-- Who may come in at headquarters, and what they did there.
CREATE TABLE users (
  id          BYTEA PRIMARY KEY,
  name        TEXT NOT NULL UNIQUE,
  full_name   TEXT NOT NULL,
  role        TEXT NOT NULL,
  password    TEXT,
  -- Who the identity provider says they are: issuer and subject.
  subject     TEXT UNIQUE,
  created_at  BIGINT NOT NULL,
  disabled_at BIGINT,
  -- Wrong passwords in a row, and until when none is looked at.
  wrong       BIGINT NOT NULL DEFAULT 0,
  shut_until  BIGINT
);

CREATE TABLE sessions (
  hash       BYTEA PRIMARY KEY,
  user_id    BYTEA NOT NULL REFERENCES users (id),
  opened_at  BIGINT NOT NULL,
  seen_at    BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  address    TEXT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);

CREATE TABLE api_keys (
  id         BYTEA PRIMARY KEY,
  hash       BYTEA NOT NULL UNIQUE,
  name       TEXT NOT NULL,
  role       TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  used_at    BIGINT,
  revoked_at BIGINT
);

CREATE TABLE audit (
  id       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at       BIGINT NOT NULL,
  who      TEXT NOT NULL,
  address  TEXT NOT NULL,
  act      TEXT NOT NULL,
  subject  TEXT NOT NULL,
  detail   TEXT NOT NULL
);
CREATE INDEX audit_by_time ON audit (at);

-- Who looks after an alert. It is of this cause and this time only.
CREATE TABLE acknowledged (
  store    BIGINT NOT NULL REFERENCES stores (id),
  key      TEXT NOT NULL,
  since_at BIGINT NOT NULL,
  who      TEXT NOT NULL,
  at       BIGINT NOT NULL,
  note     TEXT NOT NULL,
  PRIMARY KEY (store, key, since_at)
);

-- Where a store stands, in millionths of a degree.
CREATE TABLE places (
  store     BIGINT PRIMARY KEY REFERENCES stores (id),
  latitude  BIGINT NOT NULL,
  longitude BIGINT NOT NULL,
  city      TEXT NOT NULL
);
