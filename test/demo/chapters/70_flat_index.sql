-- # A flat index: the same answers, sooner
--
-- So far every search has read its table and computed a distance for each row. The plan says so:
EXPLAIN (COSTS OFF)
SELECT word, embedding <=> (SELECT embedding FROM word WHERE word = 'volcano') AS distance
FROM word
ORDER BY distance
LIMIT 8;

-- A flat index holds each vector in one byte a dimension instead of four, and a search reads all
-- of these instead of the table. From the bytes follows how near a row can be at best; only rows
-- that may be among the nearest are looked up. So the answer is exact.
CREATE INDEX word_embedding ON word USING flat (embedding vector_cosine_ops);

CREATE INDEX synset_embedding ON synset USING flat (embedding vector_cosine_ops);

SELECT 'word' AS "table", count(embedding) AS vectors,
	pg_size_pretty(sum(pg_column_size(embedding))) AS "size in the table",
	pg_size_pretty(pg_relation_size('word_embedding')) AS "size of the index"
FROM word
UNION ALL
SELECT 'synset', count(embedding), pg_size_pretty(sum(pg_column_size(embedding))),
	pg_size_pretty(pg_relation_size('synset_embedding'))
FROM synset
ORDER BY vectors DESC;

-- No query has to change. The first one of chapter 2 again, its plan and its answer:
EXPLAIN (COSTS OFF)
SELECT word, embedding <=> (SELECT embedding FROM word WHERE word = 'volcano') AS distance
FROM word
ORDER BY distance
LIMIT 8;

SELECT word, embedding <=> (SELECT embedding FROM word WHERE word = 'volcano') AS distance
FROM word
ORDER BY distance
LIMIT 8;

-- median_ms() runs a query eleven times and returns the median of its times in milliseconds, with
-- index scans if its second argument is true. Three searches of the chapters before:
SELECT search,
	round(median_ms(query, false)::numeric, 1) AS "without index, ms",
	round(median_ms(query, true)::numeric, 1) AS "with index, ms"
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

-- Are the answers the same? For 100 words, taken at random: the distances of the ten nearest by
-- the index, and by reading the table. The index cannot see through "+ 0".
SELECT count(*) AS words, count(*) FILTER (WHERE by_index <> by_table) AS differences
FROM (
	SELECT
		ARRAY(
			SELECT embedding <=> given.embedding FROM word
			ORDER BY embedding <=> given.embedding LIMIT 10
		) AS by_index,
		ARRAY(
			SELECT embedding <=> given.embedding FROM word
			ORDER BY (embedding <=> given.embedding) + 0 LIMIT 10
		) AS by_table
	FROM (SELECT embedding FROM word ORDER BY random() LIMIT 100) AS given
) AS answer;

-- All rows up to a distance, however many they are: cosine_within() is a condition for the index,
-- here in a join.
SELECT near.word, near.embedding <=> given.embedding AS distance
FROM word AS given
JOIN word AS near ON cosine_within(near.embedding, given.embedding, 0.33)
WHERE given.word = 'volcano'
ORDER BY distance;
