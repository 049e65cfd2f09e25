#!/usr/bin/env perl
# Damaged columns for conditions, 10,000 of them:
# the story of test/tap/152_filter_corruption.pl, in full.

use strict;
use warnings;

use FindBin;
use FlatTest;    # now, for the INIT blocks of what it uses

$ENV{VECEXT_LONG} = 1;
do "$FindBin::RealBin/../tap/152_filter_corruption.pl";
die $@ if $@;
