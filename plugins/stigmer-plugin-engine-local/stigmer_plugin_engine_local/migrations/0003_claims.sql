-- Values of runs above 256 KB, each kept once: its digest stands for it wherever it is used.
CREATE TABLE engine_claim (
    digest TEXT NOT NULL UNIQUE,               -- SHA-256 of the value's JSON
    key_version INTEGER NOT NULL,              -- of the installation's data key
    sealed BLOB NOT NULL                       -- the JSON, encrypted (AES-256-GCM)
) STRICT;

CREATE TABLE engine_claim_use (
    run_id TEXT NOT NULL,
    place TEXT NOT NULL,                       -- input, snapshot, journal, inbox, result
    digest TEXT NOT NULL,
    PRIMARY KEY (run_id, place, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX engine_claim_use_by_digest ON engine_claim_use (digest);
