// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault injection while the module loads (P12): whatever allocation of it fails, it
 * does not load, says ENOMEM and leaves nothing, or it loads and works. What the
 * module's own beginning asks for comes last, after what the kernel needs for any
 * module: so the rounds go backwards, and end early where a kernel is slow.
 *
 * A kernel with all this has sysfs and debugfs files of each slab cache: most of
 * what fails is one of those. Last, and one by one, comes everything else.
 */
#include <fcntl.h>
#include <string.h>

#include "fault.h"
#include "loading.h"

#include <kselftest_harness.h>

/* More than a load asks for. */
#define NEVER		1000000
/* How long the rounds may take, and how many there are whatever they take. */
#define ENOUGH		(120 * SECOND)
#define ROUNDS_MIN	(2 * DENSE)
/* What it has besides caches, about; before, one of so many fails. */
#define DENSE		64
#define STRIDE		9

/* A cache or sysctl that fails comes with a stack, which is no complaint: see scripts/splats. */
static void mark_log(const char *when)
{
	FILE *log = fopen("/dev/kmsg", "we");

	if (log)
		fprintf(log, "<4>selftests: faults while loading: %s\n", when);
	if (log)
		fclose(log);
}

FIXTURE(fault_load)
{
	struct loading loading;
	struct fault fault;
};

FIXTURE_SETUP(fault_load)
{
	const char *lacking = fault_lacking() ?: loading_begin(&self->loading);

	if (lacking)
		SKIP(return, "%s", lacking);
	mark_log("begin");
}

FIXTURE_TEARDOWN(fault_load)
{
	mark_log("end");
	EXPECT_TRUE(loading_end(&self->loading));
}

static bool works(void)
{
	int device = open_device();
	bool received;

	if (device < 0)
		return false;
	received = !send_text_to(device, getpid(), "self") && next_is(device, "self");
	close(device);
	return received;
}

static bool unloads(void)
{
	return UNTIL(!unload_module()) && has_left_nothing();
}

/* How many allocations a load has, those that fail without harm among them. */
static unsigned int count_allocations(struct fault *fault)
{
	fault->nth = NEVER;
	return UNDER_FAULT(fault, load_module()) ? 0 : NEVER - fault->left;
}

TEST_F_TIMEOUT(fault_load, P12_140_without_memory_it_does_not_load_and_leaves_nothing, SLOW)
{
	uint64_t start = msgpass_deadline(0);
	struct fault *fault = &self->fault;
	unsigned int count, rounds = 0;
	int err;

	ASSERT_TRUE(unloads());
	count = count_allocations(fault);
	ASSERT_LT(ROUNDS_MIN, count);
	ASSERT_TRUE(unloads());
	for (fault->nth = count; fault->nth && fault->nth <= count; rounds++) {
		if (rounds >= ROUNDS_MIN && msgpass_deadline(0) - start > ENOUGH)
			break;
		err = UNDER_FAULT(fault, load_module());
		ASSERT_FALSE(fault->wrong);
		if (!err)
			ASSERT_TRUE(unloads());
		ASSERT_TRUE(has_left_nothing())
			TH_LOG("with fault %u", fault->nth);
		/* Loads differ a little: the second sweep meets what the first stepped over. */
		if (rounds == DENSE - 1)
			fault->nth = count;
		else
			fault->nth -= rounds < 2 * DENSE ? 1 : STRIDE;
		if (rounds % 32)
			continue;
		ASSERT_EQ(0, load_module());
		ASSERT_TRUE(works());
		ASSERT_TRUE(unloads());
	}
	TH_LOG("%u rounds, from the last of %u to number %d, in %u ms", rounds, count,
	       (int)fault->nth, in_ms(msgpass_deadline(0) - start));
	ASSERT_EQ(0, load_module());
	EXPECT_TRUE(works());
	EXPECT_TRUE(fault_seen(fault, FAULT_ALLOCATION));
	/* Hardly anything can be done without, but what kmemleak asks for to know of it. */
	EXPECT_LT(rounds / 4, fault->refused);
}

TEST_HARNESS_MAIN
