-- # Analogies
--
-- Vectors can be added and subtracted. King is to man as ... is to woman?
SELECT word, embedding <=> (
	SELECT king.embedding - man.embedding + woman.embedding
	FROM word king, word man, word woman
	WHERE (king.word, man.word, woman.word) = ('king', 'man', 'woman')
) AS distance
FROM word
WHERE word NOT IN ('king', 'man', 'woman')
ORDER BY distance
LIMIT 5;

-- Several at once: the best answer for each row, by a LATERAL subquery.
SELECT a.word || ' : ' || b.word AS "as", c.word || ' : ' || answer.word AS "so", distance
FROM (VALUES
	('paris', 'france', 'tokyo'),
	('einstein', 'physicist', 'mozart'),
	('piano', 'pianist', 'violin'),
	('slow', 'slower', 'warm'),
	('mouse', 'mice', 'child')
) AS question (a, b, c)
JOIN word a ON a.word = question.a
JOIN word b ON b.word = question.b
JOIN word c ON c.word = question.c
CROSS JOIN LATERAL (
	SELECT word, embedding <=> (b.embedding - a.embedding + c.embedding) AS distance
	FROM word
	WHERE word NOT IN (a.word, b.word, c.word)
	ORDER BY distance
	LIMIT 1
) AS answer;
