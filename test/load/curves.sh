#!/bin/sh
# Measures how costs grow, and draws the plots of docs/performance.md.
#
#   sh test/load/curves.sh [AXIS...]    messages senders connections accounts; all by default
#
#   SCALE     full, or short: the first steps only, with few messages
#   PEERS     the scripts of the servers ("mox.sh"), as in compare.sh
#   PLOTS     directory for the plots (docs/performance)
#   LOAD_DIR  where the servers keep their data, see peers/common.sh
#   RESULTS   file for the lines of JSON (curves.jsonl in LOAD_DIR); it is overwritten
#
# A million messages are some 3 GB, and take their time. With 10,000 connections this
# program and the server need as many open files each: ulimit -n 20000.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
PEERS=${PEERS:-mox.sh}
PLOTS=${PLOTS:-$here/../../docs/performance}
export LOAD_DIR="${LOAD_DIR:-${TMPDIR:-/tmp}/mox-load}"
RESULTS=${RESULTS:-$LOAD_DIR/curves.jsonl}
case ${SCALE:-full} in
full) messages=1000,10000,100000,1000000 senders=1,2,5,10,20,50,100,200 connections=1,10,100,1000,10000 accounts=1,10,100,1000,5000 n=2000 ;;
short) messages=100,1000 senders=1,5,20 connections=1,10,100 accounts=1,10 n=100 ;;
*)
	echo "$0: SCALE is full or short" >&2
	exit 2
	;;
esac

mkdir -p "$LOAD_DIR/bin" "$PLOTS"
build() { (cd "$here/../.." && CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$1" "$2"); }
[ -n "${LOAD:-}" ] || build "${LOAD:=$LOAD_DIR/bin/load}" ./test/load
[ -n "${MOX:-}" ] || build "${MOX:=$LOAD_DIR/bin/mox}" .
export LOAD MOX
settings=$(mktemp)
peer=
end() {
	[ -z "$peer" ] || sh "$peer" stop || true
	rm -f "$settings"
}
trap end EXIT
trap 'exit 130' INT TERM

[ $# -gt 0 ] || set -- messages senders connections accounts
: >"$RESULTS"
"$LOAD" machine -dir "$LOAD_DIR" >>"$RESULTS"
failed=0
for p in $PEERS; do
	case $p in */*) peer=$p ;; *) peer=$here/peers/$p ;; esac
	for axis; do
		case $axis in
		messages) steps=$messages ;;
		senders) steps=$senders ;;
		connections) steps=$connections ;;
		accounts) steps=$accounts ;;
		*)
			echo "$0: no axis $axis" >&2
			exit 2
			;;
		esac
		echo "--- $(date +%T) $p: $axis $steps" >&2
		ACCOUNTS=10
		[ "$axis" != accounts ] || ACCOUNTS=${accounts##*,}
		export ACCOUNTS
		sh "$peer" start >"$settings"
		timeout 14400 "$LOAD" grow -server "$settings" -axis "$axis" -steps "$steps" -n $n >>"$RESULTS" || failed=1
		sh "$peer" verify || failed=1
	done
done
"$LOAD" plot -dir "$PLOTS" "$RESULTS"
echo "figures are in $RESULTS" >&2
exit $failed
