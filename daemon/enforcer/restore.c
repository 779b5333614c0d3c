/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/restore.h"

#include <errno.h>
#include <getopt.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/enforcer/compiled.h"
#include "daemon/enforcer/instance.h"
#include "daemon/enforcer/latch_file.h"
#include "daemon/enforcer/nft.h"
#include "daemon/enforcer/numbers_file.h"
#include "daemon/enforcer/site.h"
#include "daemon/log.h"
#include "daemon/sandbox.h"

struct options {
	const char *config, *state;
};

static const char usage[] =
	"usage: cutoffd restore [--state DIR] [-c FILE]\n"
	"      --state DIR    where the last compiled policy is kept (/var/lib/cutoffd)\n"
	"  -c, --config FILE  the policy to compile when that is missing or damaged\n"
	"                     (" SYSCONFDIR "/cutoffd/cutoffd.yaml)\n"
	"  -h, --help         this text\n"
	"Puts the cutoffs in force at boot, before the network is up; `cutoffd run` takes over.\n";

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
		{"config", required_argument, NULL, 'c'},
		{"state", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:h", table, NULL)) != -1) {
		if (option == 'c') {
			options->config = optarg;
		} else if (option == 's') {
			options->state = optarg;
		} else {
			fputs(usage, option == 'h' ? stdout : stderr);
			return option == 'h' ? EXIT_SUCCESS : 2;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "cutoffd restore: takes no argument: %s\n", argv[optind]);
	return 2;
}

/* The lock is held until this process ends: a `run` that starts meanwhile is told so. */
static int take_instance(const char *runtime, const char *state)
{
	char error[INSTANCE_ERROR];
	int r = instance_take(runtime, state, error);

	if (r != 0)
		log_error("instance", "%s", error);
	return r;
}

static int apply(const struct ruleset *ruleset, const struct policy *policy)
{
	char error[NFT_ERROR];
	struct nft *nft = nft_open(error);
	int r = nft ? nft_apply(nft, ruleset, error) : -EIO;

	nft_close(nft);
	if (r != 0) {
		log_error("nft", "%s", error);
		return r;
	}
	log_notice("nft", "table inet " RULESET_TABLE " is in force: %zu stages, mode %s%s",
		   policy->stages_count, policy->mode == MODE_ENFORCE ? "enforce" : "observe",
		   policy->offset_ns != 0 ? ", rehearsed at a shifted time" : "");
	return 0;
}

static bool disarmed(const char *state)
{
	if (!instance_is_disarmed(state))
		return false;
	log_notice("instance",
		   "%s/disarmed: `cutoffd stop-enforcing` was ordered, and holds until the next "
		   "`cutoffd run`; nothing is restored",
		   state);
	return true;
}

/* What was latched stays so, whatever the clock shows at boot. A file that cannot be read is a line
 * in the log: the rest is put in force all the same. */
static uint32_t *read_latch(const char *state, const struct policy *policy, size_t *count)
{
	struct latch *latch = latch_new();
	uint32_t *numbers;
	bool damaged;

	if (latch_file_load(latch, state, policy->offset_ns != 0, &damaged) != 0)
		log_warning("latch", "what was latched is not restored");
	numbers = latch_numbers(latch, false, count);
	latch_free(latch);
	return numbers;
}

static int restore_compiled(const struct compiled *compiled, const char *state)
{
	struct ruleset_options options = compiled->options;
	struct ruleset *ruleset;
	uint32_t *latched;
	int r = take_instance(compiled->runtime, state);

	if (r != 0)
		return r;
	options.latched = latched = read_latch(state, compiled->policy, &options.latched_count);
	ruleset = ruleset_compile(compiled->policy, &options);
	r = apply(ruleset, compiled->policy);
	ruleset_free(ruleset);
	free(latched);
	return r;
}

static int restore_site(struct site *site, struct numbers *numbers)
{
	int r = numbers_file_save(numbers, site->settings->state);
	struct site_latch latch = {0};
	uint32_t *latched;

	if (r != 0)
		return r;
	if (site->settings->capture == CAPTURE_TAP) {
		log_notice("settings", "on a mirror port nothing is enforced, or restored");
		return 0;
	}
	latch.latched = latched =
		read_latch(site->settings->state, site->policy, &latch.latched_count);
	site->ruleset = site_ruleset(site->settings, site->policy, numbers, &latch);
	free(latched);
	r = apply(site->ruleset, site->policy);
	if (r == 0)
		site_keep(site, numbers);
	return r;
}

/* As `run` does it, and in its order: numbers are on the disk before they are in the kernel. */
static int restore_settings(const char *config)
{
	struct settings *settings = site_settings(config);
	struct numbers *numbers = NULL;
	struct site *site = NULL;
	int r = -EINVAL;

	if (!settings)
		return r;
	if (disarmed(settings->state)) {
		settings_free(settings);
		return 0;
	}
	numbers = numbers_new();
	r = take_instance(settings->runtime, settings->state);
	if (r == 0)
		r = numbers_file_load(numbers, settings->state);
	if (r == 0) {
		site = site_new(settings, numbers, clock_wall());
		r = site ? restore_site(site, numbers) : -EINVAL;
	} else {
		settings_free(settings);
	}
	site_free(site);
	numbers_free(numbers);
	return r;
}

static int restore(const struct options *options)
{
	char error[COMPILED_ERROR];
	struct compiled *compiled;
	int r;

	if (!sandbox_has_capability(CAP_NET_ADMIN)) {
		log_error("nft", "CAP_NET_ADMIN is missing (to program the kernel's ruleset); run "
				 "it as root, or as the unit file does");
		return -EPERM;
	}
	if (disarmed(options->state))
		return 0;
	compiled = compiled_load(options->state, error);
	if (!compiled) {
		log_warning("compiled", "%s; compiling %s anew", error, options->config);
		return restore_settings(options->config);
	}
	r = restore_compiled(compiled, options->state);
	compiled_free(compiled);
	return r;
}

int restore_main(int argc, char **argv)
{
	struct options options = {
		.config = SYSCONFDIR "/cutoffd/cutoffd.yaml",
		.state = "/var/lib/cutoffd",
	};
	int status = read_options(argc, argv, &options);

	if (status >= 0)
		return status;
	log_open("restore", LOG_LEVEL_INFO);
	return restore(&options) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
