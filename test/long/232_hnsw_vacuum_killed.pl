#!/usr/bin/env perl
# A vacuum killed at its steps, and at many of its records: the story of test/tap/232_hnsw_vacuum_killed.pl,
# in full.

use strict;
use warnings;

use FindBin;
use FlatTest;    # now, for the INIT blocks of what it uses

$ENV{VECEXT_LONG} = 1;
do "$FindBin::RealBin/../tap/232_hnsw_vacuum_killed.pl";
die $@ if $@;
