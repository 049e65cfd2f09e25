-- Which conditions reach an index together with an order, and what the planner takes when there are other indexes
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
SET jit = off;

CREATE TABLE filter_plan AS
SELECT i AS id, i % 1000 AS tenant, i % 10 AS kind, i % 3 = 0 AS flag, ARRAY[i % 50]::int[] AS tags, ARRAY[i, i % 77, i % 99, 1]::vector(4) AS v
FROM generate_series(1, 20000) i;
CREATE INDEX filter_plan_i ON filter_plan USING hnsw (v vector_l2_ops, tenant, kind, flag, tags);
VACUUM ANALYZE filter_plan;
SET hnsw.ef_search = 1000;

-- The conditions and the order that an index scan answers; planners of some releases test flags again
CREATE FUNCTION pg_temp.scan(query text, OUT node text, OUT index text, OUT condition text, OUT ordered bool) LANGUAGE plpgsql AS $$
DECLARE
	plan json;
	at json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
	at := plan->0->'Plan';
	WHILE at->'Plans' IS NOT NULL LOOP
		at := at->'Plans'->0;
	END LOOP;
	node := at->>'Node Type';
	index := at->>'Index Name';
	condition := at->>'Index Cond';
	ordered := at->>'Order By' IS NOT NULL;
END
$$;
-- Older planners also make paths without the order
SET enable_sort = off;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT asked, s.* FROM unnest(ARRAY[
	'tenant = 5', 'kind = 5', 'kind IN (1, 2)', 'kind IN (1, 2) AND tenant < 500', 'kind = ANY (ARRAY[1, 2]) AND tenant IN (1, 2, 3)', 'tenant < ANY (''{5,6}'')', 'NOT flag AND tenant < 100', 'flag IS TRUE AND tenant < 100',
	'kind IN (1, 2) AND NOT flag', 'tags && ''{5}''', '5 = ANY (tags)', '5::int2 = ANY (tags) AND kind = 5', '5::int8 = ANY (tags)', '5 <> ANY (tags)', '5 = ALL (tags)', 'id = ANY (tags)',
	'l2_within(v, ''[1,2,3,4]'', 50) AND kind IN (1, 2)']) asked,
	pg_temp.scan(format('SELECT id FROM filter_plan WHERE %s ORDER BY v <-> ''[100,2,3,4]'' LIMIT 10', asked)) s;
RESET enable_bitmapscan;
RESET enable_sort;
SELECT count(*) FILTER (WHERE kind IN (1, 2)), count(*) FROM (
	SELECT kind FROM filter_plan WHERE kind IN (1, 2) AND NOT flag ORDER BY v <-> '[100,2,3,4]' LIMIT 10) t;
SELECT mode, matches FROM vecext_last_scan;
SELECT count(*) FROM filter_plan WHERE flag;
SELECT count(*) FROM filter_plan WHERE NOT flag AND kind = 1;
RESET enable_seqscan;

-- With the settings as they are, the few nearest are found with the condition, too, not by trying the nearest of all
SELECT asked, s.* FROM unnest(ARRAY['flag', 'NOT flag', '5 = ANY (tags)', 'kind IN (1, 2, 3, 4, 5, 6)']) asked,
	pg_temp.scan(format('SELECT id FROM filter_plan WHERE %s ORDER BY v <-> ''[100,2,3,4]'' LIMIT 3', asked)) s;

-- In one transaction with an array that is not known yet
PREPARE filter_plan_any(int[]) AS SELECT id FROM filter_plan WHERE tenant = ANY ($1) ORDER BY v <-> '[100,2,3,4]' LIMIT 3;
SET plan_cache_mode = force_generic_plan;
SELECT * FROM pg_temp.scan('EXECUTE filter_plan_any(''{1,2}'')');
EXECUTE filter_plan_any('{1,2}');
EXECUTE filter_plan_any('{}');
PREPARE filter_plan_element(int) AS SELECT id FROM filter_plan WHERE $1 = ANY (tags) ORDER BY v <-> '[100,2,3,4]' LIMIT 3;
SELECT * FROM pg_temp.scan('EXECUTE filter_plan_element(5)');
EXECUTE filter_plan_element(5);
EXECUTE filter_plan_element(NULL);
RESET plan_cache_mode;

-- Beside a B-tree: few rows come from there and are sorted, more from the index that knows their order
CREATE INDEX filter_plan_tenant ON filter_plan (tenant);
SELECT asked, s.* FROM unnest(ARRAY['tenant = 5 AND id < 10000', 'tenant < 50', 'tenant < 500']) asked,
	pg_temp.scan(format('SELECT id FROM filter_plan WHERE %s ORDER BY v <-> ''[100,2,3,4]'' LIMIT 10', asked)) s;

-- Row-level security: a condition that might tell about hidden rows is not looked at before the policy
CREATE ROLE regress_filter_plan;
GRANT SELECT ON filter_plan TO regress_filter_plan;
ALTER TABLE filter_plan ENABLE ROW LEVEL SECURITY;
CREATE POLICY filter_plan_policy ON filter_plan USING (kind IN (1, 2));
SET ROLE regress_filter_plan;
SET enable_bitmapscan = off;
SET enable_sort = off;
SELECT asked, s.* FROM unnest(ARRAY['tenant = 5', 'tenant IN (1, 2, 3)', 'tags && ''{5}''', '5 = ANY (tags)']) asked,
	pg_temp.scan(format('SELECT id FROM filter_plan WHERE %s ORDER BY v <-> ''[100,2,3,4]'' LIMIT 10', asked)) s;
RESET enable_sort;
SELECT id, kind FROM filter_plan WHERE tenant IN (11, 13, 501) ORDER BY v <-> '[100,2,3,4]' LIMIT 3;
RESET ROLE;
DROP TABLE filter_plan;
DROP ROLE regress_filter_plan;
