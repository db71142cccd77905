// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pairs with a processor and two queues of their own each, which go there and
 * back as fast as they can. The first is measured against the clock; the others
 * run on, and what they did meanwhile counts with it.
 */
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "workloads.h"

#define PAIRS_MAX	8
#define ROUNDS		2000

static const unsigned int pairs[] = { 1, 2, 4, 8, LAST_PARAMETER };

struct pair {
	struct channel there, back;
	unsigned int cpu;
	struct {
		uint32_t rounds;
		char pad[60];
	} *done;
	pid_t caller, answerer;
};

static void answer(void *argument)
{
	struct pair *pair = argument;

	attach_channel(&pair->there);
	say_ready();
	for (uint32_t number = 0;; number++) {
		receive_messages(&pair->there, number);
		send_messages(&pair->back, number, 0);
	}
}

static void call(struct pair *pair, unsigned int rounds)
{
	for (unsigned int i = 0; i < rounds; i++) {
		send_messages(&pair->there, pair->there.sent, 0);
		receive_messages(&pair->back, pair->there.sent++);
		__atomic_store_n(&pair->done[pair->cpu].rounds, pair->there.sent,
				 __ATOMIC_RELAXED);
	}
}

/* The process that calls starts its partner, which answers to it. */
static void start_answerer(struct pair *pair)
{
	pair->back.receiver = getpid();
	attach_channel(&pair->back);
	pair->answerer = start_process(pair->cpu, answer, pair);
	pair->there.receiver = pair->answerer;
	await_ready();
}

static void call_on(void *argument)
{
	struct pair *pair = argument;

	start_answerer(pair);
	call(pair, ROUNDS);
	say_ready();
	for (;;)
		call(pair, ROUNDS);
}

static uint64_t rounds_of(const struct pair *all, unsigned int count)
{
	uint64_t rounds = 0;

	for (unsigned int i = 0; i < count; i++)
		rounds += __atomic_load_n(&all->done[i].rounds, __ATOMIC_RELAXED);
	return rounds;
}

static void run_pairs(const struct item *item)
{
	unsigned int count = item->parameter;
	struct pair *all = calloc(PAIRS_MAX, sizeof(*all));
	struct figure figure = { .count = quick ? 3 : 7, .unit = "ns", .switches = -1 };
	const struct plan plan = { .operations = ROUNDS };

	MUST(all);
	if (marking)
		skip(item, "by the clock only");
	if (count > cpus_online())
		skip(item, "fewer processors");
	clock_ns = true;
	all[0].done = share_memory(PAIRS_MAX * sizeof(*all->done));
	for (unsigned int i = 0; i < count; i++) {
		all[i].done = all[0].done;
		all[i].cpu = i;
		open_channel(&all[i].there, item, 0);
		open_channel(&all[i].back, item, 0);
	}
	for (unsigned int i = 1; i < count; i++) {
		all[i].caller = start_process(i, call_on, &all[i]);
		await_ready();
	}
	pin(0);
	start_answerer(&all[0]);
	call(&all[0], ROUNDS);
	for (unsigned int i = 0; i < figure.count; i++) {
		uint64_t rounds = rounds_of(all, count), start = now();

		call(&all[0], ROUNDS);
		/* Of one pair: with twice the pairs it is the same, if nothing is shared. */
		figure.batches[i] = (double)count * (now() - start) /
				    (rounds_of(all, count) - rounds);
	}
	report(item, &plan, &figure);
	end_process(all[0].answerer);
	for (unsigned int i = 1; i < count; i++)
		end_process(all[i].caller);
}

const struct workload workload_pairs = {
	.name = "pairs", .needs = CAN_TURNS, .sizes = sizes_one, .parameters = pairs,
	.run = run_pairs,
};
