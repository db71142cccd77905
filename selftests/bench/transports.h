/* SPDX-License-Identifier: GPL-2.0-only */
/* All transports: each file defines one or a few. */
#ifndef SELFTESTS_BENCH_TRANSPORTS_H
#define SELFTESTS_BENCH_TRANSPORTS_H

#include <unistd.h>

#include "bench.h"

/* A message from where only bytes come. */
static inline size_t read_whole(int fd, char *data, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t got = read(fd, data + done, size - done);

		if (unlikely(got <= 0))
			die("receive: %s", got ? strerror(errno) : "the other end is gone");
		done += got;
	}
	return done;
}

extern const struct transport transport_msgpass, transport_msgpass_inbox,
	transport_msgpass_sync, transport_msgpass_spin,
	transport_posix_mq, transport_sysv_msg, transport_pipe,
	transport_pipe_packet, transport_unix_stream, transport_unix_seqpacket,
	transport_unix_dgram, transport_unix_mmsg, transport_tipc, transport_eventfd,
	transport_shm_futex, transport_vmsplice, transport_process_vm_readv, transport_binder;

#endif /* SELFTESTS_BENCH_TRANSPORTS_H */
