-- Vectors in tables: TOAST, storage, kinds of tables, stored expressions
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;

-- Long vectors lie out of line, uncompressed, and are the same as short ones.
CREATE TABLE vector_long (id int PRIMARY KEY, v vector(2000));
INSERT INTO vector_long SELECT i, array_fill(i, ARRAY[2000])::vector FROM generate_series(1, 20) i;
SELECT DISTINCT pg_column_size(v) AS bytes, pg_column_compression(v) AS compression, vector_dims(v) FROM vector_long;
SELECT attstorage FROM pg_attribute WHERE attrelid = 'vector_long'::regclass AND attname = 'v';
SELECT pg_relation_size('vector_long') <= 8192 AS little_heap, pg_relation_size(reltoastrelid) > 20 * 8000 AS much_toast
FROM pg_class WHERE oid = 'vector_long'::regclass;
SELECT id, v <-> array_fill(0, ARRAY[2000])::vector = id * sqrt(2000::real) AS l2, vector_norm(v) AS norm,
	subvector(v, 1999, 5) AS slice, left(binary_quantize(v)::text, 3) AS bits, (v::real[])[2000] AS last,
	vector_hash(v) = vector_hash(array_fill(id, ARRAY[2000])::vector) AS hash,
	v = array_fill(id, ARRAY[2000])::vector AS eq, length(v::text), length(vector_send(v))
FROM vector_long WHERE id <= 2 ORDER BY id;
SELECT count(*) FROM vector_long a JOIN vector_long b ON a.v = b.v;
SELECT array_agg(id ORDER BY v DESC) FROM vector_long;
SELECT count(*) FROM vector_long WHERE v = '[1]' OR v < '[1]';
UPDATE vector_long SET id = id + 100 WHERE id <= 10;
UPDATE vector_long SET v = v + v WHERE id = 20;
SELECT id, subvector(v, 1, 2) FROM vector_long WHERE id IN (20, 101, 110) ORDER BY id;

-- Compressed in line or out of line
ALTER TABLE vector_long ALTER v SET STORAGE main;
CREATE TABLE vector_packed (LIKE vector_long INCLUDING STORAGE);
INSERT INTO vector_packed SELECT id, v + array_fill(0, ARRAY[2000])::vector FROM vector_long;
SELECT count(*) FILTER (WHERE pg_column_size(p.v) < 1000) AS packed,
	count(*) FILTER (WHERE p.v = l.v AND vector_dims(p.v) = 2000 AND subvector(p.v, 1000, 3) = subvector(l.v, 1000, 3)) AS same
FROM vector_packed p JOIN vector_long l USING (id);
DROP TABLE vector_packed, vector_long;

-- Vectors of every length around the short header's limit
CREATE TABLE vector_lengths AS SELECT dims, array_agg(i)::vector AS v FROM generate_series(1, 40) dims, generate_series(1, dims) i GROUP BY dims;
SELECT count(*) FILTER (WHERE vector_dims(v) = dims AND v = ARRAY(SELECT generate_series(1, dims))::vector
	AND abs(vector_norm(v) - sqrt(dims * (dims + 1) * (2 * dims + 1) / 6.0)::float8) < 1e-9 AND subvector(v, dims, 1) = ARRAY[dims]::vector) AS same,
	count(*), min(pg_column_size(v)), max(pg_column_size(v)) FROM vector_lengths;
DROP TABLE vector_lengths;

-- Unlogged and temporary tables
CREATE UNLOGGED TABLE vector_unlogged (v vector(3));
INSERT INTO vector_unlogged VALUES ('[1,2,3]');
ALTER TABLE vector_unlogged SET LOGGED;
SELECT * FROM vector_unlogged;
DROP TABLE vector_unlogged;
BEGIN;
CREATE TEMP TABLE vector_temporary ON COMMIT DROP AS SELECT ARRAY[i]::vector(1) AS v FROM generate_series(1, 3) i;
CREATE INDEX ON vector_temporary (v);
SELECT sum(v) FROM vector_temporary;
COMMIT;

-- What is stored as an expression reads as it was written.
CREATE TABLE vector_stored (
	v vector(3) DEFAULT '[1,2,3]' CHECK (vector_norm(v) < 100),
	unit vector(3) GENERATED ALWAYS AS (l2_normalize(v)) STORED);
CREATE INDEX vector_stored_slice ON vector_stored ((subvector(v, 1, 2)::vector(2)));
CREATE VIEW vector_view AS SELECT v <-> '[0,0,0]' AS l2, v || '[4]'::vector AS longer, '[5,6]'::vector(2) AS constant FROM vector_stored WHERE v > '[0]'::vector;
INSERT INTO vector_stored DEFAULT VALUES;
INSERT INTO vector_stored VALUES ('[0,3,4]');
SELECT * FROM vector_stored ORDER BY v;
SELECT * FROM vector_view ORDER BY l2;
SELECT bool_and(strpos(pg_get_viewdef('vector_view'), part) > 0) AS as_written
FROM unnest(ARRAY['v <-> ''[0,0,0]''::vector', 'v || ''[4]''::vector', ' ''[5,6]''::vector(2) AS constant', 'v > ''[0]''::vector']) part;
SELECT pg_get_indexdef('vector_stored_slice'::regclass);
SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'vector_stored'::regclass ORDER BY adnum;
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'vector_stored'::regclass AND contype = 'c';
\set VERBOSITY sqlstate
INSERT INTO vector_stored VALUES ('[100,0,0]');
\set VERBOSITY default

-- A column's type modifier can be widened and narrowed.
ALTER TABLE vector_stored DROP COLUMN unit CASCADE;
DROP VIEW vector_view;
DROP INDEX vector_stored_slice;
ALTER TABLE vector_stored ALTER v TYPE vector;
INSERT INTO vector_stored VALUES ('[1]');
\set VERBOSITY sqlstate
ALTER TABLE vector_stored ALTER v TYPE vector(3);
\set VERBOSITY default
DELETE FROM vector_stored WHERE vector_dims(v) = 1;
ALTER TABLE vector_stored ALTER v TYPE vector(3);
ALTER TABLE vector_stored DROP CONSTRAINT vector_stored_v_check, ALTER v DROP DEFAULT;
ALTER TABLE vector_stored ALTER v TYPE real[];
SELECT * FROM vector_stored ORDER BY v;
ALTER TABLE vector_stored ALTER v TYPE vector(3);
SELECT * FROM vector_stored ORDER BY v;
DROP TABLE vector_stored;

-- Statistics of the default kind
CREATE TABLE vector_stats AS SELECT ARRAY[i % 4, 1]::vector AS v FROM generate_series(1, 400) i;
INSERT INTO vector_stats SELECT NULL FROM generate_series(1, 100);
ANALYZE vector_stats;
SELECT null_frac, n_distinct, most_common_vals::text::vector[] IS NOT NULL AS common_values FROM pg_stats WHERE tablename = 'vector_stats' AND schemaname = current_schema;
DROP TABLE vector_stats;
