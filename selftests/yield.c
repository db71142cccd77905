// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two that talk on one CPU. Who waits lets the other run instead of going to sleep
 * (module/wait.c). But not where somebody counts on being woken: with a deadline, or with
 * real-time priority; and seldom at a mailbox where it was in vain (P4). And who is
 * alone on its CPU looks for a moment before it sleeps, where the administrator wants that.
 *
 * Whether it pays is the scheduler's affair, and what it costs beside a third task, too: that is
 * not tested, but counted by the benchmark (pingpong, pingpong-busy).
 */
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "util.h"

#include <kselftest_harness.h>

/* Each by a mailbox of its own, where nothing has paid or not paid before. */
#define TRIPS		200
/* Whatever the machine. With real-time priority nobody else runs here meanwhile. */
#define TIME		(10 * SECOND)
#define SHORT_TIME	(200 * MILLISECOND)

/* The first of the two, and the second. */
enum { ASKER, ANSWERER, TALKERS };

/**
 * struct talk - how the two talk, and what became of it
 * @patience: to the deadline of each receive, 0 for none
 * @slow: the second sleeps before it answers, which makes a yield vain; always by the
 *	same mailbox
 * @policy: of the scheduler
 * @forth: to the second
 * @back: to the first, one for each trip
 * @trips: how often both have had a message of the other
 * @slept: how often each gave up its CPU of its own will
 * @preempted: how often it did not; a yield counts as that
 */
struct talk {
	uint64_t patience;
	bool slow;
	int policy[TALKERS];
	int forth, back[TRIPS];
	unsigned int trips;
	long slept[TALKERS], preempted[TALKERS];
};

FIXTURE(yield)
{
	int device;
	struct talk *talk;
};

FIXTURE_SETUP(yield)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	self->device = open_device();
	ASSERT_LE(0, self->device);
	self->talk = share_memory(sizeof(*self->talk));
	self->talk->forth = create_unnamed(self->device, 1, 64, 0600);
	ASSERT_LE(0, self->talk->forth);
	for (unsigned int i = 0; i < TRIPS; i++) {
		self->talk->back[i] = create_unnamed(self->device, 1, 64, 0600);
		ASSERT_LE(0, self->talk->back[i]);
	}
}

FIXTURE_TEARDOWN(yield)
{
	for (unsigned int i = 0; i < TRIPS; i++)
		close(self->talk->back[i]);
	close(self->talk->forth);
	close(self->device);
}

/* The next message. */
static int receive(const struct talk *talk, int mailbox)
{
	char text[8];
	struct msgpass_receive receive = {
		.buffer = (uintptr_t)text,
		.buffer_size = sizeof(text),
		.deadline = talk->patience ? msgpass_deadline(talk->patience) : 0,
	};
	int err = receive_full(mailbox, &receive);

	return err ? err : (int)receive.size;
}

static int back_of(const struct talk *talk, unsigned int trip)
{
	return talk->back[talk->slow ? 0 : trip];
}

/* Until an empty message. */
static void ask(struct talk *talk)
{
	uint64_t limit = msgpass_deadline(talk->policy[ASKER] == SCHED_FIFO ? SHORT_TIME : TIME);

	for (; talk->trips < TRIPS && msgpass_deadline(0) < limit; talk->trips++) {
		MUST(!send_flags(talk->forth, "ping", 4, 0));
		MUST(receive(talk, back_of(talk, talk->trips)) == 4);
	}
	MUST(!send_flags(talk->forth, "", 0, 0));
}

static void answer(const struct talk *talk)
{
	int size;

	for (unsigned int i = 0; (size = receive(talk, talk->forth)) > 0; i++) {
		if (talk->slow)
			pause_ms();
		MUST(!send_flags(back_of(talk, i), "pong", 4, 0));
	}
	MUST(!size);
}

static pid_t fork_talker(struct talk *talk, unsigned int which)
{
	int policy = talk->policy[which];
	const struct sched_param param = { .sched_priority = policy == SCHED_FIFO };
	struct rusage before, after;
	pid_t pid = fork_child();

	if (pid)
		return pid;
	MUST(pin(0));
	MUST(!sched_setscheduler(0, policy, &param));
	getrusage(RUSAGE_SELF, &before);
	if (which == ASKER)
		ask(talk);
	else
		answer(talk);
	getrusage(RUSAGE_SELF, &after);
	talk->slept[which] = after.ru_nvcsw - before.ru_nvcsw;
	talk->preempted[which] = after.ru_nivcsw - before.ru_nivcsw;
	_exit(0);
}

/* The second is there, and waits, before the first begins. */
static void run_talk(struct __test_metadata *_metadata, struct talk *talk)
{
	pid_t second = fork_talker(talk, ANSWERER), first;
	int ended;

	EXPECT_TRUE(until_receivers_wait(talk->forth, 1));
	first = fork_talker(talk, ASKER);
	ended = wait_child(first);
	EXPECT_EQ(0, ended);
	if (ended)
		kill(second, SIGKILL);
	EXPECT_EQ(ended ? -SIGKILL : 0, wait_child(second));
	EXPECT_LT(0, talk->trips);
	TH_LOG("%u trips; slept %ld and %ld times, preempted %ld and %ld", talk->trips,
	       talk->slept[ASKER], talk->slept[ANSWERER], talk->preempted[ASKER],
	       talk->preempted[ANSWERER]);
}

/*
 * The second, when it is woken, does not preempt the first. So the first finds its answer
 * only after a wait, in which the second runs; the clock may preempt it before, now and then.
 */
TEST_F(yield, P4_170_who_has_a_deadline_sleeps_at_once)
{
	self->talk->patience = 1000 * SECOND;
	self->talk->policy[ANSWERER] = SCHED_BATCH;
	run_talk(_metadata, self->talk);
	EXPECT_LE(self->talk->trips * 3 / 4, self->talk->slept[ASKER]);
}

/* Equals do not preempt each other: both sleep in each trip. */
TEST_F(yield, P4_171_who_has_real_time_priority_sleeps_at_once)
{
	const struct sched_param fifo = { .sched_priority = 1 }, other = { };

	if (sched_setscheduler(0, SCHED_FIFO, &fifo))
		SKIP(return, "needs the right to real-time priority");
	ASSERT_EQ(0, sched_setscheduler(0, SCHED_OTHER, &other));
	self->talk->policy[ASKER] = SCHED_FIFO;
	self->talk->policy[ANSWERER] = SCHED_FIFO;
	run_talk(_metadata, self->talk);
	EXPECT_LE(self->talk->trips * 3 / 2,
		  self->talk->slept[ASKER] + self->talk->slept[ANSWERER]);
}

/* A yield counts as a preemption; who was away for long by it does without for a second. */
TEST_F(yield, P4_172_who_yielded_in_vain_sleeps_at_once_for_a_while)
{
	self->talk->slow = true;
	self->talk->policy[ANSWERER] = SCHED_BATCH;
	run_talk(_metadata, self->talk);
	EXPECT_GE(self->talk->trips / 5, self->talk->preempted[ASKER]);
}

#define SPIN_US		1000	/* as long as it may be */
#define SPIN		(SPIN_US * 1000ULL)
#define WAITS		21

/* What a wait in vain takes of the CPU, in ns, the median: each at another mailbox, or at one. */
static uint64_t cost_of_wait(const struct talk *talk, bool at_one)
{
	uint64_t costs[WAITS];

	for (unsigned int i = 0; i < WAITS; i++) {
		struct msgpass_receive receive = { .deadline = msgpass_deadline(10 * SPIN) };
		uint64_t start = cpu_time();

		if (receive_full(at_one ? talk->forth : talk->back[i], &receive) != -ETIMEDOUT)
			return 0;
		costs[i] = cpu_time() - start;
	}
	return median_of(costs, WAITS);
}

/* Once in vain it is not tried the next time, then not for three, and for seven. */
TEST_F(yield, P4_190_who_is_alone_spins_where_that_is_wanted_and_seldom_in_vain)
{
	uint64_t without, with, seldom;
	pid_t guard;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two processors");
	ASSERT_TRUE(pin(1));
	EXPECT_EQ(0, read_limit("spin_us"));
	without = cost_of_wait(self->talk, false);
	guard = guard_limits();
	ASSERT_LT(0, guard);
	ASSERT_TRUE(write_limit("spin_us", SPIN_US));
	EXPECT_FALSE(write_limit("spin_us", SPIN_US + 1));
	with = cost_of_wait(self->talk, false);
	seldom = cost_of_wait(self->talk, true);
	EXPECT_EQ(0, end_guard(guard));
	TH_LOG("%llu ns without, %llu with, %llu where it is known to be in vain",
	       (unsigned long long)without, (unsigned long long)with, (unsigned long long)seldom);
	ASSERT_LT(0, seldom);
	if (without > SPIN / 2)
		SKIP(return, "the machine is so slow that a wait takes longer than to spin");
	EXPECT_LT(SPIN * 3 / 4, with);
	EXPECT_GT(SPIN * 3 / 4, seldom);
}

TEST_HARNESS_MAIN
