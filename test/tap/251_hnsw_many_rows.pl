# Many rows: a table whose rows share a thousandth as many vectors, through build,
# search, insert, update and vacuum; and answers of a hundred thousand rows, of all
# rows, and of the one row that meets a condition.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $dims = 16;
my $node = new_server('hnsw_many_rows', q{
shared_buffers = 256MB
maintenance_work_mem = 256MB
max_wal_size = 8GB
wal_consistency_checking = ''
});
my $use_index = 'SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off';
install_functions($node);
install_walk_functions($node);

# How long it takes is for people to read.
sub timed
{
	my ($title, $sql) = @_;
	my $start = time;
	my $out = $node->safe_psql('postgres', $sql);

	note(sprintf('%s: %.2f s', $title, time - $start));
	return $out;
}

# ---- Few vectors, many rows of each ----

{
	my ($rows, $vectors) = (size(20000, 1000000), size(200, 1000));
	my $info = "SELECT nodes, rows FROM hnsw_index_info('e_v')";
	my $each = $rows / $vectors;
	my $nearest = sub {
		my ($title, $least) = @_;

		complaints($node, "$title: sound", "SELECT * FROM hnsw_index_check('e_v', heap => true)");
		# The nearest vector is a row's own: its rows come before all others.
		is(timed("$title: searches", qq{
			$use_index;
			SELECT count(*) FROM generate_series(1, 20) n, LATERAL
				(SELECT v <-> flattest.nth_vector(n, $dims) AS d FROM e ORDER BY v <-> flattest.nth_vector(n, $dims) LIMIT $least) s WHERE d = 0}),
			20 * $least, "$title: all rows of a vector, before others");
	};

	$node->safe_psql('postgres', qq{
		CREATE TABLE e (id int, v vector($dims), w int DEFAULT 0) WITH (fillfactor = 60);
		INSERT INTO e SELECT g, s.v FROM (SELECT n, flattest.nth_vector(n, $dims) AS v FROM generate_series(1, $vectors) n) s, LATERAL generate_series(n, $rows, $vectors) g});
	timed('build', 'CREATE INDEX e_v ON e USING hnsw (v vector_l2_ops)');
	is($node->safe_psql('postgres', $info), "$vectors|$rows", 'a node for each vector');
	$nearest->('built', $each);
	timed('insert as many as a tenth', qq{
		INSERT INTO e SELECT $rows + g, flattest.nth_vector(1 + g % $vectors, $dims) FROM generate_series(1, $rows / 10) g});
	is($node->safe_psql('postgres', $info), "$vectors|" . $rows * 1.1, 'no new nodes');
	$nearest->('inserted', $each * 1.1);
	timed('update', "UPDATE e SET w = 1 WHERE id % 10 = 3");
	like($node->safe_psql('postgres', $info), qr/^$vectors\|/, 'an update of other columns makes none');
	timed('vacuum', 'VACUUM e');
	timed('delete', "DELETE FROM e WHERE id % 10 < 5 AND id <= $rows");
	timed('search before vacuum', "$use_index; SELECT id FROM e ORDER BY v <-> flattest.nth_vector(5, $dims) LIMIT 10");
	timed('vacuum', 'VACUUM e');
	$nearest->('vacuumed', $each * 0.1);
	$node->safe_psql('postgres', "DELETE FROM e WHERE v = flattest.nth_vector(7, $dims); VACUUM (INDEX_CLEANUP ON) e");
	is($node->safe_psql('postgres', "SELECT calibrated_nodes FROM hnsw_calibrate('e_v')"), $vectors - 1, 'a vector goes with its last row');
	complaints($node, 'sound in the end', "SELECT * FROM hnsw_index_check('e_v', heap => true)");
}

# ---- Large answers, and very small ones ----

{
	my ($rows, $limit) = (size(20000, 340000), size(5000, 100000));
	my $q = "flattest.nth_vector(3, $dims)";

	$node->safe_psql('postgres', qq{
		CREATE TABLE t (id int, v vector($dims), w int DEFAULT 0);
		SELECT flattest.fill_cloud('t', 1, $rows, $dims, 0.1);
		CREATE INDEX t_v ON t USING hnsw (v vector_l2_ops) WITH (m = 8, ef_construction = 40);
		DELETE FROM t WHERE id % 1000 = 1;
		ANALYZE t});
	for my $condition ('', 'WHERE id % 3 = 0')
	{
		my $visible = $node->safe_psql('postgres', "SELECT count(*) FROM t $condition");
		my $expected = $visible < $limit ? $visible : $limit;

		is(timed("LIMIT $limit $condition", qq{
			$use_index; SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t $condition ORDER BY v <-> $q LIMIT $limit) s}),
			"$expected|$expected", "LIMIT $limit $condition: as many rows, all different");
		is(timed("no LIMIT $condition", qq{
			$use_index; SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t $condition ORDER BY v <-> $q OFFSET 0) s}),
			"$visible|$visible", "no LIMIT $condition: every visible row");
	}
	my ($some) = $node->safe_psql('postgres', "SELECT id FROM t ORDER BY v <-> $q DESC LIMIT 1") =~ /(\d+)/;
	is(timed('one row passes', "$use_index; SELECT id FROM t WHERE id = $some ORDER BY v <-> $q LIMIT 10"),
		$some, 'the farthest row is found by a condition that it alone meets');
	is($node->safe_psql('postgres', "$use_index; SET hnsw.max_scan_tuples = 1; SET hnsw.ef_search = 1; SELECT id FROM t WHERE id = $some ORDER BY v <-> $q LIMIT 10"),
		$some, '... with the least settings');
}
check_log($node);
$node->stop;
done_testing();
