#!/usr/bin/env perl
# The same in graphs, 10,000 of them:
# the story of test/tap/153_filter_damaged_graph.pl, in full.

use strict;
use warnings;

use FindBin;
use FlatTest;    # now, for the INIT blocks of what it uses

$ENV{VECEXT_LONG} = 1;
do "$FindBin::RealBin/../tap/153_filter_damaged_graph.pl";
die $@ if $@;
