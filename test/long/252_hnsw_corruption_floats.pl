#!/usr/bin/env perl
# Damaged graphs with quantizer = none: the story of
# test/tap/252_hnsw_corruption_floats.pl, in full.

use strict;
use warnings;

use FindBin;
use FlatTest;    # now, for the INIT blocks of what it uses

$ENV{VECEXT_LONG} = 1;
do "$FindBin::RealBin/../tap/252_hnsw_corruption_floats.pl";
die $@ if $@;
