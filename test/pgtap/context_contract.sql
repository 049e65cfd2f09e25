-- The SQL contract of the context store, read from the catalogs.
BEGIN;
SELECT plan(17);

CREATE TEMP VIEW store AS
	SELECT p.*, p.oid::regprocedure::text AS signature FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid
	WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
		AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vecext')
		AND (p.proname ~ '^(node|edge|source|credibility|kv|event)_' OR p.proname IN ('graph_create', 'graph_drop', 'content_fingerprint'));

SELECT set_eq('SELECT proname::text FROM store', $$SELECT unnest(ARRAY[
	'graph_create', 'graph_drop', 'content_fingerprint',
	'node_put', 'node_get', 'node_as_of', 'node_history', 'node_diff', 'node_retract', 'node_retract_cascade',
	'edge_put', 'edge_get', 'edge_list', 'edge_invalidate',
	'source_put', 'source_get', 'source_validate', 'source_refute', 'source_erase',
	'credibility_mean', 'credibility_variance', 'credibility_decayed', 'credibility_interval', 'credibility_merge',
	'kv_set', 'kv_get', 'kv_set_bytes', 'kv_get_bytes', 'kv_del', 'kv_incr', 'kv_cas', 'kv_sweep',
	'event_append', 'event_since', 'event_mark', 'event_marked'])$$, 'the functions of the store');
SELECT is_empty($$SELECT signature FROM store GROUP BY proname, signature HAVING count(*) > 1$$, 'none is there twice');
SELECT is_empty($$SELECT signature FROM store WHERE obj_description(oid, 'pg_proc') IS NULL$$, 'each has a comment');
SELECT is_empty($$SELECT signature FROM store WHERE prosecdef$$, 'all act with the rights of the caller');
SELECT is_empty($$SELECT signature FROM store WHERE proname ~ '^(node|edge|source|kv|event)_' AND proargnames[1] <> 'namespace'$$,
	'the namespace comes first');
SELECT is_empty($$SELECT signature FROM store
	WHERE proname ~ '^(node|edge|source|event|graph)_' AND proconfig IS DISTINCT FROM ARRAY['search_path=pg_catalog, pg_temp']$$,
	'search_path is pinned where statements do not qualify everything');
SELECT is_empty($$SELECT signature FROM store
	WHERE proname ~ '^(credibility_|content_)' AND (provolatile <> 'i' OR proparallel <> 's')$$, 'functions of their arguments are immutable');
SELECT set_eq($$SELECT proname::text FROM store WHERE provolatile = 's'$$,
	$$SELECT unnest(ARRAY['node_get', 'node_as_of', 'node_history', 'node_diff', 'edge_get', 'edge_list', 'source_get', 'event_since', 'event_marked'])$$,
	'reading functions are stable');
SELECT is_empty($$SELECT signature FROM store WHERE provolatile = 'v' AND proparallel <> 'u' AND proname NOT IN ('kv_get', 'kv_get_bytes')$$,
	'no function that writes runs in parallel');
SELECT is_empty($$SELECT signature FROM store WHERE 'limit' = ANY (proargnames)$$, 'no argument has a reserved name');

-- What a namespace consists of
SELECT lives_ok($$SELECT graph_create('one', 4), graph_create('many', 4, tenant_column => true)$$, 'graph_create');
SELECT is_empty($$SELECT c.oid::regclass FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid
	WHERE c.relnamespace = 'many'::regnamespace AND c.relname NOT IN ('node_embedding', 'kv_expires')
		AND pg_get_indexdef(c.oid, 1, false) <> 'tenant'$$, 'indexes begin with the tenant');
SELECT set_eq($$SELECT relname::text FROM pg_class WHERE relnamespace = 'many'::regnamespace AND relrowsecurity AND relforcerowsecurity$$,
	$$SELECT relname::text FROM pg_class WHERE relnamespace = 'many'::regnamespace AND relkind = 'r' AND relname <> 'event_clock'$$,
	'row-level security binds everybody');
SELECT is_empty($$SELECT c.oid::regclass FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
	WHERE c.relnamespace = 'one'::regnamespace AND a.attname = 'tenant'$$, 'no tenant where none was asked for');
SELECT col_type_is('one', 'node', 'embedding', 'vector(4)', 'dimensions are those of graph_create');
SELECT ok('security_invoker=true' = ANY (reloptions), 'the view has the rights of who reads it')
FROM pg_class WHERE oid = 'one.node_current'::regclass;
SELECT is(
	(SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'one.node_current'::regclass AND attnum > 0),
	(SELECT array_agg(name ORDER BY n) FROM store, unnest(proargnames) WITH ORDINALITY u(name, n)
		WHERE proname = 'node_get' AND n > pronargs),
	'node_get returns the columns of node_current');

SELECT * FROM finish();
ROLLBACK;
