/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One transaction: messages in a buffer that grows, each with a label that says in words what it is
 * about, so that a refusal can be named. All or nothing takes effect. Used by nft*.c alone.
 */
#ifndef CUTOFFD_NFT_BATCH_H
#define CUTOFFD_NFT_BATCH_H

#include <libmnl/libmnl.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/enforcer/nft_socket.h"

struct nft_batch;

/* No single message may be longer. */
#define NFT_MESSAGE_BYTES 65536

/* "chain kaspersky_updates rule 3", or without the rule when it is 0. The strings must outlive the
 * batch. */
struct nft_label {
	const char *what, *name;
	size_t rule;
};

struct nft_batch *nft_batch_new(struct nft_socket *socket);
void nft_batch_free(struct nft_batch *batch);

/* The header of a new message (NFT_MSG_*, NLM_F_*) for libnftnl to build upon; complete with
 * nft_batch_add before the next is begun. */
struct nlmsghdr *nft_batch_message(struct nft_batch *batch, uint16_t type, uint16_t flags,
				   struct nft_label label);
void nft_batch_add(struct nft_batch *batch, const struct nlmsghdr *message);

/* 0; -errno with a text that names the first message that was refused. -ENOBUFS: answers were lost,
 * and whether it took effect is not known. */
int nft_batch_commit(struct nft_batch *batch, char *error, size_t size)
	__attribute__((warn_unused_result));
/* The same without effect: what the kernel says to it. */
int nft_batch_try(struct nft_batch *batch, char *error, size_t size)
	__attribute__((warn_unused_result));

/* Ends the process when memory is out, as an arena does. */
void *nft_must(void *memory);

#endif
