/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Spare: messages that were received, kept for those that are sent next.
 *
 * To allocate a message, have it zeroed, charge it to a cgroup and a user, and undo
 * all that at receipt takes longer than the rest of a send and a receive. So a
 * message that is freed goes, charged as it is, back on the heap of the CPU that it was
 * sent from and of its kind, wherever it was received; a sender of the same user and in
 * the same memory cgroup takes it from there. What is kept is thereby counted as that
 * user's and that cgroup's, as if it were queued. But where the user's quota would refuse
 * something, what is kept of that user is freed first, and where there is no memory, all
 * that is kept; so nobody is refused for what is kept, and who is refused again and again
 * takes nothing from others. A limit that was lowered since counts from the next message
 * on (msgpass_user_checked()).
 *
 * How much one CPU keeps, the sysctl kept_bytes_max says: enough for a mailbox of
 * thousands of small messages, or of ten of 64 KiB, that is filled and emptied in turn.
 *
 * Owner: the heap; with a message that is taken goes the ownership. What is kept
 * is freed every now and then, a second after it began; when any process that uses
 * the module ends; and with the module. So long it refers to the struct pid of its last
 * sender, and that to its PID namespace, even if both have ended.
 *
 * Lock: each heap has its own, inside which no other is taken; messages are kept and
 * taken only where it is free, so nobody waits for a task that was preempted with
 * it. Those who free take one after the other, inside a mutex, so that who comes
 * second finds it done.
 */
#ifndef MSGPASS_SPARE_H
#define MSGPASS_SPARE_H

#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "limit.h"
#include "message.h"

/**
 * struct msgpass_heap - what one CPU keeps
 * @lock: guards the rest
 * @bit: constant; of the users' keeps
 * @bytes: the memory that it takes; read without the lock
 * @first: of each kind, by next_spare
 */
struct msgpass_heap {
	spinlock_t		lock;	/* of a CPU */
	unsigned int		bit;
	size_t			bytes;
	struct msgpass_message	*first[MSGPASS_MESSAGE_KINDS];
};

DECLARE_PER_CPU(struct msgpass_heap, msgpass_heaps);

extern bool msgpass_spare_free_is_due;	/* the work that frees is scheduled */

/* Schedule it, if it is not. */
void msgpass_spare_free_soon(void);

/**
 * msgpass_spare_take() - take a message that is kept
 * @user: who sends
 * @kind: of which kind, by size: message.h; worth being a constant for the smallest
 *
 * Return: a message as it was when it was kept, or NULL.
 */
static __always_inline struct msgpass_message *
msgpass_spare_take(struct msgpass_user *user, unsigned int kind)
{
	struct msgpass_heap *heap = raw_cpu_ptr(&msgpass_heaps);
	struct msgpass_message *message, *other = NULL;

	if (!spin_trylock(&heap->lock))
		return NULL;
	message = heap->first[kind];
	if (message) {
		heap->first[kind] = message->next_spare;
		WRITE_ONCE(heap->bytes, heap->bytes - msgpass_message_bytes(message, kind));
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

/**
 * msgpass_spare_keep() - keep a message
 * @message: in no mailbox, and in nobody's hands
 * @kind: of which kind; worth being a constant for the smallest
 *
 * Return: whether it is kept; if not it is still the caller's.
 */
static __always_inline bool msgpass_spare_keep(struct msgpass_message *message,
					       unsigned int kind)
{
	struct msgpass_heap *heap = per_cpu_ptr(&msgpass_heaps, message->home);
	size_t bytes = msgpass_message_bytes(message, kind);
	bool room;

	/* What is to be wiped is to be freed. */
	if (want_init_on_free() || !msgpass_user_checked(message->user) ||
	    !spin_trylock(&heap->lock))
		return false;
	/* A large one leaves room for smaller ones. */
	room = heap->bytes + 4 * bytes <= READ_ONCE(msgpass_kept_bytes_max);
	if (room) {
		/* Written once, for its line is read with every message. */
		if (!(READ_ONCE(message->user->keeps) & BIT(heap->bit)))
			set_bit(heap->bit, &message->user->keeps);
		WRITE_ONCE(heap->bytes, heap->bytes + bytes);
		message->next_spare = heap->first[kind];
		heap->first[kind] = message;
	}
	spin_unlock(&heap->lock);

	if (room && !READ_ONCE(msgpass_spare_free_is_due))
		msgpass_spare_free_soon();
	return room;
}

/*
 * How often something was freed. Who is refused frees what is kept, and tries again
 * if that, or another's doing so meanwhile, has changed this.
 */
unsigned long msgpass_spares_freed(void);

/* Free all that is kept. Sleeps. Return: msgpass_spares_freed(). */
unsigned long msgpass_spares_free(void);

/* Free what is kept of a user: cheap where that is nothing, and no other loses anything. */
unsigned long msgpass_spares_free_of(struct msgpass_user *user);

/**
 * msgpass_zalloc() - allocate an object of the module
 * @size: its size
 *
 * Sleeps. Return: zeroed memory, charged to the caller's cgroup, or NULL where there
 * is none although all that was kept has been freed.
 */
void *msgpass_zalloc(size_t size);

void msgpass_spare_init(void);
void msgpass_spare_exit(void);

#endif /* MSGPASS_SPARE_H */
