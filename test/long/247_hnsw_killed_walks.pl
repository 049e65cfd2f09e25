#!/usr/bin/env perl
# Servers killed at work, 100,000 rows:
# the story of test/tap/247_hnsw_killed_walks.pl, in full.

use strict;
use warnings;

use FindBin;
use FlatTest;    # now, for the INIT blocks of what it uses

$ENV{VECEXT_LONG} = 1;
do "$FindBin::RealBin/../tap/247_hnsw_killed_walks.pl";
die $@ if $@;
