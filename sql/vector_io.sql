-- Text form, binary form and type modifier of vector
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;

-- The value that a query gives, or its error with SQLSTATE
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

-- Text that is a vector.  Leading and trailing blanks are whitespace on every
-- major, vertical tab included.
SELECT to_json(input), pg_temp.outcome(format('SELECT %L::vector', input)) AS vector
FROM (VALUES
	('[1,2,3]'), ('[-1,-2,-3]'), ('[0]'), ('[-0]'), ('[1.,2.,.5]'), ('[+1,+.5]'),
	(' [ 1,  2 ,    3  ] '), (E'\t\n\r\f\x0b[\t\n\r\f\x0b1\t\n\r\f\x0b,\t\n\r\f\x0b2\t\n\r\f\x0b]\t\n\r\f\x0b'),
	('[1.23456]'), ('[0.1,0.2,0.3]'), ('[1e5,1E5,1e+5,1e-5]'), ('[0x10,0x1.8p1]'),
	('[999999,1000000,-999999,-1000000,123456.78]'),
	('[16777216,16777217,16777219]'),
	('[1.5e38,-1.5e38]'), ('[1.5e-38,-1.5e-38]'),
	('[3.4028235e38,-3.4028235e38]'), ('[3.4028235677973366e38]'),
	('[1.17549435e-38,1.4e-45,-1.4e-45]'), ('[1e-46,-1e-46]'),
	('[0.333333343267440795898437500000000000000000000000000000000001]'),
	('[00000000000000000000000000000000000000000000000000000000000001]')
) t(input);

-- Text that is none
SELECT to_json(input), pg_temp.outcome(format('SELECT %L::vector', input)) AS error
FROM (VALUES
	(''), (' '), ('1,2,3'), ('{1,2,3}'), ('['), ('[ '), ('[]'), ('[ ]'), ('[,'), ('[,]'),
	('[1'), ('[1,'), ('[1,]'), ('[1, ]'), ('[,1]'), ('[1,,3]'), ('[1, ,3]'), ('[1,2,3'), ('[1 2]'),
	('[1;2]'), ('[1a]'), ('[hello,1]'), ('[1,2,3]9'), ('[1,2,3]]'), ('[1] [2]'), ('[[1]]'),
	('[.]'), ('[-]'), ('[+-1]'), ('[e5]'), ('[1e]'), ('[0x]'), ('[1,2,3,]'),
	('[4e38,1]'), ('[-4e38,1]'), ('[1,1e400]'), ('[3.4028236e38]'), ('[0x1p128]'),
	('[NaN,1]'), ('[nan]'), ('[nan(1)]'), ('[Infinity,1]'), ('[-Infinity,1]'), ('[inf]'), ('[1,-INF]')
) t(input);

-- The limit of 16000
SELECT pg_temp.outcome(format('SELECT vector_dims(%L)', '[1' || repeat(',1', 15999) || ']')) AS at_limit,
	pg_temp.outcome(format('SELECT vector_dims(%L)', '[1' || repeat(',1', 16000) || ']')) AS beyond;

-- What is written reads back bit for bit; extra_float_digits has no say.
SET extra_float_digits = -5;
SELECT '[0.12345679,1.17549435e-38,3.4028235e+38,1e-45]'::vector;
RESET extra_float_digits;
WITH made AS (
	SELECT i, (SELECT array_agg((sqrt(-2 * ln(1 - random())) * cos(6.2831853 * random()) * 10 ^ (j % 60 - 30))::real)
		FROM generate_series(1, 120) j WHERE i > 0)::vector AS v
	FROM generate_series(1, 200) i)
SELECT count(*) FILTER (WHERE vector_send(v) = vector_send(v::text::vector)) AS exact,
	count(*) FILTER (WHERE v::text = translate(v::real[]::text, '{}', '[]')) AS as_float4
FROM made;
WITH made AS (SELECT ARRAY(SELECT generate_series(-1000100, -999900))::vector
	|| ARRAY(SELECT generate_series(-5, 5))::vector
	|| ARRAY(SELECT generate_series(999900, 1000100))::vector AS v)
SELECT v::text = translate(v::real[]::text, '{}', '[]') AS integers_as_float4 FROM made;

-- Type modifier
SELECT type, pg_temp.outcome(format('SELECT ''[1,2,3]''::%s', type)) AS vector
FROM (VALUES ('vector'), ('vector(3)'), ('vector(2)'), ('vector(4)'), ('vector(16000)'), ('vector(16001)'),
	('vector(0)'), ('vector(-1)'), ('vector(3,2)'), ('vector(''a'')'), ('vector(99999999999)')) t(type);
SELECT format_type('vector'::regtype, -1) = 'vector'::regtype::text AS any_dims,
	replace(format_type('vector'::regtype, 768), 'vector'::regtype::text, 'V') AS some_dims;
CREATE TABLE vector_io (id int, v vector(3), a vector(2)[]);
INSERT INTO vector_io VALUES (1, '[1,2,3]', '{"[1,2]","[3,4]"}'), (2, NULL, '{NULL,"[5,6]"}');
SELECT pg_temp.outcome($$INSERT INTO vector_io(v) VALUES ('[1,2]')$$);
SELECT pg_temp.outcome($$INSERT INTO vector_io(a) VALUES ('{"[1,2,3]"}')$$);
SELECT pg_temp.outcome($$INSERT INTO vector_io(v) SELECT subvector('[1,2,3]', 1, 2)$$);
SELECT pg_temp.outcome($$UPDATE vector_io SET v = v || '[4]'$$);
SELECT * FROM vector_io ORDER BY id;
SELECT unnest('{"[1,2,3]", "[4,5]"}'::vector[]);
SELECT pg_temp.outcome($$SELECT '{"[1,2,3]"}'::vector(2)[]$$);
SELECT format_type(atttypid, atttypmod) = 'vector'::regtype || '(3)' AS declared,
	attstorage, attalign, attlen, attndims
FROM pg_attribute WHERE attrelid = 'vector_io'::regclass AND attname = 'v';

-- Binary form: int16 dims, int16 0, float4 elements
SELECT vector_send('[1]'), vector_send('[1,-2,0.5,-0]');
\getenv abs_builddir PG_ABS_BUILDDIR
\set file :abs_builddir '/results/vector_io.data'
COPY vector_io TO :'file' (FORMAT binary);
CREATE TABLE vector_io_copy (LIKE vector_io);
COPY vector_io_copy FROM :'file' (FORMAT binary);
SELECT * FROM vector_io_copy ORDER BY id;
TRUNCATE vector_io_copy;
COPY vector_io TO :'file';
COPY vector_io_copy FROM :'file';
SELECT count(*) AS rows,
	count(*) FILTER (WHERE c.v IS NOT DISTINCT FROM v.v AND c.a IS NOT DISTINCT FROM v.a) AS same
FROM vector_io_copy c JOIN vector_io v USING (id);
DROP TABLE vector_io, vector_io_copy;

-- Messages that clients could send: a binary COPY of one row with one field,
-- handed to the server by printf
CREATE TABLE vector_any (v vector);
CREATE TABLE vector_three (v vector(3));
CREATE FUNCTION pg_temp.receive(target regclass, message text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	field bytea := decode(replace(message, ' ', ''), 'hex');
	file bytea := '\x5047434f50590aff0d0a00'::bytea || int4send(0) || int4send(0)
		|| int2send(1::int2) || int4send(length(field)) || field || int2send(-1::int2);
	octal text;
	result text;
BEGIN
	SELECT string_agg(format('\%s%s%s', byte >> 6, byte >> 3 & 7, byte & 7), '' ORDER BY i) INTO octal
	FROM (SELECT i, get_byte(file, i) AS byte FROM generate_series(0, length(file) - 1) i) s;
	EXECUTE format('COPY %s FROM PROGRAM %L (FORMAT binary)', target, format('printf ''%s''', octal));
	EXECUTE format('DELETE FROM %s RETURNING v', target) INTO result;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT target, message, pg_temp.receive(target, message)
FROM (VALUES
	('vector_any'::regclass, '0001 0000 3f800000'),
	('vector_three', '0003 0000 3f800000 80000000 7f7fffff'),
	('vector_any', ''),
	('vector_any', '0001 00'),
	('vector_any', '0000 0000'),
	('vector_any', '3e81 0000'),
	('vector_any', 'ffff 0000'),
	('vector_three', '0002 0000 3f800000 3f800000'),
	('vector_three', '0002 0001 3f800000 3f800000'),
	('vector_any', '0001 0001 3f800000'),
	('vector_any', '0001 ffff 3f800000'),
	('vector_any', '0002 0000 3f800000'),
	('vector_any', '0002 0000 3f800000 3f8000'),
	('vector_any', '0001 0000 3f800000 3f800000'),
	('vector_any', '0001 0000 3f800000 00'),
	('vector_any', '0002 0000 3f800000 7fc00000'),
	('vector_any', '0002 0000 7f800000 7fc00000'),
	('vector_any', '0002 0000 ff800000'),
	('vector_any', '0001 0000 00000001')
) t(target, message);
DROP TABLE vector_any, vector_three;
