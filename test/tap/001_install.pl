# Installing the extension: by whom, where to, and out again; dump and restore.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/../..');
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

# Run as a role; returns exit code, output, errors.
sub as_role
{
	my ($role, $database, $sql) = @_;
	my ($out, $err) = ('', '');
	my $code = $node->psql($database, $sql,
		stdout => \$out, stderr => \$err, extra_params => [ '-U', $role ]);
	return ($code, $out, $err);
}

# One digest over the bytes of every stored vector.
sub digest
{
	my ($database) = @_;
	return $node->safe_psql($database, q{
		SELECT count(*), md5(string_agg(coalesce(encode(vectors.vector_send(v), 'hex'), 'null'),
										',' ORDER BY id))
		FROM stored});
}

# ---- What the control file says ----

is($node->safe_psql('postgres', q{
		SELECT relocatable, trusted, superuser, requires IS NULL
		FROM pg_available_extension_versions
		WHERE name = 'vecext' AND version = (SELECT default_version FROM pg_available_extensions
											 WHERE name = 'vecext')}),
	't|t|t|t', 'relocatable, trusted, and needs no other extension');

# ---- Who may install it ----

$node->safe_psql('postgres', q{
	CREATE ROLE owner LOGIN;
	CREATE ROLE visitor LOGIN;
	CREATE DATABASE owned OWNER owner});

my ($code, $out, $err) = as_role('visitor', 'owned', 'CREATE EXTENSION vecext');
isnt($code, 0, 'a visitor cannot install');
like($err, qr/permission denied to create extension "vecext"/, '... and is told so');

($code, $out, $err) = as_role('owner', 'owned', q{
	CREATE SCHEMA vectors;
	CREATE EXTENSION vecext SCHEMA vectors});
is($code, 0, 'the owner of the database installs without being superuser') or diag $err;

# ---- Where it goes ----

my $elsewhere = q{
	SELECT count(*), count(*) FILTER (WHERE s.nspname IS DISTINCT FROM '%s')
	FROM pg_depend d, pg_identify_object(d.classid, d.objid, d.objsubid) o
		 LEFT JOIN pg_namespace s ON s.nspname = o.schema
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
		  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vecext')
		  AND o.type NOT IN ('access method', 'cast')};

like($node->safe_psql('owned', sprintf($elsewhere, 'vectors')),
	qr/^[1-9]\d*\|0$/, 'every object is in the schema that was asked for');
is($node->safe_psql('owned', q{
		SELECT '[1,2,3]'::vectors.vector OPERATOR(vectors.<->) '[1,2,5]'}),
	'2', 'distances work without the schema in search_path');

as_role('owner', 'owned', q{
	CREATE TABLE pair (a vectors.vector, b vectors.vector);
	INSERT INTO pair VALUES ('[3,4]', '[0,0]');
	CREATE VIEW pair_distance AS
		SELECT a OPERATOR(vectors.<->) b AS d, vectors.vector_dims(a) AS n FROM pair});
# The objects of a trusted extension belong to the superuser, who alone may
# move them.
$node->safe_psql('owned', q{
	CREATE SCHEMA moved;
	ALTER EXTENSION vecext SET SCHEMA moved});
like($node->safe_psql('owned', sprintf($elsewhere, 'moved')),
	qr/^[1-9]\d*\|0$/, 'every object went along');
is($node->safe_psql('owned', 'SELECT d, n FROM pair_distance'),
	'5|2', 'a view over it still answers');

# ---- And out again ----

($code, $out, $err) = as_role('owner', 'owned', 'DROP EXTENSION vecext');
isnt($code, 0, 'it cannot be dropped while a table needs it');
like($err, qr/cannot drop extension vecext because other objects depend on it/, '... and says why');
is($node->safe_psql('owned', 'SELECT count(*) FROM pair'), '1', '... and the table is whole');

($code, $out, $err) = as_role('owner', 'owned', 'DROP EXTENSION vecext CASCADE');
is($code, 0, 'with CASCADE it can') or diag $err;
is($node->safe_psql('owned', q{
		SELECT (SELECT count(*) FROM pg_proc WHERE probin LIKE '%vecext%')
			 + (SELECT count(*) FROM pg_type WHERE typname IN ('vector', '_vector'))
			 + (SELECT count(*) FROM pg_am WHERE amname IN ('flat', 'hnsw'))}),
	'0', 'nothing of it is left behind');
is($node->safe_psql('owned', q{SELECT attname FROM pg_attribute
		WHERE attrelid = 'pair'::regclass AND attnum > 0 AND NOT attisdropped}),
	'', 'CASCADE took the columns, not the table');

($code, $out, $err) = as_role('owner', 'owned', q{
	CREATE EXTENSION vecext SCHEMA vectors;
	DROP EXTENSION vecext;
	CREATE EXTENSION vecext SCHEMA vectors});
is($code, 0, 'installed, dropped and installed again in one session') or diag $err;

# ---- Dump and restore ----

# Values that a dump could bend: the ends of float4, negative zero, numbers
# with no short decimal form, the most dimensions, NULL.
$node->safe_psql('owned', q{
	SET search_path = public, vectors;
	CREATE TABLE stored (id int PRIMARY KEY, v vector, three vector(3));
	INSERT INTO stored VALUES
		(1, '[0,-0,1]', '[0,-0,1]'),
		(2, '[3.4028235e38,-3.4028235e38,1.1754944e-38]', '[1,2,3]'),
		(3, '[1e-45,-1e-45,1.1754942e-38]', NULL),
		(4, '[0.1,0.3333333,16777217]', '[0.1,0.2,0.3]'),
		(5, NULL, NULL);
	INSERT INTO stored (id, v)
		SELECT 10 + dims, (SELECT array_agg(sin(i * dims)::float4 * exp(i % 80 - 40)::float4 ORDER BY i)
						   FROM generate_series(1, dims) i)::vector
		FROM unnest(ARRAY[1, 2, 100, 784, 2000, 16000]) dims});

my $before = digest('owned');
like($before, qr/^11\|[0-9a-f]{32}$/, 'rows are there to be dumped');

for my $format ('plain', 'custom')
{
	my $file = $node->basedir . "/owned.$format";

	$node->command_ok([ 'pg_dump', '--format', $format, '--file', $file, 'owned' ],
		"pg_dump, $format format");
	$node->safe_psql('postgres', "CREATE DATABASE restored_$format OWNER owner");
	if ($format eq 'plain')
	{
		$node->command_ok(
			[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', "restored_$format", '-f', $file ],
			'psql restores it');
	}
	else
	{
		$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', "restored_$format", $file ],
			'pg_restore restores it');
	}
	is(digest("restored_$format"), $before, 'every vector came back bit for bit');
	is($node->safe_psql("restored_$format", q{
			SELECT format_type(atttypid, atttypmod) FROM pg_attribute
			WHERE attrelid = 'stored'::regclass AND attname = 'three'}),
		'vectors.vector(3)', '... and the column kept its dimensions');
}

# The binary way of COPY carries the same bytes.
my $copied = $node->basedir . '/stored.bin';
$node->safe_psql('owned', "COPY stored TO '$copied' WITH (FORMAT binary)");
$node->safe_psql('restored_plain',
	"TRUNCATE stored; COPY stored FROM '$copied' WITH (FORMAT binary)");
is(digest('restored_plain'), $before, 'binary COPY brings every vector back bit for bit');

# ---- Removing the files ----

my $stage = PostgreSQL::Test::Utils::tempdir;
my %place;
chomp($place{$_} = `pg_config --$_`) for qw(bindir pkglibdir sharedir);
my @installed = ("$place{bindir}/vecext-local", "$place{pkglibdir}/vecext.so",
	"$place{sharedir}/extension/vecext.control");
for my $file (@installed)
{
	make_path(dirname("$stage$file"));
	append_to_file("$stage$file", "installed\n");
}
command_ok([ 'make', '-s', '-C', $stage, '-f', "$top/Makefile", "VPATH=$top", 'with_llvm=no',
		"DESTDIR=$stage", 'uninstall' ], 'make uninstall');
is(join(' ', grep { -e "$stage$_" } @installed), '', '... removes library, control file and script');

$node->stop;
done_testing();
