# The library: loaded on demand, its settings, a standby, a crash.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "max_wal_senders = 4\nshared_buffers = 16MB\n");
$node->start;

$node->safe_psql('postgres', q{
	CREATE EXTENSION vecext;
	CREATE TABLE items (id int PRIMARY KEY, v vector(64));
	INSERT INTO items
		SELECT id, (SELECT array_agg(sin(id * 0.7 + i * i * 0.13)::float4 ORDER BY i)
					FROM generate_series(1, 64) i)::vector
		FROM generate_series(1, 500) id});

# The ten nearest of one of the rows, with their distances to every digit.
my $nearest = q{
	SET extra_float_digits = 1;
	SELECT id, v <-> (SELECT v FROM items WHERE id = 77) AS d
	FROM items ORDER BY d, id LIMIT 10};

# ---- Loaded on demand ----

is($node->safe_psql('postgres', 'SHOW shared_preload_libraries'),
	'', 'nothing is preloaded');
my $truth = $node->safe_psql('postgres', $nearest);
like($truth, qr/^77\|0\n/, 'a fresh session answers; the row itself is its nearest');
is(scalar(split /\n/, $truth), 10, '... with ten rows');

# ---- Settings ----

is($node->safe_psql('postgres', q{LOAD 'vecext'; SHOW vecext.simd}),
	'auto', 'the kernels choose for themselves');

my ($out, $err);
my $code = $node->psql('postgres', q{LOAD 'vecext'; SET vecext.simd = 'mmx'},
	stdout => \$out, stderr => \$err, on_error_die => 0);
isnt($code, 0, 'a kernel that nobody knows is refused');
like($err, qr/invalid value for parameter "vecext.simd": "mmx"/, '... by name');
like($err, qr/HINT:  Available values: auto, scalar/, '... with those that exist');

# No processor has both.
my $machine = `uname -m`;
my $foreign = $machine =~ /^(aarch64|arm)/ ? 'avx2' : 'neon';
$code = $node->psql('postgres', "LOAD 'vecext'; SET vecext.simd = '$foreign'",
	stdout => \$out, stderr => \$err);
isnt($code, 0, 'a kernel that this processor cannot run is refused');
like($err, qr/invalid value for parameter "vecext.simd": "$foreign"/, '... by name');
like($err, qr/DETAIL:  This CPU or build does not support the variant\./, '... with the reason');

$code = $node->psql('postgres', q{LOAD 'vecext'; SET vecext.no_such_setting = 1},
	stdout => \$out, stderr => \$err);
isnt($code, 0, 'a misspelt setting is refused');
like($err, qr/invalid configuration parameter name "vecext.no_such_setting"/, '... by name');

# Every kernel of this processor puts the rows in the same order.
my $ids = $truth =~ s/\|.*//gr;
my $ran = 0;
for my $simd (qw(scalar avx2 avx512 neon))
{
	$code = $node->psql('postgres', "LOAD 'vecext'; SET vecext.simd = '$simd'; $nearest",
		stdout => \$out, stderr => \$err);
	next if $code != 0;
	$ran++;
	is($out =~ s/\|.*//gr, $ids, "$simd finds the same ten rows");
}
cmp_ok($ran, '>=', 1, 'at least the scalar kernel runs everywhere');

# Compiled expressions call the same code.
is($node->safe_psql('postgres', qq{
		SET jit = on;
		SET jit_above_cost = 0;
		SET jit_inline_above_cost = 0;
		SET jit_optimize_above_cost = 0;
		$nearest}),
	$truth, 'the same distances with just-in-time compilation');

# ---- A standby needs the installed files, and nothing else ----

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;

$node->safe_psql('postgres', q{
	UPDATE items SET v = (SELECT array_agg(cos(id + i)::float4 ORDER BY i)
						  FROM generate_series(1, 64) i)::vector
	WHERE id % 3 = 0});
$truth = $node->safe_psql('postgres', $nearest);
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));

is($standby->safe_psql('postgres', 'SELECT pg_is_in_recovery()'), 't', 'the standby is one');
is($standby->safe_psql('postgres', $nearest), $truth,
	'the standby answers with the rows written after the backup');

# ---- A crash ----

$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', $nearest), $truth, 'the same answer after a crash');
$node->safe_psql('postgres', 'DELETE FROM items WHERE id = 77; INSERT INTO items SELECT 77, v FROM items WHERE id = 78');
like($node->safe_psql('postgres', $nearest), qr/^77\|0\n78\|0\n/, '... and the server goes on');

$standby->stop;
$node->stop;
done_testing();
