// SPDX-License-Identifier: GPL-2.0-only
#include <linux/atomic.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/pid.h>
#include <linux/rhashtable.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "limit.h"
#include "mailbox.h"
#include "name.h"
#include "process.h"

static const struct rhashtable_params table_params = {
	.key_len		= sizeof(struct pid *),
	.key_offset		= offsetof(struct msgpass_process, pid),
	.head_offset		= offsetof(struct msgpass_process, node),
	.automatic_shrinking	= true,
};

static struct rhashtable table;
static struct workqueue_struct *exit_queue;
static atomic64_t last_key;	/* starts anew where no loading before reached */

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

static void exit_work(struct work_struct *work)
{
	struct msgpass_process *process =
		container_of(work, struct msgpass_process, exit_work);

	if (is_gone(process->pid) && remove_exit_watch(process)) {
		rhashtable_remove_fast(&table, &process->node, table_params);
		msgpass_mailbox_end(process->inbox);
		msgpass_process_put(process);
		msgpass_name_sweep();
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

	process = kzalloc(sizeof(*process), GFP_KERNEL_ACCOUNT);
	if (!process)
		return NULL;
	process->inbox = msgpass_mailbox_new(&policy, NULL);
	if (!process->inbox) {
		kfree(process);
		return NULL;
	}
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
	process = rhashtable_lookup(&table, &pid, table_params);
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
	do {
		err = rhashtable_lookup_insert_fast(&table, &fresh->node, table_params);
		if (err != -EEXIST)
			break;
		process = find_process(pid);
	} while (!process);
	if (err) {
		free_process(fresh);
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

/* Like kill(2), but by effective ids: those that a message is stamped with. */
static int accepts_caller(struct pid *pid)
{
	struct task_struct *leader;
	const struct cred *cred;
	int err = 0;

	rcu_read_lock();
	leader = live_leader(pid);
	if (!leader || leader->flags & PF_KTHREAD) {
		err = -ESRCH;
	} else {
		cred = __task_cred(leader);
		if (!uid_eq(cred->euid, current_euid()) &&
		    !ns_capable(cred->user_ns, CAP_IPC_OWNER))
			err = -EACCES;
	}
	rcu_read_unlock();
	return err;
}

struct msgpass_process *msgpass_process_address(pid_t nr)
{
	struct msgpass_process *process;
	struct pid *pid;
	int err;

	pid = find_get_pid(nr);
	if (!pid)
		return ERR_PTR(-ESRCH);
	err = accepts_caller(pid);
	process = err ? ERR_PTR(err) : msgpass_process_get(pid);
	put_pid(pid);
	return process;
}

int msgpass_process_init(void)
{
	int err;

	atomic64_set(&last_key, ktime_get_boottime_ns());
	exit_queue = alloc_workqueue("msgpass", WQ_UNBOUND, 0);
	if (!exit_queue)
		return -ENOMEM;
	err = rhashtable_init(&table, &table_params);
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

	rhashtable_walk_enter(&table, &iter);
	rhashtable_walk_start(&iter);
	while ((process = rhashtable_walk_next(&iter)))
		if (!IS_ERR(process))
			remove_exit_watch(process);
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);

	destroy_workqueue(exit_queue);
	rhashtable_free_and_destroy(&table, forget_process, NULL);
	rcu_barrier();
}
