# Places that vacuum frees are used again by the very next transaction, even
# when nobody else takes transaction ids; but not while a snapshot is open that
# may still need them.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_server('recycling', 'min_parallel_index_scan_size = 0');
install_functions($node);

# Transaction ids that a statement takes
sub ids_taken
{
	my ($sql) = @_;
	my $next = 'SELECT pg_snapshot_xmax(pg_current_snapshot())';
	my $before = $node->safe_psql('postgres', $next);

	$node->safe_psql('postgres', $sql);
	return $node->safe_psql('postgres', $next) - $before;
}

for my $am ('flat', 'hnsw')
{
	my $places = "SELECT nodes, rows FROM ${am}_index_info('t_v')";
	my $next_id = 1;

	# Vectors that no row has had before
	my $insert = sub {
		my ($count) = @_;
		my $sql = qq{INSERT INTO t SELECT g, flattest.nth_vector(g, 8)
			FROM generate_series($next_id, $next_id + $count - 1) g};
		$next_id += $count;
		return $sql;
	};

	$node->safe_psql('postgres', q{
		DROP TABLE IF EXISTS t;
		CREATE TABLE t (id int, v vector(8))});
	$node->safe_psql('postgres', $insert->(1000));
	$node->safe_psql('postgres', "CREATE INDEX t_v ON t USING $am (v vector_l2_ops)");

	for my $round (1 .. 3)
	{
		$node->safe_psql('postgres', "DELETE FROM t WHERE id < $next_id - 500");
		is(ids_taken('VACUUM (TRUNCATE false) t'), 1, "$am: a vacuum takes one id, round $round");
		$node->safe_psql('postgres', $insert->(500));
		is($node->safe_psql('postgres', $places), '1000|1000',
			"$am: the next transaction uses what it has freed");
	}
	is(ids_taken('VACUUM (TRUNCATE false) t'), 0, "$am: a vacuum that frees nothing takes none");

	# A snapshot from before the vacuum
	my $reader = $node->background_psql('postgres');
	$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
	$reader->query_safe('SELECT count(*) FROM t');
	$node->safe_psql('postgres', "DELETE FROM t WHERE id < $next_id - 500");
	$node->safe_psql('postgres', $insert->(100));
	$node->safe_psql('postgres', 'VACUUM (TRUNCATE false) t');
	is($node->safe_psql('postgres', $places), '1100|1100', "$am: nothing is freed while it is open");
	$reader->query_safe('COMMIT');
	$node->safe_psql('postgres', 'VACUUM (TRUNCATE false) t');

	# One from after the vacuum's start: it may have seen the way to its rows.
	$node->safe_psql('postgres', "DELETE FROM t WHERE id % 3 = 0");
	my $holder = hold_debug_point($node);
	my $vacuum = $node->background_psql('postgres');
	$vacuum->query_until(qr/begun/, qq{LOAD 'vecext'; SET vecext.debug_point = 'vacuum-marked';
		\\echo begun
		VACUUM (TRUNCATE false) t;
	});
	wait_for_lock_wait($node, '^VACUUM');
	$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
	$reader->query_safe('SELECT count(*) FROM t');
	release_debug_point($holder);
	$vacuum->quit;
	# Of each page a slot has been freed: all of them wait.
	$node->safe_psql('postgres', $insert->(50));
	my $grown = $node->safe_psql('postgres', $places);
	is($grown, '1150|1150', "$am: what it frees beside a snapshot is not used");
	$reader->query_safe('COMMIT');
	$reader->quit;
	$node->safe_psql('postgres', $insert->(300));
	is($node->safe_psql('postgres', $places), $grown, "$am: ... and used when that is closed");

	# Two indexes of one table: one id for both
	$node->safe_psql('postgres', "CREATE INDEX t_v2 ON t USING $am (v vector_ip_ops)");
	$node->safe_psql('postgres', 'DELETE FROM t WHERE id % 2 = 0');
	is(ids_taken('VACUUM (TRUNCATE false, PARALLEL 0) t'), 1, "$am: one id for two indexes");

	# With parallel workers there is none to be had.
	$node->safe_psql('postgres', 'DELETE FROM t WHERE id % 4 = 1');
	is(ids_taken('VACUUM (TRUNCATE false, PARALLEL 1) t'), 0, "$am: none in parallel");
	$node->safe_psql('postgres', $insert->(10)) for 1 .. 2;
	complaints($node, "$am: the indexes are sound", map {
		"SELECT * FROM ${am}_index_check('$_', heap => true)" } 't_v', 't_v2');
}

# Where snapshots grow too old, vacuum and inserts do not wait for them, and they
# are told so.
SKIP:
{
	skip 'snapshots do not grow too old in this version', 6 if $node->pg_version >= 17;

	$node->append_conf('postgresql.conf', 'old_snapshot_threshold = 0');
	$node->restart;
	my $count = sub {
		my ($am) = @_;
		return qq{SET enable_seqscan = off; SET enable_sort = off;
			SELECT count(*) FROM (SELECT id FROM old_$am ORDER BY v <-> flattest.nth_vector(1, 8)) s};
	};
	my $all = 'SELECT ' . join(', ', map { "(SELECT count(*) FROM old_$_)" } 'flat', 'hnsw');

	for my $am ('flat', 'hnsw')
	{
		$node->safe_psql('postgres', qq{CREATE TABLE old_$am (id int, v vector(8)) WITH (autovacuum_enabled = off);
			INSERT INTO old_$am SELECT g, flattest.nth_vector(g, 8) FROM generate_series(1, 100) g;
			CREATE INDEX ON old_$am USING $am (v vector_l2_ops)});
	}
	my %reader = map { $_ => $node->background_psql('postgres', on_error_stop => 0) } 'flat', 'hnsw';
	for my $am ('flat', 'hnsw')
	{
		$reader{$am}->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
		is($reader{$am}->query_safe($all), '100|100', "$am: a snapshot");
	}
	# Five seconds are the least
	sleep 6;
	for my $am ('flat', 'hnsw')
	{
		is($reader{$am}->query_safe($count->($am)), 100, "$am: what has not been changed may be read");
		$node->safe_psql('postgres', "INSERT INTO old_$am VALUES (0, flattest.nth_vector(0, 8))");
		$reader{$am}->query($count->($am));
		like($reader{$am}->{stderr}, qr/snapshot too old/, "$am: what has been changed may not");
		$reader{$am}->quit;
	}
}

check_log($node);
$node->stop;
done_testing();
