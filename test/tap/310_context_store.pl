# Namespaces under many writers, through dump and restore, and after erasing.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use FlatTest;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = FlatTest::new_server('context', '');
$node->safe_psql('postgres', 'CREATE EXTENSION vecext');

# ---- Ten writers, twenty nodes ----

$node->safe_psql('postgres', q{SELECT graph_create('ctx', 2)});
my $script = $node->basedir . '/writers.sql';
append_to_file($script, q{\set i :i + 1
SELECT node_put('ctx', lpad(:i::text, 32, '0')::uuid, properties => jsonb_build_object('writer', :client_id), source => 'all');
SELECT kv_incr('ctx', 'count');
SELECT event_append('ctx', 'put', jsonb_build_object('i', :i), :client_id::text);
});
my $log = '';
ok(IPC::Run::run(
		[
			$node->installed_command('pgbench'), '-n', '-c', '10', '-j', '2', '-t', '20', '-D', 'i=0',
			'-h', $node->host, '-p', $node->port, '-f', $script, 'postgres'
		],
		'>&', \$log), 'ten writers write twenty nodes each') or diag($log);
is($node->safe_psql('postgres', q{
	SELECT count(*), count(DISTINCT id), min(version), max(version), count(*) FILTER (WHERE is_current),
		bool_and(is_current = (version = 10)) FROM ctx.node}),
	'200|20|1|10|20|t', 'every write is a version, the last one current');
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM (SELECT tx < lag(tx) OVER (PARTITION BY id ORDER BY version) AS back FROM ctx.node) s WHERE back}),
	'0', 'time of writing grows with the version');
is($node->safe_psql('postgres', q{SELECT kv_get('ctx', 'count'), (SELECT count(*) FROM ctx.source)}),
	'200|1', 'no increment is lost, one source is made');

# A reader that follows the log while it is written gets each event once.
$node->safe_psql('postgres', q{
	CREATE TABLE seen (number bigserial, cursor text, id bigint);
	CREATE FUNCTION follow() RETURNS bigint LANGUAGE plpgsql AS $$
	DECLARE
		n bigint;
	BEGIN
		LOCK TABLE seen IN EXCLUSIVE MODE;
		INSERT INTO seen (cursor, id) SELECT cursor, id FROM event_since('ctx', event_marked('ctx', 'reader'), 7);
		GET DIAGNOSTICS n = ROW_COUNT;
		IF n > 0 THEN
			PERFORM event_mark('ctx', 'reader', (SELECT cursor FROM seen ORDER BY number DESC LIMIT 1));
		END IF;
		RETURN n;
	END
	$$});
my $appenders = FlatTest::start_clients($node, 6, 5, [ q{
\set ms random(0, 5)
BEGIN;
SELECT event_append('ctx', 'a');
SELECT pg_sleep(:ms * 0.001);
SELECT event_append('ctx', 'b');
COMMIT;
}, 3 ], [ q{
BEGIN;
SELECT event_append('ctx', 'gone');
SELECT pg_sleep(0.001);
ROLLBACK;
}, 1 ], [ q{SELECT follow();}, 3 ]);
FlatTest::run_clients('events are appended and followed', $appenders);
$node->safe_psql('postgres', q{
	DO 'BEGIN WHILE follow() > 0 LOOP COMMIT; END LOOP; END'});
is($node->safe_psql('postgres', q{
	SELECT count(*) > 100, count(*) = (SELECT count(*) FROM seen), count(*) = (SELECT count(DISTINCT id) FROM seen),
		(SELECT count(*) FROM ctx.event e WHERE NOT EXISTS (SELECT FROM seen s WHERE s.id = e.id)) FROM ctx.event}),
	't|t|t|0', 'each event has been seen once');

# ---- Dump and restore ----

$node->safe_psql('postgres', q{
	CREATE DATABASE dumped;
	CREATE ROLE ann; CREATE ROLE reader});
$node->safe_psql('dumped', q{
	CREATE SCHEMA there;
	CREATE EXTENSION vecext SCHEMA there;
	GRANT CREATE ON DATABASE dumped TO ann;
	GRANT USAGE ON SCHEMA there TO ann;
	SET search_path = there;
	SET ROLE ann;
	SELECT graph_create('Plain "one"', 3);
	SELECT graph_create('ten', 3, true, true);
	GRANT USAGE ON SCHEMA ten TO reader;
	GRANT SELECT ON ALL TABLES IN SCHEMA ten TO reader;
	CREATE FUNCTION pg_temp.fill(ns text) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM node_put(ns, lpad(to_hex(i), 32, '0')::uuid, ARRAY['l' || i % 3],
			jsonb_build_object('text', 'Text ' || i), ARRAY[i, 1, i % 5]::vector, source => 's' || i % 4)
		FROM generate_series(1, 300) i;
		PERFORM node_put(ns, lpad(to_hex(i), 32, '0')::uuid, properties => '{"text": "new"}', embedding => ARRAY[1, i, 1]::vector)
		FROM generate_series(1, 300, 10) i;
		PERFORM node_retract(ns, lpad('5', 32, '0')::uuid, 'wrong');
		PERFORM edge_put(ns, lpad(to_hex(i), 32, '0')::uuid, lpad(to_hex(i + 1), 32, '0')::uuid, 'next')
		FROM generate_series(1, 299) i;
		PERFORM event_append(ns, 'filled', jsonb_build_object('i', i)) FROM generate_series(1, 20) i;
		PERFORM kv_set(ns, 'k' || i, to_jsonb(i), CASE WHEN i % 2 = 0 THEN interval '1 day' END) FROM generate_series(1, 50) i;
	END
	$$;
	SELECT pg_temp.fill('Plain "one"');
	SET vecext.tenant = 'red';
	SELECT pg_temp.fill('ten');
	SET vecext.tenant = 'blue';
	SELECT pg_temp.fill('ten');});
my $cursor = $node->safe_psql('dumped', q{
	SET search_path = there;
	SELECT event_mark('Plain "one"', 'me', cursor) FROM event_since('Plain "one"', NULL, 15);
	SELECT event_marked('Plain "one"', 'me')});
$cursor =~ s/\s//g;

# What a database says of itself, to be the same after a restore.
my $contents = q{
	CREATE FUNCTION pg_temp.summary(relid regclass, OUT count bigint, OUT hash text) LANGUAGE plpgsql AS
		$body$ BEGIN EXECUTE format('SELECT count(*), md5(string_agg(t::text, '','' ORDER BY t::text)) FROM %s t', relid) INTO count, hash; END $body$;
	SELECT format('%I.%I: %s %s', n.nspname, c.relname, x.count, x.hash)
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, pg_temp.summary(c.oid) x
	WHERE n.nspname IN ('Plain "one"', 'ten') AND c.relkind = 'r' ORDER BY 1;
	SELECT format('%s %s %s', tablename, policyname, qual) FROM pg_policies WHERE schemaname = 'ten' ORDER BY 1;
	SELECT indexdef FROM pg_indexes WHERE schemaname IN ('Plain "one"', 'ten') ORDER BY 1;
	SELECT c.oid::regclass, pg_get_userbyid(c.relowner), c.relpersistence, c.relrowsecurity, c.relforcerowsecurity, c.relacl, c.reloptions
	FROM pg_class c WHERE c.relnamespace::regnamespace::text IN ('"Plain ""one"""', 'ten') ORDER BY c.oid::regclass::text};
my $before = $node->safe_psql('dumped', $contents);
like($before, qr/ten\.node: 662 /, 'there is something to dump');

my $dump = $node->basedir . '/dumped.dump';
command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('dumped') ], 'pg_dump');

# In a cluster with fewer transactions behind it
my $other = FlatTest::new_server('context_restored', '');
$other->safe_psql('postgres', q{CREATE DATABASE restored; CREATE ROLE ann; CREATE ROLE reader; GRANT CREATE ON DATABASE restored TO ann});
command_ok([ 'pg_restore', '--exit-on-error', '-d', $other->connstr('restored'), $dump ], 'pg_restore');
is($other->safe_psql('restored', $contents), $before, 'all is there again');
is($other->safe_psql('restored', q{
	SET search_path = there; SET ROLE ann;
	SELECT node_put('Plain "one"', lpad('1', 32, '0')::uuid, source => 's1');
	SELECT event_append('Plain "one"', 'restored');
	SELECT string_agg(type || id, ' ' ORDER BY id) FROM event_since('Plain "one"', event_marked('Plain "one"', 'me'));
	SELECT kv_incr('Plain "one"', 'k1');
	SELECT count(*) FROM ten.node;
	SET vecext.tenant = 'blue';
	SELECT kv_get('ten', 'k9'), count(*) FROM ten.node;
	SELECT version FROM node_get('ten', lpad('b', 32, '0')::uuid);
	SET enable_seqscan = off;
	SELECT count(*) FROM (SELECT id FROM "Plain ""one""".node_current ORDER BY embedding <=> '[1,2,3]' LIMIT 500) s;
	SELECT count(*) FROM hnsw_index_check('"Plain ""one""".node_embedding', true)}),
	join("\n", 3, 21, 'filled16 filled17 filled18 filled19 filled20 restored21', 2, 0, '9|331', 2, 299, 0),
	'and goes on: versions, events after an old cursor, tenants');
is($other->safe_psql('restored', q{SELECT era FROM "Plain ""one""".event_clock UNION ALL SELECT era FROM ten.event_clock}),
	"2\n1", 'an era begins with the first event');
my ($code, $out, $err) = FlatTest::try_sql($other, q{SET ROLE ann; COPY ten.node TO STDOUT}, database => 'restored');
is("$code$out", '0', 'rows of tenants are for tenants');
$other->safe_psql('restored', 'ALTER EXTENSION vecext SET SCHEMA public; DROP SCHEMA there');
is($other->safe_psql('restored', q{SET ROLE ann; SELECT graph_create('moved', 2); SELECT node_put('moved', lpad('1', 32, '0')::uuid);
	SELECT version FROM node_history('Plain "one"', lpad('1', 32, '0')::uuid)}),
	"\n1\n1\n2\n3", 'the extension moves to another schema');
$other->stop;

# ---- Erasing ----

my $dims = 64;
my @order = map { $_ * 37 % $dims } 0 .. $dims - 1;
my @vector = map { $_ / 32 - 1 } @order;
my $marker = 'Erase me, Zyxwvut';
my $floats = pack 'f<*', @vector;

# Codes of the vector keep its values' order, in equal steps.
my @by_value = sort { $order[$a] <=> $order[$b] } 0 .. $dims - 1;

sub holds_code
{
	my ($bytes) = @_;

	OFFSET:
	for my $offset (0 .. length($bytes) - $dims)
	{
		my $last = ord substr $bytes, $offset + $by_value[0], 1;
		for my $i (1 .. $dims - 1)
		{
			my $next = ord substr $bytes, $offset + $by_value[$i], 1;
			my $step = ($next - $last) & 255;
			next OFFSET if $step < 3 || $step > 5;
			$last = $next;
		}
		return 1;
	}
	return 0;
}

# Relations of a schema, TOAST tables included, whose files hold what was to be erased.
sub find_traces
{
	my ($what) = @_;
	my %found;

	$node->safe_psql('postgres', 'CHECKPOINT');
	my $files = $node->safe_psql('postgres', q{
		WITH named AS (SELECT oid, relname FROM pg_class WHERE relnamespace = 'erase'::regnamespace),
		toasted AS (SELECT * FROM named UNION
			SELECT reltoastrelid, relname || ' toast' FROM pg_class WHERE relnamespace = 'erase'::regnamespace AND reltoastrelid <> 0)
		SELECT relname || '=' || pg_relation_filepath(oid) FROM toasted WHERE pg_relation_filepath(oid) IS NOT NULL
		UNION SELECT relname || ' index=' || pg_relation_filepath(indexrelid) FROM toasted JOIN pg_index ON indrelid = oid
		WHERE relname LIKE '% toast'});
	for my $line (split /\n/, $files)
	{
		my ($name, $path) = split /=/, $line;
		for my $file (glob $node->data_dir . "/$path " . $node->data_dir . "/${path}_* " . $node->data_dir . "/$path.*")
		{
			my $bytes = slurp_file($file);
			$found{$name} = 1 if $what->($bytes);
		}
	}
	return join ', ', sort keys %found;
}

$node->safe_psql('postgres', "SELECT graph_create('erase', $dims);" . q{
	ALTER TABLE erase.node ALTER properties SET STORAGE EXTERNAL;
	ALTER TABLE erase.event ALTER payload SET STORAGE EXTERNAL;
	INSERT INTO erase.node (id, version, is_current, embedding)
	SELECT gen_random_uuid(), 1, true, ARRAY(SELECT sin(i * 7.1 + j) FROM generate_series(1, 64) j)::vector FROM generate_series(1, 40) i});
my $vector = '[' . join(',', @vector) . ']';
$node->safe_psql('postgres', qq{
	SELECT node_put('erase', lpad('1', 32, '0')::uuid, ARRAY['$marker'], jsonb_build_object('text', '$marker'),
		'$vector', source => '$marker');
	SELECT node_put('erase', lpad('1', 32, '0')::uuid, ARRAY['x'], jsonb_build_object('text', repeat('$marker ', 1000)),
		'$vector', source => '$marker');
	SELECT node_put('erase', lpad('2', 32, '0')::uuid, source => 'other');
	SELECT edge_put('erase', lpad('2', 32, '0')::uuid, lpad('1', 32, '0')::uuid, '$marker');
	SELECT edge_put('erase', lpad('2', 32, '0')::uuid, lpad('2', 32, '0')::uuid, 'x', properties => '{"x": "$marker"}', source => '$marker');
	SELECT node_retract('erase', lpad('1', 32, '0')::uuid, '$marker');
	SELECT event_append('erase', 'said', jsonb_build_object('x', '$marker'), '$marker', '$marker');
	SELECT event_append('erase', 'said', jsonb_build_object('x', repeat('$marker ', 1000)), NULL, '$marker');
	VACUUM ANALYZE});
my @fingerprints = map { pack 'H*', $_ } split /\n/,
  $node->safe_psql('postgres', q{SELECT DISTINCT encode(fingerprint, 'hex') FROM erase.node WHERE fingerprint IS NOT NULL});
my $has_marker = sub {
	my ($bytes) = @_;
	return scalar grep { index($bytes, $_) >= 0 } $marker, @fingerprints;
};
my $has_floats = sub { index($_[0], $floats) >= 0 };
is(find_traces($has_marker),
	'edge, edge_dst, edge_src, event, event toast, node, node toast, node_fingerprint, source, source_external_id_key',
	'the text is in tables, TOAST tables and indexes');
is(find_traces($has_floats), 'node', 'the vector is in its table');
is(find_traces(\&holds_code), 'node_embedding', 'the code of the vector is in the index');

($code, $out, $err) = FlatTest::try_sql($node, qq{SELECT versions, edges, events FROM source_erase('erase', '$marker')});
is($out, '3|3|2', 'erased');
my ($command) = $err =~ /(VACUUM \(FULL, ANALYZE\) [^;]*);/;
ok($command, 'the notice names a command') or diag($err);
isnt(find_traces($has_marker), '', 'before it the bytes are still there');
$node->safe_psql('postgres', 'VACUUM erase.node');
is(find_traces(\&holds_code), '', 'a plain vacuum has zeroed the code');
$node->safe_psql('postgres', $command);
is(find_traces($has_marker), '', 'no text is left');
is(find_traces($has_floats), '', 'no vector is left');
is(find_traces(\&holds_code), '', 'no code is left');
is($node->safe_psql('postgres', q{
	SELECT (SELECT count(*) FROM erase.node), (SELECT count(*) FROM event_since('erase')),
		(SELECT count(*) FROM hnsw_index_check('erase.node_embedding', true))}),
	'41|2|0', 'the rest is in order');

FlatTest::check_log($node);
$node->stop;
done_testing();
