// SPDX-License-Identifier: GPL-2.0-only
/* The memory of a cgroup: what is charged to it, and what happens at its limit (M16, P10). */
#include <stdlib.h>
#include <sys/mman.h>

#include "group.h"

#include <kselftest_harness.h>

#define MIB		(1024 * 1024L)

/* More than any group here has: where a user has less, the quota would come first. */
#define QUOTA		(48 * MIB)

FIXTURE(cgroup)
{
	int device;
	struct group group;
	pid_t guard;
	int go, ready;
};

FIXTURE_SETUP(cgroup)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	self->device = open_device();
	ASSERT_LE(0, self->device);
	self->go = open_event();
	self->ready = open_event();
	if (!make_group(&self->group, "g"))
		SKIP(return, "needs cgroup v2, mounted, and the right to make groups");
	self->guard = guard_limits();
	ASSERT_LT(0, self->guard);
	if (read_limit("user_bytes_max") < QUOTA)
		write_limit("user_bytes_max", QUOTA);
	/* On a kernel with KASAN nothing is kept unless that is said. */
	if (!read_limit("kept_bytes_max"))
		write_limit("kept_bytes_max", MIB);
}

FIXTURE_TEARDOWN(cgroup)
{
	close(self->ready);
	close(self->go);
	close(self->device);
	EXPECT_TRUE(end_group(&self->group));
	if (self->guard > 0)
		EXPECT_EQ(0, end_guard(self->guard));
}

#define LARGE		65536
#define SMALL		100

static char payload[LARGE];

/* Send that many, or until there is no more to be had. */
static int send_many(int mailbox, size_t size, unsigned int count, unsigned int *sent)
{
	int err = 0;

	for (*sent = 0; *sent < count && !err; *sent += !err)
		err = send_flags(mailbox, payload, size, MSGPASS_NONBLOCK);
	return err;
}

static bool receive_many(int mailbox, size_t size, unsigned int count)
{
	while (count && receive_flags(mailbox, payload, sizeof(payload), MSGPASS_NONBLOCK) ==
	       (int)size)
		count--;
	return !count;
}

/* A mailbox for all that; without a name it ends with us. */
static int create_large(int device)
{
	return create_unnamed(device, MSGPASS_UNBOUNDED, LARGE, 0600);
}

/* Charges are made in batches: half a MiB to and fro is nobody's fault. */
#define MEMORY()	read_group(&self->group, "memory.current", NULL)

#define NEEDS_CONTROLLER(there) do {						\
	if (!(there))								\
		SKIP(return, "the kernel has no memory controller, or another hierarchy has it");\
} while (0)

TEST_F_TIMEOUT(cgroup, M16_10_what_is_queued_is_charged_to_its_senders_cgroup_until_received, SLOW)
{
	const long queue = at_most(8 * MIB);
	const struct {
		size_t size;
		unsigned int count;
	} kinds[] = { { LARGE, queue / LARGE }, { SMALL, queue / 256 } };
	unsigned int *sent = share_memory(sizeof(*sent));
	long before, queued, after;

	NEEDS_CONTROLLER(MEMORY() >= 0);
	for (unsigned int i = 0; i < 2 * ARRAY_LEN(kinds); i++) {
		size_t size = kinds[i / 2].size;
		unsigned int count = kinds[i / 2].count;
		int mailbox = create_large(self->device);
		pid_t child;

		ASSERT_LE(0, mailbox);
		child = fork_child();
		if (!child) {
			join_group(&self->group);
			MUST(!mlockall(MCL_CURRENT));
			MUST(!send_many(mailbox, size, 1, sent));
			tell_event(self->ready);
			await_event(self->go);
			MUST(!send_many(mailbox, size, count, sent));
			tell_event(self->ready);
			await_event(self->go);
			_exit(0);
		}
		await_event(self->ready);
		before = MEMORY();
		tell_event(self->go);
		await_event(self->ready);
		queued = MEMORY();
		/* Received by somebody outside, or dropped with their mailbox. */
		EXPECT_TRUE(i % 2 ? !delete_mailbox(mailbox) :
			    receive_many(mailbox, size, count + 1));
		after = MEMORY();
		tell_event(self->go);
		EXPECT_EQ(0, wait_child(child));
		EXPECT_LE(before + queue * 3 / 4, queued);
		/* But for what the CPU of its receiver keeps: a MiB, or two with KASAN's own. */
		EXPECT_GE(before + 3 * MIB, after);
		TH_LOG("%u of %zu bytes: %ld KiB before, %ld queued, %ld after", count, size,
		       before / 1024, queued / 1024, after / 1024);
		delete_mailbox(mailbox);
		close(mailbox);
	}
}

/* Sent and received by us: as many of 8 KiB as the module may keep. */
#define KEPT		30
#define KEPT_SIZE	8192

TEST_F_TIMEOUT(cgroup, P10_92_what_is_kept_of_one_cgroup_serves_no_other, SLOW)
{
	const unsigned int rounds = at_most(8 * MIB) / (KEPT * KEPT_SIZE);
	int mailbox = create_large(self->device), own = create_large(self->device);
	unsigned int *sent = share_memory(2 * sizeof(*sent));
	long before;
	pid_t child;

	ASSERT_LE(0, mailbox);
	ASSERT_LE(0, own);
	NEEDS_CONTROLLER(MEMORY() >= 0);
	/* What is kept is kept by each processor. */
	MUST(pin(0));
	child = fork_child();
	if (!child) {
		join_group(&self->group);
		MUST(!mlockall(MCL_CURRENT));
		for (unsigned int i = 0; i <= rounds; i++) {
			tell_event(self->ready);
			await_event(self->go);
			MUST(!send_many(mailbox, KEPT_SIZE, KEPT, &sent[0]));
		}
		tell_event(self->ready);
		await_event(self->go);
		_exit(0);
	}
	for (unsigned int i = 0; i <= rounds; i++) {
		await_event(self->ready);
		if (i <= 1)
			before = MEMORY();
		ASSERT_EQ(0, send_many(own, KEPT_SIZE, KEPT, &sent[1]));
		ASSERT_TRUE(receive_many(own, KEPT_SIZE, KEPT));
		tell_event(self->go);
	}
	await_event(self->ready);
	EXPECT_LE(before + rounds * KEPT * KEPT_SIZE * 3 / 4, MEMORY());
	tell_event(self->go);
	EXPECT_EQ(0, wait_child(child));
	close(own);
	close(mailbox);
}

#define LENT_SIZE	(256 * 1024)

/* Send a large message in memory of its own to a receiver that waits. */
static void lend(int mailbox, size_t size)
{
	char *data = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	MUST(data != MAP_FAILED);
	MUST(until_receivers_wait(mailbox, 1));
	MUST(!send_flags(mailbox, data, size, 0));
	munmap(data, size);
}

/* A child in the group. It is ready, lends so many when told to go, and is ready to end. */
static pid_t fork_lender(struct _test_data_cgroup *self, int mailbox, size_t size,
			 unsigned int count)
{
	pid_t child = fork_child();

	if (child)
		return child;
	join_group(&self->group);
	tell_event(self->ready);
	await_event(self->go);
	while (count--)
		lend(mailbox, size);
	tell_event(self->ready);
	await_event(self->go);
	_exit(0);
}

TEST_F_TIMEOUT(cgroup, P10_171_what_was_lent_is_given_back, SLOW)
{
	const unsigned int rounds = at_most(8 * MIB) / LENT_SIZE;
	int mailbox = create_unnamed(self->device, 4, LENT_SIZE, 0600);
	char *buffer = malloc(LENT_SIZE);
	long before;
	pid_t child;

	ASSERT_LE(0, mailbox);
	ASSERT_TRUE(buffer);
	NEEDS_CONTROLLER(MEMORY() >= 0);
	child = fork_lender(self, mailbox, LENT_SIZE, rounds + 1);
	await_event(self->ready);
	tell_event(self->go);
	for (unsigned int i = 0; i <= rounds; i++) {
		ASSERT_EQ(LENT_SIZE, receive_flags(mailbox, buffer, LENT_SIZE, 0));
		if (!i)
			before = MEMORY();
	}
	await_event(self->ready);
	EXPECT_GE(before + rounds * LENT_SIZE / 2, MEMORY());
	tell_event(self->go);
	EXPECT_EQ(0, wait_child(child));
	free(buffer);
	close(mailbox);
}

/* A receiver that is stuck in its buffer has nothing of the sender's. */
TEST_F_TIMEOUT(cgroup, P10_172_what_was_lent_is_given_back_by_who_is_stuck, SLOW)
{
	const size_t size = at_most(8 * MIB);
	int mailbox = create_unnamed(self->device, 4, size, 0600);
	char *buffer = malloc(size);
	struct stall stall;
	struct task stalled;
	long before;
	pid_t child;

	ASSERT_LE(0, mailbox);
	ASSERT_TRUE(buffer);
	NEEDS_CONTROLLER(MEMORY() >= 0);
	if (!stall_open(&stall))
		SKIP(return, "needs userfaultfd, and the right to use it");
	stalled = (struct task){
		.fd = mailbox,
		.receives = true,
		.receive = { .buffer = (uintptr_t)stall.page, .buffer_size = size },
	};
	start(&stalled);
	child = fork_lender(self, mailbox, size, 1);
	await_event(self->ready);
	before = MEMORY();
	ASSERT_TRUE(until_receivers_wait(mailbox, 1));
	tell_event(self->go);
	ASSERT_TRUE(stall_hit(&stall));
	await_event(self->ready);
	/* The copy that came instead. */
	ASSERT_EQ((int)size, receive_flags(mailbox, buffer, size, MSGPASS_NONBLOCK));
	EXPECT_GE(before + (long)size / 2, MEMORY());
	tell_event(self->go);
	EXPECT_EQ(0, wait_child(child));
	delete_mailbox(mailbox);
	stall_resolve(&stall);
	EXPECT_EQ(-EIDRM, join(&stalled));
	stall_close(&stall);
	free(buffer);
	close(mailbox);
}

#define STRANGERS	8
#define OTHER_SIZE	1024
#define OTHER_COUNT	64

/*
 * In a child: take all of the group's memory, down to less than any object takes, and
 * receive so much that nearly all that may be kept is, and counts.
 */
static void keep_the_last(const struct group *group, int mailbox)
{
	unsigned int sent;

	MUST(pin(0));
	join_group(group);
	MUST(!mlockall(MCL_CURRENT));
	MUST(send_many(mailbox, KEPT_SIZE, UINT32_MAX, &sent) == -ENOMEM);
	MUST(send_many(mailbox, SMALL, UINT32_MAX, &sent) == -ENOMEM);
	MUST(receive_many(mailbox, KEPT_SIZE, KEPT));
}

TEST_F_TIMEOUT(cgroup, P10_151_nobody_is_refused_an_object_for_what_is_only_kept, SLOW)
{
	int mailbox = create_large(self->device);
	pid_t strangers[STRANGERS], child;
	unsigned int i;

	ASSERT_LE(0, mailbox);
	NEEDS_CONTROLLER(!limit_memory(&self->group, at_most(8 * MIB)));
	for (i = 0; i < STRANGERS; i++)
		strangers[i] = fork_sleeper();
	child = fork_child();
	if (!child) {
		keep_the_last(&self->group, mailbox);
		/* Who names a process first pays for its record. */
		for (i = 0; i < STRANGERS; i++)
			MUST(key_of(self->device, strangers[i]));
		_exit(0);
	}
	EXPECT_EQ(0, wait_child(child));
	for (i = 0; i < STRANGERS; i++)
		end_child(strangers[i]);
	EXPECT_EQ(0, read_group(&self->group, "memory.events", "oom_kill"));
	close(mailbox);
}

TEST_F_TIMEOUT(cgroup, P10_152_nobody_is_refused_a_message_for_others_that_are_only_kept, SLOW)
{
	int mailbox = create_large(self->device);
	pid_t child;

	ASSERT_LE(0, mailbox);
	NEEDS_CONTROLLER(!limit_memory(&self->group, at_most(8 * MIB)));
	child = fork_child();
	if (!child) {
		unsigned int sent;

		keep_the_last(&self->group, mailbox);
		MUST(!send_many(mailbox, OTHER_SIZE, OTHER_COUNT, &sent));
		_exit(0);
	}
	EXPECT_EQ(0, wait_child(child));
	EXPECT_EQ(0, read_group(&self->group, "memory.events", "oom_kill"));
	close(mailbox);
}

TEST_F_TIMEOUT(cgroup, P10_30_a_cgroup_at_its_limit_is_told_and_nobody_is_killed, SLOW)
{
	unsigned int *sent = share_memory(sizeof(*sent)), ours;
	uint64_t *took = share_memory(sizeof(*took)), start;
	int mailbox = create_large(self->device);
	long limit = at_most(24 * MIB);
	pid_t child;

	ASSERT_LE(0, mailbox);
	NEEDS_CONTROLLER(!limit_memory(&self->group, limit));
	child = fork_child();
	if (!child) {
		int err;

		join_group(&self->group);
		/* From now on only its messages take memory. */
		MUST(!mlockall(MCL_CURRENT));
		for (int i = 0; i < 2; i++) {
			start = msgpass_deadline(0);
			err = send_many(mailbox, LARGE, UINT32_MAX, sent);
			MUST(err == -ENOMEM || err == -EDQUOT);
			*took = msgpass_deadline(0) - start;
			tell_event(self->ready);
			await_event(self->go);
		}
		_exit(0);
	}
	for (int i = 0; i < 2; i++) {
		await_event(self->ready);
		TH_LOG("%u KiB, and no more was to be had after %llu ms", *sent * (LARGE / 1024),
		       (unsigned long long)(*took / MILLISECOND));
		EXPECT_LT(limit / 2, *sent * (long)LARGE);
		EXPECT_GE(limit, *sent * (long)LARGE);
		EXPECT_EQ(*sent, stat_of(mailbox).messages);
		/* We are in another group: nothing of that is ours to suffer. */
		EXPECT_EQ(0, send_many(mailbox, LARGE, 32, &ours));
		EXPECT_TRUE(receive_many(mailbox, LARGE, *sent + 32));
		EXPECT_EQ(0, stat_of(mailbox).messages);
		tell_event(self->go);
	}
	EXPECT_EQ(0, wait_child(child));
	EXPECT_EQ(0, read_group(&self->group, "memory.events", "oom_kill"));
	EXPECT_LT(0, read_group(&self->group, "memory.events", "max"));
	EXPECT_EQ(0, delete_mailbox(mailbox));
	close(mailbox);
}

/* Were anything of a failed send kept, then it would be the group's, and soon no more be had. */
TEST_F_TIMEOUT(cgroup, P10_141_sends_that_fail_keep_nothing_of_the_groups_memory, SLOW)
{
	/* Smaller ones would have to be many; lost, they are told of when the module goes. */
	static const size_t sizes[] = { 4096, 8192, LARGE };
	int mailbox = create_large(self->device);
	pid_t child;

	ASSERT_LE(0, mailbox);
	NEEDS_CONTROLLER(!limit_memory(&self->group, 8 * MIB));
	child = fork_child();
	if (!child) {
		join_group(&self->group);
		MUST(!mlockall(MCL_CURRENT));
		for (unsigned int i = 0; i < ARRAY_LEN(sizes); i++)
			for (size_t failed = 0; failed < 16 * MIB; failed += sizes[i])
				MUST(send_flags(mailbox, (void *)8, sizes[i], MSGPASS_NONBLOCK) ==
				     -EFAULT);
		_exit(0);
	}
	EXPECT_EQ(0, wait_child(child));
	EXPECT_EQ(0, stat_of(mailbox).admitted_messages);
	close(mailbox);
}

#define SQUEEZED	4
#define SQUEEZES	20

/* What one of those that share the limit has sent and been refused. */
struct squeezed {
	uint32_t sent, refused, most;
};

/* Send until refused, receive all of it, and again: all in the group at its limit. */
static void send_and_receive(int device, struct squeezed *squeezed)
{
	uint64_t limit = msgpass_deadline(20 * SECOND);
	int mailbox = create_large(device), err;
	unsigned int sent;

	MUST(mailbox >= 0);
	for (unsigned int i = 0; i < SQUEEZES && msgpass_deadline(0) < limit; i++) {
		/* Those of other sizes are refused elsewhere. */
		size_t size = i % 2 ? LARGE / 4 : LARGE;

		err = send_many(mailbox, size, UINT32_MAX, &sent);
		MUST(err == -ENOMEM || err == -EDQUOT);
		MUST(stat_of(mailbox).messages == sent);
		MUST(receive_many(mailbox, size, sent));
		MUST(!stat_of(mailbox).messages);
		squeezed->refused++;
		squeezed->sent += sent;
		if (squeezed->most < sent * size)
			squeezed->most = sent * size;
	}
	_exit(0);
}

TEST_F_TIMEOUT(cgroup, P10_84_processes_that_share_a_small_limit_are_told_and_go_on, SLOW)
{
	struct squeezed *squeezed = share_memory(SQUEEZED * sizeof(*squeezed));
	unsigned int sent = 0, refused = 0, most = 0, i;
	long limit = at_most(8 * MIB);
	pid_t children[SQUEEZED];

	NEEDS_CONTROLLER(!limit_memory(&self->group, limit));
	for (i = 0; i < SQUEEZED; i++) {
		children[i] = fork_child();
		if (!children[i]) {
			join_group(&self->group);
			MUST(!mlockall(MCL_CURRENT));
			/* Not before all have their memory: who has not would be killed. */
			tell_event(self->ready);
			await_event(self->go);
			send_and_receive(self->device, &squeezed[i]);
		}
	}
	for (i = 0; i < SQUEEZED; i++)
		await_event(self->ready);
	for (i = 0; i < SQUEEZED; i++)
		tell_event(self->go);
	for (i = 0; i < SQUEEZED; i++) {
		EXPECT_EQ(0, wait_child(children[i]))
			TH_LOG("child %u", i);
		EXPECT_LT(0, squeezed[i].refused);
		sent += squeezed[i].sent;
		refused += squeezed[i].refused;
		if (most < squeezed[i].most)
			most = squeezed[i].most;
	}
	TH_LOG("%u sent, all received; %u times no more, %u KiB at most by one", sent, refused,
	       most / 1024);
	EXPECT_LT(limit / 8, most);
	EXPECT_GE(limit, most);
	EXPECT_EQ(0, read_group(&self->group, "memory.events", "oom_kill"));
	EXPECT_LT(0, read_group(&self->group, "memory.events", "max"));
	/* Nothing of it stays with the group. */
	EXPECT_TRUE(WITHIN(20 * SECOND, MEMORY() < 2 * MIB));
}

TEST_HARNESS_MAIN
