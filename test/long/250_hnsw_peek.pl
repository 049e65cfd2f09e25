#!/usr/bin/env perl
# Pages that are read without a pin, 100,000 rows:
# the story of test/tap/250_hnsw_peek.pl, in full.

use strict;
use warnings;

use FindBin;
use FlatTest;    # now, for the INIT blocks of what it uses

$ENV{VECEXT_LONG} = 1;
do "$FindBin::RealBin/../tap/250_hnsw_peek.pl";
die $@ if $@;
