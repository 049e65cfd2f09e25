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
	embedding    vector(100),               -- made in the first chapter
	payload      jsonb                      -- the same as an application would keep it
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

-- The rows that a query answers, each as text, with index scans or without.
CREATE FUNCTION answer(query text, index_scans bool) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	rows text[];
BEGIN
	PERFORM set_config('enable_indexscan', index_scans::text, true);
	EXECUTE format('SELECT array_agg(row::text) FROM (%s) AS row', query) INTO rows;
	RETURN rows;
END;
$$;

-- Words whose ten nearest others are known: farthest is the distance of the tenth.
CREATE TABLE question (
	word      text NOT NULL,
	embedding vector(100) NOT NULL,
	farthest  float8 NOT NULL
);

-- All questions one after another with a setting at a value: the share of the ten nearest that the
-- answers have, and how many searches a second that makes for one process, by the median of their
-- times.  The first round brings what is read into memory.
CREATE FUNCTION measure(setting text, value text, OUT recall float8, OUT per_second float8)
LANGUAGE plpgsql AS $$
DECLARE
	asked   question;
	started timestamptz;
	times   float8[];
	hits    int;
	found   float8[];
BEGIN
	PERFORM set_config(setting, value, true);
	FOR round IN 1..2 LOOP
		hits := 0;
		times := '{}';
		FOR asked IN SELECT * FROM question LOOP
			started := clock_timestamp();
			found := ARRAY(
				SELECT embedding <=> asked.embedding FROM word
				ORDER BY embedding <=> asked.embedding LIMIT 11);
			times := times || extract(epoch FROM clock_timestamp() - started)::float8;
			-- The first is the word itself.
			hits := hits + (SELECT count(*) FROM unnest(found[2:]) AS distance
							WHERE distance <= asked.farthest);
		END LOOP;
	END LOOP;
	recall := hits / (10.0 * cardinality(times));
	per_second := (SELECT 1 / percentile_cont(0.5) WITHIN GROUP (ORDER BY t) FROM unnest(times) AS t);
END;
$$;

-- A picture of measured points, each with a label: recall across, the distance from .9 to .99 as
-- far as that from .99 to .999, and searches a second upwards, 10 to 100 as far as 100 to 1,000.
-- Recall 1 has its place at the right edge.
CREATE FUNCTION plot(label text[], recall float8[], per_second float8[]) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	height CONSTANT int := 22;
	width  CONSTANT int := 50;
	across float8[] := '{0,.3,.5,.6,.7,.8,.9,.95,.98,.99,.995,.998,.999,.9995,.9999}';
	up     float8[] := ARRAY(SELECT digit * 10 ^ power FROM unnest('{1,2,5}'::int[]) AS digit,
							 generate_series(-1, 6) AS power ORDER BY 1);
	points float8[];
	lines  text[] := array_fill(''::text, ARRAY[height + 1]);
	axis   text := '';
	step   float8;
	x      int;
	y      int;
BEGIN
	-- As much of both axes as there are points
	points := ARRAY(SELECT r FROM unnest(recall) AS r WHERE r < 1);
	across := ARRAY(SELECT r FROM unnest(across) AS r
		WHERE r >= (SELECT max(t) FROM unnest(across) AS t, (SELECT min(p) FROM unnest(points) AS p) AS l (least) WHERE t <= least)
		  AND r <= (SELECT min(t) FROM unnest(across) AS t, (SELECT max(p) FROM unnest(points) AS p) AS m (most) WHERE t >= most)
		ORDER BY r);
	up := ARRAY(SELECT s FROM unnest(up) AS s
		WHERE s >= (SELECT max(t) FROM unnest(up) AS t, (SELECT min(p) FROM unnest(per_second) AS p) AS l (least) WHERE t <= least)
		  AND s <= (SELECT min(t) FROM unnest(up) AS t, (SELECT max(p) FROM unnest(per_second) AS p) AS m (most) WHERE t >= most)
		ORDER BY s);

	-- Stars first, then labels: to the right, or to the left where that is taken.
	FOR label_too IN 0 .. 1 LOOP
		FOR i IN 1 .. cardinality(label) LOOP
			x := 6 + CASE WHEN recall[i] >= 1 THEN width + 5
				 ELSE width * ln((1 - recall[i]) / (1 - across[1]))
					  / ln((1 - across[cardinality(across)]) / (1 - across[1])) END;
			y := 1 + round(height * ln(up[cardinality(up)] / per_second[i])
						   / ln(up[cardinality(up)] / up[1]));
			lines[y] := rpad(lines[y], 80);
			IF label_too = 0 THEN
				lines[y] := overlay(lines[y] PLACING '*' FROM x FOR 1);
			ELSIF btrim(substr(lines[y], x + 1, length(label[i]) + 2)) = '' THEN
				lines[y] := overlay(lines[y] PLACING label[i] FROM x + 2 FOR length(label[i]));
			ELSIF btrim(substr(lines[y], x - length(label[i]) - 2, length(label[i]) + 2)) = '' THEN
				lines[y] := overlay(lines[y] PLACING label[i]
									FROM x - length(label[i]) - 1 FOR length(label[i]));
			END IF;
		END LOOP;
	END LOOP;

	FOR i IN 1 .. height + 1 LOOP
		RETURN NEXT coalesce((
			SELECT to_char(s, '999,999') FROM unnest(up) AS s
			WHERE i = 1 + round(height * ln(up[cardinality(up)] / s) / ln(up[cardinality(up)] / up[1]))
		), repeat(' ', 8)) || ' |' || rtrim(lines[i]);
	END LOOP;
	RETURN NEXT repeat(' ', 9) || '+' || repeat('-', width + 10);
	FOREACH step IN ARRAY across LOOP
		x := 5 + width * ln((1 - step) / (1 - across[1])) / ln((1 - across[cardinality(across)]) / (1 - across[1]));
		axis := rpad(axis, x) || ltrim(step::text, '0');
	END LOOP;
	RETURN NEXT repeat(' ', 9) || rpad(axis, width + 11) || '1';
END;
$$;
