// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shared memory: a ring of messages, a ring of addresses for process_vm_readv(2),
 * and a bare event. One sender and one receiver; who has to wait does so at a
 * futex. What a kernel cannot do better than, where nothing is protected.
 */
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bench.h"
#include "transports.h"

#define DEFAULT_BYTES	1048576

/*
 * Positions only grow. A side says that it waits, and looks again before it
 * sleeps; the other moves on, and then looks whether one waits. The writer is
 * woken when half of the ring is free, so that it does not come for each message.
 */
struct ring {
	uint32_t read, reader_waits;
	char pad[56];
	uint32_t written, writer_waits;
	char pad2[56];
	uint32_t count;
	char pad3[60];
	char slots[];
};

static void futex_wait(uint32_t *word, uint32_t value)
{
	syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static void futex_wake(uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void new_ring(struct channel *channel, uint32_t count, size_t size)
{
	struct ring *ring = share_memory(sizeof(*ring) + count * size);

	/* As the buffers, its pages are there. */
	memset(ring, 0, sizeof(*ring) + count * size);
	ring->count = count;
	channel->shared = ring;
}

/* Wait for a free slot; return which. */
static uint32_t await_free(struct ring *ring)
{
	uint32_t written = ring->written;

	for (;;) {
		uint32_t read = __atomic_load_n(&ring->read, __ATOMIC_ACQUIRE);

		if (written - read < ring->count)
			return written % ring->count;
		__atomic_store_n(&ring->writer_waits, 1, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&ring->read, __ATOMIC_SEQ_CST) == read)
			futex_wait(&ring->read, read);
	}
}

static void publish(struct ring *ring)
{
	__atomic_store_n(&ring->written, ring->written + 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&ring->reader_waits, __ATOMIC_SEQ_CST)) {
		ring->reader_waits = 0;
		futex_wake(&ring->written);
	}
}

/* Wait for a full slot; return which. */
static uint32_t await_full(struct ring *ring)
{
	uint32_t read = ring->read;

	while (__atomic_load_n(&ring->written, __ATOMIC_ACQUIRE) == read) {
		__atomic_store_n(&ring->reader_waits, 1, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&ring->written, __ATOMIC_SEQ_CST) == read)
			futex_wait(&ring->written, read);
	}
	return read % ring->count;
}

static void release(struct ring *ring)
{
	uint32_t read = ring->read + 1;

	__atomic_store_n(&ring->read, read, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&ring->writer_waits, __ATOMIC_SEQ_CST) &&
	    __atomic_load_n(&ring->written, __ATOMIC_RELAXED) - read <= ring->count / 2) {
		ring->writer_waits = 0;
		futex_wake(&ring->read);
	}
}

static const char *open_shm(struct channel *channel)
{
	uint32_t count = channel->depth ?: DEFAULT_BYTES / channel->size;

	new_ring(channel, count > 16 && !channel->depth ? 16 : count, channel->size);
	return NULL;
}

static void send_shm(struct channel *channel, char *data)
{
	struct ring *ring = channel->shared;

	memcpy(ring->slots + await_free(ring) * channel->size, data, channel->size);
	publish(ring);
}

static size_t receive_shm(struct channel *channel, char *data)
{
	struct ring *ring = channel->shared;

	memcpy(data, ring->slots + await_full(ring) * channel->size, channel->size);
	release(ring);
	return channel->size;
}

static void close_shm(struct channel *channel)
{
	struct ring *ring = channel->shared;

	munmap(ring, sizeof(*ring) + ring->count * channel->size);
}

/* Where a message is, in whose memory. */
struct place {
	char *data;
	pid_t pid;
};

/* One more than rest: the sender writes the next one while all others rest. */
struct places {
	char *buffers;
	unsigned int count, next;
	pid_t pid;
};

static const char *open_readv(struct channel *channel)
{
	struct places *places = calloc(1, sizeof(*places));
	uint32_t depth = channel->depth ?: 2;

	MUST(places);
	places->count = depth + 1;
	places->buffers = new_buffers(channel->size, places->count);
	channel->state = places;
	new_ring(channel, depth, sizeof(struct place));
	return NULL;
}

static char *buffer_readv(struct channel *channel)
{
	struct places *places = channel->state;

	if (++places->next == places->count)
		places->next = 0;
	return places->buffers + places->next * channel->size;
}

static void send_readv(struct channel *channel, char *data)
{
	struct places *places = channel->state;
	struct ring *ring = channel->shared;
	struct place *place = (struct place *)ring->slots + await_free(ring);

	if (unlikely(!places->pid))
		places->pid = getpid();
	place->pid = places->pid;
	place->data = data;
	publish(ring);
}

static size_t receive_readv(struct channel *channel, char *data)
{
	struct ring *ring = channel->shared;
	const struct place *place = (struct place *)ring->slots + await_full(ring);
	const struct iovec to = { .iov_base = data, .iov_len = channel->size };
	const struct iovec from = { .iov_base = place->data, .iov_len = channel->size };
	ssize_t got = process_vm_readv(place->pid, &to, 1, &from, 1, 0);

	release(ring);
	return got;
}

static void close_readv(struct channel *channel)
{
	struct places *places = channel->state;
	struct ring *ring = channel->shared;

	munmap(ring, sizeof(*ring) + ring->count * sizeof(struct place));
	free_buffer(places->buffers);
	free(places);
}

static const char *open_eventfd(struct channel *channel)
{
	channel->in = eventfd(0, EFD_CLOEXEC);
	channel->out = channel->in;
	return channel->in < 0 ? strerror(errno) : NULL;
}

/* A counter: the message is what it is raised by, which is not 0. */
static void send_eventfd(struct channel *channel, char *data)
{
	uint64_t value;

	memcpy(&value, data, sizeof(value));
	value++;
	if (unlikely(write(channel->out, &value, sizeof(value)) != sizeof(value)))
		die("eventfd: send: %s", strerror(errno));
}

static size_t receive_eventfd(struct channel *channel, char *data)
{
	uint64_t value;
	ssize_t got = read(channel->in, &value, sizeof(value));

	value--;
	memcpy(data, &value, sizeof(value));
	return got;
}

const struct transport transport_shm_futex = {
	.name = "shm-futex",
	.can = CAN_SELF | CAN_TURNS | CAN_QUEUE | CAN_STREAM,
	.size_min = 1, .size_max = 1 << 20,
	.open = open_shm, .close = close_shm, .send = send_shm, .receive = receive_shm,
};

const struct transport transport_process_vm_readv = {
	.name = "process-vm-readv",
	.can = CAN_SELF | CAN_TURNS | CAN_QUEUE | CAN_STREAM,
	.size_min = 1, .size_max = 1 << 20,
	.open = open_readv, .close = close_readv, .buffer = buffer_readv,
	.send = send_readv, .receive = receive_readv,
};

const struct transport transport_eventfd = {
	.name = "eventfd",
	.can = CAN_SELF | CAN_TURNS,
	.size_min = 8, .size_max = 8,
	.open = open_eventfd, .send = send_eventfd, .receive = receive_eventfd,
};
