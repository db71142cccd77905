// SPDX-License-Identifier: GPL-2.0-only
/*
 * Large messages that are handed to a receiver that waits: they are copied once, from
 * the sender's memory (module/lent.h). Nobody is to see more of that than the time it
 * takes, whatever goes wrong.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "util.h"

#include <kselftest_harness.h>

#define LARGE		(200 * 1000)
#define SIZE_MAX_LARGE	(1024 * 1024)

FIXTURE(lent)
{
	int device, mailbox;
	unsigned char *sent, *received;
	struct stall stall;
	bool can_stall;
};

FIXTURE_SETUP(lent)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	self->device = open_device();
	ASSERT_LE(0, self->device);
	self->mailbox = create_unnamed(self->device, 4, SIZE_MAX_LARGE, 0666);
	ASSERT_LE(0, self->mailbox);
	self->sent = malloc(SIZE_MAX_LARGE);
	self->received = calloc(1, SIZE_MAX_LARGE);
	ASSERT_TRUE(self->sent && self->received);
	for (size_t i = 0; i < SIZE_MAX_LARGE; i++)
		self->sent[i] = i * 7 + i / 4096;
	self->can_stall = stall_open(&self->stall);
}

FIXTURE_TEARDOWN(lent)
{
	if (self->can_stall)
		stall_close(&self->stall);
	free(self->received);
	free(self->sent);
	close(self->mailbox);
	close(self->device);
}

static struct task receiver_of(int fd, void *buffer, size_t size)
{
	return (struct task){
		.fd = fd,
		.receives = true,
		.receive = { .buffer = (uintptr_t)buffer, .buffer_size = size },
	};
}

/* Somebody who is waiting before anything else is done. */
#define START_WAITING(task, buffer, size) do {					\
	*(task) = receiver_of(self->mailbox, buffer, size);			\
	start(task);								\
	ASSERT_TRUE(until_receivers_wait(self->mailbox, 1));			\
} while (0)

/* Somebody who is waiting, and is stuck in what the sender then hands over. */
#define START_STUCK(receiver, sender, _flags) do {				\
	NEEDS_STALL();								\
	*(sender) = (struct task){						\
		.fd = self->mailbox,						\
		.send = { .flags = _flags, .size = LARGE,			\
			  .data = (uintptr_t)self->sent },			\
	};									\
	START_WAITING(receiver, self->stall.page, LARGE);			\
	start(sender);								\
	ASSERT_TRUE(stall_hit(&self->stall));					\
} while (0)

TEST_F(lent, P5_170_it_is_whole_wherever_it_lies_in_its_pages)
{
	const size_t sizes[] = { 65536, 65537, 131072, LARGE, SIZE_MAX_LARGE - 4096 };
	const size_t offsets[] = { 0, 1, 4095 };

	for (size_t i = 0; i < ARRAY_LEN(sizes) * ARRAY_LEN(offsets); i++) {
		size_t size = sizes[i / ARRAY_LEN(offsets)];
		size_t offset = offsets[i % ARRAY_LEN(offsets)];
		struct task receiver;

		memset(self->received, 0, SIZE_MAX_LARGE);
		START_WAITING(&receiver, self->received + 7, size);
		ASSERT_EQ(0, send_flags(self->mailbox, self->sent + offset, size, 0));
		ASSERT_EQ(0, join(&receiver));
		EXPECT_EQ(size, receiver.receive.size);
		EXPECT_EQ(getpid(), receiver.receive.sender_pid);
		EXPECT_EQ(0, memcmp(self->received + 7, self->sent + offset, size));
		EXPECT_EQ(0, self->received[6]);
		EXPECT_EQ(0, self->received[7 + size]);
	}
}

/* Of pages that have no memory yet, that are shared with a child, and of a file. */
TEST_F(lent, P5_171_it_is_whole_whatever_memory_it_lies_in)
{
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	unsigned char *areas[3];
	pid_t child;

	ASSERT_LE(0, file);
	areas[0] = mmap(NULL, LARGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	areas[1] = self->sent;
	areas[2] = mmap(NULL, 65536 + 4096, PROT_READ, MAP_PRIVATE, file, 0);
	close(file);
	child = fork_sleeper();
	for (size_t i = 0; i < ARRAY_LEN(areas); i++) {
		size_t size = i == 2 ? 65536 + 100 : LARGE;
		struct task receiver;

		ASSERT_NE(MAP_FAILED, areas[i]);
		START_WAITING(&receiver, self->received, size);
		ASSERT_EQ(0, send_flags(self->mailbox, areas[i], size, 0));
		ASSERT_EQ(0, join(&receiver));
		EXPECT_EQ(0, memcmp(self->received, areas[i], size));
	}
	end_child(child);
	munmap(areas[0], LARGE);
	munmap(areas[2], 65536 + 4096);
}

/* Larger than what is never lent, and quickly copied on the slowest kernel. */
#define LENT_QUICKLY	(70 * 1000)

static int send_to_waiting(int mailbox, const void *data)
{
	return until_receivers_wait(mailbox, 1) ?
	       send_flags(mailbox, data, LENT_QUICKLY, 0) : -ETIMEDOUT;
}

TEST_F_TIMEOUT(lent, P10_170_what_a_waiting_receiver_takes_is_charged_to_nobody, SLOW)
{
	struct task receiver;
	pid_t guard, child;

	if (geteuid())
		SKIP(return, "needs root, to set limits");
	guard = guard_limits();
	ASSERT_LT(0, guard);
	EXPECT_TRUE(write_limit("user_bytes_max", 65536));
	START_WAITING(&receiver, self->received, LARGE);
	child = fork_child();
	if (!child) {
		become(4712);
		/* Where the receiver is late a copy is due, and refused: not every time. */
		MUST(WITHIN(120 * SECOND, !send_to_waiting(self->mailbox, self->sent)));
		/* Nobody waits. */
		MUST(send_flags(self->mailbox, self->sent, LENT_QUICKLY, 0) == -EDQUOT);
		_exit(0);
	}
	EXPECT_EQ(0, wait_child(child));
	EXPECT_EQ(0, end_guard(guard));
	EXPECT_EQ(0, join(&receiver));
	EXPECT_EQ(0, memcmp(self->received, self->sent, LENT_QUICKLY));
}

TEST_F(lent, P10_173_a_copy_that_is_refused_leaves_its_place)
{
	int mailbox = create_unnamed(self->device, 1, SIZE_MAX_LARGE, 0600);
	struct task bad = receiver_of(mailbox, (void *)16, LARGE);
	pid_t guard, child;

	ASSERT_LE(0, mailbox);
	if (geteuid())
		SKIP(return, "needs root, to set limits");
	guard = guard_limits();
	ASSERT_LT(0, guard);
	EXPECT_TRUE(write_limit("user_bytes_max", 65536));
	start(&bad);
	ASSERT_TRUE(until_receivers_wait(mailbox, 1));
	child = fork_child();
	if (!child) {
		become(4713);
		MUST(send_flags(mailbox, self->sent, LARGE, 0) == -EDQUOT);
		_exit(0);
	}
	EXPECT_EQ(0, wait_child(child));
	EXPECT_EQ(0, end_guard(guard));
	/* It may have been copied before it came to that receiver, which waits on then. */
	EXPECT_EQ(0, stat_of(mailbox).messages);
	EXPECT_EQ(0, send_flags(mailbox, "room", 4, MSGPASS_NONBLOCK));
	EXPECT_EQ(-EFAULT, join(&bad));
	EXPECT_TRUE(stat_of(mailbox).messages <= 1);
	close(mailbox);
}

TEST_F(lent, P1_170_a_bad_buffer_leaves_the_message)
{
	struct task receiver;

	START_WAITING(&receiver, (void *)16, LARGE);
	EXPECT_EQ(0, send_flags(self->mailbox, self->sent, LARGE, 0));
	EXPECT_EQ(-EFAULT, join(&receiver));
	ASSERT_EQ(LARGE, receive_flags(self->mailbox, self->received, LARGE, MSGPASS_NONBLOCK));
	EXPECT_EQ(0, memcmp(self->received, self->sent, LARGE));
}

TEST_F(lent, P1_171_a_bad_buffer_leaves_it_to_the_next_who_waits)
{
	struct task bad, good;

	START_WAITING(&bad, (void *)16, LARGE);
	good = receiver_of(self->mailbox, self->received, LARGE);
	start(&good);
	ASSERT_TRUE(until_receivers_wait(self->mailbox, 2));
	EXPECT_EQ(0, send_flags(self->mailbox, self->sent, LARGE, 0));
	EXPECT_EQ(-EFAULT, join(&bad));
	EXPECT_EQ(0, join(&good));
	EXPECT_EQ(0, memcmp(self->received, self->sent, LARGE));
	EXPECT_EQ(0, stat_of(self->mailbox).messages);
}

TEST_F(lent, P1_172_a_small_buffer_leaves_the_message)
{
	struct task receiver;

	START_WAITING(&receiver, self->received, LARGE - 1);
	EXPECT_EQ(0, send_flags(self->mailbox, self->sent, LARGE, 0));
	EXPECT_EQ(-EMSGSIZE, join(&receiver));
	EXPECT_EQ(LARGE, receiver.receive.size);
	ASSERT_EQ(LARGE, receive_flags(self->mailbox, self->received, LARGE, MSGPASS_NONBLOCK));
	EXPECT_EQ(0, memcmp(self->received, self->sent, LARGE));
}

TEST_F(lent, P2_170_a_bad_send_sends_nothing)
{
	long page = sysconf(_SC_PAGESIZE);
	struct task receiver;
	char *area = mmap(NULL, LARGE + page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, area);
	ASSERT_EQ(0, munmap(area + LARGE / page * page, page));
	START_WAITING(&receiver, self->received, LARGE);
	EXPECT_EQ(-EFAULT, send_flags(self->mailbox, area, LARGE, 0));
	EXPECT_EQ(1, stat_of(self->mailbox).receivers_waiting);
	EXPECT_EQ(0, send_text(self->mailbox, "good"));
	EXPECT_EQ(0, join(&receiver));
	EXPECT_EQ(0, memcmp(self->received, "good", 4));
	munmap(area, LARGE + page);
}

/*
 * Who is slow to begin finds that it was taken back, and gets stuck in the copy that took its
 * place. That is right, but not what is to be seen here: once more then.
 */
#define TRIES	20

static bool stuck_in_the_copy(struct _test_data_lent *self, struct task *receiver)
{
	bool is_whole;

	stall_resolve(&self->stall);
	is_whole = !join(receiver) && !memcmp(self->stall.page, self->sent, LARGE);
	stall_close(&self->stall);
	self->can_stall = stall_open(&self->stall);
	return is_whole && self->can_stall;
}

TEST_F(lent, P4_180_a_sender_does_not_wait_for_a_receiver_that_is_stuck)
{
	struct task receiver;
	int i, size;

	NEEDS_STALL();
	for (i = 0; i < TRIES; i++) {
		START_WAITING(&receiver, self->stall.page, LARGE);
		EXPECT_EQ(0, send_flags(self->mailbox, self->sent, LARGE, 0));
		ASSERT_TRUE(stall_hit(&self->stall));
		/* There is room for it, so there it is. */
		EXPECT_EQ(1, stat_of(self->mailbox).messages);
		size = receive_flags(self->mailbox, self->received, LARGE, MSGPASS_NONBLOCK);
		if (size != -EAGAIN)
			break;
		ASSERT_TRUE(stuck_in_the_copy(self, &receiver));
	}
	ASSERT_EQ(LARGE, size);
	EXPECT_EQ(0, memcmp(self->received, self->sent, LARGE));
	memset(self->sent, 0x55, LARGE);
	/* It finds that what it has was taken back, and waits for another. */
	stall_resolve(&self->stall);
	ASSERT_TRUE(until_receivers_wait(self->mailbox, 1));
	/* What the sender has written since is not its business. */
	for (i = 0; i < LARGE; i++)
		ASSERT_EQ(0, ((char *)self->stall.page)[i]);
	EXPECT_EQ(0, send_flags(self->mailbox, self->sent, LARGE, 0));
	EXPECT_EQ(0, join(&receiver));
	EXPECT_EQ(0, memcmp(self->stall.page, self->sent, LARGE));
	EXPECT_EQ(0, stat_of(self->mailbox).messages);
}

/* Its deadline is for room, and there is room. */
TEST_F(lent, P4_181_nor_does_its_deadline_end_a_send_that_has_room)
{
	struct task receiver;
	struct msgpass_send send = { .data = (uintptr_t)self->sent, .size = LARGE };

	NEEDS_STALL();
	START_WAITING(&receiver, self->stall.page, LARGE);
	send.deadline = msgpass_deadline(MILLISECOND);
	EXPECT_EQ(0, send_full(self->mailbox, &send));
	EXPECT_EQ(1, stat_of(self->mailbox).messages);
	stall_resolve(&self->stall);
	EXPECT_EQ(0, join(&receiver));
	EXPECT_EQ(0, memcmp(self->stall.page, self->sent, LARGE));
	EXPECT_EQ(0, stat_of(self->mailbox).messages);
}

/* Whoever waits makes room; that it fails takes nothing of that back. */
TEST_F(lent, P4_182_a_send_that_had_room_has_it)
{
	int mailbox = create_unnamed(self->device, 1, SIZE_MAX_LARGE, 0600);
	struct task stalled, bad;

	NEEDS_STALL();
	ASSERT_LE(0, mailbox);
	ASSERT_EQ(0, send_text(mailbox, "claimed"));
	stalled = receiver_of(mailbox, self->stall.page, LARGE);
	start(&stalled);
	ASSERT_TRUE(stall_hit(&self->stall));
	bad = receiver_of(mailbox, (void *)16, LARGE);
	start(&bad);
	ASSERT_TRUE(until_receivers_wait(mailbox, 1));
	EXPECT_EQ(0, send_flags(mailbox, self->sent, LARGE, 0));
	EXPECT_EQ(-EFAULT, join(&bad));
	EXPECT_EQ(2, stat_of(mailbox).messages);
	EXPECT_EQ(2, stat_of(mailbox).admitted_messages);
	stall_resolve(&self->stall);
	EXPECT_EQ(0, join(&stalled));
	EXPECT_EQ(LARGE, receive_flags(mailbox, self->received, LARGE, MSGPASS_NONBLOCK));
	EXPECT_EQ(0, memcmp(self->received, self->sent, LARGE));
	close(mailbox);
}

/* The copy was received, and the receiver that was stuck, set free, waits for another. */
#define EXPECT_COPY_THEN_LATER(fd, size) do {					\
	ASSERT_EQ(LARGE, size);							\
	EXPECT_EQ(0, memcmp(self->received, self->sent, LARGE));		\
	EXPECT_TRUE(next_is(fd, "later"));					\
	stall_resolve(&self->stall);						\
	ASSERT_TRUE(until_receivers_wait(fd, 1));				\
} while (0)

TEST_F(lent, P3_170_what_comes_back_stands_before_what_came_later)
{
	struct task receiver, sender;
	uint64_t before;
	int i, size;

	for (i = 0; i < TRIES; i++) {
		before = stat_of(self->mailbox).admitted_messages;
		START_STUCK(&receiver, &sender, 0);
		ASSERT_EQ(0, send_text(self->mailbox, "later"));
		ASSERT_EQ(0, join(&sender));
		EXPECT_EQ(before + 1, sender.send.id);
		EXPECT_EQ(2, stat_of(self->mailbox).messages);
		EXPECT_EQ(before + 2, stat_of(self->mailbox).admitted_messages);
		size = receive_flags(self->mailbox, self->received, LARGE, MSGPASS_NONBLOCK);
		if (size == LARGE)
			break;
		ASSERT_EQ(strlen("later"), size);
		ASSERT_TRUE(stuck_in_the_copy(self, &receiver));
	}
	EXPECT_COPY_THEN_LATER(self->mailbox, size);
	ASSERT_EQ(0, send_text(self->mailbox, "end"));
	EXPECT_EQ(0, join(&receiver));
}

/* Of another process. */
static int send_from_child(int device, const char *const *texts)
{
	pid_t child = fork_child();

	if (child)
		return wait_child(child);
	for (; *texts; texts++)
		MUST(!send_text_to(device, getppid(), *texts));
	_exit(0);
}

TEST_F(lent, P3_190_and_behind_what_others_sent_before)
{
	static const char *const early[] = { "1", "2", "3", NULL };
	static const char *const late[] = { "later", NULL };
	struct task receiver, sender;
	int i, size;

	NEEDS_STALL();
	for (i = 0; i < TRIES; i++) {
		sender = (struct task){
			.fd = self->device,
			.send = { .to = getpid(), .data = (uintptr_t)self->sent, .size = LARGE },
		};
		ASSERT_EQ(0, send_from_child(self->device, early));
		receiver = receiver_of(self->device, self->stall.page, LARGE);
		receiver.receive.from = getpid();
		start(&receiver);
		ASSERT_TRUE(until_receivers_wait(self->device, 1));
		start(&sender);
		ASSERT_TRUE(stall_hit(&self->stall));
		ASSERT_EQ(0, send_from_child(self->device, late));
		ASSERT_EQ(0, join(&sender));
		for (const char *const *text = early; *text; text++)
			EXPECT_TRUE(next_is(self->device, *text));
		size = receive_flags(self->device, self->received, LARGE, MSGPASS_NONBLOCK);
		if (size == LARGE)
			break;
		ASSERT_EQ(strlen("later"), size);
		ASSERT_TRUE(stuck_in_the_copy(self, &receiver));
	}
	EXPECT_COPY_THEN_LATER(self->device, size);
	ASSERT_EQ(0, send_text_to(self->device, getpid(), "end"));
	EXPECT_EQ(0, join(&receiver));
}

TEST_F(lent, P2_174_a_synchronous_send_keeps_its_deadline)
{
	struct msgpass_send send = {
		.flags = MSGPASS_SYNC, .data = (uintptr_t)self->sent, .size = LARGE,
	};
	struct task receiver;

	NEEDS_STALL();
	START_WAITING(&receiver, self->stall.page, LARGE);
	send.deadline = msgpass_deadline(MILLISECOND);
	EXPECT_EQ(-ETIMEDOUT, send_full(self->mailbox, &send));
	EXPECT_EQ(0, stat_of(self->mailbox).messages);
	stall_resolve(&self->stall);
	ASSERT_TRUE(until_receivers_wait(self->mailbox, 1));
	ASSERT_EQ(0, send_text(self->mailbox, "end"));
	EXPECT_EQ(0, join(&receiver));
}

TEST_F(lent, P2_171_a_synchronous_send_returns_when_it_is_received)
{
	struct task receiver, sender;

	START_STUCK(&receiver, &sender, MSGPASS_SYNC);
	ASSERT_TRUE(until_asleep(getpid(), sender.tid));
	EXPECT_EQ(0, stat_of(self->mailbox).received_messages);
	stall_resolve(&self->stall);
	EXPECT_EQ(0, join(&receiver));
	EXPECT_EQ(0, join(&sender));
	EXPECT_EQ(sender.send.id, receiver.receive.id);
	EXPECT_EQ(1, stat_of(self->mailbox).received_messages);
	EXPECT_EQ(0, memcmp(self->stall.page, self->sent, LARGE));
}

TEST_F(lent, P7_170_the_end_of_the_mailbox_is_told_to_both)
{
	struct task receiver, sender;

	/* Whether it is lent still, or a copy is waited for: it is synchronous. */
	START_STUCK(&receiver, &sender, MSGPASS_SYNC);
	ASSERT_EQ(0, delete_mailbox(self->mailbox));
	EXPECT_EQ(-EIDRM, join(&sender));
	stall_resolve(&self->stall);
	EXPECT_EQ(-EIDRM, join(&receiver));
}

static void do_nothing(int signal)
{
	(void)signal;
}

#define ROUNDS	200

/* In a child: as many messages as are sent, each by a receive that waits for it. */
static void receive_rounds(int mailbox, const unsigned char *sent)
{
	unsigned char *buffer = malloc(LARGE);

	MUST(buffer);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		MUST(receive_flags(mailbox, buffer, LARGE, 0) == LARGE);
		MUST(!memcmp(buffer, &i, sizeof(i)));
		MUST(!memcmp(buffer + sizeof(i), sent + sizeof(i), LARGE - sizeof(i)));
	}
	_exit(0);
}

TEST_F_TIMEOUT(lent, P2_172_a_signal_does_not_interrupt_a_send_that_has_room, SLOW)
{
	const struct sigaction action = { .sa_handler = do_nothing };
	const struct itimerval often = {
		.it_interval.tv_usec = 300, .it_value.tv_usec = 300,
	};
	const struct itimerval never = { };
	pid_t child;

	child = fork_child();
	if (!child)
		receive_rounds(self->mailbox, self->sent);
	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	for (uint32_t i = 0; i < ROUNDS; i++) {
		memcpy(self->sent, &i, sizeof(i));
		ASSERT_TRUE(until_receivers_wait(self->mailbox, 1));
		ASSERT_EQ(0, setitimer(ITIMER_REAL, &often, NULL));
		EXPECT_EQ(0, send_flags(self->mailbox, self->sent, LARGE, 0));
		ASSERT_EQ(0, setitimer(ITIMER_REAL, &never, NULL));
	}
	EXPECT_EQ(0, wait_child(child));
	EXPECT_EQ(0, stat_of(self->mailbox).messages);
}

TEST_F(lent, P1_173_a_receiver_killed_in_the_copy_leaves_the_message)
{
	int ready = open_event();
	pid_t child = fork_child();

	if (!child) {
		struct stall stall;
		struct task receiver;

		MUST(stall_open(&stall));
		receiver = receiver_of(self->mailbox, stall.page, LARGE);
		start(&receiver);
		MUST(stall_hit(&stall));
		tell_event(ready);
		for (;;)
			pause();
	}
	if (!self->can_stall) {
		end_child(child);
		close(ready);
		NEEDS_STALL();
	}
	ASSERT_TRUE(until_receivers_wait(self->mailbox, 1));
	EXPECT_EQ(0, send_flags(self->mailbox, self->sent, LARGE, 0));
	await_event(ready);
	end_child(child);
	ASSERT_EQ(LARGE, receive_flags(self->mailbox, self->received, LARGE, MSGPASS_NONBLOCK));
	EXPECT_EQ(0, memcmp(self->received, self->sent, LARGE));
	EXPECT_EQ(0, stat_of(self->mailbox).messages);
	close(ready);
}

/* Directly: by a link, to who waits for this sender only. */
TEST_F(lent, P1_174_to_a_receiver_that_waits_for_its_sender)
{
	struct task receiver = receiver_of(self->device, self->received, LARGE);
	struct msgpass_send send = {
		.to = getpid(), .data = (uintptr_t)self->sent, .size = LARGE,
	};

	receiver.receive.from = getpid();
	start(&receiver);
	ASSERT_TRUE(until_receivers_wait(self->device, 1));
	EXPECT_EQ(0, send_full(self->device, &send));
	EXPECT_EQ(0, join(&receiver));
	EXPECT_EQ(0, memcmp(self->received, self->sent, LARGE));

	/* And one whose buffer is bad. */
	receiver = receiver_of(self->device, (void *)16, LARGE);
	receiver.receive.from = getpid();
	start(&receiver);
	ASSERT_TRUE(until_receivers_wait(self->device, 1));
	EXPECT_EQ(0, send_full(self->device, &send));
	EXPECT_EQ(-EFAULT, join(&receiver));
	EXPECT_EQ(LARGE, receive_from(self->device, getpid(), self->received, LARGE,
				      MSGPASS_NONBLOCK));
	EXPECT_EQ(0, stat_of(self->device).messages);
}

TEST_HARNESS_MAIN
