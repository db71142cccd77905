// SPDX-License-Identifier: GPL-2.0-only
#include <linux/lockdep.h>
#include <linux/sched.h>
#include <linux/sched/rt.h>
#include <linux/workqueue.h>

#include "handover.h"
#include "late.h"
#include "mailbox.h"
#include "wait.h"

/* Half of less than this is next to nothing. */
#define CAPACITY_MIN	4

bool msgpass_may_be_late_locked(struct msgpass_mailbox *mailbox,
				const struct msgpass_waiter *sender)
{
	lockdep_assert_held(&mailbox->lock);

	/* One that has not gone to sleep yet need not be woken: it looks by itself. */
	return sender->rank == MAX_RT_PRIO && mailbox->policy.capacity >= CAPACITY_MIN &&
	       !task_is_running(sender->task);
}

void msgpass_late_add_locked(struct msgpass_mailbox *mailbox, struct msgpass_waiter *sender)
{
	lockdep_assert_held(&mailbox->lock);

	sender->message = NULL;
	list_add_tail(&sender->link, &mailbox->admitted);
	/* If it is pending it has not begun, and will see this one, too. */
	if (!delayed_work_pending(&mailbox->late)) {
		mailbox->late_scheduled = true;
		/* By any CPU: a real-time receiver may have this one. */
		queue_delayed_work(system_unbound_wq, &mailbox->late, 1);
	}
}

static void release_first_locked(struct msgpass_mailbox *mailbox,
				 struct msgpass_wakeups *wakeups)
{
	msgpass_waiter_release(list_first_entry(&mailbox->admitted, struct msgpass_waiter, link),
			       0, wakeups);
}

bool msgpass_late_release_some_locked(struct msgpass_mailbox *mailbox,
				      struct msgpass_wakeups *wakeups)
{
	unsigned int i;

	lockdep_assert_held(&mailbox->lock);

	for (i = 0; i < MSGPASS_SECTION_MAX && !list_empty(&mailbox->admitted); i++)
		release_first_locked(mailbox, wakeups);
	return !list_empty(&mailbox->admitted);
}

void msgpass_late_release_due_locked(struct msgpass_mailbox *mailbox,
				     struct msgpass_wakeups *wakeups)
{
	lockdep_assert_held(&mailbox->lock);

	if (!mailbox->messages)
		msgpass_late_release_some_locked(mailbox, wakeups);
	else if (mailbox->messages <= mailbox->policy.capacity / 2)
		release_first_locked(mailbox, wakeups);
}

void msgpass_late_release_all(struct msgpass_mailbox *mailbox)
{
	bool more;

	do {
		struct msgpass_wakeups wakeups;

		msgpass_mailbox_lock(mailbox, &wakeups);
		more = msgpass_late_release_some_locked(mailbox, &wakeups);
		msgpass_mailbox_unlock(mailbox, &wakeups);
		cond_resched();
	} while (more);
}

static void release_late(struct work_struct *work)
{
	msgpass_late_release_all(container_of(to_delayed_work(work), struct msgpass_mailbox,
					      late));
}

void msgpass_late_init(struct msgpass_mailbox *mailbox)
{
	INIT_LIST_HEAD(&mailbox->admitted);
	INIT_DELAYED_WORK(&mailbox->late, release_late);
}

void msgpass_late_exit(struct msgpass_mailbox *mailbox)
{
	/* Most have never needed it, and need not ask. */
	if (mailbox->late_scheduled)
		cancel_delayed_work_sync(&mailbox->late);
}
