// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kconfig.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "limit.h"
#include "message.h"
#include "spare.h"

/*
 * How much one CPU keeps: enough for a mailbox of a thousand small messages that
 * is filled and emptied in turn. KASAN is to see every use after a free, so
 * under it each is one.
 */
#define KEPT_MAX	(IS_ENABLED(CONFIG_KASAN) ? 0 : SZ_256K)

/**
 * struct heap - what one CPU keeps
 * @lock: guards the rest
 * @bytes: the memory that it takes; read without the lock
 * @first: of each kind, by next_spare
 */
struct heap {
	spinlock_t		lock;	/* guards the rest */
	size_t			bytes;
	struct msgpass_message	*first[MSGPASS_MESSAGE_KINDS];
};

static DEFINE_PER_CPU(struct heap, heaps);

struct msgpass_message *msgpass_spare_take(struct msgpass_user *user, unsigned int kind)
{
	struct heap *heap = raw_cpu_ptr(&heaps);
	size_t bytes = msgpass_message_kind_bytes(kind);
	struct msgpass_message *message, *other = NULL;

	spin_lock(&heap->lock);
	message = heap->first[kind];
	if (message) {
		heap->first[kind] = message->next_spare;
		WRITE_ONCE(heap->bytes, heap->bytes - bytes);
		if (message->user != user || !msgpass_user_checked(user) ||
		    message->cgroup != msgpass_current_cgroup()) {
			other = message;
			message = NULL;
		}
	}
	spin_unlock(&heap->lock);

	/* In the way of those that are being sent here now. */
	if (unlikely(other))
		msgpass_message_destroy(other);
	return message;
}

bool msgpass_spare_keep(struct msgpass_message *message, unsigned int kind)
{
	struct heap *heap = raw_cpu_ptr(&heaps);
	size_t bytes = msgpass_message_kind_bytes(kind);
	bool room;

	spin_lock(&heap->lock);
	room = heap->bytes + bytes <= KEPT_MAX && msgpass_user_checked(message->user);
	if (room) {
		WRITE_ONCE(heap->bytes, heap->bytes + bytes);
		message->next_spare = heap->first[kind];
		heap->first[kind] = message;
	}
	spin_unlock(&heap->lock);
	return room;
}

/* Whether it had any. */
static bool free_heap(struct heap *heap)
{
	struct msgpass_message *first[MSGPASS_MESSAGE_KINDS];
	struct msgpass_message *message, *next;
	unsigned int kind;

	/* Most have none, and their lines are others' to write to. */
	if (!READ_ONCE(heap->bytes))
		return false;
	spin_lock(&heap->lock);
	memcpy(first, heap->first, sizeof(first));
	memset(heap->first, 0, sizeof(heap->first));
	WRITE_ONCE(heap->bytes, 0);
	spin_unlock(&heap->lock);

	for (kind = 0; kind < MSGPASS_MESSAGE_KINDS; kind++) {
		for (message = first[kind]; message; message = next) {
			next = message->next_spare;
			msgpass_message_destroy(message);
			cond_resched();
		}
	}
	return true;
}

bool msgpass_spares_free(void)
{
	bool any = false;
	int cpu;

	for_each_possible_cpu(cpu)
		any |= free_heap(per_cpu_ptr(&heaps, cpu));
	return any;
}

void msgpass_spare_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		spin_lock_init(&per_cpu_ptr(&heaps, cpu)->lock);
}
