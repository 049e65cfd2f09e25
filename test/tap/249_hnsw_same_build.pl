# A build by one process makes the same index from the same table, page by page:
# wherever other scans of the table stand, and with rows beyond its memory.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dims = 16;
my $rows = 4000;
my $node = new_server('hnsw_same_build', q{
shared_buffers = 2MB
max_parallel_maintenance_workers = 0
max_connections = 10
});
install_functions($node);
install_walk_functions($node);
$node->safe_psql('postgres', qq{
	CREATE TABLE t (id int, v vector($dims)) WITH (autovacuum_enabled = off, fillfactor = 50);
	SELECT flattest.fill_cloud('t', 1, $rows, $dims, 0.1);
	INSERT INTO t SELECT id + $rows, v FROM t WHERE id % 20 = 0;
	CREATE INDEX t_v ON t USING hnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 20);
	CHECKPOINT});
my $pages = $node->safe_psql('postgres', q{SELECT pg_relation_size('t') / current_setting('block_size')::int});
cmp_ok($pages, '>', 64, "the table is large enough for scans to keep step ($pages pages, of a quarter of 256)");

# The pages of the index without what says when they were made
sub read_index
{
	my ($settings) = @_;
	my $size = 8192;
	my @pages;

	$node->safe_psql('postgres', "$settings; SET client_min_messages = warning; REINDEX INDEX t_v; CHECKPOINT");
	my $file = $node->data_dir . '/' . $node->safe_psql('postgres', q{SELECT pg_relation_filepath('t_v')});
	open my $in, '<:raw', $file or die "$file: $!";
	while (read $in, my $page, $size)
	{
		# LSN and checksum, and on the metapage the number of the build
		substr($page, 0, 10) = "\0" x 10;
		substr($page, 32, 8) = "\0" x 8 if !@pages;
		push @pages, $page;
	}
	close $in;
	return @pages;
}

sub same
{
	my ($one, $other) = @_;

	return @$one . ' pages, ' . grep { $_ > $#$other || $one->[$_] ne $other->[$_] } 0 .. $#$one;
}

# Another scan of the table comes to an end in the midst of it between two builds.
for my $case (['in memory', "SET maintenance_work_mem = '64MB'"], ['beyond the memory', "SET maintenance_work_mem = '1MB'"])
{
	my ($what, $settings) = @$case;
	my @first = read_index($settings);

	$node->safe_psql('postgres', 'BEGIN; DECLARE c CURSOR FOR SELECT id FROM t; MOVE FORWARD ' . int($rows / 3) . ' IN c; COMMIT');
	my @second = read_index($settings);
	is(same(\@first, \@second), @first . ' pages, 0', "$what: no page is another");
	is(scalar(@second), scalar(@first), '... and none more');
}
is($node->safe_psql('postgres', "SET maintenance_work_mem = '1MB'; SELECT count(*) FROM hnsw_index_check('t_v')"), 0, 'the index is sound');

$node->stop;
check_log($node);
done_testing();
