# Each allocation of a statement fails once, in a new session. The statement
# ends with an error or with its answer, nothing worse, and the session goes on:
# what it remembers from one statement to the next is as good as before.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dims = 8;
my $node = new_server('memory', q{
max_parallel_maintenance_workers = 0
max_parallel_workers_per_gather = 0
});
my $library = compile_library('failing_malloc', 'failing_malloc.c');
$node->stop;
{
	local $ENV{LD_PRELOAD} = $library;
	$node->start;
}
install_functions($node);
my $half = "array_fill(0.5::float4, ARRAY[$dims])::vector";
$node->safe_psql('postgres', qq{
	CREATE FUNCTION fail_malloc(bigint) RETURNS bigint AS '$library' LANGUAGE c STRICT;
	CREATE TABLE h (id int, kind int, tags text[], v vector($dims));
	SELECT flattest.fill('h', 1, 7000, $dims, 10, 0.6);
	UPDATE h SET kind = id % 5, tags = ARRAY['a', 't' || id % 3];
	VACUUM FULL h;
	CREATE INDEX h_v ON h USING hnsw (v vector_l2_ops, kind, tags) WITH (m = 6);
	CREATE TABLE f AS TABLE h;
	CREATE INDEX f_v ON f USING flat (v vector_l2_ops, kind, tags);
	CREATE TABLE few AS SELECT * FROM h LIMIT 300;
	CREATE TABLE edge AS SELECT g AS src, (g * 7 + j * 11) % 500 AS dst FROM generate_series(0, 499) g, generate_series(1, 3) j;
	CREATE INDEX ON edge (src);
	SELECT graph_create('memory', $dims);
	SELECT count(node_put('memory', lpad(id::text, 32, '0')::uuid, ARRAY['x'], jsonb_build_object('text', 'node ' || id), v)) FROM few;
	ANALYZE});
# So many dead rows that the table in which a session remembers them grows
$node->safe_psql('postgres', "DELETE FROM h WHERE id IN (SELECT id FROM h ORDER BY v <-> $half LIMIT 5000)");

# Each allocation in turn; where there are many, those behind the first dozens by turns.
# The answer that the session gives afterwards is the statement's own, or another's.
sub fails_everywhere
{
	my ($title, $statement, $answer) = @_;
	$answer //= $statement;
	my $use_index = 'SET enable_seqscan = off; SET enable_sort = off; SET hnsw.ef_search = 4000';
	my ($code, $truth) = try_sql($node, "$use_index; $answer");
	my $failed = 0;
	my $left = 0;
	my @wrong;

	is($code, 0, "$title: has an answer") or return;
	for (my $n = 1; $left == 0 && $n < 5000; $n += 1 + int($n / size(30, 1000)))
	{
		# Servers from 18 on do not survive it where they begin to remember types.
		my ($code, $out, $err) = try_sql($node, qq{LOAD 'vecext'; LOAD 'plpgsql'; SELECT ARRAY[1] = ARRAY[1]; $use_index; SELECT fail_malloc($n);
			$statement;
			SELECT 'left ' || fail_malloc(0);
			\\echo answer
			$answer}, extra_params => [ '-v', 'ON_ERROR_STOP=0', '-v', 'VERBOSITY=terse' ]);

		# Where the server itself takes a setting apart, it ends the session.
		$failed++, next if $err =~ /FATAL:  out of memory/;

		# Even the statement that asks may be the one without memory.
		$left = $out =~ /^left (\d+)$/m ? $1 : 0;
		$failed++ if $left == 0;
		my ($given) = $out =~ /^answer\n(.*)\z/ms;
		$err =~ s/^psql:\S* (?:ERROR:  .*(?:out of memory|Cannot allocate memory|current transaction is aborted).*|(?:WARNING|NOTICE): .*)$//gm;
		push @wrong, "$n: " . ($given // 'nothing') . " for $truth; $err" if ($given // '') ne $truth || $err =~ /\S/;
	}
	cmp_ok($left, '>', 0, "$title: all allocations have had their turn");
	cmp_ok($failed, '>', 3, "$title: ... and failed ($failed)");
	is(join("\n", @wrong[ 0 .. ($#wrong > 3 ? 3 : $#wrong) ]), '', "$title: ... and the session goes on");
	return;
}

my $nearest = "SELECT string_agg(id::text, ' ') FROM (SELECT id FROM %s ORDER BY v <-> $half LIMIT 5) s";
my $passing = "SELECT string_agg(id::text, ' ') FROM (SELECT id FROM %s WHERE kind = 2 AND tags && '{t1,t2}' ORDER BY v <-> $half LIMIT 5) s";

fails_everywhere('hnsw, many dead rows', sprintf($nearest, 'h'));
fails_everywhere('hnsw with conditions', sprintf($passing, 'h'));
fails_everywhere('flat', sprintf($nearest, 'f'));
fails_everywhere('flat with conditions', sprintf($passing, 'f'));
fails_everywhere('within a distance', "SELECT count(*) FROM f WHERE l2_within(v, $half, 1)");
# Nothing is committed: the server panics by itself where memory ends in a commit.
fails_everywhere('insert', "BEGIN; INSERT INTO h SELECT id, kind, tags, v * v FROM few LIMIT 20; ROLLBACK", sprintf($nearest, 'h'));
fails_everywhere('build', 'BEGIN; CREATE INDEX ON few USING hnsw (v vector_l2_ops, tags); ROLLBACK', sprintf($passing, 'h'));
fails_everywhere('parallel build', 'BEGIN; SET LOCAL max_parallel_maintenance_workers = 1; ALTER TABLE few SET (parallel_workers = 1);
	CREATE INDEX ON few USING hnsw (v vector_l2_ops, tags); ROLLBACK', sprintf($passing, 'h'));
fails_everywhere('check', q{SELECT count(*) FROM hnsw_index_check('h_v', heap => true)}, sprintf($nearest, 'h'));
fails_everywhere('recall', q{SELECT mean_recall > 0.5 FROM hnsw_recall('h_v', sample => 20)}, sprintf($nearest, 'h'));
fails_everywhere('walk', q{SELECT count(*), sum(node) FROM graph_walk('edge', ARRAY[1, 2], max_depth => 4)});
fails_everywhere('context_search', "SELECT count(*) FROM context_search('memory', vectors => ARRAY[$half], query => 'node', k => 5)");
fails_everywhere('payload filter', q{SELECT count(*) FROM memory.node WHERE properties @~ '{"must": [{"key": "text", "match": {"text": "node"}}]}'});

complaints($node, 'both indexes are sound', q{
	SELECT * FROM hnsw_index_check('h_v', heap => true) UNION ALL SELECT * FROM flat_index_check('f_v', heap => true)});
check_log($node);
$node->stop;
done_testing();
