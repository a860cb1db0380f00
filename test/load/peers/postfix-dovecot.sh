#!/bin/sh
# Postfix and Dovecot (Debian's packages) as one peer: Postfix accepts mail and hands it
# over LMTP to Dovecot, which keeps it as maildir and serves IMAP. See common.sh.
#
# They run as Debian has them, with configurations and data of their own below LOAD_DIR;
# /etc/postfix and /etc/dovecot are not used. What is set apart from addresses, users and
# directories:
#
# - Durability is as it comes: Postfix syncs its queue file before it answers, Dovecot
#   syncs what LMTP and APPEND store (mail_fsync=optimized) but no changes of flags.
# - Passwords are SHA512-CRYPT at Dovecot's own cost, in a passwd-file.
# - Limits meant for few users are raised: Postfix's on connections of one client and its
#   default_process_limit (100, now 250), Dovecot's on connections of one user and its
#   numbers of login and imap processes and of clients of login, anvil and auth. (Each
#   connection with TLS keeps a login process.)
# - Postfix asks no DNS, so that no network is measured.
#
# Both insist on being started by root. With more than some hundred idle connections
# Dovecot needs as many inotify instances, or it looks for new mail twice a minute only:
#
#   sysctl -w fs.inotify.max_user_instances=20000
. "$(dirname "$0")/common.sh"

name=dovecot
ip=${IP:-127.0.77.2}
smtp_port=2525 submission_port=2587 imap_port=2143
dir=$LOAD_DIR/dovecot
data=$dir/data

prepare() {
	[ "$(id -u)" = 0 ] || fail "Postfix and Dovecot must be started by root"
	for f in /usr/sbin/postfix /usr/lib/dovecot/imap /usr/lib/dovecot/lmtp /usr/bin/doveadm /usr/bin/openssl; do
		[ -x $f ] || fail "$f is missing; apt-get install postfix dovecot-imapd dovecot-lmtpd openssl"
	done
	mkdir -p "$data/mail" "$data/queue" "$data/postfix" "$dir/run" "$dir/state" "$dir/conf"
	# Nobody's name is a valid user for mail: who owns it does not matter here.
	chown nobody:nogroup "$data/mail"
	chown postfix "$data/postfix"
	reach "$dir"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$domain" \
		-addext "subjectAltName=IP:$ip" -keyout "$dir/conf/key.pem" -out "$dir/conf/cert.pem" 2>/dev/null
	hash=$(doveadm -O pw -s SHA512-CRYPT -p "$password")
	awk -v hash="$hash" -v domain=$domain -v n="$ACCOUNTS" 'BEGIN { for (i = 0; i < n; i++) print "user" i ".load@" domain ":" hash }' >"$dir/conf/users"
	write_dovecot >"$dir/conf/dovecot.conf"
	write_main >"$dir/conf/main.cf"
	write_master >"$dir/conf/master.cf"
}

# reach DIR: let other users through to it. Directories above LOAD_DIR stay as they are.
reach() {
	chmod 755 "$1" "$LOAD_DIR"
	su -s /bin/sh nobody -c "ls '$1'" >/dev/null 2>&1 || fail "users of the mail servers cannot reach $1; set LOAD_DIR to where they can"
}

write_dovecot() {
	cat <<-END
		base_dir = $dir/run
		state_dir = $dir/state
		log_path = $dir/dovecot.log
		protocols = imap lmtp
		listen = $ip
		ssl = yes
		ssl_cert = <$dir/conf/cert.pem
		ssl_key = <$dir/conf/key.pem
		disable_plaintext_auth = no
		mail_location = maildir:$data/mail/%u
		mail_uid = nobody
		mail_gid = nogroup
		first_valid_uid = 1
		first_valid_gid = 1
		mail_max_userip_connections = 20000
		namespace inbox {
		  inbox = yes
		}
		passdb {
		  driver = passwd-file
		  args = $dir/conf/users
		}
		userdb {
		  driver = static
		  args = uid=nobody gid=nogroup home=$data/mail/%u
		}
		service imap-login {
		  client_limit = 12000
		  process_limit = 12000
		  inet_listener imap {
		    port = $imap_port
		  }
		  inet_listener imaps {
		    port = 0
		  }
		}
		service imap {
		  process_limit = 12000
		}
		service anvil {
		  client_limit = 20000
		}
		service auth {
		  client_limit = 20000
		  unix_listener for-postfix {
		    mode = 0666
		  }
		}
		service lmtp {
		  unix_listener lmtp-for-postfix {
		    mode = 0666
		  }
		}
	END
}

# Postfix knows only the first address of the loopback interface as its own; where it
# listens is said in master.cf.
write_main() {
	cat <<-END
		compatibility_level = 3.6
		queue_directory = $data/queue
		data_directory = $data/postfix
		maillog_file = $dir/postfix.log
		maillog_file_prefixes = $dir
		inet_interfaces = 127.0.0.1
		inet_protocols = ipv4
		myhostname = mail.$domain
		mydestination =
		mynetworks =
		alias_maps =
		alias_database =
		local_recipient_maps =
		virtual_mailbox_domains = $domain
		virtual_mailbox_maps = static:known
		virtual_transport = lmtp:unix:$dir/run/lmtp-for-postfix
		smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
		smtpd_peername_lookup = no
		disable_dns_lookups = yes
		smtp_dns_support_level = disabled
		smtpd_client_connection_count_limit = 0
		default_process_limit = 250
		message_size_limit = 100000000
		mailbox_size_limit = 0
		smtpd_tls_security_level = may
		smtpd_tls_cert_file = $dir/conf/cert.pem
		smtpd_tls_key_file = $dir/conf/key.pem
		smtpd_sasl_type = dovecot
		smtpd_sasl_path = $dir/run/for-postfix
	END
}

write_master() {
	cat <<-END
		$ip:$smtp_port inet n - n - - smtpd
		$ip:$submission_port inet n - n - - smtpd
		  -o smtpd_sasl_auth_enable=yes
		  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
		cleanup unix n - n - 0 cleanup
		qmgr unix n - n 300 1 qmgr
		tlsmgr unix - - n 1000? 1 tlsmgr
		rewrite unix - - n - - trivial-rewrite
		bounce unix - - n - 0 bounce
		defer unix - - n - 0 bounce
		trace unix - - n - 0 bounce
		verify unix - - n - 1 verify
		flush unix n - n 1000? 0 flush
		proxymap unix - - n - - proxymap
		proxywrite unix - - n - 1 proxymap
		smtp unix - - n - - smtp
		lmtp unix - - n - - lmtp
		error unix - - n - - error
		retry unix - - n - - error
		anvil unix - - n - 1 anvil
		scache unix - - n - 1 scache
		postlog unix-dgram n - n - 1 postlogd
	END
}

run() {
	since=$(now)
	/usr/sbin/dovecot -F -c "$dir/conf/dovecot.conf" >>"$dir/dovecot.out" 2>&1 </dev/null &
	echo $! >"$dir/pids"
	await_greeting "$since" -imap "$ip:$imap_port"
	/usr/sbin/postfix -c "$dir/conf" start >>"$dir/postfix.out" 2>&1 </dev/null || fail "Postfix does not start, see $dir/postfix.out"
	tr -d ' ' <"$data/queue/pid/master.pid" >>"$dir/pids"
	await_greeting 0 -smtp "$ip:$smtp_port"
}

verify() { stop; }

more_settings() { :; }

main "$@"
