/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/ctl/ctl.h"

static enum ctl_exit ctl_help(int argc, char **argv);

static const struct verb {
	const char *name, *options, *what;
	enum ctl_exit (*run)(int argc, char **argv);
} verbs[] = {
	{"status", "[--json] [--socket PATH]", "what is in force, and what comes", ctl_status},
	{"version", "[--json] [--socket PATH]", "of cutoffctl, and of the cutoffd that runs",
	 ctl_version},
	{"reload", "[--json] [--socket PATH]", "have the settings read again", ctl_reload},
	{"help", "", "this text", ctl_help},
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void usage(FILE *out)
{
	fputs("usage: cutoffctl VERB [OPTIONS]\n\n", out);
	for (size_t i = 0; i < VERBS; i++)
		fprintf(out, "  %-8s %-25s %s\n", verbs[i].name, verbs[i].options, verbs[i].what);
	fputs("\nExit status: 0 well, 1 failed, 2 usage, 3 cutoffd is not running, 4 not "
	      "permitted.\n",
	      out);
}

static enum ctl_exit ctl_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	usage(stdout);
	return CTL_OK;
}

static const struct verb *find_verb(const char *name)
{
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	for (size_t i = 0; i < VERBS; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct verb *verb = argc > 1 ? find_verb(argv[1]) : NULL;

	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		puts("cutoffctl " CUTOFFD_VERSION);
		return CTL_OK;
	}
	if (verb) {
		enum ctl_exit result = verb->run(argc - 1, argv + 1);

		if (fflush(stdout) == 0 && !ferror(stdout))
			return (int)result;
		fprintf(stderr, "cutoffctl: standard output: %s\n", strerror(errno));
		return CTL_FAILURE;
	}
	if (argc > 1)
		fprintf(stderr, "cutoffctl: unknown verb %s\n", argv[1]);
	usage(stderr);
	return CTL_USAGE;
}
