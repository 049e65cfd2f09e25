-- Distances between vectors
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;

SELECT '[0,0]'::vector <-> '[3,4]' AS l2, '[1,2]'::vector <#> '[3,4]' AS negative_ip,
	'[1,0]'::vector <=> '[0,2]' AS cosine, '[0,0]'::vector <+> '[3,4]' AS l1;
SELECT l2_distance('[0,0]'::vector, '[3,4]'), inner_product('[1,2]'::vector, '[3,4]'),
	cosine_distance('[1,0]'::vector, '[0,2]'), l1_distance('[0,0]'::vector, '[3,-4]');
SELECT vector_l2_squared_distance('[0,0]', '[3,4]'), vector_negative_inner_product('[1,2]', '[3,4]'),
	vector_spherical_distance('[1,0]', '[0,1]');

-- Longer than a register of any width
SELECT l2_distance(a, b), inner_product(a, b), l1_distance(a, b), vector_l2_squared_distance(a, b)
FROM (VALUES ('[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]'::vector, '[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,4,5]'::vector)) t(a, b);

-- Each element counts once, whatever the length
SELECT sum((v <-> zero = 1)::int) AS l2, sum((v <#> one = -1)::int) AS ip, sum((v <+> zero = 1)::int) AS l1,
	sum((abs((v <=> one) - (1 - 1 / sqrt(dims))) < 1e-6)::int) AS cosine, count(*)
FROM generate_series(1, 67) dims, generate_series(1, dims) i,
	LATERAL (SELECT array_agg((j = i)::int)::vector AS v FROM generate_series(1, dims) j) unit,
	LATERAL (SELECT array_fill(0, ARRAY[dims])::vector AS zero, array_fill(1, ARRAY[dims])::vector AS one) full_length;

-- Sums are float4, the root of one is float8
SELECT inner_product('[0.1]'::vector, '[0.1]') = '0.1'::real * '0.1'::real AS float4_sum,
	'[0.1]'::vector <-> '[0]' = sqrt(('0.1'::real * '0.1'::real)::float8) AS float8_root;

-- Overflow gives infinity, never an error
SELECT l2_distance('[3e38]'::vector, '[-3e38]'), inner_product('[3e38]'::vector, '[3e38]'),
	vector_negative_inner_product('[3e38]'::vector, '[3e38]'), inner_product('[3e38]'::vector, '[-3e38]'),
	l1_distance('[3e38]'::vector, '[-3e38]'), vector_l2_squared_distance('[1e20]'::vector, '[-1e20]');

-- Cosine: in range, NaN for zero vectors.  A norm whose square overflows makes
-- the quotient 0, or NaN if the product overflows, too; a norm whose square
-- underflows makes it infinite, which counts as 1.
SELECT cosine_distance('[1,2]'::vector, '[2,4]') AS same, cosine_distance('[1,1]'::vector, '[1.1,1.1]') BETWEEN 0 AND 1e-6 AS parallel,
	cosine_distance('[1,1]'::vector, '[-1.1,-1.1]') BETWEEN 2 - 1e-6 AND 2 AS opposite,
	cosine_distance('[1,2,3,4,5,6,7,8,9]'::vector, '[1,2,3,4,5,6,7,8,9]') AS same_9,
	cosine_distance('[1,2,3,4,5,6,7,8,9]'::vector, '[-1,-2,-3,-4,-5,-6,-7,-8,-9]') AS opposite_9;
SELECT cosine_distance('[1,2]'::vector, '[0,0]') AS one_zero, cosine_distance('[0,0]'::vector, '[0,0]') AS both_zero,
	cosine_distance('[3e38]'::vector, '[3e38]') AS overflow,
	cosine_distance('[1e30]'::vector, '[-1]') AS one_overflow, cosine_distance('[1e-30]'::vector, '[1]') AS underflow;
SELECT vector_spherical_distance('[1,0]', '[1,0]') AS same, vector_spherical_distance('[1,0]', '[-1,0]') AS opposite,
	vector_spherical_distance('[2,0]', '[2,0]') AS clamped, vector_spherical_distance('[2,0]', '[-2,0]') AS clamped_opposite;

-- The commutators tell the truth, NULL gives NULL
SELECT count(*) FILTER (WHERE a <-> b = b <-> a AND a <#> b = b <#> a AND a <=> b = b <=> a AND a <+> b = b <+> a) AS commute,
	count(*)
FROM (SELECT (SELECT array_agg(random() - 0.5)::vector FROM generate_series(1, i)) AS a,
		(SELECT array_agg(random() - 0.5)::vector FROM generate_series(1, i)) AS b
	FROM generate_series(1, 100) i) t;
SELECT '[1]'::vector <-> NULL AS l2, NULL <#> '[1]'::vector AS ip, cosine_distance(NULL::vector, '[1]') AS cosine;

-- Each kernel variant that this CPU has gives the same, up to rounding
CREATE FUNCTION pg_temp.distances(variant text, a vector, b vector) RETURNS float8[] LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('vecext.simd', variant, true);
	RETURN ARRAY[a <-> b, a <#> b, a <=> b, a <+> b];
EXCEPTION WHEN invalid_parameter_value THEN
	RETURN pg_temp.distances('scalar', a, b);
END
$$;
SELECT variant, bool_and(abs(d - s) <= 1e-4 * (1 + abs(s))) AS near_scalar
FROM (SELECT (SELECT array_agg(random() - 0.5)::vector FROM generate_series(1, i)) AS a,
		(SELECT array_agg(random() - 0.5)::vector FROM generate_series(1, i)) AS b
	FROM generate_series(1, 200) i OFFSET 0) t,
	unnest(ARRAY['auto', 'avx2', 'avx512', 'neon']) variant,
	unnest(pg_temp.distances('scalar', a, b), pg_temp.distances(variant, a, b)) u(s, d)
GROUP BY variant ORDER BY variant COLLATE "C";

-- Different dimensions
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
SELECT name, pg_temp.outcome(format('SELECT %I(%L::vector, %L::vector)', name, '[1,2]', '[3]'))
FROM unnest(ARRAY['l2_distance', 'inner_product', 'cosine_distance', 'l1_distance', 'vector_l2_squared_distance',
	'vector_negative_inner_product', 'vector_spherical_distance']) name;
SELECT operator, pg_temp.outcome(format('SELECT %L::vector %s %L', '[1]', operator, '[2,3]'))
FROM unnest(ARRAY['<->', '<#>', '<=>', '<+>']) operator;

-- Ordering by distance
SELECT v FROM (VALUES ('[5,5]'::vector), ('[1,1]'), (NULL), ('[3,3]')) t(v) ORDER BY v <-> '[2,2.5]';
