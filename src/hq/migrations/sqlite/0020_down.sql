-- Keys that messages to stores are signed with; the private half is sealed with headquarters' own key.
CREATE TABLE signing_keys (
  id         TEXT PRIMARY KEY,
  public     TEXT NOT NULL,
  sealed     BLOB NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

-- Every box that a store ever had; the highest generation is the one that sells.
CREATE TABLE boxes (
  store       TEXT NOT NULL,
  generation  INTEGER NOT NULL,
  enrolled_at INTEGER NOT NULL,
  enrolled_by TEXT NOT NULL,
  -- The newest key that the box trusts.
  key_id      TEXT NOT NULL,
  -- How far the store's log was here when the box took its place.
  head_seq    INTEGER NOT NULL,
  fenced_at   INTEGER,
  PRIMARY KEY (store, generation)
) STRICT;
-- Tokens of boxes, as hashes; one that was replaced works for a while beside the new one.
CREATE TABLE box_tokens (
  hash       BLOB PRIMARY KEY,
  store      TEXT NOT NULL,
  generation INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER
) STRICT;
CREATE INDEX box_tokens_by_store ON box_tokens (store, generation);
CREATE TABLE barred (
  store     TEXT PRIMARY KEY,
  at        INTEGER NOT NULL,
  barred_by TEXT NOT NULL,
  why       TEXT NOT NULL
) STRICT;
-- One-time codes, as hashes. token_hash is that of the box which used the code: it alone may ask again.
CREATE TABLE enrol_codes (
  hash       BLOB PRIMARY KEY,
  store      TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  made_by    TEXT NOT NULL,
  used_at    INTEGER,
  token_hash BLOB,
  generation INTEGER
) STRICT;

-- Documents for stores; a revision never changes.
CREATE TABLE doc_revisions (
  kind     TEXT NOT NULL,
  name     TEXT NOT NULL,
  revision INTEGER NOT NULL,
  content  TEXT NOT NULL,
  hash     BLOB NOT NULL,
  note     TEXT NOT NULL,
  made_by  TEXT NOT NULL,
  at       INTEGER NOT NULL,
  PRIMARY KEY (kind, name, revision)
) STRICT;
CREATE TABLE rollouts (
  id       BLOB PRIMARY KEY,
  version  INTEGER NOT NULL UNIQUE,
  kind     TEXT NOT NULL,
  name     TEXT NOT NULL,
  revision INTEGER NOT NULL,
  stage    TEXT NOT NULL,
  made_by  TEXT NOT NULL,
  at       INTEGER NOT NULL,
  undoes   BLOB
) STRICT;

-- Everything that stores are told. A document is signed anew from its revision whenever it is sent; body holds what
-- commands and keys say.
CREATE TABLE down_messages (
  id         BLOB PRIMARY KEY,
  store      TEXT NOT NULL,
  kind       TEXT NOT NULL,
  name       TEXT NOT NULL,
  rollout    BLOB,
  canary     INTEGER NOT NULL DEFAULT 0,
  doc_name   TEXT,
  revision   INTEGER,
  version    INTEGER,
  body       TEXT,
  made_by    TEXT NOT NULL,
  state      TEXT NOT NULL,
  issued_at  INTEGER NOT NULL,
  expires_at INTEGER,
  sent_at    INTEGER,
  sends      INTEGER NOT NULL DEFAULT 0,
  ended_at   INTEGER,
  answer     TEXT
) STRICT;
CREATE INDEX down_waiting ON down_messages (store, issued_at) WHERE state = 'waiting';
CREATE INDEX down_by_store ON down_messages (store, kind, issued_at);
CREATE INDEX down_erasures ON down_messages (state) WHERE name = 'erase_guest' AND body IS NOT NULL;
CREATE INDEX down_by_rollout ON down_messages (rollout) WHERE rollout IS NOT NULL;

CREATE TABLE bundles (
  id    BLOB PRIMARY KEY,
  store TEXT NOT NULL,
  at    INTEGER NOT NULL,
  bytes BLOB NOT NULL
) STRICT;
