#!/usr/bin/perl
#
# parse_wordnet.pl - turn WordNet's dictionary files into rows for COPY
#
#	parse_wordnet.pl DICT synset	id, pos, lexical file, label, gloss, examples
#	parse_wordnet.pl DICT sense		synset id, position, lemma
#	parse_wordnet.pl DICT pointer	source, type, target, source and target position
#
# DICT holds data.noun, data.verb, data.adj and data.adv.  Rows go to standard
# output.  A line of a data file (wndb(5WN)):
#
#	offset lexfile type count {lemma lex_id}... count {symbol offset pos st}... | gloss
#
# The gloss is a definition, often followed by examples in quotation marks.
#
# An offset is unique in its file only, so a synset's id is file * 10^8 + offset,
# as in WordNet's own Prolog version.  Satellite adjectives (type s) stand among
# the adjectives and count as such; "similar to" pointers lead to their head.
#
# test/demo/parse_wordnet.pl

use strict;
use warnings;

my @files = (
	[ 'data.noun', 1, 'noun' ],
	[ 'data.verb', 2, 'verb' ],
	[ 'data.adj', 3, 'adjective' ],
	[ 'data.adv', 4, 'adverb' ]);
my %file_number = (n => 1, v => 2, a => 3, s => 3, r => 4);

# lexnames(5WN), in order of their numbers.
my @lexical_file = qw(
  adj.all adj.pert adv.all noun.Tops noun.act noun.animal noun.artifact
  noun.attribute noun.body noun.cognition noun.communication noun.event
  noun.feeling noun.food noun.group noun.location noun.motive noun.object
  noun.person noun.phenomenon noun.plant noun.possession noun.process
  noun.quantity noun.relation noun.shape noun.state noun.substance noun.time
  verb.body verb.change verb.cognition verb.communication verb.competition
  verb.consumption verb.contact verb.creation verb.emotion verb.motion
  verb.perception verb.possession verb.social verb.stative verb.weather
  adj.ppl);

# wninput(5WN)
my %pointer_type = (
	'!' => 'antonym',
	'@' => 'hypernym', '@i' => 'instance hypernym',
	'~' => 'hyponym', '~i' => 'instance hyponym',
	'#m' => 'member holonym', '#s' => 'substance holonym', '#p' => 'part holonym',
	'%m' => 'member meronym', '%s' => 'substance meronym', '%p' => 'part meronym',
	'=' => 'attribute',
	'+' => 'derivationally related',
	';c' => 'topic', '-c' => 'topic member',
	';r' => 'region', '-r' => 'region member',
	';u' => 'usage', '-u' => 'usage member',
	'*' => 'entailment', '>' => 'cause',
	'^' => 'also see', '$' => 'verb group', '&' => 'similar to',
	'<' => 'participle of', '\\' => 'pertainym');

my ($dict, $table) = @ARGV;
die "usage: parse_wordnet.pl DICT synset|sense|pointer\n"
  unless defined $table && $table =~ /^(?:synset|sense|pointer)\z/;

sub print_row
{
	my $row = join "\t", map { s/([\\\t])/\\$1/gr } @_;
	print $row, "\n" or die "parse_wordnet.pl: could not write: $!\n";
}

for my $file (@files)
{
	my ($name, $number, $pos) = @$file;

	open my $fh, '<', "$dict/$name" or die "parse_wordnet.pl: $dict/$name: $!\n";
	while (my $line = <$fh>)
	{
		next if $line =~ /^  /;    # the licence

		my ($head, $gloss) = split / \| /, $line, 2;
		die "parse_wordnet.pl: $name line $.: no gloss\n" unless defined $gloss;
		$gloss =~ s/\s+\z//;
		my @field = split / /, $head;
		my ($offset, $lexfile) = splice @field, 0, 3;
		my $id = $number * 100_000_000 + $offset;

		my @lemma;
		for (1 .. hex shift @field)
		{
			my ($lemma) = splice @field, 0, 2;
			$lemma =~ s/\((?:a|p|ip)\)\z//;    # where an adjective may stand
			$lemma =~ tr/_/ /;
			push @lemma, $lemma;
		}

		if ($table eq 'synset')
		{
			my ($definition, $examples) = $gloss =~ /^(.*?)(?:;? *(".*))?\z/s;
			print_row($id, $pos, $lexical_file[$lexfile], join(', ', @lemma),
				$definition, defined $examples ? $examples : '');
		}
		elsif ($table eq 'sense')
		{
			print_row($id, $_ + 1, $lemma[$_]) for 0 .. $#lemma;
		}
		else
		{
			for (1 .. shift @field)
			{
				my ($symbol, $target, $target_pos, $positions) = splice @field, 0, 4;
				my $type = $pointer_type{$symbol};
				die "parse_wordnet.pl: $name line $.: unknown pointer \"$symbol\"\n"
				  unless defined $type;
				# Two hex digits each; 00 is the synset as a whole.
				my ($from, $to) = map { hex } $positions =~ /^(..)(..)\z/;
				print_row($id, $type, $file_number{$target_pos} * 100_000_000 + $target,
					$from, $to);
			}
		}
	}
	close $fh or die "parse_wordnet.pl: $dict/$name: $!\n";
}
close STDOUT or die "parse_wordnet.pl: could not write: $!\n";
