-- What must be known of a schedule beside the resource itself.
CREATE TABLE schedule_entry (
    number INTEGER PRIMARY KEY,      -- the order schedules were made in
    schedule_id TEXT NOT NULL UNIQUE,
    org TEXT NOT NULL,
    agent_org TEXT NOT NULL,         -- of the agent it runs, which may be deleted and made again
    agent_slug TEXT NOT NULL,
    generation INTEGER NOT NULL DEFAULT 0  -- of the engine's run that waits for its times: `<schedule id>@<generation>`
) STRICT;

CREATE INDEX schedule_entry_by_agent ON schedule_entry (agent_org, agent_slug, number);

-- What came of each time a schedule was due or triggered; the latest 1,000 of each schedule.
CREATE TABLE schedule_run (
    number INTEGER PRIMARY KEY,
    schedule_id TEXT NOT NULL,
    due TEXT NOT NULL,               -- RFC 3339, UTC
    origin INTEGER NOT NULL,         -- ScheduleRunOrigin
    outcome INTEGER NOT NULL,        -- ScheduleRunOutcome
    reason TEXT NOT NULL,
    execution_id TEXT NOT NULL,      -- empty when none started
    recorded_at TEXT NOT NULL,       -- RFC 3339, UTC
    completed_at TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX schedule_run_by_schedule ON schedule_run (schedule_id, number);
-- A time is recorded once (origin 1 is CRON), however often its activity is called.
CREATE UNIQUE INDEX schedule_run_once ON schedule_run (schedule_id, due) WHERE origin = 1;
-- Runs whose end is not known yet (outcome 1 is STARTED).
CREATE INDEX schedule_run_open ON schedule_run (number) WHERE outcome = 1;
