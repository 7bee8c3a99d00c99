-- The schedules of stored workflows, as far as they are kept by a run of the engine: `<workflow id>@<generation>`.
CREATE TABLE workflow_schedule (
    workflow_id TEXT PRIMARY KEY,
    generation INTEGER NOT NULL,
    definition TEXT NOT NULL         -- the document's section as canonical JSON; empty when it has none any more
) STRICT, WITHOUT ROWID;
