# Walks by the leaf pages of an index while edges come and go and vacuum runs:
# each finds what a walk by sequential scans finds under the same snapshot.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = size(8, 300);
my $edges = size(6000, 60000);
my $node = new_server('graph_concurrency', "max_connections = 40\nshared_buffers = 1MB");

$node->safe_psql('postgres', qq{
	CREATE EXTENSION vecext;
	SELECT setseed(0.25);
	CREATE TABLE arc (id bigint GENERATED ALWAYS AS IDENTITY, src int, dst int, type text, weight float8, note int DEFAULT 0)
		WITH (fillfactor = 80);
	INSERT INTO arc (src, dst, type, weight)
		SELECT (random() * $edges / 4)::int, (random() * $edges / 4)::int, (ARRAY['a', 'b'])[1 + n % 2], n % 9 / 8.0 FROM generate_series(1, $edges) n;
	CREATE INDEX arc_id ON arc (id);
	CREATE INDEX arc_src ON arc (src) INCLUDE (dst, type, weight, id);
	CREATE INDEX arc_dst ON arc (dst, type);
	CREATE VIEW arc_view AS SELECT * FROM arc;
	CREATE FUNCTION some_arc(n int) RETURNS bigint LANGUAGE sql VOLATILE AS \$\$
		SELECT id FROM arc WHERE id >= n % (SELECT max(id) FROM arc) ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
	\$\$;
	CREATE FUNCTION walk_by_query(seeds int[], depth int, direction text, types text[]) RETURNS text LANGUAGE sql STABLE
		SET enable_indexscan = off SET enable_indexonlyscan = off SET enable_bitmapscan = off SET search_path = public AS \$\$
		SELECT coalesce(string_agg(format('%s:%s:%s', node, w.depth, round(weight::numeric, 9)), ' ' ORDER BY node), '')
		FROM graph_walk('arc_view', seeds, types, walk_by_query.depth, direction, strategy => 'water_circle') w
	\$\$;
	CREATE FUNCTION compare_walks(n int, depth int) RETURNS void LANGUAGE plpgsql STABLE AS \$\$
	DECLARE
		seeds int[] := ARRAY[n % ($edges / 4), n % 777];
		direction text := (ARRAY['out', 'in', 'both'])[1 + n % 3];
		types text[] := (ARRAY[NULL, '{a}', '{a,b}'])[1 + n / 3 % 3]::text[];
		walked text := (SELECT coalesce(string_agg(format('%s:%s:%s', node, w.depth, round(weight::numeric, 9)), ' ' ORDER BY node), '')
			FROM graph_walk('arc', seeds, types, compare_walks.depth, direction, strategy => 'water_circle') w);
		asked text := walk_by_query(seeds, depth, direction, types);
	BEGIN
		IF walked <> asked THEN
			RAISE EXCEPTION 'flattest: walks differ' USING DETAIL = format('seeds %s, %s, %s', seeds, direction, types);
		END IF;
	END
	\$\$});

my @writers = (
	[ "\\set n random(1, 1000000)
	   INSERT INTO arc (src, dst, type, weight) SELECT (:n + g * 7) % ($edges / 4), (:n + g) % 777, 'b', 0.5 FROM generate_series(1, 20) g;", 2 ],
	[ '\set n random(1, 1000000)
	   UPDATE arc SET dst = dst + 1, weight = 1 - weight WHERE id = some_arc(:n);', 4 ],
	[ '\set n random(1, 1000000)
	   UPDATE arc SET note = note + 1 WHERE id = some_arc(:n);', 4 ],
	[ '\set n random(1, 1000000)
	   DELETE FROM arc WHERE id IN (SELECT id FROM arc WHERE id % 211 = :n % 211 ORDER BY id LIMIT 20 FOR UPDATE SKIP LOCKED);', 2 ],
	[ '\set n random(1, 1000000)
	   BEGIN;
	   UPDATE arc SET src = src + 1 WHERE id = some_arc(:n);
	   SELECT compare_walks(:n, 2);
	   ROLLBACK;', 1 ],
	# whole pages become empty
	[ "\\set n random(1, 1000000)
	   DELETE FROM arc WHERE ctid IN (SELECT ctid FROM arc WHERE src BETWEEN :n % ($edges / 4) AND :n % ($edges / 4) + 200 FOR UPDATE SKIP LOCKED);", 1 ]);
my @readers = (
	[ '\set n random(1, 1000000)
	   BEGIN ISOLATION LEVEL REPEATABLE READ;
	   SELECT compare_walks(:n, 2);
	   SELECT compare_walks(:n + 1, 3);
	   SELECT compare_walks(:n + 2, 9);
	   COMMIT;', 4 ],
	# the snapshot grows old while vacuum goes on
	[ '\set n random(1, 1000000)
	   BEGIN ISOLATION LEVEL REPEATABLE READ;
	   SELECT compare_walks(:n, 3);
	   SELECT pg_sleep(0.3);
	   SELECT compare_walks(:n, 4);
	   SELECT compare_walks(:n + 1, 9);
	   COMMIT;', 1 ]);
my @vacuums = ([ 'VACUUM arc;', 6 ], [ 'VACUUM (FREEZE) arc;', 1 ], [ 'SELECT pg_sleep(0.05);', 2 ]);

my $vacuum = start_clients($node, 1, $seconds, @vacuums);
my $readers = start_clients($node, 3, $seconds, @readers);
my $writers = start_clients($node, 3, $seconds, @writers);
run_clients("$_->[0] went on to the end, and every walk was right", $_->[1])
  for ([ 'writers', $writers ], [ 'readers', $readers ], [ 'vacuum', $vacuum ]);

# A new server process has learned nothing yet; this one has.
my $session = $node->background_psql('postgres');
for my $change ('DELETE FROM arc WHERE id % 3 = 0', 'VACUUM arc', 'REINDEX INDEX arc_src', 'VACUUM FULL arc',
	'DROP INDEX CONCURRENTLY arc_src', 'DROP INDEX arc_dst', 'ALTER TABLE arc ADD COLUMN valid tstzrange',
	'CREATE INDEX CONCURRENTLY arc_src ON arc (src, type) INCLUDE (dst)', 'REINDEX INDEX CONCURRENTLY arc_src',
	'ALTER TABLE arc DROP COLUMN valid, ADD COLUMN invalidated_at timestamptz',
	'CREATE TABLE more () INHERITS (arc); INSERT INTO more SELECT * FROM arc LIMIT 100', 'DROP TABLE more')
{
	$session->query_safe('SELECT compare_walks(n, 5) FROM generate_series(1, 20) n');
	$node->safe_psql('postgres', $change);
	ok(defined $session->query_safe('SELECT compare_walks(n, 5) FROM generate_series(1, 20) n'), "as queries after: $change");
}
$session->quit;
check_log($node);
done_testing();
