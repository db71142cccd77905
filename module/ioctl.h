/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ioctl: from the bytes of a caller to the objects of the module.
 *
 * A table says for each ioctl the size of its argument and on which kind of
 * descriptor it is. A handler works on a kernel copy, in this order: access,
 * flags, padding, ranges, look-up; then everything that can fail; then what
 * cannot. User memory is touched with no lock held.
 */
#ifndef MSGPASS_IOCTL_H
#define MSGPASS_IOCTL_H

struct file;

long msgpass_device_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
long msgpass_mailbox_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

#endif /* MSGPASS_IOCTL_H */
