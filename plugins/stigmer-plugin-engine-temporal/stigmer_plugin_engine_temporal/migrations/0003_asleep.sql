-- Until when nothing of a run is open in Temporal but a schedule, RFC 3339: `kept` is what it goes on from then. `awake`
-- when it has slept and goes on; empty when it never slept.
ALTER TABLE temporal_run ADD COLUMN asleep_until TEXT NOT NULL DEFAULT '';
