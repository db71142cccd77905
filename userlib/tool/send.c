// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

/**
 * struct parcel - a message on its way
 * @object: the mailbox, or the own endpoint
 * @name: the mailbox's; NULL if it is sent to a process
 * @data: what is sent
 * @size: its size
 * @buffer: where @data is, if it was read; to be freed
 */
struct parcel {
	struct msgpass *object;
	const char *name;
	const char *data;
	size_t size;
	char *buffer;
};

static int send_failure(const struct parcel *parcel,
			const struct arguments *arguments)
{
	if (parcel->name)
		return mailbox_failure(parcel->name);
	return process_failure(arguments->pid);
}

/* Read to the end, or one byte more than can be sent. */
static bool read_input(struct parcel *parcel, size_t max)
{
	size_t room = 0;
	ssize_t size;
	char *buffer;

	do {
		room = room ? 2 * room : PART_MAX;
		buffer = realloc(parcel->buffer, room);
		if (!buffer)
			return false;
		parcel->buffer = buffer;
		size = read_full(STDIN_FILENO, buffer + parcel->size,
				 room - parcel->size);
		if (size < 0)
			return false;
		parcel->size += size;
	} while (parcel->size == room && room <= max);
	parcel->data = parcel->buffer;
	return true;
}

/* The mailbox first: nobody should have to type what cannot be sent. */
static int open_target(struct parcel *parcel)
{
	int code = EXIT_SUCCESS;

	if (parcel->name) {
		parcel->object = open_mailbox(parcel->name, MSGPASS_ACCESS_SEND, &code);
		return code;
	}
	parcel->object = msgpass_endpoint();
	return parcel->object ? EXIT_SUCCESS : device_failure();
}

static int get_message(struct parcel *parcel, const struct arguments *arguments,
		       const char *text)
{
	struct msgpass_stat stat = { .size_max = INT_MAX };

	if (text) {
		parcel->data = text;
		parcel->size = strlen(text);
		return EXIT_SUCCESS;
	}
	if (parcel->name && msgpass_stat(parcel->object, &stat))
		return send_failure(parcel, arguments);
	if (!read_input(parcel, stat.size_max))
		return failure("standard input");
	if (parcel->size > stat.size_max) {
		errno = EMSGSIZE;
		return send_failure(parcel, arguments);
	}
	return EXIT_SUCCESS;
}

static int send_message(const struct parcel *parcel,
			const struct arguments *arguments)
{
	struct msgpass_send send = {
		.priority	= arguments->priority,
		.data		= (uintptr_t)parcel->data,
		.size		= parcel->size,
		.to		= parcel->name ? 0 : arguments->pid,
		.deadline	= deadline_of(arguments),
	};

	if (is_given(arguments, OPTION_NONBLOCK))
		send.flags |= MSGPASS_NONBLOCK;
	if (is_given(arguments, OPTION_SYNC))
		send.flags |= MSGPASS_SYNC;
	/* A signal ends the tool, and what was not sent is withdrawn. */
	if (msgpass_raw_send(msgpass_fd(parcel->object), &send))
		return send_failure(parcel, arguments);
	return EXIT_SUCCESS;
}

int command_send(const struct arguments *arguments)
{
	bool to_process = is_given(arguments, OPTION_PID);
	char **operands = arguments->operands;
	struct parcel parcel = { };
	int code;

	if (!to_process)
		parcel.name = *operands;
	if (!to_process && !parcel.name) {
		warnx("send: where to?");
		return EXIT_USAGE;
	}
	if (to_process && arguments->operands_count > 1) {
		warnx("send: '%s' is too much", operands[1]);
		return EXIT_USAGE;
	}
	code = open_target(&parcel);
	if (!code)
		code = get_message(&parcel, arguments, operands[!to_process]);
	if (!code)
		code = send_message(&parcel, arguments);
	msgpass_close(parcel.object);
	free(parcel.buffer);
	return code;
}

int command_key(const struct arguments *arguments)
{
	struct msgpass *endpoint;
	int code = EXIT_SUCCESS;
	unsigned int pid;
	uint64_t key;

	if (!parse_pid("key", arguments->operands[0], &pid))
		return EXIT_USAGE;
	endpoint = msgpass_endpoint();
	if (!endpoint)
		return device_failure();
	if (msgpass_key(endpoint, pid, &key))
		code = process_failure(pid);
	else
		printf("%llu\n", (unsigned long long)key);
	msgpass_close(endpoint);
	return code;
}
