-- When the planner uses an hnsw index, and what the plans look like
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
SET max_parallel_workers_per_gather = 0;
SET jit = off;

CREATE TABLE hnsw_plan (id int, kind int, v vector(16));
INSERT INTO hnsw_plan
	SELECT i, i % 10, (SELECT array_agg(sin(i * j)::real ORDER BY j) FROM generate_series(1, 16) j)::vector
	FROM generate_series(1, 20000) i;
CREATE INDEX hnsw_plan_l2 ON hnsw_plan USING hnsw (v vector_l2_ops);
VACUUM ANALYZE hnsw_plan;
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
SELECT v AS q FROM hnsw_plan WHERE id = 77 \gset
\set zero '[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]'

-- Once a session knows the catalogs, planning reads no page, the index's neither.  The least of some,
-- for others may have made it forget something meanwhile.
CREATE FUNCTION pg_temp.blocks_of_planning(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	least_blocks bigint;
	plan jsonb;
BEGIN
	FOR i IN 1 .. 5 LOOP
		EXECUTE 'EXPLAIN (BUFFERS, FORMAT JSON) ' || query INTO plan;
		least_blocks := least(least_blocks, (plan #>> '{0,Planning,Shared Hit Blocks}')::bigint +
			(plan #>> '{0,Planning,Shared Read Blocks}')::bigint);
	END LOOP;
	RETURN least_blocks;
END
$$;
SELECT pg_temp.blocks_of_planning(format('SELECT id FROM hnsw_plan ORDER BY v <-> %L LIMIT 5', :'q')) AS blocks;

-- The nearest, by the operator of the class, either way round
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan ORDER BY v <-> :'zero' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan ORDER BY :'zero' <-> v LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id, v <-> :'zero' AS d FROM hnsw_plan ORDER BY d LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan ORDER BY v <-> :'zero' OFFSET 5 LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan ORDER BY v <-> :'zero' FETCH FIRST 10 ROWS ONLY;
-- With conditions
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan WHERE kind = 3 ORDER BY v <-> :'zero' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan WHERE v IS NOT NULL ORDER BY v <-> :'zero' LIMIT 10;
-- The value from a subquery, a parameter, another table
SELECT pg_temp.plan_of('SELECT id FROM hnsw_plan ORDER BY v <-> (SELECT v FROM hnsw_plan WHERE id = 1 LIMIT 1) LIMIT 10')
	~ 'Index Scan using hnsw_plan_l2 on hnsw_plan\s+Order By' AS by_subquery;
EXPLAIN (COSTS OFF) SELECT o.id, n.id FROM hnsw_plan o,
	LATERAL (SELECT id FROM hnsw_plan ORDER BY v <-> o.v LIMIT 3) n WHERE o.id = 1;
PREPARE hnsw_plan_nearest(vector, int) AS SELECT id FROM hnsw_plan ORDER BY v <-> $1 LIMIT $2;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE hnsw_plan_nearest(:'zero', 5);
RESET plan_cache_mode;
DEALLOCATE hnsw_plan_nearest;

-- Not: descending, another operator, an expression or function around it, no
-- limit, a value that is not constant
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan ORDER BY v <-> :'zero' DESC LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan ORDER BY v <-> :'zero' NULLS FIRST LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan ORDER BY v <=> :'zero' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan ORDER BY (v <-> :'zero') + 1 LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan ORDER BY l2_distance(v, :'zero') LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan ORDER BY v <-> :'zero';
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan ORDER BY id, v <-> :'zero' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan ORDER BY v <-> v LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan ORDER BY v LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan WHERE v = :'zero';

-- Thresholds: the function is what one writes, the operator what the index
-- answers; a ball that holds everything is read from the table.
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan WHERE l2_within(v, '[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]', 0.5);
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan WHERE v <->@ vector_ball('[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]', 0.5);
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan
	WHERE l2_within(v, '[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]', 0.5) ORDER BY v <-> '[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan WHERE l2_within(v, '[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]', 1000);
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan WHERE NOT l2_within(v, '[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]', 0.5);
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan WHERE cosine_within(v, '[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]', 0.5);
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan WHERE l2_within('[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]', v, 0.5);
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan WHERE l2_within(v, v, id);
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan WHERE l2_within(v, '[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]', random());
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan WHERE v <-> '[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]' <= 0.5;

-- Rows of NULL are few: the index knows where.
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan WHERE v IS NULL;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan WHERE v IS NOT NULL;

-- The index must be worth it: a small table is read and sorted.
CREATE TABLE hnsw_small AS SELECT * FROM hnsw_plan WHERE id <= 20;
CREATE INDEX hnsw_small_i ON hnsw_small USING hnsw (v vector_l2_ops);
ANALYZE hnsw_small;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_small ORDER BY v <-> :'zero' LIMIT 10;
DROP TABLE hnsw_small;

-- Estimates: the planner knows how many rows a ball holds.
CREATE FUNCTION pg_temp.rows_of(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
	RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows';
END
$$;
SELECT r, (SELECT count(*) FROM hnsw_plan WHERE l2_within(v, :'q', r)) AS rows,
	pg_temp.rows_of(format('SELECT id FROM hnsw_plan WHERE l2_within(v, %L, %s)', :'q', r))
		BETWEEN least_rows AND most_rows AS estimated
FROM (VALUES (0.001, 1, 400), (3.5, 1000, 8000), (100, 19000, 20000)) t(r, least_rows, most_rows);

-- An hnsw scan knows no workers; those of flat get them as without hnsw.
CREATE INDEX hnsw_plan_flat ON hnsw_plan USING flat (v vector_l1_ops);
SET max_parallel_workers_per_gather = 2;
SET min_parallel_index_scan_size = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan ORDER BY v <-> :'zero' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan ORDER BY v <+> :'zero' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan WHERE l2_within(v, '[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]', 0.5);
DROP INDEX hnsw_plan_flat;
RESET max_parallel_workers_per_gather;
RESET min_parallel_index_scan_size;
RESET min_parallel_table_scan_size;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
SET max_parallel_workers_per_gather = 0;

-- Beside a flat index on the same distance: the graph for a few rows
CREATE INDEX hnsw_plan_flat ON hnsw_plan USING flat (v vector_l2_ops);
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan ORDER BY v <-> :'zero' LIMIT 10;
DROP INDEX hnsw_plan_flat;

-- The width of a search is part of its cost, and so is the LIMIT.
CREATE FUNCTION pg_temp.startup_cost_of(query text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
	RETURN plan -> 0 -> 'Plan' ->> 'Startup Cost';
END
$$;
SELECT pg_temp.startup_cost_of('SELECT id FROM hnsw_plan ORDER BY v <-> ' || quote_literal(:'zero') || ' LIMIT 100') >
	pg_temp.startup_cost_of('SELECT id FROM hnsw_plan ORDER BY v <-> ' || quote_literal(:'zero') || ' LIMIT 10') AS by_limit,
	pg_temp.startup_cost_of('SELECT id FROM hnsw_plan WHERE kind = 3 ORDER BY v <-> ' || quote_literal(:'zero') || ' LIMIT 10') >
	pg_temp.startup_cost_of('SELECT id FROM hnsw_plan ORDER BY v <-> ' || quote_literal(:'zero') || ' LIMIT 10') AS by_condition;

-- A LIMIT beyond the rows of a small table: one pass, at no negative cost.
CREATE TABLE hnsw_few AS SELECT * FROM hnsw_plan WHERE id <= 2;
CREATE INDEX hnsw_few_i ON hnsw_few USING hnsw (v vector_l2_ops);
ANALYZE hnsw_few;
SET enable_seqscan = off;
SELECT pg_temp.startup_cost_of('SELECT id FROM hnsw_few ORDER BY v <-> ' || quote_literal(:'zero') || ' LIMIT 1000') >= 0 AS not_negative;
RESET enable_seqscan;
DROP TABLE hnsw_few;

-- The order is believed by whatever is above; distance + 0 is another one.
EXPLAIN (COSTS OFF) SELECT id, d FROM (SELECT id, v <-> :'zero' AS d FROM hnsw_plan ORDER BY d LIMIT 10) n ORDER BY d;
EXPLAIN (COSTS OFF) SELECT id, d FROM (SELECT id, v <-> :'zero' AS d FROM hnsw_plan ORDER BY d LIMIT 10) n ORDER BY d + 0, id;

-- One index for each distance
CREATE INDEX hnsw_plan_cosine ON hnsw_plan USING hnsw (v vector_cosine_ops);
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan ORDER BY v <=> :'zero' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan ORDER BY v <-> :'zero' LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM hnsw_plan WHERE cosine_within(v, :'zero', 1e-6);
DROP TABLE hnsw_plan;
