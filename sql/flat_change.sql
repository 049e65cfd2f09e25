-- Inserting, updating, deleting, vacuum; building anew in every way
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
SET max_parallel_workers_per_gather = 0;

-- All rows of a table in the order of distance, by its index and without:
-- how many they are, or what is wrong
CREATE FUNCTION pg_temp.rows_by_index(source regclass, query vector) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	statement text := format('SELECT v <-> %L AS d FROM %s ORDER BY v <-> %L', query, source, query);
	line text;
	plan text := '';
	truth float8[];
	answer float8[];
	broken text;
BEGIN
	SET LOCAL enable_indexscan = off;
	EXECUTE format('SELECT array_agg(d) FROM (%s) s', statement) INTO truth;
	SET LOCAL enable_indexscan = on;
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_sort = off;
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
		plan := plan || line;
	END LOOP;
	EXECUTE format('SELECT array_agg(d) FROM (%s) s', statement) INTO answer;
	RESET enable_seqscan;
	RESET enable_sort;
	SELECT string_agg(format('%s: %s %s', indexrelid::regclass, invariant, message), '; ') INTO broken
	FROM pg_index, flat_index_check(indexrelid, true)
	WHERE indrelid = source AND indexrelid IN (SELECT c.oid FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE amname = 'flat');
	RETURN CASE
		WHEN plan !~ 'Index Scan' THEN 'no index scan: ' || plan
		WHEN answer IS DISTINCT FROM truth THEN format('%s rows, other ones than the %s of the table', cardinality(answer), cardinality(truth))
		WHEN broken <> '' THEN broken
		ELSE coalesce(cardinality(answer), 0)::text END;
END
$$;
CREATE FUNCTION pg_temp.nth(n int) RETURNS vector LANGUAGE sql IMMUTABLE AS
	$$SELECT array_agg(sin(n * j)::real ORDER BY j)::vector FROM generate_series(1, 6) j$$;

CREATE TABLE flat_change (id int PRIMARY KEY, note text, v vector(6));
CREATE INDEX flat_change_l2 ON flat_change USING flat (v vector_l2_ops);
CREATE INDEX flat_change_cosine ON flat_change USING flat (v vector_cosine_ops) WITH (quantizer = none);
INSERT INTO flat_change SELECT i, 'first', pg_temp.nth(i) FROM generate_series(1, 600) i;
INSERT INTO flat_change VALUES (601, 'null', NULL), (602, 'zero', '[0,0,0,0,0,0]'), (603, 'large', '[3e38,3e38,3e38,3e38,3e38,3e38]');
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));

-- Another column, the vector, both; from and to NULL
UPDATE flat_change SET note = 'other' WHERE id % 7 = 0;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
UPDATE flat_change SET v = pg_temp.nth(id + 1000) WHERE id % 5 = 0;
UPDATE flat_change SET v = NULL, note = 'gone' WHERE id IN (11, 12, 602);
UPDATE flat_change SET v = pg_temp.nth(3) WHERE id IN (13, 14, 601);
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
DELETE FROM flat_change WHERE id % 3 = 0;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
INSERT INTO flat_change VALUES (1, 'again', pg_temp.nth(2)), (3, 'back', pg_temp.nth(2))
	ON CONFLICT (id) DO UPDATE SET v = excluded.v, note = excluded.note;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));

-- What is rolled back
BEGIN;
INSERT INTO flat_change SELECT 10000 + i, 'never', pg_temp.nth(i) FROM generate_series(1, 200) i;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
SAVEPOINT one;
DELETE FROM flat_change;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
ROLLBACK TO one;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
ROLLBACK;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
VACUUM flat_change;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));

-- An index does not grow with every change: slots are used again, from the
-- second transaction after a vacuum on.
SELECT rows AS rows_before, nodes AS nodes_before FROM flat_index_info('flat_change_l2') \gset
SELECT s FROM generate_series(1, 8) i, unnest(ARRAY[
	'DELETE FROM flat_change WHERE id % 2 = ' || i % 2,
	'VACUUM flat_change',
	'DO ''BEGIN PERFORM pg_current_xact_id(); END''',
	'INSERT INTO flat_change SELECT i, ''cycle'', pg_temp.nth(i * ' || i || ') FROM generate_series(1, 600) i ON CONFLICT DO NOTHING']) s \gexec
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
SELECT rows < 3 * :rows_before AS rows_used_again, nodes < 3 * :nodes_before AS nodes_used_again FROM flat_index_info('flat_change_l2');
-- Everything goes, and comes back as copies of one vector.
DELETE FROM flat_change;
VACUUM flat_change;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
INSERT INTO flat_change SELECT i, 'copy', pg_temp.nth(1) FROM generate_series(1, 1500) i;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
DELETE FROM flat_change WHERE id % 4 <> 1;
VACUUM flat_change;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
-- Vacuum that leaves indexes alone, and one that finds nothing to do
DELETE FROM flat_change WHERE id % 8 = 1;
VACUUM (INDEX_CLEANUP off) flat_change;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
VACUUM (INDEX_CLEANUP on) flat_change;
VACUUM flat_change;
VACUUM (PARALLEL 2) flat_change;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
SELECT relname, reltuples FROM pg_class WHERE relname IN ('flat_change', 'flat_change_l2', 'flat_change_cosine') ORDER BY 1;

-- Building anew
INSERT INTO flat_change SELECT i, 'new', pg_temp.nth(i) FROM generate_series(2000, 2400) i;
REINDEX INDEX flat_change_l2;
REINDEX TABLE flat_change;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
REINDEX INDEX CONCURRENTLY flat_change_l2;
REINDEX TABLE CONCURRENTLY flat_change;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
DROP INDEX CONCURRENTLY flat_change_l2;
CREATE INDEX CONCURRENTLY flat_change_l2 ON flat_change USING flat (v vector_l2_ops);
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
VACUUM FULL flat_change;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
CLUSTER flat_change USING flat_change_pkey;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
ALTER TABLE flat_change SET UNLOGGED;
INSERT INTO flat_change SELECT i, 'unlogged', pg_temp.nth(i) FROM generate_series(2500, 2600) i;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
ALTER TABLE flat_change SET LOGGED;
INSERT INTO flat_change SELECT i, 'logged', pg_temp.nth(i) FROM generate_series(2601, 2700) i;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
-- A table of so many blocks that the mean comes from a sample of them
CREATE TABLE flat_sampled (v vector(6)) WITH (fillfactor = 10);
INSERT INTO flat_sampled SELECT pg_temp.nth(i) FROM generate_series(1, 6000) i;
CREATE INDEX CONCURRENTLY flat_sampled_i ON flat_sampled USING flat (v vector_l2_ops);
SELECT has_mean, nodes FROM flat_index_info('flat_sampled_i');
REINDEX INDEX CONCURRENTLY flat_sampled_i;
SELECT has_mean, nodes FROM flat_index_info('flat_sampled_i');
DROP TABLE flat_sampled;
-- A column that gives up its dimensions keeps its index, which still asks for them.
ALTER TABLE flat_change ALTER v TYPE vector;
\set VERBOSITY sqlstate
INSERT INTO flat_change VALUES (9999, 'short', '[1,2]');
\set VERBOSITY default
INSERT INTO flat_change VALUES (9999, 'short', '[1,2]');
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
REINDEX INDEX flat_change_l2;
ALTER TABLE flat_change ALTER v TYPE vector(6);
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
-- Another number of dimensions
ALTER TABLE flat_change ALTER v TYPE vector(4) USING subvector(v, 1, 4);
SELECT dimensions FROM flat_index_info('flat_change_l2');
SELECT pg_temp.rows_by_index('flat_change', '[1,2,3,4]');
TRUNCATE flat_change;
SELECT pg_temp.rows_by_index('flat_change', '[1,2,3,4]');
INSERT INTO flat_change VALUES (1, 'after', '[1,2,3,4]');
SELECT pg_temp.rows_by_index('flat_change', '[1,2,3,4]');
BEGIN;
TRUNCATE flat_change;
INSERT INTO flat_change VALUES (2, 'instead', '[1,2,3,4]'), (3, 'instead', '[1,2,3,4]');
SELECT pg_temp.rows_by_index('flat_change', '[1,2,3,4]');
ROLLBACK;
SELECT pg_temp.rows_by_index('flat_change', '[1,2,3,4]');
DROP TABLE flat_change;

-- Created, filled and emptied in one transaction: built twice in one file
BEGIN;
CREATE TABLE flat_change (id int, v vector(6));
CREATE INDEX ON flat_change USING flat (v vector_l2_ops);
INSERT INTO flat_change SELECT i, pg_temp.nth(i) FROM generate_series(1, 2000) i;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
TRUNCATE flat_change;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
INSERT INTO flat_change SELECT i, pg_temp.nth(i) FROM generate_series(1, 100) i;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
SAVEPOINT one;
CREATE INDEX flat_change_second ON flat_change USING flat (v vector_l2_ops) WITH (quantizer = none);
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
ROLLBACK TO one;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
COMMIT;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
DROP TABLE flat_change;

-- Unlogged
CREATE UNLOGGED TABLE flat_change (id int, v vector(6));
CREATE INDEX flat_change_l2 ON flat_change USING flat (v vector_l2_ops);
INSERT INTO flat_change SELECT i, pg_temp.nth(i) FROM generate_series(1, 300) i;
DELETE FROM flat_change WHERE id % 2 = 0;
VACUUM flat_change;
INSERT INTO flat_change SELECT i, pg_temp.nth(i) FROM generate_series(301, 400) i;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
REINDEX TABLE flat_change;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
DROP TABLE flat_change;

-- Temporary: rows kept, rows deleted at commit, dropped at commit
CREATE TEMP TABLE flat_change (id int, v vector(6));
CREATE INDEX flat_change_l2 ON flat_change USING flat (v vector_l2_ops);
INSERT INTO flat_change SELECT i, pg_temp.nth(i) FROM generate_series(1, 300) i;
DELETE FROM flat_change WHERE id % 2 = 0;
VACUUM flat_change;
INSERT INTO flat_change SELECT i, pg_temp.nth(i) FROM generate_series(301, 400) i;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
REINDEX INDEX flat_change_l2;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
DROP TABLE flat_change;
CREATE TEMP TABLE flat_change (id int, v vector(6)) ON COMMIT DELETE ROWS;
CREATE INDEX flat_change_l2 ON flat_change USING flat (v vector_l2_ops);
BEGIN;
INSERT INTO flat_change SELECT i, pg_temp.nth(i) FROM generate_series(1, 3000) i;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
COMMIT;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
BEGIN;
INSERT INTO flat_change SELECT i, pg_temp.nth(i) FROM generate_series(1, 30) i;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
ROLLBACK;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
DROP TABLE flat_change;
BEGIN;
CREATE TEMP TABLE flat_change (id int, v vector(6)) ON COMMIT DROP;
CREATE INDEX flat_change_l2 ON flat_change USING flat (v vector_l2_ops);
INSERT INTO flat_change SELECT i, pg_temp.nth(i) FROM generate_series(1, 30) i;
SELECT pg_temp.rows_by_index('flat_change', pg_temp.nth(7));
COMMIT;

-- Whoever of the building processes meets a row whose older version an older
-- snapshot may need and the index will not have: such snapshots must not use it.
SET max_parallel_maintenance_workers = 2;
SET min_parallel_table_scan_size = 0;
SET maintenance_work_mem = '128MB';
CREATE TABLE flat_change (id int, v vector(64)) WITH (fillfactor = 70);
INSERT INTO flat_change SELECT i, array_fill(i::real, ARRAY[64])::vector FROM generate_series(1, 20000) i;
BEGIN;
UPDATE flat_change SET v = '[1]'::vector || subvector(v, 2, 63) WHERE id BETWEEN 18001 AND 18005;
CREATE INDEX flat_change_1 ON flat_change USING flat (v vector_l2_ops) WITH (quantizer = none);
CREATE INDEX flat_change_2 ON flat_change USING flat (v vector_l2_ops) WITH (quantizer = none);
CREATE INDEX flat_change_3 ON flat_change USING flat (v vector_l2_ops) WITH (quantizer = none);
CREATE INDEX flat_change_4 ON flat_change USING flat (v vector_l2_ops) WITH (quantizer = none);
CREATE INDEX flat_change_5 ON flat_change USING flat (v vector_l2_ops) WITH (quantizer = none);
SELECT indexrelid::regclass, indcheckxmin FROM pg_index WHERE indrelid = 'flat_change'::regclass ORDER BY 1;
ROLLBACK;
DROP TABLE flat_change;
