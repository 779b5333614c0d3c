# cutoffd. `make`, `make check`, `make demo`; README.md says more.
VERSION := 0.1.0
BUILD ?= build
ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang-14
CLANG_FORMAT ?= clang-format-14
PKG_CONFIG ?= pkg-config
PYTHON ?= /usr/bin/python3
export PYTHON

prefix ?= /usr
sysconfdir ?= /etc
sbindir = $(prefix)/sbin
bindir = $(prefix)/bin
datadir = $(prefix)/share
unitdir = $(prefix)/lib/systemd/system
sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d
docdir = $(datadir)/doc/cutoffd

PACKAGES := libpcap libndpi libnftnl libmnl libfyaml jansson libsystemd libseccomp libcap-ng \
	libcrypto
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wswitch-enum \
	-Wformat=2 -Wvla -Wpointer-arith -Wundef -Wwrite-strings
HARDENING := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE -fstack-clash-protection
OPTIMISE ?= -O2 -g
CPPFLAGS += -I. -D_GNU_SOURCE -DCUTOFFD_VERSION='"$(VERSION)"' -DPREFIX='"$(prefix)"' \
	-DSYSCONFDIR='"$(sysconfdir)"' $(EXTRA_CPPFLAGS)
# When the sources were last changed, seconds since 1970: no right clock shows an earlier time.
BUILD_TIME := $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null || \
	stat -c %Y CHANGELOG.md))
CFLAGS += -std=gnu11 $(OPTIMISE) $(WARNINGS) $(HARDENING) $(PACKAGE_CFLAGS) $(SANITIZE)
LDFLAGS += -pie -Wl,-z,relro,-z,now,--as-needed $(SANITIZE)
PACKAGE_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null)
LDLIBS := $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null)
MISSING := $(shell $(PKG_CONFIG) --exists --print-errors $(PACKAGES) 2>&1)
ifdef CI
WERROR := -Werror
endif

SOURCES := $(wildcard classifiers/*.c daemon/*.c daemon/sensor/*.c daemon/policy/*.c \
	daemon/settings/*.c daemon/enforcer/*.c daemon/recorder/*.c daemon/ctl/*.c)
HEADERS := $(wildcard classifiers/*.h daemon/*.h daemon/*/*.h tests/*/*.h)
MAINS := daemon/main.c daemon/ctl/cutoffctl.c
OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(MAINS),$(SOURCES)))
PROGRAMS := $(patsubst %,$(BUILD)/%,$(if $(wildcard daemon/main.c),cutoffd) \
	$(if $(wildcard daemon/ctl/cutoffctl.c),cutoffctl))

# A test program of each C file below tests/: unit tests, the runners' own tools, benchmarks.
TEST_SOURCES := $(wildcard tests/*/*.c)
FUZZ_SOURCES := $(filter tests/fuzz/%_fuzz.c,$(TEST_SOURCES))
UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(filter tests/unit/%_test.c,$(TEST_SOURCES)))
BENCHES := $(patsubst %.c,$(BUILD)/%,$(filter tests/bench/%.c,$(TEST_SOURCES)))
TEST_TOOLS := $(patsubst %.c,$(BUILD)/%,$(filter-out tests/unit/% tests/fuzz/% tests/bench/%, \
	$(TEST_SOURCES)))
FUZZ_TARGETS := $(patsubst %.c,$(BUILD)/%,$(FUZZ_SOURCES))

.PHONY: all
all: $(PROGRAMS)

.PHONY: tests
tests: all $(UNIT_TESTS) $(TEST_TOOLS)

$(BUILD)/cutoffd: $(BUILD)/daemon/main.o $(BUILD)/libcutoffd.a
$(BUILD)/cutoffctl: $(BUILD)/daemon/ctl/cutoffctl.o $(BUILD)/libcutoffd.a
$(PROGRAMS):
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/libcutoffd.a: $(OBJECTS)
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(WERROR) -MMD -MP -c -o $@ $<

# There alone, so that a commit makes nothing else anew.
$(BUILD)/daemon/clock.o: CPPFLAGS += -DBUILD_TIME=INT64_C\($(BUILD_TIME)\)

$(UNIT_TESTS) $(TEST_TOOLS) $(BENCHES): %: %.o $(BUILD)/libcutoffd.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

$(BUILD)/tests/fuzz/%.o: WARNINGS += -Wno-missing-prototypes # libFuzzer has no header
$(FUZZ_TARGETS): %: %.o $(BUILD)/libcutoffd.a
	$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)

# Other flags, another compiler: everything anew. (-Werror makes no other object.)
FLAGS := $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)
.PHONY: force
$(BUILD)/flags: force
	$(if $(MISSING),$(error $(MISSING) -- scripts/setup --build installs what is missing))
	$(if $(filter-out $(subst $() ,_,$(file <$@)),$(subst $() ,_,$(FLAGS))), \
		$(shell mkdir -p $(@D))$(file >$@,$(FLAGS)))

.SECONDARY: $(patsubst %.c,$(BUILD)/%.o,$(TEST_SOURCES))
-include $(patsubst %.c,$(BUILD)/%.d,$(SOURCES) $(TEST_SOURCES))

# ---- tests: scripts/check runs the suites and counts

.PHONY: check check-long
check check-long:
	+@BUILD=$(BUILD) MAKE='$(MAKE)' scripts/check $(if $(filter check-long,$@),--long)

.PHONY: unit golden settings ruleset fuzz-replay
unit golden settings ruleset: tests
	@BUILD=$(BUILD) scripts/suite $@
fuzz-replay: fuzz-programs
	@BUILD=$(BUILD) scripts/suite $@

# Sanitizers abort where the sandbox forbids what only they need: hence a wider one, here only. They
# also make gcc warn of what cannot be.
SAN_FLAGS := BUILD=$(BUILD)/san SANITIZE='-fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer' HARDENING= OPTIMISE='-O1 -g' \
	EXTRA_CPPFLAGS=-DSANDBOX_WIDE WERROR=
.PHONY: san san-programs
san-programs:
	$(MAKE) $(SAN_FLAGS) tests
san: san-programs
	@BUILD=$(BUILD)/san scripts/suite unit golden

.PHONY: valgrind
valgrind: tests
	@BUILD=$(BUILD) scripts/suite valgrind

.PHONY: lab demo
ifdef SAN
lab: san-programs
	@BUILD=$(BUILD)/san scripts/suite lab
else
lab: tests
	@BUILD=$(BUILD) scripts/suite lab
endif
demo:
	+@BUILD=$(BUILD) MAKE='$(MAKE)' scripts/demo

# make fuzz T=decode TIME=60; all targets without T.
TIME ?= 60
.PHONY: fuzz fuzz-programs
fuzz-programs:
	$(MAKE) CC=$(CLANG) BUILD=$(BUILD)/fuzz HARDENING= OPTIMISE='-O1 -g' \
		SANITIZE='-fsanitize=fuzzer-no-link,address,undefined \
		-fno-sanitize-recover=undefined' WERROR= fuzz-targets
fuzz: fuzz-programs
	@BUILD=$(BUILD) scripts/fuzz '$(TIME)' $(T)
.PHONY: fuzz-targets
fuzz-targets: $(FUZZ_TARGETS)

.PHONY: bench
bench: all $(BENCHES)
	@BUILD=$(BUILD) scripts/bench

.PHONY: cover
cover:
	$(MAKE) BUILD=$(BUILD)/cover HARDENING= OPTIMISE='-O0 -g' SANITIZE=--coverage tests
	@BUILD=$(BUILD)/cover scripts/cover

.PHONY: update-golden
update-golden: tests
	@BUILD=$(BUILD) scripts/update-golden

.PHONY: lint format
lint: compile_commands.json
	@CLANG_FORMAT=$(CLANG_FORMAT) scripts/lint
format:
	$(CLANG_FORMAT) -i $(SOURCES) $(HEADERS) $(TEST_SOURCES)

# ---- installing

# What systemd, the shipped policy and the programs say of paths is written for /usr and /etc.
RELOCATE = sed -e 's,/usr/sbin/,$(sbindir)/,g' -e 's,/usr/bin/,$(bindir)/,g' \
	-e 's,/usr/share/,$(datadir)/,g' -e 's,/etc/cutoffd,$(sysconfdir)/cutoffd,g'
# In the tree the packs stand beside the policy; installed, those of the site come after the shipped.
RELOCATE_POLICY = $(RELOCATE) -e 's,^packs: \[\.\],packs: [$(datadir)/cutoffd\, .],'
ETC = $(DESTDIR)$(sysconfdir)/cutoffd

INSTALLED = $(patsubst %,$(sbindir)/%,$(filter cutoffd,$(notdir $(PROGRAMS)))) \
	$(patsubst %,$(bindir)/%,$(filter cutoffctl,$(notdir $(PROGRAMS)))) \
	$(patsubst config/%,$(datadir)/cutoffd/%,$(PACKS) $(SCHEMAS)) \
	$(patsubst systemd/%,$(unitdir)/%,$(UNITS)) \
	$(sysusersdir)/cutoffd.conf $(tmpfilesdir)/cutoffd.conf \
	$(patsubst daemon/%,$(datadir)/man/man8/%,$(MAN8)) \
	$(patsubst config/%,$(datadir)/man/man5/%,$(MAN5)) \
	$(patsubst %,$(docdir)/%,$(DOCS))
PACKS := $(wildcard config/vendors/* config/measures/*)
SCHEMAS := $(wildcard config/*.schema.json)
UNITS := $(wildcard systemd/*.service)
MAN8 := $(wildcard daemon/*.8)
MAN5 := $(wildcard config/*.5)
DOCS := README.md CHANGELOG.md LICENSE

.PHONY: install uninstall
install: all
	install -d $(addprefix $(DESTDIR),$(sort $(dir $(INSTALLED)))) $(ETC)/vendors \
		$(ETC)/measures $(ETC)/waivers.d
	install -m 755 $(BUILD)/cutoffd $(DESTDIR)$(sbindir)/
	install -m 755 $(filter %/cutoffctl,$(PROGRAMS)) $(DESTDIR)$(bindir)/
	install -m 644 $(filter config/vendors/%,$(PACKS)) $(DESTDIR)$(datadir)/cutoffd/vendors/
	install -m 644 $(filter config/measures/%,$(PACKS)) $(DESTDIR)$(datadir)/cutoffd/measures/
	install -m 644 $(SCHEMAS) $(DESTDIR)$(datadir)/cutoffd/
	install -m 644 $(MAN8) $(DESTDIR)$(datadir)/man/man8/
	install -m 644 $(MAN5) $(DESTDIR)$(datadir)/man/man5/
	install -m 644 $(DOCS) $(DESTDIR)$(docdir)/
	for unit in $(notdir $(UNITS)); do $(RELOCATE) systemd/$$unit \
		>$(DESTDIR)$(unitdir)/$$unit || exit 1; done
	$(RELOCATE) systemd/cutoffd.sysusers >$(DESTDIR)$(sysusersdir)/cutoffd.conf
	$(RELOCATE) systemd/cutoffd.tmpfiles >$(DESTDIR)$(tmpfilesdir)/cutoffd.conf
	$(RELOCATE_POLICY) config/cutoffd.yaml >$(ETC)/cutoffd.yaml.new
	@if [ ! -e $(ETC)/cutoffd.yaml ] || cmp -s $(ETC)/cutoffd.yaml $(ETC)/cutoffd.yaml.new; then \
		mv $(ETC)/cutoffd.yaml.new $(ETC)/cutoffd.yaml; \
	else \
		echo "kept $(ETC)/cutoffd.yaml; what this version ships is cutoffd.yaml.new beside it"; \
	fi

uninstall:
	rm -f $(addprefix $(DESTDIR),$(INSTALLED)) $(ETC)/cutoffd.yaml.new
	@if $(RELOCATE_POLICY) config/cutoffd.yaml | cmp -s - $(ETC)/cutoffd.yaml; then \
		rm $(ETC)/cutoffd.yaml; \
	elif [ -e $(ETC)/cutoffd.yaml ]; then \
		echo "kept $(ETC)/cutoffd.yaml: it was changed"; \
	fi
	@rmdir --ignore-fail-on-non-empty $(wildcard $(ETC)/waivers.d $(ETC)/vendors \
		$(ETC)/measures $(ETC) $(addprefix $(DESTDIR),$(datadir)/cutoffd/vendors \
		$(datadir)/cutoffd/measures $(datadir)/cutoffd $(docdir)))

# ---- for editors and clang-tidy

json_string = "$(subst ",\",$(1))"
define compile_command
$(if $(filter-out $(firstword $(SOURCES)),$(1)),$(comma))
{"directory": $(call json_string,$(CURDIR)), "file": $(call json_string,$(1)),
"command": $(call json_string,$(CC) $(CPPFLAGS) -DBUILD_TIME=0 $(CFLAGS) -c $(1))}
endef
comma := ,
.PHONY: compile_commands.json
compile_commands.json:
	$(file >$@,[$(foreach f,$(SOURCES) $(TEST_SOURCES),$(call compile_command,$(f)))])

.PHONY: clean
clean:
	rm -rf $(BUILD) compile_commands.json
