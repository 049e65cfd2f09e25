-- Neighbours, subgraphs, components, shortest paths, traces
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
SET extra_float_digits = 0;

CREATE TABLE graph_edge (id int PRIMARY KEY, src int, dst int, type text, weight float8);
INSERT INTO graph_edge VALUES
	(1, 1, 2, 'a', 0.5), (2, 1, 3, 'a', 0.9), (3, 2, 4, 'b', 0.9), (4, 3, 4, 'a', 0.1), (5, 4, 1, 'a', 1),
	(6, 4, 4, 'a', 1), (7, 5, 4, 'c', 0.7), (8, 4, 6, 'a', 0.3), (9, 8, 9, 'b', NULL);
CREATE INDEX ON graph_edge (src);

-- Neighbours: every edge, an edge to itself once
SELECT * FROM graph_neighbors('graph_edge', 4);
SELECT * FROM graph_neighbors('graph_edge', 4, direction => 'in') ORDER BY edge_id;
SELECT * FROM graph_neighbors('graph_edge', 4, direction => 'both') ORDER BY edge_id;
SELECT * FROM graph_neighbors('graph_edge', 4, '{a}', min_weight => 0.5);
SELECT count(*) FROM graph_neighbors('graph_edge', 4, direction => 'both', max_rows => 2);
SELECT * FROM graph_neighbors('graph_edge', NULL::int);
SELECT * FROM graph_neighbors('graph_edge', 77);
SELECT neighbor, edge_id, edge_type, weight FROM graph_neighbors('graph_edge', 8, id_column => '', type_column => '', weight_column => '');

-- Subgraphs: nodes, then the edges with both ends among them
SELECT * FROM graph_subgraph('graph_edge', ARRAY[1], max_depth => 2);
SELECT * FROM graph_subgraph('graph_edge', ARRAY[1], '{a}', max_depth => 1, direction => 'both');
SELECT kind, node, target FROM graph_subgraph('graph_edge', ARRAY[1], max_rows => 2, strategy => 'water_circle');
SELECT kind, node, target FROM graph_subgraph('graph_edge', ARRAY[1], max_rows => 3, strategy => 'best_first');
SELECT kind, count(*) FROM graph_subgraph('graph_edge', ARRAY[4], direction => 'in') GROUP BY 1 ORDER BY 1;
SELECT * FROM graph_subgraph('graph_edge', '{}'::int[]);

-- Components, largest first
SELECT * FROM graph_components('graph_edge') ORDER BY component, node;
SELECT component, array_agg(node ORDER BY node), max(size) FROM graph_components('graph_edge', '{b,c}') GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM graph_components('graph_edge', '{z}');
SELECT component, count(*) FROM graph_components('graph_edge', min_weight => 0.7) GROUP BY 1 ORDER BY 1;
CREATE TABLE graph_pairs (src uuid, dst uuid, type text);
INSERT INTO graph_pairs SELECT lpad(i::text, 32, '0')::uuid, lpad((i + 1)::text, 32, '0')::uuid, t
	FROM (VALUES (1, 'contradicts'), (2, 'supports'), (3, 'contradicts')) v(i, t);
SELECT count(DISTINCT component) FROM graph_components('graph_pairs', '{contradicts}');
SELECT count(DISTINCT component), max(size) FROM graph_components('graph_pairs');

-- Shortest paths
SELECT * FROM graph_shortest_path('graph_edge', 1, 6);
SELECT * FROM graph_shortest_path('graph_edge', 1, 6, weighted => true);
SELECT * FROM graph_shortest_path('graph_edge', 6, 1);
SELECT * FROM graph_shortest_path('graph_edge', 6, 1, direction => 'in');
SELECT depth, cost FROM graph_shortest_path('graph_edge', 6, 5, direction => 'both');
SELECT * FROM graph_shortest_path('graph_edge', 1, 6, max_depth => 2);
SELECT * FROM graph_shortest_path('graph_edge', 1, 6, '{a}', weighted => true, max_depth => 3);
SELECT * FROM graph_shortest_path('graph_edge', 1, 1, weighted => true);
SELECT * FROM graph_shortest_path('graph_edge', 77, 77);
SELECT * FROM graph_shortest_path('graph_edge', 1, NULL);
SELECT * FROM graph_shortest_path('graph_edge', 8, 9, weighted => true);
-- Cheap but long, within a limit or not
CREATE TABLE graph_detour (src int, dst int, weight float8);
INSERT INTO graph_detour VALUES (1, 2, 1), (2, 3, 1), (1, 3, 5), (3, 4, 1);
SELECT path, depth, cost FROM unnest('{3,2}'::int[]) d, graph_shortest_path('graph_detour', 1, 4, weighted => true, max_depth => d);

-- Chains: what supports what
CREATE TABLE graph_support (id int, src int, dst int, type text, weight float8);
INSERT INTO graph_support VALUES (1, 12, 11, 'supports', 0.9), (2, 11, 10, 'supports', 0.8), (3, 13, 10, 'supports', 0.7), (4, 10, 12, 'supports', 1),
	(5, 14, 10, 'refutes', 1), (6, 11, 10, 'supports', 0.2);
CREATE TABLE graph_claim (id int, confidence float8, valid tstzrange);
INSERT INTO graph_claim VALUES (10, 0.75, NULL), (11, 0.9, NULL), (12, 0.8, NULL), (13, 1, NULL);
SELECT * FROM graph_trace('graph_support', 10, nodes => 'graph_claim');
SELECT array_agg(node ORDER BY depth) AS chain, min(compound) FROM graph_trace('graph_support', 10, 'supports', 'in', nodes => 'graph_claim') WHERE depth > 0;
-- Unknown confidence is a half
SELECT * FROM graph_trace('graph_support', 10);
UPDATE graph_claim SET confidence = NULL WHERE id = 11;
DELETE FROM graph_claim WHERE id = 10;
SELECT depth, node, confidence, round(compound::numeric, 6) FROM graph_trace('graph_support', 10, nodes => 'graph_claim');
-- A supporter that is not valid supports nothing; limits; types; directions
UPDATE graph_claim SET valid = 'empty' WHERE id = 11;
SELECT depth, node, confidence FROM graph_trace('graph_support', 10, nodes => 'graph_claim');
SELECT depth, node FROM graph_trace('graph_support', 10, max_depth => 1);
SELECT depth, node FROM graph_trace('graph_support', 10, 'refutes');
SELECT depth, node FROM graph_trace('graph_support', 10, NULL);
SELECT depth, node FROM graph_trace('graph_support', 12, direction => 'out', max_depth => NULL);
SELECT depth, node FROM graph_trace('graph_support', 12, direction => 'both');
SELECT depth, node FROM graph_trace('graph_support', NULL::int);
SELECT depth, node, confidence FROM graph_trace('graph_support', 10, nodes => 'graph_claim', confidence_column => 'id', max_depth => 0);

DROP TABLE graph_edge, graph_pairs, graph_detour, graph_support, graph_claim;
