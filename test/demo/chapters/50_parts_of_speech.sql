-- # Across the parts of speech
--
-- The verbs, adjectives and adverbs nearest to a noun, and whether WordNet's editors have linked
-- the two as well: vectors and relations in one query.
SELECT near.pos, near.label, near.distance,
	(SELECT string_agg(DISTINCT type, ', ') FROM pointer
	 WHERE source = noun.id AND target = near.id) AS linked
FROM (SELECT * FROM synset WHERE label = 'sadness, sorrow, sorrowfulness') AS noun
CROSS JOIN (VALUES ('verb'), ('adjective'), ('adverb')) AS wanted (pos)
CROSS JOIN LATERAL (
	SELECT id, pos, label, embedding <=> noun.embedding AS distance
	FROM synset
	WHERE synset.pos = wanted.pos
	ORDER BY distance
	LIMIT 3
) AS near;
