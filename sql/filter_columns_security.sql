-- Row-level security: no error, message or estimate tells of values in rows that a policy hides
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
SET jit = off;
SET max_parallel_workers_per_gather = 0;

CREATE ROLE regress_filter_reader;
CREATE TABLE filter_secret AS
SELECT i AS id, CASE WHEN i % 3 = 0 THEN 'reader' ELSE 'other' END AS owner, CASE WHEN i % 3 = 0 THEN i % 50 + 1 ELSE 0 END AS number,
	CASE WHEN i % 3 = 0 THEN ARRAY[i % 7 + 1] ELSE '{0}' END AS tags,
	jsonb_build_object('n', CASE WHEN i % 3 = 0 THEN (i % 20 + 1)::text ELSE 'hidden' END) AS payload,
	CASE WHEN i % 3 = 0 THEN ARRAY[i, i % 77, i % 99]::vector ELSE '[0,0,1]' END::vector(3) AS v
FROM generate_series(1, 3000) i;
CREATE INDEX filter_secret_i ON filter_secret USING hnsw (v vector_l2_ops, owner, number, tags, payload);
ANALYZE filter_secret;
GRANT SELECT ON filter_secret TO regress_filter_reader;
ALTER TABLE filter_secret ENABLE ROW LEVEL SECURITY;
CREATE POLICY filter_secret_policy ON filter_secret USING (owner = 'reader');

-- Conditions that fail on hidden rows, or tell of them
CREATE FUNCTION filter_secret_tell(value text) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS $$
BEGIN
	IF value ~ 'hidden|\{0\}|^0$|\[0,0,1\]' THEN
		RAISE 'told of %', value;
	END IF;
	RETURN true;
END
$$;
CREATE FUNCTION filter_secret_match(payload jsonb, filter payload_filter) RETURNS bool LANGUAGE sql COST 0.0001 AS
	$$ SELECT filter_secret_tell(payload ->> 'n') $$;
CREATE OPERATOR @~~@ (LEFTARG = jsonb, RIGHTARG = payload_filter, FUNCTION = filter_secret_match, RESTRICT = payload_filter_sel);
CREATE TABLE filter_secret_condition (condition text);
GRANT SELECT ON filter_secret_condition TO regress_filter_reader;
INSERT INTO filter_secret_condition VALUES
	('10 / number >= 0'), ('number >= 0 AND filter_secret_tell(number::text)'), ('(payload ->> ''n'')::int >= 0'), ('filter_secret_tell(payload ->> ''n'')'),
	('payload @~~@ ''{"must": [{"key": "n", "match": {"value": "hidden"}}]}'''), ('filter_secret_tell(tags::text) AND tags && ''{0,1,2,3,4,5,6}'''),
	('payload @> ''{"n": "hidden"}'' AND filter_secret_tell(payload ->> ''n'')'), ('number < 20 AND tags @> ''{0}'' AND 10 / number >= 0'),
	('0 = ANY (tags) AND filter_secret_tell(tags::text)'), ('number = ANY (ARRAY[0, 1, 2]) AND 10 / number >= 0'),
	('payload @~ ''{"must": [{"key": "n", "type": "regex", "match": {"value": "hid+en"}}]}'' AND filter_secret_tell(payload ->> ''n'')'),
	('l2_within(v, ''[0,0,1]'', 5000) AND filter_secret_tell(v::text)'), ('v <-> ''[0,0,1]'' < 5000 AND filter_secret_tell(v::text)');
CREATE FUNCTION pg_temp.outcome(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	rows bigint;
BEGIN
	EXECUTE 'SELECT count(*) FROM (' || query || ') s' INTO rows;
	RETURN rows;
EXCEPTION WHEN OTHERS THEN
	RETURN sqlerrm;
END
$$;
CREATE FUNCTION pg_temp.outcomes(OUT condition text, OUT ordered text, OUT counted text, OUT estimated text) RETURNS SETOF record LANGUAGE sql AS $$
	SELECT condition, pg_temp.outcome(format('SELECT id FROM filter_secret WHERE %s ORDER BY v <-> ''[0,0,1]'' LIMIT 5000', condition)),
		pg_temp.outcome(format('SELECT id FROM filter_secret WHERE %s', condition)),
		regexp_replace(pg_temp.outcome(format('SELECT FROM pg_temp.explain(''SELECT id FROM filter_secret WHERE %s'')', replace(condition, '''', ''''''))), '^\d+$', 'no error')
	FROM filter_secret_condition
$$;
CREATE FUNCTION pg_temp.explain(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN ' || query; END $$;

-- They do fail where nothing is hidden
SET enable_seqscan = off;
SELECT * FROM pg_temp.outcomes();

SET ROLE regress_filter_reader;
SELECT * FROM pg_temp.outcomes();
SET enable_bitmapscan = off;
SET enable_sort = off;
SELECT * FROM pg_temp.outcomes();

-- The index answers the policy, and conditions whose operators tell nothing
EXPLAIN (COSTS OFF) SELECT id FROM filter_secret WHERE number < 20 AND tags @> '{3}' AND 10 / number >= 0 ORDER BY v <-> '[1,2,3]' LIMIT 5;
SELECT id, owner FROM filter_secret WHERE number < 20 AND tags @> '{3}' AND 10 / number >= 0 ORDER BY v <-> '[1,2,3]' LIMIT 5;
-- Nor is told what the scan has cost
SELECT to_jsonb(s) - 'index' = (SELECT jsonb_object_agg(key, NULL) FROM jsonb_object_keys(to_jsonb(s) - 'index') key) AS hidden, index FROM vecext_last_scan s;

-- The same of flat
RESET ROLE;
DROP INDEX filter_secret_i;
CREATE INDEX filter_secret_i ON filter_secret USING flat (v vector_l2_ops, owner, number, tags, payload);
SET ROLE regress_filter_reader;
SELECT * FROM pg_temp.outcomes();
RESET ROLE;

-- Where the policy is not answered from the index, the way of a scan would tell whether there is such a row: 42 has a hidden one, 43 none
CREATE TABLE filter_way AS SELECT id, owner, CASE WHEN owner = 'reader' THEN id % 40 ELSE 42 END AS number, v FROM filter_secret;
CREATE INDEX filter_way_i ON filter_way USING hnsw (v vector_l2_ops, number);
ANALYZE filter_way;
CREATE FUNCTION pg_temp.cost(source regclass, wanted int, OUT rows bigint, OUT last jsonb) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT count(*) FROM (SELECT id FROM %s WHERE number = %s ORDER BY v <-> ''[0,0,1]'' LIMIT 5) s', source, wanted) INTO rows;
	SELECT jsonb_strip_nulls(to_jsonb(s)) INTO last FROM vecext_last_scan s;
END
$$;
CREATE FUNCTION pg_temp.tells(source regclass) RETURNS TABLE (hidden bigint, nobody bigint, visible bigint, differs bool, shown text) LANGUAGE sql AS $$
	SELECT a.rows, b.rows, c.rows, a.last <> b.last, CASE WHEN c.last - 'index' = '{}' THEN 'index' ELSE 'all' END
	FROM pg_temp.cost(source, 42) a, pg_temp.cost(source, 43) b, pg_temp.cost(source, 3) c
$$;
GRANT SELECT ON filter_way TO regress_filter_reader;
ALTER TABLE filter_way ENABLE ROW LEVEL SECURITY;
CREATE POLICY filter_way_policy ON filter_way USING (owner = 'reader');
SELECT * FROM pg_temp.tells('filter_way');
SET ROLE regress_filter_reader;
SELECT * FROM pg_temp.tells('filter_way');
RESET ROLE;
-- with an index of flat
DROP INDEX filter_way_i;
SELECT index IS NOT NULL AS index, rows FROM vecext_last_scan;
CREATE INDEX filter_way_i ON filter_way USING flat (v vector_l2_ops, number);
SELECT * FROM pg_temp.tells('filter_way');
SET ROLE regress_filter_reader;
SELECT * FROM pg_temp.tells('filter_way');
RESET ROLE;
-- behind a view that others may read
CREATE VIEW filter_way_view WITH (security_barrier) AS SELECT * FROM filter_way WHERE owner = 'reader';
GRANT SELECT ON filter_way_view TO regress_filter_reader;
DROP POLICY filter_way_policy ON filter_way;
ALTER TABLE filter_way DISABLE ROW LEVEL SECURITY;
SET ROLE regress_filter_reader;
SELECT * FROM pg_temp.tells('filter_way');
RESET ROLE;
REVOKE SELECT ON filter_way FROM regress_filter_reader;
GRANT SELECT (id, number, v) ON filter_way TO regress_filter_reader;
SET ROLE regress_filter_reader;
SELECT * FROM pg_temp.tells('filter_way_view');
RESET ROLE;
-- A policy of the parent binds whoever reads by it; rights to the parent are enough
CREATE TABLE filter_parent (LIKE filter_way) PARTITION BY RANGE (id);
CREATE TABLE filter_middle PARTITION OF filter_parent DEFAULT PARTITION BY RANGE (id);
CREATE TABLE filter_leaf PARTITION OF filter_middle DEFAULT;
INSERT INTO filter_parent SELECT * FROM filter_way;
CREATE INDEX ON filter_parent USING hnsw (v vector_l2_ops, number);
ANALYZE filter_parent;
GRANT SELECT ON filter_parent TO regress_filter_reader;
SET ROLE regress_filter_reader;
SELECT * FROM pg_temp.tells('filter_parent');
RESET ROLE;
ALTER TABLE filter_parent ENABLE ROW LEVEL SECURITY;
CREATE POLICY filter_way_policy ON filter_parent USING (owner = 'reader');
SET ROLE regress_filter_reader;
SELECT * FROM pg_temp.tells('filter_parent');
RESET ROLE;
-- the second of two parents by inheritance
CREATE TABLE filter_first (id int);
CREATE TABLE filter_second (LIKE filter_way);
CREATE TABLE filter_child () INHERITS (filter_first, filter_second);
INSERT INTO filter_child SELECT * FROM filter_way;
CREATE INDEX ON filter_child USING hnsw (v vector_l2_ops, number);
ANALYZE filter_child;
GRANT SELECT ON filter_first, filter_second, filter_child TO regress_filter_reader;
SET ROLE regress_filter_reader;
SELECT * FROM pg_temp.tells('filter_second');
RESET ROLE;
ALTER TABLE filter_second ENABLE ROW LEVEL SECURITY;
CREATE POLICY filter_way_policy ON filter_second USING (owner = 'reader');
SET ROLE regress_filter_reader;
SELECT * FROM pg_temp.tells('filter_second');
RESET ROLE;
DROP TABLE filter_child, filter_second, filter_first, filter_parent;
DROP VIEW filter_way_view;
DROP TABLE filter_way;
DROP TABLE filter_secret, filter_secret_condition;
DROP OPERATOR @~~@ (jsonb, payload_filter);
DROP FUNCTION filter_secret_match(jsonb, payload_filter), filter_secret_tell(text);
DROP ROLE regress_filter_reader;
