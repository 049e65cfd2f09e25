-- Order, equality, hashing of vectors, and the plans that stand on them
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;

SELECT a, b, a < b AS lt, a <= b AS le, a = b AS eq, a <> b AS ne, a >= b AS ge, a > b AS gt, vector_cmp(a, b) AS cmp
FROM (VALUES ('[1,2,3]'::vector, '[1,2,3]'::vector), ('[1,2,3]', '[1,2,4]'), ('[1,2,3]', '[0,9,9]'), ('[1,2,3]', '[1,2]'),
	('[1,2]', '[1,2,3]'), ('[1,2]', '[2]'), ('[2,3]', '[1,2,3]'), ('[0,-0]', '[-0,0]'), ('[0]', '[-0,0]'),
	('[-1]', '[1]'), ('[1e-45]', '[0]')) t(a, b);
SELECT '[1]'::vector != '[2]' AS other_spelling, '[1]'::vector = NULL AS of_null;
SELECT vector_lt('[1]', '[2]'), vector_le('[1]', '[2]'), vector_eq('[1]', '[2]'), vector_ne('[1]', '[2]'), vector_ge('[1]', '[2]'), vector_gt('[1]', '[2]');

-- The order is that of arrays of the same numbers.
WITH vectors AS MATERIALIZED (
	SELECT (SELECT array_agg(trunc(random() * 3 - 1))::vector FROM generate_series(1, 1 + i % 4)) AS v FROM generate_series(1, 60) i)
SELECT bool_and((a.v < b.v) = (a.v::real[] < b.v::real[]) AND (a.v <= b.v) = (a.v::real[] <= b.v::real[])
	AND (a.v = b.v) = (a.v::real[] = b.v::real[]) AND (a.v <> b.v) = (a.v::real[] <> b.v::real[])
	AND (a.v >= b.v) = (a.v::real[] >= b.v::real[]) AND (a.v > b.v) = (a.v::real[] > b.v::real[])
	AND vector_cmp(a.v, b.v) = -vector_cmp(b.v, a.v)) AS as_arrays, count(*)
FROM vectors a, vectors b;

-- Sorting, with NULL and different dimensions
SELECT v FROM (VALUES ('[2]'::vector), ('[1,5]'), (NULL), ('[1]'), ('[1,-5,3]'), ('[-1,100]')) t(v) ORDER BY v;
SELECT v FROM (VALUES ('[2]'::vector), ('[1,5]'), (NULL), ('[1]')) t(v) ORDER BY v DESC NULLS LAST;

-- Equal vectors have equal hashes; the plain hash is the low half of the
-- extended one.
SELECT count(*) FILTER (WHERE vector_hash(a) = vector_hash(b)) AS zeros_alike,
	count(*) FILTER (WHERE vector_hash_extended(a, 42) = vector_hash_extended(b, 42)) AS seeded_alike,
	count(*) FILTER (WHERE vector_hash_extended(a, 0) << 32 >> 32 = vector_hash(a)) AS halves_alike,
	count(DISTINCT vector_hash(a)) AS hashes, count(*)
FROM generate_series(1, 300) dims,
	LATERAL (SELECT array_fill(0, ARRAY[dims])::vector AS a, array_fill(-1e-46::float8, ARRAY[dims])::vector AS b) t;
SELECT count(DISTINCT vector_hash(v)) AS by_position, count(DISTINCT vector_hash_extended(v, 1)) AS by_position_seeded, count(*)
FROM generate_series(1, 300) position,
	LATERAL (SELECT array_agg((i = position)::int)::vector AS v FROM generate_series(1, 300) i) t;
SELECT vector_hash_extended('[1,2,3]', 0) <> vector_hash_extended('[1,2,3]', 1) AS seeded;

-- Nodes of a plan, "Hashed Aggregate" and the like in one
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON, COSTS OFF) ' || query INTO plan;
	RETURN (SELECT string_agg(concat_ws(' ', node ->> 'Strategy', node ->> 'Node Type'), ', ' ORDER BY o)
		FROM jsonb_path_query(plan, 'strict $.** ? (exists (@."Node Type"))') WITH ORDINALITY n(node, o));
END
$$;
CREATE FUNCTION pg_temp.rows_of(query text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
	RETURN plan #>> '{0,Plan,Plan Rows}';
END
$$;

CREATE TABLE vector_order (id int, v vector);
INSERT INTO vector_order SELECT i, ARRAY[i % 10, i % 3 - 1]::vector FROM generate_series(1, 3000) i;
INSERT INTO vector_order SELECT i, ARRAY[i % 5]::vector FROM generate_series(3001, 3100) i;
INSERT INTO vector_order SELECT i, NULL FROM generate_series(3101, 3110) i;
-- Zeros of both signs are one value.
INSERT INTO vector_order VALUES (3111, '[-0,-0]'), (3112, '[-0]');
ANALYZE vector_order;
CREATE TABLE vector_other AS SELECT DISTINCT v FROM vector_order;
ANALYZE vector_other;

-- The planner knows how many rows a value has, and how many it has not.
SELECT pg_temp.rows_of($$SELECT * FROM vector_order WHERE v = '[3,1]'$$) BETWEEN 60 AND 140 AS eq,
	pg_temp.rows_of($$SELECT * FROM vector_order WHERE v <> '[3,1]'$$) BETWEEN 2900 AND 3060 AS ne,
	pg_temp.rows_of($$SELECT * FROM vector_order WHERE v < '[5]'$$) BETWEEN 1400 AND 1800 AS lt,
	pg_temp.rows_of($$SELECT * FROM vector_order WHERE v >= '[5]'$$) BETWEEN 1300 AND 1700 AS ge,
	pg_temp.rows_of($$SELECT * FROM vector_order a JOIN vector_other b USING (v)$$) BETWEEN 2000 AND 4500 AS eq_join;

-- Hash, merge and nested loop joins find the same pairs.
SET enable_mergejoin = off; SET enable_nestloop = off;
SELECT pg_temp.plan_of('SELECT count(*) FROM vector_order a JOIN vector_other b ON a.v = b.v') ~ 'Hash Join' AS hash_join;
SELECT count(*), sum(id) FROM vector_order a JOIN vector_other b ON a.v = b.v;
SET enable_mergejoin = on; SET enable_hashjoin = off;
SELECT pg_temp.plan_of('SELECT count(*) FROM vector_order a JOIN vector_other b ON a.v = b.v') ~ 'Merge Join' AS merge_join;
SELECT count(*), sum(id) FROM vector_order a JOIN vector_other b ON a.v = b.v;
SELECT count(*) FROM vector_order a FULL JOIN vector_other b ON a.v = b.v;
SET enable_mergejoin = off; SET enable_nestloop = on;
SELECT pg_temp.plan_of('SELECT count(*) FROM vector_order a JOIN vector_other b ON a.v = b.v') ~ 'Nested Loop' AS nested_loop;
SELECT count(*), sum(id) FROM vector_order a JOIN vector_other b ON a.v = b.v;
RESET enable_mergejoin; RESET enable_nestloop; RESET enable_hashjoin;

-- Grouping by hash and by sort
SET enable_sort = off;
SELECT pg_temp.plan_of('SELECT v, count(*) FROM vector_order GROUP BY v') ~ 'Hashed Aggregate' AS hashed;
SELECT count(*), sum(n), max(n) FROM (SELECT v, count(*) n FROM vector_order GROUP BY v) g;
RESET enable_sort; SET enable_hashagg = off;
SELECT pg_temp.plan_of('SELECT v, count(*) FROM vector_order GROUP BY v') ~ 'Sorted Aggregate' AS sorted;
SELECT count(*), sum(n), max(n) FROM (SELECT v, count(*) n FROM vector_order GROUP BY v) g;
RESET enable_hashagg;
SELECT count(*) FROM (SELECT v FROM vector_order EXCEPT SELECT v FROM vector_other) e;
SELECT count(*) FROM (SELECT v FROM vector_order INTERSECT SELECT v FROM vector_other) i;
SELECT count(*), count(DISTINCT v) FROM vector_order WHERE v IN (SELECT v FROM vector_other WHERE v > '[5]');
SELECT count(*) FROM vector_order WHERE v = ANY (ARRAY['[1,1]', '[2,-1]', NULL]::vector[]);

-- Indexes
CREATE INDEX vector_order_btree ON vector_order (v);
SET enable_seqscan = off; SET enable_bitmapscan = off;
SELECT pg_temp.plan_of($$SELECT id FROM vector_order WHERE v = '[3,1]'$$) AS plan;
SELECT count(*), sum(id) FROM vector_order WHERE v = '[3,1]';
SELECT count(*) FROM vector_order WHERE v = '[0,0]';
SELECT count(*) FROM vector_order WHERE v > '[3,0]' AND v <= '[4,0]';
SELECT count(*) FROM vector_order WHERE v IS NULL;
SELECT pg_temp.plan_of('SELECT v FROM vector_order ORDER BY v DESC LIMIT 3') ~ 'Index' AS ordered;
SELECT v FROM vector_order WHERE v IS NOT NULL ORDER BY v LIMIT 3;
SELECT v FROM vector_order WHERE v IS NOT NULL ORDER BY v DESC LIMIT 3;
DROP INDEX vector_order_btree;
CREATE INDEX vector_order_hash ON vector_order USING hash (v);
SELECT pg_temp.plan_of($$SELECT id FROM vector_order WHERE v = '[3,1]'$$) AS plan;
SELECT count(*), sum(id) FROM vector_order WHERE v = '[3,1]';
SELECT count(*) FROM vector_order WHERE v = '[0,0]';
RESET enable_seqscan; RESET enable_bitmapscan;
DROP TABLE vector_order, vector_other;

-- Unique and primary keys, upserts, zeros again
CREATE TABLE vector_key (v vector(2) PRIMARY KEY, n int);
INSERT INTO vector_key VALUES ('[1,2]', 1), ('[0,0]', 2);
INSERT INTO vector_key VALUES ('[1,2]', 10), ('[-0,0]', 20) ON CONFLICT (v) DO UPDATE SET n = excluded.n;
SELECT * FROM vector_key ORDER BY v;
DROP TABLE vector_key;

-- Partitions by hash and by range
CREATE TABLE vector_parts (v vector) PARTITION BY HASH (v);
CREATE TABLE vector_part_0 PARTITION OF vector_parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE vector_part_1 PARTITION OF vector_parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO vector_parts SELECT ARRAY[i, -i]::vector FROM generate_series(0, 99) i;
INSERT INTO vector_parts VALUES ('[-0,0]'), ('[0,-0]');
SELECT count(DISTINCT tableoid) AS parts, count(*) FROM vector_parts;
SELECT count(DISTINCT tableoid) AS parts, count(*) FROM vector_parts WHERE v = '[0,0]';
DROP TABLE vector_parts;
CREATE TABLE vector_ranges (v vector) PARTITION BY RANGE (v);
CREATE TABLE vector_range_low PARTITION OF vector_ranges FOR VALUES FROM (MINVALUE) TO ('[5]');
CREATE TABLE vector_range_high PARTITION OF vector_ranges FOR VALUES FROM ('[5]') TO (MAXVALUE);
INSERT INTO vector_ranges VALUES ('[4,9]'), ('[5]'), ('[5,0]');
SELECT tableoid::regclass, v FROM vector_ranges ORDER BY v;
DROP TABLE vector_ranges;
