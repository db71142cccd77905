// SPDX-License-Identifier: GPL-2.0-only
/* Direct communication: inboxes, addresses, identity, death. */
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

#include <kselftest_harness.h>

FIXTURE(inbox)
{
	int device;
	int event;	/* one process tells the other to go on */
};

FIXTURE_SETUP(inbox)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	self->device = open_device();
	ASSERT_LE(0, self->device);
	self->event = eventfd(0, EFD_CLOEXEC);
	ASSERT_LE(0, self->event);
}

FIXTURE_TEARDOWN(inbox)
{
	close(self->event);
	close(self->device);
}

static void await(int event)
{
	eventfd_t count;

	if (eventfd_read(event, &count))
		_exit(253);
}

TEST_F(inbox, M2_1_a_process_sends_to_another)
{
	pid_t parent = getpid(), child;

	child = fork_child();
	if (!child)
		_exit(send_text_to(self->device, parent, "hello, parent"));
	EXPECT_EQ(0, wait_child(child));
	EXPECT_TRUE(next_is(self->device, "hello, parent"));
	EXPECT_EQ(getpid(), stat_of(self->device).owner_pid);
}

TEST_F(inbox, M4_1_the_receiver_need_not_have_prepared)
{
	pid_t child;

	/* Without the inherited descriptor, and before it opens its own. */
	child = fork_child();
	if (!child) {
		close(self->device);
		await(self->event);
		self->device = open_device();
		_exit(self->device < 0 || !next_is(self->device, "before you opened") ||
		      !next_is(self->device, "and another"));
	}
	EXPECT_EQ(0, send_text_to(self->device, child, "before you opened"));
	EXPECT_EQ(0, send_text_to(self->device, child, "and another"));
	EXPECT_EQ(0, eventfd_write(self->event, 1));
	EXPECT_EQ(0, wait_child(child));
}

TEST_F(inbox, M17_1_a_child_is_itself_through_an_inherited_descriptor)
{
	pid_t child;

	EXPECT_EQ(0, send_text_to(self->device, getpid(), "for the parent"));
	child = fork_child();
	if (!child) {
		if (receive_flags(self->device, NULL, 0, MSGPASS_NONBLOCK) != -EAGAIN)
			_exit(1);
		if (stat_of(self->device).owner_pid != getpid())
			_exit(2);
		if (send_text_to(self->device, getpid(), "for the child"))
			_exit(3);
		_exit(!next_is(self->device, "for the child"));
	}
	EXPECT_EQ(0, wait_child(child));
	EXPECT_TRUE(next_is(self->device, "for the parent"));
	EXPECT_EQ(0, stat_of(self->device).messages);
}

TEST_F(inbox, P8_1_the_kernel_says_who_sent)
{
	struct msgpass_receive receive = { };
	uint64_t key[3];
	pid_t child;

	if (geteuid())
		SKIP(return, "needs root");
	/* Twice the same child, then another one. */
	child = fork_child();
	if (!child)
		_exit(send_text_to(self->device, getppid(), "") ||
		      send_text_to(self->device, getppid(), ""));
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, receive_full(self->device, &receive));
		EXPECT_EQ(child, receive.sender_pid);
		EXPECT_EQ(child, receive.sender_tid);
		EXPECT_EQ(0, receive.sender_uid);
		EXPECT_EQ(0, receive.sender_gid);
		EXPECT_EQ(i + 1, receive.id);
		key[i] = receive.sender_key;
	}
	EXPECT_EQ(0, wait_child(child));
	EXPECT_EQ(key[0], key[1]);

	child = fork_child();
	if (!child) {
		/* The ids are those in force when it sends. */
		if (setegid(1234) || send_text_to(self->device, getppid(), ""))
			_exit(1);
		_exit(0);
	}
	ASSERT_EQ(0, receive_full(self->device, &receive));
	EXPECT_EQ(0, wait_child(child));
	EXPECT_EQ(1234, receive.sender_gid);
	EXPECT_EQ(child, receive.sender_pid);
	key[2] = receive.sender_key;
	EXPECT_NE(key[0], key[2]);
}

static void *send_to_self(void *argument)
{
	pid_t *tid = argument;
	int device = open_device();

	*tid = gettid();
	send_text_to(device, getpid(), "from a thread");
	close(device);
	return NULL;
}

TEST_F(inbox, P8_2_the_thread_is_told_apart_from_its_process)
{
	struct msgpass_receive receive = { .flags = MSGPASS_NONBLOCK };
	char text[32];
	pthread_t thread;
	pid_t tid = 0;

	receive.buffer = (uintptr_t)text;
	receive.buffer_size = sizeof(text);
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_to_self, &tid));
	pthread_join(thread, NULL);
	ASSERT_EQ(0, receive_full(self->device, &receive));
	EXPECT_EQ(getpid(), receive.sender_pid);
	EXPECT_EQ(tid, receive.sender_tid);
	EXPECT_NE(tid, getpid());
}

TEST_F(inbox, P8_3_a_sender_in_a_descendant_pid_namespace_has_its_pid_here)
{
	struct msgpass_receive receive = { };
	pid_t outer, inner = 0;
	int mailbox, pipefd[2];

	if (geteuid())
		SKIP(return, "needs root");
	mailbox = create_unnamed(self->device, 3, 64, 0600);
	ASSERT_LE(0, mailbox);
	ASSERT_EQ(0, pipe(pipefd));

	outer = fork_child();
	if (!outer) {
		pid_t init;

		if (unshare(CLONE_NEWPID))
			_exit(1);
		init = fork();
		if (!init) {
			/* Here its pid is 1, and its parent has none. */
			if (getpid() != 1 || send_text(mailbox, "") ||
			    send_text_to(self->device, outer ?: INT_MAX, "") != -ESRCH)
				_exit(2);
			_exit(0);
		}
		if (write(pipefd[1], &init, sizeof(init)) != sizeof(init))
			_exit(3);
		/* Two ways: the child is seen from here, and not the other way. */
		if (wait_child(init))
			_exit(4);
		if (send_text(mailbox, ""))
			_exit(5);
		_exit(0);
	}
	ASSERT_EQ(sizeof(inner), read(pipefd[0], &inner, sizeof(inner)));
	EXPECT_EQ(0, wait_child(outer));
	ASSERT_EQ(0, receive_full(mailbox, &receive));
	EXPECT_EQ(inner, receive.sender_pid);
	ASSERT_EQ(0, receive_full(mailbox, &receive));
	EXPECT_EQ(outer, receive.sender_pid);

	/* And one that the receiver cannot see has no pid there. */
	ASSERT_EQ(0, send_text(mailbox, ""));
	outer = fork_child();
	if (!outer) {
		pid_t init;

		if (unshare(CLONE_NEWPID))
			_exit(1);
		init = fork();
		if (!init) {
			receive = (struct msgpass_receive){ .flags = MSGPASS_NONBLOCK };
			if (receive_full(mailbox, &receive))
				_exit(2);
			_exit(receive.sender_pid || receive.sender_tid || !receive.sender_key);
		}
		_exit(wait_child(init));
	}
	EXPECT_EQ(0, wait_child(outer));
	close(mailbox);
	close(pipefd[0]);
	close(pipefd[1]);
}

TEST_F(inbox, M4_2_addresses_that_are_no_process_are_refused)
{
	pid_t child = fork_sleeper();
	struct task task;
	siginfo_t info;

	EXPECT_EQ(-EINVAL, send_text_to(self->device, 0, "x"));
	EXPECT_EQ(-ESRCH, send_text_to(self->device, INT_MAX, "x"));

	/* A thread that is not the first is not a process. */
	start_receive(&task, self->device, 0);
	EXPECT_EQ(-ESRCH, send_text_to(self->device, task.tid, "x"));
	EXPECT_EQ(0, send_text_to(self->device, getpid(), "x"));
	EXPECT_EQ(0, join(&task));

	/* kthreadd */
	if (!geteuid() && getpid() != 2)
		EXPECT_EQ(-ESRCH, send_text_to(self->device, 2, "x"));

	/* Killed but not yet waited for, and then gone. */
	EXPECT_EQ(0, send_text_to(self->device, child, "x"));
	kill(child, SIGKILL);
	EXPECT_EQ(0, waitid(P_PID, child, &info, WEXITED | WNOWAIT));
	EXPECT_EQ(-ESRCH, send_text_to(self->device, child, "x"));
	waitpid(child, NULL, 0);
	EXPECT_EQ(-ESRCH, send_text_to(self->device, child, "x"));
}

TEST_F(inbox, P9_4_senders_of_another_user_are_not_accepted)
{
	pid_t user, child;

	if (geteuid())
		SKIP(return, "needs root");
	/* root sends to a user: privileged. */
	user = fork_child();
	if (!user) {
		become_user();
		eventfd_write(self->event, 1);
		for (;;)
			pause();
	}
	await(self->event);
	EXPECT_EQ(0, send_text_to(self->device, user, "from root"));

	/* The user sends to itself and to another process of its own, not to us. */
	child = fork_child();
	if (!child) {
		pid_t parent = getppid();

		become_user();
		if (send_text_to(self->device, user, "from a friend"))
			_exit(1);
		if (send_text_to(self->device, parent, "from a stranger") != -EACCES)
			_exit(2);
		if (send_text_to(self->device, 1, "from a stranger") != -EACCES)
			_exit(3);
		_exit(0);
	}
	EXPECT_EQ(0, wait_child(child));
	EXPECT_EQ(0, stat_of(self->device).messages);
	end_child(user);
}

TEST_F(inbox, P7_2_a_sender_that_waits_is_told_of_the_receivers_death)
{
	struct task sender, synchronous;
	pid_t child = fork_sleeper();
	int err;

	/* Fill its inbox. */
	while (!(err = send_text_to(self->device, child, "x")))
		;
	ASSERT_EQ(-EAGAIN, err);

	sender = (struct task){
		.fd = self->device,
		.send = { .to = child },
	};
	synchronous = (struct task){
		.fd = self->device,
		.send = { .to = child, .flags = MSGPASS_SYNC },
	};
	start(&sender);
	start(&synchronous);
	EXPECT_TRUE(until_asleep(getpid(), sender.tid));
	EXPECT_TRUE(until_asleep(getpid(), synchronous.tid));
	kill(child, SIGKILL);
	EXPECT_EQ(-ESRCH, join(&sender));
	EXPECT_EQ(-ESRCH, join(&synchronous));
	waitpid(child, NULL, 0);
}

static void *pause_forever(void *argument)
{
	(void)argument;
	for (;;)
		pause();
	return NULL;
}

TEST_F(inbox, P7_3_a_process_lives_until_its_last_thread_ends)
{
	struct task sender = { .fd = self->device };
	pid_t child;

	child = fork_child();
	if (!child) {
		pthread_t thread;

		pthread_create(&thread, NULL, pause_forever, NULL);
		syscall(SYS_exit, 0);
	}
	sender.send.to = child;
	sender.send.flags = MSGPASS_SYNC;
	start(&sender);
	/* The first thread is dead; the process lives. */
	ASSERT_TRUE(until_state(child, child, 'Z'));
	EXPECT_EQ(0, send_text_to(self->device, child, "still there?"));
	EXPECT_EQ(1, sender.result);
	kill(child, SIGKILL);
	EXPECT_EQ(-ESRCH, join(&sender));
	waitpid(child, NULL, 0);
	EXPECT_EQ(-ESRCH, send_text_to(self->device, child, "still there?"));
}

/* How many hold the module, or -1. */
static int module_references(void)
{
	FILE *file = fopen("/sys/module/msgpass/refcnt", "re");
	int count = -1;

	if (file) {
		if (fscanf(file, "%d", &count) != 1)
			count = -1;
		fclose(file);
	}
	return count;
}

TEST_F(inbox, P12_22_an_inbox_keeps_the_module_only_for_its_messages)
{
	int before = module_references(), device;
	pid_t child;

	if (before < 0)
		SKIP(return, "no count of references to the module");
	ASSERT_EQ(0, send_text_to(self->device, getpid(), "rests"));
	EXPECT_EQ(before + 1, module_references());
	device = open_device();
	ASSERT_LE(0, device);
	EXPECT_EQ(before + 2, module_references());
	/* Closed, there is still the message. */
	close(device);
	EXPECT_EQ(before + 1, module_references());
	EXPECT_TRUE(next_is(self->device, "rests"));
	device = open_device();
	close(device);
	EXPECT_EQ(before, module_references());

	/* Also by an inherited descriptor, which somebody else has open, too. */
	child = fork_child();
	if (!child) {
		if (send_text_to(self->device, getpid(), "x") ||
		    module_references() != before + 1 || !next_is(self->device, "x"))
			_exit(1);
		close(self->device);
		_exit(module_references() != before);
	}
	EXPECT_EQ(0, wait_child(child));
}

static void *execute(void *argument)
{
	char *const argv[] = { "exec", argument, NULL };

	execv("/proc/self/exe", argv);
	_exit(252);
}

/* What P7_4 becomes by exec: it still has what was sent before. */
static int after_exec(void)
{
	int device = open_device();

	return !next_is(device, "sent before exec");
}

TEST_F(inbox, P7_4_an_inbox_survives_exec_even_from_another_thread)
{
	pid_t child = fork_child();

	if (!child) {
		pthread_t thread;

		await(self->event);
		pthread_create(&thread, NULL, execute, "after_exec");
		pause_forever(NULL);
	}
	EXPECT_EQ(0, send_text_to(self->device, child, "sent before exec"));
	EXPECT_EQ(0, eventfd_write(self->event, 1));
	EXPECT_EQ(0, wait_child(child));
}

TEST_F_TIMEOUT(inbox, M4_3_many_processes_come_and_go, SLOW)
{
	for (int i = 0; i < 500; i++) {
		pid_t child = fork_child();

		if (!child)
			_exit(send_text_to(self->device, getppid(), "x") ||
			      send_text_to(self->device, getpid(), "x"));
		/* In its life, at its death, or after it. */
		int err = send_text_to(self->device, child, "x");

		EXPECT_TRUE(!err || err == -ESRCH);
		EXPECT_EQ(0, wait_child(child));
		EXPECT_EQ(-ESRCH, send_text_to(self->device, child, "x"));
		EXPECT_TRUE(next_is(self->device, "x"));
	}
	EXPECT_EQ(500, stat_of(self->device).received_messages);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "after_exec"))
		return after_exec();
	return test_harness_run(argc, argv);
}
