// SPDX-License-Identifier: GPL-2.0-only
/*
 * A storm of signals and deadlines on everybody who waits (P2, P6): each wait is
 * hit again and again, just when others make it end, until there were thousands.
 *
 * Each place (a mailbox, or an inbox that a process addresses by itself) has
 * senders and receivers, half of them with signals that restart their calls, half
 * with such that do not. The books are exact:
 *
 *	a send that succeeded	was received once
 *	a send that failed	was received by nobody
 *	EINTR			only to whom a signal came in that call, and that
 *				does not restart it
 *	ETIMEDOUT		only with a deadline, and not before it
 */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "util.h"

#include <kselftest_harness.h>

#define PLACES		4
#define EACH		4	/* senders, and as many receivers, of each place */
#define TASKS		(PLACES * EACH * 2)
#define PAGES		65536	/* what a sender may note */

/* It goes on until so many calls ended so, but not for ever on a slow machine. */
#define THOUSANDS	3000
#define ENOUGH		(10 * SECOND)
#define STUCK		(60 * SECOND)

struct place {
	int fd;
	bool is_inbox;
};

/* What a call may come to. */
enum outcome { SUCCESS, INTERRUPTED, TIMED_OUT, WRONG, OUTCOMES };

struct storm_task {
	pthread_t thread;
	const struct place *place;
	unsigned int number, sender;
	pid_t tid;
	bool sends, restarts, done;
	unsigned int dice;
	uint64_t outcomes[OUTCOMES];
	int wrong;			/* the first wrong result */
};

/* Of the storm: @mark tells what a sender knows of each message. */
static struct {
	struct place places[PLACES];
	struct storm_task tasks[TASKS];
	bool deadlines;
	unsigned int stop;	/* 1: no more sends; 2: no more receives */
	uint32_t signals, interrupted, timed_out;
	enum { UNSENT, SENT, FAILED } mark[PLACES * EACH][PAGES];
	uint32_t receipts[PLACES * EACH][PAGES];
	uint32_t used[PLACES * EACH], unknown;
} storm;

static __thread sig_atomic_t came;

static void note_signal(int signal)
{
	(void)signal;
	STORE(came, came + 1);
}

static uint64_t near_deadline(struct storm_task *task)
{
	if (!storm.deadlines || rand_r(&task->dice) % 2)
		return 0;
	return msgpass_deadline(rand_r(&task->dice) % (MILLISECOND / 2));
}

/* Note what a call came to, which began before @signals of them. */
static void note(struct storm_task *task, int err, sig_atomic_t signals, uint64_t deadline)
{
	bool restarts = task->restarts && LOAD(storm.stop) < 2;
	enum outcome outcome = WRONG;

	if (!err)
		outcome = SUCCESS;
	else if (err == -EINTR && LOAD(came) != signals && !restarts)
		outcome = INTERRUPTED;
	else if (err == -ETIMEDOUT && deadline && msgpass_deadline(0) >= deadline)
		outcome = TIMED_OUT;
	if (outcome == WRONG && !task->outcomes[WRONG])
		task->wrong = err;
	task->outcomes[outcome]++;
	if (outcome == INTERRUPTED)
		ADD(storm.interrupted, 1);
	else if (outcome == TIMED_OUT)
		ADD(storm.timed_out, 1);
}

/* Both sides are late by turns, so that most of the time somebody waits for them. */
static void dawdle(struct storm_task *task)
{
	if (rand_r(&task->dice) % 2)
		usleep(rand_r(&task->dice) % 1000);
}

static void send_next(struct storm_task *task)
{
	uint32_t serial = task->sender * PAGES + storm.used[task->sender]++;
	struct msgpass_send send = {
		.flags = rand_r(&task->dice) % 2 ? MSGPASS_SYNC : 0,
		.priority = rand_r(&task->dice) % 2,
		.data = (uintptr_t)&serial,
		.size = sizeof(serial),
		.to = task->place->is_inbox ? getpid() : 0,
		.deadline = near_deadline(task),
	};
	sig_atomic_t signals = LOAD(came);
	int err = send_full(task->place->fd, &send);

	note(task, err, signals, send.deadline);
	storm.mark[task->sender][serial % PAGES] = err ? FAILED : SENT;
}

static void receive_next(struct storm_task *task)
{
	uint32_t serial = UINT32_MAX;
	struct msgpass_receive receive = {
		.buffer = (uintptr_t)&serial,
		.buffer_size = sizeof(serial),
		/* The one sender of an inbox may be named, or not. */
		.from = task->place->is_inbox && task->number % 2 ? getpid() : 0,
		.deadline = near_deadline(task),
	};
	sig_atomic_t signals = LOAD(came);
	int err = receive_full(task->place->fd, &receive);

	note(task, err, signals, receive.deadline);
	if (err)
		return;
	if (receive.size == sizeof(serial) && serial / PAGES < PLACES * EACH)
		ADD(storm.receipts[serial / PAGES][serial % PAGES], 1);
	else
		ADD(storm.unknown, 1);
}

static void *run_task(void *argument)
{
	struct storm_task *task = argument;

	prctl(PR_SET_TIMERSLACK, 1);
	STORE(task->tid, gettid());
	if (task->sends) {
		for (; !LOAD(storm.stop) && storm.used[task->sender] < PAGES; dawdle(task))
			send_next(task);
	} else {
		for (; LOAD(storm.stop) < 2; dawdle(task))
			receive_next(task);
	}
	STORE(task->done, true);
	return NULL;
}

static void start_tasks(void)
{
	for (unsigned int i = 0; i < TASKS; i++) {
		struct storm_task *task = &storm.tasks[i];

		*task = (struct storm_task){
			.place = &storm.places[i / 2 % PLACES],
			.sends = i % 2,
			.number = i / 2 / PLACES,
			.sender = i / 2,
			.restarts = i / 2 / PLACES % 4 < 2,
			.dice = i + 1,
		};
		if (pthread_create(&task->thread, NULL, run_task, task))
			abort();
		while (!LOAD(task->tid))
			sched_yield();
	}
}

static void hit(struct storm_task *task)
{
	/* SIGUSR1 restarts. To the others both may come: one of them does not. */
	int signal = task->restarts ? SIGUSR1 : SIGUSR2;

	ADD(storm.signals, !syscall(SYS_tgkill, getpid(), task->tid, signal));
}

/* Nudged, those of a kind come to their end. */
static bool await_tasks(bool sends, bool nudge)
{
	bool all = true;

	for (unsigned int i = 0; i < TASKS; i++) {
		struct storm_task *task = &storm.tasks[i];

		if (task->sends != sends || LOAD(task->done))
			continue;
		all = false;
		/* In the end all must be told, so nothing restarts. */
		if (nudge)
			syscall(SYS_tgkill, getpid(), task->tid, SIGUSR2);
	}
	return all;
}

static unsigned int messages_left(void)
{
	unsigned int left = 0;

	for (unsigned int i = 0; i < PLACES; i++)
		left += stat_of(storm.places[i].fd).messages;
	return left;
}

/* Return whether everybody has come to an end, and everything been received. */
static bool end_storm(void)
{
	bool ended;

	STORE(storm.stop, 1);
	ended = WITHIN(STUCK, await_tasks(true, false)) &&
		WITHIN(STUCK, !messages_left());
	STORE(storm.stop, 2);
	ended = ended && WITHIN(STUCK, await_tasks(false, true));
	/* Who is stuck in a call is no reason to be stuck as well. */
	for (unsigned int i = 0; ended && i < TASKS; i++)
		pthread_join(storm.tasks[i].thread, NULL);
	return ended;
}

/* How many entries are not what they must be. */
static unsigned int audit(void)
{
	unsigned int faults = 0;

	for (unsigned int sender = 0; sender < PLACES * EACH; sender++)
		for (uint32_t i = 0; i < PAGES; i++)
			faults += storm.receipts[sender][i] !=
				  (storm.mark[sender][i] == SENT);
	return faults;
}

static void rage(bool signals, unsigned int seed)
{
	uint64_t limit = msgpass_deadline(ENOUGH);

	do {
		for (unsigned int i = 0; signals && i < 8; i++)
			hit(&storm.tasks[rand_r(&seed) % TASKS]);
		usleep(100);
	} while (msgpass_deadline(0) < limit &&
		 ((signals && LOAD(storm.interrupted) < THOUSANDS) ||
		  (storm.deadlines && LOAD(storm.timed_out) < THOUSANDS)));
}

FIXTURE(storm)
{
	int device;
};

FIXTURE_SETUP(storm)
{
	static const unsigned int capacities[] = { 0, 1, 5 };
	struct sigaction action = { .sa_handler = note_signal };
	struct msgpass_set set = { .flags = MSGPASS_SET_CAPACITY, .capacity = 1 };

	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	self->device = open_device();
	ASSERT_LE(0, self->device);
	for (unsigned int i = 0; i < ARRAY_LEN(capacities); i++) {
		storm.places[i].fd = create_unnamed(self->device, capacities[i], 64, 0600);
		ASSERT_LE(0, storm.places[i].fd);
	}
	storm.places[PLACES - 1] = (struct place){ .fd = self->device, .is_inbox = true };
	ASSERT_EQ(0, set_mailbox(self->device, &set));
	sigaction(SIGUSR2, &action, NULL);
	action.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &action, NULL);
}

FIXTURE_TEARDOWN(storm)
{
	for (unsigned int i = 0; i < PLACES; i++)
		close(storm.places[i].fd);
}

static unsigned int run(struct __test_metadata *_metadata, bool signals, bool deadlines)
{
	uint64_t sums[OUTCOMES] = { }, received = 0, count = 0;
	uint32_t interrupted, timed_out;
	bool ended;

	storm.deadlines = deadlines;
	start_tasks();
	/* Only this thread, which must come to it among them; without the right it goes, too. */
	setpriority(PRIO_PROCESS, 0, -10);
	rage(signals, 1);
	interrupted = LOAD(storm.interrupted);
	timed_out = LOAD(storm.timed_out);
	ended = end_storm();
	EXPECT_TRUE(ended);
	for (unsigned int i = 0; i < TASKS; i++) {
		struct storm_task *task = &storm.tasks[i];

		for (unsigned int j = 0; j < OUTCOMES; j++)
			sums[j] += task->outcomes[j];
		received += task->sends ? 0 : task->outcomes[SUCCESS];
		EXPECT_EQ(0, task->outcomes[WRONG]) {
			TH_LOG("task %u, %s%s, got %d", i, task->sends ? "sends" : "receives",
			       task->restarts ? " and restarts" : "", task->wrong);
		}
	}
	TH_LOG("%u signals; %llu calls succeeded, %llu were interrupted, %llu timed out",
	       storm.signals, (unsigned long long)sums[SUCCESS],
	       (unsigned long long)sums[INTERRUPTED], (unsigned long long)sums[TIMED_OUT]);
	EXPECT_EQ(0, storm.unknown);
	EXPECT_EQ(signals, interrupted > 0);
	EXPECT_EQ(deadlines, timed_out > 0);
	for (unsigned int i = 0; i < PLACES; i++) {
		struct msgpass_stat stat = stat_of(storm.places[i].fd);

		EXPECT_EQ(0, stat.senders_waiting);
		EXPECT_EQ(0, stat.receivers_waiting);
		EXPECT_EQ(0, stat.messages);
		EXPECT_EQ(0, stat.bytes);
		count += stat.received_messages;
	}
	EXPECT_EQ(count, received);
	return audit();
}

TEST_F_TIMEOUT(storm, P6_80_thousands_of_signals_end_waits_or_leave_them_alone, SLOW)
{
	EXPECT_EQ(0, run(_metadata, true, false));
}

TEST_F_TIMEOUT(storm, P2_80_thousands_of_deadlines_lose_and_double_nothing, SLOW)
{
	EXPECT_EQ(0, run(_metadata, false, true));
}

TEST_F_TIMEOUT(storm, P2_81_nor_do_signals_and_deadlines_at_once, SLOW)
{
	EXPECT_EQ(0, run(_metadata, true, true));
}

TEST_HARNESS_MAIN
