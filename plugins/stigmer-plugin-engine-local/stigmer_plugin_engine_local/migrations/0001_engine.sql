CREATE TABLE engine_run (
    number INTEGER PRIMARY KEY,                -- the order runs were asked for, which is the order they start in
    run_id TEXT NOT NULL UNIQUE,
    runner TEXT NOT NULL,
    input TEXT NOT NULL CHECK (json_valid(input)),
    asked_at TEXT NOT NULL,                    -- what the program is told as the time of its start
    parent_id TEXT NOT NULL DEFAULT '',        -- the run that asked for this one as its child
    parent_command TEXT NOT NULL DEFAULT '',
    started INTEGER NOT NULL DEFAULT 0,        -- 1 once its first step is recorded
    busy INTEGER NOT NULL DEFAULT 1,           -- 1 while an activity is outstanding: driven again after a restart
    state TEXT,                                -- snapshot: {"state", "outstanding"} after the event `snapshot_sequence`
    snapshot_sequence INTEGER NOT NULL DEFAULT 0,
    outcome TEXT NOT NULL DEFAULT '',          -- completed, failed, cancelled, parked; empty while it runs
    reason TEXT NOT NULL DEFAULT '',           -- why it was parked
    result TEXT                                -- JSON: the output, or the failure
) STRICT;

CREATE INDEX engine_run_waiting ON engine_run (number) WHERE outcome = '' AND started = 0;
CREATE INDEX engine_run_busy ON engine_run (number) WHERE outcome = '' AND started = 1 AND busy = 1;

-- What happened to a run since its last snapshot; a run is its snapshot with these events replayed.
CREATE TABLE engine_journal (
    run_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    event TEXT NOT NULL CHECK (json_valid(event)),
    PRIMARY KEY (run_id, sequence)
) STRICT, WITHOUT ROWID;

-- Signals, cancel requests and ends of children that were recorded by others and are not in the journal yet.
CREATE TABLE engine_inbox (
    number INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL,
    event TEXT NOT NULL CHECK (json_valid(event))
) STRICT;

CREATE INDEX engine_inbox_by_run ON engine_inbox (run_id, number);

-- The ids of the signals a run was sent, so that one that is sent twice is one.
CREATE TABLE engine_signal (
    run_id TEXT NOT NULL,
    signal_id TEXT NOT NULL,
    PRIMARY KEY (run_id, signal_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE engine_timer (
    run_id TEXT NOT NULL,
    command_id TEXT NOT NULL,
    due TEXT NOT NULL,                         -- RFC 3339
    PRIMARY KEY (run_id, command_id)
) STRICT, WITHOUT ROWID;
