# Servers killed at work: the story of 130_flat_crash.pl, of hnsw.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

tell_of_hnsw('130_flat_crash.pl');
