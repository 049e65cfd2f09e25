
-- ---- Searching a namespace by vectors, words and edges at once ----

CREATE FUNCTION context_add_text(namespace text, config regconfig DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE COST 100000
	SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format(
		'ALTER TABLE %1$I.node ADD COLUMN words tsvector
			GENERATED ALWAYS AS (to_tsvector(%2$L::regconfig, coalesce(properties ->> ''text'', ''''))) STORED',
		namespace, coalesce(config, get_current_ts_config()));
	EXECUTE format('CREATE INDEX node_words ON %1$I.node USING gin (words) WHERE is_current', namespace);
	EXECUTE format('COMMENT ON COLUMN %1$I.node.words IS ''words of the property "text", for context_search''', namespace);
END
$$;
COMMENT ON FUNCTION context_add_text(text, regconfig) IS
	'adds the column "words", a tsvector of the property "text", and its index to the nodes of a namespace, so that context_search() finds words without reading all of them; null: the configuration default_text_search_config';

CREATE FUNCTION context_condition(condition text) RETURNS text
	AS 'MODULE_PATHNAME', 'vecext_context_condition' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION context_condition(text) IS
	'the text of a condition as it can stand between parentheses, if it is one SQL expression without parameters; else an error';

-- One statement is put together of the lists and conditions that are asked for,
-- and planned with the values of this call: how selective a filter is decides
-- whether the index on embeddings, that on words or none is the way.  Names
-- are quoted, values are parameters, a condition is one expression in parentheses,
-- rights are the caller's.
CREATE FUNCTION context_search(namespace text,
	vectors vector[] DEFAULT NULL, query text DEFAULT NULL, seeds uuid[] DEFAULT NULL, k int DEFAULT 10,
	labels text[] DEFAULT NULL, filter payload_filter DEFAULT NULL, exclude_sources text[] DEFAULT NULL,
	as_of timestamptz DEFAULT NULL, known_at timestamptz DEFAULT NULL,
	profile text DEFAULT 'general', weights float8[] DEFAULT NULL,
	fusion text DEFAULT 'rrf', lambda float8 DEFAULT 0, pool int DEFAULT NULL,
	vector_weight float8 DEFAULT 1, text_weight float8 DEFAULT 1, graph_weight float8 DEFAULT 1,
	max_depth int DEFAULT 2, edge_types text[] DEFAULT NULL, direction text DEFAULT 'both',
	text_config regconfig DEFAULT NULL, bm25_stats regclass DEFAULT NULL, condition text DEFAULT NULL,
	OUT id uuid, OUT version bigint, OUT score float8, OUT relevance float8, OUT similarity float8,
	OUT vector_rank bigint, OUT text_rank bigint, OUT graph_rank bigint, OUT properties jsonb) RETURNS SETOF record
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED COST 100000 ROWS 10
	SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	ours        text := (SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'vecext');
	node        regclass;
	edge        regclass;
	has_current bool;
	has_tenant  bool;
	text_made   text;
	wanted      bigint;
	words       tsquery;
	word_value  text := 'ts_rank_cd({words}, $2)';
	documents   bigint;
	length      float8;
	counts      bigint[];
	live        text := 'n.is_current AND n.valid @> $5';
	conditions  text := '';
	parts       text[] := '{}';
	lists       text[] := '{}';
	total       float8 := 0;
	fused       text;
	scored      text := 'r.relevance';
	statement   text;

	-- Not the statement's time: that is older than the snapshot, which then shows
	-- a version that begins later and has replaced the one before.  The clock's is
	-- later than all that the snapshot shows.
	moment      timestamptz := coalesce(as_of, clock_timestamp());
BEGIN
	IF namespace IS NULL THEN
		RAISE EXCEPTION 'namespace must not be null' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	node := to_regclass(format('%I.node', namespace));
	edge := to_regclass(format('%I.edge', namespace));
	SELECT count(*) FILTER (WHERE a.attname = 'is_current') > 0, count(*) FILTER (WHERE a.attname = 'tenant') > 0
		INTO has_current, has_tenant
		FROM pg_attribute a WHERE a.attrelid = node AND a.attnum > 0 AND NOT a.attisdropped;
	IF NOT has_current OR edge IS NULL THEN
		RAISE EXCEPTION 'schema "%" is not a namespace', namespace
			USING ERRCODE = 'undefined_object', HINT = 'Create namespaces with graph_create.';
	END IF;
	IF has_tenant AND coalesce(current_setting('vecext.tenant', true), '') = '' THEN
		RAISE EXCEPTION 'no tenant is set for namespace "%"', namespace
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Set vecext.tenant.';
	END IF;
	IF k BETWEEN 0 AND 100000 IS NOT TRUE THEN
		RAISE EXCEPTION 'k must be between 0 and 100000' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF fusion IN ('rrf', 'score') IS NOT TRUE THEN
		RAISE EXCEPTION 'fusion must be "rrf" or "score"' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF lambda BETWEEN 0 AND 1 IS NOT TRUE THEN
		RAISE EXCEPTION 'lambda must be between 0 and 1' USING ERRCODE = 'invalid_parameter_value';
	END IF;

	-- What comes after the lists may put another row first: each is longer than k.
	wanted := greatest(4 * k, pool, 40);

	-- ---- Which versions, and which conditions they meet, in every list ----

	IF as_of IS NULL THEN
		IF known_at IS NOT NULL THEN
			RAISE EXCEPTION 'known_at needs as_of' USING ERRCODE = 'invalid_parameter_value';
		END IF;
	ELSE
		-- as node_as_of() has it
		live := 'n.tx <= $23 AND n.valid @> $5 AND NOT EXISTS (
				SELECT 1 FROM {ns}.node m
				WHERE m.id = n.id AND m.version > n.version AND m.tx <= $23
					AND (m.valid @> $5 OR m.retracted_at <= $5){tenant m})';
	END IF;
	conditions := '{tenant n}';
	IF labels <> '{}' THEN
		conditions := conditions || ' AND n.labels @> $4';
	END IF;
	IF filter IS NOT NULL THEN
		conditions := conditions || ' AND n.properties OPERATOR({ours}.@~) $7';
	END IF;
	IF exclude_sources <> '{}' THEN
		conditions := conditions || ' AND (n.source_id IS NULL OR n.source_id <> ALL (ARRAY(
				SELECT o.id FROM {ns}.source o WHERE o.external_id = ANY ($8){tenant o})))';
	END IF;

	IF condition IS NOT NULL THEN
		EXECUTE format('SELECT %s.context_condition($1)', ours) INTO condition USING condition;
		conditions := conditions || ' AND ({condition})';
	END IF;

	-- ---- The lists: rows in order, at most so many ----

	IF vectors <> '{}' THEN
		parts := parts || '
vector_found AS MATERIALIZED (
	SELECT f.id, f.version, row_number() OVER (ORDER BY min(f.distance), f.id) AS place
	FROM unnest($1) q, LATERAL (
		SELECT n.id, n.version, n.embedding OPERATOR({ours}.<=>) q AS distance
		FROM {ns}.node n
		WHERE {live} AND n.embedding IS NOT NULL{conditions}
		ORDER BY n.embedding OPERATOR({ours}.<=>) q
		LIMIT $6) f
	WHERE q IS NOT NULL
	GROUP BY f.id, f.version
	ORDER BY place LIMIT $6
)'::text;
		lists := lists || 'SELECT id, version, place AS vector_rank, NULL::bigint AS text_rank, NULL::bigint AS graph_rank,
			NULL::float8 AS text_value, NULL::float8 AS graph_value FROM vector_found'::text;
		total := total + vector_weight;
	END IF;

	IF query IS NOT NULL THEN
		text_made := (SELECT pg_get_expr(d.adbin, d.adrelid)
			FROM pg_attribute a JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
			WHERE a.attrelid = node AND a.attname = 'words' AND a.atttypid = 'tsvector'::regtype);
		text_config := coalesce(text_config,
			replace(substring(text_made FROM 'to_tsvector\(''((?:[^'']|'''')+)''::regconfig'), '''''', '''')::regconfig, get_current_ts_config());
		words := websearch_to_tsquery(text_config, query);
		IF bm25_stats IS NOT NULL THEN
			EXECUTE format('SELECT * FROM %s.bm25_corpus($1, $2)', ours) INTO documents, length, counts USING bm25_stats, words;
			word_value := '{ours}.bm25({words}, $2, $12, $13, $14)';
		END IF;
		parts := parts || '
text_found AS MATERIALIZED (
	SELECT f.id, f.version, f.value, row_number() OVER (ORDER BY f.value DESC, f.id) AS place
	FROM (
		SELECT n.id, n.version, {word value} AS value
		FROM {ns}.node n
		WHERE {live} AND {words} @@ $2{conditions}) f
	ORDER BY place LIMIT $6
)'::text;
		lists := lists || 'SELECT id, version, NULL::bigint AS vector_rank, place AS text_rank, NULL::bigint AS graph_rank,
			value AS text_value, NULL::float8 AS graph_value FROM text_found'::text;
		total := total + text_weight;
	END IF;

	IF seeds <> '{}' THEN
		parts := parts || '
graph_found AS MATERIALIZED (
	SELECT n.id, n.version, w.score AS value, row_number() OVER (ORDER BY w.depth, w.score DESC, n.id) AS place
	FROM {ours}.graph_walk($25, $3, edge_types => $10, max_depth => $9, direction => $11, as_of => $5,
			nodes => $26, known_at => $23, tenant_column => $27) w
		JOIN (SELECT n.id, n.version FROM {ns}.node n WHERE {live}{conditions}) n ON n.id = w.node
	ORDER BY place LIMIT $6
)'::text;
		lists := lists || 'SELECT id, version, NULL::bigint AS vector_rank, NULL::bigint AS text_rank, place AS graph_rank,
			NULL::float8 AS text_value, value AS graph_value FROM graph_found'::text;
		total := total + graph_weight;
	END IF;

	IF lists = '{}' THEN
		RAISE EXCEPTION 'nothing to search for' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Give vectors, a query, seeds, or several of them.';
	END IF;
	IF (vector_weight >= 0 AND text_weight >= 0 AND graph_weight >= 0 AND total > 0 AND total < 'Infinity') IS NOT TRUE THEN
		RAISE EXCEPTION 'weights of lists must be finite, not negative, and not all zero' USING ERRCODE = 'invalid_parameter_value';
	END IF;

	-- ---- One number from 0 to 1 of the lists, another one of the memory ----

	IF fusion = 'rrf' THEN
		-- 1 is the first place in every list.
		fused := '61 * ($15 * {ours}.rrf(f.vector_rank) + $16 * {ours}.rrf(f.text_rank) + $17 * {ours}.rrf(f.graph_rank)) / $18';
	ELSE
		fused := '(CASE WHEN $15 > 0 THEN $15 * greatest(coalesce(s.similarity, 0), 0) ELSE 0 END
			+ $16 * coalesce(f.text_value / (1 + f.text_value), 0)
			+ $17 * least(greatest(coalesce(f.graph_value, 0), 0), 1)) / $18';
	END IF;
	IF profile IS NOT NULL OR weights IS NOT NULL THEN
		scored := '{ours}.context_score(r.relevance, n.confidence,
			(date_part(''epoch'', $5) - date_part(''epoch'', lower(n.valid))) / 3600,
			CASE jsonb_typeof(n.properties -> ''utility'') WHEN ''number''
				THEN round(least(greatest((n.properties -> ''utility'')::numeric, 0), 1), 20)::float8 END,
			{weights}, hours_left => (date_part(''epoch'', upper(n.valid)) - date_part(''epoch'', $5)) / 3600)';
	END IF;
	statement := 'WITH ' || array_to_string(parts, ',') || ',
fused AS (
	SELECT l.id, l.version, min(l.vector_rank) AS vector_rank, min(l.text_rank) AS text_rank, min(l.graph_rank) AS graph_rank,
		max(l.text_value) AS text_value, max(l.graph_value) AS graph_value
	FROM (' || array_to_string(lists, ' UNION ALL ') || ') l
	GROUP BY l.id, l.version
), scored AS MATERIALIZED (
	SELECT f.id, f.version, {scored} AS score, r.relevance, s.similarity, f.vector_rank, f.text_rank, f.graph_rank,
		n.properties, n.embedding
	FROM fused f JOIN {ns}.node n ON n.id = f.id AND n.version = f.version{tenant n},
		LATERAL (SELECT max(1 - nullif(n.embedding OPERATOR({ours}.<=>) q, ''NaN'')) AS similarity FROM unnest($1) q) s,
		LATERAL (SELECT {fused} AS relevance) r
)
SELECT c.id, c.version, c.score, c.relevance, c.similarity, c.vector_rank, c.text_rank, c.graph_rank, c.properties
FROM ' || CASE WHEN lambda = 0 THEN 'scored c ORDER BY c.score DESC, c.id LIMIT $19'
		ELSE '(
	SELECT {ours}.mmr(array_agg(o.id), array_agg(o.score), array_agg(o.embedding), $20, $19::int) AS ids
	FROM (SELECT * FROM scored ORDER BY score DESC, id) o) m,
	unnest(m.ids) WITH ORDINALITY u(id, place) JOIN scored c USING (id)
ORDER BY u.place' END;

	-- Pieces go in before the names that stand in them.
	statement := replace(statement, '{scored}', scored);
	statement := replace(statement, '{weights}', CASE WHEN weights IS NULL THEN '$21' ELSE '$22' END);
	statement := replace(statement, '{fused}', fused);
	statement := replace(statement, '{word value}', word_value);
	statement := replace(statement, '{words}', CASE WHEN text_made IS NULL
		THEN 'to_tsvector($24, coalesce(n.properties ->> ''text'', ''''))' ELSE 'n.words' END);
	statement := replace(statement, '{live}', live);
	statement := replace(statement, '{conditions}', conditions);
	statement := regexp_replace(statement, '{tenant (\w)}', CASE WHEN has_tenant
		THEN ' AND \1.tenant = current_setting(''vecext.tenant'')' ELSE '' END, 'g');
	statement := replace(statement, '{ours}', ours);
	-- These two may contain anything, each other's place, too.
	statement := (SELECT string_agg(replace(u.piece, '{ns}', quote_ident(namespace)), condition ORDER BY u.number)
		FROM unnest(string_to_array(statement, '{condition}')) WITH ORDINALITY u(piece, number));
	RETURN QUERY EXECUTE statement
		USING vectors, words, seeds, labels, moment, wanted, filter, exclude_sources,
			max_depth, edge_types, direction, documents, length, counts,
			vector_weight, text_weight, graph_weight, total, k, lambda, profile, weights, coalesce(known_at, as_of),
			text_config, edge, node, CASE WHEN has_tenant THEN 'tenant'::name END;
END
$$;
COMMENT ON FUNCTION context_search(text, vector[], text, uuid[], int, text[], payload_filter, text[], timestamptz, timestamptz, text, float8[],
	text, float8, int, float8, float8, float8, int, text[], text, regconfig, regclass, text) IS
	'the k best nodes of a namespace for query vectors (by cosine; the nearest counts), a query of words (as websearch_to_tsquery reads it) and seeds to walk from, or any of these; labels, filter, excluded sources and condition (an SQL expression on the columns of the nodes, run with the caller''s rights) hold in all three lists; relevance is the weighted sum of reciprocal ranks (rrf) or of scores (score), score is context_score() of it, the nodes'' confidence, age and property "utility", or relevance itself if the profile is null; lambda above 0 orders by maximal marginal relevance; as_of and known_at as in node_as_of()';
