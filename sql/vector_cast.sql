-- Casts between vectors and arrays
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

SELECT ARRAY[1,2,3]::vector AS int4, ARRAY[1,2,3]::real[]::vector AS float4, ARRAY[1,2,3]::float8[]::vector AS float8,
	ARRAY[1.5,-2.25,300000]::vector AS "numeric", '[1,2,3]'::vector::real[] AS back;
SELECT input, pg_temp.outcome('SELECT ' || input) FROM (VALUES
	('ARRAY[2147483647,-2147483648]::vector'),
	($$'{1,2,3}'::real[]::vector(3)$$), ($$'{1,2,3}'::real[]::vector(2)$$), ($$'{1,2,3}'::float8[]::vector(2)$$),
	($$'{1,2,3}'::int[]::vector(4)$$), ($$'{1,2,3}'::numeric[]::vector(2)$$),
	($$'{NULL}'::real[]::vector$$), ($$'{1,NULL}'::int[]::vector$$), ($$'{1,NULL}'::float8[]::vector$$), ($$'{NULL,1}'::numeric[]::vector$$),
	($$'{NaN}'::real[]::vector$$), ($$'{1,NaN,Infinity}'::float8[]::vector$$), ($$'{NaN}'::numeric[]::vector$$),
	($$'{Infinity}'::real[]::vector$$), ($$'{-Infinity}'::real[]::vector$$), ($$'{1,2,3,4,5,Infinity}'::real[]::vector$$),
	($$'{Infinity}'::numeric[]::vector$$),
	($$'{4e38}'::float8[]::vector$$), ($$'{-4e38}'::float8[]::vector$$), ($$'{4e38}'::numeric[]::vector$$),
	($$'{1e-46,-1e-46}'::float8[]::vector$$), ($$'{3.4028235677973366e38}'::float8[]::vector$$),
	($$'{}'::real[]::vector$$), ($$'{}'::int[]::vector$$), ($$'{}'::numeric[]::vector$$),
	($$'{{1}}'::real[]::vector$$), ($$'{{1,2},{3,4}}'::int[]::vector$$), ($$'{{NULL}}'::real[]::vector$$),
	($$'[5:7]={1,2,3}'::int[]::vector$$),
	($$array_fill(0, ARRAY[16000])::vector(16000) <-> array_fill(1, ARRAY[16000])::vector$$),
	('array_fill(0, ARRAY[16001])::vector'), ($$array_fill(0::numeric, ARRAY[16001])::vector$$),
	('array_to_vector(array_fill(0, ARRAY[16001]), 16001, false)'), ('array_to_vector(ARRAY[1,2], -1, true)'),
	($$array_remove(ARRAY[1,NULL,2], NULL)::vector$$),
	($$'[1,2,3]'::vector::vector(3)$$), ($$'[1,2,3]'::vector::vector(2)$$), ($$vector('[1,2,3]'::vector, 3, false)$$),
	($$vector('[1,2,3]'::vector, -1, false)$$), ($$vector('[1,2,3]'::vector, 4, true)$$)
) t(input);

-- Which casts need to be written, and which come with an assignment
CREATE TABLE vector_cast (v vector(3));
INSERT INTO vector_cast VALUES (ARRAY[1,2,3]), (ARRAY[1,2,3]::real[]), (ARRAY[1,2,3]::float8[]), (ARRAY[1,2,3]::numeric[]);
SELECT v, count(*) FROM vector_cast GROUP BY v;
SELECT pg_temp.outcome('SELECT vector_norm(ARRAY[1,2,3]::int[])') ~ '^42883 ' AS not_implicit;
SELECT array_to_vector('[1,2,3]'::vector, -1, false) AS implicit_to_float4_array;
SELECT ARRAY[1,2,3] = ARRAY[1,2,3] AS arrays_still_compare;
DROP TABLE vector_cast;

-- An array that has a null bitmap but no nulls any more
SELECT a::vector FROM (SELECT ('{NULL,2,3}'::int[])[2:3] AS a) t;

-- Round trips
SELECT count(*) FILTER (WHERE v = v::real[]::vector AND v = v::real[]::float8[]::vector AND array_ndims(v::real[]) = 1
	AND array_lower(v::real[], 1) = 1 AND cardinality(v::real[]) = vector_dims(v)) AS same, count(*)
FROM (SELECT array_agg(random() - 0.5)::vector AS v FROM generate_series(1, 50) dims, generate_series(1, dims) i GROUP BY dims) t;
SELECT count(*) FILTER (WHERE a::vector::real[] = a::real[]) AS numerics_as_float4, count(*)
FROM (SELECT array_agg((random() * 10 ^ (i % 30 - 15))::numeric) AS a FROM generate_series(1, 30) dims, generate_series(1, dims) i GROUP BY dims) t;

-- A function of one's own over the same C code, with a type it does not know
CREATE FUNCTION pg_temp.bigints_to_vector(bigint[], integer, boolean) RETURNS vector
	AS '$libdir/vecext', 'vecext_array_to_vector' LANGUAGE C IMMUTABLE STRICT;
SELECT pg_temp.outcome('SELECT pg_temp.bigints_to_vector(ARRAY[1,2], -1, false)');
