// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/ipc_namespace.h>
#include <linux/msgpass.h>
#include <linux/nsproxy.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "endpoint.h"
#include "ioctl.h"
#include "limit.h"
#include "mailbox.h"
#include "message.h"
#include "name.h"
#include "process.h"

static bool access_is_valid(u32 access)
{
	return !(access & ~(MSGPASS_ACCESS_RECEIVE | MSGPASS_ACCESS_SEND));
}

/* Return a copy of the name at @address, to be freed, or ERR_PTR(). */
static char *get_name(u64 address)
{
	char *name, *c;

	name = strndup_user(u64_to_user_ptr(address), MSGPASS_NAME_MAX + 1);
	if (IS_ERR(name))
		return name;
	for (c = name; *c; c++)
		if (*c == '/' || iscntrl(*c))
			break;
	if (c == name || *c) {
		kfree(name);
		return ERR_PTR(-EINVAL);
	}
	return name;
}

/* The mailbox whose name is at @address, with a reference, or ERR_PTR(). */
static struct msgpass_mailbox *find_mailbox(u64 address)
{
	struct msgpass_mailbox *mailbox;
	char *name;

	name = get_name(address);
	if (IS_ERR(name))
		return ERR_CAST(name);
	mailbox = msgpass_name_find(name);
	kfree(name);
	return mailbox ?: ERR_PTR(-ENOENT);
}

static int create_descriptor(struct msgpass_mailbox *mailbox, u32 access,
			     const char *name)
{
	struct file *file;
	int fd, err;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	file = msgpass_endpoint_file(mailbox, access);
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
		goto put_fd;
	}
	if (name) {
		err = msgpass_name_create(name, mailbox);
		if (err)
			goto put_file;
	}
	/* Nothing fails from here on. */
	fd_install(fd, file);
	return fd;

put_file:
	fput(file);
put_fd:
	put_unused_fd(fd);
	return err;
}

static int create_mailbox(const struct msgpass_policy *policy, u32 access,
			  const char *name, struct msgpass_user *creator)
{
	struct msgpass_mailbox *mailbox;
	int err;

	err = msgpass_user_charge_mailbox(creator);
	if (err)
		return err;
	mailbox = msgpass_mailbox_new(policy, creator);
	if (!mailbox) {
		msgpass_user_discharge_mailbox(creator);
		return -ENOMEM;
	}
	err = create_descriptor(mailbox, access, name);
	msgpass_mailbox_put(mailbox);
	return err;
}

int msgpass_ioctl_create(const struct msgpass_call *call)
{
	const struct msgpass_create *arg = call->arg;
	u32 ceiling = READ_ONCE(msgpass_message_size_max);
	struct msgpass_policy policy = {
		.flags		= arg->flags,
		.capacity	= arg->capacity,
		.size_max	= arg->size_max ?: ceiling,
		.mode		= arg->mode & ~current_umask(),
		.uid		= current_euid(),
		.gid		= current_egid(),
		.user_ns	= current->nsproxy->ipc_ns->user_ns,
		.end		= -EIDRM,
	};
	struct msgpass_caller caller;
	char *name;
	int ret;

	if (arg->flags & ~(MSGPASS_FIXED_SIZE | MSGPASS_PROCESS_OWNED) || arg->pad ||
	    !access_is_valid(arg->access) || arg->mode & ~0666)
		return -EINVAL;
	if (policy.size_max > ceiling)
		return -EINVAL;
	if (arg->flags & MSGPASS_FIXED_SIZE && !arg->size_max)
		return -EINVAL;

	name = get_name(arg->name);
	if (IS_ERR(name))
		return PTR_ERR(name);
	ret = msgpass_caller_begin(&caller, call->endpoint);
	if (!ret) {
		if (arg->flags & MSGPASS_PROCESS_OWNED)
			policy.owner = caller.process;
		ret = create_mailbox(&policy, arg->access, name, caller.user);
		msgpass_caller_end(&caller, call->endpoint);
	}
	kfree(name);
	return ret;
}

int msgpass_ioctl_open(const struct msgpass_call *call)
{
	const struct msgpass_open *arg = call->arg;
	struct msgpass_mailbox *mailbox;
	int ret;

	if (arg->flags || !access_is_valid(arg->access))
		return -EINVAL;

	mailbox = find_mailbox(arg->name);
	if (IS_ERR(mailbox))
		return PTR_ERR(mailbox);
	if (!msgpass_mailbox_permits(mailbox, arg->access))
		ret = -EACCES;
	else if (arg->access & MSGPASS_ACCESS_RECEIVE && !msgpass_mailbox_receivable(mailbox))
		ret = -EPERM;
	else
		ret = create_descriptor(mailbox, arg->access, NULL);
	msgpass_mailbox_put(mailbox);
	return ret;
}

int msgpass_ioctl_unlink(const struct msgpass_call *call)
{
	const struct msgpass_unlink *arg = call->arg;
	struct msgpass_mailbox *mailbox;
	int err = 0;

	if (arg->flags || arg->pad)
		return -EINVAL;

	mailbox = find_mailbox(arg->name);
	if (IS_ERR(mailbox))
		return PTR_ERR(mailbox);
	if (!msgpass_mailbox_owned(mailbox))
		err = -EPERM;
	else if (!msgpass_name_remove(mailbox))
		err = -ENOENT;
	msgpass_mailbox_put(mailbox);
	return err;
}

int msgpass_ioctl_delete(const struct msgpass_call *call)
{
	const struct msgpass_delete *arg = call->arg;
	struct msgpass_mailbox *mailbox = call->endpoint->mailbox;
	LIST_HEAD(dropped);
	bool first;

	if (arg->flags || arg->pad)
		return -EINVAL;
	if (!msgpass_mailbox_owned(mailbox))
		return -EPERM;

	msgpass_name_remove(mailbox);
	first = msgpass_mailbox_end(mailbox, &dropped);
	msgpass_message_free_all(&dropped);
	return first ? 0 : -EIDRM;
}

int msgpass_ioctl_stat(const struct msgpass_call *call)
{
	struct msgpass_stat *arg = call->arg;
	struct msgpass_caller caller;
	int err;

	if (arg->flags)
		return -EINVAL;

	memset(arg, 0, sizeof(*arg));
	if (call->endpoint->mailbox) {
		err = msgpass_mailbox_stat(call->endpoint->mailbox, arg);
	} else {
		err = msgpass_caller_begin(&caller, call->endpoint);
		if (err)
			return err;
		err = msgpass_mailbox_stat(caller.process->inbox, arg);
		arg->uid = from_kuid_munged(current_user_ns(), current_euid());
		arg->gid = from_kgid_munged(current_user_ns(), current_egid());
		arg->owner_pid = task_tgid_vnr(current);
		msgpass_caller_end(&caller, call->endpoint);
	}
	return err ?: msgpass_call_write_back(call, sizeof(*arg));
}

/* What the caller may not change, or to what, is refused before anything is. */
static int set_mailbox(const struct msgpass_set *arg, struct msgpass_mailbox *mailbox)
{
	kuid_t uid = make_kuid(current_user_ns(), arg->uid);
	kgid_t gid = make_kgid(current_user_ns(), arg->gid);

	if (arg->flags & MSGPASS_SET_ACCEPTS)
		return -EINVAL;
	if ((arg->flags & MSGPASS_SET_UID && !uid_valid(uid)) ||
	    (arg->flags & MSGPASS_SET_GID && !gid_valid(gid)))
		return -EINVAL;
	if (!msgpass_mailbox_owned(mailbox))
		return -EPERM;
	/* As chown(2): an owner gives it to a group of its own, to nobody else. */
	if ((arg->flags & MSGPASS_SET_UID && !uid_eq(uid, current_euid())) ||
	    (arg->flags & MSGPASS_SET_GID && !in_egroup_p(gid)))
		if (!msgpass_mailbox_privileged(mailbox))
			return -EPERM;
	return msgpass_mailbox_set(mailbox, arg, uid, gid);
}

static int set_inbox(const struct msgpass_set *arg, struct msgpass_process *process)
{
	int err;

	if (arg->flags & ~(MSGPASS_SET_CAPACITY | MSGPASS_SET_ACCEPTS))
		return -EINVAL;
	err = msgpass_mailbox_set(process->inbox, arg, INVALID_UID, INVALID_GID);
	if (!err && arg->flags & MSGPASS_SET_ACCEPTS)
		WRITE_ONCE(process->accepts, arg->accepts);
	return err;
}

int msgpass_ioctl_set(const struct msgpass_call *call)
{
	const struct msgpass_set *arg = call->arg;
	struct msgpass_caller caller;
	int err;

	if (arg->flags & ~(MSGPASS_SET_CAPACITY | MSGPASS_SET_MODE | MSGPASS_SET_UID |
			   MSGPASS_SET_GID | MSGPASS_SET_ACCEPTS) ||
	    arg->mode & ~0666 || arg->accepts > MSGPASS_ACCEPT_NOBODY)
		return -EINVAL;
	if (call->endpoint->mailbox)
		return set_mailbox(arg, call->endpoint->mailbox);

	err = msgpass_caller_begin(&caller, call->endpoint);
	if (err)
		return err;
	err = set_inbox(arg, caller.process);
	msgpass_caller_end(&caller, call->endpoint);
	return err;
}

/* Replace @name by the next one that the caller may see. */
static int find_next(char *name)
{
	struct msgpass_mailbox *mailbox;
	bool found = false;

	while (!found) {
		if (signal_pending(current))
			return -EINTR;
		mailbox = msgpass_name_next(name, name);
		if (!mailbox)
			return -ENOENT;
		found = msgpass_mailbox_visible(mailbox);
		msgpass_mailbox_put(mailbox);
		cond_resched();
	}
	return 0;
}

int msgpass_ioctl_next(const struct msgpass_call *call)
{
	const struct msgpass_next *arg = call->arg;
	void __user *buffer = u64_to_user_ptr(arg->name);
	long length;
	char *name;
	int err;

	if (arg->flags || arg->pad)
		return -EINVAL;
	name = kzalloc(MSGPASS_NAME_MAX + 1, GFP_MSGPASS);
	if (!name)
		return -ENOMEM;
	length = strncpy_from_user(name, buffer, MSGPASS_NAME_MAX + 1);
	if (length < 0)
		err = -EFAULT;
	else if (length > MSGPASS_NAME_MAX)
		err = -EINVAL;
	else
		err = find_next(name);
	if (!err && copy_to_user(buffer, name, strlen(name) + 1))
		err = -EFAULT;
	kfree(name);
	return err;
}
