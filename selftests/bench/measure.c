// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clocks, batches, processors, and the lines that are printed.
 *
 * Under QEMU's -icount shift=0 a tick of the processor's counter is an
 * instruction. The only noise then is the timer's tick, which the median of short
 * batches does not see.
 */
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

bool quick, marking, clock_ns;
unsigned int cpus = 1;
pid_t item_process;

uint64_t now(void)
{
	struct timespec time;

#if HAS_TSC
	if (!clock_ns)
		return __builtin_ia32_rdtsc();
#endif
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

/* Instructions that do nothing, for a plugin of the emulator to see. */
void marker_begin(void)
{
#if HAS_TSC
	if (marking)
		__asm__ volatile("xchg %%bx, %%bx" ::: "memory");
#endif
}

void marker_end(void)
{
#if HAS_TSC
	if (marking)
		__asm__ volatile("xchg %%cx, %%cx" ::: "memory");
#endif
}

void pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	MUST(!sched_setaffinity(0, sizeof(set), &set));
}

unsigned int cpus_online(void)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	return online < 1 ? 1 : online;
}

unsigned int cpu_of_partner(void)
{
	return cpus - 1;
}

static uint64_t switches(void)
{
	struct rusage usage;

	MUST(!getrusage(RUSAGE_SELF, &usage));
	return usage.ru_nvcsw + usage.ru_nivcsw;
}

unsigned int operations_of(size_t size)
{
	unsigned int operations = 400 / (1 + size / 4096);

	if (operations < 4)
		operations = 4;
	return clock_ns ? 4 * operations : operations;
}

/*
 * An object more in the kernel's most common sizes, for good. Where a queue's last
 * objects happen to be the last of two slabs, each message would take one from
 * the one and give one to the other, and the figure be a tenth higher by chance.
 */
static void shake(void)
{
	for (int i = 0; i < 3; i++)
		MUST(eventfd(0, EFD_CLOEXEC) >= 0);
}

/* One batch; add to the switches, return what it took. */
static uint64_t run_batch(const struct plan *plan, unsigned int operations, bool marked,
			  uint64_t *switched)
{
	uint64_t start, end;

	shake();
	if (plan->before)
		plan->before(plan->argument);
	*switched -= switches();
	start = now();
	if (marked)
		marker_begin();
	plan->batch(plan->argument, operations);
	if (marked)
		marker_end();
	end = now();
	*switched += switches();
	if (plan->after)
		plan->after(plan->argument);
	return end - start;
}

void measure(const struct plan *plan, struct figure *figure)
{
	unsigned int count = marking ? 1 : plan->batches;
	uint64_t switched = 0, ignored = 0;

	if (quick && count > 3)
		count = 3;
	memset(figure, 0, sizeof(*figure));
	figure->mean = plan->mean;
	figure->count = count;
	if (plan->warm_up)
		run_batch(plan, plan->warm_up, false, &ignored);
	for (unsigned int i = 0; i < count; i++)
		figure->batches[i] = (double)run_batch(plan, plan->operations, marking,
						       &switched) / plan->operations;
	figure->switches = (double)switched / plan->operations / count;
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static void print_item(const char *kind, const struct item *item)
{
	printf("%s\t%s\t%s\t%zu\t", kind, item->workload->name, item->name, item->size);
	if (item->parameter == NO_PARAMETER)
		printf("-");
	else
		printf("%u", item->parameter);
}

void report(const struct item *item, const struct plan *plan, const struct figure *figure)
{
	unsigned int count = figure->count;
	double sorted[ARRAY_LEN(figure->batches)], value = 0;

	if (marking) {
		print_item("marked", item);
		printf("\t%u\n", plan->operations);
		return;
	}
	memcpy(sorted, figure->batches, sizeof(sorted));
	qsort(sorted, count, sizeof(*sorted), compare);
	if (figure->mean) {
		for (unsigned int i = 0; i < count; i++)
			value += sorted[i] / count;
	} else {
		value = (sorted[count / 2] + sorted[(count - 1) / 2]) / 2;
	}
	print_item("figure", item);
	printf("\t%.1f\t%s\t%.2f", value, figure->unit ?: clock_ns ? "ns" : "ticks",
	       sorted[0] > 0 ? 100 * (sorted[count - 1] - sorted[0]) / sorted[0] : 0);
	if (figure->switches >= 0)
		printf("\tswitches=%.2f", figure->switches);
	if (figure->most > 0)
		printf("\tshare=%.2f..%.2f", figure->least, figure->most);
	printf("\n");
}

void measure_and_report(const struct item *item, const struct plan *plan)
{
	struct figure figure;

	measure(plan, &figure);
	report(item, plan, &figure);
}

void skip(const struct item *item, const char *reason)
{
	print_item("skip", item);
	printf("\t%s\n", reason);
	exit(0);
}

void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fprintf(stderr, "bench: ");
	vfprintf(stderr, format, arguments);
	fprintf(stderr, "\n");
	va_end(arguments);
	/* The process that measures may wait for this one. */
	if (item_process && getpid() != item_process)
		kill(item_process, SIGKILL);
	_exit(1);
}
