// SPDX-License-Identifier: GPL-2.0-only
/*
 * Message sizes: fixed, where each message is of exactly one size, or variable up to a
 * maximum. Either way it is received whole, as it was sent, or not at all.
 *
 *	cc fixed-size.c -lmsgpass -o fixed-size && ./fixed-size
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <msgpass.h>

/* 32- and 64-bit programs may share a mailbox: these types are the same in both. */
struct reading {
	unsigned int sensor;
	float celsius;
};

static struct msgpass *create(const char *what, unsigned int flags, size_t size_max)
{
	const struct msgpass_attributes attributes = {
		.flags = MSGPASS_PROCESS_OWNED | flags,
		.capacity = 10,
		.size_max = size_max,
		.mode = 0600,
	};
	struct msgpass *mailbox;
	char name[64];

	snprintf(name, sizeof(name), "%s-size-%d", what, getpid());
	mailbox = msgpass_create(name, &attributes, MSGPASS_ACCESS_BOTH);
	if (!mailbox)
		err(1, "mailbox '%s'", name);
	return mailbox;
}

static void refuse(struct msgpass *mailbox, const void *data, size_t size)
{
	if (!msgpass_send(mailbox, data, size, MSGPASS_NONBLOCK) || errno != EMSGSIZE)
		errx(1, "a message of %zu bytes was not refused", size);
	printf("%zu bytes: refused (EMSGSIZE)\n", size);
}

/* Of any size: a buffer that is too small costs nothing but another call. */
static void receive_any_size(struct msgpass *mailbox)
{
	struct msgpass_info info;
	char small[4], *large;

	if (msgpass_receive(mailbox, small, sizeof(small), 0, &info) >= 0 || errno != EMSGSIZE)
		errx(1, "a message fits where it does not");
	large = malloc(info.size);
	if (!large || msgpass_receive(mailbox, large, info.size, 0, &info) < 0)
		err(1, "receiving %zu bytes", info.size);
	printf("%zu bytes: %s\n", info.size, large);
	free(large);
}

int main(void)
{
	static const char text[] = "as long as it takes";
	struct reading reading = { .sensor = 7, .celsius = 21.5 }, received;
	struct msgpass *fixed, *variable;

	fixed = create("fixed", MSGPASS_FIXED_SIZE, sizeof(struct reading));
	refuse(fixed, &reading, sizeof(reading) - 1);
	refuse(fixed, text, sizeof(text));
	if (msgpass_send(fixed, &reading, sizeof(reading), 0) ||
	    msgpass_receive(fixed, &received, sizeof(received), 0, NULL) < 0)
		err(1, "a reading");
	printf("%zu bytes: sensor %u, %.1f degrees\n", sizeof(received), received.sensor,
	       received.celsius);

	variable = create("variable", 0, 100);
	if (msgpass_send(variable, text, sizeof(text), 0))
		err(1, "a text");
	receive_any_size(variable);
	msgpass_close(variable);
	msgpass_close(fixed);
	return received.sensor != reading.sensor;
}
