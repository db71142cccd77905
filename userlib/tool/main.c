// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

static const struct option no_options[] = {
	{ "help",	no_argument,		NULL, OPTION_HELP },
	{ }
};

static const struct option create_options[] = {
	{ "capacity",	required_argument,	NULL, OPTION_CAPACITY },
	{ "size-max",	required_argument,	NULL, OPTION_SIZE_MAX },
	{ "fixed",	no_argument,		NULL, OPTION_FIXED },
	{ "mode",	required_argument,	NULL, OPTION_MODE },
	{ "help",	no_argument,		NULL, OPTION_HELP },
	{ }
};

static const struct option rm_options[] = {
	{ "unlink",	no_argument,		NULL, OPTION_UNLINK },
	{ "help",	no_argument,		NULL, OPTION_HELP },
	{ }
};

static const struct option set_options[] = {
	{ "capacity",	required_argument,	NULL, OPTION_CAPACITY },
	{ "mode",	required_argument,	NULL, OPTION_MODE },
	{ "owner",	required_argument,	NULL, OPTION_OWNER },
	{ "help",	no_argument,		NULL, OPTION_HELP },
	{ }
};

static const struct option send_options[] = {
	{ "pid",	required_argument,	NULL, OPTION_PID },
	{ "priority",	required_argument,	NULL, OPTION_PRIORITY },
	{ "nonblock",	no_argument,		NULL, OPTION_NONBLOCK },
	{ "sync",	no_argument,		NULL, OPTION_SYNC },
	{ "timeout",	required_argument,	NULL, OPTION_TIMEOUT },
	{ "help",	no_argument,		NULL, OPTION_HELP },
	{ }
};

static const struct option recv_options[] = {
	{ "count",	required_argument,	NULL, OPTION_COUNT },
	{ "follow",	no_argument,		NULL, OPTION_FOLLOW },
	{ "nonblock",	no_argument,		NULL, OPTION_NONBLOCK },
	{ "timeout",	required_argument,	NULL, OPTION_TIMEOUT },
	{ "info",	no_argument,		NULL, OPTION_INFO },
	{ "raw",	no_argument,		NULL, OPTION_RAW },
	{ "help",	no_argument,		NULL, OPTION_HELP },
	{ }
};

/**
 * struct command - one of the tool's commands
 * @name: what the user types
 * @run: what does it
 * @options: ended by an empty one
 * @operands_min: how many operands it takes at least
 * @operands_max: and at most; -1: any number
 * @synopsis: what follows its name
 * @summary: what it does, in one line
 * @details: the rest of its help
 */
struct command {
	const char *name;
	int (*run)(const struct arguments *arguments);
	const struct option *options;
	int operands_min;
	int operands_max;
	const char *synopsis;
	const char *summary;
	const char *details;
};

static const struct command commands[] = {
	{ "load", command_load, no_options, 0, 1, "[FILE]",
	  "load the module",
	  "FILE is a msgpass.ko; without it, the module installed for this kernel.\n" },
	{ "unload", command_unload, no_options, 0, 0, "",
	  "unload the module",
	  "It is in use while a mailbox has a name, a process has one open, or a message is\n"
	  "in an inbox.\n" },
	{ "status", command_status, no_options, 0, 0, "",
	  "show the module's version and limits",
	  "It fails if the module is not loaded.\n" },
	{ "ls", command_ls, no_options, 0, 0, "",
	  "list the mailboxes that you could open",
	  "SENDERS and RECEIVERS are those that wait. What is odd in a name is written\n"
	  "as \\xHH.\n" },
	{ "ps", command_ps, no_options, 0, 0, "",
	  "list your processes that use message passing",
	  "To root, all processes. What is told is of the inbox of each: whom it accepts,\n"
	  "its capacity, what is in it, who waits. KEY is the process key.\n" },
	{ "links", command_links, no_options, 0, 1, "[PID]",
	  "list the links of your processes, or of one",
	  "Each pair of processes that have communicated directly has one link, since the\n"
	  "first message. A and B are the pids; then come the messages and bytes that were\n"
	  "sent to B, and those that were sent to A. A pid that is not visible here is\n"
	  "written as ?.\n" },
	{ "stat", command_stat, no_options, 1, 1, "NAME",
	  "show everything of a mailbox", "" },
	{ "create", command_create, create_options, 1, 1,
	  "NAME [--capacity N] [--size-max N] [--fixed] [--mode MODE]",
	  "create a mailbox, which stays until it is deleted",
	  "  --capacity N    how many messages may rest: 0, a number, or unbounded (10)\n"
	  "  --size-max N    the largest message, in bytes (the administrator's limit)\n"
	  "  --fixed         each message is of exactly that size\n"
	  "  --mode MODE     permission bits in octal, umask or not: r receives, w sends\n"
	  "                  (600)\n" },
	{ "rm", command_rm, rm_options, 1, -1, "NAME... [--unlink]",
	  "delete mailboxes, and the messages in them",
	  "  --unlink        take the name only: whoever has it open goes on\n" },
	{ "set", command_set, set_options, 1, 1,
	  "NAME [--capacity N] [--mode MODE] [--owner [USER][:GROUP]]",
	  "change a mailbox",
	  "  --capacity N    how many messages may rest: 0, a number, or unbounded\n"
	  "  --mode MODE     permission bits in octal: r receives, w sends\n"
	  "  --owner ...     the new owner and its group, by name or number\n" },
	{ "send", command_send, send_options, 0, 2,
	  "NAME|--pid PID [TEXT] [--priority N] [--nonblock|--sync] [--timeout S]",
	  "send a message to a mailbox or a process",
	  "The message is TEXT, or else the whole of standard input.\n"
	  "\n"
	  "  --pid PID       to the inbox of that process\n"
	  "  --priority N    0 (the default) to 31, which is received first\n"
	  "  --nonblock      give up at once where it would wait\n"
	  "  --sync          wait until it is received\n"
	  "  --timeout S     give up after so many seconds\n" },
	{ "recv", command_recv, recv_options, 1, 1,
	  "NAME [--count N|--follow] [--nonblock|--timeout S] [--info|--raw]",
	  "receive messages from a mailbox and write them",
	  "  --count N       how many (1)\n"
	  "  --follow        without end\n"
	  "  --nonblock      give up at once where it would wait\n"
	  "  --timeout S     give up after waiting so many seconds for a message\n"
	  "  --info          begin with its id, sender's pid and uid, priority and size\n"
	  "  --raw           do not end each message with a newline\n" },
	{ "key", command_key, no_options, 1, 1, "PID",
	  "show the process key of a process, which is never used again", "" },
};

static void show_commands(FILE *file)
{
	size_t i;

	fputs("usage: msgpass COMMAND [ARGUMENT...]\n"
	      "\n"
	      "Message passing between processes.\n"
	      "\n", file);
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(file, "  %-8s %s\n", commands[i].name, commands[i].summary);
	fputs("\n"
	      "msgpass help COMMAND tells more, msgpass --version the version.\n"
	      "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 would block or timed out.\n",
	      file);
}

static void show_synopsis(FILE *file, const struct command *command)
{
	fprintf(file, "usage: msgpass %s%s%s\n", command->name,
		*command->synopsis ? " " : "", command->synopsis);
}

static int show_help(const struct command *command)
{
	show_synopsis(stdout, command);
	printf("\n%c%s.\n", command->summary[0] - 'a' + 'A', command->summary + 1);
	if (*command->details)
		printf("\n%s", command->details);
	return EXIT_SUCCESS;
}

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	warnx("no such command: '%s' (see msgpass --help)", name);
	return NULL;
}

static bool is_complete(const struct command *command,
			const struct arguments *arguments)
{
	int count = arguments->operands_count;

	if (count < command->operands_min) {
		warnx("%s: something is missing", command->name);
		return false;
	}
	if (command->operands_max >= 0 && count > command->operands_max) {
		warnx("%s: '%s' is too much", command->name,
		      arguments->operands[command->operands_max]);
		return false;
	}
	return true;
}

static int run_command(const struct command *command, int argc, char **argv)
{
	struct arguments arguments = {
		.capacity	= 10,
		.mode		= 0600,
		.count		= 1,
	};
	int code = EXIT_USAGE;

	/* What getopt complains of is said by msgpass. */
	argv[0] = program_invocation_short_name;
	if (parse_arguments(argc, argv, command->options, &arguments)) {
		if (is_given(&arguments, OPTION_HELP))
			return show_help(command);
		if (is_complete(command, &arguments))
			code = command->run(&arguments);
	}
	if (code == EXIT_USAGE)
		show_synopsis(stderr, command);
	return code;
}

static int run_help(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2) {
		show_commands(stdout);
		return EXIT_SUCCESS;
	}
	command = find_command(argv[1]);
	return command ? show_help(command) : EXIT_USAGE;
}

static int run_tool(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2) {
		show_commands(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))
		return run_help(argc - 1, argv + 1);
	if (!strcmp(argv[1], "--version")) {
		puts("msgpass " VERSION);
		return EXIT_SUCCESS;
	}
	command = find_command(argv[1]);
	return command ? run_command(command, argc - 1, argv + 1) : EXIT_USAGE;
}

int main(int argc, char **argv)
{
	int code = run_tool(argc, argv);

	return finish(true) == EXIT_SUCCESS || code ? code : EXIT_FAILURE;
}
