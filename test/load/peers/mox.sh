#!/bin/sh
# Mox as a peer: localserve with accounts of its own, otherwise as it comes. See common.sh.
#
#   MOX  the program (built if not given)
#   IP   the loopback address on which it serves (127.0.77.1)
. "$(dirname "$0")/common.sh"

name=mox
ip=${IP:-127.0.77.1}
smtp_port=1025 submission_port=1587 imap_port=1143
dir=$LOAD_DIR/mox
data=$dir/server/data
MOX=${MOX:-$(build mox .)}

prepare() {
	"$MOX" localserve --dir "$dir/server" --ip "$ip" --initonly >/dev/null
	awk -v domain=$domain -v accounts="$ACCOUNTS" '
		{ print }
		$0 == "Domains:" { print "\t" domain ": nil" }
		$0 == "Accounts:" {
			for (i = 0; i < accounts; i++) {
				print "\tuser" i ":\n\t\tDomain: " domain
				print "\t\tDestinations:\n\t\t\tuser" i ".load@" domain ": nil"
			}
		}' "$dir/server/domains.conf" >"$dir/domains.conf"
	mv "$dir/domains.conf" "$dir/server/domains.conf"
	(STARTS=/dev/null && run)
	# With thousands of accounts only some log in: each password is hashed at full cost.
	i=0
	while [ $i -lt "$ACCOUNTS" ] && [ $i -lt 10 ]; do
		echo "$password" | "$MOX" setaccountpassword --config "$dir/server/mox.conf" user$i >>"$dir/start.log" ||
			fail "setting the password of user$i, see $dir/mox.log"
		i=$((i + 1))
	done
	stop
}

run() {
	since=$(now)
	"$MOX" localserve --dir "$dir/server" --ip "$ip" >>"$dir/mox.log" 2>&1 </dev/null &
	echo $! >"$dir/pids"
	await_greeting "$since" -imap "$ip:$imap_port" -smtp "$ip:$smtp_port"
}

# All that the server keeps must fit together after a run.
verify() {
	stop
	"$MOX" verifydata "$data" >"$dir/verifydata.out" 2>&1 || fail "verifydata finds faults, see $dir/verifydata.out"
}

more_settings() {
	echo "metrics=http://$ip:1080/metrics"
	echo "binary=$MOX"
}

main "$@"
