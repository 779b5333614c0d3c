/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "daemon/check.h"
#include "daemon/enforcer/enforcer.h"
#include "daemon/enforcer/restore.h"
#include "daemon/recorder/recorder.h"
#include "daemon/replay.h"
#include "daemon/sensor/sensor_main.h"

#define ROLE_ARGUMENTS 3 /* verb, index and the parent's process id, before the role's own */

static const char usage[] =
	"usage: cutoffd VERB [OPTION]… [FILE]…\n"
	"\n"
	"  run             watch and enforce (the service; needs root)\n"
	"  check           read the settings and say what would be in force\n"
	"  replay          read capture files as the gateway would have seen them\n"
	"  restore         put the cutoffs in force at boot, before the network is up\n"
	"  stop-enforcing  end the daemon and remove its table from the kernel (root's order "
	"only)\n"
	"  unlatch         lift what a wrong clock has latched (root's order only)\n"
	"  version         the version\n"
	"  help            this text\n"
	"\n"
	"`cutoffd VERB --help` says more; cutoffd(8) and cutoffd.yaml(5) say all.\n";

/* -c FILE and nothing else: what run and stop-enforcing take. */
static int with_config(int argc, char **argv, int (*act)(const char *config))
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *config = SYSCONFDIR "/cutoffd/cutoffd.yaml";
	int c;

	while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		if (c == 'c') {
			config = optarg;
			continue;
		}
		fprintf(c == 'h' ? stdout : stderr, "usage: cutoffd %s [-c FILE]\n", argv[0]);
		return c == 'h' ? EXIT_SUCCESS : 2;
	}
	if (optind < argc) {
		fprintf(stderr, "cutoffd %s: takes no argument: %s\n", argv[0], argv[optind]);
		return 2;
	}
	return act(config);
}

static int verb_run(int argc, char **argv)
{
	return with_config(argc, argv, enforcer_run);
}

static int verb_stop(int argc, char **argv)
{
	return with_config(argc, argv, enforcer_stop);
}

static int usage_unlatch(int status)
{
	fputs("usage: cutoffd unlatch [-c FILE] STAGE --reason TEXT\n"
	      "STAGE: its number, or MEASURE/STAGE[/VENDOR.SERVICE/SCOPE], or waiver/ID\n",
	      status == EXIT_SUCCESS ? stdout : stderr);
	return status;
}

static int verb_unlatch(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"reason", required_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *config = SYSCONFDIR "/cutoffd/cutoffd.yaml", *reason = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		if (c == 'c')
			config = optarg;
		else if (c == 'r')
			reason = optarg;
		else
			return usage_unlatch(c == 'h' ? EXIT_SUCCESS : 2);
	}
	if (!reason || optind + 1 != argc)
		return usage_unlatch(2);
	return enforcer_unlatch(config, argv[optind], reason);
}

static int verb_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("cutoffd " CUTOFFD_VERSION);
	return EXIT_SUCCESS;
}

static int verb_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	fputs(usage, stdout);
	return EXIT_SUCCESS;
}

static int verb_sensor(int argc, char **argv)
{
	return sensor_main(argc - 1, argv + 1);
}

static int verb_recorder(int argc, char **argv)
{
	if (argc < ROLE_ARGUMENTS) {
		fputs("cutoffd recorder: started by `cutoffd run` only\n", stderr);
		return EXIT_FAILURE;
	}
	prctl(PR_SET_NAME, "cutoffd:record"); /* after exec of /proc/self/exe it is called "exe" */
	return recorder_main(argc - (ROLE_ARGUMENTS - 1), argv + (ROLE_ARGUMENTS - 1));
}

static const struct {
	const char *name;
	int (*act)(int argc, char **argv);
} verbs[] = {
	{"run", verb_run},
	{"check", check_main},
	{"replay", replay_main},
	{"restore", restore_main},
	{"stop-enforcing", verb_stop},
	{"unlatch", verb_unlatch},
	{"version", verb_version},
	{"--version", verb_version},
	{"help", verb_help},
	{"--help", verb_help},
	{"-h", verb_help},
	{"sensor", verb_sensor},
	{"recorder", verb_recorder},
};

int main(int argc, char **argv)
{
	if (argc < 2) {
		fputs(usage, stderr);
		return 2;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].act(argc - 1, argv + 1);
	fprintf(stderr, "cutoffd: no verb \"%s\"\n%s", argv[1], usage);
	return 2;
}
