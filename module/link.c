// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rculist.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

#include "limit.h"
#include "link.h"
#include "mailbox.h"
#include "process.h"
#include "spare.h"

static const struct rhashtable_params table_params = {
	.key_len		= sizeof(struct msgpass_pair),
	.key_offset		= offsetof(struct msgpass_link, pair),
	.head_offset		= offsetof(struct msgpass_link, node),
	.automatic_shrinking	= true,
};

static struct rhashtable table;
static DEFINE_SPINLOCK(links_lock);

/* By number, to be walked: also those that the table has not yet, or no more. */
static DEFINE_XARRAY_FLAGS(numbers, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
static u32 last_number;

/* With what a link may keep in memory after its processes have ended. */
#define LINK_COST	(sizeof(struct msgpass_link) +			\
			 sizeof(struct msgpass_process) +		\
			 sizeof(struct msgpass_mailbox))

static struct msgpass_pair make_pair(u64 a, u64 b)
{
	return (struct msgpass_pair){ .key = { min(a, b), max(a, b) } };
}

struct msgpass_link *msgpass_link_hold(struct msgpass_link *link)
{
	refcount_inc(&link->references);
	return link;
}

static void free_link(struct msgpass_link *link)
{
	msgpass_process_put(link->end[0].process);
	msgpass_process_put(link->end[1].process);
	msgpass_user_discharge(link->user, LINK_COST);
	kfree_rcu(link, rcu);
}

void msgpass_link_free(struct msgpass_link *link)
{
	xa_erase(&numbers, link->number);
	free_link(link);
}

struct msgpass_link *msgpass_link_find(u64 a, u64 b)
{
	struct msgpass_pair pair = make_pair(a, b);
	struct msgpass_link *link;

	rcu_read_lock();
	link = rhashtable_lookup(&table, &pair, table_params);
	if (link && !refcount_inc_not_zero(&link->references))
		link = NULL;
	rcu_read_unlock();
	return link;
}

static void init_way(struct msgpass_way *way, struct msgpass_link *link,
		     const struct msgpass_process *from, struct msgpass_process *to)
{
	way->link = link;
	way->to = to;
	way->nr = pid_nr_ns(to->pid, ns_of_pid(from->pid));
	msgpass_queue_init(&way->queue, MSGPASS_IN_WAY);
	INIT_LIST_HEAD(&way->receivers);
	INIT_LIST_HEAD(&way->senders);
}

static struct msgpass_link *new_link(struct msgpass_process *a,
				     struct msgpass_process *b,
				     struct msgpass_user *user)
{
	struct msgpass_link *link;
	unsigned int i;
	int err;

	err = msgpass_user_charge(user, LINK_COST);
	if (err)
		return ERR_PTR(err);
	link = msgpass_zalloc(sizeof(*link));
	if (!link) {
		msgpass_user_discharge(user, LINK_COST);
		return ERR_PTR(-ENOMEM);
	}
	link->user = user;
	link->pair = make_pair(a->key, b->key);
	link->end[0].process = msgpass_process_hold(a->key < b->key ? a : b);
	link->end[1].process = msgpass_process_hold(a->key < b->key ? b : a);
	for (i = 0; i < ARRAY_SIZE(link->end); i++) {
		link->end[i].link = link;
		init_way(&link->way[i], link, link->end[i].process, link->end[!i].process);
	}
	refcount_set(&link->references, 2);	/* the table's, and the caller's */

	err = xa_alloc_cyclic(&numbers, &link->number, link, xa_limit_32b,
			      &last_number, GFP_MSGPASS);
	if (err < 0) {
		free_link(link);
		return ERR_PTR(-ENOMEM);
	}
	return link;
}

static bool is_self_link(const struct msgpass_link *link)
{
	return link->end[0].process == link->end[1].process;
}

/* Return 0, or -EEXIST if there is one, or -ESRCH if one of them has ended. */
static int add_link(struct msgpass_link *link)
{
	struct msgpass_end *end = link->end;
	int err = -ESRCH;

	spin_lock(&links_lock);
	if (!end[0].process->ended && !end[1].process->ended)
		err = rhashtable_lookup_insert_fast(&table, &link->node, table_params);
	if (!err) {
		hlist_add_head_rcu(&end[0].in_process, &end[0].process->links);
		if (!is_self_link(link))
			hlist_add_head_rcu(&end[1].in_process, &end[1].process->links);
		WRITE_ONCE(link->listed, true);
	}
	spin_unlock(&links_lock);
	return err;
}

struct msgpass_link *msgpass_link_get(struct msgpass_process *a,
				      struct msgpass_process *b,
				      struct msgpass_user *user)
{
	struct msgpass_link *link, *fresh;
	int err;

	link = msgpass_link_find(a->key, b->key);
	if (link)
		return link;

	fresh = new_link(a, b, user);
	if (IS_ERR(fresh))
		return fresh;
	do {
		err = add_link(fresh);
		if (!err)
			return fresh;
		if (err == -EEXIST)
			link = msgpass_link_find(a->key, b->key);
	} while (err == -EEXIST && !link);

	msgpass_link_put(fresh);	/* the table never got it */
	msgpass_link_put(fresh);
	if (link)
		return link;
	return ERR_PTR(err == -ESRCH ? -ESRCH : -ENOMEM);
}

struct msgpass_link *msgpass_link_find_pid(struct msgpass_process *process, pid_t nr)
{
	struct msgpass_link *found = NULL;
	struct msgpass_end *end;

	rcu_read_lock();
	hlist_for_each_entry_rcu(end, &process->links, in_process) {
		if (msgpass_link_from(end->link, process->key)->nr == nr &&
		    refcount_inc_not_zero(&end->link->references)) {
			found = end->link;
			break;
		}
	}
	rcu_read_unlock();
	return found;
}

static void forget(struct msgpass_process *process, struct msgpass_link *link)
{
	struct msgpass_way *way = msgpass_link_from(link, process->key);

	unrcu_pointer(cmpxchg(&process->last_way, RCU_INITIALIZER(way), NULL));
}

/*
 * Whoever comes second of the two that follow finds what the other has written: so no
 * process remembers a link that is gone.
 */
void msgpass_link_remember(struct msgpass_process *process, struct msgpass_link *link)
{
	struct msgpass_way *way = msgpass_link_from(link, process->key);

	if (rcu_access_pointer(process->last_way) == way)
		return;
	rcu_assign_pointer(process->last_way, way);
	smp_mb();	/* pairs with that in msgpass_link_drop() */
	if (!READ_ONCE(link->listed))
		forget(process, link);
}

void msgpass_link_drop(struct msgpass_link *link)
{
	bool first;

	spin_lock(&links_lock);
	first = link->listed;
	WRITE_ONCE(link->listed, false);
	if (first) {
		rhashtable_remove_fast(&table, &link->node, table_params);
		hlist_del_init_rcu(&link->end[0].in_process);
		hlist_del_init_rcu(&link->end[1].in_process);
	}
	spin_unlock(&links_lock);
	if (!first)
		return;
	smp_mb();	/* pairs with that in msgpass_link_remember() */
	forget(link->end[0].process, link);
	forget(link->end[1].process, link);
	msgpass_link_put(link);
}

struct msgpass_link *msgpass_link_next(u32 number)
{
	unsigned long index = number;
	struct msgpass_link *link;

	rcu_read_lock();
	do {
		link = xa_find_after(&numbers, &index, U32_MAX, XA_PRESENT);
	} while (link && !(READ_ONCE(link->listed) &&
			   refcount_inc_not_zero(&link->references)));
	rcu_read_unlock();
	return link;
}

ktime_t msgpass_link_since(const struct msgpass_link *link)
{
	ktime_t a = READ_ONCE(link->way[0].since), b = READ_ONCE(link->way[1].since);

	return a && b ? min(a, b) : a ?: b;
}

u32 msgpass_links_count(const struct msgpass_process *process)
{
	struct msgpass_end *end;
	u32 count = 0;

	rcu_read_lock();
	hlist_for_each_entry_rcu(end, &process->links, in_process)
		if (msgpass_link_since(end->link))
			count++;
	rcu_read_unlock();
	return count;
}

/* An end of a link that was not ended yet, the link referenced, or NULL. */
static struct msgpass_end *take_end(struct msgpass_process *process)
{
	struct msgpass_end *end = NULL;

	spin_lock(&links_lock);
	if (!hlist_empty(&process->links)) {
		end = hlist_entry(process->links.first, struct msgpass_end, in_process);
		hlist_del_init_rcu(&end->in_process);
		msgpass_link_hold(end->link);
	}
	spin_unlock(&links_lock);
	return end;
}

void msgpass_links_end(struct msgpass_process *process)
{
	struct msgpass_process *peer;
	struct msgpass_link *link;
	struct msgpass_end *end;
	unsigned int self;

	spin_lock(&links_lock);
	process->ended = true;
	spin_unlock(&links_lock);

	while ((end = take_end(process))) {
		link = end->link;
		self = end - link->end;
		peer = link->end[!self].process;
		if (msgpass_mailbox_end_way(peer->inbox, &link->way[self]))
			msgpass_link_drop(link);
		msgpass_link_put(link);
		cond_resched();
	}
}

int msgpass_link_init(void)
{
	return rhashtable_init(&table, &table_params);
}

static void forget_link(void *ptr, void *unused)
{
	msgpass_link_put(ptr);
}

void msgpass_link_exit(void)
{
	rhashtable_free_and_destroy(&table, forget_link, NULL);
	/* The last reference to a process may have been a link's. */
	rcu_barrier();
}
