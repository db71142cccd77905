// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two things at the same moment, thousands of times (P1, P2, P4, P6, P7). Whoever
 * wins, the accounts must be right: what one side says it has sent, and nothing
 * else, the other side has received or finds in the mailbox.
 *
 * The moment is found by trying: the deadline moves towards the side that lost.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "runner.h"

#include <kselftest_harness.h>

#define ROUNDS		4000
#define RUNNERS		4

/* A slow kernel gets through fewer rounds. */
#define ENOUGH		(10 * SECOND)

static void do_nothing(int signal)
{
	(void)signal;
}

FIXTURE(race)
{
	char name[MAILBOX_NAME_SIZE];
	int device, mailbox;
	struct runner runners[RUNNERS];
	unsigned int running, round, won;
	uint64_t end;
};

FIXTURE_SETUP(race)
{
	const struct sigaction action = { .sa_handler = do_nothing };

	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	/* Mailboxes end with the last process of their namespace, whatever happens. */
	unshare(CLONE_NEWIPC);
	sigaction(SIGUSR1, &action, NULL);
	name_mailbox(self->name, "m");
	self->device = open_device();
	ASSERT_LE(0, self->device);
	self->mailbox = create_mailbox(self->device, self->name, 1, 64);
	ASSERT_LE(0, self->mailbox);
	prctl(PR_SET_TIMERSLACK, 1);
	self->end = msgpass_deadline(ENOUGH);
}

FIXTURE_TEARDOWN(race)
{
	delete_mailbox(self->mailbox);
	for (unsigned int i = 0; i < self->running; i++)
		runner_stop(&self->runners[i]);
	close(self->mailbox);
	close(self->device);
	if (self->round)
		TH_LOG("%u rounds, the first side won %u", self->round, self->won);
}

static struct runner *new_runner(struct _test_data_race *self,
				 int (*call)(struct runner *runner))
{
	struct runner *runner = &self->runners[self->running++];

	runner_start(runner, call, self->mailbox);
	return runner;
}

/* Another round? @won: who won the last, to move the deadline by. */
static bool again(struct _test_data_race *self, struct runner *runner, bool won)
{
	if (self->round) {
		self->won += won;
		if (runner)
			runner->delay += won ? -runner->delay / 16 : runner->delay / 16 + 500;
	}
	return self->round++ < ROUNDS && msgpass_deadline(0) < self->end;
}

static int send_value(int fd, uint64_t value)
{
	return send_flags(fd, &value, sizeof(value), MSGPASS_NONBLOCK);
}

/* The next message, or UINT64_MAX if there is none. */
static uint64_t take(int fd)
{
	uint64_t value;

	if (receive_flags(fd, &value, sizeof(value), MSGPASS_NONBLOCK) != sizeof(value))
		return UINT64_MAX;
	return value;
}

/* Nothing and nobody is left, and the kernel has counted @count receipts. */
static bool is_settled(int fd, uint64_t count)
{
	struct msgpass_stat stat = stat_of(fd);

	return !stat.messages && !stat.senders_waiting && !stat.receivers_waiting &&
	       stat.received_messages == count;
}

TEST_F_TIMEOUT(race, P4_21_a_message_and_the_receivers_deadline, SLOW)
{
	struct runner *receiver = new_runner(self, call_receive);

	receiver->delay = 50000;
	while (again(self, receiver, !receiver->result)) {
		go(receiver);
		ASSERT_TRUE(SOON(stat_of(self->mailbox).receivers_waiting ||
				 is_done(receiver)));
		ASSERT_EQ(0, send_value(self->mailbox, self->round));
		ASSERT_TRUE(finished(receiver));
		if (receiver->result) {
			ASSERT_EQ(-ETIMEDOUT, receiver->result);
			receiver->value = take(self->mailbox);
		}
		ASSERT_EQ(self->round, receiver->value);
		ASSERT_TRUE(is_settled(self->mailbox, self->round));
	}
}

TEST_F_TIMEOUT(race, P2_21_a_rendezvous_and_the_receivers_deadline, SLOW)
{
	struct runner *receiver = new_runner(self, call_receive);
	unsigned int sent = 0;
	int err;

	ASSERT_EQ(0, set_capacity(self->mailbox, 0));
	receiver->delay = 50000;
	while (again(self, receiver, !receiver->result)) {
		go(receiver);
		do {
			err = send_value(self->mailbox, self->round);
		} while (err == -EAGAIN && !is_done(receiver));
		ASSERT_TRUE(finished(receiver));
		/* Success on one side is success on the other, and nothing rests. */
		ASSERT_EQ(err ? -ETIMEDOUT : 0, receiver->result);
		if (!err)
			ASSERT_EQ(self->round, receiver->value);
		sent += !err;
		ASSERT_TRUE(is_settled(self->mailbox, sent));
	}
}

TEST_F_TIMEOUT(race, P6_20_a_message_and_the_receivers_signal, SLOW)
{
	struct runner *receiver = new_runner(self, call_receive);

	while (again(self, NULL, !receiver->result)) {
		go(receiver);
		ASSERT_TRUE(SOON(stat_of(self->mailbox).receivers_waiting));
		if (self->round % 2)
			syscall(SYS_tgkill, getpid(), receiver->tid, SIGUSR1);
		ASSERT_EQ(0, send_value(self->mailbox, self->round));
		if (self->round % 2 == 0)
			syscall(SYS_tgkill, getpid(), receiver->tid, SIGUSR1);
		ASSERT_TRUE(finished(receiver));
		if (receiver->result) {
			ASSERT_EQ(-EINTR, receiver->result);
			receiver->value = take(self->mailbox);
		}
		ASSERT_EQ(self->round, receiver->value);
		ASSERT_TRUE(is_settled(self->mailbox, self->round));
	}
}

TEST_F_TIMEOUT(race, P2_22_receipt_and_the_senders_deadline, SLOW)
{
	struct runner *sender = new_runner(self, call_send);
	unsigned int received = 0;
	uint64_t value;

	sender->flags = MSGPASS_SYNC;
	sender->delay = 50000;
	while (again(self, sender, !sender->result)) {
		sender->value = self->round;
		ASSERT_EQ(0, set_capacity(self->mailbox, self->round % 2));
		go(sender);
		do {
			value = take(self->mailbox);
		} while (value == UINT64_MAX && !is_done(sender));
		ASSERT_TRUE(finished(sender));
		ASSERT_EQ(value == self->round ? 0 : -ETIMEDOUT, sender->result);
		received += !sender->result;
		ASSERT_TRUE(is_settled(self->mailbox, received));
	}
}

TEST_F_TIMEOUT(race, P2_23_receipt_and_the_senders_signal, SLOW)
{
	struct runner *sender = new_runner(self, call_send);
	struct runner *receiver = new_runner(self, call_receive);
	unsigned int received = 0;

	sender->flags = MSGPASS_SYNC;
	receiver->flags = MSGPASS_NONBLOCK;
	while (again(self, NULL, !sender->result)) {
		sender->value = self->round;
		go(sender);
		ASSERT_TRUE(SOON(stat_of(self->mailbox).messages));
		go(receiver);
		for (unsigned int i = 0; i < self->round % 16; i++)
			stat_of(self->mailbox);
		syscall(SYS_tgkill, getpid(), sender->tid, SIGUSR1);
		ASSERT_TRUE(finished(receiver));
		ASSERT_TRUE(finished(sender));
		ASSERT_TRUE(!sender->result || sender->result == -EINTR);
		ASSERT_EQ(sender->result ? -EAGAIN : 0, receiver->result);
		if (!sender->result)
			ASSERT_EQ(self->round, receiver->value);
		received += !sender->result;
		ASSERT_TRUE(is_settled(self->mailbox, received));
	}
}

TEST_F_TIMEOUT(race, P2_24_room_and_the_blocked_senders_deadline, SLOW)
{
	struct runner *sender = new_runner(self, call_send);
	unsigned int received = 0;

	sender->delay = 50000;
	while (again(self, sender, !sender->result)) {
		ASSERT_EQ(0, set_capacity(self->mailbox, 1));
		ASSERT_EQ(0, send_value(self->mailbox, 0));
		sender->value = self->round;
		go(sender);
		ASSERT_TRUE(SOON(stat_of(self->mailbox).senders_waiting || is_done(sender)));
		/* Room is made by a greater capacity, or by a receipt. */
		ASSERT_EQ(0, self->round % 2 ? (uint64_t)set_capacity(self->mailbox, 2) :
					       take(self->mailbox));
		ASSERT_TRUE(finished(sender));
		if (self->round % 2)
			ASSERT_EQ(0, take(self->mailbox));
		if (sender->result)
			ASSERT_EQ(-ETIMEDOUT, sender->result);
		ASSERT_EQ(sender->result ? UINT64_MAX : self->round, take(self->mailbox));
		received += 1 + !sender->result;
		ASSERT_TRUE(is_settled(self->mailbox, received));
	}
}

TEST_F_TIMEOUT(race, P4_26_room_releases_a_blocked_sender, SLOW)
{
	struct runner *sender = new_runner(self, call_send);

	while (again(self, NULL, false)) {
		ASSERT_EQ(0, set_capacity(self->mailbox, 1));
		ASSERT_EQ(0, send_value(self->mailbox, 0));
		sender->value = self->round;
		go(sender);
		if (self->round % 4)
			ASSERT_TRUE(SOON(stat_of(self->mailbox).senders_waiting));
		ASSERT_EQ(0, self->round % 2 ? (uint64_t)set_capacity(self->mailbox, 2) :
					       take(self->mailbox));
		/* Nobody comes to receive: it is the room alone that admits it. */
		ASSERT_TRUE(finished(sender));
		ASSERT_EQ(0, sender->result);
		if (self->round % 2)
			ASSERT_EQ(0, take(self->mailbox));
		ASSERT_EQ(self->round, take(self->mailbox));
		ASSERT_TRUE(is_settled(self->mailbox, 2 * self->round));
	}
}

TEST_F_TIMEOUT(race, P1_21_a_message_given_back_and_the_receivers_deadline, SLOW)
{
	struct runner *fails = new_runner(self, call_receive);
	struct runner *receiver = new_runner(self, call_receive);

	fails->buffer = NULL;
	receiver->delay = 100000;
	while (again(self, receiver, !receiver->result)) {
		go(fails);
		ASSERT_TRUE(SOON(stat_of(self->mailbox).receivers_waiting));
		go(receiver);
		ASSERT_TRUE(SOON(stat_of(self->mailbox).receivers_waiting == 2 ||
				 is_done(receiver)));
		ASSERT_EQ(0, send_value(self->mailbox, self->round));
		ASSERT_TRUE(finished(fails));
		ASSERT_EQ(-EFAULT, fails->result);
		ASSERT_TRUE(finished(receiver));
		if (receiver->result) {
			ASSERT_EQ(-ETIMEDOUT, receiver->result);
			receiver->value = take(self->mailbox);
		}
		ASSERT_EQ(self->round, receiver->value);
		ASSERT_TRUE(is_settled(self->mailbox, self->round));
	}
}

/* Everybody is told, with one meaning, and nobody stays. */
TEST_F_TIMEOUT(race, P2_25_deletion_and_every_call, SLOW)
{
	struct runner *receiver = new_runner(self, call_receive);
	struct runner *sender = new_runner(self, call_send);
	struct runner *poller = new_runner(self, call_poll);
	struct runner *looker = new_runner(self, call_stat);
	char name[MAILBOX_NAME_SIZE];
	int mailbox;

	name_mailbox(name, "deleted");
	while (again(self, NULL, !sender->result)) {
		mailbox = create_mailbox(self->device, name, self->round % 3, 64);
		ASSERT_LE(0, mailbox);
		sender->value = self->round;
		for (unsigned int i = 0; i < RUNNERS; i++) {
			self->runners[i].fd = mailbox;
			go(&self->runners[i]);
		}
		for (unsigned int i = 0; i < self->round % 16; i++)
			sched_yield();
		ASSERT_EQ(0, delete_mailbox(mailbox));
		for (unsigned int i = 0; i < RUNNERS; i++)
			ASSERT_TRUE(finished(&self->runners[i]));
		ASSERT_TRUE(!sender->result || sender->result == -EIDRM);
		ASSERT_TRUE(!receiver->result || receiver->result == -EIDRM);
		ASSERT_TRUE(!looker->result || looker->result == -EIDRM);
		ASSERT_LT(0, poller->result);
		/* Where nothing can rest a send that succeeded was received; else it may be. */
		if (!receiver->result || self->round % 3 == 0)
			ASSERT_EQ(receiver->result, sender->result);
		if (!receiver->result)
			ASSERT_EQ(self->round, receiver->value);
		ASSERT_EQ(-EIDRM, send_value(mailbox, 0));
		close(mailbox);
	}
}

/* The test process is one end, and a fresh child, which makes the link new, the other. */
TEST_F_TIMEOUT(race, P2_26_a_link_that_both_sides_make_at_once_is_one, SLOW)
{
	int *ready = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t parent = getpid(), child;
	char text[8];

	ASSERT_NE(MAP_FAILED, ready);
	while (again(self, NULL, false)) {
		STORE(*ready, 0);
		child = fork_child();
		if (!child) {
			int device = open_device();

			STORE(*ready, 1);
			if (send_text_to(device, parent, "up") ||
			    receive_from(device, parent, text, sizeof(text), 0) != 4 ||
			    stat_of(device).admitted_messages != 1)
				_exit(1);
			_exit(0);
		}
		while (!LOAD(*ready))
			sched_yield();
		ASSERT_EQ(0, send_text_to(self->device, child, "down"));
		ASSERT_EQ(2, receive_from(self->device, child, text, sizeof(text), 0));
		ASSERT_EQ(0, wait_child(child));
		ASSERT_TRUE(is_settled(self->device, self->round));
	}
	munmap(ready, sizeof(int));
}

static pid_t fork_end(pid_t parent)
{
	pid_t pid = fork_child(), peer;
	char text[8];
	int device;

	if (pid)
		return pid;
	device = open_device();
	if (receive_from(device, parent, &peer, sizeof(peer), 0) != sizeof(peer) ||
	    send_text_to(device, peer, "peer") || send_text_to(device, parent, "last"))
		_exit(1);
	for (;;)
		receive_from(device, peer, text, sizeof(text), 0);
}

TEST_F_TIMEOUT(race, P7_20_both_ends_of_a_link_die_at_once, SLOW)
{
	char text[8];
	pid_t ends[2];

	while (again(self, NULL, false)) {
		for (int i = 0; i < 2; i++)
			ends[i] = fork_end(getpid());
		for (int i = 0; i < 2; i++) {
			struct msgpass_send send = {
				.data = (uintptr_t)&ends[!i],
				.size = sizeof(pid_t),
				.to = ends[i],
			};

			ASSERT_EQ(0, send_full(self->device, &send));
		}
		ASSERT_TRUE(SOON(stat_of(self->device).messages == 2));
		kill(ends[0], SIGKILL);
		kill(ends[1], SIGKILL);
		/* What they sent is there, and after it the news that they are not. */
		for (int i = 0; i < 2; i++) {
			ASSERT_EQ(4, receive_from(self->device, ends[i], text, sizeof(text), 0));
			ASSERT_EQ(-ESRCH, receive_from(self->device, ends[i], text, 8, 0));
			ASSERT_EQ(-SIGKILL, wait_child(ends[i]));
			ASSERT_EQ(-ESRCH, send_text_to(self->device, ends[i], "late"));
		}
		ASSERT_TRUE(is_settled(self->device, 2 * self->round));
	}
}

/* Send as many messages as @value says, waiting for room as it is told. */
static int call_produce(struct runner *runner)
{
	uint64_t count = runner->value;
	int err = 0;

	for (uint64_t i = 0; i < count && !err; i++)
		err = send_flags(runner->fd, &i, sizeof(i), 0);
	return err;
}

static int await_edge(int epoll)
{
	struct epoll_event event;

	return epoll_wait(epoll, &event, 1, PATIENCE / MILLISECOND);
}

TEST_F_TIMEOUT(race, P4_22_an_edge_triggered_reader_misses_no_message, SLOW)
{
	static const unsigned int capacities[] = { 0, 1, 4, MSGPASS_UNBOUNDED };
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	unsigned int i, kind, received;
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	for (i = 0; i < 3; i++)
		new_runner(self, call_produce)->value = ROUNDS / 4;
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->mailbox, &event));
	for (kind = 0; kind < ARRAY_LEN(capacities); kind++) {
		ASSERT_EQ(0, set_capacity(self->mailbox, capacities[kind]));
		for (i = 0; i < 3; i++)
			go(&self->runners[i]);
		for (received = 0; received < 3 * (ROUNDS / 4);) {
			ASSERT_EQ(1, await_edge(epoll));
			while (take(self->mailbox) != UINT64_MAX)
				received++;
		}
		for (i = 0; i < 3; i++) {
			ASSERT_TRUE(finished(&self->runners[i]));
			ASSERT_EQ(0, self->runners[i].result);
		}
		ASSERT_TRUE(is_settled(self->mailbox, (kind + 1) * 3 * (ROUNDS / 4)));
	}
	close(epoll);
}

static int call_consume(struct runner *runner)
{
	uint64_t count = runner->value, value;

	while (count--)
		if (receive_flags(runner->fd, &value, sizeof(value), 0) != sizeof(value))
			return 1;
	return 0;
}

TEST_F_TIMEOUT(race, P4_23_an_edge_triggered_writer_misses_no_room, SLOW)
{
	static const unsigned int capacities[] = { 0, 1, 4 };
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET };
	unsigned int i, kind, sent;
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	for (i = 0; i < 3; i++)
		new_runner(self, call_consume)->value = ROUNDS / 4;
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->mailbox, &event));
	for (kind = 0; kind < ARRAY_LEN(capacities); kind++) {
		ASSERT_EQ(0, set_capacity(self->mailbox, capacities[kind]));
		for (i = 0; i < 3; i++)
			go(&self->runners[i]);
		for (sent = 0; sent < 3 * (ROUNDS / 4);) {
			if (!send_value(self->mailbox, sent))
				sent++;
			else
				ASSERT_EQ(1, await_edge(epoll));
		}
		for (i = 0; i < 3; i++) {
			ASSERT_TRUE(finished(&self->runners[i]));
			ASSERT_EQ(0, self->runners[i].result);
		}
		ASSERT_TRUE(is_settled(self->mailbox, (kind + 1) * 3 * (ROUNDS / 4)));
	}
	close(epoll);
}

/* Until the mailbox is gone: wait as one of many, take one message. */
static int call_take_in_turn(struct runner *runner)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	int epoll = epoll_create1(EPOLL_CLOEXEC), err = 0;
	uint64_t value;

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, runner->fd, &event))
		return -errno;
	while (err != -EIDRM) {
		epoll_wait(epoll, &event, 1, -1);
		err = receive_flags(runner->fd, &value, sizeof(value), MSGPASS_NONBLOCK);
	}
	close(epoll);
	return err;
}

TEST_F_TIMEOUT(race, P4_24_among_exclusive_pollers_no_wake_up_is_lost, SLOW)
{
	uint64_t sent = 0;

	ASSERT_EQ(0, set_capacity(self->mailbox, RUNNERS));
	for (unsigned int i = 0; i < RUNNERS; i++)
		go(new_runner(self, call_take_in_turn));
	while (again(self, NULL, false)) {
		for (unsigned int i = 0; i <= self->round % RUNNERS; i++, sent++)
			ASSERT_EQ(0, send_value(self->mailbox, sent));
		ASSERT_TRUE(SOON(is_settled(self->mailbox, sent)));
	}
	ASSERT_EQ(0, delete_mailbox(self->mailbox));
	for (unsigned int i = 0; i < RUNNERS; i++) {
		ASSERT_TRUE(finished(&self->runners[i]));
		ASSERT_EQ(-EIDRM, self->runners[i].result);
	}
}

TEST_F_TIMEOUT(race, P4_25_as_many_messages_as_receivers_leave_nobody_waiting, SLOW)
{
	struct runner *producer = new_runner(self, call_produce);
	unsigned int i;

	producer->value = 1;
	for (i = 1; i < RUNNERS; i++)
		new_runner(self, call_receive);
	while (again(self, NULL, false)) {
		ASSERT_EQ(0, set_capacity(self->mailbox, self->round % 3));
		for (i = 1; i < RUNNERS; i++)
			go(&self->runners[i]);
		/* One comes from another CPU, and some find nobody waiting yet. */
		go(producer);
		for (i = 2; i < RUNNERS; i++)
			while (send_value(self->mailbox, i) == -EAGAIN)
				sched_yield();
		for (i = 0; i < RUNNERS; i++) {
			ASSERT_TRUE(finished(&self->runners[i]));
			ASSERT_EQ(0, self->runners[i].result);
		}
		ASSERT_TRUE(is_settled(self->mailbox, (RUNNERS - 1) * self->round));
	}
}

TEST_HARNESS_MAIN
