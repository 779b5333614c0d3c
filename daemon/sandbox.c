/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define FIRST_DESCRIPTOR 3
#define DESCRIPTORS_MAX 8
#define NOBODY 65534

static const char *const users[] = {
	[SANDBOX_SENSOR] = "cutoffd-sensor",
	[SANDBOX_RECORDER] = "cutoffd-recorder",
};

struct sandbox_user sandbox_user(enum sandbox_role role)
{
	const struct passwd *entry = getpwnam(users[role]);

	if (!entry)
		return (struct sandbox_user){.uid = NOBODY, .gid = NOBODY, .fallback = true};
	return (struct sandbox_user){.uid = entry->pw_uid, .gid = entry->pw_gid};
}

int sandbox_become(const struct sandbox_user *user, bool keep_net_raw)
{
	capng_clear(CAPNG_SELECT_ALL);
	if (keep_net_raw)
		capng_update(CAPNG_ADD,
			     CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE | CAPNG_AMBIENT,
			     CAP_NET_RAW);
	if (capng_change_id((int)user->uid, (int)user->gid, CAPNG_DROP_SUPP_GRP) != 0)
		return -EPERM;
	if (keep_net_raw && capng_apply(CAPNG_SELECT_AMBIENT) != 0)
		return -EPERM;
	return 0;
}

/* Out of the way of the numbers that are about to be filled. */
static int lift(int fd)
{
	int lifted = fcntl(fd, F_DUPFD, FIRST_DESCRIPTOR + DESCRIPTORS_MAX);

	return lifted < 0 ? -errno : lifted;
}

int sandbox_descriptors(const int *fds, size_t count)
{
	int lifted[DESCRIPTORS_MAX], null_fd;

	if (count > DESCRIPTORS_MAX)
		return -EINVAL;
	null_fd = open("/dev/null", O_RDWR);
	if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0)
		return -errno;
	for (size_t i = 0; i < count; i++) {
		lifted[i] = fds[i] < 0 ? -1 : lift(fds[i]);
		if (lifted[i] < -1)
			return lifted[i];
	}
	for (size_t i = 0; i < count; i++) {
		int wanted = FIRST_DESCRIPTOR + (int)i;

		if (lifted[i] < 0)
			close(wanted);
		else if (dup2(lifted[i], wanted) < 0)
			return -errno;
	}
	return close_range(FIRST_DESCRIPTOR + (unsigned int)count, ~0U, 0) == 0 ? 0 : -errno;
}

bool sandbox_follow_parent(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return getppid() == parent;
}

bool sandbox_has_capability(int capability)
{
	return capng_get_caps_process() == 0 &&
	       capng_have_capability(CAPNG_EFFECTIVE, (unsigned int)capability) != 0;
}

/* What every role does once it runs: memory, messages on open sockets, time, its own end. */
static const int common_calls[] = {
	SCMP_SYS(read),		  SCMP_SYS(write),
	SCMP_SYS(close),	  SCMP_SYS(sendmsg),
	SCMP_SYS(sendto),	  SCMP_SYS(recvmsg),
	SCMP_SYS(recvfrom),	  SCMP_SYS(poll),
	SCMP_SYS(ppoll),	  SCMP_SYS(brk),
	SCMP_SYS(munmap),	  SCMP_SYS(mremap),
	SCMP_SYS(madvise),	  SCMP_SYS(futex),
	SCMP_SYS(clock_gettime),  SCMP_SYS(gettimeofday),
	SCMP_SYS(getrandom),	  SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),		  SCMP_SYS(exit_group),
	SCMP_SYS(getpid),	  SCMP_SYS(gettid),
	SCMP_SYS(tgkill),	  SCMP_SYS(getsockopt),
	SCMP_SYS(fstat),	  SCMP_SYS(newfstatat),
	SCMP_SYS(lseek),	  SCMP_SYS(pread64),
};

/* The recorder also waits by sd-event, writes files of its own, and answers on a socket. */
static const int recorder_calls[] = {
	SCMP_SYS(accept4),	SCMP_SYS(openat),	  SCMP_SYS(writev),
	SCMP_SYS(fsync),	SCMP_SYS(fdatasync),	  SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),	SCMP_SYS(epoll_wait),	  SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2), SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime),
	SCMP_SYS(signalfd4),	SCMP_SYS(fcntl),	  SCMP_SYS(getsockname),
	SCMP_SYS(ftruncate),	SCMP_SYS(prlimit64),	  SCMP_SYS(getuid),
	SCMP_SYS(geteuid),	SCMP_SYS(shutdown),	  SCMP_SYS(rt_sigaction),
	SCMP_SYS(memfd_create), SCMP_SYS(eventfd2),	  SCMP_SYS(readlink),
	SCMP_SYS(access),	SCMP_SYS(faccessat2),	  SCMP_SYS(dup),
	SCMP_SYS(socket),
};

static int allow(scmp_filter_ctx filter, const int *calls, size_t count)
{
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	return r;
}

/* Memory that is never code. */
static int allow_data_memory(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp not_executable = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	int r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, &not_executable);

	if (r == 0)
		r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
					   &not_executable);
	return r;
}

/* fcntl for nothing but to ask for a memfd's seals: a new catalogue comes as one. */
static int allow_seals(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp get_seals = SCMP_A1(SCMP_CMP_EQ, F_GET_SEALS);

	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, &get_seals);
}

#ifdef SANDBOX_WIDE
/* The sanitizers' runtimes read /proc, map code and start a symbolizer: this build forbids only
 * what a test must see forbidden. Never shipped. */
static const uint32_t filter_default = SCMP_ACT_ALLOW;

static int fill_filter(scmp_filter_ctx filter, enum sandbox_role role)
{
	(void)allow;
	(void)allow_data_memory;
	(void)allow_seals;
	(void)common_calls;
	(void)recorder_calls;
	if (role == SANDBOX_RECORDER)
		return seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(ptrace), 0);
	return seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(socket), 0);
}
#else
static const uint32_t filter_default = SCMP_ACT_KILL_PROCESS;

static int fill_filter(scmp_filter_ctx filter, enum sandbox_role role)
{
	int r = allow(filter, common_calls, sizeof(common_calls) / sizeof(common_calls[0]));

	if (r == 0)
		r = allow_data_memory(filter);
	if (r == 0 && role == SANDBOX_SENSOR)
		r = allow_seals(filter);
	if (r == 0 && role == SANDBOX_RECORDER)
		r = allow(filter, recorder_calls,
			  sizeof(recorder_calls) / sizeof(recorder_calls[0]));
	return r;
}
#endif

static int load_filter(enum sandbox_role role)
{
	scmp_filter_ctx filter = seccomp_init(filter_default);
	int r;

	if (!filter)
		return -ENOMEM;
	r = fill_filter(filter, role);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

int sandbox_close(enum sandbox_role role)
{
	tzset(); /* glibc reads /etc/localtime on its first use of a time, whichever */
	capng_clear(CAPNG_SELECT_ALL);
	/* The bounding set can only be dropped with CAP_SETPCAP; with no_new_privs and no
	 * capability it is a set of nothing to gain. */
	if (capng_apply(CAPNG_SELECT_CAPS) != 0 || capng_apply(CAPNG_SELECT_AMBIENT) != 0)
		return -EPERM;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return -errno;
	return load_filter(role);
}
