-- The tables of the demo, and how it measures.

CREATE TABLE word (
	id        int PRIMARY KEY,              -- 0 is the commonest word
	word      text NOT NULL UNIQUE,
	embedding vector(100) NOT NULL          -- GloVe
);

-- One meaning, with all the words that express it.
CREATE TABLE synset (
	id           int PRIMARY KEY,
	pos          text NOT NULL,             -- noun, verb, adjective, adverb
	lexical_file text NOT NULL,             -- noun.animal, verb.motion, ...
	label        text NOT NULL,             -- its words, the commonest first
	gloss        text NOT NULL,             -- what it means
	examples     text NOT NULL,             -- how it is used
	embedding    vector(100)                -- made in the first chapter
);

CREATE TABLE sense (
	synset_id int NOT NULL,
	position  int NOT NULL,
	lemma     text NOT NULL,
	PRIMARY KEY (synset_id, position)
);

-- WordNet's typed edges between meanings.
CREATE TABLE pointer (
	source          int NOT NULL,
	type            text NOT NULL,          -- hypernym, antonym, part meronym, ...
	target          int NOT NULL,
	source_position int NOT NULL,           -- 0: the whole synset, else one of its words
	target_position int NOT NULL
);

-- A word's weight in a text, and its embedding times this weight.
CREATE TABLE term (
	word_id  int PRIMARY KEY,
	weight   real NOT NULL,
	weighted vector(100) NOT NULL
);

-- Median of the times of eleven runs of a query, in milliseconds.  Parallel
-- workers are not taken away from either way.
CREATE FUNCTION median_ms(query text, index_scans bool) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	started timestamptz;
	times   float8[];
BEGIN
	PERFORM set_config('enable_indexscan', index_scans::text, true);
	FOR run IN 1..11 LOOP
		started := clock_timestamp();
		EXECUTE query;
		times := times || extract(epoch FROM clock_timestamp() - started)::float8 * 1000;
	END LOOP;
	RETURN percentile_cont(0.5) WITHIN GROUP (ORDER BY t) FROM unnest(times) AS t;
END;
$$;
