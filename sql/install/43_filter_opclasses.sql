-- Operator classes of the columns after the vector, for conditions

-- What the access methods ask such a class for: pointers to C structures, so
-- that nobody can call these functions.

CREATE FUNCTION vecext_column_int2(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vecext_column_int2' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION vecext_column_int4(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vecext_column_int4' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION vecext_column_int8(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vecext_column_int8' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION vecext_column_float4(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vecext_column_float4' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION vecext_column_float8(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vecext_column_float8' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION vecext_column_numeric(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vecext_column_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION vecext_column_bool(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vecext_column_bool' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION vecext_column_date(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vecext_column_date' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION vecext_column_timestamp(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vecext_column_timestamp' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION vecext_column_timestamptz(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vecext_column_timestamptz' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION vecext_column_uuid(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vecext_column_uuid' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION vecext_column_text(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vecext_column_text' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION vecext_column_enum(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vecext_column_enum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION vecext_column_inet(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vecext_column_inet' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION vecext_column_array(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vecext_column_array' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION vecext_column_jsonb(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'vecext_column_jsonb' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION vecext_column_int2(internal) IS 'how indexes keep columns of type smallint';
COMMENT ON FUNCTION vecext_column_int4(internal) IS 'how indexes keep columns of type integer';
COMMENT ON FUNCTION vecext_column_int8(internal) IS 'how indexes keep columns of type bigint';
COMMENT ON FUNCTION vecext_column_float4(internal) IS 'how indexes keep columns of type real';
COMMENT ON FUNCTION vecext_column_float8(internal) IS 'how indexes keep columns of type double precision';
COMMENT ON FUNCTION vecext_column_numeric(internal) IS 'how indexes keep columns of type numeric';
COMMENT ON FUNCTION vecext_column_bool(internal) IS 'how indexes keep columns of type boolean';
COMMENT ON FUNCTION vecext_column_date(internal) IS 'how indexes keep columns of type date';
COMMENT ON FUNCTION vecext_column_timestamp(internal) IS 'how indexes keep columns of type timestamp';
COMMENT ON FUNCTION vecext_column_timestamptz(internal) IS 'how indexes keep columns of type timestamptz';
COMMENT ON FUNCTION vecext_column_uuid(internal) IS 'how indexes keep columns of type uuid';
COMMENT ON FUNCTION vecext_column_text(internal) IS 'how indexes keep columns of type text';
COMMENT ON FUNCTION vecext_column_enum(internal) IS 'how indexes keep columns of enums';
COMMENT ON FUNCTION vecext_column_inet(internal) IS 'how indexes keep columns of type inet';
COMMENT ON FUNCTION vecext_column_array(internal) IS 'how indexes keep columns of arrays';
COMMENT ON FUNCTION vecext_column_jsonb(internal) IS 'how indexes keep columns of type jsonb';

-- flat
CREATE OPERATOR FAMILY integer_ops USING flat;
CREATE OPERATOR CLASS int2_ops DEFAULT FOR TYPE int2 USING flat FAMILY integer_ops AS
	OPERATOR 1 < (int2, int2),
	OPERATOR 2 <= (int2, int2),
	OPERATOR 3 = (int2, int2),
	OPERATOR 4 >= (int2, int2),
	OPERATOR 5 > (int2, int2),
	FUNCTION 4 vecext_column_int2(internal);
CREATE OPERATOR CLASS int4_ops DEFAULT FOR TYPE int4 USING flat FAMILY integer_ops AS
	OPERATOR 1 < (int4, int4),
	OPERATOR 2 <= (int4, int4),
	OPERATOR 3 = (int4, int4),
	OPERATOR 4 >= (int4, int4),
	OPERATOR 5 > (int4, int4),
	FUNCTION 4 vecext_column_int4(internal);
CREATE OPERATOR CLASS int8_ops DEFAULT FOR TYPE int8 USING flat FAMILY integer_ops AS
	OPERATOR 1 < (int8, int8),
	OPERATOR 2 <= (int8, int8),
	OPERATOR 3 = (int8, int8),
	OPERATOR 4 >= (int8, int8),
	OPERATOR 5 > (int8, int8),
	FUNCTION 4 vecext_column_int8(internal);
ALTER OPERATOR FAMILY integer_ops USING flat ADD
	OPERATOR 1 < (int2, int4),
	OPERATOR 2 <= (int2, int4),
	OPERATOR 3 = (int2, int4),
	OPERATOR 4 >= (int2, int4),
	OPERATOR 5 > (int2, int4),
	OPERATOR 1 < (int2, int8),
	OPERATOR 2 <= (int2, int8),
	OPERATOR 3 = (int2, int8),
	OPERATOR 4 >= (int2, int8),
	OPERATOR 5 > (int2, int8),
	OPERATOR 1 < (int4, int2),
	OPERATOR 2 <= (int4, int2),
	OPERATOR 3 = (int4, int2),
	OPERATOR 4 >= (int4, int2),
	OPERATOR 5 > (int4, int2),
	OPERATOR 1 < (int4, int8),
	OPERATOR 2 <= (int4, int8),
	OPERATOR 3 = (int4, int8),
	OPERATOR 4 >= (int4, int8),
	OPERATOR 5 > (int4, int8),
	OPERATOR 1 < (int8, int2),
	OPERATOR 2 <= (int8, int2),
	OPERATOR 3 = (int8, int2),
	OPERATOR 4 >= (int8, int2),
	OPERATOR 5 > (int8, int2),
	OPERATOR 1 < (int8, int4),
	OPERATOR 2 <= (int8, int4),
	OPERATOR 3 = (int8, int4),
	OPERATOR 4 >= (int8, int4),
	OPERATOR 5 > (int8, int4);
CREATE OPERATOR FAMILY float_ops USING flat;
CREATE OPERATOR CLASS float4_ops DEFAULT FOR TYPE float4 USING flat FAMILY float_ops AS
	OPERATOR 1 < (float4, float4),
	OPERATOR 2 <= (float4, float4),
	OPERATOR 3 = (float4, float4),
	OPERATOR 4 >= (float4, float4),
	OPERATOR 5 > (float4, float4),
	FUNCTION 4 vecext_column_float4(internal);
CREATE OPERATOR CLASS float8_ops DEFAULT FOR TYPE float8 USING flat FAMILY float_ops AS
	OPERATOR 1 < (float8, float8),
	OPERATOR 2 <= (float8, float8),
	OPERATOR 3 = (float8, float8),
	OPERATOR 4 >= (float8, float8),
	OPERATOR 5 > (float8, float8),
	FUNCTION 4 vecext_column_float8(internal);
ALTER OPERATOR FAMILY float_ops USING flat ADD
	OPERATOR 1 < (float4, float8),
	OPERATOR 2 <= (float4, float8),
	OPERATOR 3 = (float4, float8),
	OPERATOR 4 >= (float4, float8),
	OPERATOR 5 > (float4, float8),
	OPERATOR 1 < (float8, float4),
	OPERATOR 2 <= (float8, float4),
	OPERATOR 3 = (float8, float4),
	OPERATOR 4 >= (float8, float4),
	OPERATOR 5 > (float8, float4);
CREATE OPERATOR FAMILY timestamp_ops USING flat;
CREATE OPERATOR CLASS timestamp_ops DEFAULT FOR TYPE timestamp USING flat FAMILY timestamp_ops AS
	OPERATOR 1 < (timestamp, timestamp),
	OPERATOR 2 <= (timestamp, timestamp),
	OPERATOR 3 = (timestamp, timestamp),
	OPERATOR 4 >= (timestamp, timestamp),
	OPERATOR 5 > (timestamp, timestamp),
	FUNCTION 4 vecext_column_timestamp(internal);
CREATE OPERATOR CLASS timestamptz_ops DEFAULT FOR TYPE timestamptz USING flat FAMILY timestamp_ops AS
	OPERATOR 1 < (timestamptz, timestamptz),
	OPERATOR 2 <= (timestamptz, timestamptz),
	OPERATOR 3 = (timestamptz, timestamptz),
	OPERATOR 4 >= (timestamptz, timestamptz),
	OPERATOR 5 > (timestamptz, timestamptz),
	FUNCTION 4 vecext_column_timestamptz(internal);
ALTER OPERATOR FAMILY timestamp_ops USING flat ADD
	OPERATOR 1 < (timestamp, date),
	OPERATOR 2 <= (timestamp, date),
	OPERATOR 3 = (timestamp, date),
	OPERATOR 4 >= (timestamp, date),
	OPERATOR 5 > (timestamp, date),
	OPERATOR 1 < (timestamptz, date),
	OPERATOR 2 <= (timestamptz, date),
	OPERATOR 3 = (timestamptz, date),
	OPERATOR 4 >= (timestamptz, date),
	OPERATOR 5 > (timestamptz, date),
	OPERATOR 1 < (timestamptz, timestamp),
	OPERATOR 2 <= (timestamptz, timestamp),
	OPERATOR 3 = (timestamptz, timestamp),
	OPERATOR 4 >= (timestamptz, timestamp),
	OPERATOR 5 > (timestamptz, timestamp);
CREATE OPERATOR CLASS bool_ops DEFAULT FOR TYPE bool USING flat AS
	OPERATOR 1 < (bool, bool),
	OPERATOR 2 <= (bool, bool),
	OPERATOR 3 = (bool, bool),
	OPERATOR 4 >= (bool, bool),
	OPERATOR 5 > (bool, bool),
	FUNCTION 4 vecext_column_bool(internal);
CREATE OPERATOR CLASS date_ops DEFAULT FOR TYPE date USING flat AS
	OPERATOR 1 < (date, date),
	OPERATOR 2 <= (date, date),
	OPERATOR 3 = (date, date),
	OPERATOR 4 >= (date, date),
	OPERATOR 5 > (date, date),
	FUNCTION 4 vecext_column_date(internal);
CREATE OPERATOR CLASS numeric_ops DEFAULT FOR TYPE numeric USING flat AS
	OPERATOR 1 < (numeric, numeric),
	OPERATOR 2 <= (numeric, numeric),
	OPERATOR 3 = (numeric, numeric),
	OPERATOR 4 >= (numeric, numeric),
	OPERATOR 5 > (numeric, numeric),
	FUNCTION 4 vecext_column_numeric(internal);
CREATE OPERATOR CLASS uuid_ops DEFAULT FOR TYPE uuid USING flat AS
	OPERATOR 1 < (uuid, uuid),
	OPERATOR 2 <= (uuid, uuid),
	OPERATOR 3 = (uuid, uuid),
	OPERATOR 4 >= (uuid, uuid),
	OPERATOR 5 > (uuid, uuid),
	FUNCTION 4 vecext_column_uuid(internal);
CREATE OPERATOR CLASS enum_ops DEFAULT FOR TYPE anyenum USING flat AS
	OPERATOR 1 < (anyenum, anyenum),
	OPERATOR 2 <= (anyenum, anyenum),
	OPERATOR 3 = (anyenum, anyenum),
	OPERATOR 4 >= (anyenum, anyenum),
	OPERATOR 5 > (anyenum, anyenum),
	FUNCTION 4 vecext_column_enum(internal);
CREATE OPERATOR CLASS text_ops DEFAULT FOR TYPE text USING flat AS
	OPERATOR 1 < (text, text),
	OPERATOR 2 <= (text, text),
	OPERATOR 3 = (text, text),
	OPERATOR 4 >= (text, text),
	OPERATOR 5 > (text, text),
	OPERATOR 6 ^@ (text, text),
	OPERATOR 7 ~~ (text, text),
	FUNCTION 4 vecext_column_text(internal);
CREATE OPERATOR CLASS inet_ops DEFAULT FOR TYPE inet USING flat AS
	OPERATOR 1 < (inet, inet),
	OPERATOR 2 <= (inet, inet),
	OPERATOR 3 = (inet, inet),
	OPERATOR 4 >= (inet, inet),
	OPERATOR 5 > (inet, inet),
	OPERATOR 8 << (inet, inet),
	OPERATOR 9 <<= (inet, inet),
	FUNCTION 4 vecext_column_inet(internal);
CREATE OPERATOR CLASS array_ops DEFAULT FOR TYPE anyarray USING flat AS
	OPERATOR 1 && (anyarray, anyarray),
	OPERATOR 2 @> (anyarray, anyarray),
	OPERATOR 3 = (anyarray, anyarray),
	FUNCTION 4 vecext_column_array(internal);
CREATE OPERATOR CLASS jsonb_ops DEFAULT FOR TYPE jsonb USING flat AS
	OPERATOR 2 @> (jsonb, jsonb),
	OPERATOR 4 ? (jsonb, text),
	OPERATOR 5 ?| (jsonb, text[]),
	OPERATOR 6 ?& (jsonb, text[]),
	FUNCTION 4 vecext_column_jsonb(internal);
COMMENT ON OPERATOR CLASS int2_ops USING flat IS 'conditions: comparisons, IN, IS NULL';
COMMENT ON OPERATOR CLASS int4_ops USING flat IS 'conditions: comparisons, IN, IS NULL';
COMMENT ON OPERATOR CLASS int8_ops USING flat IS 'conditions: comparisons, IN, IS NULL';
COMMENT ON OPERATOR CLASS float4_ops USING flat IS 'conditions: comparisons, IN, IS NULL';
COMMENT ON OPERATOR CLASS float8_ops USING flat IS 'conditions: comparisons, IN, IS NULL';
COMMENT ON OPERATOR CLASS timestamp_ops USING flat IS 'conditions: comparisons, also with dates';
COMMENT ON OPERATOR CLASS timestamptz_ops USING flat IS 'conditions: comparisons, also with dates and timestamps without time zone';
COMMENT ON OPERATOR CLASS bool_ops USING flat IS 'conditions: comparisons, IS NULL';
COMMENT ON OPERATOR CLASS date_ops USING flat IS 'conditions: comparisons, IN, IS NULL';
COMMENT ON OPERATOR CLASS numeric_ops USING flat IS 'conditions: comparisons, IN, IS NULL';
COMMENT ON OPERATOR CLASS uuid_ops USING flat IS 'conditions: comparisons, IN, IS NULL';
COMMENT ON OPERATOR CLASS enum_ops USING flat IS 'conditions: comparisons, IN, IS NULL';
COMMENT ON OPERATOR CLASS text_ops USING flat IS 'conditions: equality, IN, prefixes by ^@ and LIKE; order where the collation is C';
COMMENT ON OPERATOR CLASS inet_ops USING flat IS 'conditions: comparisons, << and <<=';
COMMENT ON OPERATOR CLASS array_ops USING flat IS 'conditions: &&, @> and equality';
COMMENT ON OPERATOR CLASS jsonb_ops USING flat IS 'conditions: @>, ?, ?|, ?& and @~';

-- hnsw
CREATE OPERATOR FAMILY integer_ops USING hnsw;
CREATE OPERATOR CLASS int2_ops DEFAULT FOR TYPE int2 USING hnsw FAMILY integer_ops AS
	OPERATOR 1 < (int2, int2),
	OPERATOR 2 <= (int2, int2),
	OPERATOR 3 = (int2, int2),
	OPERATOR 4 >= (int2, int2),
	OPERATOR 5 > (int2, int2),
	FUNCTION 4 vecext_column_int2(internal);
CREATE OPERATOR CLASS int4_ops DEFAULT FOR TYPE int4 USING hnsw FAMILY integer_ops AS
	OPERATOR 1 < (int4, int4),
	OPERATOR 2 <= (int4, int4),
	OPERATOR 3 = (int4, int4),
	OPERATOR 4 >= (int4, int4),
	OPERATOR 5 > (int4, int4),
	FUNCTION 4 vecext_column_int4(internal);
CREATE OPERATOR CLASS int8_ops DEFAULT FOR TYPE int8 USING hnsw FAMILY integer_ops AS
	OPERATOR 1 < (int8, int8),
	OPERATOR 2 <= (int8, int8),
	OPERATOR 3 = (int8, int8),
	OPERATOR 4 >= (int8, int8),
	OPERATOR 5 > (int8, int8),
	FUNCTION 4 vecext_column_int8(internal);
ALTER OPERATOR FAMILY integer_ops USING hnsw ADD
	OPERATOR 1 < (int2, int4),
	OPERATOR 2 <= (int2, int4),
	OPERATOR 3 = (int2, int4),
	OPERATOR 4 >= (int2, int4),
	OPERATOR 5 > (int2, int4),
	OPERATOR 1 < (int2, int8),
	OPERATOR 2 <= (int2, int8),
	OPERATOR 3 = (int2, int8),
	OPERATOR 4 >= (int2, int8),
	OPERATOR 5 > (int2, int8),
	OPERATOR 1 < (int4, int2),
	OPERATOR 2 <= (int4, int2),
	OPERATOR 3 = (int4, int2),
	OPERATOR 4 >= (int4, int2),
	OPERATOR 5 > (int4, int2),
	OPERATOR 1 < (int4, int8),
	OPERATOR 2 <= (int4, int8),
	OPERATOR 3 = (int4, int8),
	OPERATOR 4 >= (int4, int8),
	OPERATOR 5 > (int4, int8),
	OPERATOR 1 < (int8, int2),
	OPERATOR 2 <= (int8, int2),
	OPERATOR 3 = (int8, int2),
	OPERATOR 4 >= (int8, int2),
	OPERATOR 5 > (int8, int2),
	OPERATOR 1 < (int8, int4),
	OPERATOR 2 <= (int8, int4),
	OPERATOR 3 = (int8, int4),
	OPERATOR 4 >= (int8, int4),
	OPERATOR 5 > (int8, int4);
CREATE OPERATOR FAMILY float_ops USING hnsw;
CREATE OPERATOR CLASS float4_ops DEFAULT FOR TYPE float4 USING hnsw FAMILY float_ops AS
	OPERATOR 1 < (float4, float4),
	OPERATOR 2 <= (float4, float4),
	OPERATOR 3 = (float4, float4),
	OPERATOR 4 >= (float4, float4),
	OPERATOR 5 > (float4, float4),
	FUNCTION 4 vecext_column_float4(internal);
CREATE OPERATOR CLASS float8_ops DEFAULT FOR TYPE float8 USING hnsw FAMILY float_ops AS
	OPERATOR 1 < (float8, float8),
	OPERATOR 2 <= (float8, float8),
	OPERATOR 3 = (float8, float8),
	OPERATOR 4 >= (float8, float8),
	OPERATOR 5 > (float8, float8),
	FUNCTION 4 vecext_column_float8(internal);
ALTER OPERATOR FAMILY float_ops USING hnsw ADD
	OPERATOR 1 < (float4, float8),
	OPERATOR 2 <= (float4, float8),
	OPERATOR 3 = (float4, float8),
	OPERATOR 4 >= (float4, float8),
	OPERATOR 5 > (float4, float8),
	OPERATOR 1 < (float8, float4),
	OPERATOR 2 <= (float8, float4),
	OPERATOR 3 = (float8, float4),
	OPERATOR 4 >= (float8, float4),
	OPERATOR 5 > (float8, float4);
CREATE OPERATOR FAMILY timestamp_ops USING hnsw;
CREATE OPERATOR CLASS timestamp_ops DEFAULT FOR TYPE timestamp USING hnsw FAMILY timestamp_ops AS
	OPERATOR 1 < (timestamp, timestamp),
	OPERATOR 2 <= (timestamp, timestamp),
	OPERATOR 3 = (timestamp, timestamp),
	OPERATOR 4 >= (timestamp, timestamp),
	OPERATOR 5 > (timestamp, timestamp),
	FUNCTION 4 vecext_column_timestamp(internal);
CREATE OPERATOR CLASS timestamptz_ops DEFAULT FOR TYPE timestamptz USING hnsw FAMILY timestamp_ops AS
	OPERATOR 1 < (timestamptz, timestamptz),
	OPERATOR 2 <= (timestamptz, timestamptz),
	OPERATOR 3 = (timestamptz, timestamptz),
	OPERATOR 4 >= (timestamptz, timestamptz),
	OPERATOR 5 > (timestamptz, timestamptz),
	FUNCTION 4 vecext_column_timestamptz(internal);
ALTER OPERATOR FAMILY timestamp_ops USING hnsw ADD
	OPERATOR 1 < (timestamp, date),
	OPERATOR 2 <= (timestamp, date),
	OPERATOR 3 = (timestamp, date),
	OPERATOR 4 >= (timestamp, date),
	OPERATOR 5 > (timestamp, date),
	OPERATOR 1 < (timestamptz, date),
	OPERATOR 2 <= (timestamptz, date),
	OPERATOR 3 = (timestamptz, date),
	OPERATOR 4 >= (timestamptz, date),
	OPERATOR 5 > (timestamptz, date),
	OPERATOR 1 < (timestamptz, timestamp),
	OPERATOR 2 <= (timestamptz, timestamp),
	OPERATOR 3 = (timestamptz, timestamp),
	OPERATOR 4 >= (timestamptz, timestamp),
	OPERATOR 5 > (timestamptz, timestamp);
CREATE OPERATOR CLASS bool_ops DEFAULT FOR TYPE bool USING hnsw AS
	OPERATOR 1 < (bool, bool),
	OPERATOR 2 <= (bool, bool),
	OPERATOR 3 = (bool, bool),
	OPERATOR 4 >= (bool, bool),
	OPERATOR 5 > (bool, bool),
	FUNCTION 4 vecext_column_bool(internal);
CREATE OPERATOR CLASS date_ops DEFAULT FOR TYPE date USING hnsw AS
	OPERATOR 1 < (date, date),
	OPERATOR 2 <= (date, date),
	OPERATOR 3 = (date, date),
	OPERATOR 4 >= (date, date),
	OPERATOR 5 > (date, date),
	FUNCTION 4 vecext_column_date(internal);
CREATE OPERATOR CLASS numeric_ops DEFAULT FOR TYPE numeric USING hnsw AS
	OPERATOR 1 < (numeric, numeric),
	OPERATOR 2 <= (numeric, numeric),
	OPERATOR 3 = (numeric, numeric),
	OPERATOR 4 >= (numeric, numeric),
	OPERATOR 5 > (numeric, numeric),
	FUNCTION 4 vecext_column_numeric(internal);
CREATE OPERATOR CLASS uuid_ops DEFAULT FOR TYPE uuid USING hnsw AS
	OPERATOR 1 < (uuid, uuid),
	OPERATOR 2 <= (uuid, uuid),
	OPERATOR 3 = (uuid, uuid),
	OPERATOR 4 >= (uuid, uuid),
	OPERATOR 5 > (uuid, uuid),
	FUNCTION 4 vecext_column_uuid(internal);
CREATE OPERATOR CLASS enum_ops DEFAULT FOR TYPE anyenum USING hnsw AS
	OPERATOR 1 < (anyenum, anyenum),
	OPERATOR 2 <= (anyenum, anyenum),
	OPERATOR 3 = (anyenum, anyenum),
	OPERATOR 4 >= (anyenum, anyenum),
	OPERATOR 5 > (anyenum, anyenum),
	FUNCTION 4 vecext_column_enum(internal);
CREATE OPERATOR CLASS text_ops DEFAULT FOR TYPE text USING hnsw AS
	OPERATOR 1 < (text, text),
	OPERATOR 2 <= (text, text),
	OPERATOR 3 = (text, text),
	OPERATOR 4 >= (text, text),
	OPERATOR 5 > (text, text),
	OPERATOR 6 ^@ (text, text),
	OPERATOR 7 ~~ (text, text),
	FUNCTION 4 vecext_column_text(internal);
CREATE OPERATOR CLASS inet_ops DEFAULT FOR TYPE inet USING hnsw AS
	OPERATOR 1 < (inet, inet),
	OPERATOR 2 <= (inet, inet),
	OPERATOR 3 = (inet, inet),
	OPERATOR 4 >= (inet, inet),
	OPERATOR 5 > (inet, inet),
	OPERATOR 8 << (inet, inet),
	OPERATOR 9 <<= (inet, inet),
	FUNCTION 4 vecext_column_inet(internal);
CREATE OPERATOR CLASS array_ops DEFAULT FOR TYPE anyarray USING hnsw AS
	OPERATOR 1 && (anyarray, anyarray),
	OPERATOR 2 @> (anyarray, anyarray),
	OPERATOR 3 = (anyarray, anyarray),
	FUNCTION 4 vecext_column_array(internal);
CREATE OPERATOR CLASS jsonb_ops DEFAULT FOR TYPE jsonb USING hnsw AS
	OPERATOR 2 @> (jsonb, jsonb),
	OPERATOR 4 ? (jsonb, text),
	OPERATOR 5 ?| (jsonb, text[]),
	OPERATOR 6 ?& (jsonb, text[]),
	FUNCTION 4 vecext_column_jsonb(internal);
COMMENT ON OPERATOR CLASS int2_ops USING hnsw IS 'conditions: comparisons, IN, IS NULL';
COMMENT ON OPERATOR CLASS int4_ops USING hnsw IS 'conditions: comparisons, IN, IS NULL';
COMMENT ON OPERATOR CLASS int8_ops USING hnsw IS 'conditions: comparisons, IN, IS NULL';
COMMENT ON OPERATOR CLASS float4_ops USING hnsw IS 'conditions: comparisons, IN, IS NULL';
COMMENT ON OPERATOR CLASS float8_ops USING hnsw IS 'conditions: comparisons, IN, IS NULL';
COMMENT ON OPERATOR CLASS timestamp_ops USING hnsw IS 'conditions: comparisons, also with dates';
COMMENT ON OPERATOR CLASS timestamptz_ops USING hnsw IS 'conditions: comparisons, also with dates and timestamps without time zone';
COMMENT ON OPERATOR CLASS bool_ops USING hnsw IS 'conditions: comparisons, IS NULL';
COMMENT ON OPERATOR CLASS date_ops USING hnsw IS 'conditions: comparisons, IN, IS NULL';
COMMENT ON OPERATOR CLASS numeric_ops USING hnsw IS 'conditions: comparisons, IN, IS NULL';
COMMENT ON OPERATOR CLASS uuid_ops USING hnsw IS 'conditions: comparisons, IN, IS NULL';
COMMENT ON OPERATOR CLASS enum_ops USING hnsw IS 'conditions: comparisons, IN, IS NULL';
COMMENT ON OPERATOR CLASS text_ops USING hnsw IS 'conditions: equality, IN, prefixes by ^@ and LIKE; order where the collation is C';
COMMENT ON OPERATOR CLASS inet_ops USING hnsw IS 'conditions: comparisons, << and <<=';
COMMENT ON OPERATOR CLASS array_ops USING hnsw IS 'conditions: &&, @> and equality';
COMMENT ON OPERATOR CLASS jsonb_ops USING hnsw IS 'conditions: @>, ?, ?|, ?& and @~';
