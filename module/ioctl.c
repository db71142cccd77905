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
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/time_namespace.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "endpoint.h"
#include "ioctl.h"
#include "limit.h"
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

	if (arg->flags & ~MSGPASS_FIXED_SIZE || arg->pad ||
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
		ret = create_mailbox(&policy, arg->access, name, caller.user);
		msgpass_caller_end(&caller, call->endpoint);
	}
	kfree(name);
	return ret;
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
	if (msgpass_mailbox_permits(mailbox, arg->access))
		ret = create_descriptor(mailbox, arg->access, NULL);
	else
		ret = -EACCES;
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

/* The mailbox that a send is for, with a reference, or ERR_PTR(). */
static struct msgpass_mailbox *get_destination(const struct call *call)
{
	const struct msgpass_send *arg = call->arg;
	struct msgpass_process *receiver;
	struct msgpass_mailbox *mailbox;

	if (call->endpoint->mailbox) {
		if (arg->to)
			return ERR_PTR(-EINVAL);
		return msgpass_mailbox_get(call->endpoint->mailbox);
	}
	if (!arg->to || arg->to > INT_MAX)
		return ERR_PTR(-EINVAL);
	receiver = msgpass_process_address(arg->to);
	if (IS_ERR(receiver))
		return ERR_CAST(receiver);
	mailbox = msgpass_mailbox_get(receiver->inbox);
	msgpass_process_put(receiver);
	return mailbox;
}

static int send_message(const struct call *call, struct msgpass_mailbox *mailbox,
			const struct msgpass_patience *patience, u64 *id)
{
	const struct msgpass_send *arg = call->arg;
	struct msgpass_message *message;
	struct msgpass_caller caller;
	int err;

	err = msgpass_caller_begin(&caller, call->endpoint);
	if (err)
		return err;
	message = msgpass_message_new(caller.user, caller.process->key,
				      u64_to_user_ptr(arg->data), arg->size,
				      arg->priority);
	if (IS_ERR(message))
		err = PTR_ERR(message);
	else
		err = msgpass_mailbox_send(mailbox, message,
					   arg->flags & MSGPASS_SYNC, patience, id);
	msgpass_caller_end(&caller, call->endpoint);
	return err;
}

static int ioctl_send(const struct call *call)
{
	struct msgpass_send __user *uarg = call->uarg;
	const struct msgpass_send *arg = call->arg;
	struct msgpass_patience patience;
	struct msgpass_mailbox *mailbox;
	u64 id;
	int err;

	if (!(call->file->f_mode & FMODE_WRITE))
		return -EACCES;
	if (arg->flags & ~(MSGPASS_NONBLOCK | MSGPASS_SYNC) || arg->pad ||
	    arg->priority > MSGPASS_PRIORITY_MAX)
		return -EINVAL;
	err = get_patience(&patience, call, arg->flags, arg->deadline);
	if (err)
		return err;
	if (patience.none && arg->flags & MSGPASS_SYNC)
		return -EINVAL;

	mailbox = get_destination(call);
	if (IS_ERR(mailbox))
		return PTR_ERR(mailbox);
	/* Find out now that the id cannot be told: later it is too late. */
	if (!msgpass_mailbox_takes(mailbox, arg->size))
		err = -EMSGSIZE;
	else if (put_user(0ULL, &uarg->id))
		err = -EFAULT;
	else
		err = send_message(call, mailbox, &patience, &id);
	msgpass_mailbox_put(mailbox);
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

static int receive_message(const struct call *call, struct msgpass_mailbox *mailbox,
			   const struct msgpass_patience *patience)
{
	struct msgpass_message *message;
	int err;

	do {
		message = msgpass_mailbox_claim(mailbox, patience);
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

static int ioctl_receive(const struct call *call)
{
	const struct msgpass_receive *arg = call->arg;
	struct msgpass_patience patience;
	struct msgpass_caller caller;
	int err;

	if (!(call->file->f_mode & FMODE_READ))
		return -EACCES;
	if (arg->flags & ~MSGPASS_NONBLOCK || arg->from)
		return -EINVAL;
	err = get_patience(&patience, call, arg->flags, arg->deadline);
	if (err)
		return err;

	if (call->endpoint->mailbox)
		return receive_message(call, call->endpoint->mailbox, &patience);

	err = msgpass_caller_begin(&caller, call->endpoint);
	if (err)
		return err;
	err = receive_message(call, caller.process->inbox, &patience);
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
};

union argument {
	struct msgpass_create	create;
	struct msgpass_open	open;
	struct msgpass_unlink	unlink;
	struct msgpass_delete	delete;
	struct msgpass_send	send;
	struct msgpass_receive	receive;
	struct msgpass_stat	stat;
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
