// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/sched/signal.h>

#include "handover.h"
#include "late.h"
#include "link.h"
#include "mailbox.h"
#include "message.h"
#include "wait.h"

void msgpass_mailbox_wake(struct msgpass_mailbox *mailbox,
			  struct msgpass_wakeups *wakeups)
{
	unsigned int i;

	for (i = 0; i < wakeups->count; i++)
		msgpass_wake(wakeups->tasks[i]);
	if (wakeups->is_drained) {
		msgpass_mailbox_end_way(mailbox, wakeups->drained);
		msgpass_link_drop(wakeups->drained->link);
		msgpass_link_put(wakeups->drained->link);
	}
	/* Timeline POLL */
	if (wakeups->readable && waitqueue_active(&mailbox->read_pollers))
		wake_up_interruptible_poll(&mailbox->read_pollers, MSGPASS_READABLE);
	/* All: it is told once, however much room follows. */
	if (wakeups->writable && waitqueue_active(&mailbox->write_pollers))
		__wake_up(&mailbox->write_pollers, TASK_INTERRUPTIBLE, 0,
			  poll_to_key(MSGPASS_WRITABLE));
}

/*
 * A waiting receiver always makes room: what is handed over does not rest.
 * Receivers that wait for one sender do so for that one only.
 */
static inline bool room_locked(struct msgpass_mailbox *mailbox, struct msgpass_way *way)
{
	lockdep_assert_held(&mailbox->lock);

	/* MSGPASS_UNBOUNDED is more than there can be. */
	return mailbox->messages < mailbox->policy.capacity ||
	       !list_empty(&mailbox->receivers) || (way && !list_empty(&way->receivers));
}

/* Not before those that wait already. */
bool msgpass_admits_locked(struct msgpass_mailbox *mailbox, struct msgpass_way *way)
{
	lockdep_assert_held(&mailbox->lock);

	return room_locked(mailbox, way) &&
	       (list_empty(&mailbox->senders) || (way && !list_empty(&way->receivers)));
}

/* The place that it has, at rest or claimed, until it leaves the mailbox. */
static __always_inline void enqueue_locked(struct msgpass_mailbox *mailbox,
					   struct msgpass_message *message, bool newest)
{
	struct msgpass_way *way = message->way;

	lockdep_assert_held(&mailbox->lock);

	msgpass_queue_add(&mailbox->queue, MSGPASS_IN_MAILBOX, message, newest);
	if (way)
		msgpass_queue_add(&way->queue, MSGPASS_IN_WAY, message, newest);
}

static inline void dequeue_locked(struct msgpass_mailbox *mailbox,
				  struct msgpass_message *message)
{
	lockdep_assert_held(&mailbox->lock);

	msgpass_queue_remove(MSGPASS_IN_MAILBOX, message);
	if (message->way)
		msgpass_queue_remove(MSGPASS_IN_WAY, message);
}

static inline void rest_locked(struct msgpass_mailbox *mailbox,
			       struct msgpass_message *message)
{
	lockdep_assert_held(&mailbox->lock);

	message->state = MSGPASS_QUEUED;
	if (unlikely(message->aside)) {
		msgpass_queue_restore(&mailbox->queue, message);
		if (message->way)
			msgpass_queue_restore(&message->way->queue, message);
	}
	if (unlikely(!mailbox->keeps_module)) {
		mailbox->keeps_module = true;
		/* Whoever is about to let it rest holds the module, too. */
		__module_get(THIS_MODULE);
	}
}

void msgpass_let_go_locked(struct msgpass_mailbox *mailbox)
{
	lockdep_assert_held(&mailbox->lock);

	if (mailbox->keeps_module)
		module_put(THIS_MODULE);
	mailbox->keeps_module = false;
	mailbox->lets_go = false;
}

/* Join those who wait at a mailbox, or for one sender of it. */
static void wait_locked(struct msgpass_mailbox *mailbox,
			struct msgpass_waiter *self, struct list_head *waiters)
{
	lockdep_assert_held(&mailbox->lock);

	self->turn = ++mailbox->turns;
	msgpass_waiter_queue(self, waiters);
}

void msgpass_revoke_locked(struct msgpass_mailbox *mailbox, struct msgpass_message *message)
{
	lockdep_assert_held(&mailbox->lock);

	dequeue_locked(mailbox, message);
	message->state = MSGPASS_REVOKED;
}

struct msgpass_waiter *msgpass_first_receiver_locked(struct msgpass_mailbox *mailbox,
						     struct msgpass_way *way)
{
	lockdep_assert_held(&mailbox->lock);

	return msgpass_waiter_earlier(msgpass_first_waiter(&mailbox->receivers),
				      way ? msgpass_first_waiter(&way->receivers) : NULL);
}

/* Return whether there is a receiver that waits for it. */
static bool hand_over_locked(struct msgpass_mailbox *mailbox, struct msgpass_message *message,
			     struct msgpass_wakeups *wakeups)
{
	struct msgpass_waiter *receiver;

	lockdep_assert_held(&mailbox->lock);

	receiver = msgpass_first_receiver_locked(mailbox, message->way);
	if (!receiver)
		return false;
	message->state = MSGPASS_CLAIMED;
	receiver->message = message;
	mailbox->receivers_waiting--;
	msgpass_waiter_release(receiver, 0, wakeups);
	return true;
}

/* For the first receiver that waits for it, or for the next that comes. */
static __always_inline void place_locked(struct msgpass_mailbox *mailbox,
					 struct msgpass_message *message,
					 struct msgpass_wakeups *wakeups)
{
	lockdep_assert_held(&mailbox->lock);

	if (mailbox->receivers_waiting && hand_over_locked(mailbox, message, wakeups))
		return;
	rest_locked(mailbox, message);
	/* Timeline POLL */
	wakeups->readable = waitqueue_active(&mailbox->read_pollers);
}

void msgpass_enter_locked(struct msgpass_mailbox *mailbox, struct msgpass_message *message,
			  struct msgpass_wakeups *wakeups)
{
	lockdep_assert_held(&mailbox->lock);

	enqueue_locked(mailbox, message, message->id == mailbox->admitted_messages);
	place_locked(mailbox, message, wakeups);
}

static void count_in_way_locked(struct msgpass_mailbox *mailbox,
				const struct msgpass_message *message)
{
	struct msgpass_way *way = message->way;

	lockdep_assert_held(&mailbox->lock);

	way->messages++;
	if (!way->admitted_messages++)
		WRITE_ONCE(way->since, ktime_get());
	way->admitted_bytes += message->size;
}

static __always_inline void admit_locked(struct msgpass_mailbox *mailbox,
					 struct msgpass_message *message,
					 struct msgpass_wakeups *wakeups)
{
	struct msgpass_waiter *sender = message->sender;

	lockdep_assert_held(&mailbox->lock);

	message->id = ++mailbox->admitted_messages;
	mailbox->admitted_bytes += message->size;
	mailbox->messages++;
	mailbox->bytes += message->size;
	if (message->way)
		count_in_way_locked(mailbox, message);
	if (sender) {
		sender->id = message->id;
		list_add_tail(&sender->link, &mailbox->synchronous);
	}
	enqueue_locked(mailbox, message, true);
	place_locked(mailbox, message, wakeups);
}

void msgpass_admit_locked(struct msgpass_mailbox *mailbox, struct msgpass_message *message,
			  struct msgpass_wakeups *wakeups)
{
	admit_locked(mailbox, message, wakeups);
}

/* Admit a sender that waits for it; @late: who may be woken late (late.h) is. */
static void admit_sender_locked(struct msgpass_mailbox *mailbox,
				struct msgpass_waiter *sender, bool late,
				struct msgpass_wakeups *wakeups)
{
	struct msgpass_message *message = sender->message;

	lockdep_assert_held(&mailbox->lock);

	msgpass_waiter_unqueue(sender);
	mailbox->senders_waiting--;
	msgpass_admit_locked(mailbox, message, wakeups);
	if (message->sender)
		return;
	sender->id = message->id;
	if (late && msgpass_may_be_late_locked(mailbox, sender))
		msgpass_late_add_locked(mailbox, sender);
	else
		msgpass_waiter_release(sender, 0, wakeups);
}

bool msgpass_can_admit_locked(struct msgpass_mailbox *mailbox)
{
	lockdep_assert_held(&mailbox->lock);

	return !mailbox->ended && !list_empty(&mailbox->senders) &&
	       room_locked(mailbox, NULL);
}

void msgpass_admit_waiting_locked(struct msgpass_mailbox *mailbox, bool late,
				  struct msgpass_wakeups *wakeups)
{
	unsigned int i;

	lockdep_assert_held(&mailbox->lock);

	for (i = 0; i < MSGPASS_SECTION_MAX && msgpass_can_admit_locked(mailbox); i++)
		admit_sender_locked(mailbox, msgpass_first_waiter(&mailbox->senders), late,
				    wakeups);
}

static __always_inline void leave_locked(struct msgpass_mailbox *mailbox,
					 struct msgpass_way *way, u32 size,
					 struct msgpass_wakeups *wakeups)
{
	bool is_news;

	lockdep_assert_held(&mailbox->lock);

	/* Timeline POLL */
	is_news = waitqueue_active(&mailbox->write_pollers) &&
		  !msgpass_admits_locked(mailbox, NULL);
	mailbox->messages--;
	mailbox->bytes -= size;
	if (way && !--way->messages && way->ended) {
		msgpass_link_hold(way->link);
		wakeups->is_drained = true;
		wakeups->drained = way;
	}
	if (!list_empty(&mailbox->senders))
		msgpass_admit_waiting_locked(mailbox, true, wakeups);
	msgpass_late_left_locked(mailbox, wakeups);
	if (!mailbox->messages && mailbox->lets_go)
		msgpass_let_go_locked(mailbox);
	if (is_news && msgpass_admits_locked(mailbox, NULL))
		wakeups->writable = true;
}

void msgpass_leave_locked(struct msgpass_mailbox *mailbox, struct msgpass_way *way,
			  u32 size, struct msgpass_wakeups *wakeups)
{
	leave_locked(mailbox, way, size, wakeups);
}

/*
 * Undo a claim. The message is where it was, for the next receiver, but for one that is
 * lent: that leaves its place to a copy. Return it if it is now to be freed.
 */
static struct msgpass_message *give_back_locked(struct msgpass_mailbox *mailbox,
						struct msgpass_message *message,
						struct msgpass_wakeups *wakeups)
{
	lockdep_assert_held(&mailbox->lock);

	if (!message->is_lent) {
		place_locked(mailbox, message, wakeups);
		return NULL;
	}
	dequeue_locked(mailbox, message);
	msgpass_waiter_release(message->sender, -EAGAIN, wakeups);
	return message;
}

int msgpass_withdraw(struct msgpass_mailbox *mailbox, struct msgpass_waiter *self, int err)
{
	struct msgpass_message *message;
	struct msgpass_wakeups wakeups;

	msgpass_mailbox_lock(mailbox, &wakeups);
	if (self->outcome != MSGPASS_WAITING) {
		err = self->outcome;
		msgpass_mailbox_unlock(mailbox, &wakeups);
		return err;
	}

	msgpass_waiter_unqueue(self);
	message = self->message;
	if (!message) {
		/* It is admitted, and was to be told later. */
		msgpass_mailbox_unlock(mailbox, &wakeups);
		return 0;
	}
	if (mailbox->ended && self->id) {
		/* It went with the mailbox, which has not come to tell us yet. */
		msgpass_mailbox_unlock(mailbox, &wakeups);
		return mailbox->policy.end;
	}
	switch (message->state) {
	case MSGPASS_PENDING:
		mailbox->senders_waiting--;
		break;
	case MSGPASS_QUEUED:
		dequeue_locked(mailbox, message);
		msgpass_leave_locked(mailbox, message->way, message->size, &wakeups);
		break;
	case MSGPASS_CLAIMED:
		msgpass_revoke_locked(mailbox, message);
		msgpass_leave_locked(mailbox, message->way, message->size, &wakeups);
		fallthrough;
	case MSGPASS_REVOKED:
		message = NULL;		/* its claimer frees it */
	}
	/* Its receiver may never use the device, and so not let go of it. */
	if (!mailbox->messages)
		msgpass_let_go_locked(mailbox);
	msgpass_mailbox_unlock(mailbox, &wakeups);

	if (message)
		msgpass_message_free(message);
	return err;
}

/* It is not admitted at once, or its receipt is waited for. */
static int send_waiting(struct msgpass_mailbox *mailbox, struct msgpass_message *message,
			bool sync, const struct msgpass_patience *patience, u64 *id,
			struct msgpass_wakeups *wakeups)
	__releases(&mailbox->lock)
{
	struct msgpass_waiter self MSGPASS_UNINITIALIZED;
	bool waits = false;
	int err = 0;

	lockdep_assert_held(&mailbox->lock);

	msgpass_waiter_init(&self, message);
	if (sync)
		message->sender = &self;
	if (mailbox->ended) {
		err = mailbox->policy.end;
	} else if (msgpass_admits_locked(mailbox, message->way)) {
		msgpass_admit_locked(mailbox, message, wakeups);
		*id = message->id;
		waits = sync;
	} else if (patience->none) {
		err = -EAGAIN;
	} else {
		wait_locked(mailbox, &self, &mailbox->senders);
		if (message->way)
			msgpass_waiter_queue_in_way(&self, &message->way->senders);
		mailbox->senders_waiting++;
		wakeups->readable = !msgpass_queue_first(&mailbox->queue);
		waits = true;
	}
	msgpass_mailbox_unlock(mailbox, wakeups);

	if (err) {
		msgpass_message_free(message);
		return err;
	}
	if (!waits)
		return 0;

	err = msgpass_wait(&self, patience->deadline, &mailbox->sending);
	err = err ? msgpass_withdraw(mailbox, &self, err) : self.outcome;
	if (!err)
		*id = self.id;
	return err;
}

int msgpass_mailbox_send(struct msgpass_mailbox *mailbox,
			 struct msgpass_message *message, bool sync,
			 const struct msgpass_patience *patience, u64 *id)
{
	struct msgpass_wakeups wakeups MSGPASS_UNINITIALIZED;

	msgpass_mailbox_lock(mailbox, &wakeups);
	sync |= !mailbox->policy.capacity && !patience->none;
	if (sync || mailbox->ended || !msgpass_admits_locked(mailbox, message->way))
		return send_waiting(mailbox, message, sync, patience, id, &wakeups);
	admit_locked(mailbox, message, &wakeups);
	*id = message->id;
	msgpass_mailbox_unlock(mailbox, &wakeups);
	return 0;
}

/* The sender whose message a receiver that has come can have without its resting. */
static struct msgpass_waiter *waiting_sender(struct msgpass_mailbox *mailbox,
					     struct msgpass_way *way)
{
	if (way)
		return list_first_entry_or_null(&way->senders, struct msgpass_waiter,
						in_way);
	return msgpass_first_waiter(&mailbox->senders);
}

/*
 * Nothing rests for us: wait, unless a sender waits already. It hands over to us,
 * for we are the only receiver that waits for its message. So we join even
 * without patience, and may release ourselves.
 */
static void come_locked(struct msgpass_mailbox *mailbox, struct msgpass_way *way,
			struct msgpass_waiter *self, struct msgpass_wakeups *wakeups)
{
	struct msgpass_waiter *sender = waiting_sender(mailbox, way);

	lockdep_assert_held(&mailbox->lock);

	wait_locked(mailbox, self, way ? &way->receivers : &mailbox->receivers);
	mailbox->receivers_waiting++;
	if (sender)
		admit_sender_locked(mailbox, sender, false, wakeups);
}

static void leave_waiting_locked(struct msgpass_mailbox *mailbox,
				 struct msgpass_waiter *self, int outcome)
{
	lockdep_assert_held(&mailbox->lock);

	list_del_init(&self->link);
	mailbox->receivers_waiting--;
	self->outcome = outcome;
}

/* Nothing rests that is to be had. */
static struct msgpass_message *
claim_waiting(struct msgpass_mailbox *mailbox, struct msgpass_way *way, u32 room,
	      const struct msgpass_patience *patience)
	__releases(&mailbox->lock)
{
	struct msgpass_wakeups wakeups MSGPASS_UNINITIALIZED;
	struct msgpass_waiter self MSGPASS_UNINITIALIZED;
	bool late = false;
	int err;

	lockdep_assert_held(&mailbox->lock);

	msgpass_wakeups_init(&wakeups);
	msgpass_waiter_init(&self, NULL);
	self.room = room;
	if (mailbox->ended) {
		self.outcome = mailbox->policy.end;
	} else if (way && way->ended && !way->messages) {
		self.outcome = -ESRCH;
	} else {
		come_locked(mailbox, way, &self, &wakeups);
		if (self.outcome == MSGPASS_WAITING && patience->none)
			leave_waiting_locked(mailbox, &self, -EAGAIN);
		else if (self.outcome == MSGPASS_WAITING && !way)
			wakeups.writable = mailbox->messages >= mailbox->policy.capacity;
	}
	/* Who waits, or goes away, is not to be waited for by those who could send more. */
	if (unlikely(!list_empty(&mailbox->admitted)))
		late = msgpass_late_release_some_locked(mailbox, &wakeups);
	err = self.outcome;
	msgpass_mailbox_unlock(mailbox, &wakeups);

	if (late)
		msgpass_late_release_all(mailbox);
	if (err == MSGPASS_WAITING) {
		err = msgpass_wait(&self, patience->deadline, &mailbox->receiving);
		if (err) {
			msgpass_mailbox_lock(mailbox, &wakeups);
			if (self.outcome == MSGPASS_WAITING)
				leave_waiting_locked(mailbox, &self, err);
			msgpass_mailbox_unlock(mailbox, &wakeups);
		}
		err = self.outcome;
	}
	return err ? ERR_PTR(err) : self.message;
}

struct msgpass_message *msgpass_mailbox_claim(struct msgpass_mailbox *mailbox,
					      struct msgpass_way *way,
					      struct msgpass_message *message, u32 room,
					      const struct msgpass_patience *patience)
	__releases(&mailbox->lock)
{
	lockdep_assert_held(&mailbox->lock);

	if (!message)
		return claim_waiting(mailbox, way, room, patience);
	message->state = MSGPASS_CLAIMED;
	spin_unlock(&mailbox->lock);
	return message;
}

void msgpass_drop_locked(struct msgpass_mailbox *mailbox, struct msgpass_message *message)
{
	lockdep_assert_held(&mailbox->lock);

	/* It still hangs in the queue of its way, which nobody may read any more. */
	msgpass_queue_remove(MSGPASS_IN_MAILBOX, message);
	message->state = MSGPASS_REVOKED;
}

/* The messages of a mailbox that has ended are dropped by whoever comes first. */
static inline void drop_if_ended_locked(struct msgpass_mailbox *mailbox,
					struct msgpass_message *message)
{
	lockdep_assert_held(&mailbox->lock);

	if (unlikely(mailbox->ended) && message->state == MSGPASS_CLAIMED)
		msgpass_drop_locked(mailbox, message);
}

static __always_inline void receive_locked(struct msgpass_mailbox *mailbox,
					   struct msgpass_message *message,
					   struct msgpass_wakeups *wakeups)
{
	lockdep_assert_held(&mailbox->lock);

	dequeue_locked(mailbox, message);
	mailbox->received_messages++;
	mailbox->received_bytes += message->size;
	if (message->sender)
		msgpass_waiter_release(message->sender, 0, wakeups);
	leave_locked(mailbox, message->way, message->size, wakeups);
}

void msgpass_mailbox_take(struct msgpass_mailbox *mailbox, struct msgpass_message *message)
	__releases(&mailbox->lock)
{
	struct msgpass_wakeups wakeups MSGPASS_UNINITIALIZED;

	msgpass_wakeups_init(&wakeups);
	receive_locked(mailbox, message, &wakeups);
	msgpass_mailbox_unlock(mailbox, &wakeups);
	msgpass_message_free(message);
}

int msgpass_mailbox_commit(struct msgpass_mailbox *mailbox,
			   struct msgpass_message *message)
{
	struct msgpass_wakeups wakeups MSGPASS_UNINITIALIZED;
	int err = 0;

	msgpass_mailbox_lock(mailbox, &wakeups);
	drop_if_ended_locked(mailbox, message);
	if (message->state == MSGPASS_REVOKED) {
		/* Senders that withdraw one by one must not keep us here. */
		err = signal_pending(current) ? -ERESTARTSYS : -EAGAIN;
	} else if (fatal_signal_pending(current)) {
		/* Its memory is about to go: that would be nobody's receipt. */
		message = give_back_locked(mailbox, message, &wakeups);
		err = -ERESTARTSYS;
	} else {
		receive_locked(mailbox, message, &wakeups);
	}
	msgpass_mailbox_unlock(mailbox, &wakeups);

	if (message)
		msgpass_message_free(message);
	return err;
}

void msgpass_mailbox_give_back(struct msgpass_mailbox *mailbox,
			       struct msgpass_message *message)
{
	struct msgpass_wakeups wakeups;

	msgpass_mailbox_lock(mailbox, &wakeups);
	drop_if_ended_locked(mailbox, message);
	if (message->state != MSGPASS_REVOKED)
		message = give_back_locked(mailbox, message, &wakeups);
	msgpass_mailbox_unlock(mailbox, &wakeups);

	if (message)
		msgpass_message_free(message);
}
