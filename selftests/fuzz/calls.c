// SPDX-License-Identifier: GPL-2.0-only
/* The ioctls, field by field, and what each may fail with: as in <linux/msgpass.h>. */
#include <errno.h>
#include <stddef.h>

#include "fuzz.h"

#define FIELD(_struct, _member, _kind) {				\
	.offset = offsetof(struct _struct, _member),			\
	.size = sizeof(((struct _struct *)0)->_member),			\
	.kind = FIELD_##_kind,						\
}

/* Nothing, or from a field on to the end. */
#define NO_OUTPUT(_struct)		sizeof(struct _struct)
#define OUTPUT(_struct, _member)	offsetof(struct _struct, _member)

const struct call calls[CALLS] = {
	{
		.name = "create",
		.cmd = MSGPASS_IOC_CREATE,
		.on = ON_DEVICE,
		.flags = MSGPASS_FIXED_SIZE | MSGPASS_PROCESS_OWNED,
		.output = NO_OUTPUT(msgpass_create),
		.makes = true,
		.fields = {
			FIELD(msgpass_create, flags, FLAGS),
			FIELD(msgpass_create, access, ACCESS),
			FIELD(msgpass_create, name, NAME),
			FIELD(msgpass_create, capacity, CAPACITY),
			FIELD(msgpass_create, size_max, SIZE_MAX),
			FIELD(msgpass_create, mode, MODE),
			FIELD(msgpass_create, pad, PAD),
		},
		.errnos = { EEXIST, EDQUOT, EMFILE, ENFILE },
	}, {
		.name = "open",
		.cmd = MSGPASS_IOC_OPEN,
		.on = ON_DEVICE,
		.output = NO_OUTPUT(msgpass_open),
		.makes = true,
		.fields = {
			FIELD(msgpass_open, flags, FLAGS),
			FIELD(msgpass_open, access, ACCESS),
			FIELD(msgpass_open, name, NAME),
		},
		.errnos = { ENOENT, EACCES, EPERM, EMFILE, ENFILE },
	}, {
		.name = "unlink",
		.cmd = MSGPASS_IOC_UNLINK,
		.on = ON_DEVICE,
		.output = NO_OUTPUT(msgpass_unlink),
		.fields = {
			FIELD(msgpass_unlink, flags, FLAGS),
			FIELD(msgpass_unlink, pad, PAD),
			FIELD(msgpass_unlink, name, NAME),
		},
		.errnos = { ENOENT, EPERM },
	}, {
		.name = "delete",
		.cmd = MSGPASS_IOC_DELETE,
		.on = ON_MAILBOX,
		.output = NO_OUTPUT(msgpass_delete),
		.fields = {
			FIELD(msgpass_delete, flags, FLAGS),
			FIELD(msgpass_delete, pad, PAD),
		},
		.errnos = { EPERM, EIDRM },
	}, {
		.name = "send",
		.cmd = MSGPASS_IOC_SEND,
		.on = ON_DEVICE | ON_MAILBOX,
		.flags = MSGPASS_NONBLOCK | MSGPASS_SYNC | MSGPASS_TO_KEY,
		.output = OUTPUT(msgpass_send, id),
		.fields = {
			FIELD(msgpass_send, flags, FLAGS),
			FIELD(msgpass_send, priority, PRIORITY),
			FIELD(msgpass_send, size, SIZE),
			FIELD(msgpass_send, data, DATA),
			FIELD(msgpass_send, pad, PAD),
			FIELD(msgpass_send, to, PROCESS),
			FIELD(msgpass_send, deadline, DEADLINE),
			FIELD(msgpass_send, id, OUTPUT),
		},
		.errnos = { EACCES, ESRCH, EIDRM, EAGAIN, ETIMEDOUT, EINTR, EMSGSIZE, EDQUOT },
	}, {
		.name = "receive",
		.cmd = MSGPASS_IOC_RECEIVE,
		.on = ON_DEVICE | ON_MAILBOX,
		.flags = MSGPASS_NONBLOCK | MSGPASS_FROM_KEY,
		.output = OUTPUT(msgpass_receive, id),
		.fields = {
			FIELD(msgpass_receive, flags, FLAGS),
			FIELD(msgpass_receive, buffer_size, BUFFER_SIZE),
			FIELD(msgpass_receive, buffer, BUFFER),
			FIELD(msgpass_receive, from, PROCESS),
			FIELD(msgpass_receive, deadline, DEADLINE),
			FIELD(msgpass_receive, id, OUTPUT),
			FIELD(msgpass_receive, sender_key, OUTPUT),
			FIELD(msgpass_receive, sender_pid, OUTPUT),
			FIELD(msgpass_receive, sender_tid, OUTPUT),
			FIELD(msgpass_receive, sender_uid, OUTPUT),
			FIELD(msgpass_receive, sender_gid, OUTPUT),
			FIELD(msgpass_receive, priority, OUTPUT),
			FIELD(msgpass_receive, size, OUTPUT),
		},
		.errnos = { EACCES, EPERM, ESRCH, EIDRM, EAGAIN, ETIMEDOUT, EINTR, EMSGSIZE,
			    EDQUOT },
	}, {
		.name = "stat",
		.cmd = MSGPASS_IOC_STAT,
		.on = ON_DEVICE | ON_MAILBOX,
		.output = OUTPUT(msgpass_stat, policy),
		.fields = {
			FIELD(msgpass_stat, flags, FLAGS),
			FIELD(msgpass_stat, policy, OUTPUT),
			FIELD(msgpass_stat, capacity, OUTPUT),
			FIELD(msgpass_stat, size_max, OUTPUT),
			FIELD(msgpass_stat, mode, OUTPUT),
			FIELD(msgpass_stat, uid, OUTPUT),
			FIELD(msgpass_stat, gid, OUTPUT),
			FIELD(msgpass_stat, owner_pid, OUTPUT),
			FIELD(msgpass_stat, messages, OUTPUT),
			FIELD(msgpass_stat, senders_waiting, OUTPUT),
			FIELD(msgpass_stat, receivers_waiting, OUTPUT),
			FIELD(msgpass_stat, pad, OUTPUT),
			FIELD(msgpass_stat, bytes, OUTPUT),
			FIELD(msgpass_stat, admitted_messages, OUTPUT),
			FIELD(msgpass_stat, admitted_bytes, OUTPUT),
			FIELD(msgpass_stat, received_messages, OUTPUT),
			FIELD(msgpass_stat, received_bytes, OUTPUT),
		},
		.errnos = { EIDRM },
	}, {
		.name = "set",
		.cmd = MSGPASS_IOC_SET,
		.on = ON_DEVICE | ON_MAILBOX,
		.flags = MSGPASS_SET_CAPACITY | MSGPASS_SET_MODE | MSGPASS_SET_UID |
			 MSGPASS_SET_GID | MSGPASS_SET_ACCEPTS,
		.output = NO_OUTPUT(msgpass_set),
		.fields = {
			FIELD(msgpass_set, flags, FLAGS),
			FIELD(msgpass_set, capacity, CAPACITY),
			FIELD(msgpass_set, mode, MODE),
			FIELD(msgpass_set, uid, UID),
			FIELD(msgpass_set, gid, GID),
			FIELD(msgpass_set, accepts, ACCEPTS),
		},
		.errnos = { EPERM, EIDRM },
	}, {
		.name = "key",
		.cmd = MSGPASS_IOC_KEY,
		.on = ON_DEVICE,
		.output = OUTPUT(msgpass_key, key),
		.fields = {
			FIELD(msgpass_key, flags, FLAGS),
			FIELD(msgpass_key, pid, PID),
			FIELD(msgpass_key, key, OUTPUT),
		},
		.errnos = { ESRCH },
	}, {
		.name = "next",
		.cmd = MSGPASS_IOC_NEXT,
		.on = ON_DEVICE,
		.output = NO_OUTPUT(msgpass_next),
		.fields = {
			FIELD(msgpass_next, flags, FLAGS),
			FIELD(msgpass_next, pad, PAD),
			FIELD(msgpass_next, name, NAME_BUFFER),
		},
		.errnos = { ENOENT, EINTR },
	}, {
		.name = "next_process",
		.cmd = MSGPASS_IOC_NEXT_PROCESS,
		.on = ON_DEVICE,
		.output = OUTPUT(msgpass_next_process, pid),
		.fields = {
			FIELD(msgpass_next_process, flags, FLAGS),
			FIELD(msgpass_next_process, pid, OUTPUT),
			FIELD(msgpass_next_process, key, KEY),
			FIELD(msgpass_next_process, uid, OUTPUT),
			FIELD(msgpass_next_process, accepts, OUTPUT),
			FIELD(msgpass_next_process, capacity, OUTPUT),
			FIELD(msgpass_next_process, messages, OUTPUT),
			FIELD(msgpass_next_process, senders_waiting, OUTPUT),
			FIELD(msgpass_next_process, receivers_waiting, OUTPUT),
			FIELD(msgpass_next_process, bytes, OUTPUT),
			FIELD(msgpass_next_process, links, OUTPUT),
			FIELD(msgpass_next_process, mailboxes, OUTPUT),
		},
		.errnos = { ESRCH, EINTR },
	}, {
		.name = "next_link",
		.cmd = MSGPASS_IOC_NEXT_LINK,
		.on = ON_DEVICE,
		.output = OUTPUT(msgpass_next_link, number),
		.fields = {
			FIELD(msgpass_next_link, flags, FLAGS),
			FIELD(msgpass_next_link, number, NUMBER),
			FIELD(msgpass_next_link, since, OUTPUT),
			FIELD(msgpass_next_link, key, OUTPUT),
			FIELD(msgpass_next_link, messages, OUTPUT),
			FIELD(msgpass_next_link, bytes, OUTPUT),
			FIELD(msgpass_next_link, pid, OUTPUT),
		},
		.errnos = { ENOENT, EINTR },
	},
};

bool call_may_fail(const struct call *call, int err)
{
	/* EBADF and ENOTTY: another thread may have closed or replaced the descriptor. */
	static const int common[] = { EBADF, ENOTTY, EINVAL, EFAULT, E2BIG, ENOMEM };

	for (unsigned int i = 0; i < ARRAY_LEN(common); i++)
		if (common[i] == err)
			return true;
	for (unsigned int i = 0; i < ARRAY_LEN(call->errnos) && call->errnos[i]; i++)
		if (call->errnos[i] == err)
			return true;
	return false;
}
