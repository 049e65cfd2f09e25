package DemoProgress;

# Progress of a load on standard error: a counter that is written over in a
# terminal, nothing elsewhere (the caller prints a line when the step is done).
#
# test/demo/DemoProgress.pm

use strict;
use warnings;
use Time::HiRes qw(time);

sub new
{
	my ($class, $what, $total) = @_;
	return bless { what => $what, total => $total, last => 0 }, $class;
}

sub at
{
	my ($self, $count) = @_;
	return unless -t STDERR;
	my $now = time;
	return if $now - $self->{last} < 0.1;
	$self->{last} = $now;
	printf STDERR "\r    %s of %s %s (%d %%)\e[K", thousands($count),
	  thousands($self->{total}), $self->{what}, 100 * $count / $self->{total};
}

sub done
{
	my ($self) = @_;
	print STDERR "\r\e[K" if -t STDERR;
}

sub thousands
{
	my ($number) = @_;
	1 while $number =~ s/^(\d+)(\d{3})/$1,$2/;
	return $number;
}

1;
