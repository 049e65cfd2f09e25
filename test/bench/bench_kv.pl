#!/usr/bin/perl
#
# bench_kv.pl - keys and values beside plain statements on a table
#
#	bench_kv.pl --psql PROGRAM --url URL --data DIR --files DIR [--smoke] [--rounds N]
#
# --url: a database of the server, connected to as superuser; --data: not used;
# --files: a directory to write scripts to.  pgbench must be where psql is.
# README.md tells the method.

use strict;
use warnings;
use File::Basename qw(dirname);
use Getopt::Long;

$| = 1;
my ($psql, $url, $data, $files, $smoke, $rounds);
GetOptions(
	'psql=s' => \$psql, 'url=s' => \$url, 'data=s' => \$data, 'files=s' => \$files,
	'smoke' => \$smoke, 'rounds=i' => \$rounds)
  && defined $psql && defined $url && defined $files && !@ARGV
  or die "usage: bench_kv.pl --psql PROGRAM --url URL --data DIR --files DIR [--smoke] [--rounds N]\n";
$rounds //= $smoke ? 2 : 6;
my $keys = $smoke ? 1000 : 100_000;
my $transactions = $smoke ? 500 : 10_000;
my $pgbench = dirname($psql) . '/pgbench';
-x $pgbench or die "there is no $pgbench\n";
my $target = $url;
$target =~ s{^(postgresql://[^/]*/)[^?]*}{$1bench_kv} or die "cannot read the URL $url\n";

sub run_sql
{
	my ($database, $sql) = @_;
	my $answer;

	open my $out, '-|', $psql, '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', $database,
	  map { ('-c', $_) } 'SET client_min_messages = warning', split /;\n/, $sql
	  or die "cannot run $psql: $!\n";
	$answer = do { local $/; <$out> };
	close $out or die "the server has refused:\n$sql\n";
	chomp $answer;
	return $answer;
}

sub median
{
	my @sorted = sort { $a <=> $b } @_;
	return @sorted % 2 ? $sorted[ $#sorted / 2 ] : ($sorted[ @sorted / 2 - 1 ] + $sorted[ @sorted / 2 ]) / 2;
}

# Transactions a second of one client that prepares its statements
sub measure
{
	my ($name, $script, $seed) = @_;
	my $file = "$files/$name.sql";

	open my $out, '>', $file or die "$file: $!\n";
	print $out $script;
	close $out;
	my $report = `'$pgbench' -n -M prepared -c 1 -t $transactions --random-seed=$seed -f '$file' '$target' 2>&1`;
	die "pgbench failed:\n$report" if $? != 0 || $report !~ /^tps = ([\d.]+)/m;
	return $1;
}

run_sql($url, 'DROP DATABASE IF EXISTS bench_kv');
run_sql($url, 'CREATE DATABASE bench_kv');
# Waiting for the disk would hide everything else.
run_sql($url, 'ALTER DATABASE bench_kv SET synchronous_commit = off');
run_sql($target, qq{CREATE EXTENSION vecext;
SELECT graph_create('store', 3);
SELECT graph_create('unlogged', 3, unlogged_kv => true);
CREATE TABLE plain (key text PRIMARY KEY, value jsonb NOT NULL, expires_at timestamptz);
CREATE UNLOGGED TABLE plain_unlogged (LIKE plain INCLUDING ALL);
CREATE TABLE plain_bytes (key text PRIMARY KEY, value bytea NOT NULL, expires_at timestamptz);
INSERT INTO plain SELECT 'key ' || n, jsonb_build_object('n', n, 'text', md5(n::text)) FROM generate_series(1, $keys) n;
INSERT INTO plain_unlogged TABLE plain;
INSERT INTO plain_bytes SELECT 'bytes ' || n, convert_to(md5(n::text), 'UTF8') FROM generate_series(1, $keys) n;
SELECT count(kv_set('store', key, value)) FROM plain;
SELECT count(kv_set('unlogged', key, value)) FROM plain;
SELECT count(kv_set_bytes('store', key, value)) FROM plain_bytes});
run_sql($target, "VACUUM ANALYZE;\nCHECKPOINT");

print 'PostgreSQL ', run_sql($target, 'SHOW server_version'),
  "; $keys keys, one client, prepared statements, synchronous_commit off\n";
print "transactions a second, medians of $rounds rounds in turns; the ratio is ours by the plain statement's\n\n";
print "Small data (--smoke): the figures mean little.\n" if $smoke;
printf "%-28s %12s %12s %8s\n", '', 'kv', 'plain', 'ratio';

my $random = "\\set n random(1, $keys)\n";
my $value = q{jsonb_build_object('n', :n::int, 'text', 'some text that is stored')};
my $conflict = 'ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at';
my @cases = (
	[ 'get', "SELECT kv_get('store', 'key ' || :n);", "SELECT value FROM plain WHERE key = 'key ' || :n;" ],
	[ 'get, none there', "SELECT kv_get('store', 'none ' || :n);", "SELECT value FROM plain WHERE key = 'none ' || :n;" ],
	[ 'get bytes', "SELECT kv_get_bytes('store', 'bytes ' || :n);", "SELECT value FROM plain_bytes WHERE key = 'bytes ' || :n;" ],
	[ 'set, there', "SELECT kv_set('store', 'key ' || :n, $value);",
	  "INSERT INTO plain (key, value) VALUES ('key ' || :n, $value) $conflict;" ],
	[ 'set with ttl', "SELECT kv_set('store', 'key ' || :n, $value, '1 hour');",
	  "INSERT INTO plain VALUES ('key ' || :n, $value, now() + interval '1 hour') $conflict;" ],
	[ 'set, mostly new', "SELECT kv_set('store', 'new ' || :n * 1000 + :m, $value);",
	  "INSERT INTO plain (key, value) VALUES ('new ' || :n * 1000 + :m, $value) $conflict;" ],
	[ 'set, unlogged', "SELECT kv_set('unlogged', 'key ' || :n, $value);",
	  "INSERT INTO plain_unlogged (key, value) VALUES ('key ' || :n, $value) $conflict;" ]);

for my $case (@cases)
{
	my ($label, @scripts) = @$case;
	my @speeds = ([], []);

	for my $round (0 .. $rounds)
	{
		for my $side ($round % 2 ? (0, 1) : (1, 0))
		{
			my $speed = measure("side$side", "$random\\set m random(1, 999)\n$scripts[$side]\n", $round + 1);
			push @{ $speeds[$side] }, $speed if $round > 0;    # the first warms up
		}
	}
	my ($ours, $plain) = map { median(@$_) } @speeds;
	printf "%-28s %12.0f %12.0f %8.2f\n", $label, $ours, $plain, $ours / $plain;
}
