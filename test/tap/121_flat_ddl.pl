# Flat indexes that are built, rebuilt, moved and dropped while other backends
# remember their pages; vacuum that is stopped half-way; tables of a strange
# shape.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_server('ddl', q{
shared_buffers = 16MB
max_worker_processes = 8
max_parallel_workers = 4
max_connections = 30
});
install_functions($node);
my $dims = 20;

# The index is sound and answers as the table does.
sub agrees
{
	my ($title, $table, $index, $op) = @_;

	$op //= '<->';
	complaints($node, $title, qq{
		SELECT c FROM flattest.check_index('$index') c WHERE c IS NOT NULL;
		SELECT c FROM generate_series(1, 6) n, LATERAL flattest.compare_order('$table', '$op',
			CASE WHEN n = 6 THEN flattest.zero_vector($dims) ELSE flattest.nth_vector(n, $dims) END, '{1,20,NULL}') c
		WHERE c IS NOT NULL});
	return;
}

# ---- Other backends remember ----

# A crowd of sessions that search between one change and the next.
my @crowd = map { $node->background_psql('postgres', on_error_stop => 0) } 1 .. 3;
my $search = q{
	SELECT flattest.insist(flattest.compare_order('t', '<->', flattest.nth_vector(n, 20), '{5,NULL}'))
	FROM generate_series(1, 3) n;
	SELECT flattest.insist(flattest.compare_count('t'))};

sub crowd_searches
{
	my ($title, $sql) = @_;
	my @errors;

	for my $session (@crowd)
	{
		$session->query($sql // $search);
		push @errors, $session->{stderr} =~ s/background_psql:[^\n]*\n//gr;
		$session->{stderr} = '';
	}
	is(join('', @errors), '', "$title: sessions that were there before see it right");
	return;
}

$node->safe_psql('postgres', qq{
	CREATE TABLE t (id int, v vector($dims));
	SELECT flattest.fill('t', 1, 1500, $dims, 10, 0.2);
	CREATE INDEX t_v ON t USING flat (v vector_l2_ops)});
crowd_searches('first');

my $tablespace = $node->basedir . '/space';
mkdir $tablespace;
my $refill = "SELECT flattest.fill('t', 5000, 400, $dims, 5, 0.9)";
for my $change (
	[ 'REINDEX', 'REINDEX INDEX t_v' ],
	[ 'REINDEX CONCURRENTLY', 'REINDEX INDEX CONCURRENTLY t_v' ],
	[ 'TRUNCATE', "TRUNCATE t" ],
	[ 'insert into an empty index', $refill ],
	[ 'TRUNCATE and refill in one transaction', "BEGIN; TRUNCATE t; $refill; COMMIT" ],
	[ 'TRUNCATE rolled back', "BEGIN; TRUNCATE t; $refill; ROLLBACK" ],
	[ 'DROP and CREATE', "DROP INDEX t_v; CREATE INDEX t_v ON t USING flat (v vector_l2_ops) WITH (quantizer = 'none')" ],
	[ 'REINDEX with another quantizer', "ALTER INDEX t_v SET (quantizer = 'sq8'); $refill; REINDEX INDEX t_v" ],
	[ 'CLUSTER', 'CREATE INDEX t_id ON t (id); CLUSTER t USING t_id; DROP INDEX t_id' ],
	[ 'VACUUM FULL', 'DELETE FROM t WHERE id % 3 = 0; VACUUM FULL t' ],
	[ 'SET TABLESPACE', "CREATE TABLESPACE space LOCATION '$tablespace'; ALTER TABLE t SET TABLESPACE space; ALTER INDEX t_v SET TABLESPACE space" ],
	[ 'SET UNLOGGED', 'ALTER TABLE t SET UNLOGGED' ],
	[ 'SET LOGGED', "ALTER TABLE t SET LOGGED; $refill" ],
	[ 'ALTER TYPE', 'ALTER TABLE t ALTER v TYPE vector(40) USING v || v; ALTER TABLE t ALTER v TYPE vector(20) USING subvector(v, 1, 20)' ],
	[ 'growth by many extents', "SELECT flattest.fill('t', 10000, 6000, $dims, 5, 0.3)" ])
{
	my ($title, $sql) = @$change;
	$node->safe_psql('postgres', $sql);
	crowd_searches($title);
	agrees("$title: sound", 't', 't_v');
}

# The same table name and perhaps the same file name, but another table
$node->safe_psql('postgres', qq{
	BEGIN; DROP TABLE t; CREATE TABLE t (id int, v vector($dims)); $refill;
	CREATE INDEX t_v ON t USING flat (v vector_l2_ops); COMMIT});
crowd_searches('DROP and CREATE TABLE');
$_->quit for @crowd;

# ---- Rebuilt under the same file name ----

complaints($node, 'TRUNCATE in the transaction that created the table', qq{
	BEGIN;
	CREATE TABLE young (id int, v vector($dims));
	CREATE INDEX young_v ON young USING flat (v vector_l2_ops);
	SELECT flattest.fill('young', 1, 800, $dims, 10, 0.2);
	SELECT flattest.compare_order('young', '<->', flattest.nth_vector(2, $dims), '{5,NULL}');
	TRUNCATE young;
	SELECT flattest.compare_order('young', '<->', flattest.nth_vector(2, $dims), '{5,NULL}');
	SELECT flattest.fill('young', 1, 300, $dims, 3, 0.7);
	SELECT flattest.compare_order('young', '<->', flattest.nth_vector(2, $dims), '{5,NULL}');
	TRUNCATE young;
	SELECT flattest.fill('young', 1, 900, $dims, 3, 0.8);
	SELECT flattest.compare_order('young', '<->', flattest.nth_vector(2, $dims), '{5,NULL}');
	COMMIT;
	SELECT flattest.compare_order('young', '<->', flattest.nth_vector(2, $dims), '{5,NULL}');
	SELECT flattest.check_index('young_v')});

complaints($node, 'ON COMMIT DELETE ROWS', qq{
	CREATE TEMP TABLE passing (id int, v vector($dims)) ON COMMIT DELETE ROWS;
	CREATE INDEX passing_v ON passing USING flat (v vector_l2_ops)},
	(map { qq{
	BEGIN;
	SELECT flattest.fill('passing', 1, $_ * 211, $dims, 10, 0.0$_);
	SELECT flattest.compare_order('passing', '<->', flattest.nth_vector($_, $dims), '{5,NULL}');
	SELECT flattest.check_index('passing_v');
	DELETE FROM passing WHERE id % 2 = 0;
	SELECT flattest.compare_order('passing', '<->', flattest.nth_vector($_, $dims), '{5,NULL}');
	COMMIT;
	SELECT flattest.compare_order('passing', '<->', flattest.nth_vector($_, $dims), '{5,NULL}')} } 1 .. 5));

complaints($node, 'a temporary table in 100 buffers: insert, delete, vacuum, reuse', qq{
	SET temp_buffers = 100;
	CREATE TEMP TABLE scratch (id int, v vector($dims));
	CREATE INDEX scratch_v ON scratch USING flat (v vector_l2_ops);
	SELECT flattest.fill('scratch', 1, 1500, $dims, 10, 0.3);
	SELECT flattest.compare_order('scratch', '<->', flattest.nth_vector(1, $dims), '{5,NULL}');
	DELETE FROM scratch WHERE id % 3 > 0;
	VACUUM scratch;
	SELECT flattest.compare_order('scratch', '<->', flattest.nth_vector(1, $dims), '{5,NULL}');
	SELECT flattest.check_index('scratch_v');
	SELECT flattest.fill('scratch', 3001, 1500, $dims, 10, 0.4);
	SELECT flattest.compare_order('scratch', '<->', flattest.nth_vector(1, $dims), '{5,NULL}');
	SELECT flattest.compare_count('scratch');
	SELECT flattest.check_index('scratch_v')});

# A savepoint that creates, and is rolled back
complaints($node, 'a build that is rolled back leaves no memory of it', qq{
	CREATE TABLE undone (id int, v vector($dims));
	SELECT flattest.fill('undone', 1, 400, $dims, 10, 0.2);
	CREATE INDEX undone_v ON undone USING flat (v vector_l2_ops);
	SELECT flattest.compare_order('undone', '<->', flattest.nth_vector(1, $dims), '{5,NULL}');
	BEGIN;
	SAVEPOINT a;
	TRUNCATE undone;
	SELECT flattest.fill('undone', 1, 100, $dims, 2, 0.5);
	SELECT flattest.compare_order('undone', '<->', flattest.nth_vector(1, $dims), '{5,NULL}');
	ROLLBACK TO a;
	SELECT flattest.compare_order('undone', '<->', flattest.nth_vector(1, $dims), '{5,NULL}');
	REINDEX TABLE undone;
	INSERT INTO undone SELECT id + 10000, v FROM undone;
	SELECT flattest.compare_order('undone', '<->', flattest.nth_vector(1, $dims), '{5,NULL}');
	ROLLBACK;
	SELECT flattest.compare_order('undone', '<->', flattest.nth_vector(1, $dims), '{5,NULL}');
	SELECT flattest.check_index('undone_v')});

# ---- CREATE INDEX CONCURRENTLY ----

for my $size (300, size(5000, 50000))
{
	# $first is open when the build wants to begin; $second wrote before the
	# index took inserts and commits after the build has scanned the table: its
	# rows come in by validation; $third writes while the build waits for it.
	$node->safe_psql('postgres', qq{
		DROP TABLE IF EXISTS c; CREATE TABLE c (id int, v vector($dims), w int) WITH (fillfactor = 70);
		ALTER TABLE c ALTER v SET STORAGE PLAIN;
		SELECT flattest.fill('c', 1, $size, $dims, 10, 0.6)});
	my ($first, $second, $third, $builder) = map { $node->background_psql('postgres') } 1 .. 4;
	$first->query_safe(qq{BEGIN; SELECT flattest.fill('c', 100001, 200, $dims, 10, 0.1)});
	$builder->query_until(qr/begun/, qq{\\echo begun
		CREATE INDEX CONCURRENTLY c_v ON c USING flat (v vector_l2_ops);
	});
	wait_for_lock_wait($node, 'CREATE INDEX');
	$second->query_safe(qq{BEGIN; SELECT flattest.fill('c', 200001, 200, $dims, 10, 0.2);
		UPDATE c SET w = 1 WHERE id % 10 = 3 AND id < 100000; DELETE FROM c WHERE id % 10 = 4 AND id < 100000});
	$first->query_safe('COMMIT');
	# Now it waits for the second one: it has built what it saw.
	$node->poll_query_until('postgres', q{
		SELECT indisready FROM pg_index WHERE indexrelid = 'c_v'::regclass}) or die;
	$third->query_safe(qq{
		SELECT flattest.fill('c', 300001, 300, $dims, 10, 0.1);
		BEGIN; SELECT flattest.fill('c', 400001, 50, $dims, 10, 0.1); ROLLBACK;
		DELETE FROM c WHERE id % 10 = 5;
		UPDATE c SET w = 2 WHERE id % 10 = 6;
		UPDATE c SET v = flattest.nth_vector(3, $dims) WHERE id % 10 = 7 AND id < 2000});
	$second->query_safe('COMMIT');
	$builder->query_safe('SELECT 1');
	$_->quit for ($first, $second, $third, $builder);
	is($node->safe_psql('postgres', q{SELECT indisvalid FROM pg_index WHERE indexrelid = 'c_v'::regclass}),
		't', "CREATE INDEX CONCURRENTLY of $size rows amid writers");
	agrees("$size rows: nothing is missing, nothing double", 'c', 'c_v');
	$node->safe_psql('postgres', 'VACUUM c; REINDEX INDEX CONCURRENTLY c_v');
	agrees("$size rows: reindexed concurrently", 'c', 'c_v');
}

# ---- Vacuum stopped half-way ----

for my $point ('vacuum-marked', 'vacuum-unlinked')
{
	$node->safe_psql('postgres', qq{
		DROP TABLE IF EXISTS h; CREATE TABLE h (id int, v vector($dims));
		SELECT flattest.fill('h', 1, 2000, $dims, 10, 0.6);
		INSERT INTO h SELECT g, flattest.nth_vector(g % 3, $dims) FROM generate_series(3000, 4500) g;
		CREATE INDEX h_v ON h USING flat (v vector_l2_ops);
		DELETE FROM h WHERE id % 3 < 2 AND id <> 3500});
	my $holder = hold_debug_point($node);
	my $vacuum = $node->background_psql('postgres', on_error_stop => 0);
	$vacuum->query_until(qr/begun/, qq{LOAD 'vecext'; SET vecext.debug_point = '$point';
		\\echo begun
		VACUUM h;
	});
	wait_for_lock_wait($node, 'VACUUM h');
	complaints($node, "$point: answers while vacuum stands there", qq{
		SELECT c FROM generate_series(1, 6) n, LATERAL flattest.compare_order('h', '<->', flattest.nth_vector(n, $dims), '{1,20,NULL}') c
		WHERE c IS NOT NULL;
		SELECT c FROM flattest.compare_count('h') c WHERE c IS NOT NULL});
	# The chains grow while vacuum has a picture of them.
	$node->safe_psql('postgres', qq{
		INSERT INTO h SELECT g, flattest.nth_vector(1, $dims) FROM generate_series(5000, 12000) g;
		INSERT INTO h SELECT g, flattest.nth_vector(g % 3, $dims) FROM generate_series(12000, 13000) g});
	release_debug_point($holder);
	$vacuum->query('SELECT 1');
	is($vacuum->{stderr} =~ s/background_psql[^\n]*\n//gr, '', "$point: vacuum goes on among rows inserted meanwhile");
	$vacuum->quit;
	agrees("$point: after it", 'h', 'h_v');

	# Cancelled there, then crashed, then done.
	$node->safe_psql('postgres', 'DELETE FROM h WHERE id % 4 = 1');
	$holder = hold_debug_point($node);
	$vacuum = $node->background_psql('postgres', on_error_stop => 0);
	$vacuum->query_until(qr/begun/, qq{LOAD 'vecext'; SET vecext.debug_point = '$point';
		\\echo begun
		VACUUM h;
	});
	wait_for_lock_wait($node, 'VACUUM h');
	$node->safe_psql('postgres', q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query ~ '^\s*VACUUM h'});
	$vacuum->query('SELECT 1');
	like($vacuum->{stderr}, qr/canceling statement/, "$point: vacuum is cancelled");
	$vacuum->quit;
	release_debug_point($holder);
	agrees("$point: after the cancel", 'h', 'h_v');
	$node->safe_psql('postgres', qq{INSERT INTO h SELECT g, flattest.nth_vector(g % 5, $dims) FROM generate_series(20000, 21000) g});
	agrees("$point: inserts after the cancel", 'h', 'h_v');
	$node->stop('immediate');
	$node->start;
	agrees("$point: after a crash", 'h', 'h_v');
	$node->safe_psql('postgres', 'DELETE FROM h WHERE id % 5 = 1; VACUUM h');
	agrees("$point: a vacuum that finishes the work", 'h', 'h_v');
	$node->safe_psql('postgres', qq{
		DELETE FROM h; VACUUM h;
		INSERT INTO h SELECT g, flattest.nth_vector(g % 50, $dims) FROM generate_series(1, 3000) g});
	agrees("$point: everything deleted and used again", 'h', 'h_v');
}

# ---- Slots are used again ----

{
	$node->safe_psql('postgres', qq{
		CREATE TABLE reuse (id int, v vector($dims));
		CREATE INDEX reuse_v ON reuse USING flat (v vector_l2_ops)});
	my @sizes;
	for my $round (1 .. 5)
	{
		$node->safe_psql('postgres', "SELECT flattest.fill('reuse', $round * 10000, 2000, $dims, 50, 0.1 * $round)");
		push @sizes, $node->safe_psql('postgres', q{SELECT rows FROM flat_index_info('reuse_v')});
		$node->safe_psql('postgres', 'DELETE FROM reuse WHERE true');
		$node->safe_psql('postgres', 'VACUUM reuse');
		# What vacuum freed may be used once a transaction has passed.
		$node->safe_psql('postgres', 'SELECT txid_current()');
	}
	cmp_ok($sizes[-1], '<=', $sizes[0] * 1.1, "slots are used again: @sizes");
	complaints($node, 'an index whose rows are all gone', qq{
		SELECT c FROM flattest.check_index('reuse_v') c WHERE c IS NOT NULL;
		SELECT c FROM flattest.compare_order('reuse', '<->', flattest.nth_vector(1, $dims), '{1,NULL}') c WHERE c IS NOT NULL});
}

# ---- Strange shapes ----

my $many = size(20000, 100000);
for my $quantizer ('sq8', 'none')
{
	for my $shape (
		[ 'no rows', 'SELECT NULL::int, NULL::vector WHERE false' ],
		[ 'one row', "SELECT 1, flattest.nth_vector(7, $dims)" ],
		[ 'one NULL', 'SELECT 1, NULL::vector' ],
		[ 'one zero vector', "SELECT 1, flattest.zero_vector($dims)" ],
		[ 'only NULLs', 'SELECT g, NULL::vector FROM generate_series(1, 3000) g' ],
		[ 'only equal rows', "SELECT g, v FROM generate_series(1, $many) g, (SELECT flattest.nth_vector(7, $dims) AS v OFFSET 0) s" ],
		[ 'only zero vectors', "SELECT g, v FROM generate_series(1, 3000) g, (SELECT flattest.zero_vector($dims) AS v OFFSET 0) s" ])
	{
		my ($title, $rows) = @$shape;
		for my $op ('<->', '<=>', '<#>')
		{
			my %class = ('<->' => 'l2', '<=>' => 'cosine', '<#>' => 'ip');
			next if $op ne '<->' && $title =~ /only equal/;
			$node->safe_psql('postgres', qq{
				DROP TABLE IF EXISTS strange; CREATE TABLE strange (id int, v vector($dims));
				INSERT INTO strange $rows;
				CREATE INDEX strange_v ON strange USING flat (v vector_$class{$op}_ops) WITH (quantizer = '$quantizer');
				ANALYZE strange});
			agrees("$quantizer, $title, $op: built", 'strange', 'strange_v', $op);
			$node->safe_psql('postgres', qq{
				TRUNCATE strange; INSERT INTO strange $rows;
				DELETE FROM strange WHERE id % 2 = 0; VACUUM strange; INSERT INTO strange $rows; ANALYZE strange});
			agrees("$quantizer, $title, $op: inserted, half deleted, inserted again", 'strange', 'strange_v', $op);
			next if $title !~ /only equal/;
			complaints($node, "$quantizer, $title: in parallel", qq{
				SET flattest.parallel = 2;
				SELECT c FROM flattest.compare_order('strange', '<->', flattest.nth_vector(7, $dims), '{3,NULL}') c WHERE c IS NOT NULL;
				SELECT c FROM flattest.compare_order('strange', '<->', flattest.nth_vector(8, $dims), '{3,NULL}') c WHERE c IS NOT NULL});
			my $info = $node->safe_psql('postgres', q{SELECT nodes FROM flat_index_info('strange_v')});
			cmp_ok($info, '<=', 2, "$quantizer: equal vectors share a node");
		}
	}
}

# The most dimensions there may be: one code a page.  Smaller blocks hold less
# (docs/user/limits.md).
my $small = $node->safe_psql('postgres', 'SHOW block_size') == 4096;
for my $wide ([ 'sq8', $small ? 3940 : 8000 ], [ 'none', $small ? 985 : 2000 ])
{
	my ($quantizer, $most) = @$wide;
	complaints($node, "$quantizer: $most dimensions", qq{
		CREATE TABLE wide_$quantizer (id int, v vector($most));
		SELECT flattest.fill('wide_$quantizer', 1, 60, $most, 3, 0.2);
		CREATE INDEX wide_${quantizer}_v ON wide_$quantizer USING flat (v vector_l2_ops) WITH (quantizer = '$quantizer');
		SELECT flattest.fill('wide_$quantizer', 100, 60, $most, 3, 0.3);
		DELETE FROM wide_$quantizer WHERE id % 3 = 0; VACUUM wide_$quantizer;
		SELECT flattest.fill('wide_$quantizer', 200, 60, $most, 3, 0.4);
		SELECT c FROM (SELECT v FROM wide_$quantizer WHERE v IS NOT NULL LIMIT 3) s,
			flattest.compare_order('wide_$quantizer', '<->', v, '{3,NULL}') c WHERE c IS NOT NULL;
		SELECT c FROM flattest.check_index('wide_${quantizer}_v') c WHERE c IS NOT NULL});
	my ($code, $out, $err) = try_sql($node, sprintf(
		q{CREATE TABLE beyond (v vector(%d)); CREATE INDEX ON beyond USING flat (v vector_l2_ops) WITH (quantizer = '%s')},
		$most + 1, $quantizer));
	like($err, qr/column cannot have more than $most dimensions for flat index/, '... and one more is refused');
	$node->safe_psql('postgres', 'DROP TABLE beyond');
}

# ---- Workers that cannot be had ----

# Each Gather of a running query keeps a segment of shared memory, and the
# server has a fixed number of them (64, and 5 for each backend).
{
	my $holder = $node->background_psql('postgres');
	$holder->query_safe(q{
		CREATE TABLE few AS SELECT generate_series(1, 5) AS id;
		ALTER TABLE few SET (parallel_workers = 1);
		SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET max_parallel_workers = 0});
	$holder->query_until(qr/holding/, "\\echo holding\nSELECT "
		  . join('', map { "(SELECT count(*) FROM few WHERE id <> $_) + " } 1 .. 500)
		  . "length(pg_sleep(600)::text);\n");
	$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'})
	  or die 'nobody holds the segments';
	my ($code, $out, $err) = try_sql($node, q{
		CREATE TABLE many (id int, v vector(3));
		INSERT INTO many SELECT i, ARRAY[i, 1, i % 7]::vector FROM generate_series(1, 5000) i;
		SET min_parallel_table_scan_size = 0;
		CREATE INDEX many_v ON many USING flat (v vector_l2_ops)});
	is($code, 0, 'an index is built without shared memory for workers');
	like($err, qr/NOTICE:  index "many_v" is built without parallel workers/, '... which is said');
	complaints($node, '... and is sound', q{SELECT c FROM flattest.check_index('many_v') c WHERE c IS NOT NULL});
	$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'});
	eval { $holder->quit };
	$node->safe_psql('postgres', 'DROP TABLE few');
	($code, $out, $err) = try_sql($node, q{
		DROP INDEX many_v;
		SET min_parallel_table_scan_size = 0; SET client_min_messages = debug1;
		CREATE INDEX many_v ON many USING flat (v vector_l2_ops)});
	like($err, qr/using [1-9] parallel workers/, '... with workers when there is room again');
}

# ---- What it cannot do ----

my ($code, $out, $err) = try_sql($node, qq{
	CREATE TABLE excluded (v vector(3), EXCLUDE USING flat (v vector_l2_ops WITH =))});
isnt($code, 0, 'EXCLUDE USING flat is refused');
like($err, qr/ERROR/, '... with an error: ' . ($err =~ /(ERROR:[^\n]*)/ ? $1 : $err));
for my $bad (
	[ 'CREATE UNIQUE INDEX ON t USING flat (v vector_l2_ops)', qr/does not support unique indexes/ ],
	[ 'CREATE INDEX ON t USING flat (id, v vector_l2_ops)', qr/first column of index .* must be a vector/ ],
	[ 'CREATE INDEX ON t USING flat (v vector_l2_ops, v vector_l2_ops)', qr/column 2 of index .* cannot be a vector/ ],
	[ 'CREATE INDEX ON t USING flat (v vector_l2_ops) INCLUDE (id)', qr/does not support included columns/ ],
	[ 'CREATE INDEX ON t USING flat (v vector_l2_ops DESC)', qr/does not support ASC\/DESC options/ ],
	[ 'CREATE INDEX ON t USING flat (v)', qr/no default operator class/ ],
	[ 'CREATE TABLE nodims (v vector); CREATE INDEX ON nodims USING flat (v vector_l2_ops)', qr/column does not have dimensions/ ],
	[ q{CREATE INDEX ON t USING flat (v vector_l2_ops) WITH (quantizer = 'pq')}, qr/invalid value for enum option "quantizer"/ ],
	[ 'CLUSTER t USING t_v', qr/access method does not support clustering/ ])
{
	($code, $out, $err) = try_sql($node, $bad->[0]);
	like($err, $bad->[1], $bad->[0]);
}

$node->stop;
check_log($node);
done_testing();
