// SPDX-License-Identifier: GPL-2.0-only
/*
 * Deadlines: every operation that can wait can give up at a time, ETIMEDOUT. It is a
 * point in time, not a duration: one deadline serves a series of calls, and a call
 * that starts again after a signal does not wait longer.
 *
 *	cc deadline.c -lmsgpass -o deadline && ./deadline
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <msgpass.h>

#define MSEC	(1000 * 1000ULL)

/* As many messages as come until then. */
static unsigned int receive_until(struct msgpass *mailbox, uint64_t deadline)
{
	unsigned int received = 0;
	char text[32];
	struct msgpass_receive argument = {
		.buffer = (uintptr_t)text,
		.buffer_size = sizeof(text),
		.deadline = deadline,
	};

	while (!msgpass_raw_receive(msgpass_fd(mailbox), &argument))
		received++;
	if (errno != ETIMEDOUT)
		err(1, "receiving");
	return received;
}

static void send_until(struct msgpass *mailbox, const char *text, size_t size,
		       uint64_t deadline)
{
	struct msgpass_send argument = {
		.data = (uintptr_t)text,
		.size = size,
		.deadline = deadline,
	};

	if (!msgpass_raw_send(msgpass_fd(mailbox), &argument) || errno != ETIMEDOUT)
		errx(1, "a full mailbox did not make the sender wait");
}

int main(void)
{
	const struct msgpass_attributes attributes = {
		.flags = MSGPASS_PROCESS_OWNED,
		.capacity = 2,
		.mode = 0600,
	};
	struct msgpass *mailbox;
	unsigned int received;
	uint64_t deadline;
	char name[64];

	snprintf(name, sizeof(name), "deadline-%d", getpid());
	mailbox = msgpass_create(name, &attributes, MSGPASS_ACCESS_BOTH);
	if (!mailbox || msgpass_send(mailbox, "one", 3, 0) || msgpass_send(mailbox, "two", 3, 0))
		err(1, "mailbox '%s'", name);

	deadline = msgpass_deadline(50 * MSEC);
	send_until(mailbox, "three", 5, deadline);
	if (msgpass_deadline(0) < deadline)
		errx(1, "the sender gave up too early");
	printf("full for 50 ms: the third message was withdrawn\n");

	deadline = msgpass_deadline(50 * MSEC);
	received = receive_until(mailbox, deadline);
	if (msgpass_deadline(0) < deadline)
		errx(1, "the receiver gave up too early");
	printf("received %u messages within 50 ms\n", received);
	if (received != 2)
		errx(1, "there were 2");
	msgpass_close(mailbox);
	return 0;
}
