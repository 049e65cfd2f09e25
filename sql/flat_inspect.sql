-- flat_index_info and flat_index_check: what they say, and to whom
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
CREATE FUNCTION pg_temp.both(index text) RETURNS TABLE (info text, checked text) LANGUAGE plpgsql AS $$
BEGIN
	info := pg_temp.outcome(format('SELECT rows || '' rows'' FROM flat_index_info(%s)', index));
	checked := pg_temp.outcome(format('SELECT count(*) || '' complaints'' FROM flat_index_check(%s)', index));
	RETURN NEXT;
END
$$;

CREATE TABLE flat_inspect (id int, v vector(8));
INSERT INTO flat_inspect SELECT i, array_fill((i % 400)::real, ARRAY[8])::vector FROM generate_series(1, 1000) i;
INSERT INTO flat_inspect VALUES (1001, NULL);
CREATE INDEX flat_inspect_i ON flat_inspect USING flat (v vector_ip_ops);
SELECT * FROM flat_index_info('flat_inspect_i') \gdesc
-- How many slots a page has, is a matter of the server's blocks.
SELECT format_version, dimensions, metric, quantizer, slot_bytes, has_mean, nodes, rows,
	code_pages * room / slot_bytes >= nodes AND (code_pages - 1) * room / slot_bytes < nodes AS code_pages,
	row_pages * room / 20 >= rows AND (row_pages - 1) * room / 20 < rows AS row_pages,
	reserved_pages - code_pages - row_pages - other_pages >= 2 AS reserved_pages
FROM flat_index_info('flat_inspect_i'), (SELECT current_setting('block_size')::int - 88 AS room) block;
SELECT count(*) FROM flat_index_check('flat_inspect_i');
SELECT count(*) FROM flat_index_check('flat_inspect_i', heap => true);
-- Slots stay when their rows are gone: they wait to be used again.
DELETE FROM flat_inspect WHERE id > 100;
SELECT nodes, rows FROM flat_index_info('flat_inspect_i');
SELECT count(*) FROM flat_index_check('flat_inspect_i', true);
SELECT flat_index_info(NULL) IS NULL AS info_of_null, (SELECT count(*) FROM flat_index_check(NULL)) AS check_of_null;

-- What is no flat index
CREATE INDEX flat_inspect_btree ON flat_inspect (id);
CREATE TABLE flat_inspect_parted (v vector(3)) PARTITION BY LIST (v);
CREATE INDEX flat_inspect_parted_i ON flat_inspect_parted USING flat (v vector_l2_ops);
CREATE SEQUENCE flat_inspect_sequence;
CREATE VIEW flat_inspect_view AS SELECT 1 AS one;
SELECT name, info, checked = info AS same FROM unnest(ARRAY['''flat_inspect''', '''flat_inspect_btree''', '''flat_inspect_parted_i''',
	'''flat_inspect_sequence''', '''flat_inspect_view''', '''pg_class_oid_index''', '1', '''flat_inspect_i''']) name, pg_temp.both(name);

-- Not valid: a concurrent build that failed
CREATE TABLE flat_inspect_bad (v vector(3));
INSERT INTO flat_inspect_bad VALUES ('[1,2,3]');
CREATE FUNCTION flat_inspect_fail(v vector) RETURNS vector LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RAISE EXCEPTION 'not today';
END
$$;
\set VERBOSITY terse
CREATE INDEX CONCURRENTLY flat_inspect_bad_i ON flat_inspect_bad USING flat ((flat_inspect_fail(v)::vector(3)) vector_l2_ops);
\set VERBOSITY default
SELECT * FROM pg_temp.both('''flat_inspect_bad_i''');
DROP TABLE flat_inspect_bad;
DROP FUNCTION flat_inspect_fail;

-- Who may: owners, superusers, and whoever may read the whole table
CREATE ROLE regress_flat_owner;
CREATE ROLE regress_flat_reader;
CREATE ROLE regress_flat_columns;
CREATE ROLE regress_flat_nobody;
ALTER TABLE flat_inspect OWNER TO regress_flat_owner;
GRANT SELECT ON flat_inspect TO regress_flat_reader;
GRANT SELECT (id, v), INSERT, DELETE ON flat_inspect TO regress_flat_columns;
CREATE FUNCTION pg_temp.both_as(role text, index text) RETURNS TABLE (info text, checked text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('role', role, true);
	RETURN QUERY SELECT * FROM pg_temp.both(index);
	PERFORM set_config('role', 'none', true);
END
$$;
SELECT role, info, checked FROM unnest(ARRAY['regress_flat_owner', 'regress_flat_reader', 'regress_flat_columns', 'regress_flat_nobody']) role,
	pg_temp.both_as(role, '''flat_inspect_i''');
-- The owner of the table needs no rights on it.
REVOKE ALL ON flat_inspect FROM regress_flat_owner;
SELECT * FROM pg_temp.both_as('regress_flat_owner', '''flat_inspect_i''');
-- Who may read everything
GRANT pg_read_all_data TO regress_flat_nobody;
SELECT * FROM pg_temp.both_as('regress_flat_nobody', '''flat_inspect_i''');
REVOKE pg_read_all_data FROM regress_flat_nobody;

-- Row-level security: who is not shown all rows is not told about the index.
ALTER TABLE flat_inspect ENABLE ROW LEVEL SECURITY;
CREATE POLICY flat_inspect_policy ON flat_inspect USING (id < 50);
SELECT role, info, checked FROM unnest(ARRAY['regress_flat_owner', 'regress_flat_reader', 'regress_flat_nobody']) role,
	pg_temp.both_as(role, '''flat_inspect_i''');
ALTER TABLE flat_inspect FORCE ROW LEVEL SECURITY;
SELECT role, info, checked FROM unnest(ARRAY['regress_flat_owner', 'regress_flat_reader']) role, pg_temp.both_as(role, '''flat_inspect_i''');
ALTER ROLE regress_flat_reader BYPASSRLS;
SELECT * FROM pg_temp.both_as('regress_flat_reader', '''flat_inspect_i''');
ALTER ROLE regress_flat_reader NOBYPASSRLS;
-- Queries through the index are subject to it, as any.  The condition of a
-- policy comes before conditions that are not leakproof.
GRANT SELECT ON flat_inspect TO regress_flat_reader;
ANALYZE flat_inspect;
SET ROLE regress_flat_reader;
SET enable_seqscan = off;
SET enable_sort = off;
SET max_parallel_workers_per_gather = 0;
EXPLAIN (COSTS OFF) SELECT id FROM flat_inspect ORDER BY v <#> array_fill(1::real, ARRAY[8])::vector LIMIT 1;
SELECT count(*), max(id) FROM (SELECT id FROM flat_inspect ORDER BY v <#> array_fill(1::real, ARRAY[8])::vector LIMIT 60) s;
SELECT count(*) FROM flat_inspect WHERE ip_within(v, array_fill(1::real, ARRAY[8])::vector, 0);
SELECT count(*) FROM flat_inspect;
RESET ROLE;
RESET enable_seqscan;
RESET enable_sort;
SELECT count(*) FROM flat_inspect;

-- Expressions and conditions of an index run as the owner of its table, with names that the caller has no say in:
-- what is computed from a row, and what is constant and computed beforehand.
CREATE TABLE flat_inspect_spied (id int, v vector(3));
INSERT INTO flat_inspect_spied SELECT i, ARRAY[i, i % 7, 1]::vector FROM generate_series(1, 100) i;
GRANT SELECT ON flat_inspect_spied TO regress_flat_reader;
ALTER TABLE flat_inspect_spied OWNER TO regress_flat_owner;
CREATE FUNCTION flat_inspect_spy(v vector) RETURNS vector LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF current_user <> 'regress_flat_owner' THEN
		RAISE EXCEPTION 'called by %', current_user;
	END IF;
	IF current_setting('search_path') ~ 'trap' THEN
		RAISE EXCEPTION 'called with search_path %', current_setting('search_path');
	END IF;
	PERFORM set_config('role', 'none', false);
	RAISE EXCEPTION 'nothing keeps the role from being reset';
EXCEPTION WHEN insufficient_privilege THEN
	RETURN v;
END
$$;
CREATE INDEX flat_inspect_spied_i ON flat_inspect_spied
	USING flat (((v OPERATOR(public.+) public.flat_inspect_spy('[0,0,0]'))::public.vector(3)) public.vector_l2_ops)
	WHERE public.vector_dims(public.flat_inspect_spy(v)) = 3;
SET search_path = trap, public;
SELECT count(*) FROM flat_index_check('flat_inspect_spied_i', heap => true);
SET ROLE regress_flat_reader;
SELECT count(*) FROM flat_index_check('flat_inspect_spied_i', heap => true);
-- What was set before is set again.
SELECT current_user, current_setting('search_path') AS search_path;
RESET ROLE;
RESET search_path;

-- Of temporary indexes the leader tells: workers do not see their pages.
CREATE TEMP TABLE flat_inspect_temp (v vector(2));
INSERT INTO flat_inspect_temp VALUES ('[1,2]');
CREATE INDEX flat_inspect_temp_i ON flat_inspect_temp USING flat (v vector_l2_ops);
CREATE TABLE flat_inspect_names AS SELECT 'flat_inspect_temp_i'::regclass AS name;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET parallel_leader_participation = off;
SELECT (flat_index_info(name)).rows FROM flat_inspect_names;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;
RESET parallel_leader_participation;
DROP TABLE flat_inspect_temp, flat_inspect_names;

DROP TABLE flat_inspect, flat_inspect_parted, flat_inspect_spied;
DROP FUNCTION flat_inspect_spy;
DROP VIEW flat_inspect_view;
DROP SEQUENCE flat_inspect_sequence;
DROP ROLE regress_flat_owner, regress_flat_reader, regress_flat_columns, regress_flat_nobody;

-- Nobody but superusers chooses how index pages are read.
SHOW vecext.buffer_peek;
CREATE ROLE regress_flat_user;
SET ROLE regress_flat_user;
SELECT pg_temp.outcome('SET vecext.buffer_peek = off');
RESET ROLE;
DROP ROLE regress_flat_user;
