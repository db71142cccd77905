/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lent: the payload of a message that stays where its sender has it, in the pages of
 * its memory, and is copied from there by the receiver: once, instead of into the
 * kernel and out of it.
 *
 * The sender waits meanwhile. So that no send waits which otherwise need not, it is
 * done only where a receiver is waiting already, with room for the message: then there
 * is nothing to wait for but its copying. Should that take long, because the receiver is
 * stopped, say, or should anything go wrong on its side, then the message is taken
 * back, and its sender sends a copy. So a lent message never rests in a mailbox, and a
 * page is lent no longer than its sender waits, or its receiver copies.
 *
 * Nothing of this is seen from outside: a sender that writes to its buffer while it
 * is in the call, from another thread, sends what the receiver happens to find.
 *
 * Owner: the message. The pages are referenced until it is freed.
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
 * May sleep and fault. Return: the pages, or NULL where that cannot be done; why is
 * for who copies from there to find out.
 */
struct msgpass_lent *msgpass_lent_new(const void __user *data, u32 size);

/**
 * msgpass_lent_copy_out() - copy it to user memory of the caller
 * @lent: of a message of the caller's
 * @size: as given to msgpass_lent_new()
 * @to: where to; there is room
 *
 * Sleeps; no lock is held. Return: 0, -EFAULT, or -EINTR if the caller is being killed.
 */
int msgpass_lent_copy_out(const struct msgpass_lent *lent, u32 size, void __user *to);

void msgpass_lent_free(struct msgpass_lent *lent);

#endif /* MSGPASS_LENT_H */
