// SPDX-License-Identifier: GPL-2.0-only
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>

#include "limit.h"
#include "mailbox.h"
#include "message.h"
#include "wait.h"

#define READABLE	(EPOLLIN | EPOLLRDNORM)
#define WRITABLE	(EPOLLOUT | EPOLLWRNORM)
#define GONE		(EPOLLHUP | EPOLLERR)

struct msgpass_mailbox *msgpass_mailbox_new(const struct msgpass_policy *policy,
					    struct msgpass_user *creator)
{
	struct msgpass_mailbox *mailbox;
	unsigned int i;

	mailbox = kzalloc(sizeof(*mailbox), GFP_KERNEL_ACCOUNT);
	if (!mailbox)
		return NULL;
	refcount_set(&mailbox->references, 1);
	mailbox->policy = *policy;
	get_user_ns(policy->user_ns);
	mailbox->creator = creator;
	init_waitqueue_head(&mailbox->read_pollers);
	init_waitqueue_head(&mailbox->write_pollers);
	spin_lock_init(&mailbox->lock);
	INIT_LIST_HEAD(&mailbox->receivers);
	INIT_LIST_HEAD(&mailbox->senders);
	INIT_LIST_HEAD(&mailbox->synchronous);
	INIT_LIST_HEAD(&mailbox->claimed);
	for (i = 0; i < MSGPASS_PRIORITIES; i++)
		INIT_LIST_HEAD(&mailbox->queue[i]);
	return mailbox;
}

struct msgpass_mailbox *msgpass_mailbox_get(struct msgpass_mailbox *mailbox)
{
	refcount_inc(&mailbox->references);
	return mailbox;
}

void msgpass_mailbox_put(struct msgpass_mailbox *mailbox)
{
	if (!refcount_dec_and_test(&mailbox->references))
		return;
	msgpass_mailbox_end(mailbox);
	if (mailbox->creator)
		msgpass_user_discharge_mailbox(mailbox->creator);
	put_user_ns(mailbox->policy.user_ns);
	kfree(mailbox);
}

static bool privileged(const struct msgpass_policy *policy)
{
	return policy->user_ns && ns_capable(policy->user_ns, CAP_IPC_OWNER);
}

bool msgpass_mailbox_owned(const struct msgpass_mailbox *mailbox)
{
	const struct msgpass_policy *policy = &mailbox->policy;

	return uid_eq(policy->uid, current_euid()) || privileged(policy);
}

bool msgpass_mailbox_permits(const struct msgpass_mailbox *mailbox, u32 access)
{
	const struct msgpass_policy *policy = &mailbox->policy;
	u32 granted = policy->mode;
	u32 wanted = 0;

	if (!access)
		return msgpass_mailbox_owned(mailbox);

	if (uid_eq(policy->uid, current_euid()))
		granted >>= 6;
	else if (in_egroup_p(policy->gid))
		granted >>= 3;
	if (access & MSGPASS_ACCESS_RECEIVE)
		wanted |= 04;
	if (access & MSGPASS_ACCESS_SEND)
		wanted |= 02;
	return (granted & wanted) == wanted || privileged(policy);
}

bool msgpass_mailbox_takes(const struct msgpass_mailbox *mailbox, u32 size)
{
	if (mailbox->policy.flags & MSGPASS_FIXED_SIZE)
		return size == mailbox->policy.size_max;
	return size <= mailbox->policy.size_max;
}

/*
 * Every change of a mailbox is between these two. What it released is woken
 * after the lock is dropped, in the same RCU section (timeline RELEASE).
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
static void lock_mailbox(struct msgpass_mailbox *mailbox)
	__acquires(RCU) __acquires(&mailbox->lock)
{
	rcu_read_lock();
	spin_lock(&mailbox->lock);
}

static void tell_pollers(struct wait_queue_head *pollers, __poll_t events)
{
	/* Timeline POLL */
	if (waitqueue_active(pollers))
		wake_up_interruptible_poll(pollers, events);
}

static void unlock_mailbox(struct msgpass_mailbox *mailbox,
			   struct msgpass_wakeups *wakeups)
	__releases(&mailbox->lock) __releases(RCU)
{
	spin_unlock(&mailbox->lock);
	msgpass_wake(wakeups);
	rcu_read_unlock();
	if (wakeups->readable)
		tell_pollers(&mailbox->read_pollers, READABLE);
	if (wakeups->writable)
		tell_pollers(&mailbox->write_pollers, WRITABLE);
}

static bool room_locked(struct msgpass_mailbox *mailbox)
{
	if (mailbox->policy.capacity == MSGPASS_UNBOUNDED)
		return true;
	if (!mailbox->policy.capacity)
		return !list_empty(&mailbox->receivers);
	return mailbox->messages < mailbox->policy.capacity;
}

static struct msgpass_message *first_locked(struct msgpass_mailbox *mailbox)
{
	unsigned int highest = fls(mailbox->occupied);

	if (!highest)
		return NULL;
	return list_first_entry(&mailbox->queue[highest - 1],
				struct msgpass_message, link);
}

/* By id within its priority. A new message has the highest, and goes last. */
static void rest_locked(struct msgpass_mailbox *mailbox,
			struct msgpass_message *message)
{
	struct list_head *queue = &mailbox->queue[message->priority];
	struct msgpass_message *later;

	message->state = MSGPASS_QUEUED;
	mailbox->occupied |= BIT(message->priority);

	if (message->id == mailbox->admitted_messages) {
		list_add_tail(&message->link, queue);
		return;
	}
	/* Given back: only others that were given back can be ahead of it. */
	list_for_each_entry(later, queue, link)
		if (later->id > message->id)
			break;
	list_add_tail(&message->link, &later->link);
}

static void unrest_locked(struct msgpass_mailbox *mailbox,
			  struct msgpass_message *message)
{
	list_del_init(&message->link);
	if (list_empty(&mailbox->queue[message->priority]))
		mailbox->occupied &= ~BIT(message->priority);
}

static void claim_locked(struct msgpass_mailbox *mailbox,
			 struct msgpass_message *message)
{
	message->state = MSGPASS_CLAIMED;
	list_add_tail(&message->link, &mailbox->claimed);
}

/* Hand an admitted message to the first waiting receiver, or let it rest. */
static void place_locked(struct msgpass_mailbox *mailbox,
			 struct msgpass_message *message,
			 struct msgpass_wakeups *wakeups)
{
	struct msgpass_waiter *receiver;

	receiver = list_first_entry_or_null(&mailbox->receivers,
					    struct msgpass_waiter, link);
	if (!receiver) {
		rest_locked(mailbox, message);
		wakeups->readable = true;
		return;
	}
	claim_locked(mailbox, message);
	receiver->message = message;
	mailbox->receivers_waiting--;
	msgpass_waiter_release(receiver, 0, wakeups);
}

static void admit_locked(struct msgpass_mailbox *mailbox,
			 struct msgpass_message *message,
			 struct msgpass_wakeups *wakeups)
{
	struct msgpass_waiter *sender = message->sender;

	message->id = ++mailbox->admitted_messages;
	mailbox->admitted_bytes += message->size;
	mailbox->messages++;
	mailbox->bytes += message->size;
	if (sender) {
		sender->id = message->id;
		list_add_tail(&sender->link, &mailbox->synchronous);
	}
	place_locked(mailbox, message, wakeups);
}

/* There may be room now: admit those who wait for it, first come first. */
static void admit_waiting_locked(struct msgpass_mailbox *mailbox,
				 struct msgpass_wakeups *wakeups)
{
	struct msgpass_message *message;
	struct msgpass_waiter *sender;

	while (!list_empty(&mailbox->senders) && room_locked(mailbox)) {
		sender = list_first_entry(&mailbox->senders,
					  struct msgpass_waiter, link);
		message = sender->message;
		list_del_init(&sender->link);
		mailbox->senders_waiting--;
		admit_locked(mailbox, message, wakeups);
		if (!message->sender) {
			sender->id = message->id;
			msgpass_waiter_release(sender, 0, wakeups);
		}
	}
}

/* An admitted message is in the mailbox no more, for whatever reason. */
static void leave_locked(struct msgpass_mailbox *mailbox,
			 struct msgpass_message *message,
			 struct msgpass_wakeups *wakeups)
{
	bool full = !room_locked(mailbox);

	mailbox->messages--;
	mailbox->bytes -= message->size;
	admit_waiting_locked(mailbox, wakeups);
	if (full && room_locked(mailbox))
		wakeups->writable = true;
}

/*
 * The sender's patience is over. Return the outcome if it was released all the
 * same; else take the message back, from wherever it is, and return @err.
 */
static int withdraw(struct msgpass_mailbox *mailbox, struct msgpass_waiter *self,
		    int err)
{
	struct msgpass_message *message = self->message;
	struct msgpass_wakeups wakeups = { };

	lock_mailbox(mailbox);
	if (self->outcome != MSGPASS_WAITING) {
		err = self->outcome;
		unlock_mailbox(mailbox, &wakeups);
		return err;
	}

	list_del_init(&self->link);
	switch (message->state) {
	case MSGPASS_PENDING:
		mailbox->senders_waiting--;
		break;
	case MSGPASS_QUEUED:
		unrest_locked(mailbox, message);
		leave_locked(mailbox, message, &wakeups);
		break;
	case MSGPASS_CLAIMED:
		list_del_init(&message->link);
		message->state = MSGPASS_REVOKED;
		leave_locked(mailbox, message, &wakeups);
		fallthrough;
	case MSGPASS_REVOKED:
		message = NULL;		/* its claimer frees it */
	}
	unlock_mailbox(mailbox, &wakeups);

	if (message)
		msgpass_message_free(message);
	return err;
}

int msgpass_mailbox_send(struct msgpass_mailbox *mailbox,
			 struct msgpass_message *message, bool sync,
			 const struct msgpass_patience *patience, u64 *id)
{
	struct msgpass_wakeups wakeups = { };
	struct msgpass_waiter self;
	bool waits = false;
	int err = 0;

	msgpass_waiter_init(&self, message);

	lock_mailbox(mailbox);
	sync |= !mailbox->policy.capacity && !patience->none;
	if (sync)
		message->sender = &self;
	if (mailbox->ended) {
		err = mailbox->policy.end;
	} else if (room_locked(mailbox)) {
		admit_locked(mailbox, message, &wakeups);
		*id = message->id;
		waits = sync;
	} else if (patience->none) {
		err = -EAGAIN;
	} else {
		msgpass_waiter_queue(&self, &mailbox->senders);
		mailbox->senders_waiting++;
		wakeups.readable = !mailbox->policy.capacity;
		waits = true;
	}
	unlock_mailbox(mailbox, &wakeups);

	if (err) {
		msgpass_message_free(message);
		return err;
	}
	if (!waits)
		return 0;

	err = msgpass_wait(&self, patience->deadline);
	err = err ? withdraw(mailbox, &self, err) : self.outcome;
	if (!err)
		*id = self.id;
	return err;
}

struct msgpass_message *msgpass_mailbox_claim(struct msgpass_mailbox *mailbox,
					      const struct msgpass_patience *patience)
{
	struct msgpass_wakeups wakeups = { };
	struct msgpass_message *message;
	struct msgpass_waiter self;
	int err = 0;

	lock_mailbox(mailbox);
	message = first_locked(mailbox);
	if (mailbox->ended) {
		err = mailbox->policy.end;
	} else if (message) {
		unrest_locked(mailbox, message);
		claim_locked(mailbox, message);
	} else {
		msgpass_waiter_init(&self, NULL);
		msgpass_waiter_queue(&self, &mailbox->receivers);
		mailbox->receivers_waiting++;
		/*
		 * With capacity 0 our coming is what makes room for a sender.
		 * So we come even without patience, and may release ourselves.
		 */
		admit_waiting_locked(mailbox, &wakeups);
		message = self.message;
		if (!message && patience->none) {
			list_del_init(&self.link);
			mailbox->receivers_waiting--;
			err = -EAGAIN;
		} else if (!message) {
			wakeups.writable = !mailbox->policy.capacity;
		}
	}
	unlock_mailbox(mailbox, &wakeups);

	if (err)
		return ERR_PTR(err);
	if (message)
		return message;

	err = msgpass_wait(&self, patience->deadline);
	if (err) {
		memset(&wakeups, 0, sizeof(wakeups));
		lock_mailbox(mailbox);
		if (self.outcome == MSGPASS_WAITING) {
			list_del_init(&self.link);
			mailbox->receivers_waiting--;
			self.outcome = err;
		}
		unlock_mailbox(mailbox, &wakeups);
	}
	return self.outcome ? ERR_PTR(self.outcome) : self.message;
}

int msgpass_mailbox_commit(struct msgpass_mailbox *mailbox,
			   struct msgpass_message *message)
{
	struct msgpass_wakeups wakeups = { };
	int err = 0;

	lock_mailbox(mailbox);
	if (message->state == MSGPASS_REVOKED) {
		err = -EAGAIN;
	} else if (fatal_signal_pending(current)) {
		/* Its memory is about to go: that would be nobody's receipt. */
		list_del_init(&message->link);
		place_locked(mailbox, message, &wakeups);
		message = NULL;
		err = -ERESTARTSYS;
	} else {
		list_del_init(&message->link);
		mailbox->received_messages++;
		mailbox->received_bytes += message->size;
		if (message->sender)
			msgpass_waiter_release(message->sender, 0, &wakeups);
		leave_locked(mailbox, message, &wakeups);
	}
	unlock_mailbox(mailbox, &wakeups);

	if (message)
		msgpass_message_free(message);
	return err;
}

void msgpass_mailbox_give_back(struct msgpass_mailbox *mailbox,
			       struct msgpass_message *message)
{
	struct msgpass_wakeups wakeups = { };

	lock_mailbox(mailbox);
	if (message->state != MSGPASS_REVOKED) {
		list_del_init(&message->link);
		place_locked(mailbox, message, &wakeups);
		message = NULL;
	}
	unlock_mailbox(mailbox, &wakeups);

	if (message)
		msgpass_message_free(message);
}

static void release_all_locked(struct list_head *waiters, int outcome,
			       struct msgpass_wakeups *wakeups)
{
	struct msgpass_waiter *waiter, *next;

	list_for_each_entry_safe(waiter, next, waiters, link)
		msgpass_waiter_release(waiter, outcome, wakeups);
}

bool msgpass_mailbox_end(struct msgpass_mailbox *mailbox)
{
	struct msgpass_wakeups wakeups = { };
	struct msgpass_message *message, *next;
	int end = mailbox->policy.end;
	struct msgpass_waiter *sender;
	LIST_HEAD(dropped);
	unsigned int i;
	bool first;

	lock_mailbox(mailbox);
	first = !mailbox->ended;
	mailbox->ended = true;
	for (i = 0; i < MSGPASS_PRIORITIES; i++)
		list_splice_tail_init(&mailbox->queue[i], &dropped);
	mailbox->occupied = 0;
	list_for_each_entry(sender, &mailbox->senders, link)
		list_add_tail(&sender->message->link, &dropped);
	list_for_each_entry_safe(message, next, &mailbox->claimed, link) {
		list_del_init(&message->link);
		message->state = MSGPASS_REVOKED;
	}
	mailbox->messages = 0;
	mailbox->bytes = 0;
	mailbox->senders_waiting = 0;
	mailbox->receivers_waiting = 0;
	release_all_locked(&mailbox->senders, end, &wakeups);
	release_all_locked(&mailbox->synchronous, end, &wakeups);
	release_all_locked(&mailbox->receivers, end, &wakeups);
	unlock_mailbox(mailbox, &wakeups);

	/* All of them: an exclusive one does not pass the end on. */
	__wake_up(&mailbox->read_pollers, TASK_NORMAL, 0, poll_to_key(GONE));
	__wake_up(&mailbox->write_pollers, TASK_NORMAL, 0, poll_to_key(GONE));

	list_for_each_entry_safe(message, next, &dropped, link) {
		msgpass_message_free(message);
		cond_resched();
	}
	return first;
}

int msgpass_mailbox_stat(struct msgpass_mailbox *mailbox,
			 struct msgpass_stat *stat)
{
	const struct msgpass_policy *policy = &mailbox->policy;
	int err = 0;

	stat->policy = policy->flags;
	stat->capacity = policy->capacity;
	stat->size_max = policy->size_max;
	stat->mode = policy->mode;
	stat->uid = from_kuid_munged(current_user_ns(), policy->uid);
	stat->gid = from_kgid_munged(current_user_ns(), policy->gid);

	spin_lock(&mailbox->lock);
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
	return err;
}

static bool readable_locked(struct msgpass_mailbox *mailbox)
{
	return mailbox->occupied ||
	       (!mailbox->policy.capacity && !list_empty(&mailbox->senders));
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
		ready |= GONE;
	if (receives && readable_locked(mailbox))
		ready |= READABLE;
	if (sends && !mailbox->ended && room_locked(mailbox))
		ready |= WRITABLE;
	spin_unlock(&mailbox->lock);
	return ready;
}
