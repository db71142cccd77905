// SPDX-License-Identifier: GPL-2.0-only
/*
 * Links: the first message between two processes makes a link, exactly one for
 * the pair, for both directions. It is gone when either process is.
 *
 *	cc links.c -lmsgpass -o links && ./links
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <msgpass.h>

/* How many links the caller has with process @other; @link is set to the last. */
static unsigned int count_links(struct msgpass *endpoint, uint64_t self, uint64_t other,
				struct msgpass_next_link *link)
{
	struct msgpass_next_link next = { };
	unsigned int count = 0;

	while (!msgpass_next_link(endpoint, &next)) {
		/* The two keys are in ascending order, whoever sent first. */
		if (next.key[self > other] != self || next.key[self < other] != other)
			continue;
		*link = next;
		count++;
	}
	if (errno != ENOENT)
		err(1, "listing the links");
	return count;
}

/* Answers every message, until an empty one comes. */
static int echo(struct msgpass *endpoint, pid_t partner)
{
	ssize_t size;
	char byte;

	while ((size = msgpass_receive_from(endpoint, partner, &byte, 1, 0, NULL)) > 0)
		if (msgpass_send_to(endpoint, partner, &byte, 1, 0))
			err(1, "answering");
	return size < 0;
}

int main(void)
{
	struct msgpass *endpoint = msgpass_endpoint();
	struct msgpass_next_link link;
	pid_t parent = getpid(), child;
	uint64_t self, other;
	int status, i;
	char byte = 0;

	if (!endpoint)
		err(1, "%s", MSGPASS_DEVICE);
	child = fork();
	if (!child)
		return echo(endpoint, parent);
	if (child < 0 || msgpass_key(endpoint, 0, &self) || msgpass_key(endpoint, child, &other))
		err(1, "starting a process");

	for (i = 0; i < 3; i++)
		if (msgpass_send_to(endpoint, child, &byte, 1, 0) ||
		    msgpass_receive_from(endpoint, child, &byte, 1, 0, NULL) < 0)
			err(1, "talking to process %d", child);
	if (count_links(endpoint, self, other, &link) != 1)
		errx(1, "not exactly one link for a pair of processes");
	printf("link %u: processes %d and %d, %llu messages one way, %llu the other\n",
	       link.number, link.pid[0], link.pid[1], (unsigned long long)link.messages[0],
	       (unsigned long long)link.messages[1]);
	if (link.messages[0] != 3 || link.messages[1] != 3)
		errx(1, "there were 3 messages each way");

	if (msgpass_send_to(endpoint, child, NULL, 0, 0) || waitpid(child, &status, 0) < 0 ||
	    status)
		errx(1, "process %d failed", child);
	if (count_links(endpoint, self, other, &link))
		errx(1, "a link with a process that has ended");
	printf("process %d has ended, and its link with it\n", child);
	msgpass_close(endpoint);
	return 0;
}
