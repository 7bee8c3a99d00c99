-- What a search asks of each of its hits, without a look at the resource: a word may be in every one of a million.
CREATE INDEX resources_by_sequence ON resources (sequence, kind, org_id);

-- The words of the search index in their order: finds those that begin alike without reading who has them.
CREATE VIRTUAL TABLE words USING fts5vocab (search, instance);
