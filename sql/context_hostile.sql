-- The context store takes whatever its arguments contain as values, never as SQL
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
\set VERBOSITY terse
CREATE FUNCTION pg_temp.id(int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT lpad($1::text, 32, '0')::uuid $$;
SELECT graph_create('hostile', 2, tenant_column => true);
SELECT context_add_text('hostile', 'simple');
CREATE TEMP TABLE attempt (id int GENERATED ALWAYS AS IDENTITY, text text);
INSERT INTO attempt (text) VALUES
	($$'; DROP SCHEMA hostile CASCADE; --$$), ($$' OR true --$$), ($$\'; SELECT 1/0; --$$), ($$" OR true --$$), ($$"; DROP SCHEMA hostile CASCADE; --$$),
	('$1'), ('$1$1$'), ('{ns}'), ('{ours}'), ('{tenant n}'), ('{live}{conditions}'), ('%s %I %L'), ($$') OR (true$$), ($$\$$), ('{}'), ('{"a",b}'), (E'line\nbreak'), ('');

-- Each of them as a tenant: his rows are his alone
SELECT set_config('vecext.tenant', text, false) = text AS set, node_put('hostile', pg_temp.id(1), '{}', '{"text": "mine"}') AS version,
	edge_put('hostile', pg_temp.id(1), pg_temp.id(2), 'to') IS NOT NULL AS edge, event_append('hostile', 'mine') > 0 AS event, kv_set('hostile', 'k', to_jsonb(text)),
	kv_get('hostile', 'k') = to_jsonb(text) AS got
FROM attempt WHERE text <> '' ORDER BY id;
SELECT count(*) AS tenants, count(*) FILTER (WHERE nodes = 1 AND walked = 1 AND searched = 1) AS with_rows_of_their_own
FROM (SELECT set_config('vecext.tenant', text, false), (SELECT count(*) FROM context_search('hostile', query => 'mine')) AS searched,
		(SELECT count(*) FROM node_history('hostile', pg_temp.id(1))) AS nodes, (SELECT count(*) FROM edge_list('hostile', pg_temp.id(1))) AS walked
	FROM attempt WHERE text <> '' OFFSET 0) t;
SELECT count(*) = count(*) FILTER (WHERE tenant = value #>> '{}') AS each_his_own, count(*) FROM hostile.kv;

-- Types, payloads, origins and sources of events; consumers
SET vecext.tenant = 'quiet';
SELECT count(event_append('hostile', text, jsonb_build_object(text, text), text, nullif(text, ''))) FROM attempt;
DO $$ BEGIN WHILE (SELECT max(next_xid) > pg_snapshot_xmin(pg_current_snapshot()) FROM hostile.event) LOOP PERFORM pg_sleep(0.01); END LOOP; END $$;
SELECT count(*) AS events, count(*) FILTER (WHERE e.type = a.text AND e.payload = jsonb_build_object(a.text, a.text) AND e.origin = a.text
	AND s.external_id IS NOT DISTINCT FROM nullif(a.text, '')) AS as_given
FROM event_since('hostile') e LEFT JOIN hostile.source s ON s.id = e.source_id AND s.tenant = 'quiet' LEFT JOIN attempt a ON a.text = e.type;
SELECT count(*) FROM attempt, event_mark('hostile', text, '1-2-' || id);
SELECT count(*) AS marks, count(*) FILTER (WHERE event_marked('hostile', text) = '1-2-' || id) AS as_given FROM attempt;

-- Labels, properties and sources of nodes; what is searched for
SELECT count(node_put('hostile', pg_temp.id(id), ARRAY[text], jsonb_build_object('text', 'word', 'note', text, text, text), ARRAY[1, id]::vector, source => nullif(text, ''))) FROM attempt;
SELECT count(edge_put('hostile', pg_temp.id(1), pg_temp.id(id), text)) FROM attempt;
SELECT count(*) AS searches, count(*) FILTER (WHERE by_label = ARRAY[id]) AS by_label, count(*) FILTER (WHERE by_filter = ARRAY[id]) AS by_filter,
	count(*) FILTER (WHERE others = (SELECT array_agg(b.id ORDER BY b.id) FROM attempt b WHERE b.id <> s.id OR b.text = '')) AS by_source,
	count(*) FILTER (WHERE by_type = (SELECT array_agg(DISTINCT i ORDER BY i) FROM unnest(ARRAY[1, id]) i)) AS by_type
FROM attempt s,
	LATERAL (SELECT array_agg(right(f.id::text, 6)::int) AS by_label FROM context_search('hostile', ARRAY['[1,0]']::vector[], 'word', ARRAY[pg_temp.id(1)], labels => ARRAY[s.text], k => 100) f) l,
	LATERAL (SELECT array_agg(right(f.id::text, 6)::int) AS by_filter FROM context_search('hostile', ARRAY['[1,0]']::vector[], 'word', ARRAY[pg_temp.id(1)], k => 100,
		filter => jsonb_build_object('must', jsonb_build_object('key', 'note', 'match', jsonb_build_object('value', s.text)))::text::payload_filter) f) p,
	LATERAL (SELECT array_agg(right(f.id::text, 6)::int ORDER BY f.id) AS others FROM context_search('hostile', ARRAY['[1,0]']::vector[], 'word', ARRAY[pg_temp.id(1)], exclude_sources => ARRAY[s.text], k => 100) f) e,
	LATERAL (SELECT array_agg(right(f.id::text, 6)::int ORDER BY f.id) AS by_type FROM context_search('hostile', seeds => ARRAY[pg_temp.id(1)], edge_types => ARRAY[s.text], k => 100) f) t;
-- Words of a query are words, and what is no profile, fusion, direction or namespace is an error
SET client_min_messages = warning;
SELECT count(*) AS queries, sum(n) AS found FROM attempt, LATERAL (SELECT count(*) AS n FROM context_search('hostile', query => text)) s;
RESET client_min_messages;
CREATE FUNCTION pg_temp.outcome(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE query;
	RETURN 'taken';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;
SELECT argument, string_agg(DISTINCT pg_temp.outcome(format('SELECT * FROM context_search(%s, query => ''word'', %s => %L)', CASE argument WHEN 'namespace' THEN 'k => 1' ELSE '''hostile''' END, argument, text)), ' ') AS outcomes
FROM unnest(ARRAY['namespace', 'profile', 'fusion', 'text_config', 'bm25_stats', 'as_of']) argument, attempt GROUP BY argument ORDER BY argument;
SELECT string_agg(DISTINCT pg_temp.outcome(format('SELECT * FROM context_search(''hostile'', seeds => ARRAY[pg_temp.id(1)], direction => %L)', text)), ' ') AS direction FROM attempt;
SELECT count(*) AS tables_left FROM pg_tables WHERE schemaname = 'hostile';

RESET vecext.tenant;
SET client_min_messages = warning;
DROP SCHEMA hostile CASCADE;
