// SPDX-License-Identifier: GPL-2.0-only
/*
 * A CPU goes and comes back while messages are under way (P2, P6, P10): whoever
 * worked or waited there goes on elsewhere, and what a user was charged there is
 * not lost with it.
 *
 * The guard brings the CPU back whatever becomes of the test.
 */
#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>

#include "util.h"

#include <kselftest_harness.h>

#define ONLINE		"/sys/devices/system/cpu/cpu1/online"
#define CYCLES		10
#define PAIRS		4
/* How many messages of each pair prove that it goes on. */
#define PROGRESS	20
#define USER		1000
#define ROOM		300	/* messages that the user may have queued */
#define CHARGED		200	/* messages that it has when the CPU goes */

static void bring_back(void)
{
	write_file(ONLINE, "1");
}

/* A CPU may be busy for a moment with what keeps it. */
static bool set_online(bool online)
{
	return UNTIL(!write_file(ONLINE, online ? "1" : "0"));
}

FIXTURE(hotplug)
{
	int device;
	pid_t guard;
	unsigned long messages_max, bytes_max;
	bool limits_changed;
};

FIXTURE_SETUP(hotplug)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	if (access(ONLINE, W_OK))
		SKIP(return, "needs a second CPU that can go, and root: %s", ONLINE);
	self->guard = start_guard(bring_back);
	ASSERT_LT(0, self->guard);
	ASSERT_TRUE(set_online(true));
	self->device = open_device();
	ASSERT_LE(0, self->device);
	self->messages_max = read_limit("user_messages_max");
	self->bytes_max = read_limit("user_bytes_max");
}

FIXTURE_TEARDOWN(hotplug)
{
	if (self->limits_changed) {
		write_limit("user_messages_max", self->messages_max);
		write_limit("user_bytes_max", self->bytes_max);
	}
	if (self->guard > 0)
		EXPECT_EQ(0, end_guard(self->guard));
	close(self->device);
}

/* How the pairs differ. */
static const struct pair {
	unsigned int capacity, flags;
	int sender_cpu, receiver_cpu;	/* -1: any */
} pairs[PAIRS] = {
	{ 0, 0, 1, 0 },
	{ 4, 0, 0, 1 },
	{ 4, MSGPASS_SYNC, 1, 1 },
	{ MSGPASS_UNBOUNDED, MSGPASS_SYNC, -1, 1 },
};

/* Send numbers until told to stop; an empty message is the last. */
static void keep_sending(const struct pair *pair, int mailbox, const bool *stop)
{
	for (uint32_t number = 0; !LOAD(*stop); number++) {
		if (pair->sender_cpu >= 0 && number % 8 == 0)
			pin(pair->sender_cpu);
		MUST(!send_flags(mailbox, &number, sizeof(number), pair->flags));
	}
	MUST(!send_flags(mailbox, NULL, 0, 0));
	_exit(0);
}

static void keep_receiving(const struct pair *pair, int mailbox)
{
	uint32_t number;
	int size;

	for (uint32_t expected = 0;; expected++) {
		if (expected % 8 == 0)
			pin(pair->receiver_cpu);
		size = receive_flags(mailbox, &number, sizeof(number), 0);
		if (!size)
			_exit(0);
		MUST(size == sizeof(number) && number == expected);
	}
}

/* Who only waits, for what does not come: its timer is of the CPU that goes. */
static void keep_waiting(int mailbox, const bool *stop, uint64_t *waits)
{
	while (!LOAD(*stop)) {
		struct msgpass_receive receive = {
			.deadline = msgpass_deadline(5 * MILLISECOND)
		};

		pin(1);
		MUST(receive_full(mailbox, &receive) == -ETIMEDOUT);
		MUST(msgpass_deadline(0) >= receive.deadline);
		ADD(*waits, 1);
	}
	_exit(0);
}

struct traffic {
	int mailboxes[PAIRS], idle;
	pid_t children[2 * PAIRS + 1];
	bool *stop;
	uint64_t *waits;
};

static bool start_traffic(struct traffic *traffic, int device)
{
	pid_t *child = traffic->children;

	traffic->stop = share_memory(sizeof(bool));
	traffic->waits = share_memory(sizeof(uint64_t));
	traffic->idle = create_unnamed(device, 1, 64, 0600);
	for (unsigned int i = 0; i < PAIRS; i++) {
		const struct pair *pair = &pairs[i];
		int mailbox = create_unnamed(device, pair->capacity, 64, 0600);

		if (mailbox < 0)
			return false;
		traffic->mailboxes[i] = mailbox;
		*child = fork_child();
		if (!*child++)
			keep_sending(pair, mailbox, traffic->stop);
		*child = fork_child();
		if (!*child++)
			keep_receiving(pair, mailbox);
	}
	*child = fork_child();
	if (!*child)
		keep_waiting(traffic->idle, traffic->stop, traffic->waits);
	return traffic->idle >= 0;
}

/* Everybody goes on. */
static bool goes_on(const struct traffic *traffic)
{
	uint64_t waits = LOAD(*traffic->waits);

	for (unsigned int i = 0; i < PAIRS; i++) {
		int fd = traffic->mailboxes[i];
		uint64_t before = stat_of(fd).received_messages;

		if (!WITHIN(60 * SECOND, stat_of(fd).received_messages >= before + PROGRESS))
			return false;
	}
	return WITHIN(60 * SECOND, LOAD(*traffic->waits) > waits + 1);
}

TEST_F_TIMEOUT(hotplug, P2_82_nothing_is_lost_doubled_or_stuck_as_a_cpu_goes_and_comes, SLOW)
{
	struct traffic traffic = { };
	uint64_t messages = 0;

	ASSERT_TRUE(start_traffic(&traffic, self->device));
	for (unsigned int i = 0; i < CYCLES; i++) {
		ASSERT_TRUE(goes_on(&traffic));
		ASSERT_TRUE(set_online(false));
		ASSERT_TRUE(goes_on(&traffic))
			TH_LOG("without the CPU, cycle %u", i);
		ASSERT_TRUE(set_online(true));
	}
	STORE(*traffic.stop, true);
	for (unsigned int i = 0; i < ARRAY_LEN(traffic.children); i++) {
		EXPECT_EQ(0, wait_child(traffic.children[i]))
			TH_LOG("child %u", i);
	}
	for (unsigned int i = 0; i < PAIRS; i++) {
		struct msgpass_stat stat = stat_of(traffic.mailboxes[i]);

		EXPECT_EQ(0, stat.messages);
		EXPECT_EQ(stat.admitted_messages, stat.received_messages);
		messages += stat.received_messages;
		close(traffic.mailboxes[i]);
	}
	close(traffic.idle);
	TH_LOG("%llu messages, %llu deadlines, %u cycles", (unsigned long long)messages,
	       (unsigned long long)*traffic.waits, CYCLES);
}

/* Until there is an error; how many. */
static unsigned int send_all(int mailbox, int *err)
{
	unsigned int sent = 0;

	while (sent <= 2 * ROOM && !(*err = send_text(mailbox, "x")))
		sent++;
	return sent;
}

/* Receive as many; whether that was all. */
static bool receive_all(int mailbox, unsigned int count)
{
	char text[8];

	while (count--)
		if (receive_flags(mailbox, text, sizeof(text), MSGPASS_NONBLOCK) != 1)
			return false;
	return !stat_of(mailbox).messages;
}

/* A user that sends on one CPU and receives on another, and is told when to. */
static void charge_and_discharge(int mailbox, int go, int ready)
{
	unsigned int queued = 0;
	int err;

	for (unsigned int i = 0; i < CYCLES; i++) {
		/* Charged there, and discharged after it has gone; or the other way round. */
		pin(i % 2 ? 0 : 1);
		for (queued = 0; queued < CHARGED; queued++)
			MUST(!send_text(mailbox, "x"));
		if (i % 2) {
			pin(1);
			MUST(receive_all(mailbox, queued));
			queued = 0;
		}
		tell_event(ready);
		await_event(go);
		MUST(receive_all(mailbox, queued));
		/* It has all of its quota, and no more. */
		queued = send_all(mailbox, &err);
		if (queued != ROOM)
			fprintf(stderr, "# cycle %u: %u messages fit, of %u\n", i, queued, ROOM);
		MUST(err == -EDQUOT && queued == ROOM);
		MUST(receive_all(mailbox, queued));
		tell_event(ready);
		await_event(go);
	}
	_exit(0);
}

static bool has_ended(pid_t child)
{
	siginfo_t info = { };

	return waitid(P_PID, child, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid;
}

/* Whether a child has told us; if it has ended it will not. */
static bool until_told(int event, pid_t child)
{
	struct pollfd pollfd = { .fd = event, .events = POLLIN };

	if (!WITHIN(60 * SECOND, poll(&pollfd, 1, 0) == 1 || has_ended(child)) ||
	    poll(&pollfd, 1, 0) != 1)
		return false;
	await_event(event);
	return true;
}

TEST_F_TIMEOUT(hotplug, P10_82_the_quota_survives_the_cpu_that_it_was_charged_on, SLOW)
{
	int go = open_event(), ready = open_event(), mailbox;
	pid_t child;

	mailbox = create_unnamed(self->device, MSGPASS_UNBOUNDED, 64, 0666);
	ASSERT_LE(0, mailbox);
	self->limits_changed = true;
	ASSERT_TRUE(write_limit("user_messages_max", ROOM));
	child = fork_child();
	if (!child) {
		become(USER);
		/* An account that nobody has in use may be opened anew. */
		MUST(open_device() >= 0);
		charge_and_discharge(mailbox, go, ready);
	}
	for (unsigned int i = 0; i < CYCLES; i++) {
		ASSERT_TRUE(until_told(ready, child));
		ASSERT_TRUE(set_online(false));
		tell_event(go);
		ASSERT_TRUE(until_told(ready, child));
		ASSERT_TRUE(set_online(true));
		tell_event(go);
	}
	EXPECT_EQ(0, wait_child(child));
	close(mailbox);
	close(ready);
	close(go);
}

TEST_HARNESS_MAIN
