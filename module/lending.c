// SPDX-License-Identifier: GPL-2.0-only
#include <linux/ktime.h>
#include <linux/lockdep.h>

#include "handover.h"
#include "lending.h"
#include "mailbox.h"
#include "message.h"
#include "wait.h"

/* Would a message be handed over now, and be received, as far as one can tell? */
static bool is_awaited_locked(struct msgpass_mailbox *mailbox, struct msgpass_way *way,
			      u32 size)
{
	struct msgpass_waiter *receiver = msgpass_first_receiver_locked(mailbox, way);

	lockdep_assert_held(&mailbox->lock);

	return !mailbox->ended && receiver && receiver->room >= size;
}

static bool is_awaited(struct msgpass_mailbox *mailbox, struct msgpass_way *way, u32 size)
{
	bool yes;

	spin_lock(&mailbox->lock);
	yes = is_awaited_locked(mailbox, way, size);
	spin_unlock(&mailbox->lock);
	return yes;
}

bool msgpass_mailbox_awaits(struct msgpass_mailbox *mailbox, struct msgpass_way *way,
			    u32 size, const struct msgpass_patience *patience)
{
	bool yes = is_awaited(mailbox, way, size);

	/*
	 * Who has just been answered often waits for the next as soon as it runs. But
	 * who has something to receive does not.
	 */
	if (!yes && !READ_ONCE(mailbox->messages) && patience->deadline == KTIME_MAX &&
	    msgpass_try(&mailbox->napping)) {
		msgpass_nap();
		yes = is_awaited(mailbox, way, size);
		msgpass_tried(&mailbox->napping, yes, MSGPASS_REST_LONG);
	}
	return yes && msgpass_try(&mailbox->lending);
}

/* The sender of a lent message waits no more. Return the outcome. */
static int recall_message(struct msgpass_mailbox *mailbox, struct msgpass_waiter *self)
{
	struct msgpass_message *message = self->message;
	struct msgpass_wakeups wakeups;
	int err = -EAGAIN;

	msgpass_mailbox_lock(mailbox, &wakeups);
	list_del_init(&self->link);
	if (self->outcome != MSGPASS_WAITING)
		err = self->outcome;
	else if (mailbox->ended)
		/* It went with the mailbox, which has not come to tell us yet. */
		err = mailbox->policy.end;
	else
		/* It never rests, so it is claimed. */
		msgpass_revoke_locked(mailbox, message);
	msgpass_mailbox_unlock(mailbox, &wakeups);
	return err;
}

int msgpass_mailbox_lend(struct msgpass_mailbox *mailbox, struct msgpass_message *message,
			 ktime_t deadline, struct msgpass_vacancy *vacancy)
{
	struct msgpass_wakeups wakeups;
	struct msgpass_waiter self;
	int err;

	vacancy->way = message->way;
	vacancy->size = message->size;
	msgpass_waiter_init(&self, message);
	message->sender = &self;
	msgpass_mailbox_lock(mailbox, &wakeups);
	vacancy->sync |= !mailbox->policy.capacity;
	vacancy->is_held = is_awaited_locked(mailbox, message->way, message->size);
	if (vacancy->is_held)
		msgpass_admit_locked(mailbox, message, &wakeups);
	vacancy->id = message->id;
	msgpass_mailbox_unlock(mailbox, &wakeups);

	if (!vacancy->is_held) {
		msgpass_message_free(message);
		return -EAGAIN;
	}
	err = msgpass_wait(&self, deadline, &mailbox->sending);
	err = err ? recall_message(mailbox, &self) : self.outcome;
	vacancy->is_held = err == -EAGAIN;
	msgpass_tried(&mailbox->lending, !vacancy->is_held, MSGPASS_REST_LONG);
	return err;
}

int msgpass_mailbox_send_copy(struct msgpass_mailbox *mailbox, struct msgpass_message *message,
			      const struct msgpass_vacancy *vacancy,
			      const struct msgpass_patience *patience)
{
	struct msgpass_wakeups wakeups;
	struct msgpass_waiter self;
	int err = 0;

	message->id = vacancy->id;
	msgpass_waiter_init(&self, message);
	msgpass_mailbox_lock(mailbox, &wakeups);
	if (mailbox->ended) {
		err = mailbox->policy.end;
	} else {
		if (vacancy->sync) {
			message->sender = &self;
			self.id = vacancy->id;
			list_add_tail(&self.link, &mailbox->synchronous);
		}
		msgpass_enter_locked(mailbox, message, &wakeups);
	}
	msgpass_mailbox_unlock(mailbox, &wakeups);

	if (err)
		msgpass_message_free(message);
	if (err || !vacancy->sync)
		return err;
	err = msgpass_wait(&self, patience->deadline, &mailbox->sending);
	return err ? msgpass_withdraw(mailbox, &self, err) : self.outcome;
}

void msgpass_mailbox_leave(struct msgpass_mailbox *mailbox, const struct msgpass_vacancy *vacancy)
{
	struct msgpass_wakeups wakeups;

	msgpass_mailbox_lock(mailbox, &wakeups);
	if (!mailbox->ended) {
		msgpass_leave_locked(mailbox, vacancy->way, vacancy->size, &wakeups);
		/* Its receiver may never use the device, and so not let go of it. */
		if (!mailbox->messages)
			msgpass_let_go_locked(mailbox);
	}
	msgpass_mailbox_unlock(mailbox, &wakeups);
}
