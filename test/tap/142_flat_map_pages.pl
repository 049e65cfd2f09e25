# An index of so many extents that one page of the map is not enough: 31 filter
# columns of 32 bytes get there with few rows. Inserts and builds chain another
# page, and replay that stops just then leaves what goes on.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $columns = 31;
my $rows = 8000;
my $node = new_server('map_pages', q{
wal_level = replica
wal_keep_size = 512MB
wal_consistency_checking = ''
});
install_functions($node);
my $block_size = $node->safe_psql('postgres', 'SHOW block_size');
if ($block_size > 8192)
{
	$node->stop;
	plan(skip_all => 'blocks larger than 8 kB: a page of the map is full after a hundred thousand rows');
}
my $names = join ', ', map { "t$_" } 1 .. $columns;

sub insert_rows
{
	my ($server, $from, $to) = @_;
	my $values = join ', ', map { "jsonb_build_object('a', g * $_ % 1000)" } 1 .. $columns;

	$server->safe_psql('postgres', qq{
		INSERT INTO wide SELECT g, ARRAY[g % 100, g / 100, 0]::float4[]::vector, $values
		FROM generate_series($from, $to) g});
	return;
}

sub sound
{
	my ($server, $index, $title) = @_;

	complaints($server, $title, "SELECT * FROM flat_index_check('$index', heap => true)");
	return;
}

# The last column's pages are the last of each round of extents.
sub searches
{
	my ($server, $title) = @_;
	my $query = qq{SELECT id FROM wide WHERE t1 @> '{"a": 7}' AND t$columns @> '{"a": 217}' ORDER BY v <-> '[1,2,0]' LIMIT 20};

	is($server->safe_psql('postgres', "SET enable_seqscan = off; $query"),
		$server->safe_psql('postgres', "SET enable_indexscan = off; $query"), "$title: searches");
	return;
}

sub count_pages
{
	my ($index) = @_;

	return $node->safe_psql('postgres', "SELECT code_pages + row_pages + other_pages FROM flat_index_info('$index')");
}

# ---- Inserts ----

my $types = $names =~ s/(t\d+)/$1 jsonb/gr;
$node->safe_psql('postgres', qq{
	CREATE TABLE wide (id int, v vector(3), $types);
	CREATE INDEX wide_v ON wide USING flat (v vector_l2_ops, $names)});
my $file = $node->safe_psql('postgres', q{
	SELECT concat_ws('/', t.oid, d.oid, pg_relation_filenode('wide_v'))
	FROM pg_database d, pg_tablespace t WHERE datname = 'postgres' AND spcname = 'pg_default'});
back_up_cold($node);
my $from = $node->lsn('flush');
insert_rows($node, 1, $rows);
my $to = $node->lsn('flush');

# Each of the first 64 pages of a column is an extent, of which the map takes eight bytes.
cmp_ok(count_pages('wide_v'), '>', $block_size / 8, 'more extents than a page of the map has room for');
sound($node, 'wide_v', 'inserts: sound');
searches($node, 'inserts');

# ---- Replay that stops between the new page of the map and its first entry ----

# The first page of the map is block 1, and changes for the last time when another
# one is chained to it.
my ($records) = run_command([ $node->installed_command('pg_waldump'), '--rmgr=Generic', "--relation=$file",
	'--block=1', '--path=' . $node->data_dir . '/pg_wal', "--start=$from", "--end=$to" ]);
my @records = $records =~ /lsn: (\S+),/g;
cmp_ok(scalar(@records), '>', $block_size / 16, 'records of the first page of the map');
$node->stop;

my $at = PostgreSQL::Test::Cluster->new('at');
replay_to($at, $node, $records[-1], 'promote');
$at->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'no promotion';
is($at->safe_psql('postgres', 'SELECT count(*) FROM wide'), 0, 'the insert was not over');
sound($at, 'wide_v', 'an empty page of the map: sound');
insert_rows($at, 1, $rows);
sound($at, 'wide_v', '... and after inserts');
searches($at, '... and after inserts');
$at->safe_psql('postgres', 'VACUUM wide');
sound($at, 'wide_v', '... and after a vacuum');
check_log($at);
$at->stop;

# ---- Builds ----

$node->start;
$node->safe_psql('postgres', qq{
	DROP INDEX wide_v;
	CREATE INDEX wide_w ON wide USING flat (v vector_l2_ops, $names)});
cmp_ok(count_pages('wide_w'), '>', $block_size / 8, 'a build of so many extents');
sound($node, 'wide_w', 'build: sound');
searches($node, 'build');
insert_rows($node, $rows + 1, $rows + 1000);
sound($node, 'wide_w', '... and after inserts');
kill_server($node);
$node->start;
sound($node, 'wide_w', '... and after a crash');
searches($node, '... and after a crash');

check_log($node);
$node->stop;
done_testing();
