-- # Nearest words
--
-- Words that are used alike have vectors that point alike: <=> is the cosine distance, 0 for the
-- same direction. The search is exact: it looks at all 341,479 words.
SELECT word, embedding <=> (SELECT embedding FROM word WHERE word = 'volcano') AS distance
FROM word
ORDER BY distance
LIMIT 8;

-- A condition is an ordinary WHERE: rare words only, found by their rank.
SELECT word, embedding <=> (SELECT embedding FROM word WHERE word = 'violin') AS distance
FROM word
WHERE id > 20000
ORDER BY distance
LIMIT 5;

-- The four distances beside each other: cosine, Euclidean, taxicab and negative inner product.
SELECT a.word, b.word,
	a.embedding <=> b.embedding AS cosine,
	a.embedding <-> b.embedding AS euclidean,
	a.embedding <+> b.embedding AS taxicab,
	a.embedding <#> b.embedding AS neg_inner
FROM word a, word b
WHERE a.word = 'coffee' AND b.word IN ('tea', 'espresso', 'breakfast', 'theology')
ORDER BY cosine;
