/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Endpoint: what an open descriptor is, of the device or of a mailbox.
 *
 * It leads to a mailbox, or on the device to the inbox of whoever calls, and
 * remembers the process that opened it and that process's user, so that these
 * need not be looked up for each message. A descriptor may be used by another
 * process, after fork() or having been passed: a struct msgpass_caller is the
 * one that is really calling.
 *
 * Owner: the open file; it dies with the last descriptor of it. All its fields
 * are constant, so it needs no lock.
 */
#ifndef MSGPASS_ENDPOINT_H
#define MSGPASS_ENDPOINT_H

#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/types.h>

#include "limit.h"
#include "process.h"

struct msgpass_mailbox;

/**
 * struct msgpass_endpoint - a descriptor
 * @mailbox: referenced; NULL on the device
 * @process: the process that opened it, referenced
 * @user: its user, referenced
 */
struct msgpass_endpoint {
	struct msgpass_mailbox	*mailbox;
	struct msgpass_process	*process;
	struct msgpass_user	*user;
};

/**
 * struct msgpass_caller - the process that calls, and who pays for it
 * @process: the process, which outlives its call
 * @user: its user; referenced if it is not the endpoint's
 */
struct msgpass_caller {
	struct msgpass_process	*process;
	struct msgpass_user	*user;
};

/* For msgpass_caller_begin(): it is not both the opener and still of the same user. */
int msgpass_caller_find(struct msgpass_caller *caller);

/**
 * msgpass_caller_begin() - find out who calls
 * @caller: filled in on success; msgpass_caller_end() must follow
 * @endpoint: the descriptor used
 *
 * May sleep. Return: 0 or -ENOMEM.
 */
static inline int msgpass_caller_begin(struct msgpass_caller *caller,
				       const struct msgpass_endpoint *endpoint)
{
	caller->process = endpoint->process;
	caller->user = endpoint->user;
	if (likely(caller->process->pid == task_tgid(current) &&
		   uid_eq(caller->user->uid, current_uid())))
		return 0;
	return msgpass_caller_find(caller);
}

static inline void msgpass_caller_end(struct msgpass_caller *caller,
				      const struct msgpass_endpoint *endpoint)
{
	if (unlikely(caller->user != endpoint->user))
		msgpass_user_put(caller->user);
}

/**
 * msgpass_endpoint_file() - make a descriptor's file for a mailbox
 * @mailbox: the mailbox; the file gets a reference of its own
 * @access: MSGPASS_ACCESS_* bits
 *
 * Return: the file, not installed, or ERR_PTR().
 */
struct file *msgpass_endpoint_file(struct msgpass_mailbox *mailbox, u32 access);

extern const struct file_operations msgpass_device_fops;

#endif /* MSGPASS_ENDPOINT_H */
