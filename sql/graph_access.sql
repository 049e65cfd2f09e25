-- Walks see what the caller may see, whatever the table is and is called
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
CREATE ROLE graph_reader;
CREATE ROLE graph_owner;
RESET client_min_messages;

-- Rights on tables and columns, with indexes and without
CREATE TABLE graph_edge (id int, src int, dst int, type text, weight float8, secret text);
INSERT INTO graph_edge SELECT i, i, i + 1, 'a', 1, 'x' FROM generate_series(1, 4) i;
CREATE INDEX ON graph_edge (src);
SET ROLE graph_reader;
SELECT node FROM graph_walk('graph_edge', ARRAY[1]);
SELECT node FROM graph_walk('graph_edge', '{}'::int[]);
SELECT neighbor FROM graph_neighbors('graph_edge', 2, direction => 'in');
SELECT * FROM graph_components('graph_edge');
RESET ROLE;
GRANT SELECT (id, src, dst, weight) ON graph_edge TO graph_reader;
SET ROLE graph_reader;
-- The type is not looked at unless it is asked for
SELECT array_agg(node) FROM graph_walk('graph_edge', ARRAY[1]);
SELECT array_agg(node) FROM graph_walk('graph_edge', ARRAY[1], '{a}');
SELECT array_agg(node) FROM graph_walk('graph_edge', ARRAY[4], direction => 'in');
SELECT array_agg(node) FROM graph_walk('graph_edge', ARRAY[1], id_column => 'secret');
RESET ROLE;
GRANT SELECT ON graph_edge TO graph_reader;
SET ROLE graph_reader;
SELECT array_agg(edge_path) FROM graph_walk('graph_edge', ARRAY[1], '{a}', max_depth => 1, id_column => 'secret') WHERE depth > 0;
RESET ROLE;

-- The right to read a table does not open its schema
CREATE SCHEMA graph_closed;
CREATE TABLE graph_closed.edge AS SELECT 1 AS src, 2 AS dst;
CREATE INDEX ON graph_closed.edge (src);
GRANT SELECT ON graph_closed.edge TO graph_reader;
SELECT 'graph_closed.edge'::regclass::oid AS closed \gset
SET ROLE graph_reader;
SELECT node FROM graph_walk(:closed::regclass, ARRAY[1]);
SELECT * FROM graph_components(:closed::regclass);
RESET ROLE;
GRANT USAGE ON SCHEMA graph_closed TO graph_reader;
SET ROLE graph_reader;
SELECT array_agg(node) FROM graph_walk(:closed::regclass, ARRAY[1]);
RESET ROLE;
DROP TABLE graph_closed.edge;
DROP SCHEMA graph_closed;

-- Row-level security
ALTER TABLE graph_edge ENABLE ROW LEVEL SECURITY;
CREATE POLICY graph_policy ON graph_edge USING (dst <> 4);
SELECT array_agg(node) FROM graph_walk('graph_edge', ARRAY[1], max_depth => NULL);
SET ROLE graph_reader;
SELECT array_agg(node) FROM graph_walk('graph_edge', ARRAY[1], max_depth => NULL);
SELECT array_agg(node) FROM graph_walk('graph_edge', ARRAY[1], max_depth => NULL, strategy => 'best_first');
SELECT array_agg(node ORDER BY node) FROM graph_components('graph_edge');
SELECT count(*) FROM graph_subgraph('graph_edge', ARRAY[1], max_depth => NULL);
SELECT * FROM graph_shortest_path('graph_edge', 1, 5);
SET row_security = off;
SELECT array_agg(node) FROM graph_walk('graph_edge', ARRAY[1]);
RESET row_security;
RESET ROLE;
ALTER TABLE graph_edge OWNER TO graph_owner;
SET ROLE graph_owner;
SELECT array_agg(node) FROM graph_walk('graph_edge', ARRAY[1], max_depth => NULL);
RESET ROLE;
ALTER TABLE graph_edge FORCE ROW LEVEL SECURITY;
SET ROLE graph_owner;
SELECT array_agg(node) FROM graph_walk('graph_edge', ARRAY[1], max_depth => NULL);
RESET ROLE;

-- Tenants in one table, for those whom no policy binds: a column and a setting
CREATE TABLE graph_tenant (tenant text, id int, src int, dst int, type text, weight float8);
INSERT INTO graph_tenant VALUES ('one', 1, 1, 2, 'supports', 0.5), ('two', 2, 2, 3, 'supports', 1), ('two', 3, 1, 3, 'supports', 1), ('o''ne', 4, 1, 4, 'supports', 1), ('one', 5, 5, 2, 'supports', 1);
CREATE INDEX ON graph_tenant (src);
CREATE TABLE graph_tenant_node (tenant varchar, id int, confidence float8);
INSERT INTO graph_tenant_node VALUES ('one', 1, 0.5), ('one', 2, 0.25), ('two', 1, 1), ('two', 3, 1);
SELECT array_agg(node) FROM graph_walk('graph_tenant', ARRAY[1]);
SELECT array_agg(node) FROM graph_walk('graph_tenant', ARRAY[1], tenant_column => '');
SELECT array_agg(node) FROM graph_walk('graph_tenant', ARRAY[1], tenant_column => 'tenant');
SET vecext.tenant = 'one';
SELECT array_agg(node), array_agg(weight) FROM graph_walk('graph_tenant', ARRAY[1], tenant_column => 'tenant');
SELECT array_agg(node) FROM graph_walk('graph_tenant', ARRAY[1], direction => 'both', strategy => 'best_first', tenant_column => 'tenant');
SELECT array_agg(node) FROM graph_walk('graph_tenant', ARRAY[1, 3], direction => 'both', nodes => 'graph_tenant_node', tenant_column => 'tenant');
SELECT kind, node, target FROM graph_subgraph('graph_tenant', ARRAY[1], tenant_column => 'tenant');
SELECT neighbor FROM graph_neighbors('graph_tenant', 1, tenant_column => 'tenant');
SELECT component, array_agg(node ORDER BY node) FROM graph_components('graph_tenant', tenant_column => 'tenant') GROUP BY component;
SELECT path FROM graph_shortest_path('graph_tenant', 1, 3, tenant_column => 'tenant');
SELECT path FROM graph_shortest_path('graph_tenant', 1, 5, direction => 'both', weighted => true, tenant_column => 'tenant');
SELECT node, confidence, compound FROM graph_trace('graph_tenant', 1, direction => 'out', nodes => 'graph_tenant_node', tenant_column => 'tenant');
SET vecext.tenant = 'two';
SELECT array_agg(node) FROM graph_walk('graph_tenant', ARRAY[1], nodes => 'graph_tenant_node', tenant_column => 'tenant');
SELECT node, confidence, compound FROM graph_trace('graph_tenant', 1, direction => 'out', nodes => 'graph_tenant_node', tenant_column => 'tenant');
SET vecext.tenant = 'o''ne';
SELECT array_agg(node) FROM graph_walk('graph_tenant', ARRAY[1], tenant_column => 'tenant');
SET vecext.tenant = E'\\'' OR true --';
SELECT array_agg(node) FROM graph_walk('graph_tenant', ARRAY[1], tenant_column => 'tenant');
SELECT array_agg(node) FROM graph_walk('graph_tenant', ARRAY[1], tenant_column => 'tenant = tenant OR tenant');
SELECT array_agg(node) FROM graph_walk('graph_tenant', ARRAY[1], tenant_column => 'weight');
SELECT array_agg(node) FROM graph_walk('graph_tenant', ARRAY[1], nodes => 'pg_attribute', node_id_column => 'attnum', tenant_column => 'tenant');
RESET vecext.tenant;
SELECT * FROM graph_components('graph_tenant', tenant_column => 'tenant');
DROP TABLE graph_tenant, graph_tenant_node;

-- Nodes, too, are read with the caller's rights
CREATE TABLE graph_node (id int, valid tstzrange);
INSERT INTO graph_node VALUES (1, NULL), (2, NULL);
SET ROLE graph_reader;
SELECT array_agg(node) FROM graph_walk('graph_edge', ARRAY[1], nodes => 'graph_node');
RESET ROLE;
GRANT SELECT ON graph_node TO graph_reader;
SET ROLE graph_reader;
SELECT array_agg(node) FROM graph_walk('graph_edge', ARRAY[1], nodes => 'graph_node');
RESET ROLE;
DROP TABLE graph_edge, graph_node;

-- Views (with their owner's rights), partitions, inheritance, materialized views
CREATE TABLE graph_base (src int, dst int, kind int);
INSERT INTO graph_base SELECT i, i + 1, i % 2 FROM generate_series(1, 6) i;
CREATE VIEW graph_view AS SELECT src, dst FROM graph_base WHERE src <> 4;
GRANT SELECT ON graph_view TO graph_reader;
SET ROLE graph_reader;
SELECT array_agg(node) FROM graph_walk('graph_view', ARRAY[1], max_depth => NULL);
SELECT array_agg(node) FROM graph_walk('graph_base', ARRAY[1], max_depth => NULL);
RESET ROLE;
SELECT * FROM graph_components('graph_view') ORDER BY component, node;
CREATE TABLE graph_parted (src int8, dst int8, weight real) PARTITION BY HASH (src);
CREATE TABLE graph_parted_0 PARTITION OF graph_parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE graph_parted_1 PARTITION OF graph_parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE INDEX ON graph_parted (src);
CREATE INDEX ON graph_parted (dst);
INSERT INTO graph_parted SELECT i, i + 1, 0.5 FROM generate_series(1, 6) i;
SELECT array_agg(node), min(weight) FROM graph_walk('graph_parted', ARRAY[1], max_depth => NULL);
SELECT array_agg(node), min(weight) FROM graph_walk('graph_parted', ARRAY[7], max_depth => NULL, direction => 'in', strategy => 'best_first');
CREATE TABLE graph_child () INHERITS (graph_base);
INSERT INTO graph_child VALUES (7, 8, 1);
CREATE INDEX ON graph_base (src);
SELECT array_agg(node) FROM graph_walk('graph_base', ARRAY[5], max_depth => NULL);
SELECT array_agg(node) FROM graph_walk('graph_child', ARRAY[7], max_depth => NULL);
CREATE MATERIALIZED VIEW graph_matview AS SELECT * FROM graph_base WITH NO DATA;
SELECT array_agg(node) FROM graph_walk('graph_matview', ARRAY[5], max_depth => NULL);
REFRESH MATERIALIZED VIEW graph_matview;
SELECT array_agg(node) FROM graph_walk('graph_matview', ARRAY[5], max_depth => NULL);
CREATE TEMP TABLE graph_temp AS SELECT * FROM graph_base;
SELECT array_agg(node) FROM graph_walk('graph_temp', ARRAY[5], max_depth => NULL);

-- Indexes that do not have all rows, or are of another order, are left alone
CREATE TABLE graph_partial (src text, dst text);
INSERT INTO graph_partial SELECT 'n' || i, 'n' || i + 1 FROM generate_series(1, 5) i;
CREATE INDEX ON graph_partial (src) WHERE src <> 'n3';
CREATE INDEX ON graph_partial (lower(src));
CREATE INDEX ON graph_partial USING hash (src);
CREATE INDEX ON graph_partial (dst, src);
SELECT array_agg(node) FROM graph_walk('graph_partial', ARRAY['n1'], max_depth => NULL);
CREATE INDEX ON graph_partial (src text_pattern_ops);
CREATE INDEX ON graph_partial (src COLLATE "C");
SELECT array_agg(node) FROM graph_walk('graph_partial', ARRAY['n1'], max_depth => NULL);

-- Names are looked up, not pasted
CREATE SCHEMA "graph; DROP TABLE graph_base";
CREATE TABLE "graph; DROP TABLE graph_base"."e""; --" ("src"") OR true; --" int, "$1" int, "e.dst" text, "'" float8, ";" int);
INSERT INTO "graph; DROP TABLE graph_base"."e""; --" VALUES (1, 2, 'a"b', 0.5, 77);
CREATE VIEW "graph; DROP TABLE graph_base"."v'" AS SELECT * FROM "graph; DROP TABLE graph_base"."e""; --";
SELECT t, node, weight, edge_path FROM unnest(ARRAY['"graph; DROP TABLE graph_base"."e""; --"', '"graph; DROP TABLE graph_base"."v''"']) t,
	graph_walk(t::regclass, ARRAY[1], '{"a\"b"}', src_column => 'src") OR true; --', dst_column => '$1', type_column => 'e.dst',
		weight_column => '''', id_column => ';');
CREATE TABLE "graph; DROP TABLE graph_base"."n'" ("i""d" int, "v,v" tstzrange, "c)" float8);
INSERT INTO "graph; DROP TABLE graph_base"."n'" VALUES (1, NULL, 0.9), (2, NULL, 0.8);
SELECT * FROM graph_trace('"graph; DROP TABLE graph_base"."v''"'::regclass, 1, 'a"b', 'out', nodes => '"graph; DROP TABLE graph_base"."n''"'::regclass,
	src_column => 'src") OR true; --', dst_column => '$1', type_column => 'e.dst', weight_column => '''', id_column => ';',
	node_id_column => 'i"d', node_valid_column => 'v,v', confidence_column => 'c)');
SELECT node FROM graph_walk('graph_base', ARRAY[1], src_column => 'src = src OR src');
SELECT node FROM graph_walk('graph_base', ARRAY[1], dst_column => 'dst; DROP TABLE graph_base');
SELECT node FROM graph_walk('graph_base', ARRAY[1], type_column => '''a''');
SELECT node FROM graph_walk('graph_base', ARRAY[1], weight_column => '1');
SELECT node FROM graph_walk('graph_base', ARRAY[1], valid_column => 'now()');
SELECT node FROM graph_walk('graph_base', ARRAY[1], invalidated_column => 'now()');
SELECT node FROM graph_walk('graph_base', ARRAY[1], id_column => 'ctid');
SELECT node FROM graph_walk('graph_base', ARRAY[1], '{"a'') OR (''1'' = ''1"}', type_column => 'kind');
SELECT node FROM graph_walk('graph_base', ARRAY['1) OR (true']);
SELECT node FROM graph_walk('graph_base; DROP TABLE graph_base', ARRAY[1]);
SELECT count(*) FROM graph_base;

-- Names that hide operators and functions change nothing
CREATE SCHEMA graph_trap;
CREATE FUNCTION graph_trap.wrong(int, int8) RETURNS bool LANGUAGE sql AS 'SELECT 1 / 0 = 1';
CREATE OPERATOR graph_trap.= (LEFTARG = int4, RIGHTARG = int8, FUNCTION = graph_trap.wrong);
CREATE FUNCTION graph_trap.unnest(int8[]) RETURNS SETOF int8 LANGUAGE sql AS 'SELECT 1 / 0::int8';
SET search_path = graph_trap, pg_catalog, public;
SELECT array_agg(node) FROM graph_walk('graph_view', ARRAY[1], max_depth => NULL);
RESET search_path;

SET client_min_messages = warning;
DROP SCHEMA graph_trap, "graph; DROP TABLE graph_base" CASCADE;
DROP TABLE graph_base, graph_parted, graph_partial CASCADE;
DROP ROLE graph_reader, graph_owner;
