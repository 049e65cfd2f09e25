# Damaged indexes with residuals: the story of 140_flat_corruption.pl with
# rerank = index.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# A bound beyond what the residual says is damage, which a scan that reads no
# vectors sees as well as one that does.
{
	my $node = new_server('corruption_bound', '', without_checksums => 1);
	$node->safe_psql('postgres', q{
		CREATE EXTENSION vecext;
		CREATE TABLE t (id int, v vector(40));
		INSERT INTO t SELECT n, array_fill(n::float4, ARRAY[40])::vector + ('[1' || repeat(',0', 39) || ']')::vector FROM generate_series(0, 9) n;
		CREATE INDEX t_v ON t USING flat (v vector_l2_ops) WITH (rerank = index)});
	my $query = q{LOAD 'vecext'; SET enable_seqscan = off; SET enable_sort = off;
		SELECT string_agg(id::text, ' ') FROM (SELECT id FROM t ORDER BY v <-> array_fill(0::float4, ARRAY[40])::vector LIMIT 10) s};
	is($node->safe_psql('postgres', $query), '0 1 2 3 4 5 6 7 8 9', 'rows are in order');

	my $block_size = $node->safe_psql('postgres', 'SHOW block_size');
	my $file = $node->data_dir . '/' . $node->safe_psql('postgres', q{SELECT pg_relation_filepath('t_v')});
	$node->stop;
	my $bytes = slurp_file($file);
	my ($block) = grep { ord(substr($bytes, ($_ + 1) * $block_size - 5, 1)) == 1 } 0 .. length($bytes) / $block_size - 1;
	# norm2 of the third code
	substr($bytes, $block * $block_size + 64 + 2 * 128 + 16, 4) = pack 'f', 1e6;
	open my $handle, '>:raw', $file or die "$file: $!";
	print $handle $bytes;
	close $handle or die "$file: $!";
	$node->start;
	my ($status, $out, $err) = $node->psql('postgres', $query);
	like($err, qr/nearer than its code allows/, 'a bound that cannot be is reported') or note($out);
	$node->stop;
}

$FlatTest::quantizer = 'sq8, rerank = index';
tell_of_flat('140_flat_corruption.pl');
