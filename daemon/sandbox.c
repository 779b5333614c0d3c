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

#include "daemon/channel.h"

#define FIRST_DESCRIPTOR 3
#define DESCRIPTORS_MAX 8
#define NOBODY 65534
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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

int sandbox_keep(const int *capabilities, size_t count)
{
	bool may_bound = sandbox_has_capability(CAP_SETPCAP);

	capng_clear(CAPNG_SELECT_BOTH);
	for (size_t i = 0; i < count; i++)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET,
			     (unsigned int)capabilities[i]);
	/* Under systemd the bounding set is as small already, and not ours to change. */
	return capng_apply(may_bound ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) == 0 ? 0 : -EPERM;
}

bool sandbox_has_capability(int capability)
{
	return capng_get_caps_process() == 0 &&
	       capng_have_capability(CAPNG_EFFECTIVE, (unsigned int)capability) != 0;
}

/* A system call that is allowed: always, or (bound) only with this value as one of its arguments.
 */
struct allowed {
	int call;
	bool bound;
	unsigned int argument;
	uint64_t value;
};

#define ALWAYS(name)                                                                               \
	{                                                                                          \
		SCMP_SYS(name), false, 0, 0                                                        \
	}
#define ONLY(name, argument, value)                                                                \
	{                                                                                          \
		SCMP_SYS(name), true, argument, value                                              \
	}

/* What every role does once it runs: memory, waiting, time, its own end. */
static const struct allowed common_calls[] = {
	ALWAYS(read),
	ALWAYS(close),
	ALWAYS(poll),
	ALWAYS(ppoll),
	ALWAYS(brk),
	ALWAYS(munmap),
	ALWAYS(mremap),
	ALWAYS(madvise),
	ALWAYS(futex),
	ALWAYS(clock_gettime),
	ALWAYS(gettimeofday),
	ALWAYS(getrandom),
	ALWAYS(rt_sigreturn),
	ALWAYS(rt_sigprocmask),
	ALWAYS(restart_syscall),
	ALWAYS(exit),
	ALWAYS(exit_group),
	ALWAYS(getpid),
	ALWAYS(gettid),
	ALWAYS(getsockopt),
	ALWAYS(fstat),
	ALWAYS(newfstatat),
};

/* A capture's socket needs no capability to send a frame: the sensor's messages leave by its two
 * channels and its log only. It asks a memfd for its seals, and nothing else of a descriptor. */
static const struct allowed sensor_calls[] = {
	ONLY(write, 0, STDERR_FILENO),	       ONLY(sendmsg, 0, CHANNEL_ENFORCER_FD),
	ONLY(sendmsg, 0, CHANNEL_RECORDER_FD), ONLY(recvmsg, 0, CHANNEL_ENFORCER_FD),
	ONLY(fcntl, 1, F_GET_SEALS),
};

/* The recorder also waits by sd-event, writes files of its own, and answers on a socket. It can
 * make no socket of its own. */
static const struct allowed recorder_calls[] = {
	ALWAYS(write),
	ALWAYS(writev),
	ALWAYS(sendmsg),
	ALWAYS(sendto),
	ALWAYS(recvmsg),
	ALWAYS(recvfrom),
	ALWAYS(accept4),
	ALWAYS(openat),
	ALWAYS(fsync),
	ALWAYS(fdatasync),
	ALWAYS(epoll_create1),
	ALWAYS(epoll_ctl),
	ALWAYS(epoll_wait),
	ALWAYS(epoll_pwait),
	ALWAYS(epoll_pwait2),
	ALWAYS(timerfd_create),
	ALWAYS(timerfd_settime),
	ALWAYS(signalfd4),
	ALWAYS(fcntl),
	ALWAYS(getsockname),
	ALWAYS(ftruncate),
	ALWAYS(getuid),
	ALWAYS(geteuid),
	ALWAYS(shutdown),
	ALWAYS(rt_sigaction),
	ALWAYS(memfd_create),
	ALWAYS(eventfd2),
	ALWAYS(readlink),
	ALWAYS(access),
	ALWAYS(faccessat2),
	ALWAYS(dup),
	ALWAYS(lseek),
	ALWAYS(pread64),
};

static int allow(scmp_filter_ctx filter, const struct allowed *calls, size_t count)
{
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		const struct scmp_arg_cmp value =
			SCMP_CMP64(calls[i].argument, SCMP_CMP_EQ, calls[i].value);

		r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, calls[i].call,
					   calls[i].bound ? 1 : 0, &value);
	}
	return r;
}

/* Memory that is never code, and signals to nobody but itself: as nobody, roles share a user. */
static int allow_bound(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp not_executable = SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const struct scmp_arg_cmp own = SCMP_A0_64(SCMP_CMP_EQ, (uint64_t)getpid());
	int r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, &not_executable);

	if (r == 0)
		r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
					   &not_executable);
	if (r == 0)
		r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &own);
	return r;
}

#ifdef SANDBOX_WIDE
/* The sanitizers' runtimes read /proc, map code and start a symbolizer: this build forbids only
 * what a test must see forbidden. Never shipped. */
static const uint32_t filter_default = SCMP_ACT_ALLOW;

static int fill_filter(scmp_filter_ctx filter, enum sandbox_role role)
{
	(void)allow;
	(void)allow_bound;
	(void)common_calls;
	(void)sensor_calls;
	(void)recorder_calls;
	if (role == SANDBOX_RECORDER)
		return seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(ptrace), 0);
	return seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(socket), 0);
}
#else
static const uint32_t filter_default = SCMP_ACT_KILL_PROCESS;

static int fill_filter(scmp_filter_ctx filter, enum sandbox_role role)
{
	int r = allow(filter, common_calls, COUNT(common_calls));

	if (r == 0)
		r = allow_bound(filter);
	if (r != 0)
		return r;
	return role == SANDBOX_SENSOR ? allow(filter, sensor_calls, COUNT(sensor_calls))
				      : allow(filter, recorder_calls, COUNT(recorder_calls));
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
