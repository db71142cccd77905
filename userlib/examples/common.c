// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

#define MSEC	(1000 * 1000UL)
#define SEC	(1000 * MSEC)

void use_whole_lines(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	setvbuf(stderr, NULL, _IOLBF, 0);
}

void show_usage(const char *usage)
{
	fputs(usage, stdout);
	exit(finish(true));
}

bool get_number(const char *option, const char *text, unsigned int min,
		unsigned int max, unsigned int *number)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno ||
	    value < min || value > max) {
		warnx("%s '%s': not a number from %u to %u", option, text, min, max);
		return false;
	}
	*number = value;
	return true;
}

bool get_capacity(const char *text, unsigned int *capacity)
{
	if (!strcmp(text, "unbounded")) {
		*capacity = MSGPASS_UNBOUNDED;
		return true;
	}
	return get_number("--capacity", text, 0, MSGPASS_UNBOUNDED - 1, capacity);
}

const char *capacity_text(unsigned int capacity, char text[CAPACITY_TEXT])
{
	if (capacity == MSGPASS_UNBOUNDED)
		return "unbounded";
	snprintf(text, CAPACITY_TEXT, "%u", capacity);
	return text;
}

bool device_exists(void)
{
	struct msgpass *endpoint = msgpass_endpoint();

	if (!endpoint)
		warn("%s%s", MSGPASS_DEVICE, errno == ENOENT || errno == ENODEV ?
		     " (is the module loaded?)" : "");
	msgpass_close(endpoint);
	return endpoint;
}

struct msgpass *wait_for_mailbox(const char *name, unsigned int access)
{
	const struct timespec between_tries = { .tv_nsec = 20 * MSEC };
	uint64_t end = msgpass_deadline(10 * SEC);
	struct msgpass *mailbox;

	for (;;) {
		mailbox = msgpass_open(name, access);
		if (mailbox)
			return mailbox;
		if (errno != ENOENT || msgpass_deadline(0) >= end)
			break;
		nanosleep(&between_tries, NULL);
	}
	if (errno == ENOENT)
		warnx("no mailbox '%s'", name);
	else
		warn("mailbox '%s'", name);
	return NULL;
}

ssize_t read_full(int file, char *buffer, size_t size)
{
	size_t done = 0;
	ssize_t part;

	while (done < size) {
		part = read(file, buffer + done, size - done);
		if (!part || (part < 0 && errno != EINTR))
			return part ? -1 : (ssize_t)done;
		if (part > 0)
			done += part;
	}
	return done;
}

bool write_full(int file, const char *buffer, size_t size)
{
	size_t done = 0;
	ssize_t part;

	while (done < size) {
		part = write(file, buffer + done, size - done);
		if (part < 0 && errno != EINTR)
			return false;
		if (part > 0)
			done += part;
	}
	return true;
}

int finish(bool success)
{
	if (fflush(stdout) || ferror(stdout)) {
		warn("standard output");
		success = false;
	}
	return success ? EXIT_SUCCESS : EXIT_FAILURE;
}
