-- vector_ball: the right side of threshold conditions that indexes answer

CREATE TYPE vector_ball;

CREATE FUNCTION vector_ball_in(cstring) RETURNS vector_ball
	AS 'MODULE_PATHNAME', 'vecext_vector_ball_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_ball_out(vector_ball) RETURNS cstring
	AS 'MODULE_PATHNAME', 'vecext_vector_ball_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_ball_recv(internal) RETURNS vector_ball
	AS 'MODULE_PATHNAME', 'vecext_vector_ball_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_ball_send(vector_ball) RETURNS bytea
	AS 'MODULE_PATHNAME', 'vecext_vector_ball_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE vector_ball (
	INPUT = vector_ball_in,
	OUTPUT = vector_ball_out,
	RECEIVE = vector_ball_recv,
	SEND = vector_ball_send,
	STORAGE = external,
	ALIGNMENT = double
);
COMMENT ON FUNCTION vector_ball_in(cstring) IS 'text input of vector_ball: <[x,y,...],radius>';
COMMENT ON FUNCTION vector_ball_out(vector_ball) IS 'text output of vector_ball';
COMMENT ON FUNCTION vector_ball_recv(internal) IS 'binary input of vector_ball: float8 radius, then a vector';
COMMENT ON FUNCTION vector_ball_send(vector_ball) IS 'binary output of vector_ball: float8 radius, then a vector';
COMMENT ON TYPE vector_ball IS
	'all vectors within a distance (radius) of a vector (centre), written <[1,2,3],0.5>; built by threshold functions such as l2_within';

CREATE FUNCTION vector_ball(center vector, radius float8) RETURNS vector_ball
	AS 'MODULE_PATHNAME', 'vecext_vector_ball' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_ball(vector, float8) IS
	'ball of a radius around a vector; a radius of NaN holds nothing';

-- Threshold operators, one per metric
CREATE FUNCTION l2_within(vector, vector_ball) RETURNS bool
	AS 'MODULE_PATHNAME', 'vecext_l2_within_ball' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
CREATE FUNCTION ip_within(vector, vector_ball) RETURNS bool
	AS 'MODULE_PATHNAME', 'vecext_ip_within_ball' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
CREATE FUNCTION cosine_within(vector, vector_ball) RETURNS bool
	AS 'MODULE_PATHNAME', 'vecext_cosine_within_ball' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
CREATE FUNCTION l1_within(vector, vector_ball) RETURNS bool
	AS 'MODULE_PATHNAME', 'vecext_l1_within_ball' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION l2_within(vector, vector_ball) IS 'implementation of <->@ operator';
COMMENT ON FUNCTION ip_within(vector, vector_ball) IS 'implementation of <#>@ operator';
COMMENT ON FUNCTION cosine_within(vector, vector_ball) IS 'implementation of <=>@ operator';
COMMENT ON FUNCTION l1_within(vector, vector_ball) IS 'implementation of <+>@ operator';

CREATE FUNCTION vector_ball_sel(internal, oid, internal, int4) RETURNS float8
	AS 'MODULE_PATHNAME', 'vecext_vector_ball_sel' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_ball_sel(internal, oid, internal, int4) IS 'selectivity of vector <->@ vector_ball and its like';

CREATE OPERATOR <->@ (
	LEFTARG = vector, RIGHTARG = vector_ball, FUNCTION = l2_within,
	RESTRICT = vector_ball_sel, JOIN = matchingjoinsel
);
CREATE OPERATOR <#>@ (
	LEFTARG = vector, RIGHTARG = vector_ball, FUNCTION = ip_within,
	RESTRICT = vector_ball_sel, JOIN = matchingjoinsel
);
CREATE OPERATOR <=>@ (
	LEFTARG = vector, RIGHTARG = vector_ball, FUNCTION = cosine_within,
	RESTRICT = vector_ball_sel, JOIN = matchingjoinsel
);
CREATE OPERATOR <+>@ (
	LEFTARG = vector, RIGHTARG = vector_ball, FUNCTION = l1_within,
	RESTRICT = vector_ball_sel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR <->@ (vector, vector_ball) IS 'L2 distance to the centre is at most the radius';
COMMENT ON OPERATOR <#>@ (vector, vector_ball) IS 'negative inner product with the centre is at most the radius';
COMMENT ON OPERATOR <=>@ (vector, vector_ball) IS 'cosine distance to the centre is at most the radius';
COMMENT ON OPERATOR <+>@ (vector, vector_ball) IS 'L1 distance to the centre is at most the radius';

-- What people write
CREATE FUNCTION vecext_within_support(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vecext_within_support' LANGUAGE C STRICT;
COMMENT ON FUNCTION vecext_within_support(internal) IS
	'planner support of l2_within, ip_within, cosine_within and l1_within';

CREATE FUNCTION l2_within(embedding vector, query vector, radius float8) RETURNS bool
	AS 'MODULE_PATHNAME', 'vecext_l2_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
	SUPPORT vecext_within_support;
CREATE FUNCTION ip_within(embedding vector, query vector, radius float8) RETURNS bool
	AS 'MODULE_PATHNAME', 'vecext_ip_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
	SUPPORT vecext_within_support;
CREATE FUNCTION cosine_within(embedding vector, query vector, radius float8) RETURNS bool
	AS 'MODULE_PATHNAME', 'vecext_cosine_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
	SUPPORT vecext_within_support;
CREATE FUNCTION l1_within(embedding vector, query vector, radius float8) RETURNS bool
	AS 'MODULE_PATHNAME', 'vecext_l1_within' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
	SUPPORT vecext_within_support;
COMMENT ON FUNCTION l2_within(vector, vector, float8) IS
	'true if embedding <-> query <= radius; an index with vector_l2_ops can answer it';
COMMENT ON FUNCTION ip_within(vector, vector, float8) IS
	'true if embedding <#> query <= radius (the negative inner product); an index with vector_ip_ops can answer it';
COMMENT ON FUNCTION cosine_within(vector, vector, float8) IS
	'true if embedding <=> query <= radius; an index with vector_cosine_ops can answer it';
COMMENT ON FUNCTION l1_within(vector, vector, float8) IS
	'true if embedding <+> query <= radius; an index with vector_l1_ops can answer it';
