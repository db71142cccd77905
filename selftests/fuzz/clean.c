// SPDX-License-Identifier: GPL-2.0-only
/* After the last worker: what they left, and what was done. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fuzz.h"

static bool delete(int device, const char *name)
{
	struct msgpass_open open = { .name = (uintptr_t)name };
	struct msgpass_delete delete = { };
	int fd = ioctl(device, MSGPASS_IOC_OPEN, &open);
	bool deleted;

	if (fd < 0)
		return false;
	deleted = !ioctl(fd, MSGPASS_IOC_DELETE, &delete);
	close(fd);
	return deleted;
}

/* In a namespace that others use, only names that begin as the fuzzer's do are. */
static bool is_fuzzers(const char *name)
{
	char prefix[32];

	snprintf(prefix, sizeof(prefix), "fuzz-%d-", board->watcher);
	return board->alone || !strncmp(name, prefix, strlen(prefix));
}

/* Every mailbox of the fuzzer's; return how many are left. */
static unsigned int delete_all(int device)
{
	char name[MSGPASS_NAME_MAX + 1] = "";
	struct msgpass_next next = { .name = (uintptr_t)name };
	unsigned int left = 0;

	while (!ioctl(device, MSGPASS_IOC_NEXT, &next)) {
		if (!is_fuzzers(name) || delete(device, name))
			continue;
		left++;
		finding("cannot delete the mailbox %.40s: %s", name, strerror(errno));
	}
	if (errno != ENOENT)
		finding("the list of mailboxes ends with %s", strerror(errno));
	return left;
}

static bool is_any_listed(int device)
{
	char name[MSGPASS_NAME_MAX + 1] = "";
	struct msgpass_next next = { .name = (uintptr_t)name };

	while (!ioctl(device, MSGPASS_IOC_NEXT, &next))
		if (is_fuzzers(name))
			return true;
	return false;
}

/* The dead are not listed, a moment after their end. Return one that is, or 0. */
static pid_t dead_process(int device)
{
	struct msgpass_next_process next = { };

	while (!ioctl(device, MSGPASS_IOC_NEXT_PROCESS, &next))
		if (next.pid && kill(next.pid, 0) && errno == ESRCH)
			return next.pid;
	return 0;
}

bool clean_up(void)
{
	int device = open(MSGPASS_DEVICE, O_RDWR | O_CLOEXEC);
	uint64_t limit = now() + DEATH;
	pid_t dead;

	if (device < 0) {
		finding("cannot open the device any more: %s", strerror(errno));
		return false;
	}
	if (delete_all(device))
		return false;
	if (is_any_listed(device)) {
		finding("a deleted mailbox is listed");
		return false;
	}
	while ((dead = dead_process(device)) && now() < limit)
		usleep(10000);
	if (dead)
		finding("process %d is listed, and is dead", dead);
	return !dead;
}

static void report_call(unsigned int number)
{
	const uint32_t *results = board->results[number];
	unsigned long long sum = 0;

	for (unsigned int i = 0; i < ERRNOS; i++)
		sum += results[i];
	printf("  %-12s %8llu calls, %8u succeeded;", calls[number].name, sum, results[0]);
	for (unsigned int i = 1; i < ERRNOS; i++)
		if (results[i])
			printf(" %s %u", strerrorname_np(i), results[i]);
	printf("\n");
}

void report(void)
{
	unsigned int succeeded = 0;

	for (unsigned int i = 0; i < CALLS; i++) {
		report_call(i);
		succeeded += board->results[i][0] > 0;
	}
	printf("ioctls that succeeded: %u of %d\n", succeeded, CALLS);
	printf("executions: %llu in %llu sequences\n", (unsigned long long)board->executions,
	       (unsigned long long)board->sequences);
	if (board->pc_count)
		printf("coverage: %u PCs\n", board->pc_count);
	else
		printf("coverage: not told by this kernel and module\n");
	printf("findings: %llu (seed %llu)\n", (unsigned long long)board->findings + board->unfound,
	       (unsigned long long)board->seed);
}
