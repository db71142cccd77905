// SPDX-License-Identifier: GPL-2.0-only
/* Indirect communication: names, order, who shares a mailbox, permission, the end. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mailbox.h"

TEST_F(mailbox, M7_1_names_are_unique_until_deleted)
{
	int other;

	EXPECT_EQ(-EEXIST, create_mailbox(self->device, self->name, 1, 1));
	other = open_mailbox(self->device, self->name, MSGPASS_ACCESS_BOTH);
	ASSERT_LE(0, other);
	EXPECT_EQ(0, send_text(other, "through the other descriptor"));
	EXPECT_TRUE(next_is(self->mailbox, "through the other descriptor"));

	EXPECT_EQ(0, delete_mailbox(other));
	EXPECT_EQ(-EIDRM, delete_mailbox(self->mailbox));
	EXPECT_EQ(-EIDRM, send_text(self->mailbox, "x"));
	EXPECT_EQ(-EIDRM, receive_flags(self->mailbox, NULL, 0, 0));
	EXPECT_EQ(-ENOENT, open_mailbox(self->device, self->name, 0));

	close(self->mailbox);
	self->mailbox = create_mailbox(self->device, self->name, 1, 1);
	EXPECT_LE(0, self->mailbox);
	EXPECT_EQ(-EIDRM, send_text(other, "x"));
	close(other);
}

TEST_F(mailbox, M7_2_a_mailbox_outlives_its_creator)
{
	char name[MAILBOX_NAME_SIZE];
	pid_t child;
	int fd;

	name_mailbox(name, "child");
	child = fork_child();
	if (!child) {
		fd = create_mailbox(self->device, name, 3, 64);
		_exit(fd < 0 || send_text(fd, "from beyond"));
	}
	ASSERT_EQ(0, wait_child(child));

	fd = open_mailbox(self->device, name, MSGPASS_ACCESS_BOTH);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(next_is(fd, "from beyond"));
	EXPECT_EQ(0, delete_mailbox(fd));
	close(fd);
}

TEST_F(mailbox, M7_3_unlink_takes_the_name_only)
{
	int fd;

	ASSERT_EQ(0, send_text(self->mailbox, "still here"));
	EXPECT_EQ(0, unlink_mailbox(self->device, self->name));
	EXPECT_EQ(-ENOENT, unlink_mailbox(self->device, self->name));
	EXPECT_EQ(-ENOENT, open_mailbox(self->device, self->name, 0));
	EXPECT_TRUE(next_is(self->mailbox, "still here"));

	fd = create_mailbox(self->device, self->name, 3, 64);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, send_text(self->mailbox, "not for the new one"));
	EXPECT_EQ(-EAGAIN, receive_flags(fd, NULL, 0, MSGPASS_NONBLOCK));
	EXPECT_EQ(0, delete_mailbox(fd));
	close(fd);
}

TEST_F(mailbox, P3_1_messages_of_one_priority_come_in_the_order_sent)
{
	REMAKE(100, 0, 64, 0600);
	for (unsigned int i = 0; i < 100; i++)
		ASSERT_EQ(0, send_flags(self->mailbox, &i, sizeof(i), 0));
	for (unsigned int i = 0; i < 100; i++) {
		unsigned int got = ~0U;

		ASSERT_EQ(sizeof(got), receive_flags(self->mailbox, &got, sizeof(got), 0));
		ASSERT_EQ(i, got);
	}
}

TEST_F(mailbox, P3_2_higher_priorities_come_first)
{
	static const unsigned int order[] = { 5, 0, 31, 5, 16, 0, 31 };
	char text[8];

	REMAKE(100, 0, 64, 0600);
	for (unsigned int i = 0; i < ARRAY_LEN(order); i++) {
		snprintf(text, sizeof(text), "%u/%u", order[i], i);
		ASSERT_EQ(0, send_priority(self->mailbox, text, order[i]));
	}
	EXPECT_TRUE(next_is(self->mailbox, "31/2"));
	EXPECT_TRUE(next_is(self->mailbox, "31/6"));
	EXPECT_TRUE(next_is(self->mailbox, "16/4"));
	EXPECT_TRUE(next_is(self->mailbox, "5/0"));
	EXPECT_TRUE(next_is(self->mailbox, "5/3"));
	EXPECT_TRUE(next_is(self->mailbox, "0/1"));
	EXPECT_TRUE(next_is(self->mailbox, "0/5"));
}

TEST_F(mailbox, P3_3_blocked_senders_are_admitted_in_the_order_they_came)
{
	struct task senders[4];
	char text[4][2] = { "0", "1", "2", "3" };

	REMAKE(1, 0, 64, 0600);
	ASSERT_EQ(0, send_text(self->mailbox, "first"));
	for (unsigned int i = 0; i < 4; i++) {
		start_send(&senders[i], self->mailbox, text[i], 0, 0);
		ASSERT_TRUE(until_senders_wait(self->mailbox, i + 1));
	}
	EXPECT_TRUE(next_is(self->mailbox, "first"));
	for (unsigned int i = 0; i < 4; i++) {
		EXPECT_TRUE(next_is(self->mailbox, text[i]));
		EXPECT_EQ(0, join(&senders[i]));
		EXPECT_EQ(i + 2, senders[i].send.id);
	}
}

TEST_F(mailbox, P3_4_waiting_receivers_are_served_in_the_order_they_came)
{
	struct task receivers[4];
	char text[4][2] = { "0", "1", "2", "3" };

	for (unsigned int i = 0; i < 4; i++) {
		start_receive(&receivers[i], self->mailbox, 0);
		ASSERT_TRUE(until_receivers_wait(self->mailbox, i + 1));
	}
	for (unsigned int i = 0; i < 4; i++)
		EXPECT_EQ(0, send_flags(self->mailbox, text[i], 1, 0));
	for (unsigned int i = 0; i < 4; i++) {
		EXPECT_EQ(0, join(&receivers[i]));
		EXPECT_EQ(i + 1, receivers[i].receive.id);
		EXPECT_EQ(text[i][0], receivers[i].text[0]);
	}
}

TEST_F(mailbox, M8_1_a_synchronous_send_returns_at_receipt)
{
	struct task sender;

	start_send(&sender, self->mailbox, "sync", MSGPASS_SYNC, 0);
	ASSERT_TRUE(until_messages(self->mailbox, 1));
	ASSERT_TRUE(until_asleep(getpid(), sender.tid));
	EXPECT_EQ(1, sender.result);
	EXPECT_TRUE(next_is(self->mailbox, "sync"));
	EXPECT_EQ(0, join(&sender));
}

TEST_F(mailbox, M8_2_senders_are_released_in_the_sequence_of_the_textbook)
{
	struct task senders[2];
	int i;

	for (i = 0; i < 2; i++) {
		start_send(&senders[i], self->mailbox, i ? "2" : "1", MSGPASS_SYNC, 0);
		/* Enqueued, and the sender blocked. */
		ASSERT_TRUE(until_messages(self->mailbox, i + 1));
		ASSERT_TRUE(until_asleep(getpid(), senders[i].tid));
	}
	/* Received: its sender is released, and no other. */
	EXPECT_TRUE(next_is(self->mailbox, "1"));
	EXPECT_EQ(0, join(&senders[0]));
	EXPECT_EQ(1, stat_of(self->mailbox).messages);
	EXPECT_EQ(1, senders[1].result);
	EXPECT_TRUE(next_is(self->mailbox, "2"));
	EXPECT_EQ(0, join(&senders[1]));
}

TEST_F(mailbox, M5_3_a_pair_shares_several_mailboxes)
{
	int other, again;
	char name[MAILBOX_NAME_SIZE];
	pid_t child;

	name_mailbox(name, "other");
	other = create_mailbox(self->device, name, 3, 64);
	again = open_mailbox(self->device, name, MSGPASS_ACCESS_BOTH);
	/* Whatever fails, it is not left behind. */
	EXPECT_EQ(0, unlink_mailbox(self->device, name));
	ASSERT_LE(0, other);
	ASSERT_LE(0, again);
	child = fork_child();
	if (!child)
		_exit(send_text(self->mailbox, "first") || send_text(other, "second") ||
		      send_text(self->mailbox, "third"));
	EXPECT_EQ(0, wait_child(child));
	EXPECT_TRUE(next_is(other, "second"));
	EXPECT_EQ(-EAGAIN, receive_flags(other, NULL, 0, MSGPASS_NONBLOCK));
	EXPECT_TRUE(next_is(self->mailbox, "first"));
	EXPECT_TRUE(next_is(self->mailbox, "third"));
	/* Two descriptors of one mailbox lead to the same messages. */
	EXPECT_EQ(0, send_text(other, "x"));
	EXPECT_TRUE(next_is(again, "x"));
	EXPECT_EQ(0, delete_mailbox(other));
	close(other);
	close(again);
}

#define CROWD		4
#define CROWD_EACH	500

TEST_F_TIMEOUT(mailbox, M5_4_many_send_and_many_receive_and_each_message_has_one_receiver, SLOW)
{
	pid_t senders[CROWD], receivers[CROWD];
	static unsigned int seen[CROWD * CROWD_EACH];
	int reports[2];
	unsigned int number, i, j;

	ASSERT_EQ(0, pipe(reports));
	for (i = 0; i < CROWD; i++) {
		receivers[i] = fork_child();
		if (!receivers[i]) {
			while (receive_flags(self->mailbox, &number, sizeof(number), 0) > 0)
				if (write(reports[1], &number, sizeof(number)) < 0)
					_exit(1);
			_exit(0);
		}
		senders[i] = fork_child();
		if (senders[i])
			continue;
		for (j = 0; j < CROWD_EACH; j++) {
			number = i * CROWD_EACH + j;
			if (send_flags(self->mailbox, &number, sizeof(number), 0))
				_exit(1);
		}
		_exit(0);
	}
	for (i = 0; i < CROWD * CROWD_EACH; i++) {
		ASSERT_EQ(sizeof(number), read(reports[0], &number, sizeof(number)));
		ASSERT_GT(ARRAY_LEN(seen), number);
		EXPECT_EQ(1, ++seen[number]);
	}
	for (i = 0; i < CROWD; i++)
		EXPECT_EQ(0, wait_child(senders[i]));
	EXPECT_EQ(0, delete_mailbox(self->mailbox));
	for (i = 0; i < CROWD; i++)
		EXPECT_EQ(0, wait_child(receivers[i]));
	EXPECT_EQ(0, close(reports[0]) + close(reports[1]));
}

TEST_F(mailbox, P9_1_a_descriptor_does_what_it_was_opened_for)
{
	int in = open_mailbox(self->device, self->name, MSGPASS_ACCESS_RECEIVE);
	int out = open_mailbox(self->device, self->name, MSGPASS_ACCESS_SEND);
	int none = open_mailbox(self->device, self->name, 0);

	ASSERT_LE(0, in);
	ASSERT_LE(0, out);
	ASSERT_LE(0, none);
	EXPECT_EQ(0, send_text(out, "x"));
	EXPECT_EQ(-EACCES, send_text(in, "x"));
	EXPECT_EQ(-EACCES, send_text(none, "x"));
	EXPECT_EQ(-EACCES, receive_flags(out, NULL, 0, MSGPASS_NONBLOCK));
	EXPECT_EQ(-EACCES, receive_flags(none, NULL, 0, MSGPASS_NONBLOCK));
	EXPECT_TRUE(next_is(in, "x"));
	EXPECT_EQ(3, stat_of(none).capacity);
	EXPECT_EQ(0, delete_mailbox(none));
	EXPECT_EQ(-EIDRM, send_text(out, "x"));
	close(in);
	close(out);
	close(none);
}

/* Whether it failed with this errno or, if that is 0, did not fail. */
static bool is_result(int ret, int err)
{
	return err ? ret == -err : ret >= 0;
}

TEST_F(mailbox, P9_2_the_mode_decides_who_may_open)
{
	static const struct {
		mode_t mode;
		int receive, send, none;
	} cases[] = {
		{ 0600, EACCES, EACCES, EACCES },
		{ 0604, 0, EACCES, EACCES },
		{ 0602, EACCES, 0, EACCES },
		{ 0666, 0, 0, EACCES },
	};

	if (geteuid())
		SKIP(return, "needs root");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		pid_t child;

		REMAKE(3, 0, 64, cases[i].mode);
		child = fork_child();
		if (!child) {
			int receive, send, none;

			become_user();
			receive = open_mailbox(self->device, self->name, MSGPASS_ACCESS_RECEIVE);
			send = open_mailbox(self->device, self->name, MSGPASS_ACCESS_SEND);
			none = open_mailbox(self->device, self->name, 0);
			if (!is_result(receive, cases[i].receive))
				_exit(1);
			if (!is_result(send, cases[i].send))
				_exit(2);
			if (!is_result(none, cases[i].none))
				_exit(3);
			if (unlink_mailbox(self->device, self->name) != -EPERM)
				_exit(4);
			if (receive >= 0 && delete_mailbox(receive) != -EPERM)
				_exit(5);
			_exit(0);
		}
		EXPECT_EQ(0, wait_child(child))
			TH_LOG("mode %o", cases[i].mode);
	}
}

TEST_F(mailbox, P9_3_the_umask_applies)
{
	umask(022);
	REMAKE(3, 0, 64, 0666);
	EXPECT_EQ(0644, stat_of(self->mailbox).mode);
	EXPECT_EQ(geteuid(), stat_of(self->mailbox).uid);
	EXPECT_EQ(0, stat_of(self->mailbox).owner_pid);
}

TEST_F(mailbox, P7_1_deletion_is_told_to_everybody_who_waits)
{
	struct task receivers[3], senders[3], synchronous;
	int i;

	for (i = 0; i < 3; i++) {
		start_receive(&receivers[i], self->mailbox, 0);
		ASSERT_TRUE(until_receivers_wait(self->mailbox, i + 1));
	}
	EXPECT_EQ(0, delete_mailbox(self->mailbox));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(-EIDRM, join(&receivers[i]));

	close(self->mailbox);
	self->mailbox = create_mailbox(self->device, self->name, 1, 64);
	ASSERT_LE(0, self->mailbox);
	start_send(&synchronous, self->mailbox, "sync", MSGPASS_SYNC, 0);
	ASSERT_TRUE(until_messages(self->mailbox, 1));
	for (i = 0; i < 3; i++) {
		start_send(&senders[i], self->mailbox, "waits", 0, 0);
		ASSERT_TRUE(until_senders_wait(self->mailbox, i + 1));
	}
	EXPECT_EQ(0, delete_mailbox(self->mailbox));
	EXPECT_EQ(-EIDRM, join(&synchronous));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(-EIDRM, join(&senders[i]));
}

TEST_F(mailbox, P12_19_a_name_keeps_the_module)
{
	int ret;

	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_EQ(0, send_text(self->mailbox, "not to be lost"));
	close(self->mailbox);
	close(self->device);
	ret = syscall(SYS_delete_module, "msgpass", O_NONBLOCK);
	EXPECT_EQ(-1, ret);
	EXPECT_EQ(EAGAIN, errno);
	self->device = open_device();
	ASSERT_LE(0, self->device);
	self->mailbox = open_mailbox(self->device, self->name, MSGPASS_ACCESS_BOTH);
	ASSERT_LE(0, self->mailbox);
	EXPECT_TRUE(next_is(self->mailbox, "not to be lost"));
}

TEST_HARNESS_MAIN
