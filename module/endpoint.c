// SPDX-License-Identifier: GPL-2.0-only
#include <linux/anon_inodes.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "endpoint.h"
#include "ioctl.h"
#include "limit.h"
#include "mailbox.h"
#include "process.h"

static void free_endpoint(struct msgpass_endpoint *endpoint)
{
	if (!endpoint)
		return;
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
	endpoint = kzalloc(sizeof(*endpoint), GFP_KERNEL_ACCOUNT);
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

int msgpass_caller_begin(struct msgpass_caller *caller,
			 const struct msgpass_endpoint *endpoint)
{
	caller->process = endpoint->process;
	caller->user = endpoint->user;
	if (likely(caller->process->pid == task_tgid(current) &&
		   uid_eq(caller->user->uid, current_uid())))
		return 0;

	caller->process = msgpass_process_get(task_tgid(current));
	if (IS_ERR(caller->process))
		return PTR_ERR(caller->process);
	caller->user = msgpass_user_get(current_uid());
	if (IS_ERR(caller->user)) {
		msgpass_process_put(caller->process);
		return PTR_ERR(caller->user);
	}
	return 0;
}

void msgpass_caller_end(struct msgpass_caller *caller,
			const struct msgpass_endpoint *endpoint)
{
	if (likely(caller->process == endpoint->process &&
		   caller->user == endpoint->user))
		return;
	msgpass_user_put(caller->user);
	msgpass_process_put(caller->process);
}

static int device_open(struct inode *inode, struct file *file)
{
	struct msgpass_endpoint *endpoint = new_endpoint(NULL);

	if (IS_ERR(endpoint))
		return PTR_ERR(endpoint);
	file->private_data = endpoint;
	return nonseekable_open(inode, file);
}

static int endpoint_release(struct inode *inode, struct file *file)
{
	free_endpoint(file->private_data);
	return 0;
}

static __poll_t mailbox_poll(struct file *file, poll_table *wait)
{
	struct msgpass_endpoint *endpoint = file->private_data;
	__poll_t ready = msgpass_mailbox_poll(endpoint->mailbox, file, wait);

	if (!(file->f_mode & FMODE_READ))
		ready &= ~(EPOLLIN | EPOLLRDNORM);
	if (!(file->f_mode & FMODE_WRITE))
		ready &= ~(EPOLLOUT | EPOLLWRNORM);
	return ready;
}

/* Whether a send would wait depends on where to, so only receiving is told. */
static __poll_t device_poll(struct file *file, poll_table *wait)
{
	struct msgpass_endpoint *endpoint = file->private_data;
	struct msgpass_caller caller;
	__poll_t ready;

	if (msgpass_caller_begin(&caller, endpoint))
		return EPOLLERR;
	ready = msgpass_mailbox_poll(caller.process->inbox, file, wait);
	msgpass_caller_end(&caller, endpoint);

	ready &= ~(EPOLLOUT | EPOLLWRNORM);
	if (!(file->f_mode & FMODE_READ))
		ready &= ~(EPOLLIN | EPOLLRDNORM);
	return ready;
}

const struct file_operations msgpass_device_fops = {
	.owner		= THIS_MODULE,
	.open		= device_open,
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
	file = anon_inode_getfile("[msgpass]", &mailbox_fops, endpoint, modes[access]);
	if (IS_ERR(file))
		free_endpoint(endpoint);
	return file;
}
