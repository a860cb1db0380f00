#!/bin/sh
# Measures mox and Postfix + Dovecot in alternation, and prints their figures beside each
# other, each the median of the rounds. See docs/performance.md.
#
#   sh test/load/compare.sh [PART...]    parts of test/load/series.sh, all by default
#
#   ROUNDS    how often each is measured (3)
#   SCALE     full or short, see series.sh
#   PEERS     the scripts of the servers, the first of which is held against the figures
#             to reach ("mox.sh postfix-dovecot.sh"); one outside of test/load/peers
#             is given with its path
#   LOAD_DIR  where they keep their data, see peers/common.sh
#   RESULTS   file for the lines of JSON (results.jsonl in LOAD_DIR); it is overwritten
set -eu
here=$(cd "$(dirname "$0")" && pwd)
ROUNDS=${ROUNDS:-3}
PEERS=${PEERS:-mox.sh postfix-dovecot.sh}
export LOAD_DIR="${LOAD_DIR:-${TMPDIR:-/tmp}/mox-load}"
RESULTS=${RESULTS:-$LOAD_DIR/results.jsonl}

# Both programs as they are now, not those of an earlier run.
mkdir -p "$LOAD_DIR/bin"
build() { (cd "$here/../.." && CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$1" "$2"); }
[ -n "${LOAD:-}" ] || build "${LOAD:=$LOAD_DIR/bin/load}" ./test/load
[ -n "${MOX:-}" ] || build "${MOX:=$LOAD_DIR/bin/mox}" .
export LOAD MOX

script() {
	case $1 in
	*/*) echo "$1" ;;
	*) echo "$here/peers/$1" ;;
	esac
}
stop_all() {
	for p in $PEERS; do
		sh "$(script "$p")" stop || true
	done
}
trap stop_all EXIT
trap 'exit 130' INT TERM

: >"$RESULTS"
stop_all
"$LOAD" machine -dir "$LOAD_DIR" >>"$RESULTS"
[ $# -eq 0 ] || [ "$1" = start ] || set -- start "$@"
failed=0
names=
round=1
while [ $round -le "$ROUNDS" ]; do
	for p in $PEERS; do
		echo "=== round $round of $ROUNDS: $p" >&2
		sh "$here/series.sh" "$(script "$p")" "$RESULTS" "$@" || failed=1
		name=$(sh "$(script "$p")" env | sed -n 's/^name=//p')
		case $names in *" $name "*) ;; *) names="$names$name " ;; esac
		sh "$(script "$p")" verify || failed=1
	done
	round=$((round + 1))
done

# shellcheck disable=SC2086
set -- $names
"$LOAD" table -ours "$1" ${2:+-theirs "$2"} "$RESULTS"
echo "figures are in $RESULTS" >&2
exit $failed
