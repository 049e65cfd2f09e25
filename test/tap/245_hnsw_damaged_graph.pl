# Damage where only a graph has it: the graph's words on the metapage, lists of
# neighbours, of level 0 and above.  Whatever a search, an insert, a vacuum or an
# inspection meets there, it works or fails with an error that says so; searches
# still give every row once.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dims = 16;
my $rows = 3000;
my $node = new_server('hnsw_damage', q{
shared_buffers = 64MB
statement_timeout = '20s'
wal_consistency_checking = 'generic'
}, without_checksums => 1);
install_functions($node);
install_walk_functions($node);
my $block_size = $node->safe_psql('postgres', 'SHOW block_size');

# Clones are older than the model's rows: else VACUUM thinks these damaged.
my $clones = 160;
$node->safe_psql('postgres', qq{CREATE TABLE model (id int, v vector($dims));
	SELECT format('CREATE TABLE c%1\$s (LIKE model); CREATE INDEX c%1\$s_v ON c%1\$s USING hnsw (v vector_l2_ops) WITH (m = 5, ef_construction = 20)', g)
	FROM generate_series(0, $clones - 1) g \\gexec});

# Rows that share nodes, freed nodes, and dead ones that vacuum had no time for
$node->safe_psql('postgres', qq{
	SELECT flattest.fill_cloud('model', 1, $rows, $dims, 0.4);
	SELECT flattest.fill('model', $rows + 1, 500, $dims, 10, 0.4);
	CREATE INDEX model_v ON model USING hnsw (v vector_l2_ops) WITH (m = 5, ef_construction = 20);
	DELETE FROM model WHERE id % 7 = 0;
	VACUUM model;
	SELECT flattest.fill_cloud('model', 10001, 200, $dims, 0.5);
	DELETE FROM model WHERE id % 11 = 0});
{
	my $holder = hold_debug_point($node);
	my $vacuum = $node->background_psql('postgres', on_error_stop => 0);
	$vacuum->query_until(qr/begun/, qq{LOAD 'vecext'; SET vecext.debug_point = 'hnsw-vacuum-marked';
		\\echo begun
		VACUUM model;
	});
	wait_for_lock_wait($node, 'VACUUM model');
	$node->safe_psql('postgres', q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query ~ '^\s*VACUUM model'});
	$vacuum->query('SELECT 1');
	$vacuum->quit;
	release_debug_point($holder);
}
complaints($node, 'the model is sound', "SELECT * FROM hnsw_index_check('model_v', heap => true)");

# Where pages are: their special space says of which family and number
my $path = $node->safe_psql('postgres', q{SELECT pg_relation_filepath('model_v')});
$node->stop;
my $file = $node->data_dir . "/$path";
my $model = slurp_file($file);
my %page;
for my $block (0 .. length($model) / $block_size - 1)
{
	my $bytes = substr($model, $block * $block_size, $block_size);
	my ($special) = unpack('x16 v', $bytes);
	next if !$special;
	push @{ $page{ ord substr($bytes, $special + 19, 1) } }, $block;
}
my ($meta_at, $map_at) = map { $page{$_}[0] * $block_size } 0xFE, 0xFD;
my @link_pages = map { $_ * $block_size } @{ $page{5} };
my @upper_pages = map { $_ * $block_size } @{ $page{6} };
cmp_ok(scalar @link_pages, '>', 10 * 8192 / $block_size, 'there are link pages');
cmp_ok(scalar @upper_pages, '>', 0, '... and upper ones');

my $words = $meta_at + 24 + 144;    # HnswMetaData
my $sizes = $meta_at + 24 + 140;    # link_bytes, upper_bytes
my ($nodes_on_page) = int((8104 + $block_size - 8192) / unpack('v', substr($model, $sizes, 2)));
is(unpack('v', substr($model, $sizes, 2)), 2 * 5 * 4, 'link_bytes is where it is thought to be');
is(unpack('v', substr($model, $words + 10, 2)), 5, '... and so are the words of the graph');

sub put { my ($bytes, $at, $format, @values) = @_; my $new = pack $format, @values; substr($$bytes, $at, length $new) = $new; return; }

my @cases;
for my $value (0, 1, 4, 8, 36, 48, 80, 800, 8000, 8104, 16384, 65528, 65535)
{
	push @cases, [ "link_bytes $value", sub { put($_[0], $sizes, 'v', $value) } ];
	push @cases, [ "upper_bytes $value", sub { put($_[0], $sizes + 2, 'v', $value) } ];
}
for my $value (0, 1, 2, 4, 6, 100, 101, 65535)
{
	push @cases, [ "m $value", sub { put($_[0], $words + 10, 'v', $value) } ];
	push @cases, [ "ef_construction $value", sub { put($_[0], $words + 12, 'v', $value) } ];
}
push @cases, [ "m 6 with its sizes", sub { put($_[0], $words + 10, 'v', 6); put($_[0], $sizes, 'v v', 48, 64) } ];
for my $value (0, 1, 77, 2500, 6000, 0x7FFFFFFE, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
{
	push @cases, [ "entry_node $value", sub { put($_[0], $words, 'V', $value) } ];
	push @cases, [ "entry_upper $value", sub { put($_[0], $words + 4, 'V', $value) } ];
}
push @cases, [ "entry_level $_->[0]", $_->[1] ]
  for map { my $value = $_; [ $value, sub { put($_[0], $words + 8, 'v', $value) } ] } 0, 1, 3, 24, 25, 64, 65535;
push @cases, [ 'calibration of ones', sub { put($_[0], $words + 14, 'C*', (0xFF) x 66) } ],
  [ 'calibration of zeros', sub { put($_[0], $words + 14, 'v C*', 1, (0) x 64) } ],
  [ 'no node', sub { put($_[0], $words, 'V V v', 0xFFFFFFFF, 0xFFFFFFFF, 0) } ];

# Lists: every page, so that no walk gets by
my $each_link = sub {
	my ($bytes, $change) = @_;
	for my $page (@link_pages)
	{
		my ($lower) = unpack 'v', substr($$bytes, $page + 12, 2);
		for (my $at = 64; $at + 4 <= $lower; $at += 4)
		{
			my ($link) = unpack 'V', substr($$bytes, $page + $at, 4);
			my $new = $change->($link, ($at - 64) / 4);
			put($bytes, $page + $at, 'V', $new & 0xFFFFFFFF) if $new != $link;
		}
	}
};
push @cases, [ "links $_->[0]", do { my $change = $_->[1]; sub { $each_link->($_[0], $change) } } ]
  for (
	[ 'all zero', sub { 0 } ],
	[ 'all freed', sub { $_[1] % 10 == 0 ? 0x80000000 : 0 } ],
	[ 'all to one node', sub { 78 } ],
	[ 'to the highest id', sub { 0x7FFFFFFF } ],
	[ 'all ones', sub { 0xFFFFFFFF } ],
	[ 'to themselves', sub { int($_[1] / 10) + 1 } ],
	[ 'all protected', sub { $_[0] | 0x80000000 } ],
	[ 'none protected', sub { $_[0] & 0x7FFFFFFF } ],
	[ 'beyond the last', sub { $_[0] + 100000 } ],
	[ 'one off', sub { $_[0] + 1 } ],
	[ 'with a hole', sub { $_[1] % 10 == 2 ? 0 : $_[0] } ],
	[ 'far away now and then', sub { $_[1] % 10 == 2 ? 0x70000000 : $_[0] } ],
	[ 'of noise', sub { ($_[1] * 2654435761) & 0xFFFFFFFF } ]);
my $each_upper = sub {
	my ($bytes, $change) = @_;
	for my $page (@upper_pages)
	{
		my ($lower) = unpack 'v', substr($$bytes, $page + 12, 2);
		for (my $at = 64; $at + 56 <= $lower; $at += 56)
		{
			my @slot = unpack 'V14', substr($$bytes, $page + $at, 56);
			$change->(\@slot);
			put($bytes, $page + $at, 'V14', map { $_ & 0xFFFFFFFF } @slot);
		}
	}
};
push @cases, [ "upper slots $_->[0]", do { my $change = $_->[1]; sub { $each_upper->($_[0], $change) } } ]
  for (
	[ 'of no node', sub { $_[0][0] = 0xFFFFFFFF } ],
	[ 'of another node', sub { $_[0][0]++ } ],
	[ 'of node 0', sub { $_[0][0] = 0 } ],
	[ 'of the highest node', sub { $_[0][0] = 0x7FFFFFFF } ],
	[ 'of another incarnation', sub { $_[0][1]++ } ],
	[ 'without a way down', sub { $_[0][2] = 0xFFFFFFFF } ],
	[ 'that lead down to the first', sub { $_[0][2] = 0 } ],
	[ 'that lead down beyond the last', sub { $_[0][2] = 1000000 } ],
	[ 'of level 0', sub { $_[0][3] = 0 } ],
	[ 'of level 1', sub { $_[0][3] = 1 } ],
	[ 'of level 4294967295', sub { $_[0][3] = 0xFFFFFFFF } ],
	[ 'without links', sub { $_[0][$_] = 0 for 4 .. 13 } ],
	[ 'with links to the highest id', sub { $_[0][ 4 + 2 * $_ ] = 0x7FFFFFFF for 0 .. 4 } ],
	[ 'with links of ones', sub { $_[0][$_] = 0xFFFFFFFF for 4 .. 13 } ],
	[ 'with slots of others', sub { $_[0][ 5 + 2 * $_ ]++ for 0 .. 4 } ],
	[ 'with slots beyond the last', sub { $_[0][ 5 + 2 * $_ ] = 1000000 for 0 .. 4 } ]);

# Pages
for my $kind ([ 'link', \@link_pages ], [ 'upper', \@upper_pages ])
{
	my ($name, $pages) = @$kind;
	push @cases, [ "$name pages zeroed", sub { for my $p (@$pages) { substr(${ $_[0] }, $p, $block_size) = "\0" x $block_size } } ],
	  [ "$name pages empty", sub { put($_[0], $_ + 12, 'v', 64) for @$pages } ],
	  [ "$name pages with an odd end", sub { put($_[0], $_ + 12, 'v', 64 + 333) for @$pages } ],
	  [ "$name pages that end in their special space", sub { put($_[0], $_ + 12, 'v', $block_size - 10) for @$pages } ],
	  [ "$name pages of another family", sub { for my $p (@$pages) { put($_[0], $p + $block_size - 24 + 19, 'C', 1) } } ],
	  [ "$name pages of another number", sub { for my $p (@$pages) { put($_[0], $p + $block_size - 24 + 8, 'V', 7) } } ],
	  [ "the map gives $name pages to another family", sub {
			my ($bytes) = @_;
			my $family = $name eq 'link' ? 5 : 6;
			my ($lower) = unpack 'v', substr($$bytes, $map_at + 12, 2);
			for (my $at = $map_at + 24 + 8; $at < $map_at + $lower; $at += 8)
			{
				put($bytes, $at, 'v', 11 - $family) if unpack('v', substr($$bytes, $at, 2)) == $family;
			}
		} ],
	  [ "no $name pages", sub { put($_[0], $meta_at + 24 + 400 + 8 * ($name eq 'link' ? 5 : 6), 'V', 0) } ],
	  [ "fewer $name pages", sub { put($_[0], $meta_at + 24 + 400 + 8 * ($name eq 'link' ? 5 : 6), 'V', 1) } ],
	  [ "more $name pages", sub { put($_[0], $meta_at + 24 + 400 + 8 * ($name eq 'link' ? 5 : 6), 'V', 300) } ];
}

# More pages than there is memory for
for my $family (1, 2, 3, 5, 6)
{
	push @cases, [ "2,000,000,000 pages of family $family", sub {
			put($_[0], $meta_at + 24 + 28, 'V', 4000000000);
			put($_[0], $meta_at + 24 + 400 + 8 * $family, 'V', 2000000000) } ];
}

# Blocks that the map gives to two families: whoever has locked the one page must not wait for the other.
{
	my ($lower) = unpack 'v', substr($model, $map_at + 12, 2);
	my (%entry_at, %start);

	# family, extent, start; the last extent of each family counts
	for (my $at = $map_at + 24 + 8; $at < $map_at + $lower; $at += 8)
	{
		my ($family, undef, $block) = unpack 'v v V', substr($model, $at, 8);
		($entry_at{$family}, $start{$family}) = ($at, $block);
	}
	my %name = (1 => 'code', 2 => 'node', 3 => 'row', 5 => 'link', 6 => 'upper');
	for my $to (sort keys %name)
	{
		push @cases, map { my $from = $_; [ "$name{$from} pages in the place of $name{$to} pages",
				sub { put($_[0], $entry_at{$from} + 4, 'V', $start{$to}) } ] } grep { $_ != $to } sort keys %name;
	}
}

# ---- One damaged index for each case ----

$node->start;
cmp_ok(scalar @cases, '<=', $clones, 'there is a clone for each case');
$node->safe_psql('postgres', q{
	CREATE FUNCTION attempt(query text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		result text;
	BEGIN
		EXECUTE query INTO result;
		RETURN coalesce(result, 'none');
	EXCEPTION WHEN OTHERS THEN
		RETURN format('!%s %s', SQLSTATE, SQLERRM);
	END
	$$;
	-- d + 0: from 16 on an aggregate believes that what the index gives is in order
	CREATE FUNCTION look(source regclass) RETURNS text LANGUAGE sql AS $$
		SELECT string_agg(attempt(format(q, source)), ' / ' ORDER BY n)
		FROM unnest(ARRAY[
			'SELECT count(*) || '' '' || count(DISTINCT id) FROM (SELECT id FROM %s ORDER BY v <-> flattest.nth_vector(1, 16) LIMIT 5) s',
			'SELECT count(*) || '' '' || md5(array_agg(d ORDER BY d + 0)::text) FROM (SELECT v <-> flattest.nth_vector(2, 16) AS d FROM %s ORDER BY v <-> flattest.nth_vector(2, 16)) s',
			'SELECT md5(array_agg(id ORDER BY id)::text) FROM %s WHERE l2_within(v, flattest.nth_vector(1, 16), 2.9)'
		]) WITH ORDINALITY u(q, n)
	$$});
my %path = map { split /\|/ } split /\n/, $node->safe_psql('postgres', q{
	SELECT relname, pg_relation_filepath(oid) FROM pg_class WHERE relname ~ '^c[0-9]+(_v)?$'});
my $truth = $node->safe_psql('postgres', q{BEGIN; SELECT flattest.use_heap(); SELECT look('model'); COMMIT}) =~ s/^\s+//r;
unlike($truth, qr/!/, 'the truth holds no errors');
my $heap_path = $node->safe_psql('postgres', q{SELECT pg_relation_filepath('model')});
$node->stop;
my $heap = slurp_file($node->data_dir . "/$heap_path");

for my $n (0 .. $#cases)
{
	my $bytes = $model;

	$cases[$n][1]->(\$bytes);
	for my $to ([ $path{"c$n"}, $heap ], [ $path{"c${n}_v"}, $bytes ])
	{
		open my $handle, '>:raw', $node->data_dir . "/$to->[0]" or die;
		print $handle $to->[1];
		close $handle or die;
	}
}
$node->start;

my (@faults, $errors, $quiet);
$errors = $quiet = 0;
for my $n (0 .. $#cases)
{
	my $title = $cases[$n][0];
	my @steps = (
		[ 'search', "SELECT look('c$n')" ],
		[ 'check', "SELECT attempt('SELECT count(*) FROM hnsw_index_check(''c${n}_v'', true)')" ],
		[ 'info', "SELECT attempt('SELECT hnsw_index_info(''c${n}_v'') IS NOT NULL')" ],
		[ 'recall', "SELECT attempt('SELECT mean_recall IS NOT NULL FROM hnsw_recall(''c${n}_v'', 10, 20)')" ],
		[ 'insert', "SELECT attempt('INSERT INTO c$n SELECT 20000 + g, flattest.nth_vector(g, $dims) * array_fill(0.4::float4, ARRAY[$dims])::vector FROM generate_series(1, 60) g RETURNING ''inserted''')" ],
		[ 'calibrate', "SELECT attempt('SELECT hnsw_calibrate(''c${n}_v'') IS NOT NULL')" ],
		[ 'delete', "DELETE FROM c$n WHERE id % 40 = 1" ],
		[ 'vacuum', "VACUUM c$n" ],
		[ 'search again', "SELECT look('c$n')" ],
		[ 'reindex', "REINDEX INDEX c${n}_v" ],
		[ 'check after REINDEX', "SELECT attempt('SELECT count(*) FROM hnsw_index_check(''c${n}_v'', true)')" ]);
	my ($said, $checked) = (0, '');

	# A build and the measuring of recall take longer than all the rest.
	splice @steps, -2 if $n % 10 && !is_long();
	@steps = grep { $_->[0] ne 'calibrate' } @steps if $n % 4 && !is_long();

	my $script = join "\n", 'SET hnsw.ef_search = 10;', map { my ($name, $sql) = @$_;
		$name =~ /vacuum|reindex/ ? "\\echo == $name\n$sql;" :
			"\\echo == $name\nBEGIN; DO \$\$BEGIN PERFORM flattest.use_index(); END\$\$; $sql; COMMIT;" } @steps;
	my ($out, $err) = ('', '');
	$node->psql('postgres', $script, stdout => \$out, stderr => \$err, on_error_stop => 0);
	my %said_by = $out =~ /^== ([^\n]*)\n((?:(?!==)[^\n]*(?:\n|\z))*)/mg;
	s/\s+\z// for values %said_by;

	for my $step (@steps)
	{
		my $name = $step->[0];
		my @bad = grep { /^!/ && !/^!XX00[12] |^!58P01 could not open file|^!XX000 index returned tuples in wrong order/ }
			split m{ / |\n}, $said_by{$name} // '!not reached';
		push @faults, "$title: $name: $bad[0]" if @bad;
	}
	for my $line (grep { /ERROR|FATAL|PANIC|server closed/ } split /\n/, $err)
	{
		push @faults, "$title: $line" if $line !~ /ERROR:  (?:index "c\d+_v" is corrupted|could not open file|invalid page in block)/;
	}
	$checked = $said_by{check} // '';
	my @got = split m{ / }, $said_by{search} // '';
	my @want = split m{ / }, $truth;
	for my $i (0 .. $#want)
	{
		push @faults, "$title: wrong answer $i, $got[$i], and the check says nothing"
		  if $got[$i] ne $want[$i] && $got[$i] !~ /^!/ && $checked eq '0';
	}
	push @faults, "$title: REINDEX does not cure it: " . $said_by{'check after REINDEX'}
	  if exists $said_by{'check after REINDEX'} && $said_by{'check after REINDEX'} ne '0';
	$said = 1 if "$out$err" =~ /^!|ERROR/m;
	$said || $checked ne '0' ? $errors++ : $quiet++;
	if (!$node->poll_query_until('postgres', 'SELECT true'))
	{
		push @faults, "$title: the server is gone";
		last;
	}
	last if @faults > 20;
}
is(join("\n", splice @faults, 0, 25), '', 'damage to the graph never leads to a crash, a hang, or a wrong answer that the check does not know of');
note(scalar(@cases) . " cases, $errors known, $quiet harmless");
cmp_ok($errors, '>', @cases / 2, 'most damage is noticed');
$node->stop;
check_log($node);
done_testing();
