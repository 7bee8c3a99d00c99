-- The bytes of artifacts: the same ones are kept once in an organisation, and go with their last holder.
CREATE TABLE artifact_blob (
    org_id TEXT NOT NULL,
    hash TEXT NOT NULL,        -- SHA-256 of the bytes, lower-case hex
    content BLOB NOT NULL,
    PRIMARY KEY (org_id, hash)
) STRICT;

-- Which artifact has which bytes, while it has them.
CREATE TABLE artifact_holder (
    artifact_id TEXT PRIMARY KEY,
    org_id TEXT NOT NULL,
    hash TEXT NOT NULL,
    expires_at TEXT NOT NULL,  -- RFC 3339, UTC, whole seconds: sorts as text; '' is never
    FOREIGN KEY (org_id, hash) REFERENCES artifact_blob (org_id, hash)
) STRICT, WITHOUT ROWID;

CREATE INDEX artifact_holder_by_blob ON artifact_holder (org_id, hash);
CREATE INDEX artifact_holder_by_expiry ON artifact_holder (expires_at) WHERE expires_at <> '';
