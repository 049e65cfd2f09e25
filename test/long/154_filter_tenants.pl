#!/usr/bin/env perl
# Ten thousand tenants, half a million rows:
# the story of test/tap/154_filter_tenants.pl, in full.

use strict;
use warnings;

use FindBin;
use FlatTest;    # now, for the INIT blocks of what it uses

$ENV{VECEXT_LONG} = 1;
do "$FindBin::RealBin/../tap/154_filter_tenants.pl";
die $@ if $@;
