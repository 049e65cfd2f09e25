-- # Filtered search: the nearest that meet a condition
--
-- Conditions are ordinary SQL. Five searches of the 117,791 synsets, each with a condition that
-- leaves fewer rows than the one before. First with the graph as it is: rows come out of it nearest
-- first, and the condition is checked on each, until there are ten that meet it.
CREATE TABLE condition_race AS
SELECT condition, query, answer(query, false) AS truth,
	(answer('SELECT count(*) FROM synset WHERE ' || condition, false))[1] AS meet,
	median_ms(query, false) AS "table", median_ms(query, true) AS checked
FROM unnest(ARRAY[
	$$pos = 'noun'$$,
	$$pos = 'verb'$$,
	$$lexical_file = 'noun.animal'$$,
	$$lexical_file = 'noun.feeling'$$,
	$$lexical_file = 'noun.motive'$$
]) AS condition,
	format($$
		SELECT label FROM synset WHERE %s
		ORDER BY embedding <=> (SELECT embed('fear of spiders')) LIMIT 10 $$, condition) AS query;

-- Now an index that has the columns, too: the vector first, then what conditions are about. It does
-- what the other two of this table did.
CREATE INDEX synset_filtered ON synset
USING hnsw (embedding vector_cosine_ops, pos, lexical_file, payload);

DROP INDEX synset_embedding, synset_graph;

EXPLAIN (COSTS OFF)
SELECT label FROM synset
WHERE lexical_file = 'noun.animal'
ORDER BY embedding <=> (SELECT embed('fear of spiders'))
LIMIT 10;

SELECT label, gloss FROM synset
WHERE lexical_file = 'noun.animal'
ORDER BY embedding <=> (SELECT embed('fear of spiders'))
LIMIT 5;

-- Before it looks for the nearest, the index knows how many rows meet the condition (matches): of
-- many by a sample, of few by looking at all. Then it goes along the graph, and sees of each row
-- that it finds whether it does, or past the codes of these rows only (mode).
SELECT index, mode, matches, ef, hops, distances, candidates, rows FROM vecext_last_scan;

-- Milliseconds by reading the table, with the condition checked on rows as they come out of an
-- index, and with the condition in the index; and how many rows are those of the table's answer.
SELECT condition, to_char(trim('()' FROM meet)::int, 'FM99,999') AS meet,
	round("table"::numeric, 1) AS "table", round(checked::numeric, 2) AS checked,
	round(median_ms(query, true)::numeric, 2) AS "in the index",
	(SELECT count(*) FROM unnest(answer(query, true)) AS row WHERE row = ANY (truth))
	 || ' of ' || cardinality(truth) AS "the same"
FROM condition_race;

-- A payload is jsonb, and a filter of it says what applications say, in JSON as Qdrant has it:
-- animals or plants expressed by three words or more, but no families. The payload is in the index,
-- too, as a pattern of what is in it: enough for what a row must have, and the rest is looked at.
SELECT label, payload ->> 'file' AS file, embedding <=> (SELECT embed('fear of spiders')) AS distance
FROM synset
WHERE payload @~ '{
	"must":     [{"key": "file", "match": {"any": ["noun.animal", "noun.plant"]}},
	             {"key": "words", "values_count": {"gte": 3}}],
	"must_not": [{"key": "words", "match": {"text": "family"}}]
}'
ORDER BY distance
LIMIT 5;

SELECT index, mode, matches, rechecks, rows FROM vecext_last_scan;
