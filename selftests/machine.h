/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Machine: what the tests read of it, and change. It is everybody's: whoever changes
 * anything starts a guard first, which outlives the test and puts it back.
 */
#ifndef SELFTESTS_MACHINE_H
#define SELFTESTS_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A sysctl of kernel.msgpass.*; 0 if it is not there. */
unsigned long read_limit(const char *name);
bool write_limit(const char *name, unsigned long limit);

/*
 * A process that puts something of the machine back, by @undo, when it is told to
 * or when the test has died, by whatever way. Its exit code is 0.
 */
pid_t start_guard(void (*undo)(void));
int end_guard(pid_t guard);
/* One that puts back all sysctls that differ from what they are now. */
pid_t guard_limits(void);

/* What the calling thread has had of a CPU, in ns. */
uint64_t cpu_time(void);
/* Of that many times, which are sorted for it. */
uint64_t median_of(uint64_t *times, size_t count);

/* Run on that CPU only; return false, and go on anywhere, where it is away. */
bool pin(unsigned int cpu);

#endif /* SELFTESTS_MACHINE_H */
