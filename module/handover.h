/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Handover: how a message comes from its sender through a mailbox to its receiver.
 * handover.c is the protocol that mailbox.h describes: admission, handing over,
 * claim, commit, revocation, giving back, withdrawal and the mailbox's end. Here is
 * what the rest of the mailbox, in mailbox.c, needs of it.
 */
#ifndef MSGPASS_HANDOVER_H
#define MSGPASS_HANDOVER_H

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
 * Every change of a mailbox is between the two that follow. What it released is woken
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

/* The rest of msgpass_mailbox_unlock(): those who are no waiters. */
void msgpass_mailbox_tell(struct msgpass_mailbox *mailbox,
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
	if (wakeups->count)
		msgpass_wake(wakeups);
	if (wakeups->readable || wakeups->writable || wakeups->drained)
		msgpass_mailbox_tell(mailbox, wakeups);
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

#endif /* MSGPASS_HANDOVER_H */
