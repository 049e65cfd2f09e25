#!/usr/bin/env perl
# Conditions over a grid, on GloVe and Fashion-MNIST:
# the story of test/tap/151_filter_grid.pl, in full.

use strict;
use warnings;

use FindBin;
use FlatTest;    # now, for the INIT blocks of what it uses

$ENV{VECEXT_LONG} = 1;
do "$FindBin::RealBin/../tap/151_filter_grid.pl";
die $@ if $@;
