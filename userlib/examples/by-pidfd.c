// SPDX-License-Identifier: GPL-2.0-only
/*
 * Three ways to name a process: by pid, by pidfd, and by process key. A pid may be
 * used again once its process has ended; a pidfd and a key never name another.
 * The receiver need not have prepared: its inbox is there once it is addressed.
 *
 *	cc by-pidfd.c -lmsgpass -o by-pidfd && ./by-pidfd
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <msgpass.h>

/* Opens the device only after all messages have been sent to it. */
static int receive_three(int sent)
{
	struct msgpass *endpoint;
	char text[32];
	ssize_t size;
	int i;

	if (read(sent, text, 1))	/* the end of file: the parent closed it */
		err(1, "waiting for the parent");
	endpoint = msgpass_endpoint();
	if (!endpoint)
		err(1, "%s", MSGPASS_DEVICE);
	for (i = 0; i < 3; i++) {
		size = msgpass_receive(endpoint, text, sizeof(text), MSGPASS_NONBLOCK, NULL);
		if (size < 0)
			err(1, "receiving message %d", i + 1);
		printf("received: %.*s\n", (int)size, text);
	}
	return 0;
}

int main(void)
{
	struct msgpass *endpoint;
	int sent[2], pidfd, status;
	uint64_t key, same;
	pid_t child;

	setlinebuf(stdout);
	if (pipe(sent))
		err(1, "pipe");
	child = fork();
	if (!child) {
		close(sent[1]);
		return receive_three(sent[0]);
	}
	pidfd = syscall(SYS_pidfd_open, child, 0);
	if (child < 0 || pidfd < 0)
		err(1, "starting a process");

	endpoint = msgpass_endpoint();
	if (!endpoint)
		err(1, "%s", MSGPASS_DEVICE);
	if (msgpass_key_of_pidfd(endpoint, pidfd, &key) || msgpass_key(endpoint, child, &same))
		err(1, "the key of process %d", child);
	if (key != same)
		errx(1, "two keys of one process");
	if (msgpass_send_to(endpoint, child, "by pid", strlen("by pid"), 0) ||
	    msgpass_send_to_key(endpoint, key, "by pidfd", strlen("by pidfd"), 0) ||
	    msgpass_send_to_key(endpoint, same, "by key", strlen("by key"), 0))
		err(1, "sending to process %d", child);
	close(sent[1]);

	if (waitpid(child, &status, 0) < 0 || status)
		errx(1, "process %d failed", child);
	if (!msgpass_send_to_key(endpoint, key, NULL, 0, 0) || errno != ESRCH)
		errx(1, "the key of a process that has ended is good");
	if (!msgpass_key_of_pidfd(endpoint, pidfd, &key) || errno != ESRCH)
		errx(1, "the pidfd of a process that has ended has a key");
	printf("ended: its key and its pidfd say ESRCH, whoever may get pid %d next\n", child);
	close(pidfd);
	msgpass_close(endpoint);
	return 0;
}
