-- ORDER BY a distance: a flat index answers as sorting the table does
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
SET max_parallel_workers_per_gather = 0;

-- What of table and index differs for a query: ids may come in any order where
-- distances are equal, so distances are compared place by place, and each id
-- must have the distance it comes with.
CREATE FUNCTION pg_temp.compare(source text, operator text, query text, row_limit text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	statement text := format('SELECT id, v %1$s %2$L AS d FROM %3$s ORDER BY v %1$s %2$L LIMIT %4$s',
		operator, query, source, row_limit);
	line text;
	plan text := '';
	truth float8[];
	answer float8[];
	ids int[];
	different int;
BEGIN
	SET LOCAL enable_indexscan = off;
	EXECUTE format('SELECT array_agg(d) FROM (%s) s', statement) INTO truth;
	SET LOCAL enable_indexscan = on;
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_sort = off;
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
		plan := plan || line;
	END LOOP;
	EXECUTE format('SELECT array_agg(d), array_agg(id) FROM (%s) s', statement) INTO answer, ids;
	SELECT count(DISTINCT id) INTO different FROM unnest(ids) id;
	RESET enable_seqscan;
	RESET enable_sort;
	RETURN CASE
		WHEN plan !~ 'Index Scan' THEN 'no index scan: ' || plan
		WHEN different IS DISTINCT FROM cardinality(truth) THEN format('%s different rows', different)
		WHEN answer IS DISTINCT FROM truth THEN 'other distances'
		ELSE 'same' END;
END
$$;

-- Clusters, duplicates, an outlier, zero vectors, NULL; half of it inserted
CREATE TABLE flat_order (id int, v vector(12));
INSERT INTO flat_order
	SELECT i, (SELECT array_agg((sin(i % 17 * j) + sin(i * j) / 10)::real ORDER BY j) FROM generate_series(1, 12) j)::vector
	FROM generate_series(1, 1500) i;
INSERT INTO flat_order SELECT 2000 + i, v FROM flat_order, generate_series(1, 30) i WHERE id = 5;
INSERT INTO flat_order SELECT 2100 + i, v FROM flat_order, generate_series(1, 3) i WHERE id BETWEEN 6 AND 9;
INSERT INTO flat_order SELECT 2200 + i, array_fill(0::real, ARRAY[12])::vector FROM generate_series(1, 10) i;
INSERT INTO flat_order SELECT 2300 + i, NULL FROM generate_series(1, 10) i;
INSERT INTO flat_order VALUES (2400, array_fill(1000::real, ARRAY[12])::vector), (2401, array_fill(-1e-30::real, ARRAY[12])::vector),
	-- such that sums of squares overflow or vanish
	(2402, array_fill(1e30::real, ARRAY[12])::vector), (2403, array_fill(3e38::real, ARRAY[12])::vector),
	(2404, array_fill(1e-44::real, ARRAY[12])::vector);
UPDATE flat_order SET id = row.n FROM (SELECT ctid AS place, row_number() OVER () AS n FROM flat_order) row WHERE ctid = place;
SELECT count(*), count(v), count(DISTINCT v) FROM flat_order;

CREATE TABLE flat_query (n int, q text);
INSERT INTO flat_query
	SELECT row_number() OVER (ORDER BY id), v::text FROM flat_order WHERE id IN (1, 5, 700);
INSERT INTO flat_query VALUES
	(4, array_fill(0::real, ARRAY[12])::vector), (5, array_fill(0.1::real, ARRAY[12])::vector),
	(6, array_fill(1e25::real, ARRAY[12])::vector), (7, array_fill(1e-40::real, ARRAY[12])::vector);

CREATE TABLE flat_sq8 (id int, v vector(12));
CREATE TABLE flat_none (id int, v vector(12));
INSERT INTO flat_sq8 SELECT * FROM flat_order WHERE id % 2 = 0;
INSERT INTO flat_none SELECT * FROM flat_order WHERE id % 2 = 0;
DO $$
DECLARE
	source text;
	metric text;
BEGIN
	FOREACH source IN ARRAY ARRAY['sq8', 'none'] LOOP
		FOREACH metric IN ARRAY ARRAY['l2', 'ip', 'cosine', 'l1'] LOOP
			EXECUTE format('CREATE INDEX flat_%1$s_%2$s ON flat_%1$s USING flat (v vector_%2$s_ops) WITH (quantizer = %1$s)',
				source, metric);
		END LOOP;
	END LOOP;
END
$$;
INSERT INTO flat_sq8 SELECT * FROM flat_order WHERE id % 2 = 1;
INSERT INTO flat_none SELECT * FROM flat_order WHERE id % 2 = 1;

-- Limits within, at and beyond what one pass over the index keeps, and none
SELECT operator, source, result, count(*)
FROM (VALUES ('<->'), ('<#>'), ('<=>'), ('<+>')) o(operator),
	(VALUES ('flat_sq8'), ('flat_none')) s(source), flat_query,
	(VALUES ('1'), ('10'), ('256'), ('257'), ('1300'), ('ALL')) l(row_limit),
	pg_temp.compare(source, operator, q, row_limit) result
GROUP BY 1, 2, 3 ORDER BY operator COLLATE "C", 2, 3;
-- As many candidates at a time as little memory allows
SET work_mem = '64kB';
SELECT source, result, count(*)
FROM (VALUES ('flat_sq8'), ('flat_none')) s(source), flat_query, pg_temp.compare(source, '<->', q, 'ALL') result
GROUP BY 1, 2 ORDER BY 1, 2;
RESET work_mem;
SELECT indexrelid::regclass AS broken, c.* FROM pg_index, flat_index_check(indexrelid, true) c
WHERE indrelid IN ('flat_sq8'::regclass, 'flat_none'::regclass);
DROP TABLE flat_order, flat_query, flat_sq8, flat_none;

-- By hand
CREATE TABLE flat_order (id int, v vector(2));
INSERT INTO flat_order VALUES
	(1, '[0,0]'), (2, '[3,4]'), (3, '[1,1]'), (4, NULL), (5, '[-6,-8]'), (6, '[3,4]'), (7, '[100,0]'), (8, '[0,0]');
CREATE INDEX flat_order_l2 ON flat_order USING flat (v vector_l2_ops);
CREATE INDEX flat_order_ip ON flat_order USING flat (v vector_ip_ops);
CREATE INDEX flat_order_cosine ON flat_order USING flat (v vector_cosine_ops);
CREATE INDEX flat_order_l1 ON flat_order USING flat (v vector_l1_ops);
SET enable_seqscan = off;
SET enable_sort = off;
SELECT array_agg(d) FROM (SELECT v <-> '[3,4]' AS d FROM flat_order ORDER BY v <-> '[3,4]') s;
SELECT array_agg(d) FROM (SELECT v <#> '[3,4]' AS d FROM flat_order ORDER BY v <#> '[3,4]') s;
-- NaN after numbers, NULL after NaN
SELECT array_agg(round(d::numeric, 4)) FROM (SELECT v <=> '[3,4]' AS d FROM flat_order ORDER BY v <=> '[3,4]') s;
SELECT array_agg(d) FROM (SELECT v <+> '[3,4]' AS d FROM flat_order ORDER BY v <+> '[3,4]') s;
-- A zero vector has no direction, so every angle to it is NaN.
SELECT array_agg(d) FROM (SELECT v <=> '[0,0]' AS d FROM flat_order ORDER BY v <=> '[0,0]') s;
-- Every distance to NULL is NULL, and every row has one.
PREPARE flat_order_null(vector) AS SELECT count(*), count(d) FROM (SELECT v <-> $1 AS d FROM flat_order ORDER BY v <-> $1) s;
EXECUTE flat_order_null(NULL);
EXECUTE flat_order_null('[1,1]');
SET plan_cache_mode = force_generic_plan;
EXECUTE flat_order_null(NULL);
EXECUTE flat_order_null('[1,1]');
RESET plan_cache_mode;
DEALLOCATE flat_order_null;
-- Two keys, both answered by the index; the second decides where the first is equal
EXPLAIN (COSTS OFF) SELECT id FROM flat_order ORDER BY v <-> '[0,0]', v <-> '[3,4]' LIMIT 4;
INSERT INTO flat_order VALUES (9, '[5,0]'), (10, '[0,5]'), (11, '[-3,-4]');
SELECT id, v, v <-> '[0,0]' AS first, v <-> '[0,6]' AS second FROM flat_order
WHERE id > 8 ORDER BY v <-> '[0,0]', v <-> '[0,6]' LIMIT 4;
-- The second decides, too, where the first is to NULL, which a plan cannot know beforehand
SELECT array_agg(d) FROM (SELECT v <-> '[3,4]' AS d FROM flat_order ORDER BY v <-> (SELECT NULL::vector), v <-> '[3,4]') s;
SELECT array_agg(round(d::numeric, 4)) FROM (SELECT v <=> '[3,4]' AS d FROM flat_order ORDER BY v <=> (SELECT NULL::vector), v <=> '[3,4]') s;
-- Where the ctid is asked for, rows are sorted: many servers lose it in a scan of two distances
EXPLAIN (COSTS OFF) SELECT id FROM flat_order ORDER BY v <-> '[0,0]', v <-> '[3,4]' LIMIT 4 FOR UPDATE;
SELECT id FROM flat_order ORDER BY v <-> '[0,0]', v <-> '[0,6]' LIMIT 4 FOR UPDATE;
SELECT count(*) FROM flat_order f JOIN
	(SELECT id, ctid FROM flat_order WHERE id > 8 ORDER BY v <-> '[0,0]', v <-> '[0,6]' LIMIT 4) s
	ON f.id = s.id AND f.ctid = s.ctid;
SELECT count(*) FROM (SELECT FROM flat_order WHERE ctid <> '(0,0)' ORDER BY v <-> '[0,0]', v <-> '[0,6]') s;
SELECT count(*) FROM (SELECT FROM flat_order WHERE ctid = '(0,1)' ORDER BY v <-> '[0,0]', v <-> '[0,6]') s;
-- Conditions beside
SELECT id FROM flat_order WHERE id % 2 = 1 ORDER BY v <-> '[3,4]' LIMIT 3;
SELECT id FROM flat_order WHERE v IS NULL ORDER BY v <-> '[3,4]' LIMIT 3;
SELECT count(*) FROM (SELECT id FROM flat_order WHERE v IS NOT NULL ORDER BY v <-> '[3,4]' LIMIT 100) s;
SELECT count(*) FROM (SELECT id FROM flat_order ORDER BY v <-> '[3,4]' LIMIT 100) s;
SELECT id FROM flat_order ORDER BY v <-> '[3,4]' LIMIT 0;
-- A second key that the index knows nothing of: sorted among equals
SELECT id FROM flat_order ORDER BY v <-> '[0,0]', id DESC LIMIT 7;

-- Wrong dimensions
DO $$
DECLARE
	query text;
BEGIN
	FOREACH query IN ARRAY ARRAY['SELECT id FROM flat_order ORDER BY v <-> ''[1,2,3]'' LIMIT 1',
		'SELECT id FROM flat_order ORDER BY v <-> ''[1]'' LIMIT 1',
		'SELECT id FROM flat_order WHERE l2_within(v, ''[1,2,3]'', 1)',
		'INSERT INTO flat_order VALUES (12, ''[1,2,3]'')']
	LOOP
		BEGIN
			EXECUTE query;
		EXCEPTION WHEN OTHERS THEN
			RAISE NOTICE '% %', SQLSTATE, SQLERRM;
		END;
	END LOOP;
END
$$;

-- Rescans: once for each row of another table, some of them NULL
CREATE TABLE flat_near (n int, q vector(2), k int);
INSERT INTO flat_near VALUES (1, '[0,0]', 2), (2, NULL, 3), (3, '[3,4]', 0), (4, '[-6,-8]', 4), (5, '[100,0]', 1), (6, '[3,4]', NULL);
SELECT n, array_agg(near.d) FROM flat_near, LATERAL (SELECT v <-> q AS d FROM flat_order ORDER BY v <-> q LIMIT k) near
GROUP BY n ORDER BY n;
DROP TABLE flat_near;

-- Cursors: a little at a time, held, and back again
BEGIN;
DECLARE near CURSOR FOR SELECT v <-> '[3,4]' AS d FROM flat_order ORDER BY v <-> '[3,4]';
FETCH 2 FROM near;
-- It sees neither what its transaction adds nor that it removes something.
INSERT INTO flat_order VALUES (20, '[3,4]');
DELETE FROM flat_order WHERE id = 3;
FETCH 3 FROM near;
SAVEPOINT one;
DELETE FROM flat_order;
FETCH 1 FROM near;
ROLLBACK TO one;
FETCH ALL FROM near;
FETCH 1 FROM near;
CLOSE near;
DECLARE near SCROLL CURSOR FOR SELECT v <-> '[3,4]' AS d FROM flat_order WHERE v IS NOT NULL ORDER BY v <-> '[3,4]';
FETCH LAST FROM near;
FETCH PRIOR FROM near;
FETCH FIRST FROM near;
DECLARE held CURSOR WITH HOLD FOR SELECT v <-> '[3,4]' AS d FROM flat_order ORDER BY v <-> '[3,4]' LIMIT 4;
ROLLBACK;
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT v <-> '[3,4]' AS d FROM flat_order ORDER BY v <-> '[3,4]' LIMIT 4;
COMMIT;
FETCH ALL FROM held;
CLOSE held;
RESET enable_seqscan;
RESET enable_sort;
DROP TABLE flat_order;

-- Other kernels in the middle of a cursor: their sums differ in the last bits,
-- and of these rows many differ in no more.
CREATE TABLE flat_order (id int, v vector(60));
CREATE INDEX flat_order_l1 ON flat_order USING flat (v vector_l1_ops);
INSERT INTO flat_order
	SELECT i, (SELECT array_agg((1 + ((j * (1 + i % 58) + i) % 61) / 7.0)::real ORDER BY j) FROM generate_series(1, 60) j)::vector
	FROM generate_series(1, 3000) i;
CREATE INDEX flat_order_l2 ON flat_order USING flat (v vector_l2_ops) WITH (quantizer = none);
CREATE INDEX flat_order_ip ON flat_order USING flat (v vector_ip_ops) WITH (quantizer = none);
-- One row that has no code makes an index compare all distances itself.
INSERT INTO flat_order VALUES (3001, array_fill(1e30::real, ARRAY[60])::vector);
CREATE FUNCTION pg_temp.change_kernels(operator text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	near refcursor;
	row_id int;
	ids int[] := '{}';
BEGIN
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_sort = off;
	OPEN near FOR EXECUTE format('SELECT id FROM flat_order ORDER BY v %s %L',
		operator, array_fill(0.3::real, ARRAY[60])::vector::text);
	LOOP
		FETCH near INTO row_id;
		EXIT WHEN NOT FOUND;
		ids := ids || row_id;
		PERFORM set_config('vecext.simd', CASE WHEN cardinality(ids) < 200 THEN 'auto' ELSE 'scalar' END, true);
	END LOOP;
	RETURN format('%s rows, %s different', cardinality(ids), (SELECT count(DISTINCT id) FROM unnest(ids) id));
END
$$;
SELECT operator, pg_temp.change_kernels(operator) FROM (VALUES ('<->'), ('<#>'), ('<+>')) o(operator);
DROP TABLE flat_order;
