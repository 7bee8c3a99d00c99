-- Archives become content of their bundles in the core's tables; uploads that wait, for an hour at most, are dropped.
INSERT INTO contents (resource_id, name, size_bytes)
SELECT a.bundle_id, a.hash, length(a.content) FROM bundle_archive a JOIN resources r ON r.id = a.bundle_id;

INSERT INTO content_chunks (content_id, number, bytes)
SELECT new.id, 0, a.content
FROM bundle_archive a JOIN contents new ON new.resource_id = a.bundle_id AND new.name = a.hash;

DROP TABLE bundle_upload_piece;
DROP TABLE bundle_upload;
DROP TABLE bundle_archive;
