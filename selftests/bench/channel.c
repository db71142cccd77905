// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"

static char pattern(size_t i)
{
	return 7 + 31 * i + (i >> 8);
}

/* Written to, so that its pages are there. */
char *new_buffers(size_t size, unsigned int count)
{
	char *memory = NULL;

	MUST(!posix_memalign((void **)&memory, 4096, 4096 + size * count));
	memset(memory, 0, 4096);
	for (unsigned int n = 0; n < count; n++)
		for (size_t i = 0; i < size; i++)
			memory[4096 + n * size + i] = pattern(i);
	return memory + 4096;
}

char *new_buffer(size_t size)
{
	return new_buffers(size, 1);
}

void free_buffer(char *buffer)
{
	free(buffer - 4096);
}

void open_queue(struct channel *channel, const struct item *item, unsigned int depth)
{
	const struct transport *transport = item->transport;
	const char *reason = NULL;

	memset(channel, 0, sizeof(*channel));
	channel->transport = transport;
	channel->size = item->size;
	channel->depth = depth;
	channel->batch = transport->batch ?: 1;
	/* Those of a batch do not lie behind each other, where one is copied with the next. */
	channel->stride = channel->batch > 1 ? channel->size + HEADROOM : 0;
	channel->in = -1;
	channel->out = -1;
	channel->receiver = getpid();
	if (transport->prepare)
		reason = transport->prepare(channel);
	reason = reason ?: transport->open(channel);
	if (reason)
		skip(item, reason);
}

void open_channel(struct channel *channel, const struct item *item, unsigned int depth)
{
	size_t others;

	open_queue(channel, item, depth);
	others = (channel->batch - 1) * channel->stride;
	channel->outgoing = new_buffer(channel->size + others);
	channel->incoming = new_buffer(channel->size + others);
	memset(channel->incoming, 0, channel->size + others);
	for (unsigned int i = 1; i < channel->batch; i++)
		memcpy(channel->outgoing + i * channel->stride, channel->outgoing, channel->size);
}

void close_queue(struct channel *channel)
{
	if (channel->transport->close)
		channel->transport->close(channel);
	if (channel->in >= 0)
		close(channel->in);
	if (channel->out >= 0 && channel->out != channel->in)
		close(channel->out);
}

void close_channel(struct channel *channel)
{
	close_queue(channel);
	free_buffer(channel->outgoing);
	free_buffer(channel->incoming);
}

void attach_channel(struct channel *channel)
{
	if (channel->transport->attach)
		channel->transport->attach(channel);
}

/* All but the stamp. */
void verify(struct channel *channel, const char *data)
{
	for (size_t i = sizeof(struct stamp); i < channel->size; i++)
		if (data[i] != pattern(i))
			die("%s: byte %zu of a message is wrong", channel->transport->name, i);
	channel->verified = true;
}

void wrong_message(struct channel *channel, const char *data, uint32_t number)
{
	struct stamp stamp = { };

	memcpy(&stamp, data, channel->size < sizeof(stamp) ? 1 : sizeof(stamp));
	die("%s: message %u came where %u was due", channel->transport->name, stamp.number, number);
}
