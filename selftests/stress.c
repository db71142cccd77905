// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once, with books (P1, P2, P4): all modes of sending and receiving
 * at mailboxes of all kinds, while processes are killed and interrupted and
 * mailboxes deleted and made again. What is proven, and how, is in books.h.
 *
 * It goes on for MSGPASS_STRESS_SECONDS (120), in rounds, each with new books.
 * Chance is MSGPASS_STRESS_SEED, which is printed; the scheduler adds its own.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "books.h"
#include "crowd.h"
#include "util.h"

#include <kselftest_harness.h>

#define WORKERS		(SENDERS + RECEIVERS)
#define ROUND		(6 * SECOND)
#define PATIENCE	(60 * SECOND)
#define HOUR		3600

/* What happens besides messages: up to which of a hundred chances each does. */
struct weather {
	unsigned int kills, deletions, signals, capacities;
};

static struct books *books;
static pid_t workers[WORKERS];
static int mailboxes[SHARED];

static void count_signal(int signal)
{
	(void)signal;
	ADD(books->signals, 1);
}

static void spawn(unsigned int worker)
{
	uint64_t seed = some_seed();
	pid_t pid = fork_child();

	if (!pid) {
		setpriority(PRIO_PROCESS, 0, 0);
		if (worker < SENDERS)
			keep_sending(worker, seed);
		keep_receiving(worker - SENDERS, seed);
	}
	workers[worker] = pid;
	if (worker < SENDERS)
		books->sender_pid[worker] = pid;
}

/* A worker is dead: write down what it left. */
static void bury(unsigned int worker)
{
	unsigned int receiver = worker - SENDERS, owner = receiver - SHARED * READERS;

	workers[worker] = 0;
	if (worker < SENDERS) {
		books->senders_killed++;
		return;
	}
	if (receiver >= SHARED * READERS) {
		withdraw_target(SHARED + owner);
		withdraw_target(SHARED + OWNERS + owner);
	}
	books_bury(books, &books->slots[receiver]);
}

static void kill_worker(unsigned int worker)
{
	int status;

	if (!workers[worker] || (worker >= SENDERS && (worker - SENDERS) / READERS == CALM))
		return;
	kill(workers[worker], SIGKILL);
	status = wait_child(workers[worker]);
	if (!status && worker < SENDERS) {
		workers[worker] = 0;	/* its pages were full */
		return;
	}
	if (status != -SIGKILL)
		books_fault(books, WORKER);
	bury(worker);
	spawn(worker);
}

static void create_shared(unsigned int target)
{
	unsigned int capacity = target == ZERO ? 0 : target == CALM ? 1 : some_capacity();
	uint32_t place = books_place(books, capacity, READERS);

	mailboxes[target] = create(target, place, capacity);
	if (mailboxes[target] < 0)
		books_fault(books, WORKER);
	publish(target, place, 0, 0);
}

static void delete_shared(unsigned int target)
{
	withdraw_target(target);
	if (delete_mailbox(mailboxes[target]))
		books_fault(books, WORKER);
	close(mailboxes[target]);
	books->deletions++;
	create_shared(target);
}

static void interrupt_worker(unsigned int worker)
{
	if (workers[worker])
		kill(workers[worker], chance(2) ? SIGUSR1 : SIGUSR2);
}

static void disturb(const struct weather *weather)
{
	unsigned int event = chance(100), target = chance(SHARED);

	inspect(mailboxes[target]);
	if (event < weather->kills)
		kill_worker(chance(WORKERS));
	else if (event < weather->deletions)
		delete_shared(CALM + 1 + chance(SHARED - CALM - 1));
	else if (event < weather->signals)
		interrupt_worker(chance(WORKERS));
	else if (event < weather->capacities && target != ZERO)
		change_capacity(mailboxes[target], books->targets[target].place);
}

static void pause_shortly(void)
{
	const struct timespec moment = { .tv_nsec = chance(2 * MILLISECOND) };

	nanosleep(&moment, NULL);
}

/* Wait for the end of workers, who are to end by themselves or, nudged, by a signal. */
static void await_workers(unsigned int first, unsigned int last, bool nudge)
{
	uint64_t limit = msgpass_deadline(PATIENCE);

	for (unsigned int i = first; i < last; i++) {
		int status = 0;
		pid_t pid = 0;

		if (!workers[i])
			continue;
		while (!pid && msgpass_deadline(0) < limit) {
			if (nudge)
				kill(workers[i], SIGUSR2);
			pid = waitpid(workers[i], &status, WNOHANG);
			if (!pid)
				pause_shortly();
		}
		if (pid == workers[i] && !status) {
			workers[i] = 0;
			continue;
		}
		books_fault(books, pid ? WORKER : NOT_RELEASED);
		printf("# worker %u: %s, status %#x\n", i, pid ? "ended" : "is stuck", status);
		kill(workers[i], SIGKILL);
		if (!pid)
			wait_child(workers[i]);
		bury(i);
	}
}

static bool pages_are_full(void)
{
	unsigned int used = 0;

	for (unsigned int i = 0; i < SENDERS; i++)
		used += books->used[i];
	return used > SENDERS * ENTRIES / 4 * 3 || books->places_used > PLACES - 2 * WORKERS;
}

/*
 * Whoever waits to send at the end is released by the receivers, whoever waits to
 * receive by what is still there; only after that by a signal.
 */
static void end_round(void)
{
	unsigned int i;

	STORE(books->stop, 1);
	await_workers(0, SENDERS, false);
	for (i = 0; i < SHARED; i++)
		if (!until_messages(mailboxes[i], 0))
			books_fault(books, NOT_RELEASED);
	STORE(books->stop, 2);
	await_workers(SENDERS, WORKERS, true);
	for (i = 0; i < SHARED; i++) {
		books->places[books->targets[i].place].stat = stat_of(mailboxes[i]);
		delete_mailbox(mailboxes[i]);
		close(mailboxes[i]);
	}
}

static void run_round(const struct weather *weather, uint64_t until)
{
	unsigned int i;

	books_begin(books);
	for (i = 0; i < SHARED; i++)
		create_shared(i);
	for (i = WORKERS; i--;)
		spawn(i);
	while (msgpass_deadline(0) < until && !pages_are_full()) {
		disturb(weather);
		pause_shortly();
	}
	end_round();
	books_audit(books);
}

FIXTURE(stress)
{
	uint64_t seconds;
};

FIXTURE_SETUP(stress)
{
	const char *seconds = getenv("MSGPASS_STRESS_SECONDS");
	const char *given = getenv("MSGPASS_STRESS_SEED");
	struct sigaction action = { .sa_handler = count_signal };
	uint64_t seed;

	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	/* Mailboxes end with the last process of their namespace, whatever happens. */
	unshare(CLONE_NEWIPC);
	self->seconds = seconds ? strtoull(seconds, NULL, 0) : 120;
	seed = given ? strtoull(given, NULL, 0) : msgpass_deadline(0) % 1000000;
	printf("# MSGPASS_STRESS_SEED=%llu\n", (unsigned long long)seed);
	device = open_device();
	ASSERT_LE(0, device);
	books = books_open();
	ASSERT_NE(NULL, books);
	crowd_begin(books, seed);
	/* Who disturbs must come to it in the crowd; without the right it goes, too. */
	setpriority(PRIO_PROCESS, 0, -10);
	sigaction(SIGUSR2, &action, NULL);
	action.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &action, NULL);
}

FIXTURE_TEARDOWN(stress)
{
	close(device);
}

static unsigned int run(const struct weather *weather, uint64_t time)
{
	uint64_t end = msgpass_deadline(time), until;
	unsigned int rounds = 0;

	do {
		until = msgpass_deadline(ROUND);
		run_round(weather, until < end ? until : end);
		rounds++;
	} while (msgpass_deadline(0) < end);
	printf("# %u rounds\n", rounds);
	return books_close(books);
}

/* Nothing is in doubt here: the kernel's counts are the books' exactly. */
TEST_F_TIMEOUT(stress, P4_20_when_nobody_dies_the_books_are_exact, HOUR)
{
	const struct weather weather = { .capacities = 50 };

	EXPECT_EQ(0, run(&weather, self->seconds * SECOND / 4));
}

TEST_F_TIMEOUT(stress, P2_20_signals_and_deletions_do_not_blur_the_books, HOUR)
{
	const struct weather weather = { .deletions = 20, .signals = 80, .capacities = 90 };

	EXPECT_EQ(0, run(&weather, self->seconds * SECOND / 4));
}

TEST_F_TIMEOUT(stress, P1_20_whoever_is_killed_every_message_is_accounted_for, HOUR)
{
	const struct weather weather = {
		.kills = 40, .deletions = 50, .signals = 80, .capacities = 90
	};

	EXPECT_EQ(0, run(&weather, self->seconds * SECOND / 2));
}

TEST_HARNESS_MAIN
