# Damaged indexes with residuals: the story of 140_flat_corruption.pl with
# rerank = index.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

$FlatTest::quantizer = 'sq8, rerank = index';
tell_of_flat('140_flat_corruption.pl');
