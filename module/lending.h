/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lending: the way of a message whose payload stays with its sender (lent.h) through a
 * mailbox, and of the copy that takes its place where that comes to nothing.
 *
 * First msgpass_mailbox_awaits(), then msgpass_mailbox_lend(), and after that, where it
 * leaves a vacancy, msgpass_mailbox_send_copy() or msgpass_mailbox_leave(). What becomes of
 * the message in between is told in mailbox.h.
 */
#ifndef MSGPASS_LENDING_H
#define MSGPASS_LENDING_H

#include <linux/ktime.h>
#include <linux/types.h>

struct msgpass_mailbox;
struct msgpass_message;
struct msgpass_patience;
struct msgpass_way;

/**
 * struct msgpass_vacancy - the place of a message, without the message
 * @id: its id
 * @way: by which it came, or NULL
 * @size: its size
 * @sync: its sender waits for receipt
 * @is_held: there is one
 */
struct msgpass_vacancy {
	u64			id;
	struct msgpass_way	*way;
	u32			size;
	bool			sync;
	bool			is_held;
};

/**
 * msgpass_mailbox_awaits() - is it worth while to lend a message?
 * @mailbox: where to
 * @way: by which
 * @size: of what size
 * @patience: the sender's
 *
 * May sleep for a moment. Return: whether a receiver waits for it that has room for it, and
 * lending did not fail lately.
 */
bool msgpass_mailbox_awaits(struct msgpass_mailbox *mailbox, struct msgpass_way *way,
			    u32 size, const struct msgpass_patience *patience);

/**
 * msgpass_mailbox_lend() - send a message that is lent, to a receiver that waits
 * @mailbox: where to
 * @message: pending, and lent; the mailbox's from here on, whatever is returned
 * @deadline: how long to wait for receipt
 * @vacancy: set; its sync is that of the call
 *
 * Sleeps. Return: 0 if it was received; the policy's end; -EAGAIN otherwise: then, if
 * @vacancy is held, msgpass_mailbox_send_copy() or msgpass_mailbox_leave() must follow.
 */
int msgpass_mailbox_lend(struct msgpass_mailbox *mailbox, struct msgpass_message *message,
			 ktime_t deadline, struct msgpass_vacancy *vacancy);

/**
 * msgpass_mailbox_send_copy() - send a copy in place of a lent message
 * @mailbox: where to
 * @message: pending; the mailbox's from here on, whatever is returned
 * @vacancy: held until now
 * @patience: how long to wait for receipt, where that is waited for
 *
 * Sleeps. Return: as msgpass_mailbox_send(), but there is room.
 */
int msgpass_mailbox_send_copy(struct msgpass_mailbox *mailbox, struct msgpass_message *message,
			      const struct msgpass_vacancy *vacancy,
			      const struct msgpass_patience *patience);

/**
 * msgpass_mailbox_leave() - there is no copy: leave the place to others
 * @mailbox: where it is
 * @vacancy: held until now
 */
void msgpass_mailbox_leave(struct msgpass_mailbox *mailbox, const struct msgpass_vacancy *vacancy);

#endif /* MSGPASS_LENDING_H */
