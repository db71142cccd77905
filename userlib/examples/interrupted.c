// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals in a wait: a handler ends it with EINTR, one with SA_RESTART does not, and
 * being stopped and continued does not either. In no case a message is lost.
 *
 *	cc interrupted.c -lmsgpass -o interrupted && ./interrupted
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <msgpass.h>

static int told[2];	/* a pipe, in which the receiver tells what happens to it */

static void tell(char what)
{
	if (write(told[1], &what, 1) != 1)
		_exit(1);
}

static void handler(int signal)
{
	(void)signal;
	tell('h');
}

static int receive_one(struct msgpass *mailbox)
{
	struct sigaction ends = { .sa_handler = handler };
	struct sigaction restarts = { .sa_handler = handler, .sa_flags = SA_RESTART };
	char byte;

	/* Without a sender, no receiver. */
	if (sigaction(SIGUSR1, &ends, NULL) || sigaction(SIGUSR2, &restarts, NULL) ||
	    prctl(PR_SET_PDEATHSIG, SIGTERM))
		err(1, "sigaction");
	while (msgpass_receive(mailbox, &byte, 1, 0, NULL) < 0) {
		if (errno != EINTR)
			err(1, "receiving");
		tell('E');
	}
	tell(byte);
	return 0;
}

static void expect(char expected, const char *what)
{
	char byte;

	if (read(told[0], &byte, 1) != 1 || byte != expected)
		errx(1, "not so: %s", what);
	printf("%s\n", what);
}

/* A mailbox of capacity 0 is writable when a receiver waits. */
static void until_it_waits(struct msgpass *mailbox)
{
	struct pollfd receiver = { .fd = msgpass_fd(mailbox), .events = POLLOUT };

	if (poll(&receiver, 1, -1) != 1)
		err(1, "poll");
}

int main(void)
{
	const struct msgpass_attributes attributes = { .capacity = 0, .mode = 0600 };
	struct msgpass *mailbox;
	char name[64];
	pid_t child;
	int status;

	setlinebuf(stdout);
	/* The child inherits it: it needs no name, and cannot stay behind. */
	snprintf(name, sizeof(name), "interrupted-%d", getpid());
	mailbox = msgpass_create(name, &attributes, MSGPASS_ACCESS_BOTH);
	if (!mailbox || msgpass_unlink(name) || pipe(told))
		err(1, "mailbox '%s'", name);
	child = fork();
	if (!child)
		return receive_one(mailbox);
	if (child < 0)
		err(1, "fork");
	close(told[1]);

	until_it_waits(mailbox);
	kill(child, SIGUSR1);
	expect('h', "SIGUSR1: its handler runs");
	expect('E', "and the wait ends with EINTR; the receiver calls again");

	until_it_waits(mailbox);
	kill(child, SIGUSR2);
	expect('h', "SIGUSR2: its handler, with SA_RESTART, runs");
	until_it_waits(mailbox);
	printf("and the wait goes on\n");

	kill(child, SIGSTOP);
	if (waitpid(child, &status, WUNTRACED) < 0 || !WIFSTOPPED(status))
		err(1, "stopping process %d", child);
	kill(child, SIGCONT);
	until_it_waits(mailbox);
	printf("SIGSTOP, SIGCONT: the wait goes on\n");

	if (msgpass_send(mailbox, "m", 1, 0))
		err(1, "sending");
	expect('m', "and receives the message");
	if (waitpid(child, &status, 0) < 0 || status)
		errx(1, "the receiver failed");
	msgpass_close(mailbox);
	return 0;
}
