/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/nft.h"

#include <errno.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/enforcer/nft_batch.h"
#include "daemon/enforcer/nft_change.h"
#include "daemon/enforcer/nft_compare.h"
#include "daemon/enforcer/nft_held.h"
#include "daemon/enforcer/nft_socket.h"

#define OWNED (NFT_TABLE_F_OWNER | NFT_HELD_PERSIST)
/* Not the table's own name: what is tried must not depend on what is there. */
#define PROBE_TABLE "cutoffd_probe"

/* When the kernel's answer was lost: from a fresh dump on. */
#define APPLY_ATTEMPTS 3

struct nft {
	struct nft_socket *socket;
	bool owner;
};

static struct nft_label table_label(const char *what)
{
	return (struct nft_label){what, RULESET_TABLE, 0};
}

static void add_table(struct nft_batch *batch, const char *name, uint16_t type, uint32_t flags,
		      struct nft_label label)
{
	uint16_t create = type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0;
	struct nlmsghdr *message = nft_batch_message(batch, type, create, label);
	struct nftnl_table *t = nft_must(nftnl_table_alloc());

	nftnl_table_set_u32(t, NFTNL_TABLE_FAMILY, NFPROTO_INET);
	nftnl_table_set_str(t, NFTNL_TABLE_NAME, name);
	if (type == NFT_MSG_NEWTABLE)
		nftnl_table_set_u32(t, NFTNL_TABLE_FLAGS, flags);
	nftnl_table_nlmsg_build_payload(message, t);
	nft_batch_add(batch, message);
	nftnl_table_free(t);
}

static bool takes_owner(struct nft *nft)
{
	struct nft_batch *batch = nft_batch_new(nft->socket);
	char ignored[NFT_ERROR];
	int e;

	add_table(batch, PROBE_TABLE, NFT_MSG_NEWTABLE, OWNED, table_label("table"));
	e = nft_batch_try(batch, ignored, sizeof(ignored));
	nft_batch_free(batch);
	return e == 0;
}

static void explain_open(int e, char error[NFT_ERROR])
{
	if (e == -EPERM)
		snprintf(error, NFT_ERROR,
			 "nf_tables: the capability CAP_NET_ADMIN is missing: start cutoffd as "
			 "root, by its systemd unit");
	else if (e == -EPROTONOSUPPORT || e == -EINVAL || e == -EOPNOTSUPP)
		snprintf(error, NFT_ERROR,
			 "nf_tables is not there (%s): this kernel lacks CONFIG_NF_TABLES and "
			 "CONFIG_NF_TABLES_INET, or the module nf_tables cannot be loaded",
			 strerror(-e));
	else
		snprintf(error, NFT_ERROR, "nf_tables: %s", strerror(-e));
}

struct nft *nft_open(char error[NFT_ERROR])
{
	struct nft *nft = nft_must(calloc(1, sizeof(*nft)));
	struct held *held = NULL;
	int e;

	nft->socket = nft_socket_open();
	e = nft->socket ? held_read(nft->socket, 0, NULL, &held) : -errno;
	held_free(held);
	if (e) {
		explain_open(e, error);
		nft_close(nft);
		return NULL;
	}
	nft->owner = takes_owner(nft);
	return nft;
}

void nft_close(struct nft *nft)
{
	if (!nft)
		return;
	nft_socket_close(nft->socket);
	free(nft);
}

bool nft_has_owner(const struct nft *nft)
{
	return nft->owner;
}

uint32_t nft_port(const struct nft *nft)
{
	return nft_socket_port(nft->socket);
}

/* Whether the table is this process's to change: -EBUSY with a text when not. */
static int check_owner(const struct nft *nft, const struct held *held, char error[NFT_ERROR])
{
	if (!held->table || !(held->table_flags & NFT_TABLE_F_OWNER) ||
	    held->owner == nft_port(nft))
		return 0;
	snprintf(error, NFT_ERROR,
		 "table inet %s belongs to another running process (netlink port %u, most often "
		 "its process id): end that one first, by systemctl stop or cutoffd stop-enforcing",
		 RULESET_TABLE, held->owner);
	return -EBUSY;
}

static int read_held(struct nft *nft, unsigned int what, const struct ruleset *desired,
		     struct held **held, char error[NFT_ERROR])
{
	int e = held_read(nft->socket, what, desired, held);

	if (e)
		snprintf(error, NFT_ERROR, "reading table inet %s: %s", RULESET_TABLE,
			 strerror(-e));
	return e ? e : check_owner(nft, *held, error);
}

static uint32_t own_flags(const struct nft *nft)
{
	return nft->owner ? OWNED : 0;
}

/* The flag persist stays as a table was made, and without it none can be owned by us: such a table
 * is made anew, and its latches go over into the new one. */
static bool adoptable(const struct nft *nft, const struct held *held)
{
	return ((held->table_flags ^ own_flags(nft)) & NFT_HELD_PERSIST) == 0;
}

static void add_own_table(const struct nft *nft, struct nft_batch *batch)
{
	add_table(batch, RULESET_TABLE, NFT_MSG_NEWTABLE, own_flags(nft), table_label("table"));
}

/* What a process that has ended left behind becomes ours before it is read, so that nobody changes
 * it in between (and what somebody made dormant wakes); and by itself, since the kernel refuses
 * base chains in a transaction that also changes the table's flags. */
static int adopt(struct nft *nft, char error[NFT_ERROR])
{
	struct nft_batch *batch = NULL;
	struct held *held = NULL;
	int e = read_held(nft, 0, NULL, &held, error);

	if (e || !held->table || held->table_flags == own_flags(nft) || !adoptable(nft, held))
		goto out;
	batch = nft_batch_new(nft->socket);
	add_own_table(nft, batch);
	e = nft_batch_commit(batch, error, NFT_ERROR);
out:
	nft_batch_free(batch);
	held_free(held);
	return e;
}

/* anew: even where the table that is there could be changed. */
static int apply_once(struct nft *nft, const struct ruleset *desired, bool anew,
		      char error[NFT_ERROR])
{
	struct held *held = NULL, nothing = {0};
	struct nft_batch *batch = NULL;
	int e = anew ? 0 : adopt(nft, error);

	if (!e)
		e = read_held(nft, HELD_ALL, desired, &held, error);
	if (e)
		goto out;
	batch = nft_batch_new(nft->socket);
	nothing.arena = held->arena;
	anew |= !adoptable(nft, held);
	if (held->table && anew)
		add_table(batch, RULESET_TABLE, NFT_MSG_DELTABLE, 0,
			  table_label("removal of table"));
	add_own_table(nft, batch);
	nft_change(batch, desired, anew ? &nothing : held, held);
	e = nft_batch_commit(batch, error, NFT_ERROR);
out:
	nft_batch_free(batch);
	held_free(held);
	return e;
}

static int apply(struct nft *nft, const struct ruleset *desired, bool anew, char error[NFT_ERROR])
{
	int e = -ENOBUFS;

	for (int i = 0; i < APPLY_ATTEMPTS && e == -ENOBUFS; i++)
		e = apply_once(nft, desired, anew, error);
	return e;
}

/* What is not taken either way is refused for what is desired, not for what is there: so the first
 * refusal is the one to tell. */
int nft_apply(struct nft *nft, const struct ruleset *desired, char error[NFT_ERROR])
{
	char again[NFT_ERROR];
	int e = apply(nft, desired, false, error);

	return e && apply(nft, desired, true, again) == 0 ? 0 : e;
}

int nft_compare(struct nft *nft, const struct ruleset *desired, char difference[NFT_ERROR])
{
	struct held *held = NULL;
	int e = read_held(nft, HELD_ALL | HELD_RULES, desired, &held, difference);

	if (!e)
		e = nft_differs(desired, held, own_flags(nft), difference, NFT_ERROR);
	held_free(held);
	return e;
}

int nft_remove(struct nft *nft, char error[NFT_ERROR])
{
	struct nft_batch *batch = NULL;
	struct held *held = NULL;
	int e = read_held(nft, 0, NULL, &held, error);

	if (e || !held->table)
		goto out;
	batch = nft_batch_new(nft->socket);
	add_table(batch, RULESET_TABLE, NFT_MSG_DELTABLE, 0, table_label("removal of table"));
	e = nft_batch_commit(batch, error, NFT_ERROR);
	if (e == 0)
		e = 1;
out:
	nft_batch_free(batch);
	held_free(held);
	return e;
}

static const struct element *instant_of(const struct held_set *instants, uint32_t number)
{
	struct element key = {0};

	if (!instants || instants->count == 0)
		return NULL;
	memcpy(key.key, &number, sizeof(number));
	return bsearch(&key, instants->elements, instants->count, sizeof(key), element_compare);
}

static struct nft_latch latch_of(const struct element *element, const struct held_set *instants)
{
	struct nft_latch latch = {0};
	const struct element *instant;

	memcpy(&latch.number, element->key, sizeof(latch.number));
	instant = instant_of(instants, latch.number);
	latch.dated = instant != NULL;
	if (instant)
		latch.since.ns = instant->instant;
	return latch;
}

int nft_latched(struct nft *nft, struct nft_latch *latches, size_t max, bool *rehearsal)
{
	const struct held_set *latched, *instants;
	struct held *held = NULL;
	int n = held_read(nft->socket, HELD_SETS, NULL, &held);

	if (n)
		return n;
	latched = held_set(held, RULESET_LATCHED);
	instants = held_set(held, RULESET_INSTANT_OF);
	for (size_t i = 0; latched && i < latched->count && i < max; i++)
		latches[i] = latch_of(&latched->elements[i], instants);
	n = latched ? (int)latched->count : 0;
	if (rehearsal)
		*rehearsal = instant_of(instants, RULESET_REHEARSAL) != NULL;
	held_free(held);
	return n;
}

int nft_counters(struct nft *nft, struct nft_counter *counters, size_t max)
{
	struct held *held = NULL;
	int n = held_read(nft->socket, HELD_COUNTERS, NULL, &held);

	if (n)
		return n;
	for (size_t i = 0; i < held->counters_count && i < max; i++) {
		const struct held_counter *c = &held->counters[i];

		snprintf(counters[i].name, sizeof(counters[i].name), "%s", c->name);
		counters[i].packets = c->packets;
		counters[i].bytes = c->bytes;
	}
	n = (int)held->counters_count;
	held_free(held);
	return n;
}
