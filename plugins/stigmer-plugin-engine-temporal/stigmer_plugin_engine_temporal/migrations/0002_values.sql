-- The keys that values are encrypted with before they enter a history, the newest one last. None is dropped: a history
-- may be read as long as Temporal keeps it.
CREATE TABLE temporal_key (
    number INTEGER PRIMARY KEY,
    key_id TEXT NOT NULL UNIQUE,
    key_version INTEGER NOT NULL,              -- of the installation's data key, which seals it
    sealed BLOB NOT NULL
) STRICT;

-- The stores of large values that this installation has made: what nobody needs any more is removed from these only.
CREATE TABLE temporal_claims (
    store_id TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;
