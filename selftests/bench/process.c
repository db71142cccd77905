// SPDX-License-Identifier: GPL-2.0-only
/*
 * The processes of an item, and the limits that are raised for it.
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

static int ready[2] = { -1, -1 };

void *share_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	MUST(memory != MAP_FAILED);
	return memory;
}

pid_t start_process(unsigned int cpu, void (*run)(void *argument), void *argument)
{
	pid_t parent = getpid(), pid;

	if (ready[0] < 0)
		MUST(!pipe(ready));
	fflush(stdout);
	pid = fork();
	MUST(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	pin(cpu);
	run(argument);
	_exit(0);
}

void say_ready(void)
{
	MUST(write(ready[1], "", 1) == 1);
}

/* A process that died says nothing more: die with it. */
void await_ready(void)
{
	struct pollfd poll_ready = { .fd = ready[0], .events = POLLIN };
	char byte;

	while (!poll(&poll_ready, 1, 100))
		if (waitpid(-1, NULL, WNOHANG) > 0)
			die("a process of the item died");
	MUST(read(ready[0], &byte, 1) == 1);
}

void end_process(pid_t pid)
{
	MUST(!kill(pid, SIGKILL));
	MUST(waitpid(pid, NULL, 0) == pid);
}

/* What is to be put back, by the process that started the item. */
static struct limits {
	unsigned int count;
	struct limit {
		char path[64];
		char value[32];
	} limit[16];
} *limits;

static bool read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	if (got <= 0)
		return false;
	text[got] = '\0';
	return true;
}

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return written;
}

void init_limits(void)
{
	limits = share_memory(sizeof(*limits));
}

bool raise_limit(const char *path, unsigned long limit)
{
	struct limit *old = &limits->limit[limits->count];
	char text[32];

	if (!read_text(path, text, sizeof(text)))
		return false;
	if (strtoul(text, NULL, 10) >= limit)
		return true;
	MUST(limits->count < ARRAY_LEN(limits->limit));
	snprintf(old->path, sizeof(old->path), "%s", path);
	memcpy(old->value, text, sizeof(text));
	snprintf(text, sizeof(text), "%lu", limit);
	limits->count++;
	return write_text(path, text);
}

void restore_limits(void)
{
	while (limits->count) {
		const struct limit *old = &limits->limit[--limits->count];

		if (!write_text(old->path, old->value))
			fprintf(stderr, "bench: %s cannot be put back\n", old->path);
	}
}

void raise_resources(void)
{
	const struct rlimit files = { .rlim_cur = 65536, .rlim_max = 65536 };
	const struct rlimit endless = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };

	setrlimit(RLIMIT_NOFILE, &files);
	setrlimit(RLIMIT_MSGQUEUE, &endless);
}
