# Searches that walk along the graph on a standby, while it replays inserts and
# vacuums; promotion amid inserts; with and without full pages in WAL.

use strict;
use warnings;

use FlatTest;
use WalkTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = size(5, 120);

for my $fpw ('on', 'off')
{
	my $primary = new_server("hnsw_walks_$fpw", qq{
		full_page_writes = $fpw
		wal_log_hints = off
		shared_buffers = 16MB
		max_wal_size = 256MB
		max_connections = 20
		wal_consistency_checking = 'generic'
	}, allows_streaming => 1);
	install_functions($primary);
	install_walk_functions($primary);
	$primary->safe_psql('postgres', $fill);
	$primary->safe_psql('postgres', q{SELECT pg_create_physical_replication_slot('standby', true)});
	$primary->backup('base');
	my $standby = PostgreSQL::Test::Cluster->new("hnsw_walks_standby_$fpw");
	$standby->init_from_backup($primary, 'base', has_streaming => 1);
	# 4 MB: pages are replaced while others are peeked at.
	# Replay waits for a query as long as one may take.
	my $delay = size(2, 30);
	$standby->append_conf('postgresql.conf', qq{
primary_slot_name = 'standby'
max_standby_streaming_delay = ${delay}s
hot_standby_feedback = off
shared_buffers = 4MB
});
	$standby->start;
	# Behind a backup there is a new file of WAL with no record in it.
	$primary->safe_psql('postgres', q{SELECT pg_logical_emit_message(true, '', '')});
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	walks($standby, "full_page_writes $fpw, at rest");
	my $spare = qq{
		LOAD 'vecext'; SELECT sum(flattest.spare_peeks('t', flattest.nth_vector(n, $dims) * $half, 'w = 7')) FROM generate_series(1, 10) n};
	# Replay makes pages zeros for a moment: a walk goes around, a pass would not.
	cmp_ok($standby->safe_psql('postgres', $spare), '<', 0, '... without peeks at codes of rows that pass');

	my @runs = (start_clients($primary, 2, $seconds, @writers),
		start_clients($primary, 1, $seconds, [ 'VACUUM t;', 4 ], [ 'CHECKPOINT;', 1 ], [ 'SELECT pg_sleep(0.1);', 2 ]));
	my ($answers, $conflicts, @wrong) = (0, 0);
	my $end = time + $seconds - 1;
	for (my $n = 1; time < $end; $n++)
	{
		my $looks = $n % 2 ? qq{
				SELECT k, c FROM unnest('{10,150,NULL}'::int[]) k,
					LATERAL flattest.look('t', flattest.nth_vector($n, $dims) * $half, k) c WHERE c IS NOT NULL} : qq{
				SELECT condition, k, c FROM (VALUES ('w < 500', 5, 'walk'), ('w < 500', 150, NULL), ('w = 7', 10, 'matches'), ('w = 7', NULL, 'matches')) s(condition, k, mode),
					LATERAL flattest.look('t', flattest.nth_vector($n, $dims) * $half, k, condition, mode) c WHERE c IS NOT NULL};
		my ($code, $out, $err) = try_sql($standby, "BEGIN ISOLATION LEVEL REPEATABLE READ; $looks; COMMIT");
		if ($code == 0) { push @wrong, $out if $out =~ /\S/; $answers++ }
		elsif ($err =~ /conflict with recovery/) { $conflicts++ }
		else { push @wrong, $err }
		last if @wrong > 3;
	}
	is(join("\n", @wrong), '', "full_page_writes $fpw: walks during replay ($answers right, $conflicts conflicts)");
	cmp_ok($answers, '>', 1, '... there were some');
	run_clients("full_page_writes $fpw: load on the primary", @runs);
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	walks($standby, "full_page_writes $fpw, at rest again");

	my $load = start_clients($primary, 3, 60, @writers);
	select undef, undef, undef, 1;
	$standby->promote;
	abandon_clients($load);
	walks($standby, "full_page_writes $fpw, promoted");
	my $peeks = $standby->safe_psql('postgres', $spare);
	cmp_ok($peeks, '>', 0, "... with peeks at rows that pass and at their codes ($peeks more than rows)");
	$standby->safe_psql('postgres', qq{
		INSERT INTO t (v) SELECT flattest.random_vector($dims) FROM generate_series(1, 500);
		DELETE FROM t WHERE id % 3 = 0; VACUUM t;
		INSERT INTO t (v) SELECT flattest.random_vector($dims) FROM generate_series(1, 500)});
	walks($standby, "full_page_writes $fpw, promoted and written to");
	$_->stop for $standby, $primary;
	check_log($standby, "full_page_writes $fpw: the standby never crashed");
	check_log($primary, "full_page_writes $fpw: the primary never crashed");
}

done_testing();
