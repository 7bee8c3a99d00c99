-- One table holds every resource, so that a new kind needs no migration.
CREATE TABLE resources (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    org_id TEXT NOT NULL DEFAULT '',
    project_id TEXT NOT NULL DEFAULT '',
    slug TEXT NOT NULL,
    twin INTEGER NOT NULL DEFAULT 0,           -- 0 where the slug is unique in kind and organisation, else the sequence
    sequence INTEGER NOT NULL UNIQUE,          -- order of creation, from the counters, never from the clock
    revision INTEGER NOT NULL,                 -- order of all writes: optimistic concurrency, and the change feed's order
    created_at TEXT NOT NULL,                  -- RFC 3339, UTC, microseconds: sorts as text
    updated_at TEXT NOT NULL,
    search_digest BLOB NOT NULL DEFAULT x'',   -- of the text in the search index, empty when it is not in there
    body BLOB NOT NULL,                        -- the message as protobuf bytes: what the server reads
    data TEXT NOT NULL CHECK (json_valid(data)) -- the same message as proto3 JSON: what people and SQL read
) STRICT;

CREATE UNIQUE INDEX resources_by_slug ON resources (kind, org_id, slug, twin);
CREATE INDEX resources_by_kind ON resources (kind, sequence);
CREATE INDEX resources_by_org ON resources (kind, org_id, sequence);

-- How many resources there are: counting a million rows for the total of a page would take milliseconds.
CREATE TABLE totals (
    kind TEXT NOT NULL,
    org_id TEXT NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (kind, org_id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER resources_counted AFTER INSERT ON resources BEGIN
    INSERT INTO totals (kind, org_id, amount) VALUES (NEW.kind, NEW.org_id, 1)
    ON CONFLICT (kind, org_id) DO UPDATE SET amount = amount + 1;
END;

CREATE TRIGGER resources_uncounted AFTER DELETE ON resources BEGIN
    UPDATE totals SET amount = amount - 1 WHERE kind = OLD.kind AND org_id = OLD.org_id;
END;

-- The declared fields and the labels that list a kind quickly.
CREATE TABLE indexes (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,                        -- a dotted path of the resource, or 'label:' and a label's key
    value TEXT NOT NULL,
    sequence INTEGER NOT NULL,                 -- resources.sequence: keyset of the listing
    PRIMARY KEY (kind, name, value, sequence)
) STRICT, WITHOUT ROWID;

CREATE INDEX indexes_by_resource ON indexes (sequence);

-- What was published under one resource: immutable, but for the tag.
CREATE TABLE versions (
    resource_id TEXT NOT NULL REFERENCES resources (id) ON DELETE CASCADE,
    hash TEXT NOT NULL,
    sequence INTEGER NOT NULL,                 -- order within the resource, from 1
    tag TEXT NOT NULL DEFAULT '',              -- held by one version of the resource at a time; '' is no tag
    message TEXT NOT NULL DEFAULT '',
    created_by TEXT NOT NULL DEFAULT '',
    created_at TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (resource_id, hash)
) STRICT;

CREATE UNIQUE INDEX versions_by_sequence ON versions (resource_id, sequence);
CREATE UNIQUE INDEX versions_by_tag ON versions (resource_id, tag) WHERE tag <> '';

-- Ordered, resumable streams.
CREATE TABLE events (
    stream TEXT NOT NULL,                      -- a resource's id: deleted with it; or any other name
    sequence INTEGER NOT NULL,                 -- order within the stream, from 1
    type TEXT NOT NULL,
    created_at TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (stream, sequence)
) STRICT;

-- Answers to requests that may be repeated; the oldest are dropped by count, not by the clock.
CREATE TABLE idempotency (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    response BLOB NOT NULL
) STRICT;

-- One row: it survives the deletion of what was counted.
CREATE TABLE counters (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch INTEGER NOT NULL,                    -- random, new in every copy: tells a copy from the file it was taken of
    commits INTEGER NOT NULL,                  -- compared with the file beside the database, to see a lost WAL
    revision INTEGER NOT NULL,                 -- the last one given out
    sequence INTEGER NOT NULL                  -- the last one given out
) STRICT;

INSERT INTO counters (id, epoch, commits, revision, sequence) VALUES (1, random(), 0, 0, 0);

-- rowid is resources.sequence. Contentless: the text lives in the resource; '_' joins words as it does in names.
CREATE VIRTUAL TABLE search USING fts5 (
    name, description, tags, body,
    content = '', contentless_delete = 1, prefix = '2 3',
    tokenize = "unicode61 remove_diacritics 2 tokenchars '_'"
);
