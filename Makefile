# Honnin: two commands.  make run: a whole terminal with practice parts.  make test: what must hold.
SHELL := /bin/bash
export GOFLAGS := -buildvcs=false
export PATH := $(shell .ci/get-go):$(PATH)

BUILD_PACKAGES := build-essential pkg-config libpcsclite-dev libusb-1.0-0-dev ca-certificates openssh-client
TEST_PACKAGES  := $(BUILD_PACKAGES) pcscd vsmartcard-vpcd opensc cups-ipp-utils cups-client cups-daemon dbus qpdf poppler-utils openssl python3 chromium \
	fonts-noto-cjk util-linux iproute2 opensc-pkcs11 libssl-dev python3-jsonschema \
	e2fsprogs mount lrzsz minicom picocom tmux rsyslog rsyslog-openssl mandoc man-db systemd
CHECK_PACKAGES := $(TEST_PACKAGES) qemu-system-x86 udev xz-utils dosfstools exfatprogs procps

APT := apt-get -o DPkg::Lock::Timeout=500
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

# install takes a list of packages, says what is missing and how much that is, and installs it.
define install
	@missing=$$(for p in $(1); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
		echo "installing:" $$missing; \
		$(SUDO) $(APT) update -qq; \
		$(SUDO) $(APT) install --no-install-recommends -s $$missing | grep -c ^Inst | sed 's/$$/ packages in all/'; \
		$(SUDO) $(APT) install --no-install-recommends --assume-no $$missing 2>/dev/null | grep -E '^(Need to get|After this)' || true; \
		$(SUDO) env DEBIAN_FRONTEND=noninteractive $(APT) install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi
endef

.PHONY: run build deps deps-test deps-check test test-usb check lint bench fuzz mutants longrun soak vectors clean

run: deps build
	./honnind practice --state .practice --guide

build: honnind

GO_SOURCES := $(shell find config daemon drivers spool ui -type f -not -name '*_test.go' 2>/dev/null)
honnind: go.mod go.sum $(GO_SOURCES)
	go build -ldflags "-X main.commit=$$(git log -1 --format=%h --abbrev=12 2>/dev/null) -X main.committed=$$(git log -1 --format=%cI 2>/dev/null)" -o honnind ./daemon

deps:
	$(call install,$(BUILD_PACKAGES))

deps-test:
	$(call install,$(TEST_PACKAGES))

# make test: unit tests with the race detector, vectors, OpenSC, ippeveprinter, Chromium.
test: deps-test build lint
	go test -race -count=1 -timeout 30m ./... ./testdata/vectors/... ./testdata/second/... ./testdata/openssl ./testdata/usb/redir

# make check: all that is slower.
check: deps-check build
	go test -count=1 -timeout 30m -tags slow ./...
	$(MAKE) test-usb
	$(MAKE) fuzz FUZZTIME=2000x
	$(MAKE) bench BENCHTIME=200ms

# make test-usb: readers and printers on the USB of Debian's kernel, in emulated machines (70 MB are fetched, once), and whole
# visits there. What is missing is a failure.
deps-check:
	$(call install,$(CHECK_PACKAGES))
	@apt-get download --print-uris -qq linux-image-amd64 ipp-usb libccid >/dev/null 2>&1 || $(SUDO) $(APT) update -qq

test-usb: deps-check
	CI=true go test -count=1 -timeout 10m ./testdata/usb

lint:
	@unformatted=$$(gofmt -l config daemon drivers spool ui testdata); [ -z "$$unformatted" ] || { echo "gofmt: $$unformatted"; exit 1; }
	go vet ./... ./testdata/vectors/... ./testdata/second/... ./testdata/openssl ./testdata/usb/...

# make bench: figures, beside a peer's on the same work. They are reported, never asserted.
BENCHTIME ?= 1s
bench: deps-test build
	@set -o pipefail; go test -p 1 -run '^$$' -bench . -benchtime $(BENCHTIME) ./... | { grep -Ev 'no test files|^(goos|goarch|cpu|PASS|ok)' || true; }
	@go run ./daemon/figures -honnind ./honnind

# make fuzz: every fuzz target in turn, FUZZTIME each (60s, or 2000x executions), and a table. What Go alone says at the
# end of its time ("context deadline exceeded", no failing input) is no finding.
FUZZTIME ?= 60s
FUZZ ?= Fuzz
fuzz: deps-test
	@set -o pipefail; out=$$(mktemp -d); trap 'rm -rf $$out' EXIT; bad=0; n=0; \
	while read -r p f; do \
		echo "== $$p $$f"; n=$$((n+1)); begin=$$SECONDS; says=ok; \
		go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x ./$$p 2>&1 </dev/null | tee $$out/log || \
			{ ! grep -q 'Failing input' $$out/log && grep -qx ' *context deadline exceeded' $$out/log; } || { says=FAIL; bad=1; }; \
		printf '%-30s %-20s %12s %12s %7ss  %s\n' $$p $$f $$(sed -n 's/.*execs: \([0-9]*\) .*interesting: \([0-9]*\) .*/\1 \2/p' $$out/log | tail -n 1 | grep . || echo - -) \
			$$((SECONDS-begin)) $$says >>$$out/table; \
	done < <(grep -rE --include='*_test.go' '^func $(FUZZ)' config spool drivers ui daemon testdata | sed -E 's|/[^/]*:func (\w+)\(.*| \1|' | sort); \
	printf '\n%-30s %-20s %12s %12s %8s  %s\n' package target executions 'new inputs' time result; cat $$out/table; \
	echo "$$n fuzz targets"; [ $$n -gt 0 ] && exit $$bad

# make mutants: give N mutants of good documents to real children, one each; the same seeds give the same mutants.
# Then 10,000 hostile documents to the whole check, whose memory must stay flat.
N ?= 200000
mutants:
	go test -tags slow -count=1 -timeout 0 -run '^TestMutants$$' -v ./spool/document/inspect -mutants $(N)
	go test -tags slow -count=1 -timeout 0 -run '^TestMemoryIsFlat$$' -v ./spool/document -hostile 10000

# make longrun: VISITS visits in one process, with what it has after each tenth of them.
VISITS ?= 20000
longrun: deps-test
	go test -tags slow -count=1 -timeout 0 -run '^TestLongRun$$' -v ./daemon -longrun $(VISITS)

# make soak: every scenario in turn, again and again, on 8 terminals of this process with nothing left out, for TIME. A
# table for people on standard error, the same as JSON on standard output. Ends with status 3 if anything is wrong.
TIME ?= 30m
soak: deps build
	./honnind practice --scenario all --for $(TIME) --terminals 8

# make vectors: make testdata/vectors anew.
vectors:
	go run ./testdata/vectors/gen

clean:
	rm -rf honnind .practice
