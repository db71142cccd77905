// SPDX-License-Identifier: GPL-2.0-only
/*
 * fork and exec: a child is a process of its own, also through an endpoint that it
 * has inherited, with its own inbox and key. With exec it remains the same process,
 * and what is in its inbox stays.
 *
 *	cc fork.c -lmsgpass -o fork && ./fork
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <msgpass.h>

static void say(struct msgpass *endpoint, pid_t to, const char *text)
{
	if (msgpass_send_to(endpoint, to, text, strlen(text), 0))
		err(1, "sending to process %d", to);
}

static void expect(struct msgpass *endpoint, const char *who, const char *expected)
{
	char text[32];
	ssize_t size;

	size = msgpass_receive(endpoint, text, sizeof(text), 0, NULL);
	if (size < 0)
		err(1, "receiving");
	printf("%s received: %.*s\n", who, (int)size, text);
	if (size != (ssize_t)strlen(expected) || memcmp(text, expected, size))
		errx(1, "and not: %s", expected);
}

static int be_child(struct msgpass *endpoint)
{
	char key_text[24];
	uint64_t key;

	/* The parent's message was there before, but in the parent's inbox. */
	expect(endpoint, "child", "to the child");
	say(endpoint, getpid(), "a note to myself");
	if (msgpass_key(endpoint, 0, &key))
		err(1, "reading the own key");
	snprintf(key_text, sizeof(key_text), "%llu", (unsigned long long)key);
	execl("/proc/self/exe", "fork", key_text, NULL);
	err(1, "exec");
}

static int after_exec(uint64_t key_before)
{
	struct msgpass *endpoint = msgpass_endpoint();
	uint64_t key;

	setlinebuf(stdout);
	if (!endpoint || msgpass_key(endpoint, 0, &key))
		err(1, "%s", MSGPASS_DEVICE);
	if (key != key_before)
		errx(1, "it is another process after exec");
	expect(endpoint, "child, after exec,", "a note to myself");
	return 0;
}

int main(int argc, char **argv)
{
	struct msgpass *endpoint;
	pid_t child;
	int status;

	if (argc == 2)
		return after_exec(strtoull(argv[1], NULL, 10));
	setlinebuf(stdout);
	endpoint = msgpass_endpoint();
	if (!endpoint)
		err(1, "%s", MSGPASS_DEVICE);
	say(endpoint, getpid(), "to the parent");
	child = fork();
	if (child < 0)
		err(1, "fork");
	if (!child)
		return be_child(endpoint);
	say(endpoint, child, "to the child");
	expect(endpoint, "parent", "to the parent");
	if (waitpid(child, &status, 0) < 0 || status)
		errx(1, "the child failed");
	msgpass_close(endpoint);
	return 0;
}
