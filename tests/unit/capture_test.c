/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/sensor/capture.h"
#include "tests/unit/hex.h"

/* What a file holds, as text: "linktype seconds.nanoseconds length/wire bytes" for each packet, and
 * then the error, "end" or what capture_error says. */
#define READ_TEXT 4096

static int memory_file(const uint8_t *bytes, size_t length)
{
	int fd = memfd_create("capture", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static size_t put_packet(const struct capture_packet *packet, char *text, size_t size)
{
	int n = snprintf(text, size, "%d %lld.%09lld %u/%u ", packet->linktype,
			 (long long)(packet->at.ns / CLOCK_SECOND),
			 (long long)(packet->at.ns % CLOCK_SECOND), packet->length,
			 packet->wire_length);

	for (uint32_t i = 0; i < packet->length && i < 8; i++)
		n += snprintf(text + n, size - (size_t)n, "%c", packet->bytes[i]);
	return (size_t)n + (size_t)snprintf(text + n, size - (size_t)n, ", ");
}

static void read_all(int fd, char text[READ_TEXT])
{
	char error[CAPTURE_ERROR] = "";
	struct capture *capture = capture_open_fd(fd, "t", error);
	struct capture_packet packet;
	size_t length = 0;
	int result = -EINVAL;

	text[0] = '\0';
	while (capture && (result = capture_next(capture, &packet)) == 1)
		length += put_packet(&packet, text + length, READ_TEXT - length);
	if (capture)
		assert_int_equal(capture_next(capture, &packet), result);
	snprintf(text + length, READ_TEXT - length, "%s",
		 !capture	      ? error
		 : result == -ENODATA ? "end"
				      : capture_error(capture));
	capture_free(capture);
}

struct file {
	const char *what, *hex, *want;
};

/* Written on 2024-09-29 at 04:00:00 UTC, 0x66f8d0c0. */
#define PCAP_LITTLE "d4c3b2a1 0200 0400 00000000 00000000 ffff0000 01000000 "
#define PCAP_PACKET_LITTLE "c0d0f866 05000000 04000000 08000000 61626364 "
#define PCAP_WANT "1 1727582400.000005000 4/8 abcd, "

static const struct file pcap_files[] = {
	{"little-endian", PCAP_LITTLE PCAP_PACKET_LITTLE PCAP_PACKET_LITTLE,
	 PCAP_WANT PCAP_WANT "end"},
	{"big-endian",
	 "a1b2c3d4 0002 0004 00000000 00000000 0000ffff 00000071"
	 "66f8d0c0 00000005 00000004 00000008 61626364",
	 "113 1727582400.000005000 4/8 abcd, end"},
	{"nanoseconds", "4d3cb2a1 0200 0400 00000000 00000000 ffff0000 01000000" PCAP_PACKET_LITTLE,
	 "1 1727582400.000000005 4/8 abcd, end"},
	{"nanoseconds, big-endian",
	 "a1b23c4d 0002 0004 00000000 00000000 0000ffff 00000001"
	 "66f8d0c0 3b9ac9ff 00000004 00000008 61626364",
	 "1 1727582400.999999999 4/8 abcd, end"},
	{"Kuznetzov's packet headers",
	 "34cdb2a1 0200 0400 00000000 00000000 ffff0000 01000000"
	 "c0d0f866 05000000 04000000 08000000 00000000 00000000 61626364",
	 PCAP_WANT "end"},
	{"version 2.2: lengths the other way round",
	 "d4c3b2a1 0200 0200 00000000 00000000 ffff0000 01000000"
	 "c0d0f866 05000000 08000000 04000000 61626364",
	 PCAP_WANT "end"},
	{"version 543.0",
	 "d4c3b2a1 1f02 0000 00000000 00000000 ffff0000 01000000"
	 "c0d0f866 05000000 08000000 04000000 61626364",
	 PCAP_WANT "end"},
	{"version 2.7", "d4c3b2a1 0200 0700 00000000 00000000 ffff0000 01000000" PCAP_PACKET_LITTLE,
	 PCAP_WANT "end"},
	{"version 3.0", "d4c3b2a1 0300 0000 00000000 00000000 ffff0000 01000000",
	 "t: pcap version 3.0 is not read"},
	{"snapshot length 0",
	 "d4c3b2a1 0200 0400 00000000 00000000 00000000 01000000" PCAP_PACKET_LITTLE,
	 PCAP_WANT "end"},
	{"snapshot length below the packets'",
	 "d4c3b2a1 0200 0400 00000000 00000000 02000000 01000000" PCAP_PACKET_LITTLE,
	 PCAP_WANT "end"},
	{"huge snapshot length",
	 "d4c3b2a1 0200 0400 00000000 00000000 ffffffff 01000000" PCAP_PACKET_LITTLE,
	 PCAP_WANT "end"},
	{"with the bits of a frame check sequence",
	 "d4c3b2a1 0200 0400 00000000 00000000 ffff0000 01000054" PCAP_PACKET_LITTLE,
	 PCAP_WANT "end"},
	{"more captured than there was", PCAP_LITTLE "c0d0f866 05000000 04000000 02000000 61626364",
	 "1 1727582400.000005000 4/4 abcd, end"},
	{"a packet of no bytes", PCAP_LITTLE "c0d0f866 05000000 00000000 08000000",
	 "1 1727582400.000005000 0/8 , end"},
	{"no packets", PCAP_LITTLE, "end"},
	{"cut inside the header", "d4c3b2a1 0200 0400",
	 "t: cut short inside the file's header at byte 0"},
	{"cut inside a packet's header", PCAP_LITTLE PCAP_PACKET_LITTLE "c0d0f8",
	 PCAP_WANT "t: cut short inside a packet's header at byte 44"},
	{"cut inside a packet",
	 PCAP_LITTLE PCAP_PACKET_LITTLE "c0d0f866 05000000 04000000 08000000 61",
	 PCAP_WANT "t: cut short inside a packet at byte 60"},
	{"a packet of 2 GB", PCAP_LITTLE "c0d0f866 05000000 ffffff7f ffffff7f 61",
	 "t: damaged before byte 40: a packet of 2147483647 bytes"},
};

#define SHB_LITTLE "0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000 "
#define SHB_BIG "0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c "
#define IDB_LITTLE "01000000 14000000 0100 0000 00000000 14000000 "
#define IDB_RESOLUTION(resolution)                                                                 \
	"01000000 20000000 0100 0000 00000000 0900 0100 " resolution "000000 00000000 20000000 "
#define IDB_RESOLUTION_OFFSET(resolution, offset)                                                  \
	"01000000 28000000 0100 0000 00000000 0900 0100 " resolution "000000 "                     \
	"0e00 0800 " offset " 28000000 "
#define EPB(interface, ticks)                                                                      \
	"06000000 24000000 " interface " " ticks " 04000000 08000000 61626364 24000000 "
/* In microseconds, which is the resolution where none is given. */
#define EPB_LITTLE EPB("00000000", "3a230600 00b0451f")
#define EPB_BIG "00000006 00000024 00000000 0006233a 1f45b000 00000004 00000008 61626364 00000024 "
#define EPB_WANT "1 1727582400.000000000 4/8 abcd, "

static const struct file pcapng_files[] = {
	{"little-endian", SHB_LITTLE IDB_LITTLE EPB_LITTLE EPB_LITTLE, EPB_WANT EPB_WANT "end"},
	{"big-endian", SHB_BIG "00000001 00000014 0071 0000 00000000 00000014" EPB_BIG,
	 "113 1727582400.000000000 4/8 abcd, end"},
	{"nanoseconds", SHB_LITTLE IDB_RESOLUTION("09") EPB("00000000", "0a9bf917 05803728"),
	 "1 1727582400.000000005 4/8 abcd, end"},
	{"seconds", SHB_LITTLE IDB_RESOLUTION("00") EPB("00000000", "00000000 c0d0f866"),
	 EPB_WANT "end"},
	{"2^-10 seconds", SHB_LITTLE IDB_RESOLUTION("8a") EPB("00000000", "9b010000 000243e3"),
	 "1 1727582400.500000000 4/8 abcd, end"},
	{"picoseconds and an offset",
	 SHB_LITTLE IDB_RESOLUTION_OFFSET("0c", "c0d0f866 00000000")
		 EPB("00000000", "8c040000 586b3927"),
	 "1 1727582405.000000007 4/8 abcd, end"},
	{"an offset below zero",
	 SHB_LITTLE IDB_RESOLUTION_OFFSET("06", "ffffffff ffffffff")
		 EPB("00000000", "3a230600 00b0451f"),
	 "1 1727582399.000000000 4/8 abcd, end"},
	{"an offset beyond all time",
	 SHB_LITTLE IDB_RESOLUTION_OFFSET("06", "00000000 ffffff7f")
		 EPB("00000000", "3a230600 00b0451f"),
	 "1 9223372036.854775807 4/8 abcd, end"},
	{"10^-127 seconds", SHB_LITTLE IDB_RESOLUTION("7f") EPB("00000000", "ffffffff ffffffff"),
	 "1 0.000000000 4/8 abcd, end"},
	{"2^-127 seconds", SHB_LITTLE IDB_RESOLUTION("ff") EPB("00000000", "ffffffff ffffffff"),
	 "1 0.000000000 4/8 abcd, end"},
	{"ticks beyond all time",
	 SHB_LITTLE IDB_RESOLUTION("00") EPB("00000000", "ffffffff ffffffff"),
	 "1 9223372036.854775807 4/8 abcd, end"},
	{"mixed link types and snapshot lengths",
	 SHB_LITTLE IDB_LITTLE "01000000 14000000 6500 0000 60000000 14000000" EPB(
		 "01000000", "3a230600 00b0451f") EPB_LITTLE,
	 "101 1727582400.000000000 4/8 abcd, " EPB_WANT "end"},
	{"sections of either byte order, each with its own interfaces",
	 SHB_LITTLE IDB_LITTLE EPB_LITTLE SHB_BIG
	 "00000001 00000014 0071 0000 00000000 00000014" EPB_BIG,
	 EPB_WANT "113 1727582400.000000000 4/8 abcd, end"},
	{"interfaces of the section before are gone", SHB_LITTLE IDB_LITTLE SHB_LITTLE EPB_LITTLE,
	 "t: damaged in the block at byte 76: a packet of an interface that was not described"},
	{"simple packets, with the time of the packet before",
	 SHB_LITTLE IDB_LITTLE EPB_LITTLE "03000000 14000000 08000000 61626364 14000000"
					  "03000000 14000000 03000000 61626300 14000000",
	 EPB_WANT "1 1727582400.000000000 4/8 abcd, 1 1727582400.000000000 3/3 abc, end"},
	{"a simple packet that the snapshot length cuts",
	 SHB_LITTLE "01000000 14000000 0100 0000 02000000 14000000"
		    "03000000 14000000 08000000 61620000 14000000",
	 "1 0.000000000 2/8 ab, end"},
	{"the obsolete packet block",
	 SHB_LITTLE IDB_LITTLE
	 "02000000 24000000 0000 ffff 3a230600 00b0451f 04000000 08000000 61626364 24000000",
	 EPB_WANT "end"},
	{"options behind the packet",
	 SHB_LITTLE IDB_LITTLE
	 "06000000 30000000 00000000 3a230600 00b0451f 04000000 08000000 61626364"
	 "0200 0400 00000000 00000000 30000000",
	 EPB_WANT "end"},
	{"blocks without packets",
	 SHB_LITTLE "04000000 14000000 0000000000000000 14000000" IDB_LITTLE
		    "ad0b0000 0c000000 0c000000" EPB_LITTLE "05000000 10000000 00000000 10000000",
	 EPB_WANT "end"},
	{"more captured than there was",
	 SHB_LITTLE IDB_LITTLE
	 "06000000 24000000 00000000 3a230600 00b0451f 04000000 02000000 61626364 24000000",
	 "1 1727582400.000000000 4/4 abcd, end"},
	{"no packets", SHB_LITTLE, "end"},
	{"version 2", "0a0d0d0a 1c000000 4d3c2b1a 0200 0100 ffffffffffffffff 1c000000",
	 "t: pcapng version 2.1 is not read"},
	{"no byte order", "0a0d0d0a 1c000000 4d3c2b1b 0100 0000 ffffffffffffffff 1c000000",
	 "t: damaged in the block at byte 0: no byte order"},
	{"cut inside the first block", "0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffff",
	 "t: cut short inside a block at byte 8"},
	{"cut inside a block's header", SHB_LITTLE IDB_LITTLE EPB_LITTLE "0600",
	 EPB_WANT "t: cut short inside a block's header at byte 84"},
	{"cut inside a packet", SHB_LITTLE IDB_LITTLE EPB_LITTLE "06000000 24000000 00000000",
	 EPB_WANT "t: cut short inside a block at byte 92"},
	{"cut inside a block that is skipped", SHB_LITTLE "04000000 f0ffffff 00000000",
	 "t: cut short inside a block at byte 36"},
	{"a packet of 2 GB", SHB_LITTLE IDB_LITTLE "06000000 fcffff7f 00000000",
	 "t: damaged in the block at byte 48: longer than a packet can be"},
	{"a packet longer than its block",
	 SHB_LITTLE IDB_LITTLE
	 "06000000 24000000 00000000 3a230600 00b0451f 05000000 08000000 61626364 24000000",
	 "t: damaged in the block at byte 48: a packet longer than its block"},
	{"a block shorter than itself", SHB_LITTLE "06000000 08000000 08000000",
	 "t: damaged in the block at byte 28: a length that cannot be"},
	{"a block of an odd length", SHB_LITTLE "06000000 0d000000 00 0d000000",
	 "t: damaged in the block at byte 28: a length that cannot be"},
	{"two lengths that differ", SHB_LITTLE "01000000 14000000 0100 0000 00000000 18000000",
	 "t: damaged in the block at byte 28: its two lengths differ"},
	{"an interface that is too short", SHB_LITTLE "01000000 10000000 0100 0000 10000000",
	 "t: damaged in the block at byte 28: an interface that is too short"},
	{"an option longer than its block",
	 SHB_LITTLE "01000000 18000000 0100 0000 00000000 0900 ff00 18000000" EPB_LITTLE,
	 EPB_WANT "end"},
};

static const struct file other_files[] = {
	{"nothing", "", "t: empty, or too short to be a capture file"},
	{"three bytes", "d4c3b2", "t: empty, or too short to be a capture file"},
	{"gzip", "1f8b0800 00000000",
	 "t: compressed by gzip; give it through `zcat FILE |`, and - as its name"},
	{"text", "68656c6c 6f0a",
	 "t: not a pcap or pcapng file; `editcap -F pcapng` converts others"},
};

static void check_file(const struct file *file)
{
	uint8_t bytes[1024];
	size_t length = hex_bytes(file->hex, bytes, sizeof(bytes));
	char text[READ_TEXT];

	print_message("%s\n", file->what);
	assert_in_range(length, 0, sizeof(bytes));
	read_all(memory_file(bytes, length), text);
	assert_string_equal(text, file->want);
}

static void test_pcap(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pcap_files) / sizeof(pcap_files[0]); i++)
		check_file(&pcap_files[i]);
}

static void test_pcapng(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pcapng_files) / sizeof(pcapng_files[0]); i++)
		check_file(&pcapng_files[i]);
}

static void test_not_a_capture(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(other_files) / sizeof(other_files[0]); i++)
		check_file(&other_files[i]);
}

static void test_open_errors(void **state)
{
	char error[CAPTURE_ERROR];

	(void)state;
	assert_null(capture_open_file("/nonexistent/x.pcap", error));
	assert_string_equal(error,
			    "/nonexistent/x.pcap: cannot be opened: No such file or directory");
	assert_null(capture_open_file("/", error));
	assert_string_equal(error, "/: Is a directory");
	assert_null(capture_open_live("no-such-if0", error));
	assert_memory_equal(error, "no-such-if0: ", 13);
}

static void test_progress_and_defaults(void **state)
{
	uint8_t bytes[128];
	size_t length = hex_bytes(PCAP_LITTLE PCAP_PACKET_LITTLE, bytes, sizeof(bytes));
	struct capture_packet packet;
	char error[CAPTURE_ERROR];
	struct capture *capture = capture_open_fd(memory_file(bytes, length), "t", error);
	uint64_t read, total;

	(void)state;
	assert_non_null(capture);
	capture_progress(capture, &read, &total);
	assert_int_equal(read, 24);
	assert_int_equal(total, length);
	assert_int_equal(capture_next(capture, &packet), 1);
	capture_progress(capture, &read, &total);
	assert_int_equal(read, length);
	assert_int_equal(capture_fd(capture), -1);
	assert_int_equal(capture_dropped(capture), 0);
	capture_free(capture);
	capture_free(NULL);
}

static void test_pipe(void **state)
{
	uint8_t bytes[128];
	size_t length = hex_bytes(SHB_LITTLE IDB_LITTLE EPB_LITTLE, bytes, sizeof(bytes));
	char text[READ_TEXT];
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], bytes, length), length);
	close(ends[1]);
	read_all(ends[0], text);
	assert_string_equal(text, EPB_WANT "end");
}

/* A fixed sequence of numbers (Knuth's MMIX generator). */
static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

/* Packets are mostly small, and now and then far longer than what is read at a time. */
static uint32_t random_length(uint64_t *seed)
{
	uint32_t r = next_random(seed);

	return r % 50 == 0 ? r / 50 % 700000 : r / 50 % 3000;
}

static void write_random_packets(FILE *out, unsigned int count)
{
	uint64_t seed = 1;
	const uint32_t magic = 0xa1b2c3d4, rest[4] = {0, 0, 0, 1};
	const uint16_t version[2] = {2, 4};
	static uint8_t bytes[700000];

	fwrite(&magic, 1, sizeof(magic), out);
	fwrite(version, 1, sizeof(version), out);
	fwrite(rest, 1, sizeof(rest), out);
	for (unsigned int i = 0; i < count; i++) {
		uint32_t length = random_length(&seed);
		uint32_t header[4] = {i, 0, length, length};

		memset(bytes, (int)(i & 0xff), length);
		fwrite(header, 1, sizeof(header), out);
		fwrite(bytes, 1, length, out);
	}
}

static bool all_are(const uint8_t *bytes, size_t length, uint8_t value)
{
	return length == 0 || (bytes[0] == value && memcmp(bytes, bytes + 1, length - 1) == 0);
}

/* No packet is lost or torn where the input's buffer is filled anew. */
static void test_many_packets(void **state)
{
	enum { COUNT = 1000 };
	FILE *file = fdopen(memfd_create("capture", MFD_CLOEXEC), "w+");
	struct capture_packet packet;
	char error[CAPTURE_ERROR];
	struct capture *capture;
	uint64_t seed = 1;

	(void)state;
	assert_non_null(file);
	write_random_packets(file, COUNT);
	rewind(file);
	capture = capture_open_fd(dup(fileno(file)), "t", error);
	fclose(file);
	assert_non_null(capture);
	for (unsigned int i = 0; i < COUNT; i++) {
		assert_int_equal(capture_next(capture, &packet), 1);
		assert_int_equal(packet.at.ns, i * CLOCK_SECOND);
		assert_int_equal(packet.length, random_length(&seed));
		assert_true(all_are(packet.bytes, packet.length, (uint8_t)i));
	}
	assert_int_equal(capture_next(capture, &packet), -ENODATA);
	capture_free(capture);
}

/* However a file is cut: every whole packet is given, and then the end or a word about it. */
static void test_every_cut(void **state)
{
	static const struct {
		const char *hex;
		size_t header, packet;
	} files[] = {
		{PCAP_LITTLE PCAP_PACKET_LITTLE PCAP_PACKET_LITTLE, 24, 20},
		{SHB_LITTLE IDB_LITTLE EPB_LITTLE EPB_LITTLE, 48, 36},
	};
	uint8_t bytes[256];
	char error[CAPTURE_ERROR];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		size_t length = hex_bytes(files[i].hex, bytes, sizeof(bytes));

		for (size_t cut = files[i].header; cut <= length; cut++) {
			struct capture *capture =
				capture_open_fd(memory_file(bytes, cut), "t", error);
			size_t whole = (cut - files[i].header) / files[i].packet;
			bool clean = (cut - files[i].header) % files[i].packet == 0;
			struct capture_packet packet;

			assert_non_null(capture);
			for (size_t n = 0; n < whole; n++)
				assert_int_equal(capture_next(capture, &packet), 1);
			assert_int_equal(capture_next(capture, &packet),
					 clean ? -ENODATA : -EBADMSG);
			capture_free(capture);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pcap),
		cmocka_unit_test(test_pcapng),
		cmocka_unit_test(test_not_a_capture),
		cmocka_unit_test(test_open_errors),
		cmocka_unit_test(test_progress_and_defaults),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_many_packets),
		cmocka_unit_test(test_every_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
