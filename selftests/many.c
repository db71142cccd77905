// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many who wait at one mailbox (P2, P3, P7): more than the kernel deals with in one
 * section under the lock, so that what they are told comes in several.
 */
#include <sched.h>
#include <string.h>

#include "util.h"

#include <kselftest_harness.h>

#define MANY		40

/* A slow kernel gets through fewer rounds. */
#define ROUNDS		200
#define ENOUGH		(5 * SECOND)

FIXTURE(many)
{
	char name[MAILBOX_NAME_SIZE];
	int device, mailbox;
	struct task tasks[MANY];
	unsigned int value[MANY];
	unsigned int started;
};

FIXTURE_SETUP(many)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	/* Mailboxes end with the last process of their namespace, whatever happens. */
	unshare(CLONE_NEWIPC);
	name_mailbox(self->name, "m");
	self->device = open_device();
	ASSERT_LE(0, self->device);
}

FIXTURE_TEARDOWN(many)
{
	close(self->device);
}

static void create(struct _test_data_many *self, unsigned int capacity)
{
	self->mailbox = create_mailbox(self->device, self->name, capacity, 64);
	self->started = 0;
}

static void destroy(struct _test_data_many *self)
{
	delete_mailbox(self->mailbox);
	close(self->mailbox);
}

/* One more sender; what it sends is its number. */
static void add_sender(struct _test_data_many *self, unsigned int flags, uint64_t deadline)
{
	struct task *task = &self->tasks[self->started];
	unsigned int *value = &self->value[self->started];

	*value = self->started++;
	*task = (struct task){
		.fd = self->mailbox,
		.send = {
			.flags = flags,
			.data = (uintptr_t)value,
			.size = sizeof(*value),
			.deadline = deadline,
		},
	};
	start(task);
}

static void add_receiver(struct _test_data_many *self, uint64_t deadline)
{
	start_receive(&self->tasks[self->started++], self->mailbox, deadline);
}

/* The number received, or -errno. */
static int take(int fd)
{
	unsigned int value;
	int size = receive_flags(fd, &value, sizeof(value), MSGPASS_NONBLOCK);

	return size == sizeof(value) ? (int)value : size;
}

/* One message rests, and @count senders wait for room. */
static bool fill(struct _test_data_many *self, unsigned int count, unsigned int flags)
{
	if (send_flags(self->mailbox, &(unsigned int){ 1000 }, sizeof(int), 0))
		return false;
	for (unsigned int i = 0; i < count; i++) {
		add_sender(self, flags, 0);
		if (!until_senders_wait(self->mailbox, i + 1))
			return false;
	}
	return true;
}

TEST_F(many, P3_60_more_room_admits_all_who_wait_in_their_order)
{
	create(self, 1);
	ASSERT_TRUE(fill(self, MANY, 0));
	ASSERT_EQ(0, set_capacity(self->mailbox, MSGPASS_UNBOUNDED));
	EXPECT_EQ(0, stat_of(self->mailbox).senders_waiting);
	EXPECT_EQ(MANY + 1, stat_of(self->mailbox).messages);
	for (int i = 0; i < MANY; i++)
		EXPECT_EQ(0, join(&self->tasks[i]));
	EXPECT_EQ(1000, take(self->mailbox));
	for (int i = 0; i < MANY; i++)
		EXPECT_EQ(i, take(self->mailbox));
	destroy(self);
}

TEST_F(many, P3_61_as_much_room_as_there_is_and_no_more)
{
	create(self, 1);
	ASSERT_TRUE(fill(self, MANY, 0));
	ASSERT_EQ(0, set_capacity(self->mailbox, MANY - 10));
	EXPECT_EQ(11, stat_of(self->mailbox).senders_waiting);
	EXPECT_EQ(MANY - 10, stat_of(self->mailbox).messages);
	ASSERT_EQ(0, set_capacity(self->mailbox, MANY + 1));
	for (int i = 0; i < MANY; i++)
		EXPECT_EQ(0, join(&self->tasks[i]));
	EXPECT_EQ(1000, take(self->mailbox));
	for (int i = 0; i < MANY; i++)
		EXPECT_EQ(i, take(self->mailbox));
	destroy(self);
}

/* Comes as soon as there is room, and takes none that others wait for. */
static void *send_late(void *argument)
{
	int *mailbox = argument;

	while (send_flags(*mailbox, &(unsigned int){ 2000 }, sizeof(int),
			  MSGPASS_NONBLOCK) == -EAGAIN)
		sched_yield();
	return NULL;
}

TEST_F_TIMEOUT(many, P3_62_nobody_overtakes_those_who_are_being_admitted, SLOW)
{
	uint64_t end = msgpass_deadline(ENOUGH);
	unsigned int round;
	pthread_t late;

	for (round = 0; round < ROUNDS && msgpass_deadline(0) < end; round++) {
		create(self, 1);
		ASSERT_TRUE(fill(self, MANY, 0));
		ASSERT_EQ(0, pthread_create(&late, NULL, send_late, &self->mailbox));
		ASSERT_EQ(0, set_capacity(self->mailbox, MSGPASS_UNBOUNDED));
		for (int i = 0; i < MANY; i++)
			ASSERT_EQ(0, join(&self->tasks[i]));
		pthread_join(late, NULL);
		ASSERT_EQ(1000, take(self->mailbox));
		for (int i = 0; i < MANY; i++)
			ASSERT_EQ(i, take(self->mailbox));
		ASSERT_EQ(2000, take(self->mailbox));
		destroy(self);
	}
	TH_LOG("%u rounds", round);
}

TEST_F(many, P7_60_deletion_is_told_to_all_who_wait_for_room)
{
	create(self, 1);
	ASSERT_TRUE(fill(self, MANY, 0));
	ASSERT_EQ(0, delete_mailbox(self->mailbox));
	for (int i = 0; i < MANY; i++)
		EXPECT_EQ(-EIDRM, join(&self->tasks[i]));
	close(self->mailbox);
}

TEST_F(many, P7_61_deletion_is_told_to_all_who_wait_for_receipt)
{
	create(self, MSGPASS_UNBOUNDED);
	for (int i = 0; i < MANY; i++)
		add_sender(self, MSGPASS_SYNC, 0);
	ASSERT_TRUE(until_messages(self->mailbox, MANY));
	ASSERT_EQ(0, delete_mailbox(self->mailbox));
	for (int i = 0; i < MANY; i++)
		EXPECT_EQ(-EIDRM, join(&self->tasks[i]));
	close(self->mailbox);
}

TEST_F(many, P7_62_deletion_is_told_to_all_who_wait_for_a_message)
{
	create(self, 1);
	for (int i = 0; i < MANY; i++)
		add_receiver(self, 0);
	ASSERT_TRUE(until_receivers_wait(self->mailbox, MANY));
	ASSERT_EQ(0, delete_mailbox(self->mailbox));
	for (int i = 0; i < MANY; i++)
		EXPECT_EQ(-EIDRM, join(&self->tasks[i]));
	close(self->mailbox);
}

static void add_receiver_from(struct _test_data_many *self, pid_t from)
{
	start_receive_from(&self->tasks[self->started++], self->device, from);
}

TEST_F(many, P7_63_a_death_is_told_to_all_who_wait_for_that_process)
{
	pid_t child = fork_sleeper();

	for (int i = 0; i < MANY; i++)
		add_receiver_from(self, child);
	ASSERT_TRUE(until_receivers_wait(self->device, MANY));
	end_child(child);
	for (int i = 0; i < MANY; i++)
		EXPECT_EQ(-ESRCH, join(&self->tasks[i]));
	EXPECT_EQ(0, stat_of(self->device).receivers_waiting);
}

/* What they wait for is that the last message of the dead may come back. */
TEST_F(many, P7_64_and_when_its_last_message_is_received)
{
	pid_t parent = getpid(), child;
	struct task stalled;
	struct stall stall;

	if (!stall_open(&stall))
		SKIP(return, "needs userfaultfd, and the right to use it");
	child = fork_child();
	if (!child) {
		send_text_to(self->device, parent, "last");
		for (;;)
			pause();
	}
	start_stalled(&stalled, self->device, &stall, child);
	ASSERT_TRUE(stall_hit(&stall));
	for (int i = 0; i < MANY; i++)
		add_receiver_from(self, child);
	ASSERT_TRUE(until_receivers_wait(self->device, MANY));
	end_child(child);
	stall_resolve(&stall);
	EXPECT_EQ(0, join(&stalled));
	for (int i = 0; i < MANY; i++)
		EXPECT_EQ(-ESRCH, join(&self->tasks[i]));
	stall_close(&stall);
}

/*
 * Those whose patience ends while the deletion has not come to them yet take nothing
 * back that is gone. Half of them wait for receipt, half for room.
 */
TEST_F_TIMEOUT(many, P2_110_deletion_and_all_their_deadlines, SLOW)
{
	uint64_t end = msgpass_deadline(ENOUGH), deadline, lead = MILLISECOND;
	unsigned int round, all = 0, told;
	int result;

	for (round = 0; round < ROUNDS && msgpass_deadline(0) < end; round++) {
		create(self, MANY / 2);
		deadline = msgpass_deadline(100 * MILLISECOND);
		for (int i = 0; i < MANY; i++)
			add_sender(self, MSGPASS_SYNC, deadline);
		while (msgpass_deadline(0) + lead < deadline)
			sched_yield();
		ASSERT_EQ(0, delete_mailbox(self->mailbox));
		told = 0;
		for (int i = 0; i < MANY; i++) {
			result = join(&self->tasks[i]);
			ASSERT_TRUE(result == -EIDRM || result == -ETIMEDOUT);
			told += result == -EIDRM;
		}
		close(self->mailbox);
		/* The moment is found by trying. */
		lead += told < MANY / 2 ? lead / 4 : -(lead / 4);
		all += told;
	}
	TH_LOG("%u rounds, %u told of the deletion, %u of their deadline", round, all,
	       round * MANY - all);
}

TEST_HARNESS_MAIN
