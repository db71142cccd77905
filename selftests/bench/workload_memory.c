// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much of the kernel's memory a thing takes: many of them are made, and what
 * is used before and after is compared.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "workloads.h"

#define MESSAGES	50000
#define MAILBOXES	10000
#define PROCESSES	1000
/* Each with each of the others. */
#define LINKED		200

/* A transport, and what is counted of it. */
static const char *const names[] = {
	"msgpass-message", "msgpass-mailbox", "msgpass-process", "msgpass-link",
	"msgpass-inbox-message", "posix-mq-message", "posix-mq-mailbox", "sysv-msg-message",
	"sysv-msg-mailbox", "pipe-mailbox", "unix-seqpacket-message", "unix-seqpacket-mailbox",
	NULL
};

/* A line of /proc/meminfo, in bytes. */
static double meminfo(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	MUST(line);
	return 1024 * strtod(line + strlen(name), NULL);
}

/*
 * Objects, and what they lie in. Free memory would tell nothing: the kernel keeps
 * megabytes of pages at hand that count as used. So pages that are no object's are
 * not seen; none of what is counted here has any.
 */
static double kernel_memory(void)
{
	char text[4096] = "";
	int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);

	/* Fold in what the processors have counted. */
	change_file("/proc/sys/vm/stat_refresh", "1", NULL);
	MUST(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return meminfo(text, "\nSlab:") + meminfo(text, "\nPercpu:") +
	       meminfo(text, "\nVmallocUsed:");
}

/*
 * What others have freed is given back in a while, and what waits for RCU up to
 * five seconds later: begin when no more has come for longer than that.
 */
static void settle(void)
{
	double last = 0;

	for (unsigned int tries = 0, same = 0; tries < 300 && same < 60; tries++) {
		double used = kernel_memory();

		if (used > last - 65536 && used < last + 65536) {
			same++;
		} else {
			same = 0;
			last = used;
		}
		usleep(100000);
	}
}

static double of_messages(const struct item *item)
{
	struct channel channel;
	double before, after;

	open_channel(&channel, item, MESSAGES);
	attach_channel(&channel);
	settle();
	before = kernel_memory();
	for (unsigned int i = 0; i < MESSAGES; i++)
		send_messages(&channel, i, 0);
	after = kernel_memory();
	for (unsigned int i = 0; i < MESSAGES; i++)
		receive_messages(&channel, i);
	close_channel(&channel);
	return (after - before) / MESSAGES;
}

static double of_mailboxes(const struct item *item)
{
	struct channel *channels = malloc(MAILBOXES * sizeof(*channels));
	double before, after;

	MUST(channels);
	/* Written to, so that its pages are there. */
	memset(channels, 1, MAILBOXES * sizeof(*channels));
	settle();
	before = kernel_memory();
	for (unsigned int i = 0; i < MAILBOXES; i++)
		open_queue(&channels[i], item, 0);
	after = kernel_memory();
	for (unsigned int i = 0; i < MAILBOXES; i++)
		close_queue(&channels[i]);
	free(channels);
	return (after - before) / MAILBOXES;
}

/* Processes that do what they are told, by one byte. */
enum { NOTHING, USE_INBOX, LINK };

struct crowd {
	int device;
	unsigned int count, number;
	int orders[PROCESSES][2];
	pid_t *pids;
};

static void use_inbox(struct crowd *crowd)
{
	struct msgpass_stat stat = { };

	MUST(!msgpass_raw_stat(crowd->device, &stat));
}

/* To receive from a process that has not sent is to be linked with it. */
static void link_later_ones(struct crowd *crowd)
{
	char byte;

	for (unsigned int i = crowd->number + 1; i < crowd->count; i++) {
		struct msgpass_receive receive = {
			.flags = MSGPASS_NONBLOCK,
			.buffer = (uintptr_t)&byte,
			.buffer_size = sizeof(byte),
			.from = crowd->pids[i],
		};

		MUST(msgpass_raw_receive(crowd->device, &receive) && errno == EAGAIN);
	}
}

static void obey(void *argument)
{
	struct crowd *crowd = argument;
	char order;

	say_ready();
	while (read(crowd->orders[crowd->number][0], &order, 1) == 1) {
		if (order == USE_INBOX)
			use_inbox(crowd);
		else if (order == LINK)
			link_later_ones(crowd);
		say_ready();
	}
}

static void command(struct crowd *crowd, char order)
{
	for (unsigned int i = 0; i < crowd->count; i++) {
		MUST(write(crowd->orders[i][1], &order, 1) == 1);
		await_ready();
	}
}

/* All that a process needs for the rest is there when it has done nothing once. */
static double of_crowd(const struct item *item, unsigned int count, char order)
{
	struct crowd *crowd = calloc(1, sizeof(*crowd));
	double before, after;

	MUST(crowd);
	crowd->device = open(MSGPASS_DEVICE, O_RDWR | O_CLOEXEC);
	if (crowd->device < 0)
		skip(item, "msgpass is not loaded");
	crowd->count = count;
	crowd->pids = share_memory(count * sizeof(*crowd->pids));
	for (unsigned int i = 0; i < count; i++)
		MUST(!pipe(crowd->orders[i]));
	for (crowd->number = 0; crowd->number < count; crowd->number++) {
		crowd->pids[crowd->number] = start_process(0, obey, crowd);
		await_ready();
	}
	command(crowd, NOTHING);
	if (order == LINK)
		command(crowd, USE_INBOX);
	settle();
	before = kernel_memory();
	command(crowd, order);
	after = kernel_memory();
	for (unsigned int i = 0; i < count; i++)
		end_process(crowd->pids[i]);
	return (after - before) / (order == LINK ? count * (count - 1) / 2 : count);
}

/* The transport that the item's name begins with. */
static const struct transport *transport_of(const struct item *item)
{
	size_t length = strrchr(item->name, '-') - item->name;

	for (const struct transport *const *t = transports; *t; t++)
		if (!strncmp((*t)->name, item->name, length) && !(*t)->name[length])
			return *t;
	die("no transport has the name %s", item->name);
}

static void run_memory(const struct item *item)
{
	const char *what = strrchr(item->name, '-') + 1;
	const struct plan plan = { .operations = 1 };
	struct figure figure = { .count = 1, .unit = "bytes", .switches = -1 };
	struct item with = *item;

	if (marking)
		skip(item, "nothing is timed");
	pin(0);
	with.transport = transport_of(item);
	if (!strcmp(what, "message"))
		figure.batches[0] = of_messages(&with);
	else if (!strcmp(what, "mailbox"))
		figure.batches[0] = of_mailboxes(&with);
	else if (!strcmp(what, "process"))
		figure.batches[0] = of_crowd(&with, PROCESSES, USE_INBOX);
	else
		figure.batches[0] = of_crowd(&with, LINKED, LINK);
	if (figure.batches[0] <= 0)
		skip(item, "others gave back more memory meanwhile than it took");
	report(item, &plan, &figure);
}

const struct workload workload_memory = {
	.name = "memory", .sizes = sizes_one, .operations = names, .run = run_memory,
};
