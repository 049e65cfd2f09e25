#!/usr/bin/env perl
# Damaged flat indexes with residuals: the story of
# test/tap/144_flat_corruption_residuals.pl, in full.

use strict;
use warnings;

use FindBin;
use FlatTest;    # now, for the INIT blocks of what it uses

$ENV{VECEXT_LONG} = 1;
do "$FindBin::RealBin/../tap/144_flat_corruption_residuals.pl";
die $@ if $@;
