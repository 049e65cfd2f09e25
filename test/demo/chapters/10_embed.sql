-- # An embedding for every synset, made in SQL
--
-- A synset gets the weighted average of the vectors of its words: those that express it
-- (counted twice) and those of its definition. First, which words are in which synset.
CREATE TEMPORARY TABLE token AS
SELECT synset_id, word.id AS word_id
FROM (
	SELECT synset_id, regexp_split_to_table(lower(lemma), '[^a-z0-9''.-]+') AS word
	FROM sense, generate_series(1, 2)
	UNION ALL
	SELECT id, regexp_split_to_table(lower(gloss), '[^a-z0-9]+')
	FROM synset
) AS part
JOIN word USING (word);

-- Rare words say more than common ones: the logarithm of how rare a word is becomes its weight.
INSERT INTO term
SELECT id, weight, l2_normalize(embedding) * array_fill(weight, ARRAY[100])::vector
FROM (
	SELECT word_id, ln(117791.0 / count(DISTINCT synset_id))::real AS weight
	FROM token GROUP BY word_id
) AS rarity
JOIN word ON id = word_id;

-- The sum of a synset's weighted vectors points where their average points; length 1 for all. Beside
-- it a payload: what an application would keep as jsonb.
UPDATE synset SET embedding = e.embedding, payload = jsonb_build_object(
	'pos', pos, 'file', lexical_file,
	'words', (SELECT jsonb_agg(lemma ORDER BY position) FROM sense WHERE synset_id = id))
FROM (
	SELECT synset_id, l2_normalize(sum(weighted)) AS embedding
	FROM token JOIN term USING (word_id)
	GROUP BY synset_id
) AS e
WHERE id = synset_id;

-- Three synsets have no word that GloVe knows. Their embedding stays NULL.
SELECT pos, count(*) AS synsets, count(embedding) AS with_embedding
FROM synset GROUP BY pos ORDER BY synsets DESC;

VACUUM ANALYZE synset;
