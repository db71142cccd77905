// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where nothing else goes on: the floors, a message to oneself, and a round trip.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"
#include "workloads.h"

const size_t sizes_all[] = { 1, 64, 256, 4096, 65536, 1 << 20, 0 };
const size_t sizes_none[] = { 0 };
const size_t sizes_one[] = { 64, 0 };

static const char *const floors[] = {
	"null-syscall", "null-ioctl", "null-write", "sched-yield", "ioctl-msgpass-stat",
	"user-memcpy", NULL
};

/* What a floor works with. */
struct floor {
	const char *name;
	int fd;
	char from[64], to[64];
};

static void floor_batch(void *argument, unsigned int operations)
{
	struct floor *floor = argument;
	struct msgpass_stat stat = { };

	/* Compared outside of the loops: each of them is bare. */
	if (!strcmp(floor->name, "null-syscall"))
		for (unsigned int i = 0; i < operations; i++)
			syscall(SYS_getppid);
	else if (!strcmp(floor->name, "null-ioctl"))
		for (unsigned int i = 0; i < operations; i++)
			ioctl(floor->fd, 0, floor);
	else if (!strcmp(floor->name, "null-write"))
		for (unsigned int i = 0; i < operations; i++)
			MUST(write(floor->fd, floor->from, sizeof(floor->from)) > 0);
	else if (!strcmp(floor->name, "sched-yield"))
		for (unsigned int i = 0; i < operations; i++)
			sched_yield();
	else if (!strcmp(floor->name, "ioctl-msgpass-stat"))
		for (unsigned int i = 0; i < operations; i++)
			MUST(!msgpass_raw_stat(floor->fd, &stat));
	else
		for (unsigned int i = 0; i < operations; i++) {
			memcpy(floor->to, floor->from, sizeof(floor->to));
			__asm__ volatile("" : : "r"(floor) : "memory");
		}
}

static void run_floor(const struct item *item)
{
	struct floor floor = { .name = item->name };
	const struct plan plan = {
		.batch = floor_batch, .argument = &floor,
		.operations = 1000, .warm_up = 1000, .batches = 7,
	};
	bool stat = !strcmp(floor.name, "ioctl-msgpass-stat");

	pin(0);
	floor.fd = open(stat ? MSGPASS_DEVICE : "/dev/null", O_RDWR | O_CLOEXEC);
	if (floor.fd < 0)
		skip(item, stat ? "msgpass is not loaded" : strerror(errno));
	measure_and_report(item, &plan);
	close(floor.fd);
}

const struct workload workload_floor = {
	.name = "floor", .sizes = sizes_none, .operations = floors, .run = run_floor,
};

/* Also for what is around it: in a memory cgroup, among others. */
void self_batch(void *argument, unsigned int operations)
{
	struct channel *channel = argument;

	for (unsigned int i = 0; i < operations; i += channel->batch) {
		send_messages(channel, channel->sent, 0);
		receive_messages(channel, channel->sent);
		channel->sent += channel->batch;
	}
}

void measure_self(const struct item *item, struct channel *channel)
{
	unsigned int operations = operations_of(item->size);
	const struct plan plan = {
		.batch = self_batch, .argument = channel,
		.operations = operations - operations % channel->batch ?: channel->batch,
		.warm_up = 2 * operations, .batches = 7,
	};

	measure_and_report(item, &plan);
}

static void run_self(const struct item *item)
{
	struct channel channel;

	pin(0);
	open_channel(&channel, item, 0);
	attach_channel(&channel);
	measure_self(item, &channel);
	close_channel(&channel);
}

const struct workload workload_self = {
	.name = "self", .needs = CAN_SELF, .sizes = sizes_all, .run = run_self,
};

/* There and back. */
struct turns {
	struct channel there, back;
};

static void answer(void *argument)
{
	struct turns *turns = argument;

	attach_channel(&turns->there);
	say_ready();
	for (uint32_t number = 0;; number++) {
		receive_messages(&turns->there, number);
		send_messages(&turns->back, number, 0);
	}
}

static void turns_batch(void *argument, unsigned int operations)
{
	struct turns *turns = argument;

	for (unsigned int i = 0; i < operations; i++) {
		send_messages(&turns->there, turns->there.sent, 0);
		receive_messages(&turns->back, turns->there.sent++);
	}
}

/*
 * Round trips, after which the scheduler's account of the two is even. The largest messages
 * take so long that it is even at once.
 */
#define SETTLED		1600

static void measure_turns(const struct item *item, unsigned int operations)
{
	struct turns turns;
	const struct plan plan = {
		.batch = turns_batch, .argument = &turns,
		.operations = operations, .batches = 7,
		.warm_up = item->size > 65536 ? 4 * operations : SETTLED,
	};
	pid_t pid;

	if (cpus > cpus_online())
		skip(item, "one processor only");
	open_channel(&turns.there, item, 0);
	open_channel(&turns.back, item, 0);
	pid = start_process(cpu_of_partner(), answer, &turns);
	pin(0);
	turns.there.receiver = pid;
	attach_channel(&turns.back);
	await_ready();
	measure_and_report(item, &plan);
	end_process(pid);
	close_channel(&turns.there);
	close_channel(&turns.back);
}

static void run_pingpong(const struct item *item)
{
	measure_turns(item, operations_of(item->size) / 4 ?: 1);
}

const struct workload workload_pingpong = {
	.name = "pingpong", .needs = CAN_TURNS, .sizes = sizes_all, .run = run_pingpong,
};

static void compute(void *unused)
{
	(void)unused;
	say_ready();
	for (;;)
		;
}

/* Where it is let run instead of who is to answer, that is for a time slice, now and then. */
static void run_pingpong_busy(const struct item *item)
{
	pid_t pid = start_process(0, compute, NULL);

	await_ready();
	measure_turns(item, 2000);
	end_process(pid);
}

const struct workload workload_pingpong_busy = {
	.name = "pingpong-busy", .needs = CAN_TURNS, .sizes = sizes_one, .run = run_pingpong_busy,
};
