-- Kinds of relations and indexes: partial, by expression, partitions,
-- inheritance, copies, views; counting and NULL conditions
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
SET max_parallel_workers_per_gather = 0;

CREATE FUNCTION pg_temp.nth(n int) RETURNS vector LANGUAGE sql IMMUTABLE AS
	$$SELECT array_agg(sin(n * j)::real ORDER BY j)::vector FROM generate_series(1, 6) j$$;
\set q '[0.1,0.2,0.3,0.4,0.5,0.6]'

-- Partial: only rows with the condition, only for queries that imply it
CREATE TABLE flat_part (id int, kind text, v vector(6));
INSERT INTO flat_part SELECT i, CASE WHEN i % 10 = 0 THEN 'a' ELSE 'b' END, pg_temp.nth(i) FROM generate_series(1, 1000) i;
INSERT INTO flat_part VALUES (1001, 'a', NULL), (1002, 'b', NULL);
CREATE INDEX flat_part_a ON flat_part USING flat (v vector_l2_ops) WHERE kind = 'a';
ANALYZE flat_part;
SELECT rows FROM flat_index_info('flat_part_a');
EXPLAIN (COSTS OFF) SELECT id FROM flat_part WHERE kind = 'a' ORDER BY v <-> :'q' LIMIT 3;
EXPLAIN (COSTS OFF) SELECT id FROM flat_part WHERE kind = 'b' ORDER BY v <-> :'q' LIMIT 3;
EXPLAIN (COSTS OFF) SELECT id FROM flat_part ORDER BY v <-> :'q' LIMIT 3;
SELECT array_agg(id) FROM (SELECT id FROM flat_part WHERE kind = 'a' ORDER BY v <-> :'q' LIMIT 5) s;
SELECT array_agg(id) FROM (SELECT id FROM flat_part WHERE kind || '' = 'a' ORDER BY v <-> :'q' LIMIT 5) s;
SELECT count(*) FROM flat_part WHERE kind = 'a';
-- Rows that come under the condition, and rows that no longer do
UPDATE flat_part SET kind = 'a' WHERE id BETWEEN 1 AND 9;
UPDATE flat_part SET kind = 'b' WHERE id BETWEEN 10 AND 30;
SELECT array_agg(id) FROM (SELECT id FROM flat_part WHERE kind = 'a' ORDER BY v <-> :'q' LIMIT 5) s;
SELECT array_agg(id) FROM (SELECT id FROM flat_part WHERE kind || '' = 'a' ORDER BY v <-> :'q' LIMIT 5) s;
SELECT count(*) FROM flat_part WHERE kind = 'a';
SELECT * FROM flat_index_check('flat_part_a', true);
VACUUM flat_part;
SELECT count(*) FROM flat_part WHERE kind = 'a';
SELECT * FROM flat_index_check('flat_part_a', true);
DROP INDEX flat_part_a;

-- Counting, by an index without keys; rows with and without a vector
CREATE INDEX flat_part_l2 ON flat_part USING flat (v vector_l2_ops);
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM flat_part;
SELECT count(*) FROM flat_part;
EXPLAIN (COSTS OFF) SELECT count(*) FROM flat_part WHERE v IS NULL;
SELECT count(*) FROM flat_part WHERE v IS NULL;
EXPLAIN (COSTS OFF) SELECT count(*) FROM flat_part WHERE v IS NOT NULL;
SELECT count(*) FROM flat_part WHERE v IS NOT NULL;
SELECT count(*) FROM flat_part WHERE v IS NULL AND v IS NOT NULL;
SET enable_bitmapscan = on;
SET enable_indexscan = off;
SET enable_indexonlyscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM flat_part WHERE v IS NULL;
SELECT id FROM flat_part WHERE v IS NULL ORDER BY id;
SELECT count(*) FROM flat_part WHERE v IS NOT NULL;
RESET enable_indexscan;
RESET enable_indexonlyscan;
-- An index-only scan follows what others have not seen yet.
VACUUM flat_part;
SET enable_bitmapscan = off;
BEGIN;
DELETE FROM flat_part WHERE id <= 500;
SELECT count(*) FROM flat_part;
SAVEPOINT one;
INSERT INTO flat_part SELECT 2000 + i, 'c', NULL FROM generate_series(1, 7) i;
SELECT count(*) FROM flat_part;
ROLLBACK TO one;
SELECT count(*) FROM flat_part;
ROLLBACK;
SELECT count(*) FROM flat_part;
RESET enable_bitmapscan;
RESET enable_seqscan;
DROP TABLE flat_part;

-- By expression: what a column has not, dimensions among it
CREATE TABLE flat_mixed (id int, model text, e vector);
INSERT INTO flat_mixed SELECT i, 'six', pg_temp.nth(i) FROM generate_series(1, 500) i;
INSERT INTO flat_mixed SELECT 1000 + i, 'three', subvector(pg_temp.nth(i), 1, 3) FROM generate_series(1, 500) i;
CREATE INDEX flat_mixed_six ON flat_mixed USING flat ((e::vector(6)) vector_cosine_ops) WHERE model = 'six';
CREATE INDEX flat_mixed_three ON flat_mixed USING flat ((e::vector(3)) vector_cosine_ops) WHERE model = 'three';
CREATE INDEX flat_mixed_start ON flat_mixed USING flat ((subvector(e, 1, 2)::vector(2)) vector_l2_ops);
ANALYZE flat_mixed;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM flat_mixed WHERE model = 'three' ORDER BY e::vector(3) <=> '[1,2,3]' LIMIT 3;
SELECT id FROM flat_mixed WHERE model = 'three' ORDER BY e::vector(3) <=> '[1,2,3]' LIMIT 3;
EXPLAIN (COSTS OFF) SELECT id FROM flat_mixed WHERE model = 'six' AND cosine_within(e::vector(6), :'q', 0.33);
SELECT count(*), min(id), sum(id) FROM flat_mixed WHERE model = 'six' AND cosine_within(e::vector(6), :'q', 0.33);
EXPLAIN (COSTS OFF) SELECT id FROM flat_mixed ORDER BY subvector(e, 1, 2)::vector(2) <-> '[1,0]' LIMIT 4;
SELECT round((subvector(e, 1, 2) <-> '[1,0]')::numeric, 4) FROM flat_mixed
ORDER BY subvector(e, 1, 2)::vector(2) <-> '[1,0]' LIMIT 4;
RESET enable_seqscan;
SELECT count(*), min(id), sum(id) FROM flat_mixed WHERE model = 'six' AND e::vector(6) <=> :'q' <= 0.33;
SELECT round((subvector(e, 1, 2) <-> '[1,0]')::numeric, 4) FROM flat_mixed ORDER BY 1 LIMIT 4;
\set VERBOSITY sqlstate
INSERT INTO flat_mixed VALUES (3000, 'six', '[1,2,3]');
INSERT INTO flat_mixed VALUES (3000, 'six', '[1]');
\set VERBOSITY default
INSERT INTO flat_mixed VALUES (3000, 'six', '[1,2,3]');
INSERT INTO flat_mixed VALUES (3000, 'seven', '[1,2,3,4,5,6,7]');
SELECT indexrelid::regclass AS broken, c.* FROM pg_index, flat_index_check(indexrelid, true) c
WHERE indrelid = 'flat_mixed'::regclass;
DROP TABLE flat_mixed;

-- A search runs the expression that it orders by, and none of other columns.
CREATE FUNCTION flat_mixed_tell(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	RAISE NOTICE 'other expression of %', $1;
	RETURN $1;
END
$$;
CREATE TABLE flat_mixed (id int, e vector);
INSERT INTO flat_mixed SELECT i, pg_temp.nth(i) FROM generate_series(1, 3) i;
SET client_min_messages = warning;
CREATE INDEX flat_mixed_flat ON flat_mixed USING flat ((e::vector(6)) vector_l2_ops, (flat_mixed_tell(id)));
CREATE INDEX flat_mixed_hnsw ON flat_mixed USING hnsw ((e::vector(6)) vector_ip_ops, (flat_mixed_tell(id)));
RESET client_min_messages;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM flat_mixed ORDER BY e::vector(6) <-> :'q';
SELECT id FROM flat_mixed ORDER BY e::vector(6) <-> :'q';
EXPLAIN (COSTS OFF) SELECT id FROM flat_mixed ORDER BY e::vector(6) <#> :'q';
SELECT id FROM flat_mixed ORDER BY e::vector(6) <#> :'q';
RESET enable_seqscan;
DROP TABLE flat_mixed;
DROP FUNCTION flat_mixed_tell;

-- Partitions: one index each, merged in order
CREATE TABLE flat_parted (id int, v vector(6)) PARTITION BY RANGE (id);
CREATE TABLE flat_parted_1 PARTITION OF flat_parted FOR VALUES FROM (0) TO (500);
CREATE TABLE flat_parted_2 PARTITION OF flat_parted FOR VALUES FROM (500) TO (1000);
CREATE INDEX flat_parted_i ON flat_parted USING flat (v vector_l2_ops) WITH (quantizer = none);
CREATE TABLE flat_parted_3 PARTITION OF flat_parted DEFAULT;
INSERT INTO flat_parted SELECT i, pg_temp.nth(i) FROM generate_series(0, 1499) i;
ANALYZE flat_parted;
SELECT indexrelid::regclass AS index, quantizer, rows FROM pg_inherits, pg_index, flat_index_info(indexrelid)
WHERE inhparent = 'flat_parted_i'::regclass AND indexrelid = inhrelid ORDER BY 1;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM flat_parted ORDER BY v <-> :'q' LIMIT 5;
SELECT array_agg(id) FROM (SELECT id FROM flat_parted ORDER BY v <-> :'q' LIMIT 5) s;
EXPLAIN (COSTS OFF) SELECT id FROM flat_parted WHERE id < 500 ORDER BY v <-> :'q' LIMIT 5;
SELECT count(*) FROM flat_parted WHERE l2_within(v, :'q', 1.0);
RESET enable_seqscan;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SELECT array_agg(id) FROM (SELECT id FROM flat_parted ORDER BY v <-> :'q' LIMIT 5) s;
SELECT count(*) FROM flat_parted WHERE l2_within(v, :'q', 1.0);
RESET enable_indexscan;
RESET enable_bitmapscan;
UPDATE flat_parted SET id = id + 500 WHERE id BETWEEN 400 AND 520;
ALTER TABLE flat_parted DETACH PARTITION flat_parted_2;
DROP TABLE flat_parted_3;
ALTER TABLE flat_parted ATTACH PARTITION flat_parted_2 FOR VALUES FROM (500) TO (1000);
SELECT indexrelid::regclass AS index, c.* FROM pg_inherits, pg_index, flat_index_check(indexrelid, true) c
WHERE inhparent = 'flat_parted_i'::regclass AND indexrelid = inhrelid ORDER BY 1;
REINDEX INDEX flat_parted_i;
-- A partition without dimensions of its own takes those of the table.
\set VERBOSITY sqlstate
CREATE TABLE flat_parted_w (id int, v vector);
ALTER TABLE flat_parted ATTACH PARTITION flat_parted_w FOR VALUES FROM (5000) TO (6000);
\set VERBOSITY default
DROP TABLE flat_parted, flat_parted_w;
-- Where nothing is stored, dimensions are asked for when a partition comes.
CREATE TABLE flat_parted (id int, v vector) PARTITION BY LIST (id);
CREATE INDEX flat_parted_i ON flat_parted USING flat (v vector_l2_ops);
CREATE TABLE flat_parted_1 PARTITION OF flat_parted FOR VALUES IN (1);
DROP TABLE flat_parted;

-- Inheritance, copies, a materialized view
CREATE TABLE flat_parent (id int, v vector(6));
CREATE TABLE flat_child (extra int) INHERITS (flat_parent);
CREATE INDEX flat_parent_i ON flat_parent USING flat (v vector_l2_ops) WITH (quantizer = none);
CREATE INDEX flat_child_i ON flat_child USING flat (v vector_l2_ops);
INSERT INTO flat_parent SELECT i, pg_temp.nth(i) FROM generate_series(1, 300) i;
INSERT INTO flat_child SELECT i, pg_temp.nth(i), i FROM generate_series(301, 600) i;
SET enable_seqscan = off;
SELECT array_agg(id) FROM (SELECT id FROM flat_parent ORDER BY v <-> :'q' LIMIT 5) s;
RESET enable_seqscan;
SELECT array_agg(id) FROM (SELECT id FROM flat_parent ORDER BY (v <-> :'q') + 0 LIMIT 5) s;
CREATE TABLE flat_copy (LIKE flat_parent INCLUDING INDEXES);
SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'flat_copy'::regclass;
CREATE MATERIALIZED VIEW flat_view AS SELECT * FROM flat_parent;
CREATE INDEX flat_view_i ON flat_view USING flat (v vector_l2_ops);
INSERT INTO flat_parent VALUES (1000, :'q');
REFRESH MATERIALIZED VIEW flat_view;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM flat_view ORDER BY v <-> :'q' LIMIT 1;
SELECT id FROM flat_view ORDER BY v <-> :'q' LIMIT 1;
RESET enable_seqscan;
SELECT * FROM flat_index_check('flat_view_i', true);
DROP TABLE flat_parent, flat_child, flat_copy CASCADE;

-- Wide vectors: stored outside of their rows, one to a page of the index
CREATE TABLE flat_wide (id int, v vector(3900));
INSERT INTO flat_wide SELECT i, (SELECT array_agg(sin(i * j)::real) FROM generate_series(1, 3900) j)::vector FROM generate_series(1, 30) i;
CREATE INDEX flat_wide_i ON flat_wide USING flat (v vector_ip_ops);
INSERT INTO flat_wide SELECT i, (SELECT array_agg(sin(i * j)::real) FROM generate_series(1, 3900) j)::vector FROM generate_series(31, 40) i;
SELECT slot_bytes, nodes, code_pages * ((current_setting('block_size')::int - 88) / slot_bytes) AS room_for FROM flat_index_info('flat_wide_i');
SET enable_seqscan = off;
SELECT array_agg(id) FROM (SELECT id FROM flat_wide ORDER BY v <#> (SELECT v FROM flat_wide WHERE id = 35) LIMIT 1) s;
SELECT count(id) FROM (SELECT id FROM flat_wide ORDER BY v <#> (SELECT v FROM flat_wide WHERE id = 35)) s;
RESET enable_seqscan;
SELECT * FROM flat_index_check('flat_wide_i', true);
DROP TABLE flat_wide;
