-- What was asked of the printers and what became of it. `sum` guards a row against bit rot.
CREATE TABLE documents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    -- None for a key that was called off before anything was asked under it.
    device TEXT,
    door TEXT NOT NULL CHECK (door IN ('native', 'vendor', 'own')),
    -- Tasks that came in one request of the vendor's face, in order.
    bundle TEXT,
    item INTEGER NOT NULL DEFAULT 0,
    -- Own documents come before what they make way for.
    rank INTEGER NOT NULL DEFAULT 1,
    request TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'doubt', 'person', 'done', 'refused', 'cancelled')),
    cancel_wanted INTEGER NOT NULL DEFAULT 0 CHECK (cancel_wanted IN (0, 1)),
    attempt INTEGER NOT NULL DEFAULT 0,
    baseline TEXT,
    result TEXT,
    trouble TEXT,
    asked_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    decided_at INTEGER,
    -- Who decided it and why, where a person did.
    decided_by TEXT,
    sum INTEGER NOT NULL
) STRICT;

CREATE INDEX documents_live ON documents (device, rank, id) WHERE state IN ('queued', 'sent', 'doubt', 'person');
CREATE INDEX documents_bundle ON documents (bundle, item) WHERE bundle IS NOT NULL;
CREATE INDEX documents_decided ON documents (decided_at) WHERE decided_at IS NOT NULL;

CREATE TABLE attempts (
    document INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    began_at INTEGER NOT NULL,
    ended_at INTEGER,
    -- How long the printer was busy with it, microseconds.
    device_us INTEGER,
    outcome TEXT,
    detail TEXT,
    PRIMARY KEY (document, number)
) STRICT, WITHOUT ROWID;

-- Which fiscal drive a printer's documents live on.
CREATE TABLE devices (
    id TEXT PRIMARY KEY,
    drive_number TEXT NOT NULL,
    since_at INTEGER NOT NULL,
    accepted_by TEXT
) STRICT, WITHOUT ROWID;
