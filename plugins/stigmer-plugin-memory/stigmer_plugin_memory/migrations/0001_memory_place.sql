-- The memories that are not rejected, one row each: what a subject's ceiling counts, however many were rejected before.
CREATE TABLE memory_place (
    memory_id TEXT PRIMARY KEY,
    org_id TEXT NOT NULL,
    subject TEXT NOT NULL    -- spec.subject_identity_account_id, which never changes
) STRICT;

CREATE INDEX memory_place_by_subject ON memory_place (org_id, subject);
