// SPDX-License-Identifier: GPL-2.0-only
/* The library: the comfortable layer and the textbooks' names. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <msgpass/textbook.h>

#include "util.h"

#include <kselftest_harness.h>

FIXTURE(textbook)
{
	char name[MAILBOX_NAME_SIZE];
	struct message_queue *mailbox, *any;
};

FIXTURE_SETUP(textbook)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	name_mailbox(self->name, "m");
	self->mailbox = mailbox_queue(self->name, 2);
	ASSERT_NE(NULL, self->mailbox);
	self->any = process_queue(ANY_PROCESS);
	ASSERT_NE(NULL, self->any);
}

FIXTURE_TEARDOWN(textbook)
{
	delete_queue(self->mailbox);
	close_queue(self->mailbox);
	close_queue(self->any);
}

static void compose(struct message *message, int number)
{
	message->size = sprintf(message->data, "Item %d", number);
}

TEST_F(textbook, M5_1_producer_and_consumer_share_a_mailbox)
{
	struct message message;
	pid_t producer = fork_child();

	if (!producer) {
		struct message_queue *queue = mailbox_queue(self->name, 99);

		for (int i = 1; i <= 5; i++) {
			compose(&message, i);
			if (!queue || blocking_send(queue, &message) ||
			    message.message_id != (uint64_t)i ||
			    message.sender_pid != getpid())
				_exit(1);
		}
		close_queue(queue);
		_exit(0);
	}
	for (int i = 1; i <= 5; i++) {
		char expected[32];

		snprintf(expected, sizeof(expected), "Item %d", i);
		memset(&message, 0x5a, sizeof(message));
		ASSERT_EQ(0, blocking_receive(self->mailbox, &message));
		EXPECT_EQ(strlen(expected), message.size);
		EXPECT_EQ(0, memcmp(expected, message.data, message.size));
		EXPECT_EQ(i, message.message_id);
		EXPECT_EQ(producer, message.sender_pid);
		EXPECT_EQ(0, message.receiver_pid);
	}
	EXPECT_EQ(0, wait_child(producer));
}

TEST_F(textbook, M2_2_producer_names_the_consumer)
{
	struct message message;
	pid_t consumer = getpid(), producer = fork_child();

	if (!producer) {
		struct message_queue *queue = process_queue(consumer);

		compose(&message, 7);
		_exit(!queue || blocking_send(queue, &message) ||
		      message.receiver_pid != consumer || message.sender_pid != getpid());
	}
	ASSERT_EQ(0, blocking_receive(self->any, &message));
	EXPECT_EQ(6, message.size);
	EXPECT_EQ(producer, message.sender_pid);
	EXPECT_EQ(consumer, message.receiver_pid);
	EXPECT_EQ(1, message.message_id);
	EXPECT_EQ(0, wait_child(producer));
}

TEST_F(textbook, M1_4_a_consumer_names_its_producer)
{
	struct message_queue *queue, *own = process_queue(getpid());
	struct message message;
	pid_t producer;

	ASSERT_NE(NULL, own);
	compose(&message, 1);
	EXPECT_EQ(0, blocking_send(own, &message));
	producer = fork_child();
	if (!producer) {
		compose(&message, 2);
		message.size = MESSAGE_DATA_MAX;
		queue = process_queue(getppid());
		_exit(!queue || blocking_send(queue, &message));
	}
	queue = process_queue(producer);
	ASSERT_NE(NULL, queue);
	ASSERT_EQ(0, blocking_receive(queue, &message));
	EXPECT_EQ(producer, message.sender_pid);
	EXPECT_EQ(MESSAGE_DATA_MAX, message.size);
	EXPECT_EQ(0, wait_child(producer));
	EXPECT_EQ(-1, blocking_receive(queue, &message));
	EXPECT_EQ(ESRCH, errno);
	ASSERT_EQ(0, blocking_receive(self->any, &message));
	EXPECT_EQ(getpid(), message.sender_pid);
	close_queue(queue);
	close_queue(own);
}

TEST_F(textbook, P8_5_a_pidfd_leads_to_its_process_only)
{
	struct msgpass *endpoint = msgpass_endpoint();
	uint64_t key, by_pid;
	pid_t child;
	int pidfd;

	ASSERT_NE(NULL, endpoint);
	child = fork_child();
	if (!child)
		for (;;)
			pause();
	pidfd = syscall(SYS_pidfd_open, child, 0);
	ASSERT_LE(0, pidfd);
	ASSERT_EQ(0, msgpass_key_of_pidfd(endpoint, pidfd, &key));
	ASSERT_EQ(0, msgpass_key(endpoint, child, &by_pid));
	EXPECT_EQ(by_pid, key);
	EXPECT_EQ(0, msgpass_send_to_key(endpoint, key, "x", 1, 0));

	kill(child, SIGKILL);
	EXPECT_EQ(-SIGKILL, wait_child(child));
	EXPECT_EQ(-1, msgpass_send_to_key(endpoint, key, "x", 1, 0));
	EXPECT_EQ(ESRCH, errno);
	EXPECT_EQ(-1, msgpass_key_of_pidfd(endpoint, pidfd, &key));
	EXPECT_EQ(ESRCH, errno);
	EXPECT_EQ(-1, msgpass_key_of_pidfd(endpoint, msgpass_fd(endpoint), &key));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, msgpass_key_of_pidfd(endpoint, 999, &key));
	EXPECT_EQ(EBADF, errno);
	close(pidfd);
	msgpass_close(endpoint);
}

TEST_F(textbook, M6_3_anothers_own_mailbox_is_to_send_to)
{
	const struct msgpass_attributes attributes = {
		.flags = MSGPASS_PROCESS_OWNED,
		.capacity = 2,
		.size_max = MESSAGE_DATA_MAX,
		.mode = 0600,
	};
	struct msgpass_info info;
	struct msgpass *mailbox;
	char name[MAILBOX_NAME_SIZE], text[16];
	pid_t child;

	name_mailbox(name, "own");
	mailbox = msgpass_create(name, &attributes, MSGPASS_ACCESS_BOTH);
	ASSERT_NE(NULL, mailbox);
	child = fork_child();
	if (!child) {
		struct message_queue *queue = mailbox_queue(name, 2);
		struct message message;

		compose(&message, 1);
		if (!queue || blocking_send(queue, &message))
			_exit(1);
		_exit(nonblocking_receive(queue, &message) != -1 || errno != EACCES);
	}
	EXPECT_EQ(0, wait_child(child));
	EXPECT_EQ(6, msgpass_receive(mailbox, text, sizeof(text), MSGPASS_NONBLOCK, &info));
	EXPECT_EQ(child, info.sender_pid);
	msgpass_close(mailbox);
}

TEST_F(textbook, M9_1_nonblocking_calls_do_not_wait)
{
	struct message message = { .size = 1 };

	EXPECT_EQ(-1, nonblocking_receive(self->mailbox, &message));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, nonblocking_send(self->mailbox, &message));
	EXPECT_EQ(0, nonblocking_send(self->mailbox, &message));
	EXPECT_EQ(-1, nonblocking_send(self->mailbox, &message));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(0, nonblocking_receive(self->mailbox, &message));
	EXPECT_EQ(-1, nonblocking_receive(self->any, &message));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(textbook, P12_20_what_makes_no_sense_is_refused)
{
	struct message_queue *self_queue = process_queue(getpid());
	struct message message = { .size = MESSAGE_DATA_MAX + 1 };

	ASSERT_NE(NULL, self_queue);
	EXPECT_EQ(-1, blocking_send(self->mailbox, &message));
	EXPECT_EQ(EMSGSIZE, errno);
	message.size = MESSAGE_DATA_MAX;
	EXPECT_EQ(-1, blocking_send(self->any, &message));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(NULL, process_queue(-1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, blocking_send(self->mailbox, &message));
	EXPECT_EQ(0, blocking_receive(self->mailbox, &message));
	EXPECT_EQ(MESSAGE_DATA_MAX, message.size);
	close_queue(self_queue);
}

TEST_F(textbook, M5_2_the_comfortable_layer_sends_receives_and_tells)
{
	const struct msgpass_attributes attributes = {
		.capacity = 2,
		.size_max = 100,
		.mode = 0600,
	};
	/* Where it has more than 32 bits, the lower ones are a size that would do. */
	const size_t too_large = sizeof(size_t) > 4 ? (size_t)UINT32_MAX + 13 : SIZE_MAX;
	struct msgpass *mailbox, *again;
	struct msgpass_info info;
	struct msgpass_stat stat;
	char name[MAILBOX_NAME_SIZE], buffer[8];

	name_mailbox(name, "comfort");
	mailbox = msgpass_create(name, &attributes, MSGPASS_ACCESS_BOTH);
	ASSERT_NE(NULL, mailbox);
	EXPECT_EQ(NULL, msgpass_create(name, &attributes, MSGPASS_ACCESS_BOTH));
	EXPECT_EQ(EEXIST, errno);
	again = msgpass_open(name, MSGPASS_ACCESS_SEND);
	ASSERT_NE(NULL, again);

	EXPECT_EQ(0, msgpass_send(again, "twelve bytes", 12, 0));
	EXPECT_EQ(-1, msgpass_receive(again, buffer, sizeof(buffer), 0, NULL));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, msgpass_receive(mailbox, buffer, sizeof(buffer), 0, &info));
	EXPECT_EQ(EMSGSIZE, errno);
	EXPECT_EQ(12, info.size);
	EXPECT_EQ(getpid(), info.sender_pid);
	EXPECT_EQ(-1, msgpass_send(again, buffer, too_large, 0));
	EXPECT_EQ(EMSGSIZE, errno);
	EXPECT_EQ(0, msgpass_stat(mailbox, &stat));
	EXPECT_EQ(1, stat.messages);
	EXPECT_EQ(2, stat.capacity);

	EXPECT_EQ(0, msgpass_unlink(name));
	EXPECT_EQ(NULL, msgpass_open(name, MSGPASS_ACCESS_SEND));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(0, msgpass_delete(mailbox));
	EXPECT_EQ(-1, msgpass_send(again, "x", 1, 0));
	EXPECT_EQ(EIDRM, errno);
	msgpass_close(again);
	msgpass_close(mailbox);
	msgpass_close(NULL);
}

TEST_F(textbook, M2_3_the_endpoint_sends_to_processes)
{
	struct msgpass *endpoint = msgpass_endpoint();
	struct msgpass_info info;
	char buffer[8];

	ASSERT_NE(NULL, endpoint);
	EXPECT_EQ(-1, msgpass_send_to(endpoint, -5, "x", 1, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, msgpass_send_to(endpoint, getpid(), "self", 4, 0));
	EXPECT_EQ(4, msgpass_receive(endpoint, buffer, sizeof(buffer), 0, &info));
	EXPECT_EQ(0, memcmp(buffer, "self", 4));
	EXPECT_EQ(geteuid(), info.sender_uid);
	EXPECT_EQ(4, info.size);
	EXPECT_LT(0, info.sender_key);
	msgpass_close(endpoint);
}

TEST_HARNESS_MAIN
