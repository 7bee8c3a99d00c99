-- The archives of pushed bundles, one row for each version; gone with their bundle.
CREATE TABLE bundle_archive (
    bundle_id TEXT NOT NULL,
    hash TEXT NOT NULL,      -- SHA-256 of the bytes, lower-case hex: the version's name
    content BLOB NOT NULL,   -- the ZIP as it was pushed
    PRIMARY KEY (bundle_id, hash)
) STRICT;

-- Places for one upload over HTTP each; gone when they expire.
CREATE TABLE bundle_upload (
    id TEXT PRIMARY KEY,         -- random: whoever knows it may push it
    org TEXT NOT NULL,
    size_bytes INTEGER NOT NULL, -- as announced; the upload must have as many
    expires_at INTEGER NOT NULL, -- seconds since 1970
    state TEXT NOT NULL          -- open, receiving, ready, used
) STRICT;

CREATE INDEX bundle_upload_expiry ON bundle_upload (expires_at);

-- What was uploaded, in pieces, until it is pushed.
CREATE TABLE bundle_upload_piece (
    upload_id TEXT NOT NULL,
    position INTEGER NOT NULL,   -- from 0
    content BLOB NOT NULL,
    PRIMARY KEY (upload_id, position)
) STRICT;
