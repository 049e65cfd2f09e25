# What a graph answers besides plain nearest neighbours: the story of 111_flat_conditions.pl,
# of hnsw.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

tell_of_hnsw('111_flat_conditions.pl');
