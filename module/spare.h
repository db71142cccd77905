/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Spare: messages that were received, kept for those that are sent next.
 *
 * To allocate a message, have it zeroed, charge it to a cgroup and a user, and undo
 * all that at receipt takes longer than the rest of a send and a receive. So a
 * message that is freed goes, charged as it is, on the heap of its CPU and of its
 * kind; a sender of the same user and in the same memory cgroup takes it from
 * there. What is kept is thereby counted as that user's and that cgroup's, as if it
 * were queued. But where the user's quota would refuse something, what is kept of that
 * user is freed first, and where there is no memory, all that is kept; so nobody is
 * refused for what is kept, and who is refused again and again takes nothing from
 * others. A limit that was lowered since counts from the next message on
 * (msgpass_user_checked()).
 *
 * How much one CPU keeps, the sysctl kept_bytes_max says: enough for a mailbox of
 * thousands of small messages, or of ten of 64 KiB, that is filled and emptied in turn.
 *
 * Owner: the heap; with a message that is taken goes the ownership. What is kept
 * is freed every now and then, a second after it began; when any process that uses
 * the module ends; and with the module.
 *
 * Lock: each heap has its own, inside which no other is taken; messages are kept and
 * taken only where it is free, so nobody waits for a task that was preempted with
 * it. Those who free take one after the other, inside a mutex, so that who comes
 * second finds it done.
 */
#ifndef MSGPASS_SPARE_H
#define MSGPASS_SPARE_H

#include <linux/types.h>

struct msgpass_message;
struct msgpass_user;

/**
 * msgpass_spare_take() - take a message that is kept
 * @user: who sends
 * @kind: of which kind, by size: message.h
 *
 * Return: a message as it was when it was kept, or NULL.
 */
struct msgpass_message *msgpass_spare_take(struct msgpass_user *user, unsigned int kind);

/**
 * msgpass_spare_keep() - keep a message
 * @message: in no mailbox, and in nobody's hands
 * @kind: of which kind
 *
 * Return: whether it is kept; if not it is still the caller's.
 */
bool msgpass_spare_keep(struct msgpass_message *message, unsigned int kind);

/*
 * How often something was freed. Who is refused frees what is kept, and tries again
 * if that, or another's doing so meanwhile, has changed this.
 */
unsigned long msgpass_spares_freed(void);

/* Free all that is kept. Sleeps. Return: msgpass_spares_freed(). */
unsigned long msgpass_spares_free(void);

/* Free what is kept of a user: cheap where that is nothing, and no other loses anything. */
unsigned long msgpass_spares_free_of(struct msgpass_user *user);

/**
 * msgpass_zalloc() - allocate an object of the module
 * @size: its size
 *
 * Sleeps. Return: zeroed memory, charged to the caller's cgroup, or NULL where there
 * is none although all that was kept has been freed.
 */
void *msgpass_zalloc(size_t size);

void msgpass_spare_init(void);
void msgpass_spare_exit(void);

#endif /* MSGPASS_SPARE_H */
