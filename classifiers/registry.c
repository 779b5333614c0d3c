/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "classifiers/classifier.h"
#include "classifiers/http.h"
#include "classifiers/tls.h"

/* TLS first: it knows after one byte whether a stream may be its own. */
const struct stream_classifier stream_classifiers[] = {
	{"tls", tls_extract},
	{"http", http_extract},
	{NULL, NULL},
};
