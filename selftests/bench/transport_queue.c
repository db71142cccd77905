// SPDX-License-Identifier: GPL-2.0-only
/*
 * POSIX and System V message queues. The limits are those of an IPC namespace of
 * the program's own, where it may have one; the queues end with that.
 */
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <unistd.h>

#include "bench.h"
#include "transports.h"

static const char *prepare_mq(struct channel *channel)
{
	raise_limit("/proc/sys/fs/mqueue/queues_max", 32768);
	raise_limit("/proc/sys/fs/mqueue/msg_max", channel->depth);
	raise_limit("/proc/sys/fs/mqueue/msgsize_max", channel->size);
	return NULL;
}

static const char *open_mq(struct channel *channel)
{
	struct mq_attr attributes = {
		.mq_maxmsg = channel->depth ?: 10,
		.mq_msgsize = channel->size,
	};
	static unsigned int count;
	char name[64];

	if (channel->depth > 65536)
		return "a queue has at most 65536 messages";
	snprintf(name, sizeof(name), "/bench-%d-%u", getpid(), count++);
	channel->in = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
	if (channel->in < 0)
		return strerror(errno);
	mq_unlink(name);
	channel->out = channel->in;
	return NULL;
}

static void send_mq(struct channel *channel, char *data)
{
	if (unlikely(mq_send(channel->out, data, channel->size, 0)))
		die("posix-mq: send: %s", strerror(errno));
}

static size_t receive_mq(struct channel *channel, char *data)
{
	return mq_receive(channel->in, data, channel->size, NULL);
}

static const char *prepare_sysv(struct channel *channel)
{
	raise_limit("/proc/sys/kernel/msgmax", channel->size);
	raise_limit("/proc/sys/kernel/msgmnb", 16384);
	return NULL;
}

/* The kernel counts bytes, of all messages. */
static const char *open_sysv(struct channel *channel)
{
	struct msqid_ds ds;
	int queue = msgget(IPC_PRIVATE, 0600);

	if (queue < 0)
		return strerror(errno);
	channel->state = (void *)(intptr_t)queue;
	if (!channel->depth && channel->size <= 8192)
		return NULL;
	if (!msgctl(queue, IPC_STAT, &ds)) {
		ds.msg_qbytes = (channel->depth ?: 1) * channel->size;
		if (!msgctl(queue, IPC_SET, &ds))
			return NULL;
	}
	msgctl(queue, IPC_RMID, NULL);
	return "a queue may not have that many bytes";
}

static void close_sysv(struct channel *channel)
{
	MUST(!msgctl((intptr_t)channel->state, IPC_RMID, NULL));
}

/* The type stands before the message, as users of it lay it out. */
static void send_typed(struct channel *channel, char *data, pid_t sender)
{
	long *message = (long *)data - 1;

	*message = sender;
	if (unlikely(msgsnd((intptr_t)channel->state, message, channel->size, 0)))
		die("sysv-msg: send: %s", strerror(errno));
}

static void send_sysv(struct channel *channel, char *data)
{
	send_typed(channel, data, 1);
}

static size_t receive_typed(struct channel *channel, char *data, pid_t sender)
{
	return msgrcv((intptr_t)channel->state, (long *)data - 1, channel->size, sender, 0);
}

static size_t receive_sysv(struct channel *channel, char *data)
{
	return receive_typed(channel, data, 0);
}

const struct transport transport_posix_mq = {
	.name = "posix-mq",
	.can = CAN_MOST,
	.size_min = 1, .size_max = 16 << 20,
	.prepare = prepare_mq, .open = open_mq,
	.send = send_mq, .receive = receive_mq,
};

const struct transport transport_sysv_msg = {
	.name = "sysv-msg",
	.can = (CAN_MOST & ~CAN_POLL) | CAN_SELECT,
	.size_min = 1, .size_max = 1 << 30,
	.prepare = prepare_sysv, .open = open_sysv, .close = close_sysv,
	.send = send_sysv, .receive = receive_sysv,
	.send_as = send_typed, .receive_from = receive_typed,
};
