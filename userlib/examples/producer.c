// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <msgpass/textbook.h>

#include "common.h"

/* What mailbox_queue() would create, were the mailbox deleted meanwhile. */
#define CAPACITY	3

static const char usage[] =
	"usage: producer [--pid PID | --mailbox NAME] [--count N]\n"
	"\n"
	"Send N messages, one after the other: directly to process PID, or\n"
	"indirectly through the mailbox NAME, for which it waits up to 10 seconds.\n"
	"\n"
	"  --pid PID       the process to send to, such as consumer --inbox\n"
	"  --mailbox NAME  the mailbox to send to (textbook)\n"
	"  --count N       how many messages to send (5)\n"
	"  --help          show this\n";

struct arguments {
	unsigned int pid;	/* or 0 */
	const char *mailbox;
	unsigned int count;
};

static bool get_arguments(int argc, char **argv, struct arguments *arguments)
{
	static const struct option options[] = {
		{ "pid",	required_argument,	NULL, 'p' },
		{ "mailbox",	required_argument,	NULL, 'm' },
		{ "count",	required_argument,	NULL, 'c' },
		{ "help",	no_argument,		NULL, 'h' },
		{ }
	};
	bool valid = true;
	int option;

	while (valid && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'p')
			valid = get_number("--pid", optarg, 1, INT_MAX, &arguments->pid);
		else if (option == 'm')
			arguments->mailbox = optarg;
		else if (option == 'c')
			valid = get_number("--count", optarg, 0, UINT_MAX,
					   &arguments->count);
		else if (option == 'h')
			show_usage(usage);
		else
			valid = false;
	}
	if (!valid || optind < argc || (arguments->pid && arguments->mailbox))
		return false;
	if (!arguments->mailbox)
		arguments->mailbox = "textbook";
	return true;
}

/* The consumer creates the mailbox: it knows what capacity that is to have. */
static struct message_queue *open_queue(const struct arguments *arguments)
{
	const char *name = arguments->mailbox;
	struct message_queue *queue;
	struct msgpass *mailbox;

	if (arguments->pid) {
		queue = process_queue(arguments->pid);
		if (!queue)
			warn("%s", MSGPASS_DEVICE);
		return queue;
	}
	mailbox = wait_for_mailbox(name, MSGPASS_ACCESS_SEND);
	if (!mailbox)
		return NULL;
	msgpass_close(mailbox);
	queue = mailbox_queue(name, CAPACITY);
	if (!queue)
		warn("mailbox '%s'", name);
	return queue;
}

static bool produce(struct message_queue *queue, unsigned int item)
{
	struct message message;
	int err;

	message.size = snprintf(message.data, sizeof(message.data),
				"Item %u from producer", item);
	printf("Producer: sending %u\n", item);
	do {
		err = blocking_send(queue, &message);
	} while (err && errno == EINTR);
	if (err) {
		warn("sending %u", item);
		return false;
	}
	printf("Producer: sent %u: message id %llu, %zu bytes\n", item,
	       (unsigned long long)message.message_id, message.size);
	return true;
}

int main(int argc, char **argv)
{
	struct arguments arguments = { .count = 5 };
	struct message_queue *queue;
	unsigned int sent = 0;

	use_whole_lines();
	if (!get_arguments(argc, argv, &arguments)) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}

	queue = device_exists() ? open_queue(&arguments) : NULL;
	if (!queue)
		return EXIT_FAILURE;
	while (sent < arguments.count && produce(queue, sent + 1))
		sent++;
	close_queue(queue);
	return finish(sent == arguments.count);
}
