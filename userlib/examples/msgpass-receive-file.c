// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common.h"

static const char usage[] =
	"usage: msgpass-receive-file MAILBOX FILE [--capacity N]\n"
	"\n"
	"Create MAILBOX, receive what msgpass-send-file sends there, and write it to\n"
	"FILE, which appears or changes only when all of it has arrived.\n"
	"\n"
	"  --capacity N  the mailbox's capacity: 0, a number, or unbounded (16)\n"
	"  --help        show this\n";

struct transfer {
	const char *name;
	unsigned int capacity;
	struct msgpass *mailbox;
	const char *path;
	char part[PATH_MAX];	/* the file's name until it is complete */
	int file;
	uint64_t sender_key;	/* 0 before the first message */
	pid_t sender_pid;
	int sender;		/* pidfd, or -1 */
	bool sender_ended;
	unsigned long long messages;
	unsigned long long bytes;
	size_t smallest;
	size_t largest;
};

/* Receive from whoever is the sender: EAGAIN when it has ended. */
static ssize_t receive_part(struct transfer *transfer, char *buffer,
			    struct msgpass_info *info)
{
	struct pollfd events[] = {
		{ .fd = msgpass_fd(transfer->mailbox), .events = POLLIN },
		{ .fd = transfer->sender, .events = POLLIN },
	};
	ssize_t size;

	do {
		if (poll(events, 2, transfer->sender_ended ? 0 : -1) < 0 &&
		    errno != EINTR)
			return -1;
		if (events[1].revents)
			transfer->sender_ended = true;
		/* Only now is it seen all that it sent before it ended. */
		size = msgpass_receive(transfer->mailbox, buffer, PART_MAX,
				       MSGPASS_NONBLOCK, info);
	} while (size < 0 && (errno == EINTR ||
			      (errno == EAGAIN && !transfer->sender_ended)));
	return size;
}

/* The first one to send is the sender; what others send is not of its file. */
static bool is_from_sender(struct transfer *transfer,
			   const struct msgpass_info *info)
{
	if (!transfer->sender_key) {
		transfer->sender_key = info->sender_key;
		transfer->sender_pid = info->sender_pid;
		/* A sender without a pid here cannot be watched. */
		if (info->sender_pid)
			transfer->sender = syscall(SYS_pidfd_open,
						   info->sender_pid, 0);
		if (transfer->sender < 0 && info->sender_pid)
			transfer->sender_ended = errno == ESRCH;
	}
	if (info->sender_key == transfer->sender_key)
		return true;
	warnx("mailbox '%s': pid %d sends there, too", transfer->name,
	      info->sender_pid);
	return false;
}

static bool write_part(struct transfer *transfer, const char *buffer, size_t size)
{
	if (!write_full(transfer->file, buffer, size)) {
		warn("%s", transfer->part);
		return false;
	}
	if (!transfer->messages++ || size < transfer->smallest)
		transfer->smallest = size;
	if (size > transfer->largest)
		transfer->largest = size;
	transfer->bytes += size;
	return true;
}

static bool receive_file(struct transfer *transfer)
{
	struct msgpass_info info;
	char buffer[PART_MAX];
	ssize_t size;

	do {
		size = receive_part(transfer, buffer, &info);
		if (size < 0 && errno == EAGAIN) {
			warnx("mailbox '%s': sender pid %d ended before its file",
			      transfer->name, transfer->sender_pid);
			return false;
		}
		if (size < 0) {
			warn("mailbox '%s'", transfer->name);
			return false;
		}
		if (!is_from_sender(transfer, &info))
			return false;
		if (size && !write_part(transfer, buffer, size))
			return false;
	} while (size);
	return true;
}

/* Where FILE is going to be, so that it can be renamed to it. */
static bool create_part(struct transfer *transfer)
{
	size_t size = sizeof(transfer->part);
	mode_t mask = umask(0);

	umask(mask);
	if ((size_t)snprintf(transfer->part, size, "%s.XXXXXX", transfer->path) >= size)
		errno = ENAMETOOLONG;
	else
		transfer->file = mkstemp(transfer->part);
	if (transfer->file < 0) {
		warn("%s", transfer->path);
		transfer->part[0] = '\0';
		return false;
	}
	/* As a file that is created, not as a temporary one. */
	fchmod(transfer->file, 0666 & ~mask);
	return true;
}

static bool create_mailbox(struct transfer *transfer)
{
	/* Owned by this process: however that ends, the mailbox does not stay. */
	const struct msgpass_attributes attributes = {
		.flags		= MSGPASS_PROCESS_OWNED,
		.capacity	= transfer->capacity,
		.size_max	= PART_MAX,
		.mode		= 0600,
	};

	transfer->mailbox = msgpass_create(transfer->name, &attributes,
					   MSGPASS_ACCESS_RECEIVE);
	if (!transfer->mailbox)
		warn("mailbox '%s'", transfer->name);
	return transfer->mailbox;
}

/* The file is whole: give it its name. */
static bool finish_file(struct transfer *transfer)
{
	if (fsync(transfer->file) || rename(transfer->part, transfer->path)) {
		warn("%s", transfer->path);
		return false;
	}
	transfer->part[0] = '\0';
	return true;
}

static bool report(const struct transfer *transfer)
{
	char capacity[CAPACITY_TEXT];
	struct msgpass_stat stat;

	if (msgpass_stat(transfer->mailbox, &stat)) {
		warn("mailbox '%s'", transfer->name);
		return false;
	}
	printf("received %llu messages, %llu bytes, sizes from %zu to %zu, ",
	       transfer->messages, transfer->bytes, transfer->smallest,
	       transfer->largest);
	printf("mailbox capacity %s, sender pid %d\n",
	       capacity_text(stat.capacity, capacity), transfer->sender_pid);
	printf("mailbox counted %llu messages, %llu bytes (end-of-file message included)\n",
	       (unsigned long long)stat.received_messages,
	       (unsigned long long)stat.received_bytes);
	return true;
}

static bool clean_up(struct transfer *transfer)
{
	bool success = true;

	if (transfer->file >= 0)
		close(transfer->file);
	if (transfer->part[0])
		unlink(transfer->part);
	if (transfer->mailbox && msgpass_delete(transfer->mailbox)) {
		warn("deleting mailbox '%s'", transfer->name);
		success = false;
	}
	msgpass_close(transfer->mailbox);
	if (transfer->sender >= 0)
		close(transfer->sender);
	return success;
}

static bool get_arguments(int argc, char **argv, struct transfer *transfer)
{
	static const struct option options[] = {
		{ "capacity",	required_argument,	NULL, 's' },
		{ "help",	no_argument,		NULL, 'h' },
		{ }
	};
	bool valid = true;
	int option;

	while (valid && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's')
			valid = get_capacity(optarg, &transfer->capacity);
		else if (option == 'h')
			show_usage(usage);
		else
			valid = false;
	}
	if (!valid || argc - optind != 2)
		return false;
	transfer->name = argv[optind];
	transfer->path = argv[optind + 1];
	return true;
}

int main(int argc, char **argv)
{
	struct transfer transfer = { .capacity = 16, .file = -1, .sender = -1 };
	bool success;

	use_whole_lines();
	if (!get_arguments(argc, argv, &transfer)) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	success = device_exists() && create_part(&transfer) &&
		  create_mailbox(&transfer) && receive_file(&transfer) &&
		  finish_file(&transfer) && report(&transfer);
	success &= clean_up(&transfer);
	return finish(success);
}
