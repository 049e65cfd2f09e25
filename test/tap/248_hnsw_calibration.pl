# When vacuum measures an index again: as it has grown or changed much, and then once.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dims = 100;
my $rows = 4000;
my $node = new_server('hnsw_calibration', q{
shared_buffers = 128MB
maintenance_work_mem = 256MB
});
install_functions($node);
install_walk_functions($node);

sub info
{
	my ($columns) = @_;

	return $node->safe_psql('postgres', "SELECT $columns FROM hnsw_index_info('t_v')");
}

# Pages of the index that a vacuum has read
sub vacuum_reads
{
	my $reads = '(SELECT peeks + peek_misses + recent_pins + slow_pins FROM vecext_session_buffers)';

	return $node->safe_psql('postgres', qq{
		LOAD 'vecext';
		SELECT $reads AS before \\gset
		VACUUM t;
		SELECT $reads - :before});
}

$node->safe_psql('postgres', qq{
	CREATE TABLE t (id int, v vector($dims)) WITH (autovacuum_enabled = off);
	CREATE INDEX t_v ON t USING hnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 20)});
is(info('calibrated'), 'f', 'an empty index has not been measured');
vacuum_reads();
is(info('calibrated'), 'f', '... nor has vacuum anything to measure');
$node->safe_psql('postgres', "SELECT flattest.fill_cloud('t', 1, $rows, $dims, 0.1)");
vacuum_reads();
is(info('calibrated, calibrated_nodes'), "t|$rows", 'vacuum measures what has been filled');

my $pages = info('code_pages');
my $idle = vacuum_reads();
cmp_ok($idle, '<', $pages, "... and does not the next time: $idle pages read, of $pages with codes");

# Many places are free now, and nothing has come.
$node->safe_psql('postgres', 'DELETE FROM t WHERE id % 10 < 3');
my $removing = vacuum_reads();
my $left = $node->safe_psql('postgres', 'SELECT count(*) FROM t');
is(info('calibrated_nodes'), $left, 'vacuum measures when much has been removed');
$idle = vacuum_reads();
cmp_ok($idle, '<', $pages, "... and does not the next time: $idle pages read, of $pages with codes ($removing before)");

# The places are used again: the index is as large as before, and has more in it.
$node->safe_psql('postgres', "SELECT flattest.fill_cloud('t', 1000000, $rows * 3 / 10, $dims, 0.2)");
vacuum_reads();
is(info('calibrated_nodes'), $rows, 'vacuum measures when free places have been filled');
$idle = vacuum_reads();
cmp_ok($idle, '<', $pages, "... and does not the next time: $idle pages read, of $pages with codes");

$node->stop;
check_log($node);
done_testing();
