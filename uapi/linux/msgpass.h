/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * msgpass: message passing between processes, through /dev/msgpass.
 *
 * The model
 * ---------
 * A *message* is up to size_max bytes with a header: an id, its sender, a
 * priority and its size. A *mailbox* is an ordered queue of messages, by
 * priority and then by arrival, with a capacity and with processes that wait.
 * Communication is *indirect* when processes share a named mailbox, and
 * *direct* when a process names another: every process has an *inbox*, a
 * mailbox that only that process receives from and that lives exactly as long
 * as it does.
 *
 * Two kinds of file descriptor take the ioctls below:
 *
 *   the device   open("/dev/msgpass"), the *endpoint* of whichever process
 *                uses it: MSGPASS_IOC_SEND sends to the process named in the
 *                argument, MSGPASS_IOC_RECEIVE and _STAT work on the caller's
 *                own inbox. After fork() the child is itself through the same
 *                descriptor, not its parent; only poll() and epoll tell of the
 *                inbox of the process that opened it.
 *   a mailbox    what MSGPASS_IOC_CREATE and MSGPASS_IOC_OPEN return. It is
 *                close-on-exec; closing the last one of a named mailbox does
 *                not end the mailbox.
 *
 * When a send is complete
 * -----------------------
 *   bounded, room left   at once: the message is *admitted*, it rests
 *   bounded, full        when it is admitted, that is when room was made
 *   capacity 0           at *receipt*: the message is whole in the receiver's
 *                        memory. Nothing rests (rendezvous)
 *   a receiver waits     at once, whatever the capacity: it is handed over and
 *                        does not rest (but see capacity 0)
 *   unbounded            at once, limited by the sender's quota alone
 *   MSGPASS_SYNC         at receipt, whatever the capacity
 *
 * A sender that waited for admission may be told of it later: when no more than
 * half of the capacity rests, or after a tick or two of the kernel's timer. Its
 * message can be received meanwhile, and is withdrawn by no signal or deadline.
 * Real-time tasks are told at once.
 *
 * A message of more than 64 KiB that a receiver waits for is copied once, from the
 * sender's memory, while the sender waits, a tenth of a second at most: should that
 * take longer, or fail, a copy stands in its place. So what another thread writes to
 * it during the call may be sent, or not, or in part. Neither MSGPASS_NONBLOCK nor
 * real-time tasks wait for that.
 *
 * What is promised
 * ----------------
 * A message leaves its mailbox only at receipt: a receive that fails (bad
 * address, buffer too small, signal, SIGKILL) leaves it in its place for the
 * next receiver. A send that fails has withdrawn its message, whole. Messages
 * are never truncated, merged or split. Messages of one sender and one
 * priority are received in the order sent. Waiting receivers and senders are
 * served first come, first served, real-time tasks by priority before them.
 * Every wait ends on SIGKILL, on a signal, at its deadline, and when the
 * mailbox or the process it waits for is gone. The kernel stamps the sender's
 * identity; nobody can choose it.
 *
 * A process that has sent directly to another is *linked* with it, both ways,
 * until either ends. The receiver's inbox is asked whether it accepts the sender
 * at the first message of a link only.
 *
 * MSGPASS_NONBLOCK: a send succeeds only if it is admitted at once, with capacity
 * 0 thus only if a receiver waits. A deadline with MSGPASS_SYNC is for the
 * receipt: ETIMEDOUT withdraws the message even where it was admitted before.
 *
 * What a send waits for is decided when it comes: where the capacity becomes 0
 * later, those that wait for admission still wait for no more than that.
 *
 * A message that comes back from a receiver that failed stands before all later
 * ones that are still there; others may have been received meanwhile. A call
 * that starts again after a signal (SA_RESTART) waits as one that came anew.
 *
 * poll() and epoll: EPOLLIN when a receive, EPOLLOUT when a send would not wait,
 * as far as the descriptor's access goes (on the device EPOLLIN only); EPOLLHUP
 * and EPOLLERR when the mailbox is gone.
 *
 * The module stays loaded while a descriptor is open, a mailbox has a name, or a
 * message is in the inbox of a live process.
 *
 * Rules of the interface
 * ----------------------
 * - Every argument is a struct whose unused bits and padding are zero: a flag
 *   or padding that this kernel does not know is EINVAL, never ignored.
 * - Structs grow at the end only. The size in the ioctl number says which
 *   version the caller has; an older, smaller one keeps working, and a newer,
 *   larger one works where the unknown part is zero (else E2BIG).
 * - Zero is every field's default. Pointers are 64-bit integers. The layout is
 *   the same for 32- and 64-bit programs.
 * - Sizes are in bytes, times in nanoseconds of CLOCK_MONOTONIC (as seen in
 *   the caller's time namespace).
 * - A call that failed may have written to the buffer and to the output fields
 *   of its argument; what stands there means nothing, except as EMSGSIZE says.
 *   A receive that succeeded may have written to the buffer behind the message,
 *   too: what was copied of one that was withdrawn meanwhile.
 *
 * Errors, one meaning each
 * ------------------------
 *   ENOENT     no mailbox of that name; from a list, no more mailboxes or links
 *   EEXIST     a mailbox of that name exists, and its owner has not ended
 *   EACCES     the mode bits, or the descriptor's access, do not permit it; or
 *              the process does not accept messages from this sender
 *   EPERM      only the owner may
 *   ESRCH      no such process, or it has ended; from a list, no more processes
 *   EIDRM      the mailbox was deleted, or its owner ended
 *   EAGAIN     it would block, and MSGPASS_NONBLOCK or O_NONBLOCK is set
 *   ETIMEDOUT  the deadline passed
 *   EINTR      a signal came; with SA_RESTART the call starts again by itself
 *   EMSGSIZE   the message is larger than the mailbox takes, or not of its
 *              fixed size; or larger than the receive buffer: then the header
 *              fields, size among them, are written and the message stays
 *   EINVAL     a value out of range, an unknown flag, non-zero padding
 *   ENOTTY     no such ioctl, or not on this kind of descriptor
 *   E2BIG      the unknown part of a newer argument is not zero
 *   EFAULT     an address in the argument, or of it, is not the caller's
 *   ENOMEM     no memory
 *   EDQUOT     over the sender's or creator's quota
 *   EMFILE, ENFILE  no descriptor left, from CREATE and OPEN
 */
#ifndef _UAPI_LINUX_MSGPASS_H
#define _UAPI_LINUX_MSGPASS_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define MSGPASS_DEVICE		"/dev/msgpass"

/* Bytes of a mailbox name, at most, without the NUL. */
#define MSGPASS_NAME_MAX	255

/* A priority is 0 (lowest, the default) to MSGPASS_PRIORITY_MAX (first). */
#define MSGPASS_PRIORITY_MAX	31

/* msgpass_create.capacity: admission never waits. */
#define MSGPASS_UNBOUNDED	0xffffffffU

/* msgpass_create.access, msgpass_open.access: what the descriptor may do. */
#define MSGPASS_ACCESS_RECEIVE	(1U << 0)
#define MSGPASS_ACCESS_SEND	(1U << 1)

/* msgpass_create.flags */
/* Each message is of exactly size_max bytes. */
#define MSGPASS_FIXED_SIZE	(1U << 0)
/*
 * Owned by the calling process: only that receives from it, others send; it
 * ends when that process has ended, by whatever way. exec() is no end. Its name is
 * free at once then, as soon as a wait() for that process returns; those who wait at
 * the mailbox are told a moment later.
 */
#define MSGPASS_PROCESS_OWNED	(1U << 1)

/* msgpass_send.flags, msgpass_receive.flags */
/* Fail with EAGAIN where the call would wait. O_NONBLOCK does the same. */
#define MSGPASS_NONBLOCK	(1U << 0)
/* SEND only: wait for receipt, not for admission. Not with MSGPASS_NONBLOCK. */
#define MSGPASS_SYNC		(1U << 1)
/* SEND only: msgpass_send.to is a process key. */
#define MSGPASS_TO_KEY		(1U << 2)
/* RECEIVE only: msgpass_receive.from is a process key. */
#define MSGPASS_FROM_KEY	(1U << 2)

/* msgpass_set.flags: which fields count. */
#define MSGPASS_SET_CAPACITY	(1U << 0)
#define MSGPASS_SET_MODE	(1U << 1)
#define MSGPASS_SET_UID		(1U << 2)
#define MSGPASS_SET_GID		(1U << 3)
#define MSGPASS_SET_ACCEPTS	(1U << 4)

/*
 * msgpass_set.accepts: whose first message the inbox accepts, besides those of
 * senders with CAP_IPC_OWNER in the process's user namespace. Who has been
 * accepted once goes on being so, for as long as the link lasts, and the choice
 * for as long as the process: also across exec(), of a set-user-id program, too.
 */
#define MSGPASS_ACCEPT_USER	0	/* of senders with the same effective user */
#define MSGPASS_ACCEPT_ANYONE	1
#define MSGPASS_ACCEPT_NOBODY	2

/**
 * struct msgpass_create - argument of MSGPASS_IOC_CREATE
 * @flags: MSGPASS_FIXED_SIZE, MSGPASS_PROCESS_OWNED
 * @access: MSGPASS_ACCESS_* bits of the descriptor that is returned
 * @name: address of the name: 1 to MSGPASS_NAME_MAX bytes and a NUL, without
 *	'/' and control characters
 * @capacity: how many messages may rest: 0 (rendezvous), n, or
 *	MSGPASS_UNBOUNDED
 * @size_max: the largest message it takes, in bytes; more than the
 *	administrator's ceiling (sysctl kernel.msgpass.message_size_max) is
 *	EINVAL. 0 stands for that ceiling, and is EINVAL with MSGPASS_FIXED_SIZE
 * @mode: permission bits as of a file, umask applied: r receives, w sends;
 *	anything outside 0666 is EINVAL
 * @pad: 0
 */
struct msgpass_create {
	__u32		flags;
	__u32		access;
	__aligned_u64	name;
	__u32		capacity;
	__u32		size_max;
	__u32		mode;
	__u32		pad;
};

/**
 * struct msgpass_open - argument of MSGPASS_IOC_OPEN
 * @flags: 0
 * @access: MSGPASS_ACCESS_* bits, each checked against the mode. With none the
 *	descriptor serves STAT and DELETE, and only the owner may have it
 * @name: address of the name, as in struct msgpass_create
 */
struct msgpass_open {
	__u32		flags;
	__u32		access;
	__aligned_u64	name;
};

/**
 * struct msgpass_unlink - argument of MSGPASS_IOC_UNLINK
 * @flags: 0
 * @pad: 0
 * @name: address of the name, as in struct msgpass_create
 */
struct msgpass_unlink {
	__u32		flags;
	__u32		pad;
	__aligned_u64	name;
};

/**
 * struct msgpass_delete - argument of MSGPASS_IOC_DELETE
 * @flags: 0
 * @pad: 0
 */
struct msgpass_delete {
	__u32		flags;
	__u32		pad;
};

/**
 * struct msgpass_send - argument of MSGPASS_IOC_SEND
 * @flags: MSGPASS_NONBLOCK or MSGPASS_SYNC; MSGPASS_TO_KEY
 * @priority: 0 to MSGPASS_PRIORITY_MAX
 * @data: address of the message
 * @size: its size in bytes; 0 is a message, too
 * @pad: 0
 * @to: on the device: the receiver's process id (of its thread group) in the
 *	caller's PID namespace or, with MSGPASS_TO_KEY, its process key; on a
 *	mailbox: 0. A key reaches processes that a pid would reach, and those
 *	that have communicated with the caller before
 * @deadline: give up with ETIMEDOUT at this time; 0 waits as long as it takes
 * @id: written by the kernel: the message's id, see struct msgpass_receive
 */
struct msgpass_send {
	__u32		flags;
	__u32		priority;
	__aligned_u64	data;
	__u32		size;
	__u32		pad;
	__aligned_u64	to;
	__aligned_u64	deadline;
	__aligned_u64	id;
};

/**
 * struct msgpass_receive - argument of MSGPASS_IOC_RECEIVE
 * @flags: MSGPASS_NONBLOCK, MSGPASS_FROM_KEY
 * @buffer_size: bytes at @buffer
 * @buffer: address to receive the message at
 * @from: 0: from any sender. On the device else a process id or, with
 *	MSGPASS_FROM_KEY, a process key: from that process only, however many
 *	messages of others are there. What it sent before it ended can still be
 *	received, by its pid until that is used again; after that, and to
 *	whoever waits, ESRCH. This links the two processes, but permits nothing
 * @deadline: give up with ETIMEDOUT at this time; 0 waits as long as it takes
 * @id: the message's id: counts the messages of its mailbox from 1, in the
 *	order of their admission, and is never used again there
 * @sender_key: the sender's process key: never used again, unlike a pid
 * @sender_pid: the sender's process id in the receiver's PID namespace, 0 if
 *	it is not visible there
 * @sender_tid: the same of the thread that sent
 * @sender_uid: the sender's effective user id in the receiver's user namespace
 *	(the overflow id if it has none there), as it was when it sent
 * @sender_gid: the same of the group id
 * @priority: the message's priority
 * @size: the message's size in bytes
 *
 * From @id on all is written by the kernel, on success and with EMSGSIZE.
 */
struct msgpass_receive {
	__u32		flags;
	__u32		buffer_size;
	__aligned_u64	buffer;
	__aligned_u64	from;
	__aligned_u64	deadline;
	__aligned_u64	id;
	__aligned_u64	sender_key;
	__s32		sender_pid;
	__s32		sender_tid;
	__u32		sender_uid;
	__u32		sender_gid;
	__u32		priority;
	__u32		size;
};

/**
 * struct msgpass_stat - argument of MSGPASS_IOC_STAT
 * @flags: 0
 * @policy: the flags the mailbox was created with
 * @capacity: as in struct msgpass_create
 * @size_max: the largest message it takes, in bytes
 * @mode: permission bits
 * @uid: owner's user id in the caller's user namespace
 * @gid: owner's group id, likewise
 * @owner_pid: the process that owns it, in the caller's PID namespace; 0 for a
 *	system-owned mailbox
 * @messages: how many are in it now, those being copied to a receiver included
 * @senders_waiting: senders that wait for admission
 * @receivers_waiting: receivers that wait for a message
 * @pad: 0
 * @bytes: payload of @messages
 * @admitted_messages: admitted since the mailbox was created
 * @admitted_bytes: their payload
 * @received_messages: received whole since the mailbox was created
 * @received_bytes: their payload
 *
 * From @policy on all is written by the kernel, as of one moment.
 */
struct msgpass_stat {
	__u32		flags;
	__u32		policy;
	__u32		capacity;
	__u32		size_max;
	__u32		mode;
	__u32		uid;
	__u32		gid;
	__s32		owner_pid;
	__u32		messages;
	__u32		senders_waiting;
	__u32		receivers_waiting;
	__u32		pad;
	__aligned_u64	bytes;
	__aligned_u64	admitted_messages;
	__aligned_u64	admitted_bytes;
	__aligned_u64	received_messages;
	__aligned_u64	received_bytes;
};

/**
 * struct msgpass_set - argument of MSGPASS_IOC_SET
 * @flags: MSGPASS_SET_* bits: which of the other fields count
 * @capacity: as in struct msgpass_create. No message is lost: where more rest
 *	than that, no more are admitted until they are fewer
 * @mode: permission bits, for who opens it from now on; no umask applies
 * @uid: the new owner; another than oneself only with CAP_IPC_OWNER
 * @gid: the new owner's group; one that the owner is in, or any with
 *	CAP_IPC_OWNER
 * @accepts: MSGPASS_ACCEPT_*
 *
 * A mailbox has all but @accepts, the own inbox @capacity and @accepts.
 */
struct msgpass_set {
	__u32		flags;
	__u32		capacity;
	__u32		mode;
	__u32		uid;
	__u32		gid;
	__u32		accepts;
};

/**
 * struct msgpass_key - argument of MSGPASS_IOC_KEY
 * @flags: 0
 * @pid: a process id in the caller's PID namespace; 0 is the caller
 * @key: written by the kernel: its process key
 */
struct msgpass_key {
	__u32		flags;
	__s32		pid;
	__aligned_u64	key;
};

/**
 * struct msgpass_next - argument of MSGPASS_IOC_NEXT
 * @flags: 0
 * @pad: 0
 * @name: address of MSGPASS_NAME_MAX + 1 bytes: a name, which need not be there
 *	(any more), or the empty one to begin; replaced by the next
 */
struct msgpass_next {
	__u32		flags;
	__u32		pad;
	__aligned_u64	name;
};

/**
 * struct msgpass_next_process - argument of MSGPASS_IOC_NEXT_PROCESS
 * @flags: 0
 * @pid: its process id in the caller's PID namespace
 * @key: a process key, which need not name a process (any more), or 0 to begin;
 *	replaced by that of the next process
 * @uid: its effective user id in the caller's user namespace
 * @accepts: MSGPASS_ACCEPT_*
 * @capacity: of its inbox, as are those that follow
 * @messages: how many are in it now, those being copied to a receiver included
 * @senders_waiting: senders that wait for admission
 * @receivers_waiting: its threads that wait for a message
 * @bytes: payload of @messages
 * @links: how many links it has
 * @mailboxes: how many mailboxes it owns
 *
 * All but @flags is written by the kernel.
 */
struct msgpass_next_process {
	__u32		flags;
	__s32		pid;
	__aligned_u64	key;
	__u32		uid;
	__u32		accepts;
	__u32		capacity;
	__u32		messages;
	__u32		senders_waiting;
	__u32		receivers_waiting;
	__aligned_u64	bytes;
	__u32		links;
	__u32		mailboxes;
};

/**
 * struct msgpass_next_link - argument of MSGPASS_IOC_NEXT_LINK
 * @flags: 0
 * @number: of a link, which need not be there (any more), or 0 to begin;
 *	replaced by that of the next link
 * @since: when it was made, in nanoseconds of CLOCK_MONOTONIC
 * @key: the process keys of its two processes, in ascending order; of the link
 *	of a process with itself, twice the same
 * @messages: admitted: by the inbox of process 1 from process 0, and the other
 *	way round
 * @bytes: their payload
 * @pid: their process ids in the caller's PID namespace, 0 if not visible there
 *
 * All but @flags is written by the kernel. The link of a process with itself has
 * one way, @messages[0].
 */
struct msgpass_next_link {
	__u32		flags;
	__u32		number;
	__aligned_u64	since;
	__aligned_u64	key[2];
	__aligned_u64	messages[2];
	__aligned_u64	bytes[2];
	__s32		pid[2];
};

#define MSGPASS_IOC_MAGIC	0xbd

/*
 * MSGPASS_IOC_CREATE (device, since 0.1): create a mailbox in the caller's IPC
 * namespace. Unless MSGPASS_PROCESS_OWNED it is system-owned: it stays until it
 * is deleted, or its namespace ends. Anybody may, within the quota. The caller's
 * effective user and group own it. Returns a descriptor with the access asked
 * for, whatever the mode.
 * EEXIST, EDQUOT, EMFILE, ENFILE.
 */
#define MSGPASS_IOC_CREATE	_IOW(MSGPASS_IOC_MAGIC, 0x00, struct msgpass_create)

/*
 * MSGPASS_IOC_OPEN (device, since 0.1): open a mailbox of the caller's IPC
 * namespace. Returns a descriptor. The mode is checked here, once, as of a
 * file; CAP_IPC_OWNER in the namespace's user namespace overrides it.
 * ENOENT, EACCES, EMFILE, ENFILE; EPERM: to receive from a mailbox that another
 * process owns.
 */
#define MSGPASS_IOC_OPEN	_IOW(MSGPASS_IOC_MAGIC, 0x01, struct msgpass_open)

/*
 * MSGPASS_IOC_UNLINK (device, since 0.1): take the name away, at once free for
 * another mailbox. Descriptors go on working; the mailbox ends, and its
 * messages with it, when the last of them is closed. Owner or CAP_IPC_OWNER.
 * ENOENT, EPERM.
 */
#define MSGPASS_IOC_UNLINK	_IOW(MSGPASS_IOC_MAGIC, 0x02, struct msgpass_unlink)

/*
 * MSGPASS_IOC_DELETE (mailbox, since 0.1): end the mailbox: its name is free,
 * its messages are dropped, and everybody who waits at it or uses it later
 * gets EIDRM. Owner or CAP_IPC_OWNER.
 * EPERM, EIDRM.
 */
#define MSGPASS_IOC_DELETE	_IOW(MSGPASS_IOC_MAGIC, 0x03, struct msgpass_delete)

/*
 * MSGPASS_IOC_SEND (device and mailbox, since 0.1): send one message. On the
 * device to the inbox of a process, which need not have prepared for it; unless
 * that has said otherwise (MSGPASS_SET_ACCEPTS), it accepts senders of its own
 * effective user, and those with CAP_IPC_OWNER in its user namespace. Returns 0.
 * EACCES, ESRCH, EIDRM, EAGAIN, ETIMEDOUT, EINTR, EMSGSIZE, EDQUOT.
 */
#define MSGPASS_IOC_SEND	_IOWR(MSGPASS_IOC_MAGIC, 0x04, struct msgpass_send)

/*
 * MSGPASS_IOC_RECEIVE (device and mailbox, since 0.1): receive the first
 * message of the mailbox, on the device of the caller's inbox, or wait for
 * one. Returns 0.
 * EACCES, EPERM (another process owns the mailbox), ESRCH, EIDRM, EAGAIN,
 * ETIMEDOUT, EINTR, EMSGSIZE, EDQUOT (a link to the sender that is named).
 */
#define MSGPASS_IOC_RECEIVE	_IOWR(MSGPASS_IOC_MAGIC, 0x05, struct msgpass_receive)

/*
 * MSGPASS_IOC_STAT (device and mailbox, since 0.1): read the state of the
 * mailbox, on the device of the caller's inbox. Any holder of the descriptor.
 * EIDRM.
 */
#define MSGPASS_IOC_STAT	_IOWR(MSGPASS_IOC_MAGIC, 0x06, struct msgpass_stat)

/*
 * MSGPASS_IOC_SET (device and mailbox, since 0.1): change a mailbox, on the
 * device the caller's inbox: all of what is asked for, or nothing. Owner or
 * CAP_IPC_OWNER.
 * EPERM, EIDRM.
 */
#define MSGPASS_IOC_SET		_IOW(MSGPASS_IOC_MAGIC, 0x07, struct msgpass_set)

/*
 * MSGPASS_IOC_KEY (device, since 0.1): the process key of a process. With a
 * pidfd: ask for the key of its pid (from its fdinfo), then see that the pidfd
 * has not become readable: then the key is that of its process.
 * ESRCH.
 */
#define MSGPASS_IOC_KEY		_IOWR(MSGPASS_IOC_MAGIC, 0x08, struct msgpass_key)

/*
 * MSGPASS_IOC_NEXT (device, since 0.1): list the mailboxes of the caller's IPC
 * namespace that the caller could open, in the order of their names' bytes.
 * ENOENT after the last. EINTR, which does not start again by itself.
 */
#define MSGPASS_IOC_NEXT	_IOW(MSGPASS_IOC_MAGIC, 0x09, struct msgpass_next)

/*
 * MSGPASS_IOC_NEXT_PROCESS (device, since 0.1): list the processes that have an
 * inbox, with its state, by ascending process key. A caller sees those of its
 * own effective user, and with CAP_IPC_OWNER in a process's user namespace that
 * too, as far as they have a pid in its PID namespace.
 * ESRCH after the last. EINTR, which does not start again by itself.
 */
#define MSGPASS_IOC_NEXT_PROCESS _IOWR(MSGPASS_IOC_MAGIC, 0x0a, struct msgpass_next_process)

/*
 * MSGPASS_IOC_NEXT_LINK (device, since 0.1): list the links of live processes,
 * each once, by ascending number. A caller sees those that have at least one
 * process that MSGPASS_IOC_NEXT_PROCESS shows it.
 * ENOENT after the last. EINTR, which does not start again by itself.
 */
#define MSGPASS_IOC_NEXT_LINK	_IOWR(MSGPASS_IOC_MAGIC, 0x0b, struct msgpass_next_link)

#endif /* _UAPI_LINUX_MSGPASS_H */
