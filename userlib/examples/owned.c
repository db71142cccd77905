// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process-owned mailbox: only its owner receives from it, others send; and it ends
 * when its owner does, even by SIGKILL. Whoever waits at it is told: EIDRM.
 *
 *	cc owned.c -lmsgpass -o owned && ./owned
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <msgpass.h>

/* Creates the mailbox, says so, and dies as soon as somebody waits at it. */
static int serve(struct msgpass *endpoint, pid_t client, const char *name)
{
	const struct msgpass_attributes attributes = {
		.flags = MSGPASS_PROCESS_OWNED,
		.capacity = 0,		/* a sender waits until it is received */
		.mode = 0600,
	};
	struct pollfd sender = { .events = POLLIN };
	struct msgpass *mailbox;

	mailbox = msgpass_create(name, &attributes, MSGPASS_ACCESS_RECEIVE);
	if (!mailbox)
		err(1, "mailbox '%s'", name);
	if (msgpass_send_to(endpoint, client, NULL, 0, 0))
		err(1, "telling process %d", client);
	sender.fd = msgpass_fd(mailbox);
	if (poll(&sender, 1, -1) != 1)
		err(1, "poll");
	printf("server: somebody waits, and I am killed\n");
	raise(SIGKILL);
	return 1;
}

int main(void)
{
	struct msgpass *endpoint = msgpass_endpoint(), *mailbox;
	pid_t client = getpid(), server;
	char name[64];
	int status;

	setlinebuf(stdout);
	if (!endpoint)
		err(1, "%s", MSGPASS_DEVICE);
	snprintf(name, sizeof(name), "owned-%d", client);
	server = fork();
	if (!server)
		return serve(endpoint, client, name);
	if (server < 0 || msgpass_receive_from(endpoint, server, NULL, 0, 0, NULL) < 0)
		err(1, "waiting for the server");

	if (msgpass_open(name, MSGPASS_ACCESS_RECEIVE) || errno != EPERM)
		errx(1, "another than the owner may receive");
	printf("client: only the owner may receive\n");

	mailbox = msgpass_open(name, MSGPASS_ACCESS_SEND);
	if (!mailbox)
		err(1, "mailbox '%s'", name);
	if (!msgpass_send(mailbox, "request", sizeof("request"), 0) || errno != EIDRM)
		errx(1, "the death of the owner is not told");
	printf("client: the owner ended while I waited (EIDRM)\n");
	msgpass_close(mailbox);

	if (waitpid(server, &status, 0) < 0 || !WIFSIGNALED(status))
		errx(1, "the server did not end as planned");
	if (msgpass_open(name, MSGPASS_ACCESS_SEND) || errno != ENOENT)
		errx(1, "the mailbox outlives its owner");
	printf("client: and its name is free\n");
	msgpass_close(endpoint);
	return 0;
}
