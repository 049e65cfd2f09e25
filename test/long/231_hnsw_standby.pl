#!/usr/bin/env perl
# Graphs on standbys, for minutes:
# the story of test/tap/231_hnsw_standby.pl, in full.

use strict;
use warnings;

use FindBin;
use FlatTest;    # now, for the INIT blocks of what it uses

$ENV{VECEXT_LONG} = 1;
do "$FindBin::RealBin/../tap/231_hnsw_standby.pl";
