// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common.h"

static const char usage[] =
	"usage: msgpass-send-file MAILBOX FILE\n"
	"\n"
	"Send FILE through MAILBOX to msgpass-receive-file, in messages of many\n"
	"sizes; an empty one ends it. Waits up to 10 seconds for the mailbox.\n"
	"\n"
	"  --help  show this\n";

/* One after the other, and again: messages keep their sizes, whatever these. */
static const size_t sizes[] = { 1, PART_MAX, 777, 4097, 3, 65521, 12289, 31, 8192 };

struct transfer {
	int file;
	const char *path;
	struct msgpass *mailbox;
	const char *name;
	unsigned long long messages;
	unsigned long long bytes;
};

static bool send_message(const struct transfer *transfer, const void *data,
			 size_t size, unsigned int flags)
{
	int err;

	do {
		err = msgpass_send(transfer->mailbox, data, size, flags);
	} while (err && errno == EINTR);
	if (err)
		warn("sending to mailbox '%s'", transfer->name);
	return !err;
}

static bool send_file(struct transfer *transfer)
{
	char buffer[PART_MAX];
	ssize_t size;

	for (;;) {
		size = read_full(transfer->file, buffer,
				 sizes[transfer->messages % ARRAY_SIZE(sizes)]);
		if (size < 0) {
			warn("%s", transfer->path);
			return false;
		}
		/* The end must not only be sent: it tells us that all arrived. */
		if (!size)
			return send_message(transfer, NULL, 0, MSGPASS_SYNC);
		if (!send_message(transfer, buffer, size, 0))
			return false;
		transfer->messages++;
		transfer->bytes += size;
	}
}

static bool open_both(struct transfer *transfer)
{
	transfer->file = open(transfer->path, O_RDONLY | O_CLOEXEC);
	if (transfer->file < 0) {
		warn("%s", transfer->path);
		return false;
	}
	if (!device_exists())
		return false;
	transfer->mailbox = wait_for_mailbox(transfer->name, MSGPASS_ACCESS_SEND);
	return transfer->mailbox;
}

static bool get_arguments(int argc, char **argv, struct transfer *transfer)
{
	static const struct option options[] = {
		{ "help",	no_argument,		NULL, 'h' },
		{ }
	};
	int option = getopt_long(argc, argv, "", options, NULL);

	if (option == 'h')
		show_usage(usage);
	if (option != -1 || argc - optind != 2)
		return false;
	transfer->name = argv[optind];
	transfer->path = argv[optind + 1];
	return true;
}

int main(int argc, char **argv)
{
	struct transfer transfer = { };

	use_whole_lines();
	if (!get_arguments(argc, argv, &transfer)) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	if (!open_both(&transfer) || !send_file(&transfer))
		return EXIT_FAILURE;
	printf("sent %llu messages, %llu bytes\n", transfer.messages,
	       transfer.bytes);
	msgpass_close(transfer.mailbox);
	close(transfer.file);
	return finish(true);
}
