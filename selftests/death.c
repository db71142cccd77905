// SPDX-License-Identifier: GPL-2.0-only
/* Death at every stage of a message: nothing lost or twice, nobody left waiting (P1, P2, P7). */
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util.h"

#include <kselftest_harness.h>

FIXTURE(death)
{
	char name[MAILBOX_NAME_SIZE];
	int device, mailbox;
	struct stall stall;
	bool can_stall;
	int ready;
};

FIXTURE_SETUP(death)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	name_mailbox(self->name, "m");
	self->device = open_device();
	ASSERT_LE(0, self->device);
	self->mailbox = create_mailbox(self->device, self->name, 1, 64);
	ASSERT_LE(0, self->mailbox);
	self->can_stall = stall_open(&self->stall);
	self->ready = open_event();
}

FIXTURE_TEARDOWN(death)
{
	if (self->can_stall)
		stall_close(&self->stall);
	delete_mailbox(self->mailbox);
	close(self->ready);
	close(self->mailbox);
	close(self->device);
}

/* A child that sends one message, or receives one. */
static pid_t fork_sender(int mailbox, const char *text, unsigned int flags)
{
	pid_t pid = fork_child();

	if (!pid)
		_exit(send_flags(mailbox, text, strlen(text), flags) ? 1 : 0);
	return pid;
}

static pid_t fork_receiver(int mailbox)
{
	pid_t pid = fork_child();
	char text[64];

	if (!pid)
		_exit(receive_flags(mailbox, text, sizeof(text), 0) < 0);
	return pid;
}

/* Another moment in each round, from none to long enough for a few system calls. */
static void dawdle(unsigned int round)
{
	for (unsigned int i = round % 16; i; i--)
		sched_yield();
}

/* Wait until @count were received in all, or one rests: that is then told. */
static bool until_received_or_rests(int mailbox, unsigned int count)
{
	struct msgpass_stat stat;

	do {
		stat = stat_of(mailbox);
		sched_yield();
	} while (stat.received_messages < count && !stat.messages);
	return stat.messages;
}

/* Nobody waits, and every message is accounted for. */
#define EXPECT_CONSISTENT(_mailbox, _withdrawn) do {				\
	struct msgpass_stat _stat = stat_of(_mailbox);				\
										\
	ASSERT_EQ(0, _stat.senders_waiting);					\
	ASSERT_EQ(0, _stat.receivers_waiting);					\
	ASSERT_EQ(_stat.admitted_messages,					\
		  _stat.received_messages + _stat.messages + (_withdrawn));	\
	ASSERT_EQ(!_stat.messages, !_stat.bytes);				\
} while (0)

TEST_F_TIMEOUT(death, P2_30_a_sender_killed_before_admission_has_sent_nothing, SLOW)
{
	unsigned int admitted = 0;

	for (unsigned int i = 0; i < 500; i++) {
		bool racing = i >= 100;
		pid_t child;

		ASSERT_EQ(0, send_text(self->mailbox, "full"));
		child = fork_sender(self->mailbox, "late", 0);
		if (!racing || i % 2)
			ASSERT_TRUE(until_senders_wait(self->mailbox, 1));
		if (racing) {
			dawdle(i);
			ASSERT_TRUE(next_is(self->mailbox, "full"));
		}
		kill(child, SIGKILL);
		wait_child(child);
		EXPECT_CONSISTENT(self->mailbox, 0);
		if (!racing)
			ASSERT_TRUE(next_is(self->mailbox, "full"));
		if (stat_of(self->mailbox).messages) {
			ASSERT_TRUE(racing);
			ASSERT_TRUE(next_is(self->mailbox, "late"));
			admitted++;
		}
	}
	TH_LOG("%u of 400 were admitted before they were killed", admitted);
}

TEST_F(death, P1_30_an_admitted_message_outlives_its_sender)
{
	char text[8];
	struct msgpass_receive receive = {
		.flags = MSGPASS_NONBLOCK,
		.buffer = (uintptr_t)text,
		.buffer_size = sizeof(text),
	};
	pid_t child = fork_child();

	if (!child) {
		MUST(!send_flags(self->mailbox, "will", 4, 0));
		kill(getpid(), SIGKILL);
	}
	EXPECT_EQ(-SIGKILL, wait_child(child));
	EXPECT_CONSISTENT(self->mailbox, 0);
	EXPECT_EQ(0, receive_full(self->mailbox, &receive));
	EXPECT_EQ(child, receive.sender_pid);
	EXPECT_EQ(0, memcmp(text, "will", 4));
	EXPECT_CONSISTENT(self->mailbox, 0);
}

TEST_F_TIMEOUT(death, P2_31_a_killed_synchronous_sender_has_withdrawn_or_was_received, SLOW)
{
	unsigned int withdrawn = 0;
	char text[8];

	for (unsigned int i = 0; i < 500; i++) {
		bool racing = i >= 100;
		pid_t child = fork_sender(self->mailbox, "sync", MSGPASS_SYNC);
		int got = -EAGAIN;

		ASSERT_TRUE(until_messages(self->mailbox, 1));
		if (racing && i % 2) {
			kill(child, SIGKILL);
			dawdle(i);
		}
		if (racing)
			got = receive_flags(self->mailbox, text, sizeof(text), MSGPASS_NONBLOCK);
		kill(child, SIGKILL);
		wait_child(child);
		/* Either, and never neither or both. */
		ASSERT_TRUE(got == -EAGAIN || got == 4);
		withdrawn += got == -EAGAIN;
		ASSERT_EQ(i + 1 - withdrawn, stat_of(self->mailbox).received_messages);
		ASSERT_EQ(0, stat_of(self->mailbox).messages);
		EXPECT_CONSISTENT(self->mailbox, withdrawn);
	}
	TH_LOG("%u of 400 were withdrawn before they could be received", withdrawn - 100);
}

TEST_F_TIMEOUT(death, P2_32_a_sender_killed_while_its_message_is_copied_out, SLOW)
{
	long page = sysconf(_SC_PAGESIZE);
	unsigned int withdrawn = 0;

	NEEDS_STALL();
	for (unsigned int i = 0; i < 200; i++) {
		struct task receiver;
		pid_t child;

		ASSERT_EQ(0, madvise(self->stall.page, page, MADV_DONTNEED));
		start_stalled(&receiver, self->mailbox, &self->stall, 0);
		child = fork_sender(self->mailbox, "sync", MSGPASS_SYNC);
		ASSERT_TRUE(stall_hit(&self->stall));
		if (i % 2) {
			stall_resolve(&self->stall);
			dawdle(i);
		}
		kill(child, SIGKILL);
		dawdle(i);
		wait_child(child);
		/* Withdrawn, it is gone at once, however long the copy takes. */
		if (i % 2 == 0)
			ASSERT_EQ(0, stat_of(self->mailbox).messages);
		ASSERT_EQ(0, send_flags(self->mailbox, "next", 4, 0));
		stall_resolve(&self->stall);
		ASSERT_EQ(0, join(&receiver));
		if (!memcmp(self->stall.page, "next", 4)) {
			withdrawn++;
		} else {
			ASSERT_EQ(1, i % 2);
			ASSERT_EQ(0, memcmp(self->stall.page, "sync", 4));
			ASSERT_TRUE(next_is(self->mailbox, "next"));
		}
		EXPECT_CONSISTENT(self->mailbox, withdrawn);
	}
	ASSERT_LE(100, withdrawn);
	TH_LOG("%u of 200 were withdrawn", withdrawn);
}

TEST_F_TIMEOUT(death, P1_31_a_receiver_killed_at_any_moment_loses_nothing, SLOW)
{
	unsigned int survived = 0;

	for (unsigned int i = 0; i < 500; i++) {
		pid_t child = fork_receiver(self->mailbox);
		struct task sender;

		if (i % 4)
			ASSERT_TRUE(until_receivers_wait(self->mailbox, 1));
		start_send(&sender, self->mailbox, "sync", MSGPASS_SYNC, 0);
		dawdle(i);
		kill(child, SIGKILL);
		wait_child(child);
		/* Whoever waits for its receipt still does, or knows of it. */
		if (until_received_or_rests(self->mailbox, i + 1)) {
			ASSERT_TRUE(next_is(self->mailbox, "sync"));
			survived++;
		}
		ASSERT_EQ(0, join(&sender));
		ASSERT_EQ(i + 1, stat_of(self->mailbox).received_messages);
		EXPECT_CONSISTENT(self->mailbox, 0);
	}
	TH_LOG("%u of 500 outlived their first receiver", survived);
}

/* The owner of a mailbox, with a thread in some stage of receiving. */
enum stage { IDLE, WAITING, COPYING, STAGES };

static pid_t fork_owner(int device, const char *name, enum stage stage, int ready)
{
	const struct msgpass_create create = {
		.flags = MSGPASS_PROCESS_OWNED,
		.access = MSGPASS_ACCESS_BOTH,
		.name = (uintptr_t)name,
		.capacity = 1,
		.mode = 0600,
	};
	struct task receiver;
	struct stall stall;
	pid_t pid = fork_child();
	int mailbox;

	if (pid)
		return pid;
	mailbox = create_full(device, &create);
	MUST(mailbox >= 0);
	if (stage == WAITING)
		start_receive(&receiver, mailbox, 0);
	if (stage == COPYING) {
		MUST(stall_open(&stall));
		start_stalled(&receiver, mailbox, &stall, 0);
	}
	if (stage != IDLE)
		MUST(until_receivers_wait(mailbox, 1));
	tell_event(ready);
	if (stage == COPYING) {
		MUST(stall_hit(&stall));
		tell_event(ready);
	}
	for (;;)
		pause();
}

TEST_F_TIMEOUT(death, P2_35_a_send_to_a_dead_owner_does_not_succeed, SLOW)
{
	char name[MAILBOX_NAME_SIZE];

	name_mailbox(name, "owned");
	for (int i = 0; i < 200; i++) {
		pid_t owner = fork_owner(self->device, name, IDLE, self->ready);
		int mailbox;

		await_event(self->ready);
		mailbox = open_mailbox(self->device, name, MSGPASS_ACCESS_SEND);
		ASSERT_LE(0, mailbox);
		end_child(owner);
		/* At once, whatever the module has yet to clean up. */
		ASSERT_EQ(-EIDRM, send_text(mailbox, "x"));
		ASSERT_EQ(-ENOENT, open_mailbox(self->device, name, MSGPASS_ACCESS_SEND));
		close(mailbox);
	}
}

static void *poll_for_end(void *argument)
{
	struct pollfd pollfd = { .fd = *(int *)argument };

	/* Neither readable nor writable is of interest: only the end. */
	return poll(&pollfd, 1, 20000) == 1 && pollfd.revents == (POLLHUP | POLLERR) ?
	       argument : NULL;
}

TEST_F_TIMEOUT(death, P7_31_an_owner_killed_at_any_stage_is_told_to_all, SLOW)
{
	char name[MAILBOX_NAME_SIZE];

	NEEDS_STALL();
	name_mailbox(name, "owned");
	for (unsigned int i = 0; i < 50 * STAGES; i++) {
		enum stage stage = i % STAGES;
		pid_t owner = fork_owner(self->device, name, stage, self->ready);
		unsigned int senders = 0;
		struct task task[3];
		pthread_t poller;
		void *told;
		int mailbox;

		await_event(self->ready);
		mailbox = open_mailbox(self->device, name, MSGPASS_ACCESS_SEND);
		ASSERT_LE(0, mailbox);
		ASSERT_EQ(0, pthread_create(&poller, NULL, poll_for_end, &mailbox));
		/* One to be received or to rest, and two that wait for room. */
		if (stage != WAITING) {
			start_send(&task[senders++], mailbox, "sync", MSGPASS_SYNC, 0);
			ASSERT_TRUE(until_messages(mailbox, 1));
			start_send(&task[senders++], mailbox, "sync", MSGPASS_SYNC, 0);
			start_send(&task[senders++], mailbox, "waits", 0, 0);
			ASSERT_TRUE(until_senders_wait(mailbox, 2));
		}
		if (stage == COPYING)
			await_event(self->ready);
		kill(owner, SIGKILL);
		while (senders--)
			ASSERT_EQ(-EIDRM, join(&task[senders]));
		ASSERT_EQ(0, pthread_join(poller, &told));
		ASSERT_NE(NULL, told);
		ASSERT_EQ(-SIGKILL, wait_child(owner));
		ASSERT_EQ(-EIDRM, send_flags(mailbox, "x", 1, 0));
		ASSERT_EQ(-ENOENT, open_mailbox(self->device, name, MSGPASS_ACCESS_SEND));
		close(mailbox);
	}
}

TEST_F_TIMEOUT(death, P7_32_a_deletion_at_any_stage_is_told_to_all, SLOW)
{
	long page = sysconf(_SC_PAGESIZE);
	char name[MAILBOX_NAME_SIZE];

	NEEDS_STALL();
	name_mailbox(name, "deleted");
	for (unsigned int i = 0; i < 50 * STAGES; i++) {
		enum stage stage = i % STAGES;
		int mailbox = create_mailbox(self->device, name, 1, 64);
		struct task receiver, sender[3];
		unsigned int senders = 0;
		pthread_t poller;
		void *told;

		ASSERT_LE(0, mailbox);
		/* Whatever fails, it is not left behind. */
		ASSERT_EQ(0, unlink_mailbox(self->device, name));
		ASSERT_EQ(0, pthread_create(&poller, NULL, poll_for_end, &mailbox));
		ASSERT_EQ(0, madvise(self->stall.page, page, MADV_DONTNEED));
		if (stage == WAITING)
			start_receive(&receiver, mailbox, 0);
		else if (stage == COPYING)
			start_stalled(&receiver, mailbox, &self->stall, 0);
		if (stage != IDLE)
			ASSERT_TRUE(until_receivers_wait(mailbox, 1));
		if (stage != WAITING) {
			start_send(&sender[senders++], mailbox, "sync", MSGPASS_SYNC, 0);
			ASSERT_TRUE(until_messages(mailbox, 1));
			start_send(&sender[senders++], mailbox, "sync", MSGPASS_SYNC, 0);
			start_send(&sender[senders++], mailbox, "waits", 0, 0);
			ASSERT_TRUE(until_senders_wait(mailbox, 2));
		}
		if (stage == COPYING)
			ASSERT_TRUE(stall_hit(&self->stall));
		ASSERT_EQ(0, delete_mailbox(mailbox));
		while (senders--)
			ASSERT_EQ(-EIDRM, join(&sender[senders]));
		ASSERT_EQ(0, pthread_join(poller, &told));
		ASSERT_NE(NULL, told);
		if (stage == COPYING)
			stall_resolve(&self->stall);
		if (stage != IDLE)
			ASSERT_EQ(-EIDRM, join(&receiver));
		ASSERT_EQ(-EIDRM, delete_mailbox(mailbox));
		close(mailbox);
	}
}

/* How many went through, by the word of each side. */
struct traffic {
	unsigned int sent, received;
};

TEST_F_TIMEOUT(death, P2_33_a_deletion_leaves_both_sides_with_the_same_count, SLOW)
{
	struct traffic *traffic = share_memory(sizeof(*traffic));
	char name[MAILBOX_NAME_SIZE], text[8];
	unsigned int total = 0;

	name_mailbox(name, "deleted");
	for (unsigned int i = 0; i < 300; i++) {
		int mailbox = create_mailbox(self->device, name, 1, 64), err;
		pid_t sender, receiver;

		ASSERT_LE(0, mailbox);
		ASSERT_EQ(0, unlink_mailbox(self->device, name));
		*traffic = (struct traffic){ };
		sender = fork_child();
		if (!sender) {
			while (!(err = send_flags(mailbox, "x", 1, MSGPASS_SYNC)))
				traffic->sent++;
			_exit(err != -EIDRM);
		}
		receiver = fork_child();
		if (!receiver) {
			while ((err = receive_flags(mailbox, text, sizeof(text), 0)) == 1)
				traffic->received++;
			_exit(err != -EIDRM);
		}
		while (stat_of(mailbox).received_messages < i % 8)
			sched_yield();
		dawdle(i);
		ASSERT_EQ(0, delete_mailbox(mailbox));
		ASSERT_EQ(0, wait_child(sender));
		ASSERT_EQ(0, wait_child(receiver));
		/* Whose send failed at the deletion sent nothing, to nobody. */
		ASSERT_EQ(traffic->received, traffic->sent);
		total += traffic->sent;
		close(mailbox);
	}
	TH_LOG("%u messages in 300 mailboxes", total);
}

TEST_F_TIMEOUT(death, P7_33_who_sends_to_a_dying_process_is_told, SLOW)
{
	for (unsigned int i = 0; i < 300; i++) {
		pid_t child = fork_sleeper();
		struct task sender = {
			.fd = self->device,
			.send = { .to = child, .flags = MSGPASS_SYNC },
		};

		start(&sender);
		dawdle(i);
		kill(child, SIGKILL);
		ASSERT_EQ(-ESRCH, join(&sender));
		ASSERT_EQ(-SIGKILL, wait_child(child));
	}
	EXPECT_EQ(0, stat_of(self->device).messages);
}

/*
 * Senders are killed again and again. What a sender was told of it writes down,
 * so that only of the message that it was killed with it is not known.
 */
#define DIARISTS	4
#define DIARY_EACH	50000
/* Of a slow machine no more is asked. */
#define ENOUGH		(60 * SECOND)

struct diary {
	bool over;
	unsigned int begun[DIARISTS];		/* how many were tried */
	bool sent[DIARISTS][DIARY_EACH];
	unsigned char seen[DIARISTS][DIARY_EACH];
};

static pid_t fork_diarist(int mailbox, struct diary *diary, unsigned int self)
{
	unsigned int text[2] = { self };
	pid_t pid = fork_child();

	if (pid)
		return pid;
	while (!diary->over && diary->begun[self] < DIARY_EACH) {
		text[1] = diary->begun[self]++;
		MUST(!send_flags(mailbox, text, sizeof(text), text[1] % 3 ? 0 : MSGPASS_SYNC));
		diary->sent[self][text[1]] = true;
	}
	_exit(0);
}

static void read_diaries(int mailbox, struct diary *diary)
{
	unsigned int text[2];
	int size;

	while ((size = receive_flags(mailbox, text, sizeof(text), 0)) == sizeof(text))
		diary->seen[text[0]][text[1]]++;
	_exit(size != -EIDRM);
}

TEST_F_TIMEOUT(death, P2_34_senders_killed_by_the_thousand_lose_and_double_nothing, SLOW)
{
	struct diary *diary = share_memory(sizeof(*diary));
	unsigned int kills = 0, begun = 0, lost = 0, twice = 0, unknown = 0, i;
	uint64_t limit = msgpass_deadline(ENOUGH);
	pid_t sender[DIARISTS], receiver;

	receiver = fork_child();
	if (!receiver)
		read_diaries(self->mailbox, diary);
	for (i = 0; i < DIARISTS; i++)
		sender[i] = fork_diarist(self->mailbox, diary, i);
	for (i = 0; i < 1500 && (i < 100 || msgpass_deadline(0) < limit); i++) {
		pid_t *victim = &sender[i % DIARISTS];
		int result;

		dawdle(i);
		kill(*victim, SIGKILL);
		result = wait_child(*victim);
		ASSERT_TRUE(!result || result == -SIGKILL);
		kills += result != 0;
		*victim = fork_diarist(self->mailbox, diary, i % DIARISTS);
	}
	diary->over = true;
	for (i = 0; i < DIARISTS; i++) {
		EXPECT_EQ(0, wait_child(sender[i]));
		begun += diary->begun[i];
	}
	ASSERT_TRUE(until_messages(self->mailbox, 0));
	EXPECT_EQ(0, stat_of(self->mailbox).senders_waiting);
	EXPECT_EQ(0, delete_mailbox(self->mailbox));
	EXPECT_EQ(0, wait_child(receiver));
	for (i = 0; i < DIARISTS * DIARY_EACH; i++) {
		unsigned int seen = diary->seen[i / DIARY_EACH][i % DIARY_EACH];
		bool sent = diary->sent[i / DIARY_EACH][i % DIARY_EACH];

		lost += sent && !seen;
		twice += seen > 1;
		unknown += !sent && i % DIARY_EACH < diary->begun[i / DIARY_EACH];
	}
	EXPECT_EQ(0, lost);
	EXPECT_EQ(0, twice);
	EXPECT_GE(kills, unknown);
	TH_LOG("%u senders killed, %u of %u messages with them", kills, unknown,
	       begun);
}

TEST_HARNESS_MAIN
