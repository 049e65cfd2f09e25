-- What a session remembers of a table of edges is forgotten when the table changes
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;

CREATE TABLE shape_edge (src int, dst int, type text, weight float8);
INSERT INTO shape_edge SELECT n, n + 1, 'next', 1 FROM generate_series(1, 500) n;
INSERT INTO shape_edge SELECT n, n * 2, 'double', 0.5 FROM generate_series(1, 250) n;

-- What a walk finds, and which indexes it read
CREATE FUNCTION shape_walk(types text[] DEFAULT NULL, direction text DEFAULT 'out', OUT nodes text, OUT weight numeric, OUT read_by text)
	LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	before jsonb;
BEGIN
	before := (SELECT coalesce(jsonb_object_agg(indexrelid::regclass, pg_stat_get_xact_numscans(indexrelid)), '{}')
		FROM pg_index WHERE indrelid = 'shape_edge'::regclass);
	SELECT string_agg(node || ':' || depth, ' ' ORDER BY node), round(sum(w.weight)::numeric, 4)
		INTO nodes, shape_walk.weight
		FROM graph_walk('shape_edge', ARRAY[100], types, 2, direction) w;
	read_by := (SELECT string_agg(indexrelid::regclass::text, ', ')
		FROM pg_index WHERE indrelid = 'shape_edge'::regclass AND
			pg_stat_get_xact_numscans(indexrelid) > coalesce((before ->> indexrelid::regclass::text)::bigint, 0));
END
$$;

-- Indexes come and go
SELECT * FROM shape_walk();
CREATE INDEX shape_src ON shape_edge (src);
SELECT * FROM shape_walk();
SELECT * FROM shape_walk(direction => 'in');
CREATE INDEX shape_wide ON shape_edge (src) INCLUDE (dst, type, weight);
SELECT * FROM shape_walk();
SELECT * FROM shape_walk('{double}');
CREATE INDEX shape_typed ON shape_edge (src, type);
SELECT * FROM shape_walk('{double}');
SELECT * FROM shape_walk('{double,next}');
SELECT * FROM shape_walk('{double,NULL}');
SELECT * FROM shape_walk('{}');
DROP INDEX shape_wide;
SELECT * FROM shape_walk();
SELECT * FROM shape_walk('{double}');
BEGIN;
DROP INDEX shape_typed;
SELECT * FROM shape_walk('{double}');
ROLLBACK;
SELECT * FROM shape_walk('{double}');
DROP INDEX shape_src, shape_typed;
SELECT * FROM shape_walk('{double}');
CREATE INDEX CONCURRENTLY shape_src ON shape_edge (src);
SELECT * FROM shape_walk();
REINDEX INDEX CONCURRENTLY shape_src;
SELECT * FROM shape_walk();
REINDEX TABLE shape_edge;
SELECT * FROM shape_walk();
DROP INDEX CONCURRENTLY shape_src;
SELECT * FROM shape_walk();
CREATE INDEX shape_some ON shape_edge (src) WHERE type = 'next';
SELECT * FROM shape_walk();
CREATE INDEX shape_src ON shape_edge (src);
SELECT * FROM shape_walk();
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'shape_src'::regclass;
SELECT * FROM shape_walk();
UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'shape_src'::regclass;
SELECT * FROM shape_walk();

-- So do columns
ALTER TABLE shape_edge RENAME weight TO heft;
SELECT * FROM shape_walk();
ALTER TABLE shape_edge ADD COLUMN weight int DEFAULT 2;
SELECT * FROM shape_walk();
ALTER TABLE shape_edge ALTER weight TYPE numeric USING weight / 8.0;
SELECT * FROM shape_walk();
ALTER TABLE shape_edge ALTER weight TYPE text;
SELECT * FROM shape_walk();
ALTER TABLE shape_edge DROP COLUMN weight, DROP COLUMN type;
SELECT * FROM shape_walk();
SELECT * FROM shape_walk('{double}');
ALTER TABLE shape_edge ADD COLUMN type int DEFAULT 7;
SELECT * FROM shape_walk('{7,8}');
ALTER TABLE shape_edge ADD COLUMN invalidated_at timestamptz;
UPDATE shape_edge SET invalidated_at = '2020-01-01' WHERE src = 100 AND dst = 101;
SELECT * FROM shape_walk();
ALTER TABLE shape_edge ALTER src TYPE bigint, ALTER dst TYPE bigint;
SELECT * FROM shape_walk();
ALTER TABLE shape_edge RENAME src TO start;
SELECT * FROM shape_walk();
SELECT count(*) FROM graph_walk('shape_edge', ARRAY[100], src_column => 'start');
ALTER TABLE shape_edge RENAME dst TO src;
SELECT count(*) FROM graph_walk('shape_edge', ARRAY[100], src_column => 'start');
ALTER TABLE shape_edge RENAME src TO dst;
ALTER TABLE shape_edge RENAME start TO src;
ALTER TABLE shape_edge ADD COLUMN id uuid DEFAULT '11111111-1111-1111-1111-111111111111';
SELECT node, edge_path FROM graph_walk('shape_edge', ARRAY[249], max_depth => 1);
SELECT node, edge_path FROM graph_walk('shape_edge', ARRAY[249], max_depth => 1, id_column => '');

-- Names that callers give are told apart
SELECT node FROM graph_walk('shape_edge', ARRAY[101], max_depth => 1, src_column => 'dst', dst_column => 'src');
SELECT node FROM graph_walk('shape_edge', ARRAY[101], max_depth => 1, src_column => 'src', dst_column => 'dst');
SELECT node FROM graph_walk('shape_edge', ARRAY[101], max_depth => 1, src_column => 'dst', dst_column => 'dst');
SELECT node FROM graph_walk('shape_edge', ARRAY[101], max_depth => 1, src_column => 'nothing', dst_column => 'dst');

-- Rights and policies are asked about each time
CREATE ROLE shape_reader;
GRANT SELECT ON shape_edge TO shape_reader;
SET ROLE shape_reader;
SELECT count(*) FROM graph_walk('shape_edge', ARRAY[100]);
RESET ROLE;
ALTER TABLE shape_edge ENABLE ROW LEVEL SECURITY;
CREATE POLICY shape_low ON shape_edge TO shape_reader USING (dst < 300);
SELECT count(*) FROM graph_walk('shape_edge', ARRAY[100]);
SET ROLE shape_reader;
SELECT count(*) FROM graph_walk('shape_edge', ARRAY[100]);
RESET ROLE;
DROP POLICY shape_low ON shape_edge;
SET ROLE shape_reader;
SELECT count(*) FROM graph_walk('shape_edge', ARRAY[100]);
RESET ROLE;
ALTER TABLE shape_edge DISABLE ROW LEVEL SECURITY;
REVOKE SELECT ON shape_edge FROM shape_reader;
GRANT SELECT (src, dst) ON shape_edge TO shape_reader;
SET ROLE shape_reader;
SELECT count(*) FROM graph_walk('shape_edge', ARRAY[100]);
SELECT count(*) FROM graph_walk('shape_edge', ARRAY[100], invalidated_column => '', id_column => '');
RESET ROLE;

-- A plain table gets children, a partition leaves its table and another comes
CREATE TABLE shape_more () INHERITS (shape_edge);
INSERT INTO shape_more (src, dst) VALUES (100, 999);
SELECT count(*) FROM graph_walk('shape_edge', ARRAY[100], max_depth => 1);
DROP TABLE shape_more;
SELECT count(*) FROM graph_walk('shape_edge', ARRAY[100], max_depth => 1);
CREATE TABLE shape_parts (LIKE shape_edge) PARTITION BY RANGE (src);
ALTER TABLE shape_parts ATTACH PARTITION shape_edge DEFAULT;
SELECT count(*) FROM graph_walk('shape_parts', ARRAY[100], max_depth => 1);
SELECT count(*) FROM graph_walk('shape_edge', ARRAY[100], max_depth => 1);
ALTER TABLE shape_parts DETACH PARTITION shape_edge;
SELECT count(*) FROM graph_walk('shape_parts', ARRAY[100], max_depth => 1);
SELECT count(*) FROM graph_walk('shape_edge', ARRAY[100], max_depth => 1);
CREATE TABLE shape_part PARTITION OF shape_parts FOR VALUES FROM (0) TO (500);
INSERT INTO shape_parts (src, dst) VALUES (100, 7), (100, 8);
SELECT count(*) FROM graph_walk('shape_parts', ARRAY[100], max_depth => 1);

-- A table of the same name takes its place, and more kinds of calls come than are remembered
SELECT count(*) FROM graph_walk('shape_edge', ARRAY[100], max_depth => 1);
ALTER TABLE shape_edge RENAME TO shape_old;
CREATE TABLE shape_edge (src text, dst text);
INSERT INTO shape_edge VALUES ('100', 'far');
SELECT node, path FROM graph_walk('shape_edge', ARRAY['100'], max_depth => 1);
DO $$
BEGIN
	FOR n IN 1 .. 40 LOOP
		EXECUTE format('CREATE TABLE shape_made_%s (a%1$s int, b int); INSERT INTO shape_made_%1$s VALUES (1, %1$s); CREATE INDEX ON shape_made_%1$s (a%1$s)', n);
	END LOOP;
END
$$;
CREATE FUNCTION shape_made(n int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	found int;
BEGIN
	EXECUTE format('SELECT max(node) FROM graph_walk(''shape_made_%s'', ARRAY[1], max_depth => 1, src_column => ''a%1$s'', dst_column => ''b'')', n) INTO found;
	RETURN found;
END
$$;
SELECT count(*) FROM generate_series(1, 2) turn, generate_series(1, 40) n WHERE shape_made(n) <> n;

DROP FUNCTION shape_walk, shape_made;
DROP TABLE shape_edge, shape_old, shape_parts;
DO $$
BEGIN
	FOR n IN 1 .. 40 LOOP
		EXECUTE format('DROP TABLE shape_made_%s', n);
	END LOOP;
END
$$;
DROP ROLE shape_reader;
