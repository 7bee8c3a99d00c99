-- What happened to resources, in the order of revisions: what a watcher resumes from. The oldest are dropped.
CREATE TABLE changes (
    revision INTEGER PRIMARY KEY,              -- of the write
    type TEXT NOT NULL,                        -- added, changed or deleted
    kind TEXT NOT NULL,
    org_id TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    slug TEXT NOT NULL
) STRICT;
