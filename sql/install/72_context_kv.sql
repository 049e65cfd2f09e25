-- The context store: keys and values

CREATE FUNCTION kv_set(namespace text, key text, value jsonb, ttl interval DEFAULT NULL) RETURNS void
	AS 'MODULE_PATHNAME', 'vecext_kv_set' LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION kv_set(text, text, jsonb, interval) IS
	'sets the value of a key, for the time ttl or for good';

CREATE FUNCTION kv_get(namespace text, key text) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'vecext_kv_get' LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION kv_get(text, text) IS
	'the value of a key; null if it has none, or none of this kind, or it has expired';

CREATE FUNCTION kv_set_bytes(namespace text, key text, value bytea, ttl interval DEFAULT NULL) RETURNS void
	AS 'MODULE_PATHNAME', 'vecext_kv_set_bytes' LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION kv_set_bytes(text, text, bytea, interval) IS
	'sets the value of a key to bytes, for the time ttl or for good';

CREATE FUNCTION kv_get_bytes(namespace text, key text) RETURNS bytea
	AS 'MODULE_PATHNAME', 'vecext_kv_get_bytes' LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION kv_get_bytes(text, text) IS
	'the bytes of a key; null if it has none, or none of this kind, or it has expired';

CREATE FUNCTION kv_del(namespace text, key text) RETURNS bool
	AS 'MODULE_PATHNAME', 'vecext_kv_del' LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION kv_del(text, text) IS 'removes a key; true if it had a value';

CREATE FUNCTION kv_incr(namespace text, key text, increment numeric DEFAULT 1, ttl interval DEFAULT NULL) RETURNS numeric
	AS 'MODULE_PATHNAME', 'vecext_kv_incr' LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION kv_incr(text, text, numeric, interval) IS
	'adds to the number that a key has, 0 if it has none, and returns the sum; ttl counts from the first time on';

CREATE FUNCTION kv_cas(namespace text, key text, expected jsonb, value jsonb, ttl interval DEFAULT NULL) RETURNS bool
	AS 'MODULE_PATHNAME', 'vecext_kv_cas' LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION kv_cas(text, text, jsonb, jsonb, interval) IS
	'sets the value of a key if it is the expected one (null: if there is none); true if it did';

CREATE FUNCTION kv_sweep(namespace text, max_rows int DEFAULT NULL) RETURNS bigint
	AS 'MODULE_PATHNAME', 'vecext_kv_sweep' LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000
	SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION kv_sweep(text, int) IS
	'removes expired keys, of all tenants that row-level security shows; returns how many';
