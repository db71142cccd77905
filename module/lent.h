/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lent: the payload of a message that stays where its sender has it, in the pages of
 * its memory, and is copied from there by the receiver: once, instead of into the
 * kernel and out of it.
 *
 * The sender waits meanwhile. So that no send waits which otherwise need not, it is
 * done only where a receiver is waiting already, with room for the message: then there
 * is nothing to wait for but its copying. Should that take long, because the receiver is
 * stuck in a page fault, say, or should anything go wrong on its side, then its claim is
 * revoked, and a copy takes the message's place: mailbox.h.
 *
 * Pages are lent no longer than the sender is in its call: it *recalls* them before it
 * returns, whatever became of the message, and from then on nobody reads them. A receiver
 * looks whether they are, and copies, a page at a time under the lock, without faults.
 *
 * What another thread writes to the buffer during the call may be sent, or not, or in part;
 * so may what the receiver writes, where both are the same memory.
 *
 * Owner: references: one of the message, one of the sender. The pages are the sender's.
 */
#ifndef MSGPASS_LENT_H
#define MSGPASS_LENT_H

#include <linux/types.h>

struct msgpass_lent;

/**
 * msgpass_lent_new() - lend a payload
 * @data: address in user memory of the caller
 * @size: its size, not 0
 *
 * May sleep and fault. Return: the pages, with two references, or NULL where that cannot
 * be done; why is for who copies from there to find out.
 */
struct msgpass_lent *msgpass_lent_new(const void __user *data, u32 size);

/**
 * msgpass_lent_recall() - the sender's call is over, or nearly so
 * @lent: its own; its reference is dropped
 *
 * Sleeps.
 */
void msgpass_lent_recall(struct msgpass_lent *lent);

/**
 * msgpass_lent_copy_out() - copy it to user memory of the caller
 * @lent: of a message that the caller has claimed
 * @size: as given to msgpass_lent_new()
 * @to: where to; there is room
 *
 * Sleeps; no lock is held. Return: 0; -EAGAIN if it was recalled; -EFAULT, or -EINTR if the
 * caller is being killed.
 */
int msgpass_lent_copy_out(struct msgpass_lent *lent, u32 size, void __user *to);

void msgpass_lent_put(struct msgpass_lent *lent);

#endif /* MSGPASS_LENT_H */
