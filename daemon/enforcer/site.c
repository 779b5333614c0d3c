/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/site.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "classifiers/evidence.h"
#include "daemon/channel.h"
#include "daemon/enforcer/compiled.h"
#include "daemon/log.h"

struct settings *site_settings(const char *path)
{
	struct complaints *complaints = complaints_new();
	struct settings *settings = settings_load(path, complaints);

	if (settings)
		settings_review(settings, wall_add(clock_wall(), settings->policy.offset_ns),
				complaints);
	complaints_print(complaints, stderr);
	complaints_free(complaints);
	return settings;
}

static struct ruleset_options ruleset_options(const struct settings *settings,
					      const struct numbers *numbers,
					      uint16_t classes[FIELD_MAX])
{
	return (struct ruleset_options){
		.mask = settings->mask,
		.told = settings->told,
		.classes_allotted = classes,
		.classes_allotted_count = numbers_classes(numbers, classes, FIELD_MAX),
	};
}

struct ruleset *site_ruleset(const struct settings *settings, const struct policy *policy,
			     const struct numbers *numbers, const struct site_latch *latch)
{
	uint16_t classes[FIELD_MAX];
	struct ruleset_options options = ruleset_options(settings, numbers, classes);

	if (latch) {
		options.latched = latch->latched;
		options.latched_count = latch->latched_count;
		options.lifted = latch->lifted;
		options.lifted_count = latch->lifted_count;
	}
	return ruleset_compile(policy, &options);
}

static int make_policy_json(const struct policy *policy)
{
	json_t *json = policy_to_json(policy);
	int fd = channel_json_fd(json);

	json_decref(json);
	return fd;
}

static int compile(struct site *site, struct numbers *numbers)
{
	int r = policy_compile(&site->settings->policy, numbers, &site->policy);

	if (r != 0)
		return r;
	site->catalogue = settings_catalogue(site->settings, site->policy);
	if (site->catalogue < 0)
		return site->catalogue;
	site->policy_json = make_policy_json(site->policy);
	return site->policy_json < 0 ? site->policy_json : 0;
}

struct site *site_new(struct settings *settings, struct numbers *numbers, struct wall now)
{
	struct site *site = calloc(1, sizeof(*site));
	int r;

	if (!site) {
		settings_free(settings);
		return NULL;
	}
	site->settings = settings;
	site->catalogue = site->policy_json = -1;
	site->loaded = now;
	r = compile(site, numbers);
	if (r == 0)
		return site;
	log_error("settings", "the policy cannot be compiled: %s", strerror(-r));
	site_free(site);
	return NULL;
}

void site_free(struct site *site)
{
	if (!site)
		return;
	if (site->policy_json >= 0)
		close(site->policy_json);
	if (site->catalogue >= 0)
		close(site->catalogue);
	ruleset_free(site->ruleset);
	policy_free(site->policy);
	settings_free(site->settings);
	free(site);
}

void site_keep(const struct site *site, const struct numbers *numbers)
{
	const struct settings *settings = site->settings;
	uint16_t classes[FIELD_MAX];
	const struct ruleset_options options = ruleset_options(settings, numbers, classes);
	int r = site->ruleset
			? compiled_save(settings->state, site->policy, &options, settings->runtime)
			: compiled_forget(settings->state);

	if (r != 0)
		log_error("compiled",
			  "%s/compiled: cannot be written: %s; the next boot compiles the settings "
			  "anew",
			  settings->state, strerror(-r));
}

bool site_is_rehearsal(const struct site *site)
{
	return site->policy->offset_ns != 0;
}

struct wall site_now(const struct site *site, struct wall real)
{
	return wall_add(real, site->policy->offset_ns);
}
