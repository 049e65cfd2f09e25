-- CREATE INDEX ... USING hnsw: operator classes, options, what is refused
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;

-- 'done', or a statement's error with SQLSTATE, detail and hint.  From 17 on
-- CREATE INDEX runs with a search path that makes messages name the schema.
CREATE FUNCTION pg_temp.outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
		hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' / ', SQLSTATE || ' ' || replace(message, 'public.', ''), nullif(detail, ''), nullif(hint, ''));
END
$$;

-- What the access method is and can do
SELECT amname, amtype, amhandler FROM pg_am WHERE amname = 'hnsw';
SELECT property, pg_indexam_has_property(oid, property) AS has
FROM pg_am, unnest(ARRAY['can_order', 'can_unique', 'can_multi_col', 'can_exclude', 'can_include']) property
WHERE amname = 'hnsw';
SELECT opcname, opcintype::regtype, opcdefault, amvalidate(c.oid), obj_description(c.oid, 'pg_opclass')
FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod
WHERE amname = 'hnsw' AND opcintype = 'vector'::regtype ORDER BY opcname COLLATE "C";
SELECT opfname, amopstrategy AS strategy, amopopr::regoperator AS operator, amoppurpose AS purpose
FROM pg_amop o JOIN pg_opfamily f ON f.oid = o.amopfamily JOIN pg_am a ON a.oid = o.amopmethod
WHERE amname = 'hnsw' AND opfname LIKE 'vector%' ORDER BY opfname COLLATE "C", amopstrategy;

-- Options: pgvector's, with its ranges
CREATE TABLE hnsw_create (id int, v vector(3), w vector, s vector(8000), m vector(2000), t text);
SELECT with_options, pg_temp.outcome(format('CREATE INDEX ON hnsw_create USING hnsw (v vector_l2_ops) %s', with_options)) AS outcome
FROM unnest(ARRAY['', 'WITH (m = 2)', 'WITH (m = 100, ef_construction = 1000)', 'WITH (m = 2, ef_construction = 4)',
	'WITH (m = 1)', 'WITH (m = 101)', 'WITH (m = 2, ef_construction = 3)', 'WITH (ef_construction = 1001)',
	'WITH (m = 16, ef_construction = 31)', 'WITH (m = 16, ef_construction = 32)', 'WITH (m = 33)',
	'WITH (quantizer = sq8)', 'WITH (quantizer = ''NONE'')', 'WITH (quantizer = sq4)', 'WITH (m)',
	'WITH (lists = 100)', 'WITH (fillfactor = 90)']) with_options;
CREATE INDEX hnsw_create_option ON hnsw_create USING hnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 20);
SELECT pg_get_indexdef('hnsw_create_option'::regclass);
SELECT pg_temp.outcome('ALTER INDEX hnsw_create_option SET (m = 11)') AS error;
ALTER INDEX hnsw_create_option SET (m = 11, ef_construction = 22);
REINDEX INDEX hnsw_create_option;
ALTER INDEX hnsw_create_option RESET (m, ef_construction);
REINDEX INDEX hnsw_create_option;

-- Dimensions
SELECT indexed, with_options, pg_temp.outcome(format('CREATE INDEX ON hnsw_create USING hnsw (%s vector_l2_ops) %s', indexed, with_options)) AS outcome
FROM (VALUES
	('w', ''), ('(w::vector(3))', ''), ('s', ''), ('(w::vector(8001))', ''),
	('m', 'WITH (quantizer = none)'), ('(w::vector(2001))', 'WITH (quantizer = none)'),
	('(w::vector(4016))', 'WITH (rerank = index)'), ('(w::vector(4017))', 'WITH (rerank = index)'),
	('(w::vector(1))', '')
) t(indexed, with_options);

-- What the index has not: refused by PostgreSQL itself, but for exclusion
CREATE OPERATOR CLASS hnsw_equality FOR TYPE vector USING hnsw AS
	OPERATOR 2 = (vector, vector),
	FUNCTION 1 vector_l2_squared_distance(vector, vector);
SELECT statement, pg_temp.outcome(statement) AS error
FROM unnest(ARRAY[
	'CREATE INDEX ON hnsw_create USING hnsw (v)',
	'CREATE INDEX ON hnsw_create USING hnsw (t vector_l2_ops)',
	'CREATE UNIQUE INDEX ON hnsw_create USING hnsw (v vector_l2_ops)',
	'CREATE INDEX ON hnsw_create USING hnsw (v vector_l2_ops, s vector_l2_ops)',
	'CREATE INDEX ON hnsw_create USING hnsw (v vector_l2_ops) INCLUDE (id)',
	'CREATE INDEX ON hnsw_create USING hnsw (v vector_l2_ops DESC)',
	'ALTER TABLE hnsw_create ADD EXCLUDE USING hnsw (v hnsw_equality WITH =)',
	'CLUSTER hnsw_create USING hnsw_create_option'
]) statement;
DROP OPERATOR FAMILY hnsw_equality USING hnsw CASCADE;
DROP TABLE hnsw_create;

-- Every operator class with every quantizer
CREATE TABLE hnsw_create (id int, v vector(3));
INSERT INTO hnsw_create SELECT i, ARRAY[i, i % 7, i % 3 - 1]::vector FROM generate_series(1, 500) i;
INSERT INTO hnsw_create VALUES (501, NULL), (502, '[0,0,0]');
SELECT class, quantizer,
	pg_temp.outcome(format('CREATE INDEX hnsw_create_%s_%s ON hnsw_create USING hnsw (v %s) WITH (quantizer = %s)',
		replace(replace(class, 'vector_', ''), '_ops', ''), quantizer, class, quantizer)) AS outcome
FROM unnest(ARRAY['vector_l2_ops', 'vector_ip_ops', 'vector_cosine_ops', 'vector_l1_ops']) class,
	unnest(ARRAY['sq8', 'none']) quantizer;
SELECT indexrelid::regclass AS index, dimensions, metric, quantizer, slot_bytes, has_mean, nodes, rows, m, ef_construction,
	entry_node, calibrated
FROM pg_index, hnsw_index_info(indexrelid)
WHERE indrelid = 'hnsw_create'::regclass ORDER BY indexrelid;
SELECT indexrelid::regclass AS broken, c.* FROM pg_index, hnsw_index_check(indexrelid, true) c
WHERE indrelid = 'hnsw_create'::regclass;
SELECT property, pg_index_has_property('hnsw_create_l2_sq8', property) AS has
FROM unnest(ARRAY['clusterable', 'index_scan', 'bitmap_scan', 'backward_scan']) property;
SELECT property, pg_index_column_has_property('hnsw_create_l2_sq8', 1, property) AS has
FROM unnest(ARRAY['orderable', 'distance_orderable', 'returnable', 'search_array', 'search_nulls']) property;
DROP TABLE hnsw_create;

-- The build alone decides on m and ef_construction: others read the metapage.
CREATE TABLE hnsw_create (id int, v vector(8));
INSERT INTO hnsw_create
	SELECT i, (SELECT array_agg(sin(i * j)::real ORDER BY j) FROM generate_series(1, 8) j)::vector
	FROM generate_series(1, 3000) i;
INSERT INTO hnsw_create SELECT id + 3000, v FROM hnsw_create WHERE id <= 100;
CREATE INDEX hnsw_create_i ON hnsw_create USING hnsw (v vector_l2_ops) WITH (m = 3, ef_construction = 40);
ALTER INDEX hnsw_create_i SET (m = 20);
SELECT nodes, rows, m, ef_construction, upper_lists > 1000 AS many_upper FROM hnsw_index_info('hnsw_create_i');
SELECT * FROM hnsw_index_check('hnsw_create_i', true);
REINDEX INDEX hnsw_create_i;
SELECT nodes, rows, m, ef_construction, upper_lists > 200 AS many_upper FROM hnsw_index_info('hnsw_create_i');
SELECT * FROM hnsw_index_check('hnsw_create_i', true);

-- Alone or with workers
SET max_parallel_maintenance_workers = 2;
ALTER TABLE hnsw_create SET (parallel_workers = 2);
REINDEX INDEX hnsw_create_i;
SELECT nodes, rows FROM hnsw_index_info('hnsw_create_i');
SELECT * FROM hnsw_index_check('hnsw_create_i', true);
SELECT mean_recall > 0.9 AS found FROM hnsw_recall('hnsw_create_i', ef => 100);
SET max_parallel_maintenance_workers = 0;
REINDEX INDEX CONCURRENTLY hnsw_create_i;
SELECT nodes, rows FROM hnsw_index_info('hnsw_create_i');
SELECT * FROM hnsw_index_check('hnsw_create_i', true);
RESET max_parallel_maintenance_workers;

-- More than maintenance_work_mem holds: a notice says how much would do.
SET maintenance_work_mem = '1MB';
SET max_parallel_maintenance_workers = 0;
INSERT INTO hnsw_create
	SELECT i, (SELECT array_agg(cos(i * j)::real ORDER BY j) FROM generate_series(1, 8) j)::vector
	FROM generate_series(5001, 8000) i;
INSERT INTO hnsw_create SELECT id + 9000, v FROM hnsw_create WHERE id > 7900;
INSERT INTO hnsw_create VALUES (20000, NULL);
REINDEX INDEX hnsw_create_i;
SELECT nodes, rows FROM hnsw_index_info('hnsw_create_i');
SELECT * FROM hnsw_index_check('hnsw_create_i', true);
SELECT mean_recall > 0.9 AS found FROM hnsw_recall('hnsw_create_i', ef => 100);
SET max_parallel_maintenance_workers = 2;
\set VERBOSITY terse
REINDEX INDEX hnsw_create_i;
\set VERBOSITY default
SELECT * FROM hnsw_index_check('hnsw_create_i', true);
SELECT mean_recall > 0.9 AS found FROM hnsw_recall('hnsw_create_i', ef => 100);
RESET max_parallel_maintenance_workers;
RESET maintenance_work_mem;
DROP TABLE hnsw_create;

-- Tables of which there is little to say: empty, NULL alone, one row, all equal
CREATE TABLE hnsw_create (id int, v vector(4));
CREATE INDEX hnsw_create_i ON hnsw_create USING hnsw (v vector_l2_ops);
CREATE INDEX hnsw_create_c ON hnsw_create USING hnsw (v vector_cosine_ops);
SELECT nodes, rows, entry_node, entry_level, calibrated FROM hnsw_index_info('hnsw_create_i');
SET enable_seqscan = off;
SELECT * FROM hnsw_create ORDER BY v <-> '[1,2,3,4]' LIMIT 3;
INSERT INTO hnsw_create SELECT i, NULL FROM generate_series(1, 5) i;
REINDEX TABLE hnsw_create;
SELECT nodes, rows, entry_node, calibrated FROM hnsw_index_info('hnsw_create_i');
SELECT count(*) FROM (SELECT id FROM hnsw_create ORDER BY v <-> '[1,2,3,4]' LIMIT 10) s;
INSERT INTO hnsw_create VALUES (6, '[1,2,3,4]');
REINDEX TABLE hnsw_create;
SELECT nodes, rows, entry_node, entry_level FROM hnsw_index_info('hnsw_create_i');
SELECT id FROM hnsw_create ORDER BY v <-> '[1,2,3,4]' LIMIT 1;
TRUNCATE hnsw_create;
SELECT nodes, rows, entry_node FROM hnsw_index_info('hnsw_create_i');
INSERT INTO hnsw_create SELECT i, '[3,4,0,0]' FROM generate_series(1, 1000) i;
INSERT INTO hnsw_create SELECT i, '[0,0,0,0]' FROM generate_series(1001, 1010) i;
REINDEX TABLE hnsw_create;
SELECT nodes, rows FROM hnsw_index_info('hnsw_create_i');
SELECT nodes, rows FROM hnsw_index_info('hnsw_create_c');
SELECT count(id), min(d), max(d) FROM (SELECT id, v <-> '[0,0,0,0]' AS d FROM hnsw_create ORDER BY v <-> '[0,0,0,0]' LIMIT 900) s;
SELECT count(id), min(d), max(d) FROM (SELECT id, v <=> '[3,4,0,0]' AS d FROM hnsw_create ORDER BY v <=> '[3,4,0,0]' LIMIT 1001) s;
RESET enable_seqscan;
SELECT indexrelid::regclass, c.* FROM pg_index, hnsw_index_check(indexrelid, true) c WHERE indrelid = 'hnsw_create'::regclass;
DROP TABLE hnsw_create;

-- The other kinds of tables
CREATE TEMPORARY TABLE hnsw_temporary (v vector(2));
INSERT INTO hnsw_temporary SELECT ARRAY[i % 60, i / 60]::vector FROM generate_series(1, 3000) i;
CREATE INDEX hnsw_temporary_i ON hnsw_temporary USING hnsw (v vector_l2_ops);
SELECT nodes, rows FROM hnsw_index_info('hnsw_temporary_i');
SELECT * FROM hnsw_index_check('hnsw_temporary_i', true);
CREATE UNLOGGED TABLE hnsw_unlogged AS SELECT * FROM hnsw_temporary;
CREATE INDEX hnsw_unlogged_i ON hnsw_unlogged USING hnsw (v vector_l2_ops);
SELECT nodes, rows FROM hnsw_index_info('hnsw_unlogged_i');
SELECT * FROM hnsw_index_check('hnsw_unlogged_i', true);
DROP TABLE hnsw_unlogged, hnsw_temporary;
