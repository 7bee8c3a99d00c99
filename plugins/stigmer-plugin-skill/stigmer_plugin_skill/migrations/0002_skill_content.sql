-- Archives move from one value each to chunks, so that no transfer holds a whole one in memory.
CREATE TABLE skill_content (
    id INTEGER PRIMARY KEY,
    size_bytes INTEGER NOT NULL  -- over all chunks; 0 while they come in
) STRICT;

CREATE TABLE skill_chunk (
    content_id INTEGER NOT NULL REFERENCES skill_content (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,  -- from 0 on, without a gap
    bytes BLOB NOT NULL,
    PRIMARY KEY (content_id, number)
) STRICT;

INSERT INTO skill_content (id, size_bytes) SELECT rowid, length(content) FROM skill_archive;
INSERT INTO skill_chunk (content_id, number, bytes) SELECT rowid, 0, content FROM skill_archive;

ALTER TABLE skill_archive RENAME TO skill_archive_before;
CREATE TABLE skill_archive (
    skill_id TEXT NOT NULL,
    hash TEXT NOT NULL,  -- SHA-256 of the bytes, lower-case hex: the version's name
    content_id INTEGER NOT NULL UNIQUE REFERENCES skill_content (id),
    PRIMARY KEY (skill_id, hash)
) STRICT;
INSERT INTO skill_archive (skill_id, hash, content_id) SELECT skill_id, hash, rowid FROM skill_archive_before;
DROP TABLE skill_archive_before;

-- Places for archives that are too big for a message: each takes one upload and one push.
CREATE TABLE skill_upload (
    id TEXT PRIMARY KEY,          -- as in the URL, and what a push refers to
    org TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,  -- as announced: the body has exactly as many
    state TEXT NOT NULL CHECK (state IN ('open', 'complete', 'pushed')),
    expires_at INTEGER NOT NULL,  -- seconds since 1970
    content_id INTEGER UNIQUE REFERENCES skill_content (id)  -- what has come in; none once it is pushed
) STRICT;
