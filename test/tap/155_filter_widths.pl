# A metapage that says a column's slots are narrower than its operator class
# writes them.  Whatever encodes a row's columns, or reads them by their class,
# says so before it writes where it has no memory.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dims = 12;
my $node = new_server('widths', 'shared_buffers = 32MB', without_checksums => 1);
install_functions($node);
my %table = (flat => 'f', hnsw => 'h');

for my $method (sort keys %table)
{
	my $name = $table{$method};

	$node->safe_psql('postgres', qq{
		CREATE TABLE $name (id int, v vector($dims), w int GENERATED ALWAYS AS (id % 10) STORED,
							p jsonb GENERATED ALWAYS AS (('{"a": ' || (id % 10)::text || '}')::jsonb) STORED);
		SELECT flattest.fill('$name', 1, 400, $dims, 8, 0.3);
		CREATE INDEX ${name}_v ON $name USING $method (v vector_l2_ops, w, p);
		ANALYZE $name});
}

# attribute_bytes is 712 bytes behind the page's header; an int takes 4, a jsonb 32.
{
	my %path = map { $_ => $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('${_}_v')") } values %table;

	$node->stop;
	for my $file (values %path)
	{
		open my $handle, '+<:raw', $file or die "$file: $!";
		seek $handle, 24 + 712, 0;
		read($handle, my $bytes, 4) == 4 or die "$file: $!";
		is(join(' ', unpack 'C4', $bytes), '4 32 0 0', 'the widths are where they are thought to be');
		seek $handle, 24 + 712 + 1, 0;
		print $handle pack('C', 16);
		close $handle or die "$file: $!";
	}
	$node->start;
}

for my $method (sort keys %table)
{
	my $name = $table{$method};
	my $vector = "flattest.nth_vector(1, $dims)";

	for my $trial (
		[ 'an insert', "INSERT INTO $name VALUES (5000, $vector)" ],
		[ 'an insert without a vector', "INSERT INTO $name VALUES (5001, NULL)" ],
		[ 'a check', "SELECT * FROM ${method}_index_check('${name}_v')" ],
		[ 'a check with the table', "SELECT * FROM ${method}_index_check('${name}_v', true)" ],
		[ 'a vacuum', "DELETE FROM $name WHERE id = 7; VACUUM $name", 1 ],
		[ 'a search with a condition', qq{SELECT id FROM $name WHERE p @> '{"a": 3}' ORDER BY v <-> $vector LIMIT 3} ],
		[ 'a search with one on another column', "SELECT id FROM $name WHERE w = 3 ORDER BY v <-> $vector LIMIT 3" ],
		[ 'a count', "SELECT count(*) FROM $name WHERE w = 3" ],
		[ 'a bitmap', "SELECT flattest.use_bitmap(); SELECT id FROM $name WHERE w = 3" ])
	{
		my ($title, $query, $alone) = @$trial;
		my ($code, $out, $err) = try_sql($node, "\\set VERBOSITY verbose\n" .
				($alone ? $query : "BEGIN; SELECT flattest.use_index(); $query; COMMIT"));

		isnt($code, 0, "$method: $title is refused");
		like($err, qr/ERROR:  XX002: index "${name}_v" is corrupted\n.*DETAIL:  Attribute column 2 has 16 bytes, expected 32\./s,
			'... with the column that is wrong') or diag("$title: $err");
	}

	$node->safe_psql('postgres', "REINDEX INDEX ${name}_v");
	complaints($node, "$method: REINDEX makes it good", qq{
		INSERT INTO $name VALUES (5000, $vector);
		SELECT c FROM flattest.check_index('${name}_v') c WHERE c IS NOT NULL});
}

$node->stop;
check_log($node);
done_testing();
