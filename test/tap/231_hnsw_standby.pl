# A standby that reads while it replays: the story of 131_flat_standby.pl, of hnsw.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

tell_of_hnsw('131_flat_standby.pl');
