# vecext-local: making, opening, copying and refusing directories.
#
# The script is run from the source tree with whatever pg_config comes first in
# PATH, as "make installcheck" sets it.

use strict;
use warnings;

use Cwd qw(abs_path getcwd);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use Test::More;

my $script = abs_path(dirname(__FILE__) . '/../../src/client/vecext-local');

# When run by root the server becomes user postgres, who must get in.
my $base = abs_path(tempdir('vecext-local-test-XXXXXX', TMPDIR => 1, CLEANUP => 0));
chmod 0711, $base;

my @started;

sub quote
{
	my ($word) = @_;
	$word =~ s/'/'\\''/g;
	return "'$word'";
}

# Run the script; returns exit code, standard output, standard error.
sub local_cmd
{
	my ($dir, @args) = @_;
	my ($out, $err) = ("$base/out", "$base/err");

	push @started, $dir;
	system('timeout 120 '
		  . join(' ', map { quote($_) } $script, $dir, @args)
		  . " >$out 2>$err </dev/null");
	my $code = $? >> 8;
	return ($code, slurp($out), slurp($err));
}

sub slurp
{
	my ($file) = @_;
	open my $fh, '<', $file or return '';
	local $/;
	my $text = <$fh>;
	return defined $text ? $text : '';
}

sub spew
{
	my ($file, $text) = @_;
	open my $fh, '>', $file or die "$file: $!";
	print $fh $text;
	close $fh or die "$file: $!";
}

# One value from the cluster in $dir.
sub value
{
	my ($dir, $sql) = @_;
	my ($code, $out, $err) = local_cmd($dir, 'psql', '-X', '-A', '-t', '-c', $sql);
	chomp $out;
	return $code == 0 ? $out : "exit code $code: $err";
}

sub postmaster_pid
{
	my ($dir) = @_;
	return (split /\n/, slurp("$dir/data/postmaster.pid"))[0];
}

my ($code, $out, $err);

# The command line.
($code, $out, $err) = local_cmd('--help');
is($code, 0, '--help succeeds');
like($out, qr/vecext-local DIR \[start\]/, '--help names the actions');
($code, $out, $err) = local_cmd("$base/none", 'dance');
is($code, 2, 'an unknown action is a usage error');
like($err, qr/unknown action "dance"/, 'and is named');
ok(!-e "$base/none", 'and makes nothing');
($code, $out, $err) = local_cmd("$base/none", 'status');
is($code, 4, 'status of no cluster');
ok(!-e "$base/none", 'status makes nothing');
($code, $out, $err) = local_cmd("$base/no/such/parent");
is($code, 1, 'a directory without a parent is refused');

{
	local $ENV{PG_CONFIG} = "$base/no-such-pg_config";
	($code, $out, $err) = local_cmd("$base/none");
	is($code, 1, 'a wrong PG_CONFIG is an error');
	like($err, qr/no-such-pg_config/, 'which names it');
}

# A new directory.
my $dir = "$base/one";
($code, $out, $err) = local_cmd($dir);
is($code, 0, 'a new directory is made and started') or BAIL_OUT("vecext-local does not start: $err");
like($out, qr/connect: +psql 'postgresql:/, 'it says how to connect');
is((stat $dir)[2] & 0777, 0700, 'others may not enter it');
is(value($dir, 'SHOW listen_addresses'), '', 'it listens on no network address');
is( value($dir, "SELECT default_version = installed_version FROM pg_available_extensions WHERE name = 'vecext'"),
	't', 'vecext is created in it');
is( value($dir, "CREATE TABLE item (id int PRIMARY KEY, embedding vector(3))"),
	'CREATE TABLE', 'it has the type vector');
is( value($dir, "INSERT INTO item SELECT i, ARRAY[i, 1 / i::real, 0]::vector FROM generate_series(1, 500) i"),
	'INSERT 0 500', 'and takes vectors');
my $question = "SELECT string_agg(id::text, ' ') FROM (SELECT id FROM item ORDER BY embedding <-> '[100.4, 0, 0]' LIMIT 5) nearest";
my $answer = value($dir, $question);
is($answer, '100 101 99 102 98', 'and answers');

# Opening what is open.
my $pid = postmaster_pid($dir);
($code, $out, $err) = local_cmd($dir, 'start');
is($code, 0, 'starting a running cluster succeeds');
is(postmaster_pid($dir), $pid, 'and leaves its server alone');
($code, $out, $err) = local_cmd($dir, 'status');
is($code, 0, 'status of a running cluster');
($code, $out, $err) = local_cmd($dir, 'url');
chomp $out;
is(`psql -X -A -t -d @{[quote($out)]} -c @{[quote($question)]}`, "$answer\n", 'the URL works for psql');
{
	local $ENV{PGHOST} = '/nonexistent';
	local $ENV{PGPORT} = '1';
	local $ENV{PGDATABASE} = 'nonexistent';
	is(value($dir, $question), $answer, "the caller's connection defaults do not matter");
}
($code, $out, $err) = local_cmd($dir, 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-c', 'SELECT 1/0');
isnt($code, 0, 'psql hands on its exit code');
{
	my $here = getcwd();
	spew("$base/question.sql", "$question;\n");
	chdir $base or die;
	($code, $out, $err) = local_cmd('one', 'psql', '-X', '-A', '-t', '-f', 'question.sql');
	is($out, "$answer\n", 'psql runs in the directory of the caller');
	chdir $here or die;
}

# A copy of a running directory is refused, and leaves the original alone.
system('cp', '-a', $dir, "$base/torn") == 0 or die;
($code, $out, $err) = local_cmd("$base/torn");
is($code, 1, 'a directory copied while its server ran is refused');
like($err, qr/copied while its server was running/, 'for that reason');
is(postmaster_pid($dir), $pid, 'and the original keeps its server');
system('rm', '-rf', "$base/torn");

# Stopping.
($code, $out, $err) = local_cmd($dir, 'stop');
is($code, 0, 'stop');
ok(!-e "$dir/data/postmaster.pid", 'the server is gone');
($code, $out, $err) = local_cmd($dir, 'stop');
is($code, 0, 'stopping a stopped cluster succeeds');
($code, $out, $err) = local_cmd($dir, 'status');
is($code, 3, 'status of a stopped cluster');

# Nothing in it says where it is.
for my $file (qw(postgresql.conf postgresql.auto.conf vecext-local.conf pg_hba.conf pg_ident.conf))
{
	unlike(slurp("$dir/data/$file"), qr/\Q$base\E/, "$file does not name the directory");
}

# A copy elsewhere answers the same, whatever its name, while the original runs.
my $copy = "$base/a \"copy\" of \$one's, " . ('x' x 90);
system('cp', '-a', $dir, $copy) == 0 or die;
is(value($copy, $question), $answer, 'a copy under a long and odd name answers the same');
is(value($dir, $question), $answer, 'and so does the original beside it');
my $socket_dir = slurp("$copy/socket_dir");
chomp $socket_dir;
like($socket_dir, qr{^/tmp/}, 'the long path has its socket under /tmp');
is((stat $socket_dir)[2] & 0777, 0700, 'which others may not enter');
is(value($copy, 'DELETE FROM item'), 'DELETE 500', 'rows deleted in the copy');
is(value($dir, $question), $answer, 'are still in the original');
local_cmd($copy, 'stop');
ok(!-e $socket_dir, 'stop removes the directory under /tmp');

# One's own settings last; those for the machine are written anew.
open my $conf, '>>', "$dir/data/postgresql.conf" or die;
print $conf "work_mem = '123MB'\n";
close $conf;
local_cmd($dir, 'stop');
spew("$dir/data/vecext-local.conf", "nonsense\n");
is(value($dir, 'SHOW work_mem'), '123MB', 'a setting in postgresql.conf wins');
is(value($dir, 'SHOW jit'), 'off', 'the settings file is written at every start');

# A crash.
$pid = postmaster_pid($dir);
value($dir, 'INSERT INTO item VALUES (1000, NULL)');
kill 'KILL', $pid;
my $tries = 0;
do
{
	# The last of its processes may need a moment to notice.
	sleep 1 if $tries;
	($code, $out, $err) = local_cmd($dir);
} while ($code != 0 && ++$tries < 20);
is($code, 0, 'it starts after a crash');
is(value($dir, 'SELECT count(*) FROM item'), '501', 'with what was committed');
local_cmd($dir, 'stop');

# An interrupted first start.
my $half = "$base/half";
mkdir $half;
mkdir "$half/data.new";
spew("$half/data.new/PG_VERSION", "15\n");
is(value($half, 'SELECT 1'), '1', 'what an interrupted first start left is made anew');
local_cmd($half, 'stop');

# Two first starts at once.
my $twin = "$base/twin";
push @started, $twin;
system("timeout 120 $script $twin >/dev/null 2>&1 & first=\$!; timeout 120 $script $twin >/dev/null 2>&1; second=\$?; wait \$first && exit \$second");
is($?, 0, 'two first starts at once both succeed');
is(value($twin, 'SELECT 1'), '1', 'with one working cluster');
local_cmd($twin, 'stop');

# Directories that are something else.
my $full = "$base/full";
mkdir $full;
spew("$full/letter.txt", "dear\n");
($code, $out, $err) = local_cmd($full);
is($code, 1, 'a directory with other files in it is refused');
like($err, qr/not empty/, 'for that reason');
is(slurp("$full/letter.txt"), "dear\n", 'and left alone');
($code, $out, $err) = local_cmd("$dir/data");
is($code, 1, 'a data directory itself is refused');
like($err, qr/data directory itself/, 'for that reason');
($code, $out, $err) = local_cmd("$full/letter.txt");
is($code, 1, 'a file is refused');
my $old = "$base/old";
mkdir $old;
mkdir "$old/data";
spew("$old/data/PG_VERSION", "9\n");
($code, $out, $err) = local_cmd($old);
is($code, 1, 'a cluster of an unknown major version is refused');
like($err, qr/PostgreSQL 9/, 'with its version');

# Root of a container may not look into processes of others, which the server is.
SKIP:
{
	skip 'not run by root', 3
	  if $> != 0 || system('setpriv --bounding-set=-sys_ptrace true >/dev/null 2>&1') != 0;
	my $boxed = "$base/boxed";
	my $outside = $script;

	mkdir "$base/bin";
	spew("$base/bin/boxed", "#!/bin/sh\nexec setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace "
		  . quote($outside) . ' "$@"' . "\n");
	chmod 0755, "$base/bin/boxed";
	$script = "$base/bin/boxed";
	local_cmd($boxed);
	($code, $out, $err) = local_cmd($boxed, 'status');
	is($code, 0, 'without the right to trace others, root sees the server run');
	is(value($boxed, 'SELECT 1'), '1', 'and connects to it');
	($code, $out, $err) = local_cmd($boxed, 'stop');
	is($out, "stopped\n", 'and stops it');
	$script = $outside;
}

done_testing();

END
{
	my $status = $?;
	if (defined $base)
	{
		my %seen;
		for my $one (grep { -e "$_/data/postmaster.pid" && !$seen{$_}++ } @started)
		{
			system("timeout 120 " . quote($script) . ' ' . quote($one) . " stop >/dev/null 2>&1");
		}
		system('rm', '-rf', $base);
	}
	$? = $status;
}
