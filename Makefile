# How Vigie is built, shown, tested and installed. `make help` lists the targets.

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
# Where setup puts Rust and Node when they are missing.
export PATH := $(HOME)/.cargo/bin:$(abspath $(TARGET))/tools/node/bin:$(PATH)

# For packagers: make install DESTDIR=… PREFIX=/usr
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
DOCDIR ?= $(PREFIX)/share/doc/vigie
SYSCONFDIR ?= /etc
# Units of the operator's own installations live in /etc, those of packages in /usr/lib.
UNITDIR ?= $(if $(filter /usr,$(PREFIX)),/usr/lib/systemd/system,/etc/systemd/system)
SYSUSERSDIR ?= $(if $(filter /usr,$(PREFIX)),/usr/lib/sysusers.d,/etc/sysusers.d)
TMPFILESDIR ?= $(if $(filter /usr,$(PREFIX)),/usr/lib/tmpfiles.d,/etc/tmpfiles.d)

BINARY := $(TARGET)/release/vigie
UI := web/ui
PAGE_TESTS := tests/browser
UI_SOURCES := $(shell find $(UI) -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

.PHONY: help setup setup-test ui build demo test bench bench-index shown-2 shown-3 shown-4 shown-5 screens lint install clean
.DEFAULT_GOAL := help
# cargo and npm keep both cores busy by themselves; apt bears no company.
.NOTPARALLEL:

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  make %-12s %s\n", $$1, $$2 }'

setup: ## install what building and running needs (Debian 12 or later)
	@.ci/setup build

setup-test: setup ## install what testing needs besides
	@.ci/setup test
	$(MAKE) $(PAGE_TESTS)/node_modules/.package-lock.json

ui: $(if $(wildcard $(UI)/package.json),$(UI)/dist/index.html) ## build the front end, which the binary holds

$(UI)/dist/index.html: $(UI)/node_modules/.package-lock.json $(UI_SOURCES)
	npm --prefix $(UI) run build
	@touch $@

$(UI)/node_modules/.package-lock.json: $(UI)/package.json $(UI)/package-lock.json
	npm --prefix $(UI) ci --no-audit --no-fund
	@touch $@

$(PAGE_TESTS)/node_modules/.package-lock.json: $(PAGE_TESTS)/package.json $(PAGE_TESTS)/package-lock.json
	npm --prefix $(PAGE_TESTS) ci --no-audit --no-fund
	@touch $@

build: setup ## build target/release/vigie with the front end in it
	$(MAKE) ui
	$(CARGO) build --locked --release --bin vigie

demo: build ## two synthetic cameras, recorded; prints address, user and password
	$(BINARY) demo

test: setup-test ## everything that must pass before a change lands
	$(MAKE) ui
	$(if $(wildcard $(UI)/package.json),npm --prefix $(UI) run --if-present test)
	$(CARGO) nextest run --locked --workspace --features fault-hooks

bench: setup-test ## CPU, memory and threads per camera against the floor and against ffmpeg
	$(CARGO) bench --locked --bench record

bench-index: setup-test ## the index at 33 million segments, the start with it, retention
	$(CARGO) bench --locked --bench index

shown-2: build setup-test ## the figures for 64 and 200 cameras, table and CSV
	tests/shown/2.sh

shown-3: build setup-test ## disks that fail, fill up and hang, and every power cut
	tests/shown/3.sh

shown-4: build setup-test ## alarms: how soon each action comes, kill -9, storms, motion
	tests/shown/4.sh

shown-5: build setup-test ## the console: pages in a browser, rights, playback in step, 16 windows
	tests/shown/5.sh

screens: build setup-test ## take the pictures of every page for docs/screens.md
	tests/shown/screens.sh

lint: ## warnings are errors; formatting
	$(CARGO) clippy --locked --workspace --all-targets --features fault-hooks -- -D warnings
	$(CARGO) fmt --all --check

# Builds nothing, so that it can be run as root after `make build`.
install: ## install binary, unit, account, folders and a first configuration (as root)
	@test -x $(BINARY) || { echo "no $(BINARY): run make build first" >&2; exit 1; }
	install -D -m 0755 $(BINARY) $(DESTDIR)$(BINDIR)/vigie
	install -d $(DESTDIR)$(UNITDIR)
	sed -e 's|/usr/bin/vigie|$(BINDIR)/vigie|' -e 's|/usr/share/doc/vigie|$(DOCDIR)|' -e 's|/etc/vigie|$(SYSCONFDIR)/vigie|' \
		systemd/vigie.service > $(DESTDIR)$(UNITDIR)/vigie.service
	chmod 0644 $(DESTDIR)$(UNITDIR)/vigie.service
	install -D -m 0644 systemd/vigie.sysusers $(DESTDIR)$(SYSUSERSDIR)/vigie.conf
	install -D -m 0644 systemd/vigie.tmpfiles $(DESTDIR)$(TMPFILESDIR)/vigie.conf
	install -D -m 0644 config/vigie.toml $(DESTDIR)$(DOCDIR)/vigie.toml
	install -m 0644 docs/*.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE $(DESTDIR)$(DOCDIR)/
	test -e $(DESTDIR)$(SYSCONFDIR)/vigie/vigie.toml || \
		install -D -m 0640 systemd/vigie.toml $(DESTDIR)$(SYSCONFDIR)/vigie/vigie.toml
ifeq ($(DESTDIR),)
	systemd-sysusers $(SYSUSERSDIR)/vigie.conf
	systemd-tmpfiles --create $(TMPFILESDIR)/vigie.conf
	-systemctl daemon-reload
	@echo "Next: name disks and cameras in $(SYSCONFDIR)/vigie/vigie.toml, then see $(DOCDIR)/install.md"
endif

clean: ## remove what was built
	$(CARGO) clean
	rm -rf $(UI)/dist $(UI)/node_modules $(PAGE_TESTS)/node_modules
