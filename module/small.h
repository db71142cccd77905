/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small: payloads that lie in the message itself, copied word by word.
 *
 * copy_from_user() of a size that is no constant asks the allocator where the object ends,
 * which takes longer than the copy. Here the object is the message, and the size at most
 * MSGPASS_SMALL_MAX (message.h). A copy out may be made with page faults disabled, and a lock held.
 */
#ifndef MSGPASS_SMALL_H
#define MSGPASS_SMALL_H

#include <linux/errno.h>
#include <linux/fault-inject-usercopy.h>
#include <linux/types.h>
#include <linux/uaccess.h>

#define MSGPASS_WORD	sizeof(u64)

/* Four words at a time, and then what is left. */
#define MSGPASS_BLOCK	(4 * MSGPASS_WORD)

/* Return 0 or -EFAULT. */
static inline int msgpass_small_copy_in(void *to, const void __user *from, size_t size)
{
	size_t left = size;

	if (!size)
		return 0;
	if (should_fail_usercopy() || !user_read_access_begin(from, size))
		return -EFAULT;
	for (; left >= MSGPASS_BLOCK; left -= MSGPASS_BLOCK) {
		unsafe_get_user(((u64 *)to)[0], (const u64 __user *)from, fault);
		unsafe_get_user(((u64 *)to)[1], (const u64 __user *)from + 1, fault);
		unsafe_get_user(((u64 *)to)[2], (const u64 __user *)from + 2, fault);
		unsafe_get_user(((u64 *)to)[3], (const u64 __user *)from + 3, fault);
		to += MSGPASS_BLOCK;
		from += MSGPASS_BLOCK;
	}
	for (; left >= MSGPASS_WORD; left -= MSGPASS_WORD) {
		unsafe_get_user(*(u64 *)to, (const u64 __user *)from, fault);
		to += MSGPASS_WORD;
		from += MSGPASS_WORD;
	}
	for (; left; left--, to++, from++)
		unsafe_get_user(*(u8 *)to, (const u8 __user *)from, fault);
	user_read_access_end();
	return 0;

fault:
	user_read_access_end();
	return -EFAULT;
}

/* Return 0 or -EFAULT. */
static inline int msgpass_small_copy_out(void __user *to, const void *from, size_t size)
{
	size_t left = size;

	if (!size)
		return 0;
	if (should_fail_usercopy() || !user_write_access_begin(to, size))
		return -EFAULT;
	for (; left >= MSGPASS_BLOCK; left -= MSGPASS_BLOCK) {
		unsafe_put_user(((const u64 *)from)[0], (u64 __user *)to, fault);
		unsafe_put_user(((const u64 *)from)[1], (u64 __user *)to + 1, fault);
		unsafe_put_user(((const u64 *)from)[2], (u64 __user *)to + 2, fault);
		unsafe_put_user(((const u64 *)from)[3], (u64 __user *)to + 3, fault);
		to += MSGPASS_BLOCK;
		from += MSGPASS_BLOCK;
	}
	for (; left >= MSGPASS_WORD; left -= MSGPASS_WORD) {
		unsafe_put_user(*(const u64 *)from, (u64 __user *)to, fault);
		to += MSGPASS_WORD;
		from += MSGPASS_WORD;
	}
	for (; left; left--, to++, from++)
		unsafe_put_user(*(const u8 *)from, (u8 __user *)to, fault);
	user_write_access_end();
	return 0;

fault:
	user_write_access_end();
	return -EFAULT;
}

#endif /* MSGPASS_SMALL_H */
