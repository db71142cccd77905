// SPDX-License-Identifier: GPL-2.0-only
#include <linux/anon_inodes.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "endpoint.h"
#include "ioctl.h"
#include "limit.h"
#include "mailbox.h"
#include "process.h"
#include "spare.h"

static void free_endpoint(struct msgpass_endpoint *endpoint)
{
	if (endpoint->mailbox)
		msgpass_mailbox_put(endpoint->mailbox);
	msgpass_process_put(endpoint->process);
	msgpass_user_put(endpoint->user);
	kfree(endpoint);
}

static struct msgpass_endpoint *new_endpoint(struct msgpass_mailbox *mailbox)
{
	struct msgpass_endpoint *endpoint;
	struct msgpass_process *process;
	struct msgpass_user *user;

	process = msgpass_process_get(task_tgid(current));
	if (IS_ERR(process))
		return ERR_CAST(process);
	user = msgpass_user_get(current_uid());
	if (IS_ERR(user)) {
		msgpass_process_put(process);
		return ERR_CAST(user);
	}
	endpoint = msgpass_zalloc(sizeof(*endpoint));
	if (!endpoint) {
		msgpass_user_put(user);
		msgpass_process_put(process);
		return ERR_PTR(-ENOMEM);
	}
	endpoint->mailbox = mailbox ? msgpass_mailbox_get(mailbox) : NULL;
	endpoint->process = process;
	endpoint->user = user;
	return endpoint;
}

int msgpass_caller_find(struct msgpass_caller *caller)
{
	struct msgpass_user *user;

	if (caller->process->pid != task_tgid(current)) {
		caller->process = msgpass_process_current();
		if (!caller->process)
			return -ENOMEM;
	}
	if (!uid_eq(caller->user->uid, current_uid())) {
		user = msgpass_user_get(current_uid());
		if (IS_ERR(user))
			return PTR_ERR(user);
		caller->user = user;
	}
	return 0;
}

static int device_open(struct inode *inode, struct file *file)
{
	struct msgpass_endpoint *endpoint = new_endpoint(NULL);

	if (IS_ERR(endpoint))
		return PTR_ERR(endpoint);
	file->private_data = endpoint;
	return nonseekable_open(inode, file);
}

/* While a process has the device open, its inbox keeps the module for nothing. */
static int device_flush(struct file *file, fl_owner_t id)
{
	struct msgpass_endpoint *endpoint = file->private_data;

	msgpass_process_let_go(endpoint->process);
	return 0;
}

static int endpoint_release(struct inode *inode, struct file *file)
{
	free_endpoint(file->private_data);
	return 0;
}

static __poll_t mailbox_poll(struct file *file, poll_table *wait)
{
	struct msgpass_endpoint *endpoint = file->private_data;
	struct msgpass_process *owner = endpoint->mailbox->policy.owner;
	u32 access = 0;

	/* From a mailbox that a process owns nobody else receives. */
	if (file->f_mode & FMODE_READ && (!owner || owner == endpoint->process))
		access |= MSGPASS_ACCESS_RECEIVE;
	if (file->f_mode & FMODE_WRITE)
		access |= MSGPASS_ACCESS_SEND;
	return msgpass_mailbox_poll(endpoint->mailbox, access, file, wait);
}

/*
 * Of the opener's inbox, whoever asks: an epoll instance asks in the context of
 * any of the processes that share it, or of none, and its entry must not
 * outlive the inbox. Whether a send would wait depends on where to.
 */
static __poll_t device_poll(struct file *file, poll_table *wait)
{
	struct msgpass_endpoint *endpoint = file->private_data;

	return msgpass_mailbox_poll(endpoint->process->inbox, MSGPASS_ACCESS_RECEIVE,
				    file, wait);
}

const struct file_operations msgpass_device_fops = {
	.owner		= THIS_MODULE,
	.open		= device_open,
	.flush		= device_flush,
	.release	= endpoint_release,
	.poll		= device_poll,
	.unlocked_ioctl	= msgpass_device_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};

static const struct file_operations mailbox_fops = {
	.owner		= THIS_MODULE,
	.release	= endpoint_release,
	.poll		= mailbox_poll,
	.unlocked_ioctl	= msgpass_mailbox_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};

struct file *msgpass_endpoint_file(struct msgpass_mailbox *mailbox, u32 access)
{
	/* Access mode 3 is open(2)'s way to say neither read nor write. */
	static const int modes[] = {
		[0]					= O_ACCMODE,
		[MSGPASS_ACCESS_RECEIVE]		= O_RDONLY,
		[MSGPASS_ACCESS_SEND]			= O_WRONLY,
		[MSGPASS_ACCESS_RECEIVE | MSGPASS_ACCESS_SEND] = O_RDWR,
	};
	struct msgpass_endpoint *endpoint;
	struct file *file;

	endpoint = new_endpoint(mailbox);
	if (IS_ERR(endpoint))
		return ERR_CAST(endpoint);
	file = anon_inode_getfile("[msgpass]", &mailbox_fops, endpoint,
				  modes[array_index_nospec(access, ARRAY_SIZE(modes))]);
	if (IS_ERR(file))
		free_endpoint(endpoint);
	return file;
}
