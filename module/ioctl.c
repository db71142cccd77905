// SPDX-License-Identifier: GPL-2.0-only
#include <linux/build_bug.h>
#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/ipc_namespace.h>
#include <linux/ktime.h>
#include <linux/limits.h>
#include <linux/msgpass.h>
#include <linux/nospec.h>
#include <linux/nsproxy.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/time_namespace.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "endpoint.h"
#include "ioctl.h"
#include "limit.h"
#include "link.h"
#include "mailbox.h"
#include "message.h"
#include "name.h"
#include "process.h"
#include "wait.h"

/* The layout is the contract; these sizes are its first version. */
static_assert(sizeof(struct msgpass_create) == 32);
static_assert(sizeof(struct msgpass_open) == 16);
static_assert(sizeof(struct msgpass_unlink) == 16);
static_assert(sizeof(struct msgpass_delete) == 8);
static_assert(sizeof(struct msgpass_send) == 48);
static_assert(sizeof(struct msgpass_receive) == 72);
static_assert(sizeof(struct msgpass_stat) == 88);
static_assert(sizeof(struct msgpass_set) == 24);
static_assert(sizeof(struct msgpass_key) == 16);
static_assert(sizeof(struct msgpass_next) == 16);

/**
 * struct call - one ioctl under way
 * @file: the descriptor
 * @endpoint: what it is
 * @arg: the kernel's copy of the argument, of this kernel's size
 * @uarg: where it came from
 * @usize: how much of it the caller knows
 */
struct call {
	struct file			*file;
	const struct msgpass_endpoint	*endpoint;
	void				*arg;
	void __user			*uarg;
	size_t				usize;
};

static int write_back(const struct call *call, size_t size)
{
	return copy_to_user(call->uarg, call->arg, min(size, call->usize)) ? -EFAULT : 0;
}

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

static int get_patience(struct msgpass_patience *patience, const struct call *call,
			u32 flags, u64 deadline)
{
	struct timespec64 offset = { };
	s64 ahead;

	patience->none = (flags & MSGPASS_NONBLOCK) || (call->file->f_flags & O_NONBLOCK);
	patience->deadline = KTIME_MAX;
	if (!deadline)
		return 0;
	if (deadline > KTIME_MAX)
		return -EINVAL;
	/* Timers run on the host's clock, whatever the time namespace shows. */
	timens_add_monotonic(&offset);
	ahead = timespec64_to_ns(&offset);
	if (ahead >= (s64)deadline)
		patience->deadline = 0;		/* before the host booted */
	else if (ahead < 0 && (s64)deadline > KTIME_MAX + ahead)
		patience->deadline = KTIME_MAX;
	else
		patience->deadline = deadline - ahead;
	return 0;
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

static int ioctl_create(const struct call *call)
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

/* From a mailbox that a process owns nobody else receives. */
static bool may_receive(const struct msgpass_mailbox *mailbox)
{
	const struct msgpass_process *owner = mailbox->policy.owner;

	return !owner || owner->pid == task_tgid(current);
}

static int ioctl_open(const struct call *call)
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
	else if (arg->access & MSGPASS_ACCESS_RECEIVE && !may_receive(mailbox))
		ret = -EPERM;
	else
		ret = create_descriptor(mailbox, arg->access, NULL);
	msgpass_mailbox_put(mailbox);
	return ret;
}

static int ioctl_unlink(const struct call *call)
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

static int ioctl_delete(const struct call *call)
{
	const struct msgpass_delete *arg = call->arg;
	struct msgpass_mailbox *mailbox = call->endpoint->mailbox;

	if (arg->flags || arg->pad)
		return -EINVAL;
	if (!msgpass_mailbox_owned(mailbox))
		return -EPERM;

	msgpass_name_remove(mailbox);
	return msgpass_mailbox_end(mailbox) ? 0 : -EIDRM;
}

/**
 * struct route - where a message is sent to or received from
 * @mailbox: referenced
 * @link: referenced; NULL where it is not about one sender and one receiver
 * @way: that way of the link, or NULL
 */
struct route {
	struct msgpass_mailbox	*mailbox;
	struct msgpass_link	*link;
	struct msgpass_way	*way;
};

static void put_route(struct route *route)
{
	msgpass_mailbox_put(route->mailbox);
	if (route->link)
		msgpass_link_put(route->link);
}

static struct msgpass_process *get_process(u64 address, bool is_key)
{
	if (is_key)
		return msgpass_process_by_key(address);
	if (address > INT_MAX)
		return ERR_PTR(-EINVAL);
	return msgpass_process_by_pid(address);
}

/*
 * The link to a receiver, the way to it permitted. A key reaches whoever has
 * written to us before, and otherwise no further than a pid.
 */
static struct msgpass_link *get_permitted_link(const struct msgpass_caller *caller,
					       struct msgpass_process *receiver)
{
	struct msgpass_process *sender = caller->process;
	struct msgpass_link *link = msgpass_link_find(sender->key, receiver->key);
	int err;

	if (link && READ_ONCE(msgpass_link_from(link, sender->key)->permitted))
		return link;
	err = link || msgpass_process_visible(receiver) ?
	      msgpass_process_accepts(receiver) : -ESRCH;
	if (err) {
		if (link)
			msgpass_link_put(link);
		return ERR_PTR(err);
	}
	if (!link)
		link = msgpass_link_get(sender, receiver, caller->user);
	if (!IS_ERR(link))
		WRITE_ONCE(msgpass_link_from(link, sender->key)->permitted, true);
	return link;
}

static int get_destination(struct route *route, const struct call *call,
			   const struct msgpass_caller *caller)
{
	const struct msgpass_send *arg = call->arg;
	struct msgpass_process *receiver;
	struct msgpass_link *link;

	*route = (struct route){ };
	if (call->endpoint->mailbox) {
		if (arg->to || arg->flags & MSGPASS_TO_KEY)
			return -EINVAL;
		route->mailbox = msgpass_mailbox_get(call->endpoint->mailbox);
		return 0;
	}
	if (!arg->to)
		return -EINVAL;
	receiver = get_process(arg->to, arg->flags & MSGPASS_TO_KEY);
	if (IS_ERR(receiver))
		return PTR_ERR(receiver);
	link = get_permitted_link(caller, receiver);
	if (!IS_ERR(link)) {
		route->mailbox = msgpass_mailbox_get(receiver->inbox);
		route->link = link;
		route->way = msgpass_link_from(link, caller->process->key);
	}
	msgpass_process_put(receiver);
	return PTR_ERR_OR_ZERO(link);
}

static int send_message(const struct call *call, const struct msgpass_caller *caller,
			const struct msgpass_patience *patience, u64 *id)
{
	struct msgpass_send __user *uarg = call->uarg;
	const struct msgpass_send *arg = call->arg;
	struct msgpass_message *message;
	struct route route;
	int err;

	err = get_destination(&route, call, caller);
	if (err)
		return err;
	err = -EMSGSIZE;
	if (!msgpass_mailbox_takes(route.mailbox, arg->size))
		goto put_route;
	/* Find out now that the id cannot be told: later it is too late. */
	err = -EFAULT;
	if (put_user(0ULL, &uarg->id))
		goto put_route;
	message = msgpass_message_new(caller->user, caller->process->key,
				      u64_to_user_ptr(arg->data), arg->size,
				      arg->priority);
	err = PTR_ERR_OR_ZERO(message);
	if (err)
		goto put_route;
	message->way = route.way;
	err = msgpass_mailbox_send(route.mailbox, message, arg->flags & MSGPASS_SYNC,
				   patience, id);
put_route:
	put_route(&route);
	return err;
}

static int ioctl_send(const struct call *call)
{
	struct msgpass_send __user *uarg = call->uarg;
	const struct msgpass_send *arg = call->arg;
	struct msgpass_patience patience;
	struct msgpass_caller caller;
	u64 id;
	int err;

	if (!(call->file->f_mode & FMODE_WRITE))
		return -EACCES;
	if (arg->flags & ~(MSGPASS_NONBLOCK | MSGPASS_SYNC | MSGPASS_TO_KEY) ||
	    arg->pad || arg->priority > MSGPASS_PRIORITY_MAX)
		return -EINVAL;
	err = get_patience(&patience, call, arg->flags, arg->deadline);
	if (err)
		return err;
	if (patience.none && arg->flags & MSGPASS_SYNC)
		return -EINVAL;

	err = msgpass_caller_begin(&caller, call->endpoint);
	if (err)
		return err;
	err = send_message(call, &caller, &patience, &id);
	msgpass_caller_end(&caller, call->endpoint);
	if (err)
		return err;

	/* Sent is sent: if the page went away meanwhile, the id is not told. */
	put_user(id, &uarg->id);
	return 0;
}

static void describe(struct msgpass_receive *arg,
		     const struct msgpass_message *message)
{
	const struct msgpass_identity *from = &message->from;
	struct pid_namespace *pid_ns = task_active_pid_ns(current);
	struct user_namespace *user_ns = current_user_ns();

	arg->id = message->id;
	arg->sender_key = from->key;
	arg->sender_pid = pid_nr_ns(from->pid, pid_ns);
	arg->sender_tid = pid_nr_ns(from->tid, pid_ns);
	arg->sender_uid = from_kuid_munged(user_ns, from->uid);
	arg->sender_gid = from_kgid_munged(user_ns, from->gid);
	arg->priority = message->priority;
	arg->size = message->size;
}

/* Copy a claimed message out. Return 0 if it is whole in user memory. */
static int copy_out(const struct call *call, const struct msgpass_message *message)
{
	struct msgpass_receive *arg = call->arg;

	describe(arg, message);
	if (message->size > arg->buffer_size)
		return -EMSGSIZE;
	if (copy_to_user(u64_to_user_ptr(arg->buffer), message->data, message->size))
		return -EFAULT;
	return write_back(call, sizeof(*arg));
}

static int receive_message(const struct call *call, const struct route *route,
			   const struct msgpass_patience *patience)
{
	struct msgpass_mailbox *mailbox = route->mailbox;
	struct msgpass_message *message;
	int err;

	do {
		message = msgpass_mailbox_claim(mailbox, route->way, patience);
		if (IS_ERR(message))
			return PTR_ERR(message);
		err = copy_out(call, message);
		if (err) {
			msgpass_mailbox_give_back(mailbox, message);
			break;
		}
		err = msgpass_mailbox_commit(mailbox, message);
	} while (err == -EAGAIN);

	if (err == -EMSGSIZE)
		return write_back(call, sizeof(struct msgpass_receive)) ?: err;
	return err;
}

/* The link with the sender that is named, be it alive or not, or ERR_PTR(). */
static struct msgpass_link *get_named_link(const struct msgpass_receive *arg,
					   const struct msgpass_caller *caller)
{
	struct msgpass_process *receiver = caller->process;
	bool is_key = arg->flags & MSGPASS_FROM_KEY;
	struct msgpass_process *sender;
	struct msgpass_link *link;

	sender = get_process(arg->from, is_key);
	if (!IS_ERR(sender)) {
		link = is_key && !msgpass_process_visible(sender) ?
		       msgpass_link_find(receiver->key, sender->key) ?: ERR_PTR(-ESRCH) :
		       msgpass_link_get(receiver, sender, caller->user);
		msgpass_process_put(sender);
		if (!IS_ERR(link) || PTR_ERR(link) != -ESRCH)
			return link;
	} else if (PTR_ERR(sender) != -ESRCH) {
		return ERR_CAST(sender);
	}
	link = is_key ? msgpass_link_find(receiver->key, arg->from) :
			msgpass_link_find_pid(receiver, arg->from);
	return link ?: ERR_PTR(-ESRCH);
}

static int get_source(struct route *route, const struct call *call,
		      const struct msgpass_caller *caller)
{
	const struct msgpass_receive *arg = call->arg;
	struct msgpass_mailbox *mailbox = call->endpoint->mailbox;
	struct msgpass_link *link;
	u64 sender;

	*route = (struct route){ };
	if (!arg->from && arg->flags & MSGPASS_FROM_KEY)
		return -EINVAL;
	if (mailbox) {
		if (arg->from)
			return -EINVAL;
		/* Not through a descriptor that was passed or inherited, either. */
		if (!may_receive(mailbox))
			return -EPERM;
	} else {
		mailbox = caller->process->inbox;
	}
	if (arg->from) {
		link = get_named_link(arg, caller);
		if (IS_ERR(link))
			return PTR_ERR(link);
		sender = link->pair.key[link->pair.key[0] == caller->process->key];
		route->link = link;
		route->way = msgpass_link_from(link, sender);
	}
	route->mailbox = msgpass_mailbox_get(mailbox);
	return 0;
}

static int ioctl_receive(const struct call *call)
{
	const struct msgpass_receive *arg = call->arg;
	struct msgpass_patience patience;
	struct msgpass_caller caller;
	struct route route;
	int err;

	if (!(call->file->f_mode & FMODE_READ))
		return -EACCES;
	if (arg->flags & ~(MSGPASS_NONBLOCK | MSGPASS_FROM_KEY))
		return -EINVAL;
	err = get_patience(&patience, call, arg->flags, arg->deadline);
	if (err)
		return err;

	err = msgpass_caller_begin(&caller, call->endpoint);
	if (err)
		return err;
	err = get_source(&route, call, &caller);
	if (!err) {
		err = receive_message(call, &route, &patience);
		put_route(&route);
	}
	msgpass_caller_end(&caller, call->endpoint);
	return err;
}

static int ioctl_stat(const struct call *call)
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
	return err ?: write_back(call, sizeof(*arg));
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

static int ioctl_set(const struct call *call)
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

static int ioctl_key(const struct call *call)
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
	return write_back(call, sizeof(*arg));
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

static int ioctl_next(const struct call *call)
{
	const struct msgpass_next *arg = call->arg;
	void __user *buffer = u64_to_user_ptr(arg->name);
	long length;
	char *name;
	int err;

	if (arg->flags || arg->pad)
		return -EINVAL;
	name = kzalloc(MSGPASS_NAME_MAX + 1, GFP_KERNEL_ACCOUNT);
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

enum {
	ON_DEVICE	= BIT(0),
	ON_MAILBOX	= BIT(1),
};

/**
 * struct command - an ioctl
 * @cmd: its number, with the size of the argument in this kernel
 * @size_min: the size in its first version
 * @on: the kinds of descriptor that have it
 * @run: handler; returns what the ioctl returns
 */
struct command {
	unsigned int	cmd;
	unsigned int	size_min;
	unsigned int	on;
	int		(*run)(const struct call *call);
};

#define COMMAND(_cmd, _type, _last, _on, _run)			\
	[_IOC_NR(_cmd)] = {					\
		.cmd		= (_cmd),			\
		.size_min	= offsetofend(_type, _last),	\
		.on		= (_on),			\
		.run		= (_run),			\
	}

static const struct command commands[] = {
	COMMAND(MSGPASS_IOC_CREATE, struct msgpass_create, pad,
		ON_DEVICE, ioctl_create),
	COMMAND(MSGPASS_IOC_OPEN, struct msgpass_open, name,
		ON_DEVICE, ioctl_open),
	COMMAND(MSGPASS_IOC_UNLINK, struct msgpass_unlink, name,
		ON_DEVICE, ioctl_unlink),
	COMMAND(MSGPASS_IOC_DELETE, struct msgpass_delete, pad,
		ON_MAILBOX, ioctl_delete),
	COMMAND(MSGPASS_IOC_SEND, struct msgpass_send, id,
		ON_DEVICE | ON_MAILBOX, ioctl_send),
	COMMAND(MSGPASS_IOC_RECEIVE, struct msgpass_receive, size,
		ON_DEVICE | ON_MAILBOX, ioctl_receive),
	COMMAND(MSGPASS_IOC_STAT, struct msgpass_stat, received_bytes,
		ON_DEVICE | ON_MAILBOX, ioctl_stat),
	COMMAND(MSGPASS_IOC_SET, struct msgpass_set, accepts,
		ON_DEVICE | ON_MAILBOX, ioctl_set),
	COMMAND(MSGPASS_IOC_KEY, struct msgpass_key, key,
		ON_DEVICE, ioctl_key),
	COMMAND(MSGPASS_IOC_NEXT, struct msgpass_next, name,
		ON_DEVICE, ioctl_next),
};

union argument {
	struct msgpass_create	create;
	struct msgpass_open	open;
	struct msgpass_unlink	unlink;
	struct msgpass_delete	delete;
	struct msgpass_send	send;
	struct msgpass_receive	receive;
	struct msgpass_stat	stat;
	struct msgpass_set	set;
	struct msgpass_key	key;
	struct msgpass_next	next;
};

static const struct command *find_command(unsigned int cmd, unsigned int on)
{
	const unsigned int number = ~(_IOC_SIZEMASK << _IOC_SIZESHIFT);
	unsigned int nr = _IOC_NR(cmd);
	const struct command *command;

	if (nr >= ARRAY_SIZE(commands))
		return NULL;
	command = &commands[array_index_nospec(nr, ARRAY_SIZE(commands))];
	if ((cmd & number) != (command->cmd & number) || !(command->on & on) ||
	    _IOC_SIZE(cmd) < command->size_min)
		return NULL;
	return command;
}

static long run(struct file *file, unsigned int cmd, unsigned long arg,
		unsigned int on)
{
	union argument argument;
	struct call call = {
		.file		= file,
		.endpoint	= file->private_data,
		.arg		= &argument,
		.uarg		= (void __user *)arg,
		.usize		= _IOC_SIZE(cmd),
	};
	const struct command *command = find_command(cmd, on);
	int err;

	if (!command)
		return -ENOTTY;
	err = copy_struct_from_user(call.arg, _IOC_SIZE(command->cmd),
				    call.uarg, call.usize);
	if (err)
		return err;
	return command->run(&call);
}

long msgpass_device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return run(file, cmd, arg, ON_DEVICE);
}

long msgpass_mailbox_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return run(file, cmd, arg, ON_MAILBOX);
}
