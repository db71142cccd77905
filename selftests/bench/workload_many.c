// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many processes: producers to one consumer, one producer to consumers, and pairs
 * that have nothing to do with each other.
 */
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "workloads.h"

#define DEPTH		64
#define WARM_UP		8000
/* A multiple of the depth and of the processes. */
#define OPERATIONS	6144

static const unsigned int counts[] = { 1, 2, 4, 8, LAST_PARAMETER };

/* The least and the most of some numbers, their mean being 1. */
static void set_shares(struct figure *figure, const uint32_t *got, unsigned int count)
{
	uint32_t least = ~0U, most = 0;
	double sum = 0;

	for (unsigned int i = 0; i < count; i++) {
		least = got[i] < least ? got[i] : least;
		most = got[i] > most ? got[i] : most;
		sum += got[i];
	}
	figure->least = least * count / sum;
	figure->most = most * count / sum;
}

/* What the consumer knows of its producers; each begins with number 0. */
struct join {
	struct channel channel;
	unsigned int count, number;
	uint32_t due[PRODUCERS_MAX];
};

static void produce(void *argument)
{
	struct join *join = argument;

	say_ready();
	for (uint32_t number = 0;; number++)
		send_messages(&join->channel, number, join->number);
}

static void join_batch(void *argument, unsigned int operations)
{
	struct join *join = argument;

	for (unsigned int i = 0; i < operations; i++) {
		struct stamp stamp;

		memcpy(&stamp, receive_any(&join->channel), sizeof(stamp));
		if (unlikely(stamp.producer >= join->count ||
			     stamp.number != join->due[stamp.producer]++))
			die("%s: producer %u: message %u is out of order",
			    join->channel.transport->name, stamp.producer, stamp.number);
	}
}

static void run_fanin(const struct item *item)
{
	struct join *join = calloc(1, sizeof(*join));
	struct plan plan = {
		.batch = join_batch, .argument = join,
		.operations = OPERATIONS, .batches = 3, .mean = true,
	};
	uint32_t before[PRODUCERS_MAX], got[PRODUCERS_MAX];
	struct figure figure;
	pid_t pids[PRODUCERS_MAX];

	MUST(join);
	if (cpus > cpus_online())
		skip(item, "one processor only");
	open_channel(&join->channel, item, DEPTH);
	pin(0);
	attach_channel(&join->channel);
	join->count = item->parameter;
	for (join->number = 0; join->number < join->count; join->number++) {
		pids[join->number] = start_process(cpu_of_partner(), produce, join);
		await_ready();
	}
	join_batch(join, WARM_UP);
	memcpy(before, join->due, sizeof(before));
	measure(&plan, &figure);
	for (unsigned int i = 0; i < join->count; i++)
		got[i] = join->due[i] - before[i];
	set_shares(&figure, got, join->count);
	report(item, &plan, &figure);
	for (unsigned int i = 0; i < join->count; i++)
		end_process(pids[i]);
	close_channel(&join->channel);
	free(join);
}

const struct workload workload_fanin = {
	.name = "fanin", .needs = CAN_STREAM | CAN_JOIN, .sizes = sizes_one,
	.parameters = counts, .run = run_fanin,
};

/* Each consumer counts in a cache line of its own. */
struct share {
	struct channel channel;
	unsigned int number, sent;
	struct {
		uint32_t count;
		char pad[60];
	} *got;
};

static void consume(void *argument)
{
	struct share *share = argument;
	uint32_t last = 0;

	say_ready();
	for (;;) {
		struct stamp stamp;

		memcpy(&stamp, receive_any(&share->channel), sizeof(stamp));
		/* Number 0 comes once. */
		if (unlikely(share->got[share->number].count && stamp.number <= last))
			die("%s: message %u came after %u", share->channel.transport->name,
			    stamp.number, last);
		last = stamp.number;
		__atomic_store_n(&share->got[share->number].count,
				 share->got[share->number].count + 1, __ATOMIC_RELAXED);
	}
}

static void share_batch(void *argument, unsigned int operations)
{
	struct share *share = argument;

	for (unsigned int i = 0; i < operations; i++)
		send_messages(&share->channel, share->sent++, 0);
}

/* All that were sent come to somebody. */
static void await_all(struct share *share, unsigned int count)
{
	for (unsigned int tries = 0; tries < 100000; tries++) {
		uint32_t sum = 0;

		for (unsigned int i = 0; i < count; i++)
			sum += __atomic_load_n(&share->got[i].count, __ATOMIC_RELAXED);
		if (sum == share->sent)
			return;
		usleep(100);
	}
	die("%s: messages are lost", share->channel.transport->name);
}

static void run_fanout(const struct item *item)
{
	struct share share = { };
	struct plan plan = {
		.batch = share_batch, .argument = &share,
		.operations = OPERATIONS, .batches = 3, .mean = true,
	};
	unsigned int count = item->parameter;
	uint32_t got[PRODUCERS_MAX];
	struct figure figure;
	pid_t pids[PRODUCERS_MAX];

	if (cpus > cpus_online())
		skip(item, "one processor only");
	share.got = share_memory(PRODUCERS_MAX * sizeof(*share.got));
	open_channel(&share.channel, item, DEPTH);
	pin(0);
	for (share.number = 0; share.number < count; share.number++) {
		pids[share.number] = start_process(cpu_of_partner(), consume, &share);
		await_ready();
	}
	share_batch(&share, WARM_UP);
	for (unsigned int i = 0; i < count; i++)
		got[i] = -__atomic_load_n(&share.got[i].count, __ATOMIC_RELAXED);
	measure(&plan, &figure);
	for (unsigned int i = 0; i < count; i++)
		got[i] += __atomic_load_n(&share.got[i].count, __ATOMIC_RELAXED);
	set_shares(&figure, got, count);
	await_all(&share, count);
	report(item, &plan, &figure);
	for (unsigned int i = 0; i < count; i++)
		end_process(pids[i]);
	close_channel(&share.channel);
}

const struct workload workload_fanout = {
	.name = "fanout", .needs = CAN_STREAM | CAN_SHARE, .sizes = sizes_one,
	.parameters = counts, .run = run_fanout,
};
