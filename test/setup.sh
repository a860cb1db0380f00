#!/bin/sh
# Installs the Debian packages that the tests need. As root it uses apt; for
# others, and elsewhere, it says what is missing and fails: a test that cannot
# run is a failure, never silently left out. "setup.sh peers" adds what "make bench-peers"
# measures.
set -eu

# A program that tests start, or a file that they need, and the package that has it.
needed="
/usr/share/bash-completion/bash_completion:bash-completion
ab:apache2-utils
chattr:e2fsprogs
/usr/bin/chromium:chromium
curl:curl
doveadm:dovecot-core
gcc:gcc
ip:iproute2
ldns-signzone:ldnsutils
/usr/sbin/mkfs.ext4:e2fsprogs
mbsync:isync
mount:mount
msmtp:msmtp
neomutt:neomutt
node:nodejs
npm:npm
/usr/sbin/nginx:nginx-light
/usr/sbin/nsd:nsd
offlineimap:offlineimap3
openssl:openssl
/usr/sbin/postfix:postfix
python3:python3
script:bsdutils
strace:strace
swaks:swaks
/usr/sbin/unbound:unbound
unshare:util-linux
wrk:wrk
/usr/include/stdlib.h:libc6-dev
/usr/include/opendkim/dkim.h:libopendkim-dev
/usr/include/opendmarc/dmarc.h:libopendmarc-dev
/usr/lib/python3/dist-packages/authres:python3-authres
/usr/lib/python3/dist-packages/dkim:python3-dkim
/usr/lib/python3/dist-packages/spf.py:python3-spf
/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf:fonts-dejavu-core
/usr/share/publicsuffix/public_suffix_list.dat:publicsuffix
/usr/lib/*/sasl2/libscram.so:libsasl2-modules
/usr/lib/*/perl5/*/Net/SSLeay.pm:libnet-ssleay-perl
"

if [ "${1-}" = peers ]; then
	needed="$needed
/usr/lib/dovecot/imap:dovecot-imapd
/usr/lib/dovecot/lmtp:dovecot-lmtpd
"
fi

# packages prints the packages of what is missing.
packages() {
	for pair in $needed; do
		file=${pair%%:*}
		case $file in
		# shellcheck disable=SC2086
		/*) ls -d $file >/dev/null 2>&1 || echo "${pair#*:}" ;;
		*) command -v "$file" >/dev/null 2>&1 || echo "${pair#*:}" ;;
		esac
	done | tr '\n' ' '
}

# Programs in Go: Pebble, an ACME server, and h2spec.
(cd "$(dirname "$0")/tools" && mkdir -p bin && go build -buildvcs=false -o bin/ tool)

# modules installs what drives the browser and what builds the pages, as the package-lock.json of each says; browsers
# are not downloaded.
modules() {
	for dir in browser ../web; do
		(
			cd "$(dirname "$0")/$dir"
			if ! cmp -s package-lock.json node_modules/.installed; then
				npm ci --loglevel=error --no-audit --no-fund >/dev/null
				cp package-lock.json node_modules/.installed
			fi
		)
	done
}

missing=$(packages)
if [ -z "$missing" ]; then
	modules
	exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
	echo "The tests need programs that are not installed. On Debian, run as root:" >&2
	echo "  apt-get install --no-install-recommends $missing" >&2
	exit 1
fi
echo "installing $missing"
export DEBIAN_FRONTEND=noninteractive

# The servers among them are for the tests to start, with configurations of their
# own. They are not started now.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	trap 'rm -f $policy' EXIT
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod +x $policy
fi
case " $missing" in
*" postfix "*) echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections ;;
esac

apt-get -qq update </dev/null
# shellcheck disable=SC2086
apt-get -qq install -y --no-install-recommends $missing </dev/null >/dev/null

missing=$(packages)
if [ -n "$missing" ]; then
	echo "still missing after installing: $missing" >&2
	exit 1
fi
modules
