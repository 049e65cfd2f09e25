# tally.sh: run tests and keep the score.
#
# Whatever a test speaks, it ends as TAP in $VX_WORK/results and is counted by
# test/lib/count_tap.

VX_PASSED=0
VX_FAILED=0
VX_SKIPPED=0

# count_result TITLE STATUS TAP-FILE [LOG-FILE]: add to the score, and show the
# end of the log when something failed.
count_result()
{
	local title=$1 status=$2 tap=$3 log=${4:-} passed failed skipped

	read -r passed failed skipped < <("$VX_SRC/test/lib/count_tap" "$title" "$status" "$tap" 2>"$tap.why")
	if [ -z "${skipped:-}" ]; then
		passed=0 failed=1 skipped=0
		echo "  $title: the counter itself failed" >>"$tap.why"
	fi
	VX_PASSED=$((VX_PASSED + passed))
	VX_FAILED=$((VX_FAILED + failed))
	VX_SKIPPED=$((VX_SKIPPED + skipped))
	cat "$tap.why"
	if [ "$failed" != 0 ] && [ -n "$log" ] && [ -s "$log" ]; then
		say "  --- end of $(basename "$log")"
		tail -n "${VX_LOG_LINES:-60}" "$log" | sed 's/^/  | /'
	fi
	[ "$failed" = 0 ]
}

# fail_test TITLE LOG: one failure that no TAP stream tells of.
fail_test()
{
	local tap

	tap=$(mktemp "$VX_WORK/results/failed.XXXXXX")
	printf 'not ok 1 - %s\n1..1\n' "$1" >"$tap"
	count_result "$1" 0 "$tap" "$2"
	return 1
}

# with_time_limit SECONDS COMMAND...: what hangs is ended, then killed.  So is
# what a signal meets: timeout's process group does not hear of the terminal's,
# and bash would look at one only after a command in the foreground has ended.
with_time_limit()
(
	seconds=$(($1 * VX_PATIENCE)) limited=
	shift
	trap 'kill "$limited" 2>/dev/null; wait "$limited"; exit 130' INT TERM HUP
	# bash lets what is in the background ignore SIGINT
	env --default-signal=INT timeout --kill-after=20 "$seconds" "$@" <&0 &
	limited=$!
	wait "$limited"
)

# result_stem TITLE: a test's results are this with .tap, .log and .status behind it.
result_stem()
{
	printf '%s' "$VX_WORK/results/${1//[^A-Za-z0-9_.-]/_}"
}

# read_status STEM: into status; who was killed has left none.
read_status()
{
	read -r status 2>/dev/null <"$1.status" || status=137
}

# record_tap TITLE SECONDS COMMAND...: keep what it says for count_recorded.
record_tap()
{
	local stem seconds=$2

	stem=$(result_stem "$1")
	shift 2
	# of an earlier command by this title: compile_and_run
	rm -f "$stem.status"
	with_time_limit "$seconds" "$@" >"$stem.tap" 2>"$stem.log" </dev/null
	echo $? >"$stem.status"
}

# count_recorded TITLE: a command that printed TAP, or nothing but its exit status.
count_recorded()
{
	local title=$1 stem status

	stem=$(result_stem "$title")
	read_status "$stem"
	if ! grep -qE '^(1\.\.[0-9]|(not )?ok\b)' "$stem.tap"; then
		# A command without TAP is one test.  Its output belongs to the log.
		cat "$stem.tap" >>"$stem.log"
		case $status in
			0) printf 'ok 1 - %s\n1..1\n' "$title" ;;
			*) printf 'not ok 1 - %s\n1..1\n' "$title" ;;
		esac >"$stem.tap"
		[ $status -lt 124 ] || echo "$title: ended with status $status" >>"$stem.log"
		status=0
	fi
	# The log helps most with the stream's own comments beside it.
	[ ! -s "$stem.log" ] && grep '^#' "$stem.tap" >"$stem.log"
	count_result "$title" "$status" "$stem.tap" "$stem.log"
}

run_tap()
{
	record_tap "$@"
	count_recorded "$1"
}

# Several tests at once: between begin_jobs COUNT and end_jobs, run_job TITLE
# COMMAND... runs commands in the background, as many as there are processors
# and at most four.  COUNT TITLE is called for each that has ended, in the
# order in which they began.
VX_JOBS=$(nproc)
[ "$VX_JOBS" -le 4 ] || VX_JOBS=4
VX_JOB_TITLES=()
VX_JOB_PIDS=()

begin_jobs()
{
	VX_JOB_COUNT=$1
}

run_job()
{
	local title=$1

	shift
	while [ "$(jobs -rp | wc -l)" -ge "$VX_JOBS" ]; do
		wait -n
		count_jobs
	done
	# a group of its own, which kill_jobs can end as a whole
	set -m
	"$@" </dev/null &
	set +m
	VX_JOB_TITLES+=("$title")
	VX_JOB_PIDS+=($!)
}

# Those that have ended, up to the first one that has not
count_jobs()
{
	local title

	while [ ${#VX_JOB_PIDS[@]} -gt 0 ] && ! jobs -rp | grep -qx "${VX_JOB_PIDS[0]}"; do
		title=${VX_JOB_TITLES[0]}
		VX_JOB_TITLES=("${VX_JOB_TITLES[@]:1}")
		VX_JOB_PIDS=("${VX_JOB_PIDS[@]:1}")
		"$VX_JOB_COUNT" "$title"
	done
}

end_jobs()
{
	while [ ${#VX_JOB_PIDS[@]} -gt 0 ]; do
		wait "${VX_JOB_PIDS[0]}"
		count_jobs
	done
}

# What a job has begun is gone when this returns.
kill_jobs()
{
	local pid

	for pid in "${VX_JOB_PIDS[@]}"; do
		kill -- "-$pid" 2>/dev/null
	done
	for pid in "${VX_JOB_PIDS[@]}"; do
		while kill -0 -- "-$pid" 2>/dev/null; do
			sleep 0.1
		done
	done
}

# begin_suite NAME / end_suite: a heading, and one line of outcome.
begin_suite()
{
	VX_SUITE=$1
	VX_SUITE_START=$(date +%s%N)
	VX_SUITE_BEFORE="$VX_PASSED $VX_FAILED $VX_SKIPPED"
	say "== $1"
}

end_suite()
{
	local passed failed skipped ms

	read -r passed failed skipped <<<"$VX_SUITE_BEFORE"
	ms=$((($(date +%s%N) - VX_SUITE_START) / 1000000))
	printf '   %s: %d passed, %d failed, %d skipped (%d.%d s)\n' "$VX_SUITE" \
		$((VX_PASSED - passed)) $((VX_FAILED - failed)) $((VX_SKIPPED - skipped)) \
		$((ms / 1000)) $((ms % 1000 / 100))
}

# The last line of every run: exactly this shape.
print_score()
{
	if [ "$3" != 0 ]; then
		echo "$1 passed, $2 failed, $3 skipped"
	else
		echo "$1 passed, $2 failed"
	fi
}
