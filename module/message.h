/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Message: a header and its payload, in kernel memory.
 *
 * Owner: whoever holds it, one at a time. The sender makes it and hands it to
 * msgpass_mailbox_send(); from then on it belongs to the mailbox; a receiver
 * that claimed it owns the memory until it commits or gives it back. It dies
 * at receipt, with its mailbox, or when its sender withdraws it; its memory may be
 * another message then (spare.h).
 *
 * Locks: what is above the line in the struct is guarded by the lock of the
 * mailbox it is in; the rest is written by its sender, before anybody else has it.
 * What is below the second line belongs to the memory: it is written once, when that
 * is allocated, and is the same for all messages that it will be; but for what is lent.
 *
 * A small payload lies in the object itself, a larger one is allocated beside it;
 * either in a cache that nothing else in the kernel uses, or in pages of its own. A
 * large one may stay with its sender: lent.h.
 */
#ifndef MSGPASS_MESSAGE_H
#define MSGPASS_MESSAGE_H

#include <linux/list.h>
#include <linux/slab.h>
#include <linux/types.h>
#include <linux/uidgid.h>

struct msgpass_lent;
struct msgpass_user;
struct msgpass_waiter;
struct msgpass_way;
struct pid;

/**
 * enum msgpass_message_state - where a message stands
 * @MSGPASS_PENDING: made, not admitted; only its sender knows it
 * @MSGPASS_QUEUED: admitted, at rest in its mailbox
 * @MSGPASS_CLAIMED: a receiver copies it out; it still counts
 * @MSGPASS_REVOKED: no longer in the mailbox: withdrawn, or died with it. If it was
 *	claimed its claimer frees it.
 */
enum msgpass_message_state {
	MSGPASS_PENDING,
	MSGPASS_QUEUED,
	MSGPASS_CLAIMED,
	MSGPASS_REVOKED,
} __packed;

/* Which of a message's two places; also the index of its list node there. */
enum msgpass_place {
	MSGPASS_IN_MAILBOX,
	MSGPASS_IN_WAY,
	MSGPASS_PLACES,
};

/**
 * struct msgpass_identity - who sent it, stamped by the kernel
 * @pid: the process, referenced, also while the memory is kept: spare.h
 * @tid: the thread; referenced where it is another
 * @key: the process key
 * @uid: effective user
 * @gid: effective group
 */
struct msgpass_identity {
	struct pid	*pid;
	struct pid	*tid;
	u64		key;
	kuid_t		uid;
	kgid_t		gid;
};

/* Four cache lines: a small payload lies in them. */
#define MSGPASS_OBJECT_SIZE	256

/*
 * Larger ones lie in caches of their own, of 256 bytes and each power of two above,
 * up to where kmalloc() takes whole pages. So nothing else in the kernel is ever
 * where a user's bytes were, or the other way round: what is made of System V's
 * msg_msg in exploits, for example CVE-2021-22555, is not to be made of this.
 */
#define MSGPASS_CACHED_SHIFT	8
#define MSGPASS_CACHES		(KMALLOC_SHIFT_HIGH - MSGPASS_CACHED_SHIFT + 1)

/*
 * Kinds of messages: 0 is a small one, then one for each cache and, in pages of its
 * own, for each power of two up to 64 KiB; the largest are of no kind.
 */
#define MSGPASS_KIND_SHIFT	(KMALLOC_SHIFT_HIGH > 16 ? KMALLOC_SHIFT_HIGH : 16)
#define MSGPASS_MESSAGE_KINDS	(MSGPASS_KIND_SHIFT - MSGPASS_CACHED_SHIFT + 2)

struct msgpass_message {
	struct list_head		node[MSGPASS_PLACES];
	union {
		struct msgpass_waiter	*sender;	/* waits for receipt, or NULL */
		struct msgpass_message	*next_spare;	/* of those in spare.c */
	};
	struct msgpass_way		*way;		/* sent directly, or NULL; valid */
							/* while it is in its mailbox */
	u64				id;
	enum msgpass_message_state	state;
	u8				aside;		/* bit p: at place p, queue.h */
	/* ---- */
	u8				priority;
	bool				is_lent;
	u32				size;
	struct msgpass_identity		from;
	/* ---- */
	struct msgpass_user		*user;		/* who was charged */
	u64				cgroup;		/* and which memory cgroup */
	u32				room;		/* in data; 0 where there is only small */
	u16				home;		/* the CPU that keeps it: spare.h */
	u8				kind;		/* MSGPASS_MESSAGE_KINDS: of none */
	union {
		void			*data;	/* where there is room for any */
		struct msgpass_lent	*lent;	/* where that is so */
	};
	u8				small[];
};

#define MSGPASS_SMALL_MAX	(MSGPASS_OBJECT_SIZE - offsetof(struct msgpass_message, small))

/**
 * msgpass_message_new() - make a message of the caller's
 * @user: who pays for it
 * @key: process key of the calling process
 * @data: address of the payload in user memory
 * @size: its size, already checked against the mailbox
 * @priority: already checked
 *
 * May sleep and fault; no lock is held. Return: the message, with one owner,
 * or ERR_PTR() of -EDQUOT, -ENOMEM, -EFAULT, or -EINTR if the caller is being killed.
 */
struct msgpass_message *msgpass_message_new(struct msgpass_user *user, u64 key,
					    const void __user *data, u32 size,
					    u32 priority);

/**
 * msgpass_message_lend() - make a message whose payload is not copied
 * @user: who pays for it, but for the payload
 * @key: process key of the calling process
 * @lent: the payload; a reference is the message's if this succeeds
 * @size: its size, already checked against the mailbox
 * @priority: already checked
 *
 * May sleep; no lock is held. Return: the message, with one owner, for
 * msgpass_mailbox_lend(); or ERR_PTR() of -EDQUOT, -ENOMEM.
 */
struct msgpass_message *msgpass_message_lend(struct msgpass_user *user, u64 key,
					     struct msgpass_lent *lent, u32 size,
					     u32 priority);

/**
 * msgpass_message_copy_out() - copy the payload to user memory
 * @message: a message of the caller's
 * @to: where to; there is room
 *
 * Sleeps; no lock is held. Return: 0; -EFAULT; -EINTR if the caller is being killed; -EAGAIN
 * if it was lent, and is no more: then the claim is revoked, or about to be.
 */
int msgpass_message_copy_out(const struct msgpass_message *message, void __user *to);

/**
 * msgpass_message_free() - end a message that is in no mailbox
 * @message: the message; its memory may be kept for another, see spare.h
 */
void msgpass_message_free(struct msgpass_message *message);

/* Free the memory of one that spare.c kept. */
void msgpass_message_destroy(struct msgpass_message *message);

/* The memory that a message takes. Of a small one, kind 0, that is always the same. */
static __always_inline size_t msgpass_message_bytes(const struct msgpass_message *message,
						    unsigned int kind)
{
	return MSGPASS_OBJECT_SIZE + (kind ? (size_t)message->room : 0);
}

/**
 * msgpass_message_free_all() - end the messages of a mailbox that has ended
 * @messages: a list of them, by their node in the mailbox; empty afterwards
 *
 * Sleeps.
 */
void msgpass_message_free_all(struct list_head *messages);

int msgpass_message_init(void);
void msgpass_message_exit(void);

#endif /* MSGPASS_MESSAGE_H */
