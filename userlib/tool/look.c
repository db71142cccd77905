// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define LIMITS	"/proc/sys/kernel/msgpass/"

static bool show_file(const char *label, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[256];
	bool success;

	success = file && fgets(line, sizeof(line), file);
	if (success)
		printf("%-20s %s", label, line);
	else
		failure(path);
	if (file)
		fclose(file);
	return success;
}

static int count_mailboxes(unsigned int *count)
{
	struct msgpass *endpoint = msgpass_endpoint();
	char name[MSGPASS_NAME_MAX + 1] = "";
	int code = EXIT_SUCCESS;

	if (!endpoint)
		return device_failure();
	*count = 0;
	while (!msgpass_next(endpoint, name))
		++*count;
	if (errno != ENOENT)
		code = failure("listing the mailboxes");
	msgpass_close(endpoint);
	return code;
}

int command_status(const struct arguments *arguments)
{
	static const char *const limits[][2] = {
		{ "message_size_max",	LIMITS "message_size_max" },
		{ "inbox_capacity",	LIMITS "inbox_capacity" },
		{ "user_bytes_max",	LIMITS "user_bytes_max" },
		{ "user_messages_max",	LIMITS "user_messages_max" },
		{ "user_mailboxes_max",	LIMITS "user_mailboxes_max" },
		{ "kept_bytes_max",	LIMITS "kept_bytes_max" },
		{ "spin_us",		LIMITS "spin_us" },
	};
	unsigned int count;
	bool success;
	size_t i;

	(void)arguments;
	printf("%-20s %s\n", "module", module_is_loaded() ? "loaded" : "not loaded");
	if (!module_is_loaded())
		return EXIT_FAILURE;
	success = show_file("version", "/sys/module/msgpass/version");
	for (i = 0; i < ARRAY_SIZE(limits); i++)
		success &= show_file(limits[i][0], limits[i][1]);
	if (count_mailboxes(&count) != EXIT_SUCCESS)
		return EXIT_FAILURE;
	printf("%-20s %u\n", "mailboxes", count);
	return success ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void show_counts(const struct msgpass_stat *stat)
{
	printf("messages           %u\n", stat->messages);
	printf("bytes              %llu\n", (unsigned long long)stat->bytes);
	printf("senders waiting    %u\n", stat->senders_waiting);
	printf("receivers waiting  %u\n", stat->receivers_waiting);
	printf("messages admitted  %llu\n",
	       (unsigned long long)stat->admitted_messages);
	printf("bytes admitted     %llu\n", (unsigned long long)stat->admitted_bytes);
	printf("messages received  %llu\n",
	       (unsigned long long)stat->received_messages);
	printf("bytes received     %llu\n", (unsigned long long)stat->received_bytes);
}

static void show_stat(const char *name, const struct msgpass_stat *stat)
{
	struct group *group = getgrgid(stat->gid);
	char number[CAPACITY_TEXT];
	char owner[OWNER_TEXT];
	char text[NAME_TEXT];

	printf("name               %s\n", name_text(name, text));
	if (stat->policy & MSGPASS_PROCESS_OWNED)
		printf("owner              %s\n", owner_text(stat, owner));
	else
		printf("owner              system\n");
	printf("user               %s\n", user_text(stat->uid, owner));
	if (group)
		printf("group              %s\n", group->gr_name);
	else
		printf("group              %u\n", stat->gid);
	printf("mode               %03o\n", stat->mode);
	printf("capacity           %s\n", capacity_text(stat->capacity, number));
	printf("size %-13s %u\n",
	       stat->policy & MSGPASS_FIXED_SIZE ? "(fixed)" : "max",
	       stat->size_max);
	show_counts(stat);
}

int command_stat(const struct arguments *arguments)
{
	const char *name = arguments->operands[0];
	struct msgpass *mailbox = open_to_look(name);
	struct msgpass_stat stat;
	int code = EXIT_SUCCESS;

	if (!mailbox)
		return open_failure(name);
	if (msgpass_stat(mailbox, &stat))
		code = mailbox_failure(name);
	else
		show_stat(name, &stat);
	msgpass_close(mailbox);
	return code;
}
