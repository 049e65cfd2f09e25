# Where a calibration chooses how far walks go, they end as soon as what they have
# not looked at is far enough: as much is found as is wanted, and less is looked at
# than by walks of one width.  Where more rows may be asked for than the
# LIMIT says, and on indexes that have not been measured for it, walks have their width.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dims = 12;
my $rows = 20000;
my $node = new_server('goals', q{
shared_buffers = 128MB
maintenance_work_mem = 256MB
max_parallel_maintenance_workers = 0
}, without_checksums => 1);
install_functions($node);
install_walk_functions($node);

# A third of the rows lies in crowds, which are easy to search, the others anywhere;
# so do the queries, which are none of the rows.
$node->safe_psql('postgres', qq{
	CREATE TABLE t (id int, v vector($dims), w int);
	SELECT setseed(0.3);
	INSERT INTO t SELECT i, (SELECT array_agg(random() * 2) FROM generate_series(1, $dims) WHERE i > 0)::vector, i % 100 FROM generate_series(1, $rows) i;
	INSERT INTO t SELECT $rows + row_number() OVER (), (SELECT array_agg(x + random() / 4) FROM unnest(v::float4[]) x WHERE n > 0)::vector, n
	FROM t, generate_series(1, 20) n WHERE id <= $rows / 40;
	CREATE TABLE base AS SELECT id, v FROM t WHERE id % 130 = 7;
	DELETE FROM t WHERE id % 130 = 7;
	CREATE TABLE truth (metric text, condition text, k int, query int, distance float8);

	CREATE FUNCTION learn(metric text, op text, condition text, k int) RETURNS void LANGUAGE plpgsql AS \$\$
	BEGIN
		PERFORM flattest.use_heap();
		EXECUTE format('INSERT INTO truth SELECT %L, %L, %s, q.id, (SELECT t.v %s q.v FROM t WHERE %s ORDER BY 1 OFFSET %s LIMIT 1) FROM base q',
					   metric, condition, k, op, condition, k - 1);
	END \$\$;

	-- Recall, codes compared, and the fewest rows that there were, with the settings as they are
	CREATE FUNCTION try(metric text, op text, condition text, k int, OUT recall float8, OUT distances float8, OUT fewest int) LANGUAGE plpgsql AS \$\$
	#variable_conflict use_variable
	DECLARE
		query record;
		answer float8[];
		hits int := 0;
		n int := 0;
	BEGIN
		PERFORM flattest.use_index();
		distances := 0;
		fewest := k;
		FOR query IN SELECT b.v, t.distance FROM base b JOIN truth t ON t.query = b.id WHERE t.metric = metric AND t.condition = condition AND t.k = k LOOP
			EXECUTE format('SELECT array_agg(d) FROM (SELECT v %1\$s \$1 AS d FROM t WHERE %2\$s ORDER BY v %1\$s \$1 LIMIT %3\$s) s', op, condition, k)
				INTO answer USING query.v;
			hits := hits + (SELECT count(*) FROM unnest(answer) a WHERE a <= query.distance + 1e-6);
			fewest := least(fewest, coalesce(cardinality(answer), 0));
			distances := distances + (flattest.last_scan()).distances;
			n := n + 1;
		END LOOP;
		recall := hits / (n * k)::float8;
		distances := distances / n;
	END \$\$;
});

# The same, with these settings
sub try
{
	my ($metric, $op, $condition, $k, $settings) = @_;

	return map { $_ + 0 } split /\|/, $node->safe_psql('postgres', "LOAD 'vecext'; $settings; SELECT * FROM try('$metric', '$op', \$c\$$condition\$c\$, $k)");
}

for ([ 'l2', '<->' ], [ 'cosine', '<=>' ], [ 'l1', '<+>' ])
{
	my ($metric, $op) = @$_;
	my %goal;

	$node->safe_psql('postgres', "CREATE INDEX t_v ON t USING hnsw (v vector_${metric}_ops, w) WITH (m = 12, ef_construction = 48);");
	for my $k (1, 10, 100)
	{
		$node->safe_psql('postgres', "SELECT learn('$metric', '$op', 'true', $k)");
		for my $target (0.9, 0.95, 0.99)
		{
			my ($recall, $distances, $least) = try($metric, $op, 'true', $k, "SET hnsw.target_recall = $target");

			# One neighbour a query: single ones that are missed count.
			cmp_ok($recall, '>=', $target - ($k == 1 ? 0.03 : 0.01), "$metric, k = $k: the recall wanted is $target");
			is($least, $k, '... with as many rows as were asked for');
			$goal{"$k, $target"} = [ $recall, $distances ];
		}
	}
	my $ef = $node->safe_psql('postgres', q{SELECT ef_95 FROM hnsw_index_info('t_v')});
	my ($recall, $distances) = try($metric, $op, 'true', 10, "SET hnsw.ef_search = $ef");
	my ($goal_recall, $goal_distances) = @{ $goal{'10, 0.95'} };
	note("$metric: by a width of $ef recall $recall, $distances codes; by the target $goal_recall, $goal_distances");
	# Misses are halved by about twice the width.
	cmp_ok($goal_distances * (1 - $goal_recall), '<', $distances * (1 - $recall), "$metric: less is looked at for what is found");

	# Conditions on a column of the index, and on one that it knows nothing of
	for (map { [ $_->[0], $_->[1], 10 ], [ $_->[0], $_->[1], 100 ] } [ 'w < 50', 'known' ], [ 'id % 2 = 0', 'unknown' ])
	{
		my ($condition, $name, $k) = @$_;

		$node->safe_psql('postgres', "SELECT learn('$metric', '$op', '$condition', $k)");
		my ($recall, $distances, $least) = try($metric, $op, $condition, $k, '');
		cmp_ok($recall, '>=', 0.94, "$metric, a condition that is $name, k = $k: recall");
		is($least, $k, '... and rows');
	}
	$node->safe_psql('postgres', 'DROP INDEX t_v') if $metric ne 'l1';
}

# What hnsw_recall says is what searches do.
my ($recall, $distances) = try('l1', '<+>', 'true', 10, '');
my ($told, $told_distances) = split /\|/, $node->safe_psql('postgres', "SELECT mean_recall, mean_distances FROM hnsw_recall('t_v', 10, 300)");
cmp_ok(abs($told_distances / $distances - 1), '<', 0.25, "hnsw_recall walks as searches do: $told_distances codes a query, $distances");
cmp_ok($told, '>=', 0.94, '... and finds as much');

# An index that was made when walks had a width only: zeros where stretches are
# kept, behind the recall at eight widths, and both for three k.
my $path = $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('t_v')");
my ($at, $length) = (168 + 32 + 3 * 8 * 2, 3 * 20 * 2);
$node->stop;
open my $file, '+<:raw', $path or die "$path: $!";
seek $file, $at, 0;
read($file, my $kept, $length) == $length or die "$path: $!";
seek $file, $at, 0;
print $file "\0" x $length;
close $file or die "$path: $!";
my @kept = unpack 'v*', $kept;
is(scalar(grep { $kept[$_] > $kept[ $_ + 1 ] && $_ % 20 != 19 } 0 .. $#kept - 1), 0, 'recall is kept at growing stretches');
$node->start;
my ($old_recall, $old_distances) = try('l1', '<+>', 'true', 10, '');
my ($ef) = $node->safe_psql('postgres', q{SELECT ef_95 FROM hnsw_index_info('t_v')});
my ($width_recall, $width_distances) = try('l1', '<+>', 'true', 10, "SET hnsw.ef_search = $ef");
is("$old_recall, $old_distances", "$width_recall, $width_distances", 'an index without stretches is searched by its widths');
complaints($node, '... and is sound', "SELECT * FROM hnsw_index_check('t_v', heap => true)");
$node->safe_psql('postgres', "SELECT hnsw_calibrate('t_v')");
my ($new_recall, $new_distances) = try('l1', '<+>', 'true', 10, '');
cmp_ok($new_distances * (1 - $new_recall), '<', $width_distances * (1 - $width_recall), 'hnsw_calibrate measures them');
cmp_ok($new_recall, '>=', 0.94, '... and as much is found as is wanted');

# Inner products of vectors of different norms are no distances: walks along their
# index have a width.
$node->safe_psql('postgres', q{DROP INDEX t_v; CREATE INDEX t_v ON t USING hnsw (v vector_ip_ops)});
$node->safe_psql('postgres', q{SELECT learn('ip', '<#>', 'true', 10)});
my ($ip_recall, $ip_distances) = try('ip', '<#>', 'true', 10, '');
$ef = $node->safe_psql('postgres', q{SELECT ef_95 FROM hnsw_index_info('t_v')});
my ($ip_width_recall, $ip_width_distances) = try('ip', '<#>', 'true', 10, "SET hnsw.ef_search = $ef");
is("$ip_recall, $ip_distances", "$ip_width_recall, $ip_width_distances", 'inner products are searched by widths');

# Of vectors of one norm they tell what distances do, whatever the norm of the
# query, and a few rows without one change nothing.
$node->safe_psql('postgres', q{
	UPDATE t SET v = l2_normalize(v);
	UPDATE t SET v = v - v WHERE id % 50 = 11;
	VACUUM FULL t;
	TRUNCATE truth;
});
for my $k (10, 100)
{
	$node->safe_psql('postgres', "SELECT learn('ip', '<#>', 'true', $k)");
	for my $target (0.9, 0.95, 0.99)
	{
		my ($recall, $distances, $least) = try('ip', '<#>', 'true', $k, "SET hnsw.target_recall = $target");

		cmp_ok($recall, '>=', $target - 0.01, "inner products with vectors of one norm, k = $k: the recall wanted is $target");
		is($least, $k, '... with as many rows as were asked for');
		($ip_recall, $ip_distances) = ($recall, $distances) if $k == 10 && $target == 0.95;
	}
}
$ef = $node->safe_psql('postgres', q{SELECT ef_95 FROM hnsw_index_info('t_v')});
($ip_width_recall, $ip_width_distances) = try('ip', '<#>', 'true', 10, "SET hnsw.ef_search = $ef");
note("inner products: by a width of $ef recall $ip_width_recall, $ip_width_distances codes; by the target $ip_recall, $ip_distances");
cmp_ok($ip_distances * (1 - $ip_recall), '<', $ip_width_distances * (1 - $ip_width_recall), '... and less is looked at for what is found');
($told, $told_distances) = split /\|/, $node->safe_psql('postgres', "SELECT mean_recall, mean_distances FROM hnsw_recall('t_v', 10, 300)");
cmp_ok($told, '>=', 0.94, '... which hnsw_recall finds, too');

$node->stop;
check_log($node);
done_testing();
