#!/usr/bin/env perl
# Graphs survive 51 kills and 9 stops at once, and what else a crash can do:
# the story of test/tap/230_hnsw_crash.pl, in full.

use strict;
use warnings;

use FindBin;
use FlatTest;    # now, for the INIT blocks of what it uses

$ENV{VECEXT_LONG} = 1;
do "$FindBin::RealBin/../tap/230_hnsw_crash.pl";
