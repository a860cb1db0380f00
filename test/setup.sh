#!/bin/sh
# Installs the Debian packages that the tests need. As root it uses apt; for
# others, and elsewhere, it says what is missing and fails: a test that cannot
# run is a failure, never silently left out.
set -eu

# A program that tests start, and the package that has it.
needed="
curl:curl
gcc:gcc
mbsync:isync
openssl:openssl
"

missing=
for pair in $needed; do
	command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
# The race detector links against the C library.
[ -e /usr/include/stdlib.h ] || missing="$missing libc6-dev"

if [ -z "$missing" ]; then
	exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
	echo "The tests need programs that are not installed. On Debian, run as root:" >&2
	echo "  apt-get install --no-install-recommends$missing" >&2
	exit 1
fi
echo "installing$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update </dev/null
# shellcheck disable=SC2086
apt-get -qq install -y --no-install-recommends $missing </dev/null >/dev/null

for pair in $needed; do
	if ! command -v "${pair%%:*}" >/dev/null 2>&1; then
		echo "${pair%%:*} is still missing after installing package ${pair#*:}" >&2
		exit 1
	fi
done
