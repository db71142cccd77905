// SPDX-License-Identifier: GPL-2.0-only
/* What people see of processes and links, and what they do not. */
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

#include <kselftest_harness.h>

/* Sends what it is told to whom it is told, until it is killed. */
struct peer {
	pid_t pid;
	int order[2];
	int done;
};

struct order {
	pid_t to;
	unsigned int size;
};

FIXTURE(list)
{
	int device;
	struct peer peers[2];
};

static void obey(int device, struct peer *peer)
{
	static char data[4096];
	struct order order;

	for (;;) {
		struct msgpass_send send = {
			.flags = MSGPASS_NONBLOCK,
			.data = (uintptr_t)data,
		};

		if (read(peer->order[0], &order, sizeof(order)) != sizeof(order))
			_exit(0);
		send.to = order.to;
		send.size = order.size;
		if (send_full(device, &send) || eventfd_write(peer->done, 1))
			_exit(1);
	}
}

FIXTURE_SETUP(list)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	self->device = open_device();
	ASSERT_LE(0, self->device);
	for (int i = 0; i < 2; i++) {
		struct peer *peer = &self->peers[i];

		ASSERT_EQ(0, pipe(peer->order));
		peer->done = eventfd(0, EFD_CLOEXEC);
		ASSERT_LE(0, peer->done);
		peer->pid = fork_child();
		if (!peer->pid)
			obey(self->device, peer);
	}
}

FIXTURE_TEARDOWN(list)
{
	for (int i = 0; i < 2; i++) {
		kill(self->peers[i].pid, SIGKILL);
		waitpid(self->peers[i].pid, NULL, 0);
		close(self->peers[i].order[0]);
		close(self->peers[i].order[1]);
		close(self->peers[i].done);
	}
	close(self->device);
}

/* Return whether it sent. */
static bool let_send(struct peer *peer, pid_t to, unsigned int size)
{
	struct order order = { .to = to, .size = size };
	eventfd_t done;

	return write(peer->order[1], &order, sizeof(order)) == sizeof(order) &&
	       !eventfd_read(peer->done, &done);
}

/* Return how many links two processes have; *@link is the last of them. */
static int links_of(int device, pid_t a, pid_t b, struct msgpass_next_link *link)
{
	struct msgpass_next_link next = { };
	int count = 0;

	while (!msgpass_raw_next_link(device, &next)) {
		if ((next.pid[0] != a || next.pid[1] != b) &&
		    (next.pid[0] != b || next.pid[1] != a))
			continue;
		*link = next;
		count++;
	}
	return errno == ENOENT ? count : -errno;
}

/* Return 0, or -errno: -ESRCH if it is not shown. */
static int find_process(int device, pid_t pid, struct msgpass_next_process *process)
{
	*process = (struct msgpass_next_process){ };
	while (!msgpass_raw_next_process(device, process))
		if (process->pid == pid)
			return 0;
	return -errno;
}

/* Which of the two ends of a link it is. */
static int end_of(const struct msgpass_next_link *link, pid_t pid)
{
	return link->pid[0] == pid ? 0 : 1;
}

TEST_F(list, M3_2_the_first_message_makes_the_only_link_of_two_processes)
{
	pid_t a = self->peers[0].pid, b = self->peers[1].pid;
	struct msgpass_next_link link;

	EXPECT_EQ(0, links_of(self->device, a, b, &link));
	ASSERT_TRUE(let_send(&self->peers[0], b, 1));
	EXPECT_EQ(1, links_of(self->device, a, b, &link));
	ASSERT_TRUE(let_send(&self->peers[1], a, 1));
	ASSERT_TRUE(let_send(&self->peers[0], b, 1));
	EXPECT_EQ(1, links_of(self->device, a, b, &link));
	/* It is theirs alone. */
	EXPECT_EQ(0, links_of(self->device, a, getpid(), &link));
	EXPECT_EQ(0, links_of(self->device, b, getpid(), &link));
}

TEST_F(list, M3_3_it_counts_messages_and_bytes_each_way)
{
	pid_t a = self->peers[0].pid, b = self->peers[1].pid;
	struct msgpass_next_link link;
	int end;

	for (int i = 0; i < 3; i++)
		ASSERT_TRUE(let_send(&self->peers[0], b, 1000));
	ASSERT_TRUE(let_send(&self->peers[1], a, 7));
	ASSERT_EQ(1, links_of(self->device, a, b, &link));
	end = end_of(&link, a);
	EXPECT_EQ(3, link.messages[end]);
	EXPECT_EQ(3000, link.bytes[end]);
	EXPECT_EQ(1, link.messages[!end]);
	EXPECT_EQ(7, link.bytes[!end]);
	EXPECT_EQ(key_of(self->device, a), link.key[end]);
	EXPECT_EQ(key_of(self->device, b), link.key[!end]);
	EXPECT_LT(link.key[0], link.key[1]);
}

TEST_F(list, M3_4_it_tells_since_when)
{
	uint64_t before = msgpass_deadline(0), after;
	struct msgpass_next_link first, second;
	pid_t a = self->peers[0].pid;

	ASSERT_TRUE(let_send(&self->peers[0], getpid(), 1));
	after = msgpass_deadline(0);
	ASSERT_EQ(1, links_of(self->device, a, getpid(), &first));
	EXPECT_LE(before, first.since);
	EXPECT_GE(after, first.since);
	ASSERT_TRUE(let_send(&self->peers[0], getpid(), 1));
	ASSERT_EQ(0, send_text_to(self->device, a, "x"));
	ASSERT_EQ(1, links_of(self->device, a, getpid(), &second));
	EXPECT_EQ(first.since, second.since);
	EXPECT_EQ(first.number, second.number);
}

TEST_F(list, M3_5_it_is_gone_with_either_process)
{
	pid_t a = self->peers[0].pid, b = self->peers[1].pid;
	struct msgpass_next_link link;

	ASSERT_TRUE(let_send(&self->peers[0], b, 1));
	ASSERT_TRUE(let_send(&self->peers[0], getpid(), 1));
	ASSERT_TRUE(let_send(&self->peers[1], getpid(), 1));
	kill(a, SIGKILL);
	EXPECT_EQ(-SIGKILL, wait_child(a));
	/* At once, though what it sent can still be received. */
	EXPECT_EQ(0, links_of(self->device, a, b, &link));
	EXPECT_EQ(0, links_of(self->device, a, getpid(), &link));
	EXPECT_EQ(1, links_of(self->device, b, getpid(), &link));
	EXPECT_EQ(1, receive_from(self->device, a, &link, sizeof(link), MSGPASS_NONBLOCK));
}

TEST_F(list, M3_6_to_name_a_sender_is_no_communication_yet)
{
	pid_t a = self->peers[0].pid;
	struct msgpass_next_link link;
	struct msgpass_next_process process;

	EXPECT_EQ(-EAGAIN, receive_from(self->device, a, NULL, 0, MSGPASS_NONBLOCK));
	EXPECT_EQ(0, links_of(self->device, a, getpid(), &link));
	/* Nor is a message that was never admitted. */
	EXPECT_EQ(-EFAULT, send_full(self->device, &(struct msgpass_send){ .size = 1, .to = a }));
	EXPECT_EQ(0, links_of(self->device, a, getpid(), &link));
	ASSERT_EQ(0, find_process(self->device, a, &process));
	EXPECT_EQ(0, process.links);
	ASSERT_TRUE(let_send(&self->peers[0], getpid(), 1));
	EXPECT_EQ(1, links_of(self->device, a, getpid(), &link));
	ASSERT_EQ(0, find_process(self->device, a, &process));
	EXPECT_EQ(1, process.links);
}

TEST_F(list, M3_7_a_process_is_linked_with_itself_one_way)
{
	struct msgpass_next_link link;

	ASSERT_EQ(0, send_text_to(self->device, getpid(), "self"));
	ASSERT_EQ(1, links_of(self->device, getpid(), getpid(), &link));
	EXPECT_EQ(1, link.messages[0]);
	EXPECT_EQ(4, link.bytes[0]);
	EXPECT_EQ(0, link.messages[1]);
	EXPECT_EQ(link.key[0], link.key[1]);
	EXPECT_TRUE(next_is(self->device, "self"));
}

/* Both ends send their first message at the same moment. */
TEST_F_TIMEOUT(list, M3_8_two_that_begin_at_once_have_one_link, SLOW)
{
	for (int i = 0; i < 300; i++) {
		struct msgpass_next_link link;
		int go = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
		pid_t children[2];
		int pids[2];

		ASSERT_LE(0, go);
		ASSERT_EQ(0, pipe(pids));
		for (int n = 0; n < 2; n++) {
			children[n] = fork_child();
			if (!children[n]) {
				eventfd_t ignored;
				pid_t other;

				if (read(pids[0], &other, sizeof(other)) != sizeof(other) ||
				    other == getpid() || eventfd_read(go, &ignored))
					_exit(1);
				if (send_text_to(self->device, other, "first"))
					_exit(2);
				for (;;)
					pause();
			}
			ASSERT_TRUE(until_asleep(children[n], children[n]));
			if (!n)
				continue;
			/* The first one reads the second one's pid, and so on. */
			ASSERT_EQ(sizeof(pid_t), write(pids[1], &children[1], sizeof(pid_t)));
			ASSERT_EQ(sizeof(pid_t), write(pids[1], &children[0], sizeof(pid_t)));
		}
		ASSERT_EQ(0, eventfd_write(go, 2));
		for (int n = 0; n < 2; n++)
			ASSERT_TRUE(until_asleep(children[n], children[n]));
		while (links_of(self->device, children[0], children[1], &link) == 1 &&
		       link.messages[0] + link.messages[1] < 2)
			sched_yield();
		EXPECT_EQ(1, links_of(self->device, children[0], children[1], &link));
		for (int n = 0; n < 2; n++) {
			kill(children[n], SIGKILL);
			EXPECT_EQ(-SIGKILL, wait_child(children[n]));
		}
		close(go);
		close(pids[0]);
		close(pids[1]);
	}
}

#define MANY	40

TEST_F(list, M3_9_every_link_is_listed_once_in_order)
{
	struct msgpass_next_link link = { };
	uint32_t numbers[MANY], last = 0;
	pid_t children[MANY];
	int found = 0;

	for (int i = 0; i < MANY; i++) {
		children[i] = fork_child();
		if (!children[i])
			for (;;)
				pause();
		ASSERT_EQ(0, send_text_to(self->device, children[i], "x"));
		ASSERT_EQ(1, links_of(self->device, children[i], getpid(), &link));
		numbers[i] = link.number;
	}
	link = (struct msgpass_next_link){ };
	while (!msgpass_raw_next_link(self->device, &link)) {
		EXPECT_LT(last, link.number);
		last = link.number;
		/* Those that go meanwhile do not disturb the list. */
		if (found < MANY && link.number == numbers[found]) {
			kill(children[found], SIGKILL);
			EXPECT_EQ(-SIGKILL, wait_child(children[found]));
			found++;
		}
	}
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(MANY, found);
}

TEST_F(list, M4_4_a_process_is_listed_with_the_state_of_its_inbox)
{
	struct msgpass_set set = {
		.flags = MSGPASS_SET_CAPACITY | MSGPASS_SET_ACCEPTS,
		.capacity = 5,
		.accepts = MSGPASS_ACCEPT_NOBODY,
	};
	const struct msgpass_create create = {
		.flags = MSGPASS_PROCESS_OWNED,
		.access = MSGPASS_ACCESS_BOTH,
		.name = (uintptr_t)"list-owned",
		.capacity = 1,
		.mode = 0600,
	};
	struct msgpass_next_process process;
	struct task receiver;
	int mailbox;

	ASSERT_EQ(0, set_mailbox(self->device, &set));
	ASSERT_EQ(0, find_process(self->device, getpid(), &process));
	EXPECT_EQ(key_of(self->device, 0), process.key);
	EXPECT_EQ(geteuid(), process.uid);
	EXPECT_EQ(MSGPASS_ACCEPT_NOBODY, process.accepts);
	EXPECT_EQ(5, process.capacity);
	EXPECT_EQ(0, process.messages);
	EXPECT_EQ(0, process.mailboxes);

	start_receive(&receiver, self->device, 0);
	ASSERT_TRUE(until_receivers_wait(self->device, 1));
	ASSERT_EQ(0, find_process(self->device, getpid(), &process));
	EXPECT_EQ(1, process.receivers_waiting);
	set.accepts = MSGPASS_ACCEPT_USER;
	ASSERT_EQ(0, set_mailbox(self->device, &set));
	ASSERT_EQ(0, send_text_to(self->device, getpid(), "x"));
	EXPECT_EQ(0, join(&receiver));

	ASSERT_EQ(0, send_text_to(self->device, getpid(), "four"));
	mailbox = create_full(self->device, &create);
	ASSERT_LE(0, mailbox);
	ASSERT_EQ(0, find_process(self->device, getpid(), &process));
	EXPECT_EQ(1, process.messages);
	EXPECT_EQ(4, process.bytes);
	EXPECT_EQ(0, process.receivers_waiting);
	EXPECT_EQ(1, process.links);
	EXPECT_EQ(1, process.mailboxes);
	EXPECT_EQ(0, delete_mailbox(mailbox));
	close(mailbox);
	ASSERT_EQ(0, find_process(self->device, getpid(), &process));
	EXPECT_EQ(0, process.mailboxes);
}

TEST_F(list, M4_5_processes_are_listed_by_key_and_only_while_they_live)
{
	struct msgpass_next_process process = { };
	pid_t a = self->peers[0].pid;
	uint64_t last = 0;

	ASSERT_TRUE(let_send(&self->peers[0], getpid(), 1));
	ASSERT_EQ(0, find_process(self->device, a, &process));
	process = (struct msgpass_next_process){ };
	while (!msgpass_raw_next_process(self->device, &process)) {
		EXPECT_LT(last, process.key);
		last = process.key;
	}
	EXPECT_EQ(ESRCH, errno);
	kill(a, SIGKILL);
	EXPECT_EQ(-SIGKILL, wait_child(a));
	EXPECT_EQ(-ESRCH, find_process(self->device, a, &process));
	process.key = ~0ULL;
	EXPECT_EQ(-1, msgpass_raw_next_process(self->device, &process));
	EXPECT_EQ(ESRCH, errno);
}

TEST_F(list, P9_11_another_users_processes_and_links_are_not_shown)
{
	struct msgpass_next_process process;
	struct msgpass_next_link link = { };
	pid_t a = self->peers[0].pid, b = self->peers[1].pid, child;

	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_TRUE(let_send(&self->peers[0], b, 1));
	child = fork_child();
	if (!child) {
		become_user();
		/* To list does not make its own record, and the message may be long in coming. */
		if (!key_of(self->device, 0) || find_process(self->device, getpid(), &process))
			_exit(1);
		if (find_process(self->device, a, &process) != -ESRCH)
			_exit(2);
		if (links_of(self->device, a, b, &link))
			_exit(3);
		if (send_text_to(self->device, getpid(), "") ||
		    links_of(self->device, getpid(), getpid(), &link) != 1)
			_exit(4);
		/* Its own with root is shown, though root is not. */
		if (receive_flags(self->device, NULL, 0, 0) ||
		    receive_flags(self->device, NULL, 0, 0) ||
		    links_of(self->device, getppid(), getpid(), &link) != 1)
			_exit(5);
		_exit(0);
	}
	ASSERT_EQ(0, send_text_to(self->device, child, ""));
	EXPECT_EQ(0, wait_child(child));
}

TEST_F(list, P9_12_another_pid_namespace_is_not_shown)
{
	pid_t a = self->peers[0].pid, b = self->peers[1].pid, child;

	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_TRUE(let_send(&self->peers[0], b, 1));
	child = fork_child();
	if (!child) {
		struct msgpass_next_process process = { };
		struct msgpass_next_link link = { };
		pid_t inner;

		if (unshare(CLONE_NEWPID))
			_exit(1);
		inner = fork();
		if (inner) {
			if (send_text_to(self->device, inner, ""))
				_exit(2);
			_exit(wait_child(inner));
		}
		if (receive_flags(self->device, NULL, 0, 0))
			_exit(3);
		/* It sees itself and, without a pid, who has written to it. */
		if (msgpass_raw_next_process(self->device, &process) || process.pid != 1)
			_exit(4);
		if (!msgpass_raw_next_process(self->device, &process) || errno != ESRCH)
			_exit(5);
		if (msgpass_raw_next_link(self->device, &link) ||
		    link.pid[0] + link.pid[1] != 1)
			_exit(6);
		if (!msgpass_raw_next_link(self->device, &link) || errno != ENOENT)
			_exit(7);
		_exit(0);
	}
	EXPECT_EQ(0, wait_child(child));
	/* From outside, both are seen. */
	EXPECT_EQ(1, links_of(self->device, a, b, &(struct msgpass_next_link){ }));
}

TEST_HARNESS_MAIN
