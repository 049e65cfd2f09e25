#!/usr/bin/perl
#
# play.pl - run a file of SQL for a reader: what it is about, the SQL, the
# answer as a table, and the time it took
#
#	play.pl [--steps] [--number N] FILE PSQL...
#
# PSQL... is psql and its arguments, or a command that hands its own to psql.
# In FILE, comment lines before a
# statement are the text above it; the first one may be a title ("-- # Title").
# A statement ends with a line that ends in a semicolon ("END;" alone after
# BEGIN ATOMIC), or is one line that starts with a backslash.  With --steps only
# one line a statement is shown: its comment and its time.
#
# Times are psql's own (\timing): they include sending the statement and
# receiving the answer.  While an index is built, a second session looks at
# pg_stat_progress_create_index: a terminal shows how far the build is, and its
# phases are listed when it has ended.
#
# test/demo/play.pl

use strict;
use warnings;
use File::Basename qw(dirname);
use FindBin;
use lib $FindBin::Bin;
use DemoProgress;
use Getopt::Long;
use IO::Select;
use IPC::Open2;
use List::Util qw(max sum);
use Time::HiRes qw(time);

$| = 1;
my $width = 92;
my $indent = ' ' x 4;

my ($steps, $number);
Getopt::Long::Configure('require_order');
GetOptions('steps' => \$steps, 'number=i' => \$number) && @ARGV >= 2
  or die "usage: play.pl [--steps] [--number N] FILE PSQL...\n";
my ($file, @psql) = @ARGV;

my $tty = -t STDOUT;
my ($bold, $dim, $plain) = $tty ? ("\e[1m", "\e[2m", "\e[0m") : ('', '', '');

open my $in, '<', $file or die "play.pl: $file: $!\n";
# \i and \copy in FILE start from where it is.
chdir dirname($file) or die "play.pl: $file: $!\n";

my $pid = open2(my $from, my $to, @psql, '-X', '-v', 'ON_ERROR_STOP=1');
select $to; $| = 1; select STDOUT;
$SIG{PIPE} = 'IGNORE';    # psql has said why it ended
$SIG{INT} = sub { exit 130 };

my $separator = "\037";
my $marker = "-- answered $$ --";

# Look at a build five times a second until psql has an answer.  Returns how
# long each phase took, [name, seconds], as far as such looks can tell.
sub watch_build
{
	my $answer = IO::Select->new($from);
	my @phases;
	my $watcher = open2(my $seen, my $look, @psql, '-X', '-A', '-t', '-F', $separator);

	$look->autoflush(1);
	while (!$answer->can_read(0.2))
	{
		print $look "SELECT phase, tuples_done, tuples_total FROM pg_stat_progress_create_index;\n\\echo\n";
		while (defined(my $line = <$seen>) and my $now = time)
		{
			chomp $line;
			last if $line eq '';
			my ($phase, $done, $total) = split /$separator/, $line;
			$phase =~ s/^building index(?:: )?//;
			next if $phase eq '' || $phase eq 'initializing';
			push @phases, { name => $phase, from => $now }
			  if !@phases || $phases[-1]{name} ne $phase;
			$phases[-1]{to} = $now;
			next unless $tty;
			print "\r$indent$dim$phase";
			printf ': %s of %s', map { DemoProgress::thousands($_) } $done, $total if $total > 0;
			print "$plain\e[K";
		}
	}
	print "\r\e[K" if $tty;
	close $look;
	waitpid $watcher, 0;
	$phases[$_]{to} = $phases[ $_ + 1 ]{from} for 0 .. $#phases - 1;
	return [ map { [ $_->{name}, $_->{to} - $_->{from} ] } @phases ];
}

# Send one statement; returns its answer's lines, its time in ms, and the phases
# of an index build.
sub ask
{
	my ($statement) = @_;
	my (@lines, $time, $phases);

	print $to "$statement\n\\echo '$marker'\n";
	$phases = watch_build() if !$steps && $statement =~ /^CREATE INDEX/;
	while (defined(my $line = <$from>))
	{
		chomp $line;
		return (\@lines, $time, $phases) if $line eq $marker;
		if ($line =~ /^Time: ([\d.]+) ms/)
		{
			$time = $1;
		}
		else
		{
			push @lines, $line;
		}
	}
	waitpid $pid, 0;
	print STDERR "\n$file: psql ended with exit code ", $? >> 8, " at:\n$statement\n";
	exit 1;
}

# Break a text into lines of at most $room characters, between words if it can.
sub wrap
{
	my ($text, $room) = @_;
	my @lines;

	while (length $text > $room)
	{
		my $at = rindex $text, ' ', $room;
		if ($at > 0)
		{
			push @lines, substr $text, 0, $at;
			$text = substr $text, $at + 1;
		}
		else
		{
			push @lines, substr $text, 0, $room;
			$text = substr $text, $room;
		}
	}
	return (@lines, $text);
}

# Print rows (the first is the header) as psql would, with long texts broken
# between words.
sub show_table
{
	my ($header, @rows) = @_;
	my @widths = map {
		my $column = $_;
		max(map { length $_->[$column] } $header, @rows)
	} 0 .. $#$header;

	# The widest columns give way.
	my $room = $width - 3 * @widths;
	while (sum(@widths) > $room)
	{
		my $widest = max(@widths);
		$_ == $widest and $_-- and last for @widths;
	}

	my @numeric = map {
		my $column = $_;
		!grep { $_->[$column] !~ /^-?[\d.,]*(?:e[-+]\d+)?\z/ } @rows
	} 0 .. $#$header;

	my $show_row = sub {
		my ($row, $centre) = @_;
		my @cells = map { [ wrap($row->[$_], $widths[$_]) ] } 0 .. $#$row;

		for my $line (0 .. max(map { $#$_ } @cells))
		{
			my $text = join ' | ', map {
				my $cell = $cells[$_][$line] // '';
				my $free = $widths[$_] - length $cell;
				my $left = $centre ? int($free / 2) : $numeric[$_] ? $free : 0;
				(' ' x $left) . $cell . (' ' x ($free - $left))
			} 0 .. $#cells;
			$text =~ s/ +\z//;
			print "$indent $text\n";
		}
	};

	$show_row->($header, 1);
	print $indent, join('+', map { '-' x ($_ + 2) } @widths), "\n";
	$show_row->($_) for @rows;
}

sub show_time
{
	my ($ms) = @_;
	return $ms >= 9950 ? sprintf('%.0f s', $ms / 1000)
	  : $ms >= 995 ? sprintf('%.1f s', $ms / 1000)
	  : $ms >= 9.95 ? sprintf('%.0f ms', $ms)
	  : sprintf('%.1f ms', $ms);
}

sub play_step
{
	my ($text, $statement) = @_;
	my $label = join ' ', @$text;

	print "$label ..." if $tty;
	my (undef, $time) = ask($statement);
	print "\r\e[K" if $tty;
	printf "%-*s %8s\n", $width - 12, $label, show_time($time);
}

sub play_statement
{
	my ($text, $statement) = @_;

	if (@$text && $text->[0] =~ s/^# //)
	{
		my $title = shift @$text;
		$title = "$number. $title" if defined $number;
		print "\n$bold$title$plain\n", '=' x length $title, "\n";
		shift @$text while @$text && $text->[0] eq '';
	}
	print "\n";
	print "$_\n" for @$text;
	print "\n" if @$text;

	# Expand tabs the way the files are written.
	for my $line (split /\n/, $statement)
	{
		1 while $line =~ s/^( *)\t/$1    /;
		print "$indent$bold$line$plain\n";
	}
	my ($lines, $time, $phases) = ask($statement);

	my $rows;
	if (@$lines && $lines->[-1] =~ /^\((\d+) rows?\)\z/)
	{
		$rows = $1;
		pop @$lines;
		# Functions that return nothing have nothing to show.
		if ($rows == 0 || grep { /[^$separator]/ } @$lines[ 1 .. $#$lines ])
		{
			print "\n";
			show_table(map { [ $_ eq '' ? '' : split /$separator/, $_, -1 ] } @$lines);
			print "\n";
		}
	}
	elsif (@$lines && $lines->[-1] =~ /^(?:SELECT|INSERT 0|UPDATE|DELETE|COPY) (\d+)\z/)
	{
		$rows = $1;
	}
	my $what = defined $rows ? DemoProgress::thousands($rows) . ($rows == 1 ? ' row in ' : ' rows in ') : 'done in ';
	print "$indent$dim-> $what", show_time($time);
	my @long = grep { $_->[1] >= 0.25 } @{ $phases // [] };
	print ': ', join ', ', map { "$_->[0] " . show_time($_->[1] * 1000) } @long if @long > 1;
	print "$plain\n";
}

# Four digits of a distance are enough to read.
ask("\\set QUIET on
\\pset format unaligned
\\pset fieldsep '\\037'
\\pset pager off
\\timing on
SET extra_float_digits = -11;
\\set QUIET off");

my (@text, $statement, $played);
while (my $line = <$in>)
{
	chomp $line;
	if (!defined $statement)
	{
		if ($line =~ /^-- ?(.*)/)
		{
			push @text, $1;
			next;
		}
		next if $line eq '';
	}
	$statement = defined $statement ? "$statement\n$line" : $line;
	if ($statement =~ /^BEGIN ATOMIC$/m ? $line eq 'END;' : $line =~ /;$/ || $statement =~ /^\\/)
	{
		$steps ? play_step(\@text, $statement) : play_statement(\@text, $statement);
		@text = ();
		undef $statement;
	}
}
die "play.pl: $file: the last statement has no end\n" if defined $statement;
close $to;
waitpid $pid, 0;
exit($? >> 8);
