-- context_search: lists, fusion, conditions, time
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
\set VERBOSITY terse
CREATE FUNCTION pg_temp.id(int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT lpad($1::text, 32, '0')::uuid $$;
CREATE FUNCTION pg_temp.number(uuid) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT right($1::text, 6)::int $$;
CREATE FUNCTION pg_temp.outcome(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	value text;
BEGIN
	EXECUTE query INTO value;
	RETURN value;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;

-- ---- Three documents: words and vectors disagree ----

SELECT graph_create('search_fruit', 2);
SELECT context_add_text('search_fruit', 'simple');
SELECT node_put('search_fruit', pg_temp.id(i), properties => jsonb_build_object('text', t), embedding => e::vector)
FROM (VALUES (1, 'apple fruit', '[0.1,0.1]'), (2, 'banana fruit', '[10,10]'), (3, 'apple pie', '[10,10.1]')) v(i, t, e);
SELECT pg_temp.number(id), vector_rank IS NOT NULL AS by_vector, text_rank, round(relevance::numeric, 6) > 0.98 AS in_both
FROM context_search('search_fruit', ARRAY['[0,0]']::vector[], 'banana') LIMIT 1;
-- Vectors that differ in direction, since similarity is by cosine
SELECT node_put('search_fruit', pg_temp.id(i), properties => jsonb_build_object('text', t), embedding => e::vector)
FROM (VALUES (1, 'apple fruit', '[1,0]'), (2, 'banana fruit', '[0.8,0.6]'), (3, 'apple pie', '[0,1]')) v(i, t, e);
SELECT pg_temp.number(id), version, properties ->> 'text' AS text, round(similarity::numeric, 4) AS similarity, vector_rank, text_rank, graph_rank,
	round(relevance::numeric, 6) AS relevance
FROM context_search('search_fruit', ARRAY['[0.9,0.1]']::vector[], 'apple', profile => NULL);
-- Lists alone, lists of words by both functions, two vectors of which the nearer counts
SELECT pg_temp.number(id), text_rank, vector_rank, round(score::numeric, 6) AS score FROM context_search('search_fruit', query => 'apple or pie', profile => NULL);
CREATE MATERIALIZED VIEW search_fruit_stats AS SELECT * FROM bm25_stats('search_fruit.node', 'words');
SELECT pg_temp.number(id), text_rank, round((score / (1 - score))::numeric, 6) AS bm25
FROM context_search('search_fruit', query => 'apple or pie', bm25_stats => 'search_fruit_stats', fusion => 'score', profile => NULL);
SELECT pg_temp.number(id), vector_rank, round(similarity::numeric, 4) AS similarity
FROM context_search('search_fruit', ARRAY['[-1,-1]', NULL, '[0.1,1]']::vector[]);
-- Weights of lists
SELECT pg_temp.number(id), round(score::numeric, 6) AS score
FROM context_search('search_fruit', ARRAY['[0.1,1]']::vector[], 'banana', profile => NULL, vector_weight => 3, text_weight => 1);
SELECT pg_temp.number(id), round(score::numeric, 6) AS score
FROM context_search('search_fruit', ARRAY['[0.1,1]']::vector[], 'banana', profile => NULL, vector_weight => 0, text_weight => 1);
SELECT pg_temp.number(id), round(score::numeric, 6) AS score
FROM context_search('search_fruit', ARRAY['[0.1,1]']::vector[], 'banana', profile => NULL, fusion => 'score', vector_weight => 3, text_weight => 0);
-- Without the column of words, all texts are read: the same answers
CREATE TEMP TABLE answers AS SELECT id, version, score, relevance, text_rank FROM context_search('search_fruit', query => 'apple or pie', profile => NULL);
ALTER TABLE search_fruit.node DROP COLUMN words;
SELECT count(*), count(*) FILTER (WHERE s.score = a.score AND s.text_rank = a.text_rank) AS same
FROM context_search('search_fruit', query => 'apple or pie', profile => NULL, text_config => 'simple') s JOIN answers a USING (id, version);

-- ---- A walk, and all three lists ----

SELECT count(edge_put('search_fruit', pg_temp.id(a), pg_temp.id(b), t, w)) FROM (VALUES (1, 2, 'grows', 0.5), (2, 3, 'becomes', 1)) e(a, b, t, w);
SELECT pg_temp.number(id), graph_rank FROM context_search('search_fruit', seeds => ARRAY[pg_temp.id(1)]);
SELECT pg_temp.number(id), graph_rank FROM context_search('search_fruit', seeds => ARRAY[pg_temp.id(1)], max_depth => 1);
SELECT pg_temp.number(id), graph_rank FROM context_search('search_fruit', seeds => ARRAY[pg_temp.id(2)], edge_types => '{becomes}');
SELECT pg_temp.number(id), graph_rank FROM context_search('search_fruit', seeds => ARRAY[pg_temp.id(2)], direction => 'in');
SELECT pg_temp.number(id), vector_rank, text_rank, graph_rank, round(relevance::numeric, 6) AS relevance
FROM context_search('search_fruit', ARRAY['[0.1,1]']::vector[], 'apple', ARRAY[pg_temp.id(3)], text_config => 'simple');

-- ---- Conditions hold in every list ----

SELECT graph_create('search_many', 3);
SELECT context_add_text('search_many', 'simple');
SELECT count(node_put('search_many', pg_temp.id(i), ARRAY['thing', CASE i % 2 WHEN 0 THEN 'even' ELSE 'odd' END],
	jsonb_build_object('text', 'thing ' || i, 'price', i, 'utility', 0.5),
	ARRAY[sin(i), cos(i), sin(i * 1.7)]::vector, tstzrange('2020-01-01', NULL), 0.5,
	source => (ARRAY['A', 'B', NULL])[1 + i % 3]))
FROM generate_series(1, 600) i;
SELECT count(edge_put('search_many', pg_temp.id(1), pg_temp.id(i), 'next', 1, '{}', tstzrange('2020-01-01', NULL))) FROM generate_series(2, 600) i;
CREATE TEMP VIEW all_lists AS SELECT ARRAY['[1,0,0]', '[0,1,0]']::vector[] AS vectors, 'thing'::text AS query, ARRAY[pg_temp.id(1)] AS seeds;
SELECT count(*), bool_or(vector_rank IS NOT NULL) AS by_vector, bool_or(text_rank IS NOT NULL) AS by_words, bool_or(graph_rank IS NOT NULL) AS by_walk
FROM all_lists, context_search('search_many', vectors, query, seeds, k => 100);
SELECT count(*), count(*) FILTER (WHERE pg_temp.number(id) % 2 = 0) AS even
FROM all_lists, context_search('search_many', vectors, query, seeds, k => 20, labels => '{thing,even}');
SELECT count(*), count(*) FILTER (WHERE pg_temp.number(id) > 590) AS dear
FROM all_lists, context_search('search_many', vectors, query, seeds, k => 20, filter => '{"must":{"key":"price","range":{"gt":590}}}');
SELECT count(*), count(*) FILTER (WHERE pg_temp.number(id) % 3 <> 0) AS from_others
FROM all_lists, context_search('search_many', vectors, query, seeds, k => 20, exclude_sources => '{A,nobody}');
SELECT string_agg(pg_temp.number(id)::text, ' ') FROM all_lists, context_search('search_many', vectors, query, seeds, k => 20, exclude_sources => '{A,B}',
	labels => '{odd}', filter => '{"must":{"key":"price","range":{"lte":12}}}');
-- Each list alone has as many rows as there are, up to k
SELECT k, (SELECT count(*) FROM context_search('search_many', vectors, k => k, labels => '{even}')) AS by_vector,
	(SELECT count(*) FROM context_search('search_many', query => query, k => k, labels => '{even}')) AS by_words,
	(SELECT count(*) FROM context_search('search_many', seeds => seeds, k => k, labels => '{even}')) AS by_walk,
	(SELECT count(DISTINCT id) FROM context_search('search_many', vectors, query, seeds, k => k, lambda => 0.5, labels => '{even}')) AS diverse
FROM all_lists, unnest(ARRAY[0, 1, 7, 100, 299, 300, 1000]) k;
-- A condition in SQL, too: on any column, by an index or not, whatever its value where it is unknown
SELECT count(*), count(*) FILTER (WHERE pg_temp.number(id) BETWEEN 101 AND 130) AS between
FROM all_lists, context_search('search_many', vectors, query, seeds, k => 100, condition => $$(properties ->> 'price')::int BETWEEN 101 AND 130$$);
SELECT count(*), count(*) FILTER (WHERE pg_temp.number(id) % 6 = 3) AS odd_of_b
FROM all_lists, context_search('search_many', vectors, query, seeds, k => 200, condition => $$'even' <> ALL (labels)
		AND source_id IN (SELECT s.id FROM search_many.source s WHERE s.external_id = 'A') -- a comment$$);
SELECT k, (SELECT count(*) FROM context_search('search_many', vectors, k => k, condition => $$properties @> '{"price":7}' OR n.version > 1$$)) AS by_vector,
	(SELECT count(*) FROM context_search('search_many', query => query, k => k, condition => 'labels @> ''{odd}''')) AS by_words,
	(SELECT count(*) FROM context_search('search_many', seeds => seeds, k => k, condition => 'confidence < 0.6', labels => '{even}')) AS by_walk,
	(SELECT count(*) FROM context_search('search_many', vectors, query, seeds, k => k, condition => 'NULL')) AS unknown
FROM all_lists, unnest(ARRAY[1, 100, 300, 1000]) k;
-- What stands in it is not read as a place in the statement
SELECT count(*) FROM all_lists, context_search('search_many', vectors, condition => $$'{ns}{live}{ours}{condition}{tenant n}' LIKE '{ns}{live}%'$$);
-- It is one expression, or an error
SELECT condition, pg_temp.outcome(format('SELECT count(*) FROM context_search(%L, query => %L, condition => %L)', 'search_many', 'thing', condition))
FROM unnest(ARRAY['', 'true) OR (true', 'true OR (true', 'true; DROP TABLE search_many.node', 'true UNION SELECT 1', 'true AS a', 'true, true', 'true FROM search_many.edge',
	'true WHERE true', 'true ORDER BY 1', 'true LIMIT 1', 'true FOR UPDATE', 'DISTINCT true', '*', 'true /*', 'true ''', '$5 IS NOT NULL', '(SELECT $1) IS NULL',
	'1', 'nobody > 1', 'count(*) > 1', 'embedding <-> ''[1,1,1]'' < 1', 'pg_catalog.set_config(''a.b'', ''c'', false) = ''c''']) condition;

-- The vector list is exact here
SELECT count(*) FILTER (WHERE s.vector_rank = e.rank) AS exact
FROM context_search('search_many', ARRAY['[1,2,3]']::vector[], k => 25) s
	JOIN (SELECT id, row_number() OVER (ORDER BY embedding <=> '[1,2,3]') AS rank FROM search_many.node) e USING (id);

-- A node without an embedding is near to nothing: vectors do not find it, words and walks do
SELECT graph_create('search_bare', 2);
SELECT count(node_put('search_bare', pg_temp.id(i), '{}', '{"text":"word"}', CASE WHEN i <= 15 THEN ARRAY[cos(i), sin(i)]::vector END)) FROM generate_series(1, 20) i;
SELECT count(edge_put('search_bare', pg_temp.id(i), pg_temp.id(i + 1), 'next')) FROM generate_series(1, 19) i;
SELECT (SELECT count(*) FROM context_search('search_bare', ARRAY['[1,0]']::vector[], k => 20)) AS by_vector,
	(SELECT count(*) FROM context_search('search_bare', query => 'word', k => 20)) AS by_words,
	(SELECT count(*) FROM context_search('search_bare', seeds => ARRAY[pg_temp.id(1)], max_depth => 19, k => 20)) AS by_walk,
	(SELECT format('%s, %s of them near', count(*), count(vector_rank)) FROM context_search('search_bare', ARRAY['[1,0]']::vector[], 'word', k => 20)) AS by_both;

-- The index on embeddings finds the rows, as many as MMR or another list may need
VACUUM ANALYZE search_many.node;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_sort = off;
SELECT count(*) FROM context_search('search_many', ARRAY['[1,2,3]']::vector[], k => 5, labels => '{even}');
SELECT index, rows >= 40 AS enough FROM vecext_last_scan;
RESET enable_seqscan;
RESET enable_bitmapscan;
RESET enable_sort;

-- ---- Scores ----

-- Weighted scores of a search are context_score of similarity, confidence, age and utility
SELECT p.profile, count(*), count(*) FILTER (WHERE abs(s.score
	- context_score(greatest(s.similarity, 0), 0.5, extract(epoch FROM '2025-01-02'::timestamptz - '2020-01-01')::float8 / 3600, 0.5, p.profile)) < 1e-9) AS same
FROM context_profiles() p, context_search('search_many', ARRAY['[1,2,3]']::vector[], k => 50, fusion => 'score', profile => p.profile,
	as_of => '2025-01-02', known_at => now()) s
GROUP BY p.profile ORDER BY p.profile;
SELECT count(*), count(*) FILTER (WHERE abs(score - (2 * relevance + 0.5) / 3) < 1e-9) AS same
FROM context_search('search_many', ARRAY['[1,2,3]']::vector[], weights => ARRAY[2, 1, 0, 0]);
-- MMR of the pool's scores
CREATE TEMP TABLE plain AS SELECT * FROM context_search('search_many', ARRAY['[1,2,3]']::vector[], k => 40, fusion => 'score');
SELECT ARRAY(SELECT pg_temp.number(id) FROM context_search('search_many', ARRAY['[1,2,3]']::vector[], k => 10, fusion => 'score', lambda => 0.3)) =
	(SELECT mmr(array_agg(pg_temp.number(id) ORDER BY score DESC), array_agg(score ORDER BY score DESC), array_agg(embedding ORDER BY score DESC), 0.3, 10)
		FROM plain JOIN search_many.node n USING (id, version)) AS as_mmr,
	(SELECT array_agg(id) FROM context_search('search_many', ARRAY['[1,2,3]']::vector[], k => 10, fusion => 'score', lambda => 1)) =
	(SELECT array_agg(id) FROM context_search('search_many', ARRAY['[1,2,3]']::vector[], k => 10, fusion => 'score')) AS lambda_1_is_by_score;

-- ---- Time ----

SELECT graph_create('search_time', 1);
SELECT node_put('search_time', pg_temp.id(1), '{}', '{"text":"first"}', '[1]', '[2020-01-01,)');
SELECT pg_sleep(0.01);
CREATE TEMP TABLE moment AS SELECT clock_timestamp() AS before;
SELECT pg_sleep(0.01);
SELECT node_put('search_time', pg_temp.id(1), '{}', '{"text":"second"}', '[1]', '[2022-01-01,)');
SELECT node_put('search_time', pg_temp.id(2), '{}', '{"text":"gone"}', '[1]', '[2020-01-01,)');
SELECT node_retract('search_time', pg_temp.id(2), 'wrong', '2023-01-01');
SELECT node_put('search_time', pg_temp.id(3), '{}', '{"text":"to come"}', '[1]', '[2999-01-01,)');
SELECT node_put('search_time', pg_temp.id(4), '{}', '{"text":"short"}', '[1]', tstzrange('2020-01-01', now() + '1 hour'));
SELECT t.label, string_agg(format('%s: %s', pg_temp.number(s.id), s.properties ->> 'text'), ', ' ORDER BY s.id) AS found
FROM moment, LATERAL (VALUES (1, 'now', NULL, NULL), (2, '2019', '2019-06-01'::timestamptz, now()), (3, '2021', '2021-06-01', now()), (4, '2022', '2022-06-01', now()), (5, '2024', '2024-06-01', now()),
		(6, 'as known before', '2024-06-01', before), (7, 'as known then', '2024-06-01', '2024-06-01'), (8, '3000', '3000-01-01', '3000-01-01')) t(n, label, as_of, known_at)
	LEFT JOIN LATERAL context_search('search_time', ARRAY['[1]']::vector[], as_of => t.as_of, known_at => t.known_at) s ON true
GROUP BY t.n, t.label ORDER BY t.n;
-- The same as node_as_of says
SELECT count(*) AS wrong FROM unnest(ARRAY['2019-06-01', '2021-06-01', '2022-06-01', '2024-06-01', '2999-06-01']::timestamptz[]) t,
	LATERAL (SELECT s.id, s.version FROM context_search('search_time', ARRAY['[1]']::vector[], as_of => t, known_at => now()) s) s
	FULL JOIN LATERAL (SELECT n.id, n.version FROM generate_series(1, 4) i, node_as_of('search_time', pg_temp.id(i), t, now()) n) n USING (id, version)
WHERE s.id IS NULL OR n.id IS NULL;
-- By words and by a walk, too; a walk does not pass through what is not valid then, as known then
SELECT count(edge_put('search_time', pg_temp.id(a), pg_temp.id(b), 'to', 1, '{}', '[2000-01-01,)'))
FROM (VALUES (1, 2), (2, 3), (2, 4), (3, 4)) e(a, b);
SELECT t.label, w.found AS by_words, g.found AS from_1, h.found AS from_4
FROM moment, LATERAL (VALUES (1, 'now', NULL, NULL), (2, '2019', '2019-06-01'::timestamptz, now()), (3, '2021', '2021-06-01', now()), (4, '2022', '2022-06-01', now()), (5, '2024', '2024-06-01', now()),
		(6, 'as known before', '2024-06-01', before), (7, 'as known then', '2024-06-01', '2024-06-01'), (8, '3000', '3000-01-01', '3000-01-01')) t(n, label, as_of, known_at),
	LATERAL (SELECT string_agg(format('%s: %s', pg_temp.number(s.id), s.properties ->> 'text'), ', ' ORDER BY s.id) AS found
		FROM context_search('search_time', query => 'first or second or gone or short or "to come"', text_config => 'simple', as_of => t.as_of, known_at => t.known_at) s) w,
	LATERAL (SELECT string_agg(format('%s: %s', pg_temp.number(s.id), s.properties ->> 'text'), ', ' ORDER BY s.id) AS found
		FROM context_search('search_time', seeds => ARRAY[pg_temp.id(1)], direction => 'out', as_of => t.as_of, known_at => t.known_at) s) g,
	LATERAL (SELECT string_agg(format('%s: %s', pg_temp.number(s.id), s.properties ->> 'text'), ', ' ORDER BY s.id) AS found
		FROM context_search('search_time', seeds => ARRAY[pg_temp.id(4)], direction => 'in', as_of => t.as_of, known_at => t.known_at) s) h
ORDER BY t.n;
-- What was not yet known to be retracted is passed through
SELECT node_put('search_time', pg_temp.id(i), '{}', '{"text":"known"}', '[1]', '[2020-01-01,)') FROM generate_series(5, 6) i;
SELECT count(edge_put('search_time', pg_temp.id(5), pg_temp.id(6), 'to', 1, '{}', '[2000-01-01,)')) AS one, count(edge_put('search_time', pg_temp.id(6), pg_temp.id(7), 'to', 1, '{}', '[2000-01-01,)')) AS more;
SELECT node_put('search_time', pg_temp.id(7), '{}', '{"text":"far"}', '[1]', '[2020-01-01,)');
SELECT pg_sleep(0.01);
CREATE TEMP TABLE later AS SELECT clock_timestamp() AS then;
SELECT pg_sleep(0.01);
SELECT node_retract('search_time', pg_temp.id(6), 'wrong', '2021-01-01');
SELECT k.label, string_agg(pg_temp.number(s.id)::text, ' ' ORDER BY s.id) AS from_5
FROM later, LATERAL (VALUES ('then', later.then), ('now', clock_timestamp())) k(label, known_at),
	context_search('search_time', seeds => ARRAY[pg_temp.id(5)], as_of => '2022-01-01', known_at => k.known_at) s
GROUP BY k.label ORDER BY k.label;
SELECT k.label, array_agg(w.node = pg_temp.id(7)) AS from_5, (SELECT depth FROM graph_shortest_path('search_time.edge', pg_temp.id(5), pg_temp.id(7),
		as_of => '2022-01-01', nodes => 'search_time.node', known_at => k.known_at)) AS way
FROM later, LATERAL (VALUES ('then', later.then), ('now', clock_timestamp())) k(label, known_at),
	graph_walk('search_time.edge', ARRAY[pg_temp.id(5)], as_of => '2022-01-01', nodes => 'search_time.node', known_at => k.known_at) w
GROUP BY k.label, k.known_at ORDER BY k.label;
SELECT node FROM graph_walk('search_time.edge', ARRAY[pg_temp.id(5)], nodes => 'search_time.node', known_at => now());
-- The same as node_as_of says, by words
SELECT count(*) AS wrong FROM unnest(ARRAY['2019-06-01', '2021-06-01', '2022-06-01', '2024-06-01', '2999-06-01']::timestamptz[]) t,
	LATERAL (SELECT s.id, s.version FROM context_search('search_time', query => 'first or second or gone or short or "to come" or known or far', text_config => 'simple', as_of => t, known_at => now()) s) s
	FULL JOIN LATERAL (SELECT n.id, n.version FROM generate_series(1, 7) i, node_as_of('search_time', pg_temp.id(i), t, now()) n) n USING (id, version)
WHERE s.id IS NULL OR n.id IS NULL;
-- What ends soon is believed less
SELECT pg_temp.number(id), round(score::numeric, 2) AS score FROM context_search('search_time', ARRAY['[1]']::vector[], weights => ARRAY[0, 1, 0, 0]) ORDER BY id;

-- ---- Tenants ----

SELECT graph_create('search_tenant', 1, tenant_column => true);
SELECT context_add_text('search_tenant', 'simple');
SET vecext.tenant = 'one';
SELECT node_put('search_tenant', pg_temp.id(1), '{}', '{"text":"one word"}', '[1]', source => 'A');
SELECT node_put('search_tenant', pg_temp.id(2), '{}', '{"text":"another word"}', '[2]', source => 'B');
SET vecext.tenant = 'two';
SELECT node_put('search_tenant', pg_temp.id(1), '{}', '{"text":"word of another"}', '[3]', source => 'B');
SELECT properties ->> 'text' AS text FROM context_search('search_tenant', ARRAY['[1]']::vector[], 'word', ARRAY[pg_temp.id(1)]);
SET vecext.tenant = 'one';
SELECT properties ->> 'text' AS text FROM context_search('search_tenant', ARRAY['[1]']::vector[], 'word', ARRAY[pg_temp.id(1)], exclude_sources => '{B}');
SELECT properties ->> 'text' AS text FROM context_search('search_tenant', ARRAY['[1]']::vector[], as_of => now() + interval '1 hour') ORDER BY 1;
-- Ids of one tenant may be those of another: neither edges nor nodes are taken for the other's, whether policies bind the caller or not
SELECT node_put('search_tenant', pg_temp.id(3), '{}', '{"text":"third"}', '[3]', '[2020-01-01,)');
SELECT node_put('search_tenant', pg_temp.id(4), '{}', '{"text":"fourth"}', '[4]', '[2020-01-01,)');
SELECT node_put('search_tenant', pg_temp.id(1), '{}', '{"text":"one word"}', '[1]', '[2020-01-01,)');
SELECT node_put('search_tenant', pg_temp.id(2), '{}', '{"text":"another word"}', '[2]', '[2020-01-01,)');
SELECT edge_put('search_tenant', pg_temp.id(1), pg_temp.id(2), 'to', 0.25, '{}', '[2020-01-01,)') IS NOT NULL AS put;
SELECT edge_put('search_tenant', pg_temp.id(3), pg_temp.id(4), 'to', 0.5, '{}', '[2020-01-01,)') IS NOT NULL AS put;
SET vecext.tenant = 'two';
SELECT node_put('search_tenant', pg_temp.id(i), '{}', '{"text":"of two"}', '[1]', '[2020-01-01,)') FROM generate_series(1, 4) i;
SELECT node_retract('search_tenant', pg_temp.id(3), 'wrong', '2021-01-01');
SELECT count(edge_put('search_tenant', pg_temp.id(a), pg_temp.id(b), 'to', 1, '{}', '[2020-01-01,)')) FROM (VALUES (1, 4), (2, 3), (1, 2), (3, 4)) e(a, b);
CREATE ROLE search_bound;
CREATE ROLE search_bypass BYPASSRLS;
GRANT USAGE ON SCHEMA search_tenant TO search_bound, search_bypass;
GRANT SELECT ON ALL TABLES IN SCHEMA search_tenant TO search_bound, search_bypass;
CREATE FUNCTION pg_temp.walk(tenant text, seed int, hops int, condition text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
	SELECT set_config('vecext.tenant', tenant, false);
	SELECT string_agg(format('%s %s', s.properties ->> 'text', s.relevance), ', ' ORDER BY s.id)
	FROM context_search('search_tenant', seeds => ARRAY[pg_temp.id(seed)], max_depth => hops, direction => 'out', fusion => 'score', profile => NULL, condition => condition) s
$$;
CREATE TEMP VIEW walks AS SELECT t.tenant, t.seed, t.hops, pg_temp.walk(t.tenant, t.seed, t.hops) AS found
	FROM (VALUES ('one', 1, 3), ('one', 2, 3), ('one', 3, 3), ('two', 1, 1), ('two', 2, 3), ('two', 3, 3), ('three', 1, 3)) t(tenant, seed, hops);
GRANT SELECT ON walks TO search_bound, search_bypass;
SELECT * FROM walks;
CREATE TEMP TABLE superuser_walks AS SELECT * FROM walks;
GRANT SELECT ON superuser_walks TO search_bound, search_bypass;
SET ROLE search_bypass;
SELECT count(*) AS others FROM walks w FULL JOIN superuser_walks s ON format('%s', w) = format('%s', s) WHERE w IS NULL OR s IS NULL;
SET ROLE search_bound;
SELECT count(*) AS others FROM walks w FULL JOIN superuser_walks s ON format('%s', w) = format('%s', s) WHERE w IS NULL OR s IS NULL;
RESET ROLE;
-- A condition of the caller's does not lead to other tenants
SELECT pg_temp.walk('one', 1, 3, 'true OR tenant = ''two''');
SELECT pg_temp.outcome($$SELECT pg_temp.walk('one', 1, 3, 'true) OR (true')$$);
RESET vecext.tenant;
SELECT * FROM context_search('search_tenant', query => 'word');

-- ---- Rights are the caller's; names need quotes; any schema, any path ----

SELECT graph_create('search "Odd" {ours}', 1);
CREATE TEXT SEARCH CONFIGURATION "search's" (COPY = english);
SELECT context_add_text('search "Odd" {ours}', '"search''s"');
SELECT node_put('search "Odd" {ours}', pg_temp.id(1), '{}', '{"text":"words"}', '[1]');
SET default_text_search_config = 'simple';
SELECT pg_temp.number(id) FROM context_search('search "Odd" {ours}', ARRAY['[1]']::vector[], 'word', ARRAY[pg_temp.id(1)]);
RESET default_text_search_config;
CREATE SCHEMA search_elsewhere;
ALTER EXTENSION vecext SET SCHEMA search_elsewhere;
SELECT pg_temp.number(id) FROM search_elsewhere.context_search('search_fruit', ARRAY['[0.1,1]']::search_elsewhere.vector[], 'pie', ARRAY[pg_temp.id(1)],
	k => 2, lambda => 0.5, filter => '{}', exclude_sources => '{A}', fusion => 'score', text_config => 'simple');
ALTER EXTENSION vecext SET SCHEMA public;
DROP SCHEMA search_elsewhere;
CREATE ROLE search_reader;
SET ROLE search_reader;
SELECT * FROM context_search('search_fruit', query => 'pie');
RESET ROLE;
GRANT USAGE ON SCHEMA search_fruit TO search_reader;
SET ROLE search_reader;
SELECT * FROM context_search('search_fruit', query => 'pie');
RESET ROLE;
GRANT SELECT ON search_fruit.node TO search_reader;
SET ROLE search_reader;
SELECT pg_temp.number(id) FROM context_search('search_fruit', query => 'pie', text_config => 'simple');
RESET ROLE;

-- ---- What makes no sense ----

SELECT call, pg_temp.outcome('SELECT count(*) FROM context_search(' || call || ')') FROM (VALUES
	($$'search_fruit'$$), ($$'search_fruit', '{}', NULL, '{}'$$), ($$'search_nowhere', query => 'pie'$$), ($$NULL, query => 'pie'$$), ($$'public', query => 'pie'$$),
	($$'search_fruit', query => 'pie', k => -1$$), ($$'search_fruit', query => 'pie', k => NULL$$), ($$'search_fruit', query => 'pie', k => 100001$$),
	($$'search_fruit', query => 'pie', fusion => 'sum'$$), ($$'search_fruit', query => 'pie', fusion => NULL$$),
	($$'search_fruit', query => 'pie', lambda => 1.5$$), ($$'search_fruit', query => 'pie', lambda => NULL$$),
	($$'search_fruit', query => 'pie', profile => 'x'$$), ($$'search_fruit', query => 'pie', weights => '{1}'$$),
	($$'search_fruit', query => 'pie', known_at => now()$$),
	($$'search_fruit', query => 'pie', text_weight => 0$$), ($$'search_fruit', query => 'pie', text_weight => -1$$), ($$'search_fruit', query => 'pie', text_weight => 'NaN'$$),
	($$'search_fruit', query => 'pie', text_weight => 'Infinity'$$), ($$'search_fruit', query => 'pie', vector_weight => NULL$$),
	($$'search_fruit', ARRAY['[1,2,3]']::vector[]$$), ($$'search_fruit', seeds => '{00000000-0000-0000-0000-000000000001}', direction => 'up'$$),
	($$'search_fruit', query => 'pie', bm25_stats => 'search_fruit.node'$$)
) t(call);
SELECT context_add_text('search_many');
SELECT context_add_text('search_nowhere');
-- Nothing found is no error: only stop words, zero vectors, unknown seeds
SET client_min_messages = warning;
SELECT count(*) FROM context_search('search_fruit', query => 'the', text_config => 'english');
RESET client_min_messages;
SELECT pg_temp.number(id), round(similarity::numeric, 4) AS similarity, vector_rank FROM context_search('search_fruit', ARRAY['[0,0]', '[1,0]']::vector[], k => 1);
SELECT count(*) FROM context_search('search_fruit', seeds => ARRAY[pg_temp.id(77)]);
-- A number that no float8 can hold is no error, either
BEGIN;
SELECT node_put('search_fruit', pg_temp.id(80 + n::int), properties => jsonb_build_object('text', 'quince', 'utility', utility))
	FROM unnest('{1e400, 1, 1e-400, 0, -1e400}'::numeric[]) WITH ORDINALITY u(utility, n);
SELECT pg_temp.number(id), round(score::numeric, 2) AS score FROM context_search('search_fruit', query => 'quince', weights => '{0,0,0,1}') ORDER BY id;
ROLLBACK;

SET client_min_messages = warning;
DROP MATERIALIZED VIEW search_fruit_stats;
SELECT graph_drop(name) FROM unnest(ARRAY['search_fruit', 'search_many', 'search_bare', 'search_time', 'search "Odd" {ours}']) name;
DROP SCHEMA search_tenant CASCADE;
DROP TEXT SEARCH CONFIGURATION "search's";
DROP VIEW walks;
DROP OWNED BY search_reader, search_bound, search_bypass;
DROP ROLE search_reader, search_bound, search_bypass;
