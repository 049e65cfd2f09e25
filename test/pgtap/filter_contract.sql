-- The SQL contract of payload_filter, read from the catalogs, and its soft errors.
BEGIN;
SELECT plan(22);

SELECT has_type('payload_filter');
SELECT results_eq(
	$$SELECT typlen, typbyval, typtype, typcategory, typinput::text, typoutput::text, typreceive::text, typsend::text, typmodin::text, typanalyze::text,
		typalign, typstorage, typcollation
	FROM pg_type WHERE oid = 'payload_filter'::regtype$$,
	$$VALUES (-1::int2, false, 'b'::"char", 'U'::"char", 'payload_filter_in', 'payload_filter_out', 'payload_filter_recv', 'payload_filter_send', '-', '-',
		'i'::"char", 'x'::"char", 0::oid)$$,
	'type payload_filter has its I/O functions, alignment and storage');
SELECT isnt(obj_description('payload_filter'::regtype, 'pg_type'), NULL, 'the type has a comment');
SELECT has_type('_payload_filter', 'there is an array type');

-- ---- Functions ----

CREATE TEMP TABLE expected_function (signature text, result text, volatility "char", strict bool, support bool);
INSERT INTO expected_function VALUES
	('payload_filter_in(cstring)', 'payload_filter', 'i', true, false),
	('payload_filter_out(payload_filter)', 'cstring', 'i', true, false),
	('payload_filter_recv(internal)', 'payload_filter', 'i', true, false),
	('payload_filter_send(payload_filter)', 'bytea', 'i', true, false),
	('payload_filter_sel(internal,oid,internal,integer)', 'double precision', 's', true, false),
	('payload_filter_support(internal)', 'internal', 'v', true, false),
	('payload_matches(jsonb,payload_filter)', 'boolean', 'i', true, true),
	('payload_matches(jsonb,payload_filter,bigint,text[])', 'boolean', 'i', false, true),
	('payload_matches(jsonb,payload_filter,uuid,text[])', 'boolean', 'i', false, true),
	('payload_matches(jsonb,payload_filter,text,text[])', 'boolean', 'i', false, true),
	('payload_filter_sql(payload_filter,text,text)', 'text', 's', false, false),
	('payload_datetime(text)', 'timestamp with time zone', 'i', true, false),
	('payload_terms(jsonb)', 'text[]', 'i', true, false),
	('payload_filter_terms(payload_filter)', 'text[]', 'i', true, false);
SELECT set_eq(
	$$SELECT oid::regprocedure::text, prorettype::regtype::text, provolatile, proisstrict, prosupport <> 0 FROM pg_proc
	WHERE prosrc LIKE 'vecext\_payload\_%'$$,
	$$SELECT * FROM expected_function$$,
	'functions have their arguments, results, volatility and support function');
SELECT is_empty(
	$$SELECT signature FROM expected_function JOIN pg_proc p ON p.oid = signature::regprocedure
	WHERE NOT (proparallel = 's' AND NOT proleakproof AND NOT prosecdef AND proconfig IS NULL)$$,
	'functions are parallel safe and no more');
SELECT is_empty(
	$$SELECT signature FROM expected_function WHERE obj_description(signature::regprocedure, 'pg_proc') IS NULL$$,
	'functions have comments');

-- ---- Operator and casts ----

SELECT set_eq(
	$$SELECT oprname::text, oprleft::regtype::text, oprcode::regprocedure::text, oprrest::text, oprjoin::text, oprcanhash, oprcanmerge
	FROM pg_operator WHERE 'payload_filter'::regtype IN (oprleft, oprright)$$,
	$$VALUES ('@~', 'jsonb', 'payload_matches(jsonb,payload_filter)', 'payload_filter_sel', 'matchingjoinsel', false, false)$$,
	'@~ is the only operator, with its estimators');
SELECT isnt(obj_description('@~(jsonb,payload_filter)'::regoperator, 'pg_operator'), NULL, '@~ has a comment');
SELECT set_eq(
	$$SELECT castsource::regtype::text, casttarget::regtype::text, castcontext::text, castmethod::text FROM pg_cast WHERE 'payload_filter'::regtype IN (castsource, casttarget)$$,
	$$VALUES ('jsonb', 'payload_filter', 'a', 'i'), ('payload_filter', 'jsonb', 'a', 'i')$$,
	'casts from and to jsonb');

-- ---- Use ----

SELECT ok('{"a": 1}' @~ '{"must":{"key":"a","match":{"value":1}}}', 'untyped literals resolve');
SELECT lives_ok($$CREATE TABLE filtered (id int, payload jsonb); CREATE INDEX ON filtered (id) WHERE payload @~ '{"must":{"key":"a","match":{"text":"b"}}}'$$, 'a filter can be the condition of an index');
SELECT throws_ok($$SELECT '{}'::jsonb @~ '{"mast":[]}'$$, '22023', 'invalid payload filter: unknown key "mast"', 'what is unknown is refused');
SELECT throws_ok($$SELECT '{}'::jsonb @~ '{"must":'$$, '22P02', 'invalid input syntax for type payload_filter', 'what is no JSON is refused');

-- ---- Soft errors ----

CREATE FUNCTION fault(input text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	fault text;
BEGIN
	EXECUTE 'SELECT concat_ws('' / '', sql_error_code || '' '' || message, detail, hint) FROM pg_input_error_info($1, $2)'
		INTO fault USING input, 'payload_filter';
	RETURN fault;
END
$$;
CREATE FUNCTION check_soft_errors() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('server_version_num')::int < 160000 THEN
		RETURN NEXT skip('soft errors came with PostgreSQL 16', 8);
		RETURN;
	END IF;
	RETURN NEXT is(fault('{}'), '', 'a filter has no fault');
	RETURN NEXT is(fault('{'), '22P02 invalid input syntax for type payload_filter / A key is missing, but the text ends.');
	RETURN NEXT is(fault('{"must":[{},{"key":"a","range":{"x":1}}]}'), '22023 invalid payload filter: unknown key "x" / At path must[1].range. / Known here: "gt", "gte", "lt", "lte".');
	RETURN NEXT is(fault('[]'), '22023 invalid payload filter: a filter must be an object / At the top level.');
	RETURN NEXT is(fault('{"must":{"key":"a","type":"regex","match":{"value":"("}}}'),
		'22023 invalid regular expression in payload filter: parentheses () not balanced / At path must.match.value.');
	RETURN NEXT is(fault(repeat('[', 200)), '54000 payload filter is too large: it is nested more than 164 levels deep / At byte 165.');
	RETURN NEXT is(fault(repeat(' ', 1048577)), '54000 payload filter is too large: it is longer than 1048576 bytes / At the top level.');
	RETURN NEXT is(fault('{"must":{"has_id":[-1]}}'), '22023 invalid payload filter: an id must be an integer of at least 0 and below 2^64, or a string / At path must.has_id[0].');
END
$$;
SELECT check_soft_errors();

SELECT * FROM finish();
ROLLBACK;
