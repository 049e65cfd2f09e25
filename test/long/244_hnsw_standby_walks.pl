#!/usr/bin/env perl
# Searches that walk along the graph on a standby, 100,000 rows:
# the story of test/tap/244_hnsw_standby_walks.pl, in full.

use strict;
use warnings;

use FindBin;
use FlatTest;    # now, for the INIT blocks of what it uses

$ENV{VECEXT_LONG} = 1;
do "$FindBin::RealBin/../tap/244_hnsw_standby_walks.pl";
die $@ if $@;
