-- The keys that encrypt an organisation's secrets, each encrypted itself by the root key, which is not in the database.
CREATE TABLE data_keys (
    org_id TEXT NOT NULL,
    version INTEGER NOT NULL,                  -- from 1; the highest one encrypts what is written
    root_key_id TEXT NOT NULL,                 -- which root key opens it
    wrapped BLOB NOT NULL,                     -- nonce, key, tag (AES-256-GCM)
    created_at TEXT NOT NULL,
    PRIMARY KEY (org_id, version)
) STRICT;

-- Values that resources show as ***REDACTED***.
CREATE TABLE secrets (
    resource_id TEXT NOT NULL REFERENCES resources (id) ON DELETE CASCADE,
    field TEXT NOT NULL,                       -- path of a map of the resource, a slash, and the key in it
    key_version INTEGER NOT NULL,
    sealed BLOB NOT NULL,                      -- nonce, value, tag (AES-256-GCM)
    PRIMARY KEY (resource_id, field)
) STRICT, WITHOUT ROWID;
