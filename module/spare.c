// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bits.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
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

DEFINE_PER_CPU(struct msgpass_heap, msgpass_heaps);
static DEFINE_MUTEX(free_lock);
static unsigned long times_freed;	/* free_lock */

static void free_now_and_then(struct work_struct *work);
static DECLARE_DELAYED_WORK(free_work, free_now_and_then);
bool msgpass_spare_free_is_due;

void msgpass_spare_free_soon(void)
{
	if (!xchg(&msgpass_spare_free_is_due, true))
		schedule_delayed_work(&free_work, FREE_AFTER);
}

/* Unlink what is kept of a user, or of all: NULL. Return the list. */
static struct msgpass_message *unlink_locked(struct msgpass_heap *heap, struct msgpass_user *user)
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
				   heap->bytes - msgpass_message_bytes(message, kind));
		}
	}
	return unlinked;
}

/* Return whether there was anything. */
static bool free_heap(struct msgpass_heap *heap, struct msgpass_user *user)
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
	struct msgpass_heap *heap;
	int cpu;

	mutex_lock(&free_lock);
	for_each_possible_cpu(cpu) {
		heap = per_cpu_ptr(&msgpass_heaps, cpu);
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
	struct msgpass_heap *heap;
	int cpu;

	mutex_lock(&free_lock);
	/* Who keeps a message after this sees it, under the lock of the heap. */
	keeps = xchg(&user->keeps, 0);
	if (keeps) {
		for_each_possible_cpu(cpu) {
			heap = per_cpu_ptr(&msgpass_heaps, cpu);
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
	WRITE_ONCE(msgpass_spare_free_is_due, false);
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
		spin_lock_init(&per_cpu_ptr(&msgpass_heaps, cpu)->lock);
		per_cpu_ptr(&msgpass_heaps, cpu)->bit = cpu % BITS_PER_LONG;
	}
}

void msgpass_spare_exit(void)
{
	cancel_delayed_work_sync(&free_work);
	msgpass_spares_free();
}
