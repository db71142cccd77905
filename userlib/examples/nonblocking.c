// SPDX-License-Identifier: GPL-2.0-only
/*
 * Non-blocking: what would wait fails with EAGAIN, and at once. Ask for it call by
 * call, with MSGPASS_NONBLOCK, or for a descriptor, with O_NONBLOCK.
 *
 *	cc nonblocking.c -lmsgpass -o nonblocking && ./nonblocking
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <msgpass.h>

#define CAPACITY	3

static unsigned int send_until_full(struct msgpass *mailbox, unsigned int flags)
{
	unsigned int sent = 0;

	while (!msgpass_send(mailbox, &sent, sizeof(sent), flags))
		sent++;
	if (errno != EAGAIN)
		err(1, "sending");
	return sent;
}

static unsigned int receive_until_empty(struct msgpass *mailbox, unsigned int flags)
{
	unsigned int received = 0, number;

	while (msgpass_receive(mailbox, &number, sizeof(number), flags, NULL) >= 0)
		if (number != received++)
			errx(1, "message %u came out of order", number);
	if (errno != EAGAIN)
		err(1, "receiving");
	return received;
}

static void fill_and_empty(struct msgpass *mailbox, unsigned int flags)
{
	unsigned int sent, received;

	sent = send_until_full(mailbox, flags);
	received = receive_until_empty(mailbox, flags);
	printf("sent %u until it was full, received %u until it was empty\n", sent, received);
	if (sent != CAPACITY || received != CAPACITY)
		errx(1, "the capacity is %d", CAPACITY);
}

int main(void)
{
	const struct msgpass_attributes attributes = {
		.flags = MSGPASS_PROCESS_OWNED,
		.capacity = CAPACITY,
		.mode = 0600,
	};
	struct msgpass *mailbox;
	char name[64];
	int fd, flags;

	snprintf(name, sizeof(name), "nonblocking-%d", getpid());
	mailbox = msgpass_create(name, &attributes, MSGPASS_ACCESS_BOTH);
	if (!mailbox)
		err(1, "mailbox '%s'", name);

	printf("with MSGPASS_NONBLOCK: ");
	fill_and_empty(mailbox, MSGPASS_NONBLOCK);

	fd = msgpass_fd(mailbox);
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		err(1, "O_NONBLOCK");
	printf("with O_NONBLOCK: ");
	fill_and_empty(mailbox, 0);
	msgpass_close(mailbox);
	return 0;
}
