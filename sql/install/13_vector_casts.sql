
-- ---- Casts of vectors ----

CREATE FUNCTION vector(vector, integer, boolean) RETURNS vector
	AS 'MODULE_PATHNAME', 'vecext_vector_to_vector'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;
COMMENT ON FUNCTION vector(vector, integer, boolean) IS
	'check the number of dimensions against a type modifier; -1 accepts any';

CREATE FUNCTION array_to_vector(integer[], integer, boolean) RETURNS vector
	AS 'MODULE_PATHNAME', 'vecext_array_to_vector'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION array_to_vector(integer[], integer, boolean) IS
	'convert a 1-D array without nulls; integers beyond 2^24 are rounded';

CREATE FUNCTION array_to_vector(real[], integer, boolean) RETURNS vector
	AS 'MODULE_PATHNAME', 'vecext_array_to_vector'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION array_to_vector(real[], integer, boolean) IS
	'convert a 1-D array without nulls; elements must be finite';

CREATE FUNCTION array_to_vector(double precision[], integer, boolean) RETURNS vector
	AS 'MODULE_PATHNAME', 'vecext_array_to_vector'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION array_to_vector(double precision[], integer, boolean) IS
	'convert a 1-D array without nulls; elements are rounded to float4, beyond which they count as infinite';

CREATE FUNCTION array_to_vector(numeric[], integer, boolean) RETURNS vector
	AS 'MODULE_PATHNAME', 'vecext_array_to_vector'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION array_to_vector(numeric[], integer, boolean) IS
	'convert a 1-D array without nulls; elements are rounded to float4 and must be in its range';

CREATE FUNCTION vector_to_float4(vector, integer, boolean) RETURNS real[]
	AS 'MODULE_PATHNAME', 'vecext_vector_to_float4'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION vector_to_float4(vector, integer, boolean) IS
	'convert to a 1-D array of the same elements';

CREATE CAST (vector AS vector)
	WITH FUNCTION vector(vector, integer, boolean) AS IMPLICIT;

CREATE CAST (vector AS real[])
	WITH FUNCTION vector_to_float4(vector, integer, boolean) AS IMPLICIT;

CREATE CAST (integer[] AS vector)
	WITH FUNCTION array_to_vector(integer[], integer, boolean) AS ASSIGNMENT;

CREATE CAST (real[] AS vector)
	WITH FUNCTION array_to_vector(real[], integer, boolean) AS ASSIGNMENT;

CREATE CAST (double precision[] AS vector)
	WITH FUNCTION array_to_vector(double precision[], integer, boolean) AS ASSIGNMENT;

CREATE CAST (numeric[] AS vector)
	WITH FUNCTION array_to_vector(numeric[], integer, boolean) AS ASSIGNMENT;

COMMENT ON CAST (vector AS vector) IS 'checks the number of dimensions';
COMMENT ON CAST (vector AS real[]) IS 'the elements';
COMMENT ON CAST (integer[] AS vector) IS 'a 1-D array without nulls';
COMMENT ON CAST (real[] AS vector) IS 'a 1-D array without nulls';
COMMENT ON CAST (double precision[] AS vector) IS 'a 1-D array without nulls';
COMMENT ON CAST (numeric[] AS vector) IS 'a 1-D array without nulls';
