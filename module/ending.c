// SPDX-License-Identifier: GPL-2.0-only
#include <linux/lockdep.h>
#include <linux/sched.h>

#include "handover.h"
#include "late.h"
#include "link.h"
#include "mailbox.h"
#include "message.h"
#include "queue.h"
#include "wait.h"

/* How many messages are dropped in one section under the lock. */
#define DROPS_MAX	64

/* Release some of a list. The messages of those not admitted are dropped with them. */
static unsigned int release_some_locked(struct msgpass_mailbox *mailbox,
					struct list_head *waiters,
					struct msgpass_wakeups *wakeups,
					struct list_head *dropped)
{
	struct msgpass_waiter *waiter;
	unsigned int i;

	lockdep_assert_held(&mailbox->lock);

	for (i = 0; i < MSGPASS_SECTION_MAX; i++) {
		waiter = msgpass_first_waiter(waiters);
		if (!waiter)
			break;
		if (waiter->message && !waiter->id)
			list_add_tail(&waiter->message->node[MSGPASS_IN_MAILBOX], dropped);
		msgpass_waiter_release(waiter, mailbox->policy.end, wakeups);
	}
	return i;
}

/* Return whether somebody waited at a mailbox that has ended, and so others may. */
static bool release_some(struct msgpass_mailbox *mailbox, struct list_head *dropped)
{
	struct msgpass_wakeups wakeups;
	unsigned int senders, synchronous, receivers;
	bool late;

	msgpass_mailbox_lock(mailbox, &wakeups);
	late = msgpass_late_release_some_locked(mailbox, &wakeups);
	senders = release_some_locked(mailbox, &mailbox->senders, &wakeups, dropped);
	synchronous = release_some_locked(mailbox, &mailbox->synchronous, &wakeups, dropped);
	/* Nobody waits by a way: an inbox ends after the last thread has. */
	receivers = release_some_locked(mailbox, &mailbox->receivers, &wakeups, dropped);
	mailbox->senders_waiting -= senders;
	mailbox->receivers_waiting -= receivers;
	msgpass_mailbox_unlock(mailbox, &wakeups);
	return late || senders + synchronous + receivers;
}

/* Return whether there may be more. */
static bool drop_some(struct msgpass_mailbox *mailbox, struct list_head *dropped)
{
	struct msgpass_message *message;
	unsigned int i;
	bool rests;

	spin_lock(&mailbox->lock);
	for (i = 0; i < DROPS_MAX; i++) {
		message = msgpass_queue_any(&mailbox->queue);
		if (!message)
			break;
		rests = message->state == MSGPASS_QUEUED;
		msgpass_drop_locked(mailbox, message);
		if (rests)
			list_add_tail(&message->node[MSGPASS_IN_MAILBOX], dropped);
	}
	spin_unlock(&mailbox->lock);
	return i == DROPS_MAX;
}

bool msgpass_mailbox_end(struct msgpass_mailbox *mailbox, struct list_head *dropped)
{
	struct msgpass_wakeups wakeups;
	bool first;

	msgpass_mailbox_lock(mailbox, &wakeups);
	first = !mailbox->ended;
	mailbox->ended = true;
	mailbox->messages = 0;
	mailbox->bytes = 0;
	msgpass_let_go_locked(mailbox);
	msgpass_mailbox_unlock(mailbox, &wakeups);

	while (release_some(mailbox, dropped))
		cond_resched();
	/* All of them: an exclusive one does not pass the end on. */
	__wake_up(&mailbox->read_pollers, TASK_NORMAL, 0, poll_to_key(MSGPASS_GONE));
	__wake_up(&mailbox->write_pollers, TASK_NORMAL, 0, poll_to_key(MSGPASS_GONE));
	while (drop_some(mailbox, dropped))
		cond_resched();
	return first;
}

void msgpass_mailbox_let_go(struct msgpass_mailbox *mailbox)
{
	spin_lock(&mailbox->lock);
	mailbox->lets_go = true;
	if (!mailbox->messages)
		msgpass_let_go_locked(mailbox);
	spin_unlock(&mailbox->lock);
}

/*
 * No more messages will come by this way: tell some of those who wait for one.
 * Return whether there are more.
 */
static bool tell_ended_locked(struct msgpass_mailbox *mailbox, struct msgpass_way *way,
			      struct msgpass_wakeups *wakeups)
{
	struct msgpass_waiter *waiter;
	unsigned int i;

	lockdep_assert_held(&mailbox->lock);

	for (i = 0; i < MSGPASS_SECTION_MAX; i++) {
		waiter = msgpass_first_waiter(&way->receivers);
		if (!waiter)
			return false;
		mailbox->receivers_waiting--;
		msgpass_waiter_release(waiter, -ESRCH, wakeups);
	}
	return true;
}

bool msgpass_mailbox_end_way(struct msgpass_mailbox *mailbox,
			     struct msgpass_way *way)
{
	bool empty, more;

	do {
		struct msgpass_wakeups wakeups;

		msgpass_mailbox_lock(mailbox, &wakeups);
		way->ended = true;
		empty = mailbox->ended || !way->messages;
		more = empty && tell_ended_locked(mailbox, way, &wakeups);
		msgpass_mailbox_unlock(mailbox, &wakeups);
		cond_resched();
	} while (more);
	return empty;
}
