# pg_stat_progress_create_index names each phase of a build, of both access
# methods.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

my ($rows, $dims) = (6000, 200);
my $node = new_server('progress', '');
install_functions($node);
install_walk_functions($node);
$node->safe_psql('postgres', qq{CREATE TABLE t (id int, v vector($dims)); SELECT flattest.fill_cloud('t', 1, $rows, $dims, 0.3)});

my %phases = (
	flat => [ 'computing mean', 'loading tuples', 'writing index' ],
	hnsw => [ 'computing mean', 'loading tuples', 'building graph', 'writing index', 'inserting tuples', 'calibrating' ]);
# 1 MB does not hold the graph: the last rows are inserted.
my %options = (flat => '', hnsw => 'WITH (m = 4, ef_construction = 8)');

for my $am ('flat', 'hnsw')
{
	for my $phase (@{ $phases{$am} })
	{
		my $holder = hold_debug_point($node);
		my $build = $node->background_psql('postgres', on_error_stop => 0);

		$build->query_until(qr/begun/, qq{LOAD 'vecext'; SET vecext.debug_point = '$phase'; SET maintenance_work_mem = '1MB';
			SET max_parallel_maintenance_workers = 0; SET client_min_messages = warning;
			\\echo begun
			CREATE INDEX t_v ON t USING $am (v vector_l2_ops) $options{$am};
		});
		wait_for_lock_wait($node, 'CREATE INDEX');
		is($node->safe_psql('postgres', q{SELECT command, relid::regclass, phase FROM pg_stat_progress_create_index}),
			"CREATE INDEX|t|building index: $phase", "$am: $phase");
		release_debug_point($holder);
		$build->query('SELECT 1');
		$build->quit;
		complaints($node, '... and the index is sound', q{SELECT c FROM flattest.check_index('t_v') c WHERE c IS NOT NULL}, 'DROP INDEX t_v');
	}
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_stat_progress_create_index'), '0', 'builds come to their end');

$node->stop;
check_log($node);
done_testing();
