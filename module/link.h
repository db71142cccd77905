/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Link: the relation of two processes that communicate directly. There is one
 * for each pair, made by the first message, or by a receive that names the
 * other, which need not consent to that: it says nothing about who may send. It
 * has two ways, one for each direction. (A process that sends to
 * itself has a link with one way.)
 *
 * A way belongs to the inbox it leads to: it is the index by sender that makes
 * a receive from exactly one process find its message, and a message its
 * receiver, without a search.
 *
 * It dies when either process has ended; but what the process that ended has
 * sent before can still be received, so that way stays until it is empty.
 *
 * Who communicates with one process often does so again: each process remembers its way
 * to the one it used a link with last, which spares looking for pid, process and link.
 * That is no reference: a link that dies is forgotten by both before its memory goes.
 *
 * For people, links have numbers, and are shown from their first message on.
 *
 * Owner: references. The table holds one until the link dies; whoever sends or
 * receives by it, or looks at it, one meanwhile. Messages hold none: a way with
 * messages in it is not dropped while its inbox lives. A link holds both process
 * records.
 *
 * Locks: links_lock guards what lists links (the table, msgpass_process.links
 * and .ended); the array of numbers has XArray's own. The lock of the inbox that
 * a way leads to guards that way.
 */
#ifndef MSGPASS_LINK_H
#define MSGPASS_LINK_H

#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>

#include "process.h"
#include "queue.h"

struct msgpass_user;

/**
 * struct msgpass_way - one direction of a link
 * @link: the link it is part of; constant, as the next two
 * @to: the process it leads to, which the link holds
 * @nr: the pid of that one in the sender's PID namespace, 0 if it has none there
 * @permitted: the receiver accepts this sender; set once, read without a lock
 * @ended: the sender has ended: no more messages will come
 * @messages: admitted and not yet received
 * @since: CLOCK_MONOTONIC of the first message, 0 before; read without a lock
 * @admitted_messages: how many since then
 * @admitted_bytes: their payload
 * @queue: those
 * @receivers: waiters for a message of this sender only
 * @senders: this sender's waiters for admission
 */
struct msgpass_way {
	struct msgpass_link	*link;
	struct msgpass_process	*to;
	pid_t			nr;
	bool			permitted;
	bool			ended;
	u32			messages;
	ktime_t			since;
	u64			admitted_messages;
	u64			admitted_bytes;
	struct msgpass_queue	queue;
	struct list_head	receivers;
	struct list_head	senders;
};

/**
 * struct msgpass_end - a process, as one end of a link
 * @in_process: in the process's list of links; links_lock, read under RCU
 * @process: the process, referenced
 * @link: the link
 */
struct msgpass_end {
	struct hlist_node	in_process;
	struct msgpass_process	*process;
	struct msgpass_link	*link;
};

/**
 * struct msgpass_pair - the process keys of a link, in ascending order
 * @key: the keys
 */
struct msgpass_pair {
	u64	key[2];
};

struct msgpass_link {
	struct rhash_head	node;
	u32			number;		/* constant */
	struct msgpass_pair	pair;
	struct msgpass_end	end[2];		/* in the order of their keys; of a */
						/* self-link twice the same process, */
						/* and only the first is in its list */
	struct msgpass_user	*user;		/* who was charged */
	struct msgpass_way	way[2];		/* way[i] leads from end[i] */
	refcount_t		references;
	bool			listed;		/* in the table; links_lock, read without */
	struct rcu_head		rcu;
};

/**
 * msgpass_link_get() - find or make the link of two processes
 * @a: one of them
 * @b: the other, or the same
 * @user: who pays for it if it is made, for as long as it lasts
 *
 * May sleep. Return: the link, to be given back with msgpass_link_put();
 * ERR_PTR(-ESRCH) if either has ended, ERR_PTR(-EDQUOT), ERR_PTR(-ENOMEM).
 */
struct msgpass_link *msgpass_link_get(struct msgpass_process *a,
				      struct msgpass_process *b,
				      struct msgpass_user *user);

/**
 * msgpass_link_find() - find a link
 * @a: process key of one
 * @b: process key of the other
 *
 * Return: the link, with a reference for the caller, or NULL.
 */
struct msgpass_link *msgpass_link_find(u64 a, u64 b);

/**
 * msgpass_link_last() - the way to the other end of the link that a process used last
 * @process: the caller's
 * @address: of the other process: a process key, or a pid in the caller's PID namespace
 * @is_key: which of the two
 *
 * The caller's PID namespace is its process's, for all threads of one have the same. A
 * link found here may be dying: its memory, and that of its processes and their struct
 * pids, is freed after the section of RCU, and so is there to be looked at; who gets a
 * reference may use it as long as any other.
 *
 * Return: the way, its link with a reference for the caller, if it leads there and the
 * other process lives; NULL says nothing.
 */
static __always_inline struct msgpass_way *
msgpass_link_last(const struct msgpass_process *process, u64 address, bool is_key)
{
	struct msgpass_way *way;

	rcu_read_lock_sched();
	way = rcu_dereference_sched(process->last_way);
	if (way && ((is_key ? way->to->key : way->nr) != address ||
		    !msgpass_process_lives(way->to) ||
		    !refcount_inc_not_zero(&way->link->references)))
		way = NULL;
	rcu_read_unlock_sched();
	return way;
}

/* To be the last from now on; @link is referenced by the caller. */
void msgpass_link_remember(struct msgpass_process *process, struct msgpass_link *link);

/**
 * msgpass_link_find_pid() - the link with a process that had a pid
 * @process: the caller's
 * @nr: the pid, which no live process has, in the caller's PID namespace
 *
 * Such a link is there while something of the other's is still to be received.
 * Looks through the caller's links. Return: as msgpass_link_find().
 */
struct msgpass_link *msgpass_link_find_pid(struct msgpass_process *process, pid_t nr);

/**
 * msgpass_link_next() - the next link in the order of their numbers
 * @number: a number, of a link or not, or 0 to begin
 *
 * Return: the link, with a reference for the caller, or NULL.
 */
struct msgpass_link *msgpass_link_next(u32 number);

/**
 * msgpass_link_since() - when its processes first communicated
 * @link: the link
 *
 * Return: CLOCK_MONOTONIC of the first message, 0 if there was none.
 */
ktime_t msgpass_link_since(const struct msgpass_link *link);

/* How many of its links have had a message? Looks through all of them. */
u32 msgpass_links_count(const struct msgpass_process *process);

struct msgpass_link *msgpass_link_hold(struct msgpass_link *link);

/* The rest of msgpass_link_put(): that was the last reference. */
void msgpass_link_free(struct msgpass_link *link);

static inline void msgpass_link_put(struct msgpass_link *link)
{
	if (refcount_dec_and_test(&link->references))
		msgpass_link_free(link);
}

/**
 * msgpass_link_from() - the way from a process
 * @link: the link
 * @sender: process key of one of its processes
 */
static inline struct msgpass_way *msgpass_link_from(struct msgpass_link *link,
						    u64 sender)
{
	return &link->way[sender != link->pair.key[0]];
}

/* The other process of a link; of a self-link the same. */
static inline struct msgpass_process *msgpass_link_peer(const struct msgpass_link *link,
							const struct msgpass_process *process)
{
	return link->end[link->end[0].process == process].process;
}

/* The link dies: nobody finds it any more. Does it once. */
void msgpass_link_drop(struct msgpass_link *link);

/**
 * msgpass_links_end() - a process has ended: so do its links
 * @process: the process, its inbox ended
 *
 * Tells those who wait for a message of it. Sleeps.
 */
void msgpass_links_end(struct msgpass_process *process);

int msgpass_link_init(void);
void msgpass_link_exit(void);

#endif /* MSGPASS_LINK_H */
