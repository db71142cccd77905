// SPDX-License-Identifier: GPL-2.0-only
/* No loss and no duplicate, whatever goes wrong (P1, P2). */
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

#include <kselftest_harness.h>

FIXTURE(loss)
{
	char name[MAILBOX_NAME_SIZE];
	int device, mailbox;
	struct stall stall;
	bool can_stall;
};

FIXTURE_SETUP(loss)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	name_mailbox(self->name, "m");
	self->device = open_device();
	ASSERT_LE(0, self->device);
	self->mailbox = create_mailbox(self->device, self->name, 4, 65536);
	ASSERT_LE(0, self->mailbox);
	self->can_stall = stall_open(&self->stall);
}

FIXTURE_TEARDOWN(loss)
{
	if (self->can_stall)
		stall_close(&self->stall);
	delete_mailbox(self->mailbox);
	close(self->mailbox);
	close(self->device);
}

TEST_F(loss, P1_1_a_bad_buffer_leaves_the_message)
{
	ASSERT_EQ(0, send_text(self->mailbox, "one"));
	ASSERT_EQ(0, send_text(self->mailbox, "two"));
	EXPECT_EQ(-EFAULT, receive_flags(self->mailbox, NULL, 64, 0));
	EXPECT_EQ(-EFAULT, receive_flags(self->mailbox, (void *)-4096L, 64, 0));
	EXPECT_EQ(2, stat_of(self->mailbox).messages);
	EXPECT_TRUE(next_is(self->mailbox, "one"));
	EXPECT_TRUE(next_is(self->mailbox, "two"));
}

TEST_F(loss, P1_2_a_buffer_that_ends_too_early_leaves_the_message)
{
	long page = sysconf(_SC_PAGESIZE);
	char sent[8192], *area;

	memset(sent, 's', sizeof(sent));
	area = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, area);
	ASSERT_EQ(0, munmap(area + page, page));
	ASSERT_EQ(0, send_flags(self->mailbox, sent, sizeof(sent), 0));
	EXPECT_EQ(-EFAULT, receive_flags(self->mailbox, area + page - 100, sizeof(sent), 0));
	memset(sent, 0, sizeof(sent));
	ASSERT_EQ(sizeof(sent), receive_flags(self->mailbox, sent, sizeof(sent), 0));
	for (size_t i = 0; i < sizeof(sent); i++)
		ASSERT_EQ('s', sent[i]);
	munmap(area, page);
}

TEST_F(loss, P1_3_a_small_buffer_leaves_the_message_and_tells_its_size)
{
	char buffer[16] = "untouched";
	struct msgpass_receive receive = {
		.buffer = (uintptr_t)buffer,
		.buffer_size = 4,
	};

	ASSERT_EQ(0, send_priority(self->mailbox, "12345", 9));
	EXPECT_EQ(-EMSGSIZE, receive_full(self->mailbox, &receive));
	EXPECT_EQ(5, receive.size);
	EXPECT_EQ(9, receive.priority);
	EXPECT_EQ(getpid(), receive.sender_pid);
	EXPECT_EQ(0, strcmp(buffer, "untouched"));
	receive.buffer_size = receive.size;
	EXPECT_EQ(0, receive_full(self->mailbox, &receive));
	EXPECT_EQ(0, memcmp(buffer, "12345", 5));
	EXPECT_EQ(1, receive.id);
}

TEST_F(loss, P1_4_an_argument_that_cannot_be_written_leaves_the_message)
{
	long page = sysconf(_SC_PAGESIZE);
	struct msgpass_receive *receive;
	char buffer[16];

	receive = mmap(NULL, page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, receive);
	receive->buffer = (uintptr_t)buffer;
	receive->buffer_size = sizeof(buffer);
	ASSERT_EQ(0, mprotect(receive, page, PROT_READ));
	ASSERT_EQ(0, send_text(self->mailbox, "kept"));
	EXPECT_EQ(-EFAULT, receive_full(self->mailbox, receive));
	EXPECT_TRUE(next_is(self->mailbox, "kept"));
	munmap(receive, page);
}

/* A process of its own, all of it, with a receiver stuck in a missing page. */
static pid_t fork_stalled(int mailbox, int told)
{
	struct stall stall;
	struct task task;
	pid_t pid = fork_child();

	if (pid)
		return pid;
	if (!stall_open(&stall))
		_exit(1);
	start_stalled(&task, mailbox, &stall, 0);
	if (!stall_hit(&stall) || eventfd_write(told, 1))
		_exit(2);
	for (;;)
		pause();
}

TEST_F(loss, P1_5_a_receiver_killed_in_the_copy_leaves_the_message)
{
	eventfd_t stalled;
	int told;
	pid_t child;

	NEEDS_STALL();
	told = eventfd(0, EFD_CLOEXEC);
	ASSERT_LE(0, told);
	ASSERT_EQ(0, send_text(self->mailbox, "one"));
	ASSERT_EQ(0, send_text(self->mailbox, "two"));
	child = fork_stalled(self->mailbox, told);
	ASSERT_EQ(0, eventfd_read(told, &stalled));
	/* Claimed, it still counts; others go on with the next one. */
	EXPECT_EQ(2, stat_of(self->mailbox).messages);
	EXPECT_TRUE(next_is(self->mailbox, "two"));
	EXPECT_EQ(-EAGAIN, receive_flags(self->mailbox, NULL, 0, MSGPASS_NONBLOCK));

	kill(child, SIGKILL);
	EXPECT_EQ(-SIGKILL, wait_child(child));
	EXPECT_TRUE(next_is(self->mailbox, "one"));
	EXPECT_EQ(2, stat_of(self->mailbox).received_messages);
	close(told);
}

TEST_F(loss, P1_6_what_is_given_back_stands_in_its_place)
{
	struct task stalled;

	NEEDS_STALL();
	ASSERT_EQ(0, send_text(self->mailbox, "1"));
	ASSERT_EQ(0, send_text(self->mailbox, "2"));
	ASSERT_EQ(0, send_text(self->mailbox, "3"));
	start_stalled(&stalled, self->mailbox, &self->stall, 0);
	ASSERT_TRUE(stall_hit(&self->stall));
	stall_fail(&self->stall);
	EXPECT_EQ(-EFAULT, join(&stalled));
	EXPECT_TRUE(next_is(self->mailbox, "1"));
	EXPECT_TRUE(next_is(self->mailbox, "2"));
	EXPECT_TRUE(next_is(self->mailbox, "3"));
}

TEST_F(loss, P1_7_what_is_given_back_goes_to_a_waiting_receiver)
{
	struct task stalled, waiting;

	NEEDS_STALL();
	ASSERT_EQ(0, send_text(self->mailbox, "back"));
	start_stalled(&stalled, self->mailbox, &self->stall, 0);
	ASSERT_TRUE(stall_hit(&self->stall));
	start_receive(&waiting, self->mailbox, 0);
	ASSERT_TRUE(until_receivers_wait(self->mailbox, 1));
	stall_fail(&self->stall);
	EXPECT_EQ(-EFAULT, join(&stalled));
	EXPECT_EQ(0, join(&waiting));
	EXPECT_EQ(4, waiting.receive.size);
	EXPECT_EQ(0, memcmp(waiting.text, "back", 4));
}

TEST_F(loss, P1_8_a_receiver_killed_while_blocked_leaves_no_trace)
{
	pid_t child = fork_child();

	if (!child) {
		receive_flags(self->mailbox, NULL, 0, 0);
		_exit(1);
	}
	ASSERT_TRUE(until_receivers_wait(self->mailbox, 1));
	ASSERT_TRUE(until_asleep(child, child));
	kill(child, SIGKILL);
	EXPECT_EQ(-SIGKILL, wait_child(child));
	EXPECT_EQ(0, stat_of(self->mailbox).receivers_waiting);
	EXPECT_EQ(0, send_text(self->mailbox, "alive"));
	EXPECT_EQ(1, stat_of(self->mailbox).messages);
	EXPECT_TRUE(next_is(self->mailbox, "alive"));
}

TEST_F(loss, P2_1_a_bad_send_sends_nothing)
{
	long page = sysconf(_SC_PAGESIZE);
	struct msgpass_send *send;

	EXPECT_EQ(-EFAULT, send_flags(self->mailbox, NULL, 1, 0));
	EXPECT_EQ(-EFAULT, send_flags(self->mailbox, (void *)-4096L, 4096, 0));

	/* Where the id cannot be told, nothing is sent either. */
	send = mmap(NULL, page, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, send);
	ASSERT_EQ(0, mprotect(send, page, PROT_READ));
	EXPECT_EQ(-EFAULT, send_full(self->mailbox, send));
	EXPECT_EQ(0, stat_of(self->mailbox).admitted_messages);
	munmap(send, page);
}

TEST_F(loss, P2_2_a_send_that_gives_up_has_sent_nothing)
{
	struct task sender;

	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, send_text(self->mailbox, "full"));
	start_send(&sender, self->mailbox, "too late", 0, msgpass_deadline(MILLISECOND));
	EXPECT_EQ(-ETIMEDOUT, join(&sender));
	start_send(&sender, self->mailbox, "interrupted", 0, 0);
	ASSERT_TRUE(until_senders_wait(self->mailbox, 1));
	ASSERT_TRUE(until_asleep(getpid(), sender.tid));
	interrupt(&sender, false);
	EXPECT_EQ(-EINTR, join(&sender));
	EXPECT_EQ(0, stat_of(self->mailbox).senders_waiting);
	for (int i = 0; i < 4; i++)
		EXPECT_TRUE(next_is(self->mailbox, "full"));
	EXPECT_EQ(-EAGAIN, receive_flags(self->mailbox, NULL, 0, MSGPASS_NONBLOCK));
}

TEST_F(loss, P2_3_a_synchronous_send_that_gives_up_withdraws_from_the_queue)
{
	struct task sender;

	ASSERT_EQ(0, send_text(self->mailbox, "before"));
	start_send(&sender, self->mailbox, "withdrawn", MSGPASS_SYNC, 0);
	ASSERT_TRUE(until_messages(self->mailbox, 2));
	ASSERT_EQ(0, send_text(self->mailbox, "after"));
	ASSERT_TRUE(until_asleep(getpid(), sender.tid));
	interrupt(&sender, false);
	EXPECT_EQ(-EINTR, join(&sender));
	EXPECT_TRUE(next_is(self->mailbox, "before"));
	EXPECT_TRUE(next_is(self->mailbox, "after"));
}

TEST_F(loss, P2_4_a_synchronous_send_that_gives_up_revokes_a_stalled_receipt)
{
	struct task sender, stalled;

	NEEDS_STALL();
	start_stalled(&stalled, self->mailbox, &self->stall, 0);
	ASSERT_TRUE(until_receivers_wait(self->mailbox, 1));
	start_send(&sender, self->mailbox, "revoked", MSGPASS_SYNC, 0);
	ASSERT_TRUE(stall_hit(&self->stall));
	ASSERT_TRUE(until_asleep(getpid(), sender.tid));
	interrupt(&sender, false);
	/* It does not wait for the stalled receiver. */
	EXPECT_EQ(-EINTR, join(&sender));
	EXPECT_EQ(0, stat_of(self->mailbox).messages);

	/* The receiver finds nothing there, and takes the next one. */
	ASSERT_EQ(0, send_text(self->mailbox, "next"));
	stall_resolve(&self->stall);
	EXPECT_EQ(0, join(&stalled));
	EXPECT_EQ(4, stalled.receive.size);
	EXPECT_EQ(2, stalled.receive.id);
	EXPECT_EQ(0, memcmp(self->stall.page, "next", 4));
	EXPECT_EQ(1, stat_of(self->mailbox).received_messages);
}

/* A synchronous send revoked, another message at rest, and the receiver still stalled. */
#define STALL_AND_REVOKE(_stalled, _deadline) do {				\
	struct task _sender;							\
										\
	start_stalled_until(_stalled, self->mailbox, &self->stall, _deadline);	\
	ASSERT_TRUE(until_receivers_wait(self->mailbox, 1));			\
	start_send(&_sender, self->mailbox, "revoked", MSGPASS_SYNC, 0);	\
	ASSERT_TRUE(stall_hit(&self->stall));					\
	ASSERT_TRUE(until_asleep(getpid(), _sender.tid));			\
	interrupt(&_sender, false);						\
	ASSERT_EQ(-EINTR, join(&_sender));					\
	ASSERT_EQ(0, send_text(self->mailbox, "next"));				\
} while (0)

static void start_stalled_until(struct task *task, int fd, struct stall *stall,
				uint64_t deadline)
{
	*task = (struct task){
		.fd = fd,
		.receives = true,
		.receive = {
			.buffer = (uintptr_t)stall->page,
			.buffer_size = 64,
			.deadline = deadline,
		},
	};
	start(task);
}

TEST_F(loss, P6_60_a_receiver_whose_message_is_withdrawn_minds_its_deadline)
{
	uint64_t deadline, start = msgpass_deadline(0);
	struct task stalled;

	NEEDS_STALL();
	/* How long that takes here; the deadline must not pass meanwhile. */
	STALL_AND_REVOKE(&stalled, 0);
	stall_resolve(&self->stall);
	ASSERT_EQ(0, join(&stalled));
	ASSERT_EQ(0, madvise(self->stall.page, sysconf(_SC_PAGESIZE), MADV_DONTNEED));
	deadline = msgpass_deadline(2 * SECOND + 5 * (msgpass_deadline(0) - start));
	STALL_AND_REVOKE(&stalled, deadline);
	while (msgpass_deadline(0) <= deadline)
		poll(NULL, 0, 10);
	stall_resolve(&self->stall);
	EXPECT_EQ(-ETIMEDOUT, join(&stalled));
	EXPECT_TRUE(next_is(self->mailbox, "next"));
}

TEST_F(loss, P6_61_a_receiver_whose_message_is_withdrawn_minds_its_signals)
{
	struct task stalled;

	NEEDS_STALL();
	STALL_AND_REVOKE(&stalled, 0);
	interrupt(&stalled, false);
	stall_resolve(&self->stall);
	EXPECT_EQ(-EINTR, join(&stalled));
	EXPECT_TRUE(next_is(self->mailbox, "next"));
}

TEST_F(loss, P6_62_one_that_does_not_wait_has_no_deadline_to_mind)
{
	struct task sender, stalled = {
		.fd = self->mailbox,
		.receives = true,
		.receive = {
			.flags = MSGPASS_NONBLOCK,
			.buffer = (uintptr_t)self->stall.page,
			.buffer_size = 64,
			.deadline = 1,
		},
	};

	NEEDS_STALL();
	start_send(&sender, self->mailbox, "revoked", MSGPASS_SYNC, 0);
	ASSERT_TRUE(until_messages(self->mailbox, 1));
	start(&stalled);
	ASSERT_TRUE(stall_hit(&self->stall));
	ASSERT_TRUE(until_asleep(getpid(), sender.tid));
	interrupt(&sender, false);
	ASSERT_EQ(-EINTR, join(&sender));
	ASSERT_EQ(0, send_text(self->mailbox, "next"));
	stall_resolve(&self->stall);
	EXPECT_EQ(0, join(&stalled));
	EXPECT_EQ(4, stalled.receive.size);
}

TEST_F(loss, P2_5_a_stalled_receiver_delays_only_itself)
{
	struct task stalled, synchronous;

	NEEDS_STALL();
	start_send(&synchronous, self->mailbox, "claimed", MSGPASS_SYNC, 0);
	ASSERT_TRUE(until_messages(self->mailbox, 1));
	start_stalled(&stalled, self->mailbox, &self->stall, 0);
	ASSERT_TRUE(stall_hit(&self->stall));
	/* Others send and receive, up to what is left of the capacity. */
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, send_text(self->mailbox, "others"));
	EXPECT_EQ(-EAGAIN, send_text(self->mailbox, "one too many"));
	for (int i = 0; i < 3; i++)
		EXPECT_TRUE(next_is(self->mailbox, "others"));
	/* The end does not wait for it either. */
	EXPECT_EQ(0, delete_mailbox(self->mailbox));
	EXPECT_EQ(-EIDRM, join(&synchronous));
	stall_resolve(&self->stall);
	EXPECT_EQ(-EIDRM, join(&stalled));
}

/*
 * Everything at once: senders and receivers of all kinds, some of them killed.
 * What a receiver got it writes down first thing, so that at most the one
 * message that it held when it was killed may be missing from the books.
 */
#define BOOKS_SENDERS	4
#define BOOKS_RECEIVERS	4
#define BOOKS_EACH	2000

struct books {
	unsigned int seen[BOOKS_SENDERS][BOOKS_EACH];
	unsigned int killed;
};

static void keep_sending(int mailbox, unsigned int sender)
{
	for (unsigned int i = 0; i < BOOKS_EACH; i++) {
		unsigned int text[2] = { sender, i };
		struct msgpass_send send = {
			.flags = i % 7 ? 0 : MSGPASS_SYNC,
			.data = (uintptr_t)text,
			.size = sizeof(text),
		};
		int err;

		do {
			if (i % 5 == 0)
				send.deadline = msgpass_deadline(50000);
			err = send_full(mailbox, &send);
		} while (err == -ETIMEDOUT);
		if (err)
			_exit(1);
	}
	_exit(0);
}

static void keep_receiving(int mailbox, struct books *books)
{
	unsigned int text[2];
	int size;

	while ((size = receive_flags(mailbox, text, sizeof(text), 0)) == sizeof(text))
		ADD(books->seen[text[0]][text[1]], 1);
	_exit(size == -EIDRM ? 0 : 1);
}

TEST_F_TIMEOUT(loss, P2_6_every_message_is_received_once_whoever_is_killed, SLOW)
{
	pid_t senders[BOOKS_SENDERS], receivers[BOOKS_RECEIVERS];
	unsigned int missing = 0, twice = 0, kills = 0;
	struct msgpass_stat stat;
	struct books *books;
	int i;

	books = mmap(NULL, sizeof(*books), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, books);
	for (i = 0; i < BOOKS_RECEIVERS; i++) {
		receivers[i] = fork_child();
		if (!receivers[i])
			keep_receiving(self->mailbox, books);
	}
	for (i = 0; i < BOOKS_SENDERS; i++) {
		senders[i] = fork_child();
		if (!senders[i])
			keep_sending(self->mailbox, i);
	}
	/* A receiver dies whenever another hundred messages have arrived. */
	for (uint64_t goal = 100; goal < BOOKS_SENDERS * BOOKS_EACH; goal += 100) {
		pid_t *victim = &receivers[kills % BOOKS_RECEIVERS];

		while (stat_of(self->mailbox).received_messages < goal)
			sched_yield();
		kill(*victim, SIGKILL);
		ASSERT_EQ(-SIGKILL, wait_child(*victim));
		kills++;
		*victim = fork_child();
		if (!*victim)
			keep_receiving(self->mailbox, books);
	}
	for (i = 0; i < BOOKS_SENDERS; i++)
		EXPECT_EQ(0, wait_child(senders[i]));
	ASSERT_TRUE(until_messages(self->mailbox, 0));
	stat = stat_of(self->mailbox);
	EXPECT_EQ(0, delete_mailbox(self->mailbox));
	for (i = 0; i < BOOKS_RECEIVERS; i++)
		EXPECT_EQ(0, wait_child(receivers[i]));

	for (i = 0; i < BOOKS_SENDERS * BOOKS_EACH; i++) {
		missing += !books->seen[i / BOOKS_EACH][i % BOOKS_EACH];
		twice += books->seen[i / BOOKS_EACH][i % BOOKS_EACH] > 1;
	}
	EXPECT_EQ(BOOKS_SENDERS * BOOKS_EACH, stat.received_messages);
	EXPECT_EQ(0, twice);
	EXPECT_LE(missing, kills);
	TH_LOG("%u receivers killed, %u of %u messages died with them", kills, missing,
	       BOOKS_SENDERS * BOOKS_EACH);
	munmap(books, sizeof(*books));
}

TEST_HARNESS_MAIN
