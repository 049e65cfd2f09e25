# common.sh: what every script under test/ stands on.
#
# Sourced by bash; the caller has set VX_SRC to the top of the source tree.

set -u -o pipefail
export LC_ALL=C.UTF-8
umask 022

VX_CACHE=${VECEXT_CACHE:-${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/vecext}
VX_VERSION=$(sed -n "s/^default_version = '\(.*\)'/\1/p" "$VX_SRC/vecext.control")

# Suites under valgrind or an asserting server need more patience.
VX_PATIENCE=${VX_PATIENCE:-1}

say() { printf '%s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }

# A run that cannot go on still ends with a score.
die()
{
	printf 'vecext: %s\n' "$*" >&2
	[ -z "${VX_SCORED:-}" ] || echo "0 passed, 1 failed"
	exit 2
}

# Run a command as root: as we are, or through sudo.
as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo -- "$@"
	else
		die "need root for: $*"
	fi
}

may_be_root()
{
	[ "$(id -u)" = 0 ] || command -v sudo >/dev/null
}

# A private place for one run, away from the checkout.  Unix socket paths have
# room for about 100 bytes, hence not just any TMPDIR.
make_work_dir()
{
	local base=${TMPDIR:-/tmp}

	[ ${#base} -le 40 ] || base=/tmp
	mktemp -d "$base/vecext-$1.XXXXXX"
}

# snapshot_source DEST: copy the tree without history and build leftovers.
# An object file lying in the source tree would be taken for a fresh one by
# every VPATH build, and the checkout may be unreadable for the user who runs
# the servers.
snapshot_source()
{
	mkdir -p "$1" &&
	tar -C "$VX_SRC" -cf - \
		--exclude=./.git --exclude='*.o' --exclude='*.bc' --exclude='*.so' \
		--exclude='*.d' --exclude='./vecext--*.sql' --exclude='./vecext-*.zip' --exclude=./test/output \
		--exclude=tmp_check --exclude=./results --exclude='./regression.*' \
		. | tar -C "$1" -xf -
}
