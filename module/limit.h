/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Limits: what the administrator allows, and what each user has used of it.
 *
 * A struct msgpass_user is the account of one kernel user id: its messages that
 * are queued anywhere, the bytes that these and the links that it made take, and
 * the mailboxes that it created. It is charged when a message or a link is
 * made and discharged when that is freed, wherever and by whomever; nothing is
 * reserved beforehand. What spare.c keeps of it is charged, too, without a reference.
 *
 * Owner: the table in limit.c, which finds it by uid. An endpoint and a mailbox
 * each hold a reference. A queued message holds none, so that sending does not
 * write to a line that all processes of the user share: an account that has no
 * references is idle. It stays in the table until its bytes are zero too, and
 * then msgpass_user_sweep() frees it.
 *
 * Locks: the table and the references by users_lock; bytes and messages are
 * per-CPU counters; the mailboxes are atomic.
 */
#ifndef MSGPASS_LIMIT_H
#define MSGPASS_LIMIT_H

#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/percpu_counter.h>
#include <linux/uidgid.h>

/* A cgroup at its limit is told ENOMEM; nobody is killed for our memory. */
#define GFP_MSGPASS	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

struct msgpass_user {
	struct hlist_node	node;
	struct list_head	idle;		/* only without references */
	kuid_t			uid;
	unsigned int		references;
	atomic_t		mailboxes;
	int			checked;	/* msgpass_limits_changed then */
	unsigned long		keeps;		/* by which CPUs, see spare.c; a hint */
	struct percpu_counter	bytes;
	struct percpu_counter	messages;
};

/* The sysctls kernel.msgpass.*, read with READ_ONCE(). */
extern unsigned int msgpass_message_size_max;
extern unsigned int msgpass_inbox_capacity;
extern unsigned int msgpass_kept_bytes_max;
extern unsigned int msgpass_spin_us;

/* How often the limits of users have been written. */
extern atomic_t msgpass_limits_changed;

/**
 * msgpass_user_checked() - has it been charged since the limits were last written?
 * @user: the user
 *
 * If so it was within them, and more was not charged since without asking.
 */
static inline bool msgpass_user_checked(const struct msgpass_user *user)
{
	return READ_ONCE(user->checked) == atomic_read(&msgpass_limits_changed);
}

/**
 * msgpass_user_get() - find or open the account of a user
 * @uid: the user
 *
 * May sleep. Return: the account, to be given back with msgpass_user_put(), or
 * ERR_PTR(-ENOMEM).
 */
struct msgpass_user *msgpass_user_get(kuid_t uid);
void msgpass_user_put(struct msgpass_user *user);

/**
 * msgpass_user_charge() - account for memory about to be taken
 * @user: who pays
 * @bytes: how much
 *
 * Return: 0, or -EDQUOT where that would exceed kernel.msgpass.user_bytes_max:
 * then nothing is charged. Of two callers at the same moment that could each
 * have had the rest alone, both may be refused.
 */
int msgpass_user_charge(struct msgpass_user *user, size_t bytes);
void msgpass_user_discharge(struct msgpass_user *user, size_t bytes);

/**
 * msgpass_user_charge_message() - account for a message about to be made
 * @user: who pays
 * @bytes: the memory it takes
 *
 * Return: as msgpass_user_charge(); also -EDQUOT over
 * kernel.msgpass.user_messages_max.
 */
int msgpass_user_charge_message(struct msgpass_user *user, size_t bytes);
void msgpass_user_discharge_message(struct msgpass_user *user, size_t bytes);

/**
 * msgpass_user_charge_mailbox() - account for a mailbox about to be created
 * @user: who pays
 *
 * Return: 0, or -EDQUOT where that would exceed
 * kernel.msgpass.user_mailboxes_max. The account gets a reference on success,
 * which msgpass_user_discharge_mailbox() drops.
 */
int msgpass_user_charge_mailbox(struct msgpass_user *user);
void msgpass_user_discharge_mailbox(struct msgpass_user *user);

/* Free some of the accounts that nothing needs any more. May sleep. */
void msgpass_user_sweep(void);

int msgpass_limit_init(void);
void msgpass_limit_exit(void);

#endif /* MSGPASS_LIMIT_H */
