/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Waiter: a task that waits at a mailbox, as a sender or as a receiver.
 *
 * Owner: the waiting task; a waiter lies on its stack. It is born and linked
 * into one of the mailbox's lists under the mailbox's lock, and dies when its
 * task has seen an outcome or has taken it off the list itself, under the lock.
 *
 * Whoever can end the wait *releases* it, under the lock: takes it off its
 * list, writes what it has to say and, last of all, the outcome. From then on
 * the waiter is the task's alone. So the task looks at the outcome without the
 * lock, and the releaser wakes the task after dropping the lock:
 *
 *	timeline RELEASE
 *
 *	releaser				waiting task
 *	lock
 *	w->message = m
 *	list_del_init(&w->link)
 *	task = get_task_struct(w->task)
 *	store_release(w->outcome, 0)
 *						load_acquire(w->outcome): 0
 *	unlock					reads w->message, returns;
 *						*w is gone, the task may exit
 *	wake_up_process(task)
 *	put_task_struct(task)
 *
 * After the store the releaser touches *w no more. The task_struct outlives the
 * wake-up because the releaser has taken a reference before the store, when the
 * task was still waiting. A task that has woken by itself meanwhile gets a spurious
 * wake-up, as every wait in the kernel must expect. No wake-up is lost: the
 * task sets its state before it looks at the outcome, and wake_up_process()
 * orders the store before its look at the state.
 */
#ifndef MSGPASS_WAIT_H
#define MSGPASS_WAIT_H

#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/rt.h>
#include <linux/sched/task.h>
#include <linux/types.h>

struct msgpass_message;
struct msgpass_way;

/* msgpass_waiter.outcome until it is released: no errno. */
#define MSGPASS_WAITING	1

/**
 * struct msgpass_waiter - a task that waits
 * @link: the list of waiters it is in: of its mailbox (senders, synchronous,
 *	admitted, receivers) or, a receiver's that waits for one sender, of that way;
 *	guarded by the mailbox's lock
 * @in_way: a sender's that waits for admission: also in the list of its way
 * @task: the task
 * @message: a sender's: what it sends, NULL once it is only to be woken (late.h); a
 *	receiver's: what it was handed
 * @room: a receiver's: size of its buffer
 * @id: a sender's: the message's id, from admission on
 * @turn: when it came, among the receivers of its mailbox
 * @rank: real-time priority when it came, MAX_RT_PRIO for all other tasks;
 *	lower is served first
 * @outcome: MSGPASS_WAITING, then 0 or a negative errno
 */
struct msgpass_waiter {
	struct list_head	link;
	struct list_head	in_way;
	struct task_struct	*task;
	struct msgpass_message	*message;
	u32			room;
	u64			id;
	u64			turn;
	int			rank;
	int			outcome;
};

/**
 * struct msgpass_patience - how long a call waits
 * @none: not at all
 * @deadline: until then; CLOCK_MONOTONIC of the host, KTIME_MAX for ever
 */
struct msgpass_patience {
	bool	none;
	ktime_t	deadline;
};

/**
 * struct msgpass_trial - is it worth while to try?
 * @rest: how many times not to
 * @backoff: how many it was after the last; 0 after one that paid
 *
 * Read and written without a lock: it is a guess, and any value will do.
 */
struct msgpass_trial {
	u16	rest;
	u16	backoff;
};

/**
 * struct msgpass_trials - what may be done before one sleeps
 * @yield: let others of the same CPU run
 * @spin: look for the outcome
 * @messages: how many are in the mailbox, read without its lock; constant
 * @yields_max: how often to yield in one wait; constant
 * @vain: how many waits in a row it was in vain; as struct msgpass_trial
 * @overslept: jiffies when somebody else last ran for so long that to sleep would have been
 *	better; as struct msgpass_trial
 */
struct msgpass_trials {
	struct msgpass_trial	yield;
	struct msgpass_trial	spin;
	const u32		*messages;
	unsigned int		yields_max;
	int			vain;
	unsigned long		overslept;
};

static inline void msgpass_trials_init(struct msgpass_trials *trials, const u32 *messages,
				       unsigned int yields_max)
{
	*trials = (struct msgpass_trials){ .messages = messages, .yields_max = yields_max };
}

#define MSGPASS_YIELDS_OF_RECEIVER	MSGPASS_YIELDS_MAX	/* compat.h */
#define MSGPASS_YIELDS_OF_SENDER	1

/* What was in vain is tried once in so many: where a try costs little, or a time slice. */
#define MSGPASS_REST_SHORT	7
#define MSGPASS_REST_LONG	1023

/**
 * struct msgpass_wakeups - tasks to wake once the lock is dropped
 * @count: how many
 * @readable: a receive need not wait any more: tell pollers
 * @writable: a send need not wait any more: tell pollers
 * @is_drained: there is one
 * @tasks: referenced. What one send or receive releases: a receiver, a sender admitted, and
 *	a sender whose message was received. More are woken at once.
 * @drained: a way that has nothing left to be received, its sender ended: that is
 *	to be told, and its link dropped, which is referenced for that
 */
struct msgpass_wakeups {
	/* One word, to see at once that there is nothing. */
	u8			count;
	bool			readable;
	bool			writable;
	bool			is_drained;
	struct task_struct	*tasks[3];
	struct msgpass_way	*drained;
};

static inline void msgpass_wakeups_init(struct msgpass_wakeups *wakeups)
{
	wakeups->count = 0;
	wakeups->readable = false;
	wakeups->writable = false;
	wakeups->is_drained = false;
}

static inline bool msgpass_wakeups_any(const struct msgpass_wakeups *wakeups)
{
	return wakeups->count || wakeups->readable || wakeups->writable ||
	       wakeups->is_drained;
}

/* The rest is set where it is needed, @link when it is queued. */
static inline void msgpass_waiter_init(struct msgpass_waiter *waiter,
				       struct msgpass_message *message)
{
	INIT_LIST_HEAD(&waiter->in_way);
	waiter->task = current;
	waiter->message = message;
	waiter->id = 0;
	waiter->rank = min(current->prio, MAX_RT_PRIO);
	waiter->outcome = MSGPASS_WAITING;
}

/* The rest of what follows. */
void msgpass_waiter_queue_by_rank(struct msgpass_waiter *waiter, struct list_head *list,
				  size_t node);

/* For the two after it. @node: which of its list nodes, as an offset */
static __always_inline void msgpass_waiter_queue_node(struct msgpass_waiter *waiter,
						      struct list_head *list, size_t node)
{
	/* Only real-time tasks pass by others. */
	if (likely(waiter->rank == MAX_RT_PRIO))
		list_add_tail((void *)waiter + node, list);
	else
		msgpass_waiter_queue_by_rank(waiter, list, node);
}

/**
 * msgpass_waiter_queue() - queue the calling task's waiter
 * @waiter: the caller's
 * @list: waiters in the order they will be served: real-time tasks by their
 *	priority, then everybody in the order of arrival
 *
 * The mailbox's lock is held.
 */
static inline void msgpass_waiter_queue(struct msgpass_waiter *waiter,
					struct list_head *list)
{
	msgpass_waiter_queue_node(waiter, list, offsetof(struct msgpass_waiter, link));
}

/* The same for @waiter->in_way and the senders of a way. */
static inline void msgpass_waiter_queue_in_way(struct msgpass_waiter *waiter,
					       struct list_head *list)
{
	msgpass_waiter_queue_node(waiter, list, offsetof(struct msgpass_waiter, in_way));
}

/* Take a waiter off the lists that it is in. The mailbox's lock is held. */
static inline void msgpass_waiter_unqueue(struct msgpass_waiter *waiter)
{
	list_del_init(&waiter->link);
	/* Few are in two. */
	if (!list_empty(&waiter->in_way))
		list_del_init(&waiter->in_way);
}

/**
 * msgpass_waiter_earlier() - who is served first?
 * @a: a waiter of a mailbox, or NULL
 * @b: another of the same, or NULL
 *
 * Return: one of them, NULL if both are.
 */
static inline struct msgpass_waiter *msgpass_waiter_earlier(struct msgpass_waiter *a,
							    struct msgpass_waiter *b)
{
	if (!a || !b)
		return a ?: b;
	if (a->rank != b->rank)
		return a->rank < b->rank ? a : b;
	return a->turn < b->turn ? a : b;
}

/**
 * msgpass_waiter_release() - end a wait
 * @waiter: queued, or once queued; not to be touched afterwards
 * @outcome: 0 or a negative errno
 * @wakeups: where its task is added
 *
 * The mailbox's lock is held.
 */
void msgpass_waiter_release(struct msgpass_waiter *waiter, int outcome,
			    struct msgpass_wakeups *wakeups);

/* Wake a task that was released. Under no lock but, if there are many, the mailbox's. */
static inline void msgpass_wake(struct task_struct *task)
{
	wake_up_process(task);
	put_task_struct(task);
}

/* Is it to be tried this time? */
bool msgpass_try(struct msgpass_trial *trial);

/**
 * msgpass_tried() - remember whether it was worth while
 * @trial: of such tries
 * @has_paid: whether it was
 * @rest_max: otherwise: how many times not to try at most, MSGPASS_REST_*
 */
void msgpass_tried(struct msgpass_trial *trial, bool has_paid, unsigned int rest_max);

/* Sleep for a moment, or until a signal comes. */
void msgpass_nap(void);

/**
 * msgpass_wait() - wait until released
 * @waiter: the caller's, queued
 * @deadline: see struct msgpass_patience
 * @trials: what to do before: of those who wait for the same
 *
 * No lock is held. Return: 0 if it was released, even if a signal came as well;
 * -ERESTARTSYS on a signal or -ETIMEDOUT otherwise: then @waiter may still be
 * released until its list's lock is taken.
 */
int msgpass_wait(struct msgpass_waiter *waiter, ktime_t deadline,
		 struct msgpass_trials *trials);

#endif /* MSGPASS_WAIT_H */
