// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/msgpass.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include "ioctl.h"

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
static_assert(sizeof(struct msgpass_next_process) == 56);
static_assert(sizeof(struct msgpass_next_link) == 72);

int msgpass_call_write_back(const struct msgpass_call *call, size_t size)
{
	return copy_to_user(call->uarg, call->arg, min(size, call->usize)) ? -EFAULT : 0;
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
	int		(*run)(const struct msgpass_call *call);
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
		ON_DEVICE, msgpass_ioctl_create),
	COMMAND(MSGPASS_IOC_OPEN, struct msgpass_open, name,
		ON_DEVICE, msgpass_ioctl_open),
	COMMAND(MSGPASS_IOC_UNLINK, struct msgpass_unlink, name,
		ON_DEVICE, msgpass_ioctl_unlink),
	COMMAND(MSGPASS_IOC_DELETE, struct msgpass_delete, pad,
		ON_MAILBOX, msgpass_ioctl_delete),
	COMMAND(MSGPASS_IOC_SEND, struct msgpass_send, id,
		ON_DEVICE | ON_MAILBOX, msgpass_ioctl_send),
	COMMAND(MSGPASS_IOC_RECEIVE, struct msgpass_receive, size,
		ON_DEVICE | ON_MAILBOX, msgpass_ioctl_receive),
	COMMAND(MSGPASS_IOC_STAT, struct msgpass_stat, received_bytes,
		ON_DEVICE | ON_MAILBOX, msgpass_ioctl_stat),
	COMMAND(MSGPASS_IOC_SET, struct msgpass_set, accepts,
		ON_DEVICE | ON_MAILBOX, msgpass_ioctl_set),
	COMMAND(MSGPASS_IOC_KEY, struct msgpass_key, key,
		ON_DEVICE, msgpass_ioctl_key),
	COMMAND(MSGPASS_IOC_NEXT, struct msgpass_next, name,
		ON_DEVICE, msgpass_ioctl_next),
	COMMAND(MSGPASS_IOC_NEXT_PROCESS, struct msgpass_next_process, mailboxes,
		ON_DEVICE, msgpass_ioctl_next_process),
	COMMAND(MSGPASS_IOC_NEXT_LINK, struct msgpass_next_link, pid,
		ON_DEVICE, msgpass_ioctl_next_link),
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
	struct msgpass_next_process next_process;
	struct msgpass_next_link next_link;
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
	struct msgpass_call call = {
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

static inline long run_fast(struct file *file, unsigned int cmd, unsigned long arg,
			    unsigned int on)
{
	void __user *uarg = (void __user *)arg;

	if (cmd == MSGPASS_IOC_SEND)
		return msgpass_ioctl_send_exact(file, uarg);
	if (cmd == MSGPASS_IOC_RECEIVE)
		return msgpass_ioctl_receive_exact(file, uarg);
	return run(file, cmd, arg, on);
}

long msgpass_device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return run_fast(file, cmd, arg, ON_DEVICE);
}

long msgpass_mailbox_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return run_fast(file, cmd, arg, ON_MAILBOX);
}
