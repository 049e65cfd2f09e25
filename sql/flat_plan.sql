-- When the planner uses a flat index, and what the plans look like
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
SET max_parallel_workers_per_gather = 0;
SET jit = off;

CREATE TABLE flat_plan (id int, kind int, v vector(16));
INSERT INTO flat_plan
	SELECT i, i % 10, (SELECT array_agg(sin(i * j)::real ORDER BY j) FROM generate_series(1, 16) j)::vector
	FROM generate_series(1, 20000) i;
CREATE INDEX flat_plan_l2 ON flat_plan USING flat (v vector_l2_ops);
VACUUM ANALYZE flat_plan;
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	lines text[];
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		lines := lines || line;
	END LOOP;
	RETURN array_to_string(lines, E'\n');
END
$$;

-- A vector to search for
SELECT v AS q FROM flat_plan WHERE id = 77 \gset
\set zero '[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]'

-- The nearest, by the operator of the class, either way round
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan ORDER BY v <-> :'zero' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan ORDER BY :'zero' <-> v LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id, v <-> :'zero' AS d FROM flat_plan ORDER BY d LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan ORDER BY v <-> :'zero' OFFSET 5 LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan ORDER BY v <-> :'zero' FETCH FIRST 10 ROWS ONLY;
-- With conditions
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan WHERE kind = 3 ORDER BY v <-> :'zero' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan WHERE v IS NOT NULL ORDER BY v <-> :'zero' LIMIT 10;
-- The value from a subquery, a parameter, another table
SELECT pg_temp.plan_of('SELECT id FROM flat_plan ORDER BY v <-> (SELECT v FROM flat_plan WHERE id = 1 LIMIT 1) LIMIT 10')
	~ 'Index Scan using flat_plan_l2 on flat_plan\s+Order By' AS by_subquery;
EXPLAIN (COSTS OFF) SELECT o.id, n.id FROM flat_plan o,
	LATERAL (SELECT id FROM flat_plan ORDER BY v <-> o.v LIMIT 3) n WHERE o.id = 1;
PREPARE flat_plan_nearest(vector, int) AS SELECT id FROM flat_plan ORDER BY v <-> $1 LIMIT $2;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE flat_plan_nearest(:'zero', 5);
RESET plan_cache_mode;
DEALLOCATE flat_plan_nearest;

-- Not: descending, another operator, an expression or function around it, no
-- limit, a value that is not constant
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan ORDER BY v <-> :'zero' DESC LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan ORDER BY v <-> :'zero' NULLS FIRST LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan ORDER BY v <=> :'zero' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan ORDER BY (v <-> :'zero') + 1 LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan ORDER BY l2_distance(v, :'zero') LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan ORDER BY v <-> :'zero';
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan ORDER BY id, v <-> :'zero' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan ORDER BY v <-> v LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan ORDER BY v LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan WHERE v = :'zero';

-- Thresholds: the function is what one writes, the operator what the index
-- answers; a ball that holds everything is read from the table.
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan WHERE l2_within(v, '[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]', 0.5);
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan WHERE v <->@ vector_ball('[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]', 0.5);
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan
	WHERE l2_within(v, '[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]', 0.5) ORDER BY v <-> '[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan WHERE l2_within(v, '[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]', 1000);
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan WHERE NOT l2_within(v, '[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]', 0.5);
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan WHERE cosine_within(v, '[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]', 0.5);
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan WHERE l2_within('[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]', v, 0.5);
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan WHERE l2_within(v, v, id);
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan WHERE l2_within(v, '[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]', random());
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan WHERE v <-> '[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]' <= 0.5;

-- Rows of NULL are few: the index knows where.
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan WHERE v IS NULL;
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan WHERE v IS NOT NULL;

-- The index must be worth it: a small table is read and sorted.
CREATE TABLE flat_small AS SELECT * FROM flat_plan WHERE id <= 20;
CREATE INDEX flat_small_i ON flat_small USING flat (v vector_l2_ops);
ANALYZE flat_small;
EXPLAIN (COSTS OFF) SELECT id FROM flat_small ORDER BY v <-> :'zero' LIMIT 10;
DROP TABLE flat_small;

-- Estimates: the planner knows how many rows a ball holds.
CREATE FUNCTION pg_temp.estimate(query text, what text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
	RETURN plan -> 0 -> 'Plan' ->> what;
END
$$;
SELECT r, (SELECT count(*) FROM flat_plan WHERE l2_within(v, :'q', r)) AS rows,
	pg_temp.estimate(format('SELECT id FROM flat_plan WHERE l2_within(v, %L, %s)', :'q', r), 'Plan Rows')
		BETWEEN least_rows AND most_rows AS estimated
FROM (VALUES (0.001, 1, 400), (3.5, 1000, 8000), (100, 19000, 20000)) t(r, least_rows, most_rows);

-- Whether there is a vector, rows tell: no code is read for it.
BEGIN;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan WHERE v IS NULL;
SELECT pg_temp.estimate('SELECT id FROM flat_plan WHERE v IS NULL', 'Total Cost') * 2
	< pg_temp.estimate(format('SELECT id FROM flat_plan WHERE l2_within(v, %L, 0.001)', :'q'), 'Total Cost') AS cheaper;
COMMIT;

-- Several workers
SET max_parallel_workers_per_gather = 2;
SET min_parallel_index_scan_size = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan ORDER BY v <-> :'zero' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan WHERE l2_within(v, '[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]', 0.5);
RESET max_parallel_workers_per_gather;
RESET min_parallel_index_scan_size;
RESET min_parallel_table_scan_size;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
SET max_parallel_workers_per_gather = 0;

-- One index for each distance
CREATE INDEX flat_plan_cosine ON flat_plan USING flat (v vector_cosine_ops);
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan ORDER BY v <=> :'zero' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan ORDER BY v <-> :'zero' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM flat_plan WHERE cosine_within(v, :'zero', 1e-6);
DROP TABLE flat_plan;
