/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "classifiers/quic_keys.h"

#define HASH_SIZE 32

static const struct quic_version versions[] = {
	{
		.number = 0x00000001, /* RFC 9001 §5.2 */
		.initial = 0,
		.retry = 3,
		.salt = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
			 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a},
		.key = "quic key",
		.iv = "quic iv",
		.header = "quic hp",
	},
};

struct quic_keys {
	EVP_MAC_CTX *hmac;
	EVP_CIPHER_CTX *gcm, *ecb;
};

const struct quic_version *quic_version_find(uint32_t number)
{
	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		if (versions[i].number == number)
			return &versions[i];
	return NULL;
}

static EVP_MAC_CTX *hmac_new(void)
{
	char digest[] = "SHA256";
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *context = mac ? EVP_MAC_CTX_new(mac) : NULL;

	EVP_MAC_free(mac);
	if (context && EVP_MAC_CTX_set_params(context, parameters))
		return context;
	EVP_MAC_CTX_free(context);
	return NULL;
}

/* With its cipher set, so that a packet sets no more than key and nonce. */
static EVP_CIPHER_CTX *cipher_new(const char *name, int encrypt)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	EVP_CIPHER_CTX *context = cipher ? EVP_CIPHER_CTX_new() : NULL;
	bool made = context && EVP_CipherInit_ex2(context, cipher, NULL, NULL, encrypt, NULL) &&
		    EVP_CIPHER_CTX_set_padding(context, 0);

	EVP_CIPHER_free(cipher);
	if (made)
		return context;
	EVP_CIPHER_CTX_free(context);
	return NULL;
}

struct quic_keys *quic_keys_new(void)
{
	struct quic_keys *keys = calloc(1, sizeof(*keys));

	if (!keys)
		return NULL;
	keys->hmac = hmac_new();
	keys->gcm = cipher_new("AES-128-GCM", 0);
	keys->ecb = cipher_new("AES-128-ECB", 1);
	if (keys->hmac && keys->gcm && keys->ecb)
		return keys;
	quic_keys_free(keys);
	return NULL;
}

void quic_keys_free(struct quic_keys *keys)
{
	if (!keys)
		return;
	EVP_CIPHER_CTX_free(keys->ecb);
	EVP_CIPHER_CTX_free(keys->gcm);
	EVP_MAC_CTX_free(keys->hmac);
	free(keys);
}

static bool hmac(struct quic_keys *keys, const uint8_t *key, size_t key_length,
		 const uint8_t *message, size_t length, uint8_t out[HASH_SIZE])
{
	size_t written;

	return EVP_MAC_init(keys->hmac, key, key_length, NULL) &&
	       EVP_MAC_update(keys->hmac, message, length) &&
	       EVP_MAC_final(keys->hmac, out, &written, HASH_SIZE);
}

/* HKDF-Expand-Label (RFC 8446 §7.1) with an empty context, for at most one block of output. */
static bool expand_label(struct quic_keys *keys, const uint8_t secret[HASH_SIZE], const char *label,
			 uint8_t *out, size_t size)
{
	static const char prefix[] = "tls13 ";
	uint8_t info[64], block[HASH_SIZE];
	size_t n = 0, length = strlen(label);

	info[n++] = 0;
	info[n++] = (uint8_t)size;
	info[n++] = (uint8_t)(strlen(prefix) + length);
	memcpy(info + n, prefix, strlen(prefix));
	n += strlen(prefix);
	memcpy(info + n, label, length);
	n += length;
	info[n++] = 0; /* the context's length */
	info[n++] = 1; /* HKDF-Expand's first block: RFC 5869 §2.3 */
	if (!hmac(keys, secret, HASH_SIZE, info, n, block))
		return false;
	memcpy(out, block, size);
	return true;
}

bool quic_keys_derive(struct quic_keys *keys, const struct quic_version *version,
		      const uint8_t *connection_id, size_t length, struct quic_secrets *secrets)
{
	uint8_t initial[HASH_SIZE], client[HASH_SIZE];

	return hmac(keys, version->salt, sizeof(version->salt), connection_id, length, initial) &&
	       expand_label(keys, initial, "client in", client, sizeof(client)) &&
	       expand_label(keys, client, version->key, secrets->key, sizeof(secrets->key)) &&
	       expand_label(keys, client, version->iv, secrets->iv, sizeof(secrets->iv)) &&
	       expand_label(keys, client, version->header, secrets->header,
			    sizeof(secrets->header));
}

bool quic_keys_mask(struct quic_keys *keys, const struct quic_secrets *secrets,
		    const uint8_t sample[QUIC_SAMPLE], uint8_t mask[1 + QUIC_NUMBER_MAX])
{
	uint8_t block[QUIC_SAMPLE];
	int length;

	if (!EVP_EncryptInit_ex2(keys->ecb, NULL, secrets->header, NULL, NULL) ||
	    !EVP_EncryptUpdate(keys->ecb, block, &length, sample, QUIC_SAMPLE))
		return false;
	memcpy(mask, block, 1 + QUIC_NUMBER_MAX);
	return true;
}

static void nonce_make(const struct quic_secrets *secrets, uint64_t number, uint8_t nonce[12])
{
	memcpy(nonce, secrets->iv, 12);
	for (size_t i = 0; i < 8; i++)
		nonce[11 - i] ^= (uint8_t)(number >> 8 * i);
}

bool quic_keys_open(struct quic_keys *keys, const struct quic_secrets *secrets,
		    const struct quic_sealed *sealed, uint8_t *plain)
{
	size_t length = sealed->payload_length - QUIC_TAG;
	uint8_t nonce[12], tag[QUIC_TAG];
	int n;

	nonce_make(secrets, sealed->number, nonce);
	memcpy(tag, sealed->payload + length, sizeof(tag));
	return EVP_DecryptInit_ex2(keys->gcm, NULL, secrets->key, nonce, NULL) &&
	       EVP_CIPHER_CTX_ctrl(keys->gcm, EVP_CTRL_AEAD_SET_TAG, sizeof(tag), tag) &&
	       EVP_DecryptUpdate(keys->gcm, NULL, &n, &sealed->first, 1) &&
	       EVP_DecryptUpdate(keys->gcm, NULL, &n, sealed->middle, (int)sealed->middle_length) &&
	       EVP_DecryptUpdate(keys->gcm, NULL, &n, sealed->number_bytes,
				 (int)sealed->number_length) &&
	       EVP_DecryptUpdate(keys->gcm, plain, &n, sealed->payload, (int)length) &&
	       EVP_DecryptFinal_ex(keys->gcm, plain + n, &n) > 0;
}
