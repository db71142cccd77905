// SPDX-License-Identifier: GPL-2.0-only
/*
 * Capacity zero: no message ever rests, so that sender and receiver meet. It goes as
 * the textbooks draw it: message sent, sender blocked, received, sender released.
 *
 *	cc rendezvous.c -lmsgpass -o rendezvous && ./rendezvous
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <msgpass.h>

static int send_one(const char *name)
{
	struct msgpass *mailbox = msgpass_open(name, MSGPASS_ACCESS_SEND);
	struct msgpass_stat stat;

	if (!mailbox || msgpass_send(mailbox, "hello", sizeof("hello") - 1, 0))
		err(1, "sending");
	if (msgpass_stat(mailbox, &stat))
		err(1, "reading the mailbox's state");
	return stat.received_messages != 1;
}

static void receive_one(struct msgpass *mailbox)
{
	struct pollfd sender = { .fd = msgpass_fd(mailbox), .events = POLLIN };
	struct msgpass_stat stat;
	char text[16];
	ssize_t size;

	/* Readable is a mailbox of capacity 0 when a sender waits. */
	if (poll(&sender, 1, -1) != 1 || msgpass_stat(mailbox, &stat))
		err(1, "waiting for the sender");
	if (stat.messages || stat.senders_waiting != 1)
		errx(1, "%u messages rest, %u senders wait", stat.messages,
		     stat.senders_waiting);
	printf("2. sender blocked: 1 sender waits, 0 messages rest\n");

	size = msgpass_receive(mailbox, text, sizeof(text), 0, NULL);
	if (size < 0)
		err(1, "receiving");
	printf("3. received: %.*s\n", (int)size, text);
}

int main(void)
{
	const struct msgpass_attributes attributes = {
		.flags = MSGPASS_PROCESS_OWNED,
		.capacity = 0,
		.mode = 0600,
	};
	struct msgpass *mailbox;
	pid_t sender;
	char name[64];
	int status;

	setlinebuf(stdout);
	snprintf(name, sizeof(name), "rendezvous-%d", getpid());
	mailbox = msgpass_create(name, &attributes, MSGPASS_ACCESS_BOTH);
	if (!mailbox)
		err(1, "mailbox '%s'", name);
	if (!msgpass_send(mailbox, "x", 1, MSGPASS_NONBLOCK) || errno != EAGAIN)
		errx(1, "a message was sent with nobody to meet");
	printf("0. nobody waits: a non-blocking send is EAGAIN\n");

	printf("1. message sent\n");
	sender = fork();
	if (!sender)
		return send_one(name);
	if (sender < 0)
		err(1, "fork");
	receive_one(mailbox);
	if (waitpid(sender, &status, 0) < 0 || status)
		errx(1, "the sender was not released by the receipt");
	printf("4. sender released\n");
	msgpass_close(mailbox);
	return 0;
}
