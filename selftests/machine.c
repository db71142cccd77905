// SPDX-License-Identifier: GPL-2.0-only
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include "util.h"

unsigned long read_limit(const char *name)
{
	unsigned long limit = 0;
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/kernel/msgpass/%s", name);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%lu", &limit) != 1)
		limit = 0;
	if (file)
		fclose(file);
	return limit;
}

bool write_limit(const char *name, unsigned long limit)
{
	char path[128];
	bool success;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/kernel/msgpass/%s", name);
	file = fopen(path, "we");
	if (!file)
		return false;
	success = fprintf(file, "%lu\n", limit) > 0;
	return !fclose(file) && success;
}

pid_t start_guard(void (*undo)(void))
{
	pid_t parent = getpid(), pid;
	sigset_t end, before;
	int signal;

	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	/* Before the fork: it is not to be told before it can hear it. */
	sigprocmask(SIG_BLOCK, &end, &before);
	pid = fork();
	if (!pid) {
		/* Whoever kills the test with its process group means not us. */
		setsid();
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() == parent)
			sigwait(&end, &signal);
		undo();
		_exit(0);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

int end_guard(pid_t guard)
{
	kill(guard, SIGTERM);
	return wait_child(guard);
}

static const char *const limits[] = {
	"message_size_max", "inbox_capacity", "user_bytes_max", "user_messages_max",
	"user_mailboxes_max", "kept_bytes_max",
};

static unsigned long limits_before[ARRAY_LEN(limits)];

static void put_limits_back(void)
{
	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		if (read_limit(limits[i]) != limits_before[i])
			write_limit(limits[i], limits_before[i]);
}

pid_t guard_limits(void)
{
	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		limits_before[i] = read_limit(limits[i]);
	return start_guard(put_limits_back);
}

bool pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return !sched_setaffinity(0, sizeof(set), &set);
}

uint64_t cpu_time(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return time.tv_sec * SECOND + time.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

uint64_t median_of(uint64_t *times, size_t count)
{
	qsort(times, count, sizeof(*times), compare);
	return times[count / 2];
}
