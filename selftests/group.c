// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "group.h"

int write_group(const struct group *group, const char *file, const char *text)
{
	char path[320];
	ssize_t written;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", group->path, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	written = fd < 0 ? -1 : write(fd, text, strlen(text));
	if (fd >= 0)
		close(fd);
	return written < 0 ? -1 : 0;
}

long read_group(const struct group *group, const char *file, const char *key)
{
	char path[320], text[1024] = "", *at = text;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", group->path, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	while (key && at && (strncmp(at, key, strlen(key)) || at[strlen(key)] != ' ')) {
		at = strchr(at, '\n');
		at += !!at;
	}
	return at && *at ? atol(at + (key ? strlen(key) : 0)) : -1;
}

bool make_group(struct group *group, const char *label)
{
	char line[512], mount[128], type[32];
	struct group top = { .path = "" };
	char name[MAILBOX_NAME_SIZE];
	FILE *mounts = fopen("/proc/self/mounts", "re");

	while (mounts && !top.path[0] && fgets(line, sizeof(line), mounts))
		if (sscanf(line, "%*s %127s %31s", mount, type) == 2 &&
		    !strcmp(type, "cgroup2"))
			snprintf(top.path, sizeof(top.path), "%s", mount);
	if (mounts)
		fclose(mounts);
	group->path[0] = '\0';
	if (!top.path[0])
		return false;
	/* Where this is refused there is no memory controller: for the test to see. */
	write_group(&top, "cgroup.subtree_control", "+memory");
	name_mailbox(name, label);
	snprintf(group->path, sizeof(group->path), "%s/%s", mount, name);
	if (!mkdir(group->path, 0755))
		return true;
	group->path[0] = '\0';
	return false;
}

bool end_group(const struct group *group)
{
	if (!group->path[0])
		return true;
	write_group(group, "cgroup.freeze", "0");
	until_group(group, "cgroup.events", "populated", 0);
	return !rmdir(group->path);
}

void join_group(const struct group *group)
{
	MUST(!write_group(group, "cgroup.procs", "0"));
}

bool until_group(const struct group *group, const char *file, const char *key, long value)
{
	return UNTIL(read_group(group, file, key) == value);
}

bool set_frozen(const struct group *group, bool frozen)
{
	return !write_group(group, "cgroup.freeze", frozen ? "1" : "0") &&
	       until_group(group, "cgroup.events", "frozen", frozen);
}

long at_most(long bytes)
{
	long eighth = sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) / 8;

	return bytes < eighth ? bytes : eighth;
}

int limit_memory(const struct group *group, long bytes)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld", bytes);
	return write_group(group, "memory.max", text);
}
