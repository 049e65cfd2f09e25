-- # Averages
--
-- avg() gives the centre of a group. Which word is the odd one out, farthest from the centre?
SELECT DISTINCT ON (line) line,
	(SELECT string_agg(word, ' ') FROM unnest(words) AS word) AS words,
	word.word AS odd_one_out, word.embedding <=> centre AS distance
FROM (VALUES
	(1, ARRAY['breakfast', 'lunch', 'car', 'dinner']),
	(2, ARRAY['oboe', 'senate', 'cello', 'violin']),
	(3, ARRAY['blue', 'red', 'green', 'wednesday'])
) AS quiz (line, words)
CROSS JOIN LATERAL (
	SELECT avg(embedding) AS centre FROM word WHERE word.word = ANY (words)
) AS average
JOIN word ON word.word = ANY (words)
ORDER BY line, distance DESC;

-- The centres of WordNet's 45 subject areas, taken over all synsets, sort words into subjects.
CREATE TABLE subject AS
SELECT lexical_file, count(*) AS synsets, avg(embedding) AS centre
FROM synset
GROUP BY lexical_file;

SELECT word, lexical_file, distance
FROM word
CROSS JOIN LATERAL (
	SELECT lexical_file, centre <=> word.embedding AS distance
	FROM subject
	ORDER BY distance
	LIMIT 1
) AS nearest
WHERE word IN ('cheddar', 'elbow', 'gallop', 'hammer', 'jealousy', 'lawyer', 'oak', 'sparrow',
	'thunderstorm', 'tuesday')
ORDER BY word;
