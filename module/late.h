/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Late: senders that were admitted while they waited, and have not been woken yet.
 *
 * A sender that waits for admission to a full mailbox is admitted by the receive that
 * makes room. Were it woken at once, it would preempt the receiver, find the mailbox full
 * again and wait again: two switches for each message. So it only joins mailbox.admitted;
 * its message is in the mailbox and no longer its own, and all that it has to be told is
 * that its call may return. It is released, first come first,
 *
 * - one by each receive that leaves the mailbox no more than half full;
 * - with all others when nothing is left to be received, so that nobody idles;
 * - with all others a tick or two after the first of them was admitted, by mailbox.late,
 *   if no receiver has come to it;
 * - with all others when the capacity changes, or when the mailbox ends: successfully,
 *   since it was admitted.
 *
 * Until then it may leave by itself, under the mailbox's lock, on a signal or at its
 * deadline, and successfully for the same reason.
 *
 * Real-time tasks are not made to wait, nor is anybody who has not gone to sleep yet, or at
 * a mailbox so small that half of it is next to nothing, or where a receiver waited.
 *
 * Lifetime: mailbox.late holds no reference. It is scheduled by those who have one, and
 * cancelled by whoever drops the last.
 */
#ifndef MSGPASS_LATE_H
#define MSGPASS_LATE_H

#include <linux/list.h>
#include <linux/types.h>

#include "mailbox.h"
#include "wait.h"

void msgpass_late_init(struct msgpass_mailbox *mailbox);

/* Nobody refers to the mailbox any more. Sleeps. */
void msgpass_late_exit(struct msgpass_mailbox *mailbox);

/**
 * msgpass_may_be_late_locked() - may it be woken late?
 * @mailbox: the mailbox
 * @sender: a waiter for admission
 */
bool msgpass_may_be_late_locked(struct msgpass_mailbox *mailbox,
				const struct msgpass_waiter *sender);

/**
 * msgpass_late_add_locked() - a sender that is to be woken late
 * @mailbox: the mailbox
 * @sender: off all lists, and admitted
 */
void msgpass_late_add_locked(struct msgpass_mailbox *mailbox, struct msgpass_waiter *sender);

/* The rest of msgpass_late_left_locked(), if there is anybody. */
void msgpass_late_release_due_locked(struct msgpass_mailbox *mailbox,
				     struct msgpass_wakeups *wakeups);

/**
 * msgpass_late_left_locked() - a message has left the mailbox: release who is due
 * @mailbox: the mailbox
 * @wakeups: who is to be woken
 */
static inline void msgpass_late_left_locked(struct msgpass_mailbox *mailbox,
					    struct msgpass_wakeups *wakeups)
{
	if (unlikely(!list_empty(&mailbox->admitted)))
		msgpass_late_release_due_locked(mailbox, wakeups);
}

/**
 * msgpass_late_release_some_locked() - release some, whatever is in the mailbox
 * @mailbox: the mailbox
 * @wakeups: who is to be woken
 *
 * Return: whether there are more.
 */
bool msgpass_late_release_some_locked(struct msgpass_mailbox *mailbox,
				      struct msgpass_wakeups *wakeups);

/* Release all, in sections of those. */
void msgpass_late_release_all(struct msgpass_mailbox *mailbox);

#endif /* MSGPASS_LATE_H */
