# Compiled queries (JIT) answer as interpreted ones do, inlining included.
#
# Inlining reads the bitcode that the build installs beside the library, where
# the server's clang was at hand: what cannot be resolved there shows only here.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('jit');
$node->init;
$node->start;

if ($node->safe_psql('postgres', 'SELECT pg_jit_available()') ne 't')
{
	$node->stop;
	plan skip_all => 'this server has no JIT provider (pg_jit_available() is false)';
}

# One process, so that sums add up in one order; plans that use expressions.
$node->append_conf('postgresql.conf', q{
max_parallel_workers_per_gather = 0
extra_float_digits = 1
jit_above_cost = 0
jit_inline_above_cost = 0
jit_optimize_above_cost = 0
});
$node->reload;

$node->safe_psql('postgres', q{
	CREATE EXTENSION vecext;
	CREATE TABLE item (id int PRIMARY KEY, kind int, v vector(20));
	INSERT INTO item
		SELECT id, id % 4, CASE WHEN id % 50 = 7 THEN NULL ELSE
			(SELECT array_agg(sin(id * 0.7 + i * i * 0.13)::float4 ORDER BY i)
			 FROM generate_series(1, 20) i)::vector END
		FROM generate_series(1, 400) id;
	CREATE INDEX item_v ON item USING flat (v vector_l2_ops);
	ANALYZE item});

my $one = '(SELECT v FROM item WHERE id = 77)';
my %queries = (
	'distances' => qq{
		SELECT id, v <-> $one AS l2, v <=> $one AS cosine, v <#> $one AS ip, v <+> $one AS l1
		FROM item ORDER BY l2, id LIMIT 20},
	'aggregates' => q{
		SELECT kind, count(v), avg(v), sum(v), avg(v <=> v + v) FROM item GROUP BY kind ORDER BY kind},
	'thresholds' => qq{
		SELECT count(*) FILTER (WHERE l2_within(v, $one, 4)),
			count(*) FILTER (WHERE cosine_within(v, $one, 0.9)),
			count(*) FILTER (WHERE ip_within(v, $one, -1)),
			count(*) FILTER (WHERE l1_within(v, $one, 15))
		FROM item},
	'conditions on a sequential scan' => qq{
		SET enable_indexscan = off;
		SET enable_bitmapscan = off;
		SELECT id, v - v * v || v FROM item
		WHERE l2_within(v, $one, 4) AND v > $one AND vector_dims(v) = 20 ORDER BY id},
	'an index scan' => qq{
		SET enable_seqscan = off;
		SELECT id, v <-> $one FROM item WHERE l2_within(v, $one, 4) ORDER BY v <-> $one LIMIT 20},
	'order and hashing' => q{
		SELECT count(*), count(DISTINCT v) FROM (SELECT v FROM item UNION SELECT v FROM item) u},
	'functions' => q{
		SELECT id, vector_norm(v), l2_normalize(v), subvector(v, 2, 3), binary_quantize(v), v::real[]
		FROM item ORDER BY id LIMIT 30});

for my $name (sort keys %queries)
{
	my $interpreted = $node->safe_psql('postgres', "SET jit = off; $queries{$name}");
	my $compiled = $node->safe_psql('postgres', "SET jit = on; $queries{$name}");

	like($interpreted, qr/\d/, "$name: there is an answer");
	is($compiled, $interpreted, "... and the same one compiled");
}

# ---- An error from compiled code ----

my ($out, $err) = ('', '');
my $code = $node->psql('postgres', q{SET jit = on; SELECT sum(v <-> '[1,2]') FROM item},
	stdout => \$out, stderr => \$err);
isnt($code, 0, 'compiled code raises errors');
like($err, qr/different vector dimensions 20 and 2/, '... as they are');

# ---- That it was compiled, and inlined ----

my $explain = qq{EXPLAIN (ANALYZE, TIMING OFF)
	SELECT sum(v <-> $one), avg(v) FROM item WHERE v <=> $one < 1};
my $plan = $node->safe_psql('postgres', "SET jit = on; $explain");
like($plan, qr/^JIT:\s+Functions: [1-9]/m, 'the query was compiled');
like($plan, qr/Options: Inlining true, Optimization true/, '... with inlining and optimization');
unlike($node->safe_psql('postgres', "SET jit = off; $explain"), qr/JIT/, '... only if asked to');

my $pkglibdir = `pg_config --pkglibdir`;
chomp $pkglibdir;
SKIP:
{
	skip 'installed without bitcode', 1 unless -e "$pkglibdir/bitcode/vecext.index.bc";

	# What a query is compiled from, before optimization removes it; an
	# internal function of ours can only have come from the bitcode.
	$node->safe_psql('postgres', "SET jit = on; SET jit_dump_bitcode = on; $explain");
	my @dumps = grep { !/optimized/ } glob $node->data_dir . '/*.bc';
	ok((grep { slurp_file($_) =~ /vx_type_check_same_dims/ } @dumps),
		'the bitcode of vecext takes part');
}

$node->stop;
done_testing();
