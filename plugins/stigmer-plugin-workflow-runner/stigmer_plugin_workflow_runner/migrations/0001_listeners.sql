-- Which runs get events: each type a run listens to, or `*` for all.
CREATE TABLE workflow_listener (
    org TEXT NOT NULL,
    event_type TEXT NOT NULL,
    run_id TEXT NOT NULL,            -- of the engine: an execution, a child of one, or a schedule
    PRIMARY KEY (org, event_type, run_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX workflow_listener_by_run ON workflow_listener (run_id);
