/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One netlink socket to nf_tables: dumps and transactions. Who owns the socket owns the table.
 * Answers of the kernel only; those of another request are skipped. Used by nft*.c alone.
 */
#ifndef CUTOFFD_NFT_SOCKET_H
#define CUTOFFD_NFT_SOCKET_H

#include <libmnl/libmnl.h>
#include <stddef.h>
#include <stdint.h>

struct nft_socket;

/* NULL with errno set. */
struct nft_socket *nft_socket_open(void);
void nft_socket_close(struct nft_socket *socket);

/* What the kernel knows the socket by: the owner that a table of this process shows. */
uint32_t nft_socket_port(const struct nft_socket *socket);
uint32_t nft_socket_sequence(struct nft_socket *socket);

/* Sends the request for a dump and hands every answer to take. 0, -errno of the kernel, or -EINTR
 * when what was dumped changed meanwhile and must be dumped again. */
int nft_socket_dump(struct nft_socket *socket, struct nlmsghdr *request,
		    void (*take)(const struct nlmsghdr *message, void *data), void *data)
	__attribute__((warn_unused_result));

/* An answer to one message of a transaction: error is 0 or -errno, text the kernel's own words, ""
 * when it has none. */
struct nft_answer {
	uint32_t sequence;
	int error;
	const char *text;
};

/* Sends a whole transaction. Its answers have come when the kernel takes it: each is handed to
 * take. 0; -ENOBUFS when answers were lost; -errno when the kernel did not take the transaction. */
int nft_socket_transact(struct nft_socket *socket, const void *bytes, size_t size,
			void (*take)(const struct nft_answer *answer, void *data), void *data)
	__attribute__((warn_unused_result));

#endif
