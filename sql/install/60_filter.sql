-- payload_filter: conditions on jsonb payloads

CREATE TYPE payload_filter;

CREATE FUNCTION payload_filter_in(cstring) RETURNS payload_filter
	AS 'MODULE_PATHNAME', 'vecext_payload_filter_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
CREATE FUNCTION payload_filter_out(payload_filter) RETURNS cstring
	AS 'MODULE_PATHNAME', 'vecext_payload_filter_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION payload_filter_recv(internal) RETURNS payload_filter
	AS 'MODULE_PATHNAME', 'vecext_payload_filter_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
CREATE FUNCTION payload_filter_send(payload_filter) RETURNS bytea
	AS 'MODULE_PATHNAME', 'vecext_payload_filter_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION payload_filter_in(cstring) IS 'text form of payload_filter: JSON';
COMMENT ON FUNCTION payload_filter_out(payload_filter) IS 'canonical JSON text of a payload_filter';
COMMENT ON FUNCTION payload_filter_recv(internal) IS 'binary form of payload_filter: the text, checked as text is';
COMMENT ON FUNCTION payload_filter_send(payload_filter) IS 'binary form of payload_filter: its canonical text';

CREATE TYPE payload_filter (
	INPUT = payload_filter_in,
	OUTPUT = payload_filter_out,
	RECEIVE = payload_filter_recv,
	SEND = payload_filter_send,
	STORAGE = extended
);
COMMENT ON TYPE payload_filter IS
	'conditions on a jsonb payload: must, should, must_not, min_should, in the JSON language of Qdrant';

CREATE CAST (jsonb AS payload_filter) WITH INOUT AS ASSIGNMENT;
CREATE CAST (payload_filter AS jsonb) WITH INOUT AS ASSIGNMENT;
COMMENT ON CAST (jsonb AS payload_filter) IS 'checks that the JSON is a filter';
COMMENT ON CAST (payload_filter AS jsonb) IS 'the canonical text as jsonb';

CREATE FUNCTION payload_filter_sel(internal, oid, internal, int4) RETURNS float8
	AS 'MODULE_PATHNAME', 'vecext_payload_filter_sel' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION payload_filter_sel(internal, oid, internal, int4) IS 'selectivity of payload @~ filter';
CREATE FUNCTION payload_filter_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vecext_payload_filter_support' LANGUAGE C STRICT PARALLEL SAFE;
COMMENT ON FUNCTION payload_filter_support(internal) IS 'planner support of payload_matches: its selectivity';

CREATE FUNCTION payload_matches(payload jsonb, filter payload_filter) RETURNS bool
	AS 'MODULE_PATHNAME', 'vecext_payload_matches' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5
	SUPPORT payload_filter_support;
COMMENT ON FUNCTION payload_matches(jsonb, payload_filter) IS
	'does the payload match the filter? The same as payload @~ filter';

CREATE FUNCTION payload_matches(payload jsonb, filter payload_filter, id int8, vectors text[] DEFAULT NULL) RETURNS bool
	AS 'MODULE_PATHNAME', 'vecext_payload_matches_int8' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 5
	SUPPORT payload_filter_support;
CREATE FUNCTION payload_matches(payload jsonb, filter payload_filter, id uuid, vectors text[] DEFAULT NULL) RETURNS bool
	AS 'MODULE_PATHNAME', 'vecext_payload_matches_uuid' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 5
	SUPPORT payload_filter_support;
CREATE FUNCTION payload_matches(payload jsonb, filter payload_filter, id text, vectors text[] DEFAULT NULL) RETURNS bool
	AS 'MODULE_PATHNAME', 'vecext_payload_matches_text' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 5
	SUPPORT payload_filter_support;
COMMENT ON FUNCTION payload_matches(jsonb, payload_filter, int8, text[]) IS
	'does a row of this payload, this id and vectors of these names match the filter? For filters with has_id, slice, has_vector';
COMMENT ON FUNCTION payload_matches(jsonb, payload_filter, uuid, text[]) IS
	'does a row of this payload, this id and vectors of these names match the filter? For filters with has_id, slice, has_vector';
COMMENT ON FUNCTION payload_matches(jsonb, payload_filter, text, text[]) IS
	'does a row of this payload, this id and vectors of these names match the filter? For filters with has_id, slice, has_vector';

CREATE OPERATOR @~ (
	LEFTARG = jsonb, RIGHTARG = payload_filter, FUNCTION = payload_matches,
	RESTRICT = payload_filter_sel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR @~ (jsonb, payload_filter) IS 'the payload matches the filter';

CREATE FUNCTION payload_filter_sql(filter payload_filter, column_name text, id_column text DEFAULT NULL) RETURNS text
	AS 'MODULE_PATHNAME', 'vecext_payload_filter_sql' LANGUAGE C STABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION payload_filter_sql(payload_filter, text, text) IS
	'the filter as an SQL condition on the jsonb column of that name, which may be qualified; id_column is for has_id and slice';

CREATE FUNCTION payload_datetime(value text) RETURNS timestamptz
	AS 'MODULE_PATHNAME', 'vecext_payload_datetime' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION payload_datetime(text) IS
	'date and time as range conditions of filters read them, whatever the TimeZone; NULL if the text is none';

-- Terms: what can be looked up to rule out most payloads
CREATE FUNCTION payload_terms(payload jsonb) RETURNS text[]
	AS 'MODULE_PATHNAME', 'vecext_payload_terms' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION payload_terms(jsonb) IS
	'every string, number and boolean of the payload with the keys that lead to it, such as tags = "a"';

CREATE FUNCTION payload_filter_terms(filter payload_filter) RETURNS SETOF text[]
	AS 'MODULE_PATHNAME', 'vecext_payload_filter_terms' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 3;
COMMENT ON FUNCTION payload_filter_terms(payload_filter) IS
	'groups of terms; the payload_terms of every payload that the filter matches have at least one term of each group';
