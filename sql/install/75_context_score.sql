
-- ---- Scores: what a found thing is worth, and joining ranked lists ----

CREATE FUNCTION context_score(similarity float8, confidence float8, age_hours float8, utility float8,
	profile text DEFAULT 'general', hours_left float8 DEFAULT NULL, provenance_depth int DEFAULT 0,
	valid bool DEFAULT true, provenance_decay float8 DEFAULT 0.9) RETURNS float8
	AS 'MODULE_PATHNAME', 'vecext_context_score_profile'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION context_score(float8, float8, float8, float8, text, float8, int, bool, float8) IS
	'weighted sum of similarity, confidence, recency exp(-alpha * age_hours) and utility, each from 0 to 1, with the weights of a profile of context_profiles(); confidence falls by provenance_decay for each step from the source and as hours_left runs out; 0 if not valid; null counts as similarity 0, confidence 0.5, infinite age, utility 1, no end';

CREATE FUNCTION context_score(similarity float8, confidence float8, age_hours float8, utility float8,
	weights float8[], hours_left float8 DEFAULT NULL, provenance_depth int DEFAULT 0,
	valid bool DEFAULT true, provenance_decay float8 DEFAULT 0.9, alpha float8 DEFAULT 0.05) RETURNS float8
	AS 'MODULE_PATHNAME', 'vecext_context_score_weights'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION context_score(float8, float8, float8, float8, float8[], float8, int, bool, float8, float8) IS
	'the same with weights of similarity, confidence, recency and utility, which are divided by their sum ({0,0,0,0}: 0.4, 0.3, 0.2, 0.1), and alpha, the decay of recency an hour';

CREATE FUNCTION context_score_breakdown(similarity float8, confidence float8, age_hours float8, utility float8,
	profile text DEFAULT 'general', hours_left float8 DEFAULT NULL, provenance_depth int DEFAULT 0,
	valid bool DEFAULT true, provenance_decay float8 DEFAULT 0.9,
	OUT similarity_part float8, OUT confidence_part float8, OUT recency_part float8, OUT utility_part float8,
	OUT score float8) RETURNS record
	AS 'MODULE_PATHNAME', 'vecext_context_breakdown_profile'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION context_score_breakdown(float8, float8, float8, float8, text, float8, int, bool, float8) IS
	'the four contributions to context_score() with the same arguments, and their sum';

CREATE FUNCTION context_score_breakdown(similarity float8, confidence float8, age_hours float8, utility float8,
	weights float8[], hours_left float8 DEFAULT NULL, provenance_depth int DEFAULT 0,
	valid bool DEFAULT true, provenance_decay float8 DEFAULT 0.9, alpha float8 DEFAULT 0.05,
	OUT similarity_part float8, OUT confidence_part float8, OUT recency_part float8, OUT utility_part float8,
	OUT score float8) RETURNS record
	AS 'MODULE_PATHNAME', 'vecext_context_breakdown_weights'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION context_score_breakdown(float8, float8, float8, float8, float8[], float8, int, bool, float8, float8) IS
	'the four contributions to context_score() with the same arguments, and their sum';

CREATE FUNCTION context_profiles(OUT profile text, OUT similarity float8, OUT confidence float8,
	OUT recency float8, OUT utility float8, OUT alpha float8) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vecext_context_profiles'
	LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 4;
COMMENT ON FUNCTION context_profiles() IS
	'the profiles of context_score(): four weights, and the decay of recency an hour';

CREATE FUNCTION rrf(rank bigint, k int DEFAULT 60) RETURNS float8
	AS 'MODULE_PATHNAME', 'vecext_rrf'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rrf(bigint, int) IS
	'1 / (k + rank), to be summed over ranked lists (reciprocal rank fusion: Cormack, Clarke and Buettcher 2009); ranks count from 1; 0 for a null rank, of a row that a list does not have';

CREATE FUNCTION mmr(ids anyarray, scores float8[], vectors vector[], lambda float8 DEFAULT 0.7,
	max_rows int DEFAULT NULL, pool int DEFAULT NULL) RETURNS anyarray
	AS 'MODULE_PATHNAME', 'vecext_mmr'
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION mmr(anyarray, float8[], vector[], float8, int, int) IS
	'ids by maximal marginal relevance (Carbonell and Goldstein 1998): first the greatest score, then each time the greatest lambda * score - (1 - lambda) * cosine to the nearest one chosen; at most max_rows, reordered among the pool best; lambda 0 leaves ids as they are; a null vector is similar to nothing';

-- ---- BM25 ----

CREATE FUNCTION bm25(document tsvector, query tsquery, documents bigint, average_length float8,
	frequencies bigint[], k1 float8 DEFAULT 1.2, b float8 DEFAULT 0.75) RETURNS float8
	AS 'MODULE_PATHNAME', 'vecext_bm25'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION bm25(tsvector, tsquery, bigint, float8, bigint[], float8, float8) IS
	'BM25 of a document (Robertson and Zaragoza 2009): sum over the terms of bm25_terms(query) of ln(1 + (N - n + 0.5) / (n + 0.5)) * f * (k1 + 1) / (f + k1 * (1 - b + b * length / average_length)) for N documents of which n, one of frequencies, have the term; a matter of terms alone: whether the document matches the query is for @@ to say';

CREATE FUNCTION bm25_terms(query tsquery, OUT lexeme text, OUT prefix bool) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'vecext_bm25_terms'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 3;
COMMENT ON FUNCTION bm25_terms(tsquery) IS
	'the lexemes of a query that are not negated, each once, in the order in which bm25() takes their frequencies';

CREATE FUNCTION bm25_stats(relation regclass, column_name name,
	OUT lexeme text, OUT documents bigint, OUT occurrences bigint) RETURNS SETOF record
	LANGUAGE plpgsql STABLE STRICT PARALLEL RESTRICTED COST 100000 ROWS 10000
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY EXECUTE format(
		'WITH stat AS MATERIALIZED (SELECT word, ndoc::bigint, nentry::bigint FROM ts_stat(%L))
		SELECT word, ndoc, nentry FROM stat
		UNION ALL
		SELECT '''', (SELECT count(%I) FROM %s), coalesce(sum(nentry), 0)::bigint FROM stat',
		format('SELECT %I FROM %s', column_name, relation), column_name, relation);
END
$$;
COMMENT ON FUNCTION bm25_stats(regclass, name) IS
	'statistics of a tsvector column, for a table or materialized view that bm25_corpus() reads: for each lexeme in how many documents it is and how often, and for the empty lexeme how many documents and words there are; reads the whole table';

CREATE FUNCTION bm25_corpus(stats regclass, query tsquery,
	OUT documents bigint, OUT average_length float8, OUT frequencies bigint[]) RETURNS record
	LANGUAGE plpgsql STABLE STRICT PARALLEL RESTRICTED COST 1000
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	ours regnamespace := (SELECT extnamespace FROM pg_extension WHERE extname = 'vecext');
BEGIN
	EXECUTE format(
		'SELECT s.documents, coalesce(s.occurrences / nullif(s.documents, 0)::float8, 0) FROM %s s WHERE s.lexeme = ''''',
		stats)
		INTO documents, average_length;
	IF documents IS NULL THEN
		RAISE EXCEPTION 'relation "%" holds no statistics of documents', stats
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Fill it from bm25_stats().';
	END IF;

	-- Of a prefix no more is known than that its words are in at most so many.
	EXECUTE format(
		'SELECT array_agg(CASE
				WHEN t.prefix THEN
					(SELECT least(coalesce(sum(s.documents), 0)::bigint, $2) FROM %1$s s WHERE starts_with(s.lexeme, t.lexeme) AND s.lexeme <> '''')
				ELSE
					coalesce((SELECT s.documents FROM %1$s s WHERE s.lexeme = t.lexeme LIMIT 1), 0)
			END ORDER BY t.place)
		FROM %2$s.bm25_terms($1) WITH ORDINALITY t (lexeme, prefix, place)', stats, ours)
		INTO frequencies USING query, documents;
	frequencies := coalesce(frequencies, '{}');
END
$$;
COMMENT ON FUNCTION bm25_corpus(regclass, tsquery) IS
	'what bm25() needs to know of the documents for one query, from a relation that bm25_stats() has filled: their number, their average length, in how many of them each term is (for a prefix at most)';
