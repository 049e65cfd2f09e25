-- payload_filter: what is one, its canonical form, and what is refused
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
\pset format unaligned
\pset tuples_only on

-- The value that a query gives, or its error with SQLSTATE, detail and hint
CREATE FUNCTION pg_temp.outcome(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	value text;
	message text;
	detail text;
	hint text;
BEGIN
	EXECUTE query INTO value;
	RETURN value;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' / ', SQLSTATE || ' ' || message, nullif(detail, ''), nullif(hint, ''));
END
$$;
CREATE FUNCTION pg_temp.filter(input text) RETURNS text LANGUAGE sql AS
	$$ SELECT pg_temp.outcome(format('SELECT %L::payload_filter', input)) $$;

-- Canonical form: every kind of condition; it reads back as itself
CREATE TEMP TABLE form (id int GENERATED ALWAYS AS IDENTITY, input text);
INSERT INTO form (input) VALUES
	('null'), ('{}'), (E' \n\t{ } '), ('{"must":[]}'), ('{"must":null,"should":null,"must_not":null,"min_should":null}'),
	('{"must":[],"should":[],"must_not":[],"min_should":{"conditions":[],"min_count":3}}'),
	('{"must":{"key":"city","match":{"value":"London"}}}'),
	('{"should":{"key":"n","match":{"value":1.50}},"must":[{"key":"b","match":{"value":true}}]}'),
	('{"must_not":[{"key":"n","match":{"value":-0.5e+3}}]}'),
	('{"must":[{"key":"city","match":{"any":["London","Moscow"]}},{"key":"n","match":{"any":[1,2.5,3]}},{"key":"n","match":{"any":[]}}]}'),
	('{"must":[{"key":"city","match":{"except":["London"]}},{"key":"n","match":{"except":[]}}]}'),
	('{"must":[{"key":"t","match":{"text":"good cheap"}},{"key":"t","match":{"text_any":"good cheap"}},{"key":"t","match":{"phrase":"good cheap"}},{"key":"t","match":{"prefix":"go"}}]}'),
	('{"must":[{"key":"n","range":{"lt":5,"gte":1,"gt":null}},{"key":"n","range":{}},{"key":"d","range":{"gt":"2023-02-08T10:49:00Z","lte":"2024-01-31 10:14:31+0530"}}]}'),
	('{"must":[{"key":"p","geo_bounding_box":{"top_left":{"lon":13.403683,"lat":52.520711},"bottom_right":{"lat":52.495862,"lon":13.455868}}}]}'),
	('{"must":[{"key":"p","geo_radius":{"center":{"lon":13,"lat":-52.5},"radius":1e3}}]}'),
	('{"must":[{"key":"p","geo_polygon":{"exterior":{"points":[{"lon":0,"lat":0},{"lon":4,"lat":0},{"lon":4,"lat":4},{"lon":0,"lat":0}]},"interiors":[{"points":[{"lon":2,"lat":1},{"lon":3,"lat":1},{"lon":3,"lat":2},{"lon":2,"lat":1}]}]}}]}'),
	('{"must":[{"key":"p","geo_polygon":{"exterior":{"points":[{"lon":0.1,"lat":0},{"lon":4,"lat":0},{"lon":4,"lat":4},{"lon":0.1,"lat":0}]},"interiors":null}}]}'),
	('{"must":[{"key":"c","values_count":{"gt":2}},{"key":"c","values_count":{"gte":0,"lt":10,"lte":9}},{"key":"c","values_count":{}}]}'),
	('{"must":[{"key":"c","is_empty":true},{"key":"c","is_empty":false},{"key":"c","is_null":true},{"key":"c","is_null":false}]}'),
	('{"must":[{"is_empty":{"key":"c"}},{"is_null":{"key":"c"}}]}'),
	('{"must":[{"has_id":[1,18446744073709551615,"{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}","a0eebc999c0b4ef8bb6d6bb9bd380a12","some id",""]},{"has_id":[]}]}'),
	('{"must":[{"has_vector":"image"},{"has_vector":""}]}'),
	('{"must":[{"slice":{"total":4,"index":3}}]}'),
	('{"must":[{"nested":{"key":"diet","filter":{"must":[{"key":"food","match":{"value":"meat"}}]}}},{"nested":{"key":"a.b[]","filter":{}}}]}'),
	('{"must":[{"should":[{"must_not":{"key":"a","is_null":true}}]},{}]}'),
	('{"min_should":{"conditions":[{"key":"a","is_null":true},{"key":"b","is_null":true}],"min_count":2}}'),
	('{"must":[{"key":"a.b[].c[0][1].\"x y\".\"\".ключ","match":null,"range":null,"is_empty":true}]}'),
	(E'{"must":[{"key":"s","match":{"value":"a\\u00e9\\ud83d\\ude00\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\u007f"}}]}'),
	('{"must":[{"key":"a","type":"exact","match":{"value":"x"}},{"key":"a","type":"exact","match":{"value":5}},{"key":"a","type":"exact","match":{"value":false}}]}'),
	('{"must":[{"key":"a","type":"range","range":{"gte":50,"lte":150}},{"key":"a","type":null,"match":{"value":1}}]}'),
	('{"must":[{"key":"a","type":"prefix","match":{"value":"x"}},{"key":"a","type":"contains","match":{"value":"x"}},{"key":"a","type":"contains","match":{"value":2}},{"key":"a","type":"regex","match":{"value":"^x.*\\d"}}]}');
SELECT pg_temp.filter(input) FROM form ORDER BY id;
SELECT count(*), count(*) FILTER (WHERE input::payload_filter::text::payload_filter::text = input::payload_filter::text) AS same FROM form;
-- It is JSON, and jsonb makes the same of it
SELECT count(*) FROM form WHERE input::payload_filter::jsonb::payload_filter::jsonb <> input::payload_filter::jsonb;
SELECT '{"must": {"key": "a", "match": {"value": 1}}}'::jsonb::payload_filter;

-- What is no JSON: 22P02
SELECT to_json(input) || ' -> ' || pg_temp.filter(input) FROM (VALUES
	(''), (' '), ('{'), ('[1'), ('{"must":'), ('{"must"}'), ('{"must" 1}'), ('{must:1}'), ('{"must":[]'), ('{"must":[] "should":[]}'), ('[1 2]'), ('[1,]'),
	('{} {}'), ('nul'), ('truth'), ('fals'), ('"a'), (E'"a\nb"'), ('"\x"'), ('"\'), ('"\u12"'), ('"\u0000"'), ('"\ud800"'), ('"\udc00x"'), ('"\ud800\u0041"'),
	('-'), ('01'), ('1.'), ('.5'), ('1e'), ('1e+'), ('+1'), ('NaN'), ('''a''')
) t(input);

-- What is no filter: 22023, and where
SELECT input || ' -> ' || pg_temp.filter(input) FROM (VALUES
	-- the top
	('[]'), ('"must"'), ('5'), ('true'), ('{"mst":[]}'), ('{"must":[],"must":[]}'), ('{"key":"a","match":{"value":1}}'),
	-- lists of conditions
	('{"must":5}'), ('{"must":"x"}'), ('{"must":[5]}'), ('{"must":[[]]}'), ('{"must":[null]}'), ('{"must":[{},{"x":1}]}'),
	('{"should":[{"must":[{"must_not":{"key":"a","match":{"valu":1}}}]}]}'),
	('{"min_should":[]}'), ('{"min_should":{}}'), ('{"min_should":{"conditions":[]}}'), ('{"min_should":{"conditions":{},"min_count":1}}'),
	('{"min_should":{"conditions":[],"min_count":0}}'), ('{"min_should":{"conditions":[],"min_count":1.5}}'), ('{"min_should":{"conditions":[],"min_count":-1}}'),
	('{"min_should":{"conditions":[],"min_count":"1"}}'), ('{"min_should":{"conditions":[],"min_count":9223372036854775808}}'),
	('{"min_should":{"conditions":[{"key":5}],"min_count":1}}'), ('{"min_should":{"conditions":[],"min_count":1,"max_count":1}}'),
	-- conditions on a key
	('{"must":{"key":"a"}}'), ('{"must":{"key":"a","match":null}}'), ('{"must":{"match":{"value":1}}}'), ('{"must":{"type":"exact","match":{"value":1}}}'),
	('{"must":{"key":"a","mach":{"value":1}}}'), ('{"must":{"key":"a","key":"b","is_null":true}}'), ('{"must":{"key":null,"is_null":true}}'),
	('{"must":{"key":["a"],"is_null":true}}'), ('{"must":[{"key":"a","match":{"value":1},"range":{"gt":1}}]}'), ('{"must":[{"key":"a","is_null":true,"is_empty":true}]}'),
	('{"must":[{"key":"a","must":[]}]}'),
	-- paths
	('{"must":{"key":"","is_null":true}}'), ('{"must":{"key":".a","is_null":true}}'), ('{"must":{"key":"a.","is_null":true}}'), ('{"must":{"key":"a..b","is_null":true}}'),
	('{"must":{"key":"[0]","is_null":true}}'), ('{"must":{"key":"a.[0]","is_null":true}}'), ('{"must":{"key":"a[","is_null":true}}'), ('{"must":{"key":"a[0","is_null":true}}'),
	('{"must":{"key":"a[-1]","is_null":true}}'), ('{"must":{"key":"a[x]","is_null":true}}'), ('{"must":{"key":"a[0]b","is_null":true}}'), ('{"must":{"key":"a b","is_null":true}}'),
	('{"must":{"key":" a","is_null":true}}'), ('{"must":{"key":"a.\"b","is_null":true}}'), ('{"must":{"key":"\"a\"b","is_null":true}}'), ('{"must":{"key":"a$","is_null":true}}'),
	('{"must":{"nested":{"key":"a' || repeat('.a', 63) || '","filter":{}}}}'), ('{"must":{"key":"a[99999999999]","is_null":true}}'), ('{"must":{"key":"a' || repeat('.a', 64) || '","is_null":true}}'),
	-- match
	('{"must":{"key":"a","match":5}}'), ('{"must":{"key":"a","match":{}}}'), ('{"must":{"key":"a","match":{"value":null}}}'), ('{"must":{"key":"a","match":{"value":1,"text":"x"}}}'),
	('{"must":{"key":"a","match":{"value":[1]}}}'), ('{"must":{"key":"a","match":{"value":{}}}}'), ('{"must":{"key":"a","match":{"integer":1}}}'),
	('{"must":{"key":"a","match":{"any":1}}}'), ('{"must":{"key":"a","match":{"any":[1,"a"]}}}'), ('{"must":{"key":"a","match":{"any":["a",1]}}}'),
	('{"must":{"key":"a","match":{"any":[true]}}}'), ('{"must":{"key":"a","match":{"except":[null]}}}'), ('{"must":{"key":"a","match":{"except":[[]]}}}'),
	('{"must":{"key":"a","match":{"text":1}}}'), ('{"must":{"key":"a","match":{"text_any":["x"]}}}'), ('{"must":{"key":"a","match":{"phrase":true}}}'),
	('{"must":{"key":"a","match":{"prefix":{}}}}'),
	-- range, values_count
	('{"must":[{},{},{"key":"a","range":{"gte_":1}}]}'), ('{"must":{"key":"a","range":[1,2]}}'), ('{"must":{"key":"a","range":{"gt":true}}}'), ('{"must":{"key":"a","range":{"gt":[]}}}'),
	('{"must":{"key":"a","range":{"gt":1,"lt":"2024-01-01"}}}'), ('{"must":{"key":"a","range":{"gt":"2024-01-01","lt":{}}}}'), ('{"must":{"key":"a","range":{"gt":"5"}}}'),
	('{"must":{"key":"a","range":{"gt":"2024-02-30"}}}'), ('{"must":{"key":"a","range":{"gt":"now"}}}'), ('{"must":{"key":"a","range":{"gt":1,"gt":2}}}'),
	('{"must":{"key":"a","values_count":5}}'), ('{"must":{"key":"a","values_count":{"gt":-1}}}'), ('{"must":{"key":"a","values_count":{"gt":1.5}}}'), ('{"must":{"key":"a","values_count":{"eq":1}}}'),
	-- is_empty, is_null
	('{"must":{"key":"a","is_empty":1}}'), ('{"must":{"key":"a","is_null":"yes"}}'), ('{"must":{"is_empty":{"key":"a","b":1}}}'), ('{"must":{"is_empty":"a"}}'), ('{"must":{"is_null":{}}}'),
	('{"must":{"is_null":{"key":"a"},"is_empty":{"key":"a"}}}'), ('{"must":{"is_null":{"key":"a."}}}'),
	-- geo
	('{"must":{"key":"a","geo_bounding_box":{}}}'), ('{"must":{"key":"a","geo_bounding_box":{"top_left":{"lon":1,"lat":2}}}}'),
	('{"must":{"key":"a","geo_bounding_box":{"top_left":{"lon":1},"bottom_right":{"lon":1,"lat":2}}}}'), ('{"must":{"key":"a","geo_bounding_box":{"top_left":{"lon":181,"lat":2}}}}'),
	('{"must":{"key":"a","geo_bounding_box":{"top_left":{"lon":1,"lat":-90.5}}}}'), ('{"must":{"key":"a","geo_bounding_box":{"top_left":{"lon":1,"lat":2,"alt":3}}}}'),
	('{"must":{"key":"a","geo_bounding_box":{"top_left":[1,2]}}}'), ('{"must":{"key":"a","geo_bounding_box":{"left":[1,2]}}}'),
	('{"must":{"key":"a","geo_radius":{"center":{"lon":1,"lat":2}}}}'), ('{"must":{"key":"a","geo_radius":{"center":{"lon":1,"lat":2},"radius":-1}}}'),
	('{"must":{"key":"a","geo_radius":{"center":{"lon":1,"lat":2},"radius":1e400}}}'), ('{"must":{"key":"a","geo_radius":{"center":{"lon":"1","lat":2},"radius":1}}}'),
	('{"must":{"key":"a","geo_radius":{"center":{"lon":1,"lat":2},"radius":1,"unit":"km"}}}'),
	('{"must":{"key":"a","geo_polygon":{}}}'), ('{"must":{"key":"a","geo_polygon":{"exterior":[]}}}'), ('{"must":{"key":"a","geo_polygon":{"exterior":{}}}}'),
	('{"must":{"key":"a","geo_polygon":{"exterior":{"points":[{"lon":0,"lat":0},{"lon":1,"lat":0},{"lon":0,"lat":0}]}}}}'),
	('{"must":{"key":"a","geo_polygon":{"exterior":{"points":[{"lon":0,"lat":0},{"lon":1,"lat":0},{"lon":1,"lat":1},{"lon":0,"lat":1}]}}}}'),
	('{"must":{"key":"a","geo_polygon":{"exterior":{"points":[{"lon":0,"lat":0},5]}}}}'),
	('{"must":{"key":"a","geo_polygon":{"exterior":{"points":[{"lon":0,"lat":0},{"lon":1,"lat":0},{"lon":1,"lat":1},{"lon":0,"lat":0}]},"interiors":{}}}}'),
	('{"must":{"key":"a","geo_polygon":{"exterior":{"points":[{"lon":0,"lat":0},{"lon":1,"lat":0},{"lon":1,"lat":1},{"lon":0,"lat":0}]},"interiors":[{"points":[]}]}}}'),
	('{"must":{"key":"a","geo_polygon":{"exterior":{"points":[{"lon":0,"lat":0},{"lon":1,"lat":0},{"lon":1,"lat":1},{"lon":0,"lat":0}]},"interiors":[null]}}}'),
	-- what stands alone
	('{"must":{"has_id":5}}'), ('{"must":{"has_id":null}}'), ('{"must":{"has_id":[-1]}}'), ('{"must":{"has_id":[1.0]}}'), ('{"must":{"has_id":[18446744073709551616]}}'), ('{"must":{"has_id":[true]}}'),
	('{"must":{"key":"a","geo_polygon":{"exterior":{"points":[{"lon":0,"lat":0},{"lon":1,"lat":0},{"lon":1,"lat":1},{"lon":0,"lat":0}]},"holes":[]}}}'),
	('{"must":{"key":"a","geo_polygon":{"exterior":{"points":[],"closed":true}}}}'),
	('{"must":{"key":"a","geo_polygon":{"exterior":{"points":[{"lon":0,"lat":0},{"lon":1,"lat":0},{"lon":1,"lat":1},{"lon":0,"lat":0}]},"interiors":[{"points":[{"lon":0,"lat":0},{"lon":1,"lat":0},{"lon":1,"lat":1},{"lon":0,"lat":0}]},{"points":[],"hole":1}]}}}'),
	('{"must":{"key":"a","geo_polygon":{"exterior":{"points":[{"lon":0,"lat":0},{"lon":1,"lat":0},{"lon":1,"lat":1},{"lon":0,"lat":0}]},"interiors":[{"points":[{"lon":0,"lat":0},{"lon":1,"lat":0},{"lon":1,"lat":1},{"lon":0,"lat":0}]},{"points":[{"lon":0,"lat":0},{"lon":0,"lat":"1"}]}]}}}'),
	('{"must":{"key":"a","geo_polygon":{"exterior":{"points":[{"lon":0,"lat":0},{"lon":1,"lat":0},{"lon":1,"lat":1},{"lon":0,"lat":0}]},"interiors":[{"points":[{"lon":0,"lat":0},{"lon":0,"lat":0,"alt":1}]}]}}}'),
	('{"must":{"key":"a","geo_radius":{"radius":1}}}'), ('{"must":{"key":"a","geo_radius":{"center":null,"radius":1}}}'),
	('{"must":{"has_id":[1],"has_vector":"x"}}'), ('{"must":{"has_vector":["x"]}}'), ('{"must":{"has_vector":null}}'), ('{"must":[{},{"has_vector":null}]}'),
	('{"must":{"slice":{"total":2,"index":-1}}}'), ('{"must":{"slice":{"total":-2,"index":0}}}'), ('{"must":{"slice":{"total":2,"index":0.5}}}'),
	('{"must":{"slice":{"total":0,"index":0}}}'), ('{"must":{"slice":{"total":2,"index":2}}}'), ('{"must":{"slice":{"total":2}}}'), ('{"must":{"slice":[2,1]}}'), ('{"must":{"slice":{"total":2,"index":0,"seed":1}}}'),
	('{"must":{"nested":{}}}'), ('{"must":{"nested":{"key":"a"}}}'), ('{"must":{"nested":{"key":"a","filter":[]}}}'), ('{"must":{"nested":{"key":"a","filter":{"must":{"kee":"b"}}}}}'),
	('{"must":[{"nested":{"key":"a","filter":{"must":[{},{"key":"b","range":{"gte_":1}}]}}}]}'), ('{"must":{"nested":{"key":"a","filter":{},"x":1}}}'),
	-- the other dialect
	('{"must":{"key":"a","type":"fuzzy","match":{"value":"x"}}}'), ('{"must":{"key":"a","type":5,"match":{"value":"x"}}}'), ('{"must":{"key":"a","type":"exact"}}'),
	('{"must":{"key":"a","type":"exact","match":{}}}'), ('{"must":{"key":"a","type":"exact","match":{"value":[1]}}}'), ('{"must":{"key":"a","type":"exact","match":{"any":[1]}}}'), ('{"must":{"key":"a","type":"exact","range":{"gt":1}}}'),
	('{"must":{"key":"a","type":"exact","match":{"value":1},"range":{"gt":1}}}'), ('{"must":{"key":"a","type":"range","match":{"value":1}}}'), ('{"must":{"key":"a","type":"range"}}'),
	('{"must":{"key":"a","type":"prefix","match":{"value":5}}}'), ('{"must":{"key":"a","type":"contains","match":{"value":{}}}}'), ('{"must":{"key":"a","type":"regex","match":{"value":5}}}'),
	('{"must":{"key":"a","type":"exact","is_null":true}}'),
	('{"must":{"key":"a","type":"regex","match":{"value":"["}}}'), ('{"must_not":[{"nested":{"key":"a","filter":{"should":[{"key":"b","type":"regex","match":{"value":"a{2,1}"}}]}}}]}')
) t(input);

-- What is too much: 54000
CREATE FUNCTION pg_temp.beginning(input text) RETURNS text LANGUAGE sql AS $$ SELECT left(pg_temp.filter(input), 200) $$;
SELECT pg_temp.beginning(repeat('[', 165));
SELECT pg_temp.beginning(repeat('[', 100000));
SELECT pg_temp.beginning(repeat('{"must":', 32) || '[]' || repeat('}', 32));
SELECT pg_temp.beginning(repeat('{"must":', 32) || '{}' || repeat('}', 32));
-- As deep as it may be, it reads back
SELECT length(f::text), f::text::payload_filter::text = f::text FROM (SELECT (repeat('{"must":{"nested":{"key":"a","filter":', 31) || '{"must":{"key":"p","geo_polygon":{"exterior":{"points":[{"lon":0,"lat":0},{"lon":1,"lat":0},{"lon":1,"lat":1},{"lon":0,"lat":0}]}}}}'
	|| repeat('}}}', 31))::payload_filter AS f) s;
SELECT f::text::payload_filter::text = f::text FROM (SELECT (repeat('{"min_should":{"min_count":1,"conditions":[{"nested":{"key":"a","filter":', 30) || '{"must":{"nested":{"key":"a","filter":{"must":{"key":"p","geo_polygon":'
	|| '{"exterior":{"points":[{"lon":0,"lat":0},{"lon":1,"lat":0},{"lon":1,"lat":1},{"lon":0,"lat":0}]},"interiors":[{"points":[{"lon":0,"lat":0},{"lon":1,"lat":0},{"lon":1,"lat":1},{"lon":0,"lat":0}]}]}}}}}}'
	|| repeat('}}]}}', 30))::payload_filter AS f) s;
SELECT '{}'::jsonb @~ f, '{"a": [{"a": [{}]}]}' @~ f FROM (SELECT (repeat('{"must":{"nested":{"key":"a","filter":', 31) || '{}' || repeat('}}}', 31))::payload_filter AS f) s;
SELECT pg_temp.beginning(format('{"must":[%s]}', (SELECT string_agg('{}', ',') FROM generate_series(1, 4096))));
SELECT pg_temp.beginning(format('{"must":[%s]}', (SELECT string_agg('{}', ',') FROM generate_series(1, 4097))));
SELECT pg_temp.beginning(format('{"must":{"has_id":[%s]}}', (SELECT string_agg('1', ',') FROM generate_series(1, 65536))));
SELECT pg_temp.beginning(format('{"must":{"has_id":[%s]}}', (SELECT string_agg('1', ',') FROM generate_series(1, 65537))));
SELECT pg_temp.beginning(format('{"must":{"key":"a","match":{"any":[%s]}}}', (SELECT string_agg('1', ',') FROM generate_series(1, 65537))));
SELECT pg_temp.beginning('{"must":{"key":"a","match":{"value":"' || repeat('x', 1024 * 1024) || '"}}}');
SELECT pg_temp.beginning('{"must":{"key":"a","match":{"any":[' || (SELECT string_agg('"' || repeat('x', 13) || '"', ',') FROM generate_series(1, 65000)) || ']}}}');
SELECT pg_temp.beginning('{"must":{"key":"a","match":{"value":' || repeat('9', 400) || '}}}') = '{"must": [{"key": "a", "match": {"value": ' || repeat('9', 158);
SELECT pg_temp.beginning('{"must":{"key":"a","match":{"value":' || repeat('9', 401) || '}}}');
SELECT pg_temp.beginning('{"must":{"key":"a","range":{"gt":1e401}}}');
SELECT pg_temp.beginning('{"must":{"key":"a","range":{"gt":1e-999999999999}}}');
SELECT pg_temp.beginning('{"must":{"key":"a","type":"regex","match":{"value":"' || repeat('a', 1001) || '"}}}');
SELECT pg_temp.beginning(format('{"must":[%s]}', (SELECT string_agg('{"key":"a","type":"regex","match":{"value":"a"}}', ',') FROM generate_series(1, 17))));
-- A key as long as that is shown, but does no harm
SELECT length(pg_temp.filter('{"' || repeat('k', 100000) || '":1}'));

-- Binary: the text, checked again
CREATE TABLE filter_from (f payload_filter);
CREATE TABLE filter_to (f payload_filter);
INSERT INTO filter_from SELECT input::payload_filter FROM form;
INSERT INTO filter_from VALUES (NULL);
\getenv dir PG_ABS_BUILDDIR
\set file :dir '/results/filter_parse.copy'
COPY filter_from TO :'file' (FORMAT binary);
COPY filter_to FROM :'file' (FORMAT binary);
SELECT count(*), count(f) FROM filter_to;
SELECT count(*) FROM (SELECT f::text FROM filter_from EXCEPT SELECT f::text FROM filter_to) s;
SELECT encode(payload_filter_send('{"must": []}'), 'escape');
TRUNCATE filter_to;
CREATE FUNCTION pg_temp.receive(field bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	file bytea := '\x5047434f50590aff0d0a00'::bytea || int4send(0) || int4send(0)
		|| int2send(1::int2) || int4send(length(field)) || field || int2send(-1::int2);
	octal text;
	result text;
BEGIN
	SELECT string_agg(format('\%s%s%s', byte >> 6, byte >> 3 & 7, byte & 7), '' ORDER BY i) INTO octal
	FROM (SELECT i, get_byte(file, i) AS byte FROM generate_series(0, length(file) - 1) i) s;
	EXECUTE format('COPY filter_to FROM PROGRAM %L (FORMAT binary)', format('printf ''%s''', octal));
	DELETE FROM filter_to RETURNING f INTO result;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT title || ': ' || pg_temp.receive(bytes) FROM (VALUES
	('as sent', payload_filter_send('{"must": {"key": "a", "is_null": true}}')),
	('not canonical', '{"should":{}}'::bytea),
	('nothing', ''::bytea),
	('unknown key', '{"x":[]}'::bytea),
	('cut off', substr(payload_filter_send('{"must": {"key": "a", "is_null": true}}'), 1, 20)),
	('bad encoding', '{"must":{"key":"'::bytea || '\xff'::bytea || '","is_null":true}}'::bytea)
) t(title, bytes);
DROP TABLE filter_from, filter_to;

-- What no input function has seen
CREATE CAST (bytea AS payload_filter) WITHOUT FUNCTION;
SELECT pg_temp.outcome($$SELECT '{}'::jsonb @~ '\x7b'::bytea::payload_filter$$);
SELECT pg_temp.outcome($$SELECT '{}'::jsonb @~ '\x'::bytea::payload_filter$$);
SELECT pg_temp.outcome($$SELECT '{}'::jsonb @~ '{"must":{"x":1}}'::bytea::payload_filter$$);
DROP CAST (bytea AS payload_filter);

-- No order and no equality; storage
\set VERBOSITY terse
SELECT '{}'::payload_filter = '{}'::payload_filter;
\set VERBOSITY default
SELECT typlen, typstorage, typalign, typcategory FROM pg_type WHERE oid = 'payload_filter'::regtype;
