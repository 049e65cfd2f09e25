-- What walks refuse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;

CREATE TABLE graph_edge (id int, src int, dst int, type text, weight float8, valid tstzrange);
INSERT INTO graph_edge VALUES (1, 1, 2, 'a', 0.5), (2, 2, 3, 'a', 1.5), (3, 3, 4, 'a', -1), (4, 4, 5, 'a', 'NaN'), (5, 5, 6, 'a', 'Infinity'),
	(6, 7, 8, 'a', 1e200), (7, 8, 9, 'a', 1e200);

-- Arguments
SELECT * FROM graph_walk(NULL, ARRAY[1]);
SELECT * FROM graph_walk(0, ARRAY[1]);
SELECT * FROM graph_walk('pg_class_oid_index', ARRAY[1]);
SELECT * FROM graph_walk('graph_edge', ARRAY[1], direction => 'up');
SELECT * FROM graph_walk('graph_edge', ARRAY[1], strategy => 'dfs');
SELECT * FROM graph_walk('graph_edge', ARRAY[1], max_depth => -1);
SELECT * FROM graph_walk('graph_edge', ARRAY[1], max_rows => -1);
SELECT * FROM graph_walk('graph_edge', ARRAY[1], beam_width => 0);
SELECT * FROM graph_walk('graph_edge', ARRAY[1], decay => -0.1);
SELECT * FROM graph_walk('graph_edge', ARRAY[1], decay => 'NaN');
SELECT * FROM graph_walk('graph_edge', ARRAY[1], decay => 'Infinity');
SELECT * FROM graph_walk('graph_edge', ARRAY[1], min_weight => 'NaN');
SELECT graph_walk('graph_edge', 1);
-- Null stands for the default
SELECT node FROM graph_walk('graph_edge', ARRAY[1], max_depth => 1, direction => NULL, strategy => NULL, beam_width => NULL, decay => NULL, through_invalid => NULL, src_column => NULL, dst_column => NULL);

-- Columns
SELECT * FROM graph_walk('graph_edge', ARRAY[1], src_column => 'source');
SELECT * FROM graph_walk('graph_edge', ARRAY[1], dst_column => '');
SELECT * FROM graph_walk('graph_edge', ARRAY[1], dst_column => 'weight');
SELECT * FROM graph_walk('graph_edge', ARRAY[1], dst_column => 'type');
SELECT * FROM graph_walk('graph_edge', ARRAY[1], weight_column => 'type');
SELECT * FROM graph_walk('graph_edge', ARRAY[1], valid_column => 'type');
SELECT * FROM graph_walk('graph_edge', ARRAY[1], invalidated_column => 'type');
SELECT * FROM graph_walk('graph_edge', ARRAY[1], '{a}', type_column => '');
SELECT * FROM graph_shortest_path('graph_edge', 1, 2, weighted => true, weight_column => '');
SELECT * FROM graph_walk('graph_edge', ARRAY[1], nodes => 'graph_edge', node_id_column => 'node');
SELECT * FROM graph_walk('graph_edge', ARRAY[1], nodes => 'graph_edge', node_valid_column => 'type');
SELECT * FROM graph_walk('graph_edge', ARRAY[1], nodes => 'graph_edge', node_id_column => 'type');
SELECT * FROM graph_walk('graph_edge', ARRAY[1], nodes => 'graph_edge', node_id_column => '');
SELECT * FROM graph_walk('graph_edge', ARRAY[1], nodes => 'pg_class_oid_index');
CREATE TABLE graph_json (src int, dst int, type json, valid bool, weight text);
-- Usual names with unusual types are not taken up by themselves
SELECT * FROM graph_walk('graph_json', ARRAY[1]);
SELECT * FROM graph_walk('graph_json', ARRAY[1], '{a}');
SELECT * FROM graph_walk('graph_json', ARRAY[1], valid_column => 'valid');

-- Keys
SELECT * FROM graph_walk('graph_edge', ARRAY[1.5]);
SELECT * FROM graph_walk('graph_edge', ARRAY['00000000-0000-0000-0000-000000000001'::uuid]);
SELECT * FROM graph_walk('graph_edge', ARRAY['one']);
CREATE TABLE graph_big (src int8, dst int8);
INSERT INTO graph_big VALUES (1, 5000000000);
SELECT * FROM graph_walk('graph_big', ARRAY[1]);
SELECT node FROM graph_walk('graph_big', ARRAY[1::int8]);
SELECT * FROM graph_neighbors('graph_edge', 'x'::text);
SELECT * FROM graph_trace('graph_edge', true);

-- Weights
SELECT node FROM graph_walk('graph_edge', ARRAY[3]);
SELECT node FROM graph_walk('graph_edge', ARRAY[4]);
SELECT node FROM graph_walk('graph_edge', ARRAY[5]);
SELECT node FROM graph_walk('graph_edge', ARRAY[3], min_weight => 0);
SELECT node FROM graph_walk('graph_edge', ARRAY[3], weight_column => '');
SELECT node FROM graph_walk('graph_edge', ARRAY[7]);
SELECT node FROM graph_walk('graph_edge', ARRAY[2], strategy => 'best_first');
SELECT node FROM graph_walk('graph_edge', ARRAY[2], strategy => 'best_first', decay => 0.5, max_depth => 1);
SELECT node FROM graph_walk('graph_edge', ARRAY[1], strategy => 'best_first', decay => 2, max_depth => 1);
SELECT node FROM graph_walk('graph_edge', ARRAY[1], strategy => 'best_first', decay => 2.1, max_depth => 1);
SELECT node, score FROM graph_walk('graph_edge', ARRAY[7], decay => 1e200, max_depth => 1);
SELECT node, compound FROM graph_trace('graph_edge', 7, 'a', 'out');
SELECT cost FROM graph_shortest_path('graph_edge', 7, 9, weighted => true);
SELECT cost FROM graph_shortest_path('graph_edge', 3, 4, weighted => true);

DROP TABLE graph_edge, graph_json, graph_big;

-- A walk can be cancelled: these would otherwise come to the last edge, whose weight is none
CREATE UNLOGGED TABLE graph_chain (src int, dst int, weight float8);
INSERT INTO graph_chain SELECT n, n + 1, 1 FROM generate_series(1, 40000) n;
INSERT INTO graph_chain VALUES (40001, 40002, 'NaN');
CREATE INDEX ON graph_chain (src) INCLUDE (dst, weight);
SET statement_timeout = '5ms';
SELECT count(*) FROM graph_walk('graph_chain', ARRAY[1], max_depth => NULL);
SELECT count(*) FROM graph_walk('graph_chain', ARRAY[1], max_depth => NULL, strategy => 'best_first');
SELECT count(*) FROM (SELECT graph_walk('graph_chain', ARRAY[1], max_depth => NULL)) s;
SELECT count(*) FROM graph_subgraph('graph_chain', ARRAY[1], max_depth => NULL);
SELECT count(*) FROM graph_trace('graph_chain', 1, NULL, 'out', NULL);
SELECT * FROM graph_shortest_path('graph_chain', 1, 0, weighted => true);
RESET statement_timeout;
DROP TABLE graph_chain;
