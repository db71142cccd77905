// SPDX-License-Identifier: GPL-2.0-only
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "handover.h"
#include "late.h"
#include "limit.h"
#include "link.h"
#include "mailbox.h"
#include "message.h"
#include "name.h"
#include "process.h"
#include "queue.h"
#include "spare.h"
#include "wait.h"

struct msgpass_mailbox *msgpass_mailbox_new(const struct msgpass_policy *policy,
					    struct msgpass_user *creator)
{
	struct msgpass_mailbox *mailbox;

	mailbox = msgpass_zalloc(sizeof(*mailbox));
	if (!mailbox)
		return NULL;
	refcount_set(&mailbox->references, 1);
	mailbox->policy = *policy;
	get_user_ns(policy->user_ns);
	if (policy->owner)
		msgpass_process_hold(policy->owner);
	INIT_LIST_HEAD(&mailbox->owned);
	mailbox->creator = creator;
	init_waitqueue_head(&mailbox->read_pollers);
	init_waitqueue_head(&mailbox->write_pollers);
	msgpass_trials_init(&mailbox->sending, &mailbox->messages, MSGPASS_YIELDS_OF_SENDER);
	msgpass_trials_init(&mailbox->receiving, &mailbox->messages, MSGPASS_YIELDS_OF_RECEIVER);
	spin_lock_init(&mailbox->lock);
	INIT_LIST_HEAD(&mailbox->receivers);
	INIT_LIST_HEAD(&mailbox->senders);
	INIT_LIST_HEAD(&mailbox->synchronous);
	msgpass_late_init(mailbox);
	msgpass_queue_init(&mailbox->queue, MSGPASS_IN_MAILBOX);
	return mailbox;
}

struct msgpass_mailbox *msgpass_mailbox_get(struct msgpass_mailbox *mailbox)
{
	refcount_inc(&mailbox->references);
	return mailbox;
}

void msgpass_mailbox_put(struct msgpass_mailbox *mailbox)
{
	LIST_HEAD(dropped);

	if (!refcount_dec_and_test(&mailbox->references))
		return;
	msgpass_mailbox_end(mailbox, &dropped);
	msgpass_message_free_all(&dropped);
	msgpass_late_exit(mailbox);
	if (mailbox->policy.owner) {
		msgpass_name_disown(mailbox);
		msgpass_process_put(mailbox->policy.owner);
	}
	if (mailbox->creator)
		msgpass_user_discharge_mailbox(mailbox->creator);
	put_user_ns(mailbox->policy.user_ns);
	kfree(mailbox);
}

static void change_locked(struct msgpass_mailbox *mailbox, const struct msgpass_set *set,
			  kuid_t uid, kgid_t gid)
{
	lockdep_assert_held(&mailbox->lock);

	if (set->flags & MSGPASS_SET_MODE)
		mailbox->policy.mode = set->mode;
	if (set->flags & MSGPASS_SET_UID)
		mailbox->policy.uid = uid;
	if (set->flags & MSGPASS_SET_GID)
		mailbox->policy.gid = gid;
	if (set->flags & MSGPASS_SET_CAPACITY)
		mailbox->policy.capacity = set->capacity;
}

/*
 * The capacity has changed: admit some of those who wait for that. Return whether
 * there are more. Who polls is told at the end, unless that was so before.
 */
static bool admit_some(struct msgpass_mailbox *mailbox, bool was_full)
{
	struct msgpass_wakeups wakeups;
	bool more;

	msgpass_mailbox_lock(mailbox, &wakeups);
	msgpass_admit_waiting_locked(mailbox, false, &wakeups);
	more = msgpass_can_admit_locked(mailbox);
	wakeups.writable = was_full && msgpass_admits_locked(mailbox, NULL);
	msgpass_mailbox_unlock(mailbox, &wakeups);
	return more;
}

int msgpass_mailbox_set(struct msgpass_mailbox *mailbox, const struct msgpass_set *set,
			kuid_t uid, kgid_t gid)
{
	struct msgpass_wakeups wakeups;
	bool full;
	int err = 0;

	msgpass_mailbox_lock(mailbox, &wakeups);
	full = !msgpass_admits_locked(mailbox, NULL);
	if (mailbox->ended)
		err = mailbox->policy.end;
	else
		change_locked(mailbox, set, uid, gid);
	msgpass_mailbox_unlock(mailbox, &wakeups);

	if (!err && set->flags & MSGPASS_SET_CAPACITY) {
		while (admit_some(mailbox, full))
			cond_resched();
		/* Half of what, now? */
		msgpass_late_release_all(mailbox);
	}
	return err;
}

int msgpass_mailbox_stat(struct msgpass_mailbox *mailbox,
			 struct msgpass_stat *stat)
{
	const struct msgpass_policy *policy = &mailbox->policy;
	int err = 0;
	kuid_t uid;
	kgid_t gid;

	if (policy->owner)
		stat->owner_pid = pid_nr_ns(policy->owner->pid,
					    task_active_pid_ns(current));
	stat->policy = policy->flags;
	stat->size_max = policy->size_max;

	spin_lock(&mailbox->lock);
	stat->capacity = mailbox->policy.capacity;
	stat->mode = mailbox->policy.mode;
	uid = mailbox->policy.uid;
	gid = mailbox->policy.gid;
	if (mailbox->ended)
		err = policy->end;
	stat->messages = mailbox->messages;
	stat->senders_waiting = mailbox->senders_waiting;
	stat->receivers_waiting = mailbox->receivers_waiting;
	stat->bytes = mailbox->bytes;
	stat->admitted_messages = mailbox->admitted_messages;
	stat->admitted_bytes = mailbox->admitted_bytes;
	stat->received_messages = mailbox->received_messages;
	stat->received_bytes = mailbox->received_bytes;
	spin_unlock(&mailbox->lock);

	stat->uid = from_kuid_munged(current_user_ns(), uid);
	stat->gid = from_kgid_munged(current_user_ns(), gid);
	return err;
}

void msgpass_mailbox_stat_way(struct msgpass_mailbox *mailbox,
			      const struct msgpass_way *way, u64 *messages, u64 *bytes)
{
	spin_lock(&mailbox->lock);
	*messages = way->admitted_messages;
	*bytes = way->admitted_bytes;
	spin_unlock(&mailbox->lock);
}

static bool readable_locked(struct msgpass_mailbox *mailbox)
{
	lockdep_assert_held(&mailbox->lock);

	return !mailbox->ended &&
	       (msgpass_queue_first(&mailbox->queue) || !list_empty(&mailbox->senders));
}

__poll_t msgpass_mailbox_poll(struct msgpass_mailbox *mailbox, u32 access,
			      struct file *file, poll_table *wait)
{
	bool receives = access & MSGPASS_ACCESS_RECEIVE;
	bool sends = access & MSGPASS_ACCESS_SEND;
	__poll_t ready = 0;

	/*
	 * Timeline POLL: join first, look second. Whoever may only send does not
	 * join the readers: as an exclusive poller it would swallow what is
	 * meant for one of them, and the other way round.
	 */
	if (receives || !sends)
		poll_wait(file, &mailbox->read_pollers, wait);
	if (sends)
		poll_wait(file, &mailbox->write_pollers, wait);

	spin_lock(&mailbox->lock);
	if (mailbox->ended)
		ready |= MSGPASS_GONE;
	if (receives && readable_locked(mailbox))
		ready |= MSGPASS_READABLE;
	if (sends && !mailbox->ended && msgpass_admits_locked(mailbox, NULL))
		ready |= MSGPASS_WRITABLE;
	spin_unlock(&mailbox->lock);
	return ready;
}
