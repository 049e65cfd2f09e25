-- Thresholds: l2_within and its sisters, with and without an index
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vecext;
RESET client_min_messages;
SET max_parallel_workers_per_gather = 0;

-- The functions
SELECT l2_within('[0,0]', '[3,4]', 5) AS at, l2_within('[0,0]', '[3,4]', 4.999) AS below, l2_within('[0,0]', '[3,4]', -1) AS negative,
	l2_within('[0,0]', '[3,4]', 'Infinity') AS infinite, l2_within('[0,0]', '[0,0]', 'NaN') AS nan;
SELECT ip_within('[1,2]', '[3,4]', -11) AS at, ip_within('[1,2]', '[3,4]', -11.001) AS below, ip_within('[1,2]', '[3,4]', 0) AS zero;
SELECT cosine_within('[1,0]', '[0,1]', 1) AS at, cosine_within('[1,0]', '[0,1]', 0.999) AS below, cosine_within('[0,0]', '[0,1]', 2) AS nan;
SELECT l1_within('[0,0]', '[3,4]', 7) AS at, l1_within('[0,0]', '[3,4]', 6.999) AS below;
SELECT l2_within(NULL, '[1]', 1) AS row_null, l2_within('[1]', NULL, 1) AS query_null, l2_within('[1]', '[1]', NULL) AS radius_null;
-- The operators, which an index knows
SELECT '[0,0]'::vector <->@ '<[3,4],5>' AS l2, '[1,2]'::vector <#>@ '<[3,4],-11>' AS ip,
	'[1,0]'::vector <=>@ '<[0,1],1>' AS cosine, '[0,0]'::vector <+>@ '<[3,4],7>' AS l1,
	'[0,0]'::vector <->@ '<[3,4],4.999>' AS l2_not, '[1,2]'::vector <#>@ '<[3,4],-11.001>' AS ip_not,
	'[1,0]'::vector <=>@ '<[0,1],0.999>' AS cosine_not, '[0,0]'::vector <+>@ '<[3,4],6.999>' AS l1_not;

-- Errors
CREATE FUNCTION pg_temp.outcome(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	value text;
BEGIN
	EXECUTE query INTO value;
	RETURN value;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
SELECT pg_temp.outcome(format('SELECT %s_within(''[1,2]'', ''[1]'', 1)', metric)) AS function,
	pg_temp.outcome(format('SELECT ''[1,2]''::vector %s ''<[1],1>''', operator)) AS operator
FROM (VALUES ('l2', '<->@'), ('ip', '<#>@'), ('cosine', '<=>@'), ('l1', '<+>@')) t(metric, operator);

-- With the table read and with each index, one at a time
CREATE TABLE flat_within (id int, v vector(8));
INSERT INTO flat_within
	SELECT i, (SELECT array_agg((sin(i % 13 * j) + cos(i * j) / 5)::real ORDER BY j) FROM generate_series(1, 8) j)::vector
	FROM generate_series(1, 1000) i;
INSERT INTO flat_within SELECT 1000 + i, v FROM flat_within, generate_series(1, 20) i WHERE id = 3;
INSERT INTO flat_within SELECT 2000 + i, NULL FROM generate_series(1, 5) i;
INSERT INTO flat_within SELECT 3000 + i, array_fill(0::real, ARRAY[8])::vector FROM generate_series(1, 5) i;
INSERT INTO flat_within SELECT 4000 + i, array_fill(('1e' || 10 * i)::real, ARRAY[8])::vector FROM generate_series(-4, 3) i;

-- Radii: around the distances that rows have, and the ends of float8
CREATE TABLE flat_radius (metric text, q vector(8), r float8);
INSERT INTO flat_radius
	SELECT metric, q, r
	FROM (VALUES ('l2'), ('ip'), ('cosine'), ('l1')) m(metric),
		(SELECT v FROM flat_within WHERE id IN (3, 500, 3001, 4003)
		 UNION ALL SELECT array_fill(0.3::real, ARRAY[8])::vector) q(q),
		LATERAL (SELECT unnest(percentile_disc(ARRAY[0, 0.01, 0.3, 1]) WITHIN GROUP (ORDER BY d)) FROM (
			SELECT CASE metric WHEN 'l2' THEN v <-> q WHEN 'ip' THEN v <#> q WHEN 'cosine' THEN v <=> q ELSE v <+> q END AS d
			FROM flat_within) d WHERE d < 'Infinity'
			UNION ALL SELECT unnest('{0,-1,1e-300,1e300,-1e300,Infinity,-Infinity,NaN}'::float8[])) r(r);
SELECT metric, count(*) FROM flat_radius GROUP BY 1 ORDER BY 1;

-- Comparisons are seen through, too, but for NaN: it is above all distances, and no ball is as large.
CREATE FUNCTION pg_temp.compare(condition text, q vector, r float8) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	statement text := 'SELECT id FROM flat_within WHERE ' || format(condition, q, r);
	line text;
	plan text := '';
	truth int[];
	by_index int[];
	by_bitmap int[];
BEGIN
	SET LOCAL enable_indexscan = off;
	SET LOCAL enable_bitmapscan = off;
	EXECUTE format('SELECT array_agg(id ORDER BY id) FROM (%s) s', statement) INTO truth;
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_indexscan = on;
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
		plan := plan || line;
	END LOOP;
	EXECUTE format('SELECT array_agg(id ORDER BY id) FROM (%s) s', statement) INTO by_index;
	SET LOCAL enable_indexscan = off;
	SET LOCAL enable_bitmapscan = on;
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
		plan := plan || line;
	END LOOP;
	EXECUTE format('SELECT array_agg(id ORDER BY id) FROM (%s) s', statement) INTO by_bitmap;
	RESET enable_seqscan;
	RESET enable_indexscan;
	RETURN CASE
		WHEN r = 'NaN' AND condition !~ 'within|ANY' AND plan ~ 'Index Cond' THEN 'index: ' || plan
		WHEN plan !~ 'Index Cond.*Bitmap Index Scan' AND (r <> 'NaN' OR condition ~ 'within|ANY') THEN 'no index: ' || plan
		WHEN by_index IS DISTINCT FROM truth THEN 'other rows by index scan'
		WHEN by_bitmap IS DISTINCT FROM truth THEN 'other rows by bitmap scan'
		ELSE 'same' END;
END
$$;
CREATE TABLE flat_result (condition text, quantizer text, result text);
DO $$
DECLARE
	metric_name text;
	operator text;
	quantizer_name text;
BEGIN
	FOR metric_name, operator IN VALUES ('l2', '<->'), ('ip', '<#>'), ('cosine', '<=>'), ('l1', '<+>') LOOP
		FOREACH quantizer_name IN ARRAY ARRAY['sq8', 'none'] LOOP
			EXECUTE format('CREATE INDEX flat_within_i ON flat_within USING flat (v vector_%s_ops) WITH (quantizer = %s)',
				metric_name, quantizer_name);
			INSERT INTO flat_result SELECT condition, quantizer_name, pg_temp.compare(condition, q, r)
				FROM flat_radius, unnest(ARRAY[
					metric_name || '_within(v, %L, %L)', 'v ' || operator || ' %L < %L', '%2$L >= %1$L ' || operator || ' v',
					'v ' || operator || '@ ANY (ARRAY[vector_ball(%L, %L), NULL, ''<[-1,-1,-1,-1,-1,-1,-1,-1],1.5>''])']) condition
				WHERE metric = metric_name;
			DROP INDEX flat_within_i;
		END LOOP;
	END LOOP;
END
$$;
SELECT condition, quantizer, result, count(*) FROM flat_result GROUP BY 1, 2, 3 ORDER BY condition COLLATE "C", 2, 3;
DROP TABLE flat_result, flat_radius;

CREATE FUNCTION pg_temp.plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	lines text[];
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		lines := lines || line;
	END LOOP;
	RETURN array_to_string(lines, E'\n');
END
$$;

-- With an order: by the same vector, by another one; two balls; other conditions
CREATE INDEX flat_within_i ON flat_within USING flat (v vector_l2_ops);
ANALYZE flat_within;
\set near '[0.3,0.3,0.3,0.3,0.3,0.3,0.3,0.3]'
\set far '[-1,-1,-1,-1,-1,-1,-1,-1]'
SELECT count(*), max(v <-> :'near') <= 1.9 AS within FROM flat_within WHERE l2_within(v, :'near', 1.9);
SET enable_seqscan = off;
SET enable_sort = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM flat_within WHERE l2_within(v, :'near', 1.9) ORDER BY v <-> :'far' LIMIT 5;
SELECT count(*), bool_and(l2_within(v, :'near', 1.9)) FROM (
	SELECT v FROM flat_within WHERE l2_within(v, :'near', 1.9) ORDER BY v <-> :'near' LIMIT 10000) s;
SELECT array_agg(id) FROM (SELECT id FROM flat_within WHERE l2_within(v, :'near', 1.9) ORDER BY v <-> :'far' LIMIT 5) s;
EXPLAIN (COSTS OFF) SELECT id FROM flat_within WHERE l2_within(v, :'near', 1.9) AND l2_within(v, :'far', 3.2);
SELECT count(*) FROM flat_within WHERE l2_within(v, :'near', 1.9) AND l2_within(v, :'far', 3.2);
SELECT count(*) FROM flat_within WHERE l2_within(v, :'near', 1.9) AND l2_within(v, :'far', 3.2) AND id % 2 = 0;
SELECT count(*) FROM flat_within WHERE l2_within(v, :'near', 1.9) AND v IS NULL;
SELECT count(*) FROM flat_within WHERE l2_within(v, :'near', 1.9) AND v IS NOT NULL;
SELECT count(*) FROM flat_within WHERE l2_within(v, :'near', 1.9) OR l2_within(v, :'far', 3.2);
-- 18 writes conditions that are joined by OR as any of several balls.
SELECT count(*) FROM flat_within WHERE v <->@ ANY (ARRAY[vector_ball(:'near', 1.9), NULL, vector_ball(:'far', 3.2), vector_ball(:'far', 'NaN')]);
SELECT count(*) FROM flat_within WHERE v <->@ ANY ('{NULL,"<[1,1,1,1,1,1,1,1],NaN>"}'::vector_ball[]);
SELECT count(*) FROM flat_within WHERE v <->@ ANY (ARRAY[vector_ball(:'near', 1.9), vector_ball(:'far', 3.2)]) AND v <->@ vector_ball(:'near', 1.9);
SELECT array_agg(id) FROM (SELECT id FROM flat_within WHERE v <->@ ANY (ARRAY[vector_ball(:'near', 1.9), vector_ball(:'far', 3.2)])
	ORDER BY v <-> :'far' LIMIT 5) s;
-- Codes tell which rows may be within one: no others are read from the table.
CREATE TABLE flat_within_any AS SELECT * FROM flat_within WHERE id <= 1000;
CREATE INDEX ON flat_within_any USING flat (v vector_l2_ops);
SELECT count(*) FROM flat_within_any WHERE v <->@ vector_ball(:'near', 1.5) OR v <->@ vector_ball(:'far', 2.5);
SELECT count(*) FROM flat_within_any WHERE v <->@ ANY (ARRAY[vector_ball(:'near', 1.5), vector_ball(:'far', 2.5)]);
SELECT passes, rows < 200 AS few_rows FROM vecext_last_scan;
DROP TABLE flat_within_any;
RESET enable_bitmapscan;
RESET enable_sort;
SELECT pg_temp.plan_of(format('SELECT count(*) FROM flat_within WHERE l2_within(v, %L, 1.9) OR l2_within(v, %L, 3.2)', :'near', :'far'))
	~ 'BitmapOr' AS bitmap_or;
SELECT count(*) FROM flat_within WHERE l2_within(v, :'near', 1.9) OR l2_within(v, :'far', 3.2);
RESET enable_seqscan;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SELECT array_agg(id) FROM (SELECT id FROM flat_within WHERE l2_within(v, :'near', 1.9) ORDER BY v <-> :'far' LIMIT 5) s;
SELECT count(*) FROM flat_within WHERE l2_within(v, :'near', 1.9) AND l2_within(v, :'far', 3.2);
SELECT count(*) FROM flat_within WHERE l2_within(v, :'near', 1.9) AND l2_within(v, :'far', 3.2) AND id % 2 = 0;
SELECT count(*) FROM flat_within WHERE l2_within(v, :'near', 1.9) OR l2_within(v, :'far', 3.2);
SELECT array_agg(id) FROM (SELECT id FROM flat_within WHERE v <->@ ANY (ARRAY[vector_ball(:'near', 1.9), vector_ball(:'far', 3.2)])
	ORDER BY v <-> :'far' LIMIT 5) s;
RESET enable_indexscan;
RESET enable_bitmapscan;

-- Arguments that are known only when the query runs
SET enable_seqscan = off;
SET plan_cache_mode = force_generic_plan;
PREPARE flat_within_count(vector, float8) AS SELECT count(*) FROM flat_within WHERE l2_within(v, $1, $2);
EXECUTE flat_within_count(:'near', 1.9);
EXECUTE flat_within_count(NULL, 2.5);
EXECUTE flat_within_count(:'near', NULL);
EXECUTE flat_within_count(:'near', 'NaN');
EXECUTE flat_within_count(:'near', 'Infinity');
DEALLOCATE flat_within_count;
RESET plan_cache_mode;
-- So are those of a comparison, when it is planned; plans that are made for all values do without the condition.
PREPARE flat_within_less(vector, float8) AS SELECT count(*) FROM flat_within WHERE v <-> $1 < $2;
SET plan_cache_mode = force_custom_plan;
SELECT pg_temp.plan_of(format('EXECUTE flat_within_less(%L, 1.9)', :'near')) ~ 'Index Cond: \(v <->@ vector_ball' AS by_index,
	pg_temp.plan_of(format('EXECUTE flat_within_less(%L, ''NaN'')', :'near')) ~ 'Index Cond' AS nan_by_index;
EXECUTE flat_within_less(:'near', 1.9);
EXECUTE flat_within_less(NULL, 1.9);
EXECUTE flat_within_less(:'near', NULL);
EXECUTE flat_within_less(:'near', 'NaN');
EXECUTE flat_within_less(:'near', 'Infinity');
EXECUTE flat_within_less(:'near', -1);
SET plan_cache_mode = force_generic_plan;
SELECT pg_temp.plan_of(format('EXECUTE flat_within_less(%L, 1.9)', :'near')) ~ 'Index Cond' AS by_index;
EXECUTE flat_within_less(:'near', 1.9);
EXECUTE flat_within_less(:'near', 'NaN');
EXECUTE flat_within_less(:'near', 'Infinity');
DEALLOCATE flat_within_less;
RESET plan_cache_mode;
-- With an order, with another condition of the index, of the table
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM flat_within WHERE v <-> :'near' < 1.9 AND 3.2 >= v <-> :'far' AND v IS NOT NULL AND id % 2 = 0
ORDER BY v <-> :'near' LIMIT 5;
SELECT array_agg(id) FROM (SELECT id FROM flat_within WHERE v <-> :'near' < 1.9 AND 3.2 >= v <-> :'far' AND v IS NOT NULL AND id % 2 = 0
	ORDER BY v <-> :'near' LIMIT 5) s;
RESET enable_bitmapscan;
-- Not the index's distance, not its column, not a bound from above, nothing that is known before the scan
SELECT condition, pg_temp.plan_of('SELECT id FROM flat_within a WHERE ' || condition) ~ 'Index Cond' AS by_index
FROM unnest(ARRAY['v <-> %L <= 1', '1 > v <-> %L', 'v <+> %L < 1', 'subvector(v, 1, 8) <-> %L < 1', 'v <-> %L > 1', '1 < v <-> %L', '(v <-> %L) * 2 < 1', 'v <-> %L = 1',
	'v <-> v < 1', '(SELECT 1.9::float8) > v <-> %L', 'v <-> %L < 1 OR id = 1', 'NOT v <-> %L >= 1']) AS t(condition_format),
	format(condition_format, :'near') AS condition;
-- The pairs of a join: for each row of the one table a scan of the other's index
SELECT pg_temp.plan_of('SELECT a.id, b.id FROM flat_within a JOIN flat_within b ON l2_within(b.v, a.v, 0.05) WHERE a.id BETWEEN 1 AND 4')
	~ 'Index Cond: \(v <->@ vector_ball\(a.v, ''0.05''::double precision\)\)' AS by_index;
SELECT a.id, count(b.id) FROM flat_within a JOIN flat_within b ON l2_within(b.v, a.v, 0.05)
WHERE a.id BETWEEN 1 AND 4 GROUP BY a.id ORDER BY a.id;

-- The rewriting finds its functions whatever the search path.
SET search_path = pg_catalog;
EXPLAIN (COSTS OFF) SELECT id FROM public.flat_within WHERE public.l2_within(v, public.array_to_vector('{1,1,1,1,1,1,1,1}'::real[], 8, true), 0.1);
EXPLAIN (COSTS OFF) SELECT id FROM public.flat_within
WHERE v OPERATOR(public.<->) public.array_to_vector('{1,1,1,1,1,1,1,1}'::real[], 8, true) < 0.1;
RESET search_path;

-- Partitions have indexes of their own.
CREATE TABLE flat_within_parted (id int, v vector(8)) PARTITION BY RANGE (id);
CREATE TABLE flat_within_part PARTITION OF flat_within_parted FOR VALUES FROM (1) TO (500);
CREATE TABLE flat_within_rest PARTITION OF flat_within_parted DEFAULT;
INSERT INTO flat_within_parted SELECT * FROM flat_within;
CREATE INDEX ON flat_within_parted USING flat (v vector_l2_ops);
ANALYZE flat_within_parted;
EXPLAIN (COSTS OFF) SELECT id FROM flat_within_parted WHERE v <-> :'near' < 1.9;
SELECT count(*) FROM flat_within_parted WHERE v <-> :'near' < 1.9;
DROP TABLE flat_within_parted;

-- A graph answers such conditions by its codes.
DROP INDEX flat_within_i;
CREATE INDEX flat_within_i ON flat_within USING hnsw (v vector_l2_ops);
EXPLAIN (COSTS OFF) SELECT id FROM flat_within WHERE v <-> :'near' < 1.9;
SELECT count(*) FROM flat_within WHERE v <-> :'near' < 1.9;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM flat_within WHERE v <-> :'near' < 1.9 ORDER BY v <-> :'far' LIMIT 5;
SELECT count(*) FROM (SELECT id FROM flat_within WHERE v <-> :'near' < 1.9 ORDER BY v <-> :'far' LIMIT 1000) s;
RESET enable_bitmapscan;

-- A sample of several lengths: estimates do not stop at vectors that another condition, or an update, has left behind
CREATE TABLE flat_within_lengths (id int, v vector);
INSERT INTO flat_within_lengths SELECT i, CASE WHEN i % 2 = 0 THEN ARRAY[i, 1] ELSE ARRAY[i, 2, 3] END::vector FROM generate_series(1, 300) i;
INSERT INTO flat_within_lengths SELECT 300 + i, CASE WHEN i % 2 = 0 THEN '[5,5]' ELSE '[5,5,5]' END::vector FROM generate_series(1, 40) i;
ANALYZE flat_within_lengths;
SELECT count(*) FROM flat_within_lengths WHERE vector_dims(v) = 2 AND l2_within(v, '[10,1]', 3);
SELECT count(*) FROM flat_within_lengths WHERE vector_dims(v) = 3 AND v <->@ ANY (ARRAY[vector_ball('[11,2,3]', 3), NULL]);
UPDATE flat_within_lengths SET v = subvector(v, 1, 2);
SELECT count(*) FROM flat_within_lengths WHERE l2_within(v, '[10,1]', 2.5);
SELECT count(*) FROM flat_within_lengths WHERE l2_within(v, '[10,1,1]', 2.5);
DROP TABLE flat_within_lengths;

-- Where conditions of a policy come first, and may not be told of others
CREATE ROLE regress_flat_within;
GRANT SELECT ON flat_within TO regress_flat_within;
ALTER TABLE flat_within ENABLE ROW LEVEL SECURITY;
CREATE POLICY flat_within_policy ON flat_within USING (id % 2 = 0);
SELECT role, set_config('role', role, false) IS NOT NULL AS set,
	pg_temp.plan_of(format('SELECT id FROM flat_within WHERE v <-> %L < 1.9', :'near')) ~ 'Index Cond' AS by_index
FROM unnest(ARRAY['none', 'regress_flat_within']) role;
RESET ROLE;
RESET enable_seqscan;
DROP TABLE flat_within;
DROP ROLE regress_flat_within;
