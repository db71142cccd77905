// SPDX-License-Identifier: GPL-2.0-only
/*
 * A system-owned mailbox outlives all processes: one leaves a notice and ends, and
 * another finds it later, by the mailbox's name. It stays until somebody deletes it.
 *
 *	cc notice-board.c -lmsgpass -o notice-board && ./notice-board
 */
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <msgpass.h>

static int leave(const char *name)
{
	const struct msgpass_attributes attributes = { .capacity = 10, .mode = 0600 };
	static const char notice[] = "Back in five minutes.";
	struct msgpass *board;

	board = msgpass_create(name, &attributes, MSGPASS_ACCESS_SEND);
	if (!board || msgpass_send(board, notice, strlen(notice), 0))
		err(1, "leaving a notice in '%s'", name);
	printf("process %d leaves a notice in '%s', and ends\n", getpid(), name);
	return 0;
}

static bool read_notice(struct msgpass *board, pid_t author)
{
	struct msgpass_info info;
	char notice[64];
	ssize_t size;

	/* It is there, or never will be. */
	size = msgpass_receive(board, notice, sizeof(notice), MSGPASS_NONBLOCK, &info);
	if (size < 0) {
		warn("reading the notice");
		return false;
	}
	printf("process %d reads: %.*s (process %d left it)\n", getpid(), (int)size, notice,
	       info.sender_pid);
	return info.sender_pid == author;
}

int main(void)
{
	struct msgpass *board;
	char name[64];
	bool success;
	pid_t author;
	int status;

	setlinebuf(stdout);
	snprintf(name, sizeof(name), "notice-board-%d", getpid());
	author = fork();
	if (!author)
		return leave(name);
	if (author < 0 || waitpid(author, &status, 0) < 0)
		err(1, "starting the author");

	/* Nobody has it open now, and it is there all the same. */
	board = msgpass_open(name, MSGPASS_ACCESS_RECEIVE);
	if (!board)
		err(1, "mailbox '%s'", name);
	success = !status && read_notice(board, author);
	if (msgpass_delete(board))
		err(1, "deleting '%s'", name);
	msgpass_close(board);
	if (!success)
		return 1;

	if (msgpass_open(name, MSGPASS_ACCESS_RECEIVE) || errno != ENOENT)
		errx(1, "'%s' is still there", name);
	printf("deleted: now there is no '%s'\n", name);
	return 0;
}
