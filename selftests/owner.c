// SPDX-License-Identifier: GPL-2.0-only
/* Ownership: mailboxes of processes, attributes that change, listing. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

#include <kselftest_harness.h>

FIXTURE(owner)
{
	char name[MAILBOX_NAME_SIZE];
	int device;
	int event;
};

FIXTURE_SETUP(owner)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	name_mailbox(self->name, "m");
	self->device = open_device();
	ASSERT_LE(0, self->device);
	self->event = eventfd(0, EFD_CLOEXEC);
	ASSERT_LE(0, self->event);
}

FIXTURE_TEARDOWN(owner)
{
	unlink_mailbox(self->device, self->name);
	close(self->event);
	close(self->device);
}

TEST_F(owner, M6_1_only_the_owner_receives_and_others_send)
{
	int mailbox = create_owned(self->device, self->name, 3);
	pid_t child;

	ASSERT_LE(0, mailbox);
	EXPECT_EQ(getpid(), stat_of(mailbox).owner_pid);
	EXPECT_EQ(MSGPASS_PROCESS_OWNED, stat_of(mailbox).policy);
	child = fork_child();
	if (!child) {
		int own = open_mailbox(self->device, self->name, MSGPASS_ACCESS_SEND);

		if (open_mailbox(self->device, self->name, MSGPASS_ACCESS_BOTH) != -EPERM)
			_exit(3);
		if (own < 0 || send_text(own, "from a child") || send_text(mailbox, "twice"))
			_exit(1);
		/* Neither by a descriptor of its own, nor by the inherited one. */
		if (receive_flags(own, NULL, 0, 0) != -EACCES ||
		    receive_flags(mailbox, NULL, 0, 0) != -EPERM)
			_exit(2);
		_exit(0);
	}
	EXPECT_EQ(0, wait_child(child));
	EXPECT_TRUE(next_is(mailbox, "from a child"));
	EXPECT_TRUE(next_is(mailbox, "twice"));
	EXPECT_EQ(0, delete_mailbox(mailbox));
	close(mailbox);
}

TEST_F(owner, P7_7_it_ends_with_its_owner_however_that_ends)
{
	for (int how = 0; how < 3; how++) {
		struct task sender;
		eventfd_t made;
		pid_t child;
		int mailbox;

		child = fork_child();
		if (!child) {
			mailbox = create_owned(self->device, self->name, 1);
			if (mailbox < 0 || send_text(mailbox, "full"))
				_exit(1);
			eventfd_write(self->event, 1);
			pause();
		}
		ASSERT_EQ(0, eventfd_read(self->event, &made));
		mailbox = open_mailbox(self->device, self->name, MSGPASS_ACCESS_SEND);
		ASSERT_LE(0, mailbox);
		start_send(&sender, mailbox, "waits", 0, 0);
		ASSERT_TRUE(until_senders_wait(mailbox, 1));
		kill(child, how == 0 ? SIGKILL : how == 1 ? SIGTERM : SIGSEGV);
		EXPECT_EQ(-EIDRM, join(&sender));
		wait_child(child);
		EXPECT_EQ(-EIDRM, send_text(mailbox, "x"));
		EXPECT_EQ(-ENOENT, open_mailbox(self->device, self->name, 0));
		close(mailbox);
	}
}

TEST_F(owner, M6_2_unlinked_it_still_ends_with_its_owner)
{
	eventfd_t made;
	pid_t child;
	int mailbox;

	child = fork_child();
	if (!child) {
		if (create_owned(self->device, self->name, 1) < 0)
			_exit(1);
		eventfd_write(self->event, 1);
		pause();
	}
	ASSERT_EQ(0, eventfd_read(self->event, &made));
	mailbox = open_mailbox(self->device, self->name, MSGPASS_ACCESS_SEND);
	ASSERT_LE(0, mailbox);
	EXPECT_EQ(0, unlink_mailbox(self->device, self->name));
	EXPECT_EQ(0, send_text(mailbox, "x"));
	kill(child, SIGKILL);
	wait_child(child);
	/* The end of a process is told a moment after it. */
	EXPECT_EQ(-EIDRM, send_flags(mailbox, "x", 1, 0));
	close(mailbox);
}

/*
 * So many that to clean up after their owner takes longer than the next few calls, and
 * not too many for the quota. The oldest are the last; so many of them are taken again.
 */
#define MANY	800
#define TAKEN	100

static void name_one(char name[MAILBOX_NAME_SIZE], const char *prefix, unsigned int i)
{
	snprintf(name, MAILBOX_NAME_SIZE, "%.40s-%03u", prefix, i);
}

/* A child that owns them all, the first of them full, and tells it; until it is told to exit. */
static pid_t fork_owner_of_many(int device, const char *prefix, int made, int leave)
{
	char name[MAILBOX_NAME_SIZE];
	pid_t child = fork_child();
	int mailbox;

	if (child) {
		await_event(made);
		return child;
	}
	for (unsigned int i = 0; i < MANY; i++) {
		name_one(name, prefix, i);
		mailbox = create_owned(device, name, 1);
		MUST(mailbox >= 0);
		MUST(i || !send_text(mailbox, "full"));
		close(mailbox);
	}
	tell_event(made);
	await_event(leave);
	_exit(0);
}

/* Return as soon as it has ended: whoever sleeps meanwhile may find the clean-up done. */
static bool end_owner(pid_t owner, int leave, bool kills)
{
	int status;

	if (kills)
		kill(owner, SIGKILL);
	else
		tell_event(leave);
	while (!waitpid(owner, &status, WNOHANG))
		;
	return kills ? WIFSIGNALED(status) : WIFEXITED(status) && !WEXITSTATUS(status);
}

/* Does the name lead to that mailbox, of which this is another descriptor? */
static bool leads_to(int device, const char *name, int mailbox)
{
	int found = open_mailbox(device, name, MSGPASS_ACCESS_SEND);
	bool does;

	if (found < 0)
		return false;
	does = !send_text(found, name) && next_is(mailbox, name);
	close(found);
	return does;
}

TEST_F_TIMEOUT(owner, M6_180_its_name_is_free_at_once_when_its_owner_has_ended, SLOW)
{
	uint64_t limit = msgpass_deadline(4 * SECOND);
	int leave = open_event(), old, new[TAKEN];
	char name[MAILBOX_NAME_SIZE];
	unsigned int rounds = 0, i;

	do {
		pid_t owner = fork_owner_of_many(self->device, self->name, self->event, leave);
		struct task sender;

		name_one(name, self->name, 0);
		old = open_mailbox(self->device, name, MSGPASS_ACCESS_SEND);
		ASSERT_LE(0, old);
		start_send(&sender, old, "waits", 0, 0);
		ASSERT_TRUE(until_senders_wait(old, 1));
		ASSERT_TRUE(end_owner(owner, leave, rounds % 2));
		for (i = 0; i < TAKEN; i++) {
			name_one(name, self->name, i);
			new[i] = create_owned(self->device, name, 1);
			ASSERT_LE(0, new[i]);
		}
		/* The clean-up tells who waits at the old one, and leaves the new ones alone. */
		ASSERT_EQ(-EIDRM, join(&sender));
		close(old);
		for (i = 0; i < TAKEN; i++) {
			name_one(name, self->name, i);
			ASSERT_TRUE(leads_to(self->device, name, new[i]));
			ASSERT_EQ(0, delete_mailbox(new[i]));
			ASSERT_EQ(-ENOENT, open_mailbox(self->device, name, 0));
			close(new[i]);
		}
	} while (++rounds < 10 && (rounds < 4 || msgpass_deadline(0) < limit));
	TH_LOG("%u names taken in each of %u rounds", TAKEN, rounds);
	close(leave);
}

TEST_F_TIMEOUT(owner, M6_181_nor_does_anybody_find_or_list_it_then, SLOW)
{
	char name[MAILBOX_NAME_SIZE], next[MSGPASS_NAME_MAX + 1];
	const struct msgpass_next list = { .name = (uintptr_t)next };
	int leave = open_event(), old;

	name_one(name, self->name, 0);
	for (int i = 0; i < 12; i++) {
		pid_t owner = fork_owner_of_many(self->device, self->name, self->event, leave);
		bool is_listed;

		old = open_mailbox(self->device, name, 0);
		ASSERT_LE(0, old);
		/* The first name would be the next one. */
		snprintf(next, sizeof(next), "%s", self->name);
		ASSERT_TRUE(end_owner(owner, leave, i % 2));
		switch (i % 3) {
		case 0:
			ASSERT_EQ(-ENOENT, open_mailbox(self->device, name, 0));
			break;
		case 1:
			ASSERT_EQ(-ENOENT, unlink_mailbox(self->device, name));
			break;
		case 2:
			is_listed = !msgpass_raw_next(self->device, &list) && !strcmp(next, name);
			ASSERT_FALSE(is_listed);
		}
		/* Or else so many in a row would be too many for the quota. */
		ASSERT_TRUE(UNTIL(set_capacity(old, 1) == -EIDRM));
		close(old);
	}
	close(leave);
}

TEST_F(owner, M14_1_capacity_grows_and_shrinks_and_loses_nothing)
{
	int mailbox = create_mailbox(self->device, self->name, 1, 64);
	struct msgpass_set set = { .flags = MSGPASS_SET_CAPACITY };
	struct task senders[3];
	int i;

	ASSERT_LE(0, mailbox);
	ASSERT_EQ(0, send_text(mailbox, "0"));
	for (i = 0; i < 3; i++) {
		start_send(&senders[i], mailbox, &"1\0002\0003"[2 * i], 0, 0);
		ASSERT_TRUE(until_senders_wait(mailbox, i + 1));
	}
	set.capacity = 3;
	EXPECT_EQ(0, set_mailbox(mailbox, &set));
	EXPECT_EQ(0, join(&senders[0]));
	EXPECT_EQ(0, join(&senders[1]));
	EXPECT_EQ(3, stat_of(mailbox).messages);
	EXPECT_EQ(1, stat_of(mailbox).senders_waiting);

	set.capacity = 1;
	EXPECT_EQ(0, set_mailbox(mailbox, &set));
	EXPECT_EQ(3, stat_of(mailbox).messages);
	EXPECT_EQ(-EAGAIN, send_text(mailbox, "x"));
	EXPECT_TRUE(next_is(mailbox, "0"));
	EXPECT_TRUE(next_is(mailbox, "1"));
	EXPECT_EQ(1, stat_of(mailbox).senders_waiting);
	EXPECT_TRUE(next_is(mailbox, "2"));
	EXPECT_EQ(0, join(&senders[2]));
	EXPECT_TRUE(next_is(mailbox, "3"));

	set.capacity = 0;
	EXPECT_EQ(0, set_mailbox(mailbox, &set));
	EXPECT_EQ(-EAGAIN, send_text(mailbox, "x"));
	set.capacity = MSGPASS_UNBOUNDED;
	EXPECT_EQ(0, set_mailbox(mailbox, &set));
	for (i = 0; i < 100; i++)
		EXPECT_EQ(0, send_text(mailbox, "x"));
	EXPECT_EQ(0, delete_mailbox(mailbox));
	EXPECT_EQ(-EIDRM, set_mailbox(mailbox, &set));
	close(mailbox);
}

TEST_F(owner, M14_2_attributes_are_read_as_they_were_set)
{
	const struct msgpass_create create = {
		.flags = MSGPASS_FIXED_SIZE,
		.access = MSGPASS_ACCESS_BOTH,
		.name = (uintptr_t)self->name,
		.capacity = 7,
		.size_max = 9,
		.mode = 0640,
	};
	struct msgpass_set set = {
		.flags = MSGPASS_SET_CAPACITY | MSGPASS_SET_MODE,
		.capacity = MSGPASS_UNBOUNDED,
		.mode = 0606,
	};
	int mailbox = create_full(self->device, &create);
	struct msgpass_stat stat;

	ASSERT_LE(0, mailbox);
	stat = stat_of(mailbox);
	EXPECT_EQ(MSGPASS_FIXED_SIZE, stat.policy);
	EXPECT_EQ(7, stat.capacity);
	EXPECT_EQ(9, stat.size_max);
	EXPECT_EQ(geteuid(), stat.uid);
	EXPECT_EQ(getegid(), stat.gid);
	EXPECT_EQ(0, set_mailbox(mailbox, &set));
	stat = stat_of(mailbox);
	EXPECT_EQ(MSGPASS_UNBOUNDED, stat.capacity);
	EXPECT_EQ(0606, stat.mode);
	/* What was not asked for is as before. */
	EXPECT_EQ(9, stat.size_max);
	EXPECT_EQ(geteuid(), stat.uid);
	EXPECT_EQ(0, set_mailbox(mailbox, &(struct msgpass_set){ }));
	EXPECT_EQ(0606, stat_of(mailbox).mode);
	EXPECT_EQ(0, delete_mailbox(mailbox));
	close(mailbox);
}

TEST_F(owner, M14_3_an_inbox_has_a_capacity_of_its_processs_choice)
{
	struct msgpass_set set = { .flags = MSGPASS_SET_CAPACITY, .capacity = 1 };
	struct task sender;
	pid_t child;

	ASSERT_EQ(0, set_mailbox(self->device, &set));
	EXPECT_EQ(1, stat_of(self->device).capacity);
	EXPECT_EQ(0, send_text_to(self->device, getpid(), "1"));
	EXPECT_EQ(-EAGAIN, send_text_to(self->device, getpid(), "2"));
	/* A child begins with the administrator's, as everybody does. */
	child = fork_child();
	if (!child)
		_exit(stat_of(self->device).capacity == 1);
	EXPECT_EQ(0, wait_child(child));

	sender = (struct task){ .fd = self->device, .send = { .to = getpid() } };
	start(&sender);
	ASSERT_TRUE(until_senders_wait(self->device, 1));
	set.capacity = 2;
	EXPECT_EQ(0, set_mailbox(self->device, &set));
	EXPECT_EQ(0, join(&sender));
	EXPECT_TRUE(next_is(self->device, "1"));
	EXPECT_TRUE(next_is(self->device, ""));
}

TEST_F(owner, P9_7_mode_and_owner_are_the_owners_to_change)
{
	int mailbox = create_mailbox(self->device, self->name, 3, 64);
	struct msgpass_set set = { .flags = MSGPASS_SET_MODE, .mode = 0602 };
	pid_t child;

	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_LE(0, mailbox);
	ASSERT_EQ(0, set_mailbox(mailbox, &set));
	child = fork_child();
	if (!child) {
		int own;

		become_user();
		own = open_mailbox(self->device, self->name, MSGPASS_ACCESS_SEND);
		_exit(own < 0 || set_mailbox(own, &set) != -EPERM);
	}
	EXPECT_EQ(0, wait_child(child));

	set = (struct msgpass_set){
		.flags = MSGPASS_SET_UID | MSGPASS_SET_GID | MSGPASS_SET_MODE,
		.uid = 1000,
		.gid = 1000,
		.mode = 0600,
	};
	ASSERT_EQ(0, set_mailbox(mailbox, &set));
	EXPECT_EQ(1000, stat_of(mailbox).uid);
	EXPECT_EQ(1000, stat_of(mailbox).gid);
	child = fork_child();
	if (!child) {
		struct msgpass_set give = { .flags = MSGPASS_SET_UID, .uid = 0 };
		int own;

		become_user();
		own = open_mailbox(self->device, self->name, MSGPASS_ACCESS_BOTH);
		if (own < 0 || set_mailbox(own, &give) != -EPERM)
			_exit(1);
		give = (struct msgpass_set){ .flags = MSGPASS_SET_GID, .gid = 0 };
		if (set_mailbox(own, &give) != -EPERM)
			_exit(2);
		give.flags = MSGPASS_SET_MODE;
		_exit(set_mailbox(own, &give) || delete_mailbox(own));
	}
	EXPECT_EQ(0, wait_child(child));
	close(mailbox);
}

TEST_F(owner, P9_8_a_list_shows_what_the_caller_could_open)
{
	char name[MSGPASS_NAME_MAX + 1] = "";
	struct msgpass_next next = { .name = (uintptr_t)name };
	int mailbox = create_mailbox(self->device, self->name, 3, 64);
	bool found = false;
	pid_t child;

	ASSERT_LE(0, mailbox);
	while (!msgpass_raw_next(self->device, &next))
		found |= !strcmp(name, self->name);
	EXPECT_EQ(ENOENT, errno);
	EXPECT_TRUE(found);

	if (geteuid())
		SKIP(return, "the rest needs root");
	child = fork_child();
	if (!child) {
		become_user();
		name[0] = '\0';
		while (!msgpass_raw_next(self->device, &next))
			if (!strcmp(name, self->name))
				_exit(1);
		_exit(0);
	}
	EXPECT_EQ(0, wait_child(child));
	close(mailbox);
}

static bool lists(int device, const char *name)
{
	char found[MSGPASS_NAME_MAX + 1] = "";
	struct msgpass_next next = { .name = (uintptr_t)found };

	while (!msgpass_raw_next(device, &next))
		if (!strcmp(found, name))
			return true;
	return false;
}

/* The mode would let anybody receive, but only the owner may. */
TEST_F(owner, P9_60_nor_a_list_what_only_another_process_could_receive_from)
{
	const struct msgpass_create create = {
		.flags = MSGPASS_PROCESS_OWNED,
		.access = MSGPASS_ACCESS_BOTH,
		.name = (uintptr_t)self->name,
		.capacity = 1,
		.mode = 0644,
	};
	int mailbox;
	pid_t child;

	if (geteuid())
		SKIP(return, "needs root");
	mailbox = create_full(self->device, &create);
	ASSERT_LE(0, mailbox);
	EXPECT_TRUE(lists(self->device, self->name));
	child = fork_child();
	if (!child) {
		become_user();
		_exit(lists(self->device, self->name));
	}
	EXPECT_EQ(0, wait_child(child));
	close(mailbox);
}

TEST_F(owner, P9_9_names_are_of_their_ipc_namespace)
{
	int mailbox = create_mailbox(self->device, self->name, 3, 64);
	pid_t child;

	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_LE(0, mailbox);
	child = fork_child();
	if (!child) {
		char name[MSGPASS_NAME_MAX + 1] = "";
		struct msgpass_next next = { .name = (uintptr_t)name };
		int own;

		if (unshare(CLONE_NEWIPC))
			_exit(1);
		if (open_mailbox(self->device, self->name, MSGPASS_ACCESS_SEND) != -ENOENT)
			_exit(2);
		if (!msgpass_raw_next(self->device, &next) || errno != ENOENT)
			_exit(3);
		own = create_mailbox(self->device, self->name, 1, 64);
		if (own < 0 || send_text(own, "of another namespace"))
			_exit(4);
		/* A descriptor from before still leads where it did. */
		if (send_text(mailbox, "through the old descriptor"))
			_exit(5);
		/* This namespace ends with us, and its mailbox with it. */
		_exit(0);
	}
	EXPECT_EQ(0, wait_child(child));
	EXPECT_TRUE(next_is(mailbox, "through the old descriptor"));
	EXPECT_EQ(0, stat_of(mailbox).messages);
	close(mailbox);
}

TEST_HARNESS_MAIN
