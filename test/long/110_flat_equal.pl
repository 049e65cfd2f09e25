#!/usr/bin/env perl
# A flat index answers as a sequential scan does, with real data:
# the story of test/tap/110_flat_equal.pl, in full.

use strict;
use warnings;

use FindBin;
use FlatTest;    # now, for the INIT blocks of what it uses

$ENV{VECEXT_LONG} = 1;
do "$FindBin::RealBin/../tap/110_flat_equal.pl";
die $@ if $@;
