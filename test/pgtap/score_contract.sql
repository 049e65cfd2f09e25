-- The SQL contract of scores, rank fusion, BM25 and context_search, read from the catalogs.
BEGIN;
SELECT plan(14);

CREATE TEMP VIEW member AS
	SELECT classid, objid FROM pg_depend
	WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
		AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vecext');

CREATE TEMP TABLE expected_function (name text, arguments text, result text, strict bool, volatility "char", parallel "char", cost real);
INSERT INTO expected_function VALUES
	('context_score', 'similarity double precision, confidence double precision, age_hours double precision, utility double precision, profile text DEFAULT ''general''::text, hours_left double precision DEFAULT NULL::double precision, provenance_depth integer DEFAULT 0, valid boolean DEFAULT true, provenance_decay double precision DEFAULT 0.9',
		'double precision', false, 'i', 's', 1),
	('context_score', 'similarity double precision, confidence double precision, age_hours double precision, utility double precision, weights double precision[], hours_left double precision DEFAULT NULL::double precision, provenance_depth integer DEFAULT 0, valid boolean DEFAULT true, provenance_decay double precision DEFAULT 0.9, alpha double precision DEFAULT 0.05',
		'double precision', false, 'i', 's', 1),
	('context_score_breakdown', 'similarity double precision, confidence double precision, age_hours double precision, utility double precision, profile text DEFAULT ''general''::text, hours_left double precision DEFAULT NULL::double precision, provenance_depth integer DEFAULT 0, valid boolean DEFAULT true, provenance_decay double precision DEFAULT 0.9, OUT similarity_part double precision, OUT confidence_part double precision, OUT recency_part double precision, OUT utility_part double precision, OUT score double precision',
		'record', false, 'i', 's', 1),
	('context_score_breakdown', 'similarity double precision, confidence double precision, age_hours double precision, utility double precision, weights double precision[], hours_left double precision DEFAULT NULL::double precision, provenance_depth integer DEFAULT 0, valid boolean DEFAULT true, provenance_decay double precision DEFAULT 0.9, alpha double precision DEFAULT 0.05, OUT similarity_part double precision, OUT confidence_part double precision, OUT recency_part double precision, OUT utility_part double precision, OUT score double precision',
		'record', false, 'i', 's', 1),
	('context_profiles', 'OUT profile text, OUT similarity double precision, OUT confidence double precision, OUT recency double precision, OUT utility double precision, OUT alpha double precision',
		'SETOF record', false, 'i', 's', 1),
	('rrf', 'rank bigint, k integer DEFAULT 60', 'double precision', false, 'i', 's', 1),
	('mmr', 'ids anyarray, scores double precision[], vectors vector[], lambda double precision DEFAULT 0.7, max_rows integer DEFAULT NULL::integer, pool integer DEFAULT NULL::integer',
		'anyarray', false, 'i', 's', 1000),
	('bm25', 'document tsvector, query tsquery, documents bigint, average_length double precision, frequencies bigint[], k1 double precision DEFAULT 1.2, b double precision DEFAULT 0.75',
		'double precision', true, 'i', 's', 20),
	('bm25_terms', 'query tsquery, OUT lexeme text, OUT prefix boolean', 'SETOF record', true, 'i', 's', 1),
	('bm25_stats', 'relation regclass, column_name name, OUT lexeme text, OUT documents bigint, OUT occurrences bigint', 'SETOF record', true, 's', 'r', 100000),
	('bm25_corpus', 'stats regclass, query tsquery, OUT documents bigint, OUT average_length double precision, OUT frequencies bigint[]', 'record', true, 's', 'r', 1000),
	('context_add_text', 'namespace text, config regconfig DEFAULT NULL::regconfig', 'void', false, 'v', 'u', 100000),
	('context_search', 'namespace text, vectors vector[] DEFAULT NULL::vector[], query text DEFAULT NULL::text, seeds uuid[] DEFAULT NULL::uuid[], k integer DEFAULT 10, labels text[] DEFAULT NULL::text[], filter payload_filter DEFAULT NULL::payload_filter, exclude_sources text[] DEFAULT NULL::text[], as_of timestamp with time zone DEFAULT NULL::timestamp with time zone, known_at timestamp with time zone DEFAULT NULL::timestamp with time zone, profile text DEFAULT ''general''::text, weights double precision[] DEFAULT NULL::double precision[], fusion text DEFAULT ''rrf''::text, lambda double precision DEFAULT 0, pool integer DEFAULT NULL::integer, vector_weight double precision DEFAULT 1, text_weight double precision DEFAULT 1, graph_weight double precision DEFAULT 1, max_depth integer DEFAULT 2, edge_types text[] DEFAULT NULL::text[], direction text DEFAULT ''both''::text, text_config regconfig DEFAULT NULL::regconfig, bm25_stats regclass DEFAULT NULL::regclass, condition text DEFAULT NULL::text, OUT id uuid, OUT version bigint, OUT score double precision, OUT relevance double precision, OUT similarity double precision, OUT vector_rank bigint, OUT text_rank bigint, OUT graph_rank bigint, OUT properties jsonb',
		'SETOF record', false, 's', 'r', 100000),
	('context_condition', 'condition text', 'text', true, 's', 's', 100);

CREATE TEMP VIEW score_function AS
	SELECT p.* FROM pg_proc p JOIN member ON classid = 'pg_proc'::regclass AND objid = p.oid
	WHERE proname ~ '^(context_|rrf|mmr|bm25)';

SELECT set_eq(
	$$SELECT proname::text, pg_get_function_arguments(oid), pg_get_function_result(oid), proisstrict, provolatile, proparallel, procost FROM score_function$$,
	$$SELECT * FROM expected_function$$,
	'functions have their arguments, results, volatility and costs');
SELECT is_empty(
	$$SELECT oid::regprocedure FROM score_function WHERE obj_description(oid, 'pg_proc') IS NULL$$,
	'functions have comments');
SELECT is_empty(
	$$SELECT oid::regprocedure FROM score_function
	WHERE prosecdef OR proleakproof OR (prolang = (SELECT oid FROM pg_language WHERE lanname = 'plpgsql')) <> (proconfig = ARRAY['search_path=pg_catalog, pg_temp']) IS TRUE$$,
	'no function has rights of its own, and those in PL/pgSQL pin the search path');

-- Calls as people write them
SELECT is(round(context_score(0.75, 0.8, 0, 0.5, ARRAY[4, 3, 2, 1])::numeric, 6), 0.79, 'weights as integers');
SELECT is(round(context_score(0.75, 0.8, 0, 0.5, weights => '{.4,.3,.2,.1}')::numeric, 6), 0.79, 'weights as a named literal');
SELECT is(round(context_score(0.5, 0.5, 0, 0)::numeric, 6), 0.55, 'no profile is the general one');
SELECT throws_ok($$SELECT context_score(1, 1, 0, 1, 'x')$$, '22023', 'unknown score profile "x"', 'unknown profile');
SELECT is(mmr(ARRAY['a', 'b'], '{1,2}', '{"[1]","[1]"}'), ARRAY['b', 'a'], 'ids of any type');
SELECT is(rrf(row_number), 1 / 61.0::float8, 'rrf takes what row_number() gives') FROM (SELECT row_number() OVER ()) r;
SELECT lives_ok($$SELECT rrf(rank) FROM (SELECT rank() OVER (ORDER BY 1)) r$$, 'rrf takes what rank() gives');

-- Stored functions find the extension wherever it is, whatever the caller's path.
CREATE TEMP TABLE words AS SELECT to_tsvector('simple', 'some words') AS w;
CREATE TEMP TABLE stats AS SELECT * FROM bm25_stats('words', 'w');
CREATE SCHEMA score_elsewhere;
ALTER EXTENSION vecext SET SCHEMA score_elsewhere;
SET LOCAL search_path = pg_catalog, pg_temp;
CREATE TEMP TABLE corpus AS SELECT * FROM score_elsewhere.bm25_corpus('stats', 'words & word:*');
RESET search_path;
SELECT is((SELECT frequencies FROM corpus), '{1,1}', 'bm25_corpus in another schema');
ALTER EXTENSION vecext SET SCHEMA public;

-- In a parallel query, statistics are read in the leader, since their table may be temporary.
CREATE TABLE score_many AS SELECT 'words'::tsquery AS query FROM generate_series(1, 1000);
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_leader_participation = off;
SELECT lives_ok($$SELECT count(*) FROM score_many, LATERAL bm25_corpus('stats', query)$$, 'statistics may be a temporary table');

-- Nobody but the caller reads.
CREATE ROLE score_reader;
SET LOCAL ROLE score_reader;
SELECT throws_ok($$SELECT * FROM bm25_stats('words', 'w')$$, '42501', NULL, 'bm25_stats reads with the rights of the caller');
SELECT throws_ok($$SELECT * FROM bm25_corpus('stats', 'w')$$, '42501', NULL, 'bm25_corpus reads with the rights of the caller');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
