#!/bin/sh
# Fails when one of the given generated files differs from what `make generate`
# writes. The new content is left in place, ready to be committed.
set -eu
before=$(cksum "$@")
make -s generate
after=$(cksum "$@")
if [ "$before" != "$after" ]; then
	echo "generated files were out of date and have been written anew; commit them:" >&2
	echo "  $*" >&2
	exit 1
fi
