// SPDX-License-Identifier: GPL-2.0-only
/*
 * poll and epoll: one loop waits for a socket, a mailbox and the own inbox at once.
 *
 *	cc epoll-loop.c -lmsgpass -o epoll-loop && ./epoll-loop
 */
#include <err.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <msgpass.h>

enum { SOCKET, MAILBOX, INBOX, SOURCES };

struct source {
	const char *name;
	struct msgpass *object;		/* or NULL, for the socket */
	int fd;
	unsigned int messages;
};

/* Another process, that sends to each of them. */
static int send_to_all(const struct source *of, int peer, pid_t parent)
{
	if (write(peer, "a", 1) != 1 || msgpass_send(of[MAILBOX].object, "b", 1, 0) ||
	    msgpass_send_to(of[INBOX].object, parent, "c", 1, 0))
		err(1, "sending");
	return 0;
}

static void handle(struct source *source)
{
	ssize_t size;
	char byte;

	/* Not to be kept waiting should another have been faster. */
	if (source->object)
		size = msgpass_receive(source->object, &byte, 1, MSGPASS_NONBLOCK, NULL);
	else
		size = recv(source->fd, &byte, 1, MSG_DONTWAIT);
	if (size != 1)
		err(1, "receiving from the %s", source->name);
	printf("from the %s: %c\n", source->name, byte);
	source->messages++;
}

static void open_all(struct source *of, int *peer)
{
	const struct msgpass_attributes attributes = {
		.flags = MSGPASS_PROCESS_OWNED,
		.capacity = 10,
		.mode = 0600,
	};
	char name[64];
	int pair[2];

	snprintf(name, sizeof(name), "epoll-loop-%d", getpid());
	of[MAILBOX].object = msgpass_create(name, &attributes, MSGPASS_ACCESS_BOTH);
	of[INBOX].object = msgpass_endpoint();
	if (!of[MAILBOX].object || !of[INBOX].object)
		err(1, "%s", MSGPASS_DEVICE);
	of[MAILBOX].fd = msgpass_fd(of[MAILBOX].object);
	of[INBOX].fd = msgpass_fd(of[INBOX].object);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		err(1, "socketpair");
	of[SOCKET].fd = pair[0];
	*peer = pair[1];
}

int main(void)
{
	struct source of[SOURCES] = {
		[SOCKET].name = "socket",
		[MAILBOX].name = "mailbox",
		[INBOX].name = "inbox",
	};
	struct epoll_event event = { .events = EPOLLIN };
	int loop = epoll_create1(EPOLL_CLOEXEC);
	int i, peer, status, left = SOURCES;
	pid_t parent = getpid(), child;

	setlinebuf(stdout);
	open_all(of, &peer);
	for (i = 0; i < SOURCES; i++) {
		event.data.ptr = &of[i];
		if (epoll_ctl(loop, EPOLL_CTL_ADD, of[i].fd, &event))
			err(1, "epoll: the %s", of[i].name);
	}
	child = fork();
	if (!child)
		return send_to_all(of, peer, parent);
	if (child < 0)
		err(1, "fork");

	while (left--) {
		if (epoll_wait(loop, &event, 1, 10000) != 1)
			errx(1, "nothing comes any more");
		handle(event.data.ptr);
	}
	for (i = 0; i < SOURCES; i++)
		if (of[i].messages != 1)
			errx(1, "%u messages from the %s", of[i].messages, of[i].name);
	if (waitpid(child, &status, 0) < 0 || status)
		errx(1, "process %d failed", child);
	printf("one loop, three sources\n");
	close(loop);
	close(peer);
	close(of[SOCKET].fd);
	msgpass_close(of[MAILBOX].object);
	msgpass_close(of[INBOX].object);
	return 0;
}
