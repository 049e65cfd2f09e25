-- payload @~ filter: every kind of condition, in both dialects
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
\pset format unaligned
\pset tuples_only on

-- Conditions as must, as must_not and as must of must_not: all ids, or the error
CREATE TEMP TABLE point (id int PRIMARY KEY, payload jsonb);
CREATE FUNCTION pg_temp.found(filter text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT coalesce(string_agg(id::text, ' ' ORDER BY id), '-') FROM point WHERE payload @~ filter::payload_filter);
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
CREATE FUNCTION pg_temp.found_by(condition text) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.found(format('{"must":[%s]}', condition))
		|| CASE WHEN pg_temp.found(format('{"must":[%s]}', condition)) = pg_temp.found(format('{"must_not":[{"must_not":[%s]}]}', condition))
			AND (SELECT count(*) FROM point WHERE payload @~ format('{"must":[%s]}', condition)::payload_filter
				OR payload @~ format('{"must_not":[%s]}', condition)::payload_filter) = (SELECT count(*) FROM point)
			THEN '' ELSE ' BUT NOT SO NEGATED' END
$$;

-- Cities
INSERT INTO point VALUES
	(1, '{"city": "Berlin", "price": 10.0}'), (2, '{"city": ["Berlin", "London"], "price": 11.0}'), (3, '{"city": ["Berlin", "Moscow"], "price": 9.5}'),
	(4, '{"city": ["London", "Moscow"], "price": 9}'), (5, '{"count": 0}'), (6, '{}'), (7, '{"city": null, "price": null}'), (8, '{"city": [], "price": []}');
SELECT condition || ' -> ' || pg_temp.found_by(condition) FROM (VALUES
	('{"key":"city","match":{"any":["London","Moscow"]}}'),
	('{"key":"city","match":{"value":"Berlin"}}'),
	('{"key":"city","match":{"value":"berlin"}}'),
	('{"key":"city","values_count":{"gt":2}}'),
	('{"key":"city","values_count":{"gte":2}}'),
	('{"key":"city","values_count":{"lt":2}}'),
	('{"key":"city","values_count":{"lte":0}}'),
	('{"is_empty":{"key":"city"}}'),
	('{"key":"city","is_empty":true}'),
	('{"key":"city","is_empty":false}'),
	('{"is_null":{"key":"city"}}'),
	('{"key":"city","is_null":true}'),
	('{"must_not":[{"is_null":{"key":"city"}}]}'),
	('{"key":"city","is_null":false}'),
	('{"key":"city","match":{"except":["Berlin"]}}'),
	('{"key":"city","match":{"except":["Berlin","London","Moscow"]}}'),
	('{"key":"city","match":{"prefix":"Mos"}}'),
	('{"key":"price","range":{"gte":9.5}}'),
	('{"key":"price","range":{"gt":9.5,"lte":11}}'),
	('{"key":"price","range":{}}'),
	('{"key":"price","match":{"value":10}}'),
	('{"key":"price","match":{"any":[9.0,11]}}'),
	('{"key":"count","match":{"value":0}}'),
	('{"min_should":{"conditions":[{"key":"city","match":{"value":"Berlin"}},{"key":"city","match":{"value":"Moscow"}},{"key":"price","range":{"lt":10}}],"min_count":2}}'),
	('{"min_should":{"conditions":[{"key":"city","match":{"value":"Berlin"}}],"min_count":2}}'),
	('{"min_should":{"conditions":[],"min_count":2}}'),
	('{"should":[{"key":"city","match":{"value":"London"}},{"key":"count","is_null":false}]}'),
	('{"should":[],"must_not":[]}'),
	('{}')
) t(condition);
SELECT pg_temp.found('{}'), pg_temp.found('null');
-- In the order of the vectors
SELECT string_agg(id::text, ' ' ORDER BY embedding <#> '[0.2,0.1,0.9,0.7]') FROM point JOIN (VALUES
	(1, '[0.05,0.61,0.76,0.74]'::vector), (2, '[0.19,0.81,0.75,0.11]'), (3, '[0.36,0.55,0.47,0.94]'), (4, '[0.18,0.01,0.85,0.80]'),
	(5, '[0.24,0.18,0.22,0.44]'), (6, '[0.35,0.08,0.11,0.44]'), (7, '[0.25,0.98,0.14,0.43]'), (8, '[0.79,0.53,0.72,0.15]')
) v(id, embedding) USING (id) WHERE payload @~ '{"must":[{"key":"city","values_count":{"lt":2}}]}';

-- Tags, and numbers
TRUNCATE point;
INSERT INTO point VALUES (1, '{"tags": ["a", "b", "c"], "n": 1}'), (2, '{"tags": ["x"], "n": 2}'), (3, '{"n": 3}'), (4, '{"tags": {"a": 1}}'), (5, '{"tags": "x", "n": null}');
SELECT condition || ' -> ' || pg_temp.found_by(condition) FROM (VALUES
	('{"key":"tags","values_count":{"lt":1}}'), ('{"key":"tags","values_count":{"gte":0}}'), ('{"key":"tags","values_count":{"lte":0}}'), ('{"key":"tags","values_count":{"gt":0,"lt":2}}'),
	('{"key":"tags","values_count":{}}'), ('{"key":"n","match":{"except":[]}}'), ('{"key":"n","match":{"except":[1]}}'), ('{"key":"n","match":{"any":[]}}')
) t(condition);

-- What a value may be
TRUNCATE point;
INSERT INTO point VALUES
	(1, '{"a": 10}'), (2, '{"a": 10.00}'), (3, '{"a": "10"}'), (4, '{"a": true}'), (5, '{"a": {"b": 10}}'), (6, '{"a": [10, "x"]}'), (7, '{"a": [[10]]}'),
	(8, '{"a": null}'), (9, '{"a": [null]}'), (10, '{"a": [1, null]}'), (11, '{"a": []}'), (12, '{"a": ""}'), (13, '{"b": 1}'), (14, '[]'), (15, '[{"a": 10}]'),
	(16, '10'), (17, '"a"'), (18, 'null'), (19, '{"a": ["a", "b"]}'), (20, '{"a": "a"}'), (21, '{"a": 10.5}'), (22, '{"a": {}}'), (23, '{"a": [{"b": 10}, {"b": [11, 12]}]}'),
	(24, '{"a": [false]}'), (25, '{"a": 1e300}'), (26, '{"a": -0.0}'), (27, '{"a": [[]]}');
SELECT condition || ' -> ' || pg_temp.found_by(condition) FROM (VALUES
	('{"key":"a","match":{"value":10}}'), ('{"key":"a","match":{"value":10.0}}'), ('{"key":"a","match":{"value":1e1}}'), ('{"key":"a","match":{"value":"10"}}'), ('{"key":"a","match":{"value":true}}'),
	('{"key":"a","match":{"value":false}}'), ('{"key":"a","match":{"value":""}}'), ('{"key":"a","match":{"value":10.5}}'), ('{"key":"a","match":{"value":0}}'),
	('{"key":"a","match":{"any":[10,11]}}'), ('{"key":"a","match":{"any":["10","a"]}}'), ('{"key":"a","match":{"any":[]}}'),
	('{"key":"a","match":{"except":[10]}}'), ('{"key":"a","match":{"except":["a","b"]}}'), ('{"key":"a","match":{"except":["a"]}}'), ('{"key":"a","match":{"except":[]}}'),
	('{"key":"a","match":{"prefix":"1"}}'), ('{"key":"a","match":{"prefix":""}}'),
	('{"key":"a","range":{"gte":10,"lte":10}}'), ('{"key":"a","range":{"lt":0.5}}'), ('{"key":"a","range":{"gt":1e299}}'), ('{"key":"a","range":{}}'),
	('{"key":"a","values_count":{"gt":0}}'), ('{"key":"a","values_count":{"gte":2}}'), ('{"key":"a","values_count":{"lte":0}}'),
	('{"key":"a","is_empty":true}'), ('{"key":"a","is_empty":false}'), ('{"is_empty":{"key":"a"}}'), ('{"key":"a","is_null":true}'), ('{"key":"a","is_null":false}'), ('{"is_null":{"key":"a"}}'),
	('{"key":"a","type":"contains","match":{"value":"1"}}'), ('{"key":"a","type":"contains","match":{"value":10}}'), ('{"key":"a","type":"contains","match":{"value":false}}'), ('{"key":"a","type":"contains","match":{"value":""}}'),
	('{"key":"a","type":"regex","match":{"value":"^[0-9]+$"}}'), ('{"key":"a","type":"regex","match":{"value":""}}'),
	('{"key":"a","match":{"text":"10"}}'),
	('{"key":"a.b","match":{"value":10}}'), ('{"key":"a[].b","match":{"value":10}}'), ('{"key":"a[].b","match":{"value":12}}'), ('{"key":"a[].b[]","match":{"value":12}}'), ('{"key":"a[].b[0]","match":{"value":11}}'),
	('{"key":"a[1].b","match":{"value":12}}'), ('{"key":"a[0]","match":{"value":10}}'), ('{"key":"a[1]","match":{"value":"x"}}'), ('{"key":"a[2]","is_null":false}'), ('{"key":"a[]","match":{"value":10}}'),
	('{"key":"a[][]","match":{"value":10}}'), ('{"is_empty":{"key":"a[]"}}'), ('{"is_null":{"key":"a[]"}}'), ('{"key":"a[]","values_count":{"gt":0}}'), ('{"key":"a[]","values_count":{"lt":1}}'), ('{"key":"a[]","is_empty":true}'),
	('{"key":"a[]","is_null":false}'), ('{"key":"a[].b","values_count":{"gte":2}}'),
	('{"nested":{"key":"a","filter":{"must":{"key":"b","match":{"value":10}}}}}'), ('{"nested":{"key":"a","filter":{"must_not":{"key":"b","match":{"value":10}}}}}'), ('{"nested":{"key":"a[]","filter":{}}}'),
	('{"nested":{"key":"a","filter":{"should":[]}}}'), ('{"nested":{"key":"a","filter":{"should":[],"must":[],"must_not":[]}}}'), ('{"nested":{"key":"a","filter":{"should":[],"must":{"key":"b","match":{"value":10}}}}}'),
	('{"nested":{"key":"a","filter":{"must":{"key":"b[]","match":{"value":12}}}}}')
) t(condition);

-- Nested: one element must satisfy all of it
TRUNCATE point;
INSERT INTO point VALUES
	(1, '{"diet": [{"food": "leaves", "likes": false}, {"food": "meat", "likes": true}]}'),
	(2, '{"diet": [{"food": "leaves", "likes": true}, {"food": "meat", "likes": false}]}'),
	(3, '{"diet": {"food": "meat", "likes": true}}'), (4, '{"diet": []}'), (5, '{}'), (6, '{"diet": ["meat", true, {"food": "meat", "likes": [true]}]}'),
	(7, '{"diet": [[{"food": "meat", "likes": true}]]}'), (8, '{"diet": [{"food": "meat", "likes": true, "when": [{"day": "Mon", "ok": 1}, {"day": "Tue", "ok": 0}]}]}');
SELECT condition || ' -> ' || pg_temp.found_by(condition) FROM (VALUES
	('{"nested":{"key":"diet","filter":{"must":[{"key":"food","match":{"value":"meat"}},{"key":"likes","match":{"value":true}}]}}}'),
	('{"must":[{"key":"diet[].food","match":{"value":"meat"}},{"key":"diet[].likes","match":{"value":true}}]}'),
	('{"nested":{"key":"diet[]","filter":{"must_not":[{"key":"food","match":{"value":"meat"}}]}}}'),
	('{"nested":{"key":"diet[][]","filter":{"must":[{"key":"food","match":{"value":"meat"}}]}}}'),
	('{"nested":{"key":"diet","filter":{"must":{"nested":{"key":"when","filter":{"must":[{"key":"day","match":{"value":"Mon"}},{"key":"ok","match":{"value":1}}]}}}}}}'),
	('{"nested":{"key":"diet","filter":{"must":{"nested":{"key":"when","filter":{"must":[{"key":"day","match":{"value":"Tue"}},{"key":"ok","match":{"value":1}}]}}}}}}'),
	('{"nested":{"key":"diet[].when","filter":{"must":[{"key":"day","match":{"value":"Tue"}},{"key":"ok","match":{"value":0}}]}}}'),
	('{"nested":{"key":"diet","filter":{"should":[{"has_id":[1]},{"has_vector":"x"},{"slice":{"total":1,"index":0}}]}}}'),
	('{"nested":{"key":"diet","filter":{"must_not":[{"has_id":[1]},{"slice":{"total":1,"index":0}}]}}}')
) t(condition);

-- Keys that need quotes, and long objects and arrays
TRUNCATE point;
INSERT INTO point VALUES
	(1, '{"a b": {"": {"c.d": [5]}}, "é": "ü", "0": "zero"}'),
	(2, (SELECT jsonb_object_agg('k' || i, i) FROM generate_series(1, 500) i)),
	(3, (SELECT jsonb_build_object('l', jsonb_agg(CASE i % 3 WHEN 0 THEN to_jsonb(i) WHEN 1 THEN to_jsonb('s' || i) ELSE jsonb_build_object('n', i) END ORDER BY i)) FROM generate_series(0, 299) i));
SELECT condition || ' -> ' || pg_temp.found_by(condition) FROM (VALUES
	('{"key":"\"a b\".\"\".\"c.d\"","match":{"value":5}}'), ('{"key":"é","match":{"value":"ü"}}'), ('{"key":"0","match":{"value":"zero"}}'),
	('{"key":"k499","match":{"value":499}}'), ('{"key":"l","match":{"value":297}}'), ('{"key":"l[297]","match":{"value":297}}'), ('{"key":"l[298]","match":{"value":"s298"}}'), ('{"key":"l[299].n","match":{"value":299}}'),
	('{"key":"l[300]","is_null":false}'), ('{"key":"l[33]","match":{"value":33}}'), ('{"key":"l[32].n","match":{"value":32}}'), ('{"key":"l[31]","match":{"value":"s31"}}'), ('{"key":"l[].n","match":{"value":152}}'), ('{"key":"l[].n","match":{"value":153}}')
) t(condition);

-- Text: words as PostgreSQL's parser finds them, in any case
TRUNCATE point;
INSERT INTO point VALUES
	(1, '{"t": "The quick brown fox jumps over the lazy dog"}'), (2, '{"t": "A lazy, brown DOG."}'), (3, '{"t": ["a dog", "is brown"]}'), (4, '{"t": ""}'), (5, '{"t": 5}'),
	(6, '{"t": "well-known e-mail: someone@example.com, ver. 1.5"}'), (7, '{"t": "Ärger mit der ÜBERSETZUNG"}'), (8, '{"t": "the the the"}');
SELECT condition || ' -> ' || pg_temp.found_by(condition) FROM (VALUES
	('{"key":"t","match":{"text":"brown dog"}}'), ('{"key":"t","match":{"text":"Dog BROWN"}}'), ('{"key":"t","match":{"text":"dogs"}}'), ('{"key":"t","match":{"text":"do"}}'),
	('{"key":"t","match":{"text":""}}'), ('{"key":"t","match":{"text":" ., "}}'), ('{"key":"t","match":{"text":"the the"}}'), ('{"key":"t","match":{"text":"5"}}'),
	('{"key":"t","match":{"text_any":"cat dog"}}'), ('{"key":"t","match":{"text_any":"cat mouse"}}'), ('{"key":"t","match":{"text_any":""}}'),
	('{"key":"t","match":{"phrase":"lazy dog"}}'), ('{"key":"t","match":{"phrase":"brown dog"}}'), ('{"key":"t","match":{"phrase":"dog"}}'), ('{"key":"t","match":{"phrase":"the the"}}'),
	('{"key":"t","match":{"phrase":"the the the the"}}'), ('{"key":"t","match":{"text":"someone@example.com"}}'), ('{"key":"t","match":{"text":"well-known"}}'), ('{"key":"t","match":{"text":"known"}}'),
	('{"key":"t","match":{"text":"übersetzung ärger"}}'), ('{"key":"t","match":{"prefix":"The"}}'), ('{"key":"t","match":{"prefix":"the"}}'),
	('{"key":"t","type":"regex","match":{"value":"\\mdog\\M"}}'), ('{"key":"t","type":"regex","match":{"value":"(?i)^a"}}'), ('{"key":"t","type":"regex","match":{"value":"^.$"}}'),
	('{"key":"t","type":"contains","match":{"value":"brown"}}'), ('{"key":"t","type":"contains","match":{"value":"ÜB"}}'), ('{"key":"t","type":"contains","match":{"value":"a dog"}}')
) t(condition);
-- Longer than a tsvector can be
SELECT jsonb_build_object('t', repeat('word ', 300000) || 'end') @~ '{"must":[{"key":"t","match":{"phrase":"word end"}}]}' AS "long text";
-- Words that PostgreSQL finds too long, of more than 2,047 bytes, are not there, in a filter or a payload
SELECT title, jsonb_build_object('t', text) @~ jsonb_build_object('must', jsonb_build_object('key', 't', 'match', match))::text::payload_filter AS matches
FROM (VALUES ('long enough', repeat('w', 2046), jsonb_build_object('text', repeat('w', 2046))), ('too long', repeat('w', 2048), jsonb_build_object('text', repeat('w', 2048))),
	('others in a filter', 'a b', jsonb_build_object('text', 'a ' || repeat('w', 2048))), ('others in a payload', 'a ' || repeat('w', 2048) || ' b', '{"text": "a b"}'),
	('neighbours', 'a ' || repeat('w', 2048) || ' b', '{"phrase": "a b"}')) t(title, text, match);

-- Several filters in turn, as = ANY asks, are kept, each by what it says: 1,000 rows do not have 3,000 values read for each of them
CREATE FUNCTION pg_temp.match_time(condition text, OUT rows bigint, OUT took interval) LANGUAGE plpgsql AS $$
DECLARE
	start timestamptz;
BEGIN
	FOR i IN 1 .. 2 LOOP
		start := clock_timestamp();
		EXECUTE format('SELECT count(*) FROM (SELECT jsonb_build_object(''n'', n) AS payload FROM generate_series(1, 1000) n OFFSET 0) s WHERE %s', condition) INTO rows;
		took := least(took, clock_timestamp() - start);
	END LOOP;
END
$$;
SELECT kept.rows, twice.rows, CASE WHEN kept.took < 20 * twice.took THEN 'kept' ELSE format('%s instead of %s', kept.took, twice.took) END AS kept
FROM (SELECT quote_literal(format('{"must":[{"key":"n","match":{"any":[%s]}}]}', string_agg((n * 2)::text, ','))) AS even,
		quote_literal(format('{"must":[{"key":"n","match":{"any":[%s]}}]}', string_agg((n * 3)::text, ','))) AS third FROM generate_series(1, 3000) n) f,
	pg_temp.match_time(format('payload @~ ANY (ARRAY[%s, %s]::payload_filter[])', even, third)) kept, pg_temp.match_time(format('payload @~ %s OR payload @~ %s', even, third)) twice;
-- ... and more than there is room for are read again
SELECT count(*), sum(n) FROM generate_series(1, 100) n, LATERAL (SELECT format('{"must":[{"key":"n","match":{"value":%s}}]}', n % 11)::payload_filter AS filter OFFSET 0) f WHERE jsonb_build_object('n', n) @~ filter;
SELECT count(*) FROM generate_series(1, 100) n WHERE jsonb_build_object('n', n) @~ ANY (ARRAY(SELECT format('{"must":[{"key":"n","match":{"value":%s}}]}', f)::payload_filter FROM generate_series(1, 20) f));

-- Dates and times
TRUNCATE point;
INSERT INTO point VALUES
	(1, '{"d": "2023-02-08T10:49:00Z"}'), (2, '{"d": "2023-02-08 10:49:00"}'), (3, '{"d": "2023-02-08T10:49"}'), (4, '{"d": "2023-02-08"}'), (5, '{"d": "2023-02-08T12:49:00+02:00"}'),
	(6, '{"d": "2023-02-08T05:19:00-0530"}'), (7, '{"d": "2023-02-08T10:49:00.000001Z"}'), (8, '{"d": 1675853340}'), (9, '{"d": "yesterday"}'), (10, '{"d": ["2000-01-01", "2023-02-09"]}'),
	(11, '{"d": null}'), (12, '{"d": "2023-02-08T10:49:00.000000999Z"}'), (13, '{"d": "2023-02-08 10:49:00 +01"}'), (14, '{"d": "2024-02-29"}'), (15, '{"d": "2023-02-29"}'),
	(16, '{"d": "0000-01-01"}'), (17, '{"d": "9999-12-31T23:59:60Z"}'), (18, '{"d": "1900-02-29"}'), (19, '{"d": "2023-2-8"}'), (20, '{"d": "2023-02-08T24:00:00Z"}'), (21, '{"d": "2023-02-08T10:49:00z "}');
SET TimeZone = 'Asia/Tokyo';
SET DateStyle = 'SQL, DMY';
SELECT condition || ' -> ' || pg_temp.found_by(condition) FROM (VALUES
	('{"key":"d","range":{"gte":"2023-02-08T10:49:00Z","lte":"2023-02-08T10:49:00Z"}}'), ('{"key":"d","range":{"gte":"2023-02-08T10:49","lte":"2023-02-08 11:49:00+01"}}'),
	('{"key":"d","range":{"gt":"2023-02-08T10:49:00Z"}}'), ('{"key":"d","range":{"lt":"2023-02-08T10:49:00Z"}}'), ('{"key":"d","range":{"gte":"0000-01-01","lt":"2023-02-08T10:00:00Z"}}'),
	('{"key":"d","range":{"gt":"2000-01-02","lt":"2023-02-08"}}'), ('{"key":"d","range":{"gt":1675853339}}')
) t(condition);
SELECT (d ->> 'd') || ' -> ' || coalesce(to_char(payload_datetime(d ->> 'd') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US BC'), '-') FROM point, LATERAL (SELECT payload) s(d) WHERE d @~ '{"must_not":[{"key":"d[]","is_empty":false}]}' ORDER BY id;
SELECT count(*) FILTER (WHERE payload_datetime(t::text) = t::timestamp AT TIME ZONE 'UTC') AS same, count(*) FROM (SELECT to_char('0001-01-01'::timestamp + i * interval '1001 days 3 hours 17.25 seconds', 'YYYY-MM-DD HH24:MI:SS.US') FROM generate_series(0, 3600) i) s(t);
RESET TimeZone;
RESET DateStyle;

-- Places
TRUNCATE point;
INSERT INTO point VALUES
	(1, '{"p": {"lon": 13.4050, "lat": 52.5200}, "city": "Berlin"}'), (2, '{"p": {"lon": -0.1278, "lat": 51.5074}, "city": "London"}'), (3, '{"p": {"lon": 37.6173, "lat": 55.7558}, "city": "Moscow"}'),
	(4, '{"p": [{"lon": 0, "lat": 0}, {"lon": 13.41, "lat": 52.51}]}'), (5, '{"p": {"lon": 179.5, "lat": -17}, "city": "Fiji"}'), (6, '{"p": {"lon": -179.5, "lat": -17}}'), (7, '{"p": {"lon": "13.4", "lat": 52.5}}'),
	(8, '{"p": {"lon": 13.4}}'), (9, '{"p": [13.4, 52.5]}'), (10, '{"p": null}'), (11, '{}'), (12, '{"p": {"lon": 2, "lat": 2}}'), (13, '{"p": {"lon": 5, "lat": 5}}'), (14, '{"p": {"lon": 0, "lat": 5}}'), (15, '{"p": {"lon": 10, "lat": 10}}'),
	(16, '{"p": {"lon": 4, "lat": 5}}'), (17, '{"p": {"lon": 1e300, "lat": 1e300}}'), (18, '{"p": {"lon": 1, "lat": 9.999}}'), (19, '{"p": {"lon": 4, "lat": 4}}');
SELECT condition || ' -> ' || pg_temp.found_by(condition) FROM (VALUES
	('{"key":"p","geo_bounding_box":{"top_left":{"lon":13,"lat":53},"bottom_right":{"lon":14,"lat":52}}}'),
	('{"key":"p","geo_bounding_box":{"top_left":{"lon":13.4050,"lat":53},"bottom_right":{"lon":14,"lat":52}}}'),
	('{"key":"p","geo_bounding_box":{"top_left":{"lon":14,"lat":53},"bottom_right":{"lon":13,"lat":52}}}'),
	('{"key":"p","geo_bounding_box":{"top_left":{"lon":170,"lat":0},"bottom_right":{"lon":-170,"lat":-30}}}'),
	('{"key":"p","geo_bounding_box":{"top_left":{"lon":0,"lat":10},"bottom_right":{"lon":10,"lat":0}}}'),
	('{"key":"p","geo_radius":{"center":{"lon":13.4050,"lat":52.5200},"radius":0}}'),
	('{"key":"p","geo_radius":{"center":{"lon":13.4050,"lat":52.5200},"radius":0.001}}'),
	('{"key":"p","geo_radius":{"center":{"lon":13.4050,"lat":52.5200},"radius":2000}}'),
	('{"key":"p","geo_radius":{"center":{"lon":13.4050,"lat":52.5200},"radius":931000}}'),
	('{"key":"p","geo_radius":{"center":{"lon":13.4050,"lat":52.5200},"radius":933000}}'),
	('{"key":"p","geo_radius":{"center":{"lon":180,"lat":-17},"radius":60000}}'),
	('{"key":"p","geo_radius":{"center":{"lon":13,"lat":52},"radius":1e12}}'),
	('{"key":"p","geo_polygon":{"exterior":{"points":[{"lon":0,"lat":0},{"lon":10,"lat":0},{"lon":10,"lat":10},{"lon":0,"lat":10},{"lon":0,"lat":0}]}}}'),
	('{"key":"p","geo_polygon":{"exterior":{"points":[{"lon":0,"lat":0},{"lon":0,"lat":10},{"lon":10,"lat":10},{"lon":10,"lat":0},{"lon":0,"lat":0}]},"interiors":[{"points":[{"lon":4,"lat":4},{"lon":6,"lat":4},{"lon":6,"lat":6},{"lon":4,"lat":6},{"lon":4,"lat":4}]}]}}'),
	('{"key":"p","geo_polygon":{"exterior":{"points":[{"lon":0,"lat":0},{"lon":10,"lat":10},{"lon":10,"lat":0},{"lon":0,"lat":0}]}}}'),
	('{"key":"p.lon","range":{"gt":13.4,"lt":14}}')
) t(condition);

-- Ids, slices, vectors: by the function that knows them
SELECT pg_temp.found('{"must":[{"has_id":[1]}]}');
SELECT pg_temp.found('{"must":[{"slice":{"total":2,"index":0}}]}');
SELECT pg_temp.found('{"must":[{"has_vector":"x"}]}');
SELECT pg_temp.found('{"min_should":{"conditions":[{"has_id":[1]}],"min_count":1}}');
\set ON_ERROR_STOP 0
SELECT '{}'::jsonb @~ '{"must":[{"has_id":[1]}]}';
SELECT '{}'::jsonb @~ '{"must":[{"should":[{"must_not":[{"slice":{"total":2,"index":0}}]}]}]}';
SELECT payload_matches('{}', '{"must":[{"has_vector":"x"}]}', 1);
SELECT string_agg(i::text, ' ' ORDER BY i) FROM generate_series(-2, 12) i WHERE payload_matches('{}', '{"must":[{"has_id":[1,3,"5","x",12,18446744073709551614]}]}', i);
SELECT string_agg(i::text, ' ' ORDER BY i) FROM generate_series(-2, 12) i WHERE payload_matches('{}', '{"must_not":[{"has_id":[1,3,"5","x",12]}]}', i);
SELECT string_agg(id, ' ' ORDER BY id) FROM unnest(ARRAY['1', '01', '3', '5', 'x', 'X', '', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'a0eebc999c0b4ef8bb6d6bb9bd380a11', '18446744073709551615', '18446744073709551616']) id
	WHERE payload_matches('{}', '{"must":[{"has_id":[1,3,"5","x","{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",18446744073709551615]}]}', id);
SELECT id FROM unnest(ARRAY['A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12']::uuid[]) id
	WHERE payload_matches('{}', '{"must":[{"has_id":[1,"x","A0EEBC999C0B4EF8BB6D6BB9BD380A11","a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a10"]}]}', id);
SELECT payload_matches('{"a": 1}', '{"min_should":{"conditions":[{"has_id":[1]},{"has_id":[2]}],"min_count":2}}', i) FROM generate_series(1, 2) i;
SELECT payload_matches('{}', '{"must":[{"has_id":[]}]}', 1), payload_matches('{}', '{"must":[{"has_id":[1]},{"key":"a","is_null":true}]}', 1);
-- Slices are disjoint, cover everything, and are of about one size; those of a number do not depend on its type
SELECT min(n), max(n), min(slices), max(slices) FROM (SELECT i, count(*) AS slices FROM generate_series(1, 3000) i, generate_series(0, 2) s
	WHERE payload_matches('{}', format('{"must":[{"slice":{"total":3,"index":%s}}]}', s)::payload_filter, i) GROUP BY i) a,
	(SELECT s, count(*) AS n FROM generate_series(1, 3000) i, generate_series(0, 2) s
	WHERE payload_matches('{}', format('{"must":[{"slice":{"total":3,"index":%s}}]}', s)::payload_filter, i) GROUP BY s) b;
SELECT count(*) FROM generate_series(1, 100) i, (SELECT '{"must":[{"slice":{"total":3,"index":1}}]}'::payload_filter) f(f) WHERE payload_matches('{}', f, i) <> payload_matches('{}', f, i::text);
SELECT count(*) FROM (SELECT md5(i::text)::uuid AS id FROM generate_series(1, 100) i) s, (SELECT '{"must":[{"slice":{"total":3,"index":1}}]}'::payload_filter) f(f) WHERE payload_matches('{}', f, id) <> payload_matches('{}', f, upper(id::text));
-- What SipHash-2-4 with a zero key makes of 8 bytes of 1 and of no bytes, modulo 1000
SELECT string_agg(s::text, ' ') FROM generate_series(0, 999) s WHERE payload_matches('{}', format('{"must":[{"slice":{"total":1000,"index":%s}}]}', s)::payload_filter, 1);
SELECT string_agg(s::text, ' ') FROM generate_series(0, 999) s WHERE payload_matches('{}', format('{"must":[{"slice":{"total":1000,"index":%s}}]}', s)::payload_filter, '');
SELECT payload_matches('{}', '{"must":[{"has_vector":"image"}]}', 1, '{text,image}'), payload_matches('{}', '{"must":[{"has_vector":"image"}]}', 1, '{text,NULL}'), payload_matches('{}', '{"must_not":[{"has_vector":""}]}', 'x', '{}'),
	payload_matches('{}', '{"must":[{"has_vector":""}]}', 'x', '{""}');
-- Nothing matches without a payload, a filter or an id
SELECT NULL::jsonb @~ '{}' IS NULL, '{}'::jsonb @~ NULL::payload_filter IS NULL, payload_matches(NULL, '{}', 1) IS NULL, payload_matches('{}', NULL, 1) IS NULL, payload_matches('{}', '{}', NULL::int8) IS NULL,
	payload_matches('{}', '{}', NULL::uuid) IS NULL, payload_matches('{}', '{}', NULL::text) IS NULL, payload_matches('{}', '{}');

-- The other dialect
TRUNCATE point;
INSERT INTO point VALUES
	(0, '{"category": "electronics", "price": 100, "in_stock": true, "tags": ["gadget", "device"], "name": "smartphone", "ten": 10, "string": "string", "greeting": "hello world", "number": 123, "numbers": [1, 2, 3]}');
SELECT filter || ' -> ' || CASE pg_temp.found(filter) WHEN '0' THEN 'T' WHEN '-' THEN 'F' ELSE pg_temp.found(filter) END FROM (VALUES
	('null'), ('{}'),
	('{"must":[{"key":"category","type":"exact","match":{"value":"electronics"}}]}'), ('{"must":[{"key":"category","type":"exact","match":{"value":"clothing"}}]}'),
	('{"must_not":[{"key":"category","type":"exact","match":{"value":"clothing"}}]}'), ('{"must_not":[{"key":"category","type":"exact","match":{"value":"electronics"}}]}'),
	('{"must":[{"key":"category","type":"exact","match":{"value":"electronics"}},{"key":"in_stock","type":"exact","match":{"value":true}}],"must_not":[{"key":"price","type":"exact","match":{"value":200}}]}'),
	('{"must":[{"key":"category","type":"exact","match":{"value":"electronics"}},{"key":"price","type":"exact","match":{"value":200}}]}'),
	('{"must":[{"key":"category","type":"exact","match":{"value":"electronics"}}],"must_not":[{"key":"price","type":"exact","match":{"value":100}}]}'),
	('{"must":[{"key":"non_existent","type":"exact","match":{"value":"test"}}]}'), ('{"must_not":[{"key":"non_existent","type":"exact","match":{"value":"test"}}]}'),
	('{"must":[{"key":"price","type":"range","range":{"gte":50,"lte":150}}]}'), ('{"must":[{"key":"price","type":"range","range":{"gte":150,"lte":200}}]}'),
	('{"must":[{"key":"ten","type":"range","range":{"gt":5}}]}'), ('{"must":[{"key":"ten","type":"range","range":{"gt":15}}]}'), ('{"must":[{"key":"ten","type":"range","range":{"gte":10}}]}'), ('{"must":[{"key":"ten","type":"range","range":{"gte":11}}]}'),
	('{"must":[{"key":"ten","type":"range","range":{"lt":15}}]}'), ('{"must":[{"key":"ten","type":"range","range":{"lt":5}}]}'), ('{"must":[{"key":"ten","type":"range","range":{"lte":10}}]}'), ('{"must":[{"key":"ten","type":"range","range":{"lte":9}}]}'),
	('{"must":[{"key":"ten","type":"range","range":{"gt":5.0}}]}'), ('{"must":[{"key":"ten","type":"range","range":{"gt":15.0}}]}'), ('{"must":[{"key":"ten","type":"range","range":{"gte":10.0}}]}'), ('{"must":[{"key":"ten","type":"range","range":{"gte":11.0}}]}'),
	('{"must":[{"key":"ten","type":"range","range":{"lt":15.0}}]}'), ('{"must":[{"key":"ten","type":"range","range":{"lt":5.0}}]}'), ('{"must":[{"key":"ten","type":"range","range":{"lte":10.0}}]}'), ('{"must":[{"key":"ten","type":"range","range":{"lte":9.0}}]}'),
	('{"must":[{"key":"name","type":"prefix","match":{"value":"smart"}}]}'), ('{"must":[{"key":"name","type":"prefix","match":{"value":"dumb"}}]}'), ('{"must":[{"key":"name","type":"prefix","match":{"value":"smartphones"}}]}'), ('{"must":[{"key":"number","type":"prefix","match":{"value":"12"}}]}'),
	('{"must":[{"key":"tags","type":"contains","match":{"value":"gadget"}}]}'), ('{"must":[{"key":"tags","type":"contains","match":{"value":"accessory"}}]}'), ('{"must":[{"key":"tags","type":"contains","match":{"value":"gad"}}]}'),
	('{"must":[{"key":"numbers","type":"contains","match":{"value":2}}]}'), ('{"must":[{"key":"numbers","type":"contains","match":{"value":4}}]}'),
	('{"must":[{"key":"greeting","type":"contains","match":{"value":"world"}}]}'), ('{"must":[{"key":"greeting","type":"contains","match":{"value":"hi"}}]}'), ('{"must":[{"key":"greeting","type":"contains","match":{"value":""}}]}'), ('{"must":[{"key":"number","type":"contains","match":{"value":"x"}}]}'),
	('{"must":[{"key":"name","type":"regex","match":{"value":"^smart.*"}}]}'), ('{"must":[{"key":"name","type":"regex","match":{"value":"^dumb.*"}}]}'), ('{"must":[{"key":"greeting","type":"regex","match":{"value":"["}}]}'), ('{"must":[{"key":"number","type":"regex","match":{"value":"^123"}}]}'),
	('{"must":[{"key":"string","type":"range","range":{"gt":5}}]}')
) t(filter);

-- One filter after the other in one call site: each is compiled when it comes
SELECT string_agg((payload @~ format('{"must":[{"key":"a","match":{"value":%s}}]}', i % 3)::payload_filter)::text, ' ' ORDER BY i)
FROM generate_series(1, 9) i, (SELECT '{"a": 1}'::jsonb AS payload) p;
CREATE FUNCTION pg_temp.matches(payload jsonb, filter payload_filter) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RETURN payload @~ filter; END $$;
SELECT pg_temp.matches('{"a": 1}', '{"must":{"key":"a","match":{"value":1}}}'), pg_temp.matches('{"a": 1}', '{"must":{"key":"a","match":{"value":2}}}'), pg_temp.matches('{"a": 2}', '{"must":{"key":"a","match":{"value":2}}}');
PREPARE by_filter(payload_filter) AS SELECT '{"a": 1}'::jsonb @~ $1;
EXECUTE by_filter('{"must":{"key":"a","match":{"value":1}}}');
EXECUTE by_filter('{"must":{"key":"a","match":{"value":2}}}');
-- Filters kept in a table, one of them out of line
CREATE TEMP TABLE kept (id int, f payload_filter);
ALTER TABLE kept ALTER f SET STORAGE external;
INSERT INTO kept VALUES (1, '{"must":{"key":"a","match":{"value":1}}}'), (3, '{"must":{"key":"a","match":{"value":7}}}');
INSERT INTO kept SELECT 2, format('{"must":{"key":"a","match":{"any":[%s]}}}', string_agg(i::text, ',' ORDER BY i DESC))::payload_filter FROM generate_series(1, 9999) i;
SELECT id, pg_column_size(f) > 10000 AS long, '{"a": [1, "x"]}'::jsonb @~ f, '{"a": 9999.0}'::jsonb @~ f, '{"a": 10000}'::jsonb @~ f FROM kept ORDER BY id;
-- Payloads out of line
CREATE TEMP TABLE stored (payload jsonb);
ALTER TABLE stored ALTER payload SET STORAGE external;
INSERT INTO stored SELECT jsonb_build_object('a', 1, 'long', repeat('x', 10000), 'z', jsonb_build_array('y'));
SELECT payload @~ '{"must":[{"key":"a","match":{"value":1}},{"key":"z","match":{"value":"y"}}]}' FROM stored;

-- A regular expression that takes ages can be cancelled
SET statement_timeout = '50ms';
SELECT jsonb_build_object('a', repeat('a', 401) || 'b') @~ '{"must":{"key":"a","type":"regex","match":{"value":"^(a*)(a*)(a*)(a*)(a*)\\1\\2\\3\\4\\5b$"}}}';
SELECT payload_matches(jsonb_build_object('a', jsonb_build_array('c', repeat('a', 401) || 'b')), '{"must_not":{"key":"a","type":"regex","match":{"value":"^(a*)(a*)(a*)(a*)(a*)\\1\\2\\3\\4\\5b$"}}}', 1);
-- So can the search for a part in a long text, and many conditions on one
SELECT jsonb_build_object('a', repeat('a', 2000000)) @~ format('{"must":{"key":"a","type":"contains","match":{"value":"%s"}}}', repeat('a', 500000) || 'b')::payload_filter;
SELECT jsonb_build_object('a', repeat('a', 5000000)) @~ format('{"should":[%s]}', (SELECT string_agg('{"key":"a","type":"contains","match":{"value":"b"}}', ',') FROM generate_series(1, 4000)))::payload_filter;
RESET statement_timeout;
