# suites.sh: every suite of "make check", run as an unprivileged user.
#
# VX_SRC is a private copy of the tree, VX_WORK a private directory, and
# VX_REAL_PG_CONFIG the server to test.

# Those of the given files that exist.
list_files()
{
	local file

	for file in "$@"; do
		[ ! -e "$file" ] || printf '%s\n' "$file"
	done
}

# A variable of the Makefile, as PGXS sees it.
read_make_variable()
{
	make -C "$VX_WORK/build" "${VX_MAKE_OPTIONS[@]}" "vx-print-$1"
}

# The build comes first: without it the server suites have nothing to run.
suite_build()
{
	local pgxs clang llvm=with_llvm=no

	# Bitcode needs the very clang that the server was built with.
	pgxs=$("$VX_PG_CONFIG" --pgxs)
	clang=$(sed -n 's/^CLANG *= *//p' "$(dirname "$pgxs")/../Makefile.global")
	if [ -n "$clang" ] && command -v "$clang" >/dev/null; then
		llvm=with_llvm=yes
	fi
	VX_MAKE_OPTIONS=(-s -f "$VX_SRC/Makefile" VPATH="$VX_SRC" PG_CONFIG="$VX_PG_CONFIG")
	mkdir -p "$VX_WORK/build" "$VX_WORK/build-clang"
	run_tap "gcc builds without warnings" 600 \
		make -C "$VX_WORK/build" -j"$(nproc)" "${VX_MAKE_OPTIONS[@]}" $llvm all \
		COPT="-Werror -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers" &&
		run_tap "make install" 120 \
			make -C "$VX_WORK/build" "${VX_MAKE_OPTIONS[@]}" $llvm install &&
		VX_BUILT=yes
	# clang sees other things than gcc does, and need not write code for it.
	if [ $llvm = with_llvm=yes ]; then
		run_tap "clang builds without warnings" 600 \
			make -C "$VX_WORK/build-clang" -j"$(nproc)" "${VX_MAKE_OPTIONS[@]}" \
			with_llvm=no vx-objects CC="$clang -fsyntax-only" \
			COPT="-Werror -Wno-unknown-warning-option -Wno-ignored-optimization-argument -Wno-ignored-attributes"
	fi
}

suite_lint()
{
	local script

	export VX_BUILD=$VX_WORK/build
	for script in "$VX_SRC"/test/lint/*; do
		[ -f "$script" ] && [ -x "$script" ] || continue
		run_tap "lint/$(basename "$script")" 120 "$script" "$VX_SRC"
	done
}

# Sets VX_SANITIZERS to the compiler's switches, or to nothing where it cannot.
find_sanitizers()
{
	VX_SANITIZERS="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
	export UBSAN_OPTIONS=print_stacktrace=1
	printf 'int main(void) { return 0; }\n' >"$VX_WORK/probe.c"
	if ! ${CC:-cc} $VX_SANITIZERS -o "$VX_WORK/probe" "$VX_WORK/probe.c" 2>/dev/null ||
		! timeout 20 "$VX_WORK/probe" 2>/dev/null; then
		say "  no sanitizers on this machine: unit tests run without them"
		VX_SANITIZERS=
	fi
}

# compile_and_run NAME SOURCE FLAGS...: for count_recorded.  A failing compilation
# is one failure, a working one does not count.
compile_and_run()
{
	local name=$1 source=$2 program=$VX_WORK/unit/$1 stem status

	shift 2
	mkdir -p "$(dirname "$program")"
	record_tap "$name" 300 "$VX_SRC/test/lib/compile_unit" "$source" "$program" "$@"
	stem=$(result_stem "$name")
	read_status "$stem"
	if [ "$status" = 0 ]; then
		record_tap "$name" 300 ${VX_EMULATOR:-} "$program" ${VX_PROGRAM_ARGUMENTS:-}
	else
		echo "$name does not compile" >>"$stem.log"
	fi
}

suite_unit()
{
	local source name

	begin_jobs count_recorded
	for source in $(list_files "$VX_SRC"/test/unit/test_*.c); do
		name=unit/$(basename "$source" .c)
		run_job "$name" compile_and_run "$name" "$source" -O2
		[ -z "$VX_SANITIZERS" ] ||
			run_job "$name.sanitized" compile_and_run "$name.sanitized" "$source" $VX_SANITIZERS
	done
	end_jobs
}

# The settings of every server that a suite starts.
write_temp_config()
{
	cat >"$VX_WORK/temp.conf" <<-CONF
		wal_consistency_checking = 'all'
	CONF
}

# count_regress SUITE OUTPUT STATUS NAME...: pg_regress says "test x ... ok"
# before 16 and TAP since; in either form a name must be reported ok by itself.
count_regress()
{
	local suite=$1 output=$2 status=$3 name n=0 failed=0 tap

	shift 3
	tap=$VX_WORK/results/$suite.tap
	: >"$tap"
	for name in "$@"; do
		n=$((n + 1))
		if grep -qE "^(test +)?$name +\.\.\. ok|^ok [0-9]+ +[-+] +$name( |\$)" "$output"; then
			echo "ok $n - $suite/$name" >>"$tap"
		else
			echo "not ok $n - $suite/$name" >>"$tap"
			failed=1
		fi
	done
	echo "1..$n" >>"$tap"
	# A tool that failed while every test passed did so for its own reasons.
	if [ "$status" != 0 ] && [ $failed = 0 ]; then
		cat "$output"
	fi
	count_result "$suite" "$status" "$tap"
}

# run_regress SUITE TOOL SECONDS INPUTDIR OPTIONS NAME...
run_regress()
{
	local suite=$1 tool=$2 seconds=$3 input=$4 options=$5 out status

	shift 5
	[ $# -gt 0 ] || return 0
	out=$VX_WORK/$suite
	mkdir -p "$out"
	# $options holds several words
	with_time_limit "$seconds" "$(dirname "$("$VX_PG_CONFIG" --pgxs)")/../test/$tool" \
		--inputdir="$input" --outputdir="$out" \
		--bindir="$("$VX_PG_CONFIG" --bindir)" --host="$PGHOST" --port="$PGPORT" \
		--user="$PGUSER" --dbname="vecext_$suite" $options "$@" >"$out/output" 2>&1 </dev/null
	status=$?
	if ! count_regress "$suite" "$out/output" $status "$@"; then
		if [ -s "$out/regression.diffs" ]; then
			say "  --- regression.diffs"
			head -n 400 "$out/regression.diffs" | sed 's/^/  | /'
		else
			tail -n 20 "$out/output" | sed 's/^/  | /'
		fi
		show_crashes "$VX_CLUSTER/server.log"
	fi
}

# What no server log may hold, whatever a test does to its server.
VX_NEVER='TRAP:|inconsistent page|terminated by signal (4|6|7|8|11):'

# What a server said that no test expects.
show_crashes()
{
	grep -nE "PANIC|terminated by signal|$VX_NEVER" "$1" 2>/dev/null |
		head -n 10 | sed "s|^|  \| $(basename "$1"): |"
}

start_suite_cluster()
{
	VX_CLUSTER=$VX_WORK/cluster-$1
	if ! start_cluster "$VX_CLUSTER" >"$VX_WORK/results/cluster-$1.log" 2>&1; then
		fail_test "$1: server starts" "$VX_WORK/results/cluster-$1.log"
		return 1
	fi
}

# A suite's server must also stop in good order, and must not have crashed.
stop_suite_cluster()
{
	if ! stop_cluster "$VX_CLUSTER" fast || [ -n "$(show_crashes "$VX_CLUSTER/server.log")" ]; then
		fail_test "$1: server stays up and stops" "$VX_CLUSTER/server.log"
	fi
	VX_CLUSTER=
}

# Of the given tests of regress those that do not ask for other blocks than the
# server's.
fit_blocks()
{
	local size

	size=$(sed -n 's/^#define BLCKSZ \([0-9]*\)$/\1/p' "$("$VX_PG_CONFIG" --includedir-server)/pg_config.h")
	printf '%s\n' "$@" |
		grep -vxFf <(awk -F '\t' -v kb=$((${size:-8192} / 1024)) '!/^#/ && $2 ~ "(^|,)" kb "(,|$)" { print $1 }' "$VX_SRC/test/lib/unfit_blocks")
}

# The stories whose numbers VX_STORIES has; all when it does not say.
listed_stories()
{
	local name

	for name in "$@"; do
		case " ${VX_STORIES:-${name%%_*}} " in
			*" ${name%%_*} "*) echo "$name" ;;
		esac
	done
}

# Of the given names those that TESTS asks for; all when it does not say.
wanted_tests()
{
	local name

	for name in "$@"; do
		case " ${VX_TESTS:-$name} " in
			*" $name "*) echo "$name" ;;
		esac
	done
}

regress_names()
{
	local names

	names=$(read_make_variable REGRESS)
	[ -n "${VX_TESTS:-}" ] || names=$(fit_blocks $names)
	wanted_tests $names
}

suite_regress()
{
	start_suite_cluster regress || return
	run_regress regress regress/pg_regress 900 "$VX_SRC" \
		"$(regress_options)" $(regress_names)
	stop_suite_cluster regress
}

# pg_regress' options of the Makefile, less those that we set ourselves.
regress_options()
{
	read_make_variable REGRESS_OPTS | tr ' ' '\n' |
		grep -vE '^--(inputdir|outputdir|dbname|bindir)=' | tr '\n' ' '
}

suite_isolation()
{
	local names

	names=$(wanted_tests $(read_make_variable ISOLATION))
	[ -n "$names" ] || return 0
	start_suite_cluster isolation || return
	run_regress isolation isolation/pg_isolation_regress 900 "$VX_SRC/test/isolation" \
		"$(regress_options)" $names
	stop_suite_cluster isolation
}

suite_pgtap()
{
	local file name names bindir

	names=$(wanted_tests $(list_files "$VX_SRC"/test/pgtap/*.sql | sed 's|.*/||; s|\.sql$||'))
	[ -n "$names" ] || return 0
	bindir=$("$VX_PG_CONFIG" --bindir)
	start_suite_cluster pgtap || return
	for name in $names; do
		file=$VX_SRC/test/pgtap/$name.sql
		"$bindir/createdb" "pgtap_$name" &&
			"$bindir/psql" -Xq -d "pgtap_$name" -v ON_ERROR_STOP=1 \
				-c 'SET client_min_messages = warning' \
				-c 'CREATE EXTENSION pgtap' -c 'CREATE EXTENSION vecext'
		run_tap "pgtap/$name" 300 "$bindir/psql" -XqAt -d "pgtap_$name" \
			-v ON_ERROR_STOP=1 -P pager=off -f "$file"
	done
	stop_suite_cluster pgtap
}

# record_story NAME SECONDS: the PostgreSQL::Test story test/NAME.pl, with what
# PGXS' own "make installcheck" gives it; for count_story.
record_story()
{
	local name=$1 file=$VX_SRC/test/$1.pl dir=$VX_WORK/$1 pgxs stem

	pgxs=$(dirname "$("$VX_PG_CONFIG" --pgxs)")/..
	stem=$(result_stem "$name")
	mkdir -p "$dir/log" "$VX_WORK/ports"
	(
		# with_time_limit ends the story
		trap : INT TERM HUP
		unset PGHOST PGPORT PGUSER PGDATABASE
		cd "$VX_SRC" || exit 1
		export PATH="$("$VX_PG_CONFIG" --bindir):$PATH"
		export PERL5LIB="$pgxs/test/perl:$VX_SRC/test/tap"
		export PG_REGRESS="$pgxs/test/regress/pg_regress"
		export TESTDIR=$dir TESTLOGDIR=$dir/log TESTDATADIR=$dir/data
		export TEMP_CONFIG=$VX_WORK/temp.conf top_builddir=$VX_WORK
		export PG_TEST_PORT_DIR=$VX_WORK/ports PG_TEST_TIMEOUT_DEFAULT=$((180 * VX_PATIENCE))
		with_time_limit "$2" perl "$file" >"$stem.tap" 2>"$stem.log" </dev/null
	)
	echo $? >"$stem.status"
	stop_servers_below "$dir"
}

count_story()
{
	local name=$1 dir=$VX_WORK/$1 stem status log

	stem=$(result_stem "$name")
	read_status "$stem"
	# 15 writes its log below TESTDIR, later majors where TESTLOGDIR says
	log=$(find "$dir" -name 'regress_log_*' | head -n 1)
	if ! count_result "$name" "$status" "$stem.tap" "${log:-$stem.log}"; then
		find "$dir" -name '*.log' | while read -r log; do
			show_crashes "$log"
		done
		return 1
	fi
	# A story may kill a server, but no server may fall over by itself.
	log=$(grep -rlE --include='*.log' "$VX_NEVER" "$dir" | head -n 1)
	if [ -n "$log" ]; then
		fail_test "$name: server stays up" "$log"
		return 1
	fi
	# The data directories of a story that passed are only in the way.
	rm -rf "$dir"
}

suite_tap()
{
	local name names

	names=$(list_files "$VX_SRC"/test/tap/[0-9]*.pl | sed 's|.*/||; s|\.pl$||')
	[ -n "${VX_TESTS:-}" ] || names=$(listed_stories $names)
	begin_jobs count_story
	for name in $(wanted_tests $names); do
		run_job "tap/$name" record_story "tap/$name" 600
	done
	end_jobs
}

# Stored inputs of the fuzzers, once more: what broke something stays mended.
suite_fuzz()
{
	local source target

	begin_jobs count_recorded
	for source in $(list_files "$VX_SRC"/test/fuzz/fuzz_*.c); do
		target=$(basename "$source" .c)
		target=${target#fuzz_}
		VX_PROGRAM_ARGUMENTS=$VX_SRC/test/fuzz/corpus/$target \
			run_job "fuzz/$target" compile_and_run "fuzz/$target" "$source" ${VX_SANITIZERS:-}
	done
	end_jobs
}

# The regression tests once more with valgrind watching every backend.
suite_valgrind()
{
	local logs=$VX_WORK/valgrind file suppressions n=0 tap=$VX_WORK/results/valgrind_memory.tap

	mkdir -p "$logs"
	suppressions=$("$VX_PG_CONFIG" --sharedir)/valgrind.supp
	export VX_PATIENCE=$((VX_PATIENCE * 10))
	VX_SERVER_WRAPPER="valgrind --quiet --trace-children=yes --leak-check=no
		--track-origins=yes --read-var-info=no --num-callers=25
		--time-stamp=yes --log-file=$logs/%p.log --suppressions=$suppressions"
	start_suite_cluster valgrind || return
	run_regress valgrind regress/pg_regress 900 "$VX_SRC" "$(regress_options)" $(regress_names)
	stop_suite_cluster valgrind
	VX_SERVER_WRAPPER=
	# One log a process; a quiet one is a process without errors.
	for file in $(list_files "$logs"/*.log); do
		[ -s "$file" ] || { n=$((n + 1)); continue; }
		# the first error says most
		head -n 40 "$file" >"$file.first"
		fail_test "valgrind: $(basename "$file")" "$file.first"
	done
	say "  valgrind watched $n processes without a complaint"
	if [ $n = 0 ]; then
		fail_test "valgrind: processes were watched" /dev/null
	else
		printf 'ok 1 - processes were watched\n1..1\n' >"$tap"
		count_result valgrind 0 "$tap"
	fi
}

# What is too slow or too big for every change.  The longest, 112, takes three hours on a
# calm machine with two cores.
suite_long()
{
	local file found=

	for file in $(list_files "$VX_SRC"/test/long/*.pl "$VX_SRC"/test/long/*.sh); do
		[ -x "$file" ] || continue
		found=yes
		[ -n "$(wanted_tests "$(basename "${file%.*}")")" ] || continue
		case $file in
			*.pl)
				record_story "long/$(basename "$file" .pl)" 21600
				count_story "long/$(basename "$file" .pl)"
				;;
			*) run_tap "long/$(basename "$file" .sh)" 21600 "$file" ;;
		esac
	done
	[ -n "$found" ] || say "  no acceptance lists in test/long"
}

suite_longfuzz()
{
	local run=$VX_SRC/test/fuzz/run

	[ -x "$run" ] || return 0
	run_tap "fuzz/long" 14400 "$run" "${VX_FUZZ_SECONDS:-600}"
}

# The NEON kernels, cross-built and emulated.
suite_neon()
{
	local source name

	export CC=aarch64-linux-gnu-gcc VX_EMULATOR=qemu-aarch64
	begin_jobs count_recorded
	for source in $(list_files "$VX_SRC"/test/unit/test_*.c); do
		name=neon/$(basename "$source" .c)
		# the headers of this machine's server are for its own processor
		PG_CONFIG=false run_job "$name" compile_and_run "$name" "$source" -static
	done
	end_jobs
	unset CC VX_EMULATOR
}

# A story that ran out of time leaves its servers behind.
stop_servers_below()
{
	local file pid

	find "$1" -name postmaster.pid 2>/dev/null | while read -r file; do
		read -r pid <"$file"
		# an old file's number may be another process by now
		[ ! "/proc/$pid/cwd" -ef "${file%/*}" ] || kill -QUIT "$pid"
	done
}

stop_left_servers()
{
	kill_jobs
	[ -z "${VX_CLUSTER:-}" ] || stop_cluster "$VX_CLUSTER" immediate
	stop_servers_below "$VX_WORK/tap"
	stop_servers_below "$VX_WORK/long"
}

# run_suites NAME...: the score ends in $VX_WORK/score.
run_suites()
{
	local suite

	VX_BUILT= VX_CLUSTER=
	mkdir -p "$VX_WORK/results"
	trap stop_left_servers EXIT
	trap 'exit 130' INT TERM HUP
	write_temp_config

	make_private_server "$VX_REAL_PG_CONFIG" "$VX_WORK/pg" ||
		die "could not copy the server of $VX_REAL_PG_CONFIG"
	say "vecext $VX_VERSION on $("$VX_PG_CONFIG" --version)"
	export PG_CONFIG=$VX_PG_CONFIG
	find_sanitizers

	begin_suite build
	suite_build
	end_suite
	for suite in "$@"; do
		case $suite in
			regress | isolation | pgtap | tap | valgrind | long)
				if [ -z "$VX_BUILT" ]; then
					fail_test "$suite: needs a build" /dev/null
					continue
				fi ;;
		esac
		begin_suite "$suite"
		"suite_$suite"
		end_suite
	done
	echo "$VX_PASSED $VX_FAILED $VX_SKIPPED" >"$VX_WORK/score"
}
