-- # WordNet is a graph
--
-- 378,203 pointers lead from synset to synset: an ordinary table, with an index on where they
-- begin. graph_walk() follows them. Upwards from one meaning, hop by hop to what is more general:
SELECT depth, label
FROM graph_walk('pointer',
		ARRAY(SELECT id FROM synset WHERE label = 'volcano' AND gloss LIKE 'a mountain%'),
		edge_types => '{hypernym,instance hypernym}', max_depth => NULL,
		src_column => 'source', dst_column => 'target', type_column => 'type')
JOIN synset ON id = node
ORDER BY depth, label;

-- And downwards: how many kinds of dog are there, and how many hops away?
SELECT depth, count(*) AS kinds,
	array_to_string((array_agg(split_part(label, ',', 1) ORDER BY label))[1:4], ', ') AS "for instance"
FROM graph_walk('pointer',
		ARRAY(SELECT id FROM synset WHERE label LIKE 'dog, domestic dog%'),
		edge_types => '{hyponym}', max_depth => NULL,
		src_column => 'source', dst_column => 'target', type_column => 'type')
JOIN synset ON id = node
GROUP BY depth
ORDER BY depth;

-- Vectors find where to begin, the graph finds what belongs to it. The three synsets nearest to a
-- description, and what is one or two hops away from them in either direction; of that, what is
-- nearest to the description, with the way that leads there.
WITH query AS MATERIALIZED (
	SELECT embed('a musical instrument that is struck with sticks') AS embedding
), seed AS MATERIALIZED (
	SELECT id FROM synset ORDER BY embedding <=> (SELECT embedding FROM query) LIMIT 3
)
SELECT depth, near.label, array_to_string(ARRAY(
		SELECT split_part(step.label, ',', 1)
		FROM unnest(path) WITH ORDINALITY AS way (id, n) JOIN synset AS step USING (id)
		ORDER BY n), ' > ') AS way,
	near.embedding <=> query.embedding AS distance
FROM graph_walk('pointer', ARRAY(SELECT id FROM seed), max_depth => 2, direction => 'both',
		src_column => 'source', dst_column => 'target', type_column => 'type')
JOIN synset AS near ON near.id = node
CROSS JOIN query
ORDER BY distance
LIMIT 10;

-- The shortest way between two meanings.
SELECT position, label, gloss
FROM graph_shortest_path('pointer',
		(SELECT id FROM synset WHERE label = 'coffee, java' AND lexical_file = 'noun.food'),
		(SELECT id FROM synset WHERE label = 'violin, fiddle'), direction => 'both',
		src_column => 'source', dst_column => 'target', type_column => 'type'),
	unnest(path) WITH ORDINALITY AS way (node, position)
JOIN synset ON id = node
ORDER BY position;

-- Plain SQL has WITH RECURSIVE. Its UNION removes equal rows, so that a node comes once for each
-- number of hops that leads to it; graph_walk() visits it once. Near by that makes no difference.
-- Milliseconds for all that is so many hops away from the volcano, median of eleven runs:
SELECT hops, to_char(trim('()' FROM (answer(walk, true))[1])::int, 'FM99,999') AS nodes,
	(answer(walk, true))[1] = (answer(recursive, true))[1] AS "as many",
	round(median_ms(walk, true)::numeric, 1) AS "graph_walk",
	round(median_ms(recursive, true)::numeric, 1) AS "WITH RECURSIVE"
FROM unnest('{3,5,7}'::int[]) AS hops,
	format($$
		SELECT count(*) FROM graph_walk('pointer',
			ARRAY(SELECT id FROM synset WHERE label = 'volcano' AND gloss LIKE 'a mountain%%'),
			max_depth => %s,
			src_column => 'source', dst_column => 'target', type_column => 'type') $$, hops) AS walk,
	format($$
		WITH RECURSIVE walk (node, depth) AS (
			SELECT id, 0 FROM synset WHERE label = 'volcano' AND gloss LIKE 'a mountain%%'
			UNION
			SELECT target, depth + 1 FROM walk JOIN pointer ON source = node WHERE depth < %s
		) SELECT count(DISTINCT node) FROM walk $$, hops) AS recursive;
