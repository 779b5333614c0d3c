/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parts of a ruleset as plain values: what ruleset.c compiles, ruleset_print.c shows and nft.c
 * programs. Only these three look inside. A statement stands for one phrase of nft's notation.
 */
#ifndef CUTOFFD_RULESET_MODEL_H
#define CUTOFFD_RULESET_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "daemon/address.h"
#include "daemon/arena.h"

#define RULESET_LATCHED "latched"
#define RULESET_CLASS_OF "class_of"
/* Stage and waiver numbers → the policy's time at which they begin or end: how a later transaction
 * tells that a date was moved, and forgets the latch. Not the kernel's time: a rehearsal of another
 * day moves no date. */
#define RULESET_INSTANT_OF "instant_of"
/* ... and there, instead of a number, a sign that the table is a rehearsal's. No stage has it. */
#define RULESET_REHEARSAL 0

enum direction {
	DIRECTION_ORIGINAL,
	DIRECTION_REPLY,
};

enum statement_kind {
	/* ct DIRECTION FAMILY saddr [!=] @name */
	STATEMENT_CT_SOURCE,
	/* ct DIRECTION FAMILY daddr @name */
	STATEMENT_CT_DESTINATION,
	/* FAMILY saddr . th sport . FAMILY daddr . th dport . meta l4proto @name */
	STATEMENT_TUPLE,
	/* number [not] in @latched: a constant as key */
	STATEMENT_LATCHED,
	/* meta time >= instant; meta time < instant */
	STATEMENT_TIME_FROM,
	STATEMENT_TIME_BEFORE,
	/* meta l4proto value */
	STATEMENT_PROTOCOL,
	/* tcp flags rst */
	STATEMENT_TCP_RESET,
	/* icmp or icmpv6 type value-last, by family */
	STATEMENT_ICMP_TYPE,
	/* ct direction reply */
	STATEMENT_REPLY,
	/* ct mark & mask ==, != value */
	STATEMENT_CT_MARK,

	/* add @latched { number }: ends the rule when it cannot */
	STATEMENT_LATCH,
	/* counter name NAME */
	STATEMENT_COUNT,
	/* ct mark set ct mark & ~mask | value */
	STATEMENT_CT_MARK_SET,
	/* tcp flags set rst | ack, with the checksum mended */
	STATEMENT_TURN_INTO_RESET,

	/* ct mark & mask vmap @name */
	STATEMENT_VMAP,
	STATEMENT_GOTO,
	STATEMENT_ACCEPT,
	STATEMENT_RETURN,
	STATEMENT_DROP,
	/* reject with tcp reset; reject with icmpx admin-prohibited */
	STATEMENT_REJECT_RESET,
	STATEMENT_REJECT,
};

struct statement {
	enum statement_kind kind;
	enum family family;
	enum direction direction;
	bool inverted;
	uint32_t number;
	uint32_t mask, value;
	uint32_t last;
	int64_t instant;
	const char *name;
};

struct rule {
	const struct statement *statements;
	size_t count;
};

/* The base chains' hooks, all of type filter at priority mangle with policy accept. */
enum hook {
	HOOK_NONE,
	HOOK_FORWARD,
	HOOK_OUTPUT,
};

struct chain {
	const char *name;
	enum hook hook;
	struct rule *rules;
	size_t count;
};

enum set_key {
	SET_KEY_MARK, /* in host order, as marks are in registers */
	SET_KEY_V4,
	SET_KEY_V6,
	SET_KEY_TUPLE_V4,
	SET_KEY_TUPLE_V6,
};

enum set_data {
	SET_DATA_NONE,
	SET_DATA_VERDICT,
	SET_DATA_INSTANT,
};

struct element {
	uint8_t key[16];
	uint8_t last[16];  /* of an interval, which holds it; else the key again */
	const char *chain; /* SET_DATA_VERDICT: goto this; NULL: accept */
	int64_t instant;   /* SET_DATA_INSTANT */
};

struct set {
	const char *name;
	enum set_key key;
	enum set_data data;
	bool interval; /* intervals neither overlap nor touch */
	bool dynamic;  /* rules add to it */
	bool timeout;
	/* what is in it is no part of the ruleset and stays; elements: what must be in it too */
	bool kept;
	struct element *elements; /* in ascending order by the key's bytes */
	size_t count;
};

struct ruleset {
	struct arena *arena;
	struct set *sets;
	size_t sets_count;
	struct chain *chains;
	size_t chains_count;
	const char **counters;
	size_t counters_count;
	const uint32_t *lifted; /* to be taken out of the latch, ascending */
	size_t lifted_count;
	bool rehearsal;
};

/* For qsort and bsearch: by the key's bytes. */
static inline int element_compare(const void *a, const void *b)
{
	const struct element *x = a, *y = b;

	return memcmp(x->key, y->key, sizeof(x->key));
}

/* Bytes of a key. Each field of a tuple takes registers of four bytes of its own. No ruleset holds
 * elements whose keys are tuples. */
static inline uint32_t set_key_size(enum set_key key)
{
	switch (key) {
	case SET_KEY_MARK:
	case SET_KEY_V4:
		return 4;
	case SET_KEY_V6:
		return 16;
	case SET_KEY_TUPLE_V4:
		return 4 + 4 + 4 + 4 + 4;
	case SET_KEY_TUPLE_V6:
		return 16 + 4 + 16 + 4 + 4;
	}
	return 0;
}

#endif
