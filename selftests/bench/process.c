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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

/* By which those say that they are ready who were started here, and this process itself. */
static int ready[2] = { -1, -1 };
static int starter = -1;

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
	close(ready[0]);
	starter = ready[1];
	ready[0] = -1;
	pin(cpu);
	run(argument);
	_exit(0);
}

void say_ready(void)
{
	MUST(write(starter, "", 1) == 1);
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
		char path[96];
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

static void remember(const char *path, const char *value)
{
	struct limit *limit = &limits->limit[limits->count];

	MUST(limits->count < ARRAY_LEN(limits->limit));
	snprintf(limit->path, sizeof(limit->path), "%s", path);
	snprintf(limit->value, sizeof(limit->value), "%s", value);
	limits->count++;
}

bool change_file(const char *path, const char *now, const char *later)
{
	if (!write_text(path, now))
		return false;
	if (later)
		remember(path, later);
	return true;
}

bool file_says(const char *path, const char *word)
{
	char text[256];

	return read_text(path, text, sizeof(text)) && strstr(text, word);
}

bool make_folder(const char *path)
{
	if (mkdir(path, 0755))
		return false;
	remember(path, "");
	return true;
}

bool raise_limit(const char *path, unsigned long limit)
{
	char old[32], new[32];

	if (!read_text(path, old, sizeof(old)))
		return false;
	if (strtoul(old, NULL, 10) >= limit)
		return true;
	snprintf(new, sizeof(new), "%lu", limit);
	return change_file(path, new, old);
}

static bool restore(const struct limit *limit)
{
	return *limit->value ? write_text(limit->path, limit->value) : !rmdir(limit->path);
}

void restore_limits(void)
{
	while (limits->count) {
		const struct limit *limit = &limits->limit[--limits->count];

		if (!restore(limit))
			fprintf(stderr, "bench: %s cannot be put back: %s\n", limit->path,
				strerror(errno));
	}
}

void raise_resources(void)
{
	const struct rlimit files = { .rlim_cur = 65536, .rlim_max = 65536 };
	const struct rlimit endless = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };

	setrlimit(RLIMIT_NOFILE, &files);
	setrlimit(RLIMIT_MSGQUEUE, &endless);
}
