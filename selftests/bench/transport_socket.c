// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets: AF_UNIX in its three kinds and with ten messages a call, and TIPC.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "transports.h"

/* What the kernel counts for a message in a socket's buffer. */
static size_t charge(size_t size)
{
	size_t data = 512;

	if (size > 7872)
		return size + size / 8 + 16384;
	while (data < size + 320)
		data *= 2;
	return data + 256;
}

/* The kernel takes twice what it is told. Without a depth, more than needed does no harm. */
static const char *set_room(struct channel *channel)
{
	size_t need = (channel->depth ?: channel->batch) * charge(channel->size);
	int half = need / 2, has;
	socklen_t length = sizeof(has);

	MUST(!getsockopt(channel->out, SOL_SOCKET, SO_SNDBUF, &has, &length));
	if (!channel->depth && (size_t)has >= need)
		return NULL;
	if (!setsockopt(channel->out, SOL_SOCKET, SO_SNDBUFFORCE, &half, sizeof(half)))
		return NULL;
	if (!setsockopt(channel->out, SOL_SOCKET, SO_SNDBUF, &half, sizeof(half)) &&
	    !getsockopt(channel->out, SOL_SOCKET, SO_SNDBUF, &has, &length) &&
	    (size_t)has >= need - 1)
		return NULL;
	return "a socket may not have that large a buffer";
}

static const char *open_pair(struct channel *channel, int domain, int type)
{
	int fds[2];

	if (socketpair(domain, type | SOCK_CLOEXEC, 0, fds))
		return strerror(errno);
	channel->in = fds[0];
	channel->out = fds[1];
	return NULL;
}

static const char *open_stream(struct channel *channel)
{
	return open_pair(channel, AF_UNIX, SOCK_STREAM) ?: set_room(channel);
}

static const char *open_seqpacket(struct channel *channel)
{
	return open_pair(channel, AF_UNIX, SOCK_SEQPACKET) ?: set_room(channel);
}

static const char *open_dgram(struct channel *channel)
{
	return open_pair(channel, AF_UNIX, SOCK_DGRAM) ?: set_room(channel);
}

static const char *open_tipc(struct channel *channel)
{
	return open_pair(channel, AF_TIPC, SOCK_SEQPACKET);
}

/* A stream takes less than all when a signal comes, and there is none. */
static void send_socket(struct channel *channel, char *data)
{
	if (unlikely(send(channel->out, data, channel->size, 0) != (ssize_t)channel->size))
		die("%s: %s", channel->transport->name, strerror(errno));
}

static size_t receive_bytes(struct channel *channel, char *data)
{
	return read_whole(channel->in, data, channel->size);
}

static size_t receive_packet(struct channel *channel, char *data)
{
	return recv(channel->in, data, channel->size, 0);
}

/* Made once; the buffers stay where they are. */
struct many {
	struct mmsghdr headers[BATCH_MAX];
	struct iovec parts[BATCH_MAX];
};

static const char *open_mmsg(struct channel *channel)
{
	channel->state = calloc(2, sizeof(struct many));
	MUST(channel->state);
	return open_dgram(channel);
}

static struct mmsghdr *fill(struct channel *channel, struct many *many, char *data)
{
	if (many->parts[0].iov_base == data)
		return many->headers;
	for (unsigned int i = 0; i < channel->batch; i++) {
		many->parts[i].iov_base = data + i * channel->stride;
		many->parts[i].iov_len = channel->size;
		many->headers[i].msg_hdr.msg_iov = &many->parts[i];
		many->headers[i].msg_hdr.msg_iovlen = 1;
	}
	return many->headers;
}

static void send_mmsg(struct channel *channel, char *data)
{
	struct mmsghdr *headers = fill(channel, channel->state, data);

	for (unsigned int done = 0; done < channel->batch;) {
		int sent = sendmmsg(channel->out, headers + done, channel->batch - done, 0);

		if (unlikely(sent <= 0))
			die("unix-mmsg: send: %s", strerror(errno));
		done += sent;
	}
}

/* Wait for the first message only, and take what is there. */
static size_t receive_mmsg(struct channel *channel, char *data)
{
	struct mmsghdr *headers = fill(channel, (struct many *)channel->state + 1, data);

	for (unsigned int done = 0; done < channel->batch;) {
		int got = recvmmsg(channel->in, headers + done, channel->batch - done,
				   MSG_WAITFORONE, NULL);

		if (unlikely(got <= 0))
			die("unix-mmsg: receive: %s", strerror(errno));
		for (int i = 0; i < got; i++)
			if (unlikely(headers[done + i].msg_len != channel->size))
				return headers[done + i].msg_len;
		done += got;
	}
	return channel->size;
}

static void close_mmsg(struct channel *channel)
{
	free(channel->state);
}

const struct transport transport_unix_stream = {
	.name = "unix-stream",
	.can = CAN_MOST & ~CAN_SHARE,
	.size_min = 1, .size_max = 1 << 30,
	.open = open_stream, .send = send_socket, .receive = receive_bytes,
};

const struct transport transport_unix_seqpacket = {
	.name = "unix-seqpacket",
	.can = CAN_MOST,
	.size_min = 1, .size_max = 1 << 30,
	.open = open_seqpacket, .send = send_socket, .receive = receive_packet,
};

const struct transport transport_unix_dgram = {
	.name = "unix-dgram",
	.can = CAN_MOST,
	.size_min = 1, .size_max = 1 << 30,
	.open = open_dgram, .send = send_socket, .receive = receive_packet,
};

/* A round trip is of one message; ten of them would be another thing. */
const struct transport transport_unix_mmsg = {
	.name = "unix-mmsg",
	.can = CAN_SELF | CAN_QUEUE | CAN_STREAM,
	.size_min = 1, .size_max = 65536,
	.batch = BATCH_MAX,
	.open = open_mmsg, .close = close_mmsg, .send = send_mmsg, .receive = receive_mmsg,
};

const struct transport transport_tipc = {
	.name = "tipc",
	.can = CAN_SELF | CAN_TURNS | CAN_STREAM | CAN_JOIN | CAN_SHARE | CAN_POLL | CAN_MANY,
	.size_min = 1, .size_max = 66000,
	.open = open_tipc, .send = send_socket, .receive = receive_packet,
};
