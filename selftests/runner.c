// SPDX-License-Identifier: GPL-2.0-only
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "runner.h"

static void *run(void *argument)
{
	struct runner *runner = argument;

	STORE(runner->tid, gettid());
	for (;;) {
		while (sem_wait(&runner->go))
			;
		if (runner->quit)
			return NULL;
		runner->result = runner->call(runner);
		STORE(runner->done, true);
		sem_post(&runner->over);
	}
}

void go(struct runner *runner)
{
	runner->done = false;
	sem_post(&runner->go);
}

bool is_done(struct runner *runner)
{
	return LOAD(runner->done);
}

bool finished(struct runner *runner)
{
	uint64_t limit = msgpass_deadline(PATIENCE);
	const struct timespec time = { limit / SECOND, limit % SECOND };

	return !sem_clockwait(&runner->over, CLOCK_MONOTONIC, &time);
}

void runner_start(struct runner *runner, int (*call)(struct runner *runner), int fd)
{
	runner->call = call;
	runner->fd = fd;
	runner->buffer = &runner->value;
	sem_init(&runner->go, 0, 0);
	sem_init(&runner->over, 0, 0);
	if (pthread_create(&runner->thread, NULL, run, runner))
		abort();
	(void)SOON(LOAD(runner->tid) != 0);
}

void runner_stop(struct runner *runner)
{
	runner->quit = true;
	sem_post(&runner->go);
	pthread_join(runner->thread, NULL);
}

static uint64_t deadline_of(const struct runner *runner)
{
	return runner->delay ? msgpass_deadline(runner->delay) : 0;
}

int call_receive(struct runner *runner)
{
	struct msgpass_receive receive = {
		.flags = runner->flags,
		.buffer = (uintptr_t)runner->buffer,
		.buffer_size = sizeof(runner->value),
		.deadline = deadline_of(runner),
	};

	return receive_full(runner->fd, &receive);
}

int call_send(struct runner *runner)
{
	struct msgpass_send send = {
		.flags = runner->flags,
		.data = (uintptr_t)&runner->value,
		.size = sizeof(runner->value),
		.deadline = deadline_of(runner),
	};

	return send_full(runner->fd, &send);
}

int call_poll(struct runner *runner)
{
	struct pollfd pollfd = { .fd = runner->fd, .events = POLLIN };

	return poll(&pollfd, 1, -1) == 1 ? pollfd.revents : -errno;
}

int call_stat(struct runner *runner)
{
	struct msgpass_stat stat = { };

	return msgpass_raw_stat(runner->fd, &stat) ? -errno : 0;
}
