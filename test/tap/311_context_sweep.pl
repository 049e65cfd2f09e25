# The background worker that removes expired keys: of every namespace of its
# databases, whoever owns it, and nothing else.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use FlatTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = FlatTest::new_server('sweep', q{
shared_preload_libraries = 'vecext'
vecext.kv_sweep_databases = '"Swept one", nowhere'
vecext.kv_sweep_interval = 3600
});
for my $database ('Swept one', 'unswept')
{
	$node->safe_psql('postgres', qq{CREATE DATABASE "$database"});
	$node->safe_psql($database, q{
		CREATE EXTENSION vecext;
		SELECT graph_create('plain', 2);
		SELECT graph_create('tenants', 2, true, true);
		SELECT kv_set('plain', 'k' || i, '1', CASE WHEN i % 2 = 0 THEN interval '1 ms' WHEN i % 3 = 0 THEN interval '1 hour' END)
		FROM generate_series(1, 3000) i;
		SET vecext.tenant = 'red';
		SELECT kv_set_bytes('tenants', 'k' || i, '\x00', CASE WHEN i % 2 = 0 THEN interval '1 ms' END) FROM generate_series(1, 100) i;
		SET vecext.tenant = 'blue';
		SELECT kv_set('tenants', 'k' || i, '1', CASE WHEN i % 2 = 0 THEN interval '1 ms' END) FROM generate_series(1, 100) i});
}
$node->safe_psql('Swept one', q{
	-- no index, another one of its name, a trigger, somebody's own table
	SELECT graph_create('bare', 2), graph_create('odd', 2), graph_create('watched', 2);
	DROP INDEX bare.kv_expires;
	DROP INDEX odd.kv_expires;
	CREATE INDEX kv_expires ON odd.kv USING hash (expires_at);
	SELECT kv_set(ns, 'k', '1', '1 ms'), kv_set(ns, 'live', '1') FROM unnest('{bare,odd,watched}'::text[]) ns;
	CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''seen''; END';
	CREATE TRIGGER watch BEFORE DELETE ON watched.kv FOR EACH ROW EXECUTE FUNCTION watch();
	CREATE SCHEMA own;
	CREATE TABLE own.kv AS SELECT * FROM plain.kv});

is($node->safe_psql('Swept one', 'SELECT count(*) FROM plain.kv'), '3000', 'nothing happens before its time');
$node->append_conf('postgresql.conf', 'vecext.kv_sweep_interval = 1');
$node->reload;
# The worker has failed as long as there was no database; a restart begins at once.
$node->restart;
ok($node->poll_query_until('Swept one', q{
	SELECT NOT EXISTS (SELECT FROM plain.kv WHERE expires_at < now()) AND NOT EXISTS (SELECT FROM tenants.kv WHERE expires_at < now())
		AND NOT EXISTS (SELECT FROM bare.kv WHERE expires_at < now()) AND NOT EXISTS (SELECT FROM odd.kv WHERE expires_at < now())}),
	'expired keys are removed');
is($node->safe_psql('Swept one', q{
	SELECT (SELECT count(*) FROM plain.kv), (SELECT count(*) FROM tenants.kv WHERE tenant = 'red'), (SELECT count(*) FROM tenants.kv),
		(SELECT count(*) FROM bare.kv), (SELECT count(*) FROM odd.kv), (SELECT count(*) FROM watched.kv), (SELECT count(*) FROM own.kv)}),
	'1500|50|100|1|1|2|3000', 'the others are not');
is($node->safe_psql('unswept', 'SELECT count(*) FROM plain.kv'), '3000', 'nor those of other databases');

# It goes on, and does not wait for locks.
my $holder = $node->background_psql('Swept one');
$holder->query_safe('BEGIN');
$holder->query_safe('LOCK TABLE bare.kv IN ACCESS EXCLUSIVE MODE');
$node->safe_psql('Swept one', q{SELECT kv_set('plain', 'again', '1', '1 ms')});
ok($node->poll_query_until('Swept one', q{SELECT NOT EXISTS (SELECT FROM plain.kv WHERE key = 'again')}), 'again');
$holder->quit;

# It takes no part in the conflicts of serializable transactions, which would fail for it.
$node->append_conf('postgresql.conf', 'default_transaction_isolation = serializable');
$node->restart;
my $serializable = $node->background_psql('Swept one');
$serializable->query_safe('SET enable_seqscan = off');
$node->safe_psql('Swept one', q{SELECT kv_set('plain', key, '1', '3 s') FROM unnest('{read,written}'::text[]) key});
$serializable->query_safe('BEGIN');
$serializable->query_safe(q{SELECT kv_get('plain', 'read'), kv_set('plain', 'written', '2')});
ok($node->poll_query_until('Swept one', q{SELECT NOT EXISTS (SELECT FROM plain.kv WHERE key = 'read')}), 'swept meanwhile');
$serializable->query_safe('COMMIT');
is($node->safe_psql('Swept one', q{SELECT kv_get('plain', 'written')}), '2', 'committed');
$serializable->quit;
$node->safe_psql('Swept one', q{SELECT kv_del('plain', 'written')});
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'vecext kv_sweep' AND datname = 'Swept one'}),
	'1', 'there is one worker');
is($node->safe_psql('Swept one', q{SET enable_seqscan = off; SELECT count(*) FROM plain.kv WHERE key LIKE 'k%' AND key > 'k';
	SELECT kv_get('plain', 'k3'), kv_get('plain', 'k2')}), "1500\n1|", 'the tables are in order');
$node->stop;

# A list that is none
$node->append_conf('postgresql.conf', q{vecext.kv_sweep_databases = 'a,,b'});
ok(!$node->start(fail_ok => 1), 'the server does not start with a broken list');
like(slurp_file($node->logfile), qr/invalid list of databases in parameter "vecext.kv_sweep_databases"/, 'and says why');

FlatTest::check_log($node);
done_testing();
