// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "table.h"
#include "tool.h"

#define NSEC_PER_SEC	1000000000LL
#define TIME_TEXT	32

static void add_stat(struct table *table, const char *name,
		     const struct msgpass_stat *stat)
{
	char capacity[CAPACITY_TEXT];
	char owner[OWNER_TEXT];
	char text[NAME_TEXT];
	char mode[16];

	table_word(table, name_text(name, text));
	table_word(table, owner_text(stat, owner));
	snprintf(mode, sizeof(mode), "%03o", stat->mode);
	table_word(table, mode);
	table_word(table, capacity_text(stat->capacity, capacity));
	table_number(table, stat->messages);
	table_number(table, stat->bytes);
	table_number(table, stat->senders_waiting);
	table_number(table, stat->receivers_waiting);
}

/* It is there, but no access would open it to this process. */
static void add_closed(struct table *table, const char *name)
{
	char text[NAME_TEXT];
	unsigned int i;

	table_word(table, name_text(name, text));
	for (i = 1; i < table->columns; i++)
		table_word(table, "-");
}

/* One that has ended since it was listed is left out. */
static int add_mailbox(struct table *table, const char *name)
{
	struct msgpass *mailbox = open_to_look(name);
	struct msgpass_stat stat;
	int code = EXIT_SUCCESS;

	if (!mailbox) {
		if (errno == EACCES || errno == EPERM)
			add_closed(table, name);
		else if (errno != ENOENT)
			code = mailbox_failure(name);
		return code;
	}
	if (!msgpass_stat(mailbox, &stat))
		add_stat(table, name, &stat);
	else if (errno != EIDRM)
		code = mailbox_failure(name);
	msgpass_close(mailbox);
	return code;
}

int command_ls(const struct arguments *arguments)
{
	static const char *const heads[] = {
		"NAME", "OWNER", "MODE", "CAPACITY", "MESSAGES", "BYTES",
		"SENDERS", "RECEIVERS", NULL
	};
	struct msgpass *endpoint = msgpass_endpoint();
	char name[MSGPASS_NAME_MAX + 1] = "";
	int code = EXIT_SUCCESS;
	struct table table;

	(void)arguments;
	if (!endpoint)
		return device_failure();
	table_begin(&table, heads, 3);
	while (!msgpass_next(endpoint, name))
		if (add_mailbox(&table, name) != EXIT_SUCCESS)
			code = EXIT_FAILURE;
	if (errno != ENOENT)
		code = failure("listing the mailboxes");
	msgpass_close(endpoint);
	table_end(&table);
	return code;
}

static const char *accepts_text(unsigned int accepts)
{
	static const char *const texts[] = {
		[MSGPASS_ACCEPT_USER]	= "user",
		[MSGPASS_ACCEPT_ANYONE]	= "anyone",
		[MSGPASS_ACCEPT_NOBODY]	= "nobody",
	};

	return accepts < ARRAY_SIZE(texts) ? texts[accepts] : "?";
}

static void add_process(struct table *table,
			const struct msgpass_next_process *process)
{
	char capacity[CAPACITY_TEXT];
	char user[OWNER_TEXT];

	table_word(table, user_text(process->uid, user));
	table_number(table, process->pid);
	table_word(table, accepts_text(process->accepts));
	table_word(table, capacity_text(process->capacity, capacity));
	table_number(table, process->messages);
	table_number(table, process->bytes);
	table_number(table, process->senders_waiting);
	table_number(table, process->receivers_waiting);
	table_number(table, process->links);
	table_number(table, process->mailboxes);
	table_number(table, process->key);
}

int command_ps(const struct arguments *arguments)
{
	static const char *const heads[] = {
		"USER", "PID", "ACCEPTS", "CAPACITY", "MESSAGES", "BYTES",
		"SENDERS", "RECEIVERS", "LINKS", "MAILBOXES", "KEY", NULL
	};
	struct msgpass *endpoint = msgpass_endpoint();
	struct msgpass_next_process process = { };
	int code = EXIT_SUCCESS;
	struct table table;

	(void)arguments;
	if (!endpoint)
		return device_failure();
	table_begin(&table, heads, 1);
	while (!msgpass_next_process(endpoint, &process))
		add_process(&table, &process);
	if (errno != ESRCH)
		code = failure("listing the processes");
	msgpass_close(endpoint);
	table_end(&table);
	return code;
}

static long long nanoseconds(clockid_t clock)
{
	struct timespec time = { };

	clock_gettime(clock, &time);
	return time.tv_sec * NSEC_PER_SEC + time.tv_nsec;
}

/* Of the wall clock, as it stands now: the kernel counts from the start. */
static const char *since_text(uint64_t since, char text[TIME_TEXT])
{
	time_t seconds = (nanoseconds(CLOCK_REALTIME) - nanoseconds(CLOCK_MONOTONIC) +
			  (long long)since) / NSEC_PER_SEC;
	struct tm local;

	if (!localtime_r(&seconds, &local) ||
	    !strftime(text, TIME_TEXT, "%FT%T", &local))
		snprintf(text, TIME_TEXT, "?");
	return text;
}

/* Its pid may not be visible here. */
static void add_pid(struct table *table, pid_t pid)
{
	if (pid)
		table_number(table, pid);
	else
		table_word(table, "?");
}

static void add_link(struct table *table, const struct msgpass_next_link *link)
{
	char text[TIME_TEXT];
	unsigned int i;

	table_word(table, since_text(link->since, text));
	for (i = 0; i < ARRAY_SIZE(link->pid); i++)
		add_pid(table, link->pid[i]);
	for (i = 0; i < ARRAY_SIZE(link->pid); i++) {
		table_number(table, link->messages[i]);
		table_number(table, link->bytes[i]);
	}
}

static bool is_of(const struct msgpass_next_link *link, unsigned int pid)
{
	return (unsigned int)link->pid[0] == pid || (unsigned int)link->pid[1] == pid;
}

int command_links(const struct arguments *arguments)
{
	static const char *const heads[] = {
		"SINCE", "A", "B", "TO-B", "BYTES", "TO-A", "BYTES", NULL
	};
	struct msgpass_next_link link = { };
	struct msgpass *endpoint;
	int code = EXIT_SUCCESS;
	struct table table;
	unsigned int pid;

	if (*arguments->operands && !parse_pid("links", *arguments->operands, &pid))
		return EXIT_USAGE;
	endpoint = msgpass_endpoint();
	if (!endpoint)
		return device_failure();
	table_begin(&table, heads, 1);
	while (!msgpass_next_link(endpoint, &link))
		if (!*arguments->operands || is_of(&link, pid))
			add_link(&table, &link);
	if (errno != ENOENT)
		code = failure("listing the links");
	msgpass_close(endpoint);
	table_end(&table);
	return code;
}
