# server.sh: a private copy of an installed PostgreSQL, and throw-away
# clusters on it.
#
# PostgreSQL finds its libraries and share files relative to its own binary.
# So a directory with copies of the binaries and links to everything else is
# a complete installation that an unprivileged user can install an extension
# into, beside any number of others, and the system's own stays untouched.

# make_private_server PG_CONFIG DEST: sets VX_PG_CONFIG to the new pg_config.
make_private_server()
{
	local real=$1 dest=$2 bindir prefix dir kind

	bindir=$("$real" --bindir) || return 1
	# The longest path that all directories share is what DEST stands for.
	prefix=$bindir
	for kind in libdir pkglibdir sharedir includedir includedir-server; do
		dir=$("$real" --$kind)
		while [ "${dir#"$prefix"/}" = "$dir" ]; do
			prefix=${prefix%/*}
		done
	done

	mkdir -p "$dest${bindir#"$prefix"}" &&
		cp -L "$bindir"/* "$dest${bindir#"$prefix"}/" || return 1
	for kind in pkglibdir sharedir; do
		dir=$("$real" --$kind)
		mkdir -p "$dest${dir#"$prefix"}" &&
			cp -rs "$dir/." "$dest${dir#"$prefix"}/" || return 1
	done
	for kind in includedir libdir; do
		dir=$("$real" --$kind)
		[ -e "$dest${dir#"$prefix"}" ] || {
			mkdir -p "$(dirname "$dest${dir#"$prefix"}")" &&
				ln -s "$dir" "$dest${dir#"$prefix"}"
		} || return 1
	done
	# Where libdir holds pkglibdir (a server built from source), the copy of
	# pkglibdir is there already and the libraries are linked beside it.
	dir=$("$real" --libdir)
	if [ ! -L "$dest${dir#"$prefix"}" ]; then
		for file in "$dir"/*; do
			[ -e "$dest${dir#"$prefix"}/$(basename "$file")" ] ||
				ln -s "$file" "$dest${dir#"$prefix"}/" || return 1
		done
	fi
	VX_PG_CONFIG=$dest${bindir#"$prefix"}/pg_config
}

# start_cluster DIR [SETTING=VALUE...]: initdb and start; exports PGHOST,
# PGPORT, PGUSER, PGDATABASE.  Unix socket only.
start_cluster()
{
	local dir=$1 bindir setting

	shift
	bindir=$("$VX_PG_CONFIG" --bindir)
	mkdir -p "$dir/socket" || return 1
	# Checksums are the default from 18 on; the older majors get them too.
	"$bindir/initdb" -D "$dir/data" -U postgres -A trust --no-sync \
		--data-checksums --locale=C.UTF-8 --encoding=UTF8 >"$dir/initdb.log" 2>&1 || {
		cat "$dir/initdb.log"
		return 1
	}
	{
		echo "listen_addresses = ''"
		echo "unix_socket_directories = '$dir/socket'"
		echo "port = 54321"
		echo "fsync = off"
		echo "wal_consistency_checking = 'all'"
		echo "max_prepared_transactions = 10"
		echo "log_line_prefix = '%m [%p] %q%a '"
		for setting in "$@"; do
			echo "${setting%%=*} = '${setting#*=}'"
		done
	} >>"$dir/data/postgresql.conf"
	export PGHOST=$dir/socket PGPORT=54321 PGUSER=postgres PGDATABASE=postgres
	unset PGSERVICE PGPASSWORD PGOPTIONS PGSSLMODE
	if [ -n "${VX_SERVER_WRAPPER:-}" ]; then
		# pg_ctl cannot start a server through another program
		$VX_SERVER_WRAPPER "$bindir/postgres" -D "$dir/data" \
			>"$dir/server.log" 2>&1 </dev/null &
		VX_SERVER_PID=$!
		for setting in $(seq 120); do
			"$bindir/pg_isready" -q && return 0
			sleep 1
		done
		return 1
	fi
	"$bindir/pg_ctl" -D "$dir/data" -l "$dir/server.log" -s -w -t 60 start || {
		cat "$dir/server.log"
		return 1
	}
}

# stop_cluster DIR [MODE]
stop_cluster()
{
	[ -e "$1/data/postmaster.pid" ] || return 0
	"$("$VX_PG_CONFIG" --bindir)/pg_ctl" -D "$1/data" -s -w -t $((60 * VX_PATIENCE)) \
		-m "${2:-fast}" stop
}
