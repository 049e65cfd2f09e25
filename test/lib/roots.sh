# roots.sh: other Debian releases in a directory, to run other majors in.
#
# A root is built once with mmdebstrap and kept in the cache.  It is entered
# through private mount, network and process namespaces with its own /tmp, so
# that nothing leaks, ports never collide, and several runs share one root.

VX_ROOTS=$VX_CACHE/roots
VX_ASSERTS_PREFIX=/opt/vecext-postgresql-asserts

# The Debian suite that carries major $1.
suite_of_major()
{
	case $1 in
		17) echo trixie ;;
		18) echo forky ;;
		*) return 1 ;;
	esac
}

# The mirror that this machine's own apt uses for its release.
machine_mirror()
{
	local codename

	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
		awk -v c="$codename" '$1 == c { print $2; exit }'
}

# ensure_root MAJOR: sets VX_ROOT.  Building it takes about half a minute.
ensure_root()
{
	local major=$1 suite mirror

	suite=$(suite_of_major "$major") || die "no Debian suite known for PostgreSQL $major"
	VX_ROOT=$VX_ROOTS/$suite
	ensure_packages mmdebstrap iproute2
	[ ! -e "$VX_ROOT/.vecext-ready" ] || return 0

	mirror=$(machine_mirror)
	[ -n "$mirror" ] || die "apt knows no mirror for this release"
	as_root mkdir -p "$VX_ROOTS"
	exec 8>"/tmp/vecext-root-$suite.lock"
	flock 8
	if [ ! -e "$VX_ROOT/.vecext-ready" ]; then
		say "Building a Debian $suite root with PostgreSQL $major (about 750 MB) in $VX_ROOT"
		as_root rm -rf "$VX_ROOT" "$VX_ROOT.new"
		# server-dev is unpacked, not installed: its dependencies are 900 MB
		# of compiler that nothing here calls.
		as_root mmdebstrap --quiet --mode=root --variant=apt \
			--aptopt='Acquire::Check-Valid-Until "false"' \
			--include="make,gcc,libc6-dev,libpq-dev,postgresql-$major,postgresql-$major-pgtap,libipc-run-perl" \
			--customize-hook='chroot "$1" sh -c "cd /tmp && apt-get update -qq && apt-get download -qq postgresql-server-dev-'"$major"' && dpkg -x postgresql-server-dev-*.deb / && rm -f postgresql-server-dev-*.deb"' \
			--customize-hook='touch "$1/.vecext-ready"' \
			"$suite" "$VX_ROOT.new" "$mirror" &&
			as_root mv "$VX_ROOT.new" "$VX_ROOT" ||
			die "could not build the $suite root"
	fi
	exec 8>&-
}

# enter_root ROOT WORKDIR COMMAND...: run the command inside ROOT, where
# WORKDIR is /tmp/vecext.  VX_NETWORK=host keeps the machine's network.
enter_root()
{
	local root=$1 work=$2 net=-n

	shift 2
	[ "${VX_NETWORK:-none}" != host ] || net=
	# $net is empty or one switch
	as_root unshare -m $net -p --fork --kill-child --propagation private \
		bash -c '
			set -e
			root=$1 work=$2; shift 2
			mount --bind "$root" "$root"
			mount -t proc proc "$root/proc"
			mount --rbind /dev "$root/dev"
			mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
			mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
			mkdir "$root/tmp/vecext"
			mount --bind "$work" "$root/tmp/vecext"
			PATH=/usr/sbin:/usr/bin:/sbin:/bin
			ip link set lo up
			exec env -i PATH="$PATH" HOME=/tmp TERM="${TERM:-dumb}" LC_ALL=C.UTF-8 \
				VX_PATIENCE="${VX_PATIENCE:-1}" \
				chroot "$root" "$@"
		' enter-root "$root" "$work" "$@"
}

# ensure_root_packages PACKAGE...: into VX_ROOT, for good.
ensure_root_packages()
{
	local missing work status

	missing=$(as_root chroot "$VX_ROOT" dpkg-query -W -f '${Package} ${db:Status-Abbrev}\n' "$@" 2>/dev/null |
		awk '$2 == "ii" { print $1 }' | sort | comm -13 - <(printf '%s\n' "$@" | sort))
	[ -n "$missing" ] || return 0
	say "Installing into $VX_ROOT: $(echo $missing)"
	work=$(make_work_dir root) || return 1
	VX_NETWORK=host enter_root "$VX_ROOT" "$work" sh -c '
		export DEBIAN_FRONTEND=noninteractive
		apt-get -qq update && apt-get -qq -y --no-install-recommends install "$@" >/dev/null' \
		install $missing
	status=$?
	rmdir "$work"
	[ $status = 0 ] || die "could not install into $VX_ROOT: $(echo $missing)"
}

# The place of the asserting server with blocks of $1 kilobytes, inside a root.
asserts_prefix()
{
	[ "$1" = 8 ] && echo "$VX_ASSERTS_PREFIX" || echo "$VX_ASSERTS_PREFIX-$1kB"
}

# ensure_asserts_server [KB]: a server built from Debian's source package with
# assertions, valgrind requests and injection points, inside the trixie root,
# with blocks of KB kilobytes (8).  Sets VX_ROOT; asserts_prefix tells where the
# server stands in there.
ensure_asserts_server()
{
	local work prefix kb=${1:-8} major=17

	prefix=$(asserts_prefix "$kb")
	ensure_root $major
	[ ! -e "$VX_ROOT$prefix/.vecext-ready" ] || return 0
	exec 8>/tmp/vecext-root-asserts.lock
	flock 8
	if [ ! -e "$VX_ROOT$prefix/.vecext-ready" ]; then
		ensure_root_packages dpkg-dev bison flex libreadline-dev zlib1g-dev \
			libicu-dev pkg-config valgrind libc6-dbg
		say "Building PostgreSQL $major with assertions and $kb kB blocks in $VX_ROOT$prefix (100 MB, 4 minutes, once)"
		work=$(make_work_dir asserts) || return 1
		cp "$VX_SRC/test/lib/build_asserts_server" "$work/build"
		VX_NETWORK=host enter_root "$VX_ROOT" "$work" \
			bash /tmp/vecext/build "$major" "$prefix" "$kb" >"$work/log" 2>&1 || {
			tail -n 40 "$work/log" >&2
			die "could not build the asserting server (log in $work/log)"
		}
		as_root rm -rf "$work"
	fi
	exec 8>&-
}
