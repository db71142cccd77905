// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define SECONDS_MAX	1000000000
#define NSEC_PER_SEC	1000000000

static bool parse_mode(const char *text, unsigned int *mode)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 8);
	if (!isdigit((unsigned char)*text) || *end || errno || value & ~0666UL) {
		warnx("--mode '%s': not octal, or more than r and w", text);
		return false;
	}
	*mode = value;
	return true;
}

static bool parse_timeout(const char *text, uint64_t *timeout)
{
	double seconds;
	char *end;

	seconds = strtod(text, &end);
	if (!*text || text[strspn(text, "0123456789.")] || *end ||
	    seconds > SECONDS_MAX) {
		warnx("--timeout '%s': not a number of seconds up to %d", text,
		      SECONDS_MAX);
		return false;
	}
	*timeout = seconds * NSEC_PER_SEC;
	return true;
}

bool parse_pid(const char *what, const char *text, unsigned int *pid)
{
	return get_number(what, text, 1, INT_MAX, pid);
}

/* The highest number stands for none in the kernel. */
static bool parse_user(const char *text, uid_t *uid)
{
	struct passwd *entry = getpwnam(text);

	if (entry) {
		*uid = entry->pw_uid;
		return true;
	}
	if (isdigit((unsigned char)*text))
		return get_number("--owner", text, 0, UINT_MAX - 1, uid);
	warnx("no such user: '%s'", text);
	return false;
}

static bool parse_group(const char *text, gid_t *gid)
{
	struct group *entry = getgrnam(text);

	if (entry) {
		*gid = entry->gr_gid;
		return true;
	}
	if (isdigit((unsigned char)*text))
		return get_number("--owner", text, 0, UINT_MAX - 1, gid);
	warnx("no such group: '%s'", text);
	return false;
}

static bool parse_owner(char *text, struct arguments *arguments)
{
	char *group = strchr(text, ':');

	if (group)
		*group++ = '\0';
	if (*text) {
		if (!parse_user(text, &arguments->uid))
			return false;
		arguments->set_ids |= MSGPASS_SET_UID;
	}
	if (group && *group) {
		if (!parse_group(group, &arguments->gid))
			return false;
		arguments->set_ids |= MSGPASS_SET_GID;
	}
	if (!arguments->set_ids)
		warnx("--owner names nobody");
	return arguments->set_ids;
}

static bool parse_option(enum option_number option, char *value,
			 struct arguments *arguments)
{
	switch (option) {
	case OPTION_CAPACITY:
		return get_capacity(value, &arguments->capacity);
	case OPTION_SIZE_MAX:
		return get_number("--size-max", value, 1, UINT_MAX,
				  &arguments->size_max);
	case OPTION_MODE:
		return parse_mode(value, &arguments->mode);
	case OPTION_OWNER:
		return parse_owner(value, arguments);
	case OPTION_PID:
		return parse_pid("--pid", value, &arguments->pid);
	case OPTION_PRIORITY:
		return get_number("--priority", value, 0, MSGPASS_PRIORITY_MAX,
				  &arguments->priority);
	case OPTION_TIMEOUT:
		return parse_timeout(value, &arguments->timeout);
	case OPTION_COUNT:
		return get_number("--count", value, 0, UINT_MAX,
				  &arguments->count);
	default:
		return true;
	}
}

static const struct {
	const char *names;
	unsigned int options;
} conflicts[] = {
	{ "--nonblock and --sync", 1U << OPTION_NONBLOCK | 1U << OPTION_SYNC },
	{ "--nonblock and --timeout", 1U << OPTION_NONBLOCK | 1U << OPTION_TIMEOUT },
	{ "--count and --follow", 1U << OPTION_COUNT | 1U << OPTION_FOLLOW },
	{ "--info and --raw", 1U << OPTION_INFO | 1U << OPTION_RAW },
};

bool parse_arguments(int argc, char **argv, const struct option *options,
		     struct arguments *arguments)
{
	unsigned int both;
	int option;
	size_t i;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == '?' || !parse_option(option, optarg, arguments))
			return false;
		arguments->given |= 1U << option;
	}
	for (i = 0; i < ARRAY_SIZE(conflicts); i++) {
		both = conflicts[i].options;
		if ((arguments->given & both) == both) {
			warnx("%s do not go together", conflicts[i].names);
			return false;
		}
	}
	arguments->operands = argv + optind;
	arguments->operands_count = argc - optind;
	return true;
}

uint64_t deadline_of(const struct arguments *arguments)
{
	if (!is_given(arguments, OPTION_TIMEOUT))
		return 0;
	return msgpass_deadline(arguments->timeout);
}
