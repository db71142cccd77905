// SPDX-License-Identifier: GPL-2.0-only
/*
 * Order (P3): real-time tasks are served before others, by their priority, wherever
 * they wait; and what several receivers give back stands as it stood.
 */
#include <sched.h>
#include <string.h>

#include "util.h"

#include <kselftest_harness.h>

#define WAITERS		5
#define STALLS		3

/* Their real-time priorities in the order they come, 0 for none; and who is served when. */
static const int priorities[WAITERS] = { 0, 10, 50, 10, 0 };
static const int turns[WAITERS] = { 2, 1, 3, 0, 4 };
static const char * const texts[WAITERS] = { "a", "b", "c", "d", "e" };

FIXTURE(order)
{
	char name[MAILBOX_NAME_SIZE];
	int device, mailbox;
	bool can_rank;
	struct task tasks[WAITERS];
	struct stall stalls[STALLS];
	unsigned int stalled;
};

static bool set_priority(int priority)
{
	const struct sched_param param = { .sched_priority = priority };

	return !sched_setscheduler(0, priority ? SCHED_FIFO : SCHED_OTHER, &param);
}

FIXTURE_SETUP(order)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	/* Mailboxes end with the last process of their namespace, whatever happens. */
	unshare(CLONE_NEWIPC);
	name_mailbox(self->name, "m");
	self->device = open_device();
	ASSERT_LE(0, self->device);
	self->mailbox = create_mailbox(self->device, self->name, 4, 64);
	ASSERT_LE(0, self->mailbox);
	self->can_rank = set_priority(1) && set_priority(0);
	while (self->stalled < STALLS && stall_open(&self->stalls[self->stalled]))
		self->stalled++;
}

FIXTURE_TEARDOWN(order)
{
	while (self->stalled)
		stall_close(&self->stalls[--self->stalled]);
	delete_mailbox(self->mailbox);
	close(self->mailbox);
	close(self->device);
}

#define NEEDS_RANK() do {							\
	if (!self->can_rank)							\
		SKIP(return, "needs the right to real-time priority");		\
} while (0)

/* The thread has the priority that its maker had; all it does is one call. */
static bool start_ranked(struct task *task, int priority)
{
	bool so = set_priority(priority);

	start(task);
	return set_priority(0) && so;
}

static void fill_receive(struct task *task, int fd, pid_t from)
{
	*task = (struct task){
		.fd = fd,
		.receives = true,
		.receive = {
			.buffer = (uintptr_t)task->text,
			.buffer_size = sizeof(task->text),
			.from = from,
		},
	};
}

static void fill_send(struct task *task, int fd, const char *text, pid_t to)
{
	*task = (struct task){
		.fd = fd,
		.send = {
			.data = (uintptr_t)text,
			.size = 1,
			.to = to,
		},
	};
}

TEST_F(order, P3_63_receivers_are_served_by_real_time_priority)
{
	NEEDS_RANK();
	for (int i = 0; i < WAITERS; i++) {
		fill_receive(&self->tasks[i], self->mailbox, 0);
		ASSERT_TRUE(start_ranked(&self->tasks[i], priorities[i]));
		ASSERT_TRUE(until_receivers_wait(self->mailbox, i + 1));
	}
	for (int i = 0; i < WAITERS; i++)
		ASSERT_EQ(0, send_text(self->mailbox, texts[i]));
	for (int i = 0; i < WAITERS; i++) {
		ASSERT_EQ(0, join(&self->tasks[turns[i]]));
		EXPECT_EQ(texts[i][0], self->tasks[turns[i]].text[0]);
	}
}

TEST_F(order, P3_64_and_so_are_those_that_wait_for_one_sender)
{
	NEEDS_RANK();
	for (int i = 0; i < WAITERS; i++) {
		fill_receive(&self->tasks[i], self->device, getpid());
		ASSERT_TRUE(start_ranked(&self->tasks[i], priorities[i]));
		ASSERT_TRUE(until_receivers_wait(self->device, i + 1));
	}
	for (int i = 0; i < WAITERS; i++)
		ASSERT_EQ(0, send_text_to(self->device, getpid(), texts[i]));
	for (int i = 0; i < WAITERS; i++) {
		ASSERT_EQ(0, join(&self->tasks[turns[i]]));
		EXPECT_EQ(texts[i][0], self->tasks[turns[i]].text[0]);
	}
}

TEST_F(order, P3_65_among_both_kinds_the_priority_counts)
{
	static const int ranks[] = { 0, 10, 50 };
	static const int first[] = { 2, 1, 0 };

	NEEDS_RANK();
	/* Any sender's, one sender's, any sender's. */
	for (int i = 0; i < 3; i++) {
		fill_receive(&self->tasks[i], self->device, i == 1 ? getpid() : 0);
		ASSERT_TRUE(start_ranked(&self->tasks[i], ranks[i]));
		ASSERT_TRUE(until_receivers_wait(self->device, i + 1));
	}
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, send_text_to(self->device, getpid(), texts[i]));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, join(&self->tasks[first[i]]));
		EXPECT_EQ(texts[i][0], self->tasks[first[i]].text[0]);
	}
}

TEST_F(order, P3_66_senders_are_admitted_by_real_time_priority)
{
	NEEDS_RANK();
	ASSERT_EQ(0, set_capacity(self->mailbox, 1));
	ASSERT_EQ(0, send_text(self->mailbox, "first"));
	for (int i = 0; i < WAITERS; i++) {
		fill_send(&self->tasks[i], self->mailbox, texts[i], 0);
		ASSERT_TRUE(start_ranked(&self->tasks[i], priorities[i]));
		ASSERT_TRUE(until_senders_wait(self->mailbox, i + 1));
	}
	EXPECT_TRUE(next_is(self->mailbox, "first"));
	for (int i = 0; i < WAITERS; i++) {
		EXPECT_EQ(0, join(&self->tasks[turns[i]]));
		EXPECT_TRUE(next_is(self->mailbox, texts[turns[i]]));
	}
}

/* The inbox is full of another's message, so that ours are had from those who wait. */
TEST_F(order, P3_67_and_so_are_those_that_a_receiver_waits_for_by_name)
{
	pid_t child;
	char text;

	NEEDS_RANK();
	ASSERT_EQ(0, set_capacity(self->device, 1));
	child = fork_child();
	if (!child)
		_exit(send_text_to(self->device, getppid(), "other"));
	ASSERT_EQ(0, wait_child(child));
	for (int i = 0; i < WAITERS; i++) {
		fill_send(&self->tasks[i], self->device, texts[i], getpid());
		ASSERT_TRUE(start_ranked(&self->tasks[i], priorities[i]));
		ASSERT_TRUE(until_senders_wait(self->device, i + 1));
	}
	for (int i = 0; i < WAITERS; i++) {
		ASSERT_EQ(1, receive_from(self->device, getpid(), &text, 1, MSGPASS_NONBLOCK));
		EXPECT_EQ(texts[turns[i]][0], text);
		EXPECT_EQ(0, join(&self->tasks[turns[i]]));
	}
	EXPECT_TRUE(next_is(self->device, "other"));
}

/* Three receivers copy three messages, and fail in another order than they came. */
static bool claim_all_give_back(struct _test_data_order *self, int fd, pid_t from)
{
	static const int failing[STALLS] = { 2, 0, 1 };
	int i;

	for (i = 0; i < STALLS; i++) {
		start_stalled(&self->tasks[i], fd, &self->stalls[i], from);
		if (!stall_hit(&self->stalls[i]))
			return false;
	}
	for (i = 0; i < STALLS; i++) {
		stall_fail(&self->stalls[failing[i]]);
		if (join(&self->tasks[failing[i]]) != -EFAULT)
			return false;
	}
	return true;
}

#define NEEDS_STALLS() do {							\
	if (self->stalled < STALLS)						\
		SKIP(return, "needs userfaultfd, and the right to use it");	\
} while (0)

TEST_F(order, P3_68_what_several_give_back_stands_as_it_stood)
{
	NEEDS_STALLS();
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, send_text(self->mailbox, texts[i]));
	ASSERT_TRUE(claim_all_give_back(self, self->mailbox, 0));
	for (int i = 0; i < 4; i++)
		EXPECT_TRUE(next_is(self->mailbox, texts[i]));
}

TEST_F(order, P3_69_and_so_for_its_sender)
{
	char text;

	NEEDS_STALLS();
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, send_text_to(self->device, getpid(), texts[i]));
	ASSERT_TRUE(claim_all_give_back(self, self->device, getpid()));
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(1, receive_from(self->device, getpid(), &text, 1, MSGPASS_NONBLOCK));
		EXPECT_EQ(texts[i][0], text);
	}
	EXPECT_TRUE(next_is(self->device, "c"));
	EXPECT_TRUE(next_is(self->device, "d"));
}

TEST_HARNESS_MAIN
