// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/ktime.h>
#include <linux/msgpass.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/time_namespace.h>
#include <linux/uidgid.h>

#include "endpoint.h"
#include "ioctl.h"
#include "link.h"
#include "mailbox.h"
#include "process.h"

int msgpass_ioctl_key(const struct msgpass_call *call)
{
	struct msgpass_key *arg = call->arg;
	struct msgpass_process *process;

	if (arg->flags || arg->pid < 0)
		return -EINVAL;
	process = arg->pid ? msgpass_process_by_pid(arg->pid) :
			     msgpass_process_get(task_tgid(current));
	if (IS_ERR(process))
		return PTR_ERR(process);
	arg->key = process->key;
	msgpass_process_put(process);
	return msgpass_call_write_back(call, sizeof(*arg));
}

/* Return 0, or an error where it has ended meanwhile. */
static int fill_process(struct msgpass_next_process *arg, kuid_t uid,
			const struct msgpass_process *process)
{
	struct msgpass_stat stat = { };
	int err = msgpass_mailbox_stat(process->inbox, &stat);

	if (err)
		return err;
	arg->pid = pid_nr_ns(process->pid, task_active_pid_ns(current));
	arg->uid = from_kuid_munged(current_user_ns(), uid);
	arg->accepts = READ_ONCE(process->accepts);
	arg->capacity = stat.capacity;
	arg->messages = stat.messages;
	arg->senders_waiting = stat.senders_waiting;
	arg->receivers_waiting = stat.receivers_waiting;
	arg->bytes = stat.bytes;
	arg->links = msgpass_links_count(process);
	arg->mailboxes = READ_ONCE(process->owned_count);
	return 0;
}

int msgpass_ioctl_next_process(const struct msgpass_call *call)
{
	struct msgpass_next_process *arg = call->arg;
	struct msgpass_process *process;
	bool found = false;
	kuid_t uid;

	if (arg->flags)
		return -EINVAL;
	while (!found) {
		if (signal_pending(current))
			return -EINTR;
		process = msgpass_process_next(arg->key);
		if (!process)
			return -ESRCH;
		arg->key = process->key;
		found = msgpass_process_shown(process, &uid) &&
			!fill_process(arg, uid, process);
		msgpass_process_put(process);
		cond_resched();
	}
	return msgpass_call_write_back(call, sizeof(*arg));
}

static bool is_shown(const struct msgpass_link *link)
{
	const struct msgpass_end *end = link->end;
	kuid_t uid;

	if (!msgpass_link_since(link) || !msgpass_process_lives(end[0].process) ||
	    !msgpass_process_lives(end[1].process))
		return false;
	return msgpass_process_shown(end[0].process, &uid) ||
	       msgpass_process_shown(end[1].process, &uid);
}

static void fill_link(struct msgpass_next_link *arg, const struct msgpass_link *link)
{
	struct timespec64 offset = { };
	unsigned int i;

	timens_add_monotonic(&offset);
	arg->since = ktime_to_ns(msgpass_link_since(link)) + timespec64_to_ns(&offset);
	for (i = 0; i < ARRAY_SIZE(link->end); i++) {
		arg->key[i] = link->pair.key[i];
		arg->pid[i] = pid_nr_ns(link->end[i].process->pid,
					task_active_pid_ns(current));
		msgpass_mailbox_stat_way(link->end[!i].process->inbox, &link->way[i],
					 &arg->messages[i], &arg->bytes[i]);
	}
}

int msgpass_ioctl_next_link(const struct msgpass_call *call)
{
	struct msgpass_next_link *arg = call->arg;
	struct msgpass_link *link;
	bool found = false;

	if (arg->flags)
		return -EINVAL;
	while (!found) {
		if (signal_pending(current))
			return -EINTR;
		link = msgpass_link_next(arg->number);
		if (!link)
			return -ENOENT;
		arg->number = link->number;
		found = is_shown(link);
		if (found)
			fill_link(arg, link);
		msgpass_link_put(link);
		cond_resched();
	}
	return msgpass_call_write_back(call, sizeof(*arg));
}
