# Damaged graphs over the vectors themselves: the story of
# 140_flat_corruption.pl, of hnsw with quantizer = none.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

$FlatTest::quantizer = 'none';
tell_of_hnsw('140_flat_corruption.pl');
