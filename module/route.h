/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Route: where a message is sent to, or received from, as a caller's argument
 * and its descriptor say: a mailbox and, where it is about one sender and one
 * receiver, their link and the way in question.
 *
 * Owner: the call under way, on whose stack it is. It references the way's link, and that
 * holds its two processes and so their inboxes; a mailbox is held by the
 * descriptor of the call, and the caller's inbox by the caller. So what it names
 * is there for as long as somebody waits on it.
 */
#ifndef MSGPASS_ROUTE_H
#define MSGPASS_ROUTE_H

#include <linux/err.h>
#include <linux/msgpass.h>

#include "endpoint.h"
#include "link.h"
#include "mailbox.h"
#include "process.h"

/**
 * struct msgpass_route - where a message is sent to or received from
 * @mailbox: held as said above
 * @way: from the sender to the receiver, its link referenced; NULL where it is not about
 *	one of each
 */
struct msgpass_route {
	struct msgpass_mailbox	*mailbox;
	struct msgpass_way	*way;
};

/* The rest of msgpass_route_to(): the way, its link referenced, or ERR_PTR(). */
struct msgpass_way *msgpass_route_find_way(const struct msgpass_caller *caller,
					   const struct msgpass_send *arg);

/* For msgpass_route_to(): by the device, to a process. */
static __always_inline int
msgpass_route_to_process(struct msgpass_route *route, const struct msgpass_caller *caller,
			 const struct msgpass_send *arg)
{
	struct msgpass_way *way;

	if (!arg->to)
		return -EINVAL;
	way = msgpass_link_last(caller->process, arg->to, arg->flags & MSGPASS_TO_KEY);
	if (unlikely(!way || !READ_ONCE(way->permitted))) {
		if (way)
			msgpass_link_put(way->link);
		way = msgpass_route_find_way(caller, arg);
		if (IS_ERR(way))
			return PTR_ERR(way);
	}
	*route = (struct msgpass_route){ .mailbox = way->to->inbox, .way = way };
	return 0;
}

/**
 * msgpass_route_to() - find the mailbox or inbox that is sent to
 * @route: filled in on success; msgpass_route_put() must follow
 * @endpoint: the descriptor used
 * @caller: who sends
 * @arg: what the caller says, its flags checked
 *
 * Links the two processes, where it is one that is sent to. May sleep. Return: 0;
 * -EINVAL, -ESRCH, -EACCES, -EDQUOT, -ENOMEM.
 */
static __always_inline int
msgpass_route_to(struct msgpass_route *route, const struct msgpass_endpoint *endpoint,
		 const struct msgpass_caller *caller, const struct msgpass_send *arg)
{
	struct msgpass_mailbox *mailbox = endpoint->mailbox;

	if (!mailbox)
		return msgpass_route_to_process(route, caller, arg);
	*route = (struct msgpass_route){ .mailbox = mailbox };
	if (arg->to || arg->flags & MSGPASS_TO_KEY)
		return -EINVAL;
	/* Even where that is not cleaned up yet: nobody would receive it. */
	if (msgpass_mailbox_owner_ended(mailbox))
		return mailbox->policy.end;
	return 0;
}

/**
 * msgpass_route_from_mailbox() - may a mailbox be received from?
 * @route: filled in on success, and not to be put
 * @mailbox: the descriptor's
 * @arg: what the caller says, its flags checked
 *
 * Return: 0, -EINVAL or -EPERM.
 */
static inline int msgpass_route_from_mailbox(struct msgpass_route *route,
					     struct msgpass_mailbox *mailbox,
					     const struct msgpass_receive *arg)
{
	if (arg->from || arg->flags & MSGPASS_FROM_KEY)
		return -EINVAL;
	/* Not through a descriptor that was passed or inherited, either. */
	if (mailbox->policy.owner && !msgpass_mailbox_receivable(mailbox))
		return -EPERM;
	*route = (struct msgpass_route){ .mailbox = mailbox };
	return 0;
}

/**
 * msgpass_route_from_inbox() - find the inbox that is received from, whoever has sent
 * @route: filled in on success, and not to be put
 * @endpoint: the descriptor used, of the device
 * @arg: what the caller says, its flags checked, and no sender named
 *
 * May sleep. Return: 0, -EINVAL or -ENOMEM.
 */
static inline int msgpass_route_from_inbox(struct msgpass_route *route,
					   const struct msgpass_endpoint *endpoint,
					   const struct msgpass_receive *arg)
{
	/* The inbox is the caller's, whoever opened the descriptor, and nobody is to pay. */
	const struct msgpass_process *process = endpoint->process;

	if (arg->flags & MSGPASS_FROM_KEY)
		return -EINVAL;
	if (unlikely(process->pid != task_tgid(current))) {
		process = msgpass_process_current();
		if (!process)
			return -ENOMEM;
	}
	*route = (struct msgpass_route){ .mailbox = process->inbox };
	return 0;
}

/**
 * msgpass_route_from_process() - find the way to the inbox that is received from
 * @route: filled in on success; msgpass_route_put() must follow
 * @caller: who receives
 * @arg: what the caller says, its flags checked, and a sender named
 *
 * Links the two processes. May sleep. Return: 0; -EINVAL, -ESRCH, -EDQUOT, -ENOMEM.
 */
int msgpass_route_from_process(struct msgpass_route *route,
			       const struct msgpass_caller *caller,
			       const struct msgpass_receive *arg);

static inline void msgpass_route_put(struct msgpass_route *route)
{
	if (route->way)
		msgpass_link_put(route->way->link);
}

#endif /* MSGPASS_ROUTE_H */
