// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unbounded capacity: a sender never waits, however many messages rest. Nothing is
 * without end, though: past the user's quota a send fails with EDQUOT, and a program
 * has to have an answer to that. This one's, a log: drop the oldest.
 *
 *	cc unbounded.c -lmsgpass -o unbounded && ./unbounded
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <msgpass.h>

#define LINES	20000

struct line {
	unsigned int number;
	char text[60];
};

/* Return whether the oldest line had to be dropped for it. */
static int add_line(struct msgpass *log, unsigned int number)
{
	struct line line = { .number = number }, oldest;
	int dropped = 0;

	snprintf(line.text, sizeof(line.text), "line %u", number);
	/* That it never waits is why MSGPASS_NONBLOCK makes no difference. */
	while (msgpass_send(log, &line, sizeof(line), MSGPASS_NONBLOCK)) {
		if (errno != EDQUOT)
			err(1, "sending line %u", number);
		if (msgpass_receive(log, &oldest, sizeof(oldest), MSGPASS_NONBLOCK, NULL) < 0)
			err(1, "dropping the oldest line");
		dropped = 1;
	}
	return dropped;
}

int main(void)
{
	const struct msgpass_attributes attributes = {
		.flags = MSGPASS_PROCESS_OWNED | MSGPASS_FIXED_SIZE,
		.capacity = MSGPASS_UNBOUNDED,
		.size_max = sizeof(struct line),
		.mode = 0600,
	};
	unsigned int i, dropped = 0, kept = 0;
	struct msgpass_stat stat;
	struct msgpass *log;
	struct line line;
	char name[64];

	snprintf(name, sizeof(name), "unbounded-%d", getpid());
	log = msgpass_create(name, &attributes, MSGPASS_ACCESS_BOTH);
	if (!log)
		err(1, "mailbox '%s'", name);

	for (i = 0; i < LINES; i++)
		dropped += add_line(log, i);
	if (msgpass_stat(log, &stat))
		err(1, "reading the mailbox's state");
	printf("%u messages of %llu bytes rest, and nobody waited\n", stat.messages,
	       (unsigned long long)stat.bytes);

	/* The last ones are there, in their order, without a gap. */
	for (i = LINES - stat.messages; i < LINES; i++, kept++)
		if (msgpass_receive(log, &line, sizeof(line), 0, NULL) < 0 || line.number != i)
			errx(1, "line %u is not in its place", i);
	printf("received %u of %d in the order sent, %u were dropped for the quota\n", kept,
	       LINES, LINES - kept);
	if (kept != LINES && !dropped)
		errx(1, "lines are missing");
	msgpass_close(log);
	return 0;
}
