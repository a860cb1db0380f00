#!/bin/sh
# Takes the figures of docs/performance.md of one peer, each once.
#
#   sh test/load/series.sh PEER RESULTS [PART...]
#
# PEER is a script of test/load/peers, or one that can do the same. The lines of JSON
# are added to the file RESULTS. Parts: start deliver full spread submit append
# mailbox fetch search change list login idle; all of them in this order if none is named. "start"
# begins with fresh data, and "mailbox" fills the mailbox that those after it read.
#
#   SCALE    full (as in docs/performance.md) or short (a minute or two, for a look)
#   MESSAGES how many messages the large mailbox holds (10,000, or 1,000 when short)
#   FULL     how many there are before deliveries into a full one (100,000, or 2,000)
#   LOAD     the load program
set -eu
here=$(dirname "$0")
peer=$1
results=$2
shift 2
SCALE=${SCALE:-full}
case $SCALE in
full)
	many=1 MESSAGES=${MESSAGES:-10000} FULL=${FULL:-100000} idlers=1000 boxes=500 block=1000
	;;
short)
	many=10 MESSAGES=${MESSAGES:-1000} FULL=${FULL:-2000} idlers=100 boxes=50 block=200
	;;
*)
	echo "$0: SCALE is full or short" >&2
	exit 2
	;;
esac
LOAD=${LOAD:?the load program}
export LOAD
settings=$(mktemp)
trap 'rm -f "$settings"' EXIT
failed=0

# load MODE FLAG...: one run of the load program, at most 30 minutes. One that fails is
# told of, and the others go on.
load() {
	mode=$1
	shift
	if ! timeout 1800 "$LOAD" "$mode" -server "$settings" "$@" >>"$results"; then
		echo "$0: FAILED: load $mode $*" >&2
		failed=1
	fi
}

# cold: the same server with nothing in memory, as after a reboot. Only root can have
# the system forget what it read.
cold() {
	sh "$peer" stop
	sync
	if [ "$(id -u)" = 0 ] && [ -w /proc/sys/vm/drop_caches ]; then
		echo 3 >/proc/sys/vm/drop_caches
	fi
	sh "$peer" restart >"$settings"
}

part_start() {
	sh "$peer" start >"$settings"
	for _ in 1 2 3; do
		STARTS=$results sh "$peer" restart >"$settings"
	done
	sleep 2
	load memory
}

# Each of these goes to an account of its own, so that none finds a larger mailbox.
part_deliver() {
	load deliver -account 1 -c 1 -n $((1000 / many)) -seed 1
	load deliver -account 2 -c 10 -n $((3000 / many)) -seed 2
	load deliver -account 3 -c 50 -n $((3000 / many)) -seed 3
	load deliver -account 4 -c 10 -n $((3000 / many)) -size 2048 -seed 4 -label deliver-2k-empty
}

# The same as the last of them into a mailbox that is not empty.
part_full() {
	load fill -account 5 -mailbox INBOX -n "$FULL" -c 10 -size 2048 -seed 5 -label fill-full
	load deliver -account 5 -c 10 -n $((3000 / many)) -size 2048 -seed 6 -label deliver-2k-full
}

# To all accounts.
part_spread() {
	load deliver -c 10 -n $((3000 / many)) -recipients 10 -seed 7 -label deliver-turn
	load deliver -c 10 -n $((600 / many)) -recipients 10 -together -seed 8 -label deliver-together
}

part_submit() {
	load submit -sender 9 -account 8 -c 1 -n $((300 / many)) -seed 10
	load submit -sender 9 -account 8 -c 10 -n $((600 / many)) -seed 11
}

part_append() {
	load append -account 9 -mailbox Appended1 -c 1 -n $((1000 / many)) -seed 12
	load append -account 9 -mailbox Appended10 -c 10 -n $((3000 / many)) -seed 13
}

# Nobody has looked at this account before: servers learn what is asked for.
part_mailbox() { load fill -account 7 -mailbox Load -n "$MESSAGES" -c 4 -seed 14; }

part_fetch() {
	for items in flags envelope bodystructure headerfields body; do
		cold
		load fetch -account 7 -items $items -rounds 5 -check 0
	done
	load fetch -account 7 -items flags -rounds 1 -label fetch-checked -check "$MESSAGES"
}

part_search() {
	cold
	load search -account 7 -seed 14
}

part_change() { load change -account 7 -block $block; }

part_list() {
	cold
	load list -account 7 -boxes $boxes
}

part_login() {
	load login -c 1 -n 50
	load login -c 10 -n $((1000 / many))
}

part_idle() {
	cold
	load idle -account 9 -n $idlers
	cold
	load idle -account 9 -n $idlers -tls starttls -label idle-tls
	cold
	load idle -account 7 -mailbox Load -n $idlers -times 0 -label idle-large
}

[ $# -gt 0 ] || set -- start deliver full spread submit append mailbox fetch search change list login idle
[ "$1" = start ] || sh "$peer" env >"$settings"
for part; do
	echo "--- $(date +%T) $(basename "$peer" .sh): $part" >&2
	"part_$part"
done
exit $failed
