-- The archives of pushed skills, one row for each version; gone with their skill.
CREATE TABLE skill_archive (
    skill_id TEXT NOT NULL,
    hash TEXT NOT NULL,      -- SHA-256 of the bytes, lower-case hex: the version's name
    content BLOB NOT NULL,   -- the ZIP as it was pushed
    PRIMARY KEY (skill_id, hash)
) STRICT;
