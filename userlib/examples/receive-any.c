// SPDX-License-Identifier: GPL-2.0-only
/*
 * Direct communication, asymmetric: send(P, message), receive(any, message). A
 * server receives from whoever sends, is told who that was, and answers it.
 *
 *	cc receive-any.c -lmsgpass -o receive-any && ./receive-any
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <msgpass.h>

#define CLIENTS	3

/* A client names the server; the server need not know it. */
static int ask(struct msgpass *endpoint, pid_t server, unsigned int number)
{
	unsigned int square;

	if (msgpass_send_to(endpoint, server, &number, sizeof(number), 0))
		err(1, "asking process %d", server);
	if (msgpass_receive_from(endpoint, server, &square, sizeof(square), 0, NULL) < 0)
		err(1, "waiting for the answer of process %d", server);
	if (square != number * number)
		errx(1, "%u * %u is not %u", number, number, square);
	printf("client %d: %u * %u = %u\n", getpid(), number, number, square);
	return 0;
}

static void serve_one(struct msgpass *endpoint)
{
	struct msgpass_info info;
	unsigned int number, square;

	if (msgpass_receive(endpoint, &number, sizeof(number), 0, &info) < 0)
		err(1, "receiving from any process");
	if (info.size != sizeof(number))
		errx(1, "process %d sent %zu bytes", info.sender_pid, info.size);
	printf("server: process %d of user %u asks\n", info.sender_pid, info.sender_uid);

	/*
	 * The answer goes to the sender's key: its pid may by now be that of
	 * another process. That a client is gone is no fault of the server.
	 */
	square = number * number;
	if (msgpass_send_to_key(endpoint, info.sender_key, &square, sizeof(square), 0) &&
	    errno != ESRCH)
		err(1, "answering process %d", info.sender_pid);
}

int main(void)
{
	struct msgpass *endpoint = msgpass_endpoint();
	pid_t server = getpid(), client;
	unsigned int i;
	int status;

	setlinebuf(stdout);
	if (!endpoint)
		err(1, "%s", MSGPASS_DEVICE);

	for (i = 1; i <= CLIENTS; i++) {
		client = fork();
		if (client < 0)
			err(1, "fork");
		if (!client)
			return ask(endpoint, server, i);
	}
	for (i = 1; i <= CLIENTS; i++)
		serve_one(endpoint);

	while ((client = wait(&status)) > 0)
		if (status)
			errx(1, "client %d failed", client);
	printf("server: answered %d clients, each its own question\n", CLIENTS);
	msgpass_close(endpoint);
	return 0;
}
