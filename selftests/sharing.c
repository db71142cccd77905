// SPDX-License-Identifier: GPL-2.0-only
/* Threads, fork, exec, descriptors that are passed and closed: who is who then (M17). */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util.h"

#include <kselftest_harness.h>

FIXTURE(sharing)
{
	char name[MAILBOX_NAME_SIZE];
	int device;
	int go, ready;		/* to a child, and from it */
};

FIXTURE_SETUP(sharing)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	name_mailbox(self->name, "m");
	self->device = open_device();
	ASSERT_LE(0, self->device);
	self->go = open_event();
	self->ready = open_event();
}

FIXTURE_TEARDOWN(sharing)
{
	unlink_mailbox(self->device, self->name);
	close(self->ready);
	close(self->go);
	close(self->device);
}

/* Many threads of one process, and who sends to it. */
#define THREADS		8
#define SENDERS		3
#define EACH		1000

struct crowd {
	pthread_t thread[THREADS];
	int device;
	unsigned char seen[SENDERS][EACH];
	unsigned int disorder;
};

static void *receive_until_empty_one(void *argument)
{
	struct crowd *crowd = argument;
	int last[SENDERS] = { -1, -1, -1 };
	int text[2];

	while (receive_flags(crowd->device, text, sizeof(text), 0) == sizeof(text)) {
		ADD(crowd->seen[text[0]][text[1]], 1);
		if (text[1] <= last[text[0]])
			ADD(crowd->disorder, 1);
		last[text[0]] = text[1];
	}
	return NULL;
}

static void send_each(int device, pid_t to, int sender)
{
	int text[2] = { sender };
	struct msgpass_send send = {
		.data = (uintptr_t)text,
		.size = sizeof(text),
		.to = to,
	};

	for (text[1] = 0; text[1] < EACH; text[1]++)
		MUST(!send_full(device, &send));
	_exit(0);
}

TEST_F_TIMEOUT(sharing, M17_10_threads_share_their_inbox_each_message_once, SLOW)
{
	static struct crowd crowd;
	pid_t senders[SENDERS];
	unsigned int wrong = 0;
	int i;

	crowd.device = self->device;
	for (i = 0; i < SENDERS; i++) {
		senders[i] = fork_child();
		if (!senders[i])
			send_each(self->device, getppid(), i);
	}
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&crowd.thread[i], NULL, receive_until_empty_one,
					    &crowd));
	for (i = 0; i < SENDERS; i++)
		EXPECT_EQ(0, wait_child(senders[i]));
	ASSERT_TRUE(until_messages(self->device, 0));
	for (i = 0; i < THREADS; i++)
		EXPECT_EQ(0, send_text_to(self->device, getpid(), ""));
	for (i = 0; i < THREADS; i++)
		pthread_join(crowd.thread[i], NULL);
	for (i = 0; i < SENDERS * EACH; i++)
		wrong += crowd.seen[i / EACH][i % EACH] != 1;
	EXPECT_EQ(0, wrong);
	EXPECT_EQ(0, crowd.disorder);
	EXPECT_EQ(SENDERS * EACH + THREADS, stat_of(self->device).received_messages);
	EXPECT_EQ(0, stat_of(self->device).messages);
}

struct sharer {
	int device, mailbox, owner_pid, received;
};

static int be_sharer(void *argument)
{
	struct sharer *sharer = argument;

	sharer->owner_pid = stat_of(sharer->device).owner_pid;
	sharer->received = receive_flags(sharer->device, NULL, 0, MSGPASS_NONBLOCK);
	_exit(send_text_to(sharer->device, getppid(), "") || send_text(sharer->mailbox, ""));
}

TEST_F(sharing, M17_11_who_shares_descriptors_or_memory_is_still_itself)
{
	static const int flags[] = {
		CLONE_FILES | CLONE_VM,
		CLONE_VM | CLONE_VFORK,
		CLONE_VM | CLONE_VFORK | CLONE_FILES,
	};
	static char stack[65536];
	struct sharer sharer = { .device = self->device };
	struct msgpass_receive receive;

	sharer.mailbox = create_mailbox(self->device, self->name, 1, 64);
	ASSERT_LE(0, sharer.mailbox);
	for (unsigned int i = 0; i < ARRAY_LEN(flags); i++) {
		pid_t child;

		ASSERT_EQ(0, send_text_to(self->device, getpid(), "ours"));
		child = clone(be_sharer, stack + sizeof(stack), flags[i] | SIGCHLD, &sharer);
		ASSERT_LT(0, child);
		EXPECT_EQ(0, wait_child(child));
		EXPECT_EQ(child, sharer.owner_pid);
		EXPECT_EQ(-EAGAIN, sharer.received);
		EXPECT_TRUE(next_is(self->device, "ours"));
		receive = (struct msgpass_receive){ .flags = MSGPASS_NONBLOCK };
		EXPECT_EQ(0, receive_full(self->device, &receive));
		EXPECT_EQ(child, receive.sender_pid);
		receive = (struct msgpass_receive){ .flags = MSGPASS_NONBLOCK };
		EXPECT_EQ(0, receive_full(sharer.mailbox, &receive));
		EXPECT_EQ(child, receive.sender_pid);
		EXPECT_EQ(child, receive.sender_tid);
	}
	close(sharer.mailbox);
}

/* One after the other on one processor, by one descriptor. */
TEST_F(sharing, M17_190_children_that_share_a_descriptor_are_told_apart)
{
	enum { CHILDREN = 3, ROUNDS = 15 };
	uint64_t keys[CHILDREN] = { };
	pid_t children[CHILDREN];
	unsigned int i, j;

	for (i = 0; i < CHILDREN; i++) {
		children[i] = fork_child();
		if (children[i])
			continue;
		MUST(pin(0));
		for (j = 0; j < ROUNDS; j++) {
			MUST(!send_text_to(self->device, getppid(), ""));
			sched_yield();
		}
		_exit(0);
	}
	for (j = 0; j < CHILDREN * ROUNDS; j++) {
		struct msgpass_receive receive = { };

		ASSERT_EQ(0, receive_full(self->device, &receive));
		for (i = 0; i < CHILDREN && children[i] != receive.sender_pid; i++)
			;
		ASSERT_GT(CHILDREN, i);
		if (!keys[i])
			keys[i] = receive.sender_key;
		EXPECT_EQ(keys[i], receive.sender_key);
	}
	for (i = 0; i < CHILDREN; i++) {
		EXPECT_EQ(0, wait_child(children[i]));
		EXPECT_NE(key_of(self->device, 0), keys[i]);
		for (j = 0; j < i; j++)
			EXPECT_NE(keys[j], keys[i]);
	}
}

/* After exec: "after_exec" NAME KEY MAILBOX-DESCRIPTOR DEVICE-DESCRIPTOR. */
static int after_exec(char **argv)
{
	int device, mailbox;

	MUST(fcntl(atoi(argv[4]), F_GETFD) == -1 && errno == EBADF);
	MUST(fcntl(atoi(argv[5]), F_GETFD) == -1 && errno == EBADF);
	device = open_device();
	mailbox = open_mailbox(device, argv[2], MSGPASS_ACCESS_BOTH);
	MUST(device >= 0 && mailbox >= 0);
	MUST(stat_of(mailbox).owner_pid == getpid());
	MUST(key_of(device, 0) == strtoull(argv[3], NULL, 0));
	MUST(next_is(device, "to the inbox"));
	/* One rested, one waited for admission all along. */
	MUST(stat_of(mailbox).senders_waiting == 1);
	MUST(next_is(mailbox, "rests") && next_is(mailbox, "waits"));
	return 0;
}

static void execute(int device, int mailbox, const char *name)
{
	char key[32], fd[2][16];

	snprintf(key, sizeof(key), "%llu", (unsigned long long)key_of(device, 0));
	snprintf(fd[0], sizeof(fd[0]), "%d", mailbox);
	snprintf(fd[1], sizeof(fd[1]), "%d", device);
	execl("/proc/self/exe", "exec", "after_exec", name, key, fd[0], fd[1], NULL);
	_exit(101);
}

TEST_F(sharing, M17_12_what_a_process_owns_survives_exec_and_its_descriptors_do_not)
{
	struct task sender;
	int mailbox;
	pid_t child;

	child = fork_child();
	if (!child) {
		mailbox = create_owned(self->device, self->name, 1);
		MUST(mailbox >= 0);
		tell_event(self->ready);
		await_event(self->go);
		execute(self->device, mailbox, self->name);
	}
	await_event(self->ready);
	mailbox = open_mailbox(self->device, self->name, MSGPASS_ACCESS_SEND);
	ASSERT_LE(0, mailbox);
	EXPECT_EQ(0, send_text(mailbox, "rests"));
	EXPECT_EQ(0, send_text_to(self->device, child, "to the inbox"));
	start_send(&sender, mailbox, "waits", 0, 0);
	ASSERT_TRUE(until_senders_wait(mailbox, 1));
	tell_event(self->go);
	EXPECT_EQ(0, join(&sender));
	EXPECT_EQ(0, wait_child(child));
	EXPECT_EQ(-EIDRM, send_flags(mailbox, "x", 1, 0));
	close(mailbox);
}

static int pass(int socket, int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { };
	struct iovec byte = { .iov_base = "", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	return sendmsg(socket, &msg, 0) == 1 ? 0 : -1;
}

static int get_passed(int socket)
{
	char control[CMSG_SPACE(sizeof(int))] = "", byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fd;

	MUST(recvmsg(socket, &msg, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&msg));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

TEST_F(sharing, M6_10_who_was_passed_a_descriptor_sends_as_itself_and_does_not_receive)
{
	struct msgpass_receive receive = { .flags = MSGPASS_NONBLOCK };
	int sockets[2], mailbox;
	pid_t child;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
	child = fork_child();
	if (!child) {
		int passed = get_passed(sockets[1]), device = get_passed(sockets[1]);

		MUST(receive_flags(passed, NULL, 0, MSGPASS_NONBLOCK) == -EPERM);
		MUST(receive_flags(passed, NULL, 0, 0) == -EPERM);
		MUST(!send_flags(passed, "", 0, 0));
		/* The device is its own endpoint at once. */
		MUST(stat_of(device).owner_pid == getpid());
		MUST(!send_text_to(device, getppid(), ""));
		_exit(0);
	}
	mailbox = create_owned(self->device, self->name, 2);
	ASSERT_LE(0, mailbox);
	ASSERT_EQ(0, send_text(mailbox, "ours"));
	EXPECT_EQ(0, pass(sockets[0], mailbox));
	EXPECT_EQ(0, pass(sockets[0], self->device));
	EXPECT_EQ(0, wait_child(child));
	EXPECT_TRUE(next_is(mailbox, "ours"));
	EXPECT_EQ(0, receive_full(mailbox, &receive));
	EXPECT_EQ(child, receive.sender_pid);
	EXPECT_EQ(0, receive_full(self->device, &receive));
	EXPECT_EQ(child, receive.sender_pid);
	close(mailbox);
	close(sockets[0]);
	close(sockets[1]);
}

TEST_F(sharing, M17_13_a_wait_goes_on_when_its_descriptor_is_closed)
{
	int mailbox = create_mailbox(self->device, self->name, 1, 64);
	int other = open_mailbox(self->device, self->name, MSGPASS_ACCESS_BOTH);
	struct task task;

	ASSERT_LE(0, mailbox);
	ASSERT_LE(0, other);
	start_receive(&task, mailbox, 0);
	ASSERT_TRUE(until_receivers_wait(other, 1));
	close(mailbox);
	EXPECT_EQ(1, stat_of(other).receivers_waiting);
	EXPECT_EQ(0, send_text(other, "1"));
	EXPECT_EQ(0, join(&task));
	EXPECT_EQ('1', task.text[0]);

	mailbox = open_mailbox(self->device, self->name, MSGPASS_ACCESS_BOTH);
	EXPECT_EQ(0, send_text(other, "2"));
	start_send(&task, mailbox, "3", 0, 0);
	ASSERT_TRUE(until_senders_wait(other, 1));
	close(mailbox);
	EXPECT_TRUE(next_is(other, "2"));
	EXPECT_EQ(0, join(&task));
	EXPECT_TRUE(next_is(other, "3"));

	mailbox = open_device();
	start_receive(&task, mailbox, 0);
	ASSERT_TRUE(until_receivers_wait(self->device, 1));
	close(mailbox);
	EXPECT_EQ(0, send_text_to(self->device, getpid(), "4"));
	EXPECT_EQ(0, join(&task));
	EXPECT_EQ('4', task.text[0]);
	close(other);
}

int main(int argc, char **argv)
{
	if (argc == 6 && !strcmp(argv[1], "after_exec"))
		return after_exec(argv);
	return test_harness_run(argc, argv);
}
