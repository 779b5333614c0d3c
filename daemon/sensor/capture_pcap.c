/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Live interfaces. The only file that includes libpcap's header.
 */
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>

#include "daemon/sensor/capture_source.h"

/* The kernel's ring: some 500 packets to bridge the time until the sensor is scheduled. */
#define RING_BYTES (8 << 20)

struct live {
	struct capture base;
	pcap_t *pcap;
	int linktype;
};

/* The few DLT_ values that libpcap gives and that differ from the file format's (pcap-common.c). */
static int linktype_of_dlt(int dlt)
{
	switch (dlt) {
	case DLT_RAW:
		return 101;
	case DLT_ATM_RFC1483:
		return 100;
	case DLT_SLIP_BSDOS:
		return 102;
	case DLT_PPP_BSDOS:
		return 103;
	default:
		return dlt;
	}
}

static const char *remedy(int status)
{
	switch (status) {
	case PCAP_ERROR_NO_SUCH_DEVICE:
		return "; `ip link` lists the interfaces";
	case PCAP_ERROR_PERM_DENIED:
	case PCAP_ERROR_PROMISC_PERM_DENIED:
		return "; it needs CAP_NET_RAW";
	case PCAP_ERROR_IFACE_NOT_UP:
		return "; `ip link set … up` first";
	default:
		return "";
	}
}

static int activate(struct live *live)
{
	pcap_t *pcap = live->pcap;
	char error[PCAP_ERRBUF_SIZE] = "";
	const char *detail;
	int status;

	pcap_set_snaplen(pcap, CAPTURE_LIVE_BYTES);
	pcap_set_buffer_size(pcap, RING_BYTES);
	pcap_set_promisc(pcap, 0);
	/* The ring's blocks would otherwise be handed over only when full or after milliseconds. */
	pcap_set_immediate_mode(pcap, 1);
	pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
	status = pcap_activate(pcap);
	detail = pcap_geterr(pcap);
	if (status < 0)
		return capture_fail(&live->base, -EIO, "%s%s",
				    detail[0] ? detail : pcap_statustostr(status), remedy(status));
	if (pcap_setnonblock(pcap, 1, error) < 0)
		return capture_fail(&live->base, -EIO, "%s", error);
	live->linktype = linktype_of_dlt(pcap_datalink(pcap));
	return 0;
}

static int live_next(struct capture *capture, struct capture_packet *packet)
{
	struct live *live = (struct live *)capture;
	struct pcap_pkthdr *header;
	const u_char *bytes;
	int64_t fraction;
	int result = pcap_next_ex(live->pcap, &header, &bytes);

	if (result == 0)
		return 0;
	if (result < 0)
		return capture_fail(capture, -EIO, "%s", pcap_geterr(live->pcap));
	fraction = header->ts.tv_usec;
	if (pcap_get_tstamp_precision(live->pcap) == PCAP_TSTAMP_PRECISION_MICRO)
		fraction *= 1000;
	packet->bytes = bytes;
	packet->length = header->caplen;
	packet->wire_length = header->len;
	packet->linktype = live->linktype;
	packet->at.ns = header->ts.tv_sec * CLOCK_SECOND + fraction;
	return 1;
}

static void live_stop(struct capture *capture)
{
	struct live *live = (struct live *)capture;

	if (live->pcap)
		pcap_close(live->pcap);
}

static int live_fd(const struct capture *capture)
{
	return pcap_get_selectable_fd(((const struct live *)capture)->pcap);
}

static uint64_t live_dropped(struct capture *capture)
{
	struct pcap_stat stat;

	/* Both are sums since the beginning. */
	if (pcap_stats(((struct live *)capture)->pcap, &stat) < 0)
		return 0;
	return (uint64_t)stat.ps_drop + stat.ps_ifdrop;
}

static const struct capture_kind capture_live = {
	.size = sizeof(struct live),
	.next = live_next,
	.stop = live_stop,
	.fd = live_fd,
	.dropped = live_dropped,
};

struct capture *capture_open_live(const char *interface, char error[CAPTURE_ERROR])
{
	char text[PCAP_ERRBUF_SIZE] = "out of memory";
	struct capture *capture = capture_new(&capture_live, interface);
	struct live *live = (struct live *)capture;

	if (live)
		live->pcap = pcap_create(interface, text);
	if (!live || !live->pcap) {
		snprintf(error, CAPTURE_ERROR, "%.200s: %.255s", interface, text);
		goto fail;
	}
	if (activate(live) < 0) {
		memcpy(error, capture->error, CAPTURE_ERROR);
		goto fail;
	}
	return capture;

fail:
	capture_free(capture);
	return NULL;
}
