# Another library in the server that defines hnsw.ef_search and its kin, as
# pgvector's does: loaded first, its settings are used and that is said; loaded
# later, it is refused by the server.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dims = 16;
my $node = new_server('other', '');
install_functions($node);
install_walk_functions($node);

# ---- The library ----

my $other = compile_library('other_settings', 'other_settings.c');
my $strange = compile_library('strange_settings', 'other_settings.c', '-DOTHER_TYPE');
my $names = 'hnsw.ef_search, hnsw.iterative_scan, hnsw.max_scan_tuples, hnsw.scan_mem_multiplier';
my $said = qr/another library has defined parameters of access method hnsw\n(?:.*\n){0,2}.*DETAIL:  Its \Q$names\E are used\./;

# ---- A table whose searches find rows late ----

$node->safe_psql('postgres', qq{
	CREATE TABLE t (id int, v vector($dims));
	SELECT flattest.fill_cloud('t', 1, 4000, $dims, 0.3);
	CREATE INDEX t_v ON t USING hnsw (v vector_l2_ops) WITH (m = 5, ef_construction = 20);
	ANALYZE t;
	-- width and number of walks for one row; walks and late rows for many
	CREATE FUNCTION look(OUT width int, OUT walks bigint, OUT late bigint) LANGUAGE plpgsql AS \$\$
	DECLARE
		scan vecext_last_scan;
	BEGIN
		PERFORM flattest.use_index();
		PERFORM FROM (SELECT id FROM t ORDER BY v <-> flattest.nth_vector(1, $dims) LIMIT 1) s;
		scan := flattest.last_scan();
		width := scan.ef;
		late := 0; walks := 0;
		FOR n IN 1 .. 20 LOOP
			PERFORM FROM (SELECT id, generate_series(1, 1) FROM t
				ORDER BY v <-> (flattest.nth_vector(n, $dims) * array_fill(0.4::float4, ARRAY[$dims])::vector) LIMIT 60) s;
			scan := flattest.last_scan();
			late := late + scan.late_rows;
			walks := greatest(walks, scan.walks);
		END LOOP;
	END \$\$});

# What searches do under settings.  first runs before anything of ours is loaded.
my $nothing = 'SET work_mem = 4096';

sub look
{
	my ($first, @settings) = @_;
	my ($code, $out, $err) = try_sql($node, join ";\n", $first, 'SELECT NULL::vector(3)', (map { "SET $_" } @settings), 'SELECT * FROM look()');

	is($code, 0, join(', ', 'searches work', @settings)) or diag($err);
	my ($width, $walks, $late) = $out =~ /(\d*)\|(\d+)\|(\d+)\s*\z/;
	return ($width, $walks, $late, $err);
}

# Each setting does what it does without the other library.
sub settings_work
{
	my ($title, $first, $notice) = @_;
	my ($width, $walks, $late, $err) = look($first, 'hnsw.ef_search = 9');

	is($width, 9, "$title: hnsw.ef_search");
	if (defined $notice) { like($err, $notice, '... and whose settings are used is said') }
	else { is($err, '', '... and nothing is said') }
	(undef, $walks, $late) = look($first, 'hnsw.ef_search = 4');
	cmp_ok($walks, '>', 1, "$title: walks go on ($walks)");
	cmp_ok($late, '>', 0, "$title: rows are found late ($late)");
	(undef, $walks) = look($first, 'hnsw.ef_search = 4', 'hnsw.max_scan_tuples = 1');
	is($walks, 1, "$title: hnsw.max_scan_tuples ends walks");
	for my $order ('off', 'relaxed_order', 'strict_order')
	{
		complaints($node, "$title: hnsw.iterative_scan = $order", $first, 'SELECT NULL::vector(3)', 'SET hnsw.ef_search = 4',
			"SET hnsw.iterative_scan = $order", qq{SELECT c FROM generate_series(1, 8) n,
			LATERAL flattest.compare_walk('t', '<->', flattest.nth_vector(n, $dims) * array_fill(0.4::float4, ARRAY[$dims])::vector, 60) c
			WHERE c IS NOT NULL});
	}
	return;
}

sub restart_with
{
	my (@settings) = @_;
	my $position = -s $node->logfile;

	$node->append_conf('postgresql.conf', "$_\n") for @settings;
	$node->stop;
	my $started = $node->start(fail_ok => 1);
	return ($started, substr(slurp_file($node->logfile), $position));
}

# ---- Alone ----

settings_work('alone', $nothing);

# ---- In a session ----

settings_work('the other first', "LOAD '$other'", $said);
my ($code, $out, $err) = try_sql($node, "LOAD '$other'; SET hnsw.ef_search = 5; SELECT * FROM look(); SHOW hnsw.target_recall; SHOW ivfflat.probes");
like($out, qr/^5\|.*\n0\.95\n1$/, 'a value from before is used');
($code, $out, $err) = try_sql($node, qq{LOAD '$other'; SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
	SET min_parallel_table_scan_size = 0; SET debug_parallel_query = on; SELECT count(*) FROM t WHERE v <-> v = 0}
	=~ s/debug_parallel_query/$node->pg_version >= 16 ? 'debug_parallel_query' : 'force_parallel_mode'/er);
is($out, 4000, 'parallel workers load both');
is(scalar(() = $err =~ /another library/g), 1, '... and say nothing again');
($code, $out, $err) = try_sql($node, "SELECT NULL::vector(3); SET hnsw.ef_search = 9; LOAD '$other'");
isnt($code, 0, 'the other is refused behind this one');
like($err, qr/attempt to redefine parameter "hnsw\.ef_search"/, '... by the server');
($code, $out, $err) = try_sql($node, "LOAD '$strange'; SELECT NULL::vector(3)");
like($err, qr/ERROR:  another library has defined parameter "hnsw\.ef_search" with another type/, 'a setting of another type is refused');

# ---- Preloaded ----

my ($started, $log) = restart_with("shared_preload_libraries = '$other'", 'hnsw.ef_search = 7');
ok($started, 'preloaded: the other alone');
settings_work('preloaded alone', $nothing, $said);
is((look($nothing))[0], 7, 'a value of the file is used');
is((look('RESET hnsw.ef_search', 'hnsw.target_recall = 0'))[0], 7, '... as hnsw.ef_search of the file should');

($started, $log) = restart_with("shared_preload_libraries = '$other, vecext'", 'hnsw.target_recall = 0.5');
ok($started, 'preloaded: the other first');
like($log, qr/LOG:  $said/, '... which the log says');
like($log, qr/WARNING:  invalid configuration parameter name "hnsw\.target_recall"/, '... and hnsw.target_recall of the file is dropped');
settings_work('preloaded first', $nothing);
is((look($nothing))[0], 7, 'a value of the file is used');
$node->safe_psql('postgres', 'ALTER ROLE CURRENT_USER SET hnsw.target_recall = 0.75');
is($node->safe_psql('postgres', 'SHOW hnsw.target_recall'), '0.75', "a role's hnsw.target_recall is used");
$node->safe_psql('postgres', 'ALTER ROLE CURRENT_USER RESET hnsw.target_recall');

($started, $log) = restart_with("shared_preload_libraries = 'vecext, $other'");
ok(!$started, 'preloaded: the other behind this one keeps the server from starting');
like($log, qr/FATAL:  attempt to redefine parameter "hnsw\.ef_search"/, '... with the reason');

$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\nsession_preload_libraries = '$other, vecext'\n");
$node->start;
settings_work('by the session, first', $nothing, $said);
is((look($nothing))[0], 7, 'a value of the file is used');
$node->append_conf('postgresql.conf', "session_preload_libraries = 'vecext, $other'\n");
$node->restart;
($code, $out, $err) = try_sql($node, 'SELECT 1');
isnt($code, 0, 'by the session, the other behind this one refuses sessions');
like($err, qr/FATAL:  attempt to redefine parameter "hnsw\.ef_search"/, '... with the reason');

$node->stop;
check_log($node);
done_testing();
