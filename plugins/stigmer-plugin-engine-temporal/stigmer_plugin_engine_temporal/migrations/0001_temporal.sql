-- The runs that were handed to Temporal, and the children of those, as far as others may address them.
CREATE TABLE temporal_run (
    run_id TEXT NOT NULL PRIMARY KEY,
    runner TEXT NOT NULL,
    last_number INTEGER NOT NULL DEFAULT 0,    -- of what was sent to it: a workflow takes each number once
    outcome TEXT NOT NULL DEFAULT '',          -- completed, failed, cancelled, parked, ended; empty while it runs
    reason TEXT NOT NULL DEFAULT '',           -- why it was parked
    kept TEXT,                                 -- JSON: what a failed or parked run goes on from, should it be recovered
    ended_at TEXT NOT NULL DEFAULT ''          -- RFC 3339
) STRICT, WITHOUT ROWID;

CREATE INDEX temporal_run_running ON temporal_run (run_id) WHERE outcome = '';
CREATE INDEX temporal_run_ended ON temporal_run (ended_at) WHERE outcome <> '';

-- What callers' transactions recorded and Temporal has not been told yet.
CREATE TABLE temporal_outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again: a start is known by it
    run_id TEXT NOT NULL,
    action TEXT NOT NULL,                      -- start, signal, cancel, recover
    body TEXT NOT NULL CHECK (json_valid(body)),
    asked_at TEXT NOT NULL                     -- RFC 3339
) STRICT;

CREATE INDEX temporal_outbox_by_run ON temporal_outbox (run_id, number);

-- The ids of the signals a run was sent, so that one that is sent twice is one.
CREATE TABLE temporal_signal (
    run_id TEXT NOT NULL,
    signal_id TEXT NOT NULL,
    PRIMARY KEY (run_id, signal_id)
) STRICT, WITHOUT ROWID;

-- What a run published, by its position. A worker that dies before Temporal has what it did does it again.
CREATE TABLE temporal_published (
    run_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    digest TEXT NOT NULL,                      -- of the status, without its moments, which differ when it is done again
    PRIMARY KEY (run_id, sequence)
) STRICT, WITHOUT ROWID;
