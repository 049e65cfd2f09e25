# A vacuum that stands at each of its steps, while others search and insert; is
# cancelled there; then the server crashes. What it leaves is sound, and the
# next one finishes it. Large enough that searches walk along the graph.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dims = 16;
my $rows = size(4000, 100000);
my $node = new_server('hnsw_vacuum_stopped', q{
shared_buffers = 64MB
wal_consistency_checking = 'generic'
statement_timeout = '60s'
});
install_functions($node);
install_walk_functions($node);
my $half = "array_fill(0.5::float4, ARRAY[$dims])::vector";

sub sound
{
	my ($title) = @_;

	complaints($node, "$title: sound", "SELECT * FROM hnsw_index_check('h_v', heap => true)");
	return;
}

# What walks give, rows of this moment, each once
sub walks
{
	my ($title) = @_;

	complaints($node, "$title: searches", 'SET hnsw.ef_search = 10', qq{
		SELECT n, lim, c FROM generate_series(1, 3) n, unnest('{10,150,NULL}'::int[]) lim,
			LATERAL flattest.compare_walk('h', '<->', flattest.nth_vector(n, $dims) * $half, lim) c WHERE c IS NOT NULL});
	return;
}

sub vacuum_to
{
	my ($point) = @_;
	my $holder = hold_debug_point($node);
	my $vacuum = $node->background_psql('postgres', on_error_stop => 0);

	$vacuum->query_until(qr/begun/, qq{LOAD 'vecext'; SET vecext.debug_point = '$point';
		\\echo begun
		VACUUM h;
	});
	wait_for_lock_wait($node, 'VACUUM h');
	return ($holder, $vacuum);
}

# The same of an insert; who holds the point is there already.
sub insert_to
{
	my ($point, $values) = @_;
	my $insert = $node->background_psql('postgres', on_error_stop => 0);

	$insert->query_until(qr/begun/, qq{LOAD 'vecext'; SET vecext.debug_point = '$point';
		\\echo begun
		INSERT INTO h $values;
	});
	my $pattern = $values =~ s/[()\[\]+*.]/./gr;
	wait_for_lock_wait($node, "INSERT INTO h $pattern");
	return $insert;
}

# A graph of small lists, and nobody lives in it
sub three_dead_rows
{
	$node->safe_psql('postgres', qq{
		DROP TABLE h;
		CREATE TABLE h (id int, v vector($dims));
		CREATE INDEX h_v ON h USING hnsw (v vector_l2_ops) WITH (m = 2);
		INSERT INTO h SELECT g, flattest.nth_vector(g, $dims) FROM generate_series(1, 3) g;
		DELETE FROM h});
	return;
}

# Cancel what stands there; the session may still tell what it said.
sub cancel
{
	my ($session, $query) = @_;

	$node->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query ~ '^\\s*$query'");
	$session->query('SELECT 1');
	$session->quit;
	return $session->{stderr};
}

for my $point ('vacuum-marked', 'vacuum-unlinked', 'hnsw-vacuum-marked', 'hnsw-vacuum-planted',
	'hnsw-vacuum-repairing', 'hnsw-vacuum-repaired', 'hnsw-vacuum-freeing', 'hnsw-vacuum-freed')
{
	# Every third row goes, all upper levels' entry among them, and a whole
	# neighbourhood.
	$node->safe_psql('postgres', qq{
		DROP TABLE IF EXISTS h;
		CREATE TABLE h (id int, v vector($dims));
		SELECT flattest.fill_cloud('h', 1, $rows, $dims, 0.6);
		INSERT INTO h SELECT id + 100000, v FROM h WHERE id % 50 = 1;
		CREATE INDEX h_v ON h USING hnsw (v vector_l2_ops) WITH (m = 6, ef_construction = 30);
		DELETE FROM h WHERE id % 3 = 0 OR v <-> (flattest.nth_vector(1, $dims) * $half) < 1.2});

	# ---- Others are at work meanwhile ----

	my ($holder, $vacuum) = vacuum_to($point);
	walks("$point: vacuum stands there");
	$node->safe_psql('postgres', qq{
		SELECT flattest.fill_cloud('h', 200001, 300, $dims, 0.1);
		INSERT INTO h SELECT 300000 + id, v FROM h WHERE id % 40 = 1;
		DELETE FROM h WHERE id % 7 = 1 AND id < 100000});
	walks("$point: ... others have written");
	release_debug_point($holder);
	$vacuum->query('SELECT 1');
	is($vacuum->{stderr} =~ s/background_psql[^\n]*\n//gr, '', "$point: vacuum goes on");
	$vacuum->quit;
	walks("$point: afterwards");
	sound("$point: afterwards");

	# ---- Cancelled, then a crash ----

	$node->safe_psql('postgres', 'DELETE FROM h WHERE id % 4 = 1');
	($holder, $vacuum) = vacuum_to($point);
	$node->safe_psql('postgres', q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query ~ '^\s*VACUUM h'});
	$vacuum->query('SELECT 1');
	like($vacuum->{stderr}, qr/canceling statement/, "$point: vacuum is cancelled");
	$vacuum->quit;
	release_debug_point($holder);
	sound("$point: after the cancel");
	walks("$point: after the cancel");
	$node->safe_psql('postgres', "SELECT flattest.fill_cloud('h', 400001, 300, $dims, 0.2)");
	kill_server($node);
	$node->start;
	sound("$point: after a crash");
	walks("$point: after a crash");
	$node->safe_psql('postgres', "SELECT flattest.fill_cloud('h', 500001, 300, $dims, 0.3)");
	sound("$point: after a crash and inserts");
	$node->safe_psql('postgres', 'DELETE FROM h WHERE id % 5 = 1; VACUUM h');
	sound("$point: after the next vacuum");
	walks("$point: after the next vacuum");
	my $recall = $node->safe_psql('postgres', "SELECT mean_recall FROM hnsw_recall('h_v', 10, 200, 60)");
	$node->safe_psql('postgres', 'REINDEX INDEX h_v');
	my $anew = $node->safe_psql('postgres', "SELECT mean_recall FROM hnsw_recall('h_v', 10, 200, 60)");
	cmp_ok($recall, '>', $anew - 0.03, "$point: recall $recall then, $anew when built anew");

	# ---- Nothing is left, and all comes again ----

	$node->safe_psql('postgres', 'DELETE FROM h');
	($holder, $vacuum) = vacuum_to($point);
	kill_server($node);
	eval { $vacuum->quit };
	eval { $holder->quit };
	$node->start;
	sound("$point: all rows deleted, and a crash");
	$node->safe_psql('postgres', "INSERT INTO h SELECT 0, flattest.nth_vector(1, $dims)");
	is($node->safe_psql('postgres', "SET enable_seqscan = off; SELECT id FROM h ORDER BY v <-> flattest.nth_vector(2, $dims) LIMIT 3"), 0, '... one row');
	$node->safe_psql('postgres', 'VACUUM h');
	sound("$point: ... and a vacuum");
	$node->safe_psql('postgres', "SELECT flattest.fill_cloud('h', 1, 3000, $dims, 0.8)");
	sound("$point: ... filled again");
	walks("$point: ... filled again");
}

# ---- An entry point that is newer than what vacuum looks at ----

# Its list may be full, and the one before it hang from another new node.
for (1 .. 5)
{
	my ($holder, $vacuum, $entry);

	# Levels are drawn: one of the many is higher than all before it, as a rule.
	for my $try (1 .. 6)
	{
		$node->safe_psql('postgres', qq{
			DROP TABLE h;
			CREATE TABLE h (id int, v vector($dims));
			SELECT flattest.fill_cloud('h', 1, 90, $dims, 0.6);
			CREATE INDEX h_v ON h USING hnsw (v vector_l2_ops) WITH (m = 2, ef_construction = 10);
			DELETE FROM h WHERE id % 3 = 0});
		($holder, $vacuum) = vacuum_to('hnsw-vacuum-marked');
		$entry = 0;
		for (my $from = 1001; $entry < 300 && $from < 30000; $from += 4000)
		{
			$node->safe_psql('postgres', "SELECT flattest.fill_cloud('h', $from, 4000, $dims, $from / 100000.0)");
			$entry = $node->safe_psql('postgres', "SELECT entry_node FROM hnsw_index_info('h_v')");
		}
		last if $entry >= 300;
		release_debug_point($holder);
		$vacuum->query('SELECT 1');
		$vacuum->quit;
	}
	cmp_ok($entry, '>=', 300, "a new entry point, node $entry");
	release_debug_point($holder);
	$vacuum->query('SELECT 1');
	is($vacuum->{stderr} =~ s/background_psql[^\n]*\n//gr, '', '... vacuum goes on');
	$vacuum->quit;
	sound('a new entry point');
	walks('a new entry point');
}

# ---- Lists that are full of protected links to dead nodes ----

# In many dimensions a zero vector is the nearest of all that are strewn around
# it, and protects as many as it has room for.  They die, it does not.
for my $m (2, 4, 16)
{
	my $many = 60 * $m;
	my $ef = $m < 5 ? 10 : 2 * $m;

	$node->safe_psql('postgres', qq{
		DROP TABLE h;
		CREATE TABLE h (id int, v vector($dims));
		CREATE INDEX h_v ON h USING hnsw (v vector_l2_ops) WITH (m = $m, ef_construction = $ef);
		INSERT INTO h VALUES (0, flattest.zero_vector($dims))});
	for my $round (1 .. 4)
	{
		my $left = $round * 3;

		$node->safe_psql('postgres', "SELECT flattest.fill_cloud('h', 1, $many, $dims, 0.1 * $round); DELETE FROM h WHERE id > $left");
		my ($code, $out, $err) = try_sql($node, 'VACUUM h');
		is($err, '', "m = $m, round $round: vacuum where the dead are protected");
		sound("m = $m, round $round: few are left");

		# Rows come while nobody but the zero vector and the dead are there.
		$node->safe_psql('postgres', "SELECT flattest.fill_cloud('h', 1, $many, $dims, 0.1 * $round + 0.05); DELETE FROM h WHERE id > 0");
		my ($holder, $vacuum) = vacuum_to('hnsw-vacuum-marked');
		$node->safe_psql('postgres', "SELECT flattest.fill_cloud('h', 10001, 30, $dims, 0.7)");
		release_debug_point($holder);
		$vacuum->query('SELECT 1');
		is($vacuum->{stderr} =~ s/background_psql[^\n]*\n//gr, '', "m = $m, round $round: ... and rows come meanwhile");
		$vacuum->quit;
		sound("m = $m, round $round: rows have come among the dead");
	}
}

# ---- Two inserts among the dead, the second on a page that the first does not know ----

# The first stands before it takes the place of a dead node in the only list
# there is; the second takes that meanwhile.
{
	my $fits = $node->safe_psql('postgres', q{SELECT (current_setting('block_size')::int - 48) / 12});
	my $others = $fits - 2;

	$node->safe_psql('postgres', qq{
		DROP TABLE h;
		CREATE TABLE h (id int, v vector($dims));
		CREATE INDEX h_v ON h USING hnsw (v vector_l2_ops) WITH (m = 2, ef_construction = 10);
		INSERT INTO h VALUES (0, flattest.zero_vector($dims));
		SELECT flattest.fill_cloud('h', 1, $others, $dims, 0.6)});
	is($node->safe_psql('postgres', "SELECT nodes FROM hnsw_index_info('h_v')"), $fits - 1, 'one more node fits its page');
	$node->safe_psql('postgres', 'DELETE FROM h WHERE id > 0');
	my ($holder, $vacuum) = vacuum_to('hnsw-vacuum-marked');
	my $insert = insert_to('hnsw-insert-protecting', "SELECT 10001, flattest.nth_vector(10001, $dims)");
	$node->safe_psql('postgres', "INSERT INTO h SELECT 10002, flattest.nth_vector(10002, $dims)");
	cancel($vacuum, 'VACUUM h');
	release_debug_point($holder);
	$insert->query('SELECT 1');
	is($insert->{stderr} =~ s/background_psql[^\n]*\n//gr, '', 'both rows are inserted');
	$insert->quit;
	sound('two inserts among the dead');
}

# ---- An insert at a node that is freed ----

# It has come down to a dead node of level 1 by lists that vacuum has not
# repaired, and stands there while vacuum goes on to its end; where the entry
# point is among the dead vacuum waits for it sooner.
for my $hole (map { "(flattest.nth_vector($_, $dims) * $half)" } 1 .. 3)
{
	$node->safe_psql('postgres', qq{
		DROP TABLE h;
		CREATE TABLE h (id int, v vector($dims));
		SELECT flattest.fill_cloud('h', 1, 3000, $dims, 0.6);
		CREATE INDEX h_v ON h USING hnsw (v vector_l2_ops) WITH (m = 4, ef_construction = 16);
		SET enable_seqscan = off;
		DELETE FROM h WHERE id IN (SELECT id FROM h ORDER BY v <-> $hole LIMIT 300)});
	my ($holder, $vacuum) = vacuum_to('hnsw-vacuum-planted');

	my $second = hold_debug_point_next($node);
	my $insert = insert_to('hnsw-insert-descended', "VALUES (5001, $hole)");
	release_debug_point($holder);
	$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE query ~ '^\s*VACUUM h' AND
		state = 'active' AND wait_event IS DISTINCT FROM 'page'}) or die 'vacuum neither ends nor waits for the insert';
	release_debug_point($second);
	$_->query('SELECT 1') for $insert, $vacuum;
	is($insert->{stderr} =~ s/background_psql[^\n]*\n//gr, '', 'an insert stands at a node that vacuum wants to free');
	$_->quit for $insert, $vacuum;
	sound('an insert at a node that is freed');
	is($node->safe_psql('postgres', "SET enable_seqscan = off; SELECT id FROM h ORDER BY v <-> $hole LIMIT 1"), 5001,
		'... and its row is found');
}

# ---- An insert among the dead that lead to dead ones only ----

# They came after all others and fill each other's lists; the entry point is
# among the dead, too, and most of those that live are of a higher level than
# the new node.
for my $round (1 .. 4)
{
	$node->safe_psql('postgres', qq{
		DROP TABLE h;
		CREATE TABLE h (id int, v vector($dims));
		INSERT INTO h SELECT g, flattest.nth_vector(g, $dims) FROM generate_series(1, 60) g;
		CREATE INDEX h_v ON h USING hnsw (v vector_l2_ops) WITH (m = 2, ef_construction = 8);
		INSERT INTO h SELECT 1000 + g, flattest.nth_vector(g, $dims) * array_fill(0.01::float4, ARRAY[$dims])::vector +
			array_fill(100::float4, ARRAY[$dims])::vector FROM generate_series(1, 200) g;
		DELETE FROM h WHERE id > 1000 OR id % 6 > 0});
	my ($holder, $vacuum) = vacuum_to('hnsw-vacuum-marked');
	cancel($vacuum, 'VACUUM h');
	release_debug_point($holder);
	$node->safe_psql('postgres', "INSERT INTO h VALUES (5001, array_fill(100::float4, ARRAY[$dims])::vector)");
	sound("an insert among the dead, $round");
	$node->safe_psql('postgres', 'VACUUM h');
	sound('... and a vacuum');
}

# ---- Two inserts among the dead that are to be the entry point ----

# Of the two the one of the higher level has to be it.
for my $round (1 .. 6)
{
	three_dead_rows();
	my ($holder, $vacuum) = vacuum_to('hnsw-vacuum-marked');
	cancel($vacuum, 'VACUUM h');

	my @inserts;
	for my $id (5001, 5002)
	{
		push @inserts, insert_to('hnsw-insert-raising', "VALUES ($id, flattest.nth_vector($id, $dims))");
	}
	release_debug_point($holder);
	$_->query('SELECT 1') for @inserts;
	$_->quit for @inserts;
	sound("two inserts are to be the entry point, $round");
}

# ---- An insert that never links its node ----

# The vector was there before, and what vacuum has left of it leads to the
# place where it comes again.
$node->safe_psql('postgres', qq{
	DROP TABLE h;
	CREATE TABLE h (id int, v vector($dims));
	SELECT flattest.fill_cloud('h', 1, 3000, $dims, 0.6);
	CREATE INDEX h_v ON h USING hnsw (v vector_l2_ops) WITH (m = 4, ef_construction = 16);
	INSERT INTO h VALUES (5001, $half);
	DELETE FROM h WHERE id = 5001});
$node->safe_psql('postgres', 'VACUUM h');
for my $end ('is cancelled', 'dies in a crash')
{
	my $holder = hold_debug_point($node);
	my $insert = insert_to('hnsw-insert-unlinked', "VALUES (5002, $half)");
	if ($end eq 'is cancelled')
	{
		like(cancel($insert, 'INSERT INTO h'), qr/canceling statement/, "an insert $end");
		release_debug_point($holder);
	}
	else
	{
		kill_server($node);
		eval { $insert->quit };
		eval { $holder->quit };
		$node->start;
	}
	$node->safe_psql('postgres', "INSERT INTO h VALUES (5003, $half)");
	sound("an insert $end, and the row comes again");
	is($node->safe_psql('postgres', "SET enable_seqscan = off; SELECT id FROM h ORDER BY v <-> $half LIMIT 1"), 5003,
		'... and is found');
	$node->safe_psql('postgres', 'DELETE FROM h WHERE id > 5000');
	$node->safe_psql('postgres', 'VACUUM h');
}

# The same where it would have been the entry point: all others are dead.
{
	$node->safe_psql('postgres', 'DELETE FROM h');
	my ($holder, $vacuum) = vacuum_to('hnsw-vacuum-marked');
	cancel($vacuum, 'VACUUM h');

	my $insert = insert_to('hnsw-insert-linked', "VALUES (5002, $half)");
	like(cancel($insert, 'INSERT INTO h'), qr/canceling statement/, 'an insert among the dead is cancelled');
	release_debug_point($holder);
	$node->safe_psql('postgres', "INSERT INTO h VALUES (5003, $half)");
	sound('an insert among the dead is cancelled, and the row comes again');
	$node->safe_psql('postgres', "INSERT INTO h SELECT 6000 + g, flattest.nth_vector(g, $dims) FROM generate_series(1, 3) g");
	sound('... and others');
}

# The same where its level is higher than the entry point's, which is what half of
# them have here, and the row comes again before that.
for my $round (1 .. 6)
{
	do
	{
		$node->safe_psql('postgres', qq{
			DROP TABLE h;
			CREATE TABLE h (id int, v vector($dims));
			CREATE INDEX h_v ON h USING hnsw (v vector_l2_ops) WITH (m = 2);
			INSERT INTO h VALUES (1, flattest.nth_vector(1, $dims))});
	} while ($node->safe_psql('postgres', q{SELECT entry_level FROM hnsw_index_info('h_v')}) > 0);
	my $holder = hold_debug_point($node);
	my $insert = insert_to('hnsw-insert-linked', "VALUES (5002, $half)");
	$node->safe_psql('postgres', "INSERT INTO h VALUES (5003, $half)");
	cancel($insert, 'INSERT INTO h');
	release_debug_point($holder);
	sound("an insert is cancelled before it is the entry point, and the row has come again, $round");
	is($node->safe_psql('postgres', "SET enable_seqscan = off; SELECT id FROM h ORDER BY v <-> $half LIMIT 1"), 5003,
		'... and is found');
}

# The same while vacuum waits for it, to which its row is not dead yet: it may
# be the only node that lives, and lacks the lists of its levels.
for my $round (1 .. 4)
{
	three_dead_rows();
	my $holder = hold_debug_point($node);
	my $insert = insert_to('hnsw-insert-unlinked', "VALUES (5002, $half)");
	my $vacuum = $node->background_psql('postgres', on_error_stop => 0);

	$vacuum->query_until(qr/begun/, "\\echo begun\nVACUUM h;\n");
	wait_for_lock_wait($node, 'VACUUM h');
	cancel($insert, 'INSERT INTO h');
	$vacuum->query('SELECT 1');
	$vacuum->quit;
	release_debug_point($holder);
	sound("an insert that vacuum waits for is cancelled, $round");
	$node->safe_psql('postgres', "INSERT INTO h VALUES (5003, $half)");
	is($node->safe_psql('postgres', "SET enable_seqscan = off; SELECT id FROM h ORDER BY v <-> $half LIMIT 1"), 5003,
		'... and the row comes again, and is found');
}

# ---- A vector that comes again and again while its old node is dead ----
{
	$node->safe_psql('postgres', qq{
		DROP TABLE h;
		CREATE TABLE h (id int, v vector($dims));
		CREATE INDEX h_v ON h USING hnsw (v vector_l2_ops);
		INSERT INTO h SELECT g, flattest.nth_vector(g, $dims) FROM generate_series(1, 30) g;
		DELETE FROM h WHERE id = 1});
	my ($holder, $vacuum) = vacuum_to('hnsw-vacuum-marked');

	$node->safe_psql('postgres', "INSERT INTO h SELECT 5000 + g, flattest.nth_vector(1, $dims) FROM generate_series(1, 20) g");
	is($node->safe_psql('postgres', q{SELECT nodes FROM hnsw_index_info('h_v')}), 31, 'a vector that comes again while its node is dead has one new node');
	release_debug_point($holder);
	$vacuum->query('SELECT 1');
	$vacuum->quit;
	sound('... and vacuum goes on');
}

check_log($node);
$node->stop;
done_testing();
