# Searches that walk along the graph: tables are large enough that a pass over
# all codes is not the cheaper way.  Rows come in exact order within a batch,
# late ones at the borders between batches, none of them in strict order, and
# every row comes once.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dims = 16;
my $rows = size(20000, 300000);
my $node = new_server('hnsw_order', q{
shared_buffers = 256MB
maintenance_work_mem = 512MB
max_wal_size = 4GB
work_mem = 32MB
});
install_functions($node);
install_walk_functions($node);

# Mostly noise, some clusters, and of every hundred of these copies, zero
# vectors, NULLs.
$node->safe_psql('postgres', qq{
	CREATE TABLE t (id int, v vector($dims), w int DEFAULT 0);
	SELECT flattest.fill_cloud('t', 1, $rows, $dims, 0.1);
	SELECT flattest.fill('t', $rows + 1, $rows / 10, $dims, 20, 0.2);
	UPDATE t SET w = id % 1000;
	VACUUM ANALYZE t;
	CREATE INDEX t_l2 ON t USING hnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 40);
	CREATE INDEX t_cosine ON t USING hnsw (v vector_cosine_ops) WITH (m = 8, ef_construction = 40, rerank = index);
	CREATE INDEX t_ip ON t USING hnsw (v vector_ip_ops) WITH (m = 8, ef_construction = 40, quantizer = 'none');
	CREATE INDEX t_l1 ON t USING hnsw (v vector_l1_ops) WITH (m = 8, ef_construction = 40, rerank = index)});
my $all = $node->safe_psql('postgres', 'SELECT count(*) FROM t');
my @metrics = ('<->', '<=>', '<#>', '<+>');

# A query among the rows, one away from them, one on a row
my $queries = "unnest(ARRAY[flattest.nth_vector(3, $dims) * array_fill(0.5::float4, ARRAY[$dims])::vector,
	flattest.nth_vector(2, $dims), (SELECT v FROM t WHERE id = 77)]) q";

# ---- Order, in every metric, with LIMITs on both sides of ef ----

for my $order ('off', 'relaxed_order', 'strict_order')
{
	complaints($node, "hnsw.iterative_scan = $order: rows come as they may", "SET hnsw.ef_search = 10",
		"SET hnsw.iterative_scan = $order", map { qq{
		SELECT concat_ws(' ', '$_', lim, hide, c)
		FROM (VALUES (1, true), (10, true), (11, true), (100, true), (1000, true), (10, false), (100, false)) l(lim, hide), $queries,
			LATERAL flattest.compare_walk('t', '$_', q, lim, 'true', hide) c WHERE c IS NOT NULL} } @metrics);
	complaints($node, "hnsw.iterative_scan = $order: all rows", "SET hnsw.ef_search = 10",
		"SET hnsw.iterative_scan = $order", map { qq{
		SELECT concat_ws(' ', '$_', c) FROM (SELECT * FROM $queries LIMIT 2) s(q), LATERAL flattest.compare_walk('t', '$_', q, NULL) c
		WHERE c IS NOT NULL} } @metrics);
}

# How wide the calibration has made searches: by inner product, among so much noise,
# so wide that the scan passes over all codes instead.
if (is_long())
{
	complaints($node, 'by hnsw.target_recall', map { qq{
		SELECT concat_ws(' ', '$_', lim, c) FROM unnest('{1,10}'::int[]) lim, $queries,
			LATERAL flattest.compare_walk('t', '$_', q, lim) c WHERE c IS NOT NULL} } '<->', '<=>', '<+>');
	cmp_ok($node->safe_psql('postgres', q{SELECT ef_90 FROM hnsw_index_info('t_ip')}), '>', 1280, '... by inner product very wide');
	complaints($node, '... so that it passes over all rows', qq{
		SELECT c FROM $queries, LATERAL flattest.compare_order('t', '<#>', q, '{1,10}') c WHERE c IS NOT NULL});
}

# Some searches do find rows late: else the above has shown nothing.
my $use_index = 'SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off';
my $late = $node->safe_psql('postgres', qq{
	$use_index; SET hnsw.ef_search = 4;
	CREATE FUNCTION pg_temp.late_rows(OUT late bigint) LANGUAGE plpgsql AS \$\$
	BEGIN
		late := 0;
		FOR n IN 1 .. 20 LOOP
			PERFORM FROM (SELECT id, generate_series(1, 1) FROM t
				ORDER BY v <-> (flattest.nth_vector(n, $dims) * array_fill(0.4::float4, ARRAY[$dims])::vector) LIMIT 60) s;
			late := late + (flattest.last_scan()).late_rows;
		END LOOP;
	END \$\$;
	SELECT pg_temp.late_rows()});
cmp_ok($late, '>', 0, "rows are found late ($late)");

# A first batch as wide as the LIMIT: the nearest come at once.
for my $recall ([ 10, 200, .9 ], [ 1000, 200, .9 ])
{
	my ($k, $ef, $least) = @$recall;
	my $is = $node->safe_psql('postgres', "SET hnsw.ef_search = $ef; SELECT flattest.recall('t', '<->', $k, 10, $dims)");
	cmp_ok($is, '>=', $least, "$k nearest with hnsw.ef_search = $ef: recall $is");
}

# ---- A condition that the index knows nothing of ----

my $id = $rows / 2 + 1;
is($node->safe_psql('postgres', qq{
	$use_index; SET hnsw.ef_search = 10;
	SELECT id FROM t WHERE id = $id ORDER BY v <-> flattest.nth_vector(1, $dims) LIMIT 10}), $id,
	'a condition that one row of all passes finds it');
complaints($node, 'conditions of the executor', 'SET hnsw.ef_search = 10', map { qq{
	SELECT c FROM flattest.compare_walk('t', '<->', flattest.nth_vector(3, $dims), 20, '$_') c WHERE c IS NOT NULL} }
	('w = 3', 'w % 10 = 3', 'v IS NOT NULL AND id % 2 = 0'));
for my $ball ([ '<->', 'l2_within', 3, '{0.3,0.9,1.2,1e300}' ], [ '<=>', 'cosine_within', 3, '{0.2,0.6,1}' ],
	[ '<#>', 'ip_within', 5, '{-2,-1,0}' ], [ '<+>', 'l1_within', 3, '{3,4,5}' ])
{
	my ($op, $within, $n, $radii) = @$ball;
	complaints($node, "$within with an order, and without", 'SET hnsw.ef_search = 10', qq{
		SELECT r, lim, c FROM unnest('$radii'::float8[]) r, unnest('{5,300,NULL}'::int[]) lim, (SELECT flattest.nth_vector($n, $dims) * array_fill(0.5::float4, ARRAY[$dims])::vector) s(q),
			LATERAL flattest.compare_walk('t', '$op', q, lim, format('$within(v, %L, %L)', q, r)) c WHERE c IS NOT NULL}, qq{
		SELECT r, c FROM unnest('$radii'::float8[]) r, LATERAL flattest.compare_walk('t', '$op', flattest.nth_vector(2, $dims), NULL,
			format('$within(v, flattest.nth_vector(%s, %s) * array_fill(0.5::float4, ARRAY[%s])::vector, %s)', $n, $dims, $dims, r)) c WHERE c IS NOT NULL}, qq{
		SELECT r, c FROM unnest('$radii'::float8[]) r, LATERAL flattest.compare_condition('t',
			format('$within(v, flattest.nth_vector(%s, %s) * array_fill(0.5::float4, ARRAY[%s])::vector, %s)', $n, $dims, $dims, r)) c WHERE c IS NOT NULL});
	my $some = $node->safe_psql('postgres', qq{SELECT string_agg((SELECT count(*) FROM t
		WHERE $within(v, flattest.nth_vector($n, $dims) * array_fill(0.5::float4, ARRAY[$dims])::vector, r))::text, ' ' ORDER BY n)
		FROM unnest('$radii'::float8[]) WITH ORDINALITY u(r, n)});
	like($some, is_long() ? qr/^\d{1,4} .*\d{5}$/ : qr/^\d{1,3} .*\d{4}$/, "$within: few rows and many ($some)");
}
is($node->safe_psql('postgres', qq{
	$use_index; SET hnsw.ef_search = 10;
	SELECT count(*) FROM (SELECT FROM t WHERE id < 0 ORDER BY v <-> flattest.nth_vector(1, $dims) LIMIT 10) s}), 0,
	'... that no row passes');
{
	my ($code, $out, $err) = try_sql($node, qq{
		$use_index; SET statement_timeout = '30ms';
		SELECT count(*) FROM (SELECT FROM t WHERE pg_sleep(0.0001)::text IS NULL ORDER BY v <-> flattest.nth_vector(1, $dims) LIMIT 10) s});
	like($err, qr/canceling statement due to statement timeout/, '... within a time limit');
}

# ---- Cursors ----

my $ordered = "SELECT id, v <-> flattest.nth_vector(5, $dims) AS d FROM t ORDER BY v <-> flattest.nth_vector(5, $dims)";
my $fetched = q{
	CREATE TEMP TABLE fetched (id int, d float8);
	CREATE FUNCTION pg_temp.fetch_all(c refcursor, portion int, OUT fetches int) LANGUAGE plpgsql AS $$
	DECLARE
		row record;
		n int;
	BEGIN
		fetches := 0;
		LOOP
			n := 0;
			FOR row IN EXECUTE format('FETCH %s FROM %I', portion, c) LOOP
				INSERT INTO fetched VALUES (row.id, row.d);
				n := n + 1;
			END LOOP;
			EXIT WHEN n = 0;
			fetches := fetches + 1;
		END LOOP;
	END $$;};
my $once = 'SELECT count(*), count(DISTINCT id) FROM fetched';

is($node->safe_psql('postgres', qq{
	$use_index; SET hnsw.ef_search = 10;
	$fetched
	BEGIN; DECLARE c CURSOR FOR $ordered;
	DO \$\$ BEGIN PERFORM pg_temp.fetch_all('c', 777); END \$\$;
	$once; COMMIT}), "$all|$all", 'a cursor gives every row once, in portions');

# Not to be seen: what its own transaction adds and removes; vacuum meanwhile,
# from another session, frees what is dead to everybody.
{
	my $removed = $node->safe_psql('postgres', qq{
		WITH gone AS (DELETE FROM t WHERE id % 50 = 7 RETURNING id) SELECT count(*) FROM gone});
	$all -= $removed;
	my $reader = $node->background_psql('postgres');
	$reader->query_safe($_) for ("$use_index", 'SET hnsw.ef_search = 10', $fetched, 'BEGIN', "DECLARE c CURSOR FOR $ordered",
		q{INSERT INTO fetched SELECT 0, 0 WHERE false}, 'MOVE 0 FROM c');
	$reader->query_safe(q{DO $$ DECLARE row record; BEGIN FOR row IN EXECUTE 'FETCH 100 FROM c' LOOP
		INSERT INTO fetched VALUES (row.id, row.d); END LOOP; END $$});
	$reader->query_safe("INSERT INTO t (id, v) SELECT -g, v FROM t, generate_series(1, 3) g WHERE t.id BETWEEN 100 AND 400");
	$reader->query_safe('SAVEPOINT s; DELETE FROM t WHERE id % 3 = 0; ROLLBACK TO s; DELETE FROM t WHERE id % 10 = 0');
	$node->safe_psql('postgres', 'VACUUM t');
	$node->safe_psql('postgres', "INSERT INTO t (id, v) SELECT 900000 + g, flattest.nth_vector(g % 50, $dims) FROM generate_series(1, 500) g");
	$reader->query_safe(q{DO $$ BEGIN PERFORM pg_temp.fetch_all('c', 5000); END $$});
	is($reader->query_safe($once), "$all|$all", 'a cursor across own changes, and across a vacuum and inserts of others');
	$reader->query_safe('ROLLBACK');
	$reader->quit;
	$node->safe_psql('postgres', 'DELETE FROM t WHERE id > 900000; VACUUM t');
}
is($node->safe_psql('postgres', qq{
	$use_index; SET hnsw.ef_search = 10;
	$fetched
	BEGIN; DECLARE c CURSOR WITH HOLD FOR $ordered; COMMIT;
	DELETE FROM t WHERE id = 1;
	DO \$\$ BEGIN PERFORM pg_temp.fetch_all('c', 100000); END \$\$;
	$once}), "$all|$all", 'WITH HOLD');
$all--;
is($node->safe_psql('postgres', qq{
	$use_index; SET hnsw.ef_search = 10;
	BEGIN; DECLARE c SCROLL CURSOR FOR $ordered;
	MOVE FORWARD 500 FROM c;
	MOVE BACKWARD ALL FROM c;
	$fetched
	DO \$\$ BEGIN PERFORM pg_temp.fetch_all('c', 900); END \$\$;
	$once; COMMIT}), "$all|$all", 'there and back again');

# ---- Rescans ----

# One scan for all outer rows, or one for each: the same nearest rows.
my $near = sub {
	my ($how) = @_;
	return $node->safe_psql('postgres', qq{
		$use_index; SET hnsw.ef_search = 20; SET enable_memoize = off;
		SELECT md5(string_agg(n || ':' || d, ',' ORDER BY n, d)) FROM ($how) s});
};
my $points = "(SELECT n, flattest.nth_vector(n, $dims) * array_fill(0.5::float4, ARRAY[$dims])::vector AS q, 1 + n % 30 AS k FROM generate_series(1, 40) n)";
$node->safe_psql('postgres', qq{
	CREATE FUNCTION near_one(q vector, k int) RETURNS SETOF float8 LANGUAGE plpgsql STABLE AS
		'BEGIN RETURN QUERY SELECT v <-> q FROM t ORDER BY v <-> q LIMIT k; END'});
my $alone = $near->("SELECT n, d FROM $points p, LATERAL near_one(q, k) d");
is($near->("SELECT n, d FROM $points p, LATERAL (SELECT v <-> q AS d FROM t ORDER BY v <-> q LIMIT k) s"), $alone,
	'LATERAL finds what single searches find');
is($node->safe_psql('postgres', qq{
	$use_index; SET hnsw.ef_search = 10; SET enable_memoize = off; SET enable_material = off;
	SELECT count(*) FROM generate_series(1, 5) n LEFT JOIN LATERAL
		(SELECT id FROM t ORDER BY v <-> CASE WHEN n = 3 THEN NULL ELSE flattest.nth_vector(n, $dims) END LIMIT 2000) s ON true}), 10000,
	'... with a NULL among the queries');

# ---- Prepared statements, functions, subtransactions ----

is($near->(q{SELECT n, d FROM } . $points . q{ p, LATERAL near_one(q, k) d}), $alone, 'a generic plan in a function');
{
	my $direct = $node->safe_psql('postgres', qq{$use_index; SET hnsw.ef_search = 30;
		SELECT array_agg(id) FROM (SELECT id FROM t ORDER BY v <-> flattest.nth_vector(9, $dims) LIMIT 25) s});
	for my $mode ('force_generic_plan', 'force_custom_plan')
	{
		is($node->safe_psql('postgres', qq{$use_index; SET hnsw.ef_search = 30; SET plan_cache_mode = $mode;
			PREPARE near(vector, int) AS SELECT array_agg(id) FROM (SELECT id FROM t ORDER BY v <-> \$1 LIMIT \$2) s;
			EXECUTE near(flattest.nth_vector(9, $dims), 25)}), $direct, "prepared, $mode");
	}
}

# An error in a search, caught by a subtransaction, leaves nothing behind.
is($node->safe_psql('postgres', qq{
	$use_index; SET hnsw.ef_search = 10;
	CREATE FUNCTION pg_temp.stumble(n int) RETURNS int LANGUAGE plpgsql AS \$\$
	DECLARE
		found int := 0;
	BEGIN
		FOR i IN 1 .. n LOOP
			BEGIN
				PERFORM 1 / (CASE WHEN count(*) OVER () > 0 AND i % 2 = 0 THEN 0 ELSE 1 END)
				FROM (SELECT id FROM t ORDER BY v <-> flattest.nth_vector(i, $dims) LIMIT 10) s;
				found := found + 1;
			EXCEPTION WHEN division_by_zero THEN NULL;
			END;
			BEGIN
				PERFORM 1 / (id - id) FROM t ORDER BY v <-> flattest.nth_vector(i, $dims) LIMIT 10;
			EXCEPTION WHEN division_by_zero THEN NULL;
			END;
		END LOOP;
		RETURN found;
	END \$\$;
	SELECT pg_temp.stumble(300)}), 150, 'errors in searches, caught');

# Many scans open at the same time
is($node->safe_psql('postgres', qq{
	$use_index; SET hnsw.ef_search = 10;
	BEGIN;
	DO \$\$
	DECLARE
		c refcursor;
		all_of refcursor[] := '{}';
		one int;
		sum bigint := 0;
	BEGIN
		FOR i IN 1 .. 40 LOOP
			c := 'c' || i;
			OPEN c FOR SELECT id FROM t ORDER BY v <-> flattest.nth_vector(i, $dims);
			FETCH c INTO one;
			all_of := all_of || c;
		END LOOP;
		FOR i IN 1 .. 40 LOOP
			c := all_of[i];
			FOR n IN 2 .. 150 LOOP
				FETCH c INTO one;
				sum := sum + (one IS NOT NULL)::int;
			END LOOP;
		END LOOP;
		PERFORM set_config('flattest.sum', sum::text, true);
	END \$\$;
	SELECT current_setting('flattest.sum'); COMMIT}), 40 * 149, 'many cursors side by side');

# ---- Peeks at pages that are replaced meanwhile ----

# Where the executor is told a bound, or without codes a distance, it is not what a peek gave.
{
	my $use_index = 'SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off; SET hnsw.ef_search = 100';
	my $q = "flattest.nth_vector(5, $dims)";
	my $nearest = sub {
		my ($point, $order) = @_;

		return $node->safe_psql('postgres', qq{
			LOAD 'vecext'; $use_index;
			-- The session has to know the buffers.
			SELECT count(*) * 0 FROM (SELECT FROM t ORDER BY $order LIMIT 20) s;
			SET vecext.debug_point = '$point';
			SELECT string_agg(id::text, ' ') FROM (SELECT id FROM t ORDER BY $order LIMIT 20) s;
			SELECT walks, passes FROM vecext_last_scan});
	};

	for my $order ("v <#> $q", "v <#> $q, v <#> flattest.nth_vector(6, $dims)", "v <-> $q, v <-> flattest.nth_vector(6, $dims)")
	{
		my $plain = $nearest->('', $order);
		like($plain, qr/\n1\|0$/, "ORDER BY $order: one walk");
		is($nearest->('hnsw-peek-low', $order), $plain, '... and the same rows where peeks gave less');
		# The nearest may come late then, but never wrongly.
		like($nearest->('hnsw-peek-high', $order), qr/^0\n(\d+ ){19}\d+\n1\|0$/, '... and as many where they gave more');
	}
}

# ---- Partitions ----

# Each is large enough for its own walk.  With few rows that pass the answer is
# exact; with many it is a sort's but for what the walks miss.
{
	$node->safe_psql('postgres', q{
		SELECT setseed(0.6);
		CREATE TABLE p (id int, tenant int, v vector(8)) PARTITION BY HASH (id);
		CREATE TABLE p_0 PARTITION OF p FOR VALUES WITH (MODULUS 2, REMAINDER 0);
		CREATE TABLE p_1 PARTITION OF p FOR VALUES WITH (MODULUS 2, REMAINDER 1);
		INSERT INTO p SELECT g, random() * 999, (SELECT array_agg(random()::float4) FROM generate_series(g * 0 + 1, 8))::vector FROM generate_series(1, 36000) g;
		CREATE INDEX p_v ON p USING hnsw (v vector_l2_ops, tenant) WITH (m = 8, ef_construction = 24);
		VACUUM ANALYZE p;
		CREATE FUNCTION nearest_of_all(q vector, n int, exact bool, OUT hits int, OUT mode text, OUT wrong text) LANGUAGE plpgsql AS $$
		DECLARE
			query text := format('SELECT id, tenant, v <-> %1$L AS d FROM p WHERE tenant < %2$s ORDER BY v <-> %1$L LIMIT 10', q, n);
			answer_of text := 'SELECT array_agg(d), array_agg(id), count(*) FILTER (WHERE tenant >= %s) FROM (%s) s';
			plan text;
			truth float8[];
			distances float8[];
			ids int[];
			others int;
		BEGIN
			PERFORM flattest.use_heap();
			EXECUTE format(answer_of, n, query) INTO truth, ids, others;
			PERFORM flattest.use_index();
			plan := flattest.plan(query);
			EXECUTE format(answer_of, n, query) INTO distances, ids, others;
			mode := (flattest.last_scan()).mode;
			hits := (SELECT count(*) FROM unnest(distances) d WHERE d <= truth[10]);
			IF plan !~ 'Merge Append.*Index Scan using p_0.*Index Scan using p_1' OR plan ~ 'Sort(?! Key)' THEN
				wrong := 'another plan: ' || plan;
			ELSIF others > 0 OR cardinality(distances) <> 10 OR (SELECT count(DISTINCT id) FROM unnest(ids) id) <> 10 OR
				distances <> ARRAY(SELECT d FROM unnest(distances) d ORDER BY d) OR exact AND distances IS DISTINCT FROM truth THEN
				wrong := format('%s: %s, not %s', ids, distances, truth);
			END IF;
		END $$});
	for my $case ([ 500, 'false', 'walk' ], [ 5, 'true', 'matches' ])
	{
		my ($below, $exact, $mode) = @$case;
		my ($modes, $hits, $wrong) = split /\|/, $node->safe_psql('postgres', qq{
			SELECT string_agg(DISTINCT mode, ' '), sum(hits), min(wrong)
			FROM generate_series(1, 40) n, LATERAL nearest_of_all((flattest.nth_vector(n, 8) + array_fill(1::float4, ARRAY[8])::vector) *
				array_fill(0.5::float4, ARRAY[8])::vector, $below, $exact) s});
		is($wrong // '', '', "partitions: tenant < $below");
		is($modes, $mode, '... the way it is meant');
		cmp_ok($hits, '>=', 0.95 * 400, "... $hits of the nearest 400");
	}
}

complaints($node, 'the indexes are sound', map { "SELECT * FROM hnsw_index_check('$_', heap => true)" } 't_l2', 't_cosine', 't_ip', 't_l1');
$node->stop;
check_log($node);
done_testing();
