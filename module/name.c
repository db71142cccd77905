// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/ipc_namespace.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/nsproxy.h>
#include <linux/proc_ns.h>
#include <linux/rbtree.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "limit.h"
#include "mailbox.h"
#include "message.h"
#include "name.h"
#include "process.h"
#include "spare.h"

/* How long a namespace may live on for our sake, once all else left it. */
#define SWEEP_INTERVAL	(30 * HZ)

struct space {
	struct list_head	link;	/* spaces */
	struct ns_common	*ns;	/* referenced, unless it is the first */
	struct rb_root		names;	/* never empty */
};

struct msgpass_name {
	struct rb_node		node;	/* empty where another took its place */
	struct space		*space;	/* only with a place there */
	struct msgpass_mailbox	*mailbox;
	char			text[];
};

static DEFINE_MUTEX(names_lock);
static LIST_HEAD(spaces);

static void sweep_work(struct work_struct *work);
static DECLARE_DEFERRABLE_WORK(sweep_again, sweep_work);

static struct ipc_namespace *current_ipc_ns(void)
{
	return current->nsproxy->ipc_ns;
}

/* The first namespace never ends, and may have no operations. */
static bool is_first(const struct ns_common *ns)
{
	return ns->inum == PROC_IPC_INIT_INO;
}

static struct space *find_space_locked(void)
{
	struct ns_common *ns = &current_ipc_ns()->ns;
	struct space *space;

	lockdep_assert_held(&names_lock);

	list_for_each_entry(space, &spaces, link)
		if (space->ns == ns)
			return space;
	return NULL;
}

static void add_space_locked(struct space *space)
{
	struct ns_common *ns = &current_ipc_ns()->ns;

	space->ns = ns;
	space->names = RB_ROOT;
	if (!is_first(ns)) {
		space->ns = ns->ops->get(current);
		schedule_delayed_work(&sweep_again, SWEEP_INTERVAL);
	}
	list_add(&space->link, &spaces);
}

static void free_space_locked(struct space *space)
{
	list_del(&space->link);
	if (!is_first(space->ns))
		space->ns->ops->put(space->ns);
	kfree(space);
}

/* Where @text is or would be; *@found is the name there, if there is one. */
static struct rb_node **seek_locked(struct space *space, const char *text,
				    struct rb_node **parent,
				    struct msgpass_name **found)
{
	struct rb_node **link = &space->names.rb_node;
	struct msgpass_name *name;
	int order;

	*parent = NULL;
	*found = NULL;
	while (*link) {
		name = rb_entry(*link, struct msgpass_name, node);
		order = strcmp(text, name->text);
		if (!order) {
			*found = name;
			break;
		}
		*parent = *link;
		link = order < 0 ? &(*link)->rb_left : &(*link)->rb_right;
	}
	return link;
}

static void own_locked(struct msgpass_mailbox *mailbox)
{
	struct msgpass_process *owner = mailbox->policy.owner;

	lockdep_assert_held(&names_lock);

	list_add(&mailbox->owned, &owner->owned);
	WRITE_ONCE(owner->owned_count, owner->owned_count + 1);
}

static void disown_locked(struct msgpass_mailbox *mailbox)
{
	struct msgpass_process *owner = mailbox->policy.owner;

	lockdep_assert_held(&names_lock);

	if (list_empty(&mailbox->owned))
		return;
	list_del_init(&mailbox->owned);
	WRITE_ONCE(owner->owned_count, owner->owned_count - 1);
}

/*
 * @name takes the place of that of a mailbox whose owner has ended. Whatever else the old
 * one is, and holds, is left as it was to the clean-up, which is certain to come:
 * whoever wants the name has no time for what others left behind.
 */
static void displace_locked(struct msgpass_name *old, struct msgpass_name *name)
{
	lockdep_assert_held(&names_lock);

	rb_replace_node(&old->node, &name->node, &old->space->names);
	RB_CLEAR_NODE(&old->node);
}

int msgpass_name_create(const char *text, struct msgpass_mailbox *mailbox)
{
	struct msgpass_name *name, *other;
	struct rb_node *parent, **link;
	size_t size = strlen(text) + 1;
	struct space *space, *fresh;

	/* Before the lock: a cgroup at its limit must not hold up the others. */
	name = msgpass_zalloc(struct_size(name, text, size));
	fresh = msgpass_zalloc(sizeof(*fresh));
	if (!name || !fresh) {
		kfree(name);
		kfree(fresh);
		return -ENOMEM;
	}
	memcpy(name->text, text, size);

	mutex_lock(&names_lock);
	space = find_space_locked();
	if (!space) {
		space = fresh;
		fresh = NULL;
		add_space_locked(space);
	}
	link = seek_locked(space, text, &parent, &other);
	if (other && !msgpass_mailbox_owner_ended(other->mailbox)) {
		mutex_unlock(&names_lock);
		kfree(name);
		kfree(fresh);
		return -EEXIST;
	}

	name->space = space;
	name->mailbox = msgpass_mailbox_get(mailbox);
	mailbox->name = name;
	if (mailbox->policy.owner)
		own_locked(mailbox);
	if (other) {
		displace_locked(other, name);
	} else {
		rb_link_node(&name->node, parent, link);
		rb_insert_color(&name->node, &space->names);
	}
	__module_get(THIS_MODULE);
	mutex_unlock(&names_lock);
	kfree(fresh);
	return 0;
}

struct msgpass_mailbox *msgpass_name_find(const char *text)
{
	struct msgpass_mailbox *mailbox = NULL;
	struct msgpass_name *name;
	struct rb_node *parent;
	struct space *space;

	mutex_lock(&names_lock);
	space = find_space_locked();
	if (space) {
		seek_locked(space, text, &parent, &name);
		if (name && !msgpass_mailbox_owner_ended(name->mailbox))
			mailbox = msgpass_mailbox_get(name->mailbox);
	}
	mutex_unlock(&names_lock);
	return mailbox;
}

static void leave_space_locked(struct msgpass_name *name)
{
	struct space *space = name->space;

	lockdep_assert_held(&names_lock);

	rb_erase(&name->node, &space->names);
	if (RB_EMPTY_ROOT(&space->names))
		free_space_locked(space);
}

/* Return the mailbox, with the reference that was the name's. */
static struct msgpass_mailbox *remove_locked(struct msgpass_name *name)
{
	struct msgpass_mailbox *mailbox = name->mailbox;

	lockdep_assert_held(&names_lock);

	mailbox->name = NULL;
	if (!RB_EMPTY_NODE(&name->node))
		leave_space_locked(name);
	kfree(name);
	return mailbox;
}

bool msgpass_name_remove(struct msgpass_mailbox *mailbox)
{
	bool named;

	mutex_lock(&names_lock);
	named = mailbox->name;
	if (named)
		remove_locked(mailbox->name);
	mutex_unlock(&names_lock);

	if (named) {
		msgpass_mailbox_put(mailbox);
		module_put(THIS_MODULE);
	}
	return named;
}

struct msgpass_mailbox *msgpass_name_next(const char *text, char *next)
{
	struct msgpass_mailbox *mailbox = NULL;
	struct msgpass_name *name, *found = NULL;
	struct rb_node *node;
	struct space *space;

	mutex_lock(&names_lock);
	space = find_space_locked();
	node = space ? space->names.rb_node : NULL;
	while (node) {
		name = rb_entry(node, struct msgpass_name, node);
		if (strcmp(text, name->text) < 0) {
			found = name;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	if (found) {
		mailbox = msgpass_mailbox_get(found->mailbox);
		strscpy(next, found->text, MSGPASS_NAME_MAX + 1);
	}
	mutex_unlock(&names_lock);
	return mailbox;
}

void msgpass_name_disown(struct msgpass_mailbox *mailbox)
{
	mutex_lock(&names_lock);
	disown_locked(mailbox);
	mutex_unlock(&names_lock);
}

static struct msgpass_mailbox *take_owned(struct msgpass_process *process)
{
	struct msgpass_mailbox *mailbox, *next, *taken = NULL;

	mutex_lock(&names_lock);
	list_for_each_entry_safe(mailbox, next, &process->owned, owned) {
		disown_locked(mailbox);
		/* One without references is being freed, and wants the lock. */
		if (refcount_inc_not_zero(&mailbox->references)) {
			taken = mailbox;
			break;
		}
	}
	mutex_unlock(&names_lock);
	return taken;
}

void msgpass_name_end_owned(struct msgpass_process *process, struct list_head *dropped)
{
	struct msgpass_mailbox *mailbox;

	while ((mailbox = take_owned(process))) {
		msgpass_name_remove(mailbox);
		msgpass_mailbox_end(mailbox, dropped);
		msgpass_mailbox_put(mailbox);
	}
}

/*
 * A name in a namespace that only we refer to. Nobody can enter that namespace
 * any more, so what is seen here stays true.
 */
static struct msgpass_name *find_orphan_locked(void)
{
	struct space *space;

	list_for_each_entry(space, &spaces, link)
		if (!is_first(space->ns) && msgpass_ns_references(space->ns) == 1)
			return rb_entry(rb_first(&space->names),
					struct msgpass_name, node);
	return NULL;
}

void msgpass_name_sweep(void)
{
	struct msgpass_mailbox *mailbox;
	struct msgpass_name *orphan;
	LIST_HEAD(dropped);

	for (;;) {
		mutex_lock(&names_lock);
		orphan = find_orphan_locked();
		mailbox = orphan ? remove_locked(orphan) : NULL;
		mutex_unlock(&names_lock);
		if (!mailbox)
			return;
		msgpass_mailbox_end(mailbox, &dropped);
		msgpass_message_free_all(&dropped);
		msgpass_mailbox_put(mailbox);
		module_put(THIS_MODULE);
	}
}

static void sweep_work(struct work_struct *work)
{
	struct space *space;

	msgpass_name_sweep();

	mutex_lock(&names_lock);
	list_for_each_entry(space, &spaces, link)
		if (!is_first(space->ns)) {
			schedule_delayed_work(&sweep_again, SWEEP_INTERVAL);
			break;
		}
	mutex_unlock(&names_lock);
}

void msgpass_name_exit(void)
{
	/* Every name held the module; only the timer can be left. */
	cancel_delayed_work_sync(&sweep_again);
}
