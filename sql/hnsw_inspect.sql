-- hnsw_index_info, hnsw_index_check, hnsw_recall, hnsw_calibrate and
-- vecext_last_scan: what they say, and to whom
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;

CREATE FUNCTION pg_temp.outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	value text;
	message text;
	detail text;
	hint text;
BEGIN
	EXECUTE statement INTO value;
	RETURN value;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' / ', SQLSTATE || ' ' || message, nullif(detail, ''), nullif(hint, ''));
END
$$;
-- The four functions of one index; where all say the same, once
CREATE FUNCTION pg_temp.all_four(index text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT CASE count(*) WHEN 4 THEN '' ELSE string_agg(name, ', ' ORDER BY n) || ': ' END || said
	FROM (
		SELECT n, name, pg_temp.outcome(format(statement, index)) AS said
		FROM (VALUES
			(1, 'info', 'SELECT rows || '' rows'' FROM hnsw_index_info(%s)'),
			(2, 'check', 'SELECT count(*) || '' complaints'' FROM hnsw_index_check(%s)'),
			(3, 'recall', 'SELECT sample || '' rows sampled'' FROM hnsw_recall(%s, sample => 20)'),
			(4, 'calibrate', 'SELECT calibrated_nodes || '' nodes'' FROM hnsw_calibrate(%s)')
		) f(n, name, statement)
	) s
	GROUP BY said ORDER BY min(n)
$$;

-- Without workers, so that levels are the same every time
SET max_parallel_maintenance_workers = 0;
CREATE TABLE hnsw_inspect (id int, v vector(8)) WITH (autovacuum_enabled = off);
INSERT INTO hnsw_inspect
	SELECT i, (SELECT array_agg(sin(i * j)::real ORDER BY j) FROM generate_series(1, 8) j)::vector
	FROM generate_series(1, 2000) i;
INSERT INTO hnsw_inspect SELECT id + 2000, v FROM hnsw_inspect WHERE id <= 100;
INSERT INTO hnsw_inspect VALUES (3001, NULL);
CREATE INDEX hnsw_inspect_i ON hnsw_inspect USING hnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 40);
\x on
SELECT format_version, dimensions, metric, quantizer, slot_bytes, has_mean, nodes, rows, m, ef_construction,
	entry_node, entry_level, upper_lists,
	code_pages > 0 AND row_pages > 0 AND link_pages > 0 AND upper_pages > 0 AS pages,
	other_pages >= link_pages + upper_pages AS others_include_graph, reserved_pages >= code_pages + row_pages + other_pages AS reserved,
	calibrated, calibrated_nodes, ef_90 BETWEEN 10 AND ef_95 AS ef_90, ef_95 BETWEEN 10 AND ef_99 AS ef_95, ef_99 < 2000 AS ef_99
FROM hnsw_index_info('hnsw_inspect_i');
\x off
SELECT count(*) FROM hnsw_index_check('hnsw_inspect_i');
SELECT count(*) FROM hnsw_index_check('hnsw_inspect_i', heap => true);

-- Recall: the wider the walk, the more is found, and the more is read.
SELECT k, sample, mean_recall >= 0.9 AS mean, p5_recall BETWEEN min_recall AND 1 AS p5, min_recall <= mean_recall AS min,
	mean_hops BETWEEN 5 AND 2000 AS hops, mean_distances BETWEEN mean_hops AND 2000 AS distances
FROM hnsw_recall('hnsw_inspect_i');
SELECT ef, sample FROM hnsw_recall('hnsw_inspect_i', ef => 10);
SELECT narrow.mean_recall < wide.mean_recall AS recall, narrow.mean_hops < wide.mean_hops AS hops, narrow.mean_distances < wide.mean_distances AS distances
FROM hnsw_recall('hnsw_inspect_i', ef => 10) narrow, hnsw_recall('hnsw_inspect_i', ef => 100) wide;
-- A walk that keeps all nodes finds all that can be reached.
SELECT mean_recall, p5_recall, min_recall FROM hnsw_recall('hnsw_inspect_i', ef => 2000);
-- The same rows every time
SELECT a = b AS same FROM hnsw_recall('hnsw_inspect_i') a, hnsw_recall('hnsw_inspect_i') b;
-- More than there are: all rows with a vector are drawn, but the entry point's.
SELECT sample BETWEEN 2098 AND 2099 AS all_rows FROM hnsw_recall('hnsw_inspect_i', sample => 100000);
-- Groups that fit work_mem give the same figures.
SELECT r AS whole FROM hnsw_recall('hnsw_inspect_i', sample => 300) r \gset
SET work_mem = '64kB';
SELECT r::text = :'whole' AS same FROM hnsw_recall('hnsw_inspect_i', sample => 300) r;
RESET work_mem;
-- The ef of a scan: by the calibration, unless hnsw.ef_search has been set; never less than k
SELECT r.ef = i.ef_95 AS by_target FROM hnsw_recall('hnsw_inspect_i') r, hnsw_index_info('hnsw_inspect_i') i;
SET hnsw.target_recall = 0.99;
SELECT r.ef = i.ef_99 AS by_target FROM hnsw_recall('hnsw_inspect_i') r, hnsw_index_info('hnsw_inspect_i') i;
SET hnsw.target_recall = 0;
SELECT ef FROM hnsw_recall('hnsw_inspect_i');
RESET hnsw.target_recall;
BEGIN;
SET LOCAL hnsw.ef_search = 77;
SELECT ef FROM hnsw_recall('hnsw_inspect_i');
SELECT k, ef FROM hnsw_recall('hnsw_inspect_i', 100);
SELECT k, ef FROM hnsw_recall('hnsw_inspect_i', 100, ef => 20);
ROLLBACK;
-- Every operator class and quantizer
SELECT format('CREATE INDEX hnsw_inspect_%1$s_%2$s ON hnsw_inspect USING hnsw (v vector_%1$s_ops) WITH (quantizer = %2$s)', class, quantizer)
FROM unnest(ARRAY['l2', 'ip', 'cosine', 'l1']) class, unnest(ARRAY['sq8', 'none']) quantizer \gexec
SELECT indexrelid::regclass AS index, sample, mean_recall FROM pg_index, hnsw_recall(indexrelid, ef => 2000)
WHERE indrelid = 'hnsw_inspect'::regclass ORDER BY indexrelid;
SELECT format('DROP INDEX %s', string_agg(indexrelid::regclass::text, ', ' ORDER BY indexrelid)) FROM pg_index
WHERE indrelid = 'hnsw_inspect'::regclass AND indexrelid <> 'hnsw_inspect_i'::regclass \gexec

-- Rows that are gone are neither asked for nor expected.
DELETE FROM hnsw_inspect WHERE id > 100 AND id <= 2000;
SELECT sample BETWEEN 190 AND 200 AS sampled FROM hnsw_recall('hnsw_inspect_i', sample => 1000);
SELECT mean_recall FROM hnsw_recall('hnsw_inspect_i', sample => 1000, ef => 2000);
SELECT nodes, rows FROM hnsw_index_info('hnsw_inspect_i');
SELECT count(*) FROM hnsw_index_check('hnsw_inspect_i', true);

-- Calibration: kept in the index
SELECT c.ef_90 = i.ef_90 AND c.ef_95 = i.ef_95 AND c.ef_99 = i.ef_99 AS kept, c.calibrated_nodes
FROM hnsw_calibrate('hnsw_inspect_i') c, LATERAL (SELECT * FROM hnsw_index_info('hnsw_inspect_i') WHERE c.ef_90 > 0) i;
BEGIN READ ONLY;
SELECT hnsw_calibrate('hnsw_inspect_i');
ROLLBACK;

-- Hardly anything in it
CREATE TABLE hnsw_inspect_few (id int, v vector(3));
CREATE INDEX hnsw_inspect_few_i ON hnsw_inspect_few USING hnsw (v vector_cosine_ops);
\x on
SELECT nodes, rows, entry_node, entry_level, upper_lists, link_pages, upper_pages, calibrated, calibrated_nodes, ef_90, ef_95, ef_99
FROM hnsw_index_info('hnsw_inspect_few_i');
\x off
SELECT * FROM hnsw_index_check('hnsw_inspect_few_i', true);
SELECT sample, mean_recall, p5_recall, min_recall, mean_hops, mean_distances FROM hnsw_recall('hnsw_inspect_few_i');
SELECT * FROM hnsw_calibrate('hnsw_inspect_few_i');
DROP INDEX hnsw_inspect_few_i;
INSERT INTO hnsw_inspect_few SELECT i, '[1,2,3]' FROM generate_series(1, 50) i;
INSERT INTO hnsw_inspect_few VALUES (51, NULL), (52, '[0,0,0]');
CREATE INDEX hnsw_inspect_few_i ON hnsw_inspect_few USING hnsw (v vector_cosine_ops);
-- One node, and nothing beside it to find
SELECT sample, mean_recall FROM hnsw_recall('hnsw_inspect_few_i');
DROP INDEX hnsw_inspect_few_i;
INSERT INTO hnsw_inspect_few VALUES (53, '[-1,2,3]'), (54, '[1,-2,3]');
CREATE INDEX hnsw_inspect_few_i ON hnsw_inspect_few USING hnsw (v vector_cosine_ops);
SELECT * FROM hnsw_index_check('hnsw_inspect_few_i', true);
SELECT nodes, rows FROM hnsw_index_info('hnsw_inspect_few_i');
SELECT sample > 0 AS sampled, mean_recall FROM hnsw_recall('hnsw_inspect_few_i');

-- Arguments
SELECT hnsw_index_info(NULL) IS NULL AS info, (SELECT count(*) FROM hnsw_index_check(NULL)) AS checked,
	hnsw_recall(NULL) IS NULL AS recall, hnsw_calibrate(NULL) IS NULL AS calibrated;
SELECT arguments, pg_temp.outcome(format('SELECT ef FROM hnsw_recall(''hnsw_inspect_i'', %s)', arguments))
FROM unnest(ARRAY['k => 0', 'k => 10001', 'k => NULL', 'sample => 0', 'sample => 100001', 'sample => NULL', 'ef => 0', 'ef => 100001', 'k => 1, ef => 1']) arguments;

-- What is no hnsw index
CREATE INDEX hnsw_inspect_btree ON hnsw_inspect (id);
CREATE INDEX hnsw_inspect_flat ON hnsw_inspect USING flat (v vector_l2_ops);
CREATE TABLE hnsw_inspect_parted (v vector(3)) PARTITION BY LIST (v);
CREATE INDEX hnsw_inspect_parted_i ON hnsw_inspect_parted USING hnsw (v vector_l2_ops);
SELECT name, pg_temp.all_four(name) FROM unnest(ARRAY['''hnsw_inspect''', '''hnsw_inspect_btree''', '''hnsw_inspect_flat''',
	'''hnsw_inspect_parted_i''', '1']) name;
SELECT pg_temp.outcome('SELECT flat_index_info(''hnsw_inspect_i'')');

-- Who may: owners, superusers, and whoever may read the whole table; owners only calibrate.
CREATE ROLE regress_hnsw_owner;
CREATE ROLE regress_hnsw_reader;
CREATE ROLE regress_hnsw_nobody;
ALTER TABLE hnsw_inspect OWNER TO regress_hnsw_owner;
GRANT SELECT ON hnsw_inspect TO regress_hnsw_reader;
GRANT SELECT (id, v), INSERT, DELETE ON hnsw_inspect TO regress_hnsw_nobody;
CREATE FUNCTION pg_temp.all_four_as(role text, index text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('role', role, true);
	RETURN QUERY SELECT * FROM pg_temp.all_four(index);
	PERFORM set_config('role', 'none', true);
END
$$;
SELECT role, said FROM unnest(ARRAY['regress_hnsw_owner', 'regress_hnsw_reader', 'regress_hnsw_nobody']) role,
	pg_temp.all_four_as(role, '''hnsw_inspect_i''') said;
ALTER TABLE hnsw_inspect ENABLE ROW LEVEL SECURITY;
CREATE POLICY hnsw_inspect_policy ON hnsw_inspect USING (id < 50);
SELECT role, said FROM unnest(ARRAY['regress_hnsw_owner', 'regress_hnsw_reader', 'regress_hnsw_nobody']) role,
	pg_temp.all_four_as(role, '''hnsw_inspect_i''') said;

-- An expression of the index runs as its owner, wherever it is evaluated.
CREATE TABLE hnsw_inspect_expression (id int);
INSERT INTO hnsw_inspect_expression SELECT generate_series(1, 100);
GRANT SELECT ON hnsw_inspect_expression TO regress_hnsw_reader;
ALTER TABLE hnsw_inspect_expression OWNER TO regress_hnsw_owner;
CREATE FUNCTION hnsw_inspect_embed(id int) RETURNS public.vector LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF current_user <> 'regress_hnsw_owner' THEN
		RAISE EXCEPTION 'called by %', current_user;
	END IF;
	RETURN ARRAY[id, id % 7, 1]::public.vector;
END
$$;
CREATE INDEX hnsw_inspect_expression_i ON hnsw_inspect_expression USING hnsw ((hnsw_inspect_embed(id)::vector(3)) vector_l2_ops);
SELECT mean_recall FROM hnsw_recall('hnsw_inspect_expression_i', ef => 100);
SELECT * FROM hnsw_index_check('hnsw_inspect_expression_i', true);
SET ROLE regress_hnsw_reader;
SET search_path = public, pg_temp;
SELECT mean_recall FROM hnsw_recall('hnsw_inspect_expression_i', ef => 100);
SELECT * FROM hnsw_index_check('hnsw_inspect_expression_i', true);
-- What was set before is set again.
SELECT current_user, current_setting('search_path') AS search_path;
RESET search_path;
RESET ROLE;

-- The last scan of this session, of either access method
CREATE TABLE hnsw_inspect_scan (id int, v vector(8));
INSERT INTO hnsw_inspect_scan
	SELECT i, (SELECT array_agg(sin(i * j)::real ORDER BY j) FROM generate_series(1, 8) j)::vector
	FROM generate_series(1, 3000) i;
CREATE INDEX hnsw_inspect_scan_flat ON hnsw_inspect_scan USING flat (v vector_l2_ops);
ANALYZE hnsw_inspect_scan;
SET enable_seqscan = off;
SET max_parallel_workers_per_gather = 0;
DELETE FROM hnsw_inspect_scan WHERE id = 1;
SELECT count(*) FROM (SELECT FROM hnsw_inspect_scan ORDER BY v <-> '[1,1,1,1,1,1,1,1]' LIMIT 3) s;
SELECT index, ef, walks, hops, distances, repeats, passes, candidates >= rechecks AS candidates, rechecks BETWEEN 3 AND 256 AS rechecks,
	dead_rows, late_rows, rows
FROM vecext_last_scan;
SET enable_bitmapscan = off;
SELECT count(*) FROM hnsw_inspect_scan WHERE v IS NOT NULL;
SELECT index, passes, candidates, rechecks, rows FROM vecext_last_scan;
-- By bitmap; two conditions, of which the first is tested in the pass over the codes
SET enable_bitmapscan = on;
SET enable_indexscan = off;
SET enable_indexonlyscan = off;
SELECT count(*) FROM hnsw_inspect_scan WHERE v IS NOT NULL;
SELECT index, passes, candidates, rows FROM vecext_last_scan;
SELECT count(*) AS found FROM hnsw_inspect_scan WHERE l2_within(v, '[1,1,1,1,1,1,1,1]', 2.5) AND l2_within(v, '[1,1,1,1,-1,-1,-1,-1]', 2.5) \gset
SELECT index, passes, candidates = rows AS as_many, rows BETWEEN :found AND :found + 20 AS rows, :found > 5 AS found FROM vecext_last_scan;
RESET enable_indexscan;
RESET enable_indexonlyscan;

-- Of temporary indexes the leader tells: workers do not see their pages.
CREATE TEMP TABLE hnsw_inspect_temp (v vector(2));
INSERT INTO hnsw_inspect_temp VALUES ('[1,2]');
CREATE INDEX hnsw_inspect_temp_i ON hnsw_inspect_temp USING hnsw (v vector_l2_ops);
CREATE TABLE hnsw_inspect_names AS SELECT 'hnsw_inspect_temp_i'::regclass AS name;
SET enable_seqscan = on;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET parallel_leader_participation = off;
SELECT (hnsw_index_info(name)).rows FROM hnsw_inspect_names;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;
RESET parallel_leader_participation;
DROP TABLE hnsw_inspect_temp, hnsw_inspect_names;

DROP TABLE hnsw_inspect, hnsw_inspect_few, hnsw_inspect_scan, hnsw_inspect_parted, hnsw_inspect_expression;
DROP FUNCTION hnsw_inspect_embed(int);
DROP ROLE regress_hnsw_owner, regress_hnsw_reader, regress_hnsw_nobody;
