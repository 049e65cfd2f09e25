# Writers, readers and vacuum at the same time: the story of 120_flat_concurrency.pl, of hnsw.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

tell_of_hnsw('120_flat_concurrency.pl');
