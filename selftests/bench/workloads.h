/* SPDX-License-Identifier: GPL-2.0-only */
/* All workloads, and what they share. */
#ifndef SELFTESTS_BENCH_WORKLOADS_H
#define SELFTESTS_BENCH_WORKLOADS_H

#include "bench.h"

extern const struct workload workload_floor, workload_self,
	workload_pingpong, workload_pingpong_busy, workload_stream, workload_stream_first,
	workload_fanin, workload_fanout, workload_pairs,
	workload_depth, workload_selective, workload_mailboxes, workload_epoll,
	workload_cgroup, workload_first, workload_create, workload_memory;

/* Sizes that workloads have in common. */
extern const size_t sizes_all[], sizes_none[], sizes_one[];

/* Send to oneself and receive: the argument of the batch is a struct channel. */
void self_batch(void *argument, unsigned int operations);
void measure_self(const struct item *item, struct channel *channel);

#endif /* SELFTESTS_BENCH_WORKLOADS_H */
