# Indexes that a library of another format version has made: whatever needs
# their pages says so, and that they want a REINDEX, which helps.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dims = 12;
my $node = new_server('version', 'shared_buffers = 32MB', without_checksums => 1);
install_functions($node);
my %table = (flat => 'f', hnsw => 'h');

for my $method (sort keys %table)
{
	my $name = $table{$method};

	$node->safe_psql('postgres', qq{
		CREATE TABLE $name (id int, v vector($dims), w int GENERATED ALWAYS AS (id % 10) STORED);
		SELECT flattest.fill('$name', 1, 400, $dims, 8, 0.3);
		CREATE INDEX ${name}_v ON $name USING $method (v vector_l2_ops, w);
		ANALYZE $name});
}

# The version is the metapage's second word, behind the magic number.
my $version;
{
	my %path = map { $_ => $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('${_}_v')") } values %table;

	$node->stop;
	for my $file (values %path)
	{
		open my $handle, '+<:raw', $file or die "$file: $!";
		seek $handle, 28, 0;
		read($handle, my $bytes, 4) == 4 or die "$file: $!";
		$version = unpack 'V', $bytes;
		seek $handle, 28, 0;
		print $handle pack('V', $version + 1);
		close $handle or die "$file: $!";
	}
	$node->start;
}
my $other = $version + 1;

for my $method (sort keys %table)
{
	my $name = $table{$method};
	my $vector = "flattest.nth_vector(1, $dims)";

	for my $trial (
		[ 'an ordered search', "SELECT id FROM $name ORDER BY v <-> $vector LIMIT 3" ],
		[ 'an ordered search with a condition', "SELECT id FROM $name WHERE w = 3 ORDER BY v <-> $vector LIMIT 3" ],
		[ 'a search by distance', "SELECT id FROM $name WHERE l2_within(v, $vector, 3)" ],
		[ 'a search by another column', "SELECT id FROM $name WHERE w = 3" ],
		[ 'a bitmap', "SELECT flattest.use_bitmap(); SELECT id FROM $name WHERE w = 3" ],
		[ 'a count', "SELECT count(*) FROM $name" ],
		[ 'an insert', "INSERT INTO $name VALUES (5000, $vector)" ],
		[ 'an insert without a vector', "INSERT INTO $name VALUES (5001, NULL)" ],
		[ 'a vacuum', 'VACUUM ' . $name, 1 ],
		[ 'a vacuum with something to do', "DELETE FROM $name WHERE id = 7; VACUUM $name", 1 ],
		[ 'a check', "SELECT * FROM ${method}_index_check('${name}_v')" ],
		[ 'an inspection', "SELECT * FROM ${method}_index_info('${name}_v')" ],
		$method eq 'hnsw' ? (
			[ 'a measurement', "SELECT * FROM hnsw_recall('${name}_v', 3, 5)" ],
			[ 'a calibration', "SELECT hnsw_calibrate('${name}_v')", 1 ]) : ())
	{
		my ($title, $query, $alone) = @$trial;
		my ($code, $out, $err) = try_sql($node, $alone ? $query : "BEGIN; SELECT flattest.use_index(); $query; COMMIT");

		isnt($code, 0, "$method: $title is refused");
		like($err, qr/ERROR:  index "${name}_v" has format version $other, this library reads version $version\n.*HINT:  Please REINDEX it\./s,
			'... with what to do') or diag("$title: $err");
	}

	# The rest of the table goes on.
	my ($code, $out, $err) = try_sql($node, "DELETE FROM $name WHERE id = 8; SELECT flattest.use_heap(); SELECT count(*) FROM $name");
	is("$code $err", '0 ', "$method: rows can be deleted and read");

	my $way = $method eq 'flat' ? '' : 'CONCURRENTLY ';
	$node->safe_psql('postgres', "REINDEX INDEX $way${name}_v");
	complaints($node, "$method: REINDEX ${way}makes it good", qq{
		SELECT c FROM flattest.check_index('${name}_v') c WHERE c IS NOT NULL;
		SET hnsw.ef_search = 1000;
		SELECT c FROM generate_series(1, 3) n, LATERAL flattest.compare_order('$name', '<->', flattest.nth_vector(n, $dims), '{1,20,NULL}') c
		WHERE c IS NOT NULL;
		INSERT INTO $name VALUES (5000, $vector);
		VACUUM $name});
}

$node->stop;
check_log($node);
done_testing();
