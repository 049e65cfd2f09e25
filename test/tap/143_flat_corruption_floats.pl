# Damaged indexes that keep the vectors themselves: the story of
# 140_flat_corruption.pl with quantizer = none.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

$FlatTest::quantizer = 'none';
tell_of_flat('140_flat_corruption.pl');
