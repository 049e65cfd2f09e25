-- Rows with equal vectors share a node: an UPDATE of another column makes no
-- second one, not even after the hash directory has forgotten nodes that are gone
CREATE TABLE equal_rows (id int, v vector(8), w int DEFAULT 0) WITH (autovacuum_enabled = off);
CREATE FUNCTION equal_fill(first_id int, count int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO equal_rows (id, v)
	SELECT first_id + g, (SELECT array_agg(sin((first_id + g) * 0.731 + i * i * 0.137)::float4 + i * (first_id + g) % 1001)
						  FROM generate_series(1, 8) i)::vector
	FROM generate_series(0, count - 1) g $$;
SELECT equal_fill(1, 3000);
CREATE INDEX equal_v ON equal_rows USING hnsw (v vector_l2_ops) WITH (m = 4, ef_construction = 10);
-- nodes in use; hnsw_index_info counts those that wait to be used again, too
CREATE TABLE equal_nodes AS SELECT calibrated_nodes AS nodes FROM hnsw_calibrate('equal_v');
UPDATE equal_rows SET w = w + 1;
SELECT i.calibrated_nodes - e.nodes AS more_nodes FROM hnsw_calibrate('equal_v') i, equal_nodes e;
-- a third is replaced, over and over
VACUUM equal_rows;
DELETE FROM equal_rows WHERE id % 3 = 0; VACUUM equal_rows; SELECT equal_fill(10001, 1000);
DELETE FROM equal_rows WHERE id % 3 = 1; VACUUM equal_rows; SELECT equal_fill(20001, 1000);
DELETE FROM equal_rows WHERE id % 3 = 2; VACUUM equal_rows; SELECT equal_fill(30001, 1000);
DELETE FROM equal_rows WHERE id % 3 = 0; VACUUM equal_rows; SELECT equal_fill(40001, 1000);
DELETE FROM equal_rows WHERE id % 3 = 1; VACUUM equal_rows; SELECT equal_fill(50001, 1000);
DELETE FROM equal_rows WHERE id % 3 = 2; VACUUM equal_rows; SELECT equal_fill(60001, 1000);
VACUUM equal_rows;
UPDATE equal_nodes SET nodes = (SELECT calibrated_nodes FROM hnsw_calibrate('equal_v'));
UPDATE equal_rows SET w = w + 1;
SELECT i.calibrated_nodes - e.nodes AS more_nodes FROM hnsw_calibrate('equal_v') i, equal_nodes e;
SELECT * FROM hnsw_index_check('equal_v', heap => true);
DROP TABLE equal_rows, equal_nodes;
DROP FUNCTION equal_fill;
