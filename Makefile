# cutoffd. `make`, `make check`, `make demo`; README.md says more.
VERSION := 0.1.0
BUILD ?= build
CC ?= gcc
PKG_CONFIG ?= pkg-config
PYTHON ?= /usr/bin/python3

prefix ?= /usr
sysconfdir ?= /etc

PACKAGES := libpcap libndpi libnftnl libmnl libfyaml jansson libsystemd libseccomp libcap-ng \
	libcrypto
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wswitch-enum \
	-Wformat=2 -Wvla -Wpointer-arith -Wundef -Wwrite-strings
ifdef CI
WARNINGS += -Werror
endif
HARDENING := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE -fstack-clash-protection
OPTIMISE ?= -O2 -g
CPPFLAGS += -I. -D_GNU_SOURCE -DCUTOFFD_VERSION='"$(VERSION)"' -DPREFIX='"$(prefix)"' \
	-DSYSCONFDIR='"$(sysconfdir)"' $(EXTRA_CPPFLAGS)
CFLAGS += -std=gnu11 $(OPTIMISE) $(WARNINGS) $(HARDENING) $(PACKAGE_CFLAGS) $(SANITIZE)
LDFLAGS += -pie -Wl,-z,relro,-z,now $(SANITIZE)
PACKAGE_CFLAGS = $(shell $(PKG_CONFIG) --cflags $(PACKAGES))
LDLIBS = $(shell $(PKG_CONFIG) --libs $(PACKAGES))

SOURCES := $(wildcard classifiers/*.c daemon/*.c daemon/sensor/*.c daemon/policy/*.c \
	daemon/settings/*.c daemon/enforcer/*.c daemon/recorder/*.c daemon/ctl/*.c)
MAINS := daemon/main.c daemon/ctl/cutoffctl.c
OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(MAINS),$(SOURCES)))
PROGRAMS := $(patsubst %,$(BUILD)/%,$(if $(wildcard daemon/main.c),cutoffd) \
	$(if $(wildcard daemon/ctl/cutoffctl.c),cutoffctl))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/*_test.c))

.PHONY: all
all: $(PROGRAMS)

$(BUILD)/cutoffd: $(BUILD)/daemon/main.o $(BUILD)/libcutoffd.a
$(BUILD)/cutoffctl: $(BUILD)/daemon/ctl/cutoffctl.o $(BUILD)/libcutoffd.a
$(PROGRAMS):
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/libcutoffd.a: $(OBJECTS)
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/libcutoffd.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

.PHONY: unit
unit: $(UNIT_TESTS)
	@set -e; for t in $(UNIT_TESTS); do $$t; done

.PHONY: format
format:
	clang-format -i $(wildcard classifiers/*.[ch] daemon/*.[ch] daemon/*/*.[ch] tests/*/*.[ch])

.PHONY: clean
clean:
	rm -rf $(BUILD) compile_commands.json

-include $(shell [ -d $(BUILD) ] && find $(BUILD) -name '*.d')
