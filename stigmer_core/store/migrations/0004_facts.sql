-- What is true of this database, such as what was seeded and which fields are indexed; never dropped.
CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO facts (name, value) SELECT key, '' FROM idempotency WHERE key LIKE 'seed:%';
DELETE FROM idempotency WHERE key LIKE 'seed:%';
