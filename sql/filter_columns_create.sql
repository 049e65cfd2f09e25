-- Columns for conditions: operator classes, which columns an index takes, what it refuses
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;

CREATE FUNCTION pg_temp.outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
		hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' / ', SQLSTATE || ' ' || replace(message, 'public.', ''), nullif(detail, ''), nullif(hint, ''));
END
$$;

-- The classes; both access methods have the same
SELECT opcname, opcintype::regtype, opcdefault, amvalidate(c.oid), obj_description(c.oid, 'pg_opclass')
FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod
WHERE amname = 'hnsw' AND opcintype <> 'vector'::regtype ORDER BY opcname COLLATE "C";
SELECT opfname, array_agg(DISTINCT amopstrategy || ' ' || oprname ORDER BY amopstrategy || ' ' || oprname) AS operators, count(*)
FROM pg_amop o JOIN pg_opfamily f ON f.oid = o.amopfamily JOIN pg_am a ON a.oid = o.amopmethod JOIN pg_operator p ON p.oid = amopopr
WHERE amname = 'hnsw' AND opfname NOT LIKE 'vector%' GROUP BY opfname ORDER BY opfname COLLATE "C";
WITH member AS (
	SELECT amname, opfname, amopstrategy, amopopr, amoplefttype, amoprighttype
	FROM pg_amop o JOIN pg_opfamily f ON f.oid = o.amopfamily JOIN pg_am a ON a.oid = o.amopmethod
	WHERE opfname NOT LIKE 'vector%')
SELECT count(*) AS different FROM (
	(SELECT opfname, amopstrategy, amopopr, amoplefttype, amoprighttype FROM member WHERE amname = 'flat'
	EXCEPT SELECT opfname, amopstrategy, amopopr, amoplefttype, amoprighttype FROM member WHERE amname = 'hnsw')
	UNION ALL
	(SELECT opfname, amopstrategy, amopopr, amoplefttype, amoprighttype FROM member WHERE amname = 'hnsw'
	EXCEPT SELECT opfname, amopstrategy, amopopr, amoplefttype, amoprighttype FROM member WHERE amname = 'flat')) d;

-- Which columns may be indexed
CREATE DOMAIN filter_domain AS int CHECK (VALUE > 0);
CREATE DOMAIN filter_tags AS text[];
CREATE TABLE filter_columns_create (
	v vector(3), w vector(3), i int, s varchar(10), c char(3), j jsonb, p point, points point[],
	m money[], d filter_domain, t filter_tags, x xml);
INSERT INTO filter_columns_create VALUES
	('[1,2,3]', '[1,2,3]', 1, 'one', 'a', '{"city": "Berlin"}', '(1,2)', ARRAY['(1,2)'::point], NULL, 1, '{a,b}', NULL),
	(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
SET client_min_messages = warning;
SELECT am, columns, pg_temp.outcome(format('CREATE INDEX filter_columns_i ON filter_columns_create USING %s (%s)', am, columns)) AS outcome,
	pg_temp.outcome('DROP INDEX IF EXISTS filter_columns_i') AS dropped
FROM unnest(ARRAY['flat', 'hnsw']) am, unnest(ARRAY[
	'v vector_l2_ops, i', 'v vector_l2_ops, i, s, d, t', 'v vector_l2_ops, (j->>''city''), j, (i + 1)',
	'v vector_l2_ops, i int4_ops, i', 'i', 'i, v vector_l2_ops', 'v vector_l2_ops, w vector_l2_ops', 'v vector_l2_ops, p',
	'v vector_l2_ops, points', 'v vector_l2_ops, x', 'v vector_l2_ops, (NULL::text)']) columns
ORDER BY am, columns COLLATE "C";
RESET client_min_messages;
SELECT am, pg_temp.outcome(format('CREATE INDEX ON filter_columns_create USING %s (v vector_l2_ops, %s)', am,
	(SELECT string_agg('i', ', ') FROM generate_series(1, n)))) AS outcome
FROM (VALUES ('flat', 31), ('hnsw', 31), ('hnsw', 32)) t(am, n);

-- Operator classes of one's own over the support functions, each of which is for types of one sort
CREATE OPERATOR CLASS filter_columns_ops FOR TYPE int4range USING flat AS
	OPERATOR 1 && (anyrange, anyrange), FUNCTION 4 vecext_column_array(internal);
CREATE TABLE filter_columns_range (v vector(3), r int4range);
SELECT pg_temp.outcome('CREATE INDEX ON filter_columns_range USING flat (v vector_l2_ops, r filter_columns_ops)') AS range_outcome;
CREATE OPERATOR CLASS filter_columns_other_ops FOR TYPE anyarray USING flat AS
	OPERATOR 1 && (anyarray, anyarray), OPERATOR 16 @> (anyarray, anyarray), FUNCTION 4 vecext_column_array(internal);
SELECT amvalidate(oid) FROM pg_opclass WHERE opcname = 'filter_columns_other_ops';

-- Filters that ask for more of a row than its payload are refused as @~ refuses them, before the first row: here is none
CREATE TABLE filter_columns_empty (v vector(3), j jsonb);
CREATE INDEX filter_columns_empty_i ON filter_columns_empty USING hnsw (v vector_l2_ops, j);
SET enable_seqscan = off;
SET enable_sort = off;
CREATE FUNCTION pg_temp.outcomes(OUT condition text, OUT ordered text, OUT counted text, OUT by_bitmap text) RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
	FOREACH condition IN ARRAY ARRAY['{"has_id": [1]}', '{"slice": {"total": 4, "index": 0}}', '{"has_vector": "v"}', '{"key": "a", "match": {"value": 1}}'] LOOP
		SET LOCAL enable_bitmapscan = off;
		SET LOCAL enable_indexscan = on;
		SET LOCAL enable_indexonlyscan = on;
		ordered := pg_temp.outcome(format('SELECT FROM filter_columns_empty WHERE j @~ ''{"must": [%s]}'' ORDER BY v <-> ''[1,2,3]'' LIMIT 1', condition));
		counted := pg_temp.outcome(format('SELECT count(*) FROM filter_columns_empty WHERE j @~ ''{"must_not": [%s]}''', condition));
		SET LOCAL enable_indexscan = off;
		SET LOCAL enable_indexonlyscan = off;
		SET LOCAL enable_bitmapscan = on;
		by_bitmap := pg_temp.outcome(format('SELECT FROM filter_columns_empty WHERE j @~ ''{"should": [%s]}''', condition));
		RETURN NEXT;
	END LOOP;
END
$$;
SELECT * FROM pg_temp.outcomes();
DROP INDEX filter_columns_empty_i;
CREATE INDEX filter_columns_empty_i ON filter_columns_empty USING flat (v vector_l2_ops, j);
SELECT * FROM pg_temp.outcomes();
DROP INDEX filter_columns_empty_i;
SELECT * FROM pg_temp.outcomes();
DROP TABLE filter_columns_empty;
RESET enable_seqscan;
RESET enable_sort;

-- Both are sound, and see what a table has
SELECT i.relname, c.* FROM pg_class i JOIN pg_am a ON a.oid = i.relam,
	LATERAL (SELECT * FROM flat_index_check(i.oid, true) WHERE amname = 'flat'
		UNION ALL SELECT * FROM hnsw_index_check(i.oid, true) WHERE amname = 'hnsw') c
WHERE relname LIKE 'filter_columns_create%idx%';
DROP OPERATOR CLASS filter_columns_ops USING flat;
DROP OPERATOR CLASS filter_columns_other_ops USING flat;
DROP TABLE filter_columns_range, filter_columns_create;
DROP DOMAIN filter_domain, filter_tags;
