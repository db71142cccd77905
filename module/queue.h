/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Queue: messages in the order they are received: by priority, and within one
 * by id, that is by arrival. A message is in two queues at once, that of its
 * mailbox and, sent directly, that of its sender's way to the receiver; so the
 * first of all and the first of one sender are found without a search.
 *
 * Owner: the mailbox or the way that it is a part of; its messages are not its
 * own.
 *
 * A message that is claimed keeps its place, where others pass it by: were it put back
 * later, its place would have to be searched for. There are never more of these than
 * receivers that are copying.
 *
 * Lock: the mailbox's.
 */
#ifndef MSGPASS_QUEUE_H
#define MSGPASS_QUEUE_H

#include <linux/bitops.h>
#include <linux/list.h>
#include <linux/msgpass.h>
#include <linux/types.h>

#include "message.h"

#define MSGPASS_PRIORITIES	(MSGPASS_PRIORITY_MAX + 1)

/**
 * struct msgpass_queue - messages in order
 * @place: which place of its messages it is
 * @occupied: bit p: there are messages of priority p
 * @of: of each priority, by id
 */
struct msgpass_queue {
	enum msgpass_place	place;
	u32			occupied;
	struct list_head	of[MSGPASS_PRIORITIES];
};

void msgpass_queue_init(struct msgpass_queue *queue, enum msgpass_place place);

/**
 * msgpass_queue_first() - the message to be received next
 * @queue: the queue
 *
 * Passes by those that are claimed.
 *
 * Return: the message, still in the queue, or NULL.
 */
static inline struct msgpass_message *msgpass_queue_first(struct msgpass_queue *queue)
{
	u32 occupied = queue->occupied;
	struct msgpass_message *message;
	unsigned int priority;

	for (; occupied; occupied &= ~BIT(priority)) {
		priority = fls(occupied) - 1;
		list_for_each_entry(message, &queue->of[priority], node[queue->place])
			if (message->state == MSGPASS_QUEUED)
				return message;
	}
	return NULL;
}

/* The first, claimed or not, or NULL. */
static inline struct msgpass_message *msgpass_queue_head(struct msgpass_queue *queue)
{
	unsigned int priority = fls(queue->occupied);

	return !priority ? NULL :
	       list_first_entry(&queue->of[priority - 1], struct msgpass_message,
				node[queue->place]);
}

/* A message that is older than others here: the copy of one that was lent. */
void msgpass_queue_put_back(struct msgpass_queue *queue, struct msgpass_message *message);

/**
 * msgpass_queue_add() - put a message in its place
 * @queue: the queue
 * @message: a message that is not in it
 * @newest: whether its id is the highest there has been: that saves a look
 */
static inline void msgpass_queue_add(struct msgpass_queue *queue,
				     struct msgpass_message *message, bool newest)
{
	if (!newest) {
		msgpass_queue_put_back(queue, message);
		return;
	}
	queue->occupied |= BIT(message->priority);
	list_add_tail(&message->node[queue->place], &queue->of[message->priority]);
}

static inline void msgpass_queue_remove(struct msgpass_queue *queue,
					struct msgpass_message *message)
{
	list_del(&message->node[queue->place]);
	if (list_empty(&queue->of[message->priority]))
		queue->occupied &= ~BIT(message->priority);
}

#endif /* MSGPASS_QUEUE_H */
