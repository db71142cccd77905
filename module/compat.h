/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one place that knows kernel versions, included before every file of the
 * module. What differs between the kernels of the tested matrix gets one name
 * here, and the rest of the module uses that name.
 */
#ifndef MSGPASS_COMPAT_H
#define MSGPASS_COMPAT_H

#include <linux/cgroup.h>
#include <linux/jiffies.h>
#include <linux/ns_common.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sysctl.h>
#include <linux/uaccess.h>
#include <linux/version.h>

/*
 * Up to 6.10 a sysctl table ends with an empty entry; from 6.11 on its size
 * alone counts, an empty entry is an error, and handlers may not change it.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
#define MSGPASS_SYSCTL_END	{ }
#define MSGPASS_CTL_TABLE	struct ctl_table
#else
#define MSGPASS_SYSCTL_END
#define MSGPASS_CTL_TABLE	const struct ctl_table
#endif

/*
 * A variable of the paths that every message takes, which its first user fills in:
 * not to be zeroed before by CONFIG_INIT_STACK_ALL_ZERO.
 */
#if __has_attribute(__uninitialized__)
#define MSGPASS_UNINITIALIZED	__attribute__((__uninitialized__))
#else
#define MSGPASS_UNINITIALIZED
#endif

/*
 * A cache with slabs of its own, where nothing else of the same size ever lies: others are
 * merged with those that are there. Up to 6.4 there is no flag against that, but where
 * usercopy is hardened no cache is merged from which copy_to_user() may copy. That is one
 * byte here, as good as none: msgpass copies from and to it without asking.
 */
static inline struct kmem_cache *msgpass_cache_create(const char *name, unsigned int size,
						      slab_flags_t flags)
{
#ifdef SLAB_NO_MERGE
	return kmem_cache_create(name, size, 0, flags | SLAB_NO_MERGE, NULL);
#else
	return kmem_cache_create_usercopy(name, size, 0, flags, 0, 1, NULL);
#endif
}

/*
 * copy_from_user() and copy_to_user(), but whether there is room for so much in the kernel's
 * memory is for the caller to know. Up to 6.10 an architecture that has them inline has
 * these inline, too, by the same name; from 6.11 on it has another name for that.
 */
static inline unsigned long __must_check
msgpass_copy_from_user(void *to, const void __user *from, unsigned long size)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0) && defined(INLINE_COPY_FROM_USER)
	return _inline_copy_from_user(to, from, size);
#else
	return _copy_from_user(to, from, size);
#endif
}

static inline unsigned long __must_check
msgpass_copy_to_user(void __user *to, const void *from, unsigned long size)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0) && defined(INLINE_COPY_TO_USER)
	return _inline_copy_to_user(to, from, size);
#else
	return _copy_to_user(to, from, size);
#endif
}

/*
 * Which memory cgroup the caller is charged in, by a number that is never used again.
 * Inside rcu_read_lock() or a spinlock, which is the same to RCU.
 */
static inline u64 msgpass_current_cgroup(void)
{
#ifdef CONFIG_MEMCG
	return task_css_check(current, memory_cgrp_id, true)->serial_nr;
#else
	return 0;
#endif
}

/*
 * CFS lets a task yield in vain until what it is owed is used up. EEVDF, from 6.6 on, puts a
 * task that yields back by a time slice each time.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define MSGPASS_YIELDS_MAX	64
#else
#define MSGPASS_YIELDS_MAX	1
#endif

/*
 * How long the caller has waited for a CPU, in ns. Or just the time, as coarse as a tick:
 * then who seems to have waited for long may have waited for a moment.
 */
static inline u64 msgpass_run_delay(void)
{
#ifdef CONFIG_SCHED_INFO
	return current->sched_info.run_delay;
#else
	return jiffies_to_nsecs(jiffies);
#endif
}

/* How many references a namespace has, whoever holds them. */
static inline unsigned int msgpass_ns_references(struct ns_common *ns)
{
	return refcount_read(&ns->count);
}

#endif /* MSGPASS_COMPAT_H */
