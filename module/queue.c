// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bitops.h>

#include "queue.h"

static struct msgpass_message *message_at(struct msgpass_queue *queue,
					  struct list_head *node)
{
	return list_entry(node - queue->place, struct msgpass_message, node[0]);
}

void msgpass_queue_init(struct msgpass_queue *queue, enum msgpass_place place)
{
	unsigned int i;

	queue->place = place;
	queue->occupied = 0;
	for (i = 0; i < MSGPASS_PRIORITIES; i++)
		INIT_LIST_HEAD(&queue->of[i]);
	INIT_LIST_HEAD(&queue->aside);
}

struct msgpass_message *msgpass_queue_clear(struct msgpass_queue *queue)
{
	struct msgpass_message *message;

	while ((message = msgpass_queue_head(queue)) && message->state != MSGPASS_QUEUED) {
		msgpass_queue_remove(queue->place, message);
		list_add_tail(&message->node[queue->place], &queue->aside);
		message->aside |= BIT(queue->place);
	}
	return message;
}

void msgpass_queue_insert(struct msgpass_queue *queue, struct msgpass_message *message)
{
	struct list_head *list = &queue->of[message->priority];
	struct list_head *earlier = list->prev, *later = list->next;

	/*
	 * From both ends: what was given back has few before it, and the copy of what was
	 * lent has few behind it, or few before it.
	 */
	while (earlier != list && message_at(queue, earlier)->id > message->id &&
	       later != list && message_at(queue, later)->id < message->id) {
		earlier = earlier->prev;
		later = later->next;
	}
	queue->occupied |= BIT(message->priority);
	if (earlier == list || message_at(queue, earlier)->id < message->id)
		list_add(&message->node[queue->place], earlier);
	else
		list_add_tail(&message->node[queue->place], later);
}

void msgpass_queue_restore(struct msgpass_queue *queue, struct msgpass_message *message)
{
	if (!(message->aside & BIT(queue->place)))
		return;
	message->aside &= ~BIT(queue->place);
	list_del(&message->node[queue->place]);
	msgpass_queue_insert(queue, message);
}
