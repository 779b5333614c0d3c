/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Evidence: why a flow got its class. Plain values, no functions but their words.
 * The kinds are ordered, strongest first: a visible name always outranks an address.
 */
#ifndef CUTOFFD_EVIDENCE_H
#define CUTOFFD_EVIDENCE_H

#include <stdint.h>

enum evidence_kind {
	EVIDENCE_NONE,
	EVIDENCE_TLS_SNI,
	EVIDENCE_QUIC_SNI,
	EVIDENCE_HTTP_HOST,
	EVIDENCE_HTTP_CONNECT,
	EVIDENCE_TLS_CERTIFICATE,
	EVIDENCE_DNS,	 /* a name that this client was given for this server address */
	EVIDENCE_PREFIX, /* the server's address in a vendor's own prefix */
	EVIDENCE_NDPI,	 /* a protocol that the catalogue names */
};

/* "tls-sni", "dns", …: as events spell them. */
const char *evidence_kind_name(enum evidence_kind kind);

/*
 * The field in the conntrack mark, 12 bits: what is known of a flow. Numbers from FIELD_CLASS on
 * are classes, allotted once for each vendor.service and never used again.
 */
enum field {
	FIELD_UNSEEN = 0,    /* nobody looked yet */
	FIELD_UNDECIDED = 1, /* looked at, more packets are needed */
	FIELD_CLEAN = 2,     /* a name that no list holds */
	FIELD_UNKNOWN = 3,   /* gave up without a name */
	FIELD_HTTP = 4,	     /* plain HTTP: each request is looked at */
	FIELD_DNS = 5,
	FIELD_MIDSTREAM = 6, /* picked up mid-stream */
	FIELD_OTHER = 7,     /* a vendor's traffic that no adopted policy names */
	FIELD_CLASS = 16,
	FIELD_MAX = 4095,
};

/* A catalogue's service by its index there; indexes are good for that one catalogue only. */
#define SERVICE_NONE UINT16_MAX

#endif
