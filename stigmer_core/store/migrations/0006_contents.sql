-- Bytes that are too many for a message, such as archives: in chunks, so that no transfer holds all of them in memory.
CREATE TABLE contents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again: a download under way must not go on with other bytes
    resource_id TEXT REFERENCES resources (id) ON DELETE CASCADE,  -- whose it is; none while it comes in
    name TEXT NOT NULL DEFAULT '',         -- what the resource knows it by, such as its digest
    size_bytes INTEGER NOT NULL DEFAULT 0, -- over all chunks; 0 while they come in
    UNIQUE (resource_id, name)
) STRICT;

CREATE TABLE content_chunks (
    content_id INTEGER NOT NULL REFERENCES contents (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,               -- from 0 on, without a gap
    bytes BLOB NOT NULL,
    PRIMARY KEY (content_id, number)
) STRICT;

-- Places for content that comes over HTTP: each takes one upload and is used once.
CREATE TABLE uploads (
    id TEXT PRIMARY KEY,                   -- random: as in the URL, and what a request refers to
    owner TEXT NOT NULL,                   -- who offered it and may use it, such as a kind
    org_id TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,           -- as announced: the body has exactly as many
    state TEXT NOT NULL CHECK (state IN ('open', 'complete', 'used')),
    expires_at INTEGER NOT NULL,           -- seconds since 1970
    content_id INTEGER UNIQUE REFERENCES contents (id)  -- what has come in; none once it is used
) STRICT;

CREATE INDEX uploads_by_expiry ON uploads (expires_at);
