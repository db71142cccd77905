// SPDX-License-Identifier: GPL-2.0-only
/* IPC and time namespaces: whose names, until when, and by which clock. */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "util.h"

#include <kselftest_harness.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME	0x00000080
#endif

FIXTURE(ipcns)
{
	char name[MAILBOX_NAME_SIZE];
	int device;
	int go, ready;		/* to a child, and from it */
};

FIXTURE_SETUP(ipcns)
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

FIXTURE_TEARDOWN(ipcns)
{
	unlink_mailbox(self->device, self->name);
	close(self->ready);
	close(self->go);
	close(self->device);
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

TEST_F(ipcns, P9_33_the_same_name_in_two_ipc_namespaces_is_two_mailboxes)
{
	int mailbox = create_mailbox(self->device, self->name, 3, 64);
	pid_t child;

	ASSERT_LE(0, mailbox);
	child = fork_child();
	if (!child) {
		int own;

		MUST(!unshare(CLONE_NEWIPC));
		MUST(!is_listed(self->device, self->name));
		MUST(unlink_mailbox(self->device, self->name) == -ENOENT);
		own = create_mailbox(self->device, self->name, 3, 64);
		MUST(own >= 0 && is_listed(self->device, self->name));
		own = open_mailbox(self->device, self->name, MSGPASS_ACCESS_BOTH);
		MUST(own >= 0 && !stat_of(own).messages && !send_text(own, "inside"));
		tell_event(self->ready);
		await_event(self->go);
		/* The other is gone by now, and this one is not. */
		MUST(next_is(own, "inside") && is_listed(self->device, self->name));
		MUST(!unlink_mailbox(self->device, self->name));
		_exit(0);
	}
	await_event(self->ready);
	EXPECT_EQ(0, stat_of(mailbox).messages);
	EXPECT_EQ(0, unlink_mailbox(self->device, self->name));
	EXPECT_FALSE(is_listed(self->device, self->name));
	EXPECT_EQ(-ENOENT, open_mailbox(self->device, self->name, MSGPASS_ACCESS_SEND));
	tell_event(self->go);
	EXPECT_EQ(0, wait_child(child));
	close(mailbox);
}

/* A child with an IPC namespace and a mailbox there, that ends when it is told to. */
static pid_t fork_keeper(int device, const char *name, int ready, int go)
{
	pid_t pid = fork_child();
	int mailbox;

	if (pid)
		return pid;
	MUST(!unshare(CLONE_NEWIPC));
	mailbox = create_mailbox(device, name, 3, 64);
	MUST(mailbox >= 0 && !send_text(mailbox, "kept"));
	tell_event(ready);
	await_event(go);
	_exit(0);
}

static int open_ipc_namespace(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/ipc", pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

TEST_F(ipcns, P9_34_a_descriptor_from_before_setns_goes_on)
{
	int mailbox = create_mailbox(self->device, self->name, 3, 64);
	pid_t child = fork_keeper(self->device, self->name, self->ready, self->go);
	int there, here;

	ASSERT_LE(0, mailbox);
	await_event(self->ready);
	here = open_ipc_namespace(getpid());
	there = open_ipc_namespace(child);
	ASSERT_EQ(0, send_text(mailbox, "before"));
	ASSERT_EQ(0, setns(there, CLONE_NEWIPC));
	EXPECT_TRUE(next_is(mailbox, "before"));
	EXPECT_EQ(0, send_text(mailbox, "after"));
	/* The device, though, is of wherever its user is. */
	there = open_mailbox(self->device, self->name, MSGPASS_ACCESS_BOTH);
	EXPECT_TRUE(next_is(there, "kept"));
	EXPECT_EQ(0, setns(here, CLONE_NEWIPC));
	EXPECT_EQ(0, send_text(there, "back there"));
	EXPECT_EQ(1, stat_of(there).messages);
	there = open_mailbox(self->device, self->name, MSGPASS_ACCESS_BOTH);
	EXPECT_TRUE(next_is(there, "after"));
	tell_event(self->go);
	EXPECT_EQ(0, wait_child(child));
	close(mailbox);
}

TEST_F(ipcns, P7_30_the_end_of_an_ipc_namespace_ends_its_mailboxes)
{
	struct pollfd pollfd = { .events = POLLIN | POLLOUT };
	pid_t child = fork_keeper(self->device, self->name, self->ready, self->go);
	int here, there, mailbox;
	struct task receiver;

	await_event(self->ready);
	here = open_ipc_namespace(getpid());
	there = open_ipc_namespace(child);
	ASSERT_EQ(0, setns(there, CLONE_NEWIPC));
	mailbox = open_mailbox(self->device, self->name, MSGPASS_ACCESS_BOTH);
	ASSERT_EQ(0, setns(here, CLONE_NEWIPC));
	ASSERT_LE(0, mailbox);

	/* No process is in there any more; but it can still be entered. */
	tell_event(self->go);
	EXPECT_EQ(0, wait_child(child));
	for (int i = 0; i < 10; i++) {
		child = fork_child();
		if (!child)
			_exit(setns(there, CLONE_NEWIPC) ||
			      open_mailbox(self->device, self->name, 0) < 0);
		ASSERT_EQ(0, wait_child(child));
	}
	EXPECT_TRUE(next_is(mailbox, "kept"));
	start_receive(&receiver, mailbox, 0);
	ASSERT_TRUE(until_receivers_wait(mailbox, 1));

	/* And now it cannot, which is noticed when a process ends that used us. */
	close(there);
	child = fork_child();
	if (!child)
		_exit(!key_of(self->device, 0));
	EXPECT_EQ(0, wait_child(child));
	EXPECT_EQ(-EIDRM, join(&receiver));
	pollfd.fd = mailbox;
	EXPECT_EQ(1, poll(&pollfd, 1, 20000));
	EXPECT_EQ(POLLHUP | POLLERR, pollfd.revents & (POLLHUP | POLLERR));
	EXPECT_EQ(-EIDRM, send_text(mailbox, "x"));
	close(here);
	close(mailbox);
}

/* The clock of whoever asks is this many seconds ahead of the host's. */
static bool enter_time_namespace(long long ahead)
{
	char offset[64];

	if (unshare(CLONE_NEWTIME))
		return false;
	snprintf(offset, sizeof(offset), "monotonic %lld 0", ahead);
	MUST(!write_file("/proc/self/timens_offsets", offset));
	return true;
}

static void wait_until_deadlines(int mailbox)
{
	uint64_t start = msgpass_deadline(0), deadline;
	struct msgpass_receive receive = { };
	struct msgpass_send send = { };
	struct task receiver;

	/* One to receive, one to send; neither early nor late. */
	deadline = msgpass_deadline(50 * MILLISECOND);
	receive.deadline = deadline;
	MUST(receive_full(mailbox, &receive) == -ETIMEDOUT);
	MUST(msgpass_deadline(0) >= deadline);
	MUST(!send_text(mailbox, ""));
	deadline = msgpass_deadline(50 * MILLISECOND);
	send.deadline = deadline;
	MUST(send_full(mailbox, &send) == -ETIMEDOUT);
	MUST(msgpass_deadline(0) >= deadline);
	MUST(msgpass_deadline(0) < start + 15 * SECOND);
	/* One that is past here, whatever the host's clock says. */
	send.deadline = start;
	MUST(send_full(mailbox, &send) == -ETIMEDOUT);
	/* And before the host booted, or later than its clock goes. */
	send.deadline = 1;
	MUST(send_full(mailbox, &send) == -ETIMEDOUT);
	MUST(next_is(mailbox, ""));
	start_receive(&receiver, mailbox, INT64_MAX);
	MUST(until_receivers_wait(mailbox, 1));
	MUST(!send_text(mailbox, "late"));
	MUST(!join(&receiver));
}

TEST_F(ipcns, M10_10_a_deadline_is_of_the_callers_time_namespace)
{
	long long up = msgpass_deadline(0) / SECOND;
	const long long ahead[] = { 1000000, -(up / 2), -up };
	int mailbox = create_mailbox(self->device, self->name, 1, 64);

	ASSERT_LE(0, mailbox);
	if (access("/proc/self/timens_offsets", F_OK))
		SKIP(return, "the kernel has no time namespaces");
	for (unsigned int i = 0; i < ARRAY_LEN(ahead); i++) {
		long long before = msgpass_deadline(0) / SECOND;
		pid_t child = fork_child();

		if (!child) {
			pid_t inner;

			MUST(enter_time_namespace(ahead[i]));
			inner = fork();
			if (inner)
				_exit(wait_child(inner));
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			/* That this is another clock is seen. */
			MUST(llabs((long long)(msgpass_deadline(0) / SECOND) - before -
				   ahead[i]) < 15);
			wait_until_deadlines(mailbox);
			_exit(0);
		}
		EXPECT_EQ(0, wait_child(child))
			TH_LOG("%lld s ahead", ahead[i]);
	}
	close(mailbox);
}

TEST_HARNESS_MAIN
