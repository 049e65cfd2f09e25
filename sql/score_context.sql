-- context_score, context_score_breakdown, context_profiles
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
SET extra_float_digits = 0;
CREATE FUNCTION pg_temp.outcome(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	value text;
BEGIN
	EXECUTE query INTO value;
	RETURN value;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;

SELECT *, similarity + confidence + recency + utility AS sum FROM context_profiles();

-- Contributions, and their sum
SELECT * FROM context_score_breakdown(0.75, 0.8, 0, 0.5, ARRAY[4, 3, 2, 1]);
SELECT context_score(0.75, 0.8, 0, 0.5, ARRAY[4, 3, 2, 1]) AS score,
	abs(context_score(0.75, 0.8, 0, 0.5, ARRAY[4, 3, 2, 1]) - context_score(0.75, 0.8, 0, 0.5, ARRAY[.4, .3, .2, .1])) < 1e-9 AS scale_is_free;
SELECT count(*), count(*) FILTER (WHERE b.score = context_score(s, c, a, u, p.profile, h, d)
	AND abs(b.similarity_part + b.confidence_part + b.recency_part + b.utility_part - b.score) < 1e-9) AS sums
FROM context_profiles() p, unnest(ARRAY[0, 0.3, 1]) s, unnest(ARRAY[NULL, 0.2, 1]) c, unnest(ARRAY[0, 3, 1000]) a, unnest(ARRAY[0, 0.9]) u,
	unnest(ARRAY[NULL, -1, 5]) h, generate_series(0, 2) d, context_score_breakdown(s, c, a, u, p.profile, h, d) b;

-- Five memories
CREATE TEMP TABLE memory (name text, similarity float8, utility float8, age_hours float8, confidence float8);
INSERT INTO memory VALUES ('trusted', .72, .30, 12, .95), ('poison', .98, .30, 1 / 12.0, .05), ('useful', .68, 1, 3, .65),
	('fresh', .74, .40, 1 / 12.0, .60), ('old', .80, .80, 240, .90);
SELECT profile, string_agg(format('%s %s', name, round(score::numeric, 6)), ' > ' ORDER BY score DESC) AS ranking
FROM context_profiles(), LATERAL (SELECT name, context_score(similarity, confidence, age_hours, utility, profile) AS score FROM memory) s
GROUP BY profile ORDER BY profile;

-- The end of validity, and the way from the source
SELECT hours_left, round(context_score(0, 1, 0, 0, ARRAY[0, 1, 0, 0], hours_left)::numeric, 6) AS confidence
FROM unnest(ARRAY[NULL, 'Infinity', 1, 24, 48, 168, 1e-300, 0, -1, 'NaN']::float8[]) hours_left;
SELECT depth, context_score(0, 0.5, 0, 0, ARRAY[0, 1, 0, 0], provenance_depth => depth) / 0.5 AS of_confidence,
	context_score(0, 0.5, 0, 0, ARRAY[0, 1, 0, 0], provenance_depth => depth, provenance_decay => 0.5) / 0.5 AS of_confidence_halved
FROM unnest(ARRAY[NULL, -1, 0, 1, 3, 2147483647]) depth;
SELECT valid, context_score(1, 1, 0, 1, valid => valid), context_score_breakdown(1, 1, 0, 1, 'general', valid => valid)
FROM unnest(ARRAY[true, false, NULL]) valid;

-- Inputs end at 0 and 1; NaN is 0; what is not known
SELECT input, context_score(input, 0, 'Infinity', 0, ARRAY[1, 0, 0, 0]) AS similarity, context_score(0, input, 'Infinity', 0, ARRAY[0, 1, 0, 0]) AS confidence,
	context_score(0, 0, input, 0, ARRAY[0, 0, 1, 0]) AS age, context_score(0, 0, input, 0, ARRAY[0, 0, 1, 0], alpha => 0) AS age_without_decay,
	context_score(0, 0, 'Infinity', input, ARRAY[0, 0, 0, 1]) AS utility
FROM unnest(ARRAY[NULL, -1, 0, 0.25, 1, 7, 'Infinity', '-Infinity', 'NaN']::float8[]) input;
SELECT context_score(1, 1, 0, 1, NULL::text) AS no_profile, context_score(1, 1, 0, 1, NULL::float8[]) AS no_weights,
	context_score_breakdown(1, 1, 0, 1, NULL::text) AS no_parts, context_score_breakdown(1, 1, 0, 1, NULL::float8[]) AS no_parts_either,
	context_score(0.5, 0.5, 0, 0, ARRAY[0, 0, 0, 0]) = context_score(0.5, 0.5, 0, 0) AS zero_weights,
	context_score(1, 1, 20, 1, ARRAY[0, 0, 1, 0], alpha => NULL) = exp(-1::float8) AS alpha_of_its_own;

-- Errors
SELECT call, pg_temp.outcome('SELECT ' || call) FROM (VALUES
	($$context_score(1, 1, 1, 1, 'General')$$), ($$context_score(1, 1, 1, 1, '{4,3,2,1}')$$), ($$context_score(1, 1, 1, 1, '')$$),
	($$context_score_breakdown(1, 1, 1, 1, 'genera')$$),
	($$context_score(1, 1, 1, 1, ARRAY[1, 2, 3])$$), ($$context_score(1, 1, 1, 1, ARRAY[1, 2, 3, 4, 5])$$), ($$context_score(1, 1, 1, 1, ARRAY[[1, 2], [3, 4]])$$),
	($$context_score(1, 1, 1, 1, ARRAY[1, 2, 3, NULL])$$), ($$context_score(1, 1, 1, 1, '{}'::float8[])$$),
	($$context_score(1, 1, 1, 1, ARRAY[1, 2, 3, -1])$$), ($$context_score(1, 1, 1, 1, '{1,2,3,NaN}'::float8[])$$),
	($$context_score(1, 1, 1, 1, '{1,2,3,Infinity}'::float8[])$$), ($$context_score(1, 1, 1, 1, '{1e308,1e308,0,0}'::float8[])$$),
	($$context_score(1, 1, 1, 1, ARRAY[1, 2, 3, 4], alpha => -1)$$), ($$context_score(1, 1, 1, 1, ARRAY[1, 2, 3, 4], alpha => 'Infinity')$$),
	($$context_score(1, 1, 1, 1, ARRAY[1, 2, 3, 4], alpha => 'NaN')$$),
	($$context_score(1, 1, 1, 1, provenance_depth => 1, provenance_decay => 1.1)$$), ($$context_score(1, 1, 1, 1, provenance_depth => 1, provenance_decay => -0.1)$$)
) t(call);
SELECT context_score(1, 1, 1, 1, 'General');
SELECT context_score(1, 1, 1, 1, ARRAY[1]);
