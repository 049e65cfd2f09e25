# A vacuum killed at its steps: what it leaves is sound, and the next one
# finishes it.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_server('vacuum_killed', '');
install_functions($node);

for my $point ('hnsw-vacuum-marked', 'hnsw-vacuum-repaired', 'hnsw-vacuum-freeing')
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
check_log($node);
$node->stop;
done_testing();
