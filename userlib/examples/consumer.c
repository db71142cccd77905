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
	"  --mailbox NAME  create the mailbox NAME and receive from it (textbook)\n"
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

/*
 * The textbook's words have none for who owns a mailbox, nor for its capacity:
 * for these there is the layer below. Owned by this process, the mailbox ends
 * with it, however that comes about.
 */
static struct msgpass *open_object(const struct arguments *arguments)
{
	const struct msgpass_attributes attributes = {
		.flags		= MSGPASS_PROCESS_OWNED,
		.capacity	= arguments->capacity,
		.size_max	= MESSAGE_DATA_MAX,
		.mode		= 0600,
	};
	struct msgpass *object;

	if (arguments->inbox) {
		object = msgpass_endpoint();
		if (!object)
			warn("%s", MSGPASS_DEVICE);
		return object;
	}
	object = msgpass_create(arguments->mailbox, &attributes, MSGPASS_ACCESS_BOTH);
	if (!object)
		warn("creating mailbox '%s'", arguments->mailbox);
	return object;
}

static bool introduce(const struct arguments *arguments, struct msgpass *object)
{
	char text[CAPACITY_TEXT];
	struct msgpass_stat stat;

	if (msgpass_stat(object, &stat)) {
		warn("reading the capacity");
		return false;
	}
	printf("Consumer: pid %d, %s%s, capacity %s\n", getpid(),
	       arguments->inbox ? "inbox" : "mailbox ",
	       arguments->inbox ? "" : arguments->mailbox,
	       capacity_text(stat.capacity, text));
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

static bool consume_all(const struct arguments *arguments, struct msgpass *object)
{
	struct message_queue *queue;
	unsigned int received = 0;
	bool success;

	queue = arguments->inbox ? process_queue(ANY_PROCESS) :
		mailbox_queue(arguments->mailbox, arguments->capacity);
	if (!queue) {
		warn("opening the queue");
		return false;
	}
	success = introduce(arguments, object);
	while (success && received < arguments->count)
		success = consume(queue, ++received);
	close_queue(queue);
	return success;
}

int main(int argc, char **argv)
{
	struct arguments arguments = { .capacity = 3, .count = 5 };
	struct msgpass *object;
	bool success;

	use_whole_lines();
	if (!get_arguments(argc, argv, &arguments)) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	object = device_exists() ? open_object(&arguments) : NULL;
	if (!object)
		return EXIT_FAILURE;
	success = consume_all(&arguments, object);
	msgpass_close(object);
	return finish(success);
}
