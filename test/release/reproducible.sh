#!/bin/sh
# Builds the current commit in two directories, the second time without anything that was
# built before, and fails if the binaries differ. $PLATFORMS says for which systems.
set -eu
cd "$(dirname "$0")/../.."
repository=$PWD
export PLATFORMS="${PLATFORMS:-linux/amd64}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

git clone -q "$repository" "$work/one"
git clone -q "$repository" "$work/a/longer/path to two"
sh "$work/one/test/release/build.sh" "$work/dist1"
GOCACHE=$work/cache sh "$work/a/longer/path to two/test/release/build.sh" "$work/dist2"

if cmp "$work/dist1/SHA256SUMS" "$work/dist2/SHA256SUMS"; then
	cat "$work/dist1/SHA256SUMS"
else
	diff "$work/dist1/SHA256SUMS" "$work/dist2/SHA256SUMS" || :
	echo "the same commit gave different binaries" >&2
	exit 1
fi
