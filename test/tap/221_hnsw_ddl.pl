# Graphs that are built, rebuilt, moved and dropped: the story of 121_flat_ddl.pl,
# of hnsw.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

tell_of_hnsw('121_flat_ddl.pl');
