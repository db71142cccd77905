// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the module keeps of received messages, for those sent next: it is nobody's
 * loss (P10).
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "util.h"

#include <kselftest_harness.h>

/* A small one lies in the message itself, a larger one beside it. */
#define SMALL		16
#define LARGE		300
#define LIMIT		10

static const char data[LARGE];
FIXTURE(spare)
{
	int device, mailbox;
	int go, ready;
	pid_t guard;
};

FIXTURE_SETUP(spare)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	if (geteuid())
		SKIP(return, "needs root, to set limits");
	/* What is kept is kept by each processor. */
	pin(0);
	self->device = open_device();
	ASSERT_LE(0, self->device);
	self->mailbox = create_unnamed(self->device, MSGPASS_UNBOUNDED, LARGE, 0666);
	ASSERT_LE(0, self->mailbox);
	self->go = open_event();
	self->ready = open_event();
	self->guard = guard_limits();
	ASSERT_LT(0, self->guard);
	/* On a kernel with KASAN nothing is kept unless that is said. */
	ASSERT_TRUE(write_limit("kept_bytes_max", 1024 * 1024));
}

FIXTURE_TEARDOWN(spare)
{
	close(self->ready);
	close(self->go);
	close(self->mailbox);
	close(self->device);
	if (self->guard > 0)
		EXPECT_EQ(0, end_guard(self->guard));
}

#define MANY		1000
/* What those take, and less than a link. */
#define BYTES		(MANY * 256 + 500)

/* Send until it is refused, but not more than MANY; return how many were sent. */
static int send_all(int mailbox, size_t size)
{
	int sent = 0;

	while (sent < MANY && !send_flags(mailbox, data, size, MSGPASS_NONBLOCK))
		sent++;
	return sent;
}

static int receive_all(int mailbox)
{
	char buffer[LARGE];
	int received = 0;

	while (receive_flags(mailbox, buffer, sizeof(buffer), MSGPASS_NONBLOCK) >= 0)
		received++;
	return received;
}

/* In a child: as many as may be, sent and received, which leaves them kept. */
static void send_and_receive(int mailbox, size_t size, int count)
{
	MUST(send_all(mailbox, size) == count);
	MUST(receive_all(mailbox) == count);
}

TEST_F(spare, P10_90_nobody_is_refused_for_what_is_only_kept)
{
	pid_t child;

	ASSERT_TRUE(write_limit("user_messages_max", LIMIT));
	child = fork_child();
	if (!child) {
		/* A user that nobody else is. */
		become(4711);
		send_and_receive(self->mailbox, SMALL, LIMIT);
		send_and_receive(self->mailbox, LARGE, LIMIT);
		MUST(send_all(self->mailbox, SMALL) == LIMIT);
		_exit(0);
	}
	EXPECT_EQ(0, wait_child(child));
}

TEST_F(spare, P10_91_what_is_kept_of_one_user_serves_no_other)
{
	pid_t first, second;

	ASSERT_TRUE(write_limit("user_messages_max", LIMIT));
	first = fork_child();
	if (!first) {
		become(4711);
		send_and_receive(self->mailbox, SMALL, LIMIT);
		tell_event(self->ready);
		await_event(self->go);
		_exit(0);
	}
	await_event(self->ready);
	second = fork_child();
	if (!second) {
		become(4712);
		MUST(send_all(self->mailbox, SMALL) == LIMIT);
		_exit(0);
	}
	EXPECT_EQ(0, wait_child(second));
	tell_event(self->go);
	EXPECT_EQ(0, wait_child(first));
}

TEST_F(spare, P10_93_nobody_is_refused_a_link_for_what_is_only_kept)
{
	pid_t child;

	ASSERT_TRUE(write_limit("user_bytes_max", BYTES));
	child = fork_child();
	if (!child) {
		become(4711);
		send_and_receive(self->mailbox, SMALL, MANY);
		/* To oneself is a link, too. */
		MUST(!send_text_to(self->device, getpid(), "x"));
		_exit(0);
	}
	EXPECT_EQ(0, wait_child(child));
}

TEST_F(spare, M16_90_a_lowered_limit_counts_whatever_is_kept)
{
	char buffer[SMALL];
	pid_t child;

	ASSERT_TRUE(write_limit("user_messages_max", LIMIT));
	child = fork_child();
	if (!child) {
		become(4711);
		MUST(send_all(self->mailbox, SMALL) == LIMIT);
		tell_event(self->ready);
		await_event(self->go);
		/* One fewer is still more than the new limit. */
		MUST(receive_flags(self->mailbox, buffer, SMALL, 0) == SMALL);
		MUST(send_all(self->mailbox, SMALL) == 0);
		_exit(0);
	}
	await_event(self->ready);
	ASSERT_TRUE(write_limit("user_messages_max", LIMIT / 2));
	tell_event(self->go);
	EXPECT_EQ(0, wait_child(child));
}

TEST_HARNESS_MAIN
