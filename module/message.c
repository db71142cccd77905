// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "limit.h"
#include "message.h"

/* Four cache lines: a payload of up to SMALL_MAX bytes lies in them. */
#define OBJECT_SIZE	256
#define SMALL_MAX	(OBJECT_SIZE - offsetof(struct msgpass_message, small))

static struct kmem_cache *message_cache;

/* What a message of this size costs its sender's quota. */
static size_t cost(u32 size)
{
	return OBJECT_SIZE + (size > SMALL_MAX ? (size_t)size : 0);
}

static void stamp(struct msgpass_identity *from, u64 key)
{
	from->pid = get_pid(task_tgid(current));
	from->tid = get_pid(task_pid(current));
	from->key = key;
	from->uid = current_euid();
	from->gid = current_egid();
}

struct msgpass_message *msgpass_message_new(struct msgpass_user *user, u64 key,
					    const void __user *data, u32 size,
					    u32 priority)
{
	struct msgpass_message *message;
	int err;

	err = msgpass_user_charge_message(user, cost(size));
	if (err)
		return ERR_PTR(err);

	err = -ENOMEM;
	message = kmem_cache_alloc(message_cache, GFP_MSGPASS);
	if (!message)
		goto discharge;
	message->data = message->small;
	if (size > SMALL_MAX) {
		message->data = kvmalloc(size, GFP_MSGPASS);
		if (!message->data)
			goto free_object;
	}

	err = -EFAULT;
	if (copy_from_user(message->data, data, size))
		goto free_data;

	INIT_LIST_HEAD(&message->node[MSGPASS_IN_MAILBOX]);
	INIT_LIST_HEAD(&message->node[MSGPASS_IN_WAY]);
	INIT_LIST_HEAD(&message->claimed);
	message->sender = NULL;
	message->way = NULL;
	message->id = 0;
	message->state = MSGPASS_PENDING;
	message->size = size;
	message->priority = priority;
	message->user = user;
	stamp(&message->from, key);
	return message;

free_data:
	if (message->data != message->small)
		kvfree(message->data);
free_object:
	kmem_cache_free(message_cache, message);
discharge:
	msgpass_user_discharge_message(user, cost(size));
	return ERR_PTR(err);
}

void msgpass_message_free(struct msgpass_message *message)
{
	msgpass_user_discharge_message(message->user, cost(message->size));
	put_pid(message->from.tid);
	put_pid(message->from.pid);
	if (message->data != message->small)
		kvfree(message->data);
	kmem_cache_free(message_cache, message);
}

void msgpass_message_free_all(struct list_head *messages)
{
	struct msgpass_message *message, *next;

	list_for_each_entry_safe(message, next, messages, node[MSGPASS_IN_MAILBOX]) {
		msgpass_message_free(message);
		cond_resched();
	}
	INIT_LIST_HEAD(messages);
}

int msgpass_message_init(void)
{
	message_cache = kmem_cache_create_usercopy("msgpass_message", OBJECT_SIZE, 0,
						   SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT,
						   offsetof(struct msgpass_message, small),
						   SMALL_MAX, NULL);
	return message_cache ? 0 : -ENOMEM;
}

void msgpass_message_exit(void)
{
	kmem_cache_destroy(message_cache);
}
