#!/usr/bin/env perl
# Columns for conditions under load, ten kills:
# the story of test/tap/150_filter_columns.pl, in full.

use strict;
use warnings;

use FindBin;
use FlatTest;    # now, for the INIT blocks of what it uses

$ENV{VECEXT_LONG} = 1;
do "$FindBin::RealBin/../tap/150_filter_columns.pl";
die $@ if $@;
