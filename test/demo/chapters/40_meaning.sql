-- # Nearest synsets: search by meaning
--
-- Which synsets are near one that we have? "Bank" has many meanings; this is the one by a river.
SELECT label, gloss, embedding <=> (
	SELECT embedding FROM synset WHERE label = 'bank' AND gloss LIKE 'sloping land%'
) AS distance
FROM synset
ORDER BY distance
LIMIT 5 OFFSET 1;

-- The recipe for synsets turns any text into a vector, here as a function.
CREATE FUNCTION embed(text) RETURNS vector STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT l2_normalize(sum(weighted))
	FROM regexp_split_to_table(lower($1), '[^a-z0-9]+') AS part
	JOIN word ON word = part
	JOIN term ON word_id = word.id;
END;

-- So meanings can be searched by describing them.
SELECT label, gloss, embedding <=> (SELECT embed('fear of spiders')) AS distance
FROM synset
ORDER BY distance
LIMIT 4;

SELECT label, gloss,
	embedding <=> (SELECT embed('a musical instrument that is struck with sticks')) AS distance
FROM synset
ORDER BY distance
LIMIT 4;
