# Mox: the words one types. `make` alone lists them.

# The checks and tests need no version stamp; asking git for it fails where it
# distrusts the owner of the directory.
export GOFLAGS := -buildvcs=false $(GOFLAGS)

# A race build needs cgo; the binary that is shipped does not.
build run: export CGO_ENABLED = 0

# The commit is stamped into the binary where git can tell it.
VCS := $(shell git rev-parse HEAD >/dev/null 2>&1 && echo true || echo false)

FUZZTIME ?= 30s
TESTTIMEOUT ?= 20m
SOAK ?= 5m

# Packages in which several goroutines meet, run a second time under the race
# detector. Everything else is covered by the plain run.
RACE := . $(patsubst %,./%/...,$(wildcard admin arc autotls config dkim dmarc dns dnsbl http imapserver internal iprev login pipeline queue queuedb rcptsecurity smtpclient smtpserver spf store webmail websession))

# Files that `make generate` writes. They are committed.
GENERATED := docs/config.md docs/commands.md webmail/api.json webmail/ui/api.ts

# The systems that "make release" builds for. Windows has localserve and the tools only.
PLATFORMS ?= linux/amd64 linux/arm64 freebsd/amd64 openbsd/amd64 darwin/arm64 darwin/amd64 windows/amd64

.PHONY: help build run web test unit race check check-generated check-web check-fmt check-systems vet staticcheck release check-release fmt generate bench bench-peers bench-web bench-curves bench-soak fuzz setup clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

build: ## build ./mox
	go build -trimpath -buildvcs=$(VCS) -o mox .

run: build ## build, then start a mail server on localhost that accepts everything
	./mox localserve

web: ## build the pages: TypeScript and CSS into the dist of each face, with their sizes
	@sh web/build.sh

test: setup check unit race ## install what the tests need, then run all checks and tests

setup: ## install the programs that the tests need (Debian packages, as root)
	sh test/setup.sh

check: check-web check-generated check-fmt vet staticcheck check-systems ## generated files, pages, formatting, vet, staticcheck, other systems

# What people see is tried when nothing else is at work: browsers wait for each step in real time, as people do.
unit:
	go test -timeout $(TESTTIMEOUT) $$(go list ./... | grep -v '^mox/test/browser$$')
	go test -timeout $(TESTTIMEOUT) ./test/browser

race:
	CGO_ENABLED=1 go test -race -short -timeout $(TESTTIMEOUT) $(RACE)

check-generated:
	@sh test/generated.sh $(GENERATED)

# Types, unit tests and imports of the pages, and whether dist is what their sources give.
check-web:
	@sh web/build.sh --check

check-fmt:
	@bad=$$(gofmt -l $$(go list -f '{{.Dir}}' ./... | sed 's|$$|/*.go|')); \
	if [ -n "$$bad" ]; then echo "not formatted, run 'make fmt':"; echo "$$bad"; exit 1; fi

vet:
	go vet ./...

staticcheck:
	go tool staticcheck ./...

# Two of the systems that differ most from Linux; compiling is enough to find what they have not.
check-systems:
	GOOS=windows CGO_ENABLED=0 go list -export -deps . >/dev/null
	GOOS=openbsd CGO_ENABLED=0 go list -export -deps . >/dev/null

release: ## build binaries for all systems in dist, with their checksums and the man page
	PLATFORMS="$(PLATFORMS)" sh test/release/build.sh dist

check-release: ## build this commit in two directories, and see that the same bytes come out
	sh test/release/reproducible.sh

fmt: ## format all Go files
	gofmt -w $$(go list -f '{{.Dir}}' ./... | sed 's|$$|/*.go|')

generate: ## write the files that are made from code
	go run . config reference >docs/config.md.tmp
	mv docs/config.md.tmp docs/config.md
	go run . help --markdown >docs/commands.md.tmp
	mv docs/commands.md.tmp docs/commands.md
	go tool sherpadoc -package-path ./webmail -title Webmail -adjust-function-names none API >webmail/api.json.tmp
	mv webmail/api.json.tmp webmail/api.json
	go tool sherpats -bytes-to-string ./api/ <webmail/api.json | node web/lib/apigen.mjs >webmail/ui/api.ts.tmp
	mv webmail/ui/api.ts.tmp webmail/ui/api.ts
	sh web/build.sh >/dev/null

bench: ## Go benchmarks with allocations, also beside go-msgauth, BENCH selects by name; then short runs of mail and web load
	go test -run '^$$' -bench '$(or $(BENCH),.)' -benchmem ./...
	cd test/bench/msgauth && go test -run '^$$' -bench '$(or $(BENCH),.)' -benchmem ./...
	ROUNDS=1 SCALE=short PEERS=mox.sh sh test/load/compare.sh
	ROUNDS=1 DURATION=3 sh test/bench/web.sh

bench-peers: ## measure mox beside Postfix + Dovecot, see docs/performance.md (as root)
	sh test/setup.sh peers
	sh test/load/compare.sh

bench-web: ## measure mox beside nginx as a web server
	sh test/bench/web.sh

bench-curves: ## measure how costs grow, draw the plots in docs/performance
	sh test/load/curves.sh

bench-soak: ## mixed load for SOAK (5m), during which resources must stay flat
	go test -count 1 -timeout 0 -run '^TestSoak$$' -v ./test/load -soak $(SOAK)

fuzz: ## run every fuzz target for FUZZTIME (30s)
	sh test/fuzz.sh $(FUZZTIME)

clean: ## remove what was built
	rm -rf mox dist *.test *.prof
