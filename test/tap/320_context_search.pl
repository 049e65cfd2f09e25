# Searching a namespace while others write to it: ten writers add 20 nodes each
# and versions of a node they share; whoever searches meanwhile sees every node
# at most once, in one version, and in the end all of them.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $writers = 10;
my $nodes = 20;

my $node = PostgreSQL::Test::Cluster->new('context_search');
$node->init;
$node->append_conf('postgresql.conf', 'fsync = off');
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION vecext;
	SELECT graph_create('crowd', 3);
	SELECT context_add_text('crowd', 'simple');
	SELECT node_put('crowd', '00000000-0000-0000-0000-000000000001', '{}', '{"text":"shared word"}', '[1,1,1]');
	CREATE TABLE complaint (what text);
});

# A third of the scripts search.  What is wrong goes into a table.
$node->pgbench(
	"--no-vacuum --client=$writers --jobs=2 --transactions=$nodes",
	0, [qr{actually processed: @{[ $writers * $nodes ]}/@{[ $writers * $nodes ]}}], [qr{^$}],
	"$writers writers, who search as well",
	{
		'320_write_and_search' => q{
			SELECT node_put('crowd', gen_random_uuid(), '{}', '{"text":"a word"}',
				ARRAY[random(), random(), random()]::vector, source => 'writer ' || :client_id);
			SELECT node_put('crowd', '00000000-0000-0000-0000-000000000001', '{}', '{"text":"shared word"}', '[1,1,1]');
			INSERT INTO complaint SELECT 'node comes twice: ' || id
			FROM context_search('crowd', ARRAY['[1,1,1]']::vector[], 'word', '{00000000-0000-0000-0000-000000000001}', k => 300)
			GROUP BY id HAVING count(*) > 1;
			INSERT INTO complaint SELECT 'shared node is missing'
			WHERE '00000000-0000-0000-0000-000000000001' NOT IN (SELECT id FROM context_search('crowd', query => 'shared'));
		}
	});

is($node->safe_psql('postgres', 'SELECT DISTINCT what FROM complaint'), '', 'no search saw a node twice, or missed the shared one');
is($node->safe_psql('postgres', q{SELECT count(*) FROM crowd.node_current WHERE properties ->> 'text' = 'a word'}),
	$writers * $nodes, 'all nodes have been written');
is($node->safe_psql('postgres', q{SELECT string_agg(format('%s of %s', n, s), ', ' ORDER BY s) FROM (
		SELECT external_id AS s, count(*) AS n FROM crowd.node_current n JOIN crowd.source s ON s.id = source_id GROUP BY 1) t}),
	join(', ', map { "$nodes of writer $_" } 0 .. $writers - 1), 'each writer has written all of his');
is($node->safe_psql('postgres', q{SELECT max(version), count(*) FROM crowd.node WHERE properties ->> 'text' = 'shared word'}),
	($writers * $nodes + 1) . '|' . ($writers * $nodes + 1), 'the shared node has a version from each write');

# By vector and by words alone: all, each once
for my $list (q{vectors => ARRAY['[1,1,1]']::vector[]}, q{query => 'word'})
{
	is($node->safe_psql('postgres', "SELECT count(*), count(DISTINCT id) FROM context_search('crowd', $list, k => 1000)"),
		($writers * $nodes + 1) . '|' . ($writers * $nodes + 1), "all found by $list");
}
is($node->safe_psql('postgres', q{
		SELECT count(*) FROM context_search('crowd', query => 'word', k => 1000, exclude_sources => '{writer 3,writer 7}')}),
	($writers - 2) * $nodes + 1, 'all but those of two writers');
is($node->safe_psql('postgres', q{SELECT * FROM hnsw_index_check('crowd.node_embedding', true)}), '', 'the index is sound');

$node->stop;
done_testing();
