// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fuzz.h"

/* Who waits for longer gets a signal. */
#define PATIENCE	(60 * MILLISECOND)

__thread struct thread *self;
static struct thread threads[THREADS];

static void do_nothing(int signal)
{
	(void)signal;
}

/* Memory that is not there is expected where it is touched with care, nowhere else. */
static void on_fault(int number)
{
	if (self && __atomic_load_n(&self->guarded, __ATOMIC_RELAXED))
		siglongjmp(self->jump, 1);
	signal(number, SIG_DFL);
}

static void handle_signals(void)
{
	struct sigaction plain = { .sa_handler = do_nothing };
	struct sigaction restart = { .sa_handler = do_nothing, .sa_flags = SA_RESTART };
	struct sigaction fault = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };

	sigaction(SIGUSR1, &plain, NULL);
	sigaction(SIGUSR2, &restart, NULL);
	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGBUS, &fault, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGALRM, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
}

void run_sequence(struct sequence *sequence)
{
	struct thread_state *state = self->state;

	kcov_reset(self);
	for (unsigned int i = 0; i < sequence->count; i++) {
		state->op = sequence->ops[i];
		__atomic_store_n(&state->since, now(), __ATOMIC_RELEASE);
		act(&sequence->ops[i]);
		__atomic_store_n(&state->since, 0, __ATOMIC_RELEASE);
	}
	__atomic_add_fetch(&board->sequences, 1, __ATOMIC_RELAXED);
	if (kcov_collect(self))
		corpus_keep(self, sequence);
}

static void *run_thread(void *argument)
{
	self = argument;
	kcov_enable(self);
	__atomic_store_n(&self->state->tid, gettid(), __ATOMIC_RELEASE);
	for (;;) {
		corpus_next(self, &self->sequence);
		run_sequence(&self->sequence);
	}
	return NULL;
}

/* Half of the workers are another user; coverage and page faults were asked for before. */
static void take_user(struct stream *chance)
{
	if (geteuid() || stream_below(chance, 2))
		return;
	if (setgroups(0, NULL) || setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))
		_exit(1);
}

static void interrupt_waiters(struct stream *chance)
{
	struct worker_state *worker = &board->workers[self->worker];
	struct thread_state *state;
	uint64_t since;

	for (unsigned int i = 0; i < THREADS; i++) {
		state = &worker->threads[i];
		since = __atomic_load_n(&state->since, __ATOMIC_ACQUIRE);
		if (since && state->tid && since + PATIENCE < now())
			syscall(SYS_tgkill, getpid(), state->tid,
				stream_below(chance, 3) ? SIGUSR1 : SIGUSR2);
	}
}

static noreturn void disturb(struct stream *chance)
{
	/* Most are killed before; this is for an end of its own will. */
	uint64_t end = now() + SECOND + stream_below(chance, 4) * SECOND;

	while (now() < end) {
		memory_answer(chance, 10);
		interrupt_waiters(chance);
		for (unsigned int i = stream_below(chance, 4); i; i--)
			memory_trick(&threads[stream_below(chance, THREADS)].memory, chance);
	}
	_exit(0);
}

static bool prepare_thread(unsigned int worker, unsigned int number)
{
	struct thread *thread = &threads[number];
	struct worker_state *state = &board->workers[worker];

	thread->worker = worker;
	thread->number = number;
	thread->chance = stream_of(board->seed, worker, state->generation, number);
	thread->state = &state->threads[number];
	thread->state->tid = 0;
	thread->state->since = 0;
	if (board->guided)
		kcov_open(thread);
	return memory_open(&thread->memory);
}

void work(unsigned int worker)
{
	const struct rlimit descriptors = { DESCRIPTORS, DESCRIPTORS };
	struct stream chance = stream_of(board->seed, worker, board->workers[worker].generation,
					 THREADS);
	struct thread disturber = { .worker = worker, .number = THREADS };
	int fd;

	self = &disturber;
	handle_signals();
	setrlimit(RLIMIT_NOFILE, &descriptors);
	memory_begin();
	for (unsigned int i = 0; i < THREADS; i++)
		if (!prepare_thread(worker, i))
			_exit(1);
	take_user(&chance);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != board->watcher)
		_exit(1);
	fd = open(MSGPASS_DEVICE, O_RDWR | O_CLOEXEC);
	put_in_slot(fd, 0, SLOT_DEVICE);
	dup2(SLOT_FD, SLOT_FD + 1);
	slot_kinds[1] = SLOT_DEVICE;
	for (unsigned int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i].pthread, NULL, run_thread, &threads[i]))
			_exit(1);
	disturb(&chance);
}
