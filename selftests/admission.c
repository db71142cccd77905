// SPDX-License-Identifier: GPL-2.0-only
/* What a mailbox admits: up to its capacity, of its size, within its sender's quota. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mailbox.h"

TEST_F(mailbox, M11_1_bounded_admits_up_to_its_capacity_and_no_more)
{
	struct msgpass_stat stat;

	EXPECT_EQ(0, send_text(self->mailbox, "1"));
	EXPECT_EQ(0, send_text(self->mailbox, "22"));
	EXPECT_EQ(0, send_text(self->mailbox, "333"));
	EXPECT_EQ(-EAGAIN, send_text(self->mailbox, "4444"));
	stat = stat_of(self->mailbox);
	EXPECT_EQ(3, stat.messages);
	EXPECT_EQ(6, stat.bytes);
	EXPECT_EQ(3, stat.admitted_messages);
	EXPECT_TRUE(next_is(self->mailbox, "1"));
	EXPECT_EQ(0, send_text(self->mailbox, "4444"));
	EXPECT_EQ(-EAGAIN, send_text(self->mailbox, "5"));
	EXPECT_TRUE(next_is(self->mailbox, "22"));
	EXPECT_TRUE(next_is(self->mailbox, "333"));
	EXPECT_TRUE(next_is(self->mailbox, "4444"));
	EXPECT_EQ(-EAGAIN, receive_flags(self->mailbox, NULL, 0, MSGPASS_NONBLOCK));
	stat = stat_of(self->mailbox);
	EXPECT_EQ(0, stat.messages);
	EXPECT_EQ(0, stat.bytes);
	EXPECT_EQ(4, stat.received_messages);
	EXPECT_EQ(10, stat.received_bytes);
	EXPECT_EQ(10, stat.admitted_bytes);
}

TEST_F(mailbox, M11_2_a_receipt_admits_a_blocked_sender_without_its_help)
{
	struct task sender;

	REMAKE(1, 0, 64, 0600);
	ASSERT_EQ(0, send_text(self->mailbox, "rests"));
	start_send(&sender, self->mailbox, "waits", 0, 0);
	ASSERT_TRUE(until_senders_wait(self->mailbox, 1));
	EXPECT_EQ(1, stat_of(self->mailbox).messages);

	EXPECT_TRUE(next_is(self->mailbox, "rests"));
	/* At once, whether or not the sender has run since. */
	EXPECT_EQ(1, stat_of(self->mailbox).messages);
	EXPECT_EQ(0, stat_of(self->mailbox).senders_waiting);
	EXPECT_TRUE(next_is(self->mailbox, "waits"));
	EXPECT_EQ(0, join(&sender));
}

TEST_F(mailbox, M11_3_unbounded_never_makes_the_sender_wait)
{
	REMAKE(MSGPASS_UNBOUNDED, 0, 64, 0600);
	for (unsigned int i = 0; i < 5000; i++)
		ASSERT_EQ(0, send_flags(self->mailbox, &i, sizeof(i), MSGPASS_NONBLOCK));
	EXPECT_EQ(5000, stat_of(self->mailbox).messages);
}

TEST_F(mailbox, M11_4_capacity_zero_is_a_rendezvous)
{
	struct task sender, receiver;

	REMAKE(0, 0, 64, 0600);
	EXPECT_EQ(-EAGAIN, send_text(self->mailbox, "nobody waits"));
	EXPECT_EQ(-EAGAIN, receive_flags(self->mailbox, NULL, 0, MSGPASS_NONBLOCK));

	/* The sender comes first, and nothing rests. */
	start_send(&sender, self->mailbox, "to whom?", 0, 0);
	ASSERT_TRUE(until_senders_wait(self->mailbox, 1));
	EXPECT_EQ(0, stat_of(self->mailbox).messages);
	EXPECT_TRUE(next_is(self->mailbox, "to whom?"));
	EXPECT_EQ(0, join(&sender));
	EXPECT_EQ(1, sender.send.id);

	/* The receiver comes first: now a send need not wait. */
	start_receive(&receiver, self->mailbox, 0);
	ASSERT_TRUE(until_receivers_wait(self->mailbox, 1));
	EXPECT_EQ(0, send_text(self->mailbox, "to you"));
	EXPECT_EQ(0, join(&receiver));
	EXPECT_EQ(6, receiver.receive.size);
	EXPECT_EQ(0, stat_of(self->mailbox).messages);
}

TEST_F(mailbox, P5_1_sizes_are_kept_from_nothing_to_the_largest)
{
	static char sent[65536], got[65536 + 1];

	REMAKE(3, 0, sizeof(sent), 0600);
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = i * 31 + i / 256;
	for (size_t size = 0; size <= sizeof(sent); size = size * 3 + 1) {
		ASSERT_EQ(0, send_flags(self->mailbox, sent, size, 0));
		ASSERT_EQ((int)size, receive_flags(self->mailbox, got, sizeof(got), 0));
		ASSERT_EQ(0, memcmp(sent, got, size));
	}
	ASSERT_EQ(0, send_flags(self->mailbox, sent, sizeof(sent), 0));
	ASSERT_EQ((int)sizeof(sent), receive_flags(self->mailbox, got, sizeof(sent), 0));
	EXPECT_EQ(0, memcmp(sent, got, sizeof(sent)));
	EXPECT_EQ(-EMSGSIZE, send_flags(self->mailbox, got, sizeof(sent) + 1, 0));
}

TEST_F(mailbox, P5_2_a_fixed_size_mailbox_takes_that_size_only)
{
	REMAKE(3, MSGPASS_FIXED_SIZE, 4, 0600);
	EXPECT_EQ(0, send_text(self->mailbox, "four"));
	EXPECT_EQ(-EMSGSIZE, send_text(self->mailbox, "two"));
	EXPECT_EQ(-EMSGSIZE, send_text(self->mailbox, "fives"));
	EXPECT_EQ(-EMSGSIZE, send_text(self->mailbox, ""));
	EXPECT_EQ(1, stat_of(self->mailbox).messages);
	EXPECT_EQ(MSGPASS_FIXED_SIZE, stat_of(self->mailbox).policy);
}

TEST_F(mailbox, M12_1_sizes_vary_up_to_the_mailboxs_maximum)
{
	char text[65] = "";

	for (unsigned int size = 0; size <= 64; size++) {
		ASSERT_EQ(0, send_flags(self->mailbox, text, size, 0));
		ASSERT_EQ((int)size, receive_flags(self->mailbox, text, 64, 0));
	}
	EXPECT_EQ(-EMSGSIZE, send_flags(self->mailbox, text, 65, 0));
	EXPECT_EQ(-EMSGSIZE, send_flags(self->mailbox, text, UINT32_MAX, 0));
	EXPECT_EQ(0, stat_of(self->mailbox).messages);
}

TEST_F(mailbox, M12_2_without_a_maximum_it_is_the_administrators)
{
	unsigned int limit = read_limit("message_size_max");
	char *data;

	REMAKE(1, 0, 0, 0600);
	EXPECT_EQ(limit, stat_of(self->mailbox).size_max);
	if (limit > 32 << 20)
		SKIP(return, "a limit of %u bytes is too high to reach", limit);
	data = malloc(limit);
	ASSERT_NE(NULL, data);
	memset(data, 0x5a, limit);
	EXPECT_EQ(-EMSGSIZE, send_flags(self->mailbox, data, limit + 1, 0));
	ASSERT_EQ(0, send_flags(self->mailbox, data, limit, 0));
	memset(data, 0, limit);
	ASSERT_EQ((int)limit, receive_flags(self->mailbox, data, limit, 0));
	for (unsigned int i = 0; i < limit; i++)
		if (data[i] != 0x5a)
			ASSERT_EQ(0x5a, data[i]);
	free(data);
}

TEST_F(mailbox, P10_1_queued_bytes_are_limited_by_the_quota)
{
	static char data[65536];
	unsigned int sent = 0;
	int err;

	REMAKE(MSGPASS_UNBOUNDED, 0, sizeof(data), 0600);
	while (!(err = send_flags(self->mailbox, data, sizeof(data), MSGPASS_NONBLOCK)))
		if (++sent > 1000000)
			break;
	EXPECT_EQ(-EDQUOT, err);
	EXPECT_LT(0, sent);
	/* What is received is free again, and what was refused costs nothing. */
	ASSERT_EQ(sizeof(data), receive_flags(self->mailbox, data, sizeof(data), 0));
	EXPECT_EQ(0, send_flags(self->mailbox, data, sizeof(data), 0));
	EXPECT_EQ(-EDQUOT, send_flags(self->mailbox, data, sizeof(data), 0));
}

TEST_F_TIMEOUT(mailbox, P10_3_a_send_that_fails_costs_nothing, SLOW)
{
	static char data[65536];
	struct msgpass_send late = {
		.data = (uintptr_t)data,
		.size = sizeof(data),
		.deadline = 1,
	};
	struct msgpass_send bad = {
		.data = 8,
		.size = sizeof(data),
	};

	REMAKE(1, 0, sizeof(data), 0600);
	ASSERT_EQ(0, send_text(self->mailbox, "full"));
	/* Together many times what a user may have queued. */
	for (int i = 0; i < 3000; i++) {
		ASSERT_EQ(-EAGAIN, send_flags(self->mailbox, data, sizeof(data),
					      MSGPASS_NONBLOCK));
		ASSERT_EQ(-ETIMEDOUT, send_full(self->mailbox, &late));
		ASSERT_EQ(-EFAULT, send_full(self->mailbox, &bad));
	}
	EXPECT_TRUE(next_is(self->mailbox, "full"));
	late.flags = MSGPASS_SYNC;
	for (int i = 0; i < 3000; i++)
		ASSERT_EQ(-ETIMEDOUT, send_full(self->mailbox, &late));
	EXPECT_EQ(0, stat_of(self->mailbox).messages);
	EXPECT_EQ(3001, stat_of(self->mailbox).admitted_messages);
	EXPECT_EQ(0, send_flags(self->mailbox, data, sizeof(data), 0));
}

/* Fill an unbounded mailbox; *@sent is how many went in. */
static int fill(int mailbox, const void *data, size_t size, unsigned long *sent)
{
	int err;

	*sent = 0;
	while (!(err = send_flags(mailbox, data, size, MSGPASS_NONBLOCK)))
		++*sent;
	return err;
}

TEST_F_TIMEOUT(mailbox, P10_4_messages_are_limited_by_the_quota, SLOW)
{
	unsigned long limit = read_limit("user_messages_max"), sent;

	ASSERT_LT(0, limit);
	/* An empty one takes the least of the other quota. */
	if (limit * 256 > read_limit("user_bytes_max"))
		SKIP(return, "the limit of bytes comes first");
	REMAKE(MSGPASS_UNBOUNDED, 0, 64, 0600);
	EXPECT_EQ(-EDQUOT, fill(self->mailbox, NULL, 0, &sent));
	EXPECT_GE(limit, sent);
	EXPECT_LT(limit - limit / 100, sent);
	ASSERT_EQ(0, receive_flags(self->mailbox, NULL, 0, 0));
	EXPECT_EQ(0, send_text(self->mailbox, "x"));
	EXPECT_EQ(-EDQUOT, send_text(self->mailbox, "x"));
}

TEST_F(mailbox, M16_1_limits_change_while_in_use)
{
	unsigned long messages = read_limit("user_messages_max");
	unsigned long bytes = read_limit("user_bytes_max"), sent;
	char data[4096] = "";

	if (geteuid())
		SKIP(return, "needs root");
	self->guard = guard_limits();
	ASSERT_LT(0, self->guard);
	REMAKE(MSGPASS_UNBOUNDED, 0, sizeof(data), 0600);
	ASSERT_EQ(0, send_text(self->mailbox, "x"));
	ASSERT_TRUE(write_limit("user_messages_max", 10));
	/* Not at once where another process of this user has only just ended. */
	EXPECT_TRUE(UNTIL(fill(self->mailbox, NULL, 0, &sent) == -EDQUOT &&
			  stat_of(self->mailbox).messages >= 10));
	/* It takes nothing away. */
	ASSERT_TRUE(write_limit("user_messages_max", 0));
	EXPECT_EQ(10, stat_of(self->mailbox).messages);
	EXPECT_TRUE(next_is(self->mailbox, "x"));
	EXPECT_EQ(-EDQUOT, send_text(self->mailbox, "x"));
	EXPECT_TRUE(write_limit("user_messages_max", messages));

	ASSERT_TRUE(write_limit("user_bytes_max", 64 * 1024));
	EXPECT_EQ(-EDQUOT, fill(self->mailbox, data, sizeof(data), &sent));
	EXPECT_GE(16, sent);
	EXPECT_LE(10, sent);
	EXPECT_TRUE(write_limit("user_bytes_max", bytes));
	EXPECT_EQ(0, send_flags(self->mailbox, data, sizeof(data), 0));
}

TEST_F(mailbox, M16_2_a_limit_out_of_range_is_refused)
{
	unsigned long size = read_limit("message_size_max");

	if (geteuid())
		SKIP(return, "needs root");
	EXPECT_FALSE(write_limit("message_size_max", 0));
	EXPECT_FALSE(write_limit("message_size_max", (1UL << 30) + 1));
	EXPECT_FALSE(write_limit("inbox_capacity", 0));
	EXPECT_FALSE(write_limit("kept_bytes_max", 1UL << 31));
	EXPECT_EQ(size, read_limit("message_size_max"));
	self->guard = guard_limits();
	ASSERT_LT(0, self->guard);

	/* The ceiling counts when a mailbox is created. */
	ASSERT_TRUE(write_limit("message_size_max", 100));
	EXPECT_EQ(-EINVAL, create_mailbox(self->device, "too-large", 1, 101));
	EXPECT_TRUE(write_limit("message_size_max", size));
}

TEST_F(mailbox, M16_3_one_users_quota_is_not_anothers)
{
	unsigned long bytes = read_limit("user_bytes_max"), sent;
	char data[4096] = "";
	pid_t child;

	if (geteuid())
		SKIP(return, "needs root");
	self->guard = guard_limits();
	ASSERT_LT(0, self->guard);
	REMAKE(MSGPASS_UNBOUNDED, 0, sizeof(data), 0666);
	ASSERT_TRUE(write_limit("user_bytes_max", 256 * 1024));
	child = fork_child();
	if (!child) {
		int mailbox;

		become_user();
		mailbox = open_mailbox(self->device, self->name, MSGPASS_ACCESS_SEND);
		_exit(mailbox < 0 || fill(mailbox, data, sizeof(data), &sent) != -EDQUOT ||
		      sent < 50);
	}
	EXPECT_EQ(0, wait_child(child));
	/* What it queued is its own, though the mailbox is ours. */
	EXPECT_EQ(0, send_text(self->mailbox, "x"));
	EXPECT_EQ(-EDQUOT, fill(self->mailbox, data, sizeof(data), &sent));
	EXPECT_LE(50, sent);
	EXPECT_TRUE(write_limit("user_bytes_max", bytes));
}

TEST_F_TIMEOUT(mailbox, P10_2_mailboxes_are_limited_by_the_quota, SLOW)
{
	unsigned int limit = read_limit("user_mailboxes_max"), made = 0, i;
	char name[MAILBOX_NAME_SIZE];
	int fd = 0;

	if (limit > 10000)
		SKIP(return, "a limit of %u mailboxes is too high to reach", limit);

	for (i = 0; i < limit + 1; i++) {
		snprintf(name, sizeof(name), "%.40s-%u", self->name, i);
		fd = create_mailbox(self->device, name, 1, 1);
		if (fd < 0)
			break;
		close(fd);
		made++;
	}
	EXPECT_EQ(-EDQUOT, fd);
	EXPECT_GE(limit, made);
	for (i = 0; i < made; i++) {
		snprintf(name, sizeof(name), "%.40s-%u", self->name, i);
		EXPECT_EQ(0, unlink_mailbox(self->device, name));
	}
	fd = create_mailbox(self->device, name, 1, 1);
	ASSERT_LE(0, fd);
	delete_mailbox(fd);
	close(fd);
}

TEST_HARNESS_MAIN
