// SPDX-License-Identifier: GPL-2.0-only
/*
 * Permission: what the caller may do with a mailbox, by its mode, its owner and
 * the owner's namespace. Asked when it is opened, changed or listed, not for each
 * message. Whose direct messages a process accepts is in process.c.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/user_namespace.h>

#include "mailbox.h"
#include "process.h"

bool msgpass_mailbox_privileged(const struct msgpass_mailbox *mailbox)
{
	struct user_namespace *user_ns = mailbox->policy.user_ns;

	return user_ns && ns_capable(user_ns, CAP_IPC_OWNER);
}

bool msgpass_mailbox_owned(struct msgpass_mailbox *mailbox)
{
	kuid_t uid;

	spin_lock(&mailbox->lock);
	uid = mailbox->policy.uid;
	spin_unlock(&mailbox->lock);
	return uid_eq(uid, current_euid()) || msgpass_mailbox_privileged(mailbox);
}

/* What the mode bits grant the caller, as of others: 04 receives, 02 sends. */
static u32 granted_bits(struct msgpass_mailbox *mailbox, bool *owner)
{
	u32 granted;
	kuid_t uid;
	kgid_t gid;

	spin_lock(&mailbox->lock);
	granted = mailbox->policy.mode;
	uid = mailbox->policy.uid;
	gid = mailbox->policy.gid;
	spin_unlock(&mailbox->lock);

	*owner = uid_eq(uid, current_euid());
	if (*owner)
		granted >>= 6;
	else if (in_egroup_p(gid))
		granted >>= 3;
	return granted & 06;
}

bool msgpass_mailbox_permits(struct msgpass_mailbox *mailbox, u32 access)
{
	u32 granted, wanted = 0;
	bool owner;

	if (access & MSGPASS_ACCESS_RECEIVE)
		wanted |= 04;
	if (access & MSGPASS_ACCESS_SEND)
		wanted |= 02;
	granted = granted_bits(mailbox, &owner);
	if (wanted ? (granted & wanted) == wanted : owner)
		return true;
	return msgpass_mailbox_privileged(mailbox);
}

bool msgpass_mailbox_visible(struct msgpass_mailbox *mailbox)
{
	struct user_namespace *user_ns = mailbox->policy.user_ns;
	u32 granted;
	bool owner;

	if (msgpass_mailbox_owner_ended(mailbox))
		return false;
	granted = granted_bits(mailbox, &owner);
	if (!msgpass_mailbox_receivable(mailbox))
		granted &= ~04;
	/* To look is no attempt that an audit should tell of. */
	return granted || owner ||
	       (user_ns && ns_capable_noaudit(user_ns, CAP_IPC_OWNER));
}

bool msgpass_mailbox_receivable(const struct msgpass_mailbox *mailbox)
{
	const struct msgpass_process *owner = mailbox->policy.owner;

	return !owner || owner->pid == task_tgid(current);
}
