-- Walks: strategies, conditions, times, kinds of keys
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
SET extra_float_digits = 0;

CREATE TABLE graph_edge (id int PRIMARY KEY, src int8, dst int8, type text, weight float8);
INSERT INTO graph_edge VALUES
	(1, 1, 2, 'a', 0.5), (2, 1, 3, 'a', 0.9), (3, 2, 4, 'b', 0.9), (4, 3, 4, 'a', 0.1), (5, 4, 1, 'a', 1),
	(6, 4, 4, 'a', 1), (7, 5, 4, 'c', 0.7), (8, 4, 6, 'a', 0.3), (9, 1, 2, 'b', 0.6), (10, NULL, 1, 'a', 1),
	(11, 6, NULL, 'a', 1), (12, 6, 7, NULL, NULL);
CREATE INDEX ON graph_edge (src);
CREATE INDEX ON graph_edge (dst);

-- Each node once: at its least depth, there with the greatest weight
SELECT * FROM graph_walk('graph_edge', ARRAY[1::int8]);
SELECT * FROM graph_walk('graph_edge', ARRAY[1::int8], max_depth => NULL);
SELECT node, depth, path FROM graph_walk('graph_edge', ARRAY[4::int8], direction => 'in');
SELECT node, depth, path, edge_path FROM graph_walk('graph_edge', ARRAY[5::int8], direction => 'both') ORDER BY depth, node;
SELECT * FROM graph_walk('graph_edge', ARRAY[1::int8], max_depth => 0);

-- Strategies
SELECT * FROM graph_walk('graph_edge', ARRAY[1::int8], strategy => 'water_circle', decay => 0.9);
SELECT * FROM graph_walk('graph_edge', ARRAY[1::int8], strategy => 'beam', beam_width => 1);
SELECT * FROM graph_walk('graph_edge', ARRAY[1::int8], strategy => 'best_first', decay => 0.9, max_depth => NULL);
SELECT * FROM graph_walk('graph_edge', ARRAY[1::int8], strategy => 'best_first', max_rows => 3);
SELECT * FROM graph_walk('graph_edge', ARRAY[1::int8], strategy => 'water_circle', decay => 0);

-- best_first within a depth: the best way to 3 is too long to go on from, the worse one is not
CREATE TABLE graph_detour (src int, dst int, weight float8);
INSERT INTO graph_detour VALUES (1, 2, 0.9), (2, 3, 0.9), (1, 3, 0.5), (3, 4, 1), (4, 5, 1), (5, 6, 1);
SELECT node, depth, path, weight FROM graph_walk('graph_detour', ARRAY[1], strategy => 'best_first', max_depth => 3);
SELECT node, depth, path, weight FROM graph_walk('graph_detour', ARRAY[1], strategy => 'best_first', max_depth => 4);

-- Conditions
SELECT node, depth, weight FROM graph_walk('graph_edge', ARRAY[1::int8], '{a}', max_depth => 2);
SELECT node, depth, weight FROM graph_walk('graph_edge', ARRAY[1::int8], '{b,c,null}');
SELECT node FROM graph_walk('graph_edge', ARRAY[1::int8], '{}');
SELECT node, depth, weight FROM graph_walk('graph_edge', ARRAY[1::int8], min_weight => 0.6);
SELECT node, depth FROM graph_walk('graph_edge', ARRAY[6::int8], min_weight => 1);
SELECT node, depth FROM graph_walk('graph_edge', ARRAY[6::int8], min_weight => 1.1);

-- Seeds: none, null, unknown, twice; several begin at once
SELECT * FROM graph_walk('graph_edge', '{}'::int8[]);
SELECT * FROM graph_walk('graph_edge', NULL::int8[]);
SELECT node, depth FROM graph_walk('graph_edge', '{NULL,99,99}'::int8[]);
SELECT node, depth, path FROM graph_walk('graph_edge', '{{3,2},{3,2}}'::int8[], max_depth => 1);

-- max_rows: any, but each at its best
SELECT count(*), bool_and(depth <= 1) FROM graph_walk('graph_edge', ARRAY[1::int8], max_rows => 2);
SELECT node, weight FROM graph_walk('graph_edge', ARRAY[1::int8], strategy => 'water_circle', max_rows => 2);
SELECT count(*) FROM graph_walk('graph_edge', ARRAY[1::int8], max_rows => 0);
-- What is not asked for takes no memory
CREATE TABLE graph_wide AS SELECT 0 AS src, i AS dst FROM generate_series(1, 20000) i;
CREATE INDEX ON graph_wide (src);
SET work_mem = '64kB';
SELECT count(*) FROM graph_walk('graph_wide', ARRAY[0], max_rows => 100);
RESET work_mem;

-- Row by row in a select list, stopped early, and started again for each row
SELECT graph_walk('graph_edge', ARRAY[1::int8]) LIMIT 2;
SELECT (graph_walk('graph_edge', ARRAY[1::int8], strategy => 'best_first')).node LIMIT 4;
SELECT i, (graph_walk('graph_edge', ARRAY[i::int8], max_depth => 1)).node FROM generate_series(1, 4) i;
SELECT i, n FROM generate_series(1, 3) i, LATERAL (SELECT (graph_walk('graph_edge', ARRAY[i::int8])).node AS n LIMIT 2) w;
BEGIN;
DECLARE graph_cursor CURSOR FOR SELECT (graph_walk('graph_edge', ARRAY[1::int8])).node;
FETCH 2 FROM graph_cursor;
ALTER TABLE graph_edge DROP COLUMN weight;
ROLLBACK;
BEGIN;
DECLARE graph_cursor CURSOR FOR SELECT (graph_walk('graph_edge', ARRAY[1::int8])).node;
FETCH 2 FROM graph_cursor;
-- Rows added meanwhile are not for this walk
INSERT INTO graph_edge VALUES (20, 3, 20, 'a', 1);
FETCH ALL FROM graph_cursor;
CLOSE graph_cursor;
ROLLBACK;

-- Nothing is left open when a walk ends early or fails
DO $$
DECLARE
	n int8;
BEGIN
	FOR i IN 1..100 LOOP
		SELECT (graph_walk('graph_edge', ARRAY[1::int8])).node INTO n LIMIT 1;
		BEGIN
			SELECT (graph_walk('graph_edge', ARRAY[1::int8], strategy => 'best_first', decay => 2)).node INTO n OFFSET 1;
		EXCEPTION WHEN numeric_value_out_of_range THEN
			NULL;
		END;
	END LOOP;
END
$$;

-- The same result whatever keys are, and whether indexes are there
CREATE TABLE graph_uuid AS SELECT id, lpad(src::text, 32, '0')::uuid AS src, lpad(dst::text, 32, '0')::uuid AS dst, type, weight FROM graph_edge;
CREATE TABLE graph_text AS SELECT id, 'n' || src AS src, ('n' || dst)::varchar AS dst, type::varchar AS type, weight::numeric AS weight FROM graph_edge;
CREATE TABLE graph_small AS SELECT id, src::int2 AS src, dst::int4 AS dst, type::name AS type, weight::real AS weight FROM graph_edge;
CREATE DOMAIN graph_key AS int8;
CREATE TABLE graph_domain AS SELECT id, src::graph_key AS src, dst::graph_key AS dst, type, weight FROM graph_edge;
DO $$
DECLARE
	t text;
	seeds text[] := ARRAY['ARRAY[lpad(''1'', 32, ''0'')::uuid]', 'ARRAY[''n1'']', 'ARRAY[1]', 'ARRAY[1::int8]'];
	found text;
BEGIN
	FOR i IN 1..2 LOOP
		FOR j IN 1..4 LOOP
			t := (ARRAY['graph_uuid', 'graph_text', 'graph_small', 'graph_domain'])[j];
			EXECUTE format('SELECT string_agg(format(''%%s %%s %%s'', ltrim(node::text, ''0-n''), depth, round(weight::numeric, 3)), '', '' ORDER BY depth, node::text)
				FROM graph_walk(%L, %s, edge_types => ''{a,b}'', max_depth => NULL)', t, seeds[j]) INTO found;
			RAISE NOTICE '%: %', t, found;
			IF i = 1 THEN
				EXECUTE format('CREATE INDEX ON %I (src, type)', t);
			END IF;
		END LOOP;
	END LOOP;
END
$$;
-- One type, found by the second column of the index
SELECT t, (SELECT string_agg(edge_path::text, ' ' ORDER BY depth, node) FROM graph_walk(t, ARRAY[CASE t WHEN 'graph_text' THEN 'n1' WHEN 'graph_uuid' THEN lpad('1', 32, '0') ELSE '1' END], '{a}'))
FROM unnest('{graph_uuid,graph_text,graph_small,graph_domain}'::text[]) t;
SELECT pg_typeof(node), pg_typeof(path) FROM graph_walk('graph_uuid', ARRAY['00000000-0000-0000-0000-000000000001'::uuid]) LIMIT 1;
-- Text stands for all kinds; whole numbers may differ in width
SELECT node, path, pg_typeof(node) FROM graph_walk('graph_uuid', ARRAY['00000000000000000000000000000001'], max_depth => 1);
SELECT node, path, pg_typeof(node) FROM graph_walk('graph_edge', ARRAY['1'], max_depth => 1);
SELECT node, path, pg_typeof(node) FROM graph_walk('graph_edge', ARRAY[1], max_depth => 1);
SELECT node, path, pg_typeof(node) FROM graph_walk('graph_small', ARRAY[1::int8, 1::int8 << 40], max_depth => 1);
SELECT node, pg_typeof(node) FROM graph_walk('graph_small', ARRAY[1::int2], max_depth => 1);
-- Long keys
CREATE TABLE graph_long AS SELECT repeat(i::text, 3000) AS src, repeat((i + 1)::text, 3000) AS dst FROM generate_series(1, 5) i;
SELECT left(node, 3), length(node), depth FROM graph_walk('graph_long', ARRAY[repeat('1', 3000)], max_depth => NULL);

-- Types of edges that are no text
CREATE TYPE graph_relation AS ENUM ('relates_to', 'contradicts');
CREATE TABLE graph_enum (src int, dst int, type graph_relation);
INSERT INTO graph_enum VALUES (1, 2, 'relates_to'), (1, 3, 'contradicts');
SELECT node FROM graph_walk('graph_enum', ARRAY[1], '{contradicts}') WHERE depth > 0;

-- Times: an edge that was invalidated is gone from now on, not before
CREATE TABLE graph_time (id int, src int, dst int, valid tstzrange, invalidated_at timestamptz);
INSERT INTO graph_time VALUES (1, 1, 2, '[2020-01-01,)', '2023-01-01'), (2, 1, 3, '[2020-01-01,2022-01-01)', NULL), (3, 1, 4, NULL, NULL),
	(4, 1, 5, '[2999-01-01,)', NULL), (5, 1, 6, 'empty', NULL);
SELECT array_agg(node ORDER BY node) FROM graph_walk('graph_time', ARRAY[1]);
SELECT as_of, array_agg(node ORDER BY node) FROM unnest('{2019-01-01,2020-01-01,2021-12-31 23:59:59,2022-01-01,2022-12-31,2023-01-01,2999-01-01}'::timestamptz[]) as_of,
	graph_walk('graph_time', ARRAY[1], as_of => as_of) GROUP BY 1 ORDER BY 1;
-- Now is later than the beginning of a statement that has put an edge
DO $$
BEGIN
	INSERT INTO graph_time VALUES (9, 9, 10, tstzrange(clock_timestamp(), NULL), NULL);
	RAISE NOTICE '% nodes', (SELECT count(*) FROM graph_walk('graph_time', ARRAY[9]));
END
$$;
SELECT array_agg(node ORDER BY node) FROM graph_walk('graph_time', ARRAY[1], invalidated_column => '', valid_column => '');

-- Nodes that are not valid are not passed through, unless they may be
CREATE TABLE graph_node (id int, version int, valid tstzrange, tx timestamptz, retracted_at timestamptz, confidence float8);
INSERT INTO graph_node SELECT i, 1, '[2020-01-01,)', '2020-01-01', NULL, 0.5 FROM generate_series(1, 6) i;
-- 3 was retracted in 2022, which was known in 2023
INSERT INTO graph_node VALUES (3, 2, '[2020-01-01,2022-01-01)', '2023-01-01', '2022-01-01');
SELECT array_agg(node ORDER BY node) FROM graph_walk('graph_edge', ARRAY[1], '{a}', nodes => 'graph_node', min_weight => 0);
SELECT node, path FROM graph_walk('graph_edge', ARRAY[1], '{a}', nodes => 'graph_node', through_invalid => true, max_depth => 2, direction => 'both');
SELECT as_of, array_agg(node ORDER BY node) FROM unnest('{2019-01-01,2021-01-01,2022-06-01,2023-06-01}'::timestamptz[]) as_of,
	graph_walk('graph_edge', ARRAY[1], max_depth => 1, as_of => as_of, nodes => 'graph_node') GROUP BY 1 ORDER BY 1;
SELECT strategy, array_agg(node ORDER BY node) FROM unnest('{bfs,beam,water_circle,best_first}'::text[]) strategy,
	graph_walk('graph_edge', ARRAY[1, 3], '{a}', max_depth => NULL, direction => 'both', nodes => 'graph_node', strategy => strategy) GROUP BY 1 ORDER BY 1;
SELECT strategy, array_agg(node ORDER BY node) FROM unnest('{bfs,beam,water_circle,best_first}'::text[]) strategy,
	graph_walk('graph_edge', ARRAY[3], '{a}', max_depth => NULL, nodes => 'graph_node', through_invalid => true, strategy => strategy) GROUP BY 1 ORDER BY 1;
CREATE VIEW graph_valid AS SELECT id AS key, valid AS during FROM graph_node WHERE id <> 2;
SELECT array_agg(node ORDER BY node) FROM graph_walk('graph_edge', ARRAY[1], max_depth => 1, nodes => 'graph_valid', node_id_column => 'key', node_valid_column => 'during');
SELECT array_agg(node ORDER BY node) FROM graph_walk('graph_edge', ARRAY[1], max_depth => 1, nodes => 'graph_valid', node_id_column => 'key', node_valid_column => '');

-- Cycles and depth without end
CREATE TABLE graph_ring AS SELECT i AS src, i % 3000 + 1 AS dst FROM generate_series(1, 3000) i;
CREATE INDEX ON graph_ring (src);
SELECT count(*), max(depth), sum(depth) FROM graph_walk('graph_ring', ARRAY[1], max_depth => 2147483647);
SELECT count(*), max(depth), sum(depth) FROM graph_walk('graph_ring', ARRAY[1], max_depth => NULL, strategy => 'best_first');
SELECT count(*), max(depth) FROM graph_walk('graph_ring', ARRAY[1], direction => 'both', max_depth => NULL);

-- Memory is bounded
\set VERBOSITY terse
SET work_mem = '64kB';
SELECT count(*) FROM graph_walk('graph_wide', ARRAY[0]);
SELECT count(*) FROM graph_walk('graph_wide', ARRAY[0], strategy => 'best_first');
RESET work_mem;
SELECT count(*) FROM graph_walk('graph_wide', ARRAY[0]);

-- It can be cancelled while it reads its seeds: nextval comes only after it
CREATE SEQUENCE graph_walked;
SELECT graph_walk('graph_wide', ARRAY[0], max_depth => CASE WHEN pg_cancel_backend(pg_backend_pid()) THEN 0 END), nextval('graph_walked');
SELECT is_called FROM graph_walked;
DROP SEQUENCE graph_walked;

SET client_min_messages = warning;
DROP TABLE graph_edge, graph_detour, graph_wide, graph_uuid, graph_text, graph_small, graph_domain, graph_long, graph_enum, graph_time, graph_ring, graph_node CASCADE;
DROP DOMAIN graph_key;
DROP TYPE graph_relation;
