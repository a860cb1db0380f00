#!/bin/sh
# build.sh DIRECTORY: builds mox for each of $PLATFORMS, for "make release".
#
# The binaries are static and depend on the commit and the version of Go only, not on
# the machine or directory they are built in: anybody can build them again and compare. The
# commit and its tag, if it has one, are stamped into them.
set -eu
cd "$(dirname "$0")/../.."
dist=$1

vcs=false
if git rev-parse HEAD >/dev/null 2>&1; then
	vcs=true
	if [ -n "$(git status --porcelain)" ]; then
		echo "warning: files differ from the commit, so nobody else can build the same" >&2
	fi
else
	echo "warning: git cannot tell the commit, so the binaries will not either" >&2
fi

# What else decides over the bytes is not left to the environment.
export CGO_ENABLED=0 GOFLAGS= GOEXPERIMENT= GOAMD64=v1 GOARM64=v8.0
unset GODEBUG GOROOT_FINAL 2>/dev/null || :

mkdir -p "$dist"
rm -f "$dist"/mox-* "$dist"/mox.1 "$dist"/SHA256SUMS
for platform in $PLATFORMS; do
	os=${platform%/*}
	arch=${platform#*/}
	name=mox-$os-$arch
	case $os in
	windows) name=$name.exe ;;
	esac
	echo "building $name"
	GOOS=$os GOARCH=$arch go build -trimpath -buildvcs=$vcs -ldflags '-s -w -buildid=' -o "$dist/$name" .
done

go run -trimpath -buildvcs=$vcs . help --man >"$dist/mox.1"
cd "$dist"
sha256sum mox-* mox.1 >SHA256SUMS
