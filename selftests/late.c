// SPDX-License-Identifier: GPL-2.0-only
/*
 * Senders that were admitted while they waited, and are woken late: all they are told
 * is that they may return, and that they are told for certain (P1 to P4, P6, P7).
 *
 * A tick later at the latest they have been woken, and it may come at any moment of a
 * test. So what is done right after an admission is done in several rounds.
 */
#include <string.h>
#include <unistd.h>

#include "util.h"

#include <kselftest_harness.h>

/* Large enough for late wake-ups, the first of them when no more than half are left. */
#define CAPACITY	8
#define HALF		(CAPACITY / 2)
/* Those that one section of the kernel wakes, several times. */
#define CROWD		30
#define ROUNDS		30
#define ENOUGH		(3 * SECOND)

/* Senders at a mailbox. */
struct crew {
	int mailbox;
	struct task tasks[CROWD];
	unsigned int started, joined;
	uint64_t begin;
};

FIXTURE(late)
{
	char name[MAILBOX_NAME_SIZE];
	int device;
	struct crew crew;
};

FIXTURE_SETUP(late)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	name_mailbox(self->name, "m");
	self->device = open_device();
	ASSERT_LE(0, self->device);
	self->crew.mailbox = create_mailbox(self->device, self->name, CAPACITY, 64);
	ASSERT_LE(0, self->crew.mailbox);
	self->crew.begin = msgpass_deadline(0);
}

FIXTURE_TEARDOWN(late)
{
	delete_mailbox(self->crew.mailbox);
	while (self->crew.joined < self->crew.started)
		join(&self->crew.tasks[self->crew.joined++]);
	close(self->crew.mailbox);
	close(self->device);
}

/* Another round, as long as there is time. */
static bool again(struct crew *crew, int round)
{
	return !round || (round < ROUNDS && msgpass_deadline(0) < crew->begin + ENOUGH);
}

static bool fill(int mailbox)
{
	for (int i = 0; i < CAPACITY; i++)
		if (send_flags(mailbox, "old", 3, MSGPASS_NONBLOCK))
			return false;
	return true;
}

/* That many senders wait, in the order of their tasks, at a mailbox that is full. */
static bool start_senders(struct crew *crew, unsigned int count, uint64_t deadline)
{
	char text[16];

	crew->started = 0;
	crew->joined = 0;
	if (!fill(crew->mailbox))
		return false;
	for (unsigned int i = 0; i < count; i++) {
		struct task *task = &crew->tasks[i];

		snprintf(text, sizeof(text), "new%u", i);
		start_send(task, crew->mailbox, text, 0, deadline);
		crew->started++;
		if (!until_senders_wait(crew->mailbox, i + 1) ||
		    !until_asleep(getpid(), task->tid))
			return false;
	}
	return true;
}

/* Receive what was there before: as many senders are admitted. */
static bool admit(int mailbox, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (receive_flags(mailbox, NULL, 0, MSGPASS_NONBLOCK) != -EMSGSIZE ||
		    !next_is(mailbox, "old"))
			return false;
	return true;
}

/* The rest of them, in the order that they were sent. */
static bool drain(int mailbox, unsigned int old, unsigned int count)
{
	char text[16];

	for (unsigned int i = 0; i < old; i++)
		if (!next_is(mailbox, "old"))
			return false;
	for (unsigned int i = 0; i < count; i++) {
		snprintf(text, sizeof(text), "new%u", i);
		if (!next_is(mailbox, text))
			return false;
	}
	return receive_flags(mailbox, NULL, 0, MSGPASS_NONBLOCK) == -EAGAIN;
}

static bool returned(const struct task *task)
{
	return LOAD(task->result) != 1;
}

static unsigned int count_returned(const struct task *tasks, unsigned int count)
{
	unsigned int sum = 0;

	for (unsigned int i = 0; i < count; i++)
		sum += returned(&tasks[i]);
	return sum;
}

static bool all_return(struct crew *crew, unsigned int count)
{
	bool so = UNTIL(count_returned(crew->tasks, count) == count);

	for (unsigned int i = 0; so && i < count; i++)
		so = !crew->tasks[i].result;
	return so;
}

static void join_all(struct crew *crew)
{
	while (crew->joined < crew->started)
		join(&crew->tasks[crew->joined++]);
}

TEST_F(late, P4_150_who_was_admitted_returns_though_nobody_receives_again)
{
	ASSERT_TRUE(start_senders(&self->crew, 3, 0));
	ASSERT_TRUE(admit(self->crew.mailbox, 3));
	EXPECT_TRUE(all_return(&self->crew, 3));
	EXPECT_EQ(CAPACITY, stat_of(self->crew.mailbox).messages);
	EXPECT_EQ(CAPACITY + 3, stat_of(self->crew.mailbox).admitted_messages);
	join_all(&self->crew);
	EXPECT_TRUE(drain(self->crew.mailbox, CAPACITY - 3, 3));
}

TEST_F(late, P4_151_and_so_do_all_of_a_crowd)
{
	char text[16];

	ASSERT_TRUE(start_senders(&self->crew, CROWD, 0));
	/* Those that are admitted last keep it full. */
	ASSERT_TRUE(admit(self->crew.mailbox, CAPACITY));
	for (unsigned int i = 0; i < CROWD - CAPACITY; i++)
		ASSERT_LT(0, receive_flags(self->crew.mailbox, text, sizeof(text), 0));
	EXPECT_TRUE(all_return(&self->crew, CROWD));
	EXPECT_EQ(CAPACITY, stat_of(self->crew.mailbox).messages);
	join_all(&self->crew);
}

TEST_F(late, P2_150_a_signal_after_admission_is_no_failure)
{
	for (int round = 0; again(&self->crew, round); round++) {
		ASSERT_TRUE(start_senders(&self->crew, 2, 0));
		ASSERT_TRUE(admit(self->crew.mailbox, 1));
		interrupt(&self->crew.tasks[0], false);
		/* Not admitted: the one is withdrawn, the other stays. */
		interrupt(&self->crew.tasks[1], false);
		join_all(&self->crew);
		EXPECT_EQ(0, self->crew.tasks[0].result);
		EXPECT_EQ(-EINTR, self->crew.tasks[1].result);
		ASSERT_TRUE(drain(self->crew.mailbox, CAPACITY - 1, 1));
	}
}

TEST_F(late, P2_151_nor_is_a_deadline)
{
	for (int round = 0; again(&self->crew, round); round++) {
		uint64_t deadline = msgpass_deadline(50 * MILLISECOND);
		bool there;

		ASSERT_TRUE(fill(self->crew.mailbox));
		start_send(&self->crew.tasks[0], self->crew.mailbox, "new0", 0, deadline);
		self->crew.started = 1;
		self->crew.joined = 0;
		/* About when it passes. */
		while (msgpass_deadline(0) + (round % 8) * MILLISECOND / 2 < deadline)
			;
		ASSERT_TRUE(admit(self->crew.mailbox, 1));
		join_all(&self->crew);
		there = stat_of(self->crew.mailbox).messages == CAPACITY;
		EXPECT_EQ(there ? 0 : -ETIMEDOUT, self->crew.tasks[0].result);
		ASSERT_TRUE(drain(self->crew.mailbox, CAPACITY - 1, there));
	}
}

TEST_F(late, P7_150_a_deletion_tells_those_who_were_admitted_that_they_were)
{
	char name[MAILBOX_NAME_SIZE];

	for (int round = 0; again(&self->crew, round); round++) {
		ASSERT_TRUE(start_senders(&self->crew, 5, 0));
		ASSERT_TRUE(admit(self->crew.mailbox, 3));
		ASSERT_EQ(0, delete_mailbox(self->crew.mailbox));
		join_all(&self->crew);
		for (int i = 0; i < 5; i++)
			EXPECT_EQ(i < 3 ? 0 : -EIDRM, self->crew.tasks[i].result);
		close(self->crew.mailbox);
		name_mailbox(name, "m");
		self->crew.mailbox = create_mailbox(self->device, name, CAPACITY, 64);
		ASSERT_LE(0, self->crew.mailbox);
	}
}

/* Nobody is asleep that was admitted before somebody who has returned. */
static bool in_order(struct crew *crew)
{
	for (unsigned int i = 1; i < crew->started; i++) {
		if (!returned(&crew->tasks[i]))
			continue;
		for (unsigned int j = 0; j < i; j++)
			if (!returned(&crew->tasks[j]) &&
			    state_of(getpid(), crew->tasks[j].tid) == 'S' &&
			    !returned(&crew->tasks[j]))
				return false;
	}
	return true;
}

TEST_F(late, P3_150_they_are_woken_first_come_first)
{
	for (int round = 0; again(&self->crew, round); round++) {
		ASSERT_TRUE(start_senders(&self->crew, 3, 0));
		ASSERT_TRUE(admit(self->crew.mailbox, CAPACITY - HALF + 3));
		EXPECT_TRUE(UNTIL(count_returned(self->crew.tasks, 3)));
		do {
			ASSERT_TRUE(in_order(&self->crew));
		} while (count_returned(self->crew.tasks, 3) < 3);
		join_all(&self->crew);
		ASSERT_TRUE(drain(self->crew.mailbox, HALF - 3, 3));
	}
}

TEST_F(late, P6_150_they_return_long_before_a_deadline_that_is_far)
{
	uint64_t deadline = msgpass_deadline(20 * SECOND);

	ASSERT_TRUE(start_senders(&self->crew, 3, deadline));
	ASSERT_TRUE(admit(self->crew.mailbox, 3));
	EXPECT_TRUE(all_return(&self->crew, 3));
	join_all(&self->crew);
	EXPECT_GT(deadline, msgpass_deadline(0));
}

TEST_HARNESS_MAIN
