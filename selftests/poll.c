// SPDX-License-Identifier: GPL-2.0-only
/* poll() and epoll say exactly what the next call would do. */
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

#include <kselftest_harness.h>

FIXTURE(poll)
{
	char name[MAILBOX_NAME_SIZE];
	int device, mailbox, epoll;
};

FIXTURE_SETUP(poll)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	name_mailbox(self->name, "m");
	self->device = open_device();
	ASSERT_LE(0, self->device);
	self->mailbox = create_mailbox(self->device, self->name, 2, 64);
	ASSERT_LE(0, self->mailbox);
	self->epoll = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_LE(0, self->epoll);
}

FIXTURE_TEARDOWN(poll)
{
	close(self->epoll);
	delete_mailbox(self->mailbox);
	close(self->mailbox);
	close(self->device);
}

static int ready(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN | POLLOUT };

	return poll(&pollfd, 1, 0) < 0 ? -errno : pollfd.revents;
}

TEST_F(poll, M13_1_a_mailbox_is_readable_with_a_message_and_writable_with_room)
{
	int in = open_mailbox(self->device, self->name, MSGPASS_ACCESS_RECEIVE);
	int out = open_mailbox(self->device, self->name, MSGPASS_ACCESS_SEND);

	EXPECT_EQ(POLLOUT, ready(self->mailbox));
	ASSERT_EQ(0, send_text(self->mailbox, "1"));
	EXPECT_EQ(POLLIN | POLLOUT, ready(self->mailbox));
	ASSERT_EQ(0, send_text(self->mailbox, "2"));
	EXPECT_EQ(POLLIN, ready(self->mailbox));
	/* As far as this descriptor may. */
	EXPECT_EQ(POLLIN, ready(in));
	EXPECT_EQ(0, ready(out));
	EXPECT_TRUE(next_is(self->mailbox, "1"));
	EXPECT_EQ(POLLOUT, ready(out));
	EXPECT_TRUE(next_is(self->mailbox, "2"));
	EXPECT_EQ(0, ready(in));

	EXPECT_EQ(0, delete_mailbox(self->mailbox));
	EXPECT_EQ(POLLHUP | POLLERR, ready(in));
	EXPECT_EQ(POLLHUP | POLLERR, ready(out));
	close(in);
	close(out);
}

TEST_F(poll, M13_2_capacity_zero_is_ready_when_the_other_side_waits)
{
	struct task task;
	int mailbox;

	ASSERT_EQ(0, unlink_mailbox(self->device, self->name));
	mailbox = create_mailbox(self->device, self->name, 0, 64);
	ASSERT_LE(0, mailbox);
	EXPECT_EQ(0, ready(mailbox));
	start_send(&task, mailbox, "x", 0, 0);
	ASSERT_TRUE(until_senders_wait(mailbox, 1));
	EXPECT_EQ(POLLIN, ready(mailbox));
	EXPECT_TRUE(next_is(mailbox, "x"));
	EXPECT_EQ(0, join(&task));
	start_receive(&task, mailbox, 0);
	ASSERT_TRUE(until_receivers_wait(mailbox, 1));
	EXPECT_EQ(POLLOUT, ready(mailbox));
	EXPECT_EQ(0, send_text(mailbox, "x"));
	EXPECT_EQ(0, join(&task));
	EXPECT_EQ(0, delete_mailbox(mailbox));
	close(mailbox);
}

TEST_F(poll, M13_3_the_device_is_readable_with_a_message_in_the_inbox)
{
	EXPECT_EQ(0, ready(self->device));
	ASSERT_EQ(0, send_text_to(self->device, getpid(), "x"));
	EXPECT_EQ(POLLIN, ready(self->device));
	EXPECT_TRUE(next_is(self->device, "x"));
	EXPECT_EQ(0, ready(self->device));
}

TEST_F(poll, M13_8_an_owned_mailbox_is_readable_to_its_owner_only)
{
	const struct msgpass_create create = {
		.flags = MSGPASS_PROCESS_OWNED,
		.access = MSGPASS_ACCESS_BOTH,
		.name = (uintptr_t)self->name,
		.capacity = 1,
		.mode = 0600,
	};
	int mailbox, told = eventfd(0, EFD_CLOEXEC), go = eventfd(0, EFD_CLOEXEC);
	eventfd_t ignored;
	pid_t child;

	ASSERT_EQ(0, unlink_mailbox(self->device, self->name));
	mailbox = create_full(self->device, &create);
	ASSERT_LE(0, mailbox);
	child = fork_child();
	if (!child) {
		int own = open_mailbox(self->device, self->name, MSGPASS_ACCESS_SEND);

		if (own < 0 || ready(own) != POLLOUT || send_text(own, "x") || ready(own))
			_exit(1);
		eventfd_write(told, 1);
		eventfd_read(go, &ignored);
		_exit(ready(own) != (POLLHUP | POLLERR));
	}
	EXPECT_EQ(0, eventfd_read(told, &ignored));
	EXPECT_EQ(POLLIN, ready(mailbox));
	EXPECT_EQ(0, delete_mailbox(mailbox));
	EXPECT_EQ(POLLHUP | POLLERR, ready(mailbox));
	EXPECT_EQ(0, eventfd_write(go, 1));
	EXPECT_EQ(0, wait_child(child));
	close(mailbox);
	close(told);
	close(go);
}

TEST_F(poll, M13_9_room_and_messages_that_a_change_of_capacity_makes_are_told)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET };
	struct msgpass_set set = { .flags = MSGPASS_SET_CAPACITY, .capacity = 0 };

	ASSERT_EQ(0, set_mailbox(self->mailbox, &set));
	EXPECT_EQ(0, ready(self->mailbox));
	ASSERT_EQ(0, epoll_ctl(self->epoll, EPOLL_CTL_ADD, self->mailbox, &event));
	EXPECT_EQ(0, epoll_wait(self->epoll, &event, 1, 0));
	set.capacity = 1;
	ASSERT_EQ(0, set_mailbox(self->mailbox, &set));
	EXPECT_EQ(1, epoll_wait(self->epoll, &event, 1, 0));
	EXPECT_EQ(EPOLLOUT, event.events);
	set.capacity = 0;
	ASSERT_EQ(0, set_mailbox(self->mailbox, &set));
	EXPECT_EQ(0, ready(self->mailbox));
}

/* In one place, as a program waits: for a socket, a mailbox and the inbox. */
TEST_F(poll, M13_10_one_epoll_instance_tells_of_sockets_mailboxes_and_the_inbox)
{
	struct epoll_event event = { .events = EPOLLIN };
	int sockets[2], told[3] = { }, expected;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	for (int i = 0; i < 3; i++) {
		event.data.u32 = i;
		ASSERT_EQ(0, epoll_ctl(self->epoll, EPOLL_CTL_ADD,
				       i == 0 ? sockets[0] : i == 1 ? self->mailbox : self->device,
				       &event));
	}
	EXPECT_EQ(0, epoll_wait(self->epoll, &event, 1, 0));
	for (int i = 0; i < 30; i++) {
		switch (expected = i % 3) {
		case 0:
			ASSERT_EQ(1, write(sockets[1], "x", 1));
			break;
		case 1:
			ASSERT_EQ(0, send_text(self->mailbox, "x"));
			break;
		case 2:
			ASSERT_EQ(0, send_text_to(self->device, getpid(), "x"));
		}
		ASSERT_EQ(1, epoll_wait(self->epoll, &event, 1, 20000));
		ASSERT_EQ(expected, event.data.u32);
		told[expected]++;
		switch (expected) {
		case 0:
			ASSERT_EQ(1, read(sockets[0], &(char){ 0 }, 1));
			break;
		case 1:
			ASSERT_TRUE(next_is(self->mailbox, "x"));
			break;
		case 2:
			ASSERT_TRUE(next_is(self->device, "x"));
		}
		ASSERT_EQ(0, epoll_wait(self->epoll, &event, 1, 0));
	}
	EXPECT_EQ(10, told[0]);
	EXPECT_EQ(10, told[1]);
	EXPECT_EQ(10, told[2]);
	close(sockets[0]);
	close(sockets[1]);
}

static void *wait_ready(void *argument)
{
	struct pollfd *pollfd = argument;

	return (void *)(intptr_t)poll(pollfd, 1, 20000);
}

TEST_F_TIMEOUT(poll, M13_4_a_poller_is_woken, SLOW)
{
	struct pollfd in = { .fd = self->mailbox, .events = POLLIN };
	struct pollfd out = { .fd = self->mailbox, .events = POLLOUT };
	pthread_t thread;
	void *count;

	for (int i = 0; i < 200; i++) {
		ASSERT_EQ(0, pthread_create(&thread, NULL, wait_ready, &in));
		ASSERT_EQ(0, send_text(self->mailbox, "x"));
		pthread_join(thread, &count);
		ASSERT_EQ(1, (intptr_t)count);
		ASSERT_EQ(0, send_text(self->mailbox, "y"));

		ASSERT_EQ(0, pthread_create(&thread, NULL, wait_ready, &out));
		ASSERT_TRUE(next_is(self->mailbox, "x"));
		pthread_join(thread, &count);
		ASSERT_EQ(1, (intptr_t)count);
		ASSERT_TRUE(next_is(self->mailbox, "y"));
	}
}

TEST_F(poll, M13_5_edge_triggered_epoll_tells_each_change_once)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET };

	ASSERT_EQ(0, epoll_ctl(self->epoll, EPOLL_CTL_ADD, self->mailbox, &event));
	EXPECT_EQ(1, epoll_wait(self->epoll, &event, 1, 0));
	EXPECT_EQ(EPOLLOUT, event.events);
	EXPECT_EQ(0, epoll_wait(self->epoll, &event, 1, 0));

	ASSERT_EQ(0, send_text(self->mailbox, "1"));
	EXPECT_EQ(1, epoll_wait(self->epoll, &event, 1, 0));
	EXPECT_TRUE(event.events & EPOLLIN);
	EXPECT_EQ(0, epoll_wait(self->epoll, &event, 1, 0));

	ASSERT_EQ(0, send_text(self->mailbox, "2"));
	EXPECT_EQ(1, epoll_wait(self->epoll, &event, 1, 0));
	EXPECT_EQ(EPOLLIN, event.events);

	/* Full, and then not: room is news. Room where there was room is not. */
	EXPECT_TRUE(next_is(self->mailbox, "1"));
	EXPECT_EQ(1, epoll_wait(self->epoll, &event, 1, 0));
	EXPECT_TRUE(event.events & EPOLLOUT);
	EXPECT_TRUE(next_is(self->mailbox, "2"));
	EXPECT_EQ(0, epoll_wait(self->epoll, &event, 1, 0));

	ASSERT_EQ(0, delete_mailbox(self->mailbox));
	EXPECT_EQ(1, epoll_wait(self->epoll, &event, 1, 0));
	EXPECT_TRUE(event.events & EPOLLHUP);
}

TEST_F(poll, M13_6_a_message_given_back_is_news_to_a_poller)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };

	ASSERT_EQ(0, epoll_ctl(self->epoll, EPOLL_CTL_ADD, self->mailbox, &event));
	ASSERT_EQ(0, send_text(self->mailbox, "again"));
	EXPECT_EQ(1, epoll_wait(self->epoll, &event, 1, 0));
	EXPECT_EQ(-EFAULT, receive_flags(self->mailbox, NULL, 64, 0));
	EXPECT_EQ(1, epoll_wait(self->epoll, &event, 1, 0));
	EXPECT_TRUE(next_is(self->mailbox, "again"));
}

/*
 * An epoll instance is shared with a child, which adds the inherited device: it
 * watches the inbox of the opener, also when the child has ended.
 */
TEST_F(poll, M13_7_an_inherited_descriptor_tells_of_its_openers_inbox)
{
	struct epoll_event event = { .events = EPOLLIN };

	for (int i = 0; i < 20; i++) {
		pid_t child = fork_child();

		if (!child) {
			/* The same file by another number is another entry. */
			int device = dup2(self->device, 100 + i);

			if (device < 0 ||
			    epoll_ctl(self->epoll, EPOLL_CTL_ADD, device, &event) ||
			    send_text_to(self->device, getpid(), "not the opener's"))
				_exit(1);
			_exit(epoll_wait(self->epoll, &event, 1, 0));
		}
		EXPECT_EQ(0, wait_child(child));
	}
	EXPECT_EQ(0, epoll_wait(self->epoll, &event, 1, 0));
	ASSERT_EQ(0, send_text_to(self->device, getpid(), "the opener's"));
	EXPECT_EQ(1, epoll_wait(self->epoll, &event, 1, 0));
	EXPECT_EQ(EPOLLIN, event.events);
	EXPECT_TRUE(next_is(self->device, "the opener's"));
}

static int exclusive_epoll(int fd, unsigned int events)
{
	struct epoll_event event = { .events = events | EPOLLEXCLUSIVE };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		return -errno;
	return epoll;
}

/* A thread that waits for an epoll instance of its own, exclusively. */
struct watcher {
	pthread_t thread;
	int epoll;
	pid_t tid;
	int count;
};

static void *watch(void *argument)
{
	struct watcher *watcher = argument;
	struct epoll_event event;

	STORE(watcher->tid, gettid());
	watcher->count = epoll_wait(watcher->epoll, &event, 1, 20000);
	return NULL;
}

/* Return whether it waits. */
static bool start_watch(struct watcher *watcher, int fd, unsigned int events)
{
	pid_t tid;

	*watcher = (struct watcher){ .epoll = exclusive_epoll(fd, events) };
	if (watcher->epoll < 0 || pthread_create(&watcher->thread, NULL, watch, watcher))
		return false;
	do {
		sched_yield();
		tid = LOAD(watcher->tid);
	} while (!tid);
	return until_asleep(getpid(), tid);
}

static int end_watch(struct watcher *watcher)
{
	pthread_join(watcher->thread, NULL);
	close(watcher->epoll);
	return watcher->count;
}

TEST_F(poll, P4_4_a_sender_that_polls_does_not_swallow_a_receivers_wake_up)
{
	int out = open_mailbox(self->device, self->name, MSGPASS_ACCESS_SEND);
	struct watcher thief, receiver;

	ASSERT_LE(0, out);
	ASSERT_TRUE(start_watch(&thief, out, EPOLLIN));
	ASSERT_TRUE(start_watch(&receiver, self->mailbox, EPOLLIN));
	ASSERT_EQ(0, send_text(out, "x"));
	EXPECT_EQ(1, end_watch(&receiver));
	EXPECT_EQ(0, delete_mailbox(self->mailbox));
	EXPECT_EQ(1, end_watch(&thief));
	close(out);
}

/* Whoever was told may leave room for others, and nobody tells them again. */
TEST_F_TIMEOUT(poll, P4_27_room_is_told_to_every_exclusive_poller, SLOW)
{
	int out = open_mailbox(self->device, self->name, MSGPASS_ACCESS_SEND);
	struct watcher watchers[3];
	int i;

	ASSERT_LE(0, out);
	ASSERT_EQ(0, send_text(out, "1"));
	ASSERT_EQ(0, send_text(out, "2"));
	for (i = 0; i < 3; i++)
		ASSERT_TRUE(start_watch(&watchers[i], out, EPOLLOUT));
	EXPECT_TRUE(next_is(self->mailbox, "1"));
	EXPECT_TRUE(next_is(self->mailbox, "2"));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(1, end_watch(&watchers[i]));
	close(out);
}

TEST_F(poll, P7_5_the_end_is_told_to_every_exclusive_poller)
{
	int in = open_mailbox(self->device, self->name, MSGPASS_ACCESS_RECEIVE);
	struct watcher watchers[3];
	int i;

	ASSERT_LE(0, in);
	for (i = 0; i < 3; i++)
		ASSERT_TRUE(start_watch(&watchers[i], in, EPOLLIN));
	EXPECT_EQ(0, delete_mailbox(self->mailbox));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(1, end_watch(&watchers[i]));
	close(in);
}

TEST_HARNESS_MAIN
