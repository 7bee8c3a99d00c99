-- Archives become content of their skills in the core's tables; uploads that wait, for an hour at most, are dropped.
INSERT INTO contents (resource_id, name, size_bytes)
SELECT a.skill_id, a.hash, c.size_bytes
FROM skill_archive a JOIN skill_content c ON c.id = a.content_id JOIN resources r ON r.id = a.skill_id;

INSERT INTO content_chunks (content_id, number, bytes)
SELECT new.id, k.number, k.bytes
FROM skill_archive a
JOIN contents new ON new.resource_id = a.skill_id AND new.name = a.hash
JOIN skill_chunk k ON k.content_id = a.content_id;

DROP TABLE skill_upload;
DROP TABLE skill_archive;
DROP TABLE skill_chunk;
DROP TABLE skill_content;
