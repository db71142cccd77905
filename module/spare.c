// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bits.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "limit.h"
#include "message.h"
#include "spare.h"

/* So long it may lie idle: a cgroup that is short of memory cannot ask for it. */
#define FREE_AFTER	HZ

/**
 * struct heap - what one CPU keeps
 * @lock: guards the rest
 * @bit: constant; of the users' keeps
 * @bytes: the memory that it takes; read without the lock
 * @first: of each kind, by next_spare
 */
struct heap {
	spinlock_t		lock;	/* of a CPU */
	unsigned int		bit;
	size_t			bytes;
	struct msgpass_message	*first[MSGPASS_MESSAGE_KINDS];
};

static DEFINE_PER_CPU(struct heap, heaps);
static DEFINE_MUTEX(free_lock);
static unsigned long times_freed;	/* free_lock */

static void free_now_and_then(struct work_struct *work);
static DECLARE_DELAYED_WORK(free_work, free_now_and_then);
static bool free_is_due;	/* the work is scheduled */

struct msgpass_message *msgpass_spare_take(struct msgpass_user *user, unsigned int kind)
{
	struct heap *heap = raw_cpu_ptr(&heaps);
	size_t bytes = msgpass_message_kind_bytes(kind);
	struct msgpass_message *message, *other = NULL;

	kind = array_index_nospec(kind, MSGPASS_MESSAGE_KINDS);
	if (!spin_trylock(&heap->lock))
		return NULL;
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

	if (room && !READ_ONCE(free_is_due) && !xchg(&free_is_due, true))
		schedule_delayed_work(&free_work, FREE_AFTER);
	return room;
}

/* Unlink what is kept of a user, or of all: NULL. Return the list. */
static struct msgpass_message *unlink_locked(struct heap *heap, struct msgpass_user *user)
{
	struct msgpass_message *unlinked = NULL, *message, **place;
	unsigned int kind;

	lockdep_assert_held(&heap->lock);

	for (kind = 0; kind < MSGPASS_MESSAGE_KINDS; kind++) {
		for (place = &heap->first[kind]; (message = *place);) {
			if (user && message->user != user) {
				place = &message->next_spare;
				continue;
			}
			*place = message->next_spare;
			message->next_spare = unlinked;
			unlinked = message;
			WRITE_ONCE(heap->bytes,
				   heap->bytes - msgpass_message_kind_bytes(kind));
		}
	}
	return unlinked;
}

/* Return whether there was anything. */
static bool free_heap(struct heap *heap, struct msgpass_user *user)
{
	struct msgpass_message *message, *next;
	bool any;

	spin_lock(&heap->lock);
	message = unlink_locked(heap, user);
	spin_unlock(&heap->lock);

	any = message;
	for (; message; message = next) {
		next = message->next_spare;
		msgpass_message_destroy(message);
		cond_resched();
	}
	return any;
}

unsigned long msgpass_spares_freed(void)
{
	/* Pairs with count_freed_locked(): who sees the count has what was freed. */
	return smp_load_acquire(&times_freed);
}

static unsigned long count_freed_locked(bool any)
{
	unsigned long times = times_freed + any;

	lockdep_assert_held(&free_lock);

	/* Pairs with msgpass_spares_freed(). */
	smp_store_release(&times_freed, times);
	return times;
}

unsigned long msgpass_spares_free(void)
{
	unsigned long times;
	bool any = false;
	struct heap *heap;
	int cpu;

	mutex_lock(&free_lock);
	for_each_possible_cpu(cpu) {
		heap = per_cpu_ptr(&heaps, cpu);
		/* Most have none, and their lines are others' to write to. */
		if (READ_ONCE(heap->bytes))
			any |= free_heap(heap, NULL);
	}
	times = count_freed_locked(any);
	mutex_unlock(&free_lock);
	return times;
}

unsigned long msgpass_spares_free_of(struct msgpass_user *user)
{
	unsigned long times, keeps;
	bool any = false;
	struct heap *heap;
	int cpu;

	mutex_lock(&free_lock);
	/* Who keeps a message after this sees it, under the lock of the heap. */
	keeps = xchg(&user->keeps, 0);
	if (keeps) {
		for_each_possible_cpu(cpu) {
			heap = per_cpu_ptr(&heaps, cpu);
			if (keeps & BIT(heap->bit))
				any |= free_heap(heap, user);
		}
	}
	times = count_freed_locked(any);
	mutex_unlock(&free_lock);
	return times;
}

static void free_now_and_then(struct work_struct *work)
{
	/* What is kept from here on is for the next time. */
	WRITE_ONCE(free_is_due, false);
	msgpass_spares_free();
	/* Of users for whom nothing else was left. */
	msgpass_user_sweep();
}

void *msgpass_zalloc(size_t size)
{
	unsigned long before = msgpass_spares_freed();
	void *memory = kzalloc(size, GFP_MSGPASS);

	if (memory || msgpass_spares_free() == before)
		return memory;
	return kzalloc(size, GFP_MSGPASS);
}

void msgpass_spare_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		spin_lock_init(&per_cpu_ptr(&heaps, cpu)->lock);
		per_cpu_ptr(&heaps, cpu)->bit = cpu % BITS_PER_LONG;
	}
}

void msgpass_spare_exit(void)
{
	cancel_delayed_work_sync(&free_work);
	msgpass_spares_free();
}
