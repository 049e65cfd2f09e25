#!/usr/bin/env perl
# Writers, readers and vacuum at once, for five minutes with few buffers and five with many:
# the story of test/tap/220_hnsw_concurrency.pl, in full.

use strict;
use warnings;

use FindBin;
use FlatTest;    # now, for the INIT blocks of what it uses

$ENV{VECEXT_LONG} = 1;
do "$FindBin::RealBin/../tap/220_hnsw_concurrency.pl";
