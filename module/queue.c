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
}

void msgpass_queue_put_back(struct msgpass_queue *queue, struct msgpass_message *message)
{
	struct list_head *list = &queue->of[message->priority];
	struct list_head *later;

	queue->occupied |= BIT(message->priority);
	/*
	 * What it is the copy of was handed over, so only what is claimed, or given back
	 * again, can be ahead of it.
	 */
	list_for_each(later, list)
		if (message_at(queue, later)->id > message->id)
			break;
	list_add_tail(&message->node[queue->place], later);
}
