# pg_upgrade: indexes of both kinds and namespaces go to another cluster as
# files, and everything there goes on as if nothing had happened.
#
# Both clusters are of one major version: what can go wrong is what a new
# cluster changes, which are transaction numbers, the place in the log, the
# system's identifier and the init forks of unlogged tables.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $dims = 24;

my ($bindir) = run_command([ 'pg_config', '--bindir' ]);
plan skip_all => "there is no pg_upgrade in $bindir" unless -x "$bindir/pg_upgrade";
my $old = new_server('upgrade_old', 'shared_buffers = 32MB');
install_functions($old);

# ---- Before ----

my %method = (flat => 'f', hnsw => 'h');
for my $method (sort keys %method)
{
	my $name = $method{$method};

	# Freed rows and nodes, rows marked dead, crowds of equals: what
	# vacuum leaves and inserts look at.
	$old->safe_psql('postgres', qq{
		CREATE TABLE $name (id int, v vector($dims), w int GENERATED ALWAYS AS (nullif(id % 50, 0)) STORED,
			tags int[] GENERATED ALWAYS AS (ARRAY[id % 9, id % 31]) STORED,
			doc jsonb GENERATED ALWAYS AS (('{"w": ' || (id % 10)::text || '}')::jsonb) STORED);
		SELECT flattest.fill('$name', 1, 1200, $dims, 8, 0.3);
		CREATE INDEX ${name}_v ON $name USING $method (v vector_l2_ops, w, tags, doc);
		DELETE FROM $name WHERE id % 3 = 0;
		VACUUM $name;
		SELECT flattest.fill('$name', 2001, 200, $dims, 8, 0.6);
		DELETE FROM $name WHERE id % 20 = 5;
		CREATE UNLOGGED TABLE ${name}_unlogged (id int, v vector($dims));
		SELECT flattest.fill('${name}_unlogged', 1, 300, $dims, 8, 0.7);
		CREATE INDEX ${name}_unlogged_v ON ${name}_unlogged USING $method (v vector_cosine_ops);
		ANALYZE $name, ${name}_unlogged});
}
$old->safe_psql('postgres', qq{
	SELECT graph_create('ctx', $dims);
	SELECT node_put('ctx', lpad(g::text, 32, '0')::uuid, properties => jsonb_build_object('n', g),
					embedding => flattest.nth_vector(g, $dims), source => 'before') FROM generate_series(1, 40) g;
	SELECT kv_set('ctx', 'key', to_jsonb(1)), event_append('ctx', 'begun')});
my $transaction = $old->safe_psql('postgres', 'SELECT pg_current_xact_id()');

# ---- What an answer is ----

my @looks = map { my $name = $_; (
	"SELECT md5(array_agg(d)::text) FROM (SELECT v <-> flattest.nth_vector(3, $dims) AS d FROM $name ORDER BY v <-> flattest.nth_vector(3, $dims)) s",
	"SELECT array_agg(d) FROM (SELECT v <-> flattest.nth_vector(4, $dims) AS d FROM $name WHERE w < 30 ORDER BY v <-> flattest.nth_vector(4, $dims) LIMIT 4) s",
	"SELECT md5(array_agg(id ORDER BY id)::text) FROM $name WHERE tags @> '{4}'",
	"SELECT count(*) FROM $name WHERE doc @> '{\"w\": 4}'",
	"SELECT count(*) FROM $name WHERE l2_within(v, flattest.nth_vector(3, $dims), 7)",
	"SELECT count(*), count(v), count(*) FILTER (WHERE v IS NULL) FROM ${name}_unlogged") } 'f', 'h';
my $context = q{SELECT id, version, properties, embedding FROM ctx.node ORDER BY id;
	SELECT kv_get('ctx', 'key'); SELECT count(*) FROM event_since('ctx')};

sub look
{
	my ($node) = @_;
	my $out = $node->safe_psql('postgres', join ";\n", 'SET hnsw.ef_search = 1000', 'BEGIN', 'SELECT flattest.use_index()',
		@looks, 'COMMIT', $context);

	return $out;
}

# Each index is sound and answers as its table does.
sub agrees
{
	my ($title, $node) = @_;

	complaints($node, $title, 'SET hnsw.ef_search = 1000', map { my $name = $_; (
		"SELECT c FROM unnest('{${name}_v,${name}_unlogged_v}'::regclass[]) i, LATERAL flattest.check_index(i) c WHERE c IS NOT NULL",
		"SELECT c FROM generate_series(1, 4) n, LATERAL flattest.compare_order('$name', '<->', flattest.nth_vector(n, $dims), '{1,20,NULL}') c WHERE c IS NOT NULL",
		"SELECT c FROM generate_series(1, 4) n, LATERAL flattest.compare_order('$name', '<->', flattest.nth_vector(n, $dims), '{1,20,NULL}', 'w < 20') c WHERE c IS NOT NULL",
		"SELECT c FROM generate_series(1, 4) n, LATERAL flattest.compare_order('${name}_unlogged', '<=>', flattest.nth_vector(n, $dims), '{1,20,NULL}') c WHERE c IS NOT NULL",
		"SELECT c FROM unnest(ARRAY['w = 7', 'tags && ''{2,30}''', 'w IS NULL', 'doc @> ''{\"w\": 4}''']) q, LATERAL flattest.compare_condition('$name', q) c WHERE c IS NOT NULL") } 'f', 'h');
	return;
}

agrees('before, indexes are sound and answer as tables do', $old);
my $answers = look($old);
$old->stop;

# ---- The upgrade ----

my $new = PostgreSQL::Test::Cluster->new('upgrade_new');
$new->init(extra => ['--no-sync']);
$new->append_conf('postgresql.conf', q{
wal_consistency_checking = 'all'
autovacuum = off
jit = off
fsync = off
});
chdir $PostgreSQL::Test::Utils::tmp_check or die "$PostgreSQL::Test::Utils::tmp_check: $!";
command_ok(
	[
		"$bindir/pg_upgrade", '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $bindir, '-B', $bindir,
		'-s', $new->host, '-p', $old->port, '-P', $new->port
	],
	'pg_upgrade goes through');

# ---- After ----

$new->start;
cmp_ok($new->safe_psql('postgres', 'SELECT pg_current_xact_id()'), '>=', $transaction, 'transactions go on');
is($new->safe_psql('postgres', q{SELECT extname, extversion FROM pg_extension WHERE extname = 'vecext'}),
	'vecext|' . $new->safe_psql('postgres', q{SELECT default_version FROM pg_available_extensions WHERE name = 'vecext'}),
	'the extension is there');
is(look($new), $answers, 'every answer is the one from before');
agrees('indexes are sound and answer as tables do', $new);

for my $name ('f', 'h')
{
	$new->safe_psql('postgres', qq{
		INSERT INTO $name SELECT 3000 + g, flattest.nth_vector(g % 60, $dims) FROM generate_series(1, 150) g;
		INSERT INTO ${name}_unlogged SELECT 3000 + g, flattest.nth_vector(g % 60, $dims) FROM generate_series(1, 50) g;
		UPDATE $name SET id = id + 10000 WHERE id % 7 = 1;
		DELETE FROM $name WHERE id % 4 = 1});
}
agrees('rows come and go', $new);
$new->safe_psql('postgres', 'VACUUM f; VACUUM h; VACUUM f_unlogged; VACUUM h_unlogged');
$new->safe_psql('postgres', qq{SELECT flattest.fill(n::regclass, 5001, 100, $dims, 8, 0.2) FROM unnest('{f,h}'::text[]) n});
agrees('vacuum frees rows and inserts take their places', $new);

my $code = ($new->psql('postgres', q{
	SELECT node_put('ctx', lpad('1', 32, '0')::uuid, properties => '{"n": 100}', source => 'after');
	SELECT kv_incr('ctx', 'key'); SELECT event_append('ctx', 'after')}))[0];
is($code, 0, 'the namespace is written to');
is($new->safe_psql('postgres', q{SELECT max(version) FROM ctx.node; SELECT kv_get('ctx', 'key');
	SELECT count(*) FROM event_since('ctx')}), "2\n2\n2", 'and versions, numbers and events go on');

# The init forks are the new cluster's own.
kill_server($new);
$new->start;
is($new->safe_psql('postgres', 'SELECT (SELECT count(*) FROM f_unlogged), (SELECT count(*) FROM h_unlogged)'), '0|0',
	'after a crash unlogged tables are empty');
$new->safe_psql('postgres', qq{SELECT flattest.fill(n::regclass, 1, 200, $dims, 8, 0.2) FROM unnest('{f_unlogged,h_unlogged}'::text[]) n});
agrees('and indexes are usable', $new);
check_log($new);
$new->stop;

done_testing();
