-- When a run ended, for how long it is kept; empty while it runs, and for those that ended before this was noted.
ALTER TABLE engine_run ADD COLUMN ended_at TEXT NOT NULL DEFAULT '';

CREATE INDEX engine_run_ended ON engine_run (ended_at) WHERE outcome <> '';
