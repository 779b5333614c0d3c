/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Statements of a ruleset → the kernel's expressions. Used by nft*.c alone.
 */
#ifndef CUTOFFD_NFT_EXPR_H
#define CUTOFFD_NFT_EXPR_H

#include <libnftnl/rule.h>

#include "daemon/enforcer/ruleset_model.h"

/* The caller's to nftnl_rule_free; chain must outlive the call only. */
struct nftnl_rule *nft_rule_new(const char *chain, const struct rule *rule);

#endif
