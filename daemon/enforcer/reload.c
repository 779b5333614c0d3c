/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reload: the new site is built whole, then the kernel takes it in one transaction, then the roles
 * learn of it. Whatever fails leaves the old one in force.
 */
#include <string.h>
#include <systemd/sd-daemon.h>

#include "daemon/enforcer/enforcer_internal.h"
#include "daemon/enforcer/numbers_file.h"
#include "daemon/log.h"

#define RELOAD_EVERY CLOCK_SECOND

static bool same_interfaces(const struct settings *a, const struct settings *b)
{
	if (a->interfaces_count != b->interfaces_count)
		return false;
	for (size_t i = 0; i < a->interfaces_count; i++)
		if (strcmp(a->interfaces[i], b->interfaces[i]) != 0)
			return false;
	return true;
}

/* What cannot change under live flows and open descriptors: the key, or NULL. */
static const char *needs_restart(const struct settings *a, const struct settings *b)
{
	if (a->mask != b->mask || a->told != b->told)
		return "mask, told";
	if (strcmp(a->state, b->state) != 0 || strcmp(a->runtime, b->runtime) != 0)
		return "state, runtime";
	if (a->capture != b->capture || !same_interfaces(a, b))
		return "capture, interfaces";
	if (strcmp(a->events, b->events) != 0)
		return "events";
	return NULL;
}

static int put_in_force(struct enforcer *enforcer, struct site *site, char error[NFT_ERROR])
{
	int r = numbers_file_save(enforcer->numbers, site->settings->state);

	if (r != 0) {
		snprintf(error, NFT_ERROR, "the numbers cannot be kept: %s", strerror(-r));
		return r;
	}
	r = latching_apply(enforcer, site, error);
	if (r == 0)
		site_keep(site, enforcer->numbers);
	return r;
}

static void refuse(struct enforcer *enforcer, const char *why)
{
	log_error("reload", "refused, the old policy stays in force: %s", why);
	roles_notice(enforcer, NOTICE_RELOAD, NULL,
		     "reload refused, the old policy stays in force: %.400s", why);
}

static void reload(struct enforcer *enforcer)
{
	struct settings *settings = site_settings(enforcer->config);
	char error[NFT_ERROR + 64];
	const char *key;
	struct site *site;

	if (!settings) {
		refuse(enforcer, "the settings have errors (see the log)");
		return;
	}
	key = needs_restart(enforcer->site->settings, settings);
	if (key) {
		snprintf(error, sizeof(error), "a change of `%s` needs a restart", key);
		settings_free(settings);
		refuse(enforcer, error);
		return;
	}
	site = site_new(settings, enforcer->numbers, clock_wall());
	if (!site) {
		refuse(enforcer, "the policy cannot be compiled (see the log)");
		return;
	}
	if (put_in_force(enforcer, site, error) != 0) {
		site_free(site);
		refuse(enforcer, error);
		return;
	}
	site_free(enforcer->site);
	enforcer->site = site;
	enforcer->generation++;
	roles_configure(enforcer);
	latching_tell(enforcer);
	enforcer_arm_stage_timer(enforcer);
	log_notice("reload", "done: %zu stages", site->policy->stages_count);
	roles_notice(enforcer, NOTICE_RELOAD, NULL, "policy loaded: %zu stages",
		     site->policy->stages_count);
}

static int on_reload_timer(sd_event_source *source, uint64_t usec, void *context)
{
	struct enforcer *enforcer = context;

	(void)usec;
	enforcer->reload_timer = NULL;
	sd_event_source_disable_unref(source);
	enforcer->reloaded_at = clock_mono();
	enforcer_reload(enforcer);
	return 0;
}

void enforcer_reload_soon(struct enforcer *enforcer)
{
	int64_t since = clock_mono().ns - enforcer->reloaded_at.ns;
	uint64_t wait_usec = since < RELOAD_EVERY ? (uint64_t)(RELOAD_EVERY - since) / 1000 : 0;
	int r;

	if (enforcer->reload_timer)
		return;
	r = sd_event_add_time_relative(enforcer->loop, &enforcer->reload_timer, CLOCK_BOOTTIME,
				       wait_usec, 1, on_reload_timer, enforcer);
	if (r < 0)
		log_error("reload", "no timer for it: %s", strerror(-r));
}

void enforcer_reload(struct enforcer *enforcer)
{
	sd_notify(0, "RELOADING=1");
	reload(enforcer);
	roles_reopen_events(enforcer);
	sd_notify(0, "READY=1");
}
