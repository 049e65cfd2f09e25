# A vacuum killed at its steps: what it leaves is sound, and the next one
# finishes it.

use strict;
use warnings;

use File::Path qw(rmtree);
use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_server('vacuum_killed', q{
wal_level = replica
wal_keep_size = 512MB
});
install_functions($node);

for my $point ('hnsw-vacuum-marked', 'hnsw-vacuum-planted', 'hnsw-vacuum-repairing', 'hnsw-vacuum-repaired',
	'hnsw-vacuum-freeing')
{
	$node->safe_psql('postgres', q{
		DROP TABLE IF EXISTS h;
		CREATE TABLE h (id int, v vector(8));
		SELECT flattest.fill('h', 1, 2000, 8, 10, 0.6);
		CREATE INDEX h_v ON h USING hnsw (v vector_l2_ops) WITH (m = 4);
		DELETE FROM h WHERE id % 3 = 0});

	my $holder = hold_debug_point($node);
	my $vacuum = $node->background_psql('postgres', on_error_stop => 0);
	$vacuum->query_until(qr/begun/, qq{LOAD 'vecext'; SET vecext.debug_point = '$point';
		\\echo begun
		VACUUM h;
	});
	wait_for_lock_wait($node, 'VACUUM h');

	# A commit takes to disk what the vacuum has logged so far.
	$node->safe_psql('postgres', 'CREATE TABLE IF NOT EXISTS flushed (); DROP TABLE flushed');
	kill_server($node);
	eval { $vacuum->quit };
	eval { $holder->quit };
	$node->start;

	complaints($node, "$point: the index is sound after a crash there",
		"SELECT * FROM hnsw_index_check('h_v', heap => true)");
	$node->safe_psql('postgres', "INSERT INTO h SELECT id + 5000, v FROM h WHERE id % 3 = 1");
	complaints($node, "$point: ... and after inserts", "SELECT * FROM hnsw_index_check('h_v', heap => true)");
	$node->safe_psql('postgres', 'DELETE FROM h WHERE id % 3 = 1; VACUUM h');
	complaints($node, "$point: ... and after the next vacuum",
		"SELECT * FROM hnsw_index_check('h_v', heap => true)");
}

# ---- Between any two records ----

# A server that has all the WAL of a vacuum, and replays it up to some record
# only, has what a crash there leaves.
sub records_between
{
	my ($from, $to) = @_;
	my ($out, $err) = run_command([ $node->installed_command('pg_waldump'), '--rmgr=Generic',
		'--path=' . $node->data_dir . '/pg_wal', "--start=$from", "--end=$to" ]);

	return $out =~ /lsn: (\S+),/g;
}

my $info = "SELECT entry_node FROM hnsw_index_info('h_v')";
my $stays = 'id % 5 IN (2, 3)';
$node->safe_psql('postgres', q{
	DROP TABLE h;
	CREATE TABLE h (id int, v vector(8));
	SELECT flattest.fill('h', 1, 3000, 8, 10, 0.7);
	CREATE INDEX h_v ON h USING hnsw (v vector_l2_ops) WITH (m = 4)});
my $entry = $node->safe_psql('postgres', $info);
# The same rows make the same graph: does its entry point go?
$node->safe_psql('postgres', qq{
	CREATE TABLE twin AS TABLE h;
	CREATE INDEX twin_v ON twin USING hnsw (v vector_l2_ops) WITH (m = 4);
	DELETE FROM twin WHERE NOT ($stays);
	VACUUM twin});
$stays = 'id % 5 IN (0, 1)'
  if $node->safe_psql('postgres', $info =~ s/h_v/twin_v/r) eq $entry;
$node->safe_psql('postgres', "DROP TABLE twin; DELETE FROM h WHERE NOT ($stays)");
back_up_cold($node);
my $from = $node->lsn('flush');
$node->safe_psql('postgres', 'VACUUM h');
my $to = $node->lsn('flush');
isnt($node->safe_psql('postgres', $info), $entry, 'there is another entry point');
$node->stop;

my @records = records_between($from, $to);
my $samples = size(3, 60);
cmp_ok(scalar(@records), '>', 500, 'records of a vacuum');
my $at = PostgreSQL::Test::Cluster->new('at');
for my $sample (1 .. $samples)
{
	my $record = $records[ $sample / ($samples + 1) * @records ];

	rmtree($at->data_dir);
	replay_to($at, $node, $record, 'pause');
	$at->poll_query_until('postgres', q{SELECT pg_get_wal_replay_pause_state() = 'paused'})
	  or die "replay does not come to $record";
	complaints($at, "sound after record $sample of $samples",
		"SELECT * FROM hnsw_index_check('h_v', heap => true)");
	$at->stop('immediate');
}
check_log($at, 'replay never failed');
check_log($node);
done_testing();
