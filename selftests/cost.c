// SPDX-License-Identifier: GPL-2.0-only
/*
 * Constant cost (P11): what a call costs when much is queued, or much is there.
 *
 * Times of an emulated, shared machine are noisy, and noise only adds: compared
 * is the best of many tries. A search among the thousands of others would cost
 * tens of times more, so a generous factor tells it apart.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "util.h"

#include <kselftest_harness.h>

#define TRIES		200
#define FACTOR		6
#define MANY_MESSAGES	100000
#define MANY_MAILBOXES	1000
#define MANY_STUCK	2500

FIXTURE(cost)
{
	char name[MAILBOX_NAME_SIZE];
	int device, mailbox;
};

FIXTURE_SETUP(cost)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	name_mailbox(self->name, "m");
	self->device = open_device();
	ASSERT_LE(0, self->device);
	self->mailbox = create_mailbox(self->device, self->name, MSGPASS_UNBOUNDED, 64);
	ASSERT_LE(0, self->mailbox);
}

FIXTURE_TEARDOWN(cost)
{
	delete_mailbox(self->mailbox);
	close(self->mailbox);
	close(self->device);
}

/* In ns. */
struct cost {
	uint64_t send, receive;
};

static void improve(uint64_t *best, uint64_t start)
{
	uint64_t took = msgpass_deadline(0) - start;

	if (took < *best)
		*best = took;
}

/* The best of a send and of a receive; all zero if one of them failed. */
static struct cost measure(int fd)
{
	struct cost best = { .send = ~0ULL, .receive = ~0ULL };
	char text[8];

	for (int i = 0; i < TRIES; i++) {
		uint64_t start = msgpass_deadline(0);

		if (send_flags(fd, "payload", 7, MSGPASS_NONBLOCK))
			return (struct cost){ };
		improve(&best.send, start);
		start = msgpass_deadline(0);
		if (receive_flags(fd, text, sizeof(text), MSGPASS_NONBLOCK) != 7)
			return (struct cost){ };
		improve(&best.receive, start);
	}
	return best;
}

#define EXPECT_ALIKE(_alone, _crowded) do {					\
	struct cost _a = _alone, _c = _crowded;					\
										\
	TH_LOG("send %llu, receive %llu ns; then %llu and %llu",		\
	       (unsigned long long)_a.send, (unsigned long long)_a.receive,	\
	       (unsigned long long)_c.send, (unsigned long long)_c.receive);	\
	EXPECT_NE(0, _a.send);							\
	EXPECT_NE(0, _c.send);							\
	EXPECT_GT(FACTOR * _a.send, _c.send);					\
	EXPECT_GT(FACTOR * _a.receive, _c.receive);				\
} while (0)

TEST_F_TIMEOUT(cost, P11_2_it_does_not_matter_how_much_is_queued, SLOW)
{
	struct cost alone = measure(self->mailbox), behind;

	for (int i = 0; i < MANY_MESSAGES; i++)
		ASSERT_EQ(0, send_flags(self->mailbox, "payload", 7, MSGPASS_NONBLOCK));
	behind = measure(self->mailbox);
	EXPECT_ALIKE(alone, behind);
	EXPECT_EQ(MANY_MESSAGES, stat_of(self->mailbox).messages);
}

TEST_F_TIMEOUT(cost, P11_3_nor_how_many_mailboxes_there_are, SLOW)
{
	struct cost alone = measure(self->mailbox), among;
	char name[MAILBOX_NAME_SIZE];
	int made, fd;

	for (made = 0; made < MANY_MAILBOXES; made++) {
		snprintf(name, sizeof(name), "%.40s-%d", self->name, made);
		fd = create_mailbox(self->device, name, 1, 64);
		EXPECT_LE(0, fd);
		if (fd < 0)
			break;
		/* Each of them is in use. */
		EXPECT_EQ(0, send_text(fd, "x"));
		close(fd);
	}
	among = measure(self->mailbox);
	EXPECT_ALIKE(alone, among);
	while (made--) {
		snprintf(name, sizeof(name), "%.40s-%d", self->name, made);
		EXPECT_EQ(0, unlink_mailbox(self->device, name));
	}
}

TEST_F_TIMEOUT(cost, P11_4_nor_how_many_wait_elsewhere, SLOW)
{
	struct cost alone = measure(self->mailbox), among;
	struct task tasks[64];
	int other;

	other = create_unnamed(self->device, 1, 64, 0600);
	ASSERT_LE(0, other);
	for (size_t i = 0; i < ARRAY_LEN(tasks); i++) {
		start_receive(&tasks[i], other, 0);
		ASSERT_TRUE(until_receivers_wait(other, i + 1));
	}
	among = measure(self->mailbox);
	EXPECT_ALIKE(alone, among);
	EXPECT_EQ(0, delete_mailbox(other));
	for (size_t i = 0; i < ARRAY_LEN(tasks); i++)
		EXPECT_EQ(-EIDRM, join(&tasks[i]));
	close(other);
}

static struct cost measure_priority(int fd)
{
	struct cost best = { .send = ~0ULL, .receive = ~0ULL };
	char text[8];

	for (int i = 0; i < TRIES; i++) {
		uint64_t start = msgpass_deadline(0);

		if (send_priority(fd, "high", MSGPASS_PRIORITY_MAX))
			return (struct cost){ };
		improve(&best.send, start);
		start = msgpass_deadline(0);
		if (receive_flags(fd, text, sizeof(text), MSGPASS_NONBLOCK) != 4)
			return (struct cost){ };
		improve(&best.receive, start);
	}
	return best;
}

TEST_F_TIMEOUT(cost, P11_5_nor_how_many_of_lower_priority_are_passed_by, SLOW)
{
	struct cost alone = measure_priority(self->mailbox), behind;

	for (int i = 0; i < MANY_MESSAGES / 5; i++)
		ASSERT_EQ(0, send_priority(self->mailbox, "low", i % MSGPASS_PRIORITY_MAX));
	behind = measure_priority(self->mailbox);
	EXPECT_ALIKE(alone, behind);
}

/* Each has claimed a message, and copies it for ever. */
TEST_F_TIMEOUT(cost, P11_190_nor_how_many_receivers_are_stuck, SLOW)
{
	struct cost alone = measure(self->mailbox), behind;
	struct task *tasks = calloc(MANY_STUCK, sizeof(*tasks));
	struct stall stall;

	ASSERT_TRUE(tasks);
	if (!stall_open(&stall))
		SKIP(return, "needs userfaultfd, and the right to use it");
	for (int i = 0; i < MANY_STUCK; i++) {
		ASSERT_EQ(0, send_text(self->mailbox, "x"));
		start_stalled(&tasks[i], self->mailbox, &stall, 0);
		ASSERT_TRUE(stall_hit(&stall));
	}
	behind = measure(self->mailbox);
	EXPECT_ALIKE(alone, behind);
	EXPECT_EQ(MANY_STUCK, stat_of(self->mailbox).messages);
	stall_resolve(&stall);
	for (int i = 0; i < MANY_STUCK; i++)
		EXPECT_EQ(0, join(&tasks[i]));
	stall_close(&stall);
	free(tasks);
}

TEST_HARNESS_MAIN
