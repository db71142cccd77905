// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

/* The C library's words for these are about other things. */
static const char *error_text(int error)
{
	switch (error) {
	case EAGAIN:
		return "it would block";
	case ETIMEDOUT:
		return "timed out";
	case EIDRM:
		return "the mailbox was deleted, or its owner ended";
	case EDQUOT:
		return "over the quota";
	default:
		return strerror(error);
	}
}

int failure(const char *what)
{
	int error = errno;

	fflush(stdout);
	warnx("%s: %s", what, error_text(error));
	return error == EAGAIN || error == ETIMEDOUT ? EXIT_WAIT : EXIT_FAILURE;
}

int device_failure(void)
{
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		return failure(MSGPASS_DEVICE " (is the module loaded?)");
	return failure(MSGPASS_DEVICE);
}

int mailbox_failure(const char *name)
{
	char what[NAME_TEXT + 16];
	char text[NAME_TEXT];

	snprintf(what, sizeof(what), "mailbox '%s'", name_text(name, text));
	return failure(what);
}

int process_failure(unsigned int pid)
{
	char what[32];

	snprintf(what, sizeof(what), "process %u", pid);
	return failure(what);
}

int open_failure(const char *name)
{
	int error = errno;
	struct msgpass *endpoint = msgpass_endpoint();

	if (!endpoint)
		return device_failure();
	msgpass_close(endpoint);
	errno = error;
	return mailbox_failure(name);
}

struct msgpass *open_mailbox(const char *name, unsigned int access, int *code)
{
	struct msgpass *mailbox = msgpass_open(name, access);

	*code = mailbox ? EXIT_SUCCESS : open_failure(name);
	return mailbox;
}

struct msgpass *open_to_look(const char *name)
{
	static const unsigned int accesses[] = {
		0, MSGPASS_ACCESS_SEND, MSGPASS_ACCESS_RECEIVE,
	};
	struct msgpass *mailbox;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(accesses); i++) {
		mailbox = msgpass_open(name, accesses[i]);
		if (mailbox || (errno != EACCES && errno != EPERM))
			break;
	}
	return mailbox;
}

const char *name_text(const char *name, char text[NAME_TEXT])
{
	char *end = text;
	size_t i;

	for (i = 0; name[i] && i < MSGPASS_NAME_MAX; i++) {
		if (name[i] > ' ' && name[i] <= '~' && name[i] != '\\')
			*end++ = name[i];
		else
			end += sprintf(end, "\\x%02x", (unsigned char)name[i]);
	}
	*end = '\0';
	return text;
}

const char *user_text(uid_t uid, char text[OWNER_TEXT])
{
	struct passwd *entry = getpwuid(uid);

	if (entry)
		snprintf(text, OWNER_TEXT, "%s", entry->pw_name);
	else
		snprintf(text, OWNER_TEXT, "%u", uid);
	return text;
}

const char *owner_text(const struct msgpass_stat *stat, char text[OWNER_TEXT])
{
	if (!(stat->policy & MSGPASS_PROCESS_OWNED))
		return user_text(stat->uid, text);
	/* Its pid may not be visible here. */
	if (stat->owner_pid)
		snprintf(text, OWNER_TEXT, "pid %d", stat->owner_pid);
	else
		snprintf(text, OWNER_TEXT, "pid ?");
	return text;
}
