// SPDX-License-Identifier: GPL-2.0-only
#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/hash.h>
#include <linux/percpu.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rhashtable.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/xarray.h>

#include "limit.h"
#include "link.h"
#include "mailbox.h"
#include "message.h"
#include "name.h"
#include "process.h"
#include "spare.h"

/* The address of an object is no user's choice: nobody can aim at a bucket. */
static u32 hash_pid(const void *pid, u32 length, u32 seed)
{
	return hash_64((unsigned long)*(struct pid *const *)pid, 32) ^ seed;
}

static int compare_pid(struct rhashtable_compare_arg *arg, const void *process)
{
	return ((const struct msgpass_process *)process)->pid != *(struct pid *const *)arg->key;
}

static const struct rhashtable_params pid_params = {
	.key_len		= sizeof(struct pid *),
	.key_offset		= offsetof(struct msgpass_process, pid),
	.hashfn			= hash_pid,
	.obj_cmpfn		= compare_pid,
	.head_offset		= offsetof(struct msgpass_process, by_pid),
	.automatic_shrinking	= true,
};

static struct rhashtable pids;
static struct workqueue_struct *exit_queue;

/*
 * Who found itself last: most that share a descriptor call again and again. Each has its
 * place, by its struct pid, so that two that talk on one CPU seldom drive each other out.
 */
#define CALLERS_SHIFT	2

struct callers {
	struct msgpass_process __rcu	*last[BIT(CALLERS_SHIFT)];
};

static DEFINE_PER_CPU(struct callers, callers);

/*
 * By key, counted from the one below the first of all: the numbers lie close
 * together, which keeps the array small, and it can be walked in their order.
 */
static DEFINE_XARRAY_FLAGS(keys, XA_FLAGS_ACCOUNT);
static u64 base_key;		/* where no loading of the module before reached */
static atomic64_t last_key;

static unsigned long key_index(u64 key)
{
	return key - base_key;
}

static void free_process_rcu(struct rcu_head *rcu)
{
	struct msgpass_process *process =
		container_of(rcu, struct msgpass_process, rcu);

	put_pid(process->pid);
	kfree(process);
}

static void free_process(struct msgpass_process *process)
{
	msgpass_mailbox_put(process->inbox);
	/* Look-ups and walks of the table may still see the rest of it. */
	call_rcu(&process->rcu, free_process_rcu);
}

struct msgpass_process *msgpass_process_hold(struct msgpass_process *process)
{
	refcount_inc(&process->references);
	return process;
}

void msgpass_process_put(struct msgpass_process *process)
{
	if (refcount_dec_and_test(&process->references))
		free_process(process);
}

/*
 * Under rcu_read_lock(): the leader of a process that is not gone, or NULL. A
 * leader that called pthread_exit() while other threads live is not gone.
 */
static struct task_struct *live_leader(struct pid *pid)
{
	struct task_struct *leader = pid_task(pid, PIDTYPE_TGID);

	if (leader && READ_ONCE(leader->exit_state) && thread_group_empty(leader))
		return NULL;
	return leader;
}

static bool is_gone(struct pid *pid)
{
	bool gone;

	rcu_read_lock();
	gone = !live_leader(pid);
	rcu_read_unlock();
	return gone;
}

static void schedule_exit_work(struct msgpass_process *process)
{
	refcount_inc(&process->references);
	/* Never the last: the table's goes in the work, after the watch. */
	if (!queue_work(exit_queue, &process->exit_work))
		WARN_ON_ONCE(refcount_dec_and_test(&process->references));
}

static int watch_exit(struct wait_queue_entry *watch, unsigned int mode,
		      int flags, void *key)
{
	schedule_exit_work(container_of(watch, struct msgpass_process, exit_watch));
	return 0;
}

/* Return whether it was still there: whoever gets true ends the process. */
static bool remove_exit_watch(struct msgpass_process *process)
{
	struct wait_queue_head *queue = &process->pid->wait_pidfd;
	unsigned long flags;
	bool removed;

	spin_lock_irqsave(&queue->lock, flags);
	removed = !list_empty(&process->exit_watch.entry);
	if (removed)
		list_del_init(&process->exit_watch.entry);
	spin_unlock_irqrestore(&queue->lock, flags);
	return removed;
}

/* It has no thread left that could be remembered again. */
static void forget_caller(struct msgpass_process *process)
{
	u32 place = hash_ptr(process->pid, CALLERS_SHIFT);
	struct msgpass_process __rcu **last;
	int cpu;

	for_each_possible_cpu(cpu) {
		last = &per_cpu_ptr(&callers, cpu)->last[place];
		/* Most are in none, and the lines are others' to write to. */
		if (rcu_access_pointer(*last) == process)
			unrcu_pointer(cmpxchg(last, RCU_INITIALIZER(process), NULL));
	}
}

static void exit_work(struct work_struct *work)
{
	struct msgpass_process *process =
		container_of(work, struct msgpass_process, exit_work);
	LIST_HEAD(dropped);

	if (is_gone(process->pid) && remove_exit_watch(process)) {
		rhashtable_remove_fast(&pids, &process->by_pid, pid_params);
		forget_caller(process);
		xa_erase(&keys, key_index(process->key));
		msgpass_mailbox_end(process->inbox, &dropped);
		msgpass_name_end_owned(process, &dropped);
		msgpass_links_end(process);
		msgpass_message_free_all(&dropped);
		msgpass_process_put(process);
		msgpass_name_sweep();
		msgpass_spares_free();
		msgpass_user_sweep();
	}
	msgpass_process_put(process);
}

static struct msgpass_process *new_process(struct pid *pid)
{
	/* Nobody opens an inbox, so it has no owner to compare with. */
	const struct msgpass_policy policy = {
		.capacity	= READ_ONCE(msgpass_inbox_capacity),
		.size_max	= READ_ONCE(msgpass_message_size_max),
		.mode		= 0600,
		.end		= -ESRCH,
	};
	struct msgpass_process *process;

	process = msgpass_zalloc(sizeof(*process));
	if (!process)
		return NULL;
	process->inbox = msgpass_mailbox_new(&policy, NULL);
	if (!process->inbox) {
		kfree(process);
		return NULL;
	}
	INIT_LIST_HEAD(&process->owned);
	INIT_HLIST_HEAD(&process->links);
	process->pid = get_pid(pid);
	process->key = atomic64_inc_return(&last_key);
	refcount_set(&process->references, 1);
	init_waitqueue_func_entry(&process->exit_watch, watch_exit);
	INIT_LIST_HEAD(&process->exit_watch.entry);
	INIT_WORK(&process->exit_work, exit_work);
	return process;
}

static struct msgpass_process *find_process(struct pid *pid)
{
	struct msgpass_process *process;

	rcu_read_lock();
	process = rhashtable_lookup(&pids, &pid, pid_params);
	if (process && !refcount_inc_not_zero(&process->references))
		process = NULL;
	rcu_read_unlock();
	return process;
}

struct msgpass_process *msgpass_process_get(struct pid *pid)
{
	struct msgpass_process *process, *fresh;
	int err;

	process = find_process(pid);
	if (process)
		return process;

	fresh = new_process(pid);
	if (!fresh)
		return ERR_PTR(-ENOMEM);
	refcount_inc(&fresh->references);	/* the table's */
	/* By key first; but it is in force only once it is found by pid, too. */
	err = xa_insert(&keys, key_index(fresh->key), fresh, GFP_MSGPASS);
	if (err) {
		free_process(fresh);
		return ERR_PTR(-ENOMEM);
	}
	do {
		err = rhashtable_lookup_insert_fast(&pids, &fresh->by_pid, pid_params);
		if (err != -EEXIST)
			break;
		process = find_process(pid);
	} while (!process);
	if (err) {
		xa_erase(&keys, key_index(fresh->key));
		msgpass_process_put(fresh);
		msgpass_process_put(fresh);
		return process ?: ERR_PTR(-ENOMEM);
	}

	/*
	 * An exit before this is seen by is_gone(), one after it by the watch:
	 * the exit state is set before the queue's lock is taken to wake it.
	 */
	add_wait_queue(&pid->wait_pidfd, &fresh->exit_watch);
	if (!is_gone(pid))
		return fresh;
	schedule_exit_work(fresh);
	msgpass_process_put(fresh);
	return ERR_PTR(-ESRCH);
}

struct msgpass_process *msgpass_process_current(void)
{
	struct pid *pid = task_tgid(current);
	u32 place = hash_ptr(pid, CALLERS_SHIFT);
	struct msgpass_process *process;
	bool is_mine;

	/* Of another process it may be the record, and about to be freed. */
	rcu_read_lock();
	process = rcu_dereference(raw_cpu_ptr(&callers)->last[place]);
	is_mine = process && process->pid == pid;
	rcu_read_unlock();
	if (is_mine)
		return process;

	process = msgpass_process_get(pid);
	if (IS_ERR(process))
		return NULL;
	rcu_assign_pointer(raw_cpu_ptr(&callers)->last[place], process);
	/* Not the last: the table has one until we have ended. */
	msgpass_process_put(process);
	return process;
}

void msgpass_process_let_go(struct msgpass_process *opener)
{
	struct msgpass_process *process = find_process(task_tgid(current));

	/* Another process may close what it shares with the opener (CLONE_FILES). */
	msgpass_mailbox_let_go(opener->inbox);
	if (!process)
		return;
	msgpass_mailbox_let_go(process->inbox);
	msgpass_process_put(process);
}

bool msgpass_process_visible(const struct msgpass_process *process)
{
	return pid_nr_ns(process->pid, task_active_pid_ns(current));
}

/* Like kill(2), but by effective ids: a message is stamped with those. */
static bool is_same_user(const struct cred *cred)
{
	return uid_eq(cred->euid, current_euid());
}

int msgpass_process_accepts(const struct msgpass_process *process)
{
	u32 accepts = READ_ONCE(process->accepts);
	struct task_struct *leader;
	const struct cred *cred;
	int err = -EACCES;

	rcu_read_lock();
	leader = live_leader(process->pid);
	if (!leader) {
		err = -ESRCH;
	} else if (accepts == MSGPASS_ACCEPT_ANYONE) {
		err = 0;
	} else {
		cred = __task_cred(leader);
		if ((accepts == MSGPASS_ACCEPT_USER && is_same_user(cred)) ||
		    ns_capable(cred->user_ns, CAP_IPC_OWNER))
			err = 0;
	}
	rcu_read_unlock();
	return err;
}

bool msgpass_process_shown(const struct msgpass_process *process, kuid_t *uid)
{
	struct task_struct *leader;
	const struct cred *cred;
	bool shown = false;

	if (!msgpass_process_visible(process))
		return false;
	rcu_read_lock();
	leader = live_leader(process->pid);
	if (leader) {
		cred = __task_cred(leader);
		*uid = cred->euid;
		/* To look is no attempt that an audit should tell of. */
		shown = is_same_user(cred) ||
			ns_capable_noaudit(cred->user_ns, CAP_IPC_OWNER);
	}
	rcu_read_unlock();
	return shown;
}

bool msgpass_process_has_threads(const struct msgpass_process *process)
{
	return !is_gone(process->pid);
}

static bool is_process(struct pid *pid)
{
	struct task_struct *leader;
	bool is;

	rcu_read_lock();
	leader = live_leader(pid);
	/* A task changes other flags of its own at any time; this one is as at its birth. */
	is = leader && !(data_race(leader->flags) & PF_KTHREAD);
	rcu_read_unlock();
	return is;
}

struct msgpass_process *msgpass_process_by_pid(pid_t nr)
{
	struct msgpass_process *process;
	struct pid *pid;

	pid = find_get_pid(nr);
	if (!pid)
		return ERR_PTR(-ESRCH);
	process = is_process(pid) ? msgpass_process_get(pid) : ERR_PTR(-ESRCH);
	put_pid(pid);
	return process;
}

/*
 * Under rcu_read_lock(): a reference to what the array has, or NULL. What is
 * there by key alone has lost against another in msgpass_process_get().
 */
static struct msgpass_process *hold_listed(struct msgpass_process *process)
{
	if (rhashtable_lookup(&pids, &process->pid, pid_params) != process ||
	    !live_leader(process->pid) ||
	    !refcount_inc_not_zero(&process->references))
		return NULL;
	return process;
}

struct msgpass_process *msgpass_process_by_key(u64 key)
{
	struct msgpass_process *process;

	rcu_read_lock();
	process = xa_load(&keys, key_index(key));
	if (process)
		process = process->key == key ? hold_listed(process) : NULL;
	rcu_read_unlock();
	return process ?: ERR_PTR(-ESRCH);
}

struct msgpass_process *msgpass_process_next(u64 key)
{
	unsigned long index = key > base_key ? key_index(key) : 0;
	struct msgpass_process *process, *held = NULL;

	rcu_read_lock();
	while (!held) {
		process = xa_find_after(&keys, &index, ULONG_MAX, XA_PRESENT);
		if (!process)
			break;
		held = hold_listed(process);
	}
	rcu_read_unlock();
	return held;
}

int msgpass_process_init(void)
{
	int err;

	base_key = ktime_get_boottime_ns();
	atomic64_set(&last_key, base_key);
	exit_queue = alloc_workqueue("msgpass", WQ_UNBOUND, 0);
	if (!exit_queue)
		return -ENOMEM;
	err = rhashtable_init(&pids, &pid_params);
	if (err)
		destroy_workqueue(exit_queue);
	return err;
}

static void forget_process(void *ptr, void *unused)
{
	struct msgpass_process *process = ptr;

	/* The table's reference: the watch is off, so nobody else drops it. */
	msgpass_process_put(process);
}

/*
 * No descriptor is open any more, so no process is added and none is looked up;
 * but processes still exit. First no more watches, then no more work, and then
 * whoever is left in the table is ours alone.
 */
void msgpass_process_exit(void)
{
	struct rhashtable_iter iter;
	struct msgpass_process *process;

	rhashtable_walk_enter(&pids, &iter);
	rhashtable_walk_start(&iter);
	while ((process = rhashtable_walk_next(&iter)))
		if (!IS_ERR(process))
			remove_exit_watch(process);
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);

	destroy_workqueue(exit_queue);
	xa_destroy(&keys);
	rhashtable_free_and_destroy(&pids, forget_process, NULL);
	rcu_barrier();
}
