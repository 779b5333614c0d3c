/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/host_system.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/sandbox.h"

#define IPV4_FORWARD "net/ipv4/ip_forward"
#define IPV6_FORWARD "net/ipv6/conf/all/forwarding"
#define TCP_LOOSE "net/netfilter/nf_conntrack_tcp_loose"
#define ZONES "/usr/share/zoneinfo"

/* The first figure of /proc/sys/NAME; -1: there is no such file. */
static int sysctl_value(const char *name)
{
	char path[PATH_MAX], text[16] = "";
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 ? (int)strtol(text, NULL, 10) : -1;
}

static void look_at_forwarding(struct host *host)
{
	if (sysctl_value(IPV4_FORWARD) == 0)
		host_add(
			host, HOST_WARNING, "sysctl net.ipv4.ip_forward",
			"this machine forwards no IPv4 packets, so only its own are judged; set it "
			"to 1 if it is to be the gateway");
	if (sysctl_value(IPV6_FORWARD) == 0)
		host_add(host, HOST_NOTE, "sysctl net.ipv6.conf.all.forwarding",
			 "this machine forwards no IPv6 packets; set it to 1 if its clients have "
			 "IPv6");
}

/* A flow whose entry was lost has no class until it is picked up again, and it is not where this is
 * 0. */
static void look_at_conntrack(struct host *host)
{
	if (sysctl_value(TCP_LOOSE) == 0)
		host_add(host, HOST_WARNING, "sysctl net.netfilter.nf_conntrack_tcp_loose",
			 "a TCP connection whose conntrack entry was lost is not tracked again: it "
			 "has no class and passes; set it to 1");
}

static bool is_in_sysfs(const char *interface, const char *what)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", interface, what);
	return access(path, F_OK) == 0;
}

static void look_at_bridge_calls(struct host *host, const char *place)
{
	static const char *const names[] = {"net/bridge/bridge-nf-call-iptables",
					    "net/bridge/bridge-nf-call-ip6tables"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int value = sysctl_value(names[i]);

		if (value <= 0)
			host_add(host, HOST_WARNING, place,
				 "%s that are bridged, not routed, are not judged; %ssysctl "
				 "net.bridge.bridge-nf-call-ip%stables=1",
				 i == 0 ? "IPv4 packets" : "IPv6 packets",
				 value < 0 ? "modprobe br_netfilter, then " : "",
				 i == 0 ? "" : "6");
	}
}

static void look_at_interface(struct host *host, int fd, const char *name, bool bridges_matter)
{
	struct ifreq request = {0};
	char place[IFNAMSIZ + 16];

	snprintf(place, sizeof(place), "interface %.*s", IFNAMSIZ, name);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (strlen(name) >= IFNAMSIZ || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		host_add(host, HOST_WARNING, place,
			 "there is none of this name now, and cutoffd is not ready until there is; "
			 "see `ip link`, or mend `interfaces:`");
	else if (!(request.ifr_flags & IFF_UP))
		host_add(host, HOST_WARNING, place, "it is down; `ip link set %s up`", name);
	else if (!(request.ifr_flags & IFF_RUNNING))
		host_add(host, HOST_NOTE, place, "it has no carrier; look at its cable or peer");
	if (bridges_matter && (is_in_sysfs(name, "bridge") || is_in_sysfs(name, "brport")))
		look_at_bridge_calls(host, place);
}

static void look_at_interfaces(struct host *host, const struct settings *settings)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		host_add(host, HOST_NOTE, "interfaces", "they were not looked at: %s",
			 strerror(errno));
		return;
	}
	for (size_t i = 0; i < settings->interfaces_count; i++)
		look_at_interface(host, fd, settings->interfaces[i],
				  settings->capture != CAPTURE_TAP);
	close(fd);
}

static void look_at_users(struct host *host)
{
	static const struct {
		enum sandbox_role role;
		const char *place;
	} users[] = {{SANDBOX_SENSOR, "user cutoffd-sensor"},
		     {SANDBOX_RECORDER, "user cutoffd-recorder"}};

	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++)
		if (sandbox_user(users[i].role).fallback)
			host_add(host, HOST_WARNING, users[i].place,
				 "there is none, so its process runs as user nobody; run "
				 "systemd-sysusers");
}

static void look_at_filesystem(struct host *host, const char *place, const char *path)
{
	struct statvfs fs;

	if (statvfs(path, &fs) < 0)
		return;
	if (fs.f_flag & ST_RDONLY)
		host_add(host, HOST_ERROR, place,
			 "its file system is read-only; name another by the policy's key, or mount "
			 "it for writing");
	else if (fs.f_bavail == 0)
		host_add(host, HOST_WARNING, place, "its file system is full; make room");
}

/* By what the file system says, not by what this process may: the service runs as root. cutoffd
 * makes the directory itself where its parent is there. */
static void look_at_directory(struct host *host, const char *path, bool parent_will_do)
{
	char place[PATH_MAX + 16], above[PATH_MAX];
	struct stat st;

	snprintf(place, sizeof(place), "directory %s", path);
	snprintf(above, sizeof(above), "%s", path);
	if (stat(path, &st) == 0) {
		if (!S_ISDIR(st.st_mode))
			host_add(host, HOST_ERROR, place, "it is no directory; name another");
		else
			look_at_filesystem(host, place, path);
	} else if (errno == EACCES) {
		host_add(host, HOST_NOTE, place, "it was not looked at: %s; call it as root",
			 strerror(errno));
	} else if (parent_will_do) {
		look_at_directory(host, dirname(above), false);
	} else {
		host_add(host, HOST_ERROR, place, "%s; make it", strerror(errno));
	}
}

static void look_at_directories(struct host *host, const struct settings *settings)
{
	char events[PATH_MAX];
	const char *folder;

	look_at_directory(host, settings->state, true);
	look_at_directory(host, settings->runtime, true);
	if (strcmp(settings->events, "-") == 0)
		return;
	snprintf(events, sizeof(events), "%s", settings->events);
	folder = dirname(events);
	if (strcmp(folder, settings->state) != 0)
		look_at_directory(host, folder, false);
}

static void look_at_time(struct host *host)
{
	if (!clock_synchronised())
		host_add(host, HOST_WARNING, "clock",
			 "the kernel does not hold it for synchronised, and cutoffs happen by it; "
			 "run chrony, systemd-timesyncd or another NTP client");
	if (access(ZONES, F_OK) != 0)
		host_add(host, HOST_WARNING, ZONES,
			 "there is no data of time zones, in which measures write their dates; "
			 "install tzdata");
}

void host_system_look(struct host *host, const struct settings *settings)
{
	if (settings->capture != CAPTURE_TAP) {
		look_at_forwarding(host);
		look_at_conntrack(host);
	}
	look_at_interfaces(host, settings);
	look_at_users(host);
	look_at_directories(host, settings);
	look_at_time(host);
}
