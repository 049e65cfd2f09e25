-- vector_ball: text and binary form, what is none, storage
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;

-- The value that a query gives, or its error with SQLSTATE and detail
CREATE FUNCTION pg_temp.outcome(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	value text;
	message text;
	detail text;
BEGIN
	EXECUTE query INTO value;
	RETURN value;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' / ', SQLSTATE || ' ' || message, nullif(detail, ''));
END
$$;

-- Text
SELECT to_json(input) AS input, pg_temp.outcome(format('SELECT %L::vector_ball', input)) AS ball
FROM (VALUES
	('<[1,2,3],0.5>'), ('<[1],0>'), (E' \t< [ 1 , 2 ] , 1e3 > \n'), ('<[0.1],-1.5>'), ('<[1],1e-320>'), ('<[1],1.7976931348623157e308>'),
	('<[1],Infinity>'), ('<[1],-inf>'), ('<[1],NaN>'), ('<[1],0.1>'), ('<[1],0.30000000000000004>')
) t(input);
-- Text that is none
SELECT to_json(input) AS input, pg_temp.outcome(format('SELECT %L::vector_ball', input)) AS error
FROM (VALUES
	(''), (' '), ('<'), ('<>'), ('[1,2]'), ('[1,2],3'), ('<[1,2]>'), ('<[1,2],>'), ('<[1,2] 3>'), ('<[1,2],3'), ('[1,2],3>'), ('<1,2,3>'),
	('<[1,2],3>x'), ('x<[1,2],3>'), ('<[1,2],3>>'), ('<[1,2],3,4>'), ('<[1,2],x>'), ('<[1,2],1e400>'), ('<[],3>'), ('<[1,x],3>'),
	('<[1,NaN],3>'), ('<[1,2]],3>'), ('<[[1,2],3>'), ('<x[1,2],3>'), ('([1,2],3)'), (']<,>')
) t(input);

-- The function that makes one
SELECT vector_ball('[1,2,3]', 0.5), vector_ball('[1]', 'NaN'), vector_ball(NULL, 1), vector_ball('[1]', NULL);
SELECT pg_typeof(vector_ball('[1]', 1)), vector_ball('[1]', 1)::text = '<[1],1>' AS text;

-- Binary: the radius as float8, then the centre as vector
SELECT vector_ball_send('<[1,2],0.5>');
CREATE TABLE vector_ball_from (b vector_ball);
CREATE TABLE vector_ball_to (b vector_ball);
INSERT INTO vector_ball_from VALUES ('<[1,2,3],0.5>'), ('<[-1],Infinity>'), (NULL);
INSERT INTO vector_ball_from SELECT vector_ball(array_agg(i)::vector, 7) FROM generate_series(1, 5000) i;
\getenv dir PG_ABS_BUILDDIR
\set file :dir '/results/vector_ball.copy'
COPY vector_ball_from TO :'file' (FORMAT binary);
COPY vector_ball_to FROM :'file' (FORMAT binary);
SELECT count(*), count(DISTINCT b::text) FROM (SELECT b FROM vector_ball_from UNION ALL SELECT b FROM vector_ball_to) s;
SELECT substr(b::text, 1, 20), length(b::text), pg_column_size(b) FROM vector_ball_to ORDER BY length(b::text);
-- Messages that clients could send: a binary COPY of one row with one field,
-- handed to the server by printf
TRUNCATE vector_ball_to;
CREATE FUNCTION pg_temp.receive(field bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	file bytea := '\x5047434f50590aff0d0a00'::bytea || int4send(0) || int4send(0)
		|| int2send(1::int2) || int4send(length(field)) || field || int2send(-1::int2);
	octal text;
	result text;
BEGIN
	SELECT string_agg(format('\%s%s%s', byte >> 6, byte >> 3 & 7, byte & 7), '' ORDER BY i) INTO octal
	FROM (SELECT i, get_byte(file, i) AS byte FROM generate_series(0, length(file) - 1) i) s;
	EXECUTE format('COPY vector_ball_to FROM PROGRAM %L (FORMAT binary)', format('printf ''%s''', octal));
	DELETE FROM vector_ball_to RETURNING b INTO result;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT title, pg_temp.receive(bytes) FROM (VALUES
	('as sent', vector_ball_send('<[1,2],0.5>')),
	('more than dimensions', vector_ball_send('<[1,2],0.5>') || '\x00000000'),
	('less than dimensions', substr(vector_ball_send('<[1,2],0.5>'), 1, 16)),
	('no dimensions', substr(vector_ball_send('<[1,2],0.5>'), 1, 8) || '\x00000000'),
	('no centre', substr(vector_ball_send('<[1,2],0.5>'), 1, 8)),
	('half a radius', substr(vector_ball_send('<[1,2],0.5>'), 1, 4)),
	('an element of NaN', substr(vector_ball_send('<[1,2],0.5>'), 1, 12) || float4send('NaN') || float4send(1)),
	('a radius of NaN', float8send('NaN') || vector_send('[1,2]'))
) t(title, bytes);
DROP TABLE vector_ball_from, vector_ball_to;

-- No order, no equality, no dimensions to declare
\set VERBOSITY terse
SELECT '<[1],1>'::vector_ball = '<[1],1>'::vector_ball;
SELECT '<[1],1>'::vector_ball(3);
\set VERBOSITY default
SELECT typlen, typstorage, typalign, typcategory FROM pg_type WHERE oid = 'vector_ball'::regtype;
SELECT ARRAY['<[1,2],3>'::vector_ball, NULL]::vector_ball[];
