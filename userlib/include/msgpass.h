/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libmsgpass: message passing between processes.
 *
 * Two layers. The comfortable one works on a struct msgpass, which is either
 * this process's endpoint or a mailbox. The raw one, msgpass_raw_*(), is one
 * function for each ioctl of <linux/msgpass.h>, on a descriptor; msgpass_fd()
 * leads from the first to the second, for instance to send with a priority or
 * a deadline. <msgpass/textbook.h> has the names that textbooks use.
 *
 * All functions may be called from any thread, on the same object, too, except
 * that nobody may use it during or after msgpass_close(). After fork() the
 * child uses the same objects as itself: an endpoint is then the child's.
 *
 * Errors are as in the C library: -1 or NULL, and errno; what each errno means
 * is told once for all calls in <linux/msgpass.h>. Where /dev/msgpass is opened
 * on the way, ENOENT or ENODEV also say that the module is not loaded, and
 * EMFILE and ENFILE that no descriptor is left. A call that a signal interrupts
 * fails with EINTR, unless the handler has SA_RESTART.
 *
 * The library prints nothing, never exits, and has no global state.
 */
#ifndef MSGPASS_H
#define MSGPASS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/msgpass.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The endpoint of the calling process, or a mailbox. */
struct msgpass;

/* Both accesses, for msgpass_create() and msgpass_open(). */
#define MSGPASS_ACCESS_BOTH	(MSGPASS_ACCESS_RECEIVE | MSGPASS_ACCESS_SEND)

/**
 * struct msgpass_attributes - what a mailbox is to be
 * @flags: MSGPASS_FIXED_SIZE, MSGPASS_PROCESS_OWNED
 * @capacity: how many messages may rest: 0 (rendezvous), n, MSGPASS_UNBOUNDED
 * @size_max: the largest message in bytes; 0: what the administrator permits
 * @mode: permission bits, as of a file: r receives, w sends; umask applies
 */
struct msgpass_attributes {
	unsigned int flags;
	unsigned int capacity;
	unsigned int size_max;
	mode_t mode;
};

/**
 * struct msgpass_info - what the kernel says of a received message
 * @id: its id: counts the messages of its mailbox, from 1
 * @sender_key: the sender's process key, never used again
 * @sender_pid: the sender's process id; 0 if it is not visible from here
 * @sender_tid: the same of the thread
 * @sender_uid: the sender's effective user
 * @sender_gid: the sender's effective group
 * @priority: 0 to MSGPASS_PRIORITY_MAX
 * @size: the message's true size in bytes, also where the buffer was too small
 */
struct msgpass_info {
	uint64_t id;
	uint64_t sender_key;
	pid_t sender_pid;
	pid_t sender_tid;
	uid_t sender_uid;
	gid_t sender_gid;
	unsigned int priority;
	size_t size;
};

/**
 * msgpass_endpoint() - open the endpoint of this process
 *
 * Return: what msgpass_send_to(), msgpass_receive() (from the own inbox) and
 * msgpass_stat() take, to be closed with msgpass_close(); NULL on error:
 * ENOENT or ENODEV (the module is not loaded), EMFILE, ENFILE, ENOMEM.
 *
 * Since: 0.1
 */
struct msgpass *msgpass_endpoint(void);

/**
 * msgpass_create() - create a mailbox
 * @name: its name: 1 to MSGPASS_NAME_MAX bytes, no '/', no control characters
 * @attributes: what it is to be
 * @access: MSGPASS_ACCESS_* bits of the mailbox returned
 *
 * The mailbox stays until msgpass_delete() or msgpass_unlink(), whoever exits;
 * with MSGPASS_PROCESS_OWNED only until this process does: then its name is free at once.
 *
 * Return: the mailbox, to be closed with msgpass_close(); NULL on error:
 * EEXIST, EINVAL, EDQUOT, ENOMEM, or as msgpass_endpoint().
 *
 * Since: 0.1
 */
struct msgpass *msgpass_create(const char *name,
			       const struct msgpass_attributes *attributes,
			       unsigned int access);

/**
 * msgpass_open() - open a mailbox that exists
 * @name: its name
 * @access: MSGPASS_ACCESS_* bits; with none of them, what its owner needs for
 *	msgpass_stat() and msgpass_delete()
 *
 * Return: the mailbox, to be closed with msgpass_close(); NULL on error:
 * ENOENT, EACCES, EPERM (to receive from a mailbox that another process owns),
 * EINVAL, ENOMEM, or as msgpass_endpoint().
 *
 * Since: 0.1
 */
struct msgpass *msgpass_open(const char *name, unsigned int access);

/**
 * msgpass_close() - close an endpoint or a mailbox
 * @object: it, or NULL
 *
 * A mailbox lives on. Leaves errno alone.
 *
 * Since: 0.1
 */
void msgpass_close(struct msgpass *object);

/**
 * msgpass_fd() - the descriptor of an endpoint or a mailbox
 * @object: it
 *
 * For poll(), epoll and the raw layer. It is close-on-exec and remains the
 * object's.
 *
 * Return: the descriptor.
 *
 * Since: 0.1
 */
int msgpass_fd(const struct msgpass *object);

/**
 * msgpass_unlink() - take a mailbox's name away
 * @name: its name
 *
 * Whoever has it open goes on; it ends when the last of them closes it.
 *
 * Return: 0; -1 on error: ENOENT, EPERM (not the owner), EINVAL, or as
 * msgpass_endpoint().
 *
 * Since: 0.1
 */
int msgpass_unlink(const char *name);

/**
 * msgpass_delete() - end a mailbox
 * @mailbox: the mailbox, still to be closed
 *
 * Its messages are dropped and whoever waits at it gets EIDRM.
 *
 * Return: 0; -1 on error: EPERM (not the owner), EIDRM, ENOTTY (an endpoint).
 *
 * Since: 0.1
 */
int msgpass_delete(struct msgpass *mailbox);

/**
 * msgpass_send() - send a message to a mailbox
 * @mailbox: the mailbox
 * @data: the message
 * @size: its size in bytes; may be 0
 * @flags: 0, MSGPASS_NONBLOCK or MSGPASS_SYNC
 *
 * Waits until the message is admitted: while the mailbox is full, unless
 * MSGPASS_NONBLOCK. With MSGPASS_SYNC, and at a mailbox of capacity 0, until a
 * receiver has it. What failed was not sent, to anybody.
 *
 * Return: 0; -1 on error: EACCES, EAGAIN, EDQUOT, EFAULT, EIDRM, EINTR, EINVAL,
 * EMSGSIZE, ENOMEM.
 *
 * Since: 0.1
 */
int msgpass_send(struct msgpass *mailbox, const void *data, size_t size,
		 unsigned int flags);

/**
 * msgpass_send_to() - send a message to a process
 * @endpoint: the own endpoint
 * @pid: the process; it need not have prepared for it
 * @data: the message
 * @size: its size in bytes; may be 0
 * @flags: as msgpass_send()
 *
 * It goes to the inbox of that process, which by default takes messages of
 * processes of the same user, and of privileged ones.
 *
 * Return: as msgpass_send(); EACCES also if the process does not take messages
 * from this one; ESRCH (no such process, or it ended) in place of EIDRM.
 *
 * Since: 0.1
 */
int msgpass_send_to(struct msgpass *endpoint, pid_t pid, const void *data,
		    size_t size, unsigned int flags);

/**
 * msgpass_send_to_key() - send a message to the process of a key
 * @endpoint: the own endpoint
 * @key: a process key, of msgpass_key() or a message's sender_key
 * @data: the message
 * @size: its size in bytes; may be 0
 * @flags: as msgpass_send()
 *
 * Unlike a pid, a key never names another process later: ESRCH says that the
 * right one has ended. The sender of a message can be answered by its key even
 * where its pid is not visible.
 *
 * Return: as msgpass_send_to().
 *
 * Since: 0.1
 */
int msgpass_send_to_key(struct msgpass *endpoint, uint64_t key, const void *data,
			size_t size, unsigned int flags);

/**
 * msgpass_receive() - receive a message
 * @from: a mailbox, or the own endpoint: then from the own inbox
 * @buffer: where to
 * @size: how many bytes fit there
 * @flags: 0 or MSGPASS_NONBLOCK
 * @info: set to what the kernel says of the message; may be NULL
 *
 * Waits for a message, unless MSGPASS_NONBLOCK. Whatever fails, no message is
 * lost: with EMSGSIZE @info is set, so that its size is known, and the message
 * is still the first.
 *
 * Return: the message's size in bytes; -1 on error: EACCES, EAGAIN, EFAULT,
 * EIDRM, EINTR, EINVAL, EMSGSIZE, ENOMEM, EPERM (another process owns it).
 *
 * Since: 0.1
 */
ssize_t msgpass_receive(struct msgpass *from, void *buffer, size_t size,
			unsigned int flags, struct msgpass_info *info);

/**
 * msgpass_receive_from() - receive a message of one process
 * @endpoint: the own endpoint
 * @pid: the sender
 * @buffer: where to
 * @size: how many bytes fit there
 * @flags: as msgpass_receive()
 * @info: as msgpass_receive()
 *
 * However many messages of others are there, they stay. What the process sent
 * before it ended is still received.
 *
 * Return: as msgpass_receive(); also ESRCH: there is no such process, or it has
 * ended and all that it sent is received; EDQUOT: no more links; EINVAL: @pid is
 * not positive.
 *
 * Since: 0.1
 */
ssize_t msgpass_receive_from(struct msgpass *endpoint, pid_t pid, void *buffer,
			     size_t size, unsigned int flags,
			     struct msgpass_info *info);

/**
 * msgpass_receive_from_key() - receive a message of the process of a key
 * @endpoint: the own endpoint
 * @key: the sender's process key
 * @buffer: where to
 * @size: how many bytes fit there
 * @flags: as msgpass_receive()
 * @info: as msgpass_receive()
 *
 * Return: as msgpass_receive_from().
 *
 * Since: 0.1
 */
ssize_t msgpass_receive_from_key(struct msgpass *endpoint, uint64_t key,
				 void *buffer, size_t size, unsigned int flags,
				 struct msgpass_info *info);

/**
 * msgpass_key() - the process key of a process
 * @endpoint: the own endpoint
 * @pid: the process, 0 for the calling one
 * @key: set to its key
 *
 * Return: 0; -1 on error: ESRCH, EINVAL (a negative @pid), ENOMEM.
 *
 * Since: 0.1
 */
int msgpass_key(struct msgpass *endpoint, pid_t pid, uint64_t *key);

/**
 * msgpass_key_of_pidfd() - the process key of the process of a pidfd
 * @endpoint: the own endpoint
 * @pidfd: of pidfd_open(2), clone(2) or the like
 * @key: set to its key: of that process, even if its pid is used again
 *
 * Reads /proc, which must be mounted.
 *
 * Return: 0; -1 on error: ESRCH (it has ended, or is not visible here), EBADF
 * and EINVAL (not a pidfd), ENOMEM, or an error of opening /proc/self/fdinfo.
 *
 * Since: 0.1
 */
int msgpass_key_of_pidfd(struct msgpass *endpoint, int pidfd, uint64_t *key);

/**
 * msgpass_set() - change a mailbox, or the own inbox
 * @object: a mailbox, or the own endpoint
 * @set: what to change; see struct msgpass_set in <linux/msgpass.h>
 *
 * Return: 0; -1 on error: EPERM (not the owner), EINVAL, EIDRM, EFAULT, ENOMEM.
 *
 * Since: 0.1
 */
int msgpass_set(struct msgpass *object, const struct msgpass_set *set);

/**
 * msgpass_next() - list the mailboxes that one could open
 * @endpoint: the own endpoint
 * @name: the empty string to begin; replaced by the next name
 *
 * Return: 0; -1 on error: ENOENT after the last, EINTR, ENOMEM.
 *
 * Since: 0.1
 */
int msgpass_next(struct msgpass *endpoint, char name[MSGPASS_NAME_MAX + 1]);

/**
 * msgpass_next_process() - list the processes that have an inbox
 * @endpoint: the own endpoint
 * @process: all zero to begin; replaced by the next process, in the order of
 *	their keys; see struct msgpass_next_process in <linux/msgpass.h>
 *
 * Shows those of the same effective user, to the privileged all.
 *
 * Return: 0; -1 on error: ESRCH after the last, EINTR, EINVAL.
 *
 * Since: 0.1
 */
int msgpass_next_process(struct msgpass *endpoint,
			 struct msgpass_next_process *process);

/**
 * msgpass_next_link() - list the links
 * @endpoint: the own endpoint
 * @link: all zero to begin; replaced by the next link, in the order of their
 *	numbers; see struct msgpass_next_link in <linux/msgpass.h>
 *
 * Shows those of the processes that msgpass_next_process() shows.
 *
 * Return: 0; -1 on error: ENOENT after the last, EINTR, EINVAL.
 *
 * Since: 0.1
 */
int msgpass_next_link(struct msgpass *endpoint, struct msgpass_next_link *link);

/**
 * msgpass_stat() - read the state of a mailbox, or of the own inbox
 * @object: a mailbox, or the own endpoint
 * @stat: set to the state; see struct msgpass_stat in <linux/msgpass.h>
 *
 * Return: 0; -1 on error: EIDRM.
 *
 * Since: 0.1
 */
int msgpass_stat(struct msgpass *object, struct msgpass_stat *stat);

/**
 * msgpass_deadline() - a time from now, as the kernel takes it
 * @nanoseconds: from now
 *
 * Return: CLOCK_MONOTONIC in ns, for the deadline field of the raw layer's
 * arguments; as late as there is if the sum is later.
 *
 * Since: 0.1
 */
uint64_t msgpass_deadline(uint64_t nanoseconds);

/*
 * The raw layer: the ioctl of that name in <linux/msgpass.h>, which tells what
 * each does and its errors; nothing is added. @fd is a descriptor of the device
 * or of a mailbox. Since: 0.1
 */
int msgpass_raw_create(int fd, const struct msgpass_create *argument);
int msgpass_raw_open(int fd, const struct msgpass_open *argument);
int msgpass_raw_unlink(int fd, const struct msgpass_unlink *argument);
int msgpass_raw_delete(int fd, const struct msgpass_delete *argument);
int msgpass_raw_send(int fd, struct msgpass_send *argument);
int msgpass_raw_receive(int fd, struct msgpass_receive *argument);
int msgpass_raw_stat(int fd, struct msgpass_stat *argument);
int msgpass_raw_set(int fd, const struct msgpass_set *argument);
int msgpass_raw_key(int fd, struct msgpass_key *argument);
int msgpass_raw_next(int fd, const struct msgpass_next *argument);
int msgpass_raw_next_process(int fd, struct msgpass_next_process *argument);
int msgpass_raw_next_link(int fd, struct msgpass_next_link *argument);

#ifdef __cplusplus
}
#endif

#endif /* MSGPASS_H */
