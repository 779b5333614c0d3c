/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/check.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/enforcer/host.h"
#include "daemon/enforcer/ruleset.h"
#include "daemon/enforcer/site.h"
#include "daemon/policy/numbers.h"
#include "daemon/policy/policy.h"
#include "daemon/settings/complaint.h"
#include "daemon/settings/settings.h"

struct options {
	const char *path;
	struct wall at;
	bool help, has_at, ruleset, host;
};

static const char usage[] =
	"usage: cutoffd check [-c FILE] [--at INSTANT] [--ruleset] [--host]\n"
	"  -c, --config FILE  the policy (" SYSCONFDIR "/cutoffd/cutoffd.yaml)\n"
	"      --at INSTANT   what would be in force as seen from then: 2024-09-29T04:00:00Z\n"
	"      --ruleset      the kernel's ruleset too, for reading, in nft's notation\n"
	"      --host         what on this machine could defeat or disturb it, too (as root)\n"
	"  -h, --help         this text\n"
	"Prints what would be in force, in order of time, or every error. Exit 0 or 1.\n";

static bool read_options(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
		{"config", required_argument, NULL, 'c'}, {"at", required_argument, NULL, 'a'},
		{"ruleset", no_argument, NULL, 'r'},	  {"host", no_argument, NULL, 'm'},
		{"help", no_argument, NULL, 'h'},	  {NULL, 0, NULL, 0},
	};
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, "c:h", table, NULL)) != -1) {
		if (option == 'c') {
			options->path = optarg;
		} else if (option == 'h') {
			options->help = true;
		} else if (option == 'r') {
			options->ruleset = true;
		} else if (option == 'm') {
			options->host = true;
		} else if (option != 'a') {
			return false;
		} else if (!wall_parse(optarg, &options->at)) {
			fprintf(stderr,
				"cutoffd check: `%s` is no instant; write one like "
				"2024-09-29T04:00:00Z\n",
				optarg);
			return false;
		} else {
			options->has_at = true;
		}
	}
	if (optind < argc)
		fprintf(stderr, "cutoffd check: `%s` is too much; name a file with -c\n",
			argv[optind]);
	return optind == argc;
}

/* false: the machine cannot do what the settings ask for. */
static bool print_host(const struct settings *settings, const struct ruleset *ruleset)
{
	struct host *host = host_look(settings, ruleset);
	bool good = host_count(host, HOST_ERROR) == 0;

	putchar('\n');
	host_print(host, stdout);
	host_free(host);
	return good;
}

/* On a mirror port there is no ruleset. */
static bool print_more(const struct options *options, const struct settings *settings,
		       const struct policy *policy, const struct numbers *numbers)
{
	struct ruleset *ruleset = NULL;
	bool good = true;

	if (settings->capture != CAPTURE_TAP)
		ruleset = site_ruleset(settings, policy, numbers, NULL);
	if (options->ruleset && ruleset) {
		putchar('\n');
		ruleset_print(ruleset, stdout);
	}
	if (options->host)
		good = print_host(settings, ruleset);
	ruleset_free(ruleset);
	return good;
}

static bool print_policy(const struct options *options, const struct settings *settings,
			 struct wall now)
{
	struct numbers *numbers = numbers_new();
	struct policy *policy = NULL;
	bool good = policy_compile(&settings->policy, numbers, &policy) == 0;

	if (good)
		settings_print(settings, policy, now, stdout);
	else
		fprintf(stderr, "cutoffd check: more services or stages than there are numbers; "
				"adopt less\n");
	if (good)
		good = print_more(options, settings, policy, numbers);
	policy_free(policy);
	numbers_free(numbers);
	return good;
}

static void print_count(size_t count, const char *what, const char *before)
{
	if (count > 0)
		fprintf(stderr, "%s%zu %s%s", before, count, what, count == 1 ? "" : "s");
}

static void print_complaints(const struct complaints *complaints)
{
	size_t errors = complaints_errors(complaints), warnings = complaints_warnings(complaints);

	complaints_print(complaints, stderr);
	print_count(errors, "error", "");
	print_count(warnings, "warning", errors > 0 ? ", " : "");
	if (errors + warnings > 0)
		fputc('\n', stderr);
}

static bool check(const struct options *options)
{
	struct complaints *complaints = complaints_new();
	struct settings *settings = settings_load(options->path, complaints);
	struct wall now = options->at;
	bool good = settings != NULL;

	if (settings && !options->has_at)
		now = wall_add(clock_wall(), settings->policy.offset_ns);
	if (settings) {
		settings_review(settings, now, complaints);
		good = print_policy(options, settings, now);
		if (fflush(stdout) != 0 || ferror(stdout)) {
			fprintf(stderr, "cutoffd check: standard output: %s\n", strerror(errno));
			good = false;
		}
	}
	print_complaints(complaints);
	settings_free(settings);
	complaints_free(complaints);
	return good;
}

int check_main(int argc, char **argv)
{
	struct options options = {.path = SYSCONFDIR "/cutoffd/cutoffd.yaml"};

	if (!read_options(argc, argv, &options)) {
		fputs(usage, stderr);
		return 1;
	}
	if (options.help) {
		fputs(usage, stdout);
		return 0;
	}
	return check(&options) ? 0 : 1;
}
