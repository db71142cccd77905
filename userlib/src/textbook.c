// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <msgpass.h>
#include <msgpass/textbook.h>

/* How often others may create or delete a mailbox just when we open it. */
#define OPEN_TRIES	100

struct message_queue {
	struct msgpass *object;	/* the endpoint, or the mailbox */
	bool direct;
	pid_t pid;		/* direct: of whom, or ANY_PROCESS */
};

static struct msgpass *open_or_create(const char *name, unsigned int capacity)
{
	const struct msgpass_attributes attributes = {
		.capacity	= capacity,
		.size_max	= MESSAGE_DATA_MAX,
		.mode		= 0600,
	};
	struct msgpass *mailbox;
	unsigned int tries;

	for (tries = 0; tries < OPEN_TRIES; tries++) {
		mailbox = msgpass_open(name, MSGPASS_ACCESS_BOTH);
		/* From another process's own mailbox one cannot receive. */
		if (!mailbox && errno == EPERM)
			mailbox = msgpass_open(name, MSGPASS_ACCESS_SEND);
		if (mailbox || errno != ENOENT)
			return mailbox;
		mailbox = msgpass_create(name, &attributes, MSGPASS_ACCESS_BOTH);
		if (mailbox || errno != EEXIST)
			return mailbox;
	}
	return NULL;
}

/* Allocated first: a mailbox just created must not stay behind for want of it. */
static struct message_queue *new_queue(bool direct, pid_t pid)
{
	struct message_queue *queue = malloc(sizeof(*queue));

	if (!queue)
		return NULL;
	queue->object = NULL;
	queue->direct = direct;
	queue->pid = pid;
	return queue;
}

static struct message_queue *with_object(struct message_queue *queue,
					 struct msgpass *object)
{
	if (!object) {
		close_queue(queue);
		return NULL;
	}
	queue->object = object;
	return queue;
}

struct message_queue *mailbox_queue(const char *name, unsigned int capacity)
{
	struct message_queue *queue = new_queue(false, 0);

	return queue ? with_object(queue, open_or_create(name, capacity)) : NULL;
}

struct message_queue *process_queue(pid_t pid)
{
	struct message_queue *queue;

	if (pid < 0) {
		errno = EINVAL;
		return NULL;
	}
	queue = new_queue(true, pid);
	return queue ? with_object(queue, msgpass_endpoint()) : NULL;
}

int delete_queue(struct message_queue *queue)
{
	return msgpass_delete(queue->object);
}

void close_queue(struct message_queue *queue)
{
	int saved = errno;

	if (!queue)
		return;
	msgpass_close(queue->object);
	free(queue);
	errno = saved;
}

static int send_message(const struct message_queue *queue,
			struct message *message, unsigned int flags)
{
	struct msgpass_send argument = {
		.flags	= flags,
		.data	= (uintptr_t)message->data,
		.size	= message->size,
		.to	= queue->pid,
	};

	if (queue->direct && queue->pid == ANY_PROCESS) {
		errno = EINVAL;
		return -1;
	}
	if (message->size > MESSAGE_DATA_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	if (msgpass_raw_send(msgpass_fd(queue->object), &argument))
		return -1;
	message->sender_pid = getpid();
	message->receiver_pid = queue->pid;
	message->message_id = argument.id;
	return 0;
}

int blocking_send(struct message_queue *queue, struct message *message)
{
	return send_message(queue, message, 0);
}

int nonblocking_send(struct message_queue *queue, struct message *message)
{
	return send_message(queue, message, MSGPASS_NONBLOCK);
}

static int receive_message(const struct message_queue *queue,
			   struct message *message, unsigned int flags)
{
	struct msgpass_info info;

	ssize_t size;

	if (queue->direct && queue->pid != ANY_PROCESS)
		size = msgpass_receive_from(queue->object, queue->pid, message->data,
					    MESSAGE_DATA_MAX, flags, &info);
	else
		size = msgpass_receive(queue->object, message->data,
				       MESSAGE_DATA_MAX, flags, &info);
	if (size < 0)
		return -1;
	message->sender_pid = info.sender_pid;
	message->receiver_pid = queue->direct ? getpid() : 0;
	message->message_id = info.id;
	message->size = info.size;
	return 0;
}

int blocking_receive(struct message_queue *queue, struct message *message)
{
	return receive_message(queue, message, 0);
}

int nonblocking_receive(struct message_queue *queue, struct message *message)
{
	return receive_message(queue, message, MSGPASS_NONBLOCK);
}
