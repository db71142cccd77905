// SPDX-License-Identifier: GPL-2.0-only
/* Which places of the module's code a thread has reached, told by the kernel. */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kcov.h>

#include "fuzz.h"

#define DEVICE		"/sys/kernel/debug/kcov"
#define ENTRIES		(16 * 1024)	/* the first is the number of the others */

bool kcov_there(void)
{
	return !access(DEVICE, R_OK | W_OK);
}

void kcov_open(struct thread *thread)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	void *memory;

	if (fd < 0)
		return;
	if (ioctl(fd, KCOV_INIT_TRACE, ENTRIES)) {
		close(fd);
		return;
	}
	memory = mmap(NULL, ENTRIES * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) {
		close(fd);
		return;
	}
	thread->coverage = memory;
	thread->coverage_fd = fd;
}

void kcov_enable(struct thread *thread)
{
	if (thread->coverage && ioctl(thread->coverage_fd, KCOV_ENABLE, KCOV_TRACE_PC))
		thread->coverage = NULL;
}

void kcov_reset(struct thread *thread)
{
	if (thread->coverage)
		__atomic_store_n(&thread->coverage[0], 0, __ATOMIC_RELAXED);
}

/* A table that all share; who is killed in between leaves it whole. */
static bool is_new(uint32_t pc)
{
	uint32_t at = mix(pc) % PCS, seen;

	for (unsigned int i = 0; i < PCS / 2; i++, at = (at + 1) % PCS) {
		seen = 0;
		if (__atomic_compare_exchange_n(&board->pcs[at], &seen, pc, false,
						__ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
			__atomic_add_fetch(&board->pc_count, 1, __ATOMIC_RELAXED);
			return true;
		}
		if (seen == pc)
			return false;
	}
	return false;
}

unsigned int kcov_collect(struct thread *thread)
{
	unsigned int found = 0;
	uint64_t count;

	if (!thread->coverage)
		return 0;
	count = __atomic_load_n(&thread->coverage[0], __ATOMIC_RELAXED);
	/* The upper half is the same in all of the kernel's code. */
	for (uint64_t i = 1; i <= count && i < ENTRIES; i++)
		found += is_new((uint32_t)thread->coverage[i]);
	return found;
}
