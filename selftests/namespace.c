// SPDX-License-Identifier: GPL-2.0-only
/* User and PID namespaces: who is who, and who reaches whom, from both sides. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

#include <kselftest_harness.h>

FIXTURE(namespace)
{
	char name[MAILBOX_NAME_SIZE];
	int device;
	int go, ready;		/* to a child, and from it */
};

FIXTURE_SETUP(namespace)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	if (geteuid())
		SKIP(return, "needs root");
	name_mailbox(self->name, "m");
	self->device = open_device();
	ASSERT_LE(0, self->device);
	self->go = open_event();
	self->ready = open_event();
}

FIXTURE_TEARDOWN(namespace)
{
	unlink_mailbox(self->device, self->name);
	close(self->ready);
	close(self->go);
	close(self->device);
}

static unsigned int read_number(const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned int number = 0;

	if (file) {
		if (fscanf(file, "%u", &number) != 1)
			number = 0;
		fclose(file);
	}
	return number;
}

/* Leave for a user namespace where the own ids are these and nobody else has any. */
static void enter_user_namespace(int flags, unsigned int uid, unsigned int gid)
{
	unsigned int outer_uid = geteuid(), outer_gid = getegid();
	char map[64];

	/* Whose ids changed no longer owns its files in /proc. */
	MUST(!prctl(PR_SET_DUMPABLE, 1));
	MUST(!unshare(CLONE_NEWUSER | flags));
	snprintf(map, sizeof(map), "%u %u 1", uid, outer_uid);
	MUST(!write_file("/proc/self/uid_map", map));
	MUST(!write_file("/proc/self/setgroups", "deny"));
	snprintf(map, sizeof(map), "%u %u 1", gid, outer_gid);
	MUST(!write_file("/proc/self/gid_map", map));
}

/* Fork the first process of a new PID namespace; the caller's other children are there, too. */
static pid_t fork_container(void)
{
	pid_t pid;

	MUST(!unshare(CLONE_NEWPID));
	pid = fork();
	MUST(pid >= 0);
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

/* What is said of the next message, which is dropped if it is empty. */
static struct msgpass_receive receive_header(int fd)
{
	struct msgpass_receive receive = { .flags = MSGPASS_NONBLOCK };

	int err = receive_full(fd, &receive);

	MUST(!err || err == -EMSGSIZE);
	return receive;
}

static bool is_listed(int device, const char *wanted)
{
	char name[MSGPASS_NAME_MAX + 1] = "";
	struct msgpass_next next = { .name = (uintptr_t)name };

	while (!msgpass_raw_next(device, &next))
		if (!strcmp(name, wanted))
			return true;
	return false;
}

TEST_F(namespace, P8_30_ids_are_those_of_the_receivers_user_namespace)
{
	unsigned int nobody = read_number("/proc/sys/kernel/overflowuid");
	unsigned int nogroup = read_number("/proc/sys/kernel/overflowgid");
	int mailbox = create_mailbox(self->device, self->name, 3, 64);
	struct msgpass_set give = {
		.flags = MSGPASS_SET_UID | MSGPASS_SET_GID,
		.uid = 1000,
		.gid = 1000,
	};
	struct msgpass_receive receive;
	pid_t child;

	ASSERT_LE(0, mailbox);
	ASSERT_EQ(0, send_text(mailbox, ""));
	child = fork_child();
	if (!child) {
		struct msgpass_set set = { .flags = MSGPASS_SET_UID, .uid = 1000 };

		become_user();
		enter_user_namespace(0, 7, 8);
		receive = receive_header(mailbox);
		MUST(!receive.size && receive.sender_uid == nobody);
		MUST(receive.sender_gid == nogroup);
		MUST(stat_of(mailbox).uid == nobody && stat_of(mailbox).gid == nogroup);
		MUST(stat_of(self->device).uid == 7 && stat_of(self->device).gid == 8);
		/* What it sends itself has its ids here. */
		MUST(!send_text(mailbox, ""));
		receive = receive_header(mailbox);
		MUST(!receive.size && receive.sender_uid == 7 && receive.sender_gid == 8);
		MUST(!send_text(mailbox, ""));
		tell_event(self->ready);
		await_event(self->go);
		/* Now the owner has an id here; 1000 is nobody's. */
		MUST(stat_of(mailbox).uid == 7 && stat_of(mailbox).gid == 8);
		MUST(set_mailbox(mailbox, &set) == -EINVAL);
		set.uid = 7;
		MUST(!set_mailbox(mailbox, &set));
		_exit(0);
	}
	await_event(self->ready);
	receive = receive_header(mailbox);
	EXPECT_EQ(0, receive.size);
	EXPECT_EQ(1000, receive.sender_uid);
	EXPECT_EQ(1000, receive.sender_gid);
	EXPECT_EQ(child, receive.sender_pid);
	EXPECT_EQ(0, set_mailbox(mailbox, &give));
	tell_event(self->go);
	EXPECT_EQ(0, wait_child(child));
	close(mailbox);
}

TEST_F(namespace, P9_30_capabilities_of_a_child_user_namespace_are_nothing_outside_it)
{
	int mailbox = create_mailbox(self->device, self->name, 3, 64);
	struct msgpass_set set = { .flags = MSGPASS_SET_MODE, .mode = 0666 };
	pid_t parent = getpid(), child;

	ASSERT_LE(0, mailbox);
	child = fork_child();
	if (!child) {
		become_user();
		enter_user_namespace(0, 0, 0);
		/* It could do all of this if its capabilities counted. */
		for (unsigned int access = 0; access <= MSGPASS_ACCESS_BOTH; access++)
			MUST(open_mailbox(self->device, self->name, access) == -EACCES);
		MUST(!is_listed(self->device, self->name));
		MUST(unlink_mailbox(self->device, self->name) == -EPERM);
		MUST(set_mailbox(mailbox, &set) == -EPERM);
		MUST(delete_mailbox(mailbox) == -EPERM);
		MUST(send_text_to(self->device, parent, "x") == -EACCES);
		_exit(0);
	}
	EXPECT_EQ(0, wait_child(child));
	EXPECT_EQ(0600, stat_of(mailbox).mode);
	EXPECT_EQ(0, stat_of(self->device).messages);
	close(mailbox);
}

/* In a child: have a mailbox of user @uid, and be that user, and wait. */
static pid_t fork_owner(int device, const char *name, unsigned int uid, int ready)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	MUST(!setresgid(uid, uid, uid) && !setresuid(uid, uid, uid));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	MUST(create_mailbox(device, name, 1, 64) >= 0);
	tell_event(ready);
	for (;;)
		pause();
}

static void be_root_of_namespaces(int device, const char *name, int ready, pid_t outside)
{
	struct msgpass_set set = { .flags = MSGPASS_SET_MODE, .mode = 0 };
	pid_t owner, other;
	int mailbox;

	MUST(!setresgid(0, 0, 0) && !setresuid(0, 0, 0));
	owner = fork_owner(device, name, 1, ready);
	await_event(ready);
	other = fork();
	if (!other) {
		/* Who gave up its capabilities is as others. */
		MUST(!setresuid(2, 2, 2));
		MUST(open_mailbox(device, name, MSGPASS_ACCESS_SEND) == -EACCES);
		MUST(send_text_to(device, owner, "x") == -EACCES);
		_exit(0);
	}
	MUST(!wait_child(other));
	mailbox = open_mailbox(device, name, MSGPASS_ACCESS_BOTH);
	MUST(mailbox >= 0 && is_listed(device, name));
	MUST(!send_text(mailbox, "x") && next_is(mailbox, "x"));
	MUST(!send_text_to(device, owner, "from its root"));
	/* Of a user that it may become, but in the parent's user namespace. */
	MUST(send_text_to(device, outside, "from a stranger") == -EACCES);
	MUST(!set_mailbox(mailbox, &set) && !delete_mailbox(mailbox));
	end_child(owner);
	_exit(0);
}

TEST_F(namespace, P9_31_capabilities_count_over_what_their_user_namespace_owns)
{
	char path[64];
	pid_t outside, child;

	outside = fork_child();
	if (!outside) {
		MUST(!setresuid(2001, 2001, 2001));
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		tell_event(self->ready);
		for (;;)
			pause();
	}
	await_event(self->ready);
	child = fork_child();
	if (!child) {
		MUST(!unshare(CLONE_NEWUSER | CLONE_NEWIPC));
		tell_event(self->ready);
		await_event(self->go);
		be_root_of_namespaces(self->device, self->name, self->ready, outside);
	}
	await_event(self->ready);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", child);
	ASSERT_EQ(0, write_file(path, "0 2000 10"));
	snprintf(path, sizeof(path), "/proc/%d/gid_map", child);
	ASSERT_EQ(0, write_file(path, "0 2000 10"));
	tell_event(self->go);
	EXPECT_EQ(0, wait_child(child));
	end_child(outside);
}

/* Everything that there is, by somebody without any rights outside. */
static void use_everything(const char *name)
{
	const struct msgpass_create owned = {
		.flags = MSGPASS_PROCESS_OWNED,
		.access = MSGPASS_ACCESS_BOTH,
		.name = (uintptr_t)"owned",
		.capacity = MSGPASS_UNBOUNDED,
		.mode = 0666,
	};
	struct msgpass_set set = { .flags = MSGPASS_SET_ACCEPTS, .accepts = MSGPASS_ACCEPT_ANYONE };
	int device = open_device(), mailbox, other;
	struct task task;
	uint64_t key;
	char text[8];
	pid_t child;

	MUST(device >= 0 && getpid() == 1);
	mailbox = create_mailbox(device, name, 1, 64);
	MUST(mailbox >= 0 && is_listed(device, name));
	other = open_mailbox(device, name, MSGPASS_ACCESS_BOTH);
	MUST(other >= 0 && !send_text(other, "x") && next_is(mailbox, "x"));
	start_send(&task, other, "sync", MSGPASS_SYNC, 0);
	MUST(receive_flags(mailbox, text, sizeof(text), 0) == 4 && !join(&task));
	MUST(create_full(device, &owned) >= 0);
	MUST(!set_mailbox(device, &set));
	key = key_of(device, 0);
	MUST(key && key == key_of(device, 1));
	child = fork();
	if (!child)
		_exit(send_text_to(device, 1, "pid") || send_to_key(device, key, "key", 3));
	MUST(receive_from(device, child, text, sizeof(text), 0) == 3);
	MUST(receive_from(device, child, text, sizeof(text), 0) == 3);
	MUST(!wait_child(child));
	MUST(!unlink_mailbox(device, name) && !delete_mailbox(mailbox));
	_exit(0);
}

TEST_F(namespace, M15_10_an_unprivileged_user_has_everything_in_namespaces_of_its_own)
{
	pid_t child = fork_child();

	if (!child) {
		pid_t inner;

		become_user();
		enter_user_namespace(CLONE_NEWIPC, 0, 0);
		inner = fork_container();
		if (!inner)
			use_everything(self->name);
		_exit(wait_child(inner));
	}
	EXPECT_EQ(0, wait_child(child));
}

TEST_F(namespace, P8_31_a_sender_has_a_pid_only_where_it_is_visible)
{
	int mailbox = create_mailbox(self->device, self->name, 3, 64);
	struct msgpass_receive receive;
	pid_t *inner = share_memory(sizeof(pid_t));

	ASSERT_LE(0, mailbox);
	ASSERT_EQ(0, send_text(mailbox, ""));
	/* Two containers: the second hears of the first, which it is not in. */
	for (int i = 0; i < 2; i++) {
		pid_t child = fork_child();

		if (!child) {
			pid_t pid = fork_container();

			if (pid) {
				*inner = pid;
				_exit(wait_child(pid));
			}
			receive = receive_header(mailbox);
			MUST(!receive.sender_pid && !receive.sender_tid);
			MUST(receive.sender_key && receive.id == i + 1U);
			MUST(!send_text(mailbox, ""));
			_exit(0);
		}
		EXPECT_EQ(0, wait_child(child))
			TH_LOG("container %d", i);
	}
	receive = receive_header(mailbox);
	EXPECT_EQ(3, receive.id);
	EXPECT_EQ(*inner, receive.sender_pid);
	EXPECT_EQ(*inner, receive.sender_tid);
	close(mailbox);
}

/* Pid 1 of a container: a number means another process here than outside. */
static void be_pid_1(int device, pid_t outside, uint64_t stranger, int ready, int go)
{
	struct msgpass_receive receive;
	char text[16];

	/* Its own pid is 1, whoever else has that outside. */
	MUST(getpid() == 1 && !send_text_to(device, 1, "to myself"));
	MUST(next_is(device, "to myself"));
	/* Nobody here has these. */
	MUST(send_text_to(device, outside, "x") == -ESRCH);
	MUST(!key_of(device, outside));
	MUST(receive_from(device, outside, NULL, 0, MSGPASS_NONBLOCK) == -ESRCH);
	/* A key reaches nobody that neither a pid reaches nor a message came from. */
	MUST(send_to_key(device, stranger, "x", 1) == -ESRCH);
	MUST(receive_from_key(device, stranger, NULL, 0) == -ESRCH);
	tell_event(ready);
	await_event(go);

	receive = (struct msgpass_receive){
		.buffer = (uintptr_t)text,
		.buffer_size = sizeof(text),
	};
	MUST(!receive_full(device, &receive) && receive.size == 5);
	MUST(!receive.sender_pid && !receive.sender_tid);
	/* Between the two there is a message of our own: receive from the key only. */
	MUST(!send_text_to(device, 1, "mine"));
	tell_event(ready);
	await_event(go);
	MUST(receive_from_key(device, receive.sender_key, text, sizeof(text)) == 6);
	MUST(!memcmp(text, "second", 6) && next_is(device, "mine"));
	MUST(receive_from_key(device, receive.sender_key, text, sizeof(text)) == -EAGAIN);
	_exit(send_to_key(device, receive.sender_key, "back", 4));
}

TEST_F(namespace, P9_32_a_pid_of_one_namespace_reaches_nobody_of_another)
{
	pid_t outside = getpid(), child, stranger, *inner = share_memory(sizeof(pid_t));
	uint64_t key;

	stranger = fork_sleeper();
	key = key_of(self->device, stranger);
	ASSERT_NE(0, key);
	child = fork_child();
	if (!child) {
		pid_t pid = fork_container();

		if (!pid)
			be_pid_1(self->device, outside, key, self->ready, self->go);
		*inner = pid;
		tell_event(self->ready);
		_exit(wait_child(pid));
	}
	await_event(self->ready);
	await_event(self->ready);
	EXPECT_EQ(0, stat_of(self->device).messages);
	EXPECT_EQ(0, send_text_to(self->device, *inner, "first"));
	tell_event(self->go);
	await_event(self->ready);
	EXPECT_EQ(0, send_text_to(self->device, *inner, "second"));
	tell_event(self->go);
	EXPECT_EQ(0, wait_child(child));
	EXPECT_EQ(*inner, receive_header(self->device).sender_pid);
	EXPECT_TRUE(next_is(self->device, "back"));
	end_child(stranger);
}

TEST_HARNESS_MAIN
