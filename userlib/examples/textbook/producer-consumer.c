// SPDX-License-Identifier: GPL-2.0-only
/*
 * The producer and the consumer, by indirect communication, as textbooks print them.
 * What is not in the book is marked "msgpass".
 *
 *	cc producer-consumer.c -lmsgpass -o producer-consumer && ./producer-consumer
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <msgpass/textbook.h>			/* msgpass */

#define BUFFER_SIZE	3
#define ITEMS		10

struct message_queue *mailbox;

void producer(void)
{
	struct message message;
	int item;

	for (item = 1; item <= ITEMS; item++) {
		/* produce an item */
		message.size = sprintf(message.data, "item %d", item) + 1;

		if (blocking_send(mailbox, &message) == -1) {
			perror("send");
			exit(1);
		}
		printf("produced %s\n", message.data);
	}
	exit(0);
}

void consumer(void)
{
	struct message message;
	int item;

	for (item = 1; item <= ITEMS; item++) {
		if (blocking_receive(mailbox, &message) == -1) {
			perror("receive");
			exit(1);
		}

		/* consume the item */
		printf("consumed %s: message %d, %d bytes, from process %d\n",
		       message.data, (int)message.message_id, (int)message.size,
		       message.sender_pid);
	}
	exit(0);
}

int main(void)
{
	int status, failed = 0;
	char name[64];					/* msgpass */

	sprintf(name, "textbook-%d", getpid());		/* msgpass */
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
