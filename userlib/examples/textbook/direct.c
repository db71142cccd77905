// SPDX-License-Identifier: GPL-2.0-only
/*
 * Direct communication, as textbooks print it: P sends to Q, Q receives from P, and
 * the other way round. What is not in the book is marked "msgpass".
 *
 *	cc direct.c -lmsgpass -o direct && ./direct
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <msgpass/textbook.h>			/* msgpass */

static void send(pid_t to, struct message *message)
{
	struct message_queue *queue = process_queue(to);	/* msgpass */

	if (!queue || blocking_send(queue, message) == -1) {
		perror("send");
		exit(1);
	}
	close_queue(queue);				/* msgpass */
}

static void receive(pid_t from, struct message *message)
{
	struct message_queue *queue = process_queue(from);	/* msgpass */

	if (!queue || blocking_receive(queue, message) == -1) {
		perror("receive");
		exit(1);
	}
	close_queue(queue);				/* msgpass */
}

void process_p(pid_t q)
{
	struct message message;

	message.size = sprintf(message.data, "%d * %d", 6, 7) + 1;
	send(q, &message);

	receive(q, &message);
	printf("P: from process %d to process %d: %s\n", message.sender_pid,
	       message.receiver_pid, message.data);
}

void process_q(pid_t p)
{
	struct message message;
	int a, b;

	receive(p, &message);
	printf("Q: from process %d to process %d: %s\n", message.sender_pid,
	       message.receiver_pid, message.data);

	if (sscanf(message.data, "%d * %d", &a, &b) != 2)
		exit(1);
	message.size = sprintf(message.data, "%d", a * b) + 1;
	send(p, &message);
	exit(0);
}

int main(void)
{
	pid_t p = getpid(), q;
	int status;

	q = fork();
	if (q == 0)
		process_q(p);
	process_p(q);
	wait(&status);
	return status != 0;
}
