-- Keys that messages to stores are signed with; the private half is sealed with headquarters' own key.
CREATE TABLE signing_keys (
  id         TEXT PRIMARY KEY,
  public     TEXT NOT NULL,
  sealed     BYTEA NOT NULL,
  created_at BIGINT NOT NULL
);

-- Every box that a store ever had; the highest generation is the one that sells.
CREATE TABLE boxes (
  store       TEXT NOT NULL,
  generation  BIGINT NOT NULL,
  enrolled_at BIGINT NOT NULL,
  enrolled_by TEXT NOT NULL,
  -- The newest key that the box trusts.
  key_id      TEXT NOT NULL,
  -- How far the store's log was here when the box took its place.
  head_seq    BIGINT NOT NULL,
  fenced_at   BIGINT,
  PRIMARY KEY (store, generation)
);
-- Tokens of boxes, as hashes; one that was replaced works for a while beside the new one.
CREATE TABLE box_tokens (
  hash       BYTEA PRIMARY KEY,
  store      TEXT NOT NULL,
  generation BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT
);
CREATE INDEX box_tokens_by_store ON box_tokens (store, generation);
CREATE TABLE barred (
  store     TEXT PRIMARY KEY,
  at        BIGINT NOT NULL,
  barred_by TEXT NOT NULL,
  why       TEXT NOT NULL
);
-- One-time codes, as hashes. token_hash is that of the box which used the code: it alone may ask again.
CREATE TABLE enrol_codes (
  hash       BYTEA PRIMARY KEY,
  store      TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  made_by    TEXT NOT NULL,
  used_at    BIGINT,
  token_hash BYTEA,
  generation BIGINT
);

-- Documents for stores; a revision never changes.
CREATE TABLE doc_revisions (
  kind     TEXT NOT NULL,
  name     TEXT NOT NULL,
  revision BIGINT NOT NULL,
  content  TEXT NOT NULL,
  hash     BYTEA NOT NULL,
  note     TEXT NOT NULL,
  made_by  TEXT NOT NULL,
  at       BIGINT NOT NULL,
  PRIMARY KEY (kind, name, revision)
);
CREATE TABLE rollouts (
  id       BYTEA PRIMARY KEY,
  version  BIGINT NOT NULL UNIQUE,
  kind     TEXT NOT NULL,
  name     TEXT NOT NULL,
  revision BIGINT NOT NULL,
  stage    TEXT NOT NULL,
  made_by  TEXT NOT NULL,
  at       BIGINT NOT NULL,
  undoes   BYTEA
);

-- Everything that stores are told. A document is signed anew from its revision whenever it is sent; body holds what
-- commands and keys say.
CREATE TABLE down_messages (
  id         BYTEA PRIMARY KEY,
  store      TEXT NOT NULL,
  kind       TEXT NOT NULL,
  name       TEXT NOT NULL,
  rollout    BYTEA,
  canary     BIGINT NOT NULL DEFAULT 0,
  doc_name   TEXT,
  revision   BIGINT,
  version    BIGINT,
  body       TEXT,
  made_by    TEXT NOT NULL,
  state      TEXT NOT NULL,
  issued_at  BIGINT NOT NULL,
  expires_at BIGINT,
  sent_at    BIGINT,
  sends      BIGINT NOT NULL DEFAULT 0,
  ended_at   BIGINT,
  answer     TEXT
);
CREATE INDEX down_waiting ON down_messages (store, issued_at) WHERE state = 'waiting';
CREATE INDEX down_by_store ON down_messages (store, kind, issued_at);
CREATE INDEX down_erasures ON down_messages (state) WHERE name = 'erase_guest' AND body IS NOT NULL;
CREATE INDEX down_by_rollout ON down_messages (rollout) WHERE rollout IS NOT NULL;

CREATE TABLE bundles (
  id    BYTEA PRIMARY KEY,
  store TEXT NOT NULL,
  at    BIGINT NOT NULL,
  bytes BYTEA NOT NULL
);
