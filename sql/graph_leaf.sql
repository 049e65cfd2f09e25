-- Walks that read the pages of an index find what queries find, whatever the index is like
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;

-- 16,000 edges between 2,000 nodes, some of which have hundreds of edges of one type or of many; some ends are null
SELECT setseed(0.1789);
CREATE TABLE leaf_made AS
	SELECT n AS id, CASE WHEN n % 97 > 0 THEN CASE n % 7 WHEN 0 THEN n % 3 ELSE 1000 - (random() * 2000)::int END END AS src,
		CASE WHEN n % 89 > 0 THEN 1000 - (random() * 2000)::int END AS dst,
		CASE WHEN n % 5 > 0 THEN (ARRAY['a', 'b', 'c'])[1 + n % 3] END AS type, (n % 9) / 8.0::float8 AS weight
	FROM generate_series(1, 16000) n;

CREATE DOMAIN leaf_number AS int;
CREATE FUNCTION leaf_uuid(n int) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT AS $$
	-- some that differ in their last bytes only
	SELECT (CASE WHEN n % 3 = 0 THEN '0123456789abcdef' ELSE substr(md5(n::text), 1, 16) END || lpad(to_hex(n + 10000), 16, '0'))::uuid $$;

-- Walks over the table, or over a view of it, which have to be queries
CREATE FUNCTION leaf_walks(relation text, rounds int) RETURNS TABLE (n int, node text, depth int, weight numeric) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format($walk$
		SELECT n, node::text, depth, round(weight::numeric, 9)
		FROM generate_series(1, %s) n, graph_walk('%s',
			(SELECT array_agg(src::text ORDER BY ctid) FROM (SELECT src, ctid FROM leaf_edge WHERE src IS NOT NULL ORDER BY ctid OFFSET n * 61 LIMIT n / 4 + 1) s),
			edge_types => (ARRAY[NULL, '{b}', '{a,c}'])[1 + n %% 3]::text[], max_depth => n %% 4 + 1,
			direction => (ARRAY['out', 'in', 'both'])[1 + n / 3 %% 3], strategy => (ARRAY['bfs', 'water_circle'])[1 + n %% 2])$walk$, rounds, relation);
END
$$;
CREATE TABLE leaf_truth (n int, node text, depth int, weight numeric);
CREATE FUNCTION leaf_differences() RETURNS bigint LANGUAGE sql AS $$
	SELECT (SELECT count(*) FROM (SELECT * FROM leaf_walks('leaf_edge', 12) EXCEPT ALL TABLE leaf_truth) d) +
		(SELECT count(*) FROM (TABLE leaf_truth EXCEPT ALL SELECT * FROM leaf_walks('leaf_edge', 12)) d)
$$;
CREATE FUNCTION leaf_compare() RETURNS TABLE (differences bigint, nodes bigint) LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM leaf_truth;
	INSERT INTO leaf_truth SELECT * FROM leaf_walks('leaf_edge_view', 12);
	RETURN QUERY SELECT leaf_differences(), (SELECT count(*) FROM leaf_truth);
END
$$;

CREATE PROCEDURE leaf_fill(cast_to text) LANGUAGE plpgsql AS $$
BEGIN
	DROP TABLE IF EXISTS leaf_edge CASCADE;
	EXECUTE format('CREATE TABLE leaf_edge AS SELECT id, %s AS src, %s AS dst, type, weight FROM leaf_made',
		format(cast_to, 'src'), format(cast_to, 'dst'));
	CREATE VIEW leaf_edge_view AS SELECT * FROM leaf_edge;
END
$$;
CREATE PROCEDURE leaf_fill_thinly(cast_to text) LANGUAGE plpgsql AS $$
BEGIN
	CALL leaf_fill(cast_to);
	DROP VIEW leaf_edge_view;
	ALTER TABLE leaf_edge DROP id, DROP weight;
	CREATE VIEW leaf_edge_view AS SELECT * FROM leaf_edge;
END
$$;

-- What walks find by indexes of some kinds
CREATE FUNCTION leaf_try(VARIADIC kinds text[]) RETURNS TABLE (index text, differences bigint, enough bool) LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM leaf_truth;
	INSERT INTO leaf_truth SELECT * FROM leaf_walks('leaf_edge_view', 12);
	FOREACH index IN ARRAY kinds LOOP
		EXECUTE replace('CREATE INDEX leaf_src ON leaf_edge ' || index, 'far', 'dst');
		EXECUTE replace(replace('CREATE INDEX leaf_dst ON leaf_edge ' || index, 'src', 'dst'), 'far', 'src');
		differences := leaf_differences();
		enough := (SELECT count(*) > 2000 FROM leaf_truth);
		RETURN NEXT;
		DROP INDEX leaf_src, leaf_dst;
	END LOOP;
END
$$;

-- Rows that are not known to be visible are looked up, then none has to be: with all kinds of keys
CALL leaf_fill('%s');
SELECT * FROM leaf_try('(src)', '(src DESC)', '(src) INCLUDE (far, type, weight, id)');
VACUUM (FREEZE, ANALYZE) leaf_edge;
SELECT * FROM leaf_try('(src)', '(src) INCLUDE (far, type, weight, id)', '(src DESC NULLS LAST) INCLUDE (far, id, type, weight)', '(src NULLS FIRST, far, id, weight, type)', '(src, type) INCLUDE (far, id, weight)', '(src, type DESC)', '(src) WITH (deduplicate_items = off)');
CALL leaf_fill('%s::smallint');
VACUUM leaf_edge;
SELECT * FROM leaf_try('(src)', '(src DESC) INCLUDE (far, type, weight, id)');
CALL leaf_fill('(%s::bigint << 33)');
VACUUM leaf_edge;
SELECT * FROM leaf_try('(src)', '(src DESC) INCLUDE (far, type, weight, id)');
CALL leaf_fill('%s::leaf_number');
VACUUM leaf_edge;
SELECT * FROM leaf_try('(src)', '(src) INCLUDE (far, type, weight, id)');
CALL leaf_fill('leaf_uuid(%s)');
VACUUM leaf_edge;
SELECT * FROM leaf_try('(src)', '(src DESC)', '(src) INCLUDE (far, type, weight, id)', '(src, type) INCLUDE (far, id, weight)');
CALL leaf_fill($$('k' || %s) COLLATE "C"$$);
VACUUM leaf_edge;
SELECT * FROM leaf_try('(src)', '(src DESC) INCLUDE (far, type, weight, id)', '(src COLLATE "C" NULLS FIRST, type)');

-- Texts that are compressed in the index
CALL leaf_fill($$('k' || %s %% 400 || repeat('long', 700))::text$$);
VACUUM leaf_edge;
SELECT * FROM leaf_try('(src)');

-- Edges that have nothing but ends and a type; trees of three levels, with more than 1,024 pages below them
CALL leaf_fill_thinly('%s');
SELECT * FROM leaf_try('(src) INCLUDE (far, type)', '(src, type, far)');
VACUUM leaf_edge;
SELECT * FROM leaf_try('(src, type)', '(src DESC, far, type)', '(src) INCLUDE (far, type) WITH (fillfactor = 10, deduplicate_items = off)', '(src DESC, type, far) WITH (fillfactor = 10)');
CALL leaf_fill_thinly('%s::smallint');
VACUUM leaf_edge;
SELECT * FROM leaf_try('(src, far, type)', '(src NULLS FIRST, type, far) WITH (fillfactor = 10)');
CALL leaf_fill_thinly('(%s::bigint << 33)');
VACUUM leaf_edge;
SELECT * FROM leaf_try('(src, far, type)', '(src, type, far) WITH (fillfactor = 10)');
CALL leaf_fill_thinly('leaf_uuid(%s)');
VACUUM leaf_edge;
SELECT * FROM leaf_try('(src, far, type)', '(src, type, far) WITH (fillfactor = 10)');

-- Numbers that the column cannot hold, and an operator class of somebody's that sorts numbers in another way
CALL leaf_fill('%s');
CREATE INDEX leaf_src ON leaf_edge (src) INCLUDE (dst, type, weight, id);
SELECT count(*) FROM graph_walk('leaf_edge', ARRAY[10000000000, 4294967297, -9223372036854775808], max_depth => 3);
DROP INDEX leaf_src;
CREATE FUNCTION leaf_odd_first(int, int) RETURNS int LANGUAGE sql IMMUTABLE STRICT AS $$
	SELECT CASE WHEN ($1 & 1) = ($2 & 1) THEN btint4cmp($1, $2) ELSE btint4cmp($2 & 1, $1 & 1) END $$;
CREATE OPERATOR CLASS leaf_odd_ops FOR TYPE int USING btree AS OPERATOR 3 =, FUNCTION 1 leaf_odd_first(int, int);
DELETE FROM leaf_edge WHERE id > 3000;
CREATE INDEX ON leaf_edge (src leaf_odd_ops);
SELECT count(*) AS differences FROM (
	SELECT node, depth FROM graph_walk('leaf_edge', ARRAY[1, 2]) EXCEPT SELECT node, depth FROM graph_walk('leaf_edge_view', ARRAY[1, 2])) s;

-- Changes: what a walk has learned of an index is out of date after each of these
CALL leaf_fill('%s');
CREATE INDEX leaf_src ON leaf_edge (src) INCLUDE (dst, type, weight, id);
CREATE INDEX leaf_dst ON leaf_edge (dst);
VACUUM leaf_edge;
SELECT differences, nodes > 2000 AS enough FROM leaf_compare();
BEGIN;
-- pages are split, in a transaction that sees its own rows
INSERT INTO leaf_edge SELECT id + 16000, src + 1, dst - 1, type, weight FROM leaf_made;
SELECT differences, nodes > 2000 AS enough FROM leaf_compare();
SAVEPOINT s;
DELETE FROM leaf_edge WHERE src BETWEEN -700 AND 700;
UPDATE leaf_edge SET weight = 1, dst = dst + 1 WHERE id % 10 = 0;
SELECT differences, nodes > 300 AS enough FROM leaf_compare();
ROLLBACK TO s;
SELECT differences, nodes > 2000 AS enough FROM leaf_compare();
COMMIT;
-- pages are emptied and deleted, then used again
DELETE FROM leaf_edge WHERE src BETWEEN -950 AND 700;
VACUUM leaf_edge;
SELECT differences, nodes > 300 AS enough FROM leaf_compare();
VACUUM leaf_edge;
INSERT INTO leaf_edge SELECT id, src + 3000, dst + 2990, type, weight FROM leaf_made;
SELECT differences, nodes > 300 AS enough FROM leaf_compare();
DELETE FROM leaf_edge WHERE src > 1500;
INSERT INTO leaf_edge SELECT id, -src - 950, dst, type, weight FROM leaf_made WHERE src BETWEEN -950 AND 700;
VACUUM leaf_edge;
SELECT differences, nodes > 300 AS enough FROM leaf_compare();
REINDEX TABLE leaf_edge;
SELECT differences, nodes > 300 AS enough FROM leaf_compare();
TRUNCATE leaf_edge;
SELECT count(*) FROM graph_walk('leaf_edge', ARRAY[1], direction => 'both');
INSERT INTO leaf_edge SELECT * FROM leaf_made WHERE id <= 2000;
SELECT differences, nodes > 50 AS enough FROM leaf_compare();
-- a temporary table is emptied in place when a transaction ends
CREATE TEMP TABLE leaf_edge_temp (src int, dst int) ON COMMIT DELETE ROWS;
CREATE INDEX ON leaf_edge_temp (src) INCLUDE (dst);
BEGIN;
INSERT INTO leaf_edge_temp SELECT n, n + 1 FROM generate_series(1, 20000) n;
SELECT count(*) FROM graph_walk('leaf_edge_temp', ARRAY[1], max_depth => 500);
COMMIT;
SELECT count(*) FROM graph_walk('leaf_edge_temp', ARRAY[1, 20000]);
BEGIN;
INSERT INTO leaf_edge_temp SELECT n, n + 1 FROM generate_series(1, 100) n;
SELECT count(*) FROM graph_walk('leaf_edge_temp', ARRAY[1], max_depth => 500);
ROLLBACK;

-- A serializable transaction reads in the way that others can know of
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT differences, nodes > 50 AS enough FROM leaf_compare();
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
CALL leaf_fill('%s');
SELECT * FROM leaf_try('(src, type)');
CALL leaf_fill('%s::smallint');
SELECT * FROM leaf_try('(src)');
CALL leaf_fill('(%s::bigint << 33)');
SELECT * FROM leaf_try('(src)', '(src, type)');
CALL leaf_fill('leaf_uuid(%s)');
SELECT * FROM leaf_try('(src, type)');
COMMIT;

-- What a cursor has begun to walk stays as it was
CALL leaf_fill('%s');
CREATE INDEX leaf_src ON leaf_edge (src) INCLUDE (dst, type, weight, id);
SELECT count(*) AS before FROM graph_walk('leaf_edge', ARRAY[77], max_depth => 6) \gset
BEGIN;
DECLARE c CURSOR FOR SELECT graph_walk('leaf_edge', ARRAY[77], max_depth => 6);
MOVE 3 FROM c;
DELETE FROM leaf_edge WHERE src <> 77;
MOVE ALL FROM c;
SELECT :ROW_COUNT + 3 = :before AS as_before;
COMMIT;
SELECT (:before) > 1000 AS enough, count(*) < 20 AS few FROM graph_walk('leaf_edge', ARRAY[77], max_depth => 6);

-- graph_subgraph looks for the edges of many nodes when the walk's memory has gone
CREATE TABLE leaf_star AS SELECT 1 AS src, n AS dst, n AS id FROM generate_series(2, 9000) n;
CREATE INDEX ON leaf_star (src) INCLUDE (dst, id);
\c -
SET client_min_messages = warning;
SELECT kind, count(*) FROM graph_subgraph('leaf_star', ARRAY[1], max_depth => 1) GROUP BY kind ORDER BY kind;

DROP EXTENSION vecext CASCADE;
DROP TABLE leaf_made, leaf_truth, leaf_edge, leaf_star CASCADE;
DROP OPERATOR FAMILY leaf_odd_ops USING btree CASCADE;
DROP FUNCTION leaf_odd_first, leaf_uuid, leaf_walks, leaf_differences, leaf_compare, leaf_try;
DROP PROCEDURE leaf_fill, leaf_fill_thinly;
DROP DOMAIN leaf_number;
