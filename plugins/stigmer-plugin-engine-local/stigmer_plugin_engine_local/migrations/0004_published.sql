-- Whether everything that a run published up to this event is merged into what shows the run: after the last such event
-- it is not yet.
ALTER TABLE engine_journal ADD COLUMN published INTEGER NOT NULL DEFAULT 1;
