// SPDX-License-Identifier: GPL-2.0-only
/*
 * msgpass, by the library's raw layer: through a mailbox, by rendezvous, and
 * directly to a process.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "transports.h"

/* Also the inbox's; of whichever process uses it. */
static int device = -1;

static const char *prepare(struct channel *channel)
{
	if (device < 0)
		device = open(MSGPASS_DEVICE, O_RDWR | O_CLOEXEC);
	if (device < 0)
		return "msgpass is not loaded";
	raise_limit("/proc/sys/kernel/msgpass/user_mailboxes_max", 20000);
	if (channel->size > 16 << 20)
		raise_limit("/proc/sys/kernel/msgpass/message_size_max", channel->size);
	return NULL;
}

/* As long as it may, for emulated processors: kernel.msgpass.spin_us in msgpass(4). */
static const char *prepare_spin(struct channel *channel)
{
	const char *why = prepare(channel);

	if (why)
		return why;
	return raise_limit("/proc/sys/kernel/msgpass/spin_us", 1000) ? NULL : strerror(errno);
}

/* Without a name, so that it ends with its descriptors. */
static const char *open_capacity(struct channel *channel, unsigned int capacity)
{
	static unsigned int count;
	char name[64];
	const struct msgpass_create create = {
		.access = MSGPASS_ACCESS_BOTH,
		.name = (uintptr_t)name,
		.capacity = capacity,
		.size_max = channel->size,
		.mode = 0600,
	};
	const struct msgpass_unlink unlink = { .name = (uintptr_t)name };

	snprintf(name, sizeof(name), "bench-%d-%u", getpid(), count++);
	channel->in = msgpass_raw_create(device, &create);
	if (channel->in < 0)
		return strerror(errno);
	MUST(!msgpass_raw_unlink(device, &unlink));
	channel->out = channel->in;
	return NULL;
}

static const char *open_mailbox(struct channel *channel)
{
	return open_capacity(channel, channel->depth ?: 10);
}

static const char *open_rendezvous(struct channel *channel)
{
	return open_capacity(channel, 0);
}

/* What a producer has sent that was ended since is there still. */
static void empty_inbox(const struct channel *channel)
{
	struct msgpass_receive receive = {
		.buffer_size = channel->size, .flags = MSGPASS_NONBLOCK,
	};
	char *data = malloc(channel->size);

	MUST(data);
	receive.buffer = (uintptr_t)data;
	while (!msgpass_raw_receive(device, &receive))
		;
	if (errno != EAGAIN)
		die("msgpass-inbox: what is left there: %s", strerror(errno));
	free(data);
}

static const char *open_inbox(struct channel *channel)
{
	empty_inbox(channel);
	channel->in = dup(device);
	channel->out = channel->in;
	return channel->in < 0 ? strerror(errno) : NULL;
}

/* The inbox of a process is made by its own hand. */
static void attach_inbox(struct channel *channel)
{
	const struct msgpass_set set = {
		.flags = MSGPASS_SET_CAPACITY,
		.capacity = channel->depth,
	};

	if (channel->depth)
		MUST(!msgpass_raw_set(device, &set));
}

static void send_mailbox(struct channel *channel, char *data)
{
	channel->send.data = (uintptr_t)data;
	channel->send.size = channel->size;
	if (unlikely(msgpass_raw_send(channel->out, &channel->send)))
		die("msgpass: send: %s", strerror(errno));
}

static void send_inbox(struct channel *channel, char *data)
{
	channel->send.to = channel->receiver;
	send_mailbox(channel, data);
}

static size_t receive_mailbox(struct channel *channel, char *data)
{
	channel->receive.buffer = (uintptr_t)data;
	channel->receive.buffer_size = channel->size;
	if (unlikely(msgpass_raw_receive(channel->in, &channel->receive)))
		die("%s: %s", channel->transport->name, strerror(errno));
	return channel->receive.size;
}

static size_t receive_from(struct channel *channel, char *data, pid_t sender)
{
	channel->receive.from = sender;
	return receive_mailbox(channel, data);
}

const struct transport transport_msgpass = {
	.name = "msgpass",
	.can = CAN_MOST,
	.size_min = 1, .size_max = 1 << 30,
	.prepare = prepare, .open = open_mailbox,
	.send = send_mailbox, .receive = receive_mailbox,
};

const struct transport transport_msgpass_inbox = {
	.name = "msgpass-inbox",
	.can = (CAN_MOST & ~(CAN_SHARE | CAN_MANY)) | CAN_SELECT | CAN_DIRECT,
	.size_min = 1, .size_max = 1 << 30,
	.prepare = prepare, .open = open_inbox, .attach = attach_inbox,
	.send = send_inbox, .receive = receive_mailbox, .receive_from = receive_from,
};

const struct transport transport_msgpass_spin = {
	.name = "msgpass-spin",
	.can = CAN_TURNS,
	.size_min = 1, .size_max = 1 << 30,
	.prepare = prepare_spin, .open = open_mailbox,
	.send = send_mailbox, .receive = receive_mailbox,
};

const struct transport transport_msgpass_sync = {
	.name = "msgpass-sync",
	.can = CAN_TURNS | CAN_STREAM | CAN_JOIN | CAN_SHARE,
	.size_min = 1, .size_max = 1 << 30,
	.prepare = prepare, .open = open_rendezvous,
	.send = send_mailbox, .receive = receive_mailbox,
};
