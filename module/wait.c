// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cpumask.h>
#include <linux/freezer.h>
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>

#include "limit.h"
#include "wait.h"

/* Long enough for a task that is being woken to come, short beside a large copy. */
#define NAP_NS	(10 * NSEC_PER_USEC)

/* Longer than who answers takes, shorter than a time slice; and for each message that moved. */
#define OVERSLEPT_NS	(500 * NSEC_PER_USEC)
#define PER_MESSAGE_NS	(10 * NSEC_PER_USEC)

/* So many waits in vain, of 20 us or more each, and nothing is owed any more. */
#define VAIN_MAX	250

void msgpass_waiter_queue_by_rank(struct msgpass_waiter *waiter, struct list_head *list,
				  size_t node)
{
	struct list_head *ahead;
	struct msgpass_waiter *other;

	list_for_each(ahead, list) {
		other = (void *)ahead - node;
		if (other->rank > waiter->rank)
			break;
	}
	list_add_tail((void *)waiter + node, ahead);
}

/* It is rare, and to have it apart spares the others that registers are saved for it. */
static noinline void wake_at_once(struct task_struct *task)
{
	msgpass_wake(task);
}

void msgpass_waiter_release(struct msgpass_waiter *waiter, int outcome,
			    struct msgpass_wakeups *wakeups)
{
	struct task_struct *task;

	msgpass_waiter_unqueue(waiter);
	task = waiter->task;
	if (task == current) {
		/* A receiver that took from a waiting sender: come_locked(). */
		waiter->outcome = outcome;
		return;
	}
	get_task_struct(task);
	/* Pairs with the acquire in msgpass_wait(): timeline RELEASE. */
	smp_store_release(&waiter->outcome, outcome);
	if (wakeups->count < ARRAY_SIZE(wakeups->tasks))
		wakeups->tasks[wakeups->count++] = task;
	else
		wake_at_once(task);
}

static bool is_released(const struct msgpass_waiter *waiter)
{
	/* Pairs with msgpass_waiter_release(): timeline RELEASE. */
	return smp_load_acquire(&waiter->outcome) != MSGPASS_WAITING;
}

bool msgpass_try(struct msgpass_trial *trial)
{
	unsigned int rest = READ_ONCE(trial->rest);

	if (rest)
		WRITE_ONCE(trial->rest, rest - 1);
	return !rest;
}

void msgpass_tried(struct msgpass_trial *trial, bool has_paid, unsigned int rest_max)
{
	unsigned int rest = has_paid ? 0 : min(READ_ONCE(trial->backoff) * 2 + 1, rest_max);

	WRITE_ONCE(trial->backoff, rest);
	WRITE_ONCE(trial->rest, rest);
}

/*
 * The only task of its CPU waits for one of another CPU, or for something else. To look
 * for the outcome for a moment spares that one the waking of this CPU, and this one the
 * way to sleep and back. That burns the CPU for no longer than the administrator says, and
 * seldom where it was in vain.
 */
static noinline void spin(const struct msgpass_waiter *waiter, ktime_t deadline,
			  struct msgpass_trial *trial, unsigned int us)
{
	ktime_t end = min(ktime_add_us(ktime_get(), us), deadline);
	bool is_soon;

	do {
		cpu_relax();
		is_soon = is_released(waiter);
	} while (!is_soon && single_task_running() && !need_resched() &&
		 !signal_pending(current) && ktime_get() < end);
	msgpass_tried(trial, is_soon, MSGPASS_REST_SHORT);
}

/* Where all that can be owed would have been used up, more is owed each time. */
static void yielded(struct msgpass_trials *trials, bool has_paid)
{
	unsigned int vain = has_paid ? 0 : min(READ_ONCE(trials->vain) + 1, VAIN_MAX);

	if (vain != READ_ONCE(trials->vain))
		WRITE_ONCE(trials->vain, vain);
	msgpass_tried(&trials->yield, has_paid,
		      vain < VAIN_MAX ? MSGPASS_REST_SHORT : MSGPASS_REST_LONG);
}

/*
 * Who waits for a message, or for room, often waits for another task of the same CPU,
 * which can run now. To let it run, and find that it has released us, is to sleep and
 * be woken for a third less; and it goes on, to send us more, instead of being
 * preempted by our waking up.
 *
 * A scheduler may let nobody else run while it owes us time, up to some milliseconds where
 * we have often slept: yield() just returns then. So receivers yield many times, which uses
 * up some of that, and the rest in the next waits. Senders need not: they are woken late.
 *
 * But where what runs is somebody else, for the rest of its time slice, then a sleeper
 * would have been woken at once, be it for a message or for a signal. So after that there
 * is no yield for a second. Who fills the mailbox meanwhile, or empties it, may take longer.
 */
static noinline void let_others_run(const struct msgpass_waiter *waiter,
				    struct msgpass_trials *trials)
{
	unsigned long switches = current->nivcsw;
	/* A guess, as all that is remembered of it. */
	s64 moved = data_race(*trials->messages);
	u64 waited = msgpass_run_delay();
	unsigned int left = trials->yields_max;

	while (left-- && current->nivcsw == switches && !is_released(waiter) &&
	       !single_task_running() && !signal_pending(current))
		yield();
	waited = msgpass_run_delay() - waited;
	/* As above. */
	moved = abs(moved - data_race(*trials->messages));
	if (waited > OVERSLEPT_NS + moved * PER_MESSAGE_NS)
		WRITE_ONCE(trials->overslept, jiffies);
	else
		yielded(trials, is_released(waiter));
}

/*
 * With a deadline nothing that runs may make it late; and a real-time task that yields
 * lets only its equals run.
 */
static bool may_yield(const struct msgpass_waiter *waiter, ktime_t deadline,
		      struct msgpass_trials *trials)
{
	unsigned long overslept = READ_ONCE(trials->overslept);

	return deadline == KTIME_MAX && current->policy == SCHED_NORMAL &&
	       waiter->rank == MAX_RT_PRIO && !signal_pending(current) &&
	       !time_in_range(jiffies, overslept, overslept + HZ) &&
	       msgpass_try(&trials->yield);
}

/* What there is to do before it sleeps. Most often that is nothing. */
static void stay_awake(const struct msgpass_waiter *waiter, ktime_t deadline,
		       struct msgpass_trials *trials)
{
	unsigned int us;

	if (!single_task_running()) {
		if (may_yield(waiter, deadline, trials))
			let_others_run(waiter, trials);
		return;
	}
	us = READ_ONCE(msgpass_spin_us);
	if (us && num_online_cpus() > 1 && msgpass_try(&trials->spin))
		spin(waiter, deadline, &trials->spin, us);
}

void msgpass_nap(void)
{
	ktime_t nap = NAP_NS;

	/* Without such timers it would be a tick. */
	if (hrtimer_resolution > NAP_NS)
		return;
	set_current_state(TASK_INTERRUPTIBLE | TASK_FREEZABLE);
	schedule_hrtimeout_range(&nap, 0, HRTIMER_MODE_REL);
}

/* Return whether it was woken before. Apart, since most have no deadline. */
static noinline bool sleep_until(ktime_t deadline)
{
	/* Some kernels leave that to the caller. */
	u64 slack = rt_task(current) ? 0 : current->timer_slack_ns;

	return schedule_hrtimeout_range(&deadline, slack, HRTIMER_MODE_ABS);
}

/* Sleep unless it was released. Return why not to wait any more, as msgpass_wait(). */
static int sleep(const struct msgpass_waiter *waiter, ktime_t deadline)
{
	int err = 0;

	set_current_state(TASK_INTERRUPTIBLE | TASK_FREEZABLE);
	if (is_released(waiter) || signal_pending(current)) {
		__set_current_state(TASK_RUNNING);
		err = -ERESTARTSYS;	/* if it was not */
	} else if (deadline == KTIME_MAX) {
		schedule();
	} else if (!sleep_until(deadline)) {
		err = -ETIMEDOUT;
	}
	return err;
}

int msgpass_wait(struct msgpass_waiter *waiter, ktime_t deadline,
		 struct msgpass_trials *trials)
{
	int err = 0;

	stay_awake(waiter, deadline, trials);
	while (!err && !is_released(waiter))
		err = sleep(waiter, deadline);
	return err && is_released(waiter) ? 0 : err;
}
