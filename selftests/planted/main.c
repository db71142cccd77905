// SPDX-License-Identifier: GPL-2.0-only
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

#include "planted.h"

static char *fault = "";
module_param(fault, charp, 0444);
MODULE_PARM_DESC(fault, "Which one");

static int planted_lock_inversion(void)
{
	static DEFINE_MUTEX(first);
	static DEFINE_MUTEX(second);

	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
	return 0;
}

/* On PREEMPT_RT the inner one would sleep. */
static int planted_lock_nesting(void)
{
	static DEFINE_RAW_SPINLOCK(outer);
	static DEFINE_SPINLOCK(inner);

	raw_spin_lock(&outer);
	spin_lock(&inner);
	spin_unlock(&inner);
	raw_spin_unlock(&outer);
	return 0;
}

static int planted_sleep_in_atomic(void)
{
	static DEFINE_SPINLOCK(lock);

	spin_lock(&lock);
	might_sleep();
	spin_unlock(&lock);
	return 0;
}

static int planted_rcu_unlocked(void)
{
	static int value;
	static int __rcu *pointer = (int __rcu __force *)&value;

	return *rcu_dereference(pointer);
}

static int planted_shift(void)
{
	int bits = 35;

	OPTIMIZER_HIDE_VAR(bits);
	/* Used, or else nothing is shifted. */
	return (1 << bits) == 0x5ca1ab1e;
}

static int planted_list_add(void)
{
	static LIST_HEAD(head);
	static LIST_HEAD(entry);

	list_add(&entry, &head);
	list_add(&entry, &head);
	return 0;
}

static int planted_refcount(void)
{
	static refcount_t count = REFCOUNT_INIT(0);

	return refcount_dec_and_test(&count);
}

static void never(struct timer_list *timer)
{
}

static int planted_active_timer(void)
{
	struct timer_list *timer = kmalloc(sizeof(*timer), GFP_KERNEL);

	if (!timer)
		return -ENOMEM;
	timer_setup(timer, never, 0);
	mod_timer(timer, jiffies + 3600 * HZ);
	kfree(timer);
	return 0;
}

/* Longer than the tests set for the watchdog, which looks twice. */
static int planted_hung_task(void)
{
	schedule_timeout_uninterruptible(6 * HZ);
	return 0;
}

static int raced;

static int racer(void *unused)
{
	unsigned long end = jiffies + 3 * HZ;

	while (time_before(jiffies, end)) {
		int i;

		for (i = 0; i < 1000; i++) {
			raced++;
			barrier();
		}
		cond_resched();
	}
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 10);
	return 0;
}

static int planted_data_race(void)
{
	struct task_struct *one = kthread_run(racer, NULL, "planted-one");
	struct task_struct *other = kthread_run(racer, NULL, "planted-other");

	ssleep(3);
	if (!IS_ERR(one))
		kthread_stop(one);
	if (!IS_ERR(other))
		kthread_stop(other);
	return IS_ERR(one) || IS_ERR(other) ? -ENOMEM : 0;
}

static const struct {
	const char *name;
	int (*make)(void);
} faults[] = {
	{ "lock-inversion", planted_lock_inversion },
	{ "lock-nesting", planted_lock_nesting },
	{ "sleep-in-atomic", planted_sleep_in_atomic },
	{ "rcu-unlocked", planted_rcu_unlocked },
	{ "shift", planted_shift },
	{ "list-add", planted_list_add },
	{ "refcount", planted_refcount },
	{ "active-timer", planted_active_timer },
	{ "hung-task", planted_hung_task },
	{ "data-race", planted_data_race },
	{ "use-after-free", planted_use_after_free },
	{ "out-of-bounds", planted_out_of_bounds },
	{ "leak", planted_leak },
	{ "red-zone", planted_red_zone },
};

static int __init planted_init(void)
{
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		if (strcmp(faults[i].name, fault))
			continue;
		/* Seen by whoever reads what comes after it. */
		pr_warn("planted: %s\n", fault);
		err = faults[i].make();
		return err < 0 ? err : 0;
	}
	return -EINVAL;
}

static void __exit planted_exit(void)
{
}

module_init(planted_init);
module_exit(planted_exit);

MODULE_DESCRIPTION("Faults made on purpose");
MODULE_LICENSE("GPL");
