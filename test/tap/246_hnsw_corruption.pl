# Damaged graphs: the story of 140_flat_corruption.pl, of hnsw.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

tell_of_hnsw('140_flat_corruption.pl');
