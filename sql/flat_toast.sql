-- Vectors in TOAST: a scan reads them its own way, and the distance functions
-- look at what it has read.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
SET jit = off;
-- Exact answers from hnsw, too: all distances between random vectors are alike.
SET hnsw.ef_search = 1000;
CREATE FUNCTION wide(seed int, dims int DEFAULT 1000) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg((hashint4(seed * 7919 + g) % 1000 / 8)::float4 ORDER BY g)::vector
   FROM generate_series(1, dims) g $$;
-- Few different elements: it can be compressed
CREATE FUNCTION plain(seed int, dims int DEFAULT 1000) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg((seed % 50 + (g > seed % 900)::int)::float4 ORDER BY g)::vector
   FROM generate_series(1, dims) g $$;

CREATE TABLE stored (id int, kind text, v vector(1000));
ALTER TABLE stored ALTER v SET STORAGE EXTERNAL;
INSERT INTO stored SELECT g, 'external', wide(g) FROM generate_series(1, 120) g;
ALTER TABLE stored ALTER v SET STORAGE EXTENDED;
ALTER TABLE stored SET (toast_tuple_target = 128);
INSERT INTO stored SELECT g, 'extended', plain(g) FROM generate_series(121, 200) g;
ALTER TABLE stored ALTER v SET STORAGE MAIN;
INSERT INTO stored SELECT g, 'main', wide(g) FROM generate_series(201, 240) g;
ALTER TABLE stored ALTER v SET STORAGE PLAIN;
INSERT INTO stored SELECT g, 'plain', wide(g) FROM generate_series(241, 280) g;
SELECT kind, count(*), bool_and(pg_column_size(v) < 4000) AS compressed FROM stored GROUP BY 1 ORDER BY 1;

CREATE FUNCTION compare_order(query vector, wanted int) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
	by_index text;
	by_table text;
	statement text := 'SELECT count(DISTINCT id) || string_agg(d::text, '', '') FROM
		(SELECT id, v <-> $1 AS d FROM stored ORDER BY v <-> $1 LIMIT $2) s';
BEGIN
	SET LOCAL enable_seqscan = off;
	EXECUTE statement INTO by_index USING query, wanted;
	SET LOCAL enable_seqscan = on;
	SET LOCAL enable_indexscan = off;
	EXECUTE statement INTO by_table USING query, wanted;
	SET LOCAL enable_indexscan = on;
	RETURN CASE WHEN by_index = by_table THEN 'the same' ELSE 'another order' END;
END
$$;

CREATE INDEX stored_v ON stored USING flat (v vector_l2_ops);
SELECT q, k, compare_order(wide(q), k) FROM (VALUES (3), (130), (210), (999)) a (q), (VALUES (1), (50), (280)) b (k);
SELECT q, k, compare_order(plain(q), k) FROM (VALUES (3), (130), (999)) a (q), (VALUES (1), (50), (280)) b (k);
DROP INDEX stored_v;
CREATE INDEX stored_v ON stored USING hnsw (v vector_l2_ops);
SELECT q, k, compare_order(wide(q), k) FROM (VALUES (3), (130), (999)) a (q), (VALUES (1), (50), (280)) b (k);

-- What a cursor has read is what its snapshot sees, whatever is changed under it.
SET enable_seqscan = off;
BEGIN;
DECLARE c CURSOR FOR SELECT id, (v <-> wide(60))::int AS distance FROM stored ORDER BY v <-> wide(60);
FETCH 2 FROM c;
UPDATE stored SET v = wide(id + 1000) WHERE id BETWEEN 50 AND 100;
DELETE FROM stored WHERE id BETWEEN 101 AND 110;
SELECT count(*), count(DISTINCT id), bool_and(id = 60) AS ordered
FROM (SELECT id FROM stored ORDER BY v <-> wide(1060) LIMIT 1) s;
FETCH 2 FROM c;
MOVE FORWARD ALL FROM c;
COMMIT;
SELECT compare_order(wide(1060), 30), compare_order(wide(60), 280);

-- A scan inside another, over the same values
SELECT count(*) AS rows, count(DISTINCT a.id) AS outer_rows, bool_and(b.distance <= b.farthest) AS ordered
FROM (SELECT id, v FROM stored ORDER BY v <-> wide(5) LIMIT 8) a,
	LATERAL (SELECT id, v <-> a.v AS distance, max(v <-> a.v) OVER () AS farthest
		FROM (SELECT id, v FROM stored ORDER BY v <-> a.v LIMIT 5) n) b;

-- Scans that are not read to their end
SELECT (SELECT id FROM stored ORDER BY v <-> wide(g) LIMIT 1) = g AS itself, count(*)
FROM generate_series(1, 49) g GROUP BY 1;

-- A session remembers where it found chunks; they may have gone, moved, or made place for others.
RESET enable_seqscan;
DELETE FROM stored WHERE id % 3 = 0;
VACUUM stored;
INSERT INTO stored SELECT g, 'anew', wide(g + 2000) FROM generate_series(1, 280) g WHERE g % 3 = 0;
SELECT q, compare_order(wide(q), 280) FROM (VALUES (3), (2003)) a (q);
DELETE FROM stored WHERE id > 20;
VACUUM FULL stored;
SELECT q, compare_order(wide(q), 280) FROM (VALUES (3), (2003)) a (q);
BEGIN;
TRUNCATE stored;
INSERT INTO stored SELECT g, 'inside', wide(g + 3000) FROM generate_series(1, 50) g;
SELECT q, compare_order(wide(q), 280) FROM (VALUES (3), (3003)) a (q);
ROLLBACK;
SELECT q, compare_order(wide(q), 280) FROM (VALUES (3), (2003)) a (q);

-- What has been read once is found without the TOAST table's index.
SET enable_seqscan = off;
CREATE TABLE again (id int, v vector(900)) WITH (autovacuum_enabled = off);
ALTER TABLE again ALTER v SET STORAGE EXTERNAL;
INSERT INTO again SELECT g, subvector(wide(g), 1, 900) FROM generate_series(1, 20) g;
CREATE INDEX ON again USING flat (v vector_l2_ops);
SELECT id FROM again ORDER BY v <-> subvector(wide(7), 1, 900) LIMIT 1;
SELECT pg_stat_force_next_flush();
SELECT tidx_blks_hit + tidx_blks_read AS before FROM pg_statio_user_tables WHERE relname = 'again' \gset
SELECT id FROM again ORDER BY v <-> subvector(wide(7), 1, 900) LIMIT 1;
SELECT pg_stat_force_next_flush();
SELECT :before > 0 AS asked, tidx_blks_hit + tidx_blks_read - :before AS asked_again
FROM pg_statio_user_tables WHERE relname = 'again';
DROP TABLE again;
DROP TABLE stored;
DROP FUNCTION compare_order, wide, plain;
