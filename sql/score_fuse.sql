-- rrf, mmr
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
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

-- ---- Reciprocal rank ----

SELECT rank, rrf(rank), rrf(rank, 0), rrf(rank, NULL) FROM unnest(ARRAY[1, 2, 60, 9223372036854775807, NULL]) rank;
SELECT call, pg_temp.outcome('SELECT ' || call) FROM (VALUES ('rrf(0)'), ('rrf(-1)'), ('rrf(1, -1)')) t(call);

-- A list by distance and a list of words: the second document is in both.
CREATE TEMP TABLE document (id int, body text, place vector(2));
INSERT INTO document VALUES (1, 'apple fruit', '[0.1,0.1]'), (2, 'banana fruit', '[10,10]'), (3, 'apple pie', '[10,10.1]');
WITH by_distance AS (SELECT id, row_number() OVER (ORDER BY place <-> '[0,0]') AS rank FROM document),
	by_word AS (SELECT id, row_number() OVER (ORDER BY ts_rank_cd(to_tsvector('simple', body), q) DESC) AS rank
		FROM document, to_tsquery('simple', 'banana') q WHERE to_tsvector('simple', body) @@ q)
SELECT id, round((rrf(d.rank) + rrf(w.rank))::numeric, 6) AS score
FROM by_distance d FULL JOIN by_word w USING (id) ORDER BY rrf(d.rank) + rrf(w.rank) DESC;

-- ---- Marginal relevance ----

SELECT lambda, mmr(ARRAY[1, 2, 3, 4], ARRAY[.95, .90, .85, .80], ARRAY['[1,0,0]', '[1,0,0]', '[0,1,0]', '[0,0,1]']::vector[], lambda)
FROM unnest(ARRAY[NULL, 0, 0.001, 0.7, 0.95, 1]) lambda;
-- Input in any order, and what lambda 0 does to it
SELECT mmr(ARRAY['d', 'b', 'c', 'a'], ARRAY[.80, .90, .85, .95], ARRAY['[0,0,1]', '[1,0,0]', '[0,1,0]', '[1,0,0]']::vector[]),
	mmr(ARRAY['d', 'b', 'c', 'a'], ARRAY[.80, .90, .85, .95], ARRAY['[0,0,1]', '[1,0,0]', '[0,1,0]', '[1,0,0]']::vector[], 0);
-- Fewer rows; a pool of the best, what is outside of it comes after
SELECT rows, pool, mmr(ARRAY[1, 2, 3, 4], ARRAY[.95, .90, .85, .80], ARRAY['[1,0,0]', '[1,0,0]', '[0,1,0]', '[0,0,1]']::vector[], 0.7, rows, pool)
FROM (VALUES (0, NULL), (1, NULL), (2, NULL), (9, NULL), (NULL, 0), (NULL, 1), (NULL, 2), (NULL, 3), (3, 2), (2, 9)) t(rows, pool);
-- Without vectors by score; zero vectors are like nothing; opposite ones are better than none; equals as given
SELECT mmr(ARRAY[1, 2, 3], ARRAY[1, 3, 2], ARRAY[NULL, NULL, NULL]::vector[]) AS no_vectors,
	mmr(ARRAY[1, 2, 3], ARRAY[1, .9, .9], ARRAY['[1,0]', '[0,0]', '[-1,0]']::vector[]) AS zero_or_opposite,
	mmr(ARRAY[1, 2, 3], ARRAY[1, 1, 1], ARRAY['[1]', '[1]', '[1]']::vector[]) AS equals,
	mmr(ARRAY[NULL, 'b'], ARRAY[2, 1], ARRAY['[1]', NULL]::vector[]) AS null_id;
SELECT mmr('{}'::int[], '{}', '{}') AS empty, mmr(NULL::int[], '{}', '{}') AS no_ids, mmr('{}'::int[], NULL, '{}') AS no_scores, mmr('{}'::int[], '{}', NULL) AS no_array,
	mmr('[5:6]={1,2}'::int[], '{1,2}', '{NULL,NULL}') AS other_bounds, mmr(ARRAY[1, 2, 3], '{-Infinity,Infinity,0}', '{"[1]","[1]","[1]"}') AS infinite;

-- The definition, told in SQL, over pools of random vectors
CREATE FUNCTION pg_temp.slow_mmr(ids int[], scores float8[], vectors vector[], lambda float8) RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
	chosen int[];
	next   int;
BEGIN
	LOOP
		SELECT i INTO next
		FROM generate_subscripts(ids, 1) i
		WHERE i <> ALL (coalesce(chosen, '{}'))
		ORDER BY CASE WHEN chosen IS NULL THEN scores[i]
			ELSE lambda * scores[i] - (1 - lambda) * (SELECT max(1 - (vectors[i] <=> vectors[c])) FROM unnest(chosen) c) END DESC, scores[i] DESC, i
		LIMIT 1;
		EXIT WHEN next IS NULL;
		chosen := chosen || next;
	END LOOP;
	RETURN ARRAY(SELECT ids[c] FROM unnest(chosen) WITH ORDINALITY u(c, place) ORDER BY place);
END
$$;
SELECT setseed(0.5);
CREATE TEMP TABLE pool AS
	SELECT pool, array_agg(i) AS ids, array_agg(random()) AS scores, array_agg(ARRAY[random() - 0.5, random() - 0.5, random() - 0.5]::vector) AS vectors
	FROM generate_series(1, 20) pool, generate_series(1, 2 + pool) i GROUP BY pool;
SELECT lambda, count(*), count(*) FILTER (WHERE mmr(ids, scores, vectors, lambda) = pg_temp.slow_mmr(ids, scores, vectors, lambda)) AS same
FROM pool, unnest(ARRAY[0.1, 0.5, 0.7, 1]) lambda GROUP BY lambda ORDER BY lambda;

SELECT call, pg_temp.outcome('SELECT ' || call) FROM (VALUES
	($$mmr(ARRAY[1], ARRAY[1], '{"[1]"}', 1.1)$$), ($$mmr(ARRAY[1], ARRAY[1], '{"[1]"}', -0.1)$$), ($$mmr(ARRAY[1], ARRAY[1], '{"[1]"}', 'NaN')$$),
	($$mmr(ARRAY[1, 2], ARRAY[1], '{"[1]"}')$$), ($$mmr(ARRAY[1], ARRAY[1, 2], '{"[1]"}')$$), ($$mmr(ARRAY[1], ARRAY[1], '{}')$$),
	($$mmr(ARRAY[[1, 2]], ARRAY[1, 2], '{"[1]","[1]"}')$$), ($$mmr(ARRAY[1], ARRAY[[1]], '{"[1]"}')$$), ($$mmr(ARRAY[1], ARRAY[1], '{{"[1]"}}')$$),
	($$mmr(ARRAY[1, 2], ARRAY[1, 2], '{"[1]","[1,2]"}')$$), ($$mmr(ARRAY[1], ARRAY[NULL]::float8[], '{"[1]"}')$$), ($$mmr(ARRAY[1], '{NaN}', '{"[1]"}')$$),
	($$mmr(ARRAY[1], ARRAY[1], '{"[1]"}', max_rows => -1)$$), ($$mmr(ARRAY[1], ARRAY[1], '{"[1]"}', pool => -1)$$)
) t(call);
