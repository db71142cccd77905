// SPDX-License-Identifier: GPL-2.0-only
/* Messages when memory or a user copy fails: none lost, none twice (P1, P2, P10, P12). */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"

#include <kselftest_harness.h>

#define BOTH	(FAULT_ALLOCATION | FAULT_COPY)
/* More than there is in one block: the kernel puts it together of pages. */
#define BIG	((4 << 20) + 4096)

FIXTURE(fault_message)
{
	struct scene scene;
	char *big, *buffer;
};

FIXTURE_SETUP(fault_message)
{
	NEEDS_FAULTS();
	self->big = malloc(BIG);
	self->buffer = malloc(BIG);
	ASSERT_TRUE(self->big && self->buffer);
	/* Now, so that no page is missing when it is copied. */
	memset(self->big, 'b', BIG);
	memset(self->buffer, 0, BIG);
	ASSERT_TRUE(scene_open(&self->scene));
}

FIXTURE_TEARDOWN(fault_message)
{
	scene_close(&self->scene);
	free(self->buffer);
	free(self->big);
}

/* Nothing has come into the mailbox, nobody waits there, since it was @before. */
static bool is_as(int fd, const struct msgpass_stat *before)
{
	struct msgpass_stat now = stat_of(fd);

	return !memcmp(&now, before, sizeof(now));
}

static bool is_empty(int fd)
{
	char text[8];

	return receive_flags(fd, text, sizeof(text), MSGPASS_NONBLOCK) == -EAGAIN;
}

TEST_F_TIMEOUT(fault_message, P2_60_a_message_was_sent_or_is_not_there, SLOW)
{
	struct scene *scene = &self->scene;
	struct msgpass_stat before;

	while (fault_next(scene->fault)) {
		before = stat_of(scene->mailbox);
		if (UNDER_FAULT(scene->fault, send_text(scene->mailbox, "text"))) {
			EXPECT_TRUE(is_as(scene->mailbox, &before));
			EXPECT_EQ(0, send_text(scene->mailbox, "text"));
		}
		ASSERT_EQ(before.admitted_messages + 1,
			  stat_of(scene->mailbox).admitted_messages);
		ASSERT_TRUE(next_is(scene->mailbox, "text"));
		ASSERT_TRUE(is_empty(scene->mailbox));
	}
	EXPECT_FAULTS(scene, BOTH);
}

/* Send to a receiver that waits, which may fail, or else once more; whether all is well. */
static bool send_to_waiting(struct scene *scene, unsigned int flags)
{
	struct msgpass_stat before = stat_of(scene->mailbox);

	if (!UNDER_FAULT(scene->fault, send_flags(scene->mailbox, "text", 4, flags)))
		return true;
	return is_as(scene->mailbox, &before) &&
	       !send_flags(scene->mailbox, "text", 4, flags);
}

static bool hand_over(struct scene *scene, unsigned int flags)
{
	uint64_t admitted = stat_of(scene->mailbox).admitted_messages;
	struct task receiver;
	bool sent;

	start_receive(&receiver, scene->mailbox, msgpass_deadline(20 * SECOND));
	sent = until_receivers_wait(scene->mailbox, 1) && send_to_waiting(scene, flags);
	return !join(&receiver) && sent && receiver.receive.size == 4 &&
	       !memcmp(receiver.text, "text", 4) && is_empty(scene->mailbox) &&
	       stat_of(scene->mailbox).admitted_messages == admitted + 1;
}

TEST_F_TIMEOUT(fault_message, P2_61_a_message_is_handed_over_or_the_receiver_waits_on, SLOW)
{
	while (fault_next(self->scene.fault))
		ASSERT_TRUE(hand_over(&self->scene, MSGPASS_NONBLOCK));
	EXPECT_FAULTS(&self->scene, BOTH);
}

TEST_F_TIMEOUT(fault_message, P2_62_a_synchronous_send_is_received_or_not_there, SLOW)
{
	while (fault_next(self->scene.fault))
		ASSERT_TRUE(hand_over(&self->scene, MSGPASS_SYNC));
	EXPECT_FAULTS(&self->scene, BOTH);
}

/* A child that never uses the device until it is told; then it counts its messages. */
static pid_t fork_addressee(int device, int told)
{
	pid_t pid = fork_child();
	int count = 0;

	if (pid)
		return pid;
	await_event(told);
	for (; !is_empty(device); count++)
		;
	_exit(count);
}

TEST_F_TIMEOUT(fault_message, P2_63_the_first_message_to_a_process_was_sent_or_is_not_there, SLOW)
{
	struct scene *scene = &self->scene;
	int told = open_event();

	while (fault_next(scene->fault)) {
		pid_t child = fork_addressee(scene->device, told);

		if (UNDER_FAULT(scene->fault, send_text_to(scene->device, child, "first")))
			EXPECT_EQ(0, send_text_to(scene->device, child, "first"));
		tell_event(told);
		EXPECT_EQ(1, wait_child(child));
	}
	close(told);
	EXPECT_FAULTS(scene, BOTH);
}

TEST_F_TIMEOUT(fault_message, P2_64_a_new_process_has_sent_or_it_is_not_there, SLOW)
{
	struct scene *scene = &self->scene;

	while (fault_next(scene->fault)) {
		pid_t child = fork_new_user();

		if (!child) {
			if (UNDER_FAULT(scene->fault, send_text(scene->mailbox, "text"))) {
				MUST(!stat_of(scene->mailbox).messages);
				MUST(!send_text(scene->mailbox, "text"));
			}
			_exit(0);
		}
		ASSERT_EQ(0, wait_child(child));
		ASSERT_TRUE(next_is(scene->mailbox, "text"));
		ASSERT_TRUE(is_empty(scene->mailbox));
	}
	EXPECT_FAULTS(scene, BOTH);
}

static bool is_whole(const char *buffer, size_t size)
{
	return buffer[0] == 'b' && !memcmp(buffer, buffer + 1, size - 1);
}

/* Send a message of that size; whether it was, and is received, or is not there. */
static bool send_size(struct scene *scene, const char *data, char *buffer, int size)
{
	struct msgpass_stat before = stat_of(scene->mailbox);

	if (UNDER_FAULT(scene->fault, send_flags(scene->mailbox, data, size, 0)) &&
	    (!is_as(scene->mailbox, &before) || send_flags(scene->mailbox, data, size, 0)))
		return false;
	memset(buffer, 0, size);
	return stat_of(scene->mailbox).messages == 1 &&
	       receive_flags(scene->mailbox, buffer, size, MSGPASS_NONBLOCK) == size &&
	       is_whole(buffer, size) && is_empty(scene->mailbox);
}

TEST_F_TIMEOUT(fault_message, P2_65_a_message_of_a_kilobyte_was_sent_or_is_not_there, SLOW)
{
	while (fault_next(self->scene.fault))
		ASSERT_TRUE(send_size(&self->scene, self->big, self->buffer, 1024));
	EXPECT_FAULTS(&self->scene, BOTH);
}

TEST_F_TIMEOUT(fault_message, P2_66_a_message_of_megabytes_was_sent_or_is_not_there, SLOW)
{
	while (fault_next(self->scene.fault))
		ASSERT_TRUE(send_size(&self->scene, self->big, self->buffer, BIG));
	EXPECT_FAULTS(&self->scene, BOTH);
}

#define LENT	(128 * 1024)

/* The same to a receiver that waits: where it cannot be lent, a copy is sent. */
static bool hand_over_large(struct scene *scene, const char *data, char *buffer)
{
	struct msgpass_stat before = stat_of(scene->mailbox);
	struct task receiver = {
		.fd = scene->mailbox,
		.receives = true,
		.receive = { .buffer = (uintptr_t)buffer, .buffer_size = LENT },
	};
	bool sent;

	receiver.receive.deadline = msgpass_deadline(20 * SECOND);
	memset(buffer, 0, LENT);
	start(&receiver);
	sent = until_receivers_wait(scene->mailbox, 1);
	before.receivers_waiting = 1;
	if (sent && UNDER_FAULT(scene->fault, send_flags(scene->mailbox, data, LENT, 0)))
		sent = is_as(scene->mailbox, &before) &&
		       !send_flags(scene->mailbox, data, LENT, 0);
	return !join(&receiver) && sent && receiver.receive.size == LENT &&
	       is_whole(buffer, LENT) && is_empty(scene->mailbox);
}

TEST_F_TIMEOUT(fault_message, P2_173_a_large_message_is_handed_over_or_not_there, SLOW)
{
	while (fault_next(self->scene.fault))
		ASSERT_TRUE(hand_over_large(&self->scene, self->big, self->buffer));
	EXPECT_FAULTS(&self->scene, BOTH);
}

static int receive_text(int fd, char text[64])
{
	return receive_flags(fd, text, 64, MSGPASS_NONBLOCK);
}

TEST_F_TIMEOUT(fault_message, P1_60_a_message_is_received_or_stays_the_next, SLOW)
{
	struct scene *scene = &self->scene;
	struct msgpass_stat before;
	char text[64] = "";

	NEEDS_COPIES();
	while (fault_next(scene->fault)) {
		ASSERT_EQ(0, send_text(scene->mailbox, "one"));
		ASSERT_EQ(0, send_text(scene->mailbox, "two"));
		before = stat_of(scene->mailbox);
		if (UNDER_FAULT(scene->fault, receive_text(scene->mailbox, text)) < 0) {
			ASSERT_TRUE(is_as(scene->mailbox, &before));
			ASSERT_TRUE(next_is(scene->mailbox, "one"));
		} else {
			ASSERT_EQ(0, memcmp(text, "one", 3));
		}
		ASSERT_TRUE(next_is(scene->mailbox, "two"));
		ASSERT_TRUE(is_empty(scene->mailbox));
	}
	EXPECT_FAULTS(scene, FAULT_COPY);
}

TEST_F_TIMEOUT(fault_message, P1_61_a_big_message_is_received_or_stays_whole, SLOW)
{
	struct scene *scene = &self->scene;

	NEEDS_COPIES();
	while (fault_next(scene->fault)) {
		ASSERT_EQ(0, send_flags(scene->mailbox, self->big, BIG, 0));
		memset(self->buffer, 0, BIG);
		if (UNDER_FAULT(scene->fault, receive_flags(scene->mailbox, self->buffer,
							    BIG, MSGPASS_NONBLOCK)) < 0)
			ASSERT_EQ(BIG, receive_flags(scene->mailbox, self->buffer, BIG,
						     MSGPASS_NONBLOCK));
		ASSERT_TRUE(is_whole(self->buffer, BIG));
		ASSERT_TRUE(is_empty(scene->mailbox));
	}
	EXPECT_FAULTS(scene, FAULT_COPY);
}

TEST_F_TIMEOUT(fault_message, P1_62_a_failed_receive_releases_no_sender, SLOW)
{
	struct scene *scene = &self->scene;
	struct task sync, blocked;
	char text[64];

	NEEDS_COPIES();
	while (fault_next(scene->fault)) {
		uint64_t deadline = msgpass_deadline(20 * SECOND);

		start_send(&sync, scene->mailbox, "sync", MSGPASS_SYNC, deadline);
		EXPECT_TRUE(until_messages(scene->mailbox, 1));
		for (int i = 0; i < 3; i++)
			EXPECT_EQ(0, send_text(scene->mailbox, "rest"));
		start_send(&blocked, scene->mailbox, "late", 0, deadline);
		EXPECT_TRUE(until_senders_wait(scene->mailbox, 1));
		if (UNDER_FAULT(scene->fault, receive_text(scene->mailbox, text)) < 0) {
			EXPECT_EQ(4, stat_of(scene->mailbox).messages);
			EXPECT_EQ(1, stat_of(scene->mailbox).senders_waiting);
			EXPECT_TRUE(until_asleep(getpid(), sync.tid));
			EXPECT_TRUE(next_is(scene->mailbox, "sync"));
		}
		EXPECT_EQ(0, join(&sync));
		EXPECT_EQ(0, join(&blocked));
		for (int i = 0; i < 3; i++)
			EXPECT_TRUE(next_is(scene->mailbox, "rest"));
		EXPECT_TRUE(next_is(scene->mailbox, "late"));
		EXPECT_TRUE(is_empty(scene->mailbox));
	}
	EXPECT_FAULTS(scene, FAULT_COPY);
}

TEST_F_TIMEOUT(fault_message, P1_63_a_message_of_a_process_is_received_or_stays, SLOW)
{
	struct scene *scene = &self->scene;
	pid_t parent = getpid();
	char text[64];

	NEEDS_COPIES();
	while (fault_next(scene->fault)) {
		pid_t child = fork_child();
		int size;

		if (!child) {
			MUST(!send_text_to(scene->device, parent, "one"));
			MUST(!send_text_to(scene->device, parent, "two"));
			for (;;)
				pause();
		}
		EXPECT_EQ(0, send_text_to(scene->device, parent, "self"));
		EXPECT_TRUE(until_messages(scene->device, 3));
		size = UNDER_FAULT(scene->fault, receive_from(scene->device, child, text, 64,
							      MSGPASS_NONBLOCK));
		if (size < 0) {
			EXPECT_EQ(3, stat_of(scene->device).messages);
			size = receive_from(scene->device, child, text, 64, MSGPASS_NONBLOCK);
		}
		EXPECT_EQ(3, size);
		EXPECT_EQ(0, memcmp(text, "one", 3));
		EXPECT_EQ(3, receive_from(scene->device, child, text, 64, MSGPASS_NONBLOCK));
		EXPECT_EQ(0, memcmp(text, "two", 3));
		EXPECT_TRUE(next_is(scene->device, "self"));
		EXPECT_TRUE(is_empty(scene->device));
		end_child(child);
	}
	EXPECT_FAULTS(scene, FAULT_COPY);
}

/**
 * struct receiver - a receive in a thread, which may fail there
 * @scene: from its mailbox
 * @text: what was received
 * @result: 0 or -errno
 * @done: the call has ended
 */
struct receiver {
	struct scene *scene;
	char text[64];
	int result;
	bool done;
};

static void *run_receiver(void *argument)
{
	struct receiver *self = argument;
	struct scene *scene = self->scene;
	struct msgpass_receive receive = {
		.buffer = (uintptr_t)self->text,
		.buffer_size = sizeof(self->text),
		.deadline = msgpass_deadline(20 * SECOND),
	};

	self->result = UNDER_FAULT(scene->fault, receive_full(scene->mailbox, &receive));
	__atomic_store_n(&self->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* One that waits, or has failed before it could. */
static void start_receiver(struct receiver *self, pthread_t *thread)
{
	struct scene *scene = self->scene;

	if (pthread_create(thread, NULL, run_receiver, self))
		abort();
	while (!__atomic_load_n(&self->done, __ATOMIC_ACQUIRE) &&
	       !stat_of(scene->mailbox).receivers_waiting)
		sched_yield();
}

TEST_F_TIMEOUT(fault_message, P1_64_what_a_receiver_fails_on_goes_to_the_next, SLOW)
{
	struct scene *scene = &self->scene;

	NEEDS_COPIES();
	while (fault_next(scene->fault)) {
		struct receiver first = { .scene = scene };
		struct task second;
		pthread_t thread;

		start_receiver(&first, &thread);
		start_receive(&second, scene->mailbox, msgpass_deadline(20 * SECOND));
		EXPECT_TRUE(until_receivers_wait(scene->mailbox, first.done ? 1 : 2));
		EXPECT_EQ(0, send_text(scene->mailbox, "one"));
		pthread_join(thread, NULL);
		if (!first.result) {
			EXPECT_EQ(0, memcmp(first.text, "one", 3));
			EXPECT_EQ(0, send_text(scene->mailbox, "one"));
		}
		EXPECT_EQ(0, join(&second));
		EXPECT_EQ(0, memcmp(second.text, "one", 3));
		EXPECT_TRUE(is_empty(scene->mailbox));
	}
	EXPECT_FAULTS(scene, FAULT_COPY);
}

TEST_F_TIMEOUT(fault_message, P12_74_receiving_from_a_new_process_fails_clean, SLOW)
{
	struct scene *scene = &self->scene;
	char text[64];

	while (fault_next(scene->fault)) {
		pid_t child = fork_sleeper();
		int err;

		err = UNDER_FAULT_USUALLY(scene->fault,
					  receive_from(scene->device, child, text, 64,
						       MSGPASS_NONBLOCK), -EAGAIN);
		if (err != -EAGAIN)
			EXPECT_EQ(-EAGAIN, receive_from(scene->device, child, text, 64,
							MSGPASS_NONBLOCK));
		end_child(child);
		EXPECT_EQ(-ESRCH, receive_from(scene->device, child, text, 64,
					       MSGPASS_NONBLOCK));
	}
	EXPECT_FAULTS(scene, BOTH);
}

TEST_F_TIMEOUT(fault_message, P12_75_a_new_process_at_an_inherited_device_receives, SLOW)
{
	struct scene *scene = &self->scene;

	while (fault_next(scene->fault)) {
		pid_t child = fork_new_user();
		char text[64];

		if (!child) {
			UNDER_FAULT_USUALLY(scene->fault,
					    receive_text(scene->device, text), -EAGAIN);
			MUST(!send_text_to(scene->device, getpid(), "self"));
			MUST(next_is(scene->device, "self"));
			_exit(0);
		}
		ASSERT_EQ(0, wait_child(child));
	}
	EXPECT_FAULTS(scene, BOTH);
}

/* Who ends with all that it has; what in its end may fail, does. */
static void end_badly(struct scene *scene, pid_t parent)
{
	int fd = create_mailbox(scene->device, scene->other, 4, 64);
	const struct msgpass_create create = {
		.flags = MSGPASS_PROCESS_OWNED,
		.access = MSGPASS_ACCESS_BOTH,
		.name = (uintptr_t)scene->other,
		.capacity = 4,
		.mode = 0600,
	};

	MUST(fd >= 0 && !delete_mailbox(fd));
	fd = create_full(scene->device, &create);
	MUST(fd >= 0);
	MUST(!send_text(fd, "owned"));
	MUST(!send_text(scene->mailbox, "shared"));
	MUST(!send_text_to(scene->device, parent, "direct"));
	MUST(!send_text_to(scene->device, getpid(), "self"));
	fault_arm(scene->fault);
	_exit(0);
}

/*
 * A process ends in any case. Whether a fault has come it can no longer say, so
 * the rounds are counted.
 */
TEST_F_TIMEOUT(fault_message, P1_65_an_end_under_faults_loses_no_message, SLOW)
{
	struct scene *scene = &self->scene;
	pid_t parent = getpid();
	pid_t child;

	for (scene->fault->nth = 1; scene->fault->nth <= 10; scene->fault->nth++) {
		child = fork_child();
		if (!child)
			end_badly(scene, parent);
		ASSERT_EQ(0, wait_child(child));
		EXPECT_TRUE(next_is(scene->mailbox, "shared"));
		EXPECT_TRUE(next_is(scene->device, "direct"));
		EXPECT_TRUE(scene_is_as_before(scene));
		EXPECT_EQ(-ENOENT, open_mailbox(scene->device, scene->other, 0));
	}
	EXPECT_FALSE(scene->fault->wrong);
}

TEST_F_TIMEOUT(fault_message, P10_62_failed_sends_use_nothing_up, SLOW)
{
	struct scene *scene = &self->scene;

	scene->fault->sweeps = 100;
	scene->fault->limit = msgpass_deadline(3 * SECOND);
	while (fault_next(scene->fault))
		if (!UNDER_FAULT(scene->fault, send_text(scene->mailbox, "text")))
			EXPECT_TRUE(next_is(scene->mailbox, "text"));
	EXPECT_FAULTS(scene, BOTH);
}

TEST_F_TIMEOUT(fault_message, P10_63_failed_sends_to_new_processes_use_nothing_up, SLOW)
{
	struct scene *scene = &self->scene;

	scene->fault->sweeps = 3;
	scene->fault->limit = msgpass_deadline(3 * SECOND);
	while (fault_next(scene->fault)) {
		pid_t child = fork_sleeper();

		UNDER_FAULT(scene->fault, send_text_to(scene->device, child, "first"));
		end_child(child);
	}
	EXPECT_FAULTS(scene, BOTH);
}

TEST_HARNESS_MAIN
