// SPDX-License-Identifier: GPL-2.0-only
/* Direct, symmetric communication: links, receive from one, addresses. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

#include <kselftest_harness.h>

FIXTURE(link)
{
	int device;
	pid_t peer[2];		/* say what they are told to, by eventfd */
	int say[2], said;
};

/* Sends "<name>1", "<name>2", ... to the parent, as many as it is told to. */
static void be_peer(int device, int say, int said, char name)
{
	unsigned int count = 0;
	eventfd_t times;
	char text[16];

	while (!eventfd_read(say, &times)) {
		while (times--) {
			snprintf(text, sizeof(text), "%c%u", name, ++count);
			if (send_text_to(device, getppid(), text))
				_exit(1);
		}
		eventfd_write(said, 1);
	}
	_exit(0);
}

FIXTURE_SETUP(link)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	self->device = open_device();
	ASSERT_LE(0, self->device);
	self->said = eventfd(0, EFD_CLOEXEC);
	ASSERT_LE(0, self->said);
	for (int i = 0; i < 2; i++) {
		self->say[i] = eventfd(0, EFD_CLOEXEC);
		ASSERT_LE(0, self->say[i]);
		self->peer[i] = fork_child();
		if (!self->peer[i])
			be_peer(self->device, self->say[i], self->said, 'a' + i);
	}
}

FIXTURE_TEARDOWN(link)
{
	for (int i = 0; i < 2; i++) {
		kill(self->peer[i], SIGKILL);
		waitpid(self->peer[i], NULL, 0);
		close(self->say[i]);
	}
	close(self->said);
	close(self->device);
}

/* Let a peer send, and wait until it has. */
#define SAY(_i, _times) do {						\
	eventfd_t ignored;						\
									\
	ASSERT_EQ(0, eventfd_write(self->say[_i], _times));		\
	ASSERT_EQ(0, eventfd_read(self->said, &ignored));		\
} while (0)

static bool next_from_is(int device, pid_t pid, const char *text)
{
	char buffer[64];
	int size = receive_from(device, pid, buffer, sizeof(buffer), MSGPASS_NONBLOCK);

	return size == (int)strlen(text) && !memcmp(buffer, text, size);
}

TEST_F(link, M1_1_a_receive_takes_messages_of_the_one_it_names_only)
{
	SAY(0, 1);
	SAY(1, 1);
	SAY(0, 1);
	EXPECT_TRUE(next_from_is(self->device, self->peer[1], "b1"));
	EXPECT_EQ(-EAGAIN, receive_from(self->device, self->peer[1], NULL, 0, MSGPASS_NONBLOCK));
	EXPECT_TRUE(next_from_is(self->device, self->peer[0], "a1"));
	SAY(1, 1);
	/* And from any in the order of all. */
	EXPECT_TRUE(next_is(self->device, "a2"));
	EXPECT_TRUE(next_is(self->device, "b2"));
	EXPECT_EQ(0, stat_of(self->device).messages);
}

TEST_F(link, M1_2_priorities_hold_within_a_sender)
{
	struct msgpass_send high = {
		.flags = MSGPASS_NONBLOCK,
		.priority = 3,
		.data = (uintptr_t)"high",
		.size = 4,
		.to = getpid(),
	};

	ASSERT_EQ(0, send_text_to(self->device, getpid(), "low"));
	ASSERT_EQ(0, send_full(self->device, &high));
	SAY(0, 1);
	EXPECT_TRUE(next_from_is(self->device, getpid(), "high"));
	EXPECT_TRUE(next_from_is(self->device, self->peer[0], "a1"));
	EXPECT_TRUE(next_from_is(self->device, getpid(), "low"));
}

TEST_F(link, P4_5_a_message_wakes_the_receiver_that_waits_for_its_sender)
{
	struct task for_a, for_b, for_any;

	start_receive_from(&for_a, self->device, self->peer[0]);
	ASSERT_TRUE(until_receivers_wait(self->device, 1));
	start_receive_from(&for_b, self->device, self->peer[1]);
	ASSERT_TRUE(until_receivers_wait(self->device, 2));
	start_receive(&for_any, self->device, 0);
	ASSERT_TRUE(until_receivers_wait(self->device, 3));

	/* Who came first among those that may have it: for_b, then for_any. */
	SAY(1, 1);
	EXPECT_EQ(0, join(&for_b));
	EXPECT_EQ(0, memcmp(for_b.text, "b1", 2));
	SAY(1, 1);
	EXPECT_EQ(0, join(&for_any));
	EXPECT_EQ(0, memcmp(for_any.text, "b2", 2));
	/* for_a waits on, whatever others send. */
	SAY(1, 1);
	EXPECT_EQ(1, stat_of(self->device).receivers_waiting);
	EXPECT_EQ(1, stat_of(self->device).messages);
	SAY(0, 1);
	EXPECT_EQ(0, join(&for_a));
	EXPECT_EQ(0, memcmp(for_a.text, "a1", 2));
	EXPECT_EQ(self->peer[0], for_a.receive.sender_pid);
	EXPECT_TRUE(next_is(self->device, "b3"));
}

TEST_F(link, P3_5_a_given_back_message_stands_in_its_place_for_its_sender_too)
{
	SAY(0, 1);
	SAY(0, 1);
	EXPECT_EQ(-EFAULT, receive_from(self->device, self->peer[0], NULL, 64, 0));
	EXPECT_EQ(-EMSGSIZE, receive_from(self->device, self->peer[0], NULL, 0, 0));
	EXPECT_TRUE(next_from_is(self->device, self->peer[0], "a1"));
	EXPECT_TRUE(next_is(self->device, "a2"));
}

TEST_F(link, M1_3_a_full_inbox_does_not_keep_the_awaited_message_out)
{
	struct msgpass_set one = { .flags = MSGPASS_SET_CAPACITY, .capacity = 1 };
	struct task receiver, sender = { .fd = self->device };

	ASSERT_EQ(0, set_mailbox(self->device, &one));
	SAY(0, 1);
	/* No room, neither for b's message nor for ours. */
	sender.send.to = getpid();
	start(&sender);
	ASSERT_TRUE(until_senders_wait(self->device, 1));
	EXPECT_EQ(0, receive_from(self->device, getpid(), NULL, 0, MSGPASS_NONBLOCK));
	EXPECT_EQ(0, join(&sender));
	/* And by a receiver that waits already. */
	start_receive_from(&receiver, self->device, self->peer[1]);
	ASSERT_TRUE(until_receivers_wait(self->device, 1));
	SAY(1, 1);
	EXPECT_EQ(0, join(&receiver));
	EXPECT_EQ(0, memcmp(receiver.text, "b1", 2));
	EXPECT_TRUE(next_is(self->device, "a1"));
}

TEST_F(link, P7_6_who_waits_for_a_process_is_told_of_its_death)
{
	struct task receiver, other;

	start_receive_from(&receiver, self->device, self->peer[0]);
	ASSERT_TRUE(until_receivers_wait(self->device, 1));
	start_receive_from(&other, self->device, self->peer[1]);
	ASSERT_TRUE(until_receivers_wait(self->device, 2));
	kill(self->peer[0], SIGKILL);
	EXPECT_EQ(-ESRCH, join(&receiver));
	EXPECT_EQ(1, stat_of(self->device).receivers_waiting);
	SAY(1, 1);
	EXPECT_EQ(0, join(&other));
}

TEST_F(link, P1_10_what_a_process_sent_before_its_death_can_be_received)
{
	uint64_t key = key_of(self->device, self->peer[0]);
	struct msgpass_receive by_key = {
		.flags = MSGPASS_NONBLOCK | MSGPASS_FROM_KEY,
		.from = key,
	};

	ASSERT_NE(0, key);
	SAY(0, 1);
	SAY(0, 1);
	SAY(0, 1);
	SAY(1, 1);
	kill(self->peer[0], SIGKILL);
	EXPECT_EQ(-SIGKILL, wait_child(self->peer[0]));
	EXPECT_TRUE(next_from_is(self->device, self->peer[0], "a1"));
	EXPECT_TRUE(next_from_is(self->device, self->peer[0], "a2"));
	EXPECT_EQ(-EMSGSIZE, receive_full(self->device, &by_key));
	EXPECT_EQ(2, by_key.size);
	EXPECT_TRUE(next_is(self->device, "a3"));
	EXPECT_TRUE(next_is(self->device, "b1"));
	EXPECT_EQ(0, stat_of(self->device).messages);
	EXPECT_EQ(-ESRCH, receive_from(self->device, self->peer[0], NULL, 0, 0));
	EXPECT_EQ(-ESRCH, receive_full(self->device, &by_key));
}

TEST_F_TIMEOUT(link, P1_11_a_childs_last_word_is_heard, SLOW)
{
	/* The usual order: fork, the child sends, wait, receive from the child. */
	for (int i = 0; i < 200; i++) {
		pid_t child = fork_child();

		if (!child)
			_exit(send_text_to(self->device, getppid(), "result"));
		ASSERT_EQ(0, wait_child(child));
		ASSERT_TRUE(next_from_is(self->device, child, "result"));
		ASSERT_EQ(-ESRCH, receive_from(self->device, child, NULL, 0, 0));
	}
}

TEST_F(link, P7_8_a_claimed_message_of_the_dead_may_come_back)
{
	struct task stalled, waiting;
	struct stall stall;

	if (!stall_open(&stall))
		SKIP(return, "needs userfaultfd, and the right to use it");
	SAY(0, 1);
	start_stalled(&stalled, self->device, &stall, self->peer[0]);
	ASSERT_TRUE(stall_hit(&stall));
	kill(self->peer[0], SIGKILL);
	EXPECT_EQ(-SIGKILL, wait_child(self->peer[0]));
	start_receive_from(&waiting, self->device, self->peer[0]);
	ASSERT_TRUE(until_receivers_wait(self->device, 1));
	stall_fail(&stall);
	EXPECT_EQ(-EFAULT, join(&stalled));
	EXPECT_EQ(0, join(&waiting));
	EXPECT_EQ(0, memcmp(waiting.text, "a1", 2));
	EXPECT_EQ(-ESRCH, receive_from(self->device, self->peer[0], NULL, 0, 0));
	close(stall.uffd);
}

TEST_F(link, P7_9_who_waits_for_a_claimed_message_of_the_dead_is_told)
{
	struct task stalled, waiting;
	struct stall stall;

	if (!stall_open(&stall))
		SKIP(return, "needs userfaultfd, and the right to use it");
	SAY(0, 1);
	start_stalled(&stalled, self->device, &stall, 0);
	ASSERT_TRUE(stall_hit(&stall));
	kill(self->peer[0], SIGKILL);
	EXPECT_EQ(-SIGKILL, wait_child(self->peer[0]));
	start_receive_from(&waiting, self->device, self->peer[0]);
	ASSERT_TRUE(until_receivers_wait(self->device, 1));
	stall_resolve(&stall);
	EXPECT_EQ(0, join(&stalled));
	EXPECT_EQ(-ESRCH, join(&waiting));
	stall_close(&stall);
}

TEST_F(link, P3_6_a_message_claimed_from_the_middle_goes_back_there)
{
	struct task stalled;
	struct stall stall;

	if (!stall_open(&stall))
		SKIP(return, "needs userfaultfd, and the right to use it");
	SAY(0, 1);
	SAY(1, 1);
	SAY(0, 1);
	SAY(1, 1);
	start_stalled(&stalled, self->device, &stall, self->peer[1]);
	ASSERT_TRUE(stall_hit(&stall));
	/* Others pass it by meanwhile, from any and from the same sender. */
	EXPECT_TRUE(next_is(self->device, "a1"));
	EXPECT_TRUE(next_is(self->device, "a2"));
	EXPECT_EQ(2, stat_of(self->device).messages);
	stall_fail(&stall);
	EXPECT_EQ(-EFAULT, join(&stalled));
	EXPECT_TRUE(next_is(self->device, "b1"));
	EXPECT_TRUE(next_is(self->device, "b2"));
	EXPECT_EQ(0, stat_of(self->device).messages);
	close(stall.uffd);
}

TEST_F(link, P8_4_a_key_reaches_its_process_and_never_another)
{
	uint64_t key = key_of(self->device, 0), dead = key_of(self->device, self->peer[0]);
	struct msgpass_send send = {
		.flags = MSGPASS_NONBLOCK | MSGPASS_TO_KEY,
		.to = key,
	};
	struct msgpass_receive receive = { .flags = MSGPASS_NONBLOCK };

	EXPECT_NE(0, key);
	EXPECT_NE(key, dead);
	send.to = dead;
	EXPECT_EQ(0, send_full(self->device, &send));
	send.to = key;
	EXPECT_EQ(key, key_of(self->device, getpid()));
	EXPECT_EQ(0, send_full(self->device, &send));
	EXPECT_EQ(0, receive_full(self->device, &receive));
	EXPECT_EQ(key, receive.sender_key);

	kill(self->peer[0], SIGKILL);
	EXPECT_EQ(-SIGKILL, wait_child(self->peer[0]));
	send.to = dead;
	/* Even if its pid is in use again. */
	for (int i = 0; i < 50; i++) {
		pid_t pid = fork_child();

		if (!pid)
			_exit(0);
		EXPECT_EQ(-ESRCH, send_full(self->device, &send));
		EXPECT_EQ(0, wait_child(pid));
	}
	send.to = ~0ULL;
	EXPECT_EQ(-ESRCH, send_full(self->device, &send));
}

TEST_F_TIMEOUT(link, P2_7_a_send_to_a_dead_process_does_not_succeed, SLOW)
{
	for (int i = 0; i < 200; i++) {
		struct msgpass_send send = { .flags = MSGPASS_NONBLOCK | MSGPASS_TO_KEY };
		pid_t child = fork_child();

		if (!child)
			for (;;)
				pause();
		send.to = key_of(self->device, child);
		ASSERT_EQ(0, send_full(self->device, &send));
		kill(child, SIGKILL);
		ASSERT_EQ(-SIGKILL, wait_child(child));
		/* At once, whatever the module has yet to clean up. */
		ASSERT_EQ(-ESRCH, send_full(self->device, &send));
	}
}

TEST_F(link, P9_5_an_inbox_accepts_whom_its_owner_says)
{
	struct msgpass_set set = { .flags = MSGPASS_SET_ACCEPTS };
	pid_t child;

	if (geteuid())
		SKIP(return, "needs root");
	for (int accepts = 0; accepts <= MSGPASS_ACCEPT_NOBODY; accepts++) {
		set.accepts = accepts;
		ASSERT_EQ(0, set_mailbox(self->device, &set));
		child = fork_child();
		if (!child) {
			pid_t parent = getppid();
			int expected = accepts == MSGPASS_ACCEPT_ANYONE ? 0 : -EACCES;

			become_user();
			_exit(send_text_to(self->device, parent, "x") != expected);
		}
		EXPECT_EQ(0, wait_child(child))
			TH_LOG("accepts %d", accepts);
	}
	EXPECT_TRUE(next_is(self->device, "x"));
}

TEST_F(link, P9_10_nobody_is_not_even_the_same_user)
{
	static const int expected[] = {
		[MSGPASS_ACCEPT_USER] = 0,
		[MSGPASS_ACCEPT_ANYONE] = 0,
		[MSGPASS_ACCEPT_NOBODY] = -EACCES,
	};

	if (geteuid())
		SKIP(return, "needs root");
	for (unsigned int accepts = 0; accepts < ARRAY_LEN(expected); accepts++) {
		int ready = eventfd(0, EFD_CLOEXEC);
		pid_t receiver, sender;
		eventfd_t set_up;

		ASSERT_LE(0, ready);
		receiver = fork_child();
		if (!receiver) {
			struct msgpass_set set = {
				.flags = MSGPASS_SET_ACCEPTS,
				.accepts = accepts,
			};

			become_user();
			if (set_mailbox(self->device, &set) || eventfd_write(ready, 1))
				_exit(1);
			for (;;)
				pause();
		}
		ASSERT_EQ(0, eventfd_read(ready, &set_up));
		sender = fork_child();
		if (!sender) {
			become_user();
			_exit(send_text_to(self->device, receiver, "x") != expected[accepts]);
		}
		EXPECT_EQ(0, wait_child(sender))
			TH_LOG("accepts %u", accepts);
		/* root is privileged. */
		EXPECT_EQ(0, send_text_to(self->device, receiver, "x"));
		kill(receiver, SIGKILL);
		wait_child(receiver);
		close(ready);
	}
}

/* That it wrote first, and so has a link with us, does not mean that it listens. */
TEST_F(link, P9_61_whoever_wrote_first_is_asked_too_whether_it_accepts)
{
	const struct msgpass_set nobody = {
		.flags = MSGPASS_SET_ACCEPTS,
		.accepts = MSGPASS_ACCEPT_NOBODY,
	};
	pid_t child, first;

	if (geteuid())
		SKIP(return, "needs root");
	child = fork_child();
	if (!child) {
		become_user();
		child = getpid();
		first = fork_child();
		if (!first) {
			MUST(!set_mailbox(self->device, &nobody));
			MUST(!send_text_to(self->device, child, "first"));
			for (;;)
				pause();
		}
		MUST(until_messages(self->device, 1));
		MUST(next_is(self->device, "first"));
		MUST(send_text_to(self->device, first, "answer") == -EACCES);
		end_child(first);
		_exit(0);
	}
	EXPECT_EQ(0, wait_child(child));
}

TEST_F(link, P10_87_a_link_is_on_the_quota_of_who_makes_it)
{
	pid_t guard;

	if (geteuid())
		SKIP(return, "needs root");
	guard = guard_limits();
	ASSERT_LT(0, guard);
	/* Enough for a message, and not for the link that the first one makes. */
	EXPECT_TRUE(write_limit("user_bytes_max", 1024));
	EXPECT_EQ(-EDQUOT, send_text_to(self->device, self->peer[0], "x"));
	EXPECT_EQ(0, end_guard(guard));
	EXPECT_EQ(0, send_text_to(self->device, self->peer[0], "x"));
}

TEST_F(link, P9_6_a_reply_reaches_a_process_that_no_pid_names_here)
{
	uint64_t stranger = key_of(self->device, getpid());
	pid_t child;

	if (geteuid())
		SKIP(return, "needs root");
	/* The child is in a PID namespace where its parent has no pid. */
	child = fork_child();
	if (!child) {
		struct msgpass_receive receive = { };
		struct msgpass_send send = { .flags = MSGPASS_TO_KEY | MSGPASS_NONBLOCK };
		pid_t inner;

		if (unshare(CLONE_NEWPID))
			_exit(1);
		inner = fork();
		if (!inner) {
			if (receive_full(self->device, &receive) || receive.sender_pid)
				_exit(2);
			send.to = receive.sender_key;
			if (send_full(self->device, &send))
				_exit(3);
			/* A key that it got in no message reaches nobody there. */
			send.to = stranger;
			_exit(send_full(self->device, &send) != -ESRCH);
		}
		if (send_text_to(self->device, inner, ""))
			_exit(4);
		if (receive_flags(self->device, NULL, 0, 0))
			_exit(5);
		_exit(wait_child(inner));
	}
	EXPECT_EQ(0, wait_child(child));
}

/* The best of some tries, in ns: noise only adds. */
static uint64_t best_receive_from(int device, pid_t pid)
{
	uint64_t start, took, best = ~0ULL;
	char text[16];

	for (int i = 0; i < 50; i++) {
		start = msgpass_deadline(0);
		if (receive_from(device, pid, text, sizeof(text), MSGPASS_NONBLOCK) < 0)
			return 0;
		took = msgpass_deadline(0) - start;
		if (took < best)
			best = took;
	}
	return best;
}

TEST_F_TIMEOUT(link, P11_1_a_receive_from_one_does_not_search, SLOW)
{
	struct msgpass_set set = {
		.flags = MSGPASS_SET_CAPACITY,
		.capacity = MSGPASS_UNBOUNDED,
	};
	uint64_t alone, behind;

	ASSERT_EQ(0, set_mailbox(self->device, &set));
	SAY(0, 50);
	alone = best_receive_from(self->device, self->peer[0]);
	for (int i = 0; i < 20000; i++)
		ASSERT_EQ(0, send_text_to(self->device, getpid(), ""));
	SAY(0, 50);
	behind = best_receive_from(self->device, self->peer[0]);
	ASSERT_NE(0, alone);
	ASSERT_NE(0, behind);
	TH_LOG("%llu ns, behind 20,000 other messages %llu ns",
	       (unsigned long long)alone, (unsigned long long)behind);
	EXPECT_GT(8 * alone, behind);
}

TEST_F_TIMEOUT(link, M3_1_links_come_and_go_under_load, SLOW)
{
	/* Children that talk to us and to each other, and die at any moment. */
	for (int round = 0; round < 100; round++) {
		pid_t children[4];
		char buffer[64];
		int i;

		for (i = 0; i < 4; i++) {
			children[i] = fork_child();
			if (children[i])
				continue;
			for (int n = 0; n < 50; n++) {
				send_text_to(self->device, getppid(), "up");
				if (i)
					send_text_to(self->device, children[0], "across");
				receive_from(self->device, getppid(), buffer, sizeof(buffer),
					     MSGPASS_NONBLOCK);
			}
			_exit(0);
		}
		for (i = 0; i < 20; i++) {
			send_text_to(self->device, children[i % 4], "down");
			receive_from(self->device, children[i % 4], buffer, sizeof(buffer),
				     MSGPASS_NONBLOCK);
		}
		kill(children[round % 4], SIGKILL);
		for (i = 0; i < 4; i++) {
			wait_child(children[i]);
			while (receive_from(self->device, children[i], buffer, sizeof(buffer),
					    MSGPASS_NONBLOCK) >= 0)
				;
		}
		while (receive_flags(self->device, buffer, sizeof(buffer), MSGPASS_NONBLOCK) >= 0)
			;
	}
	EXPECT_EQ(0, stat_of(self->device).messages);
}

TEST_HARNESS_MAIN
