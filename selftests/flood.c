// SPDX-License-Identifier: GPL-2.0-only
/*
 * Too much of everything, by one user: the others go on as if nothing were (P10),
 * and a process that dies with 100,000 messages takes nobody with it (P11).
 *
 * The limits are lowered for the first, so that the floods are at them soon. A
 * guard puts them back whatever becomes of the test.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

#include <kselftest_harness.h>

#define FLOODER		1000
#define OTHER		1001

static unsigned long messages_max, bytes_max;

FIXTURE(flood)
{
	pid_t guard;
};

FIXTURE_SETUP(flood)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	if (geteuid())
		SKIP(return, "needs root, to be two users");
	messages_max = read_limit("user_messages_max");
	bytes_max = read_limit("user_bytes_max");
	self->guard = guard_limits();
	ASSERT_LT(0, self->guard);
}

FIXTURE_TEARDOWN(flood)
{
	if (self->guard > 0)
		EXPECT_EQ(0, end_guard(self->guard));
}

/* What the module leaves a user of it, unless somebody has set another limit. */
#define SHARE		8
#define MIB		(1024 * 1024UL)

static unsigned long memory_total(void)
{
	return sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}

#define LARGE		65536
#define QUOTA_MESSAGES	2000
#define QUOTA_BYTES	(4UL << 20)
#define ROUNDS		8
#define TRIPS		31
#define TRIES_MAX	(10 * TRIPS)
/* So many rounds of a flood at least, whatever the time; more in that time only. */
#define ROUNDS_MIN	4
#define ROUNDS_TIME	(5 * SECOND)
#define ROUNDS_TIME_MAX	(150 * SECOND)
#define OWN		64
#define OWN_SIZE	300

/* The flood did not get its CPU often enough: others of the machine have it. */
#define UNMEASURED	4

/* What fills the quota, and goes on when it is full. */
enum kind { MESSAGES, BYTES, TRAFFIC, KINDS };

struct flood {
	bool on, stop;
	bool flows;		/* while it is not on, it makes calls that harm nobody */
	uint32_t calls, refused;
	uint64_t block[2];	/* the best time of BLOCK calls or a few more, in ns: off, on */
};

#define BLOCK		16

static char payload[LARGE];

/* By two steps forward and one back it stays at the limit, and at work. */
static void keep_flooding(enum kind kind, struct flood *flood)
{
	bool on = true, was_on = true;
	uint64_t start = 0, time;
	uint32_t first = 0;
	int mailbox, err;

	pin(sysconf(_SC_NPROCESSORS_ONLN) - 1);
	become(FLOODER);
	mailbox = create_unnamed(open_device(), MSGPASS_UNBOUNDED, LARGE, 0600);
	MUST(mailbox >= 0);
	while (!LOAD(flood->stop)) {
		on = LOAD(flood->on) || !flood->refused;
		if (on != was_on)
			start = 0;
		was_on = on;
		if (!on && !flood->flows) {
			pause_ms();
			continue;
		}
		err = on ? send_flags(mailbox, payload, kind == BYTES ? LARGE : 1,
				      MSGPASS_NONBLOCK) : 0;
		MUST(!err || err == -EDQUOT);
		ADD(flood->refused, !!err);
		if (!on)
			syscall(SYS_getppid);
		ADD(flood->calls, 1);
		for (int i = 0; kind == TRAFFIC && err && i < 2; i++) {
			MUST(receive_flags(mailbox, payload, 1, MSGPASS_NONBLOCK) == 1);
			ADD(flood->calls, 1);
		}
		if (!flood->refused || flood->calls - first < BLOCK)
			continue;
		time = msgpass_deadline(0);
		if (start && (!flood->block[on] || time - start < flood->block[on]))
			STORE(flood->block[on], time - start);
		first = flood->calls;
		start = time;
	}
	_exit(0);
}

/* In ns. */
struct cost {
	uint64_t wall, cpu;
};

/**
 * struct other - the other user, and what of it is measured
 * @work: what it does each time
 * @flows: is the flood to go on all the time?
 * @percent: how much it may cost in the flood, without one being 100
 * @wall: does the clock on the wall count as well?
 * @alone: nobody else has to run: only what both clocks say counts
 */
struct other {
	void (*work)(const struct other *other);
	unsigned int percent;
	bool flows, wall, alone;
	int device, mailbox;
	pid_t echo;
};

/* Round trips to a process that sends back what it gets. */
static void make_trips(const struct other *other)
{
	struct msgpass_send send = { .data = (uintptr_t)"ping", .size = 4, .to = other->echo };
	char text[8];

	MUST(!send_full(other->device, &send));
	MUST(receive_from(other->device, other->echo, text, sizeof(text), 0) == 4);
}

/*
 * Messages to itself, for which nobody else has to run, so that little but what sends and
 * receives do is measured. The size is one for which the message is two objects.
 */
static void make_own(const struct other *other)
{
	char text[OWN_SIZE];
	unsigned int i;

	for (i = 0; i < OWN; i++)
		MUST(!send_flags(other->mailbox, payload, OWN_SIZE, MSGPASS_NONBLOCK));
	for (i = 0; i < OWN; i++)
		MUST(receive_flags(other->mailbox, text, OWN_SIZE, MSGPASS_NONBLOCK) == OWN_SIZE);
}

/* Did the flood make a quarter of the calls at least that fit into that time? */
static bool went_on(const struct flood *flood, bool on, uint32_t calls, uint64_t time)
{
	return (calls + 1) * LOAD(flood->block[on]) * 4 >= time * BLOCK;
}

/*
 * The medians of many; where @other says so, of those during which the flood, or what the
 * flooder does without one, went on: what was measured while it was kept from its CPU is no
 * flood, and what it takes to be no such time is the same with and without. Nor is what was
 * measured while the thread's clock stood still, as emulated ones do. False if there were
 * too few of them.
 */
static bool measure(const struct other *other, const struct flood *flood, bool on,
		    struct cost *median)
{
	uint64_t wall[TRIPS], cpu[TRIPS];
	unsigned int count = 0;

	for (unsigned int i = 0; count < TRIPS && i < TRIES_MAX; i++) {
		uint32_t before = LOAD(flood->calls);
		uint64_t cpu_start = cpu_time(), start = msgpass_deadline(0);

		other->work(other);
		wall[count] = msgpass_deadline(0) - start;
		cpu[count] = cpu_time() - cpu_start;
		count += cpu[count] &&
			 (!other->flows ||
			  went_on(flood, on, LOAD(flood->calls) - before, wall[count]));
	}
	if (count < TRIPS)
		return false;
	*median = (struct cost){ .wall = median_of(wall, TRIPS), .cpu = median_of(cpu, TRIPS) };
	return true;
}

static void improve(struct cost *best, struct cost cost)
{
	if (!best->wall || cost.wall < best->wall)
		best->wall = cost.wall;
	if (!best->cpu || cost.cpu < best->cpu)
		best->cpu = cost.cpu;
}

static pid_t fork_echo(int device)
{
	pid_t pid = fork_child();
	struct msgpass_send send = { .data = (uintptr_t)"pong", .size = 4 };
	char text[8];

	if (pid)
		return pid;
	for (send.to = getppid();;) {
		MUST(receive_from(device, send.to, text, sizeof(text), 0) == 4);
		MUST(!send_full(device, &send));
	}
}

/* All that it does succeeds. */
static void begin_other(struct other *other)
{
	pin(0);
	become(OTHER);
	other->device = open_device();
	other->mailbox = create_unnamed(other->device, OWN, OWN_SIZE, 0600);
	MUST(other->mailbox >= 0);
	other->echo = fork_echo(other->device);
}

/* In turns with and without the flood. */
static void measure_other(struct flood *flood, struct other *other, struct cost best[2])
{
	uint64_t start = msgpass_deadline(0), time = 0;
	unsigned int flowed = 0;

	begin_other(other);
	for (unsigned int i = 0; flowed < ROUNDS && time < ROUNDS_TIME_MAX &&
	     (flowed < ROUNDS_MIN || time < ROUNDS_TIME); i++) {
		uint32_t before = LOAD(flood->calls);
		bool on = i % 2;
		struct cost cost;
		bool enough;

		STORE(flood->on, on);
		MUST(!(on || other->flows) || UNTIL(LOAD(flood->calls) > before + 10));
		before = LOAD(flood->calls);
		enough = measure(other, flood, on, &cost);
		before = LOAD(flood->calls) - before;
		/* At most the calls that were under way. */
		MUST(on || other->flows || before <= 3);
		if (enough && (!on || before >= TRIPS || other->flows)) {
			improve(&best[on], cost);
			flowed += on;
		}
		time = msgpass_deadline(0) - start;
	}
	end_child(other->echo);
	_exit(flowed >= ROUNDS_MIN ? 0 : UNMEASURED);
}

/*
 * Noise only adds, so compared is the best median of many with the best of as many,
 * taken in turns. Two times are: that which the other's thread itself is on a CPU
 * tells whether its calls became dearer, by locks or lines of memory that both
 * users share, and it is robust. The wall clock's also tells how the scheduler
 * divides the CPUs, on which a flood takes its share by merely running, as any
 * loop would: so it says something only where there is a CPU for each, to which
 * they are pinned.
 */
static void run_floods(struct __test_metadata *_metadata, struct other *other)
{
	static const char *const names[] = { "messages", "bytes", "traffic" };
	struct flood *flood = share_memory(KINDS * sizeof(*flood));
	struct cost *best = share_memory(KINDS * 2 * sizeof(*best));

	ASSERT_TRUE(write_limit("user_messages_max", QUOTA_MESSAGES));
	ASSERT_TRUE(write_limit("user_bytes_max", QUOTA_BYTES));
	for (enum kind kind = 0; kind < KINDS; kind++, flood++, best += 2) {
		struct cost dearer;
		pid_t flooder, pid;
		int ended;

		flood->flows = other->flows;
		flooder = fork_child();
		if (!flooder)
			keep_flooding(kind, flood);
		ASSERT_TRUE(WITHIN(60 * SECOND, LOAD(flood->refused)));
		pid = fork_child();
		if (!pid)
			measure_other(flood, other, best);
		ended = wait_child(pid);
		STORE(flood->stop, true);
		EXPECT_EQ(0, wait_child(flooder));
		if (ended == UNMEASURED)
			SKIP(return, "%s: the machine is too busy to measure beside a flood",
			     names[kind]);
		EXPECT_EQ(0, ended);
		TH_LOG("%s: wall %llu ns before, %llu in it; on the CPU %llu and %llu; %u refused",
		       names[kind], (unsigned long long)best[0].wall,
		       (unsigned long long)best[1].wall, (unsigned long long)best[0].cpu,
		       (unsigned long long)best[1].cpu, flood->refused);
		EXPECT_LT(0, best[0].cpu);
		EXPECT_LT(0, best[1].cpu);
		dearer.cpu = 100 * best[1].cpu > other->percent * best[0].cpu;
		dearer.wall = 100 * best[1].wall > other->percent * best[0].wall;
		EXPECT_FALSE(other->alone ? dearer.cpu && dearer.wall :
			     dearer.cpu || (dearer.wall && other->wall));
	}
}

TEST_F_TIMEOUT(flood, P10_80_a_user_at_its_quota_does_not_make_anothers_calls_dearer, SLOW)
{
	struct other other = {
		.work = make_trips,
		.percent = 200,
		.wall = sysconf(_SC_NPROCESSORS_ONLN) > 1,
	};

	run_floods(_metadata, &other);
}

/* A kernel full of debugging has locks of its own wherever memory is allocated. */
static bool is_debugging(void)
{
	return !access("/proc/lockdep_stats", F_OK) || !access("/sys/kernel/debug/kcsan", F_OK);
}

/*
 * Where nobody else has to run, what is only a part of a round trip is half of the cost:
 * for example to make a message anew, because the one that was kept has been freed.
 */
TEST_F_TIMEOUT(flood, P10_150_a_user_at_its_quota_leaves_others_what_is_kept_of_them, SLOW)
{
	struct other other = {
		.work = make_own,
		.flows = true,
		.percent = is_debugging() ? 200 : 120,
		.alone = true,
	};

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "needs two processors");
	run_floods(_metadata, &other);
}

/* How many processes the kernel has killed to have memory. */
static unsigned long killed_for_memory(void)
{
	FILE *file = fopen("/proc/vmstat", "re");
	unsigned long killed = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "oom_kill %lu", &killed) == 1)
			break;
	if (file)
		fclose(file);
	return killed;
}

/* Of a user, all that it may have; without a process, until @end. */
static void take_all(int taken, int end, uint64_t *sent)
{
	int mailbox, err;

	become(FLOODER);
	mailbox = create_unnamed(open_device(), MSGPASS_UNBOUNDED, LARGE, 0600);
	MUST(mailbox >= 0);
	while (!(err = send_flags(mailbox, payload, LARGE, MSGPASS_NONBLOCK)))
		*sent += LARGE;
	MUST(err == -EDQUOT);
	tell_event(taken);
	await_event(end);
	_exit(0);
}

/*
 * On whatever machine: one of 64 MiB, too, goes on when a user has taken what it
 * may by the limits that the module begins with.
 */
TEST_F_TIMEOUT(flood, P10_140_what_one_user_may_take_leaves_room_for_the_others, SLOW)
{
	unsigned long killed = killed_for_memory(), total = memory_total();
	unsigned long share = total / SHARE < 64 * MIB ? total / SHARE : 64 * MIB;
	int taken = open_event(), end = open_event();
	uint64_t *sent = share_memory(sizeof(*sent));
	pid_t taker, other;

	if (bytes_max > 64 * MIB || messages_max < share / LARGE)
		SKIP(return, "the limits are not those that the module begins with");
	/* The kernel may have given memory back since then. */
	ASSERT_GE(share + MIB, bytes_max);
	taker = fork_child();
	if (!taker)
		take_all(taken, end, sent);
	await_event(taken);
	EXPECT_LT(bytes_max / 2, *sent);
	EXPECT_GE(bytes_max, *sent);
	other = fork_child();
	if (!other) {
		become(OTHER);
		/* New pages, a program from a file, and messages of its own. */
		memset(payload, 'x', sizeof(payload));
		MUST(!system("true"));
		MUST(!send_flags(create_unnamed(open_device(), 4, LARGE, 0600), payload, LARGE,
				 MSGPASS_NONBLOCK));
		_exit(0);
	}
	EXPECT_EQ(0, wait_child(other));
	tell_event(end);
	EXPECT_EQ(0, wait_child(taker));
	EXPECT_EQ(killed, killed_for_memory());
	TH_LOG("%llu KiB of a machine of %lu", (unsigned long long)*sent / 1024, total / 1024);
	close(end);
	close(taken);
}

#define MANY		100000
/* What one of them may take, with what the kernel has around it. */
#define EACH		512
#define FILL_TIME	(60 * SECOND)
/* A try that takes so long is enough. */
#define SLOW_TRY	(5 * SECOND)
#define TRIES		3
/* No stall, however fast the machine. */
#define SHORT		(20 * MILLISECOND)

/* Who waits for the process that is killed. */
enum { SENDER, SYNCHRONOUS, RECEIVER, WAITERS };

struct death {
	uint32_t sent;
	uint64_t told[WAITERS], freed;
};

/* A thread of each CPU that wants to run every ms, and its longest wait for it. */
struct tick {
	pthread_t thread;
	unsigned int cpu;
	bool stop;
	uint64_t longest;
};

static void *run_tick(void *argument)
{
	struct tick *tick = argument;
	uint64_t last = 0, now;

	pin(tick->cpu);
	for (; !LOAD(tick->stop); last = now) {
		pause_ms();
		now = msgpass_deadline(0);
		if (last && now - last > LOAD(tick->longest))
			STORE(tick->longest, now - last);
	}
	return NULL;
}

/* A process of our user with an inbox of that capacity, which does nothing; then of 1. */
static pid_t fork_victim(int full, int ready)
{
	pid_t pid = fork_child();
	struct msgpass_set set = {
		.flags = MSGPASS_SET_CAPACITY,
		.capacity = MSGPASS_UNBOUNDED,
	};
	int device;

	if (pid)
		return pid;
	become(FLOODER);
	device = open_device();
	MUST(!set_mailbox(device, &set));
	tell_event(ready);
	await_event(full);
	/* What is there stays, and no more is admitted. */
	set.capacity = 1;
	MUST(!set_mailbox(device, &set));
	tell_event(ready);
	for (;;)
		pause();
}

/* Fewer where they would take more than a quarter of the machine. */
static unsigned int many(void)
{
	unsigned long most = memory_total() / 4 / EACH;

	return most < MANY ? most : MANY;
}

static pid_t fork_filler(pid_t victim, struct death *death)
{
	pid_t pid = fork_child();
	uint64_t limit = msgpass_deadline(FILL_TIME);
	int device;

	if (pid)
		return pid;
	become(FLOODER);
	device = open_device();
	while (death->sent < many() && msgpass_deadline(0) < limit) {
		MUST(!send_text_to(device, victim, "x"));
		death->sent++;
	}
	_exit(0);
}

static pid_t fork_waiter(unsigned int kind, pid_t victim, struct death *death)
{
	pid_t pid = fork_child();
	int device, err;

	if (pid)
		return pid;
	become(FLOODER);
	device = open_device();
	if (kind == RECEIVER) {
		err = receive_from(device, victim, NULL, 0, 0);
	} else {
		struct msgpass_send send = {
			.flags = kind == SYNCHRONOUS ? MSGPASS_SYNC : 0,
			.to = victim,
		};

		err = send_full(device, &send);
	}
	STORE(death->told[kind], msgpass_deadline(0));
	_exit(err != -ESRCH);
}

/* Of a limit of one message there is none left before all others are freed. */
static pid_t fork_prober(struct death *death)
{
	pid_t pid = fork_child();
	int mailbox;

	if (pid)
		return pid;
	become(FLOODER);
	mailbox = create_unnamed(open_device(), 1, 1, 0600);
	MUST(mailbox >= 0);
	MUST(send_text(mailbox, "x") == -EDQUOT);
	MUST(WITHIN(60 * SECOND, !send_text(mailbox, "x")));
	STORE(death->freed, msgpass_deadline(0));
	_exit(0);
}

/* One death. Return whether the ticks went on meanwhile. */
static bool die(struct __test_metadata *_metadata, struct tick *ticks, unsigned int cpus)
{
	struct death *death = share_memory(sizeof(*death));
	int full = open_event(), ready = open_event();
	pid_t victim = fork_victim(full, ready), filler, waiters[WAITERS], prober;
	uint64_t start, longest = 0, told = 0;
	unsigned int i;

	await_event(ready);
	filler = fork_filler(victim, death);
	EXPECT_EQ(0, wait_child(filler));
	EXPECT_LT(0, death->sent);
	/* Before it is full, so that its message is among the others. */
	waiters[SYNCHRONOUS] = fork_waiter(SYNCHRONOUS, victim, death);
	EXPECT_TRUE(until_asleep(waiters[SYNCHRONOUS], waiters[SYNCHRONOUS]));
	tell_event(full);
	await_event(ready);
	for (i = 0; i < WAITERS; i++) {
		if (i != SYNCHRONOUS)
			waiters[i] = fork_waiter(i, victim, death);
		EXPECT_TRUE(until_asleep(waiters[i], waiters[i]));
	}
	EXPECT_TRUE(write_limit("user_messages_max", 1));
	prober = fork_prober(death);
	EXPECT_TRUE(until_asleep(prober, prober));
	for (i = 0; i < cpus; i++)
		STORE(ticks[i].longest, 0);
	start = msgpass_deadline(0);
	kill(victim, SIGKILL);
	EXPECT_EQ(0, wait_child(prober));
	for (i = 0; i < WAITERS; i++) {
		EXPECT_EQ(0, wait_child(waiters[i]))
			TH_LOG("waiter %u", i);
		if (death->told[i] > told)
			told = death->told[i];
	}
	for (i = 0; i < cpus; i++)
		if (LOAD(ticks[i].longest) > longest)
			longest = LOAD(ticks[i].longest);
	EXPECT_EQ(-SIGKILL, wait_child(victim));
	EXPECT_TRUE(write_limit("user_messages_max", 2 * MANY));
	printf("# %u messages freed in %u ms, others were told after %u ms, longest gap %u ms\n",
	       death->sent, in_ms(death->freed - start), in_ms(told - start), in_ms(longest));
	close(ready);
	close(full);
	/* Whoever frees all of them at a stretch keeps the CPU from others all the time. */
	return longest < SHORT || longest < (death->freed - start) / 2;
}

TEST_F_TIMEOUT(flood, P11_80_a_process_that_dies_with_100000_messages_stalls_nobody, SLOW)
{
	unsigned int cpus = sysconf(_SC_NPROCESSORS_ONLN), i;
	struct tick ticks[64] = { };
	bool went_on = false;
	uint64_t start;

	if (cpus > ARRAY_LEN(ticks))
		cpus = ARRAY_LEN(ticks);
	ASSERT_TRUE(write_limit("user_messages_max", 2 * MANY));
	ASSERT_TRUE(write_limit("user_bytes_max", 1024UL * MANY));
	for (i = 0; i < cpus; i++) {
		ticks[i].cpu = i;
		ASSERT_EQ(0, pthread_create(&ticks[i].thread, NULL, run_tick, &ticks[i]));
	}
	for (i = 0; i < TRIES; i++) {
		start = msgpass_deadline(0);
		went_on |= die(_metadata, ticks, cpus);
		if (msgpass_deadline(0) - start > SLOW_TRY)
			break;
	}
	for (i = 0; i < cpus; i++) {
		STORE(ticks[i].stop, true);
		pthread_join(ticks[i].thread, NULL);
	}
	EXPECT_TRUE(went_on);
}

TEST_HARNESS_MAIN
