// SPDX-License-Identifier: GPL-2.0-only
/*
 * Direct communication, symmetric: send(P, message), receive(Q, message). Each
 * process names the other, and what anybody else has sent does not come between.
 *
 *	cc conversation.c -lmsgpass -o conversation && ./conversation
 */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <msgpass.h>

static void say(struct msgpass *endpoint, pid_t to, const char *text)
{
	if (msgpass_send_to(endpoint, to, text, strlen(text), 0))
		err(1, "sending to process %d", to);
}

/* The process that is asked: hears this one asker, and answers it. */
static int answer(struct msgpass *endpoint, pid_t asker)
{
	char question[64];
	ssize_t size;

	size = msgpass_receive_from(endpoint, asker, question, sizeof(question), 0, NULL);
	if (size < 0)
		err(1, "receiving the question");
	printf("asked: %.*s\n", (int)size, question);
	say(endpoint, asker, "Forty-two.");
	return 0;
}

/* A process that nobody has asked. */
static int interrupt(struct msgpass *endpoint, pid_t asker)
{
	say(endpoint, asker, "By the way...");
	return 0;
}

static void wait_for(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) < 0 || status)
		errx(1, "process %d failed", child);
}

int main(void)
{
	struct msgpass *endpoint = msgpass_endpoint();
	pid_t asker = getpid(), asked, other;
	struct msgpass_info info;
	char text[64];
	ssize_t size;

	setlinebuf(stdout);
	if (!endpoint)
		err(1, "%s", MSGPASS_DEVICE);

	/* Its message is in our inbox before the question is even asked. */
	other = fork();
	if (other < 0)
		err(1, "fork");
	if (!other)
		return interrupt(endpoint, asker);
	wait_for(other);

	asked = fork();
	if (asked < 0)
		err(1, "fork");
	if (!asked)
		return answer(endpoint, asker);
	say(endpoint, asked, "What do you get?");
	size = msgpass_receive_from(endpoint, asked, text, sizeof(text), 0, &info);
	if (size < 0)
		err(1, "receiving the answer");
	if (info.sender_pid != asked)
		errx(1, "process %d answered for process %d", info.sender_pid, asked);
	printf("answered: %.*s\n", (int)size, text);
	wait_for(asked);

	/* What the other has sent waited, and can still be received: it has ended. */
	size = msgpass_receive_from(endpoint, other, text, sizeof(text), 0, NULL);
	if (size < 0)
		err(1, "receiving from process %d", other);
	printf("and then: %.*s\n", (int)size, text);
	msgpass_close(endpoint);
	return 0;
}
