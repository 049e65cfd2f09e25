# packages.sh: find out which Debian packages are missing and install them.

# The PostgreSQL major that this Debian release carries.
packaged_major()
{
	local codename

	codename=$(. /etc/os-release 2>/dev/null && echo "${VERSION_CODENAME:-}")
	case $codename in
		bookworm) echo 15 ;;
		trixie) echo 17 ;;
		forky) echo 18 ;;
	esac
}

list_missing_packages()
{
	local package

	for package in "$@"; do
		case $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) in
			ii*) ;;
			*) echo "$package" ;;
		esac
	done
}

apt_get()
{
	local log status

	log=$(mktemp)
	# RUNLEVEL=1 keeps maintainer scripts from starting services.
	as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
		apt-get -q -y -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1
	status=$?
	[ $status = 0 ] || tail -n 30 "$log" >&2
	rm -f "$log"
	return $status
}

# The server package makes and starts a cluster "main" when it is installed
# for the first time.  A test run has no business to leave one behind, so the
# switch for that is off while the package goes in, and put back afterwards.
install_server_packages()
{
	local conf=/etc/postgresql-common/createcluster.conf
	local saved

	apt_get install --no-install-recommends postgresql-common || return 1
	say "The server package will not create or start a cluster on this machine."
	saved=$(mktemp)
	cat "$conf" >"$saved" 2>/dev/null
	(
		# also when the run is interrupted
		trap 'as_root tee "$conf" <"$saved" >/dev/null; rm -f "$saved"' EXIT
		trap 'exit 130' INT TERM HUP
		{ cat "$saved"; echo "create_main_cluster = false"; } |
			as_root tee "$conf" >/dev/null
		apt_get install --no-install-recommends "$@"
	)
}

# ensure_packages PACKAGE...: announce and install what is missing.
ensure_packages()
{
	local missing lock

	missing=$(list_missing_packages "$@")
	[ -n "$missing" ] || return 0
	command -v apt-get >/dev/null ||
		die "needs $(echo $missing), or PG_CONFIG set to a server's pg_config"
	may_be_root ||
		die "please install as root: apt-get install $(echo $missing)"

	# Two runs at once: the second waits here and finds the work done.
	lock=/tmp/vecext-packages-$(id -u).lock
	exec 9>"$lock"
	flock 9
	missing=$(list_missing_packages "$@")
	if [ -n "$missing" ]; then
		say "Installing packages: $(echo $missing)"
		apt_get update || warn "apt-get update failed; trying with what is known"
		case " $(echo $missing) " in
			*" postgresql-"[0-9][0-9]" "*)
				install_server_packages $missing ;;
			*)
				apt_get install --no-install-recommends $missing ;;
		esac || die "could not install: $(echo $missing)"
	fi
	exec 9>&-
}

# What the suites need next to a Debian server of major $1.
suite_packages()
{
	echo make gcc libc6-dev perl "postgresql-$1" "postgresql-server-dev-$1" \
		"postgresql-$1-pgtap" libipc-run-perl
}
