// SPDX-License-Identifier: GPL-2.0-only
/* Waiting: signals, deadlines, stops, and who is woken (P4, P6). */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

#include <kselftest_harness.h>

FIXTURE(wait)
{
	char name[MAILBOX_NAME_SIZE];
	int device, mailbox;
};

FIXTURE_SETUP(wait)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	name_mailbox(self->name, "m");
	self->device = open_device();
	ASSERT_LE(0, self->device);
	self->mailbox = create_mailbox(self->device, self->name, 1, 64);
	ASSERT_LE(0, self->mailbox);
}

FIXTURE_TEARDOWN(wait)
{
	delete_mailbox(self->mailbox);
	close(self->mailbox);
	close(self->device);
}

TEST_F(wait, P6_1_a_signal_ends_a_receive)
{
	struct task task;

	start_receive(&task, self->mailbox, 0);
	ASSERT_TRUE(until_receivers_wait(self->mailbox, 1));
	ASSERT_TRUE(until_asleep(getpid(), task.tid));
	interrupt(&task, false);
	EXPECT_EQ(-EINTR, join(&task));
	EXPECT_EQ(0, stat_of(self->mailbox).receivers_waiting);
}

TEST_F(wait, P6_2_with_sa_restart_it_starts_again)
{
	struct task task;

	start_receive(&task, self->mailbox, 0);
	ASSERT_TRUE(until_receivers_wait(self->mailbox, 1));
	for (int i = 0; i < 10; i++) {
		ASSERT_TRUE(until_asleep(getpid(), task.tid));
		interrupt(&task, true);
	}
	ASSERT_TRUE(until_receivers_wait(self->mailbox, 1));
	EXPECT_EQ(1, task.result);
	EXPECT_EQ(0, send_text(self->mailbox, "at last"));
	EXPECT_EQ(0, join(&task));
}

TEST_F(wait, P6_3_a_restarted_send_sends_once)
{
	struct task task;

	ASSERT_EQ(0, send_text(self->mailbox, "full"));
	start_send(&task, self->mailbox, "once", 0, 0);
	for (int i = 0; i < 10; i++) {
		ASSERT_TRUE(until_senders_wait(self->mailbox, 1));
		ASSERT_TRUE(until_asleep(getpid(), task.tid));
		interrupt(&task, true);
	}
	ASSERT_TRUE(until_senders_wait(self->mailbox, 1));
	EXPECT_TRUE(next_is(self->mailbox, "full"));
	EXPECT_EQ(0, join(&task));
	EXPECT_TRUE(next_is(self->mailbox, "once"));
	EXPECT_EQ(-EAGAIN, receive_flags(self->mailbox, NULL, 0, MSGPASS_NONBLOCK));
	EXPECT_EQ(2, stat_of(self->mailbox).admitted_messages);
}

TEST_F(wait, P6_4_a_deadline_ends_a_wait_and_not_before)
{
	uint64_t deadline = msgpass_deadline(30 * MILLISECOND);
	struct task task;

	start_receive(&task, self->mailbox, deadline);
	EXPECT_EQ(-ETIMEDOUT, join(&task));
	EXPECT_LE(deadline, msgpass_deadline(0));

	ASSERT_EQ(0, send_text(self->mailbox, "full"));
	deadline = msgpass_deadline(30 * MILLISECOND);
	start_send(&task, self->mailbox, "x", 0, deadline);
	EXPECT_EQ(-ETIMEDOUT, join(&task));
	EXPECT_LE(deadline, msgpass_deadline(0));
}

TEST_F(wait, P6_5_a_past_deadline_still_does_what_need_not_wait)
{
	struct task task;

	start_receive(&task, self->mailbox, 1);
	EXPECT_EQ(-ETIMEDOUT, join(&task));
	start_send(&task, self->mailbox, "x", 0, 1);
	EXPECT_EQ(0, join(&task));
	start_send(&task, self->mailbox, "y", 0, 1);
	EXPECT_EQ(-ETIMEDOUT, join(&task));
	start_receive(&task, self->mailbox, 1);
	EXPECT_EQ(0, join(&task));
}

TEST_F(wait, P6_6_a_deadline_holds_across_restarts)
{
	uint64_t deadline = msgpass_deadline(200 * MILLISECOND);
	struct task task;

	start_receive(&task, self->mailbox, deadline);
	while (UNTIL(stat_of(self->mailbox).receivers_waiting == 1 || LOAD(task.result) != 1) &&
	       msgpass_deadline(0) + 50 * MILLISECOND < deadline)
		interrupt(&task, true);
	EXPECT_EQ(-ETIMEDOUT, join(&task));
	EXPECT_LE(deadline, msgpass_deadline(0));
}

TEST_F(wait, P6_7_sigkill_ends_every_kind_of_wait)
{
	enum { RECEIVE, SEND, SYNC, INBOX, KINDS };

	for (int kind = 0; kind < KINDS; kind++) {
		struct msgpass_stat stat;
		pid_t child;

		if (kind == SEND)
			ASSERT_EQ(0, send_text(self->mailbox, "full"));
		child = fork_child();
		if (!child) {
			if (kind == RECEIVE)
				receive_flags(self->mailbox, NULL, 0, 0);
			else if (kind == INBOX)
				receive_flags(self->device, NULL, 0, 0);
			else
				send_flags(self->mailbox, "x", 1,
					   kind == SYNC ? MSGPASS_SYNC : 0);
			_exit(1);
		}
		if (kind == RECEIVE)
			ASSERT_TRUE(until_receivers_wait(self->mailbox, 1));
		if (kind == SEND)
			ASSERT_TRUE(until_senders_wait(self->mailbox, 1));
		if (kind == SYNC)
			ASSERT_TRUE(until_messages(self->mailbox, 1));
		ASSERT_TRUE(until_asleep(child, child));
		kill(child, SIGKILL);
		EXPECT_EQ(-SIGKILL, wait_child(child));
		if (kind == SEND)
			EXPECT_TRUE(next_is(self->mailbox, "full"));
		stat = stat_of(self->mailbox);
		EXPECT_EQ(0, stat.messages);
		EXPECT_EQ(0, stat.receivers_waiting);
		EXPECT_EQ(0, stat.senders_waiting);
	}
}

TEST_F(wait, P6_8_stop_and_continue_do_not_end_a_wait)
{
	char text[8];
	pid_t child;

	child = fork_child();
	if (!child)
		_exit(receive_flags(self->mailbox, text, sizeof(text), 0) != 2);
	ASSERT_TRUE(until_receivers_wait(self->mailbox, 1));
	ASSERT_TRUE(until_asleep(child, child));
	for (int i = 0; i < 3; i++) {
		kill(child, SIGSTOP);
		ASSERT_TRUE(until_state(child, child, 'T'));
		kill(child, SIGCONT);
		ASSERT_TRUE(until_receivers_wait(self->mailbox, 1));
		ASSERT_TRUE(until_asleep(child, child));
	}
	EXPECT_EQ(0, send_text(self->mailbox, "on"));
	EXPECT_EQ(0, wait_child(child));
}

TEST_F(wait, M9_2_o_nonblock_is_as_good_as_the_flag)
{
	EXPECT_EQ(0, fcntl(self->mailbox, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, receive_flags(self->mailbox, NULL, 0, 0));
	EXPECT_EQ(0, send_flags(self->mailbox, "x", 1, 0));
	EXPECT_EQ(-EAGAIN, send_flags(self->mailbox, "x", 1, 0));
	EXPECT_EQ(-EINVAL, send_flags(self->mailbox, "x", 1, MSGPASS_SYNC));
	EXPECT_EQ(0, fcntl(self->device, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, receive_flags(self->device, NULL, 0, 0));
}

/* Every operation that can wait, where it has to: who has patience for it? */
struct hopeless {
	const char *name;
	unsigned int capacity;
	bool full, receives, direct, from;
	unsigned int flags;
};

static const struct hopeless hopeless[] = {
	{ .name = "send, full", .capacity = 1, .full = true },
	{ .name = "send, capacity 0", .capacity = 0 },
	{ .name = "receive, empty", .capacity = 1, .receives = true },
	{ .name = "receive, capacity 0", .capacity = 0, .receives = true },
	{ .name = "send to an inbox, full", .direct = true, .full = true },
	{ .name = "receive from the inbox", .direct = true, .receives = true },
	{ .name = "receive from one", .direct = true, .receives = true, .from = true },
	{ .name = "synchronous send", .capacity = 1, .flags = MSGPASS_SYNC },
	{ .name = "synchronous send, full", .capacity = 1, .full = true,
	  .flags = MSGPASS_SYNC },
	{ .name = "synchronous send, unbounded", .capacity = MSGPASS_UNBOUNDED,
	  .flags = MSGPASS_SYNC },
	{ .name = "synchronous send to an inbox", .direct = true, .flags = MSGPASS_SYNC },
};

/* Make it so that the operation has to wait; the inbox as empty as before. */
static bool prepare(int fd, const struct hopeless *how)
{
	struct msgpass_set set = {
		.flags = MSGPASS_SET_CAPACITY,
		.capacity = how->direct ? 1 : how->capacity,
	};

	if (set_mailbox(fd, &set))
		return false;
	if (!how->full)
		return true;
	return !(how->direct ? send_text_to(fd, getpid(), "full") : send_text(fd, "full"));
}

static void fill_in(struct task *task, int fd, const struct hopeless *how,
		    uint64_t deadline, unsigned int flags)
{
	*task = (struct task){
		.fd = fd,
		.receives = how->receives,
		.receive = {
			.flags = flags,
			.from = how->from ? getppid() : 0,
			.deadline = deadline,
		},
		.send = {
			.flags = flags | how->flags,
			.to = how->direct ? getpid() : 0,
			.deadline = deadline,
		},
	};
}

/* What was there before is there after it, and nothing else. */
static bool is_as_before(int fd, const struct hopeless *how)
{
	return (!how->full || next_is(fd, "full")) && !stat_of(fd).messages &&
	       !stat_of(fd).senders_waiting && !stat_of(fd).receivers_waiting;
}

TEST_F(wait, M10_1_a_deadline_ends_every_operation_that_waits)
{
	for (size_t i = 0; i < ARRAY_LEN(hopeless); i++) {
		const struct hopeless *how = &hopeless[i];
		int fd = how->direct ? self->device : self->mailbox;
		uint64_t deadline;
		struct task task;

		ASSERT_TRUE(prepare(fd, how));
		deadline = msgpass_deadline(20 * MILLISECOND);
		fill_in(&task, fd, how, deadline, 0);
		start(&task);
		EXPECT_EQ(-ETIMEDOUT, join(&task))
			TH_LOG("%s", how->name);
		EXPECT_LE(deadline, msgpass_deadline(0));
		EXPECT_TRUE(is_as_before(fd, how))
			TH_LOG("%s", how->name);
	}
}

TEST_F(wait, M10_2_one_that_has_passed_ends_it_at_once)
{
	for (size_t i = 0; i < ARRAY_LEN(hopeless); i++) {
		const struct hopeless *how = &hopeless[i];
		int fd = how->direct ? self->device : self->mailbox;
		struct task task;

		ASSERT_TRUE(prepare(fd, how));
		fill_in(&task, fd, how, 1, 0);
		start(&task);
		EXPECT_EQ(-ETIMEDOUT, join(&task))
			TH_LOG("%s", how->name);
		EXPECT_TRUE(is_as_before(fd, how));
	}
}

TEST_F(wait, M10_3_the_farthest_waits_and_can_be_interrupted)
{
	for (size_t i = 0; i < ARRAY_LEN(hopeless); i++) {
		const struct hopeless *how = &hopeless[i];
		int fd = how->direct ? self->device : self->mailbox;
		struct task task;

		ASSERT_TRUE(prepare(fd, how));
		fill_in(&task, fd, how, INT64_MAX, 0);
		start(&task);
		ASSERT_TRUE(until_asleep(getpid(), task.tid));
		EXPECT_EQ(1, task.result);
		interrupt(&task, false);
		EXPECT_EQ(-EINTR, join(&task))
			TH_LOG("%s", how->name);
		EXPECT_TRUE(is_as_before(fd, how));
	}
}

TEST_F(wait, M9_3_what_would_wait_is_eagain_without_patience)
{
	for (size_t i = 0; i < ARRAY_LEN(hopeless); i++) {
		const struct hopeless *how = &hopeless[i];
		int fd = how->direct ? self->device : self->mailbox;
		/* A synchronous send that does not wait makes no sense. */
		int expected = how->flags ? -EINVAL : -EAGAIN;
		struct task task;

		ASSERT_TRUE(prepare(fd, how));
		fill_in(&task, fd, how, 0, MSGPASS_NONBLOCK);
		start(&task);
		EXPECT_EQ(expected, join(&task))
			TH_LOG("%s", how->name);
		/* A deadline gives it no more patience. */
		fill_in(&task, fd, how, INT64_MAX, MSGPASS_NONBLOCK);
		start(&task);
		EXPECT_EQ(expected, join(&task));
		EXPECT_TRUE(is_as_before(fd, how));
	}
}

/* Voluntary context switches of a thread: how often it slept. */
static unsigned int slept(pid_t tid)
{
	unsigned int count = 0;
	char path[64], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "voluntary_ctxt_switches: %u", &count) == 1)
			break;
	if (file)
		fclose(file);
	return count;
}

TEST_F(wait, P4_1_one_message_wakes_one_receiver)
{
	struct task tasks[8];
	unsigned int before[8];
	int i;

	for (i = 0; i < 8; i++) {
		start_receive(&tasks[i], self->mailbox, 0);
		ASSERT_TRUE(until_receivers_wait(self->mailbox, i + 1));
		ASSERT_TRUE(until_asleep(getpid(), tasks[i].tid));
		before[i] = slept(tasks[i].tid);
	}
	EXPECT_EQ(0, send_text(self->mailbox, "for one"));
	EXPECT_EQ(0, join(&tasks[0]));
	EXPECT_EQ(7, stat_of(self->mailbox).receivers_waiting);
	/* Had another been woken, it would have slept once more by now. */
	for (i = 1; i < 8; i++)
		ASSERT_TRUE(until_asleep(getpid(), tasks[i].tid));
	for (i = 1; i < 8; i++)
		EXPECT_EQ(before[i], slept(tasks[i].tid));
	EXPECT_EQ(0, delete_mailbox(self->mailbox));
	for (i = 1; i < 8; i++)
		EXPECT_EQ(-EIDRM, join(&tasks[i]));
}

/* Of a slow machine no more is asked. */
#define ENOUGH		(60 * SECOND)

TEST_F_TIMEOUT(wait, P4_2_a_receiver_killed_as_it_is_woken_passes_the_message_on, SLOW)
{
	uint64_t limit = msgpass_deadline(ENOUGH);

	/* The kill races with the hand-over: either way the message stays ours. */
	for (int i = 0; i < 1000 && (i < 100 || msgpass_deadline(0) < limit); i++) {
		pid_t child = fork_child();
		struct msgpass_stat stat;
		char text;
		int size;

		if (!child) {
			receive_flags(self->mailbox, &text, 1, 0);
			_exit(0);
		}
		ASSERT_TRUE(until_receivers_wait(self->mailbox, 1));
		if (i % 2) {
			kill(child, SIGKILL);
			ASSERT_EQ(0, send_flags(self->mailbox, "x", 1, 0));
		} else {
			ASSERT_EQ(0, send_flags(self->mailbox, "x", 1, 0));
			kill(child, SIGKILL);
		}
		wait_child(child);
		stat = stat_of(self->mailbox);
		ASSERT_EQ(0, stat.receivers_waiting);
		ASSERT_EQ(stat.admitted_messages, stat.received_messages + stat.messages);
		if (stat.messages) {
			size = receive_flags(self->mailbox, &text, 1, MSGPASS_NONBLOCK);
			ASSERT_EQ(1, size);
		}
	}
}

/* A receiver on one CPU, which is ours, too. */
static pid_t fork_receiver(int mailbox)
{
	pid_t child;

	MUST(pin(0));
	child = fork_child();
	if (!child) {
		char text;

		receive_flags(mailbox, &text, 1, 0);
		_exit(0);
	}
	MUST(until_receivers_wait(mailbox, 1));
	MUST(until_asleep(child, child));
	return child;
}

/*
 * With priority over that receiver we are sure that it has been handed the message
 * and has not run since when it is killed. Return false if we have no such priority.
 */
static bool send_and_kill(struct __test_metadata *_metadata, int mailbox, pid_t child)
{
	const struct sched_param fifo = { .sched_priority = 1 };
	const struct sched_param other = { };
	bool first = !sched_setscheduler(0, SCHED_FIFO, &fifo);

	if (first)
		EXPECT_EQ(0, send_flags(mailbox, "x", 1, MSGPASS_NONBLOCK));
	kill(child, SIGKILL);
	sched_setscheduler(0, SCHED_OTHER, &other);
	EXPECT_EQ(-SIGKILL, wait_child(child));
	return first;
}

TEST_F(wait, P1_9_a_receiver_killed_before_it_ran_leaves_the_message)
{
	pid_t child = fork_receiver(self->mailbox);

	if (!send_and_kill(_metadata, self->mailbox, child))
		SKIP(return, "needs the right to real-time priority");
	EXPECT_EQ(0, stat_of(self->mailbox).received_messages);
	EXPECT_TRUE(next_is(self->mailbox, "x"));
}

TEST_F(wait, P4_140_a_receiver_killed_before_it_ran_passes_it_to_the_next_who_waits)
{
	pid_t child = fork_receiver(self->mailbox);
	struct task next;
	bool first;

	start_receive(&next, self->mailbox, msgpass_deadline(20 * SECOND));
	EXPECT_TRUE(until_receivers_wait(self->mailbox, 2));
	EXPECT_TRUE(until_asleep(getpid(), next.tid));
	first = send_and_kill(_metadata, self->mailbox, child);
	if (!first)
		EXPECT_EQ(0, send_flags(self->mailbox, "x", 1, MSGPASS_NONBLOCK));
	EXPECT_EQ(0, join(&next));
	EXPECT_EQ(1, stat_of(self->mailbox).received_messages);
	if (!first)
		SKIP(return, "needs the right to real-time priority");
}

/* Whether the call comes to its end, without a signal; what it returned is in @task. */
static bool ends(struct task *task)
{
	bool ended = UNTIL(LOAD(task->result) != 1);

	if (!ended)
		interrupt(task, false);
	join(task);
	return ended;
}

TEST_F(wait, P4_141_two_who_are_released_at_once_are_woken_both)
{
	struct task received, admitted;

	start_send(&received, self->mailbox, "first", MSGPASS_SYNC, 0);
	EXPECT_TRUE(until_messages(self->mailbox, 1));
	EXPECT_TRUE(until_asleep(getpid(), received.tid));
	start_send(&admitted, self->mailbox, "second", 0, 0);
	EXPECT_TRUE(until_senders_wait(self->mailbox, 1));
	EXPECT_TRUE(until_asleep(getpid(), admitted.tid));
	/* The receipt of the one is the admission of the other. */
	EXPECT_TRUE(next_is(self->mailbox, "first"));
	EXPECT_TRUE(ends(&received));
	EXPECT_TRUE(ends(&admitted));
	EXPECT_EQ(0, received.result);
	EXPECT_EQ(0, admitted.result);
	EXPECT_TRUE(next_is(self->mailbox, "second"));
}

TEST_F_TIMEOUT(wait, P4_3_no_wake_up_is_lost, SLOW)
{
	uint64_t limit = msgpass_deadline(ENOUGH);
	struct task task;
	char text[8];
	pid_t child;
	int back;

	/* Ping-pong through one slot each way: a lost wake-up hangs it. */
	back = create_unnamed(self->device, 1, 64, 0600);
	ASSERT_LE(0, back);
	child = fork_child();
	if (!child) {
		int size;

		while ((size = receive_flags(self->mailbox, text, sizeof(text), 0)) == 4)
			MUST(!send_flags(back, text, 4, 0));
		_exit(size != 0);
	}
	for (int i = 0; i < 20000 && msgpass_deadline(0) < limit; i++) {
		ASSERT_EQ(0, send_flags(self->mailbox, &i, sizeof(i), 0));
		ASSERT_EQ(4, receive_flags(back, text, sizeof(text), 0));
		ASSERT_EQ(0, memcmp(text, &i, sizeof(i)));
	}
	ASSERT_EQ(0, send_flags(self->mailbox, "", 0, 0));
	EXPECT_EQ(0, wait_child(child));

	/* The same with deadlines that pass at that very moment. */
	for (int i = 0; i < 500; i++) {
		start_receive(&task, self->mailbox, msgpass_deadline(i * 1000));
		ASSERT_EQ(0, send_text(self->mailbox, "x"));
		if (join(&task)) {
			ASSERT_EQ(-ETIMEDOUT, task.result);
			ASSERT_TRUE(next_is(self->mailbox, "x"));
		}
		ASSERT_EQ(0, stat_of(self->mailbox).messages);
	}
	close(back);
}

TEST_HARNESS_MAIN
