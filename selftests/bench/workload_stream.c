// SPDX-License-Identifier: GPL-2.0-only
/*
 * One way: a producer that sends as fast as it may, and a consumer that measures.
 *
 * What decides on one processor is how often a message makes it switch, and that
 * changes over the first thousands of messages. So the steady state is measured
 * after a long warm-up, and the beginning by itself.
 */
#include "bench.h"
#include "workloads.h"

#define WARM_UP		8000
#define FIRST		2400

static const size_t sizes_stream[] = { 64, 4096, 65536, 0 };
static const unsigned int depths[] = { 10, 1024, LAST_PARAMETER };

/* Without a queue there is no depth to vary; a queue of 64 MiB is not for all. */
static bool fits(const struct item *item)
{
	if (item->parameter == 10)
		return true;
	return item->transport->can & CAN_QUEUE && item->size <= 4096;
}

static void produce(void *argument)
{
	struct channel *channel = argument;

	say_ready();
	for (uint32_t number = 0;; number += channel->batch)
		send_messages(channel, number, 0);
}

static void consume_batch(void *argument, unsigned int operations)
{
	struct channel *channel = argument;

	for (unsigned int i = 0; i < operations; i += channel->batch) {
		receive_messages(channel, channel->received);
		channel->received += channel->batch;
	}
}

static pid_t start_stream(struct channel *channel, const struct item *item)
{
	pid_t pid;

	if (cpus > cpus_online())
		skip(item, "one processor only");
	open_channel(channel, item, item->parameter);
	pin(0);
	attach_channel(channel);
	pid = start_process(cpu_of_partner(), produce, channel);
	await_ready();
	return pid;
}

/* A whole number of times the queue, in each batch. */
static unsigned int stream_operations(const struct item *item)
{
	unsigned int operations = 8 * item->parameter;

	if (operations < 4000)
		operations = 4000;
	if (item->size > 4096)
		operations = 1000;
	return operations;
}

static void run_stream(const struct item *item)
{
	struct channel channel;
	const struct plan plan = {
		.batch = consume_batch, .argument = &channel,
		.operations = stream_operations(item),
		.warm_up = item->size > 4096 ? WARM_UP / 4 : WARM_UP,
		/* Small messages go now in one gait, now in another. */
		.batches = item->size > 64 ? 3 : 6, .mean = true,
	};
	pid_t pid = start_stream(&channel, item);

	measure_and_report(item, &plan);
	end_process(pid);
	close_channel(&channel);
}

/* Each batch is a new channel with a new producer. */
struct beginning {
	const struct item *item;
	struct channel channel;
	pid_t pid;
};

static void begin(void *argument)
{
	struct beginning *beginning = argument;

	beginning->pid = start_stream(&beginning->channel, beginning->item);
}

static void consume_first(void *argument, unsigned int operations)
{
	struct beginning *beginning = argument;

	consume_batch(&beginning->channel, operations);
}

static void finish(void *argument)
{
	struct beginning *beginning = argument;

	end_process(beginning->pid);
	close_channel(&beginning->channel);
}

static void run_first(const struct item *item)
{
	struct beginning beginning = { .item = item };
	const struct plan plan = {
		.before = begin, .batch = consume_first, .after = finish,
		.argument = &beginning,
		.operations = FIRST, .batches = 3, .mean = true,
	};

	measure_and_report(item, &plan);
}

const struct workload workload_stream = {
	.name = "stream", .needs = CAN_STREAM, .sizes = sizes_stream, .parameters = depths,
	.fits = fits, .run = run_stream,
};

const struct workload workload_stream_first = {
	.name = "stream-first", .needs = CAN_STREAM, .sizes = sizes_one, .parameters = depths,
	.fits = fits, .run = run_first,
};
