-- Files that are uploaded for runs.
CREATE TABLE attachment (
    storage_key TEXT PRIMARY KEY,
    filename TEXT NOT NULL,
    content_type TEXT NOT NULL,
    created_at TEXT NOT NULL,
    content BLOB NOT NULL
) STRICT;

CREATE INDEX attachment_by_age ON attachment (created_at);

-- Which run was given which file; a file goes with the last run that has it.
CREATE TABLE attachment_use (
    execution_id TEXT NOT NULL,
    storage_key TEXT NOT NULL REFERENCES attachment (storage_key),
    PRIMARY KEY (execution_id, storage_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX attachment_use_by_file ON attachment_use (storage_key);
