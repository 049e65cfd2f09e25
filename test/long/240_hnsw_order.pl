#!/usr/bin/env perl
# Searches that walk along the graph, 330,000 rows:
# the story of test/tap/240_hnsw_order.pl, in full.

use strict;
use warnings;

use FindBin;
use FlatTest;    # now, for the INIT blocks of what it uses

$ENV{VECEXT_LONG} = 1;
do "$FindBin::RealBin/../tap/240_hnsw_order.pl";
die $@ if $@;
