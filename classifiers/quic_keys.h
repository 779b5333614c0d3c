/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * QUIC versions, and the keys and protection of their client's Initial packets (RFC 9001 §5.2 to
 * §5.4). The only file that uses libcrypto; its contexts are made once.
 */
#ifndef CUTOFFD_QUIC_KEYS_H
#define CUTOFFD_QUIC_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUIC_SAMPLE 16
#define QUIC_TAG 16
#define QUIC_NUMBER_MAX 4 /* bytes of a packet number */

struct quic_version {
	uint32_t number;
	uint8_t initial, retry; /* long packet types */
	uint8_t salt[20];
	const char *key, *iv, *header; /* labels */
};

/* NULL when it is not known. */
const struct quic_version *quic_version_find(uint32_t number);

struct quic_secrets {
	uint8_t key[16], iv[12], header[16];
};

struct quic_keys;

/* NULL when memory is out or libcrypto lacks an algorithm. */
struct quic_keys *quic_keys_new(void);
void quic_keys_free(struct quic_keys *keys);

/* The client's, from its first Destination Connection ID. False when libcrypto failed. */
bool quic_keys_derive(struct quic_keys *keys, const struct quic_version *version,
		      const uint8_t *connection_id, size_t length, struct quic_secrets *secrets)
	__attribute__((warn_unused_result));
/* The mask for the first byte and the packet number. */
bool quic_keys_mask(struct quic_keys *keys, const struct quic_secrets *secrets,
		    const uint8_t sample[QUIC_SAMPLE], uint8_t mask[1 + QUIC_NUMBER_MAX])
	__attribute__((warn_unused_result));

/* A packet to be opened: the header in three parts, as two of them had to be unmasked. */
struct quic_sealed {
	uint8_t first;
	const uint8_t *middle;
	size_t middle_length;
	uint8_t number_bytes[QUIC_NUMBER_MAX];
	size_t number_length;
	uint64_t number;
	const uint8_t *payload; /* with its tag */
	size_t payload_length;
};

/* plain: room for the payload without its tag. False when it does not authenticate. */
bool quic_keys_open(struct quic_keys *keys, const struct quic_secrets *secrets,
		    const struct quic_sealed *sealed, uint8_t *plain)
	__attribute__((warn_unused_result));

#endif
