/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Network namespaces that only the test's own process holds, and commands in them.
 */
#ifndef CUTOFFD_TESTS_RULESET_NAMESPACE_H
#define CUTOFFD_TESTS_RULESET_NAMESPACE_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

__attribute__((format(printf, 1, 2))) static inline void run(const char *format, ...)
{
	char command[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (system(command) != 0)
		fail_msg("%s", command);
}

/* Who runs one program by hand, and is not root, is told so. */
static inline bool net_may(void)
{
	if (geteuid() == 0)
		return true;
	puts("ok - skipped # SKIP network namespaces need root");
	return false;
}

static inline int net_namespace(void)
{
	int fd;

	assert_return_code(unshare(CLONE_NEWNET), errno);
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_return_code(fd, errno);
	/* Without waiting for addresses to be found unique. */
	run("ip link set lo up; sysctl -qw net.ipv6.conf.default.accept_dad=0 "
	    "net.ipv6.conf.default.dad_transmits=0");
	return fd;
}

#endif
