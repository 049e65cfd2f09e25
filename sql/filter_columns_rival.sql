-- Beside a B-tree and GIN indexes: few rows come from these and are sorted, more from the index that knows their order
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
SET jit = off;
SET max_parallel_workers_per_gather = 0;

CREATE TABLE filter_rival AS
SELECT i AS id, i * 7 % 10000 AS u, ARRAY[u4.a, u4.b] AS tags, jsonb_build_object('a', u4.a, 'b', u4.b) AS j, i % 2 = 0 AS flag, i * 13 % 10007 AS w,
	ARRAY[i, i % 77, i % 99, 1]::vector(4) AS v
FROM generate_series(0, 39999) i,
	LATERAL (SELECT length(ltrim((i * 7 % 10000)::text, '0')) * 10 AS a, 1000 + i * 7 % 10000 / 10 AS b) u4;
CREATE INDEX filter_rival_u ON filter_rival (u);
CREATE INDEX filter_rival_w ON filter_rival (w);
CREATE INDEX filter_rival_tags ON filter_rival USING gin (tags);
CREATE INDEX filter_rival_j ON filter_rival USING gin (j);
CREATE INDEX filter_rival_hnsw ON filter_rival USING hnsw (v vector_l2_ops, u, tags, j, w);
VACUUM ANALYZE filter_rival;

-- The index that the rows come from, and whether they are sorted
CREATE FUNCTION pg_temp.way(condition text, k int, OUT index text, OUT sorted bool) LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE format('EXPLAIN (FORMAT json) SELECT id FROM filter_rival WHERE %s ORDER BY v <-> ''[100,2,3,4]'' LIMIT %s', condition, k) INTO plan;
	index := coalesce((regexp_match(plan::text, '"Index Name": "filter_rival_([a-z]*)"'))[1], 'none');
	sorted := plan::text ~ '"Sort"';
END
$$;
SELECT c, (SELECT count(*) FROM filter_rival WHERE u < part) AS rows, ten.index, ten.sorted, hundred.index, hundred.sorted
FROM (VALUES (9000), (5000), (1000), (500), (200), (10), (5), (1)) p(part), format('u < %s', part) c,
	pg_temp.way(c, 10) ten, pg_temp.way(c, 100) hundred;
SELECT c, w.* FROM unnest(ARRAY[
	'tags @> ''{40}''', 'tags @> ''{30}''', 'tags @> ''{1234}''', 'tags && ''{1234,1235}''', 'j @> ''{"a": 40}''', 'j @> ''{"a": 30}''', 'j @> ''{"b": 1234}''',
	'u < 4000 AND tags @> ''{40}''', 'u < 4000 AND tags @> ''{1234}''', 'u = 77 AND flag', 'u = 77 OR u = 99']) c, pg_temp.way(c, 10) w;

-- Bitmaps that are ANDed leave few rows, and have many entries
SELECT c, w.* FROM unnest(ARRAY['u < 200 AND w < 200', 'u < 100 AND w < 100', 'u < 50 AND w < 150', 'u < 10 AND w < 200']) c, pg_temp.way(c, 10) w;

-- A way that is switched off is none, nor is one that does not fit into memory
SET enable_sort = off;
SELECT * FROM pg_temp.way('u < 10', 10);
RESET enable_sort;
SET enable_bitmapscan = off;
SELECT c, w.* FROM unnest(ARRAY['u < 10', 'tags @> ''{1234}''']) c, pg_temp.way(c, 10) w;
RESET enable_bitmapscan;
SET enable_indexscan = off;
SELECT * FROM pg_temp.way('u < 50 AND w < 150', 10);
RESET enable_indexscan;
SET effective_cache_size = '1MB';
SELECT * FROM pg_temp.way('u < 100', 10);
RESET effective_cache_size;

-- A parameter that is not known says nothing about few rows
SET plan_cache_mode = force_generic_plan;
PREPARE filter_rival_below(int) AS SELECT id FROM filter_rival WHERE u < $1 ORDER BY v <-> '[100,2,3,4]' LIMIT 10;
EXPLAIN (COSTS OFF) EXECUTE filter_rival_below(1);
RESET plan_cache_mode;
EXPLAIN (COSTS OFF) EXECUTE filter_rival_below(1);
EXECUTE filter_rival_below(1);

-- The same of flat
CREATE INDEX filter_rival_flat ON filter_rival USING flat (v vector_l2_ops, u, tags, j);
DROP INDEX filter_rival_hnsw;
SELECT c, w.* FROM unnest(ARRAY['u < 5000', 'u < 500', 'u < 10', 'u < 1', 'tags @> ''{40}''', 'tags @> ''{1234}''']) c, pg_temp.way(c, 10) w;
DROP TABLE filter_rival;
