// SPDX-License-Identifier: GPL-2.0-only
/*
 * The faults of other message queues, tried on ours: what PEERS.md lists, as far as
 * no other program has a test of it.
 */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

#include <kselftest_harness.h>

#define MAILBOXES_MAX	"user_mailboxes_max"

FIXTURE(peers)
{
	char name[MAILBOX_NAME_SIZE];
	int device;
};

FIXTURE_SETUP(peers)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	name_mailbox(self->name, "m");
	self->device = open_device();
	ASSERT_LE(0, self->device);
}

FIXTURE_TEARDOWN(peers)
{
	unlink_mailbox(self->device, self->name);
	close(self->device);
}

TEST_F(peers, P1_40_a_buffer_need_be_as_large_as_the_message_only)
{
	int mailbox = create_mailbox(self->device, self->name, 4, 0);
	char byte = 0;

	ASSERT_LE(0, mailbox);
	ASSERT_LT(8192, stat_of(mailbox).size_max);
	ASSERT_EQ(0, send_text(mailbox, "x"));
	EXPECT_EQ(1, receive_flags(mailbox, &byte, 1, 0));
	EXPECT_EQ('x', byte);
	close(mailbox);
}

TEST_F(peers, P1_41_a_message_too_large_for_the_usual_buffer_does_not_block_the_queue)
{
	static char sent[65536];
	struct msgpass_receive receive = { .buffer_size = 8192 };
	int mailbox = create_mailbox(self->device, self->name, 4, 0);
	char usual[8192], *larger;

	ASSERT_LE(0, mailbox);
	memset(sent, 's', sizeof(sent));
	ASSERT_EQ(0, send_flags(mailbox, sent, sizeof(sent), 0));
	ASSERT_EQ(0, send_text(mailbox, "next"));
	receive.buffer = (uintptr_t)usual;
	EXPECT_EQ(-EMSGSIZE, receive_full(mailbox, &receive));
	ASSERT_EQ(sizeof(sent), receive.size);

	larger = malloc(receive.size);
	ASSERT_NE(NULL, larger);
	EXPECT_EQ(sizeof(sent), receive_flags(mailbox, larger, receive.size, 0));
	EXPECT_EQ(0, memcmp(larger, sent, sizeof(sent)));
	EXPECT_TRUE(next_is(mailbox, "next"));
	free(larger);
	close(mailbox);
}

/* Runs without any right; the mailboxes end with the process. */
static void use_large_ones(int device, const char *label)
{
	static char data[1 << 20];
	struct msgpass_create create = {
		.flags = MSGPASS_PROCESS_OWNED,
		.access = MSGPASS_ACCESS_BOTH,
		.capacity = 100000,
		.mode = 0600,
	};
	char name[MAILBOX_NAME_SIZE];
	int mailbox = -1;

	/* Each could hold more than anybody's quota: that alone costs nothing. */
	for (int i = 0; i < 50; i++) {
		if (mailbox >= 0)
			close(mailbox);
		snprintf(name, sizeof(name), "%.40s-%d", label, i);
		create.name = (uintptr_t)name;
		mailbox = create_full(device, &create);
		MUST(mailbox >= 0);
	}
	for (int i = 0; i < 1000; i++)
		MUST(!send_text(mailbox, "deeper than ten"));
	MUST(!send_flags(mailbox, data, sizeof(data), MSGPASS_NONBLOCK));
	MUST(stat_of(mailbox).messages == 1001);
	_exit(0);
}

TEST_F(peers, P10_40_depth_and_size_need_no_privilege_and_reserve_nothing)
{
	pid_t child = fork_child();

	if (!child) {
		if (!geteuid())
			become_user();
		use_large_ones(self->device, self->name);
	}
	EXPECT_EQ(0, wait_child(child));
}

/* A server that finds its name free, and dies with a message unread. */
static void serve_and_die(int device, const char *name)
{
	uint64_t limit = msgpass_deadline(20 * SECOND);
	int mailbox;

	/* What the one before used of the quota is free a moment later. */
	do {
		mailbox = create_owned(device, name, 1);
	} while (mailbox == -EDQUOT && !usleep(1000) && msgpass_deadline(0) < limit);
	MUST(mailbox >= 0);
	MUST(!send_text(mailbox, "never read"));
	kill(getpid(), SIGKILL);
}

TEST_F_TIMEOUT(peers, P10_41_a_server_that_is_killed_and_started_again_leaves_nothing, SLOW)
{
	int opened = open_event(), end = -SIGKILL;
	pid_t holder, guard;

	if (geteuid())
		SKIP(return, "needs root");
	guard = guard_limits();
	ASSERT_LT(0, guard);
	/* Without anything that is open, the user's account would begin anew each time. */
	holder = fork_child();
	if (!holder) {
		become_user();
		MUST(open_device() >= 0);
		tell_event(opened);
		pause();
	}
	await_event(opened);
	EXPECT_TRUE(write_limit(MAILBOXES_MAX, 4));
	for (int i = 0; i < 30 && end == -SIGKILL; i++) {
		pid_t child = fork_child();

		if (!child) {
			become_user();
			serve_and_die(self->device, self->name);
		}
		end = wait_child(child);
	}
	EXPECT_EQ(-SIGKILL, end);
	EXPECT_EQ(0, end_guard(guard));
	end_child(holder);
	close(opened);
}

TEST_F(peers, P10_42_no_descriptor_left_is_another_error_and_leaves_no_mailbox)
{
	pid_t child = fork_child();

	if (!child) {
		struct rlimit limit = {
			.rlim_cur = self->device + 1,
			.rlim_max = self->device + 1,
		};

		MUST(!setrlimit(RLIMIT_NOFILE, &limit));
		/* Lower ones may be free. */
		while (dup(self->device) >= 0)
			;
		MUST(create_mailbox(self->device, self->name, 1, 1) == -EMFILE);
		_exit(0);
	}
	EXPECT_EQ(0, wait_child(child));
	EXPECT_EQ(-ENOENT, open_mailbox(self->device, self->name, 0));
}

TEST_F(peers, P12_50_a_descriptor_never_leads_to_a_mailbox_made_later)
{
	int old = create_mailbox(self->device, self->name, 4, 64), new;
	struct pollfd pollfd = { .fd = old, .events = POLLIN | POLLOUT };
	struct msgpass_stat stat = { };

	ASSERT_LE(0, old);
	ASSERT_EQ(0, delete_mailbox(old));
	new = create_mailbox(self->device, self->name, 4, 64);
	ASSERT_LE(0, new);
	ASSERT_EQ(0, send_text(new, "for the new one"));
	EXPECT_EQ(-EIDRM, send_text(old, "x"));
	EXPECT_EQ(-EIDRM, receive_flags(old, NULL, 0, 0));
	EXPECT_EQ(-1, msgpass_raw_stat(old, &stat));
	EXPECT_EQ(EIDRM, errno);
	EXPECT_EQ(-EIDRM, delete_mailbox(old));
	EXPECT_EQ(1, poll(&pollfd, 1, 0));
	EXPECT_EQ(POLLHUP | POLLERR, pollfd.revents);
	close(old);
	EXPECT_TRUE(next_is(new, "for the new one"));
	close(new);
}

TEST_F(peers, P12_51_everybody_who_asked_is_told_of_arrivals_every_time)
{
	struct epoll_event event = { .events = EPOLLIN };
	int mailbox = create_mailbox(self->device, self->name, 4, 64);
	int epoll[3];

	ASSERT_LE(0, mailbox);
	for (size_t i = 0; i < ARRAY_LEN(epoll); i++) {
		epoll[i] = epoll_create1(EPOLL_CLOEXEC);
		ASSERT_EQ(0, epoll_ctl(epoll[i], EPOLL_CTL_ADD, mailbox, &event));
	}
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < ARRAY_LEN(epoll); i++)
			EXPECT_EQ(0, epoll_wait(epoll[i], &event, 1, 0));
		ASSERT_EQ(0, send_text(mailbox, "x"));
		for (size_t i = 0; i < ARRAY_LEN(epoll); i++)
			EXPECT_EQ(1, epoll_wait(epoll[i], &event, 1, 0));
		EXPECT_TRUE(next_is(mailbox, "x"));
	}
	for (size_t i = 0; i < ARRAY_LEN(epoll); i++)
		close(epoll[i]);
	close(mailbox);
}

TEST_HARNESS_MAIN
