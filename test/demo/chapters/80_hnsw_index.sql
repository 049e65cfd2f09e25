-- # A graph index: a few thousand vectors instead of all
--
-- A flat index reads all its codes in every search, so that the time grows with the table. An
-- hnsw index links each vector to some near ones, and a search walks along these links. It may
-- miss a row: recall is the share of the nearest rows that it finds. To know it, the truth is
-- needed: for 300 words taken at random, how far the ten nearest others reach, by the flat index.
SET seed = 0.25;

INSERT INTO question
SELECT word, embedding, (
	SELECT max(distance) FROM (
		SELECT near.embedding <=> asked.embedding AS distance FROM word AS near
		ORDER BY near.embedding <=> asked.embedding LIMIT 11
	) AS nearest
)
FROM (SELECT word, embedding FROM word ORDER BY random() LIMIT 300) AS asked;

-- And the searches of the last chapter once more, timed while there is no graph, in milliseconds.
CREATE TABLE race AS
SELECT search, query, median_ms(query, false) AS "table", median_ms(query, true) AS flat
FROM (VALUES
	('nearest words', $$
		SELECT word FROM word
		ORDER BY embedding <=> (SELECT embedding FROM word WHERE word = 'volcano') LIMIT 8 $$),
	('nearest rare words', $$
		SELECT word FROM word WHERE id > 20000
		ORDER BY embedding <=> (SELECT embedding FROM word WHERE word = 'violin') LIMIT 5 $$),
	('search by meaning', $$
		SELECT label, gloss FROM synset
		ORDER BY embedding <=> (SELECT embed('fear of spiders')) LIMIT 4 $$)
) AS queries (search, query);

CREATE TABLE speed AS
SELECT 'flat' AS label, * FROM measure('enable_indexscan', 'on');

-- Building links every vector to 16 others or more, with both processors. How far it is can be
-- seen in pg_stat_progress_create_index; at last it measures its own recall and keeps that.
CREATE INDEX word_graph ON word USING hnsw (embedding vector_cosine_ops);

CREATE INDEX synset_graph ON synset USING hnsw (embedding vector_cosine_ops);

SELECT relname AS index, amname AS method, to_char(reltuples, 'FM999,999') AS rows,
	pg_size_pretty(pg_relation_size(pg_class.oid)) AS size
FROM pg_class JOIN pg_am ON pg_am.oid = relam
WHERE relname IN ('word_embedding', 'word_graph', 'synset_embedding', 'synset_graph')
ORDER BY reltuples DESC, amname;

-- Now there are two indexes for the same search, and the planner takes the one that costs less.
EXPLAIN (COSTS OFF)
SELECT word, embedding <=> (SELECT embedding FROM word WHERE word = 'volcano') AS distance
FROM word
ORDER BY distance
LIMIT 8;

SELECT word, embedding <=> (SELECT embedding FROM word WHERE word = 'volcano') AS distance
FROM word
ORDER BY distance
LIMIT 8;

-- What this search has done: it kept the best ef vectors, read so many lists of links (hops) and
-- compared so many codes (distances) of 341,479; then rows of the table gave the exact order. (The
-- first search of a session takes longer: it finds the pages that later ones remember.)
SELECT index, ef, walks, hops, distances, rechecks, rows FROM vecext_last_scan;

-- The three searches by reading the table, by the flat index, and by the graph. The distances
-- are the operator's own in all three, so a row is either the same or missing.
SELECT search,
	round("table"::numeric, 1) AS "table, ms",
	round(flat::numeric, 1) AS "flat, ms",
	round(median_ms(query, true)::numeric, 2) AS "hnsw, ms",
	(SELECT count(*) FROM unnest(answer(query, true)) AS row
	 WHERE row = ANY (answer(query, false)))
	 || ' of ' || cardinality(answer(query, false)) AS "rows the same"
FROM race;

-- Nobody needs a truth of their own to know the recall: hnsw_recall() draws rows from the index,
-- hides each, and compares what a walk finds with the distances to all rows of the table.
SELECT k, sample, ef, round(mean_recall::numeric, 3) AS mean_recall,
	round(mean_hops) AS mean_hops, round(mean_distances) AS mean_distances
FROM hnsw_recall('word_graph', k => 10, sample => 1000);

-- One setting says how much recall is wanted, and the index chooses the width of its walks. The
-- recall that comes of it with the 300 words above, and how many such searches one process makes
-- in a second, by the median of their times:
SELECT target AS "hnsw.target_recall", round(recall::numeric, 3) AS "recall found",
	to_char(per_second, 'FM99,999') AS "searches/s"
FROM unnest('{.80,.90,.95,.98,.99}'::numeric[]) AS target,
	measure('hnsw.target_recall', target::text);

-- Or the width is set by hand: hnsw.ef_search, as in pgvector.
INSERT INTO speed
SELECT ef, measured.*
FROM unnest('{10,16,25,40,63,100,160,250,400,630,1000}'::int[]) AS ef,
	measure('hnsw.ef_search', ef::text) AS measured;

SELECT label AS ef, round(recall::numeric, 3) AS recall,
	to_char(per_second, 'FM99,999') AS "searches/s"
FROM speed
WHERE label <> 'flat'
ORDER BY label::int;

-- The same as a picture: searches a second upwards, each doubling as high as the one before; recall
-- to the right, each halving of what is missed as wide as the one before. Numbers are ef; flat
-- misses nothing and has its place at 1.
SELECT plot(array_agg(label), array_agg(recall), array_agg(per_second))
	AS "searches/s by recall at 10"
FROM speed;

-- Is the graph sound, and does the index agree with its table, row by row?
SELECT count(*) AS complaints FROM hnsw_index_check('word_graph', true);
