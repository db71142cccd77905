// SPDX-License-Identifier: GPL-2.0-only
/*
 * Permissions. Of a mailbox: mode bits as of a file, r receives and w sends, checked
 * when it is opened. Of an inbox: whose first message it accepts.
 *
 *	cc permissions.c -lmsgpass -o permissions && ./permissions
 */
#include <err.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <msgpass.h>

/* The privileged may everything: what this shows holds for all others. */
static void be_ordinary(void)
{
	if (!geteuid() && (setgroups(0, NULL) || setgid(65534) || setuid(65534)))
		err(1, "becoming an ordinary user");
}

static void open_as(const char *name, unsigned int access, int expected)
{
	struct msgpass *mailbox = msgpass_open(name, access);
	int error = mailbox ? 0 : errno;

	printf("open to %s: %s\n", access == MSGPASS_ACCESS_SEND ? "send" : "receive",
	       error ? "refused" : "permitted");
	if (error != expected)
		errx(1, "opening '%s': errno %d, not %d", name, error, expected);
	msgpass_close(mailbox);
}

/* Whether the inbox of this process accepts the first message of another. */
static void expect(struct msgpass *endpoint, unsigned int accepts, const char *who,
		   int expected)
{
	const struct msgpass_set set = { .flags = MSGPASS_SET_ACCEPTS, .accepts = accepts };
	pid_t receiver = getpid(), sender;
	int status;

	if (msgpass_set(endpoint, &set))
		err(1, "setting whom the inbox accepts");
	sender = fork();
	if (!sender)
		_exit(msgpass_send_to(endpoint, receiver, "hello", 5, 0) ? errno : 0);
	if (sender < 0 || waitpid(sender, &status, 0) < 0 || !WIFEXITED(status))
		err(1, "starting a sender");
	printf("accept %s: the message of process %d was %s\n", who, sender,
	       WEXITSTATUS(status) ? "refused" : "accepted");
	if (WEXITSTATUS(status) != expected)
		errx(1, "sending: errno %d, not %d", WEXITSTATUS(status), expected);
}

int main(void)
{
	const struct msgpass_attributes attributes = {
		.flags = MSGPASS_PROCESS_OWNED,
		.capacity = 10,
		.mode = 0200,
	};
	struct msgpass *endpoint, *mailbox;
	char name[64];

	setlinebuf(stdout);
	be_ordinary();
	endpoint = msgpass_endpoint();
	snprintf(name, sizeof(name), "permissions-%d", getpid());
	/* The creator has the access it asks for, whatever the mode. */
	mailbox = msgpass_create(name, &attributes, MSGPASS_ACCESS_RECEIVE);
	if (!endpoint || !mailbox)
		err(1, "mailbox '%s'", name);
	printf("mailbox of mode 0200\n");
	open_as(name, MSGPASS_ACCESS_SEND, 0);
	open_as(name, MSGPASS_ACCESS_RECEIVE, EACCES);

	expect(endpoint, MSGPASS_ACCEPT_USER, "the same user", 0);
	expect(endpoint, MSGPASS_ACCEPT_NOBODY, "nobody", EACCES);
	expect(endpoint, MSGPASS_ACCEPT_ANYONE, "anyone", 0);
	msgpass_close(mailbox);
	msgpass_close(endpoint);
	return 0;
}
