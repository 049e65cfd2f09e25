\echo Use "CREATE EXTENSION vecext" to load this file. \quit

-- pgvector defines the same types, operators and access methods; names of
-- access methods are the database's own, so that not even another schema
-- helps.  This extension has no members yet, which tells it from the others,
-- whatever its own name is.
DO $$
DECLARE
	other pg_catalog.name;
	is_vecext pg_catalog.bool;
BEGIN
	SELECT e.extname, pg_catalog.bool_or(p.probin LIKE '%vecext%')
	INTO other, is_vecext
	FROM pg_catalog.pg_extension e
	JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
		AND d.refobjid = e.oid AND d.deptype = 'e'
	LEFT JOIN pg_catalog.pg_proc p ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
		AND p.oid = d.objid
	WHERE e.extname IN ('vector', 'vecext')
	GROUP BY e.extname
	LIMIT 1;

	IF is_vecext THEN
		RAISE EXCEPTION USING
			ERRCODE = 'duplicate_object',
			MESSAGE = pg_catalog.format('vecext is already in this database, as extension "%s"', other);
	ELSIF other IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = 'vecext and pgvector cannot live in one database',
			HINT = 'To move from pgvector to vecext, see the migration guide, docs/user/migrating.md.';
	END IF;
END
$$;

-- Costs of functions are in units of cpu_operator_cost, taken for 10 ns:
-- measured on vectors of 100 and 784 dimensions stored in the row, rounded to
-- the order of magnitude.

-- ---- The type ----

CREATE TYPE vector;

CREATE FUNCTION vector_in(cstring, oid, integer) RETURNS vector
	AS 'MODULE_PATHNAME', 'vecext_vector_in'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 500;
COMMENT ON FUNCTION vector_in(cstring, oid, integer) IS
	'text input of vector: [x,y,...], 1 to 16000 finite float4 numbers';

CREATE FUNCTION vector_out(vector) RETURNS cstring
	AS 'MODULE_PATHNAME', 'vecext_vector_out'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION vector_out(vector) IS
	'text output of vector: each element as the shortest decimal that reads back as the same float4';

CREATE FUNCTION vector_typmod_in(cstring[]) RETURNS integer
	AS 'MODULE_PATHNAME', 'vecext_vector_typmod_in'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;
COMMENT ON FUNCTION vector_typmod_in(cstring[]) IS
	'type modifier of vector: vector(n) has n dimensions, 1 to 16000';

CREATE FUNCTION vector_recv(internal, oid, integer) RETURNS vector
	AS 'MODULE_PATHNAME', 'vecext_vector_recv'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION vector_recv(internal, oid, integer) IS
	'binary input of vector: int16 dimensions, int16 0, float4 elements, in network byte order';

CREATE FUNCTION vector_send(vector) RETURNS bytea
	AS 'MODULE_PATHNAME', 'vecext_vector_send'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION vector_send(vector) IS
	'binary output of vector: int16 dimensions, int16 0, float4 elements, in network byte order';

CREATE TYPE vector (
	INPUT = vector_in,
	OUTPUT = vector_out,
	TYPMOD_IN = vector_typmod_in,
	RECEIVE = vector_recv,
	SEND = vector_send,
	STORAGE = external
);
COMMENT ON TYPE vector IS
	'vector of 1 to 16000 finite float4 elements; vector(n) has exactly n';
