#!/usr/bin/perl
#
# bench_hnsw.pl - approximate search by the hnsw access method
#
# Queries a second at equal recall, build, size, insert, vacuum, two clients,
# indexes beyond shared buffers and growth, beside pgvector and whatever
# program --peer-command names.  All in one run on one server; README.md tells
# the method.
#
#	bench_hnsw.pl --psql PROGRAM --url URL --data DIR --files DIR --client PROGRAM
#		--vectors PROGRAM [--restart COMMAND] [--smoke] [--rounds N]
#		[--sets NAME,...] [--sides NAME,...] [--targets RECALL,...] [--am NAME] [--with OPTIONS]
#		[--by target_recall|ef_search] [--peer FILE] [--peer-command COMMAND] [--save FILE]
#		[build|curve|target|clients|insert|vacuum|large|growth]...
#
# --url: a database of the server, connected to as superuser; --data: where
# NAME-base.f32 and NAME-queries.f32 of prepare_vectors are; --files: a directory
# that the server may read; --client, --vectors: bench_client and bench_vectors,
# compiled; --restart: stops and starts the server and prints the URL ("large"
# needs it).  --am measures another access method of vecext in hnsw's place; --by
# says by which of its settings vecext goes from one recall to the next.
# Without names of parts, all of them.

use strict;
use warnings;
use Getopt::Long;
use IPC::Open2;

$| = 1;
my ($psql, $url, $data, $files, $client_program, $vectors_program, $restart, $smoke, $rounds);
my ($set_names, $side_names, $target_list, $am) = ('mnist,fashion,glove,text', 'vecext,pgvector,peer', '.90,.95,.99', 'hnsw');
my ($with, $by) = ('', 'target_recall');
my (@peer_files, @peer_commands, $save_file);
my @parts = qw(build curve target clients insert vacuum large growth);
GetOptions(
	'psql=s' => \$psql, 'url=s' => \$url, 'data=s' => \$data, 'files=s' => \$files,
	'client=s' => \$client_program, 'vectors=s' => \$vectors_program, 'restart=s' => \$restart,
	'smoke' => \$smoke, 'rounds=i' => \$rounds, 'sets=s' => \$set_names, 'sides=s' => \$side_names,
	'targets=s' => \$target_list, 'am=s' => \$am, 'with=s' => \$with, 'by=s' => \$by, 'peer=s' => \@peer_files,
	'peer-command=s' => \@peer_commands, 'save=s' => \$save_file)
  && defined $psql && defined $url && defined $data && defined $files && defined $client_program
  && defined $vectors_program && $by =~ /^(?:target_recall|ef_search)$/
  && !grep { my $part = $_; !grep { $part eq $_ } @parts } @ARGV
  or die "usage: bench_hnsw.pl --psql PROGRAM --url URL --data DIR --files DIR --client PROGRAM\n"
  . "	--vectors PROGRAM [--restart COMMAND] [--smoke] [--rounds N]\n"
  . "	[--sets NAME,...] [--sides NAME,...] [--targets RECALL,...] [--am NAME] [--with OPTIONS]\n"
  . "	[--by target_recall|ef_search] [--peer FILE] [--peer-command COMMAND] [--save FILE]\n"
  . '	[' . join('|', @parts) . "]...\n";
$rounds //= $smoke ? 1 : 4;
my %part = map { $_ => 1 } @ARGV ? @ARGV : @parts;
my @targets = split /,/, $target_list;
my %wanted_side = map { $_ => 1 } split /,/, $side_names;

my ($k, $m, $ef_construction) = (10, 16, 64);
my $queries = $smoke ? 200 : 1000;
my $build_rounds = $part{build} && !$smoke ? 2 : 1;
# pgvector takes ef_search up to 1,000.
my @ef_ladder = $smoke ? (10, 40, 160) : (10, 14, 20, 28, 40, 56, 80, 113, 160, 226, 320, 453, 640, 800, 1000);
# What is below 1 is hnsw.target_recall.
my @recall_ladder = $smoke ? (.8, .95, .99)
  : (.7, .8, .85, .88, .9, .92, .935, .95, .96, .97, .98, .985, .99, .993, .996, .998, .999);

my %set = (
	mnist => { title => 'MNIST, l2', dims => 784, metric => 'l2', rows => 60_000 },
	fashion => { title => 'Fashion-MNIST, l2', dims => 784, metric => 'l2', rows => 60_000 },
	glove => { title => 'GloVe, cosine', dims => 100, metric => 'cosine', rows => 340_479 },
	text => { title => 'Text, cosine', dims => 512, metric => 'cosine', rows => 80_000 },
	clusters => { title => 'Clusters, l2', dims => 100, metric => 'l2', rows => 1_000_000 });
for my $name (keys %set)
{
	$set{$name}{name} = $set{$name}{table} = $name;
	$set{$name}{stride} = 1;
	$set{$name}{$_} = "$data/$name-$_.f32" for qw(base queries);
	$set{$name}{rows} = 5_000 if $smoke;
}
my @sets;
for my $name (split /,/, $set_names)
{
	die "there is no data \"$name\"\n" unless $set{$name};
	if (-e $set{$name}{base}) { push @sets, $set{$name} }
	else { print "Without $set{$name}{title}: there is no $set{$name}{base}\n" }
}

# ---- Programs on the other end of two pipes ----

sub start_program
{
	my ($name, @command) = @_;
	my $pid = open2(my $out, my $in, @command);
	select $in; $| = 1; select STDOUT;
	return { name => $name, in => $in, out => $out, pid => $pid };
}

sub stop_program
{
	my ($program) = @_;
	close $program->{in};
	close $program->{out};
	waitpid $program->{pid}, 0;
}

# One line there, one line back.
sub tell_program
{
	my ($program, $line) = @_;
	print { $program->{in} } "$line\n";
	return hear_program($program);
}

sub hear_program
{
	my ($program) = @_;
	my $answer = readline $program->{out};
	die "$program->{name} ended\n" unless defined $answer;
	chomp $answer;
	return $answer;
}

sub url_of
{
	my ($database) = @_;
	my $target = $url;
	$target =~ s{^(postgresql://[^/]*/)[^?]*}{$1$database} or die "cannot read the URL $url\n";
	return $target;
}

# What every session has: one process a query, one plan for all of them.
my @session_settings = ('client_min_messages = warning', 'jit = off', 'plan_cache_mode = force_generic_plan',
	'max_parallel_workers_per_gather = 0');

sub open_session
{
	my ($database) = @_;
	my $session = start_program("psql on $database", $psql, '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1',
		'-d', url_of($database));
	ask($session, join ";\n", "\\timing on\nSET client_min_messages = warning", map { "SET $_" } @session_settings);
	return $session;
}

# Run statements; returns what they print.
sub ask
{
	my ($answer) = time_statement(@_);
	return $answer;
}

# The same, and the sum of their times in ms.
sub time_statement
{
	my ($session, $sql) = @_;
	my ($answer, $time) = ('', 0);

	print { $session->{in} } "$sql;\n\\echo --done--\n";
	while (defined(my $line = readline $session->{out}))
	{
		if ($line eq "--done--\n")
		{
			chomp $answer;
			return ($answer, $time);
		}
		if ($line =~ /^Time: ([\d.]+) ms/) { $time += $1 }
		else { $answer .= $line }
	}
	die "$session->{name} ended at: " . substr($sql, 0, 200) . "\n";
}

sub median
{
	my @sorted = sort { $a <=> $b } @_;
	return @sorted % 2 ? $sorted[ $#sorted / 2 ] : ($sorted[ @sorted / 2 - 1 ] + $sorted[ @sorted / 2 ]) / 2;
}

# ---- Printing ----

my $failures = 0;
my @saved;

sub thousands
{
	my ($number) = @_;
	$number = sprintf '%.0f', $number;
	1 while $number =~ s/^(\d+)(\d{3})/$1,$2/;
	return $number;
}

sub show_table
{
	my (@rows) = @_;
	my @widths;
	for my $row (@rows)
	{
		for my $i (0 .. $#$row)
		{
			$widths[$i] = length $row->[$i] if length $row->[$i] > ($widths[$i] // 0);
		}
	}
	for my $row (@rows)
	{
		my $line = sprintf "%-$widths[0]s", $row->[0];
		$line .= sprintf "  %$widths[$_]s", $row->[$_] for 1 .. $#$row;
		print "$line\n";
	}
	print "\n";
}

sub fail
{
	print "NOT AS IT SHOULD BE: $_[0]\n";
	$failures++;
}

sub ratio
{
	my ($a, $b) = @_;
	return defined $a && defined $b && $b > 0 ? sprintf('%.2f', $a / $b) : '-';
}

sub megabytes
{
	return sprintf '%.1f MB', $_[0] / 1e6;
}

# ---- Sides ----

my $admin = open_session('postgres');
my (@sides, $ours, $theirs);
my @titles;
for ([ 'vecext', 'vecext' ], [ 'pgvector', 'vector' ])
{
	my ($name, $extension) = @$_;
	next unless $wanted_side{$name};
	next unless ask($admin, "SELECT 1 FROM pg_available_extensions WHERE name = '$extension'");
	ask($admin, "DROP DATABASE IF EXISTS bench_$name");
	ask($admin, "CREATE DATABASE bench_$name");
	my $side = { name => $name, database => "bench_$name", am => $name eq 'vecext' ? $am : 'hnsw' };
	open_side($side);
	ask($side->{session}, "CREATE EXTENSION $extension");
	die "vecext has no access method \"$am\"\n"
	  unless ask($side->{session}, "SELECT 1 FROM pg_am WHERE amname = '$side->{am}'");
	push @titles, "$name " . ask($side->{session}, "SELECT extversion FROM pg_extension WHERE extname = '$extension'");
	push @sides, $side;
	if ($name eq 'vecext') { $ours = $side }
	else { $theirs = $side }
}
my @servers = @sides;
if ($wanted_side{peer})
{
	push @sides, { name => "peer $_", command => $peer_commands[$_] } for 0 .. $#peer_commands;
}
die "there is nothing to measure\n" unless @sides;

# Builds use two processes: this session's and one worker.
sub open_side
{
	my ($side) = @_;
	$side->{session} = open_session($side->{database});
	ask($side->{session}, "SET max_parallel_maintenance_workers = 1; SET maintenance_work_mem = '2GB'");
}

# Figures of earlier runs: {name}{data}, a list of [recall, queries a second]
my %told;
for my $file (@peer_files)
{
	open my $in, '<', $file or die "$file: $!\n";
	while (<$in>)
	{
		next if /^\s*(#|$)/;
		my ($name, $data_name, $recall, $speed) = /^(\S+)\s+(\S+)\s+([\d.]+)\s+([\d.]+)\s*$/
		  or die "$file, line $.: not \"name data recall queries/s\"\n";
		push @{ $told{$name}{$data_name} }, [ $recall, $speed ];
	}
}

my ($cpu) = map { /^model name\s*:\s*(.*)/ ? $1 : () } split /\n/, `cat /proc/cpuinfo 2>/dev/null`;
printf "PostgreSQL %s; %s; %s\n", ask($admin, 'SHOW server_version'), join(', ', @titles),
  $cpu // 'unknown processor';
printf "shared_buffers %s; k = %d, m = %d, ef_construction = %d; %d queries a turn, medians of %d rounds in turns.\n",
  ask($admin, 'SHOW shared_buffers'), $k, $m, $ef_construction, $queries, $rounds;
print "vecext is measured with \"$am\" in the place of hnsw.\n" if $am ne 'hnsw';
print "vecext's indexes are WITH ($with).\n" if length $with;
print "This server has no extension \"vector\": pgvector is not measured.\n" if $wanted_side{pgvector} && !$theirs;
print "Small data (--smoke): the figures mean little.\n" if $smoke;
my ($load) = `cat /proc/loadavg 2>/dev/null` =~ /^(\S+)/;
print "The machine was busy before the run: load $load.\n" if defined $load && $load > 1.5;
print "\n";
# A checkpoint that comes by itself would fall into anybody's turn.
ask($admin, "ALTER SYSTEM SET max_wal_size = '32GB'");
ask($admin, "ALTER SYSTEM SET checkpoint_timeout = '1d'");
ask($admin, 'SELECT pg_reload_conf()');

# ---- Data in the server ----

sub run_vectors
{
	system($vectors_program, @_) == 0 or die "bench_vectors failed\n";
}

sub create_table
{
	my ($side, $table, $dims) = @_;
	# As many workers as may be, however small the table is
	ask($side->{session}, "CREATE TABLE $table (id int, embedding vector($dims))"
		  . ' WITH (autovacuum_enabled = off, parallel_workers = 1)');
}

# The ids FIRST to FIRST + ROWS - 1 of SET into TABLE of each side.
sub copy_rows
{
	my ($set, $table, $first, $rows, @to) = @_;
	my $file = "$files/copy.bin";
	run_vectors('copy', $set->{base}, $set->{dims}, $file, $first, $rows, $set->{stride});
	chmod 0644, $file;
	ask($_->{session}, "COPY $table FROM '$file' (FORMAT binary)") for @to;
	unlink $file;
}

sub load_set
{
	my ($set) = @_;
	create_table($_, $set->{table}, $set->{dims}) for @servers;
	copy_rows($set, $set->{table}, 0, $set->{rows}, @servers);
	ask($_->{session}, "VACUUM ANALYZE $set->{table}") for @servers;
	ask($admin, 'CHECKPOINT');
	make_truth($set);
}

# Part of the set: all ids but those with ID % MODULUS = REMAINDER
sub make_truth
{
	my ($set, @left_out) = @_;
	$set->{truth} = "$files/truth-$set->{table}.txt";
	run_vectors('truth', @$set{qw(base queries dims metric truth)}, 100, @$set{qw(rows stride)}, @left_out);
}

sub drop_set
{
	my ($set) = @_;
	for my $side (@sides)
	{
		stop_search($side);
		ask($side->{session}, "DROP TABLE $set->{table}") if $side->{session};
	}
	unlink $set->{truth};
}

sub create_index_sql
{
	my ($side, $table, $metric) = @_;
	return "CREATE INDEX ${table}_index ON $table USING $side->{am} (embedding vector_${metric}_ops)"
	  . ($side->{am} eq 'hnsw' ? " WITH (m = $m, ef_construction = $ef_construction"
		  . ($side == ($ours // 0) && length $with ? ", $with)" : ')') : '');
}

# Returns seconds and bytes.  A peer builds when it is started.
sub build_index
{
	my ($side, $set) = @_;
	stop_search($side);
	if ($side->{command})
	{
		$side->{search} = start_program($side->{name}, split(/ /, $side->{command}),
			(map { "$_=$set->{$_}" } qw(base queries truth dims metric rows stride)),
			"k=$k", "m=$m", "ef_construction=$ef_construction", 'threads=2');
		my ($name, $seconds, $bytes) = split / /, hear_program($side->{search});
		$side->{name} = $name;
		return ($seconds, $bytes);
	}
	ask($side->{session}, "DROP INDEX IF EXISTS $set->{table}_index");
	ask($side->{session}, 'CHECKPOINT');
	my (undef, $time) = time_statement($side->{session}, create_index_sql($side, $set->{table}, $set->{metric}));
	return ($time / 1000, index_bytes($side, $set->{table}));
}

sub index_bytes
{
	my ($side, $table) = @_;
	return ask($side->{session}, "SELECT pg_relation_size('${table}_index')");
}

# ---- Searching ----

my $unpinned;
my %operator = (l2 => '<->', cosine => '<=>');

sub open_client
{
	my ($side, $set, $statement, $with_truth, $cpu) = @_;
	my $client = start_program("bench_client on $side->{database}", $client_program, url_of($side->{database}));
	# The settings of an extension exist as soon as its library is loaded.
	tell_program($client, "sql $_")
	  for (map { "SET $_" } @session_settings), "SELECT '[1]'::vector";
	tell_program($client, "queries $set->{queries} $set->{dims}");
	tell_program($client, "truth $set->{truth} $k") if $with_truth;
	tell_program($client, "prepare $statement");
	$unpinned = 1 if tell_program($client, 'cpu ' . ($cpu // 0)) ne 'ok';
	return $client;
}

sub search_sql
{
	my ($set) = @_;
	return "SELECT id FROM $set->{table} ORDER BY embedding $operator{ $set->{metric} } \$1 LIMIT $k";
}

# A side whose index stands is made ready to be asked.
sub open_search
{
	my ($side, $set) = @_;
	return if $side->{command};
	stop_search($side);
	my $query = first_query($set);
	my $sql = search_sql($set);
	my $plan = ask($side->{session}, "PREPARE neighbours (vector) AS $sql;"
		  . "EXPLAIN (COSTS off) EXECUTE neighbours('$query'); DEALLOCATE neighbours");
	fail("$side->{name}'s plan on $set->{table} is\n$plan")
	  unless $plan =~ /^Limit\n  ->  Index Scan using $set->{table}_index/;
	$side->{search} = open_client($side, $set, $sql, 1);
}

sub stop_search
{
	my ($side) = @_;
	stop_program(delete $side->{search}) if $side->{search};
}

sub first_query
{
	my ($set) = @_;
	open my $in, '<:raw', $set->{queries} or die "$set->{queries}: $!\n";
	read($in, my $bytes, 4 * $set->{dims}) == 4 * $set->{dims} or die "$set->{queries} is too short\n";
	return '[' . join(',', unpack 'f<*', $bytes) . ']';
}

# What a side's curve goes through
sub ladder_of
{
	my ($side) = @_;
	return $side == ($ours // 0) && $am eq 'hnsw' && $by eq 'target_recall' ? @recall_ladder : @ef_ladder;
}

# The statement by which a session's searches are as wide
sub set_width
{
	my ($at) = @_;
	return $at < 1 ? "RESET hnsw.ef_search; SET hnsw.target_recall = $at" : "SET hnsw.ef_search = $at";
}

# One turn: all queries with this ef, or target.
sub run_queries
{
	my ($side, $at) = @_;
	if ($side->{command})
	{
		my ($seconds, $recall) = split / /, tell_program($side->{search}, "$at 0 $queries");
		return { at => $at, recall => $recall, us => 1e6 * $seconds / $queries };
	}
	tell_program($side->{search}, 'sql ' . set_width($at));
	return run_client($side->{search}, $at);
}

sub run_client
{
	my ($client, $at) = @_;
	my ($seconds, $recall, $p50, $p99, $short) = split / /, tell_program($client, "run 0 $queries");
	fail("$client->{name}: $short answers have fewer than $k rows") if $short;
	return { at => $at, recall => $recall, us => 1e6 * $seconds / $queries, p50 => $p50, p99 => $p99 };
}

# Climb until the recall is reached: the points of the curve, warm and timed
# once.
sub climb_ladder
{
	my ($side, $most) = @_;
	my @points;
	for my $at (ladder_of($side))
	{
		run_queries($side, $at) if !@points;
		push @points, run_queries($side, $at);
		last if $points[-1]{recall} >= $most || ($side == ($ours // 0) && $am ne 'hnsw');
	}
	return @points;
}

# The two points between which the recall is reached; one if the first has it
# already, none if none has.
sub bracket
{
	my ($target, @points) = @_;
	for my $i (0 .. $#points)
	{
		return @points[ ($i > 0 ? $i - 1 : ()), $i ] if $points[$i]{recall} >= $target;
	}
	return;
}

# Microseconds a query at this recall: between two points the logarithms of time
# and of what is missed lie on a line.  Left of the first point it is that one.
sub time_at
{
	my ($target, @points) = @_;
	my ($low, $high) = bracket($target, @points) or return;
	return $low->{us} unless defined $high;
	my ($x, $x_low, $x_high) = map { log(1 - $_ + 1e-5) } $target, $low->{recall}, $high->{recall};
	return $high->{us} if $x_low == $x_high;
	my $share = ($x - $x_low) / ($x_high - $x_low);
	return exp(log($low->{us}) + $share * (log($high->{us}) - log($low->{us})));
}

# Ladders first; then, in turns, the points that the targets lie between.
# Leaves points and floor in the sides.
sub measure_curve
{
	my ($set, @wanted) = @_;
	my ($most) = sort { $b <=> $a } @wanted;
	my (%times, @turns);
	my @floor;
	my $floor_client;

	open_search($_, $set) for @sides;
	$_->{points} = [ climb_ladder($_, $most) ] for @sides;
	for my $target (@wanted)
	{
		for my $side (@sides)
		{
			for my $point (bracket($target, @{ $side->{points} }))
			{
				next if $times{ $side->{name} }{ $point->{at} };
				$times{ $side->{name} }{ $point->{at} } = [];
				push @turns, [ $side, $point ];
			}
		}
	}
	# What a query costs without any search: the same parameter, as many rows
	$floor_client = open_client($ours, $set, "SELECT id FROM $set->{table} WHERE \$1::vector IS NOT NULL LIMIT $k", 0)
	  if $ours;
	for my $round (1 .. $rounds)
	{
		# Another one is first in each round.
		for my $i (0 .. $#turns)
		{
			my ($side, $point) = @{ $turns[ ($i + $round) % @turns ] };
			my $result = run_queries($side, $point->{at});
			push @{ $times{ $side->{name} }{ $point->{at} } }, $result;
		}
		push @floor, run_client($floor_client, 0)->{us} if $floor_client;
	}
	for (@turns)
	{
		my ($side, $point) = @$_;
		for my $field (grep { defined $point->{$_} } qw(us p50 p99))
		{
			$point->{$field} = median(map { $_->{$field} } @{ $times{ $side->{name} }{ $point->{at} } });
		}
		$point->{turns} = 1;
	}
	stop_program($floor_client) if $floor_client;
	return @floor ? median(@floor) : 0;
}

# ---- Parts that go through the data sets ----

my @speed_rows;

sub build_set
{
	my ($set) = @_;
	my (%seconds, %bytes);
	for my $round (1 .. $build_rounds)
	{
		for my $side ($round % 2 ? @sides : reverse @sides)
		{
			(my $time, $bytes{$side}) = build_index($side, $set);
			push @{ $seconds{$side} }, $time;
		}
	}
	for my $side (@sides)
	{
		$side->{build}{ $set->{table} } = { seconds => median(@{ $seconds{$side} }), bytes => $bytes{$side} };
	}
}

sub others
{
	return grep { $_ != ($ours // 0) } @sides;
}

sub show_builds
{
	my (@of) = @_;
	my @rows = ([ 'Build and size', 'rows', (map { ($_->{name}, 'size') } @sides),
		$ours ? map { ("time / $_->{name}'s", 'size') } others() : () ]);
	for my $set (@of)
	{
		my %built = map { $_ => $_->{build}{ $set->{table} } } @sides;
		push @rows, [ $set->{title}, thousands($set->{rows}),
			(map { (sprintf('%.1f s', $built{$_}{seconds}), megabytes($built{$_}{bytes})) } @sides),
			$ours ? map { my $other = $built{$_};
				map { ratio($built{$ours}{$_}, $other->{$_}) } qw(seconds bytes) } others() : () ];
	}
	show_table(@rows);
}

sub show_curve
{
	my ($set) = @_;
	print "$set->{title}: ", thousands($set->{rows}), " x $set->{dims}\n";
	my %is_shown = map { $_ => 1 } map { ladder_of($_) } @sides;
	my @rows = ([ 'target, ef', map { ("$_->{name}: recall", 'queries/s', $_->{command} ? () : ('median', '99 %')) } @sides ]);
	for my $at (sort { $a <=> $b } keys %is_shown)
	{
		my @row;
		for my $side (@sides)
		{
			my ($point) = grep { $_->{at} == $at } @{ $side->{points} };
			push @row, $point ? (sprintf('%.4f', $point->{recall}),
				thousands(1e6 / $point->{us}) . ($point->{turns} ? '' : ' *'),
				$side->{command} ? () : map { sprintf '%.0f us', $_ } @$point{qw(p50 p99)})
			  : ('', '', $side->{command} ? () : ('', ''));
			push @saved, sprintf "%s %s %.5f %.1f\n", $side->{name}, $set->{table}, $point->{recall}, 1e6 / $point->{us}
			  if $point;
		}
		push @rows, [ $at, @row ] if grep { length } @row;
	}
	show_table(@rows);
}

# The lines of the summary for one data set
sub speed_rows
{
	my ($set, $floor, @wanted) = @_;
	my @rows;
	for my $target (@wanted)
	{
		my %us = map { $_ => time_at($target, @{ $_->{points} }) } grep { time_at($target, @{ $_->{points} }) } @sides;
		my $show = sub {
			my ($side) = @_;
			return 'not reached' unless $us{$side};
			return thousands(1e6 / $us{$side}) . ($side->{points}[0]{recall} >= $target ? ' >' : '');
		};
		push @rows, [ $set->{title}, $target, $ours ? $show->($ours) : (),
			(map { ($show->($_), $ours ? ratio($us{$_}, $us{$ours}) : (),
				$ours && $_->{command} ? ratio($us{$_}, $us{$ours} && $us{$ours} - $floor) : ()) } others()),
			(map { my $us = told_time($_, $set->{table}, $target);
				($us ? thousands(1e6 / $us) : '-', $ours ? ratio($us, $us{$ours}) : ()) } sort keys %told),
			$ours ? sprintf('%.0f us', $floor) : () ];
	}
	return @rows;
}

sub speed_titles
{
	return [ 'Queries/s', 'recall', $ours ? 'vecext' : (),
		(map { ($_->{name}, $ours ? 'ratio' : (), $ours && $_->{command} ? 'loop' : ()) } others()),
		(map { ("$_ *", $ours ? 'ratio' : ()) } sort keys %told), $ours ? 'floor' : () ];
}

sub told_time
{
	my ($name, $data_name, $target) = @_;
	my @points = sort { $a->{recall} <=> $b->{recall} }
	  map { { recall => $_->[0], us => 1e6 / $_->[1] } } @{ $told{$name}{$data_name} // [] };
	return time_at($target, @points);
}

# Recall and speed with nothing set but hnsw.target_recall
my @target_rows = ([ 'hnsw.target_recall', 'set to', 'recall', 'queries/s' ]);

sub measure_targets
{
	my ($set) = @_;
	for my $target (@targets)
	{
		my $client = open_client($ours, $set, search_sql($set), 1);
		tell_program($client, "sql SET hnsw.target_recall = $target");
		run_client($client, 0);
		my @results = map { run_client($client, 0) } 1 .. $rounds;
		my $recall = $results[0]{recall};
		push @target_rows, [ $set->{title}, $target, sprintf('%.4f', $recall),
			thousands(1e6 / median(map { $_->{us} } @results)) ];
		fail("the recall on $set->{table} is $recall with hnsw.target_recall = $target") if $recall < $target - 0.01;
		stop_program($client);
	}
}

# The first ef, or target, that reaches this recall, found once for each data set
sub find_width
{
	my ($side, $set, $target) = @_;
	return $side->{width}{ $set->{table} }{$target} //= do {
		my @points = climb_ladder($side, $target);
		$points[-1]{at};
	};
}

my @client_rows = ([ 'Clients', 'side', 'target, ef', 'one', 'two', 'ratio' ]);

sub measure_clients
{
	my ($set) = @_;
	my $seconds = $smoke ? 1 : 5;
	my %speed;
	for my $side (@servers)
	{
		open_search($side, $set);
		$side->{second} = open_client($side, $set, search_sql($set), 1, 1);
		my $sql = set_width(find_width($side, $set, 0.95));
		tell_program($_, "sql $sql") for $side->{search}, $side->{second};
		tell_program($side->{second}, "run 0 $queries");
	}
	for my $round (1 .. $rounds)
	{
		for my $side ($round % 2 ? @servers : reverse @servers)
		{
			for my $count ($round % 2 ? (1, 2) : (2, 1))
			{
				my @clients = ($side->{search}, $side->{second})[ 0 .. $count - 1 ];
				# Half of the queries lie between the two.
				print { $clients[$_]{in} } "loop ", $_ * int($queries / 2), " $seconds\n" for 0 .. $#clients;
				my $sum = 0;
				for my $client (@clients)
				{
					my ($answered, $took) = split / /, hear_program($client);
					$sum += $answered / $took;
				}
				push @{ $speed{$side}{$count} }, $sum;
			}
		}
	}
	for my $side (@servers)
	{
		my ($one, $two) = map { median(@{ $speed{$side}{$_} }) } 1, 2;
		push @client_rows, [ $set->{title}, $side->{name}, find_width($side, $set, 0.95), thousands($one), thousands($two),
			ratio($two, $one) ];
		stop_program(delete $side->{second});
	}
}

# ---- Indexes beyond shared buffers ----

my @large_rows;

# The files stay in the system's cache: what is measured is how often the
# server has to ask for a page, not the disk.
sub measure_large
{
	my ($set) = @_;
	my %bytes = map { $_ => index_bytes($_, $set->{table}) } @servers;
	open_search($_, $set) for @servers;
	my %width = map { $_ => find_width($_, $set, 0.95) } @servers;
	my $whole = ask($admin, 'SHOW shared_buffers');

	push @large_rows, [ "$set->{title}, at .95", (map { ("index of $_->{name}", "queries/s") } @servers),
		@servers > 1 ? 'ratio' : () ];
	for my $shared ($whole, map { my $tenth = int($bytes{$_} / 10 / 8192); $tenth > 64 ? $tenth : 64 } @servers)
	{
		restart_server("shared_buffers = '$shared'");
		my (%us, @row);
		for my $side (@servers)
		{
			open_search($side, $set);
			run_queries($side, $width{$side});
		}
		for my $round (1 .. $rounds)
		{
			push @{ $us{$_} }, run_queries($_, $width{$_})->{us} for $round % 2 ? @servers : reverse @servers;
		}
		my $buffers = ask($admin, "SELECT setting::bigint * 8192 FROM pg_settings WHERE name = 'shared_buffers'");
		push @large_rows, [ 'shared_buffers ' . ask($admin, 'SHOW shared_buffers'),
			(map { (sprintf('%.2f x', $bytes{$_} / $buffers), thousands(1e6 / median(@{ $us{$_} }))) } @servers),
			@servers > 1 ? ratio(median(@{ $us{ $servers[1] } }), median(@{ $us{ $servers[0] } })) : () ];
	}
	restart_server('shared_buffers = DEFAULT');
	open_search($_, $set) for @servers;
}

sub restart_server
{
	my ($setting) = @_;
	ask($admin, "ALTER SYSTEM SET $setting");
	stop_search($_) for @servers;
	stop_program($_) for $admin, map { $_->{session} } @servers;
	my ($answer) = grep { m{^postgresql://} } split /\n/, `$restart`;
	die "the server did not start again\n" if $? != 0 || !defined $answer;
	$url = $answer;
	$admin = open_session('postgres');
	open_side($_) for @servers;
}

# ---- Insert ----

# Of one statement: rows are told apart from what surrounds them by the same
# statement on a table without the index.
sub explain_insert
{
	my ($side, $sql) = @_;
	my $plan = ask($side->{session}, "EXPLAIN (ANALYZE, WAL, TIMING off) $sql");
	my ($bytes) = $plan =~ /WAL: .*?\bbytes=(\d+)/ or die "no WAL in\n$plan\n";
	my ($time) = $plan =~ /Execution Time: ([\d.]+) ms/;
	return { bytes => $bytes, time => $time };
}

sub measure_inserts
{
	my ($set) = @_;
	my ($base, $portion) = $smoke ? (3_000, 200) : (100_000, 5_000);
	my $insert_rounds = $smoke ? 1 : 2;
	# After a checkpoint the first change of a page logs the page; after 10,000
	# rows hardly one is left that has not been.
	my @states = ('checkpoint', 'settling', 'warm');
	my (%measured, %value);

	for my $side (@servers)
	{
		create_table($side, $_, $set->{dims}) for 'source', 'plain', 'indexed';
		ask($side->{session}, "CREATE INDEX ON source (id)");
	}
	copy_rows($set, 'source', $base, $insert_rounds * @states * $portion, @servers);
	copy_rows($set, $_, 0, $base, @servers) for 'plain', 'indexed';
	for my $side (@servers)
	{
		ask($side->{session}, create_index_sql($side, 'indexed', $set->{metric}));
		ask($side->{session}, "VACUUM ANALYZE $_") for 'source', 'plain', 'indexed';
	}
	my $next = $base;
	for my $round (1 .. $insert_rounds)
	{
		for my $state (@states)
		{
			for my $side ($round % 2 ? @servers : reverse @servers)
			{
				ask($admin, 'CHECKPOINT') if $state eq 'checkpoint';
				for my $table ($round % 2 ? ('plain', 'indexed') : ('indexed', 'plain'))
				{
					my $result = explain_insert($side, "INSERT INTO $table SELECT id, embedding FROM source"
						  . " WHERE id >= $next AND id < $next + $portion");
					push @{ $measured{$side}{$table}{$state}{$_} }, $result->{$_} / $portion for keys %$result;
				}
			}
			$next += $portion;
		}
	}
	my @rows = ([ 'Insert into ' . thousands($base), 'rows/s', 'the index: us a row', 'WAL a row warm',
		'after checkpoint', 'without index', 'after checkpoint' ]);
	for my $side (@servers)
	{
		my $get = sub { median(@{ $measured{$side}{ $_[0] }{ $_[1] }{ $_[2] } }) };
		my $v = $value{$side} = {
			speed => 1000 / $get->('indexed', 'warm', 'time'),
			us => 1000 * ($get->('indexed', 'warm', 'time') - $get->('plain', 'warm', 'time')),
			map { $_ => $get->('indexed', $_, 'bytes') - $get->('plain', $_, 'bytes') } 'warm', 'checkpoint' };
		push @rows, [ $side->{name}, thousands($v->{speed}), sprintf('%.0f', $v->{us}),
			(map { thousands($v->{$_}) . ' B' } 'warm', 'checkpoint'),
			map { thousands($get->('plain', $_, 'bytes')) . ' B' } 'warm', 'checkpoint' ];
	}
	my ($a, $b) = map { $value{$_} } grep { defined } $ours, $theirs;
	push @rows, [ 'vecext / pgvector', map { ratio($a->{$_}, $b->{$_}) } qw(speed us warm checkpoint) ] if $b;
	print "$set->{title}: ", thousands($portion), " rows a statement, one backend; of the WAL only the index's\n";
	show_table(@rows);
	ask($_->{session}, 'DROP TABLE source, plain, indexed') for @servers;
}

# ---- Vacuum ----

sub measure_vacuum
{
	my ($set) = @_;
	my %part_of = (%$set, table => 'emptied', rows => $smoke ? 5_000 : 110_000);
	my $ef = 113;
	my @rows = ([ 'Vacuum after deleting 10 %', 'time', 'without index', "recall, ef $ef", 'after REINDEX', 'size', 'after REINDEX' ]);
	my @times;

	load_set(\%part_of);
	make_truth(\%part_of, 10, 3);
	for my $side (@servers)
	{
		my $session = $side->{session};
		ask($session, 'CREATE TABLE plain WITH (autovacuum_enabled = off) AS SELECT * FROM emptied');
		build_index($side, \%part_of);
		my @row;
		for my $table ('emptied', 'plain')
		{
			ask($session, "DELETE FROM $table WHERE id % 10 = 3");
			ask($admin, 'CHECKPOINT');
			my (undef, $time) = time_statement($session, "VACUUM $table");
			push @row, $time / 1000;
		}
		push @times, $row[0];
		my (@recalls, @sizes);
		for my $state ('vacuumed', 'fresh')
		{
			ask($session, 'REINDEX INDEX emptied_index') if $state eq 'fresh';
			open_search($side, \%part_of);
			push @recalls, run_queries($side, $ef)->{recall};
			push @sizes, index_bytes($side, 'emptied');
			stop_search($side);
		}
		push @rows, [ $side->{name}, (map { sprintf '%.2f s', $_ } @row), (map { sprintf '%.4f', $_ } @recalls),
			map { megabytes($_) } @sizes ];
		fail("$side->{name} loses recall in vacuum") if $side == ($ours // 0) && $recalls[0] < $recalls[1] - 0.005;
		ask($session, 'DROP TABLE plain');
	}
	push @rows, [ 'pgvector / vecext', ratio($times[1], $times[0]) ] if $ours && $theirs;
	print "$part_of{title}: ", thousands($part_of{rows}), " rows\n";
	show_table(@rows);
	drop_set(\%part_of);
}

# ---- The run ----

die "--restart is needed\n" if $part{large} && @ARGV && !defined $restart;
if (grep { $part{$_} } qw(build curve target clients large))
{
	my @measured;
	for my $set (@sets)
	{
		my $is_main = $set->{name} eq 'glove' || @sets == 1;
		next unless grep { $part{$_} } 'build', 'curve', 'target', $is_main ? ('clients', 'large') : ();
		load_set($set);
		build_set($set);
		push @measured, $set;
		if ($part{curve})
		{
			my $floor = measure_curve($set, @targets);
			show_curve($set);
			push @speed_rows, speed_rows($set, $floor, @targets);
		}
		measure_targets($set) if $part{target} && $ours && $am eq 'hnsw';
		measure_clients($set) if $part{clients} && $is_main && @servers;
		measure_large($set) if $part{large} && $is_main && @servers && defined $restart;
		drop_set($set);
	}
	if (@speed_rows)
	{
		print "* measured once, climbing; the others are medians in turns.\n\n";
		show_table(speed_titles(), @speed_rows);
		print "> the recall of the first point is higher already.  Floor: a query with the same parameter that searches nothing.\n";
		print "Loop: without the floor.\n" if @peer_commands;
		print "* not measured in this run.\n" if %told;
		print "\n";
	}
	show_builds(@measured);
	show_table(@target_rows) if @target_rows > 1;
	show_table(@client_rows) if @client_rows > 1;
	show_table(@large_rows) if @large_rows;
}
if (@servers && -e $set{glove}{base})
{
	measure_inserts($set{glove}) if $part{insert};
	measure_vacuum($set{glove}) if $part{vacuum};
}
if ($part{growth})
{
	my @rows;
	my %glove_part = (%{ $set{glove} }, table => 'glove_tenth', stride => 10, title => 'GloVe, every tenth');
	$glove_part{rows} = $smoke ? 500 : 34_047;
	my @of = grep { -e $_->{base} } \%glove_part, @set{qw(glove clusters)};
	for my $set (@of)
	{
		load_set($set);
		$build_rounds = 1;
		build_set($set);
		my $floor = measure_curve($set, 0.95);
		show_curve($set);
		push @rows, speed_rows($set, $floor, 0.95);
		drop_set($set);
	}
	print "Growth\n";
	show_table(speed_titles(), @rows);
	show_builds(@of);
}

print "Clients and server could not be given processors: see README.md.\n" if $unpinned;
if (defined $save_file)
{
	open my $out, '>', $save_file or die "$save_file: $!\n";
	print $out @saved;
	close $out or die "$save_file: $!\n";
}
exit($failures ? 1 : 0);
