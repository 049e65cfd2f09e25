-- bm25 and what it needs to know
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
-- Notices of empty queries stay away, too.
SET extra_float_digits = 0;
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

-- Terms: once each, without those that are negated, prefixes apart
SELECT query, (SELECT string_agg(lexeme || CASE WHEN prefix THEN ':*' ELSE '' END, ', ' ORDER BY place) FROM bm25_terms(query) WITH ORDINALITY t(lexeme, prefix, place)) AS terms
FROM unnest(ARRAY['a', 'b & a & b', 'a & !b', '!(a & !b)', '!!a', 'c:* | c | ca:A', 'b <-> a:BC <2> d', 'é | z | aa', '']::tsquery[]) query;

-- Statistics of a column
CREATE TABLE score_article (id int PRIMARY KEY, body text, words tsvector GENERATED ALWAYS AS (to_tsvector('simple', body)) STORED);
INSERT INTO score_article VALUES (1, 'apple fruit'), (2, 'banana fruit'), (3, 'apple pie with apple and more apple'), (4, ''), (5, NULL), (6, 'pi pie pies');
CREATE MATERIALIZED VIEW score_article_stats AS SELECT * FROM bm25_stats('score_article', 'words');
CREATE UNIQUE INDEX ON score_article_stats (lexeme);
SELECT * FROM score_article_stats ORDER BY lexeme COLLATE "C";
SELECT query, (bm25_corpus('score_article_stats', query)).*
FROM unnest(ARRAY['apple', 'pie & !apple & fruit', 'pi:*', 'nothing | apple', '']::tsquery[]) query;

-- Scores, and the same told in SQL
CREATE FUNCTION pg_temp.slow_bm25(words tsvector, query tsquery, k1 float8, b float8) RETURNS float8 LANGUAGE sql AS $$
	SELECT coalesce(sum(ln(1 + (n.total - n.n + 0.5) / (n.n + 0.5)) * f.f * (k1 + 1) / (nullif(f.f, 0) + k1 * (1 - b + b * d.length / n.average))), 0)
	FROM (SELECT DISTINCT lexeme FROM bm25_terms(query)) t,
		LATERAL (SELECT coalesce(sum(cardinality(positions)), 0)::float8 AS f FROM unnest(words) w WHERE w.lexeme = t.lexeme) f,
		LATERAL (SELECT count(a.words)::float8 AS total, count(*) FILTER (WHERE t.lexeme = ANY (tsvector_to_array(a.words)))::float8 AS n,
			avg((SELECT coalesce(sum(cardinality(positions)), 0) FROM unnest(a.words)) ) FILTER (WHERE a.words IS NOT NULL)::float8 AS average
			FROM score_article a) n,
		LATERAL (SELECT sum(cardinality(positions))::float8 AS length FROM unnest(words)) d
$$;
SELECT id, round(bm25(words, q, c.documents, c.average_length, c.frequencies)::numeric, 6) AS score
FROM score_article, to_tsquery('simple', 'apple | pie') q, bm25_corpus('score_article_stats', q) c
WHERE words @@ q ORDER BY score DESC;
SELECT query, k1, b, count(*), count(*) FILTER (WHERE abs(bm25(words, query, c.documents, c.average_length, c.frequencies, k1, b) - pg_temp.slow_bm25(words, query, k1, b)) < 1e-9) AS same
FROM unnest(ARRAY['apple', 'apple | pie | nothing', 'fruit & !apple', '!apple', '']::tsquery[]) query, bm25_corpus('score_article_stats', query) c,
	(VALUES (1.2::float8, 0.75::float8), (0, 0.75), (2, 0), (2, 1)) p(k1, b), score_article WHERE words IS NOT NULL
GROUP BY query, k1, b ORDER BY query, k1, b;

-- By hand: N 3, n 1, f 2, a document of two words where one is the average, and a prefix that two words have
SELECT round(bm25('a:1,2'::tsvector, 'a', 3, 1, '{1}')::numeric, 6) AS score, round((ln(1 + 2.5 / 1.5) * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 2)))::numeric, 6) AS by_hand,
	bm25('ab:1 ac:2 b:3'::tsvector, 'a:*', 3, 3, '{1}') = bm25('a:1,2 b:3'::tsvector, 'a', 3, 3, '{1}') AS prefix,
	bm25('a b'::tsvector, 'a', 3, 2, '{1}') = bm25('a:1 b:2'::tsvector, 'a', 3, 2, '{1}') AS stripped;
-- Statistics that are old, or none
SELECT bm25('a:1'::tsvector, 'a', 10, 1, '{11}') = bm25('a:1'::tsvector, 'a', 10, 1, '{10}') AS more_than_all, bm25('a:1'::tsvector, 'a', 0, 0, '{0}') > 0 AS empty_corpus,
	bm25('a:1'::tsvector, 'a', 10, 1, '{0}') > bm25('a:1'::tsvector, 'a', 10, 1, '{1}') AS unknown_word, bm25(''::tsvector, 'a', 10, 1, '{1}') AS empty_document,
	bm25(NULL, 'a', 10, 1, '{1}') AS no_document, bm25('a:1'::tsvector, 'a', 10, 1, '{1}', k1 => 1.7e308) AS huge_k1;
-- A query a row
SELECT string_agg(round(bm25('a:1,2 b:3'::tsvector, query, n, 2, frequencies)::numeric, 3)::text, ' ' ORDER BY n, query)
FROM (VALUES ('a'::tsquery, '{1}'::bigint[]), ('b', '{1}'), ('b', '{2}'), ('a|b', '{1,2}')) q(query, frequencies), unnest(ARRAY[3, 4]) n;

SELECT call, pg_temp.outcome('SELECT ' || call) FROM (VALUES
	($$bm25('a', 'a & b', 1, 1, '{1}')$$), ($$bm25('a', 'a', 1, 1, '{1,2}')$$), ($$bm25('a', 'a', 1, 1, '{}')$$), ($$bm25('a', 'a', 1, 1, '{NULL}')$$), ($$bm25('a', 'a', 1, 1, '{{1}}')$$),
	($$bm25('a', 'a', 1, 1, '{-1}')$$), ($$bm25('a', 'a', -1, 1, '{1}')$$), ($$bm25('a', 'a', 1, -1, '{1}')$$), ($$bm25('a', 'a', 1, 'NaN', '{1}')$$), ($$bm25('a', 'a', 1, 'Infinity', '{1}')$$),
	($$bm25('a', 'a', 1, 1, '{1}', -1)$$), ($$bm25('a', 'a', 1, 1, '{1}', 'Infinity')$$), ($$bm25('a', 'a', 1, 1, '{1}', 1, -0.1)$$), ($$bm25('a', 'a', 1, 1, '{1}', 1, 1.1)$$),
	($$bm25_corpus('score_article', 'a')$$), ($$count(*) FROM bm25_stats('score_article', 'body')$$), ($$count(*) FROM bm25_stats('score_article', 'nothing')$$)
) t(call);
CREATE TABLE score_no_stats AS SELECT * FROM score_article_stats WHERE false;
SELECT * FROM bm25_corpus('score_no_stats', 'apple');
SELECT bm25('a', 'a & b', 1, 1, '{1}');
-- An empty table has statistics, too.
CREATE TABLE score_nothing (w tsvector);
SELECT * FROM bm25_stats('score_nothing', 'w');
CREATE TABLE "score Odd" ("The words" tsvector);
INSERT INTO "score Odd" VALUES ('x:1');
CREATE TEMP TABLE "Its stats" AS SELECT * FROM bm25_stats('"score Odd"', 'The words');
SELECT * FROM bm25_corpus('"Its stats"', 'x');

DROP MATERIALIZED VIEW score_article_stats;
DROP TABLE score_article, score_no_stats, score_nothing, "score Odd";
