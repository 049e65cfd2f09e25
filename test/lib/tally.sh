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

# run_tap TITLE SECONDS COMMAND...: a command that prints TAP, or nothing but
# its exit status.
run_tap()
{
	local title=$1 seconds=$2 stem status

	shift 2
	stem=$VX_WORK/results/$(printf '%s' "$title" | tr -c 'A-Za-z0-9_.-' _)
	with_time_limit "$seconds" "$@" >"$stem.tap" 2>"$stem.log" </dev/null
	status=$?
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
