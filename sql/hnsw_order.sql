-- ORDER BY a distance through a graph that is large enough to be walked: what
-- vecext_last_scan says of walks, passes and late rows, and what a query gets
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
LOAD 'vecext';

CREATE TABLE hnsw_order (id int, v vector(12), w int);
INSERT INTO hnsw_order
	SELECT i, (SELECT array_agg((sin(i * j * 0.7391) + cos(i * (j + 3) * 1.317))::real ORDER BY j) FROM generate_series(1, 12) j)::vector, i % 500
	FROM generate_series(1, 3000) i;
INSERT INTO hnsw_order SELECT 3000 + i, v, 0 FROM hnsw_order, generate_series(1, 40) i WHERE id = 7;
INSERT INTO hnsw_order SELECT 4000 + i, NULL, 1 FROM generate_series(1, 10) i;
CREATE INDEX hnsw_order_l2 ON hnsw_order USING hnsw (v vector_l2_ops) WITH (m = 6, ef_construction = 30);
SELECT array_fill(0.3::real, ARRAY[12])::vector::text AS q \gset
SET enable_seqscan = off;
SET enable_sort = off;

-- One walk, as wide as the LIMIT asks for
SET hnsw.ef_search = 4;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM hnsw_order ORDER BY v <-> :'q' LIMIT 1) s;
SELECT index, ef, walks, hops > 0 AS hops, distances >= hops AS distances, passes, candidates >= rechecks AS candidates,
	dead_rows, late_rows, rows FROM vecext_last_scan;
-- What it has read without a pin, now that the session knows the pages
SELECT peeks AS before FROM vecext_session_buffers \gset
SELECT count(*) FROM (SELECT FROM hnsw_order ORDER BY v <-> :'q' LIMIT 1) s;
SELECT scan.peeks = session.peeks - :before AS peeks, scan.peeks > scan.hops AS many FROM vecext_last_scan scan, vecext_session_buffers session;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM hnsw_order ORDER BY v <-> :'q' LIMIT 9) s;
SELECT ef >= 9 AS ef, walks > 0 AS walks, passes, rows FROM vecext_last_scan;
-- ... also where the LIMIT is in a subquery of a query that has a LIMIT for what it makes of the rows
SELECT ef AS plain_ef, walks AS plain_walks FROM vecext_last_scan \gset
WITH near AS MATERIALIZED (SELECT id FROM hnsw_order ORDER BY v <-> :'q' LIMIT 9) SELECT count(*) FROM near LIMIT 1;
SELECT ef = :plain_ef AND walks = :plain_walks AS same, rows FROM vecext_last_scan;
SELECT count(*) FROM hnsw_order WHERE id = ANY (ARRAY(SELECT id FROM hnsw_order ORDER BY v <-> :'q' LIMIT 9)) LIMIT 1;
SELECT ef = :plain_ef AND walks = :plain_walks AS same, rows FROM vecext_last_scan;
SELECT id FROM (SELECT id FROM hnsw_order ORDER BY v <-> :'q' LIMIT 9) s WHERE id < 0 LIMIT 1;
SELECT ef = :plain_ef AND walks = :plain_walks AS same, rows FROM vecext_last_scan;
-- As many as a pass is cheaper for
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM hnsw_order ORDER BY v <-> :'q' LIMIT 500) s;
SELECT ef, walks, hops, passes > 0 AS passes, late_rows, rows FROM vecext_last_scan;
-- All rows: walks as long as they are worth it, then passes; rows without a vector come last
SELECT count(*), count(DISTINCT id), bool_and(n <= 3040 OR v IS NULL) AS null_last
FROM (SELECT row_number() OVER () AS n, id, v FROM (SELECT id, v FROM hnsw_order ORDER BY v <-> :'q') s) s;
SELECT ef, walks > 1 AS walks, passes > 0 AS passes, rows FROM vecext_last_scan;
-- The order steps down where batches meet, not within one
SELECT count(*) FILTER (WHERE d < before) <= (SELECT walks + passes - 1 FROM vecext_last_scan) AS order
FROM (SELECT d, lag(d) OVER () AS before FROM (SELECT v <-> :'q' AS d FROM hnsw_order ORDER BY v <-> :'q') s) s;
-- ... nor anywhere, if that is asked for: late rows are left out
SET hnsw.iterative_scan = strict_order;
SELECT count(*) BETWEEN 2500 AND 3050 AS rows, count(DISTINCT id) = count(*) AS different, count(*) FILTER (WHERE d < before) AS steps
FROM (SELECT id, d, lag(d) OVER () AS before FROM (SELECT id, v <-> :'q' AS d FROM hnsw_order ORDER BY v <-> :'q') s) s;
SELECT late_rows FROM vecext_last_scan;
RESET hnsw.iterative_scan;
-- A budget that ends walks early ends no query.
SET hnsw.max_scan_tuples = 1;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM hnsw_order ORDER BY v <-> :'q') s;
SELECT walks, passes > 0 AS passes FROM vecext_last_scan;
RESET hnsw.max_scan_tuples;

-- Conditions that the index knows nothing of, and that it does
SELECT id FROM hnsw_order WHERE w = 123 AND id > 2000 AND id < 2500 ORDER BY v <-> :'q' LIMIT 5;
SELECT count(*) FROM (SELECT FROM hnsw_order WHERE id < 0 ORDER BY v <-> :'q' LIMIT 5) s;
SELECT (SELECT array_agg(id ORDER BY id) FROM (SELECT id FROM hnsw_order WHERE l2_within(v, :'q', 3.2) ORDER BY v <-> :'q') s) =
	(SELECT array_agg(id ORDER BY id) FROM hnsw_order WHERE (v <-> :'q') + 0 <= 3.2) AS same,
	(SELECT count(*) > 20 FROM hnsw_order WHERE l2_within(v, :'q', 3.2)) AS some;

-- Equal rows, one node: each comes once
SELECT count(*), count(DISTINCT id), max(d) FROM
	(SELECT id, v <-> (SELECT v FROM hnsw_order WHERE id = 7) AS d FROM hnsw_order ORDER BY v <-> (SELECT v FROM hnsw_order WHERE id = 7) LIMIT 41) s;
-- An update of another column makes a row, and no node.
SELECT nodes AS nodes_before, rows AS rows_before FROM hnsw_index_info('hnsw_order_l2') \gset
CREATE INDEX hnsw_order_w ON hnsw_order (w);
UPDATE hnsw_order SET w = -1 WHERE id = 7;
SELECT nodes - :nodes_before AS nodes, rows - :rows_before AS rows FROM hnsw_index_info('hnsw_order_l2');

-- A cursor across what its own transaction does
BEGIN;
DECLARE near CURSOR FOR SELECT id FROM hnsw_order ORDER BY v <-> :'q';
MOVE 30 FROM near;
INSERT INTO hnsw_order SELECT 5000 + i, :'q', 0 FROM generate_series(1, 50) i;
SAVEPOINT s;
DELETE FROM hnsw_order WHERE id % 2 = 0;
MOVE 30 FROM near;
ROLLBACK TO s;
MOVE ALL FROM near;
ROLLBACK;
SELECT count(*) FROM hnsw_order;
SELECT * FROM hnsw_index_check('hnsw_order_l2', heap => true);
DROP TABLE hnsw_order;

-- A walk for each of a hundred partitions at once: what they have needed goes back
CREATE TABLE hnsw_order_part (id int, v vector(2)) PARTITION BY RANGE (id);
DO $$
BEGIN
	FOR i IN 0 .. 99 LOOP
		EXECUTE format('CREATE TABLE hnsw_order_part%s PARTITION OF hnsw_order_part FOR VALUES FROM (%s) TO (%s)', i, i * 10, i * 10 + 10);
	END LOOP;
END
$$;
INSERT INTO hnsw_order_part SELECT i, ARRAY[i, i % 7]::vector FROM generate_series(0, 999) i;
CREATE INDEX ON hnsw_order_part USING hnsw (v vector_l2_ops);
ANALYZE hnsw_order_part;
SET enable_seqscan = off;
SET enable_sort = off;
SELECT total_bytes AS before FROM pg_backend_memory_contexts WHERE name = 'TopMemoryContext' \gset
SELECT id FROM hnsw_order_part ORDER BY v <-> '[500,3]' LIMIT 3;
SELECT total_bytes - :before < 3000000 AS given_back FROM pg_backend_memory_contexts WHERE name = 'TopMemoryContext';
DROP TABLE hnsw_order_part;
