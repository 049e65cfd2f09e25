# What a flat index answers besides plain nearest neighbours: thresholds, NULL
# conditions, counts, bitmaps, rescans, cursors, second sort keys, numbers at
# the ends of float4.  The truth is a sequential scan.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

my %metrics = (l2 => '<->', ip => '<#>', cosine => '<=>', l1 => '<+>');
my $node = new_server('conditions', q{
max_worker_processes = 8
max_parallel_workers = 8
shared_buffers = 32MB
});
install_functions($node);

my $rows = size(3000, 60000);
my $dims = 24;
for my $quantizer ('sq8', 'none')
{
	$node->safe_psql('postgres', qq{
		CREATE TABLE $quantizer (id int, v vector($dims), w int);
		CREATE INDEX ON $quantizer (id);
		SELECT flattest.fill('$quantizer', 1, $rows / 2, $dims, 15, 0.3);
		UPDATE $quantizer SET w = id % 7;
		VACUUM $quantizer});
	$node->safe_psql('postgres', qq{
		CREATE INDEX ${quantizer}_$_ ON $quantizer USING flat (v vector_${_}_ops)
			WITH (quantizer = '$quantizer')})
	  for sort keys %metrics;
	$node->safe_psql('postgres', qq{
		SELECT flattest.fill('$quantizer', $rows / 2 + 1, $rows / 2, $dims, 15, 0.4);
		UPDATE $quantizer SET w = id % 7 WHERE w IS NULL;
		VACUUM ANALYZE $quantizer});
}

# ---- Thresholds ----

# Radii: none, a few rows, exactly the distance of a row, half, all; and the
# numbers that a computation might trip over.
for my $table ('sq8', 'none')
{
	for my $metric (sort keys %metrics)
	{
		my $op = $metrics{$metric};
		my $radii = qq{
			CREATE TEMP TABLE radii AS
			SELECT q, r FROM (
				SELECT v AS q FROM $table WHERE id = 77
				UNION ALL SELECT flattest.zero_vector($dims)
				UNION ALL SELECT flattest.nth_vector(1, $dims)) queries,
				LATERAL (
					SELECT percentile_disc(ARRAY[0, 0.001, 0.01, 0.5, 0.99, 1])
						   WITHIN GROUP (ORDER BY v $op q) p
					FROM $table WHERE (v $op q) < 'Infinity') d,
				unnest(p || ARRAY[-1, 0, 1e-300, 1e300, -1e300, 'Infinity', '-Infinity']::float8[]) r};

		complaints($node, "$table: ${metric}_within alone, by scan, count and bitmap", qq{
			$radii;
			SELECT r, c FROM radii, flattest.compare_condition('$table',
				format('${metric}_within(v, %L, %L)', q, r)) c
			WHERE c IS NOT NULL LIMIT 3});
		complaints($node, "$table: comparisons of distances, alone and in parallel, with an order", qq{
			$radii;
			SELECT r, c FROM radii, flattest.compare_condition('$table', format('v $op %L < %L', q, r)) c
			WHERE c IS NOT NULL LIMIT 3;
			SET flattest.parallel = 2;
			SELECT r, c FROM (SELECT * FROM radii ORDER BY hashfloat8(r) LIMIT 6) few, flattest.compare_order('$table',
				'$op', q, '{10,NULL}', format('v $op %L <= %L AND w < 5', q, r)) c
			WHERE c IS NOT NULL LIMIT 3}) if $table eq 'sq8';
		complaints($node, "$table: ${metric}_within with its order", qq{
			$radii;
			SELECT r, c FROM radii, flattest.compare_order('$table', '$op', q, '{1,10,NULL}',
				format('${metric}_within(v, %L, %L)', q, r)) c
			WHERE c IS NOT NULL LIMIT 3});
		complaints($node, "$table: ${metric}_within around another vector than the order's", qq{
			$radii;
			SELECT r, c FROM radii, flattest.compare_order('$table', '$op',
				(SELECT v FROM $table WHERE id = 5), '{1,10,NULL}',
				format('${metric}_within(v, %L, %L) AND w < 5', q, r)) c
			WHERE c IS NOT NULL LIMIT 3});
		complaints($node, "$table: two balls that overlap, $metric", qq{
			$radii;
			SELECT r, c FROM radii, flattest.compare_condition('$table',
				format('${metric}_within(v, %L, %L) AND ${metric}_within(v, (SELECT v FROM $table WHERE id = 80), %L)',
					   q, r, r)) c
			WHERE c IS NOT NULL LIMIT 3});
		complaints($node, "$table: ${metric}_within in parallel", qq{
			SET flattest.parallel = 2;
			$radii;
			SELECT r, c FROM radii, flattest.compare_order('$table', '$op', q, '{10,NULL}',
				format('${metric}_within(v, %L, %L)', q, r)) c
			WHERE c IS NOT NULL LIMIT 3;
			SELECT r, c FROM radii, flattest.compare_condition('$table',
				format('${metric}_within(v, %L, %L)', q, r)) c
			WHERE c IS NOT NULL LIMIT 3});
	}
}

# Arguments that are NULL when the scan starts: no row, as without an index.
for my $arguments ('NULL::vector, 1', "flattest.zero_vector($dims), NULL::float8", 'NULL::vector, NULL::float8')
{
	is($node->safe_psql('postgres', qq{
		SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan;
		PREPARE p(vector, float8) AS SELECT count(*) FROM sq8 WHERE l2_within(v, \$1, \$2);
		EXECUTE p($arguments)}), '0', "l2_within(v, $arguments) is true of no row");
}

# NaN is no number to be within, whatever plan runs.
for my $plan ('enable_indexscan = off', 'enable_seqscan = off')
{
	my ($code, $out, $err) = try_sql($node, qq{
		SET enable_bitmapscan = off; SET $plan;
		SELECT count(*) FROM sq8 WHERE l2_within(v, flattest.zero_vector($dims), 'NaN')});
	is($out, '0', "$plan: a radius of NaN holds no row") or diag $err;
}

# Vectors of other dimensions are the same error with and without the index.
for my $query ("SELECT id FROM sq8 ORDER BY v <-> '[1,2]' LIMIT 1",
	"SELECT id FROM sq8 WHERE l2_within(v, '[1,2]', 1)")
{
	for my $plan ('enable_indexscan = off', 'enable_seqscan = off')
	{
		my ($code, $out, $err) = try_sql($node, "\\set VERBOSITY sqlstate\nSET enable_bitmapscan = off; SET $plan; $query");
		like($err, qr/ERROR:  22000/, "$plan: other dimensions are an error: $query");
	}
}

# ---- NULL conditions and counts ----

for my $table ('sq8', 'none')
{
	for my $condition ('v IS NULL', 'v IS NOT NULL', 'v IS NULL AND w = 3', 'v IS NOT NULL AND w = 3',
		"v IS NOT NULL AND l2_within(v, flattest.nth_vector(1, $dims), 3)")
	{
		complaints($node, "$table: $condition", qq{
			SELECT c FROM flattest.compare_condition('$table', '$condition') c WHERE c IS NOT NULL});
	}
	complaints($node, "$table: IS NULL and IS NOT NULL with an order", qq{
		SELECT c FROM flattest.compare_order('$table', '<->', flattest.nth_vector(1, $dims), '{10,NULL}', 'v IS NULL') c;
		SELECT c FROM flattest.compare_order('$table', '<->', flattest.nth_vector(1, $dims), '{10,NULL}', 'v IS NOT NULL') c;
		SELECT c FROM flattest.compare_order('$table', '<=>', flattest.zero_vector($dims), '{10,NULL}', 'v IS NOT NULL') c});

	for my $parallel (0, 2)
	{
		my $set = "SET enable_seqscan = off; SET enable_bitmapscan = off; SET parallel_setup_cost = 0;
			SET parallel_tuple_cost = 0; SET min_parallel_index_scan_size = 0;
			SET max_parallel_workers_per_gather = $parallel; DROP INDEX ${table}_id_idx";
		my ($plan, $counted) = split /^=+\n/m, $node->safe_psql('postgres', qq{
			BEGIN; $set;
			EXPLAIN (COSTS OFF) SELECT count(*) FROM $table;
			SELECT '====';
			SELECT count(*) FROM $table;
			ROLLBACK});
		like($plan, $parallel ? qr/Parallel Index Only Scan using ${table}_/ : qr/Index Only Scan using ${table}_/,
			"$table: count(*) of the whole table reads a flat index ($parallel workers)");
		is($counted, $rows, '... and counts rows with and without a vector');
	}
}

# A partial index without any column condition
$node->safe_psql('postgres', 'CREATE INDEX sq8_part ON sq8 USING flat (v vector_l2_ops) WHERE w = 2');
complaints($node, 'a partial index counts its rows', q{
	SELECT c FROM flattest.compare_condition('sq8', 'w = 2') c WHERE c IS NOT NULL});
$node->safe_psql('postgres', 'DROP INDEX sq8_part');

# An index-only count must not see rows that were deleted before its snapshot
# and vacuumed while it was under way.
{
	$node->safe_psql('postgres', q{
		CREATE TABLE vacuumed (v vector(3));
		INSERT INTO vacuumed SELECT flattest.nth_vector(i, 3) FROM generate_series(1, 300) i;
		CREATE INDEX ON vacuumed USING flat (v vector_l2_ops);
		VACUUM vacuumed;
		DELETE FROM vacuumed WHERE ctid >= '(0,11)'});
	my $reader = $node->background_psql('postgres');
	$reader->query_safe(q{
		SET enable_seqscan = off; SET enable_bitmapscan = off;
		BEGIN ISOLATION LEVEL REPEATABLE READ;
		DECLARE c CURSOR FOR SELECT 1 FROM vacuumed});
	like($reader->query_safe('EXPLAIN (COSTS OFF) SELECT 1 FROM vacuumed'), qr/Index Only Scan/,
		'the cursor is an index-only scan');
	my @rows = split /\n/, $reader->query_safe('FETCH 1 FROM c');
	$node->safe_psql('postgres', 'VACUUM (TRUNCATE off) vacuumed');
	push @rows, split /\n/, $reader->query_safe('FETCH ALL FROM c');
	is(scalar @rows, 10, 'an index-only scan returns no row that vacuum has removed meanwhile');
	$reader->query_safe('COMMIT');
	$reader->quit;
}

# ---- Rescans ----

for my $parallel (0, 2)
{
	my $compare = q{
		WITH truth AS MATERIALIZED (SELECT * FROM heap_answers), answers AS MATERIALIZED (SELECT * FROM index_answers)
		(SELECT 'missing', * FROM truth EXCEPT ALL SELECT 'missing', * FROM answers)
		UNION ALL (SELECT 'extra', * FROM answers EXCEPT ALL SELECT 'extra', * FROM truth) LIMIT 5};
	for my $table ('sq8', 'none')
	{
		# Parameters change between rescans, some are NULL; LIMIT ends scans early.
		my $nested = qq{
			SELECT o.id, n.d FROM (SELECT * FROM $table WHERE id % 97 = 3 OR v IS NULL AND id < 400) o,
			LATERAL (SELECT i.v <-> o.v AS d FROM $table i ORDER BY i.v <-> o.v LIMIT o.id % 5 * 100 + 1) n};
		my $within = qq{
			SELECT o.id, n.d FROM (SELECT * FROM $table WHERE id % 97 = 3 OR v IS NULL AND id < 400) o,
			LATERAL (SELECT i.id AS d FROM $table i WHERE l2_within(i.v, o.v, (o.id % 4)::float8)) n};
		for my $query ($nested, $within)
		{
			complaints($node, "$table: rescans with changing parameters, $parallel workers", qq{
				SET flattest.parallel = $parallel;
				BEGIN; SELECT flattest.use_heap();
				CREATE TEMP TABLE heap_answers AS $query;
				SELECT flattest.use_index(); SET LOCAL enable_sort = on;
				CREATE TEMP TABLE index_answers AS $query;
				SELECT 'not an index scan: ' || p FROM flattest.plan(\$q\$$query\$q\$) p WHERE p !~ 'Index Scan using ${table}_l2';
				COMMIT; $compare});
		}
	}
}

# Only of flat {
# Gather Merge below a nested loop starts again for every outer row.
my $gather = q{
	SELECT o.id, n.d FROM (SELECT id FROM sq8 WHERE id % 700 = 5) o,
	LATERAL (SELECT i.v <-> (SELECT v FROM sq8 WHERE id = 30) AS d FROM sq8 i
			 ORDER BY i.v <-> (SELECT v FROM sq8 WHERE id = 30) OFFSET o.id % 3 LIMIT 40) n};
complaints($node, 'rescans of a parallel scan', qq{
	SET flattest.parallel = 2;
	BEGIN; SELECT flattest.use_heap();
	CREATE TEMP TABLE heap_answers AS $gather;
	SELECT flattest.use_index(); SET LOCAL enable_material = off;
	CREATE TEMP TABLE index_answers AS $gather;
	SELECT 'no Gather Merge: ' || p FROM flattest.plan(\$q\$$gather\$q\$) p WHERE p !~ 'Gather Merge';
	COMMIT;
	(SELECT 'missing', * FROM heap_answers EXCEPT ALL SELECT 'missing', * FROM index_answers)
	UNION ALL (SELECT 'extra', * FROM index_answers EXCEPT ALL SELECT 'extra', * FROM heap_answers) LIMIT 5});

# SELECT INTO asks for one row or two, and so runs a parallel plan without what
# processes would share.
for my $table ('sq8', 'none')
{
	my @queries = ("FROM $table ORDER BY v <-> q LIMIT 1", "FROM $table ORDER BY v <-> q",
		"FROM $table WHERE w = 3 ORDER BY v <-> q LIMIT 1", "FROM $table WHERE l2_within(v, q, 2) ORDER BY v <-> q LIMIT 1");
	my $assign = join "\n", map { "SELECT v <-> q INTO x $_; distances := distances || x;" } @queries;
	complaints($node, "$table: SELECT INTO with a parallel plan", qq{
		CREATE FUNCTION pg_temp.first_rows(q vector, OUT distances float8[]) LANGUAGE plpgsql AS \$\$
		DECLARE
			x float8;
		BEGIN
			$assign
		END \$\$;
		CREATE TEMP TABLE queries AS SELECT id AS n, v AS q FROM $table WHERE id % 150 IN (2, 33) UNION ALL SELECT 0, NULL;
		BEGIN; SELECT flattest.use_heap();
		CREATE TEMP TABLE heap_answers AS SELECT n, pg_temp.first_rows(q) AS d FROM queries;
		COMMIT}, qq{
		DISCARD PLANS;
		SET flattest.parallel = 2;
		BEGIN; SELECT flattest.use_index();
		CREATE TEMP TABLE index_answers AS SELECT n, pg_temp.first_rows(q) AS d FROM queries;
		} . join("\n", map { my $query = "SELECT v <-> q $_" =~ s/\bq\b/flattest.nth_vector(1, $dims)/gr;
			"SELECT 'not parallel: ' || p FROM flattest.plan('$query') p WHERE p !~ 'Gather Merge.*Parallel Index Scan using ${table}_l2';" } @queries) . q{
		COMMIT;
		SELECT * FROM heap_answers h JOIN index_answers i USING (n) WHERE h.d IS DISTINCT FROM i.d LIMIT 3;
		SELECT 'few answers' WHERE (SELECT count(*) FROM heap_answers WHERE d[1] IS NOT NULL AND d[4] IS NOT NULL) < 20});
}

# Time limits hold where no row passes.
for my $parallel (0, 2)
{
	my ($code, $out, $err) = try_sql($node, qq{
		SET flattest.parallel = $parallel; BEGIN; SELECT flattest.use_index();
		SET LOCAL statement_timeout = '30ms';
		SELECT count(*) FROM (SELECT FROM sq8 WHERE md5(repeat(id::text, 10000)) IS NULL ORDER BY v <-> flattest.nth_vector(1, $dims) LIMIT 10) s});
	like($err, qr/canceling statement due to statement timeout/, "a condition that no row passes ends in time ($parallel workers)");
}
# }

# ---- NULL queries, second keys ----

for my $table ('sq8', 'none')
{
	my $id_count = $node->safe_psql('postgres', "SELECT count(*) FROM $table");

	is($node->safe_psql('postgres', qq{
		SET enable_seqscan = off; SET enable_sort = off; SET plan_cache_mode = force_generic_plan;
		PREPARE p(vector) AS SELECT count(DISTINCT id), count(d) FROM
			(SELECT id, v <-> \$1 AS d FROM $table ORDER BY v <-> \$1 LIMIT 100000) s;
		EXECUTE p(NULL)}), "$id_count|0", "$table: a NULL query returns every row, without a distance");
	is($node->safe_psql('postgres', qq{
		SET enable_seqscan = off; SET enable_sort = off; SET plan_cache_mode = force_generic_plan;
		PREPARE p(vector, float8) AS SELECT count(DISTINCT id), count(*) FROM
			(SELECT id FROM $table WHERE l2_within(v, flattest.nth_vector(1, $dims), \$2) ORDER BY v <-> \$1 LIMIT 100000) s;
		EXECUTE p(NULL, 3)}),
		$node->safe_psql('postgres', "SELECT count(*), count(*) FROM $table WHERE l2_within(v, flattest.nth_vector(1, $dims), 3)"),
		"$table: a NULL query with a threshold");

	for my $keys ('v <-> a, v <-> b', 'v <-> a, id', 'v <=> flattest.zero_vector(%d), v <=> b',
		'v <-> a, v <-> NULL::vector, v <-> b')
	{
		my $order = sprintf $keys =~ s/%d/$dims/r;
		$order =~ s/\ba\b/flattest.nth_vector(1, $dims)/g;
		$order =~ s/\bb\b/flattest.nth_vector(3, $dims)/g;
		my $order_values = $order =~ s/, id//r;
		# Only 16 learned to sort by the rest of the keys.
		my $by_index = $order_values eq $order ? 'true' : "current_setting('server_version_num')::int >= 160000";
		for my $limit (50, 'ALL')
		{
			complaints($node, "$table: ORDER BY $keys LIMIT $limit", qq{
				BEGIN; SELECT flattest.use_heap();
				CREATE TEMP TABLE truth AS SELECT row_number() OVER () AS n, * FROM
					(SELECT ARRAY[$order_values] AS d FROM $table ORDER BY $order LIMIT $limit) s;
				SELECT flattest.use_index();
				CREATE TEMP TABLE answer AS SELECT row_number() OVER () AS n, * FROM
					(SELECT ARRAY[$order_values] AS d FROM $table ORDER BY $order LIMIT $limit) s;
				SELECT 'not an index scan: ' || p
				FROM flattest.plan(\$q\$SELECT id FROM $table ORDER BY $order LIMIT $limit\$q\$) p
				WHERE p !~ 'Index Scan using ${table}_' AND $by_index;
				COMMIT;
				SELECT * FROM truth t FULL JOIN answer a USING (n)
				WHERE t.d IS DISTINCT FROM a.d ORDER BY n LIMIT 3});
		}
	}
}

# ---- Cursors ----

{
	my $session = $node->background_psql('postgres');
	my $q = "(SELECT v FROM sq8 WHERE id = 123)";

	$session->query_safe(qq{
		SET enable_seqscan = off; SET enable_sort = off;
		CREATE TEMP TABLE expected AS
			SELECT round((v <-> $q)::numeric, 9) AS d FROM sq8 ORDER BY v <-> $q});
	my @expected = split /\n/, $session->query_safe('SELECT d FROM expected ORDER BY d');

	# The cursor's own transaction takes away what it has yet to return, and
	# adds rows, nearer ones and ones that share a node with others.
	$session->query_safe(qq{
		BEGIN;
		DECLARE c CURSOR FOR SELECT round((v <-> $q)::numeric, 9) AS d FROM sq8 ORDER BY v <-> $q});
	my @got;
	push @got, split /\n/, $session->query_safe('FETCH 10 FROM c');
	$session->query_safe(qq{
		INSERT INTO sq8 SELECT -id, v FROM sq8 WHERE id < 1000;
		DELETE FROM sq8 WHERE id > 0 AND id % 2 = 0});
	push @got, split /\n/, $session->query_safe('FETCH 300 FROM c');
	$session->query_safe('DELETE FROM sq8 WHERE id > 0; INSERT INTO sq8 SELECT -10000, ' . $q);
	push @got, split /\n/, $session->query_safe('FETCH 1 FROM c');
	push @got, split /\n/, $session->query_safe('FETCH ALL FROM c');
	# rows without a distance come last, as empty lines, which split drops
	is(join(' ', @got), join(' ', @expected), 'a cursor sees neither deletes nor inserts of its own transaction');
	$session->query_safe('ROLLBACK');

	# Held beyond its transaction, while others delete and vacuum
	$session->query_safe(qq{
		BEGIN;
		DECLARE h CURSOR WITH HOLD FOR SELECT round((v <-> $q)::numeric, 9) AS d FROM sq8 ORDER BY v <-> $q;
		COMMIT});
	@got = split /\n/, $session->query_safe('FETCH 5 FROM h');
	$node->safe_psql('postgres', 'CREATE TABLE kept AS SELECT * FROM sq8; DELETE FROM sq8 WHERE id % 5 = 0; VACUUM sq8');
	push @got, split /\n/, $session->query_safe('FETCH ALL FROM h');
	is(join(' ', @got), join(' ', @expected), 'a held cursor keeps its answer');
	$session->query_safe('CLOSE h');

	# Open while others delete, vacuum and reuse
	@expected = split /\n/, $session->query_safe(qq{
		SELECT d FROM (SELECT round((v <-> $q)::numeric, 9) AS d FROM sq8 ORDER BY v <-> $q) s});
	$session->query_safe(qq{
		BEGIN ISOLATION LEVEL REPEATABLE READ;
		DECLARE o CURSOR FOR SELECT round((v <-> $q)::numeric, 9) AS d FROM sq8 ORDER BY v <-> $q});
	@got = split /\n/, $session->query_safe('FETCH 5 FROM o');
	$node->safe_psql('postgres', $_)
	  for ('DELETE FROM sq8 WHERE id % 5 = 1', 'VACUUM sq8', 'INSERT INTO sq8 SELECT * FROM kept WHERE id % 5 < 2',
		'VACUUM sq8');
	push @got, split /\n/, $session->query_safe('FETCH ALL FROM o');
	is(join(' ', @got), join(' ', @expected), 'an open cursor does not see what others do');

	# Scrolling asks for a plan that can run backwards.
	is($session->query_safe(qq{
		COMMIT; BEGIN;
		DECLARE s SCROLL CURSOR FOR SELECT id FROM sq8 WHERE v IS NOT NULL ORDER BY v <-> $q;
		CREATE TEMP TABLE way (n int, id int);
		MOVE 20 FROM s; MOVE BACKWARD 20 FROM s;
		FETCH 1 FROM s}), $session->query_safe("SELECT id FROM sq8 WHERE v IS NOT NULL ORDER BY v <-> $q LIMIT 1"),
		'a scrolling cursor comes back to its first row');
	$session->query_safe('COMMIT');
	$session->quit;
	complaints($node, 'the indexes are sound after that', q{
		SELECT flattest.check_index(indexrelid) FROM pg_index
		WHERE indrelid = 'sq8'::regclass AND indexrelid::regclass::text ~ '^sq8_(l2|ip|cosine|l1)$'
			  AND flattest.check_index(indexrelid) IS NOT NULL});
}

# ---- The ends of float4 ----

# Sums overflow or vanish: Infinity, NaN and 0 come out of the operators, and
# the index must put the rows where a sort does.
for my $quantizer ('sq8', 'none')
{
	for my $metric (sort keys %metrics)
	{
		my $table = "ends_${quantizer}_$metric";

		$node->safe_psql('postgres', qq{
			CREATE TABLE $table (id int GENERATED ALWAYS AS IDENTITY, v vector(5));
			CREATE INDEX ${table}_i ON $table USING flat (v vector_${metric}_ops) WITH (quantizer = '$quantizer');
			CREATE FUNCTION pg_temp.fill() RETURNS void LANGUAGE sql AS \$\$
			INSERT INTO $table (v)
				SELECT (SELECT array_agg((f * s * CASE WHEN i = n % 5 THEN 1 ELSE other END)::float4)
						FROM generate_series(0, 4) i)::vector
				FROM generate_series(0, 4) n,
					 unnest('{1,-1}'::float8[]) s,
					 unnest('{1,1e30,3.4e38,1e18,1.2e18,1e19,1e-18,1e-22,1e-30,1.2e-38,1e-44}'::float8[]) f,
					 unnest('{1,0,-1,0.5}'::float8[]) other
				UNION ALL SELECT NULL FROM generate_series(1, 20)
				UNION ALL SELECT flattest.zero_vector(5) FROM generate_series(1, 20)
				UNION ALL SELECT flattest.random_vector(5) FROM generate_series(1, 300);
			\$\$;
			SELECT pg_temp.fill()});
		my $queries = qq{(SELECT DISTINCT ON (v) v AS q FROM $table WHERE v IS NOT NULL ORDER BY v, id) queries
			WHERE hashtext(q::text) % 4 = 0 OR q = flattest.zero_vector(5)};
		my $title = "$quantizer, $metric";
		for my $stage ('inserted', 'built')
		{
			complaints($node, "$title: order at the ends of float4, $stage", qq{
				SELECT q, c FROM (SELECT q FROM $queries) s,
					flattest.compare_order('$table', '$metrics{$metric}', q, '{1,7,100,NULL}') c
				WHERE c IS NOT NULL LIMIT 3});
			complaints($node, "$title: thresholds at the ends of float4, $stage", qq{
				SELECT q, r, c FROM (SELECT q FROM $queries) s,
					unnest('{0,1,1e-40,1e-20,1e19,1e38,Infinity,-1e30,-Infinity}'::float8[]) r,
					flattest.compare_condition('$table', format('${metric}_within(v, %L, %L)', q, r)) c
				WHERE c IS NOT NULL LIMIT 3});
			complaints($node, "$title: parallel, $stage", qq{
				SET flattest.parallel = 2;
				SELECT q, c FROM (SELECT q FROM $queries LIMIT 6) s,
					flattest.compare_order('$table', '$metrics{$metric}', q, '{7,NULL}') c
				WHERE c IS NOT NULL LIMIT 3});
			complaints($node, "$title: the index is sound, $stage", qq{
				SELECT c FROM flattest.check_index('${table}_i') c WHERE c IS NOT NULL});
			$node->safe_psql('postgres', "REINDEX INDEX ${table}_i");
		}
	}
}

# ---- Who plans ----

# A view's user needs no right to the schema that the extension is in: the
# planner must not ask for more than the query itself does.
$node->safe_psql('postgres', q{CREATE DATABASE elsewhere});
$node->safe_psql('elsewhere', q{
	CREATE SCHEMA vectors;
	CREATE EXTENSION vecext SCHEMA vectors;
	CREATE TABLE t (id int, v vectors.vector(3));
	INSERT INTO t SELECT i, ARRAY[i, 1, 2]::float4[]::vectors.vector FROM generate_series(1, 100) i;
	CREATE INDEX ON t USING flat (v vectors.vector_l2_ops);
	CREATE VIEW near AS SELECT id FROM t WHERE vectors.l2_within(v, '[5,1,2]', 1.5);
	CREATE ROLE viewer LOGIN;
	GRANT SELECT ON near TO viewer});
my ($code, $out, $err) = try_sql($node, 'SELECT id FROM near ORDER BY id; SET enable_seqscan = off; SELECT count(*) FROM near',
	database => 'elsewhere', extra_params => [ '-U', 'viewer' ]);
is($out, "4\n5\n6\n3", 'a view works for who may not use the schema of the extension') or diag $err;

# A column that loses its dimensions keeps its index.
is($node->safe_psql('elsewhere', q{
	DROP VIEW near;
	SET search_path = public, vectors;
	ALTER TABLE t ALTER v TYPE vector;
	SET enable_seqscan = off;
	SELECT array_agg(id) FROM (SELECT id FROM t ORDER BY v <-> '[7.1,1,2]' LIMIT 3) s}),
	'{7,8,6}', 'a column whose dimensions are taken away');

$node->stop;
check_log($node);
done_testing();
