// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tool.h"

int command_create(const struct arguments *arguments)
{
	const char *name = arguments->operands[0];
	const struct msgpass_attributes attributes = {
		.flags = is_given(arguments, OPTION_FIXED) ? MSGPASS_FIXED_SIZE : 0,
		.capacity = arguments->capacity,
		.size_max = arguments->size_max,
		.mode = arguments->mode,
	};
	struct msgpass *mailbox;

	if (attributes.flags && !attributes.size_max) {
		warnx("--fixed needs --size-max");
		return EXIT_USAGE;
	}
	/* The mode is what the user says, not what is left of it. */
	if (is_given(arguments, OPTION_MODE))
		umask(0);
	mailbox = msgpass_create(name, &attributes, 0);
	if (!mailbox)
		return open_failure(name);
	msgpass_close(mailbox);
	return EXIT_SUCCESS;
}

static int unlink_mailbox(const char *name)
{
	return msgpass_unlink(name) ? open_failure(name) : EXIT_SUCCESS;
}

static int delete_mailbox(const char *name)
{
	struct msgpass *mailbox;
	int code;

	mailbox = open_mailbox(name, 0, &code);
	if (mailbox && msgpass_delete(mailbox))
		code = mailbox_failure(name);
	msgpass_close(mailbox);
	return code;
}

int command_rm(const struct arguments *arguments)
{
	int code = EXIT_SUCCESS;
	int err;
	int i;

	for (i = 0; i < arguments->operands_count; i++) {
		if (is_given(arguments, OPTION_UNLINK))
			err = unlink_mailbox(arguments->operands[i]);
		else
			err = delete_mailbox(arguments->operands[i]);
		if (err)
			code = EXIT_FAILURE;
	}
	return code;
}

int command_set(const struct arguments *arguments)
{
	const char *name = arguments->operands[0];
	struct msgpass_set set = {
		.flags		= arguments->set_ids,
		.uid		= arguments->uid,
		.gid		= arguments->gid,
	};
	struct msgpass *mailbox;
	int code;

	if (is_given(arguments, OPTION_CAPACITY)) {
		set.flags |= MSGPASS_SET_CAPACITY;
		set.capacity = arguments->capacity;
	}
	if (is_given(arguments, OPTION_MODE)) {
		set.flags |= MSGPASS_SET_MODE;
		set.mode = arguments->mode;
	}
	if (!set.flags) {
		warnx("set: nothing to change");
		return EXIT_USAGE;
	}
	mailbox = open_mailbox(name, 0, &code);
	if (mailbox && msgpass_set(mailbox, &set))
		code = mailbox_failure(name);
	msgpass_close(mailbox);
	return code;
}
