/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "classifiers/evidence.h"

const char *evidence_kind_name(enum evidence_kind kind)
{
	switch (kind) {
	case EVIDENCE_NONE:
		return "none";
	case EVIDENCE_TLS_SNI:
		return "tls-sni";
	case EVIDENCE_QUIC_SNI:
		return "quic-sni";
	case EVIDENCE_HTTP_HOST:
		return "http-host";
	case EVIDENCE_HTTP_CONNECT:
		return "http-connect";
	case EVIDENCE_TLS_CERTIFICATE:
		return "tls-certificate";
	case EVIDENCE_DNS:
		return "dns";
	case EVIDENCE_PREFIX:
		return "prefix";
	case EVIDENCE_NDPI:
		return "ndpi";
	}
	return "none";
}
