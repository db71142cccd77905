/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runner: a thread that makes one call whenever it is told to. Unlike a struct
 * task (util.h) it stays, so that thousands of calls cost no more than they must.
 */
#ifndef SELFTESTS_RUNNER_H
#define SELFTESTS_RUNNER_H

#include <semaphore.h>
#include <unistd.h>

#include "util.h"

/* How long nobody waits who is not stuck. */
#define PATIENCE	(20 * SECOND)

/**
 * struct runner - a thread that calls
 * @go: posted to tell it to
 * @over: posted when it has
 * @call: what it does; its result is @result
 * @done: whether it has
 * @quit: whether to end instead
 * @delay: from the moment it runs to its deadline, if not 0
 * @value: what it sends, or has received
 */
struct runner {
	pthread_t thread;
	sem_t go, over;
	int (*call)(struct runner *runner);
	bool done, quit;
	pid_t tid;
	int fd;
	unsigned int flags;
	int64_t delay;
	uint64_t value;
	void *buffer;
	int result;
};

#define SOON(condition) ({						\
	uint64_t limit = msgpass_deadline(PATIENCE);			\
	bool so;							\
									\
	while (!(so = (condition)) && msgpass_deadline(0) < limit)	\
		usleep(1);						\
	so;								\
})

/* The thread starts; it makes its calls at @fd. */
void runner_start(struct runner *runner, int (*call)(struct runner *runner), int fd);
/* It ends, after the call that it is in. */
void runner_stop(struct runner *runner);

void go(struct runner *runner);
bool is_done(struct runner *runner);
/* Once for each go(). False: it is still waiting, for nothing. */
bool finished(struct runner *runner);

/* What it may call. */
int call_receive(struct runner *runner);
int call_send(struct runner *runner);
int call_poll(struct runner *runner);
int call_stat(struct runner *runner);

#endif /* SELFTESTS_RUNNER_H */
