# Damaged flat indexes: bits flipped, fields overwritten, pages zeroed, copied
# and cut off, in every kind of page, by chance; and bit by bit what tells where
# things are: headers, special spaces, the metapage, the map's header, the first
# slot of each family.  A query, insert, vacuum or check either
# works or fails with an error that says "corrupted"; nothing crashes, hangs or
# gives a wrong answer that flat_index_check() does not know about.

use strict;
use warnings;

use FlatTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $dims = 40;
my $graph = $FlatTest::access_method eq 'hnsw';
my $filters = $FlatTest::filters;
my $floats = $FlatTest::quantizer eq 'none';
my $residuals = $FlatTest::quantizer =~ /rerank/;
my $with = $floats || $residuals ? "WITH (quantizer = $FlatTest::quantizer)" : '';
my $clones = size($floats || $residuals ? 30 : $filters ? 50 : $graph ? 70 : 150, 500);
my $rounds = size($floats || $residuals ? 1 : 2, $floats || $residuals ? 5 : 20);
# Of the bits on the list every so many; the others tell of the same fields again.
my $stride = size($graph || $filters || $floats || $residuals ? 61 : 13, 1);
# The same damage in every short run, other damage in every long one.
my $seed = $ENV{VECEXT_SEED} // (is_long() ? int(rand(1 << 30)) : 15);
srand($seed);
note("VECEXT_SEED=$seed");

my $node = new_server('corruption', q{
shared_buffers = 64MB
statement_timeout = '10s'
max_wal_size = 2GB
wal_consistency_checking = 'generic'
}, without_checksums => 1);
install_functions($node);
my $block_size = $node->safe_psql('postgres', 'SHOW block_size');
my $columns = $filters ? 'v vector_l2_ops, w, big, tags' : 'v vector_l2_ops';
my $more_columns = !$filters ? '' : q{, w int GENERATED ALWAYS AS (nullif(id % 50, 0)) STORED, big bigint GENERATED ALWAYS AS (id % 400) STORED,
	tags int[] GENERATED ALWAYS AS (ARRAY[id % 9, id % 31]) STORED};

# An error, or what the query gave, as text
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
	$$});
$node->safe_psql('postgres', sprintf(q{
	CREATE FUNCTION look(source regclass) RETURNS text[] LANGUAGE sql AS $$
		SELECT array_agg(attempt(format(q, source)) ORDER BY n)
		FROM unnest(ARRAY[
			'SELECT md5(array_agg(d)::text) FROM (SELECT v <-> flattest.nth_vector(1, %1$d) AS d FROM %%s ORDER BY v <-> flattest.nth_vector(1, %1$d) LIMIT 5) s',
			'SELECT md5(array_agg(d)::text) FROM (SELECT v <-> flattest.nth_vector(2, %1$d) AS d FROM %%s ORDER BY v <-> flattest.nth_vector(2, %1$d)) s',
			'SELECT md5(array_agg(id ORDER BY id)::text) FROM %%s WHERE l2_within(v, flattest.nth_vector(1, %1$d), 6.8)',
			'SELECT md5(array_agg(id ORDER BY id)::text) FROM %%s WHERE v IS NOT NULL',
			'SELECT count(*) FROM %%s WHERE v IS NULL',
			'SELECT count(*) FROM %%s'%2$s
		]) WITH ORDINALITY u(q, n)
	$$;
	CREATE FUNCTION look_by_bitmap(source regclass) RETURNS text[] LANGUAGE sql AS $$
		SELECT array_agg(attempt(format(q, source)) ORDER BY n)
		FROM unnest(ARRAY[
			'SELECT md5(array_agg(id ORDER BY id)::text) FROM %%s WHERE l2_within(v, flattest.nth_vector(1, %1$d), 6.8)',
			'SELECT md5(array_agg(id ORDER BY id)::text) FROM %%s WHERE v IS NOT NULL'%3$s
		]) WITH ORDINALITY u(q, n)
	$$}, $dims, $filters ? sprintf(q{,
			'SELECT md5(array_agg(d)::text) FROM (SELECT v <-> flattest.nth_vector(1, %1$d) AS d FROM %%s WHERE w < 20 ORDER BY v <-> flattest.nth_vector(1, %1$d) LIMIT 5) s',
			'SELECT md5(array_agg(d)::text) FROM (SELECT v <-> flattest.nth_vector(2, %1$d) AS d FROM %%s WHERE tags @> ''{3}'' AND big > 40 ORDER BY v <-> flattest.nth_vector(2, %1$d)) s',
			'SELECT md5(array_agg(id ORDER BY id)::text) FROM %%s WHERE w IS NULL OR w IN (4, 8, 16)',
			'SELECT md5(array_agg(id ORDER BY id)::text) FROM %%s WHERE big IN (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233) AND w > 2',
			'SELECT count(*) FROM %%s WHERE tags && ''{2,30}'''}, $dims) : $residuals ? sprintf(q{,
			'SELECT md5(array_agg((SELECT v <-> flattest.nth_vector(1, %1$d) FROM %%1$s t WHERE t.ctid = s.ctid))::text)
			 FROM (SELECT ctid FROM %%1$s ORDER BY v <-> flattest.nth_vector(1, %1$d) LIMIT 6) s'}, $dims) : '', $filters ? q{,
			'SELECT md5(array_agg(id ORDER BY id)::text) FROM %s WHERE w IS NULL OR w IN (4, 8, 16)'} : ''));

# In a graph: what walks give, if they are so narrow that passes are not cheaper.
# d + 0: from 16 on an aggregate believes that what the index gives is in order.
$node->safe_psql('postgres', sprintf(q{
	CREATE FUNCTION look_by_walk(source regclass) RETURNS text[] LANGUAGE sql AS $$
		SELECT array_agg(attempt(format(q, source)) ORDER BY n)
		FROM unnest(ARRAY[
			'SELECT count(*) || '' '' || count(DISTINCT place) FROM (SELECT ctid AS place FROM %%s ORDER BY v <-> flattest.nth_vector(1, %1$d) LIMIT 5) s',
			'SELECT md5(array_agg(d ORDER BY d + 0)::text) FROM (SELECT v <-> flattest.nth_vector(2, %1$d) AS d FROM %%s ORDER BY v <-> flattest.nth_vector(2, %1$d)) s'
		]) WITH ORDINALITY u(q, n)
	$$}, $dims));

# ---- The model: something of everything ----

# Clones first: VACUUM takes rows that are older than their table for damage.
$node->safe_psql('postgres', qq{CREATE TABLE model (id int, v vector($dims)$more_columns)});
$node->safe_psql('postgres', q{SELECT format('CREATE TABLE c%1$s (LIKE model INCLUDING GENERATED); CREATE INDEX c%1$s_v ON c%1$s USING flat (} . $columns . q{) } . $with . q{', g)
	FROM generate_series(1, } . $clones . q{) g \gexec});

# Nodes with one row and with many, NULLs, a vector without a code, freed rows
# and nodes, rows marked dead that vacuum had no time to free.
$node->safe_psql('postgres', qq{
	SELECT flattest.fill('model', 1, 500, $dims, 8, 0.4);
	CREATE INDEX model_v ON model USING flat ($columns) $with;
	INSERT INTO model SELECT 1000 + g, flattest.nth_vector(g % 4, $dims) FROM generate_series(1, 300) g;
	INSERT INTO model VALUES (2001, array_fill(1e30::float4, ARRAY[$dims])::vector);
	SELECT flattest.fill('model', 3001, 300, $dims, 8, 0.6);
	DELETE FROM model WHERE id % 3 = 0;
	VACUUM model;
	SELECT flattest.fill('model', 4001, 60, $dims, 8, 0.7);
	DELETE FROM model WHERE id % 20 = 5});
{
	my $holder = hold_debug_point($node);
	my $vacuum = $node->background_psql('postgres', on_error_stop => 0);
	$vacuum->query_until(qr/begun/, qq{LOAD 'vecext'; SET vecext.debug_point = 'vacuum-marked';
		\\echo begun
		VACUUM model;
	});
	wait_for_lock_wait($node, 'VACUUM model');
	$node->safe_psql('postgres', q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query ~ '^\s*VACUUM model'});
	$vacuum->query('SELECT 1');
	$vacuum->quit;
	release_debug_point($holder);
}
complaints($node, 'the model is sound', q{SELECT c FROM flattest.check_index('model_v') c WHERE c IS NOT NULL});
my $truth = $node->safe_psql('postgres', q{SELECT flattest.use_heap(); SELECT look('model')}) =~ s/^\s+//r;
my $bitmap_truth = $node->safe_psql('postgres', q{SELECT flattest.use_heap(); SELECT look_by_bitmap('model')}) =~ s/^\s+//r;
my $walk_truth = $node->safe_psql('postgres', q{SELECT flattest.use_heap(); SELECT look_by_walk('model')}) =~ s/^\s+//r;
unlike("$truth$walk_truth", qr/!/, 'the truth holds no errors');
if ($graph)
{
	is($node->safe_psql('postgres', q{SET hnsw.ef_search = 4; BEGIN; SELECT flattest.use_index();
		SELECT look_by_walk('model'); SELECT walks > 0 FROM vecext_last_scan}) =~ s/^\s+//r, "$walk_truth\nt", 'walks give as many rows');
}

# REINDEX gives new files.
sub find_files
{
	my %path = map { split /\|/ } split /\n/, $node->safe_psql('postgres', q{
		SELECT relname, pg_relation_filepath(oid) FROM pg_class WHERE relname ~ '^(c[0-9]+|model)(_v)?$'});
	return %path;
}

my %path = find_files();
is(scalar(keys %path), 2 * $clones + 2, 'there are clones of the model');
my $data = $node->data_dir;
$node->stop;

my %content;
for my $fork ('', '_vm', '_fsm')
{
	$content{"model$fork"} = slurp_file("$data/$path{model}$fork") if -e "$data/$path{model}$fork";
}
$content{model_v} = slurp_file("$data/$path{model_v}");
my $blocks = length($content{model_v}) / $block_size;

sub write_file
{
	my ($file, $bytes) = @_;

	open my $handle, '>:raw', $file or die "$file: $!";
	print $handle $bytes;
	close $handle or die "$file: $!";
	return;
}

# ---- Damage ----

# Where a page's parts are, from its own header
my @family_names = ('mean', 'code', 'node', 'row', 'directory', 'link', 'upper');
my %pages_of;    # blocks by kind
my %first_page_of;    # block by family, the metapage's and the map's number included
for my $block (0 .. $blocks - 1)
{
	my $page = substr($content{model_v}, $block * $block_size, $block_size);
	my ($special) = unpack('x16 v', $page);
	my $family = $special ? ord substr($page, $special + 19, 1) : -1;
	my $kind = $family == 0xFE ? 'meta' : $family == 0xFD ? 'map' : $family < 0 ? 'empty' : $family_names[$family] // 'attribute';
	push @{ $pages_of{$kind} }, $block;
	$first_page_of{$family} //= $block if $family >= 0;
}
is(join(' ', sort grep { $_ ne 'empty' } keys %pages_of), join(' ', sort 'code', 'directory', 'map', 'meta', 'node', 'row',
		$floats ? () : 'mean', $graph ? ('link', 'upper') : (), $filters ? 'attribute' : ()), 'the model has every kind of page');

sub pick { return $_[ int rand @_ ]; }

sub some_number
{
	my ($old, $bits) = @_;
	my $mask = $bits == 32 ? 0xFFFFFFFF : $bits == 16 ? 0xFFFF : 0xFF;

	return pick(0, 1, 2, $mask, $mask - 1, $mask >> 1, ($mask >> 1) + 1, $old + 1, $old - 1, $old + 8, $old * 2,
		int rand 50, int rand 5000, int rand($mask), 0x7FC00000, 0x7F800000, 0xFF800000, 0x7149F2CA, 0x0DA24260) & $mask;
}

# Damage one index's bytes; returns what was done.
sub damage
{
	my ($bytes) = @_;
	my $kind = pick('meta', 'meta', 'map', $floats ? () : 'mean', 'code', 'code', 'node', 'node', 'row', 'row', 'directory',
		$graph ? ('link', 'link', 'link', 'upper', 'upper') : (), ('attribute') x ($filters ? 12 : 0));
	my $block = pick(@{ $pages_of{$kind} });
	my $way = rand;
	my $at = $block * $block_size;

	if ($way < 0.03)
	{
		substr($$bytes, $at, $block_size) = "\0" x $block_size;
		return "$kind page $block zeroed";
	}
	if ($way < 0.06)
	{
		my $other = int rand $blocks;
		substr($$bytes, $at, $block_size) = substr($$bytes, $other * $block_size, $block_size);
		return "$kind page $block replaced by page $other";
	}
	if ($way < 0.075)
	{
		substr($$bytes, $at) = '';
		return "file cut off before $kind page $block";
	}
	if ($way < 0.09)
	{
		substr($$bytes, $at + 24, $block_size - 192) = join '', map { chr int rand 256 } 1 .. $block_size - 192;
		return "$kind page $block filled with noise";
	}

	my ($lower, $upper, $special) = unpack('x12 v v v', substr($$bytes, $at, $block_size));
	my $part = rand;
	my ($from, $to) =
		$part < 0.12 ? (0, 24)
	  : $part < 0.32 ? ($special, $special + 24)
	  :                ($kind eq 'meta' || $kind eq 'map' ? 24 : $kind =~ /node|row/ ? 24 : 64, $lower > 64 ? $lower : $special);
	# The first slots hold as much as the others; so do the first fields.
	my $offset = $from + int rand($to - $from);
	if ($way < 0.4)
	{
		return flip($bytes, $kind, $block, $offset, int rand 8);
	}
	my $bits = pick(8, 16, 32, 32);
	my $size = $bits / 8;
	my $format = $bits == 32 ? 'V' : $bits == 16 ? 'v' : 'C';
	$offset -= $offset % $size;
	my ($old) = unpack $format, substr($$bytes, $at + $offset, $size);
	my $new = some_number($old, $bits);
	substr($$bytes, $at + $offset, $size) = pack $format, $new;
	return "$kind page $block: $bits bits at $offset from $old to $new";
}

# The list: [kind, block, byte of the page, bit]
my @list;
{
	my $meta = substr($content{model_v}, 24, 744);
	my ($link_bytes, $upper_bytes) = unpack 'x140 v v', $meta;
	my @slot_bytes = (4, 28 + $dims * ($floats ? 4 : 1) + ($residuals ? 4 + $dims : 0), 12, 20, 64, $link_bytes, $upper_bytes, 0, unpack 'x712 C32', $meta);
	my $misplaced = '';

	for my $family (sort { $a <=> $b } keys %first_page_of)
	{
		my $block = $first_page_of{$family};
		my ($lower, $special) = unpack 'x12 v x2 v', substr($content{model_v}, $block * $block_size, $block_size);
		my $kind = $family == 0xFE ? 'meta' : $family == 0xFD ? 'map' : $family_names[$family] // 'attribute';
		my $first = $kind =~ /meta|map|node|row/ ? 24 : 64;
		my $size = $kind eq 'meta' ? 744 : $kind eq 'map' ? 8 : $slot_bytes[$family];

		# Codes lie so far apart as they are aligned.
		my $apart = $kind eq 'code' ? unpack 'x24 V', $meta : $size;
		$misplaced .= " $kind" if $size == 0 || ($lower - $first) % $apart != 0;
		for my $part ([ 0, 24 ], [ $special, 24 ], [ $first, $size ])
		{
			my ($from, $bytes) = @$part;
			push @list, map { [ $kind, $block, $from + ($_ >> 3), $_ & 7 ] } 0 .. 8 * $bytes - 1;
		}
	}
	is($misplaced, '', 'slots begin where the list says');
	my $first = $seed % $stride;
	@list = @list[ grep { $_ % $stride == $first } 0 .. $#list ];
}

# Damage by the list
sub flip
{
	my ($bytes, $kind, $block, $offset, $bit) = @_;
	my $at = $block * $block_size + $offset;

	substr($$bytes, $at, 1) = chr(ord(substr($$bytes, $at, 1)) ^ (1 << $bit));
	return "$kind page $block: bit $bit of byte $offset flipped";
}

# ---- Trial ----

# An error that tells of damage; the one about a file is the heap's own, about a
# row whose TID is wrong
my $honest = qr/^!(?:XX002|XX001)\ |^!XX000\ index\ returned\ tuples\ in\ wrong\ order$
	|^!(?:58P01|XX000)\ could\ not\ open\ file\ .*\(target\ block|^!XX000\ tuple\ offset\ out\ of\ range/x;

my ($cases, $right, $detected) = (0, 0, 0);
my @faults;

sub fault { push @faults, shift; return; }

# results of look(): each right, an honest error, or known to the checker
sub judge
{
	my ($case, $what, $results, $expected, $known) = @_;
	my @got = parse_array($results);
	my @want = parse_array($expected);

	for my $i (0 .. $#want)
	{
		next if defined $got[$i] && $got[$i] eq $want[$i];
		if (($got[$i] // '') =~ /^!/)
		{
			fault("$case: $what $i: $got[$i]") if $got[$i] !~ $honest;
		}
		elsif (!$known)
		{
			fault("$case: $what $i gives a wrong answer, and the check finds nothing");
		}
	}
	return;
}

# Elements of a text[] in its output form
sub parse_array
{
	my ($text) = @_;
	my @elements;

	$text =~ s/^\{|\}$//g;
	while ($text =~ /\G(?:"((?:[^"\\]|\\.)*)"|([^,"]+))(?:,|\z)/gc)
	{
		push @elements, defined $1 ? $1 =~ s/\\(.)/$1/gr : $2;
	}
	return @elements;
}

# By chance for so many rounds, then by the list
while ($rounds-- > 0 || @list > 0)
{
	my (%case, $last);
	my $by_list = $rounds < 0;
	for my $clone (1 .. $clones)
	{
		last if $by_list && @list == 0;
		$last = $clone;
		for my $fork ('', '_vm', '_fsm')
		{
			my $file = "$data/" . $path{"c$clone"} . $fork;
			if (exists $content{"model$fork"}) { write_file($file, $content{"model$fork"}) } else { unlink $file }
		}
		my $bytes = $content{model_v};
		$case{$clone} = "seed $seed, case " . ($cases + $clone) . ': ' . ($by_list ? flip(\$bytes, @{ shift @list }) : damage(\$bytes));
		write_file("$data/" . $path{"c${clone}_v"}, $bytes);
	}
	$node->start;

	my $script = join "\n", '\set VERBOSITY verbose', "SET statement_timeout = '10s';", map { my $n = $_; qq{
		\\echo == $n check
		SELECT attempt(\$\$SELECT flattest.check_index('c${n}_v')\$\$);
		\\echo == $n info
		SELECT attempt(\$\$SELECT flat_index_info('c${n}_v')\$\$);
		\\echo == $n look
		BEGIN; SELECT flattest.use_index(); SELECT look('c$n'); COMMIT;
		\\echo == $n bitmap
		BEGIN; SELECT flattest.use_bitmap(); SELECT look_by_bitmap('c$n'); COMMIT;
		\\echo == $n walk
		BEGIN; SELECT flattest.use_index(); SET LOCAL hnsw.ef_search = 4; SELECT look_by_walk('c$n'); COMMIT;
		\\echo == $n insert
		SELECT attempt(\$\$INSERT INTO c$n SELECT 5000 + g, flattest.nth_vector(g % 6, $dims) FROM generate_series(1, 20) g RETURNING 'inserted'\$\$);
		SELECT attempt(\$\$INSERT INTO c$n VALUES (6000, flattest.random_vector($dims)), (6001, NULL) RETURNING 'inserted'\$\$);
		SELECT attempt(\$\$DELETE FROM c$n WHERE id % 4 = 2 RETURNING 'deleted'\$\$);
		\\echo == $n vacuum
		VACUUM c$n;
		\\echo == $n after
		BEGIN; SELECT flattest.use_heap(); SELECT look('c$n'); SELECT flattest.use_index(); SELECT look('c$n'); COMMIT;
		\\echo == $n recheck
		SELECT attempt(\$\$SELECT flattest.check_index('c${n}_v')\$\$);
		\\echo == $n reindex
		SELECT attempt(\$\$SELECT 1\$\$);
		REINDEX INDEX c${n}_v;
		SELECT attempt(\$\$SELECT flattest.check_index('c${n}_v')\$\$);
		\\echo == $n end} } 1 .. $last;

	my ($out, $err) = ('', '');
	my $file = $node->basedir . '/trial.sql';
	write_file($file, $script);
	# both streams in one, so that errors stand behind their case
	my $result = IPC::Run::run(
		[ 'sh', '-c', 'exec "$@" 2>&1', 'sh', $node->installed_command('psql'), '-XqAt', '-h', $node->host, '-p', $node->port, '-f', $file, 'postgres' ],
		'<', \undef, '>', \$out);

	my %said;
	my ($clone, $step) = (0, '');
	for my $line (split /\n/, $out)
	{
		if ($line =~ /^== (\d+) (\w+)/) { ($clone, $step) = ($1, $2); next }
		push @{ $said{$clone}{$step} }, $line if $line =~ /\S/ && $line !~ /LOCATION:|^(?:psql:\S+ )?(?:HINT|DETAIL|CONTEXT|NOTICE|WARNING)|^PL\/pgSQL|^SQL /;
	}
	if ($clone != $last || $step ne 'end')
	{
		fault("$case{$clone // 1}: the server crashed in step $step: " . substr($out, -600));
		$node->{_pid} = undef if !-e "$data/postmaster.pid";
		last;
	}

	for my $n (1 .. $last)
	{
		my %said_by = %{ $said{$n} };
		my ($check) = @{ $said_by{check} // [''] };
		my $known = $check ne 'none';

		$cases++;
		fault("$case{$n}: check: $check") if $check =~ /^!/ && $check !~ $honest;
		for my $step ('info', 'insert', 'recheck')
		{
			for my $line (@{ $said_by{$step} // [] })
			{
				fault("$case{$n}: $step: $line") if $line =~ /^!|ERROR/ && $line !~ $honest;
			}
		}
		for my $line (@{ $said_by{vacuum} // [] })
		{
			fault("$case{$n}: vacuum: $line") if $line !~ /ERROR:\s+(?:XX002|XX001|(?:58P01|XX000): could not open file .*\(target block)/;
		}
		my @after = @{ $said_by{after} // [] };
		judge($case{$n}, 'look', $said_by{look}[-1] // '', $truth, $known);
		judge($case{$n}, 'walk', $said_by{walk}[-1] // '', $walk_truth, $known);
		judge($case{$n}, 'bitmap', $said_by{bitmap}[-1] // '', $bitmap_truth, $known);
		judge($case{$n}, 'look after changes', $after[1] // '', $after[0] // '', $known);
		fault("$case{$n}: REINDEX does not cure it: @{ $said_by{reindex} // [] }")
		  if join(' ', @{ $said_by{reindex} // [] }) ne '1 none';
		if ($known) { $detected++ } else { $right++ }
	}
	last if @faults > 20;
	%path = find_files();
	$node->stop;
}

is(join("\n", splice(@faults, 0, 25)), '', 'damage never leads to a crash, a hang, or a wrong answer that the check does not know of');
cmp_ok($cases, '>=', $clones, "$cases cases");
note("$cases cases: $detected known to the check, $right harmless");
cmp_ok($detected, '>', $cases / 4, "the check knows of $detected damaged indexes");
cmp_ok($right, '>', $cases / 10, "... and $right damages did no harm");

$node->stop if $node->{_pid};
check_log($node);
done_testing();
