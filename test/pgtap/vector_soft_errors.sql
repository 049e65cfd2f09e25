-- Bad text reaches those who ask for soft errors: pg_input_is_valid and
-- pg_input_error_info (16 and later), COPY with ON_ERROR (17 and later).
BEGIN;
SELECT plan(19);

CREATE FUNCTION is_valid(input text, type text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	valid boolean;
BEGIN
	EXECUTE 'SELECT pg_input_is_valid($1, $2)' INTO valid USING input, type;
	RETURN valid;
END
$$;
CREATE FUNCTION fault(input text, type text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	fault text;
BEGIN
	EXECUTE 'SELECT concat_ws('' / '', sql_error_code || '' '' || message, detail) FROM pg_input_error_info($1, $2)'
		INTO fault USING input, type;
	RETURN fault;
END
$$;
CREATE FUNCTION copied_rows(input text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	rows text;
BEGIN
	CREATE TEMP TABLE copied (id int, v vector(2)) ON COMMIT DROP;
	EXECUTE format('COPY copied FROM PROGRAM %L (ON_ERROR ignore, LOG_VERBOSITY default)', format('printf ''%s''', input));
	SELECT string_agg(format('%s:%s', id, v), ' ' ORDER BY id) INTO rows FROM copied;
	RETURN rows;
END
$$;

CREATE FUNCTION check_soft_errors() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('server_version_num')::int < 160000 THEN
		RETURN NEXT skip('soft errors came with PostgreSQL 16', 18);
		RETURN;
	END IF;
	RETURN NEXT ok(is_valid('[1,2]', 'vector'), 'a vector is valid');
	RETURN NEXT ok(is_valid('[1,2]', 'vector(2)'), 'a vector of the right length is valid');
	RETURN NEXT ok(NOT is_valid('[1,2]', 'vector(3)'), 'a vector of the wrong length is not');
	RETURN NEXT is(fault('[1,2]', 'vector(3)'), '22000 expected 3 dimensions, not 2');
	RETURN NEXT is(fault('1,2', 'vector'), '22P02 invalid input syntax for type vector: "1,2" / Vector contents must start with "[".');
	RETURN NEXT is(fault('[1,2] 3', 'vector'), '22P02 invalid input syntax for type vector: "[1,2] 3" / Junk after closing right brace.');
	RETURN NEXT is(fault('[1,', 'vector'), '22P02 invalid input syntax for type vector: "[1,"');
	RETURN NEXT is(fault('[x]', 'vector'), '22P02 invalid input syntax for type vector: "[x]"');
	RETURN NEXT is(fault('[]', 'vector'), '22000 vector must have at least 1 dimension');
	RETURN NEXT is(fault('[0' || repeat(',0', 16000) || ']', 'vector'), '54000 vector cannot have more than 16000 dimensions');
	RETURN NEXT is(fault('[4e38]', 'vector'), '22003 "4e38" is out of range for type vector');
	RETURN NEXT is(fault('[NaN]', 'vector'), '22000 NaN not allowed in vector');
	RETURN NEXT is(fault('[-inf]', 'vector'), '22000 infinite value not allowed in vector');
	RETURN NEXT is(fault('{"[1]","[2"}', 'vector[]'), '22P02 invalid input syntax for type vector: "[2"');
	RETURN NEXT ok(is_valid('<[1,2],3>', 'vector_ball'), 'a ball is valid');
	RETURN NEXT is(fault('[1,2],3', 'vector_ball'), '22P02 invalid input syntax for type vector_ball: "[1,2],3" / A vector_ball is written <[x,...],radius>.');
	RETURN NEXT is(fault('<[1,x],3>', 'vector_ball'), '22P02 invalid input syntax for type vector: "[1,x]"');
	RETURN NEXT is(fault('<[1,2],1e999>', 'vector_ball'), '22003 "1e999" is out of range for type double precision');
END
$$;
SELECT check_soft_errors();

SELECT CASE WHEN current_setting('server_version_num')::int >= 170000
	THEN is(copied_rows('1\t[1,2]\n2\t[1,2,3]\n3\t[x,2]\n4\t[3,4]\n'), '1:[1,2] 4:[3,4]', 'COPY leaves out bad vectors')
	ELSE skip('COPY ON_ERROR came with PostgreSQL 17', 1) END;

SELECT * FROM finish();
ROLLBACK;
