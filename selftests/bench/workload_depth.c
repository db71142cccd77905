// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether it matters how much there is: messages in the queue, messages of others
 * before the one that is wanted, other queues, queues that are watched.
 */
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench.h"
#include "workloads.h"

static const unsigned int depths[] = { 1, 10, 1000, 10000, 100000, LAST_PARAMETER };

static bool fits_depth(const struct item *item)
{
	return item->parameter >= (item->transport->batch ?: 1);
}

/* Fill it, and empty it. */
static void depth_batch(void *argument, unsigned int operations)
{
	struct channel *channel = argument;

	for (unsigned int i = 0; i < operations; i += channel->depth) {
		for (unsigned int n = 0; n < channel->depth; n += channel->batch)
			send_messages(channel, n, 0);
		for (unsigned int n = 0; n < channel->depth; n += channel->batch)
			receive_messages(channel, n);
	}
}

static void run_depth(const struct item *item)
{
	unsigned int depth = item->parameter, rounds = operations_of(item->size) / depth ?: 1;
	struct channel channel;
	const struct plan plan = {
		.batch = depth_batch, .argument = &channel,
		.operations = rounds * depth, .warm_up = rounds * depth,
		.batches = depth > 1000 ? 3 : 7,
	};

	pin(0);
	open_channel(&channel, item, depth);
	attach_channel(&channel);
	measure_and_report(item, &plan);
	close_channel(&channel);
}

const struct workload workload_depth = {
	.name = "depth", .needs = CAN_SELF | CAN_QUEUE, .sizes = sizes_one,
	.parameters = depths, .fits = fits_depth, .run = run_depth,
};

static const unsigned int others[] = { 0, 100, 1000, 10000, 100000, LAST_PARAMETER };

static void send_one(struct channel *channel, uint32_t number, pid_t sender)
{
	const struct transport *transport = channel->transport;

	write_stamp(channel->outgoing, channel->size, number, 0);
	if (transport->send_as)
		transport->send_as(channel, channel->outgoing, sender);
	else
		transport->send(channel, channel->outgoing);
}

/* Another process, whose messages nobody wants. */
static void be_other(void *argument)
{
	struct channel *channel = argument;

	for (uint32_t number = 0; number < channel->depth - 1; number++)
		send_one(channel, number, getpid());
	say_ready();
	pause();
}

/* A message of one's own, from behind them. */
static void selective_batch(void *argument, unsigned int operations)
{
	struct channel *channel = argument;
	pid_t self = getpid();

	for (unsigned int i = 0; i < operations; i++) {
		send_one(channel, channel->sent, self);
		if (unlikely(channel->transport->receive_from(channel, channel->incoming, self) !=
			     channel->size ||
			     !right_stamp(channel->incoming, channel->size, channel->sent)))
			die("%s: another message was received", channel->transport->name);
		channel->sent++;
	}
}

static void run_selective(const struct item *item)
{
	unsigned int operations = item->parameter < 10000 ? operations_of(item->size) : 40;
	struct channel channel;
	const struct plan plan = {
		.batch = selective_batch, .argument = &channel,
		.operations = operations, .warm_up = operations, .batches = 7,
	};
	pid_t pid;

	open_channel(&channel, item, item->parameter + 1);
	pin(0);
	attach_channel(&channel);
	pid = start_process(0, be_other, &channel);
	await_ready();
	measure_and_report(item, &plan);
	end_process(pid);
	close_channel(&channel);
}

const struct workload workload_selective = {
	.name = "selective", .needs = CAN_SELF | CAN_SELECT, .sizes = sizes_one,
	.parameters = others, .run = run_selective,
};

static const unsigned int queues[] = { 1, 100, 1000, 10000, LAST_PARAMETER };

/* To oneself through the last of them. */
static void run_mailboxes(const struct item *item)
{
	struct channel *channels = calloc(item->parameter, sizeof(*channels));
	unsigned int last = item->parameter - 1;

	MUST(channels);
	pin(0);
	for (unsigned int i = 0; i < last; i++)
		open_queue(&channels[i], item, 0);
	open_channel(&channels[last], item, 0);
	measure_self(item, &channels[last]);
	for (unsigned int i = 0; i < last; i++)
		close_queue(&channels[i]);
	close_channel(&channels[last]);
	free(channels);
}

const struct workload workload_mailboxes = {
	.name = "mailboxes", .needs = CAN_SELF | CAN_MANY, .sizes = sizes_one,
	.parameters = queues, .run = run_mailboxes,
};

static const unsigned int watched[] = { 1, 1000, LAST_PARAMETER };

static bool fits_epoll(const struct item *item)
{
	return item->parameter == 1 || item->transport->can & CAN_MANY;
}

struct watch {
	struct channel *channels;
	unsigned int count, next;
	int epoll;
};

/* Send to one, be told which, receive from it. */
static void epoll_batch(void *argument, unsigned int operations)
{
	struct watch *watch = argument;

	for (unsigned int i = 0; i < operations; i++) {
		struct channel *channel;
		struct epoll_event event;

		watch->next = (watch->next + 617) % watch->count;
		channel = &watch->channels[watch->next];
		send_messages(channel, channel->sent, 0);
		if (unlikely(epoll_wait(watch->epoll, &event, 1, -1) != 1 ||
			     event.data.u32 != watch->next))
			die("%s: epoll told of another", channel->transport->name);
		receive_messages(channel, channel->sent++);
	}
}

static void run_epoll(const struct item *item)
{
	unsigned int operations = operations_of(item->size);
	struct watch watch = { .count = item->parameter };
	const struct plan plan = {
		.batch = epoll_batch, .argument = &watch,
		.operations = operations, .warm_up = 2 * operations + watch.count, .batches = 7,
	};
	char *outgoing = new_buffer(item->size), *incoming = new_buffer(item->size);

	pin(0);
	watch.epoll = epoll_create1(EPOLL_CLOEXEC);
	watch.channels = calloc(watch.count, sizeof(*watch.channels));
	MUST(watch.epoll >= 0 && watch.channels);
	for (unsigned int i = 0; i < watch.count; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };

		open_queue(&watch.channels[i], item, 0);
		watch.channels[i].outgoing = outgoing;
		watch.channels[i].incoming = incoming;
		attach_channel(&watch.channels[i]);
		MUST(!epoll_ctl(watch.epoll, EPOLL_CTL_ADD, watch.channels[i].in, &event));
	}
	measure_and_report(item, &plan);
	for (unsigned int i = 0; i < watch.count; i++)
		close_queue(&watch.channels[i]);
	close(watch.epoll);
}

const struct workload workload_epoll = {
	.name = "epoll", .needs = CAN_SELF | CAN_POLL, .sizes = sizes_one,
	.parameters = watched, .fits = fits_epoll, .run = run_epoll,
};
