-- CREATE INDEX ... USING flat: operator classes, options, what is refused
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
SELECT amname, amtype, amhandler FROM pg_am WHERE amname = 'flat';
SELECT property, pg_indexam_has_property(oid, property) AS has
FROM pg_am, unnest(ARRAY['can_order', 'can_unique', 'can_multi_col', 'can_exclude', 'can_include']) property
WHERE amname = 'flat';
SELECT opcname, opcintype::regtype, opcdefault, amvalidate(c.oid), obj_description(c.oid, 'pg_opclass')
FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod
WHERE amname = 'flat' AND opcintype = 'vector'::regtype ORDER BY opcname COLLATE "C";
SELECT opfname, amopstrategy AS strategy, amopopr::regoperator AS operator, amoppurpose AS purpose
FROM pg_amop o JOIN pg_opfamily f ON f.oid = o.amopfamily JOIN pg_am a ON a.oid = o.amopmethod
WHERE amname = 'flat' AND opfname LIKE 'vector%' ORDER BY opfname COLLATE "C", amopstrategy;

-- Every operator class with every quantizer
CREATE TABLE flat_create (id int, v vector(3));
INSERT INTO flat_create SELECT i, ARRAY[i, i % 7, i % 3 - 1]::vector FROM generate_series(1, 50) i;
INSERT INTO flat_create VALUES (51, NULL), (52, '[0,0,0]');
SELECT class, quantizer,
	pg_temp.outcome(format('CREATE INDEX flat_create_%s_%s ON flat_create USING flat (v %s) WITH (quantizer = %s)',
		replace(replace(class, 'vector_', ''), '_ops', ''), quantizer, class, quantizer)) AS outcome
FROM unnest(ARRAY['vector_l2_ops', 'vector_ip_ops', 'vector_cosine_ops', 'vector_l1_ops']) class,
	unnest(ARRAY['sq8', 'none']) quantizer;
SELECT indexrelid::regclass AS index, dimensions, metric, quantizer, slot_bytes, has_mean, nodes, rows
FROM pg_index, flat_index_info(indexrelid)
WHERE indrelid = 'flat_create'::regclass ORDER BY indexrelid;
SELECT indexrelid::regclass AS broken, c.* FROM pg_index, flat_index_check(indexrelid, true) c
WHERE indrelid = 'flat_create'::regclass;
SELECT property, pg_index_has_property('flat_create_l2_sq8', property) AS has
FROM unnest(ARRAY['clusterable', 'index_scan', 'bitmap_scan', 'backward_scan']) property;
SELECT property, pg_index_column_has_property('flat_create_l2_sq8', 1, property) AS has
FROM unnest(ARRAY['orderable', 'distance_orderable', 'returnable', 'search_array', 'search_nulls']) property;
SELECT pg_get_indexdef('flat_create_cosine_none'::regclass);
DROP TABLE flat_create;

-- Options
CREATE TABLE flat_create (id int, v vector(3), w vector, s vector(8000), m vector(2000), t text);
SELECT with_options, pg_temp.outcome(format('CREATE INDEX ON flat_create USING flat (v vector_l2_ops) %s', with_options)) AS outcome
FROM unnest(ARRAY['', 'WITH (quantizer = sq8)', 'WITH (quantizer = ''NONE'')', 'WITH (quantizer = sq4)', 'WITH (quantizer)',
	'WITH (quantizer = 8)', 'WITH (quantizer = '''')', 'WITH (lists = 100)', 'WITH (m = 16)', 'WITH (fillfactor = 90)']) with_options;
SELECT count(*) FROM pg_index WHERE indrelid = 'flat_create'::regclass;

-- Another quantizer takes effect when the index is built anew.
CREATE INDEX flat_create_option ON flat_create USING flat (v vector_l2_ops);
ALTER INDEX flat_create_option SET (quantizer = none);
SELECT quantizer FROM flat_index_info('flat_create_option');
INSERT INTO flat_create (v) VALUES ('[1,2,3]');
REINDEX INDEX flat_create_option;
SELECT quantizer FROM flat_index_info('flat_create_option');
ALTER INDEX flat_create_option RESET (quantizer);
REINDEX INDEX flat_create_option;
SELECT quantizer FROM flat_index_info('flat_create_option');
SELECT pg_temp.outcome('ALTER INDEX flat_create_option SET (quantizer = sq16)') AS error;
SELECT * FROM flat_index_check('flat_create_option', true);

-- Dimensions
SELECT indexed, with_options, pg_temp.outcome(format('CREATE INDEX ON flat_create USING flat (%s vector_l2_ops) %s', indexed, with_options)) AS outcome
FROM (VALUES
	('w', ''), ('(w || v)', ''), ('(w::vector(3))', ''),
	('s', ''), ('(w::vector(8001))', ''), ('(w::vector(16000))', ''),
	('m', 'WITH (quantizer = none)'), ('s', 'WITH (quantizer = none)'), ('(w::vector(2001))', 'WITH (quantizer = none)'),
	('(w::vector(1))', '')
) t(indexed, with_options);

-- A column of a domain has the dimensions that the domain has, if it has any.
CREATE DOMAIN flat_domain AS vector(3);
CREATE DOMAIN flat_narrow_domain AS flat_domain CHECK (vector_norm(VALUE) < 100);
CREATE DOMAIN flat_free_domain AS vector;
CREATE TABLE flat_of_domain (id int, d flat_domain, narrow flat_narrow_domain, free flat_free_domain);
INSERT INTO flat_of_domain SELECT i, v, v, v FROM generate_series(1, 40) i, LATERAL (SELECT ARRAY[i, 0, 1]::vector) s(v);
CREATE INDEX flat_of_domain_d ON flat_of_domain USING flat (d vector_l2_ops);
CREATE INDEX flat_of_domain_narrow ON flat_of_domain USING flat (narrow vector_cosine_ops);
CREATE INDEX ON flat_of_domain USING flat (free vector_l2_ops);
CREATE INDEX flat_of_domain_cast ON flat_of_domain USING flat ((free::vector(3)) vector_l2_ops);
INSERT INTO flat_of_domain VALUES (41, '[0,9,9]', '[0,9,9]', '[0,9,9]'), (42, NULL, NULL, NULL);
REINDEX TABLE flat_of_domain;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM flat_of_domain ORDER BY d <-> '[0,8,9]' LIMIT 2;
SELECT id FROM flat_of_domain ORDER BY d <-> '[0,8,9]' LIMIT 2;
SELECT id FROM flat_of_domain ORDER BY d <-> '[0,8,9]'::flat_domain LIMIT 2;
EXPLAIN (COSTS OFF) SELECT id FROM flat_of_domain ORDER BY narrow <=> '[0,8,9]' LIMIT 2;
SELECT id FROM flat_of_domain ORDER BY narrow <=> '[0,8,9]' LIMIT 2;
SELECT id FROM flat_of_domain WHERE l2_within(d, '[5,0,1]', 1) ORDER BY id;
EXPLAIN (COSTS OFF) SELECT id FROM flat_of_domain WHERE l2_within(d, '[5,0,1]', 1);
RESET enable_seqscan;
SELECT indexrelid::regclass AS index, dimensions FROM pg_index, flat_index_info(indexrelid)
WHERE indrelid = 'flat_of_domain'::regclass ORDER BY indexrelid::regclass::text COLLATE "C";
DROP TABLE flat_of_domain;
DROP DOMAIN flat_free_domain, flat_narrow_domain, flat_domain;

-- What the index has not: refused by PostgreSQL itself
SELECT statement, pg_temp.outcome(statement) AS error
FROM unnest(ARRAY[
	'CREATE INDEX ON flat_create USING flat (v)',
	'CREATE INDEX ON flat_create USING flat (t vector_l2_ops)',
	'CREATE INDEX ON flat_create USING flat (v vector_ops)',
	'CREATE UNIQUE INDEX ON flat_create USING flat (v vector_l2_ops)',
	'CREATE INDEX ON flat_create USING flat (v vector_l2_ops, s vector_l2_ops)',
	'CREATE INDEX ON flat_create USING flat (v vector_l2_ops) INCLUDE (id)',
	'CREATE INDEX ON flat_create USING flat (v vector_l2_ops DESC)',
	'CREATE INDEX ON flat_create USING flat (v vector_l2_ops NULLS FIRST)',
	'ALTER TABLE flat_create ADD EXCLUDE USING flat (v vector_l2_ops WITH <->)',
	'ALTER TABLE flat_create ADD EXCLUDE USING flat (v vector_l2_ops WITH <->@)',
	'CLUSTER flat_create USING flat_create_option'
]) statement;
DROP TABLE flat_create;

-- Operator classes that are not ours.  Broken ones can be made by superusers
-- only; amvalidate says what is wrong.
CREATE OPERATOR CLASS flat_without_function FOR TYPE vector USING flat AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops;
CREATE OPERATOR CLASS flat_wrong_functions FOR TYPE vector USING flat AS
	FUNCTION 1 vector_norm(vector),
	FUNCTION 2 l2_distance(vector, vector),
	FUNCTION 3 vector_dims(vector);
CREATE OPERATOR CLASS flat_wrong_operators FOR TYPE vector USING flat AS
	OPERATOR 1 = (vector, vector),
	OPERATOR 2 <=> (vector, vector) FOR ORDER BY float_ops,
	OPERATOR 3 <->@ (vector, vector_ball),
	FUNCTION 1 vector_l2_squared_distance(vector, vector);
CREATE OPERATOR CLASS flat_unknown_function FOR TYPE vector USING flat AS
	OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 cosine_distance(vector, vector);
CREATE OPERATOR CLASS flat_own FOR TYPE vector USING flat AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
	FUNCTION 1 vector_l2_squared_distance(vector, vector);
CREATE OPERATOR CLASS flat_equality FOR TYPE vector USING flat AS
	OPERATOR 2 = (vector, vector),
	FUNCTION 1 vector_l2_squared_distance(vector, vector);
SELECT opcname, amvalidate(oid) FROM pg_opclass WHERE opcname LIKE 'flat\_%' ORDER BY opcname COLLATE "C";
\set VERBOSITY terse
SELECT amvalidate(0);
\set VERBOSITY default

CREATE TABLE flat_create (v vector(3));
INSERT INTO flat_create SELECT ARRAY[i, 0, 0]::vector FROM generate_series(1, 20) i;
SELECT pg_temp.outcome('CREATE INDEX ON flat_create USING flat (v flat_unknown_function)') AS error;
-- Exclusion would need a search for equal values.
SELECT pg_temp.outcome('ALTER TABLE flat_create ADD EXCLUDE USING flat (v flat_equality WITH =)') AS error;
CREATE INDEX flat_create_own ON flat_create USING flat (v flat_own);
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT v FROM flat_create ORDER BY v <-> '[3.2,0,0]' LIMIT 2;
SELECT v FROM flat_create ORDER BY v <-> '[3.2,0,0]' LIMIT 2;
RESET enable_seqscan;
DROP TABLE flat_create;
DROP OPERATOR FAMILY flat_without_function USING flat CASCADE;
DROP OPERATOR FAMILY flat_wrong_functions USING flat CASCADE;
DROP OPERATOR FAMILY flat_wrong_operators USING flat CASCADE;
DROP OPERATOR FAMILY flat_unknown_function USING flat CASCADE;
DROP OPERATOR FAMILY flat_own USING flat CASCADE;
DROP OPERATOR FAMILY flat_equality USING flat CASCADE;

-- Tables of which there is little to say
CREATE TABLE flat_create (id int, v vector(4));
CREATE INDEX flat_create_i ON flat_create USING flat (v vector_l2_ops);
SELECT has_mean, nodes, rows, code_pages, row_pages FROM flat_index_info('flat_create_i');
SET enable_seqscan = off;
SELECT * FROM flat_create ORDER BY v <-> '[1,2,3,4]' LIMIT 3;
SELECT count(*) FROM flat_create WHERE l2_within(v, '[1,2,3,4]', 'Infinity');
-- Without rows there is no mean, until the index is built anew.
INSERT INTO flat_create VALUES (1, '[1,2,3,4]');
SELECT has_mean, nodes, rows FROM flat_index_info('flat_create_i');
SELECT id FROM flat_create ORDER BY v <-> '[1,2,3,4]' LIMIT 3;
REINDEX INDEX flat_create_i;
SELECT has_mean, nodes, rows FROM flat_index_info('flat_create_i');
SELECT id FROM flat_create ORDER BY v <-> '[1,2,3,4]' LIMIT 3;
-- All NULL, all zero, all equal
TRUNCATE flat_create;
INSERT INTO flat_create SELECT i, NULL FROM generate_series(1, 5) i;
REINDEX INDEX flat_create_i;
SELECT has_mean, nodes, rows FROM flat_index_info('flat_create_i');
SELECT count(id) FROM (SELECT id FROM flat_create ORDER BY v <-> '[1,2,3,4]' LIMIT 10) s;
TRUNCATE flat_create;
INSERT INTO flat_create SELECT i, '[0,0,0,0]' FROM generate_series(1, 5) i;
CREATE INDEX flat_create_c ON flat_create USING flat (v vector_cosine_ops);
REINDEX INDEX flat_create_i;
SELECT has_mean, nodes, rows FROM flat_index_info('flat_create_i');
SELECT has_mean, nodes, rows FROM flat_index_info('flat_create_c');
SELECT id, v <-> '[3,4,0,0]' AS l2, v <=> '[3,4,0,0]' AS cosine FROM flat_create ORDER BY v <=> '[3,4,0,0]', id LIMIT 3;
TRUNCATE flat_create;
INSERT INTO flat_create SELECT i, '[3,4,0,0]' FROM generate_series(1, 1000) i;
REINDEX TABLE flat_create;
SELECT has_mean, nodes, rows FROM flat_index_info('flat_create_i');
SELECT count(id), min(d), max(d) FROM (SELECT id, v <-> '[0,0,0,0]' AS d FROM flat_create ORDER BY v <-> '[0,0,0,0]' LIMIT 900) s;
RESET enable_seqscan;
SELECT indexrelid::regclass, c.* FROM pg_index, flat_index_check(indexrelid, true) c WHERE indrelid = 'flat_create'::regclass;
DROP TABLE flat_create;
