/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Process: the module's record of one thread group, with its inbox.
 *
 * Born when the process first uses the device, or when the first message is
 * addressed to it. It ends with the last thread of its thread group, however
 * that comes about: an exit watch, a wait-queue entry on the struct pid that
 * pidfds poll, is called at that moment with the queue's lock held and
 * interrupts off, so it only schedules exit_work. That looks whether the
 * process is really gone (newer kernels wake the queue for other reasons, too),
 * and if so takes the record out of the tables and ends the inbox, the mailboxes
 * that the process owns, and its links; and what is kept of messages (spare.h), everybody's.
 *
 * There is a table by struct pid and an array by process key, and each CPU remembers who
 * looked itself up there last. What the first goes
 * by is the address of the struct pid, which the record holds a reference to: a new
 * process with the same number has another struct pid, so a message never
 * reaches the wrong process.
 *
 * Owner: references. The table holds one while the process lives, an endpoint
 * one to the process that opened it, a scheduled exit_work, a link and a mailbox
 * that the process owns one each, and a caller one for as long as it uses what
 * msgpass_process_get() gave.
 *
 * Locks: the table is an rhashtable, read under RCU, and so is what a CPU remembers,
 * which only that process itself writes, and its end clears; the exit watch is guarded
 * by pid->wait_pidfd.lock; owned, links and ended as they say; accepts is read
 * and written without a lock; the rest is constant.
 */
#ifndef MSGPASS_PROCESS_H
#define MSGPASS_PROCESS_H

#include <linux/list.h>
#include <linux/pid.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/sched.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct msgpass_mailbox;
struct msgpass_way;

struct msgpass_process {
	struct rhash_head	by_pid;
	struct pid		*pid;
	u64			key;		/* never used again */
	struct msgpass_mailbox	*inbox;
	u32			accepts;	/* MSGPASS_ACCEPT_* */
	struct list_head	owned;		/* mailboxes; names_lock */
	u32			owned_count;	/* names_lock, read without */
	struct hlist_head	links;		/* ends; links_lock, read under RCU */
	bool			ended;		/* no more links; links_lock */
	struct msgpass_way __rcu *last_way;	/* a guess: link.h */
	refcount_t		references;
	struct wait_queue_entry	exit_watch;
	struct work_struct	exit_work;
	struct rcu_head		rcu;
};

/**
 * msgpass_process_get() - find or make the record of a process
 * @pid: of its thread group
 *
 * May sleep. Return: the record, to be given back with msgpass_process_put();
 * ERR_PTR(-ESRCH) if the process has ended, ERR_PTR(-ENOMEM).
 */
struct msgpass_process *msgpass_process_get(struct pid *pid);

/**
 * msgpass_process_current() - find or make the record of the calling process
 *
 * May sleep. Return: the record, which the process keeps for as long as it lives, so
 * that the caller needs no reference; or NULL for lack of memory.
 */
struct msgpass_process *msgpass_process_current(void);
struct msgpass_process *msgpass_process_hold(struct msgpass_process *process);
void msgpass_process_put(struct msgpass_process *process);

/**
 * msgpass_process_let_go() - a descriptor of the device is closed
 * @opener: who opened it
 *
 * Its inbox and the caller's, if that has one, need not keep the module once they
 * are empty: msgpass_mailbox_let_go().
 */
void msgpass_process_let_go(struct msgpass_process *opener);

/**
 * msgpass_process_by_pid() - the process that a pid names
 * @nr: process id in the caller's PID namespace
 *
 * May sleep. Return: as msgpass_process_get(); ERR_PTR(-ESRCH) also for a
 * thread that is not a process, and for a kernel thread.
 */
struct msgpass_process *msgpass_process_by_pid(pid_t nr);

/**
 * msgpass_process_by_key() - the process that a process key names
 * @key: the key
 *
 * Return: as msgpass_process_get(), or ERR_PTR(-ESRCH).
 */
struct msgpass_process *msgpass_process_by_key(u64 key);

/**
 * msgpass_process_next() - the next process in the order of their keys
 * @key: a process key, of one or not, or 0 to begin
 *
 * Return: the process, to be given back with msgpass_process_put(), or NULL.
 */
struct msgpass_process *msgpass_process_next(u64 key);

/**
 * msgpass_process_visible() - is it in the caller's PID namespace?
 * @process: the process
 */
bool msgpass_process_visible(const struct msgpass_process *process);

/**
 * msgpass_process_accepts() - does it accept messages from the caller?
 * @process: the process
 *
 * Return: 0, -EACCES, or -ESRCH if it has ended.
 */
int msgpass_process_accepts(const struct msgpass_process *process);

/**
 * msgpass_process_shown() - may the caller see how its inbox and links are?
 * @process: the process
 * @uid: set to its effective user where it lives and is visible
 *
 * Return: whether it lives, is visible, and is of the same effective user or of
 * a user namespace in which the caller has CAP_IPC_OWNER.
 */
bool msgpass_process_shown(const struct msgpass_process *process, kuid_t *uid);

/* The rest of msgpass_process_lives(): there may be threads whose leader has exited. */
bool msgpass_process_has_threads(const struct msgpass_process *process);

/*
 * A section with preemption off is one of RCU, too, and for what is as short as this costs
 * less than rcu_read_lock(), which is no inline function. A task that ends meanwhile is
 * freed after it, and so is the struct pid of a record that somebody only looks at: link.h.
 */
static inline bool msgpass_process_lives(const struct msgpass_process *process)
{
	struct hlist_node *leader;
	bool leader_lives;

	rcu_read_lock_sched();
	/* pid_task(), which is no inline function either */
	leader = rcu_dereference_sched(hlist_first_rcu(&process->pid->tasks[PIDTYPE_TGID]));
	leader_lives = leader && !READ_ONCE(hlist_entry(leader, struct task_struct,
							pid_links[PIDTYPE_TGID])->exit_state);
	rcu_read_unlock_sched();
	return likely(leader_lives) || msgpass_process_has_threads(process);
}

int msgpass_process_init(void);
void msgpass_process_exit(void);

#endif /* MSGPASS_PROCESS_H */
