// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench [--list] [--quick] [--mark] [--clock tsc|ns] [--cpus 1|2] [PATTERN...]
 *
 * PATTERN is WORKLOAD/TRANSPORT/SIZE/PARAMETER, each a pattern as of a shell;
 * what is left out at its end is any. A line per item comes on stdout, its fields
 * separated by tabs:
 *
 *	figure WORKLOAD TRANSPORT SIZE PARAMETER VALUE UNIT SPREAD [KEY=VALUE...]
 *	skip   WORKLOAD TRANSPORT SIZE PARAMETER REASON
 *	marked WORKLOAD TRANSPORT SIZE PARAMETER OPERATIONS
 *
 * VALUE is per operation. SPREAD is (most - least) / least of the batches, in per
 * cent. --mark has the one measured batch between two instructions that a plugin
 * of QEMU sees, and prints the number of its operations instead of its cost.
 */
#include <fnmatch.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "transports.h"
#include "workloads.h"

/* Seconds for an item: more, and it hangs. */
#define ITEM_MAX	600

const struct transport *const transports[] = {
	&transport_msgpass, &transport_msgpass_inbox, &transport_msgpass_sync,
	&transport_msgpass_spin,
	&transport_posix_mq, &transport_sysv_msg, &transport_pipe, &transport_pipe_packet,
	&transport_unix_stream, &transport_unix_seqpacket, &transport_unix_dgram,
	&transport_unix_mmsg, &transport_tipc, &transport_binder, &transport_eventfd,
	&transport_shm_futex,
	&transport_vmsplice, &transport_process_vm_readv,
	NULL
};

const struct workload *const workloads[] = {
	&workload_floor, &workload_self, &workload_pingpong, &workload_pingpong_busy,
	&workload_stream, &workload_stream_first,
	&workload_fanin, &workload_fanout, &workload_pairs,
	&workload_depth, &workload_selective, &workload_mailboxes, &workload_epoll,
	&workload_cgroup, &workload_first, &workload_create, &workload_memory,
	NULL
};

static bool listing, failed;
static char **patterns;
/* The item that runs, and whether there is to be no other. */
static pid_t running;
static int stopped;

/* The fields that a pattern has, compared with as many of the item's. */
static bool matches(const struct item *item, const char *pattern)
{
	char parameter[16] = "-", text[256];
	unsigned int fields = 1;

	for (const char *c = pattern; *c; c++)
		fields += *c == '/';
	if (item->parameter != NO_PARAMETER)
		snprintf(parameter, sizeof(parameter), "%u", item->parameter);
	snprintf(text, sizeof(text), "%s/%s/%zu/%s", item->workload->name, item->name,
		 item->size, parameter);
	for (char *c = text; *c; c++)
		if (*c == '/' && !--fields)
			*c = '\0';
	return !fnmatch(pattern, text, FNM_PATHNAME);
}

static bool wanted(const struct item *item)
{
	if (!*patterns)
		return true;
	for (char **pattern = patterns; *pattern; pattern++)
		if (matches(item, *pattern))
			return true;
	return false;
}

static void end_of_item(int signal)
{
	(void)signal;
	die("an item took too long");
}

/* What was raised is put back first. */
static void stop(int signal)
{
	pid_t pid = __atomic_load_n(&running, __ATOMIC_RELAXED);

	__atomic_store_n(&stopped, signal, __ATOMIC_RELAXED);
	if (pid)
		kill(pid, SIGKILL);
}

static void catch_ends(bool catch)
{
	const struct sigaction action = {
		.sa_handler = catch ? stop : SIG_DFL,
		.sa_flags = SA_RESTART,
	};

	sigaction(SIGHUP, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static noreturn void be_item(const struct item *item, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	catch_ends(false);
	item_process = getpid();
	if (getppid() != parent)
		_exit(1);
	signal(SIGALRM, end_of_item);
	alarm(ITEM_MAX);
	item->workload->run(item);
	exit(0);
}

/* In a process of its own, which leaves nothing behind however it ends. */
static void run_item(const struct item *item)
{
	pid_t parent = getpid(), pid;
	int status;

	fflush(stdout);
	pid = fork();
	MUST(pid >= 0);
	if (!pid)
		be_item(item, parent);
	__atomic_store_n(&running, pid, __ATOMIC_RELAXED);
	MUST(waitpid(pid, &status, 0) == pid);
	__atomic_store_n(&running, 0, __ATOMIC_RELAXED);
	restore_limits();
	if (__atomic_load_n(&stopped, __ATOMIC_RELAXED))
		exit(128 + stopped);
	if (!status)
		return;
	failed = true;
	fprintf(stderr, "bench: %s/%s/%zu: failed (%#x)\n", item->workload->name, item->name,
		item->size, status);
}

static void do_item(const struct item *item)
{
	if (!wanted(item))
		return;
	if (!listing) {
		run_item(item);
		return;
	}
	printf("%s\t%s\t%zu\t", item->workload->name, item->name, item->size);
	if (item->parameter == NO_PARAMETER)
		printf("-\n");
	else
		printf("%u\n", item->parameter);
}

static void do_parameters(struct item *item)
{
	const struct workload *workload = item->workload;

	item->parameter = NO_PARAMETER;
	if (!workload->parameters) {
		if (!workload->fits || workload->fits(item))
			do_item(item);
		return;
	}
	for (const unsigned int *p = workload->parameters; *p != LAST_PARAMETER; p++) {
		item->parameter = *p;
		if (!workload->fits || workload->fits(item))
			do_item(item);
	}
}

/* What carries one size only is measured with that. */
static void do_transport(struct item *item)
{
	const struct transport *transport = item->transport;

	item->name = transport->name;
	if (transport->size_min == transport->size_max) {
		item->size = transport->size_min;
		do_parameters(item);
		return;
	}
	for (const size_t *size = item->workload->sizes; *size; size++) {
		item->size = *size;
		if (*size >= transport->size_min && *size <= transport->size_max)
			do_parameters(item);
	}
}

static void do_workload(const struct workload *workload)
{
	struct item item = { .workload = workload };

	if (workload->operations) {
		for (const char *const *name = workload->operations; *name; name++) {
			item.name = *name;
			item.size = *workload->sizes;
			do_parameters(&item);
		}
		return;
	}
	for (const struct transport *const *t = transports; *t; t++) {
		item.transport = *t;
		if (((*t)->can & workload->needs) == workload->needs)
			do_transport(&item);
	}
}

static void usage(void)
{
	fprintf(stderr, "synopsis:\tbench [--list] [--quick] [--mark] [--clock tsc|ns]\n"
		"\t\t[--cpus 1|2] [WORKLOAD/TRANSPORT/SIZE/PARAMETER...]\n");
	exit(2);
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "list", no_argument, NULL, 'l' },
		{ "quick", no_argument, NULL, 'q' },
		{ "mark", no_argument, NULL, 'm' },
		{ "clock", required_argument, NULL, 'c' },
		{ "cpus", required_argument, NULL, 'n' },
		{ }
	};
	int option;

#if !HAS_TSC
	clock_ns = true;
#endif
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'l':
			listing = true;
			break;
		case 'q':
			quick = true;
			break;
		case 'm':
			marking = true;
			break;
		case 'c':
			if (strcmp(optarg, "ns") && (clock_ns || strcmp(optarg, "tsc")))
				usage();
			clock_ns = !strcmp(optarg, "ns");
			break;
		case 'n':
			cpus = strtoul(optarg, NULL, 10);
			if (cpus < 1 || cpus > 2)
				usage();
			break;
		default:
			usage();
		}
	}
	patterns = argv + optind;
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	/* Its names and limits end with the program. */
	if (!listing && unshare(CLONE_NEWIPC))
		fprintf(stderr, "bench: not privileged: some limits stay as they are\n");
	init_limits();
	raise_resources();
	catch_ends(true);
	for (const struct workload *const *workload = workloads; *workload; workload++)
		do_workload(*workload);
	return failed;
}
