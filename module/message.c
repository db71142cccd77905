// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "lent.h"
#include "limit.h"
#include "message.h"
#include "small.h"
#include "spare.h"

static_assert(CONFIG_NR_CPUS <= U16_MAX);	/* message.home */

#define CACHED_MIN	BIT(MSGPASS_CACHED_SHIFT)
#define KIND_MAX	BIT(MSGPASS_KIND_SHIFT)

/* How much is copied before somebody else may run, and SIGKILL is looked for. */
#define PIECE		SZ_1M

static struct kmem_cache *message_cache;
static struct kmem_cache *payload_caches[MSGPASS_CACHES];

/* Of a payload that does not lie in the object; MSGPASS_MESSAGE_KINDS where it is of none. */
static inline unsigned int larger_kind(u32 size)
{
	if (size > KIND_MAX)
		return MSGPASS_MESSAGE_KINDS;
	return ilog2((size - 1) | (CACHED_MIN - 1)) + 2 - MSGPASS_CACHED_SHIFT;
}

/* What is allocated for a payload, beside the object. */
static u32 room_for(u32 size)
{
	if (size <= MSGPASS_SMALL_MAX)
		return 0;
	if (size <= KIND_MAX)
		return max_t(u32, roundup_pow_of_two(size), CACHED_MIN);
	return PAGE_ALIGN(size);
}

/* What a message costs its sender's quota: the memory that it takes. */
static size_t cost(u32 room)
{
	return MSGPASS_OBJECT_SIZE + (size_t)room;
}

/* Of a payload that does not lie in the object. Return NULL where it takes pages. */
static struct kmem_cache *payload_cache(unsigned int kind)
{
	if (kind > MSGPASS_CACHES)
		return NULL;
	return payload_caches[array_index_nospec(kind - 1, MSGPASS_CACHES)];
}

/*
 * What is too large for a cache need not be contiguous: were it insisted on, which
 * GFP_MSGPASS does, then everybody's page cache would go for it.
 */
static void *new_payload(unsigned int kind, u32 room)
{
	struct kmem_cache *cache = payload_cache(kind);
	void *data;

	if (cache)
		return kmem_cache_alloc(cache, GFP_MSGPASS);
	data = kmalloc(room, GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN);
	return data ?: __vmalloc(room, GFP_MSGPASS);
}

static void free_payload(struct msgpass_message *message)
{
	struct kmem_cache *cache = payload_cache(message->kind);

	if (cache)
		kmem_cache_free(cache, message->data);
	else
		kvfree(message->data);
}

/* After each piece of a large copy: may it go on? */
static int between_pieces(void)
{
	cond_resched();
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/*
 * A larger one goes without copy_from_user() and copy_to_user() too, that is without
 * their question to the allocator (hardened usercopy), 150 instructions each time. The
 * answer is known: a copy begins where the payload does, and how much room is there was
 * written beside its address when it was allocated. That finds a copy beyond the end as
 * well, which a defect here could ask for, and all else that those functions do is done.
 * What only they would find is a message whose address something else has overwritten.
 */
static bool has_room(const struct msgpass_message *message, size_t size)
{
	return !WARN_ON_ONCE(size > message->room);
}

static int copy_larger_in(struct msgpass_message *message, const void __user *from, size_t size)
{
	void *to = message->data;
	int err = 0;

	if (!has_room(message, size))
		return -EFAULT;
	for (; size > PIECE && !err; size -= PIECE, to += PIECE, from += PIECE)
		err = msgpass_copy_from_user(to, from, PIECE) ? -EFAULT : between_pieces();
	if (err)
		return err;
	return msgpass_copy_from_user(to, from, size) ? -EFAULT : 0;
}

static noinline int copy_larger_out(void __user *to, const struct msgpass_message *message)
{
	const void *from = message->data;
	size_t size = message->size;
	int err = 0;

	if (message->is_lent)
		return msgpass_lent_copy_out(message->lent, size, to);
	if (!has_room(message, size))
		return -EFAULT;
	for (; size > PIECE && !err; size -= PIECE, to += PIECE, from += PIECE)
		err = msgpass_copy_to_user(to, from, PIECE) ? -EFAULT : between_pieces();
	if (err)
		return err;
	return msgpass_copy_to_user(to, from, size) ? -EFAULT : 0;
}

int msgpass_message_copy_out(const struct msgpass_message *message, void __user *to)
{
	if (likely(message->size <= MSGPASS_SMALL_MAX))
		return msgpass_small_copy_out(to, message->small, message->size);
	return copy_larger_out(to, message);
}

static void forget_sender(struct msgpass_identity *from)
{
	if (from->tid != from->pid)
		put_pid(from->tid);
	put_pid(from->pid);
}

static void remember_sender(struct msgpass_identity *from)
{
	forget_sender(from);
	from->pid = get_pid(task_tgid(current));
	from->tid = task_pid(current);
	if (from->tid != from->pid)
		get_pid(from->tid);
}

/*
 * Of each message: not worth a call, even in two places. What is kept still refers to its
 * last sender, often the one who sends now.
 */
static __always_inline void stamp(struct msgpass_identity *from, u64 key)
{
	if (from->pid != task_tgid(current) || from->tid != task_pid(current))
		remember_sender(from);
	from->key = key;
	from->uid = current_euid();
	from->gid = current_egid();
}

/* No cgroup has that number. */
#define NO_CGROUP	U64_MAX

static u64 current_cgroup(void)
{
	u64 number;

	rcu_read_lock();
	number = msgpass_current_cgroup();
	rcu_read_unlock();
	return number;
}

/* One that nobody has used, charged. */
static struct msgpass_message *make(struct msgpass_user *user, u32 size)
{
	unsigned int kind = size <= MSGPASS_SMALL_MAX ? 0 : larger_kind(size);
	u32 room = room_for(size);
	u64 cgroup = current_cgroup();
	struct msgpass_message *message;
	int err;

	err = msgpass_user_charge_message(user, cost(room));
	if (err)
		return ERR_PTR(err);

	message = kmem_cache_alloc(message_cache, GFP_MSGPASS);
	if (!message)
		goto discharge;
	if (kind) {
		message->data = new_payload(kind, room);
		if (!message->data)
			goto free_object;
	}
	message->from.pid = NULL;
	message->from.tid = NULL;
	message->user = user;
	/* Moved meanwhile: who knows which was charged. */
	message->cgroup = cgroup == current_cgroup() ? cgroup : NO_CGROUP;
	message->room = room;
	message->home = raw_smp_processor_id();
	message->kind = kind;
	return message;

free_object:
	kmem_cache_free(message_cache, message);
discharge:
	msgpass_user_discharge_message(user, cost(room));
	return ERR_PTR(-ENOMEM);
}

void msgpass_message_destroy(struct msgpass_message *message)
{
	msgpass_user_discharge_message(message->user, cost(message->room));
	forget_sender(&message->from);
	if (message->kind)
		free_payload(message);
	kmem_cache_free(message_cache, message);
}

/*
 * Most messages are small. What they need is inlined, with a kind that is known; all that
 * larger ones need is in functions of their own, so that its registers are not saved.
 */
static noinline void keep_or_destroy_larger(struct msgpass_message *message)
{
	unsigned int kind = message->kind;

	if (kind >= MSGPASS_MESSAGE_KINDS || !msgpass_spare_keep(message, kind))
		msgpass_message_destroy(message);
}

static __always_inline void keep_or_destroy(struct msgpass_message *message)
{
	if (unlikely(message->kind))
		keep_or_destroy_larger(message);
	else if (!msgpass_spare_keep(message, 0))
		msgpass_message_destroy(message);
}

/* There is none. Nobody is refused for what is only kept. */
static noinline struct msgpass_message *make_anew(struct msgpass_user *user, u32 size)
{
	unsigned long before = msgpass_spares_freed(), now;
	struct msgpass_message *message = make(user, size);

	if (!IS_ERR(message))
		return message;
	now = PTR_ERR(message) == -EDQUOT ? msgpass_spares_free_of(user) :
					    msgpass_spares_free();
	return now == before ? message : make(user, size);
}

/* All but its payload. */
static inline void fill_in(struct msgpass_message *message, u64 key, u32 size, u32 priority)
{
	message->sender = NULL;
	message->way = NULL;
	message->id = 0;
	message->state = MSGPASS_PENDING;
	message->aside = 0;
	message->size = size;
	message->priority = priority;
	message->is_lent = false;
	stamp(&message->from, key);
}

/* Its payload could not be copied. */
static noinline struct msgpass_message *give_up(struct msgpass_message *message, int err)
{
	keep_or_destroy(message);
	return ERR_PTR(err);
}

static struct msgpass_message *take_larger(struct msgpass_user *user, u32 size)
{
	unsigned int kind = larger_kind(size);

	if (kind >= MSGPASS_MESSAGE_KINDS)
		return NULL;
	return msgpass_spare_take(user, array_index_nospec(kind, MSGPASS_MESSAGE_KINDS));
}

static noinline struct msgpass_message *new_larger(struct msgpass_user *user, u64 key,
						   const void __user *data, u32 size,
						   u32 priority)
{
	struct msgpass_message *message = take_larger(user, size);
	int err;

	if (!message) {
		message = make_anew(user, size);
		if (IS_ERR(message))
			return message;
	}
	err = copy_larger_in(message, data, size);
	if (err)
		return give_up(message, err);
	fill_in(message, key, size, priority);
	return message;
}

struct msgpass_message *msgpass_message_new(struct msgpass_user *user, u64 key,
					    const void __user *data, u32 size,
					    u32 priority)
{
	struct msgpass_message *message;
	int err;

	if (unlikely(size > MSGPASS_SMALL_MAX))
		return new_larger(user, key, data, size, priority);

	message = msgpass_spare_take(user, 0);
	if (unlikely(!message)) {
		message = make_anew(user, size);
		if (IS_ERR(message))
			return message;
	}
	err = msgpass_small_copy_in(message->small, data, size);
	if (err)
		return give_up(message, err);
	fill_in(message, key, size, priority);
	return message;
}

struct msgpass_message *msgpass_message_lend(struct msgpass_user *user, u64 key,
					     struct msgpass_lent *lent, u32 size,
					     u32 priority)
{
	struct msgpass_message *message = msgpass_spare_take(user, 0) ?: make_anew(user, 0);

	if (IS_ERR(message))
		return message;
	fill_in(message, key, size, priority);
	message->is_lent = true;
	message->lent = lent;
	return message;
}

void msgpass_message_free(struct msgpass_message *message)
{
	if (unlikely(message->is_lent))
		msgpass_lent_put(message->lent);
	keep_or_destroy(message);
}

void msgpass_message_free_all(struct list_head *messages)
{
	struct msgpass_message *message, *next;

	list_for_each_entry_safe(message, next, messages, node[MSGPASS_IN_MAILBOX]) {
		msgpass_message_free(message);
		cond_resched();
	}
	INIT_LIST_HEAD(messages);
}

static int init_payload_cache(unsigned int i)
{
	unsigned int size = BIT(MSGPASS_CACHED_SHIFT + i);
	char name[32];

	snprintf(name, sizeof(name), "msgpass_payload_%u", size);
	payload_caches[i] = msgpass_cache_create(name, size, SLAB_ACCOUNT);
	return payload_caches[i] ? 0 : -ENOMEM;
}

int msgpass_message_init(void)
{
	unsigned int i;
	int err = 0;

	msgpass_spare_init();
	message_cache = msgpass_cache_create("msgpass_message", MSGPASS_OBJECT_SIZE,
					     SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT);
	if (!message_cache)
		return -ENOMEM;
	for (i = 0; i < MSGPASS_CACHES && !err; i++)
		err = init_payload_cache(i);
	if (err)
		msgpass_message_exit();
	return err;
}

void msgpass_message_exit(void)
{
	unsigned int i;

	for (i = 0; i < MSGPASS_CACHES; i++)
		kmem_cache_destroy(payload_caches[i]);
	kmem_cache_destroy(message_cache);
}
