/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * msgpass, the tool. Each command is a function of its parsed arguments, which
 * returns the exit code and has told on stderr what failed.
 */
#ifndef TOOL_H
#define TOOL_H

#include <getopt.h>
#include <sys/types.h>

#include <msgpass.h>

#include "../examples/common.h"

/* One more exit code: it would block, or timed out. */
#define EXIT_WAIT	3

/* Room for the text of a mailbox's name, and of its owner. */
#define NAME_TEXT	(4 * MSGPASS_NAME_MAX + 1)
#define OWNER_TEXT	64

/* The options of all commands. */
enum option_number {
	OPTION_HELP = 1,
	OPTION_CAPACITY,
	OPTION_SIZE_MAX,
	OPTION_FIXED,
	OPTION_MODE,
	OPTION_OWNER,
	OPTION_UNLINK,
	OPTION_PID,
	OPTION_PRIORITY,
	OPTION_NONBLOCK,
	OPTION_SYNC,
	OPTION_TIMEOUT,
	OPTION_COUNT,
	OPTION_FOLLOW,
	OPTION_INFO,
	OPTION_RAW,
};

/**
 * struct arguments - what the user wants of a command
 * @given: the options, a bit each: see is_given()
 * @capacity: value of --capacity, and so on
 * @timeout: in nanoseconds
 * @set_ids: MSGPASS_SET_UID and MSGPASS_SET_GID: what --owner names
 * @operands: what is no option, ended by NULL
 */
struct arguments {
	unsigned int given;
	unsigned int capacity;
	unsigned int size_max;
	unsigned int mode;
	unsigned int set_ids;
	uid_t uid;
	gid_t gid;
	unsigned int pid;
	unsigned int priority;
	unsigned int count;
	uint64_t timeout;
	char **operands;
	int operands_count;
};

static inline bool is_given(const struct arguments *arguments,
			    enum option_number option)
{
	return arguments->given >> option & 1;
}

/* Fill @arguments, which hold the defaults; false: a usage error. */
bool parse_arguments(int argc, char **argv, const struct option *options,
		     struct arguments *arguments);
bool parse_pid(const char *what, const char *text, unsigned int *pid);

/* Complain and return the exit code that errno calls for. */
int failure(const char *what);
int mailbox_failure(const char *name);
int process_failure(unsigned int pid);
int device_failure(void);
/* The same where a mailbox was to be found: is there the device at all? */
int open_failure(const char *name);

/* As msgpass_open(), but what fails has been told, with its exit code. */
struct msgpass *open_mailbox(const char *name, unsigned int access, int *code);
/* To look at it, with whatever access works; errno is left to the caller. */
struct msgpass *open_to_look(const char *name);

/* What is odd in a name is written as \xHH: it may come from anybody. */
const char *name_text(const char *name, char text[NAME_TEXT]);
const char *user_text(uid_t uid, char text[OWNER_TEXT]);
/* "pid 12", or the user's name or number. */
const char *owner_text(const struct msgpass_stat *stat, char text[OWNER_TEXT]);

/* The deadline for the kernel; 0: none. */
uint64_t deadline_of(const struct arguments *arguments);

bool module_is_loaded(void);

int command_load(const struct arguments *arguments);
int command_unload(const struct arguments *arguments);
int command_status(const struct arguments *arguments);
int command_ls(const struct arguments *arguments);
int command_ps(const struct arguments *arguments);
int command_links(const struct arguments *arguments);
int command_stat(const struct arguments *arguments);
int command_create(const struct arguments *arguments);
int command_rm(const struct arguments *arguments);
int command_set(const struct arguments *arguments);
int command_send(const struct arguments *arguments);
int command_recv(const struct arguments *arguments);
int command_key(const struct arguments *arguments);

#endif /* TOOL_H */
