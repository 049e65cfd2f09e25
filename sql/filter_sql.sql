-- Filters as SQL, and their terms
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
\pset format unaligned
\pset tuples_only on

SELECT payload_filter_sql(filter::payload_filter, 'payload', 'id') FROM (VALUES
	('{}'),
	('{"must":[{"key":"city","match":{"value":"London"}}]}'),
	('{"must":[{"key":"a.b","match":{"any":[1,2.50]}}],"must_not":[{"key":"c","match":{"any":[]}}]}'),
	('{"should":[{"key":"a[0]","match":{"value":true}},{"key":"a[].b","match":{"value":"it''s \\ \"x\""}}]}'),
	('{"must":[{"key":"a","match":{"except":["x"]}},{"key":"a","match":{"except":[]}}]}'),
	('{"must":[{"key":"a","match":{"text":"Don''t panic"}},{"key":"a","match":{"text_any":"x y"}},{"key":"a","match":{"phrase":"x y"}},{"key":"a","match":{"text":"..."}},{"key":"a","match":{"prefix":"p%"}}]}'),
	('{"must":[{"key":"a","range":{"gt":1,"lte":2}},{"key":"a","range":{}},{"key":"d","range":{"gte":"2024-01-01"}}]}'),
	('{"must":[{"key":"a","values_count":{"gt":1}},{"key":"a[]","values_count":{"lt":1}}]}'),
	('{"must":[{"key":"a","is_empty":true},{"key":"a","is_empty":false},{"key":"a","is_null":true},{"key":"a","is_null":false},{"is_empty":{"key":"a"}},{"is_null":{"key":"a"}}]}'),
	('{"must":[{"key":"a","type":"contains","match":{"value":"x"}},{"key":"a","type":"contains","match":{"value":5}},{"key":"a","type":"regex","match":{"value":"^x"}}]}'),
	('{"must":[{"key":"p","geo_radius":{"center":{"lon":1,"lat":2},"radius":3}}]}'),
	('{"must":[{"nested":{"key":"a.b","filter":{"must":[{"key":"c","match":{"value":1}},{"nested":{"key":"d[]","filter":{"must":{"key":"e[1]","is_null":true}}}},{"has_id":[1]}]}}}]}'),
	('{"min_should":{"conditions":[{"key":"a","match":{"value":1}},{"must_not":[{"key":"b","match":{"value":1}}]}],"min_count":2}}'),
	('{"must":[{"has_id":[1,"x"]},{"slice":{"total":2,"index":1}}]}')
) t(filter);
-- Names are names, whatever they are
SELECT payload_filter_sql('{"must":{"is_null":{"key":"a"}}}', name) FROM (VALUES ('t.payload'), ('"My Table"."Pay""load"'), ('Payload'), ('"x'' OR true --"')) t(name);
\set ON_ERROR_STOP 0
SELECT payload_filter_sql('{}', 'a b');
SELECT payload_filter_sql('{}', '');
SELECT payload_filter_sql('{}', 'x; DROP TABLE y');
SELECT payload_filter_sql('{"must":{"has_id":[1]}}', 'payload');
SELECT payload_filter_sql('{"must":{"slice":{"total":2,"index":1}}}', 'payload');
SELECT payload_filter_sql('{"must":{"has_vector":"x"}}', 'payload', 'id');
SELECT length(payload_filter_sql(('{"must":{"key":"a' || repeat('[0]', 63) || '","is_null":true}}')::payload_filter, 'payload')) < 10000;
SELECT payload_filter_sql(NULL, 'payload') IS NULL, payload_filter_sql('{}', NULL) IS NULL;

-- So are keys of payloads: what is written for each kind of condition runs, and finds the payload with the key
CREATE TEMP TABLE quoted AS SELECT * FROM (VALUES
	(1, '{"o''x": ["a", 1, "2024-01-01", {"o''x": {"''; DROP TABLE quoted; --": 5}}]}'::jsonb),
	(2, '{"o''''x": ["a", 1, "2024-01-01", {"o''''x": {"'''' OR true": 5}}]}')) v(id, payload);
CREATE FUNCTION pg_temp.found_by(filter payload_filter) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	found text;
BEGIN
	EXECUTE 'SELECT string_agg(id::text, '' '') FROM quoted WHERE ' || payload_filter_sql(filter, 'payload', 'id') INTO found;
	RETURN found;
END
$$;
SELECT payload_filter_sql('{"must":[{"key":"\"o''x\"[].\"o''x\"","match":{"value":"''"}}]}', 'payload');
SELECT condition, pg_temp.found_by(filter), (SELECT string_agg(id::text, ' ') FROM quoted WHERE payload_matches(payload, filter, id))
FROM (SELECT condition, format('{"must":{"key":"\"o''x\"%s}}', condition)::payload_filter AS filter FROM unnest(ARRAY['","match":{"value":"a"}', '[0]","match":{"any":["a"]}',
	'[]","match":{"text":"A"}', '","match":{"except":["b"]}', '","range":{"gt":0}', '[2]","range":{"gt":"2023-01-01"}', '","values_count":{"gt":3}', '","is_null":false',
	'","type":"contains","match":{"value":"a"}', '","type":"regex","match":{"value":"^a''?$"}', '[].\"o''x\".\"''; DROP TABLE quoted; --\"","match":{"value":5}']) condition) f;
SELECT pg_temp.found_by('{"must":{"nested":{"key":"\"o''x\"","filter":{"must":{"key":"\"o''x\".\"''; DROP TABLE quoted; --\"","range":{"lt":6}}}}}}'),
	pg_temp.found_by('{"must":{"is_empty":{"key":"\"o''x\""}}}'), pg_temp.found_by('{"must":{"key":"a","match":{"value":"'' OR true --"}}}');
DROP TABLE quoted;

-- It says the same as @~: random filters on random payloads
CREATE FUNCTION pg_temp.pick(VARIADIC choices text[]) RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT choices[1 + floor(random() * cardinality(choices))::int] $$;
CREATE FUNCTION pg_temp.random_scalar() RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT pg_temp.pick('1', '2', '2.0', '-3.5', '10', 'true', 'false', 'null', '"x"', '"y"', '"x y"', '"Y x, x"', '""', '"2024-01-31"', '"2024-01-31T10:00:00+02:00"', '"1"', '"o''x\\\""', '1e3')
$$;
CREATE FUNCTION pg_temp.random_payload(depth int) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	parts text[] := '{}';
	kind float := random();
BEGIN
	IF depth = 0 OR kind < 0.3 AND depth < 3 THEN
		RETURN pg_temp.random_scalar();
	ELSIF kind < 0.6 AND depth < 3 THEN
		FOR i IN 1 .. floor(random() * 4)::int LOOP
			parts := parts || pg_temp.random_payload(depth - 1);
		END LOOP;
		RETURN '[' || array_to_string(parts, ',') || ']';
	END IF;
	FOR i IN 1 .. floor(random() * 4)::int LOOP
		parts := parts || (pg_temp.pick('"a"', '"b"', '"c d"', '"0"', '"lon"', '"lat"') || ':' || pg_temp.random_payload(depth - 1));
	END LOOP;
	RETURN '{' || array_to_string(parts, ',') || '}';
END
$$;
CREATE FUNCTION pg_temp.random_path() RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT CASE WHEN random() < 0.5 THEN pg_temp.pick('"a"', '"b"', '"a[]"') ELSE '"' || pg_temp.pick('a', 'b', 'a', 'b', '\"c d\"') || pg_temp.pick('', '', '', '', '', '[]', '[]', '[0]', '[1]', '[][]', '[1][0]') || pg_temp.pick('', '', '', '', '.a', '.b', '.\"c d\"', '.0') || pg_temp.pick('', '', '', '', '[]', '[0]', '.a') || '"' END
$$;
CREATE FUNCTION pg_temp.random_bounds(VARIADIC choices text[]) RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT format('{"%s":%s,"%s":%s}', pg_temp.pick('gt', 'gte'), pg_temp.pick(VARIADIC choices || 'null'::text), pg_temp.pick('lt', 'lte'), pg_temp.pick(VARIADIC choices || 'null'::text))
$$;
CREATE FUNCTION pg_temp.random_condition(depth int) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	kind int := floor(random() * (CASE WHEN depth > 0 THEN 30 ELSE 23 END));
	parts text[] := '{}';
	path text := pg_temp.random_path();
	word text := pg_temp.pick('"x"', '"y"', '"X y"', '"y x"', '""', '"x x"', '"1"', '"o''x\\"');
BEGIN
	CASE kind
		WHEN 0, 1, 2 THEN RETURN format('{"key":%s,"match":{"value":%s}}', path, replace(pg_temp.random_scalar(), 'null', '2'));
		WHEN 3 THEN RETURN format('{"key":%s,"match":{"any":%s}}', path, pg_temp.pick('[1,2]', '["x","y"]', '[2.00,10,-3.5,1000]', '[]', '[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]'));
		WHEN 4, 5 THEN RETURN format('{"key":%s,"match":{"except":%s}}', path, pg_temp.pick('[1,2]', '["x","y"]', '[2.00,10,-3.5,1000]', '[]'));
		WHEN 6 THEN RETURN format('{"key":%s,"match":{"text":%s}}', path, word);
		WHEN 7 THEN RETURN format('{"key":%s,"match":{"text_any":%s}}', path, word);
		WHEN 8 THEN RETURN format('{"key":%s,"match":{"phrase":%s}}', path, word);
		WHEN 9 THEN RETURN format('{"key":%s,"match":{"prefix":%s}}', path, word);
		WHEN 10 THEN RETURN format('{"key":%s,"type":"contains","match":{"value":%s}}', path, pg_temp.pick(word, '1', '2.0', 'true', '"x"'));
		WHEN 11 THEN RETURN format('{"key":%s,"type":"regex","match":{"value":%s}}', path, pg_temp.pick('"^x"', '"."', '"y$"', '"[0-9]"'));
		WHEN 12, 13 THEN RETURN format('{"key":%s,"range":%s}', path, pg_temp.random_bounds('0', '1', '2', '10.0', '-4', '2.5'));
		WHEN 14 THEN RETURN format('{"key":%s,"range":%s}', path, pg_temp.random_bounds('"2024-01-31"', '"2024-01-31 08:00"', '"2000-01-01"', '"2100-01-01T00:00:00Z"'));
		WHEN 15, 16 THEN RETURN format('{"key":%s,"values_count":%s}', path, pg_temp.random_bounds('0', '1', '2', '3'));
		WHEN 17 THEN RETURN format('{"key":%s,"is_empty":%s}', path, pg_temp.pick('true', 'false'));
		WHEN 18 THEN RETURN format('{"key":%s,"is_null":%s}', path, pg_temp.pick('true', 'false'));
		WHEN 19 THEN RETURN format('{"is_empty":{"key":%s}}', path);
		WHEN 20 THEN RETURN format('{"is_null":{"key":%s}}', path);
		WHEN 21 THEN RETURN format('{"key":%s,"geo_radius":{"center":{"lon":1,"lat":2},"radius":%s}}', path, pg_temp.pick('1', '200000', '1e9'));
		WHEN 22 THEN RETURN pg_temp.pick('{"has_id":[1,2,3,4,5,6,7,8,9,10]}', '{"slice":{"total":3,"index":1}}', '{}');
		WHEN 23, 24, 25 THEN RETURN format('{"nested":{"key":%s,"filter":%s}}', path, pg_temp.random_condition(-depth));
		WHEN 26 THEN RETURN format('{"min_should":{"conditions":[%s,%s,%s],"min_count":%s}}', pg_temp.random_condition(depth - 1), pg_temp.random_condition(depth - 1), pg_temp.random_condition(depth - 1), pg_temp.pick('1', '2', '3', '4'));
		WHEN 27 THEN RETURN format('{"should":[%s,%s]}', pg_temp.random_condition(depth - 1), pg_temp.random_condition(depth - 1));
		WHEN 28 THEN RETURN format('{"must_not":[%s],"must":%s}', pg_temp.random_condition(depth - 1), pg_temp.random_condition(depth - 1));
		ELSE RETURN format('{"must":[%s,%s],"should":[%s],"must_not":{"must":[%s]}}', pg_temp.random_condition(depth - 1), pg_temp.random_condition(depth - 1), pg_temp.random_condition(depth - 1), pg_temp.random_condition(depth - 1));
	END CASE;
END
$$;
-- Inside nested stands a filter: -depth asks for one
ALTER FUNCTION pg_temp.random_condition(int) RENAME TO random_positive_condition;
CREATE FUNCTION pg_temp.random_condition(depth int) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	IF depth < 0 THEN
		RETURN format('{"must":[%s],"must_not":[%s]}', pg_temp.random_positive_condition(-depth - 1), pg_temp.random_positive_condition(0));
	END IF;
	RETURN pg_temp.random_positive_condition(depth);
END
$$;
-- Compiling each of these would take longer than running them
SET jit = off;
SELECT setseed(0.25);
CREATE TEMP TABLE random_row AS SELECT id, format('{"a":%s,"b":%s,"%s":%s}', pg_temp.random_payload(2), pg_temp.random_payload(3), pg_temp.pick('a', 'b', 'c d'), pg_temp.random_payload(1))::jsonb AS payload
	FROM generate_series(1, 200) id;
INSERT INTO random_row SELECT id, pg_temp.random_payload(4)::jsonb FROM generate_series(201, 250) id;
INSERT INTO random_row VALUES (251, '{"a": {"lon": 1, "lat": 2}, "b": [{"lon": 1.5, "lat": 2.5}, {"a": [{"b": 1}, {"b": 2, "a": "x"}]}]}'), (252, '{"a": [{"b": [1, 2, null], "a": {"a": "x y"}}, {"b": []}], "b": [[1, "x"], ["y"]]}'), (253, '5'), (254, '[{"a": 1}]');
CREATE TEMP TABLE random_filter AS SELECT id, format('{"%s":[%s]}', pg_temp.pick('must', 'must', 'must', 'must_not', 'should'), pg_temp.random_condition(floor(random() * 3)::int))::payload_filter AS filter
	FROM generate_series(1, 700) id;
CREATE FUNCTION pg_temp.compare_sql() RETURNS TABLE (filters int, some_match int, some_fail int, different text) LANGUAGE plpgsql AS $$
DECLARE
	f record;
	wrong bigint;
	matches bigint;
BEGIN
	filters := 0; some_match := 0; some_fail := 0; different := '';
	FOR f IN SELECT * FROM random_filter LOOP
		EXECUTE format('SELECT count(*) FILTER (WHERE payload_matches(payload, $1, id) IS DISTINCT FROM %1$s), count(*) FILTER (WHERE %1$s) FROM random_row', payload_filter_sql(f.filter, 'random_row.payload', 'id'))
			INTO wrong, matches USING f.filter;
		filters := filters + 1;
		some_match := some_match + (matches > 0)::int;
		some_fail := some_fail + (matches < 254)::int;
		IF wrong > 0 THEN
			different := different || format('%s ids: %s; ', wrong, f.filter);
		END IF;
	END LOOP;
	RETURN NEXT;
END
$$;
SELECT filters, some_match > 350 AS many_match, some_fail > 350 AS many_fail, different FROM pg_temp.compare_sql();
-- A payload of NULL
SELECT count(*) FROM random_filter, LATERAL (SELECT payload_filter_sql(filter, 'payload', 'id') AS sql) s WHERE sql NOT LIKE '(payload IS NOT NULL AND %';

-- What the guide says each condition is in SQL
CREATE TEMP TABLE guide_row AS SELECT row_number() OVER () AS id, payload FROM (
	SELECT jsonb_build_object('a', a) FROM (VALUES ('null'::jsonb), ('"x"'), ('"X"'), ('"y, x!"'), ('"x y z"'), ('"xy"'), ('1'), ('1.0'), ('2'), ('0.5'), ('-7'), ('true'), ('{}'), ('{"x": "y x"}'), ('{"b": 1}'),
		('{"b": 2, "c": 2}'), ('"2024-01-01"'), ('"2023-12-31T23:59:59Z"'), ('"2025-01-01"'), ('20250101'), ('{"lon": 1, "lat": 1}'), ('{"lon": 50, "lat": 1}')) v(a)
	UNION ALL SELECT jsonb '{}' UNION ALL SELECT jsonb '{"b": "x"}'
	UNION ALL SELECT jsonb_build_object('a', a) FROM (VALUES ('[]'::jsonb), ('[1, 2]'), ('[1, 2, 3]'), ('[{"b": 1, "c": 2}]'), ('[{"b": 1}, {"c": 2}, {}]'), ('{"b": 1, "c": 2}'), ('["x", {"b": 1, "c": 2, "d": 3}]')) v(a)) p(payload);
CREATE FUNCTION pg_temp.compare_guide(filter text, condition text, arrays bool, OUT matches bigint, OUT different text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT count(*) FILTER (WHERE m), string_agg(payload::text, '' '') FILTER (WHERE m IS DISTINCT FROM coalesce(c, false))
		FROM (SELECT payload, payload_matches(payload, %L, id) AS m, %s AS c FROM guide_row WHERE %L OR jsonb_typeof(payload -> ''a'') IS DISTINCT FROM ''array'') s',
		format('{"must": [%s]}', filter), condition, arrays) INTO matches, different;
END
$$;
SELECT filter, matches, different FROM (VALUES
	('{"key": "a", "match": {"value": "x"}}', $$payload ->> 'a' = 'x'$$, false), ('{"key": "a", "match": {"value": "x"}}', $$payload @> '{"a": "x"}'$$, false),
	('{"key": "a.b", "match": {"any": [1, 2]}}', $$payload -> 'a' -> 'b' IN ('1', '2')$$, false), ('{"key": "a", "match": {"except": ["x"]}}', $$payload -> 'a' NOT IN ('"x"', 'null')$$, false),
	('{"key": "a", "match": {"text": "x y"}}', $$jsonb_typeof(payload -> 'a') = 'string' AND to_tsvector('simple', payload ->> 'a') @@ plainto_tsquery('simple', 'x y')$$, false),
	('{"key": "a", "match": {"text_any": "x y"}}', $$jsonb_typeof(payload -> 'a') = 'string' AND to_tsvector('simple', payload ->> 'a') @@ websearch_to_tsquery('simple', 'x or y')$$, false),
	('{"key": "a", "match": {"phrase": "x y"}}', $$jsonb_typeof(payload -> 'a') = 'string' AND to_tsvector('simple', payload ->> 'a') @@ phraseto_tsquery('simple', 'x y')$$, false),
	('{"key": "a", "match": {"prefix": "x"}}', $$jsonb_typeof(payload -> 'a') = 'string' AND starts_with(payload ->> 'a', 'x')$$, false),
	('{"key": "a", "range": {"gte": 1}}', $$jsonb_typeof(payload -> 'a') = 'number' AND payload -> 'a' >= '1'$$, false),
	('{"key": "a", "range": {"gte": "2024-01-01"}}', $$jsonb_typeof(payload -> 'a') = 'string' AND payload_datetime(payload ->> 'a') >= '2024-01-01 00:00+00'$$, false),
	('{"key": "a", "geo_radius": {"center": {"lon": 0, "lat": 0}, "radius": 1000000}}', $$payload @~ '{"must": [{"key": "a", "geo_radius": {"center": {"lon": 0, "lat": 0}, "radius": 1000000}}]}'$$, true),
	('{"key": "a", "values_count": {"gt": 2}}', $$CASE jsonb_typeof(payload -> 'a') WHEN 'array' THEN jsonb_array_length(payload -> 'a') WHEN 'null' THEN 0 ELSE (payload ? 'a')::int END > 2$$, true),
	('{"key": "a", "values_count": {"lt": 1}}', $$CASE jsonb_typeof(payload -> 'a') WHEN 'array' THEN jsonb_array_length(payload -> 'a') WHEN 'null' THEN 0 ELSE (payload ? 'a')::int END < 1$$, true),
	('{"is_empty": {"key": "a"}}', $$coalesce(payload -> 'a', 'null') IN ('null', '[]')$$, true), ('{"is_null": {"key": "a"}}', $$payload -> 'a' = 'null'$$, true),
	('{"nested": {"key": "a", "filter": {"must": [{"key": "b", "match": {"value": 1}}, {"key": "c", "match": {"value": 2}}]}}}', $$payload @> '{"a": [{"b": 1, "c": 2}]}'$$, true),
	('{"has_id": [1, 2]}', 'id IN (1, 2)', true), ('{"slice": {"total": 4, "index": 0}}', $$payload_matches(payload, '{"must": [{"slice": {"total": 4, "index": 0}}]}', id)$$, true)
) g(filter, condition, arrays), pg_temp.compare_guide(filter, condition, arrays);

-- Terms of payloads
SELECT payload_terms(payload) FROM (VALUES
	('{}'::jsonb), ('{"a": 1, "b": [2.50, "x", null, [true, {"c d": {"e": "q\"\\é"}}]]}'), ('{"a": {}, "b": [], "": {"": 0.0}}'), ('[1, {"a": 1}]'), ('5'), ('{"a.b": 1, "a": {"b": 1}}'), ('{"n": 100, "m": 1e3, "o": -0.10}')
) t(payload);
-- ... and of filters: groups, of which a match has one term each
SELECT filter, (SELECT string_agg(terms::text, ' AND ') FROM payload_filter_terms(filter::payload_filter) terms) FROM (VALUES
	('{}'), ('{"must":[{"key":"a","match":{"value":1.0}},{"key":"b[].c","match":{"any":["x","y"]}},{"key":"d[0]","match":{"value":true}}]}'),
	('{"must":[{"key":"a","range":{"gt":1}}],"must_not":[{"key":"a","match":{"value":1}}]}'), ('{"must":[{"key":"a","match":{"any":[]}}]}'),
	('{"should":[{"key":"a","match":{"value":1}},{"key":"b","match":{"value":2}}]}'), ('{"should":[{"key":"a","match":{"value":1}},{"key":"b","is_null":true}]}'),
	('{"should":[{"must":[{"key":"a","match":{"any":[1,2]}},{"key":"b","match":{"value":2}}]},{"key":"a","match":{"value":3}}]}'),
	('{"min_should":{"conditions":[{"key":"a","match":{"value":1}},{"key":"b","match":{"value":2}}],"min_count":2}}'),
	('{"must":[{"nested":{"key":"d","filter":{"must":[{"key":"food","match":{"value":"meat"}},{"nested":{"key":"e","filter":{"should":[{"key":"f","match":{"value":1}}]}}}]}}},{"must":[{"key":"a","match":{"value":"x"}}]}]}'),
	('{"must":[{"key":"a","type":"exact","match":{"value":"x"}},{"key":"a","type":"contains","match":{"value":"x"}},{"has_id":[1]}]}')
) t(filter);
-- Each term repeats the path: what would be much longer than the filter makes no group
SELECT count(*) FROM payload_filter_terms(format('{"must": [{"key": "%s", "match": {"any": [%s]}}, {"key": "a", "match": {"value": 1}}]}',
	repeat('k', 20000), (SELECT string_agg(i::text, ',') FROM generate_series(1, 1000) i))::payload_filter);
SELECT count(*) FROM payload_filter_terms(format('{"must": [{"nested": {"key": "%s", "filter": {"should": [%s]}}}, {"key": "a", "match": {"value": 1}}]}',
	repeat('k', 20000), (SELECT string_agg('{"key": "b", "match": {"value": ' || i || '}}', ',') FROM generate_series(1, 1000) i))::payload_filter);
SELECT payload_filter_terms(NULL), payload_terms(NULL) IS NULL;
-- What matches has the terms
SELECT count(*) > 150 AS compared, count(*) FILTER (WHERE NOT payload_terms(payload) && terms) AS missing
FROM random_filter f, payload_filter_terms(f.filter) terms, random_row r WHERE payload_matches(payload, f.filter, r.id);
-- ... and most of what does not match lacks them
SELECT count(*) FILTER (WHERE NOT payload_terms(payload) && terms) > count(*) / 2 AS most
FROM random_filter f, payload_filter_terms(f.filter) terms, random_row r WHERE NOT payload_matches(payload, f.filter, r.id);
