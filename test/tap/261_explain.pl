# EXPLAIN (ANALYZE) shows what each scan of an index has cost, where the server
# has a hook for that: the numbers that vecext_last_scan gives, of every scan of
# a plan its own, in all formats, beside others who use the hook.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($version) = run_command([ 'pg_config', '--version' ]);
my ($major) = $version =~ /(\d+)/;
plan skip_all => "PostgreSQL $major has no hook for EXPLAIN" if $major < 18;

my $dims = 16;
my $node = new_server('explain', 'shared_buffers = 64MB');
install_functions($node);
install_walk_functions($node);
$node->safe_psql('postgres', qq{
	CREATE TABLE h (id int, v vector($dims), w int GENERATED ALWAYS AS (id % 10) STORED);
	SELECT flattest.fill_cloud('h', 1, 4000, $dims, 0.3);
	CREATE TABLE f AS SELECT id, v FROM h WHERE id <= 1500;
	CREATE INDEX h_v ON h USING hnsw (v vector_l2_ops, w) WITH (m = 8, ef_construction = 40);
	CREATE INDEX f_v ON f USING flat (v vector_l2_ops);
	CREATE INDEX h_id ON h (id);
	CREATE TABLE q AS SELECT n, flattest.nth_vector(n, $dims) * array_fill(0.5::float4, ARRAY[$dims])::vector AS v FROM generate_series(1, 4) n;
	DELETE FROM h WHERE id % 5 = 1;
	ANALYZE h, f, q;

	-- the groups of a plan, from top to bottom, without what depends on the pages that the session knows
	CREATE FUNCTION costs(query text) RETURNS SETOF jsonb LANGUAGE plpgsql AS \$\$
	DECLARE
		plan jsonb;
	BEGIN
		EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || query INTO plan;
		IF plan @? 'strict \$.**."Vector Search".Peeks ? (@ < 0)' THEN
			RAISE 'peeks: %', plan;
		END IF;
		RETURN QUERY SELECT jsonb_path_query(plan, 'strict \$.**."Vector Search"') - 'Peeks';
	END \$\$;
	CREATE FUNCTION last_costs(query text) RETURNS jsonb LANGUAGE plpgsql AS \$\$
	BEGIN
		EXECUTE query;
		RETURN (SELECT jsonb_strip_nulls(jsonb_build_object('Mode', mode, 'Ef', ef, 'Walks', walks, 'Hops', hops, 'Distances', distances,
			'Passes', passes, 'Candidates', candidates, 'Rechecks', rechecks, 'Dead Rows', dead_rows, 'Late Rows', late_rows)) FROM vecext_last_scan);
	END \$\$});
my $settings = 'SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off; SET hnsw.ef_search = 10; SET max_parallel_workers_per_gather = 0;';

sub walk
{
	my ($table, $n, $condition) = @_;

	return "SELECT id FROM $table WHERE " . ($condition // 'true') . " ORDER BY v <-> (SELECT v FROM q WHERE n = $n) LIMIT 10";
}

# ---- One scan ----

my $walk = walk('h', 1);
my $line = $node->safe_psql('postgres', "$settings EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) $walk");
like($line, qr/->  Index Scan using h_v on h .*\n(?:.*\n)*? +Vector Search: ef=10 walks=1 hops=\d+ distances=\d+ passes=\d+ peeks=\d+ candidates=\d+ rechecks=\d+ dead_rows=\d+ late_rows=0$/,
	'a line of text');
is(scalar(() = $line =~ /Vector Search/g), 1, '... for the one scan');
like($node->safe_psql('postgres', "$settings EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) " . walk('h', 1, 'w = 3')),
	qr/Vector Search: mode=(?:walk|matches|all|rows) /, '... with the mode where there are conditions on columns');
for my $query (walk('h', 1), walk('h', 2, 'w = 3'), walk('h', 3, 'id % 2 = 0'), walk('f', 1))
{
	is($node->safe_psql('postgres', "$settings SELECT costs(\$\$$query\$\$)"),
		$node->safe_psql('postgres', "$settings SELECT last_costs(\$\$$query\$\$)"), "as vecext_last_scan: $query");
}
is($node->safe_psql('postgres', "$settings SELECT c -> 'Walks' > '0' AND c -> 'Hops' > '0' AND c -> 'Dead Rows' > '0' FROM costs(\$\$$walk\$\$) c"),
	't', 'which says something');
for my $format ('XML', 'YAML')
{
	like($node->safe_psql('postgres', "$settings EXPLAIN (ANALYZE, FORMAT $format) $walk"),
		$format eq 'XML' ? qr{<Vector-Search>\s*<Ef>10</Ef>\s*<Walks>1</Walks>.*</Vector-Search>}s : qr{Vector Search: *\n *Ef: 10 *\n *Walks: 1},
		$format);
}

# ---- Several scans ----

my @queries = (walk('h', 1), walk('f', 2), walk('h', 3));
is($node->safe_psql('postgres', "$settings SELECT costs(\$\$" . join(' UNION ALL ', map { "($_)" } @queries) . '$$)'),
	$node->safe_psql('postgres', $settings . join ';', map { "SELECT last_costs(\$\$$_\$\$)" } @queries), 'each scan of a plan has its own numbers');
# A session remembers what it has found dead, and walks around it.
$node->safe_psql('postgres', 'VACUUM h');
my $lateral = 'SELECT n, s.id FROM q, LATERAL (SELECT id FROM h ORDER BY h.v <-> q.v LIMIT 10) s';
my @sums = map { "(SELECT sum((c -> '$_')::bigint) FROM q, last_costs(format('SELECT id FROM h ORDER BY v <-> %L::vector LIMIT 10', q.v)) c)" }
	'Walks', 'Hops', 'Distances', 'Rechecks';
is($node->safe_psql('postgres', "$settings SELECT c -> 'Walks', c -> 'Hops', c -> 'Distances', c -> 'Rechecks' FROM costs(\$\$$lateral\$\$) c"),
	$node->safe_psql('postgres', "$settings SELECT " . join ', ', @sums), 'of a scan that is run again and again the sum');

# ---- Nodes of other kinds ----

my $ball = "l2_within(v, flattest.nth_vector(1, $dims), 3)";
is($node->safe_psql('postgres', "$settings SET enable_bitmapscan = on; SET enable_indexscan = off; SET enable_seqscan = off;
	SELECT count(*) FROM costs(\$\$SELECT id FROM h WHERE $ball\$\$) c WHERE c -> 'Passes' = '1'"), '1', 'a bitmap scan');
is($node->safe_psql('postgres', "$settings SELECT count(*) FROM costs('SELECT count(*) FROM f')"), '1', 'an index-only scan');
is($node->safe_psql('postgres', "$settings SELECT count(*) FROM costs('SELECT * FROM h WHERE id = 5')"), '0', 'not an index of another kind');
is($node->safe_psql('postgres', "$settings SELECT count(*) FROM costs(\$\$SELECT * FROM ($walk) t WHERE (SELECT random() < -1)\$\$)"),
	'0', 'not a scan that was never run');
unlike($node->safe_psql('postgres', "$settings EXPLAIN $walk"), qr/Vector Search/, 'not without ANALYZE');

# ---- Rows that others must not know of ----

$node->safe_psql('postgres', 'CREATE ROLE other; GRANT SELECT ON h, q TO other');
is($node->safe_psql('postgres', "$settings SET ROLE other; SELECT count(*) FROM costs(\$\$$walk\$\$)"), '1', 'who may read all rows is told');
is($node->safe_psql('postgres', "CREATE POLICY shown ON h USING (w = 1); ALTER TABLE h ENABLE ROW LEVEL SECURITY;
	$settings SET ROLE other; SELECT count(*) FROM costs(\$\$$walk\$\$)"), '0', '... and not where policies hide some');
unlike($node->safe_psql('postgres', "$settings SET ROLE other; EXPLAIN (ANALYZE) $walk"), qr/Vector Search/, '... in text either');
is($node->safe_psql('postgres', "$settings SELECT count(*) FROM costs(\$\$$walk\$\$)"), '1', '... the owner is, still');

# ---- Another who uses the hook ----

SKIP:
{
	skip 'there is no pg_overexplain', 2
	  if (try_sql($node, q{LOAD 'pg_overexplain'}))[0] != 0;
	for my $order ("LOAD 'pg_overexplain'; LOAD 'vecext'; SELECT NULL::vector;", "SELECT 1 FROM ($walk) s LIMIT 0; LOAD 'pg_overexplain';")
	{
		my $plan = $node->safe_psql('postgres', "$settings $order EXPLAIN (ANALYZE, DEBUG) $walk");
		ok($plan =~ /Vector Search: ef=10/ && $plan =~ /Disabled Nodes:/, 'beside pg_overexplain') or diag($plan);
	}
}

$node->stop;
check_log($node);
done_testing();
