// SPDX-License-Identifier: GPL-2.0-only
/* Addresses: whom a pid and a key mean, also when the pid is used again (M4, P8). */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/sched.h>

#include "util.h"

#include <kselftest_harness.h>

FIXTURE(address)
{
	int device;
	int go, ready;		/* to a child, and from it */
};

FIXTURE_SETUP(address)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	self->device = open_device();
	ASSERT_LE(0, self->device);
	self->go = open_event();
	self->ready = open_event();
}

FIXTURE_TEARDOWN(address)
{
	close(self->ready);
	close(self->go);
	close(self->device);
}

/* Fork with the pid of one that is dead. */
static pid_t fork_as(pid_t wanted)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&wanted,
		.set_tid_size = 1,
	};
	pid_t pid = syscall(SYS_clone3, &args, sizeof(args));

	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

/* Whether this kernel lets us. */
static bool can_fork_as(void)
{
	pid_t dead = fork_child(), pid;

	if (!dead)
		_exit(0);
	wait_child(dead);
	pid = fork_as(dead);
	if (!pid)
		_exit(0);
	return pid == dead && !wait_child(pid);
}

/* What the second process of a pid does: it gets what was meant for it, and nothing else. */
static void be_second(int device)
{
	char text[16];

	MUST(receive_flags(device, text, sizeof(text), 0) == 6);
	MUST(!memcmp(text, "second", 6));
	MUST(stat_of(device).admitted_messages == 1);
	_exit(send_text_to(device, getppid(), "of the second"));
}

TEST_F_TIMEOUT(address, M4_10_the_next_process_of_a_pid_is_another_one, SLOW)
{
	struct msgpass *endpoint = msgpass_endpoint();
	uint64_t key, unused;
	char text[16];

	ASSERT_NE(NULL, endpoint);
	if (!can_fork_as())
		SKIP(return, "needs clone3() with set_tid, and the right to use it");
	for (int i = 0; i < 300; i++) {
		pid_t pid = fork_child(), second;
		int pidfd;

		if (!pid) {
			MUST(!send_text_to(self->device, getppid(), "of the first"));
			tell_event(self->ready);
			for (;;)
				pause();
		}
		pidfd = syscall(SYS_pidfd_open, pid, 0);
		await_event(self->ready);
		ASSERT_EQ(0, msgpass_key_of_pidfd(endpoint, pidfd, &key));
		ASSERT_EQ(0, send_to_key(self->device, key, "first", 5));
		end_child(pid);
		second = fork_as(pid);
		if (!second)
			be_second(self->device);
		ASSERT_EQ(pid, second);

		/* The key and the pidfd are the first one's, the pid the second's. */
		ASSERT_EQ(-ESRCH, send_to_key(self->device, key, "first", 5));
		ASSERT_EQ(-1, msgpass_key_of_pidfd(endpoint, pidfd, &unused));
		ASSERT_EQ(ESRCH, errno);
		ASSERT_EQ(-EAGAIN, receive_from(self->device, pid, NULL, 0, MSGPASS_NONBLOCK));
		ASSERT_NE(key, key_of(self->device, pid));
		ASSERT_EQ(0, send_text_to(self->device, pid, "second"));
		ASSERT_EQ(13, receive_from(self->device, pid, text, sizeof(text), 0));
		ASSERT_EQ(0, wait_child(second));
		ASSERT_EQ(12, receive_from_key(self->device, key, text, sizeof(text)));
		ASSERT_EQ(0, memcmp(text, "of the first", 12));
		ASSERT_EQ(-ESRCH, receive_from_key(self->device, key, text, sizeof(text)));
		ASSERT_EQ(-ESRCH, receive_from(self->device, pid, NULL, 0, 0));
		close(pidfd);
	}
	EXPECT_EQ(0, stat_of(self->device).messages);
	msgpass_close(endpoint);
}

/* One pid after another process: whose key it is now, what was received by whom. */
#define LIVES		2000
/* How long they may take, and how many there are whatever they take. */
#define ENOUGH		(120 * SECOND)
#define LIVES_MIN	50
#define HAMMERS		2

struct lives {
	uint64_t key;
	bool over;
	unsigned int received, sent[HAMMERS];
};

/* Send the key to itself, as fast as can be. */
static void hammer(int device, struct lives *lives, unsigned int self)
{
	while (!LOAD(lives->over)) {
		uint64_t key = LOAD(lives->key);
		int err;

		if (!key)
			continue;
		err = send_to_key(device, key, &key, sizeof(key));
		MUST(!err || err == -ESRCH || err == -EAGAIN);
		lives->sent[self] += !err;
		/* Nobody sends to us. */
		err = receive_from_key(device, key, NULL, 0);
		MUST(err == -EAGAIN || err == -ESRCH);
	}
	_exit(0);
}

/* Receive some of them; each must be for this very process. */
static void be_hammered(int device, struct lives *lives, int life)
{
	uint64_t key = key_of(device, 0), text;

	STORE(lives->key, key);
	for (int i = 0; i < life % 4; i++) {
		MUST(receive_flags(device, &text, sizeof(text), 0) == sizeof(text));
		MUST(text == key);
		lives->received++;
	}
	/* Every other one is killed. */
	if (life % 2)
		kill(getpid(), SIGKILL);
	_exit(0);
}

TEST_F_TIMEOUT(address, P8_32_a_key_never_reaches_another_process_of_its_pid, SLOW)
{
	struct lives *lives = share_memory(sizeof(*lives));
	pid_t hammers[HAMMERS], pid = fork_child();
	unsigned int expected = 0;
	uint64_t key, enough;
	int i;

	if (!pid)
		_exit(0);
	wait_child(pid);
	if (!can_fork_as())
		SKIP(return, "needs clone3() with set_tid, and the right to use it");
	for (i = 0; i < HAMMERS; i++) {
		hammers[i] = fork_child();
		if (!hammers[i])
			hammer(self->device, lives, i);
	}
	enough = msgpass_deadline(ENOUGH);
	for (i = 0; i < LIVES && (i < LIVES_MIN || msgpass_deadline(0) < enough); i++) {
		pid_t same = fork_as(pid);

		if (!same)
			be_hammered(self->device, lives, i);
		ASSERT_EQ(pid, same);
		ASSERT_EQ(i % 2 ? -SIGKILL : 0, wait_child(pid))
			TH_LOG("life %d", i);
		expected += i % 4;
		key = LOAD(lives->key);
		ASSERT_EQ(-ESRCH, send_to_key(self->device, key, &key, sizeof(key)));
	}
	lives->over = true;
	for (i = 0; i < HAMMERS; i++)
		EXPECT_EQ(0, wait_child(hammers[i]));
	EXPECT_EQ(expected, lives->received);
	TH_LOG("%u messages to %d processes of one pid, %u received",
	       lives->sent[0] + lives->sent[1], i, lives->received);
}

TEST_F(address, M4_11_who_never_opened_the_device_has_an_inbox_once_addressed)
{
	struct msgpass_stat stat;
	unsigned int sent = 0;
	pid_t child;
	int err;

	child = fork_child();
	if (!child) {
		close(self->device);
		await_event(self->go);
		self->device = open_device();
		stat = stat_of(self->device);
		MUST(stat.messages == stat.capacity && !stat.receivers_waiting);
		MUST(stat.admitted_messages == stat.capacity && !stat.received_messages);
		MUST(stat.owner_pid == getpid() && stat.bytes == 3 * stat.messages);
		for (uint32_t i = 0; i < stat.capacity; i++)
			MUST(next_is(self->device, "you"));
		MUST(!stat_of(self->device).messages);
		_exit(0);
	}
	while (!(err = send_text_to(self->device, child, "you")))
		sent++;
	EXPECT_EQ(-EAGAIN, err);
	EXPECT_EQ(stat_of(self->device).capacity, sent);
	tell_event(self->go);
	EXPECT_EQ(0, wait_child(child));
}

TEST_F(address, M4_12_a_thread_id_is_no_address)
{
	struct task thread;

	start_receive(&thread, self->device, 0);
	ASSERT_TRUE(until_receivers_wait(self->device, 1));
	EXPECT_NE(getpid(), thread.tid);
	EXPECT_EQ(-ESRCH, send_text_to(self->device, thread.tid, "x"));
	EXPECT_EQ(0, key_of(self->device, thread.tid));
	EXPECT_EQ(-ESRCH, receive_from(self->device, thread.tid, NULL, 0, MSGPASS_NONBLOCK));
	EXPECT_EQ(1, stat_of(self->device).receivers_waiting);
	EXPECT_EQ(0, send_text_to(self->device, getpid(), "x"));
	EXPECT_EQ(0, join(&thread));
	EXPECT_EQ(getpid(), thread.receive.sender_tid);
}

TEST_HARNESS_MAIN
