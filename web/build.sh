#!/bin/sh
# Builds the pages; arguments are those of build.mjs. With --check it builds nothing: it checks types and what check.mjs
# looks at, runs the unit tests, and fails when what is built is not what the sources give.
set -eu
cd "$(dirname "$0")"
if ! cmp -s package-lock.json node_modules/.installed; then
	echo "what builds the pages is not installed, run: sh test/setup.sh" >&2
	exit 1
fi
if [ "${1-}" = --check ]; then
	node_modules/.bin/tsc -p .
	node check.mjs
	node test.mjs
fi
node build.mjs "$@"
