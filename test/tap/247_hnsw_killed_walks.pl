# Servers killed at work, with tables large enough that searches walk along the
# graph, with and without full pages in WAL; disks that are full.

use strict;
use warnings;

use FlatTest;
use WalkTest;
use PostgreSQL::Test::Utils;
use Test::More;

# ---- Killed at work ----

my $node = new_server('hnsw_walks_killed', q{
shared_buffers = 16MB
max_connections = 20
max_wal_size = 128MB
wal_consistency_checking = 'generic'
});
install_functions($node);
install_walk_functions($node);
$node->safe_psql('postgres', $fill);
for my $round (1 .. size(4, 30))
{
	my $fpw = $round % 2 ? 'on' : 'off';
	$node->append_conf('postgresql.conf', "full_page_writes = $fpw\n");
	$node->reload;
	$node->safe_psql('postgres', 'CHECKPOINT');
	my @runs = (start_clients($node, 3, 60, @writers), start_clients($node, 1, 60, [ 'VACUUM t;', 1 ]));
	select undef, undef, undef, 0.5 + 0.3 * $round;
	kill_server($node);
	abandon_clients($_) for @runs;
	$node->start;
	walks($node, "round $round, full_page_writes $fpw, killed");
	$node->safe_psql('postgres', "DELETE FROM t WHERE id % 9 = $round; VACUUM t; INSERT INTO t (v) SELECT flattest.random_vector($dims) FROM generate_series(1, 200)");
	walks($node, "round $round, vacuumed and inserted into");
}

$node->stop;
check_log($node);

# ---- No room to extend ----

# The limit is on the size of files, which fails as a full disk does; the index
# outgrows its table, whose column is computed, and files of WAL are smaller.
SKIP:
{
	skip 'no prlimit', 1 if system('sh', '-c', 'prlimit --version >/dev/null 2>&1') != 0;
	$node = new_server('hnsw_no_room', 'max_wal_size = 512MB', extra => [ '--no-sync', '--wal-segsize=1' ]);
	$node->safe_psql('postgres', qq{
		CREATE EXTENSION vecext;
		CREATE TABLE narrow (id int);
		INSERT INTO narrow SELECT generate_series(1, 6000);
		CREATE FUNCTION wide(n int) RETURNS vector LANGUAGE sql IMMUTABLE SET search_path = public AS
			'SELECT array_agg(sin(n * 0.37 + i * 1.7 + (n % 13) * i)::float4 ORDER BY i)::vector FROM generate_series(1, 100) i';
		CREATE INDEX narrow_v ON narrow USING hnsw ((wide(id)::vector(100)) vector_l2_ops) WITH (m = 8, ef_construction = 30)});
	my $size = $node->safe_psql('postgres', q{SELECT pg_relation_size('narrow_v')});
	my ($failures, $done) = (0, 0);
	for my $attempt (1 .. 8)
	{
		# A little more room each time: another family's page is the one too many.
		my $limit = $size + 65536 + 40960 * $attempt;
		system('prlimit', '--pid', $node->{_pid}, "--fsize=$limit:unlimited") == 0 or die;
		my ($code, $out, $err) = try_sql($node, "INSERT INTO narrow SELECT generate_series($attempt * 10000, $attempt * 10000 + 1500)");
		$failures++ if $err =~ /could not (extend|write)/;
		$done++ if $code == 0;
		diag($err) if $code != 0 && $err !~ /could not (extend|write)/;
		complaints($node, "attempt $attempt: the index is sound", "SELECT * FROM hnsw_index_check('narrow_v', heap => true)");
		is($node->safe_psql('postgres', q{
			SET enable_seqscan = off; SET enable_sort = off; SET hnsw.ef_search = 1000;
			SELECT id FROM narrow ORDER BY (wide(id)::vector(100)) <-> wide(777) LIMIT 1}), 777, '... and answers');
	}
	cmp_ok($failures, '>', 3, "inserts fail when the index cannot be extended ($failures times, $done did not)");
	$node->safe_psql('postgres', 'DELETE FROM narrow WHERE id < 5000 AND id % 3 = 0; VACUUM narrow');
	my ($code, $out, $err) = try_sql($node, 'INSERT INTO narrow SELECT generate_series(200000, 200300)');
	is($err, '', 'what vacuum freed can be used on a full disk');
	kill_server($node);
	$node->start;
	complaints($node, 'sound after a crash', "SELECT * FROM hnsw_index_check('narrow_v', heap => true)");
	$node->safe_psql('postgres', 'INSERT INTO narrow SELECT generate_series(300000, 302000)');
	complaints($node, '... and when there is room again', "SELECT * FROM hnsw_index_check('narrow_v', heap => true)");
	$node->safe_psql('postgres', 'VACUUM narrow');
	complaints($node, '... and vacuumed', "SELECT * FROM hnsw_index_check('narrow_v', heap => true)");
	$node->stop;
	check_log($node);
}
done_testing();
