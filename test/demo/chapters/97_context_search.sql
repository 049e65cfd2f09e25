-- # What an agent remembers
--
-- A context store is a schema of ordinary tables: nodes in versions, edges, sources. graph_create()
-- makes one; here it takes in what WordNet knows about food, with the embeddings of chapter 1.
SELECT graph_create('food', 100);

SELECT context_add_text('food', 'english');

-- One node for each synset. Its uuid is made of the synset's number.
SELECT count(node_put('food', lpad(id::text, 32, '0')::uuid, ARRAY[lexical_file],
	jsonb_build_object('text', label || ': ' || gloss), embedding)) AS nodes
FROM synset
WHERE lexical_file = 'noun.food' AND embedding IS NOT NULL;

SELECT count(edge_put('food', lpad(source::text, 32, '0')::uuid, lpad(target::text, 32, '0')::uuid,
	'is a')) AS edges
FROM pointer
JOIN synset AS part ON part.id = source AND part.lexical_file = 'noun.food'
JOIN synset AS whole ON whole.id = target AND whole.lexical_file = 'noun.food'
WHERE type = 'hypernym' AND part.embedding IS NOT NULL AND whole.embedding IS NOT NULL;

-- context_search() looks in three ways at once: by meaning, by words, and along the edges from what
-- is at hand, here from cake. Each list gives ranks; together they give the relevance.
SELECT split_part(properties ->> 'text', ':', 1) AS food, round(relevance::numeric, 3) AS relevance,
	vector_rank AS by_meaning, text_rank AS by_words, graph_rank AS by_edges
FROM context_search('food',
	vectors => ARRAY[embed('sweet baked dessert with fruit')],
	query => 'cake or fruit',
	seeds => ARRAY(SELECT lpad(id::text, 32, '0')::uuid FROM synset
				   WHERE label = 'cake' AND lexical_file = 'noun.food'),
	k => 8);

-- What is known changes. An agent learns something else about a node: there is a new version, and
-- the old one is still what was known before.
SELECT node_put('food', id, labels, properties || '{"text": "tiramisu: a cake that I do not like"}',
	embedding) IS NOT NULL AS learnt
FROM food.node
WHERE is_current AND properties ->> 'text' LIKE 'tiramisu%';

SELECT version, is_current, properties ->> 'text' AS text
FROM food.node
WHERE id IN (SELECT id FROM food.node WHERE properties ->> 'text' LIKE 'tiramisu%')
ORDER BY version;
