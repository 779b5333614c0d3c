/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/enforcer/nft_batch.h"

#include <errno.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INITIAL_BYTES (4 * NFT_MESSAGE_BYTES)

struct nft_batch {
	struct nft_socket *socket;
	char *bytes;
	size_t used, size;
	size_t last; /* where the last message begins */
	uint32_t first_sequence;
	struct nft_label *labels; /* of the messages from first_sequence on */
	size_t count, labels_size;
	/* the answers */
	int error;
	uint32_t refused;
	bool acknowledged;
	char text[128];
};

void *nft_must(void *memory)
{
	if (!memory) {
		fputs("cutoffd: out of memory\n", stderr);
		abort();
	}
	return memory;
}

static char *room(struct nft_batch *batch)
{
	if (batch->size - batch->used < 2 * NFT_MESSAGE_BYTES) {
		batch->size = batch->size > 0 ? 2 * batch->size : INITIAL_BYTES;
		batch->bytes = nft_must(realloc(batch->bytes, batch->size));
	}
	return batch->bytes + batch->used;
}

static uint32_t label(struct nft_batch *batch, struct nft_label label)
{
	uint32_t sequence = nft_socket_sequence(batch->socket);

	if (batch->count == batch->labels_size) {
		batch->labels_size = batch->labels_size > 0 ? 2 * batch->labels_size : 256;
		batch->labels = nft_must(
			realloc(batch->labels, batch->labels_size * sizeof(*batch->labels)));
	}
	if (batch->count == 0)
		batch->first_sequence = sequence;
	batch->labels[batch->count++] = label;
	return sequence;
}

struct nft_batch *nft_batch_new(struct nft_socket *socket)
{
	struct nft_batch *batch = nft_must(calloc(1, sizeof(*batch)));
	struct nlmsghdr *begin;

	batch->socket = socket;
	begin = nftnl_batch_begin(room(batch),
				  label(batch, (struct nft_label){"the transaction", "", 0}));
	nft_batch_add(batch, begin);
	return batch;
}

void nft_batch_free(struct nft_batch *batch)
{
	if (!batch)
		return;
	free(batch->labels);
	free(batch->bytes);
	free(batch);
}

struct nlmsghdr *nft_batch_message(struct nft_batch *batch, uint16_t type, uint16_t flags,
				   struct nft_label l)
{
	return nftnl_nlmsg_build_hdr(room(batch), type, NFPROTO_INET, flags, label(batch, l));
}

void nft_batch_add(struct nft_batch *batch, const struct nlmsghdr *message)
{
	batch->last = batch->used;
	batch->used += NLMSG_ALIGN(message->nlmsg_len);
}

/* An error is always answered, an acknowledgement only where it is asked for. It is asked of the
 * last message alone: of thousands the socket's buffer would lose some, and the one says as much.
 */
static void take(const struct nft_answer *answer, void *data)
{
	struct nft_batch *batch = data;
	uint32_t last = batch->first_sequence + (uint32_t)batch->count - 1;

	if (answer->sequence - batch->first_sequence >= batch->count)
		return;
	if (answer->error == 0) {
		batch->acknowledged |= answer->sequence == last;
		return;
	}
	if (batch->error)
		return;
	batch->error = answer->error;
	batch->refused = answer->sequence;
	snprintf(batch->text, sizeof(batch->text), "%s", answer->text);
}

static int report(const struct nft_batch *batch, int lost, char *error, size_t size)
{
	const struct nft_label *l;
	char rule[32] = "";

	if (!batch->error && lost) {
		snprintf(error, size, "the kernel's answer to a transaction was lost");
		return lost;
	}
	if (!batch->error && !batch->acknowledged) {
		snprintf(error, size, "the kernel did not answer to a transaction");
		return -EPROTO;
	}
	if (!batch->error)
		return 0;
	l = &batch->labels[batch->refused - batch->first_sequence];
	if (l->rule > 0)
		snprintf(rule, sizeof(rule), " rule %zu", l->rule);
	snprintf(error, size, "the kernel refuses %s%s%s%s: %s%s%s", l->what, l->name[0] ? " " : "",
		 l->name, rule, strerror(-batch->error), batch->text[0] ? ", " : "", batch->text);
	return batch->error;
}

static int send_all(struct nft_batch *batch, char *error, size_t size)
{
	int e;

	batch->error = 0;
	batch->acknowledged = false;
	e = nft_socket_transact(batch->socket, batch->bytes, batch->used, take, batch);
	if (e && e != -ENOBUFS) {
		snprintf(error, size, "sending a transaction of %zu bytes to the kernel: %s",
			 batch->used, strerror(-e));
		return e;
	}
	return report(batch, e, error, size);
}

static void ask_for_answer(struct nft_batch *batch)
{
	struct nlmsghdr *last = (struct nlmsghdr *)(batch->bytes + batch->last);

	last->nlmsg_flags |= NLM_F_ACK;
}

int nft_batch_commit(struct nft_batch *batch, char *error, size_t size)
{
	struct nlmsghdr *end;

	ask_for_answer(batch);
	/* Not labelled: no acknowledgement is asked of it. */
	end = nftnl_batch_end(room(batch), nft_socket_sequence(batch->socket));
	batch->used += NLMSG_ALIGN(end->nlmsg_len);
	return send_all(batch, error, size);
}

/* What has no end is checked and rolled back. */
int nft_batch_try(struct nft_batch *batch, char *error, size_t size)
{
	ask_for_answer(batch);
	return send_all(batch, error, size);
}
