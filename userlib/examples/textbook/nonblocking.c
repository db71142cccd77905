// SPDX-License-Identifier: GPL-2.0-only
/*
 * The producer that does not wait for room and the consumer that does not wait for a
 * message, as textbooks print them: each does something else meanwhile. What is not
 * in the book is marked "msgpass".
 *
 *	cc nonblocking.c -lmsgpass -o nonblocking && ./nonblocking
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <msgpass/textbook.h>			/* msgpass */

#define BUFFER_SIZE	3
#define ITEMS		10

struct message_queue *mailbox;

void do_something_else(void)
{
	if (errno != EAGAIN) {
		perror("mailbox");
		exit(1);
	}
	sched_yield();
}

void producer(void)
{
	struct message message;
	int item;

	for (item = 1; item <= ITEMS; item++) {
		message.size = sprintf(message.data, "item %d", item) + 1;

		while (nonblocking_send(mailbox, &message) == -1)
			do_something_else();
	}
	exit(0);
}

void consumer(void)
{
	struct message message;
	int item;

	for (item = 1; item <= ITEMS; item++) {
		while (nonblocking_receive(mailbox, &message) == -1)
			do_something_else();

		printf("consumed %s\n", message.data);
	}
	exit(0);
}

int main(void)
{
	int status, failed = 0;
	char name[64];					/* msgpass */

	sprintf(name, "textbook-nonblocking-%d", getpid());	/* msgpass */
	mailbox = mailbox_queue(name, BUFFER_SIZE);	/* msgpass */
	if (!mailbox) {
		perror("mailbox");
		exit(1);
	}

	if (fork() == 0)
		producer();
	if (fork() == 0)
		consumer();
	while (wait(&status) > 0)
		failed |= status;

	delete_queue(mailbox);				/* msgpass */
	return failed != 0;
}
