/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The catalogue with many names: one line for each size, the same names and questions each time.
 *     build/tests/bench/names [SIZE…]
 * build: adding and sealing; hit, miss: ns for a lookup of a listed and of an unlisted name, the
 * names at random, best of ROUNDS; all in processor time, so that a busy machine tells the same.
 * bytes: the block beyond the names' text, for each name.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "classifiers/catalogue.h"

#define ROUNDS 5
#define QUESTIONS 1000000u
#define NAME_ROOM 64

struct questions {
	uint8_t length[QUESTIONS];
	char text[QUESTIONS][NAME_ROOM];
};

static uint64_t mix(uint64_t z)
{
	z += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* As lists of names look: one to three labels of a few characters under a common suffix. */
static unsigned int make_name(uint64_t number, char text[NAME_ROOM])
{
	static const char *const suffixes[] = {"com",	"net",	"org",	   "co.uk",
					       "co.jp", "info", "example", "cloud.example"};
	static const char *const hosts[] = {"www.", "", "", "update.", "cdn-eu.", "", "api.", "a."};
	uint64_t random = mix(number);

	return (unsigned int)snprintf(text, NAME_ROOM, "%s%s%llx.%s", hosts[random & 7],
				      random & 8 ? "host-" : "", (unsigned long long)number,
				      suffixes[random >> 4 & 7]);
}

static double processor_seconds(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static int build(uint64_t size, uint64_t *text_bytes)
{
	struct catalogue_builder *builder = catalogue_builder_new();
	struct catalogue_conflict conflict;
	char name[NAME_ROOM];
	uint16_t service;
	unsigned int length;
	int fd = -1;

	if (!builder || catalogue_add_service(builder, "vendor", "updates", 16, false, &service) !=
				CATALOGUE_OK)
		goto out;
	*text_bytes = 0;
	for (uint64_t i = 0; i < size; i++) {
		length = make_name(i * 2, name);
		*text_bytes += length;
		if (catalogue_add_name(builder, service, name, length, 0, &conflict) !=
		    CATALOGUE_OK)
			goto out;
	}
	fd = catalogue_seal(builder);
out:
	catalogue_builder_free(builder);
	return fd;
}

/* odd: names that are in no list; the text is made beforehand, so only lookups are timed. */
static double lookup_ns(const struct catalogue *catalogue, struct questions *questions,
			uint64_t size, unsigned int odd)
{
	struct catalogue_match match;
	unsigned int found = 0;
	double start, seconds, best = 1e9;

	for (uint32_t i = 0; i < QUESTIONS; i++)
		questions->length[i] =
			(uint8_t)make_name(mix(i) % size * 2 + odd, questions->text[i]);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		found = 0;
		start = processor_seconds();
		for (uint32_t i = 0; i < QUESTIONS; i++)
			found += catalogue_find_name(catalogue, questions->text[i],
						     questions->length[i], &match);
		seconds = processor_seconds() - start;
		if (seconds < best)
			best = seconds;
	}
	if (found != (odd ? 0 : QUESTIONS)) {
		fprintf(stderr, "names: %u of %u found\n", found, QUESTIONS);
		exit(1);
	}
	return best * 1e9 / QUESTIONS;
}

static int bench(uint64_t size, struct questions *questions)
{
	double start = processor_seconds();
	struct catalogue *catalogue;
	uint64_t text_bytes;
	int fd = build(size, &text_bytes);
	double build_seconds = processor_seconds() - start, hit, miss;
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return 1;
	catalogue = catalogue_map(fd);
	close(fd);
	if (!catalogue)
		return 1;
	hit = lookup_ns(catalogue, questions, size, 0);
	miss = lookup_ns(catalogue, questions, size, 1);
	printf("names size=%llu build_s=%.3f hit_ns=%.0f miss_ns=%.0f bytes_a_name=%.1f\n",
	       (unsigned long long)size, build_seconds, hit, miss,
	       (double)((uint64_t)status.st_size - text_bytes) / (double)size);
	catalogue_free(catalogue);
	return 0;
}

int main(int argc, char **argv)
{
	static const char *const usual[] = {"1000", "100000", "1000000"};
	const char *const *sizes = argc > 1 ? (const char *const *)argv + 1 : usual;
	int count = argc > 1 ? argc - 1 : 3, failed = 0;
	struct questions *questions = malloc(sizeof(*questions));

	if (!questions)
		return 1;
	for (int i = 0; i < count; i++)
		failed |= bench(strtoull(sizes[i], NULL, 10), questions);
	free(questions);
	return failed;
}
