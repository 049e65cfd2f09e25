#!/usr/bin/env perl
# A vacuum that is stopped at each of its steps, 100,000 rows:
# the story of test/tap/243_hnsw_vacuum_stopped.pl, in full.

use strict;
use warnings;

use FindBin;
use FlatTest;    # now, for the INIT blocks of what it uses

$ENV{VECEXT_LONG} = 1;
do "$FindBin::RealBin/../tap/243_hnsw_vacuum_stopped.pl";
die $@ if $@;
