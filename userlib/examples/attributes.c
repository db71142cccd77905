// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes: a mailbox is found in the list, its attributes and state are read, and
 * some are changed while it is in use; whatever is changed, no message is lost. The
 * own inbox is read and changed by the same calls.
 *
 *	cc attributes.c -lmsgpass -o attributes && ./attributes
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <msgpass.h>

static unsigned int fill(struct msgpass *mailbox)
{
	unsigned int sent = 0;

	while (!msgpass_send(mailbox, "x", 1, MSGPASS_NONBLOCK))
		sent++;
	if (errno != EAGAIN)
		err(1, "sending");
	return sent;
}

/* @object is a mailbox or, by the own endpoint, the own inbox. */
static void set_capacity(struct msgpass *object, unsigned int capacity)
{
	const struct msgpass_set set = {
		.flags = MSGPASS_SET_CAPACITY,
		.capacity = capacity,
	};

	if (msgpass_set(object, &set))
		err(1, "setting the capacity");
}

static void expect(const char *what, struct msgpass *object, unsigned int capacity,
		   unsigned int messages)
{
	struct msgpass_stat stat;

	if (msgpass_stat(object, &stat))
		err(1, "reading the %s", what);
	printf("%s: capacity %u, up to %u bytes each, %u messages\n", what, stat.capacity,
	       stat.size_max, stat.messages);
	if (stat.capacity != capacity || stat.messages != messages)
		errx(1, "not capacity %u and %u messages", capacity, messages);
}

int main(void)
{
	const struct msgpass_attributes attributes = {
		.flags = MSGPASS_PROCESS_OWNED,
		.capacity = 2,
		.size_max = 100,
		.mode = 0600,
	};
	struct msgpass *endpoint = msgpass_endpoint(), *mailbox;
	char name[64], next[MSGPASS_NAME_MAX + 1] = "";

	snprintf(name, sizeof(name), "attributes-%d", getpid());
	mailbox = msgpass_create(name, &attributes, MSGPASS_ACCESS_BOTH);
	if (!endpoint || !mailbox)
		err(1, "mailbox '%s'", name);
	do {
		if (msgpass_next(endpoint, next))
			err(1, "looking for '%s' in the list", name);
	} while (strcmp(next, name));
	printf("in the list: %s\n", next);

	if (fill(mailbox) != 2)
		errx(1, "not 2 messages until it was full");
	expect("mailbox, full", mailbox, 2, 2);
	set_capacity(mailbox, 5);
	if (fill(mailbox) != 3)
		errx(1, "not 3 more messages until it was full again");
	expect("grown, and filled up", mailbox, 5, 5);
	set_capacity(mailbox, 1);
	expect("shrunk, and nothing lost", mailbox, 1, 5);

	set_capacity(endpoint, 1000);
	expect("inbox", endpoint, 1000, 0);
	msgpass_close(mailbox);
	msgpass_close(endpoint);
	return 0;
}
