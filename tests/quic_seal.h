/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client's side of QUIC's packet protection, for tests and fuzzing: it makes the datagrams that
 * quic.c is to open. Keys come from quic_keys.c, which is held to RFC 9001's own figures.
 */
#ifndef CUTOFFD_TESTS_QUIC_SEAL_H
#define CUTOFFD_TESTS_QUIC_SEAL_H

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "classifiers/quic_keys.h"

struct quic_seal {
	const uint8_t *key_id; /* what the keys come from */
	size_t key_id_length;
	const uint8_t *id; /* the Destination Connection ID of this packet */
	size_t id_length;
	size_t source_id_length, token_length; /* filled with 0x55 and 0x66 */
	uint64_t number;
	unsigned int number_length; /* 1 to 4 */
};

static inline size_t quic_seal_varint(uint8_t *out, uint64_t value)
{
	unsigned int power = value < 64 ? 0 : value < 16384 ? 1 : value < 1 << 30 ? 2 : 3;
	size_t size = (size_t)1 << power;

	for (size_t i = 0; i < size; i++)
		out[i] = (uint8_t)(value >> 8 * (size - 1 - i));
	out[0] |= (uint8_t)(power << 6);
	return size;
}

static inline size_t quic_seal_header(const struct quic_seal *seal, size_t frames, uint8_t *out)
{
	size_t n = 0;

	out[n++] = (uint8_t)(0xc0 | (seal->number_length - 1));
	memcpy(out + n, "\0\0\0\1", 4);
	n += 4;
	out[n++] = (uint8_t)seal->id_length;
	if (seal->id_length > 0)
		memcpy(out + n, seal->id, seal->id_length);
	n += seal->id_length;
	out[n++] = (uint8_t)seal->source_id_length;
	memset(out + n, 0x55, seal->source_id_length);
	n += seal->source_id_length;
	n += quic_seal_varint(out + n, seal->token_length);
	memset(out + n, 0x66, seal->token_length);
	n += seal->token_length;
	n += quic_seal_varint(out + n, seal->number_length + frames + QUIC_TAG);
	for (unsigned int i = 0; i < seal->number_length; i++)
		out[n++] = (uint8_t)(seal->number >> 8 * (seal->number_length - 1 - i));
	return n;
}

/* An Initial packet with these frames; out has room for header, frames and tag. Frames of fewer
 * than 4 bytes are padded, or there would be nothing to sample. Returns the packet's length. */
static inline size_t quic_seal_initial(const struct quic_seal *seal, const uint8_t *frames,
				       size_t length, uint8_t *out)
{
	struct quic_keys *keys = quic_keys_new();
	EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
	size_t padded = length < 4 ? 4 : length, n = quic_seal_header(seal, padded, out);
	uint8_t nonce[12], mask[1 + QUIC_NUMBER_MAX], *plain = calloc(1, padded);
	struct quic_secrets secrets;
	int written;

	if (!keys || !gcm || !plain)
		abort();
	if (length > 0)
		memcpy(plain, frames, length);
	if (!quic_keys_derive(keys, quic_version_find(1), seal->key_id, seal->key_id_length,
			      &secrets))
		abort();
	memcpy(nonce, secrets.iv, sizeof(nonce));
	for (unsigned int i = 0; i < 8; i++)
		nonce[11 - i] ^= (uint8_t)(seal->number >> 8 * i);
	if (!EVP_EncryptInit_ex(gcm, EVP_aes_128_gcm(), NULL, secrets.key, nonce) ||
	    !EVP_EncryptUpdate(gcm, NULL, &written, out, (int)n) ||
	    !EVP_EncryptUpdate(gcm, out + n, &written, plain, (int)padded) ||
	    !EVP_EncryptFinal_ex(gcm, out + n + written, &written) ||
	    !EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, QUIC_TAG, out + n + padded) ||
	    !quic_keys_mask(keys, &secrets, out + n - seal->number_length + 4, mask))
		abort();
	out[0] ^= mask[0] & 0x0f;
	for (unsigned int i = 0; i < seal->number_length; i++)
		out[n - seal->number_length + i] ^= mask[1 + i];
	free(plain);
	EVP_CIPHER_CTX_free(gcm);
	quic_keys_free(keys);
	return n + padded + QUIC_TAG;
}

#endif
