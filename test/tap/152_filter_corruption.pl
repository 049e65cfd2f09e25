# Damaged indexes with columns for conditions: the story of
# 140_flat_corruption.pl, half of the damage to the columns' pages.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

$FlatTest::filters = 1;
tell_of_flat('140_flat_corruption.pl');
