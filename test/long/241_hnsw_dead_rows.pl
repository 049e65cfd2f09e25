#!/usr/bin/env perl
# Dead rows, and what lies in a hole of the graph: the story of test/tap/241_hnsw_dead_rows.pl,
# in full.

use strict;
use warnings;

use FindBin;
use FlatTest;    # now, for the INIT blocks of what it uses

$ENV{VECEXT_LONG} = 1;
do "$FindBin::RealBin/../tap/241_hnsw_dead_rows.pl";
die $@ if $@;
