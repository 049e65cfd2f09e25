-- avg(vector), sum(vector)
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
CREATE FUNCTION pg_temp.outcome(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	value text;
BEGIN
	EXECUTE query INTO value;
	RETURN value;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
-- Nodes of a plan with their strategy or partial mode
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON, COSTS OFF) ' || query INTO plan;
	RETURN (SELECT string_agg(concat_ws(' ', node ->> 'Partial Mode', node ->> 'Strategy', node ->> 'Node Type'), ', ' ORDER BY o)
		FROM jsonb_path_query(plan, 'strict $.** ? (exists (@."Node Type"))') WITH ORDINALITY n(node, o));
END
$$;

SELECT avg(v), sum(v) FROM unnest(ARRAY['[1,2,3]'::vector, '[3,5,7]']) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY['[1,2,3]'::vector, NULL, '[3,5,7]', NULL]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[NULL, NULL]::vector[]) v;
SELECT avg(v), sum(v) FROM unnest(ARRAY[]::vector[]) v;
SELECT avg(v) AS summed_in_float8 FROM unnest(ARRAY['[3e38,1]'::vector, '[3e38,2]']) v;
SELECT rows, pg_temp.outcome(format('SELECT avg(v) FROM unnest(%L::vector[]) v', rows)) AS avg,
	pg_temp.outcome(format('SELECT sum(v) FROM unnest(%L::vector[]) v', rows)) AS sum
FROM (VALUES ('{"[1,2]","[3]"}'), ('{"[1]","[2,3]"}'), ('{"[3e38]","[3e38]"}'), ('{"[1,1,1,1,1,3e38]","[1,1,1,1,1,3e38]"}')) t(rows);

-- Each element, whatever the length
SELECT count(*) FILTER (WHERE avg = ARRAY(SELECT i + 1 FROM generate_series(1, dims) i)::vector) AS avg,
	count(*) FILTER (WHERE sum = ARRAY(SELECT 3 * i + 3 FROM generate_series(1, dims) i)::vector) AS sum, count(*)
FROM generate_series(1, 70) dims,
	LATERAL (SELECT avg(v), sum(v) FROM generate_series(0, 2) k,
		LATERAL (SELECT array_agg(i * k + 1 ORDER BY i)::vector AS v FROM generate_series(1, dims) i) r) a;

-- The state by hand: what is given stays as it is.
SELECT vector_accum('{0}', '[1,2,3]'), vector_accum('{0,0,0,0}', '[1,2,3]'), vector_accum('{5,1,2,3,4,5,6}', '[1,2,3,4,5,6]');
SELECT vector_combine('{1,2}', '{3,4}'), vector_combine('{0}', '{3,4}'), vector_combine('{3,4}', '{0}'), vector_combine('{0}', '{0}'),
	vector_combine('{0,0}', '{3,4}'), vector_combine('{3,4}', '{0,0}');
SELECT vector_avg('{2,2,4,6}'), vector_avg('{0}') AS no_rows, vector_avg('{0,0,0}') AS no_rows_either;
WITH states AS MATERIALIZED (SELECT '{1,1,2,3,4,5}'::float8[] AS s)
SELECT vector_accum(s, '[1,1,1,1,1]'), vector_accum(s, '[2,2,2,2,2]'), vector_combine(s, s), vector_combine(s, '{0}'), s FROM states;
WITH vectors AS MATERIALIZED (SELECT '[1,2,3,4,5]'::vector AS v)
SELECT vector_add(v, v), (SELECT sum(v) FROM vectors, generate_series(1, 3)), (SELECT avg(v) FROM vectors, generate_series(1, 3)), v FROM vectors;
SELECT call, pg_temp.outcome('SELECT ' || call) FROM (VALUES
	($$vector_accum('{{0}}', '[1,2,3]')$$), ($$vector_accum('{NULL}', '[1,2,3]')$$), ($$vector_accum('{}', '[1,2,3]')$$),
	($$vector_accum('{0,0}', '[1,2,3]')$$), ($$vector_accum('{1,2,3,4,5}', '[1]')$$),
	($$vector_accum('{1,Infinity}', '[1]')$$), ($$vector_accum('{1,1,1,1,-Infinity,1,1}', '[1,1,1,1,1,1]')$$),
	($$vector_accum('{1,NaN}', '[1]')$$),
	($$vector_accum('{1,1.7e308,1.7e308,1.7e308,1.7e308}', '[1,1,1,1]')$$),
	($$vector_combine('{1,2}', '{3,4,5}')$$), ($$vector_combine('{{1,2}}', '{3,4}')$$), ($$vector_combine('{1,2}', '{{3,4}}')$$),
	($$vector_combine('{NULL,2}', '{3,4}')$$), ($$vector_combine('{1,2}', '{3,NULL}')$$), ($$vector_combine('{}', '{0}')$$), ($$vector_combine('{0}', '{}')$$),
	($$vector_combine('{1,1.7e308}', '{1,1.7e308}')$$), ($$vector_combine('{1,NaN}', '{1,1}')$$),
	($$vector_combine('{0}', array_fill(1::float8, ARRAY[16002]))$$), ($$vector_combine(array_fill(1::float8, ARRAY[16002]), '{0}')$$),
	($$vector_combine(array_fill(1::float8, ARRAY[16002]), array_fill(1::float8, ARRAY[16002]))$$),
	($$vector_avg('{1}')$$), ($$vector_avg('{{2,2,4,6}}')$$), ($$vector_avg('{NULL,2,4,6}')$$), ($$vector_avg('{}')$$),
	($$vector_avg('{1,NaN}')$$), ($$vector_avg('{1,1,1,1,1,Infinity}')$$), ($$vector_avg('{1,1e39}')$$), ($$vector_avg('{2,6e38}')$$),
	($$vector_avg(array_fill(1::float8, ARRAY[16002]))$$)
) t(call);

-- Rows as they come from a table: short headers, toasted vectors
CREATE TABLE vector_rows (id int, a int, b int, v vector, long vector(2000));
INSERT INTO vector_rows SELECT i, i % 3, i % 5, ARRAY[i, -i, 1]::vector, array_fill(i, ARRAY[2000])::vector FROM generate_series(1, 600) i;
ANALYZE vector_rows;
SET max_parallel_workers_per_gather = 0;
SELECT avg(v), sum(v) FROM vector_rows;
SELECT avg(long) = array_fill(300.5, ARRAY[2000])::vector AS avg, sum(long) = array_fill(180300, ARRAY[2000])::vector AS sum FROM vector_rows;
SELECT a, avg(v), sum(v), subvector(sum(long), 1, 2) AS long FROM vector_rows GROUP BY a ORDER BY a;
SELECT count(*) FROM vector_rows WHERE v = ARRAY[id, -id, 1]::vector AND long = array_fill(id, ARRAY[2000])::vector;

-- Sorted and hashed groups, groups that spill to disk
SET enable_hashagg = off;
SELECT pg_temp.plan_of('SELECT a, sum(v) FROM vector_rows GROUP BY a') ~ 'Sorted Aggregate' AS sorted;
SELECT a, avg(v), sum(v) FROM vector_rows GROUP BY a ORDER BY a;
CREATE TEMP TABLE sorted_groups AS SELECT id / 2 AS g, avg(v), sum(v), sum(long) AS long FROM vector_rows GROUP BY id / 2;
RESET enable_hashagg; SET enable_sort = off; SET work_mem = '64kB'; SET hash_mem_multiplier = 1;
SELECT pg_temp.plan_of('SELECT id / 2 AS g, sum(v) FROM vector_rows GROUP BY id / 2') ~ 'Hashed Aggregate' AS hashed;
SELECT count(*) FROM (SELECT id / 2, avg(v), sum(v), sum(long) FROM vector_rows GROUP BY id / 2 EXCEPT SELECT * FROM sorted_groups) d;
RESET enable_sort; RESET work_mem; RESET hash_mem_multiplier;

-- Grouping sets: every set has a state of its own.
CREATE TEMP TABLE single_sets AS
	SELECT a, NULL::int AS b, sum(v), avg(v), count(*) FROM vector_rows GROUP BY a
	UNION ALL SELECT NULL, b, sum(v), avg(v), count(*) FROM vector_rows GROUP BY b
	UNION ALL SELECT a, b, sum(v), avg(v), count(*) FROM vector_rows GROUP BY a, b
	UNION ALL SELECT NULL, NULL, sum(v), avg(v), count(*) FROM vector_rows;
SELECT count(*) FROM single_sets;
SELECT count(*) FROM (SELECT a, b, sum(v), avg(v), count(*) FROM vector_rows GROUP BY CUBE (a, b) EXCEPT ALL SELECT * FROM single_sets) d;
SET enable_hashagg = off;
SELECT count(*) FROM (SELECT a, b, sum(v), avg(v), count(*) FROM vector_rows GROUP BY CUBE (a, b) EXCEPT ALL SELECT * FROM single_sets) d;
SELECT count(*) FROM (SELECT a, b, sum(v), avg(v), count(*) FROM vector_rows GROUP BY ROLLUP (a, b) EXCEPT ALL SELECT * FROM single_sets) d;
RESET enable_hashagg;
SELECT a, sum(v), avg(v) FROM vector_rows GROUP BY ROLLUP (a) ORDER BY a;

-- Options of aggregates
SELECT sum(DISTINCT w), avg(DISTINCT w), sum(w ORDER BY w DESC), avg(w) FILTER (WHERE w > '[2]'), sum(w), count(DISTINCT w)
FROM unnest(ARRAY['[1]'::vector, '[2]', '[3]', '[3]', '[-0]', '[0]']) w;
SELECT sum(v), sum(v) AS again, avg(v), avg(v) FILTER (WHERE id <= 2) AS some FROM vector_rows;

-- Windows: the results of earlier rows stay.
SELECT id, sum(v) OVER w AS running_sum, avg(v) OVER w AS running_avg, lag(s) OVER w AS earlier_sum
FROM (SELECT id, v, sum(v) OVER (ORDER BY id) AS s FROM vector_rows WHERE id <= 5) t
WINDOW w AS (ORDER BY id) ORDER BY id;
SELECT id, sum(v) OVER w AS sliding_sum, avg(v) OVER w AS sliding_avg, sum(v) OVER () AS total
FROM vector_rows WHERE id <= 5 WINDOW w AS (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) ORDER BY id;
SELECT array_agg(s) FROM (SELECT sum(v) OVER (ORDER BY id) AS s FROM vector_rows WHERE id <= 4) t;
SELECT array_agg(subvector(s, 2000, 1)) FROM (SELECT sum(long) OVER (ORDER BY id) AS s FROM vector_rows WHERE id <= 4) t;
SELECT a, sum(v) AS of_group, sum(sum(v)) OVER (ORDER BY a) AS running FROM vector_rows WHERE id <= 9 GROUP BY a ORDER BY a;

-- Aggregates of one's own on the same functions
CREATE AGGREGATE pg_temp.sum_from_100(vector) (SFUNC = vector_add, STYPE = vector, INITCOND = '[100,100,100]');
CREATE AGGREGATE pg_temp.product(vector) (SFUNC = vector_mul, STYPE = vector, COMBINEFUNC = vector_mul);
CREATE AGGREGATE pg_temp.moving_sum(vector) (SFUNC = vector_add, STYPE = vector,
	MSFUNC = vector_add, MINVFUNC = vector_sub, MSTYPE = vector);
SELECT a, pg_temp.sum_from_100(v), pg_temp.product(v) FROM vector_rows WHERE id <= 6 GROUP BY a ORDER BY a;
SELECT id, pg_temp.moving_sum(v) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM vector_rows WHERE id <= 5 ORDER BY id;
SELECT id, pg_temp.sum_from_100(v) OVER (ORDER BY id) FROM vector_rows WHERE id <= 3 ORDER BY id;
DROP AGGREGATE pg_temp.sum_from_100(vector), pg_temp.product(vector), pg_temp.moving_sum(vector);

-- Parallel: workers hand over states, some of which saw no row.
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 3; SET parallel_leader_participation = off;
ALTER TABLE vector_rows SET (parallel_workers = 3);
SELECT pg_temp.plan_of('SELECT avg(v), sum(v) FROM vector_rows') AS plan;
SELECT avg(v), sum(v) FROM vector_rows;
SELECT avg(v), sum(v) FROM vector_rows WHERE id = 7;
SELECT avg(v), sum(v) FROM vector_rows WHERE id = -1;
SELECT avg(v) FILTER (WHERE id = 7), sum(v) FILTER (WHERE id = 7), count(*) FROM vector_rows;
SELECT avg(long) = array_fill(300.5, ARRAY[2000])::vector AS avg, sum(long) = array_fill(180300, ARRAY[2000])::vector AS sum FROM vector_rows;
SELECT a, avg(v), sum(v) FROM vector_rows GROUP BY a ORDER BY a;
SELECT pg_temp.outcome('SELECT sum(v * ''[1e37,1e37,1e37]'') FROM vector_rows') AS overflow;
CREATE TABLE vector_few (v vector) WITH (parallel_workers = 3);
INSERT INTO vector_few VALUES (NULL), ('[1,2]'), (NULL), ('[3,4]');
ANALYZE vector_few;
SELECT pg_temp.plan_of('SELECT avg(v), sum(v) FROM vector_few') ~ 'Gather' AS parallel;
SELECT avg(v), sum(v) FROM vector_few;
DELETE FROM vector_few WHERE v IS NOT NULL;
SELECT avg(v), sum(v) FROM vector_few;
DROP TABLE vector_rows, vector_few;
