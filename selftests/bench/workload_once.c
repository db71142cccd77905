// SPDX-License-Identifier: GPL-2.0-only
/*
 * What does not come with each message: the first one to a process, a queue that
 * is made and ended, and what a memory cgroup adds.
 */
#include <stdio.h>
#include <unistd.h>

#include "bench.h"
#include "workloads.h"

#define NEWCOMERS	16

struct newcomers {
	struct channel channel;
	pid_t pids[NEWCOMERS];
};

/* It has not heard of the device yet. */
static void be_new(void *argument)
{
	(void)argument;
	say_ready();
	pause();
}

static void start_newcomers(void *argument)
{
	struct newcomers *newcomers = argument;

	for (unsigned int i = 0; i < NEWCOMERS; i++) {
		newcomers->pids[i] = start_process(0, be_new, NULL);
		await_ready();
	}
}

static void first_batch(void *argument, unsigned int operations)
{
	struct newcomers *newcomers = argument;

	for (unsigned int i = 0; i < operations; i++) {
		newcomers->channel.receiver = newcomers->pids[i];
		send_messages(&newcomers->channel, i, 0);
	}
}

static void end_newcomers(void *argument)
{
	struct newcomers *newcomers = argument;

	for (unsigned int i = 0; i < NEWCOMERS; i++)
		end_process(newcomers->pids[i]);
}

static void run_first(const struct item *item)
{
	struct newcomers newcomers;
	const struct plan plan = {
		.before = start_newcomers, .batch = first_batch, .after = end_newcomers,
		.argument = &newcomers,
		.operations = NEWCOMERS, .warm_up = NEWCOMERS, .batches = 7,
	};

	pin(0);
	open_channel(&newcomers.channel, item, 0);
	measure_and_report(item, &plan);
	close_channel(&newcomers.channel);
}

const struct workload workload_first = {
	.name = "first", .needs = CAN_DIRECT, .sizes = sizes_one, .run = run_first,
};

static void create_batch(void *argument, unsigned int operations)
{
	struct channel *channel = argument;

	for (unsigned int i = 0; i < operations; i++) {
		const char *reason = channel->transport->open(channel);

		if (unlikely(reason))
			die("%s: %s", channel->transport->name, reason);
		close_queue(channel);
	}
}

static void run_create(const struct item *item)
{
	struct channel channel;
	const struct plan plan = {
		.batch = create_batch, .argument = &channel,
		/* So many that what is freed later, in the timer's tick, is in each batch. */
		.operations = 1000, .warm_up = 1000, .batches = 7, .mean = true,
	};

	pin(0);
	open_queue(&channel, item, 0);
	close_queue(&channel);
	measure_and_report(item, &plan);
}

/* A process has one inbox, which it does not make. */
static bool fits_create(const struct item *item)
{
	return !(item->transport->can & CAN_DIRECT);
}

const struct workload workload_create = {
	.name = "create", .needs = CAN_MANY, .sizes = sizes_one, .fits = fits_create,
	.run = run_create,
};

#define CGROUPS		"/sys/fs/cgroup"

/* Whether this process is in one now, two levels deep, as a service is. */
static bool enter_cgroup(void)
{
	char path[80];

	if (!file_says(CGROUPS "/cgroup.subtree_control", "memory") &&
	    !change_file(CGROUPS "/cgroup.subtree_control", "+memory", "-memory"))
		return false;
	snprintf(path, sizeof(path), CGROUPS "/bench-%d", getpid());
	if (!make_folder(path))
		return false;
	strcat(path, "/cgroup.subtree_control");
	if (!change_file(path, "+memory", "-memory"))
		return false;
	snprintf(path, sizeof(path), CGROUPS "/bench-%d/inner", getpid());
	if (!make_folder(path))
		return false;
	strcat(path, "/cgroup.procs");
	return change_file(path, "0", NULL);
}

static void run_cgroup(const struct item *item)
{
	struct channel channel;

	pin(0);
	if (!enter_cgroup())
		skip(item, "no memory cgroup for this user");
	open_channel(&channel, item, 0);
	attach_channel(&channel);
	measure_self(item, &channel);
	close_channel(&channel);
}

const struct workload workload_cgroup = {
	.name = "cgroup", .needs = CAN_SELF, .sizes = sizes_one, .run = run_cgroup,
};
