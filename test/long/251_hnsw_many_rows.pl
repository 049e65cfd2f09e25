#!/usr/bin/env perl
# A million rows of a thousand vectors, and large answers: the story of test/tap/251_hnsw_many_rows.pl,
# in full.

use strict;
use warnings;

use FindBin;
use FlatTest;    # now, for the INIT blocks of what it uses

$ENV{VECEXT_LONG} = 1;
do "$FindBin::RealBin/../tap/251_hnsw_many_rows.pl";
die $@ if $@;
