# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# make            ./tcptrail            make check-unit   unit tests, unprivileged, seconds
# make run        build and trace       make check        everything (root)
# make install    DESTDIR= PREFIX=      make help         the rest

CC ?= gcc
CLANG ?= clang
BPFTOOL ?= bpftool
PKG_CONFIG ?= pkg-config
PYTHON ?= /usr/bin/python3
INSTALL ?= install
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
SANITIZE ?=
V ?= 0
, := ,

# The build directory; `make SANITIZE=1` has one of its own.
B := build$(if $(SANITIZE),/asan)
BIN := $(if $(SANITIZE),$(B)/tcptrail,tcptrail)

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-8s%s\n' "$(1)" "$(2)";)

ARCH := $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/;s/ppc64le/powerpc/')
LIBBPF_CFLAGS := $(shell $(PKG_CONFIG) --cflags libbpf 2>/dev/null)
LIBBPF_LIBS := $(shell $(PKG_CONFIG) --libs libbpf 2>/dev/null || echo -lbpf -lelf -lz)

WARNINGS := -Wall -Wextra -Werror
BPF_CFLAGS := -g -O2 -mcpu=v3 -target bpf -D__TARGET_ARCH_$(ARCH) -D__bpf__ -I. $(LIBBPF_CFLAGS) \
	$(WARNINGS) -Wno-unused-parameter
CFLAGS ?= -O2 -g
USER_CFLAGS := $(CFLAGS) -std=gnu11 -D_GNU_SOURCE -I. -Iuser -I$(B) $(LIBBPF_CFLAGS) $(WARNINGS) \
	-DSCHEMA_DIR='"user"' \
	$(if $(SANITIZE),-fsanitize=address$(,)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
LIBS := $(LIBBPF_LIBS) -lz

BPF_OBJS := $(patsubst bpf/%.c,$(B)/bpf/%.o,$(wildcard bpf/*.bpf.c))
LIB_OBJS := $(patsubst user/%.c,$(B)/user/%.o,$(filter-out user/main.c,$(wildcard user/*.c)))
UNIT := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))
PLAY := $(wildcard tests/e2e/*.c)

.PHONY: all
all: $(BIN)

$(B)/bpf $(B)/user $(B)/unit $(B)/tests:
	$(Q)mkdir -p $@

# --- the kernel side: one object a concern, linked, one skeleton

$(B)/bpf/%.bpf.o: bpf/%.bpf.c | $(B)/bpf
	$(call say,BPF,$<) $(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@

$(B)/bpf/tcptrail.linked.o: $(BPF_OBJS)
	$(call say,LINK,$@) $(BPFTOOL) gen object $@ $^

$(B)/tcptrail.skel.h: $(B)/bpf/tcptrail.linked.o
	$(call say,SKEL,$@) $(BPFTOOL) gen skeleton $< name tcptrail_bpf > $@.tmp && mv $@.tmp $@

# --- the user side: main.o and a library that the tests link too

$(B)/user/%.o: user/%.c $(B)/tcptrail.skel.h | $(B)/user
	$(call say,CC,$<) $(CC) $(USER_CFLAGS) -MMD -MP -c $< -o $@

$(B)/user/schema.o: $(wildcard user/schema*.json)

$(B)/libtcptrail.a: $(LIB_OBJS)
	$(call say,AR,$@) rm -f $@ && $(AR) rcs $@ $^

$(BIN): $(B)/user/main.o $(B)/libtcptrail.a
	$(call say,LD,$@) $(CC) $(USER_CFLAGS) $(LDFLAGS) $^ -o $@ $(LIBS)

# --- tests

$(B)/unit/%: tests/unit/%.c $(B)/libtcptrail.a | $(B)/unit
	$(call say,TEST,$<) $(CC) $(USER_CFLAGS) -MMD -MP $< $(B)/libtcptrail.a -o $@ -lcmocka $(LIBS)

$(B)/tests/records: tests/golden/records.c $(B)/libtcptrail.a | $(B)/tests
	$(call say,TEST,$<) $(CC) $(USER_CFLAGS) -MMD -MP $< $(B)/libtcptrail.a -o $@ $(LIBS)

$(B)/tests/play: $(PLAY) $(wildcard tests/e2e/*.h) | $(B)/tests
	$(call say,TEST,$@) $(CC) -O2 -g -std=gnu11 -D_GNU_SOURCE $(WARNINGS) -Wno-missing-field-initializers $(PLAY) -o $@

build/tests/%: tests/load/%.c
	$(Q)mkdir -p build/tests
	$(call say,TEST,$@) $(CC) -O2 -g -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $< -o $@ -lpthread

build/tests/empty: tests/load/empty.c build/tests/empty.bpf.o
	$(call say,TEST,$@) $(CC) -O2 -g -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $< -o $@ -lbpf

build/tests/empty.bpf.o: tests/load/empty.bpf.c
	$(Q)mkdir -p build/tests
	$(call say,TEST,$@) $(CLANG) $(BPF_CFLAGS) -c $< -o $@

build/tests/refuse.so: tests/live/refuse.c
	$(Q)mkdir -p build/tests
	$(call say,TEST,$@) $(CC) -O2 -g -std=gnu11 -D_GNU_SOURCE $(WARNINGS) -shared -fPIC $< -o $@ -ldl

LOADS := build/tests/load build/tests/open build/tests/faulty build/tests/flood build/tests/refuse.so

# --- fuzzers: all of the library again, by clang, with its coverage and sanitizers

FUZZ := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/*.c))
FUZZ_OBJS := $(patsubst user/%.c,build/fuzz/user/%.o,$(filter-out user/main.c,$(wildcard user/*.c)))
FUZZ_CFLAGS := -O1 -g -std=gnu11 -D_GNU_SOURCE -I. -Iuser -Ibuild $(LIBBPF_CFLAGS) $(WARNINGS) \
	-DSCHEMA_DIR='"user"' -fsanitize=address,undefined -fno-sanitize-recover=all

build/fuzz/user/%.o: user/%.c build/tcptrail.skel.h
	$(Q)mkdir -p $(@D)
	$(call say,FUZZ,$<) $(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c $< -o $@

build/fuzz/libtcptrail.a: $(FUZZ_OBJS)
	$(call say,AR,$@) rm -f $@ && $(AR) rcs $@ $^

build/fuzz/%: tests/fuzz/%.c build/fuzz/libtcptrail.a
	$(call say,FUZZ,$<) $(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer -MMD -MP $< build/fuzz/libtcptrail.a -o $@ $(LIBS)

.PHONY: check-fuzz
check-fuzz: $(FUZZ)
	$(Q)tests/fuzz/run.sh $(FUZZ)

.PHONY: check-unit check-golden check-collectors check-live check-asan check-vm check-build check-package check-lint
check-unit: $(UNIT)
	$(Q)tests/unit/run.sh $(UNIT)

check-golden: $(B)/tests/records $(BIN)
	$(Q)RECORDS=$(B)/tests/records TCPTRAIL=./$(BIN) PYTHON=$(PYTHON) tests/golden/run.sh

check-live: $(BIN) $(B)/tests/play $(LOADS)
	$(Q)TCPTRAIL=./$(BIN) PLAY=$(B)/tests/play PYTHON=$(PYTHON) tests/live.sh

check-collectors: $(BIN) $(B)/tests/records build/tests/load
	$(Q)TCPTRAIL=./$(BIN) PYTHON=$(PYTHON) tests/collectors.sh

# 10 million events, several minutes of both CPUs; tests/collectors/soak.py has its parameters.
.PHONY: soak
soak: $(BIN) build/tests/load
	$(Q)TCPTRAIL=./$(BIN) $(PYTHON) tests/collectors/soak.py

check-asan: $(LOADS)
	$(Q)tests/asan.sh

check-vm: $(BIN) $(B)/tests/play build/tests/load build/tests/flood
	$(Q)TCPTRAIL=./$(BIN) PLAY=$(B)/tests/play PYTHON=$(PYTHON) tests/vm.sh

check-build:
	$(Q)tests/build.sh

check-package: $(BIN) build/tests/load
	$(Q)TCPTRAIL=./$(BIN) PYTHON=$(PYTHON) tests/package.sh

check-lint:
	$(Q)tests/lint.sh

# --- for people

.PHONY: run check bench install uninstall clean help
run:
	$(Q)tools/run $(ARGUMENTS)

check:
	$(Q)tools/check

bench: $(BIN)
	$(Q)tools/bench

# What an administrator may have changed in SYSCONFDIR stays as it is.
install: $(BIN)
	$(INSTALL) -D -m 0755 tcptrail $(DESTDIR)$(PREFIX)/sbin/tcptrail
	$(INSTALL) -D -m 0644 user/tcptrail.8 $(DESTDIR)$(PREFIX)/share/man/man8/tcptrail.8
	packaging/completion ./tcptrail >$(B)/completion
	$(INSTALL) -D -m 0644 $(B)/completion $(DESTDIR)$(PREFIX)/share/bash-completion/completions/tcptrail
	$(INSTALL) -D -m 0644 README.md $(DESTDIR)$(PREFIX)/share/doc/tcptrail/README.md
	$(INSTALL) -D -m 0644 packaging/tcptrail.sysusers $(DESTDIR)$(SYSUSERSDIR)/tcptrail.conf
	$(INSTALL) -d $(DESTDIR)$(UNITDIR)
	sed 's|/usr/sbin/|$(PREFIX)/sbin/|' packaging/tcptrail.service >$(DESTDIR)$(UNITDIR)/tcptrail.service
	chmod 0644 $(DESTDIR)$(UNITDIR)/tcptrail.service
	[ -e $(DESTDIR)$(SYSCONFDIR)/default/tcptrail ] || \
		$(INSTALL) -D -m 0644 packaging/default $(DESTDIR)$(SYSCONFDIR)/default/tcptrail
	[ -e $(DESTDIR)$(SYSCONFDIR)/logrotate.d/tcptrail ] || \
		$(INSTALL) -D -m 0644 packaging/collectors/logrotate/tcptrail $(DESTDIR)$(SYSCONFDIR)/logrotate.d/tcptrail

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/sbin/tcptrail $(DESTDIR)$(PREFIX)/share/man/man8/tcptrail.8 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/tcptrail \
		$(DESTDIR)$(SYSUSERSDIR)/tcptrail.conf $(DESTDIR)$(UNITDIR)/tcptrail.service
	rm -rf $(DESTDIR)$(PREFIX)/share/doc/tcptrail
	@echo 'kept: $(DESTDIR)$(SYSCONFDIR)/default/tcptrail $(DESTDIR)$(SYSCONFDIR)/logrotate.d/tcptrail'

# The kernels for the tests, downloaded, stay.
clean:
	rm -rf build/bpf build/user build/unit build/tests build/asan build/fuzz build/libtcptrail.a \
		build/tcptrail.skel.h build/out tcptrail

help:
	@echo 'make               build ./tcptrail'
	@echo 'make run           install what is missing, build, trace (ARGUMENTS=...)'
	@echo 'make check         install what is missing, run every test (root)'
	@echo 'make check-unit    unit tests, unprivileged'
	@echo 'make check-golden  both sinks against kept output, the schema'
	@echo 'make check-collectors  rsyslog, syslog-ng, logrotate, Prometheus with packaging/ (root)'
	@echo 'make check-live    real TCP in own namespaces on this kernel (root)'
	@echo 'make check-vm      the same on Debian kernels in QEMU'
	@echo 'make check-asan    unit, golden and live tests with ASan and UBSan'
	@echo 'make check-fuzz    each fuzzer for FUZZ_SECONDS=10'
	@echo 'make check-build   gcc and clang, what a change rebuilds, install'
	@echo 'make check-package the Debian package, built in a copy; recipes for containers'
	@echo 'make check-lint    shell scripts, man page, licence lines'
	@echo 'make bench         what tracing costs'
	@echo 'make soak          10 million events through rsyslog, a stopped reader, kill -9 (EVENTS=...)'
	@echo 'make install       DESTDIR= PREFIX=$(PREFIX) (also: uninstall)'
	@echo 'make clean         keeps downloaded kernels'

-include $(BPF_OBJS:.o=.d) $(LIB_OBJS:.o=.d) $(B)/user/main.d $(UNIT:=.d) $(B)/tests/records.d \
	$(FUZZ:=.d) $(FUZZ_OBJS:.o=.d)
