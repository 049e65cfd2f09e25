# Rows that are dead, before and after vacuum has come: searches do not look at
# them again and again, and find what lies behind them.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dims = 16;
my $rows = size(20000, 300000);
my $node = new_server('hnsw_dead_rows', q{
shared_buffers = 256MB
maintenance_work_mem = 512MB
max_wal_size = 4GB
});
my $use_index = 'SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off';
install_functions($node);
install_walk_functions($node);
$node->safe_psql('postgres', qq{
	CREATE TABLE t (id int, v vector($dims), w int DEFAULT 0);
	SELECT flattest.fill_cloud('t', 1, $rows, $dims, 0.1);
	CREATE INDEX t_l2 ON t USING hnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 40);
	CREATE TABLE n (id int, v vector($dims));
	INSERT INTO n SELECT id, v FROM t;
	CREATE INDEX n_l2 ON n USING hnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 40, quantizer = none);
	CREATE TABLE d (id int, v vector($dims));
	INSERT INTO d SELECT id, v FROM t;
	CREATE INDEX d_l2 ON d USING hnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 40);
	CREATE TABLE r (id int, v vector($dims));
	INSERT INTO r SELECT id, v FROM t;
	CREATE INDEX r_l2 ON r USING hnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 40, rerank = index)});

# ---- Rows that are dead, before vacuum comes ----

# Exact order is made by the scan, with residuals mostly without reading rows, or by the executor: without codes, and of two distances.
for my $case (['t', '', 'codes'], ['n', '', 'no codes'], ['d', ", v <-> array_fill(0.1::float4, ARRAY[$dims])::vector", 'two distances'], ['r', '', 'residuals'])
{
	my ($t, $second, $what) = @$case;
	my $session = $node->background_psql('postgres');
	my $q = "(flattest.nth_vector(4, $dims) * array_fill(0.3::float4, ARRAY[$dims])::vector)";
	my $search = "SELECT count(*) FROM (SELECT id FROM $t ORDER BY v <-> $q$second LIMIT 10) s";
	my $cost = sub {
		is($session->query_safe($search), 10, "$what: ten rows");
		return split /\|/, $session->query_safe('SELECT candidates, hops, dead_rows FROM vecext_last_scan');
	};

	$session->query_safe("$use_index; SET hnsw.ef_search = 40");
	my @before = $cost->();
	$node->safe_psql('postgres', "$use_index; DELETE FROM $t WHERE id IN (SELECT id FROM $t ORDER BY v <-> $q LIMIT 1000)");
	# Among many rows a walk misses some of those that have died, and the next one comes upon them.
	$cost->() for 1 .. size(1, 3);
	my @after = $cost->();
	note("$what: candidates, hops, dead rows: @before before, @after after");
	cmp_ok($after[0], '<=', 3 * $before[0], "$what, known dead rows: not many more candidates");
	cmp_ok($after[1], '<=', 2 * $before[1], "$what, known dead rows: no more than twice the lists");
	# Rows that come there are found, although their places may be known.
	$node->safe_psql('postgres', "INSERT INTO $t (id, v) VALUES (-1, $q); VACUUM $t; INSERT INTO $t (id, v) SELECT -1 - g, $q FROM generate_series(1, 3) g");
	is($session->query_safe("SET hnsw.ef_search = 1000; SELECT count(*) FROM (SELECT id FROM $t ORDER BY v <-> $q$second LIMIT 4) s WHERE id < 0"), 4,
		"... and what is put among them is found");
	$session->quit;
}

# A hole in the graph, and rows that came to it before vacuum: they know each
# other and those that have died, so vacuum has to link them to the rest.  Chance
# draws the levels of inserted nodes, and has its say.
{
	my $around = sub { my ($n) = @_; return "(flattest.nth_vector(11, $dims) * array_fill(0.3::float4, ARRAY[$dims])::vector + flattest.nth_vector($n, $dims) * array_fill(0.05::float4, ARRAY[$dims])::vector)" };
	my $found = sub {
		return $node->safe_psql('postgres', qq{
			$use_index; SET hnsw.ef_search = 40;
			SELECT count(*) FROM generate_series(1, 100) n, LATERAL
				(SELECT id FROM t ORDER BY v <-> } . $around->('n') . qq{ LIMIT 1) s WHERE id = 1000000 + n});
	};

	$node->safe_psql('postgres', "$use_index; DELETE FROM t WHERE id IN (SELECT id FROM t ORDER BY v <-> " . $around->(1) . ' LIMIT 1500)');
	$node->safe_psql('postgres', 'INSERT INTO t (id, v) SELECT 1000000 + n, ' . $around->('n') . ' FROM generate_series(1, 100) n');
	$node->safe_psql('postgres', 'VACUUM t');
	my $after_vacuum = $found->();
	$node->safe_psql('postgres', 'REINDEX INDEX t_l2');
	my $anew = $found->();
	note("rows in a hole: $after_vacuum of 100 found, $anew after REINDEX");
	cmp_ok($after_vacuum, '>=', 95, "rows in a hole: $after_vacuum of 100 found, $anew after REINDEX");
}

# ---- A dead row's place that is used again by a row of the same vector ----

# The session has found the vector's node dead, with this place at its head.
for my $t ('t', 'n', 'r')
{
	my $session = $node->background_psql('postgres');
	my $v = "array_fill(0.4::float4, ARRAY[$dims])::vector";
	my $nearest = "SELECT string_agg(id::text, ',' ORDER BY id) FROM (SELECT id FROM $t ORDER BY v <-> $v LIMIT 2) s";

	$session->query_safe("$use_index; SET hnsw.ef_search = 40");
	$node->safe_psql('postgres', "VACUUM (INDEX_CLEANUP on) $t");
	$node->safe_psql('postgres', "INSERT INTO $t VALUES (2000001, $v)");
	$node->safe_psql('postgres', "DELETE FROM $t WHERE id = 2000001");
	$session->query_safe($nearest);
	# Without codes, and with residuals, the executor tells them from others.
	cmp_ok($session->query_safe('SELECT greatest(dead_rows, rows - 2) FROM vecext_last_scan'), '>', 0, "$t: a search meets the dead row");
	$node->safe_psql('postgres', "INSERT INTO $t VALUES (2000002, $v)");
	$node->safe_psql('postgres', "VACUUM (INDEX_CLEANUP on) $t");
	$node->safe_psql('postgres', "INSERT INTO $t VALUES (2000003, $v)");
	is($session->query_safe($nearest), '2000002,2000003', '... and finds those that come after it');
	$session->quit;
}

complaints($node, 'the indexes are sound', map { "SELECT * FROM hnsw_index_check('${_}_l2', heap => true)" } 't', 'n', 'd', 'r');
$node->stop;
check_log($node);
done_testing();
