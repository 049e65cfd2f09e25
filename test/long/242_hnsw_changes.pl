#!/usr/bin/env perl
# Tables that change while searches walk along the graph, 200,000 rows:
# the story of test/tap/242_hnsw_changes.pl, in full.

use strict;
use warnings;

use FindBin;
use FlatTest;    # now, for the INIT blocks of what it uses

$ENV{VECEXT_LONG} = 1;
do "$FindBin::RealBin/../tap/242_hnsw_changes.pl";
die $@ if $@;
