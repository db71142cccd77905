// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pipes: as bytes, and as packets, each of which has pages of its own.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bench.h"
#include "transports.h"

/* What a pipe has by itself. */
#define DEFAULT_BYTES	65536

static const char *open_pipe_flags(struct channel *channel, int flags, size_t bytes)
{
	int fds[2];

	if (pipe2(fds, flags))
		return strerror(errno);
	channel->in = fds[0];
	channel->out = fds[1];
	if ((channel->depth || bytes > DEFAULT_BYTES) &&
	    fcntl(fds[1], F_SETPIPE_SZ, (int)bytes) < 0)
		return "a pipe may not be that large";
	return NULL;
}

static const char *open_bytes(struct channel *channel)
{
	return open_pipe_flags(channel, 0, (channel->depth ?: 1) * channel->size);
}

static const char *open_packets(struct channel *channel)
{
	return open_pipe_flags(channel, O_DIRECT, channel->depth * 4096UL);
}

/*
 * Pages of the sender, given away as they are: it must not write there again
 * until they have been read. So there are more buffers than fit into the pipe.
 */
struct pages {
	char *buffers;
	unsigned int count, next;
};

static const char *open_vmsplice(struct channel *channel)
{
	const char *reason = open_bytes(channel);
	struct pages *pages;

	if (reason)
		return reason;
	pages = calloc(1, sizeof(*pages));
	MUST(pages);
	pages->count = fcntl(channel->out, F_GETPIPE_SZ) / channel->size + 2;
	pages->buffers = new_buffers(channel->size, pages->count);
	channel->state = pages;
	return NULL;
}

static char *buffer_vmsplice(struct channel *channel)
{
	struct pages *pages = channel->state;

	if (++pages->next == pages->count)
		pages->next = 0;
	return pages->buffers + pages->next * channel->size;
}

static void send_vmsplice(struct channel *channel, char *data)
{
	struct iovec part = { .iov_base = data, .iov_len = channel->size };

	while (part.iov_len) {
		ssize_t given = vmsplice(channel->out, &part, 1, 0);

		if (unlikely(given <= 0))
			die("vmsplice: send: %s", strerror(errno));
		part.iov_base = (char *)part.iov_base + given;
		part.iov_len -= given;
	}
}

static void close_vmsplice(struct channel *channel)
{
	struct pages *pages = channel->state;

	free_buffer(pages->buffers);
	free(pages);
}

static void send_pipe(struct channel *channel, char *data)
{
	if (unlikely(write(channel->out, data, channel->size) != (ssize_t)channel->size))
		die("pipe: send: %s", strerror(errno));
}

static size_t receive_bytes(struct channel *channel, char *data)
{
	return read_whole(channel->in, data, channel->size);
}

static size_t receive_packet(struct channel *channel, char *data)
{
	return read(channel->in, data, channel->size);
}

/* A receiver of bytes cannot know where a message of several writes begins. */
const struct transport transport_pipe = {
	.name = "pipe",
	.can = CAN_MOST & ~CAN_SHARE,
	.size_min = 1, .size_max = 1 << 30,
	.open = open_bytes,
	.send = send_pipe, .receive = receive_bytes,
};

const struct transport transport_pipe_packet = {
	.name = "pipe-packet",
	.can = CAN_MOST,
	.size_min = 1, .size_max = 4096,
	.open = open_packets,
	.send = send_pipe, .receive = receive_packet,
};

const struct transport transport_vmsplice = {
	.name = "vmsplice",
	.can = CAN_SELF | CAN_TURNS | CAN_QUEUE | CAN_STREAM,
	.size_min = 4096, .size_max = 1 << 20,
	.open = open_vmsplice, .buffer = buffer_vmsplice, .close = close_vmsplice,
	.send = send_vmsplice, .receive = receive_bytes,
};
