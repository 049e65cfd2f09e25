# Flat indexes survive a server that is killed: at any moment of inserts,
# vacuums and builds; with and without full pages in WAL, with WAL skipped;
# unlogged tables; two databases of the same file names; no room to extend.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dims = 24;
my $seed = $ENV{VECEXT_SEED} // int(rand(1 << 30));
srand($seed);
note("VECEXT_SEED=$seed");

my $node = new_server('crash', q{
# not "all": replay of other records takes the zero pages of files that are
# dropped later on for damage
wal_consistency_checking = 'generic'
wal_level = minimal
max_wal_senders = 0
shared_buffers = 4MB
max_wal_size = 64MB
min_wal_size = 32MB
checkpoint_timeout = 30s
checkpoint_completion_target = 0.1
max_connections = 30
});
install_functions($node);

# The index is sound and answers as the table does.
sub agrees
{
	my ($title, $table, @indexes) = @_;

	complaints($node, "$title: $table",
		(map { "SELECT c FROM flattest.check_index('$_') c WHERE c IS NOT NULL" } @indexes),
		qq{
		SELECT c FROM generate_series(1, 4) n, LATERAL flattest.compare_order('$table', '<->',
			CASE WHEN n = 4 THEN flattest.zero_vector($dims) ELSE flattest.nth_vector(n, $dims) END, '{1,20,NULL}') c
		WHERE c IS NOT NULL},
		"SELECT c FROM flattest.compare_count('$table') c WHERE c IS NOT NULL");
	return;
}

# ---- Killed again and again ----

$node->safe_psql('postgres', qq{
	CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v vector($dims), w int DEFAULT 0);
	CREATE INDEX t_l2 ON t USING flat (v vector_l2_ops) WITH (rerank = index);
	CREATE INDEX t_none ON t USING flat (v vector_cosine_ops) WITH (quantizer = 'none');
	CREATE TABLE b (id int, v vector($dims));
	SELECT flattest.fill('b', 1, 3000, $dims, 10, 0.1);
	CREATE INDEX b_l2 ON b USING flat (v vector_l2_ops);
	CREATE FUNCTION some_vector(n int) RETURNS vector LANGUAGE sql VOLATILE AS \$\$
		SELECT CASE WHEN n % 10 < 5 THEN flattest.nth_vector(n % 23, $dims)
					WHEN n % 10 < 8 THEN flattest.random_vector($dims)
					WHEN n % 10 = 8 THEN flattest.zero_vector($dims) END
	\$\$});
my $set = '\set n random(1, 1000000)';
my @writers = (
	[ "$set\nINSERT INTO t (v) SELECT some_vector(:n + g) FROM generate_series(1, :n % 40) g;", 6 ],
	[ "$set\nUPDATE t SET v = some_vector(:n) WHERE id IN (SELECT id FROM t WHERE id % 50 = :n % 50 LIMIT 10 FOR UPDATE SKIP LOCKED);", 3 ],
	[ "$set\nUPDATE t SET w = w + 1 WHERE id IN (SELECT id FROM t WHERE id % 50 = :n % 50 LIMIT 10 FOR UPDATE SKIP LOCKED);", 1 ],
	[ "$set\nDELETE FROM t WHERE id IN (SELECT id FROM t WHERE id % 7 = :n % 7 LIMIT 40 FOR UPDATE SKIP LOCKED);", 4 ],
	[ "$set\nBEGIN; INSERT INTO t (v) SELECT some_vector(:n + g) FROM generate_series(1, 10) g; ROLLBACK;", 1 ],
	[ "$set\nDELETE FROM t WHERE id < (SELECT max(id) - 8000 FROM t);", 1 ]);
my @vacuums = ([ 'VACUUM t;', 8 ], [ 'CHECKPOINT;', 1 ], [ 'TRUNCATE t;', 1 ]);
my @builders = (
	[ 'REINDEX INDEX b_l2;', 2 ],
	[ "$set\nBEGIN; DELETE FROM b WHERE id % 3 = :n % 3; SELECT flattest.fill('b', 1, 500, $dims, 10, 0.2); REINDEX TABLE b; COMMIT;", 1 ],
	[ "$set\nBEGIN; TRUNCATE b; SELECT flattest.fill('b', 1, 1000 + :n % 500, $dims, 10, 0.3); INSERT INTO b SELECT * FROM b WHERE id % 5 = 1; COMMIT;", 1 ],
	[ 'VACUUM FULL b;', 1 ],
	[ 'CREATE INDEX CONCURRENTLY b_other ON b USING flat (v vector_l2_ops); DROP INDEX CONCURRENTLY IF EXISTS b_other;', 1 ]);

# One in seven is a stop at once, the others are kills: so both ways meet both
# values of each setting, and kills are 51 of 60.
my $rounds = size(6, 60);
my $kills = 0;
for my $round (1 .. $rounds)
{
	my $fpw = $round % 3 == 0 ? 'off' : 'on';
	my $skip = $round % 2 == 0 ? 0 : '2MB';
	$node->append_conf('postgresql.conf', "full_page_writes = $fpw\nwal_skip_threshold = $skip\n");
	$node->reload;
	$node->safe_psql('postgres', 'CHECKPOINT');

	# The same goes for our records without full pages in WAL: no new files then.
	my @runs = (start_clients($node, 4, 60, @writers),
		start_clients($node, 1, 60, $fpw eq 'on' ? @vacuums : grep { $_->[0] !~ /TRUNCATE/ } @vacuums));
	push @runs, start_clients($node, 1, 60, @builders) if $fpw eq 'on';
	my $wait = 0.3 + rand(size(1.2, 3));
	select undef, undef, undef, $wait;
	my $way = $round % 7 == 4 ? 'stopped immediately' : 'killed';
	if ($way eq 'killed') { kill_server($node); $kills++ } else { $node->stop('immediate') }
	abandon_clients($_) for @runs;
	$node->start;

	my $title = sprintf 'round %d, %s after %.2f s, full_page_writes %s, wal_skip_threshold %s', $round, $way, $wait, $fpw, $skip;
	$node->safe_psql('postgres', 'DROP INDEX IF EXISTS b_other; DROP INDEX IF EXISTS b_l2_ccnew');
	agrees($title, 't', 't_l2', 't_none');
	agrees($title, 'b', 'b_l2');
	# What the crash left must not be in the way of what comes.
	$node->safe_psql('postgres', 'VACUUM t; INSERT INTO t (v) SELECT some_vector(g) FROM generate_series(1, 300) g; VACUUM t');
	agrees("round $round, after a vacuum and inserts", 't', 't_l2', 't_none');
}
cmp_ok($kills, '>=', size(5, 50), "$kills kills");

# ---- WAL that is not written ----

$node->append_conf('postgresql.conf', 'full_page_writes = on');
$node->reload;
$node->safe_psql('postgres', 'CHECKPOINT');

# Created and filled in one transaction: with wal_level = minimal the files
# are synced (or logged) at commit.
for my $skip ('0', '1GB')
{
	$node->safe_psql('postgres', qq{
		SET wal_skip_threshold = '$skip';
		BEGIN;
		CREATE TABLE fresh_$skip (id int, v vector($dims));
		SELECT flattest.fill('fresh_$skip', 1, 400, $dims, 10, 0.1);
		CREATE INDEX fresh_${skip}_v ON fresh_$skip USING flat (v vector_l2_ops);
		SELECT flattest.fill('fresh_$skip', 1000, 400, $dims, 10, 0.2);
		DELETE FROM fresh_$skip WHERE id % 4 = 0;
		COMMIT;
		BEGIN;
		TRUNCATE t;
		INSERT INTO t (v) SELECT some_vector(g) FROM generate_series(1, 700) g;
		SAVEPOINT s;
		INSERT INTO t (v) SELECT some_vector(g) FROM generate_series(1, 700) g;
		ROLLBACK TO s;
		COMMIT});
	kill_server($node);
	$node->start;
	agrees("wal_skip_threshold = $skip", "fresh_$skip", "fresh_${skip}_v");
	agrees("wal_skip_threshold = $skip", 't', 't_l2', 't_none');
}

# ---- Unlogged tables ----

$node->safe_psql('postgres', qq{
	CREATE UNLOGGED TABLE u (id int, v vector($dims));
	CREATE INDEX u_v ON u USING flat (v vector_l2_ops);
	SELECT flattest.fill('u', 1, 800, $dims, 10, 0.1);
	CREATE INDEX u_none ON u USING flat (v vector_l2_ops) WITH (quantizer = 'none')});
agrees('unlogged', 'u', 'u_v', 'u_none');
for my $way ('immediate', 'immediate', 'fast')
{
	$node->safe_psql('postgres', 'CHECKPOINT') if $way eq 'immediate' && rand() < 0.5;
	$node->stop($way);
	$node->start;
	my $rows = $node->safe_psql('postgres', 'SELECT count(*) FROM u');
	cmp_ok($rows, $way eq 'fast' ? '>' : '==', 0, "an unlogged table after stop -m $way has $rows rows");
	agrees("unlogged, after stop -m $way", 'u', 'u_v', 'u_none');
	$node->safe_psql('postgres', "SELECT flattest.fill('u', 1, 500, $dims, 10, 0.4); DELETE FROM u WHERE id % 5 = 0; VACUUM u");
	agrees('unlogged, used again', 'u', 'u_v', 'u_none');
}
$node->safe_psql('postgres', 'ALTER TABLE u SET LOGGED');
kill_server($node);
$node->start;
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM u'), '>', 0, 'SET LOGGED makes it last');
agrees('logged now, after a crash', 'u', 'u_v', 'u_none');

# ---- Two databases with the same file names, 128 buffers ----

$node->append_conf('postgresql.conf', "shared_buffers = 1MB\n");
$node->restart;
for my $strategy ('wal_log', 'file_copy')
{
	$node->safe_psql('postgres', "CREATE DATABASE twin_$strategy TEMPLATE postgres STRATEGY $strategy");
	is($node->safe_psql('postgres', q{SELECT pg_relation_filenode('u_v')}),
		$node->safe_psql("twin_$strategy", q{SELECT pg_relation_filenode('u_v')}), "$strategy: one file name, two files");
	$node->safe_psql("twin_$strategy", "DELETE FROM u WHERE id % 2 = 0; VACUUM u; SELECT flattest.fill('u', 7000, 900, $dims, 10, 0.8)");
	my $search = "$set\n" . q{BEGIN ISOLATION LEVEL REPEATABLE READ;
		SELECT flattest.insist(flattest.compare_order('u', '<->', flattest.nth_vector(:n % 9, 24), '{1,50,NULL}'));
		COMMIT;};
	my $change = "$set\n" . q{INSERT INTO u SELECT :n, some_vector(:n); DELETE FROM u WHERE ctid IN (SELECT ctid FROM u WHERE id % 100 = :n % 100 LIMIT 2 FOR UPDATE SKIP LOCKED);};
	my $seconds = size(2, 60);
	my @runs;
	for my $database ('postgres', "twin_$strategy")
	{
		local $FlatTest::client_database = $database;
		push @runs, start_clients($node, 3, $seconds, [ $search, 3 ], [ $change, 1 ]);
	}
	run_clients("$strategy: twins do not see each other's pages", @runs);
	for my $database ('postgres', "twin_$strategy")
	{
		complaints($node, "$strategy: the index of $database is sound", [$database],
			q{SELECT c FROM flattest.check_index('u_v') c WHERE c IS NOT NULL});
	}
}

# ---- No room to extend ----

# An index that outgrows its table: its column is computed.  The limit is on
# the size of files, which fails as a full disk does.
SKIP:
{
	skip 'no prlimit', 1 if system('sh', '-c', 'prlimit --version >/dev/null 2>&1') != 0;
	$node->safe_psql('postgres', q{
		CREATE TABLE narrow (id int);
		CREATE INDEX narrow_v ON narrow USING flat ((array_fill(id::float4, ARRAY[3900])::vector(3900)) vector_l2_ops)});
	my $pid = $node->{_pid};
	system('prlimit', '--pid', $pid, '--fsize=' . (17 * 1024 * 1024) . ':unlimited') == 0 or die;
	my $failures = 0;
	for my $attempt (1 .. 4)
	{
		my ($code, $out, $err) = try_sql($node, "INSERT INTO narrow SELECT g FROM generate_series($attempt * 10000, $attempt * 10000 + 1500) g");
		$failures++ if $err =~ /could not (extend|write)/;
	}
	cmp_ok($failures, '>', 1, 'inserts fail when the index cannot be extended');
	my $nearest = q{
		SET enable_seqscan = off; SET enable_sort = off;
		SELECT count(*), min(id), max(id) FROM (SELECT id FROM narrow ORDER BY (array_fill(id::float4, ARRAY[3900])::vector(3900)) <->
			array_fill(10003::float4, ARRAY[3900])::vector LIMIT 5) s};
	complaints($node, 'the index is sound', q{SELECT c FROM flattest.check_index('narrow_v') c WHERE c IS NOT NULL});
	is($node->safe_psql('postgres', $nearest), '5|10001|10005', '... and answers');
	$node->safe_psql('postgres', 'DELETE FROM narrow WHERE id % 3 = 0; VACUUM narrow; SELECT txid_current()');
	my ($code, $out, $err) = try_sql($node, 'INSERT INTO narrow SELECT 100000 + g FROM generate_series(1, 200) g');
	is($err, '', 'what vacuum freed can be used on a full disk');
	kill_server($node);
	$node->start;
	complaints($node, 'the index is sound after a crash', q{SELECT c FROM flattest.check_index('narrow_v') c WHERE c IS NOT NULL});
	$node->safe_psql('postgres', 'INSERT INTO narrow SELECT 200000 + g FROM generate_series(1, 1500) g');
	complaints($node, '... and grows when there is room again', q{SELECT c FROM flattest.check_index('narrow_v') c WHERE c IS NOT NULL});
	is($node->safe_psql('postgres', $nearest =~ s/10003/200700/r), '5|200698|200702', '... and answers');
}

$node->stop;
check_log($node);
done_testing();
