/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Group: a cgroup of a test's own, beside all others of the hierarchy (cgroup v2).
 *
 * A test makes it, has children join it, and ends it when they are gone. It may
 * freeze them, and limit and read what memory they have.
 */
#ifndef SELFTESTS_GROUP_H
#define SELFTESTS_GROUP_H

#include "util.h"

/**
 * struct group - a cgroup, whose files are read and written by name
 * @path: its folder; empty where there is no group
 */
struct group {
	char path[256];
};

/* Return false where there is no cgroup v2 to write to. */
bool make_group(struct group *group, const char *label);
/* Thaw it, and remove it when all who joined are gone; whether that could be done. */
bool end_group(const struct group *group);
/* In a child. */
void join_group(const struct group *group);

/* Return 0 or -1. */
int write_group(const struct group *group, const char *file, const char *text);
/* The number that follows @key there, or the only one if there is no key; -1 if none. */
long read_group(const struct group *group, const char *file, const char *key);
/* Poll it until it is that; false if it is not so after 20 s. */
bool until_group(const struct group *group, const char *file, const char *key, long value);

/* Freeze it and see that it is; or thaw it. */
bool set_frozen(const struct group *group, bool frozen);

/* As much, or what a machine with little memory has left: an eighth of it. */
long at_most(long bytes);
/* Return 0, or -1 where there is no memory controller. */
int limit_memory(const struct group *group, long bytes);

#endif /* SELFTESTS_GROUP_H */
