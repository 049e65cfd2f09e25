-- The settings hnsw.*: defaults, ranges, what the planner makes of them
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
LOAD 'vecext';

CREATE FUNCTION pg_temp.outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' / ', SQLSTATE || ' ' || message, nullif(hint, ''));
END
$$;

SELECT name, setting, vartype, min_val, max_val, enumvals, context
FROM pg_settings WHERE name LIKE 'hnsw.%' ORDER BY name COLLATE "C";

SELECT name || ' = ' || value AS setting, pg_temp.outcome(format('SET LOCAL %s = %L', name, value)) AS outcome
FROM (VALUES
	('hnsw.ef_search', '1'), ('hnsw.ef_search', '100000'), ('hnsw.ef_search', '0'), ('hnsw.ef_search', '100001'),
	('hnsw.iterative_scan', 'off'), ('hnsw.iterative_scan', 'relaxed_order'),
	('hnsw.iterative_scan', 'strict_order'), ('hnsw.iterative_scan', 'on'),
	('hnsw.max_scan_tuples', '1'), ('hnsw.max_scan_tuples', '2147483647'), ('hnsw.max_scan_tuples', '0'),
	('hnsw.scan_mem_multiplier', '1'), ('hnsw.scan_mem_multiplier', '2.5'), ('hnsw.scan_mem_multiplier', '1000'),
	('hnsw.scan_mem_multiplier', '0.5'), ('hnsw.scan_mem_multiplier', '1001'),
	('hnsw.target_recall', '0'), ('hnsw.target_recall', '0.999'), ('hnsw.target_recall', '1'),
	('hnsw.target_recall', '-0.1'), ('hnsw.target_recall', 'NaN')
) t(name, value);

-- A misspelt name is an error: the prefix is taken.
SET hnsw.ef_serch = 40;

-- Once hnsw.ef_search is set, wherever, it counts instead of
-- hnsw.target_recall; RESET goes back.  Seen here by what searches cost.
CREATE TABLE hnsw_settings (v vector(3));
INSERT INTO hnsw_settings SELECT ARRAY[i, i % 7, i % 11]::vector FROM generate_series(1, 5000) i;
CREATE INDEX hnsw_settings_i ON hnsw_settings USING hnsw (v vector_l2_ops);
SET enable_seqscan = off;
CREATE FUNCTION pg_temp.cost() RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) SELECT * FROM hnsw_settings ORDER BY v <-> ''[1,2,3]'' LIMIT 10' INTO plan;
	RETURN plan -> 0 -> 'Plan' ->> 'Startup Cost';
END
$$;
SELECT pg_temp.cost() AS usual \gset
SET hnsw.target_recall = 0.999;
SELECT pg_temp.cost() > :usual AS more_recall_costs_more;
SELECT pg_temp.cost() AS high \gset
SET hnsw.ef_search = 1000;
SELECT pg_temp.cost() > :high AS ef_counts;
SET hnsw.target_recall = 0.5;
SELECT pg_temp.cost() > :high AS recall_does_not;
RESET hnsw.ef_search;
SELECT pg_temp.cost() = :usual AS back_to_recall;
RESET hnsw.target_recall;
BEGIN;
SET LOCAL hnsw.ef_search = 60;
SELECT pg_temp.cost() > :usual AS set_local;
SAVEPOINT s;
SET hnsw.ef_search = 150;
SELECT pg_temp.cost() AS wide \gset
ROLLBACK TO s;
SELECT pg_temp.cost() > :usual AND pg_temp.cost() < :wide AS of_the_outer_transaction;
ROLLBACK;
SELECT pg_temp.cost() = :usual AS after_rollback;
-- Without a recall to reach, its default counts.
SET hnsw.target_recall = 0;
SELECT pg_temp.cost() = :usual AS default_ef;
-- A function has it for its own duration.
RESET hnsw.target_recall;
CREATE FUNCTION pg_temp.wide_cost() RETURNS float8 LANGUAGE sql SET hnsw.ef_search = 800 AS 'SELECT pg_temp.cost()';
SELECT pg_temp.wide_cost() > :usual AS within, pg_temp.cost() = :usual AS behind;
DROP TABLE hnsw_settings;
