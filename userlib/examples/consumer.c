// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <msgpass/textbook.h>

#include "common.h"

static const char usage[] =
	"usage: consumer [--inbox | --mailbox NAME] [--capacity N] [--count N]\n"
	"\n"
	"Receive messages, one after the other: from a mailbox, which is created\n"
	"and at the end deleted, or from the own inbox.\n"
	"\n"
	"  --inbox         receive from the inbox: producer --pid sends there\n"
	"  --mailbox NAME  receive from the mailbox NAME (textbook)\n"
	"  --capacity N    its capacity: 0, a number, or unbounded (3)\n"
	"  --count N       how many messages to receive (5)\n"
	"  --help          show this\n";

struct arguments {
	int inbox;
	const char *mailbox;
	unsigned int capacity;
	unsigned int count;
};

static bool get_arguments(int argc, char **argv, struct arguments *arguments)
{
	const struct option options[] = {
		{ "inbox",	no_argument,		&arguments->inbox, 1 },
		{ "mailbox",	required_argument,	NULL, 'm' },
		{ "capacity",	required_argument,	NULL, 's' },
		{ "count",	required_argument,	NULL, 'c' },
		{ "help",	no_argument,		NULL, 'h' },
		{ }
	};
	bool valid = true;
	int option;

	while (valid && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'm')
			arguments->mailbox = optarg;
		else if (option == 's')
			valid = get_capacity(optarg, &arguments->capacity);
		else if (option == 'c')
			valid = get_number("--count", optarg, 0, UINT_MAX,
					   &arguments->count);
		else if (option == 'h')
			show_usage(usage);
		else
			valid = !option;
	}
	if (!valid || optind < argc || (arguments->inbox && arguments->mailbox))
		return false;
	if (!arguments->inbox && !arguments->mailbox)
		arguments->mailbox = "textbook";
	return true;
}

/* The textbook's words have none for the capacity: ask the layer below. */
static bool introduce(const char *mailbox)
{
	struct msgpass *object;
	char text[CAPACITY_TEXT];
	struct msgpass_stat stat;

	object = mailbox ? msgpass_open(mailbox, MSGPASS_ACCESS_RECEIVE) :
			   msgpass_endpoint();
	if (!object || msgpass_stat(object, &stat)) {
		warn("reading the capacity");
		msgpass_close(object);
		return false;
	}
	printf("Consumer: pid %d, %s%s, capacity %s\n", getpid(),
	       mailbox ? "mailbox " : "inbox", mailbox ? mailbox : "",
	       capacity_text(stat.capacity, text));
	msgpass_close(object);
	return true;
}

static bool consume(struct message_queue *queue, unsigned int number)
{
	struct message message;
	int err;

	do {
		err = blocking_receive(queue, &message);
	} while (err && errno == EINTR);
	if (err) {
		warn("receiving %u", number);
		return false;
	}
	printf("Consumer: received %u: %.*s (from pid %d, message id %llu, %zu bytes)\n",
	       number, (int)message.size, message.data, message.sender_pid,
	       (unsigned long long)message.message_id, message.size);
	return true;
}

static bool consume_all(const struct arguments *arguments)
{
	const char *mailbox = arguments->mailbox;	/* NULL: the inbox */
	struct message_queue *queue;
	unsigned int received = 0;
	bool success;

	queue = mailbox ? mailbox_queue(mailbox, arguments->capacity) :
			  process_queue(ANY_PROCESS);
	if (!queue) {
		if (mailbox)
			warn("mailbox '%s'", mailbox);
		else
			warn("%s", MSGPASS_DEVICE);
		return false;
	}
	success = introduce(mailbox);
	while (success && received < arguments->count)
		success = consume(queue, ++received);
	if (mailbox && delete_queue(queue)) {
		warn("deleting mailbox '%s'", mailbox);
		success = false;
	}
	close_queue(queue);
	return success;
}

int main(int argc, char **argv)
{
	struct arguments arguments = { .capacity = 3, .count = 5 };

	use_whole_lines();
	if (!get_arguments(argc, argv, &arguments)) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	return finish(device_exists() && consume_all(&arguments));
}
