/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ioctl: from the bytes of a caller to the objects of the module.
 *
 * The table in ioctl.c says for each ioctl the size of its argument and on which
 * kind of descriptor it is. A handler works on a kernel copy, in this order:
 * access, flags, padding, ranges, look-up; then everything that can fail; then
 * what cannot. User memory is waited for with no lock held.
 *
 * The handlers are in ioctl_mailbox.c (mailboxes and their attributes),
 * ioctl_message.c (send and receive) and ioctl_process.c (processes and links).
 */
#ifndef MSGPASS_IOCTL_H
#define MSGPASS_IOCTL_H

#include <linux/types.h>

struct file;
struct msgpass_endpoint;
struct msgpass_receive;
struct msgpass_send;

/**
 * struct msgpass_call - one ioctl under way
 * @file: the descriptor
 * @endpoint: what it is
 * @arg: the kernel's copy of the argument, of this kernel's size
 * @uarg: where it came from
 * @usize: how much of it the caller knows
 */
struct msgpass_call {
	struct file			*file;
	const struct msgpass_endpoint	*endpoint;
	void				*arg;
	void __user			*uarg;
	size_t				usize;
};

/**
 * msgpass_call_write_back() - give the caller its argument back, outputs and all
 * @call: the call
 * @size: of the argument in this kernel; the caller gets what it knows of it
 *
 * Return: 0 or -EFAULT.
 */
int msgpass_call_write_back(const struct msgpass_call *call, size_t size);

/* The handlers. Each returns what the ioctl returns. */
int msgpass_ioctl_create(const struct msgpass_call *call);
int msgpass_ioctl_open(const struct msgpass_call *call);
int msgpass_ioctl_unlink(const struct msgpass_call *call);
int msgpass_ioctl_delete(const struct msgpass_call *call);
int msgpass_ioctl_stat(const struct msgpass_call *call);
int msgpass_ioctl_set(const struct msgpass_call *call);
int msgpass_ioctl_next(const struct msgpass_call *call);

int msgpass_ioctl_send(const struct msgpass_call *call);
int msgpass_ioctl_receive(const struct msgpass_call *call);

int msgpass_ioctl_key(const struct msgpass_call *call);
int msgpass_ioctl_next_process(const struct msgpass_call *call);
int msgpass_ioctl_next_link(const struct msgpass_call *call);

/*
 * The two that every message takes, with an argument of just this kernel's size: fetched
 * word by word, which spares the checks of a copy of any size, and the table.
 */
int msgpass_ioctl_send_exact(struct file *file, struct msgpass_send __user *uarg);
int msgpass_ioctl_receive_exact(struct file *file, struct msgpass_receive __user *uarg);

long msgpass_device_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
long msgpass_mailbox_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

#endif /* MSGPASS_IOCTL_H */
