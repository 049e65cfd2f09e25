# Everything the user documentation shows in SQL works as shown.
#
# In README.md and docs/user/*.md every fenced block marked "sql" is run with
# psql, in order, one database a file and one session a block.  It must succeed.
# If a block marked "text" follows it, with nothing but blank lines between, the
# output (standard output and errors) must be that text; there an error may be
# what is shown.  The database has vecext in it, unless the file itself shows
# CREATE EXTENSION.  What must not be run is marked otherwise ("sh", or none).

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/../..');
my @files = ("$top/README.md", sort glob "$top/docs/user/*.md");

# The fenced blocks of a file: [language, first line's number, text].
sub read_blocks
{
	my ($file) = @_;
	my (@blocks, $block, $gap);

	open my $fh, '<', $file or die "$file: $!";
	while (my $line = <$fh>)
	{
		if (!$block && $line =~ /^```(\S*)\s*$/)
		{
			$block = { language => $1, line => $. + 1, text => '', follows => !$gap };
		}
		elsif ($block && $line =~ /^```\s*$/)
		{
			push @blocks, $block;
			undef $block;
			$gap = 0;
		}
		elsif ($block)
		{
			$block->{text} .= $line;
		}
		elsif ($line =~ /\S/)
		{
			$gap = 1;
		}
	}
	die "$file: a block is not closed" if $block;
	return @blocks;
}

# Spaces at the end of a line cannot be seen, nor can empty lines at the end.
sub visible
{
	my ($text) = @_;
	$text =~ s/[ \t]+$//mg;
	$text =~ s/\n+\z/\n/;
	$text = '' if $text eq "\n";
	return $text;
}

my $node = PostgreSQL::Test::Cluster->new('docs');
$node->init;
$node->start;

my $number = 0;
for my $file (@files)
{
	my $name = $file;
	$name =~ s/^\Q$top\E\///;
	my @blocks = read_blocks($file);
	my $database = 'docs_' . $number++;

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, 'CREATE EXTENSION vecext')
	  unless grep { $_->{language} eq 'sql' && $_->{text} =~ /CREATE EXTENSION/ } @blocks;

	for my $i (0 .. $#blocks)
	{
		my $block = $blocks[$i];
		my $next = $blocks[ $i + 1 ];
		my $shown;

		next if $block->{language} ne 'sql';
		$shown = $next->{text} if $next && $next->{language} eq 'text' && $next->{follows};

		my $output = '';
		my @command = ('psql', '-X', '-q', '-d', $node->connstr($database));
		push @command, '-v', 'ON_ERROR_STOP=1' unless defined $shown;
		my $ok = IPC::Run::run(\@command, '<', \$block->{text}, '>&', \$output,
			IPC::Run::timeout(120));

		if (defined $shown)
		{
			is(visible($output), visible($shown), "$name line $block->{line} answers as shown");
		}
		else
		{
			ok($ok, "$name line $block->{line} works") or diag($output);
		}
	}
}
$node->stop;

done_testing();
