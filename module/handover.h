/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Handover: how a message comes from its sender through a mailbox to its receiver.
 * handover.c is the protocol that mailbox.h describes: admission, handing over,
 * claim, commit, revocation, giving back and withdrawal. Here is what the rest of the
 * mailbox needs of it: its state and what is changed of it (mailbox.c), who is woken
 * late (late.c), what is lent (lending.c), and the mailbox's end (ending.c).
 *
 * What is called *_locked is called with the mailbox's lock held.
 */
#ifndef MSGPASS_HANDOVER_H
#define MSGPASS_HANDOVER_H

#include <linux/list.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "mailbox.h"
#include "wait.h"

/* What pollers are told. */
#define MSGPASS_READABLE	(EPOLLIN | EPOLLRDNORM)
#define MSGPASS_WRITABLE	(EPOLLOUT | EPOLLWRNORM)
#define MSGPASS_GONE		(EPOLLHUP | EPOLLERR)

/* How many waiters are dealt with in one section under the lock, if there are many. */
#define MSGPASS_SECTION_MAX	8

/*
 * Every change that may release somebody is between the two that follow. They are woken
 * after the lock is dropped (timeline RELEASE).
 *
 * Nobody need be told who does not poll, and that is seen without a barrier:
 *
 *	timeline POLL
 *
 *	poller					changer
 *	poll_wait(): joins the queue
 *	lock
 *	not ready
 *	unlock
 *						lock
 *						makes it ready
 *						unlock
 *						waitqueue_active(): true
 *
 * Had the changer come first, the poller would have seen it ready.
 */

/**
 * msgpass_mailbox_lock() - begin a change
 * @mailbox: the mailbox
 * @wakeups: emptied
 */
static inline void msgpass_mailbox_lock(struct msgpass_mailbox *mailbox,
					struct msgpass_wakeups *wakeups)
	__acquires(&mailbox->lock)
{
	msgpass_wakeups_init(wakeups);
	spin_lock(&mailbox->lock);
}

/* The rest of msgpass_mailbox_unlock(). */
void msgpass_mailbox_wake(struct msgpass_mailbox *mailbox,
			  struct msgpass_wakeups *wakeups);

/**
 * msgpass_mailbox_unlock() - end it
 * @mailbox: the mailbox, referenced by the caller
 * @wakeups: who is woken, and told, now
 */
static inline void msgpass_mailbox_unlock(struct msgpass_mailbox *mailbox,
					  struct msgpass_wakeups *wakeups)
	__releases(&mailbox->lock)
{
	spin_unlock(&mailbox->lock);
	if (msgpass_wakeups_any(wakeups))
		msgpass_mailbox_wake(mailbox, wakeups);
}

/**
 * msgpass_admits_locked() - would a message that comes now be admitted?
 * @mailbox: the mailbox
 * @way: by which it would come, or NULL
 */
bool msgpass_admits_locked(struct msgpass_mailbox *mailbox, struct msgpass_way *way);

/* Is there room for one that waits for it? */
bool msgpass_can_admit_locked(struct msgpass_mailbox *mailbox);

/**
 * msgpass_admit_waiting_locked() - there may be room now: admit who waits for it
 * @mailbox: the mailbox
 * @late: who may be woken late (late.h) is
 * @wakeups: who is to be woken
 *
 * First come first, and not more than one section's. Only a larger capacity makes
 * room for more than that; msgpass_mailbox_set() sees to the rest then, and nobody
 * overtakes them meanwhile: msgpass_admits_locked().
 */
void msgpass_admit_waiting_locked(struct msgpass_mailbox *mailbox, bool late,
				  struct msgpass_wakeups *wakeups);

/* The first of a list of waiters, or NULL. */
static inline struct msgpass_waiter *msgpass_first_waiter(struct list_head *waiters)
{
	return list_first_entry_or_null(waiters, struct msgpass_waiter, link);
}

/* The first receiver that waits for a message that comes by @way, or NULL. */
struct msgpass_waiter *msgpass_first_receiver_locked(struct msgpass_mailbox *mailbox,
						     struct msgpass_way *way);

/**
 * msgpass_admit_locked() - admit a message that is pending
 * @mailbox: the mailbox, which has room
 * @message: the message; its sender, if that waits for receipt, waits from here on
 * @wakeups: who is to be woken
 */
void msgpass_admit_locked(struct msgpass_mailbox *mailbox, struct msgpass_message *message,
			  struct msgpass_wakeups *wakeups);

/**
 * msgpass_enter_locked() - put a message that has an id in its place
 * @mailbox: the mailbox
 * @message: the message; the first receiver that waits for it has it now
 * @wakeups: who is to be woken
 */
void msgpass_enter_locked(struct msgpass_mailbox *mailbox, struct msgpass_message *message,
			  struct msgpass_wakeups *wakeups);

/* Revoke the claim of a message. Its claimer finds that at the commit, and frees it. */
void msgpass_revoke_locked(struct msgpass_mailbox *mailbox, struct msgpass_message *message);

/**
 * msgpass_drop_locked() - drop a message with the mailbox, which has ended
 * @mailbox: the mailbox
 * @message: the caller's now if it was at rest; its claimer's, if it was claimed
 */
void msgpass_drop_locked(struct msgpass_mailbox *mailbox, struct msgpass_message *message);

/**
 * msgpass_leave_locked() - an admitted message is in the mailbox no more
 * @mailbox: the mailbox
 * @way: by which it came, or NULL
 * @size: its size
 * @wakeups: who is to be woken
 *
 * Whatever the reason: its place is for others.
 */
void msgpass_leave_locked(struct msgpass_mailbox *mailbox, struct msgpass_way *way,
			  u32 size, struct msgpass_wakeups *wakeups);

/* The mailbox is empty, or has ended: it keeps the module no more. */
void msgpass_let_go_locked(struct msgpass_mailbox *mailbox);

/**
 * msgpass_withdraw() - the patience of a sender is over
 * @mailbox: the mailbox; its lock is not held
 * @self: the caller's waiter
 * @err: why
 *
 * Return: the outcome if it was released all the same; @err once the message is taken
 * back, from wherever it was; or what became of it otherwise.
 */
int msgpass_withdraw(struct msgpass_mailbox *mailbox, struct msgpass_waiter *self, int err);

#endif /* MSGPASS_HANDOVER_H */
