/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the kernel holds of table `inet cutoffd`, dumped: the side of the comparison that
 * ruleset_model.h is the other of. Used by nft*.c alone.
 */
#ifndef CUTOFFD_NFT_HELD_H
#define CUTOFFD_NFT_HELD_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/arena.h"
#include "daemon/enforcer/nft_socket.h"
#include "daemon/enforcer/ruleset_model.h"

/* Linux 6.9 on; not in older headers. */
#define NFT_HELD_PERSIST 0x4

struct held_chain {
	const char *name;
	bool base;
	bool binding; /* it belongs to a rule, and goes with it */
	/* of base chains */
	const char *type;
	uint32_t hook, policy;
	int32_t priority;
	/* with HELD_RULES, in their order: the kernel's messages about them */
	const struct nlmsghdr **rules;
	size_t rules_count;
};

struct held_set {
	const char *name;
	uint32_t flags, key_bytes, data_type, data_bytes;
	bool damaged; /* its elements could not be understood: what they are is not ours */
	struct element *elements; /* in ascending order by the key's bytes */
	size_t count;
};

struct held_counter {
	const char *name;
	uint64_t packets, bytes;
};

struct held {
	struct arena *arena;
	bool table;
	uint32_t table_flags, owner; /* owner: a netlink port; 0: nobody */
	/* each in ascending order by name */
	struct held_chain *chains;
	size_t chains_count;
	struct held_set *sets;
	size_t sets_count;
	struct held_counter *counters;
	size_t counters_count;
};

/* What to read beside the table's flags and owner. */
#define HELD_CHAINS 0x1
#define HELD_SETS 0x2 /* with the elements of the latch, and its instants */
#define HELD_COUNTERS 0x4
#define HELD_ALL (HELD_CHAINS | HELD_SETS | HELD_COUNTERS)
#define HELD_RULES 0x8 /* with HELD_CHAINS */

/* 0 or -errno. With the elements of those sets that the ruleset fills; desired may be NULL. */
int held_read(struct nft_socket *socket, unsigned int what, const struct ruleset *desired,
	      struct held **out) __attribute__((warn_unused_result));
void held_free(struct held *held);

/* NULL: there is none. */
const struct held_chain *held_chain(const struct held *held, const char *name);
const struct held_set *held_set(const struct held *held, const char *name);
const struct held_counter *held_counter(const struct held *held, const char *name);

#endif
