-- Arithmetic, norm, slices and bits of vectors
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
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

SELECT '[1,2,3]'::vector + '[4,5,6]' AS add, '[1,2,3]'::vector - '[4,5,6]' AS subtract,
	'[1,2,3]'::vector * '[4,5,6]' AS multiply, '[1,2,3]'::vector || '[4,5]' AS concatenate;
SELECT vector_add('[1,2,3,4,5,6,7]', '[1,1,1,1,1,1,1]'), vector_sub('[1,2,3,4,5,6,7]', '[1,1,1,1,1,1,1]'),
	vector_mul('[1,2,3,4,5,6,7]', '[2,2,2,2,2,2,2]'), vector_concat('[1]', '[2]');

-- Each position, whatever the length
SELECT count(*) FILTER (WHERE a + b = array_fill(dims + 1, ARRAY[dims])::vector) AS add,
	count(*) FILTER (WHERE a - a = array_fill(0, ARRAY[dims])::vector) AS subtract,
	count(*) FILTER (WHERE (a * b)::real[] = ARRAY(SELECT (i * (dims + 1 - i))::real FROM generate_series(1, dims) i)) AS multiply,
	count(*) FILTER (WHERE (a || b)::real[] = a::real[] || b::real[]) AS concatenate,
	count(*)
FROM generate_series(1, 40) dims,
	LATERAL (SELECT array_agg(i)::vector AS a, array_agg(dims + 1 - i)::vector AS b FROM generate_series(1, dims) i) t;

-- An argument that is not an aggregate's state stays as it was
SELECT v + v AS sum, v FROM (VALUES ('[1,2,3]'::vector)) t(v);

-- Overflow at each position of lengths with and without a rest
SELECT count(*), min(outcome), max(outcome)
FROM generate_series(1, 9) dims, generate_series(1, dims) position, unnest(ARRAY['+', '-', '*']) operator,
	LATERAL (SELECT array_agg((i = position)::int * 3e38::real) AS a FROM generate_series(1, dims) i) t,
	pg_temp.outcome(format('SELECT %L::real[]::vector %s %L::real[]::vector', a, operator,
		CASE WHEN operator = '-' THEN (SELECT array_agg(-e ORDER BY o) FROM unnest(a) WITH ORDINALITY u(e, o)) ELSE a END)) outcome;
SELECT input, pg_temp.outcome('SELECT ' || input) FROM (VALUES
	($$'[3e38]'::vector + '[3e38]'$$), ($$'[-3e38]'::vector + '[-3e38]'$$), ($$'[3e38]'::vector + '[-3e38]'$$),
	($$'[-3e38]'::vector - '[3e38]'$$), ($$'[1e37]'::vector * '[1e37]'$$), ($$'[1e-37]'::vector * '[1e-37]'$$),
	($$'[1e-37]'::vector * '[0]'$$), ($$'[1e-20]'::vector * '[1e-20]'$$),
	($$'[1,2]'::vector + '[3]'$$), ($$'[1,2]'::vector - '[3]'$$), ($$'[1,2]'::vector * '[3]'$$)
) t(input);
SELECT pg_temp.outcome($$SELECT vector_dims(array_fill(0, ARRAY[15999])::vector || '[1]')$$) AS at_limit,
	pg_temp.outcome($$SELECT array_fill(0, ARRAY[16000])::vector || '[1]'$$) AS beyond;

-- Dimensions, norm, normalisation
SELECT vector_dims('[1,2,3]'), vector_dims(array_fill(0, ARRAY[16000])::vector) AS most, vector_dims(NULL::vector) AS of_null;
SELECT vector_norm('[3,4]'), vector_norm('[0,1]'), vector_norm('[0,0]'), vector_norm('[2]'), vector_norm('[1,1,1,1,1,1,1,1,1]'),
	vector_norm('[3e37,4e37]')::real AS great, vector_norm('[3e-40,4e-40]')::real AS small;
SELECT v, l2_normalize(v) FROM (VALUES ('[3,4]'::vector), ('[3,0]'), ('[0,0.1]'), ('[0,0]'), ('[-0,0,0]'), ('[3e38]'), ('[3e38,-3e38,3e38]'),
	('[1e-45]'), ('[0,0,0,0,-7]')) t(v);
SELECT max(abs(vector_norm(l2_normalize(v)) - 1)) < 1e-6 AS unit
FROM (SELECT array_agg(random() - 0.5)::vector AS v FROM generate_series(1, 50) dims, generate_series(1, dims) i GROUP BY dims) t;

-- One bit an element: greater than 0
SELECT binary_quantize('[1,0,-1]'), binary_quantize('[0,-0,1e-45,-1e-45]'),
	binary_quantize('[0,0.1,-0.2,-0.3,0.4,0.5,0.6,-0.7,0.8,-0.9,1]'), binary_quantize('[1,2,3,-4,5,6,-7,8,1,-2,-3,4,5,-6,7,8,-1,2,3]');
SELECT count(*) FILTER (WHERE binary_quantize(v)::text =
		(SELECT string_agg((e > 0)::int::text, '' ORDER BY o) FROM unnest(v::real[]) WITH ORDINALITY u(e, o))) AS right,
	count(*) FILTER (WHERE bit_length(binary_quantize(v)) = vector_dims(v)) AS long_enough, count(*)
FROM (SELECT array_agg(random() - 0.5)::vector AS v FROM generate_series(1, 70) dims, generate_series(1, dims) i GROUP BY dims) t;
SELECT binary_quantize('[1,-1,1]')::bit(3) & B'110' AS usable;

-- subvector counts from 1, cuts what sticks out, and never overflows
SELECT start, count, pg_temp.outcome(format('SELECT subvector(''[1,2,3,4,5]''::vector, %s, %s)', start, count))
FROM (VALUES (1, 3), (3, 2), (5, 1), (1, 5), (-1, 3), (0, 2), (3, 9), (1, 0), (3, -1), (-1, 2), (0, 1), (6, 1),
	(2147483647, 10), (2147483647, 2147483647), (3, 2147483647), (1, 2147483647), (-2147483644, 2147483647),
	(-2147483648, 2147483647), (-2147483648, -2147483648), (2147483647, -2147483648)) t(start, count);
SELECT subvector('[1,2,3,4,5]'::vector, 2, 2)::vector(2);
