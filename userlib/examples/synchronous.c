// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocking: how long does a sender wait? Until its message is admitted, which in a
 * mailbox with room is at once; or, with MSGPASS_SYNC, until it has been received.
 *
 *	cc synchronous.c -lmsgpass -o synchronous && ./synchronous
 */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <msgpass.h>

static int receive_two(struct msgpass *mailbox)
{
	struct msgpass_info info;
	char text[32];
	ssize_t size;
	int i;

	if (prctl(PR_SET_PDEATHSIG, SIGTERM))	/* without a sender, no receiver */
		err(1, "prctl");
	for (i = 0; i < 2; i++) {
		size = msgpass_receive(mailbox, text, sizeof(text), 0, &info);
		if (size < 0)
			err(1, "receiving");
		printf("receiver: message %llu, %.*s\n", (unsigned long long)info.id,
		       (int)size, text);
	}
	return 0;
}

/* What has become of the messages by the moment a send returns. */
static void expect(struct msgpass *mailbox, unsigned int resting, unsigned int received)
{
	struct msgpass_stat stat;

	if (msgpass_stat(mailbox, &stat))
		err(1, "reading the mailbox's state");
	printf("sender: released, with %u resting and %llu received\n", stat.messages,
	       (unsigned long long)stat.received_messages);
	if (stat.messages != resting || stat.received_messages != received)
		errx(1, "not %u and %u", resting, received);
}

int main(void)
{
	const struct msgpass_attributes attributes = { .capacity = 10, .mode = 0600 };
	struct msgpass *mailbox;
	pid_t receiver;
	char name[64];
	int status;

	setlinebuf(stdout);
	/* The child inherits it: it needs no name, and cannot stay behind. */
	snprintf(name, sizeof(name), "synchronous-%d", getpid());
	mailbox = msgpass_create(name, &attributes, MSGPASS_ACCESS_BOTH);
	if (!mailbox || msgpass_unlink(name))
		err(1, "mailbox '%s'", name);

	/* Nobody receives yet. */
	if (msgpass_send(mailbox, "a letter", sizeof("a letter") - 1, 0))
		err(1, "sending");
	expect(mailbox, 1, 0);

	receiver = fork();
	if (!receiver)
		return receive_two(mailbox);
	if (receiver < 0)
		err(1, "fork");
	/* There is room for it, and still this returns no earlier than its receipt. */
	if (msgpass_send(mailbox, "a phone call", sizeof("a phone call") - 1, MSGPASS_SYNC))
		err(1, "sending synchronously");
	expect(mailbox, 0, 2);

	if (waitpid(receiver, &status, 0) < 0 || status)
		errx(1, "the receiver failed");
	msgpass_close(mailbox);
	return 0;
}
