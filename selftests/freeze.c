// SPDX-License-Identifier: GPL-2.0-only
/* Frozen, by a cgroup, in every kind of wait (M18, P6). */
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "group.h"

#include <kselftest_harness.h>

FIXTURE(freeze)
{
	char name[MAILBOX_NAME_SIZE];
	int device, mailbox;
	struct group group;
	int ready;
};

FIXTURE_SETUP(freeze)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	name_mailbox(self->name, "m");
	self->device = open_device();
	ASSERT_LE(0, self->device);
	self->mailbox = create_mailbox(self->device, self->name, 1, 64);
	ASSERT_LE(0, self->mailbox);
	self->ready = open_event();
	if (!make_group(&self->group, "g"))
		SKIP(return, "needs cgroup v2, mounted, and the right to make groups");
}

FIXTURE_TEARDOWN(freeze)
{
	delete_mailbox(self->mailbox);
	close(self->ready);
	close(self->mailbox);
	close(self->device);
	EXPECT_TRUE(end_group(&self->group));
}

/* The kinds of wait. */
enum kind { RECEIVE, DEADLINE, SEND, SYNC, POLL, KINDS };

static int wait_in(enum kind kind, int mailbox)
{
	struct pollfd pollfd = { .fd = mailbox, .events = POLLIN };
	char text[8];
	struct msgpass_receive receive = {
		.buffer = (uintptr_t)text,
		.buffer_size = sizeof(text),
		.deadline = kind == DEADLINE ? msgpass_deadline(1000 * SECOND) : 0,
	};

	switch (kind) {
	case RECEIVE:
	case DEADLINE:
		return receive_full(mailbox, &receive) || receive.size != 3;
	case SEND:
	case SYNC:
		return send_flags(mailbox, "own", 3, kind == SYNC ? MSGPASS_SYNC : 0);
	default:
		return poll(&pollfd, 1, -1) != 1 || pollfd.revents != POLLIN;
	}
}

static pid_t fork_waiting(const struct group *group, enum kind kind, int mailbox)
{
	pid_t pid = fork_child();

	if (pid)
		return pid;
	join_group(group);
	_exit(wait_in(kind, mailbox));
}

/* It waits where it should. */
static bool until_it_waits(enum kind kind, int mailbox, pid_t child)
{
	if (kind == RECEIVE || kind == DEADLINE)
		return until_receivers_wait(mailbox, 1) && until_asleep(child, child);
	if (kind == SEND)
		return until_senders_wait(mailbox, 1) && until_asleep(child, child);
	if (kind == SYNC)
		return until_messages(mailbox, 1) && until_asleep(child, child);
	return until_asleep(child, child);
}

/* How many messages of its own were received from it, of one that it sends. */
static int receive_own(int mailbox)
{
	return until_messages(mailbox, 1) && next_is(mailbox, "own");
}

TEST_F(freeze, M18_10_a_wait_survives_being_frozen_and_thawed)
{
	for (enum kind kind = 0; kind < KINDS; kind++) {
		pid_t child;

		if (kind == SEND)
			ASSERT_EQ(0, send_text(self->mailbox, "full"));
		child = fork_waiting(&self->group, kind, self->mailbox);
		for (int i = 0; i < 5; i++) {
			if (kind == POLL)
				ASSERT_TRUE(until_group(&self->group, "cgroup.events",
							"populated", 1));
			ASSERT_TRUE(until_it_waits(kind, self->mailbox, child))
				TH_LOG("kind %d, round %d", kind, i);
			ASSERT_TRUE(set_frozen(&self->group, true));
			ASSERT_TRUE(set_frozen(&self->group, false));
		}
		ASSERT_TRUE(until_it_waits(kind, self->mailbox, child));
		if (kind == SEND)
			EXPECT_TRUE(next_is(self->mailbox, "full"));
		EXPECT_TRUE(kind == SEND || kind == SYNC ? receive_own(self->mailbox) :
			    !send_text(self->mailbox, "for"));
		EXPECT_EQ(0, wait_child(child))
			TH_LOG("kind %d", kind);
		if (kind == POLL)
			EXPECT_TRUE(next_is(self->mailbox, "for"));
		EXPECT_EQ(0, stat_of(self->mailbox).messages);
		EXPECT_EQ(0, stat_of(self->mailbox).senders_waiting);
		EXPECT_EQ(0, stat_of(self->mailbox).receivers_waiting);
	}
}

TEST_F(freeze, M18_11_what_happens_to_the_frozen_they_find_when_thawed)
{
	for (enum kind kind = 0; kind < KINDS; kind++) {
		char text[8];
		int own = 0;
		pid_t child;

		if (kind == SEND)
			ASSERT_EQ(0, send_text(self->mailbox, "full"));
		child = fork_waiting(&self->group, kind, self->mailbox);
		ASSERT_TRUE(until_it_waits(kind, self->mailbox, child));
		ASSERT_TRUE(until_group(&self->group, "cgroup.events", "populated", 1));
		ASSERT_TRUE(set_frozen(&self->group, true));
		if (kind == SEND)
			EXPECT_TRUE(next_is(self->mailbox, "full"));
		/* What it would send it has sent, or sends later, but not both. */
		if (kind == SEND || kind == SYNC) {
			own = receive_flags(self->mailbox, text, sizeof(text),
					    MSGPASS_NONBLOCK) == 3;
		} else {
			EXPECT_EQ(0, send_text(self->mailbox, "for"));
		}
		EXPECT_EQ(0, waitpid(child, NULL, WNOHANG));
		ASSERT_TRUE(set_frozen(&self->group, false));
		if ((kind == SEND || kind == SYNC) && !own)
			EXPECT_TRUE(receive_own(self->mailbox));
		EXPECT_EQ(0, wait_child(child))
			TH_LOG("kind %d", kind);
		if (kind == POLL)
			EXPECT_TRUE(next_is(self->mailbox, "for"));
		EXPECT_EQ(0, stat_of(self->mailbox).messages);
	}
}

TEST_F(freeze, M18_12_a_deadline_that_passes_in_the_frost_is_told)
{
	const struct timespec ms = { .tv_nsec = MILLISECOND };
	uint64_t *deadline = share_memory(sizeof(*deadline));
	pid_t child = fork_child();

	if (!child) {
		struct msgpass_receive receive = { };

		join_group(&self->group);
		receive.deadline = msgpass_deadline(SECOND);
		*deadline = receive.deadline;
		tell_event(self->ready);
		_exit(receive_full(self->mailbox, &receive) != -ETIMEDOUT);
	}
	await_event(self->ready);
	ASSERT_TRUE(set_frozen(&self->group, true));
	while (msgpass_deadline(0) <= *deadline)
		nanosleep(&ms, NULL);
	ASSERT_TRUE(set_frozen(&self->group, false));
	EXPECT_EQ(0, wait_child(child));
	EXPECT_EQ(0, stat_of(self->mailbox).receivers_waiting);
}

TEST_F(freeze, P6_30_who_is_frozen_in_a_wait_still_ends_on_sigkill)
{
	for (enum kind kind = 0; kind < KINDS; kind++) {
		pid_t child;

		if (kind == SEND)
			ASSERT_EQ(0, send_text(self->mailbox, "full"));
		child = fork_waiting(&self->group, kind, self->mailbox);
		ASSERT_TRUE(until_group(&self->group, "cgroup.events", "populated", 1));
		ASSERT_TRUE(until_it_waits(kind, self->mailbox, child));
		ASSERT_TRUE(set_frozen(&self->group, true));
		kill(child, SIGKILL);
		EXPECT_EQ(-SIGKILL, wait_child(child));
		ASSERT_TRUE(set_frozen(&self->group, false));
		if (kind == SEND)
			EXPECT_TRUE(next_is(self->mailbox, "full"));
		EXPECT_EQ(0, stat_of(self->mailbox).messages);
		EXPECT_EQ(0, stat_of(self->mailbox).receivers_waiting);
		EXPECT_EQ(0, stat_of(self->mailbox).senders_waiting);
	}
}

#define FROSTS		100

/* Send numbers, every third synchronously, until told to stop; then the last one. */
static void keep_counting(int mailbox, const bool *stop)
{
	int number = 0;

	for (; !LOAD(*stop); number++)
		MUST(!send_flags(mailbox, &number, sizeof(number),
				 number % 3 ? 0 : MSGPASS_SYNC));
	MUST(!send_flags(mailbox, "", 0, 0));
	_exit(0);
}

static void expect_counting(int mailbox)
{
	int expected = 0, number, size;

	for (;; expected++) {
		size = receive_flags(mailbox, &number, sizeof(number), 0);
		if (!size)
			_exit(0);
		MUST(size == sizeof(number) && number == expected);
	}
}

TEST_F_TIMEOUT(freeze, M18_13_frozen_a_hundred_times_every_message_comes_once_in_order, SLOW)
{
	bool *stop = share_memory(sizeof(*stop));
	struct msgpass_stat stat;
	pid_t sender, receiver;

	sender = fork_child();
	if (!sender) {
		join_group(&self->group);
		keep_counting(self->mailbox, stop);
	}
	receiver = fork_child();
	if (!receiver) {
		join_group(&self->group);
		expect_counting(self->mailbox);
	}
	for (uint64_t i = 0; i < FROSTS; i++) {
		stat = stat_of(self->mailbox);
		ASSERT_TRUE(set_frozen(&self->group, true));
		ASSERT_TRUE(set_frozen(&self->group, false));
		/* They go on. */
		while (stat_of(self->mailbox).received_messages < stat.received_messages + 20)
			sched_yield();
	}
	*stop = true;
	EXPECT_EQ(0, wait_child(sender));
	EXPECT_EQ(0, wait_child(receiver));
	EXPECT_EQ(0, stat_of(self->mailbox).messages);
	TH_LOG("%llu messages", (unsigned long long)stat_of(self->mailbox).received_messages);
}

TEST_HARNESS_MAIN
