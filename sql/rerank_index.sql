--
-- rerank = 'index': exact order without reading vectors
--
SET enable_seqscan = off;
SET hnsw.ef_search = 40;

-- Distances of some rows differ by less than their residuals tell.
CREATE TABLE rerank_index (id int PRIMARY KEY, v vector(400), k int DEFAULT 0);
ALTER TABLE rerank_index ALTER v SET STORAGE EXTERNAL;
INSERT INTO rerank_index
	SELECT n, (SELECT array_agg(sin(n / 2 * 0.37 + i * i * 0.11 + (n / 2 % 5) * i) + CASE WHEN i = 7 THEN n % 2 * 1e-4 ELSE 0 END
			ORDER BY i) FROM generate_series(1, 400) i)::vector
	FROM generate_series(1, 600) n;
CREATE TABLE rerank_query (n int, q vector(400));
INSERT INTO rerank_query
	SELECT n, (SELECT array_agg(sin(n * 0.53 + i * i * 0.11 + n % 5 * i) ORDER BY i) FROM generate_series(1, 400) i)::vector
	FROM generate_series(1, 12) n;
CREATE INDEX rerank_index_v ON rerank_index USING hnsw (v vector_l2_ops) WITH (rerank = index);
ANALYZE rerank_index;
SELECT pg_get_indexdef('rerank_index_v'::regclass);
SELECT quantizer, rerank, slot_bytes FROM hnsw_index_info('rerank_index_v');

-- Which plans compute distances that nobody reads?
CREATE FUNCTION pg_temp.computes(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	in_scan bool := false;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
		IF line ~ 'Output:' AND in_scan THEN
			RETURN CASE WHEN line ~ 'NULL::double precision' THEN 'no' WHEN line ~ '<->' THEN 'yes' ELSE line END;
		END IF;
		in_scan := line ~ 'Index Scan using rerank_index_v';
	END LOOP;
	RETURN 'another plan';
END
$$;
SELECT pg_temp.computes(replace(query, ':q', '(SELECT q FROM rerank_query WHERE n = 1)')) AS computes, query
FROM unnest(ARRAY[
	'SELECT id FROM rerank_index ORDER BY v <-> :q LIMIT 10',
	'SELECT id FROM rerank_index ORDER BY v <-> :q',
	'SELECT id FROM rerank_index ORDER BY v <-> :q LIMIT 10 OFFSET 5',
	'SELECT id FROM rerank_index ORDER BY :q <-> v LIMIT 10',
	'SELECT id FROM rerank_index ORDER BY v <-> :q LIMIT 10 FOR UPDATE',
	'SELECT id, v FROM rerank_index ORDER BY v <-> :q LIMIT 10',
	'SELECT array_agg(id) FROM (SELECT id FROM rerank_index ORDER BY v <-> :q LIMIT 10) s',
	'SELECT ARRAY(SELECT id FROM rerank_index ORDER BY v <-> :q LIMIT 10)',
	'SELECT * FROM rerank_query WHERE n IN (SELECT id FROM rerank_index ORDER BY v <-> :q LIMIT 10)',
	'WITH s AS MATERIALIZED (SELECT id FROM rerank_index ORDER BY v <-> :q LIMIT 10) SELECT count(*) FROM s',
	'SELECT n, id FROM rerank_query, LATERAL (SELECT id FROM rerank_index ORDER BY v <-> q LIMIT 3) s',
	'(SELECT id FROM rerank_index ORDER BY v <-> :q LIMIT 10) UNION ALL (SELECT n FROM rerank_query)',
	'INSERT INTO rerank_query SELECT id FROM rerank_index ORDER BY v <-> :q LIMIT 10',
	'SELECT id FROM rerank_index WHERE k = 0 ORDER BY v <-> :q LIMIT 10',
	'SELECT id FROM rerank_index WHERE v <-> :q < 25 ORDER BY v <-> :q LIMIT 10',
	-- somebody reads them
	'SELECT id, v <-> :q AS distance FROM rerank_index ORDER BY distance LIMIT 10',
	'SELECT id FROM rerank_index ORDER BY v <-> :q FETCH FIRST 10 ROWS WITH TIES',
	'SELECT id, row_number() OVER (ORDER BY v <-> :q) FROM rerank_index LIMIT 10',
	'SELECT DISTINCT ON (v <-> :q) id FROM rerank_index ORDER BY v <-> :q LIMIT 10'
]) query;

-- The distances of an index's rows, in its order, and the true ones
CREATE FUNCTION pg_temp.distances(q vector, rows int) RETURNS float8[] LANGUAGE plpgsql AS $$
DECLARE
	ids int[] := ARRAY(SELECT id FROM rerank_index ORDER BY v <-> q LIMIT rows);
BEGIN
	RETURN ARRAY(SELECT v <-> q FROM unnest(ids) WITH ORDINALITY u(i, place) JOIN rerank_index ON id = i ORDER BY place);
END
$$;
CREATE FUNCTION pg_temp.truth(q vector, rows int) RETURNS float8[] LANGUAGE plpgsql
SET enable_seqscan = on SET enable_sort = on SET enable_indexscan = off AS $$
BEGIN
	RETURN ARRAY(SELECT v <-> q FROM rerank_index ORDER BY v <-> q LIMIT rows);
END
$$;
CREATE FUNCTION pg_temp.compare() RETURNS TABLE (rows int, queries bigint, right bigint) LANGUAGE sql AS $$
	SELECT rows, count(*), count(*) FILTER (WHERE pg_temp.distances(q, rows) = pg_temp.truth(q, rows))
	FROM rerank_query, unnest(ARRAY[1, 10, 40]) rows GROUP BY 1 ORDER BY 1
$$;
SET enable_sort = on;
SELECT * FROM pg_temp.compare();

-- What has been read of the table: those of pairs of rows that the residuals cannot tell apart
SELECT count(*) FROM rerank_query, LATERAL (SELECT id FROM rerank_index ORDER BY v <-> q LIMIT 20) s WHERE n = 3;
SELECT rows, rechecks BETWEEN 1 AND 22 AS some FROM vecext_last_scan;
SELECT count(d) FROM rerank_query, LATERAL (SELECT v <-> q AS d FROM rerank_index ORDER BY v <-> q LIMIT 20) s WHERE n = 3;
SELECT rows, rechecks >= 20 AS all FROM vecext_last_scan;
DELETE FROM rerank_index WHERE id % 2 = 1;
VACUUM rerank_index;
SELECT count(*) FROM rerank_query, LATERAL (SELECT id FROM rerank_index ORDER BY v <-> q LIMIT 20) s WHERE n = 3;
SELECT rows, rechecks FROM vecext_last_scan;
SELECT * FROM pg_temp.compare();

-- Strict order of batches knows distances.
SET hnsw.iterative_scan = strict_order;
SELECT count(*) FROM rerank_query, LATERAL (SELECT id FROM rerank_index ORDER BY v <-> q LIMIT 20) s WHERE n = 3;
SELECT rows, rechecks >= 20 AS all FROM vecext_last_scan;
RESET hnsw.iterative_scan;

-- Rows that are dead, not yet vacuumed: the executor finds out.
DELETE FROM rerank_index WHERE id = ANY (ARRAY(SELECT id FROM rerank_query, LATERAL (SELECT id FROM rerank_index ORDER BY v <-> q LIMIT 15) s WHERE n = 3));
SELECT count(*) FROM rerank_query, LATERAL (SELECT id FROM rerank_index ORDER BY v <-> q LIMIT 20) s WHERE n = 3;
SELECT count(*) FROM rerank_query, LATERAL (SELECT id FROM rerank_index ORDER BY v <-> q LIMIT 20) s WHERE n = 3;
SELECT * FROM pg_temp.compare();

-- Inserts, updates of both columns, rows of one vector
INSERT INTO rerank_index SELECT 1000 + id, v FROM rerank_index WHERE id % 10 = 0;
UPDATE rerank_index SET k = 1 WHERE id % 4 = 0;
UPDATE rerank_index SET v = v + (SELECT q FROM rerank_query WHERE n = 4) WHERE id % 14 = 0;
SELECT * FROM pg_temp.compare();
SELECT * FROM hnsw_index_check('rerank_index_v', true);

-- All rows, near and far, of all metrics and both access methods: strange vectors among them
DROP INDEX rerank_index_v;
DROP TABLE rerank_index;
CREATE TABLE rerank_index (id int, v vector(5));
INSERT INTO rerank_index SELECT n, ARRAY[sin(n), cos(n * 1.1), sin(n * 1.7), n % 3, sqrt(n)]::vector FROM generate_series(1, 300) n;
INSERT INTO rerank_index SELECT 300 + n, v FROM rerank_index, generate_series(1, 3) n WHERE id < 5;
INSERT INTO rerank_index VALUES (401, NULL), (402, '[0,0,0,0,0]'), (403, '[3e38,1,1,1,1]'), (404, '[1e-40,0,0,0,0]'),
	(405, '[7,7,7,7,7]'), (406, '[-1e18,1e18,0,0,1]'), (407, '[1e-20,1e-20,0,0,1e-20]');
DO $$
DECLARE
	method text;
	class text;
	operator text;
	query text;
	truth float8[];
	answer float8[];
	rows int;
BEGIN
	FOREACH method IN ARRAY ARRAY['flat', 'hnsw'] LOOP
		FOREACH class IN ARRAY ARRAY['l2 <->', 'ip <#>', 'cosine <=>', 'l1 <+>'] LOOP
			operator := split_part(class, ' ', 2);
			EXECUTE format('CREATE INDEX rerank_index_v ON rerank_index USING %s (v vector_%s_ops) WITH (rerank = index)',
				method, split_part(class, ' ', 1));
			FOREACH query IN ARRAY ARRAY['[1,0,0.5,2,9]', '[0,0,0,0,0]', '[7,7,7,7,7]', '[2e38,1,1,1,1]', '[1e-20,0,0,0,0]', '[-1e18,1e18,0,0,1]'] LOOP
				PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true);
				EXECUTE format('SELECT array_agg(d) FROM (SELECT v %1$s %2$L AS d FROM rerank_index ORDER BY 1) s', operator, query) INTO truth;
				PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true);
				FOREACH rows IN ARRAY ARRAY[1, 5, 30, 1000] LOOP
					EXECUTE format('SELECT array_agg((SELECT v %1$s %2$L FROM rerank_index t WHERE t.ctid = s.ctid))
						FROM (SELECT ctid FROM rerank_index ORDER BY v %1$s %2$L LIMIT %3$s) s', operator, query, rows) INTO answer;
					IF answer IS DISTINCT FROM truth[1:rows] THEN
						RAISE NOTICE '%, %, query %, limit %: % and %', method, class, query, rows, answer[1:8], truth[1:8];
					END IF;
				END LOOP;
			END LOOP;
			DROP INDEX rerank_index_v;
		END LOOP;
	END LOOP;
END
$$;

-- Vectors that first bytes do not tell apart have nodes of their own, and rows of equal ones still find theirs.
CREATE TABLE rerank_same (v vector(8));
INSERT INTO rerank_same SELECT ARRAY[s * 1000, s * -1000, s * (2 + n % 100 * 0.01), s * (2 + n / 100 * 0.03), 0, 0, 0, 0]::vector
	FROM (SELECT n, 2 * (n % 2) - 1 AS s FROM generate_series(1, 2000) n) s;
CREATE INDEX rerank_same_v ON rerank_same USING flat (v vector_ip_ops) WITH (rerank = index);
CREATE TEMPORARY TABLE rerank_before AS SELECT nodes, rows FROM flat_index_info('rerank_same_v');
INSERT INTO rerank_same SELECT * FROM rerank_same;
SELECT info.nodes > 1000 AS many, info.nodes - before.nodes AS more, info.rows - before.rows AS rows
FROM flat_index_info('rerank_same_v') info, rerank_before before;
DROP TABLE rerank_same, rerank_before;

-- The option
CREATE TABLE rerank_option (v vector(8));
CREATE INDEX ON rerank_option USING hnsw (v vector_l2_ops) WITH (rerank = 'heap');
CREATE INDEX rerank_option_v ON rerank_option USING hnsw (v vector_l2_ops);
SELECT quantizer, rerank, slot_bytes FROM hnsw_index_info('rerank_option_v');
ALTER INDEX rerank_option_v SET (rerank = index);
SELECT rerank FROM hnsw_index_info('rerank_option_v');
REINDEX INDEX rerank_option_v;
SELECT quantizer, rerank, slot_bytes FROM hnsw_index_info('rerank_option_v');
DROP INDEX rerank_option_v;
-- Without codes the vectors are in the index in any case.
CREATE INDEX rerank_option_v ON rerank_option USING flat (v vector_l2_ops) WITH (quantizer = none, rerank = table);
SELECT quantizer, rerank, slot_bytes FROM flat_index_info('rerank_option_v');
DROP TABLE rerank_option, rerank_index, rerank_query;
