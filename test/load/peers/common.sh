# For the scripts beside it, which source it. A peer is a server to be measured, with
# ten accounts; its script can
#
#   start    a fresh one, print its settings
#   restart  the same one with its data, print its settings
#   verify   stop it and check what it stored, if it has a program for that
#   stop     it
#   env      print its settings, as test/load takes them with -server
#
# From outside:
#
#   LOAD_DIR   where all servers keep their data (default mox-load in the directory
#              for temporary files); it must be on the disk that is to be measured
#   LOAD       the load program (built if not given)
#   ACCOUNTS   number of accounts (10)
#   STARTS     file to which the time until the greeting is added, as a line of JSON
#
# Only processes whose ids are in $dir/pids, put there by these scripts, are ever ended.

set -eu
root=$(cd "$(dirname "$0")/../../.." && pwd)
LOAD_DIR=${LOAD_DIR:-${TMPDIR:-/tmp}/mox-load}
mkdir -p "$LOAD_DIR"
LOAD_DIR=$(cd "$LOAD_DIR" && pwd -P) # As processes name their directories.
ACCOUNTS=${ACCOUNTS:-10}
domain=load.example
password=load-password

fail() {
	echo "$0: $*" >&2
	exit 1
}

# build NAME PACKAGE: build a program into LOAD_DIR unless it is there, and print its path.
build() {
	if [ ! -x "$LOAD_DIR/bin/$1" ]; then
		mkdir -p "$LOAD_DIR/bin"
		(cd "$root" && CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$LOAD_DIR/bin/$1" "$2") || fail "building $1"
	fi
	echo "$LOAD_DIR/bin/$1"
}

LOAD=${LOAD:-$(build load ./test/load)}

# nanoseconds since 1970.
now() { date +%s%N; }

# await_greeting SINCE FLAG...: wait until the server greets, note how long it took.
await_greeting() {
	since=$1
	shift
	"$LOAD" greet -name "$name" -since "$since" "$@" >>"${STARTS:-$dir/start.jsonl}" 2>>"$dir/start.log" ||
		fail "the server does not greet, see $dir"
}

# ours PID: whether a process is one that was started here, as ids are given out again.
ours() {
	tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | grep -qF "$dir/" ||
		readlink "/proc/$1/cwd" 2>/dev/null | grep -qF "$dir/"
}

running() {
	[ -s "$dir/pids" ] || return 1
	for pid in $(cat "$dir/pids"); do
		ours "$pid" || return 1
	done
}

# alive PID: whether a process runs and is not only waiting for its parent to notice its end.
alive() {
	[ -d "/proc/$1" ] && ! grep -qs '^State:.*Z' "/proc/$1/status"
}

# end the processes, waiting up to a minute for them to end well: disks may be slow to sync.
stop() {
	[ -s "$dir/pids" ] || return 0
	ending=
	for pid in $(cat "$dir/pids"); do
		if ours "$pid"; then
			kill "$pid" 2>/dev/null || true
			ending="$ending $pid"
		fi
	done
	waited=0
	for pid in $ending; do
		while alive "$pid"; do
			waited=$((waited + 1))
			[ $waited -lt 600 ] || kill -9 "$pid" 2>/dev/null || true
			[ $waited -lt 900 ] || fail "process $pid does not end"
			sleep 0.1
		done
	done
	rm -f "$dir/pids"
}

# The name of an account does not end in digits: mox localserve answers 450 for user450.
settings() {
	running || fail "$name does not run"
	cat <<-END
		name=$name
		smtp=$ip:$smtp_port
		submission=$ip:$submission_port
		imap=$ip:$imap_port
		user=user%d.load@$domain
		password=$password
		accounts=$ACCOUNTS
		pids=$(tr '\n' ',' <"$dir/pids" | sed 's/,*$//')
		data=$data
	END
	more_settings
}

main() {
	case ${1:-} in
	start)
		stop
		rm -rf "$dir"
		mkdir -p "$dir"
		prepare
		run
		settings
		;;
	restart)
		stop
		run
		settings
		;;
	verify) verify ;;
	stop) stop ;;
	env) settings ;;
	*) fail "usage: $0 start|restart|verify|stop|env" ;;
	esac
}
