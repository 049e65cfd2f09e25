# Conditions on columns of an index, over a grid: 90 to 0.01 % of the rows pass,
# by chance, by a skew column, by two conditions at once, by flags, near the
# queries or far from them; the nearest 10 and 100 are asked for.  With the
# settings as they are, hnsw finds 95 % of them at every point, everything where
# it says that its way is exact, and flat everything; no answer has fewer rows
# than there are, also of conditions on a column that the index does not have.
#
# In full: GloVe and Fashion-MNIST, from the cache (VECEXT_CACHE), where
# test/bench/prepare_vectors puts them.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $cache = $ENV{VECEXT_CACHE} // ($ENV{HOME} // '/nonexistent') . '/.cache/vecext';
my $queries = size(60, 50);
my @parts = (9000, 5000, 3000, 1000, 500, 100, 10, 1);
my @ks = (10, 100);
my @sets = is_long()
  ? ({ name => 'glove', dims => 100, metric => 'cosine', op => '<=>' }, { name => 'fashion', dims => 784, metric => 'l2', op => '<->' })
  : ({ name => 'clusters', dims => 24, metric => 'l2', op => '<->', rows => 20000 });

# Conditions by how many of 10,000 rows pass, and where their queries are
my %kinds = (
	chance => [ 'far', sub { "u < $_[0]" } ],
	pair => [ 'far', sub { my $each = int(sqrt($_[0] * 10000) + 0.5); "u < $each AND w < $each" } ],
	zipf => [ 'far', sub {
		my %values = (1000 => '<= 2', 500 => '= 2', 100 => '= 10', 10 => '= 100', 1 => '= 1000');
		'z ' . ($values{ $_[0] } // '< ' . int(10000**($_[0] / 10000) + 0.5)) } ],
	near => [ 'near', sub { "c < $_[0]" } ],
	remote => [ 'near', sub { 'c >= ' . (10000 - $_[0]) } ],
	flags => [ 'far', sub {
		my %flags = (9000 => 'NOT f10 AND NOT f1', 5000 => 'f50', 3000 => 'f50 AND NOT f10', 1000 => 'f10',
			500 => 'f50 AND f10', 100 => 'f1', 10 => 'f10 AND f1', 1 => 'f50 AND f10 AND f1');
		$flags{ $_[0] } } ],
	unknown => [ 'far', sub { "x < $_[0]" } ]);

my $node = new_loading_server('grid', '512MB');
install_functions($node);
install_walk_functions($node);
$node->safe_psql('postgres', q{
	CREATE TABLE truth (kind text, part int, query int, distances float8[], PRIMARY KEY (kind, part, query));
	CREATE TABLE answer (am text, kind text, part int, k int, query int, expected int, rows int, different int, hits int, sorted bool, by_index bool, mode text);

	-- What the table says is nearest
	CREATE FUNCTION learn(kind text, part int, source regclass, op text, condition text, k int) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		query record;
		distances float8[];
	BEGIN
		PERFORM flattest.use_heap();
		FOR query IN EXECUTE format('SELECT id, v FROM %s', source) LOOP
			EXECUTE format('SELECT array_agg(d) FROM (SELECT v %1$s $1 AS d FROM t WHERE %2$s ORDER BY v %1$s $1 LIMIT %3$s) s',
						   op, condition, k) INTO distances USING query.v;
			INSERT INTO truth VALUES (kind, part, query.id, coalesce(distances, '{}'));
		END LOOP;
	END $$;

	-- What the index says, and how it came to know
	CREATE FUNCTION look(am text, kind text, part int, source regclass, op text, condition text, k int) RETURNS text LANGUAGE plpgsql AS $$
	#variable_conflict use_variable
	DECLARE
		nearest text := format('SELECT id, v %1$s $1 AS d FROM t WHERE %2$s ORDER BY v %1$s $1 LIMIT %3$s', op, condition, k);
		query record;
		ids int[];
		distances float8[];
		true_distances float8[];
		plan text;
	BEGIN
		PERFORM flattest.use_index();
		EXECUTE format('SELECT flattest.plan(replace($2, ''$1'', format(''%%L'', v))) FROM %s LIMIT 1', source) INTO plan USING NULL::text, nearest;
		FOR query IN EXECUTE format('SELECT id, v FROM %s', source) LOOP
			EXECUTE format('SELECT array_agg(id), array_agg(d) FROM (%s) s', nearest) INTO ids, distances USING query.v;
			SELECT t.distances[1:k] INTO STRICT true_distances FROM truth t WHERE t.kind = kind AND t.part = part AND t.query = query.id;
			INSERT INTO answer SELECT am, kind, part, k, query.id, cardinality(true_distances), coalesce(cardinality(ids), 0),
				(SELECT count(DISTINCT i) FROM unnest(ids) i),
				(SELECT count(*) FROM unnest(distances) d WHERE d <= true_distances[cardinality(true_distances)]),
				distances IS NOT DISTINCT FROM (SELECT array_agg(d ORDER BY d) FROM unnest(distances) d), plan ~ 'Index Cond', (flattest.last_scan()).mode;
		END LOOP;
		-- Where most rows pass the executor may as well test them.
		RETURN CASE WHEN plan !~ 'Index Scan' OR plan ~ 'Sort' OR part <= 1000 AND kind <> 'unknown' AND plan !~ 'Index Cond' THEN plan END;
	END $$;
});

# Rows (id, v) and queries of a data set
sub fill
{
	my ($set) = @_;
	my $dims = $set->{dims};

	$node->safe_psql('postgres', "CREATE TABLE base (id int, v vector($dims)); CREATE TABLE far (id int, v vector($dims))");
	if ($set->{rows})
	{
		$node->safe_psql('postgres', qq{
			SELECT flattest.fill('base', 1, $set->{rows}, $dims, 300, 0.3);
			DELETE FROM base WHERE v IS NULL;
			INSERT INTO far SELECT n, v + flattest.random_vector($dims) FROM (SELECT v, row_number() OVER () AS n FROM base WHERE id % 300 = 1) s WHERE n <= $queries});
		return 1;
	}
	for ([ 'base', 'base', 1 << 30 ], [ 'far', 'queries', $queries ])
	{
		my ($table, $name, $most) = @$_;
		my $file = "$cache/vectors/$set->{name}-$name.f32";
		my $text = $node->basedir . '/vectors.txt';
		my $n = 0;

		open my $in, '<:raw', $file or return 0;
		open my $out, '>', $text or die "$text: $!";
		while ($n < $most && read($in, my $bytes, 4 * $dims) == 4 * $dims)
		{
			printf $out "%d\t[%s]\n", $n++, join ',', unpack "f<$dims", $bytes;
		}
		close $out or die "$text: $!";
		$node->safe_psql('postgres', "COPY $table FROM '$text'");
		unlink $text;
	}
	return 1;
}

for my $set (@sets)
{
	my ($name, $op) = ($set->{name}, $set->{op});

	if (!fill($set))
	{
		ok(0, "$cache/vectors/$name-base.f32 can be read");
		next;
	}
	$node->safe_psql('postgres', qq{
		SELECT setseed(0.42);
		CREATE TABLE t AS SELECT id, floor(random() * 10000)::int AS u, floor(random() * 10000)::int AS w, floor(10000 ^ random())::int AS z,
			(row_number() OVER (ORDER BY v $op (SELECT v FROM base WHERE id = 1), id) * 9999 / (SELECT count(*) FROM base))::int AS c,
			floor(random() * 10000)::int AS x, random() < 0.5 AS f50, random() < 0.1 AS f10, random() < 0.01 AS f1, v FROM base ORDER BY id;
		CREATE TABLE near AS SELECT id, v FROM t ORDER BY v $op (SELECT v FROM base WHERE id = 1), id LIMIT $queries;
		VACUUM ANALYZE t});
	for my $kind (sort keys %kinds)
	{
		my ($source, $condition) = @{ $kinds{$kind} };
		$node->safe_psql('postgres', join '', map { "SELECT learn('$kind', $_, '$source', '$op', '" . $condition->($_) . "', $ks[-1]);\n" } @parts);
	}
	is($node->safe_psql('postgres', q{SELECT min(cardinality(distances)) < 10, max(cardinality(distances)) FROM truth}), 't|100',
		"$name: of some conditions there are fewer rows than wanted");

	for my $am ('hnsw', 'flat')
	{
		$node->safe_psql('postgres', "DROP INDEX IF EXISTS t_v; CREATE INDEX t_v ON t USING $am (v vector_$set->{metric}_ops, u, w, z, c, f50, f10, f1)");
		complaints($node, "$name, $am: the plan is an index scan, with the condition", map {
			my $kind = $_;
			my ($source, $condition) = @{ $kinds{$kind} };
			map { my $part = $_; map { "SELECT '$kind $part', c FROM look('$am', '$kind', $part, '$source', '$op', '" . $condition->($part) . "', $_) c WHERE c IS NOT NULL" } @ks } @parts;
		} sort keys %kinds);
		complaints($node, "$name, $am: as many rows as wanted, or as there are, each once, in order",
			"SELECT kind, part, k, query, expected, rows, different FROM answer WHERE am = '$am' AND
				(rows <> expected OR different <> rows OR by_index AND NOT sorted) LIMIT 20");
		complaints($node, "$name, $am: what is exact finds everything",
			"SELECT kind, part, k, query, mode, expected, hits FROM answer WHERE am = '$am' AND (am = 'flat' OR mode <> 'walk') AND hits <> expected LIMIT 20");
		complaints($node, "$name, $am: recall at every point",
			"SELECT kind, part, k, round(sum(hits) / sum(expected)::numeric, 4), string_agg(DISTINCT mode, ' ') FROM answer WHERE am = '$am' AND expected > 0
			GROUP BY kind, part, k HAVING sum(hits) < 0.95 * sum(expected) ORDER BY kind, part, k");
	}
	note($node->safe_psql('postgres', q{SELECT am, kind, part, k, round(sum(hits) / nullif(sum(expected), 0)::numeric, 3), string_agg(DISTINCT mode, ' ')
		FROM answer GROUP BY am, kind, part, k ORDER BY am, kind, k, part}));
	is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT mode, ' ' ORDER BY mode) FROM answer WHERE am = 'hnsw' AND mode <> 'rows'}),
		'all matches walk', "$name, hnsw: there were walks and all other ways");
	$node->safe_psql('postgres', 'DROP TABLE base, far, near, t; TRUNCATE truth, answer');
}

check_log($node);
$node->stop;
done_testing();
