# FlatTest.pm: what the stories about flat indexes share.
#
# The same stories run in two sizes: small in test/tap, full in test/long,
# whose files set VECEXT_LONG and run their brothers.  size(small, full) picks.
#
# The truth is always a sequential scan of the same server.  Two ordered
# answers are equal when their distances are, one by one, and the index's rows
# are all different: a distance is computed from the row that is returned, so
# that rows of equal distance may come in any order, and no others.

package FlatTest;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(
	is_long size new_server new_loading_server install_functions install_walk_functions complaints
	run_clients start_clients abandon_clients kill_server check_log hold_debug_point hold_debug_point_next release_debug_point
	wait_for_lock_wait try_sql compile_library back_up_cold replay_to tell_of_flat tell_of_hnsw);

# More settings for every server of a story
our $settings = '';

# What the story is told of
our $access_method = 'flat';

# With columns for conditions, where a story knows of them
our $filters = 0;

# Of the indexes, where a story knows of it
our $quantizer = 'sq8';

sub is_long { return $ENV{VECEXT_LONG} ? 1 : 0; }

sub size
{
	my ($small, $full) = @_;
	return is_long() ? $full : $small;
}

sub read_story
{
	my ($file) = @_;
	my ($dir) = __FILE__ =~ m{^(.*)/};
	open my $in, '<', "$dir/$file" or die "$dir/$file: $!";
	my $story = do { local $/; <$in> };

	close $in;
	return $story;
}

# tell_of_flat(file): the story of another file once more, as what has been set
# before changes it.
sub tell_of_flat
{
	my ($file) = @_;

	eval "#line 1 \"$file, once more\"\n" . read_story($file) . '; 1' or die $@;
	return;
}

# tell_of_hnsw(file): the story of another file about flat indexes, told of hnsw
# ones.  Tables are so small that a pass over the codes is cheaper than a walk of
# ef_search = 1000, so every answer has to be a sequential scan's here, too; the
# graph is built, linked, repaired and judged on the way.
sub tell_of_hnsw
{
	my ($file) = @_;
	my $story = read_story($file);

	$story =~ s/\bUSING flat\b/USING hnsw/g;
	$story =~ s/\bflat_index_(check|info)\b/hnsw_index_$1/g;
	$story =~ s/new_server\('/new_server('hnsw_/g;
	$story =~ s/\bfor flat index\b/for hnsw index/g;
	# A graph has no parallel scan.
	$story =~ s/^(\s*SELECT set_config\('flattest\.parallel'), '2'/$1, '0'/mg;
	$story =~ s/SET flattest\.parallel = 2;/SET flattest.parallel = 0;/g;
	$story =~ s/for my \$parallel \(0, 2\)/for my \$parallel (0)/g;
	$story =~ s/^# Only of flat \{\n.*?^# \}\n//msg;
	$settings = "hnsw.ef_search = 1000\n";
	$access_method = 'hnsw';
	eval "#line 1 \"$file, of hnsw\"\n$story; 1" or die $@;
	return;
}

# A server with every replay check on; settings go to postgresql.conf.
sub new_server
{
	my ($name, $own_settings, %init) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	my @extra = ('--no-sync');

	# Checksums are the default from 18 on.
	push @extra, '--no-data-checksums'
	  if delete $init{without_checksums} && $node->pg_version >= 18;
	$node->init(extra => \@extra, %init);
	$node->append_conf('postgresql.conf', qq{
wal_consistency_checking = 'all'
log_statement = none
autovacuum = off
max_prepared_transactions = 0
jit = off
statement_timeout = '300s'
$settings
$own_settings
});
	$node->start;
	return $node;
}

# The same for stories that load much, and replay nothing.
sub new_loading_server
{
	my ($name, $shared_buffers) = @_;

	return new_server($name, qq{
shared_buffers = $shared_buffers
maintenance_work_mem = 1GB
max_parallel_maintenance_workers = 0
max_wal_size = 4GB
wal_level = minimal
max_wal_senders = 0
wal_consistency_checking = ''
});
}

# The functions that fill tables and compare answers.
sub install_functions
{
	my ($node, $database) = @_;

	$database = 'postgres' unless defined $database;
	$node->safe_psql($database, q{
CREATE EXTENSION IF NOT EXISTS vecext;
CREATE SCHEMA flattest;

-- A vector that depends on its number alone.
CREATE FUNCTION flattest.nth_vector(n bigint, dims int) RETURNS vector
LANGUAGE sql STRICT IMMUTABLE PARALLEL SAFE AS $$
	SELECT array_agg(sin(n * 0.731 + i * i * 0.137 + (n % 7) * i)::float4 ORDER BY i)::vector
	FROM generate_series(1, dims) i
$$;

CREATE FUNCTION flattest.random_vector(dims int) RETURNS vector
LANGUAGE sql STRICT VOLATILE PARALLEL SAFE AS $$
	SELECT array_agg((random() - 0.5)::float4)::vector FROM generate_series(1, dims)
$$;

CREATE FUNCTION flattest.zero_vector(dims int) RETURNS vector
LANGUAGE sql STRICT IMMUTABLE PARALLEL SAFE AS $$
	SELECT array_fill(0::float4, ARRAY[dims])::vector
$$;

-- Clustered rows (id, v); of every hundred two are NULL, one is zero, five
-- are copies of the row before, and one belongs to a crowd of equals.
CREATE FUNCTION flattest.fill(target regclass, first_id int, count int, dims int,
							  clusters int, seed float8) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	centers float4[];
BEGIN
	PERFORM setseed(seed);
	centers := ARRAY(SELECT ((random() + random() + random() + random()) * 2 - 4)::float4
					 FROM generate_series(1, clusters * dims));
	EXECUTE format('
		INSERT INTO %s (id, v)
		SELECT $1 + g,
			   CASE g %% 100 WHEN 17 THEN NULL WHEN 58 THEN NULL
					WHEN 33 THEN flattest.zero_vector($2)
					WHEN 71 THEN flattest.nth_vector(1, $2)
					ELSE (SELECT array_agg(($3[k * $2 + i] + (random() - 0.5) * 0.6)::float4 ORDER BY i)
						  FROM generate_series(1, $2) i)::vector END
		FROM (SELECT g, floor(random() * $4)::int AS k FROM generate_series(0, $5 - 1) g) s', target)
		USING first_id, dims, centers, clusters, count;
	EXECUTE format('
		UPDATE %1$s t SET v = s.v FROM %1$s s
		WHERE t.id %% 20 = 9 AND s.id = t.id - 1 AND t.id >= $1 AND t.id < $1 + $2', target)
		USING first_id, count;
END
$$;

-- How the next comparisons use the index; flattest.parallel is the number of
-- workers, 0 for none.
CREATE FUNCTION flattest.use_index() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	workers text := coalesce(nullif(current_setting('flattest.parallel', true), ''), '0');
BEGIN
	PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true),
			set_config('enable_bitmapscan', 'off', true), set_config('enable_indexscan', 'on', true),
			set_config('enable_indexonlyscan', 'on', true),
			set_config('max_parallel_workers_per_gather', workers, true),
			set_config('parallel_setup_cost', '0', true), set_config('parallel_tuple_cost', '0', true),
			set_config('min_parallel_index_scan_size', '0', true),
			set_config('min_parallel_table_scan_size', '0', true);
END
$$;

CREATE FUNCTION flattest.use_bitmap() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM flattest.use_index();
	PERFORM set_config('enable_bitmapscan', 'on', true), set_config('enable_indexscan', 'off', true),
			set_config('enable_indexonlyscan', 'off', true), set_config('enable_sort', 'on', true);
END
$$;

CREATE FUNCTION flattest.use_heap() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true),
			set_config('enable_bitmapscan', 'off', true), set_config('enable_indexscan', 'off', true),
			set_config('enable_indexonlyscan', 'off', true),
			set_config('max_parallel_workers_per_gather', '0', true);
END
$$;

CREATE FUNCTION flattest.plan(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	result text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		result := result || line || E'\n';
	END LOOP;
	RETURN result;
END
$$;

-- The ordered answers of index and table, for every limit (NULL: none);
-- NULL if they agree, else what is wrong.  At even limits the scan is asked for
-- rows alone, so that it may return them without their distances (rerank = index).
CREATE FUNCTION flattest.compare_order(source regclass, op text, q vector, limits int[],
									   condition text DEFAULT 'true') RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	-- text on purpose: the cast must be the query's own
	rows_of text := format('SELECT ctid, v %s %L::vector AS d FROM %s WHERE %s ORDER BY v %s %L::vector',
						   op, q, source, condition, op, q);
	-- no DISTINCT aggregate beside the arrays: from 16 on it would sort their input
	answer_of text := 'SELECT array_agg(ctid), array_agg(d) FROM (%s LIMIT %s) s';
	unread text := format('SELECT array_agg(c), array_agg((SELECT t.v %1$s %2$L::vector FROM %3$s t WHERE t.ctid = c AND t.tableoid = o))
						  FROM (SELECT ctid AS c, tableoid AS o FROM %3$s WHERE %4$s ORDER BY v %1$s %2$L::vector LIMIT %%s) s',
						  op, q, source, replace(condition, '%', '%%'));
	max_limit int := (SELECT max(l) FROM unnest(limits) l);
	truth float8[];
	ids tid[];
	distances float8[];
	different bigint;
	expected float8[];
	lim int;
	plan text;
BEGIN
	IF array_position(limits, NULL) IS NOT NULL THEN
		max_limit := NULL;
	END IF;
	PERFORM flattest.use_heap();
	EXECUTE format(answer_of, rows_of, coalesce(max_limit::text, 'ALL')) INTO ids, truth;
	PERFORM flattest.use_index();
	FOREACH lim IN ARRAY limits LOOP
		IF lim % 2 = 0 THEN
			EXECUTE format(unread, lim) INTO ids, distances;
		ELSE
			EXECUTE format(answer_of, rows_of, coalesce(lim::text, 'ALL')) INTO ids, distances;
		END IF;
		different := (SELECT count(DISTINCT c) FROM unnest(ids) c);
		expected := CASE WHEN lim IS NULL THEN truth ELSE truth[1:lim] END;
		IF distances IS DISTINCT FROM nullif(expected, '{}') THEN
			RETURN format('limit %s: %s rows from the index, %s from the table, first difference at %s: %s and %s',
				coalesce(lim::text, 'none'), cardinality(distances), cardinality(expected), s.i,
				distances[s.i], expected[s.i])
			FROM generate_series(1, greatest(cardinality(distances), cardinality(expected), 1)) s(i)
			WHERE distances[s.i] IS DISTINCT FROM expected[s.i] LIMIT 1;
		END IF;
		IF different IS DISTINCT FROM coalesce(cardinality(ids), 0) THEN
			RETURN format('limit %s: %s rows, %s different ones', lim, cardinality(ids), different);
		END IF;
	END LOOP;

	plan := flattest.plan(rows_of);
	IF plan !~ 'Index Scan' OR plan ~ 'Sort' THEN
		RETURN 'the index was not used: ' || plan;
	END IF;
	IF coalesce(nullif(current_setting('flattest.parallel', true), ''), '0') <> '0' AND
	   plan !~ 'Gather Merge.*Parallel Index Scan' THEN
		RETURN 'not parallel: ' || plan;
	END IF;
	RETURN NULL;
END
$$;

-- The rows that meet a condition, from index, bitmap and table.
CREATE FUNCTION flattest.compare_condition(source regclass, condition text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	query text := format('SELECT id FROM %s WHERE %s', source, condition);
	aggregate text := format('SELECT array_agg(id ORDER BY id) FROM (%s) s', query);
	truth int[];
	answer int[];
	counted bigint;
	plan text;
BEGIN
	PERFORM flattest.use_heap();
	EXECUTE aggregate INTO truth;

	PERFORM flattest.use_index();
	plan := flattest.plan(query);
	EXECUTE aggregate INTO answer;
	IF plan !~ 'Index' THEN
		RETURN 'the index was not used: ' || plan;
	END IF;
	IF answer IS DISTINCT FROM truth THEN
		RETURN format('%s rows from the index, %s from the table', cardinality(answer), cardinality(truth));
	END IF;
	EXECUTE format('SELECT count(*) FROM %s WHERE %s', source, condition) INTO counted;
	IF counted <> coalesce(cardinality(truth), 0) THEN
		RETURN format('the index counts %s rows, the table has %s', counted, cardinality(truth));
	END IF;

	PERFORM flattest.use_bitmap();
	plan := flattest.plan(query);
	EXECUTE aggregate INTO answer;
	IF plan !~ 'Bitmap Index Scan' THEN
		RETURN 'no bitmap scan: ' || plan;
	END IF;
	IF answer IS DISTINCT FROM truth THEN
		RETURN format('%s rows by bitmap, %s from the table', cardinality(answer), cardinality(truth));
	END IF;
	RETURN NULL;
END
$$;

-- count(*) of the whole table by an index-only scan
CREATE FUNCTION flattest.compare_count(source regclass) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	truth bigint;
	answer bigint;
BEGIN
	PERFORM flattest.use_heap();
	EXECUTE format('SELECT count(*) FROM %s', source) INTO truth;
	PERFORM flattest.use_index();
	EXECUTE format('SELECT count(*) FROM %s', source) INTO answer;
	RETURN CASE WHEN answer <> truth THEN format('the index counts %s rows, the table has %s', answer, truth) END;
END
$$;

-- For clients under load: an error where the others return a complaint.
CREATE FUNCTION flattest.insist(complaint text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF complaint IS NOT NULL THEN
		RAISE EXCEPTION 'flattest: %', complaint;
	END IF;
END
$$;

-- What the checker says of an index, in one line; NULL if nothing.
CREATE FUNCTION flattest.check_index(index regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	judge text;
	complaint text;
BEGIN
	SELECT amname || '_index_check' INTO judge
	FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE c.oid = index;
	EXECUTE format('SELECT string_agg(format(''%%s at %%s: %%s'', invariant, block, message), ''; '')
		FROM (SELECT * FROM %I($1, true) LIMIT 5) s', judge) INTO complaint USING index;
	RETURN complaint;
END
$$;
});
	return;
}

# The functions of stories about walks along the graph.
sub install_walk_functions
{
	my ($node, $database) = @_;

	$node->safe_psql($database // 'postgres', q{
-- Rows (id, v) without any order in them, so that walks have something to miss.
CREATE FUNCTION flattest.fill_cloud(target regclass, first_id int, count int, dims int, seed float8)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM setseed(seed);
	EXECUTE format('
		INSERT INTO %s (id, v)
		SELECT $1 + g, (SELECT array_agg((random() - 0.5)::float4)
						FROM generate_series(g * 0 + 1, $2))::vector
		FROM generate_series(0, $3 - 1) g', target)
		USING first_id, dims, count;
END
$$;

-- What the last scan of this session has cost.
CREATE FUNCTION flattest.last_scan() RETURNS vecext_last_scan LANGUAGE sql VOLATILE AS
	'SELECT * FROM vecext_last_scan';

-- An ordered scan that walks along the graph: NULL if its answer is what it
-- may be, else what is wrong with it.  lim NULL: no LIMIT.
CREATE FUNCTION flattest.compare_walk(source regclass, op text, q vector, lim int,
									  condition text DEFAULT 'true', hide bool DEFAULT true)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	no_late bool := current_setting('hnsw.iterative_scan') = 'strict_order';
	least_late bigint;
	-- The set-returning function hides the LIMIT from the scan, which otherwise
	-- makes its first batch as large.
	query text := format('SELECT id, v %s %L::vector AS d%s FROM %s WHERE %s ORDER BY v %s %L::vector LIMIT %s',
						 op, q, CASE WHEN hide THEN ', generate_series(1, 1)' ELSE '' END,
						 source, condition, op, q, coalesce(lim::text, 'ALL'));
	expected int;
	found int;
	scan vecext_last_scan;
	plan text;
	answer record;
BEGIN
	PERFORM flattest.use_heap();
	EXECUTE format('SELECT count(*) FROM %s WHERE %s', source, condition) INTO expected;
	expected := least(expected, lim);
	PERFORM flattest.use_index();
	plan := flattest.plan(query);
	IF plan !~ 'Index Scan' OR plan ~ 'Sort' THEN
		RETURN 'the index was not used: ' || plan;
	END IF;

	CREATE TEMP TABLE answer (n int GENERATED ALWAYS AS IDENTITY, id int, d float8);
	-- Not hidden, it may return rows without their distances (rerank = index).
	IF hide OR lim IS NULL THEN
		EXECUTE format('INSERT INTO answer (id, d) SELECT id, d FROM (%s) s', query);
	ELSE
		EXECUTE format('INSERT INTO answer (id, d)
			SELECT id, (SELECT t.v %1$s %2$L::vector FROM %3$s t WHERE t.ctid = s.place AND t.tableoid = s.owner)
			FROM (SELECT id, ctid AS place, tableoid AS owner FROM %3$s WHERE %4$s ORDER BY v %1$s %2$L::vector LIMIT %5$s) s',
			op, q, source, condition, lim);
	END IF;
	scan := flattest.last_scan();
	-- NULL: float8 has its own place for NaN, after all numbers, as an order by distance has
	SELECT count(*) AS rows, count(DISTINCT id) AS different,
		   count(*) FILTER (WHERE d < farthest) AS late,
		   count(*) FILTER (WHERE d < before) AS steps,
		   count(*) FILTER (WHERE null_before AND d IS NOT NULL) AS misplaced
	INTO answer
	FROM (SELECT id, d, max(d) OVER (ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS farthest,
				 lag(d) OVER (ORDER BY n) AS before,
				 lag(d IS NULL) OVER (ORDER BY n) AS null_before FROM answer) s;
	DROP TABLE answer;

	IF scan.walks = 0 THEN
		RETURN 'nothing was looked for along the graph';
	ELSIF answer.rows > expected OR (NOT no_late AND answer.rows < expected) THEN
		RETURN format('%s rows, not %s', answer.rows, expected);
	ELSIF answer.different <> answer.rows THEN
		RETURN format('%s rows, %s different ones', answer.rows, answer.different);
	ELSIF answer.misplaced > 0 THEN
		RETURN format('%s rows behind those without a distance', answer.misplaced);
	ELSIF no_late AND answer.late > 0 THEN
		RETURN format('%s late rows in strict order', answer.late);
	ELSIF answer.steps > scan.walks + scan.passes - 1 THEN
		RETURN format('order steps down %s times in %s batches', answer.steps, scan.walks + scan.passes);
	END IF;

	-- Rows that go out unread are counted as late if they surely are: of those that
	-- are it by less than is known of their distances, none.
	least_late := CASE WHEN EXISTS (SELECT FROM pg_class WHERE oid = scan.index AND 'rerank=index' = ANY (reloptions))
					   THEN answer.late * 9 / 10 - 1 ELSE answer.late END;
	IF condition = 'true' AND
		(scan.late_rows NOT BETWEEN least_late AND answer.late OR scan.rows <> answer.rows) THEN
		RETURN format('%s rows and %s late ones, counted as %s and %s',
					  answer.rows, answer.late, scan.rows, scan.late_rows);
	END IF;
	RETURN NULL;
END
$$;

-- As flattest.compare_walk, but it needs no temporary table, which a standby
-- cannot have.  Where conditions are on columns of the index: what the scan did
-- shall be what the mode says; with "matches" its answer is exact.
CREATE FUNCTION flattest.look(source regclass, q vector, k int, condition text DEFAULT 'true', expected_mode text DEFAULT NULL)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	-- The set-returning function hides the LIMIT, as above.
	query text := format('SELECT ctid AS place, (%s) AS passes, v <-> %L::vector AS d, generate_series(1, 1)
						 FROM %s WHERE %1$s ORDER BY v <-> %2$L::vector LIMIT %4$s',
						 condition, q, source, coalesce(k::text, 'ALL'));
	answer_of text := 'SELECT array_agg(d) FROM (%s) s';
	answer record;
	scan vecext_last_scan;
	rows int;
	different int;
	truth float8[];
BEGIN
	PERFORM flattest.use_heap();
	EXECUTE format('SELECT count(*) FROM %s WHERE %s', source, condition) INTO rows;
	IF expected_mode = 'matches' THEN
		EXECUTE format(answer_of, query) INTO truth;
	END IF;
	PERFORM flattest.use_index(), set_config('hnsw.ef_search', CASE WHEN condition = 'true' THEN '20' ELSE '10' END, true);
	EXECUTE format('SELECT count(*) AS n, count(*) FILTER (WHERE d < before) AS steps,
			count(*) FILTER (WHERE passes IS NOT TRUE) AS wrong, array_agg(place) AS places, array_agg(d) AS distances
		FROM (SELECT *, lag(d) OVER () AS before FROM (%s) s) s', query) INTO answer;
	scan := flattest.last_scan();
	SELECT count(DISTINCT place) INTO different FROM unnest(answer.places) place;
	IF answer.n <> least(k, rows) OR different <> answer.n OR answer.wrong > 0 OR
		scan.mode IS DISTINCT FROM coalesce(expected_mode, scan.mode) OR
		(expected_mode = 'matches' AND answer.distances IS DISTINCT FROM truth) OR
		(expected_mode IS DISTINCT FROM 'matches' AND (scan.walks = 0 OR answer.steps > scan.walks + scan.passes - 1)) THEN
		RETURN format('%s: %s rows of %s, %s different, %s that do not pass, %s steps, %s, truth %s, %s', condition, answer.n, rows,
			different, answer.wrong, answer.steps, answer.distances[1:9], truth[1:9], scan);
	END IF;
	RETURN NULL;
END
$$;

-- Pages peeked at by a search whose condition few rows pass, in excess of those
-- rows: more than none only if both the rows' pages and the codes' are.
CREATE FUNCTION flattest.spare_peeks(source regclass, q vector, condition text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	query text := format('SELECT count(*) FROM (SELECT FROM %s WHERE %s ORDER BY v <-> %L LIMIT 10) s', source, condition, q);
	before bigint;
BEGIN
	PERFORM flattest.use_index();
	-- The first one finds out where the pages are.
	EXECUTE query;
	before := (SELECT peeks FROM vecext_session_buffers);
	EXECUTE query;
	RETURN (SELECT peeks FROM vecext_session_buffers) - before - (flattest.last_scan()).matches;
END
$$;

-- The share of the nearest k rows that a search returns, over so many queries,
-- ties counted as hits.
CREATE FUNCTION flattest.recall(source regclass, op text, k int, queries int, dims int) RETURNS float8
LANGUAGE plpgsql AS $$
DECLARE
	hits bigint := 0;
	q vector;
	farthest float8;
	near int;
BEGIN
	FOR i IN 1 .. queries LOOP
		q := flattest.nth_vector(i, dims) * array_fill(0.5::float4, ARRAY[dims])::vector;
		PERFORM flattest.use_heap();
		EXECUTE format('SELECT max(d) FROM (SELECT v %1$s %2$L::vector AS d FROM %3$s ORDER BY 1 LIMIT %4$s) s',
					   op, q, source, k) INTO farthest;
		PERFORM flattest.use_index();
		EXECUTE format('SELECT count(*) FROM (SELECT v %1$s %2$L::vector AS d FROM %3$s ORDER BY v %1$s %2$L::vector LIMIT %4$s) s WHERE d <= $1',
					   op, q, source, k) INTO near USING farthest;
		hits := hits + near;
	END LOOP;
	RETURN hits / (k * queries)::float8;
END
$$;
});
	return;
}

# complaints(node, name, sql...): each query returns rows of complaints; the
# test passes when there are none.
sub complaints
{
	my ($node, $name, @queries) = @_;
	my $database = 'postgres';

	$database = shift(@queries)->[0] if ref $queries[0];
	my $out = $node->safe_psql($database, join(";\n", @queries));
	$out =~ s/^\s*\n//mg;
	return is($out, '', $name);
}

# Run SQL; returns exit code, output, errors.
sub try_sql
{
	my ($node, $sql, %params) = @_;
	my ($out, $err) = ('', '');
	my $code = $node->psql($params{database} // 'postgres', $sql,
		stdout => \$out, stderr => \$err,
		extra_params => $params{extra_params} // []);
	return ($code, $out, $err);
}

# Make a library for the server of a C file beside the stories; returns its path.
sub compile_library
{
	my ($name, $file, @flags) = @_;
	my %config = map { my ($out) = run_command([ 'pg_config', "--$_" ]); $_ => $out } 'cc', 'cppflags', 'cflags', 'cflags_sl', 'includedir-server';
	my ($source) = __FILE__ =~ m{^(.*)/};
	my $library = "$PostgreSQL::Test::Utils::tmp_check/$name.so";

	system_or_bail((split ' ', $config{cc}), (split ' ', "$config{cppflags} $config{cflags} $config{cflags_sl}"), '-shared',
		"-I$config{'includedir-server'}", @flags, '-o', $library, "$source/$file");
	return $library;
}

# ---- Clients under load (pgbench) ----

our $client_database = 'postgres';
my $script_count = 0;

# start_clients(node, clients, seconds, [script, weight]...)
sub start_clients
{
	my ($node, $clients, $seconds, @scripts) = @_;
	my @command = ($node->installed_command('pgbench'),
		'-n', '-c', $clients, '-j', $clients > 1 ? 2 : 1, '-T', $seconds,
		'-h', $node->host, '-p', $node->port);
	my ($out, $err) = ('', '');

	for my $script (@scripts)
	{
		my $file = $node->basedir . '/clients_' . ++$script_count . '.sql';
		append_to_file($file, $script->[0]);
		push @command, '-f', "$file\@$script->[1]";
	}
	push @command, $client_database;
	my $run = { out => \$out, err => \$err };
	$run->{handle} = IPC::Run::start(\@command, '<', \undef, '>', \$out, '2>', \$err,
		IPC::Run::timer($seconds + $PostgreSQL::Test::Utils::timeout_default));
	return $run;
}

# True if every client went on to the end; the number of transactions.
sub finish_clients
{
	my ($run) = @_;
	my $ok = eval { IPC::Run::finish($run->{handle}) };
	my ($count) = ${ $run->{out} } =~ /transactions actually processed: (\d+)/;
	my $errors = join "\n", grep { /error|abort|fatal|server closed|flattest/i } split /\n/, ${ $run->{err} };
	my $failed = !$ok || $errors ne '' || !$count;

	diag(${ $run->{out} }, substr(${ $run->{err} }, 0, 4000)) if $failed;
	return ($failed ? 0 : 1, $count // 0);
}

# The clients of a server that is about to be killed: whatever they say.
sub abandon_clients
{
	my ($run) = @_;

	eval { IPC::Run::kill_kill($run->{handle}, grace => 5) };
	return;
}

# By /proc: a machine may have no ps.
sub children_of
{
	my ($parent) = @_;
	my @children;

	for my $file (glob '/proc/[0-9]*/stat')
	{
		open my $in, '<', $file or next;
		my $line = readline $in;
		push @children, $1 if defined $line && $line =~ /^(\d+) \(.*\) \S (\d+) /s && $2 == $parent;
	}
	return @children;
}

# The postmaster and all its children, at once.
sub kill_server
{
	my ($node) = @_;
	my $pid = $node->{_pid};
	my @children;

	# Who stands still starts no processes that the list would miss.
	kill 'STOP', $pid;
	select undef, undef, undef, 0.02;
	@children = children_of($pid);
	kill 'KILL', $pid, @children;
	$node->{_pid} = undef;
	# The shared memory must be nobody's when the next one starts.
	for (1 .. 500)
	{
		last unless grep { kill 0, $_ } $pid, @children;
		select undef, undef, undef, 0.01;
	}
	return;
}

sub run_clients
{
	my ($name, @runs) = @_;
	my ($all, $total) = (1, 0);

	for my $run (@runs)
	{
		my ($ok, $count) = finish_clients($run);
		$all &&= $ok;
		$total += $count;
	}
	note("$name: $total transactions");
	return ok($all, $name);
}

# Nothing in the server's log that no test may cause.
sub check_log
{
	my ($node, $name, $ignore) = @_;
	my @bad = grep {
		/PANIC|TRAP:|terminated by signal|inconsistent page|server process .* was terminated/
		  && !(defined $ignore && /$ignore/)
	} split /\n/, slurp_file($node->logfile);

	is(join("\n", @bad[ 0 .. ($#bad > 9 ? 9 : $#bad) ]), '', $name // 'the server never crashed');
	return;
}

# ---- Replay up to some record ----

# A copy of the server's files as of now, of which replay_to() begins.
sub back_up_cold
{
	my ($node) = @_;

	$node->stop;
	mkdir $node->backup_dir;
	system_or_bail('cp', '-a', $node->data_dir, $node->backup_dir . '/cold');
	$node->start;
	return;
}

# Start another server of that copy and of the WAL since then, which replays it up to
# a record: what a crash just behind it leaves.
sub replay_to
{
	my ($at, $node, $record, $action) = @_;

	$at->init_from_backup($node, 'cold');
	system_or_bail('cp', glob($node->data_dir . '/pg_wal/0*'), $at->data_dir . '/pg_wal');
	$at->append_conf('postgresql.conf', qq{
restore_command = 'false'
recovery_target_lsn = '$record'
recovery_target_action = '$action'
});
	$at->append_conf('recovery.signal', '');
	$at->start;
	return;
}

# ---- Debug points ----

# hold_debug_point(node): backends that name a debug point (vecext.debug_point)
# wait there until release_debug_point.
my $debug_lock = q{x'766563657874'::bigint};

sub hold_debug_point
{
	my ($node) = @_;
	my $holder = $node->background_psql('postgres');

	$holder->query_safe("SELECT pg_advisory_lock($debug_lock)");
	return $holder;
}

# One more who waits to hold it, behind those that stand there: the session
# before releases them and stops whoever comes later.
sub hold_debug_point_next
{
	my ($node) = @_;
	my $holder = $node->background_psql('postgres');

	$holder->query_until(qr/asks/, "\\echo asks\nSELECT pg_advisory_lock($debug_lock);\n");
	wait_for_lock_wait($node, 'SELECT pg_advisory_lock');
	return $holder;
}

sub release_debug_point
{
	my ($holder) = @_;

	$holder->query_safe("SELECT pg_advisory_unlock($debug_lock)");
	$holder->quit;
	return;
}

# wait_for_lock_wait(node, pattern): until a query like that waits for a lock.
sub wait_for_lock_wait
{
	my ($node, $pattern) = @_;

	$node->poll_query_until('postgres', qq{
		SELECT count(*) > 0 FROM pg_stat_activity
		WHERE wait_event_type = 'Lock' AND query ~ '$pattern' AND pid <> pg_backend_pid()})
	  or die "no query like $pattern came to wait for a lock";
	return;
}

1;
