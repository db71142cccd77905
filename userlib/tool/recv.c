// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tool.h"

struct receiver {
	const char *name;
	struct msgpass *mailbox;
	char *buffer;
	size_t room;
};

/*
 * A signal must not kill the tool between the receipt of a message and its
 * writing. So it only ends the wait: it lets the deadline pass, which the call
 * finds when it begins, or when it starts again after the signal.
 */
static atomic_int signal_seen;
static atomic_uintptr_t deadline_ahead;

static void see_signal(int number)
{
	uint64_t *deadline = (uint64_t *)deadline_ahead;

	signal_seen = number;
	if (deadline)
		*deadline = 1;
}

static void catch_signals(void)
{
	static const int numbers[] = { SIGHUP, SIGINT, SIGTERM };
	const struct sigaction action = {
		.sa_handler = see_signal,
		/* The second one kills at once. */
		.sa_flags = SA_RESTART | SA_RESETHAND,
	};
	struct sigaction old;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		if (!sigaction(numbers[i], NULL, &old) &&
		    old.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
}

/* End as the signal would have ended the tool, for whoever waits for that. */
static void follow_signal(void)
{
	if (!signal_seen)
		return;
	fflush(stdout);
	signal(signal_seen, SIG_DFL);
	raise(signal_seen);
}

/* Make room for the message that did not fit. It is still there. */
static bool grow(struct receiver *receiver, size_t size)
{
	char *buffer = realloc(receiver->buffer, size);

	if (!buffer)
		return false;
	receiver->buffer = buffer;
	receiver->room = size;
	return true;
}

static bool receive_once(struct receiver *receiver,
			 const struct arguments *arguments, uint64_t deadline,
			 struct msgpass_receive *receive)
{
	bool success;

	*receive = (struct msgpass_receive){
		.flags		= is_given(arguments, OPTION_NONBLOCK) ?
				  MSGPASS_NONBLOCK : 0,
		.buffer_size	= receiver->room,
		.buffer		= (uintptr_t)receiver->buffer,
		.deadline	= deadline,
	};
	deadline_ahead = (uintptr_t)&receive->deadline;
	if (signal_seen)
		receive->deadline = 1;
	success = !msgpass_raw_receive(msgpass_fd(receiver->mailbox), receive);
	deadline_ahead = 0;
	return success;
}

static bool receive_message(struct receiver *receiver,
			    const struct arguments *arguments,
			    struct msgpass_receive *receive)
{
	uint64_t deadline = deadline_of(arguments);

	while (!receive_once(receiver, arguments, deadline, receive)) {
		if (errno != EMSGSIZE)
			return false;
		if (!grow(receiver, receive->size))
			return false;
	}
	return true;
}

static bool write_message(const struct receiver *receiver,
			  const struct arguments *arguments,
			  const struct msgpass_receive *receive)
{
	if (is_given(arguments, OPTION_INFO))
		printf("id %llu pid %d uid %u priority %u size %u: ",
		       (unsigned long long)receive->id, receive->sender_pid,
		       receive->sender_uid, receive->priority, receive->size);
	fwrite(receiver->buffer, 1, receive->size, stdout);
	if (!is_given(arguments, OPTION_RAW))
		putchar('\n');
	if (!fflush(stdout) && !ferror(stdout))
		return true;
	warn("message %llu was received and could not be written",
	     (unsigned long long)receive->id);
	return false;
}

static int receive_all(struct receiver *receiver,
		       const struct arguments *arguments)
{
	bool endless = is_given(arguments, OPTION_FOLLOW);
	struct msgpass_receive receive;
	unsigned int i;

	for (i = 0; endless || i < arguments->count; i++) {
		if (!receive_message(receiver, arguments, &receive)) {
			follow_signal();
			return mailbox_failure(receiver->name);
		}
		if (!write_message(receiver, arguments, &receive))
			return EXIT_FAILURE;
		follow_signal();
	}
	return EXIT_SUCCESS;
}

int command_recv(const struct arguments *arguments)
{
	struct receiver receiver = { .name = arguments->operands[0] };
	int code;

	receiver.mailbox = open_mailbox(receiver.name, MSGPASS_ACCESS_RECEIVE, &code);
	if (!receiver.mailbox)
		return code;
	catch_signals();
	if (grow(&receiver, PART_MAX))
		code = receive_all(&receiver, arguments);
	else
		code = failure("memory");
	msgpass_close(receiver.mailbox);
	free(receiver.buffer);
	return code;
}
