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
 * A message that is claimed keeps its place, for most are not claimed for long. One that
 * stands in the way of who looks for the first at rest is put aside, once, so that it
 * does not matter how many receivers are stuck in their copies; given back, it is
 * inserted again, which passes by few.
 *
 * Lock: the mailbox's.
 */
#ifndef MSGPASS_QUEUE_H
#define MSGPASS_QUEUE_H

#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/msgpass.h>
#include <linux/types.h>

#include "message.h"

#define MSGPASS_PRIORITIES	(MSGPASS_PRIORITY_MAX + 1)

/**
 * struct msgpass_queue - messages in order
 * @place: which place of its messages it is
 * @occupied: bit p: there may be messages of priority p; who finds none clears it, so that
 *	whoever removes the last need not look
 * @of: of each priority, by id
 * @aside: claimed messages, in no order
 */
struct msgpass_queue {
	enum msgpass_place	place;
	u32			occupied;
	struct list_head	of[MSGPASS_PRIORITIES];
	struct list_head	aside;
};

void msgpass_queue_init(struct msgpass_queue *queue, enum msgpass_place place);

/* The rest of msgpass_queue_first(): the first is claimed. */
struct msgpass_message *msgpass_queue_clear(struct msgpass_queue *queue);

/* Of the highest priority, claimed or not, but for those aside; or NULL. */
static inline struct msgpass_message *msgpass_queue_head(struct msgpass_queue *queue)
{
	struct list_head *list;

	while (queue->occupied) {
		list = &queue->of[__fls(queue->occupied)];
		if (likely(!list_empty(list)))
			return list_first_entry(list, struct msgpass_message,
						node[queue->place]);
		queue->occupied &= ~BIT(list - queue->of);
	}
	return NULL;
}

/**
 * msgpass_queue_first() - the message to be received next
 * @queue: the queue
 *
 * Return: the first at rest, still in the queue, or NULL.
 */
static inline struct msgpass_message *msgpass_queue_first(struct msgpass_queue *queue)
{
	struct msgpass_message *message = msgpass_queue_head(queue);

	if (!message || likely(message->state == MSGPASS_QUEUED))
		return message;
	return msgpass_queue_clear(queue);
}

/**
 * msgpass_queue_any() - some message, claimed or not
 * @queue: the queue
 *
 * Return: the message, still in the queue, or NULL: there is none.
 */
static inline struct msgpass_message *msgpass_queue_any(struct msgpass_queue *queue)
{
	return msgpass_queue_head(queue) ?:
	       list_first_entry_or_null(&queue->aside, struct msgpass_message,
					node[queue->place]);
}

/* A message that may be older than others here. */
void msgpass_queue_insert(struct msgpass_queue *queue, struct msgpass_message *message);

/* One that was put aside is at rest again. */
void msgpass_queue_restore(struct msgpass_queue *queue, struct msgpass_message *message);

/**
 * msgpass_queue_add() - put a message in its place
 * @queue: the queue
 * @place: the queue's, which who calls this knows, so that it need not be read
 * @message: a message that is not in it
 * @newest: whether its id is the highest there has been: that saves a look
 */
static inline void msgpass_queue_add(struct msgpass_queue *queue, enum msgpass_place place,
				     struct msgpass_message *message, bool newest)
{
	if (!newest) {
		msgpass_queue_insert(queue, message);
		return;
	}
	queue->occupied |= BIT(message->priority);
	list_add_tail(&message->node[place], &queue->of[message->priority]);
}

static inline void msgpass_queue_remove(enum msgpass_place place,
					struct msgpass_message *message)
{
	list_del(&message->node[place]);
}

#endif /* MSGPASS_QUEUE_H */
