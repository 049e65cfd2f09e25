-- The SQL contract of the walk functions, read from the catalogs, and what needs
-- collations of ICU.
BEGIN;
SELECT plan(10);

CREATE TEMP VIEW graph_function AS
	SELECT p.* FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
		AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vecext')
		AND p.proname IN ('graph_walk', 'graph_subgraph', 'graph_neighbors', 'graph_components', 'graph_shortest_path', 'graph_trace');

SELECT is((SELECT count(*) FROM graph_function), 6::bigint, 'there are six functions, each once');
SELECT is_empty(
	$$SELECT proname FROM graph_function WHERE provolatile <> 's' OR proparallel <> 'r' OR prosecdef OR NOT proretset OR proisstrict$$,
	'all read only, run in the leader, with the rights of the caller');
SELECT is_empty(
	$$SELECT proname FROM graph_function WHERE obj_description(oid, 'pg_proc') IS NULL$$,
	'all have comments');
SELECT is_empty(
	$$SELECT proname FROM graph_function WHERE proargnames[1] <> 'edges' OR proargtypes[0] <> 'regclass'::regtype$$,
	'the first argument of all is the table of edges');
SELECT is_empty(
	$$SELECT proname FROM graph_function
	WHERE NOT proargnames @> '{src_column,dst_column,type_column,weight_column,valid_column,invalidated_column,id_column,tenant_column}'$$,
	'all take the names of all columns');

-- Every column name may be given as text, too
CREATE TABLE graph_contract (a int, b int);
INSERT INTO graph_contract VALUES (1, 2);
SELECT results_eq(
	$$SELECT node FROM (SELECT 'a'::text AS a, 'b'::text AS b) c, graph_walk('graph_contract', ARRAY[1], src_column => c.a, dst_column => c.b)$$,
	$$VALUES (1), (2)$$,
	'names of columns may come from a query');
-- The planner of a prepared statement sees neither table nor seeds
PREPARE graph_prepared(regclass, int[]) AS SELECT node FROM graph_walk($1, $2, src_column => 'a', dst_column => 'b');
SELECT results_eq($$EXECUTE graph_prepared('graph_contract', '{1}')$$, $$VALUES (1), (2)$$, 'walks can be prepared');

-- Two texts that a collation calls equal are not the same bytes
CREATE FUNCTION pg_temp.make_collation() RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
	CREATE COLLATION graph_blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
	RETURN true;
EXCEPTION WHEN feature_not_supported OR undefined_object THEN
	RETURN false;
END
$$;
SELECT pg_temp.make_collation() AS has_icu \gset
\if :has_icu
CREATE TABLE graph_blind_edge (src text COLLATE graph_blind, dst text);
SELECT throws_ok(
	$$SELECT * FROM graph_walk('graph_blind_edge', ARRAY['a'])$$, '0A000',
	'column "src" of relation "graph_blind_edge" has a nondeterministic collation',
	'collations that call different texts equal are refused');
-- ... of an index they are no concern of the walk
CREATE TABLE graph_blind_index (src text, dst text);
INSERT INTO graph_blind_index VALUES ('a', 'b'), ('A', 'c');
CREATE INDEX ON graph_blind_index (src COLLATE graph_blind);
SELECT results_eq(
	$$SELECT 'neighbors', neighbor FROM graph_neighbors('graph_blind_index', 'a'::text)
	UNION ALL SELECT 'walk', node FROM graph_walk('graph_blind_index', ARRAY['a'], strategy => 'best_first')
	UNION ALL SELECT kind, coalesce(target, node) FROM graph_subgraph('graph_blind_index', ARRAY['a', 'c'], max_depth => 0)$$,
	$$VALUES ('neighbors', 'b'), ('walk', 'a'), ('walk', 'b'), ('node', 'a'), ('node', 'c')$$,
	'an index with such a collation does not lead to other nodes');
\else
SELECT skip('no ICU in this server', 2);
\endif

-- A walk in a parallel query stays in the leader, since the table may be temporary
CREATE TEMP TABLE graph_temp AS SELECT i AS src, i + 1 AS dst FROM generate_series(1, 3) i;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
CREATE TABLE graph_many AS SELECT i FROM generate_series(1, 1000) i;
SET LOCAL parallel_leader_participation = off;
-- lives_ok's EXECUTE may be parallel, as cursors and subqueries are not.
SELECT lives_ok($$SELECT count(*) FROM graph_many, LATERAL graph_walk('graph_temp', ARRAY[1 + i % 3], max_depth => 1)$$,
	'walks over temporary tables work beside parallel plans');

SELECT * FROM finish();
ROLLBACK;
