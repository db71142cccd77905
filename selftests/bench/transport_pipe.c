// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pipes: as bytes, and as packets, each of which has pages of its own.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "bench.h"
#include "transports.h"

static const char *open_pipe_flags(struct channel *channel, int flags, size_t bytes)
{
	int fds[2];

	if (pipe2(fds, flags))
		return strerror(errno);
	channel->in = fds[0];
	channel->out = fds[1];
	if (channel->depth && fcntl(fds[1], F_SETPIPE_SZ, (int)bytes) < 0)
		return "a pipe may not be that large";
	return NULL;
}

static const char *open_bytes(struct channel *channel)
{
	return open_pipe_flags(channel, 0, channel->depth * channel->size);
}

static const char *open_packets(struct channel *channel)
{
	return open_pipe_flags(channel, O_DIRECT, channel->depth * 4096UL);
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
