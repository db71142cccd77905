// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cpu.h>
#include <linux/err.h>
#include <linux/hashtable.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/sysctl.h>

#include "limit.h"
#include "spare.h"

unsigned int msgpass_message_size_max = SZ_16M;
unsigned int msgpass_inbox_capacity = 64;
/* KASAN is to see every use after a free, so under it nothing is kept unless that is said. */
unsigned int msgpass_kept_bytes_max = IS_ENABLED(CONFIG_KASAN) ? 0 : SZ_1M;
/* It burns what others could use: for whoever asks for it. */
unsigned int msgpass_spin_us;
static unsigned long user_bytes_max;
static unsigned long user_messages_max = SZ_128K;
static unsigned int user_mailboxes_max = 1024;

/* The header's size field and a kvmalloc() both end here. */
static const unsigned int size_ceiling = SZ_1G;

/*
 * How far a CPU's share of a user's bytes and messages may drift before it is
 * folded into the sum: large, so that senders on different CPUs rarely meet. Near
 * the limit the comparison adds the shares up exactly.
 */
#define BYTES_BATCH	SZ_64K
#define MESSAGES_BATCH	SZ_256

atomic_t msgpass_limits_changed;

static struct ctl_table_header *sysctl_header;

/* What is kept for a user is charged by the limits of before: msgpass_user_checked(). */
static int set_user_limit(MSGPASS_CTL_TABLE *table, int write, void *buffer, size_t *size,
			  loff_t *position)
{
	int err = proc_doulongvec_minmax(table, write, buffer, size, position);

	/* After the limit; who sees it sees that, too. */
	if (write && !err)
		atomic_inc_return_release(&msgpass_limits_changed);
	return err;
}

static struct ctl_table sysctl_table[] = {
	{
		.procname	= "message_size_max",
		.data		= &msgpass_message_size_max,
		.maxlen		= sizeof(msgpass_message_size_max),
		.mode		= 0644,
		.proc_handler	= proc_douintvec_minmax,
		.extra1		= SYSCTL_ONE,
		.extra2		= (void *)&size_ceiling,
	},
	{
		.procname	= "inbox_capacity",
		.data		= &msgpass_inbox_capacity,
		.maxlen		= sizeof(msgpass_inbox_capacity),
		.mode		= 0644,
		.proc_handler	= proc_douintvec_minmax,
		.extra1		= SYSCTL_ONE,
	},
	{
		.procname	= "user_bytes_max",
		.data		= &user_bytes_max,
		.maxlen		= sizeof(user_bytes_max),
		.mode		= 0644,
		.proc_handler	= set_user_limit,
	},
	{
		.procname	= "user_messages_max",
		.data		= &user_messages_max,
		.maxlen		= sizeof(user_messages_max),
		.mode		= 0644,
		.proc_handler	= set_user_limit,
	},
	{
		.procname	= "user_mailboxes_max",
		.data		= &user_mailboxes_max,
		.maxlen		= sizeof(user_mailboxes_max),
		.mode		= 0644,
		.proc_handler	= proc_douintvec_minmax,
		.extra2		= SYSCTL_INT_MAX,
	},
	{
		.procname	= "kept_bytes_max",
		.data		= &msgpass_kept_bytes_max,
		.maxlen		= sizeof(msgpass_kept_bytes_max),
		.mode		= 0644,
		.proc_handler	= proc_douintvec_minmax,
		.extra2		= SYSCTL_INT_MAX,
	},
	{
		.procname	= "spin_us",
		.data		= &msgpass_spin_us,
		.maxlen		= sizeof(msgpass_spin_us),
		.mode		= 0644,
		.proc_handler	= proc_douintvec_minmax,
		.extra2		= SYSCTL_ONE_THOUSAND,
	},
	MSGPASS_SYSCTL_END
};

/* How many idle accounts one sweep looks at, with the lock held. */
#define SWEEP_MAX	32

static DEFINE_HASHTABLE(users, 6);
static LIST_HEAD(idle_users);
static DEFINE_SPINLOCK(users_lock);

static struct msgpass_user *find_user_locked(kuid_t uid)
{
	struct msgpass_user *user;

	lockdep_assert_held(&users_lock);

	hash_for_each_possible(users, user, node, __kuid_val(uid))
		if (uid_eq(user->uid, uid))
			return user;
	return NULL;
}

static struct msgpass_user *get_user_locked(kuid_t uid)
{
	struct msgpass_user *user = find_user_locked(uid);

	if (user) {
		user->references++;
		list_del_init(&user->idle);
	}
	return user;
}

static void free_user(struct msgpass_user *user)
{
	percpu_counter_destroy(&user->messages);
	percpu_counter_destroy(&user->bytes);
	kfree(user);
}

struct msgpass_user *msgpass_user_get(kuid_t uid)
{
	struct msgpass_user *user, *fresh;

	spin_lock(&users_lock);
	user = get_user_locked(uid);
	spin_unlock(&users_lock);
	if (user)
		return user;

	fresh = msgpass_zalloc(sizeof(*fresh));
	if (!fresh)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&fresh->idle);
	fresh->uid = uid;
	fresh->references = 1;
	if (percpu_counter_init(&fresh->bytes, 0, GFP_MSGPASS) ||
	    percpu_counter_init(&fresh->messages, 0, GFP_MSGPASS)) {
		free_user(fresh);
		return ERR_PTR(-ENOMEM);
	}

	spin_lock(&users_lock);
	user = get_user_locked(uid);
	if (!user)
		hash_add(users, &fresh->node, __kuid_val(uid));
	spin_unlock(&users_lock);

	if (!user)
		return fresh;
	free_user(fresh);
	return user;
}

void msgpass_user_put(struct msgpass_user *user)
{
	spin_lock(&users_lock);
	if (!--user->references)
		list_add_tail(&user->idle, &idle_users);
	spin_unlock(&users_lock);
}

static int charge(struct percpu_counter *counter, s64 amount, unsigned long max,
		  s32 batch)
{
	s64 limit = min_t(unsigned long, max, LONG_MAX);

	percpu_counter_add_batch(counter, amount, batch);
	if (__percpu_counter_compare(counter, limit, batch) <= 0)
		return 0;
	percpu_counter_add_batch(counter, -amount, batch);
	return -EDQUOT;
}

static int charge_bytes(struct msgpass_user *user, size_t bytes)
{
	return charge(&user->bytes, bytes, READ_ONCE(user_bytes_max), BYTES_BATCH);
}

int msgpass_user_charge(struct msgpass_user *user, size_t bytes)
{
	unsigned long before = msgpass_spares_freed();
	int err = charge_bytes(user, bytes);

	/* Nobody is refused for what is only kept. */
	if (err && msgpass_spares_free_of(user) != before)
		err = charge_bytes(user, bytes);
	return err;
}

void msgpass_user_discharge(struct msgpass_user *user, size_t bytes)
{
	/* The sweep waits for us if this makes the account free to go. */
	rcu_read_lock();
	percpu_counter_add_batch(&user->bytes, -(s64)bytes, BYTES_BATCH);
	rcu_read_unlock();
}

int msgpass_user_charge_message(struct msgpass_user *user, size_t bytes)
{
	int changed = atomic_read_acquire(&msgpass_limits_changed);
	int err;

	err = charge(&user->messages, 1, READ_ONCE(user_messages_max), MESSAGES_BATCH);
	if (err)
		return err;
	err = charge_bytes(user, bytes);
	if (err)
		percpu_counter_add_batch(&user->messages, -1, MESSAGES_BATCH);
	else if (!msgpass_user_checked(user))
		WRITE_ONCE(user->checked, changed);
	return err;
}

void msgpass_user_discharge_message(struct msgpass_user *user, size_t bytes)
{
	/* Before the bytes, without which the account is free to go. */
	percpu_counter_add_batch(&user->messages, -1, MESSAGES_BATCH);
	msgpass_user_discharge(user, bytes);
}

int msgpass_user_charge_mailbox(struct msgpass_user *user)
{
	if (atomic_inc_return(&user->mailboxes) > READ_ONCE(user_mailboxes_max)) {
		atomic_dec(&user->mailboxes);
		return -EDQUOT;
	}
	spin_lock(&users_lock);
	user->references++;
	spin_unlock(&users_lock);
	return 0;
}

void msgpass_user_discharge_mailbox(struct msgpass_user *user)
{
	atomic_dec(&user->mailboxes);
	msgpass_user_put(user);
}

void msgpass_user_sweep(void)
{
	struct msgpass_user *user, *next;
	LIST_HEAD(candidates);
	LIST_HEAD(unused);
	unsigned int i;

	cpus_read_lock();	/* no CPU's share may be missing from a sum */
	spin_lock(&users_lock);
	for (i = 0; i < SWEEP_MAX && !list_empty(&idle_users); i++)
		list_move_tail(idle_users.next, &candidates);
	list_for_each_entry_safe(user, next, &candidates, idle) {
		/* Only who has a reference charges: the sum can but fall. */
		if (percpu_counter_sum(&user->bytes)) {
			list_move_tail(&user->idle, &idle_users);
		} else {
			hash_del(&user->node);
			list_move(&user->idle, &unused);
		}
	}
	spin_unlock(&users_lock);
	cpus_read_unlock();

	if (list_empty(&unused))
		return;
	synchronize_rcu();	/* for msgpass_user_discharge() */
	list_for_each_entry_safe(user, next, &unused, idle)
		free_user(user);
}

int msgpass_limit_init(void)
{
	/* One user is not to have all of a small machine. */
	user_bytes_max = min_t(u64, SZ_64M, ((u64)totalram_pages() << PAGE_SHIFT) / 8);
	sysctl_header = register_sysctl("kernel/msgpass", sysctl_table);
	return sysctl_header ? 0 : -ENOMEM;
}

void msgpass_limit_exit(void)
{
	struct msgpass_user *user;
	struct hlist_node *next;
	int bucket;

	unregister_sysctl_table(sysctl_header);
	hash_for_each_safe(users, bucket, next, user, node)
		free_user(user);
}
