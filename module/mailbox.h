/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mailbox: one ordered queue of messages, its policy, and those who wait.
 *
 * Everything that the textbooks tell apart (direct and indirect, blocking and
 * non-blocking, zero, bounded and unbounded buffering) is this one object with
 * one way in, msgpass_mailbox_send(), and one way out: claim, copy, commit; or all at once.
 * The modes differ only in what releases the sender:
 *
 *	bounded, room left	nothing to wait for
 *	bounded, full		admission
 *	capacity 0		receipt; room is only where a receiver waits
 *	unbounded		nothing to wait for: there is always room
 *	MSGPASS_SYNC		receipt
 *
 * A message that is admitted goes straight to the first waiting receiver, or
 * rests. A receiver *claims* it, copies it to user memory with no lock held,
 * and *commits*: that is receipt. A claimed message still counts, and keeps its
 * place, where others pass it by. If the copy fails the receiver *gives it back*:
 * it is to be had again. Until the commit the claim
 * can be *revoked*, by the sender's signal or deadline or by the mailbox's end;
 * the receiver learns it at commit and looks for the next message. So nobody
 * ever waits for a receiver that is stuck in a page fault. A small message that rests is
 * *taken*: copied, and received, in one section under the lock, where no page is missing.
 *
 * A large payload may be lent (lending.h): then its message is handed over, and its receipt
 * is waited for, but not for long. Where it would be given back, or the sender revokes the
 * claim, it leaves a *vacancy*: that is still counted, its id is kept, and a copy that the
 * sender makes is placed there. So a send that had room has it, and order is kept.
 *
 * A receiver may wait for any message or, at an inbox, for those of one sender:
 * then it waits on that sender's way (link.h). Whoever waits makes room for what
 * it waits for, whatever the capacity, since that does not rest.
 *
 * Invariants, whenever the lock is free, until it ends:
 * - somebody waits to receive only if no message that it would take rests, and
 *   no sender of such a message waits for admission;
 * - somebody waits for admission only if there is no room, or while
 *   msgpass_mailbox_set() is about to admit them, which it does in several
 *   sections; meanwhile those who come queue up behind them;
 * - messages = those at rest + those claimed + vacancies;
 * - a sender that was admitted while it waited either is released, or is to be woken
 *   late (late.h), and then somebody is sure to do it: a receiver, or mailbox.late.
 *
 * Owner: references. A name holds one, each descriptor one, and a process one
 * to its inbox. msgpass_mailbox_end() ends its use, once; the memory goes with
 * the last reference.
 *
 * Locks: the module has these, and never holds two of them but where it says so:
 *
 *	names_lock	name.c, a mutex: spaces, names, msgpass_mailbox.name,
 *			who owns which
 *	links_lock	link.c: the table of links, whose they are
 *	users_lock	limit.c: the table of accounts
 *	mailbox.lock	here: the rest of a mailbox, all messages in it, and the
 *			ways that lead to it
 *	lent.lock	lent.c: whether pages are recalled; held while one is copied
 *			to user memory, without faults
 *	heap.lock	spare.c: what a CPU keeps; inside free_lock, a mutex, where
 *			all of it is freed
 *
 * Under a mailbox's lock nothing is allocated, and no user memory touched but for the few
 * words of a small message, without faults; only the locks of the scheduler, and of timers
 * and workqueues, are taken inside it.
 */
#ifndef MSGPASS_MAILBOX_H
#define MSGPASS_MAILBOX_H

#include <linux/list.h>
#include <linux/msgpass.h>
#include <linux/poll.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "process.h"
#include "queue.h"
#include "wait.h"

struct msgpass_message;
struct msgpass_name;
struct msgpass_patience;
struct msgpass_user;
struct msgpass_way;
struct user_namespace;

/**
 * struct msgpass_policy - what a mailbox is
 * @flags: MSGPASS_FIXED_SIZE, MSGPASS_PROCESS_OWNED
 * @size_max: the largest message
 * @owner: the process that owns it, referenced by the mailbox; NULL for a
 *	system-owned mailbox, and for an inbox, whose process owns it anyway
 * @capacity: how many messages may rest; in a mailbox under its lock
 * @mode: permission bits; in a mailbox under its lock
 * @uid: owner; in a mailbox under its lock
 * @gid: owner's group; in a mailbox under its lock
 * @user_ns: where CAP_IPC_OWNER stands in for the owner and for every mode bit;
 *	NULL for an inbox, which nobody opens
 * @end: what those who wait are told when it ends: -EIDRM or -ESRCH
 */
struct msgpass_policy {
	u32			flags;
	u32			size_max;
	struct msgpass_process	*owner;
	u32			capacity;
	u32			mode;
	kuid_t			uid;
	kgid_t			gid;
	struct user_namespace	*user_ns;
	int			end;
};

struct msgpass_mailbox {
	refcount_t		references;
	struct msgpass_policy	policy;
	struct msgpass_user	*creator;	/* constant; who was charged */
	struct msgpass_name	*name;		/* names_lock */
	struct list_head	owned;		/* names_lock; process.owned */
	wait_queue_head_t	read_pollers;
	wait_queue_head_t	write_pollers;
	struct msgpass_trials	sending;	/* no lock */
	struct msgpass_trials	receiving;	/* no lock */
	struct msgpass_trial	lending;	/* no lock */
	struct msgpass_trial	napping;	/* no lock */
	struct delayed_work	late;		/* no lock; late.h */

	spinlock_t		lock;		/* guards all that follows */
	bool			ended;
	bool			keeps_module;
	bool			lets_go;	/* of the module, when it is empty */
	bool			late_scheduled;	/* ever */
	u32			messages;
	u32			senders_waiting;
	u32			receivers_waiting;	/* those of its ways, too */
	u64			turns;
	struct list_head	receivers;	/* waiters for any message */
	struct list_head	senders;	/* waiters for admission */
	struct list_head	synchronous;	/* waiters for receipt */
	struct list_head	admitted;	/* waiters to be woken: late.h */
	u64			bytes;
	u64			admitted_messages;	/* the last id, too */
	u64			admitted_bytes;
	u64			received_messages;
	u64			received_bytes;
	struct msgpass_queue	queue;
};

/**
 * msgpass_mailbox_new() - make a mailbox
 * @policy: its policy, checked
 * @creator: whose quota it is on, or NULL for an inbox; discharged at the end
 *	of its memory
 *
 * Return: the mailbox with one reference, or NULL for lack of memory.
 */
struct msgpass_mailbox *msgpass_mailbox_new(const struct msgpass_policy *policy,
					    struct msgpass_user *creator);
struct msgpass_mailbox *msgpass_mailbox_get(struct msgpass_mailbox *mailbox);

/* Sleeps, and with the last reference takes names_lock. */
void msgpass_mailbox_put(struct msgpass_mailbox *mailbox);

/**
 * msgpass_mailbox_owned() - may the caller do what is the owner's?
 * @mailbox: the mailbox
 */
bool msgpass_mailbox_owned(struct msgpass_mailbox *mailbox);

/* Has the caller CAP_IPC_OWNER over it? */
bool msgpass_mailbox_privileged(const struct msgpass_mailbox *mailbox);

/* Could the caller open it, in any way? What it could not, it does not see. */
bool msgpass_mailbox_visible(struct msgpass_mailbox *mailbox);

/**
 * msgpass_mailbox_permits() - may the caller open it?
 * @mailbox: the mailbox
 * @access: MSGPASS_ACCESS_* bits; none is for the owner
 */
bool msgpass_mailbox_permits(struct msgpass_mailbox *mailbox, u32 access);

/**
 * msgpass_mailbox_receivable() - may the caller receive, as far as ownership goes?
 * @mailbox: the mailbox
 *
 * From a mailbox that a process owns nobody else receives.
 */
bool msgpass_mailbox_receivable(const struct msgpass_mailbox *mailbox);

/**
 * msgpass_mailbox_owner_ended() - has the process that owns it ended?
 * @mailbox: the mailbox
 *
 * Then nobody can send to it and its name is free at once, although it ends, and those
 * who wait at it are told, a moment later: msgpass_name_end_owned().
 */
static inline bool msgpass_mailbox_owner_ended(const struct msgpass_mailbox *mailbox)
{
	const struct msgpass_process *owner = mailbox->policy.owner;

	return owner && !msgpass_process_lives(owner);
}

/**
 * msgpass_mailbox_takes() - may a message of this size be sent here?
 * @mailbox: the mailbox
 * @size: the size in bytes
 */
static inline bool msgpass_mailbox_takes(const struct msgpass_mailbox *mailbox, u32 size)
{
	if (mailbox->policy.flags & MSGPASS_FIXED_SIZE)
		return size == mailbox->policy.size_max;
	return size <= mailbox->policy.size_max;
}

/**
 * msgpass_mailbox_send() - the send path
 * @mailbox: where to
 * @message: pending; the mailbox's from here on, whatever is returned
 * @sync: wait for receipt even where there is room
 * @patience: how long to wait for admission or receipt
 * @id: set to the message's id, on success
 *
 * Sleeps. Return: 0 once the message was admitted or, where that is waited for,
 * received; otherwise the message was withdrawn: -EAGAIN, -ETIMEDOUT,
 * -ERESTARTSYS; or it went with the mailbox: its policy's end.
 */
int msgpass_mailbox_send(struct msgpass_mailbox *mailbox,
			 struct msgpass_message *message, bool sync,
			 const struct msgpass_patience *patience, u64 *id);

/**
 * msgpass_mailbox_look() - the receive path begins: lock the mailbox, and look
 * @mailbox: where from
 * @queue: its own, or that of a way to it
 *
 * Return: the message to be received next, or NULL: there is none at rest, or the mailbox
 * has ended. One of the two that follow drops the lock.
 */
static inline struct msgpass_message *msgpass_mailbox_look(struct msgpass_mailbox *mailbox,
							   struct msgpass_queue *queue)
	__acquires(&mailbox->lock)
{
	spin_lock(&mailbox->lock);
	return mailbox->ended ? NULL : msgpass_queue_first(queue);
}

/**
 * msgpass_mailbox_take() - receipt at once
 * @mailbox: locked
 * @message: what msgpass_mailbox_look() said, now whole in user memory; gone afterwards
 */
void msgpass_mailbox_take(struct msgpass_mailbox *mailbox, struct msgpass_message *message)
	__releases(&mailbox->lock);

/**
 * msgpass_mailbox_claim() - claim the message, or wait for one
 * @mailbox: locked
 * @way: of an inbox: only from this sender; else NULL
 * @message: what msgpass_mailbox_look() said, or NULL
 * @room: the size of the buffer it is for
 * @patience: how long to wait for a message
 *
 * Sleeps. Return: the message, the caller's until it commits or gives it
 * back, one of which must follow; or ERR_PTR() of -EAGAIN, -ETIMEDOUT,
 * -ERESTARTSYS, the policy's end, or -ESRCH where @way's sender has ended and
 * all it sent is received.
 */
struct msgpass_message *msgpass_mailbox_claim(struct msgpass_mailbox *mailbox,
					      struct msgpass_way *way,
					      struct msgpass_message *message, u32 room,
					      const struct msgpass_patience *patience)
	__releases(&mailbox->lock);

/**
 * msgpass_mailbox_commit() - receipt of a claimed message
 * @mailbox: where it was claimed
 * @message: the claimed message, now whole in user memory; gone afterwards
 *
 * Return: 0; -EAGAIN if the claim was revoked: nothing was received; -ERESTARTSYS
 * if it was and the caller has a signal, or if the caller is being killed: then
 * the message was given back.
 */
int msgpass_mailbox_commit(struct msgpass_mailbox *mailbox,
			   struct msgpass_message *message);

/**
 * msgpass_mailbox_give_back() - undo a claim
 * @mailbox: where it was claimed
 * @message: the claimed message: back in its place, or with a waiting receiver
 */
void msgpass_mailbox_give_back(struct msgpass_mailbox *mailbox,
			       struct msgpass_message *message);

/**
 * msgpass_mailbox_end() - end the use of a mailbox
 * @mailbox: the mailbox
 * @dropped: its messages are added here, for msgpass_message_free_all(), which may
 *	take long: first tell everybody else who is to be told
 *
 * Tells everybody who waits. Sleeps. The first call does it; further ones find
 * nothing to do. Return: whether this was the first.
 */
bool msgpass_mailbox_end(struct msgpass_mailbox *mailbox, struct list_head *dropped);

/**
 * msgpass_mailbox_let_go() - it need not keep the module, once it is empty
 * @mailbox: the mailbox
 *
 * From the first message that rests in it, a mailbox keeps the module loaded,
 * which would take that along, until its end, or until it is empty after this. So
 * most messages rest without writing to what all mailboxes share.
 */
void msgpass_mailbox_let_go(struct msgpass_mailbox *mailbox);

/**
 * msgpass_mailbox_end_way() - the sender of a way has ended
 * @mailbox: the inbox that the way leads to
 * @way: the way
 *
 * Tells those who wait for a message of that sender only. Return: whether there
 * is nothing left of it to be received.
 */
bool msgpass_mailbox_end_way(struct msgpass_mailbox *mailbox,
			     struct msgpass_way *way);

/**
 * msgpass_mailbox_set() - change what can be changed of it
 * @mailbox: the mailbox
 * @set: what, checked and permitted
 * @uid: the new owner, with MSGPASS_SET_UID
 * @gid: the new owner's group, with MSGPASS_SET_GID
 *
 * No message is lost where the capacity shrinks: more may rest than that, until
 * they are received. Return: 0, or the policy's end.
 */
int msgpass_mailbox_set(struct msgpass_mailbox *mailbox, const struct msgpass_set *set,
			kuid_t uid, kgid_t gid);

/**
 * msgpass_mailbox_stat() - read its state, as of one moment
 * @mailbox: the mailbox
 * @stat: everything is filled in but, of an inbox, owner_pid, uid and gid
 *
 * Return: 0, or the policy's end.
 */
int msgpass_mailbox_stat(struct msgpass_mailbox *mailbox,
			 struct msgpass_stat *stat);

/**
 * msgpass_mailbox_stat_way() - read what came by a way, as of one moment
 * @mailbox: the inbox that the way leads to
 * @way: the way
 * @messages: set to how many were admitted
 * @bytes: set to their payload
 */
void msgpass_mailbox_stat_way(struct msgpass_mailbox *mailbox,
			      const struct msgpass_way *way, u64 *messages, u64 *bytes);

/**
 * msgpass_mailbox_poll() - readiness
 * @mailbox: the mailbox, which must live as long as @file is open
 * @access: what is of interest: MSGPASS_ACCESS_* bits
 * @file: the descriptor polled
 * @wait: as given to the file operation
 *
 * Return: EPOLLIN when a receive and EPOLLOUT when a send would not wait,
 * EPOLLHUP and EPOLLERR when the mailbox has ended.
 */
__poll_t msgpass_mailbox_poll(struct msgpass_mailbox *mailbox, u32 access,
			      struct file *file, poll_table *wait);

#endif /* MSGPASS_MAILBOX_H */
