/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Route: where a message is sent to, or received from, as a caller's argument
 * and its descriptor say: a mailbox and, where it is about one sender and one
 * receiver, their link and the way in question.
 *
 * Owner: the call under way, on whose stack it is. It references the link, and the
 * link holds its two processes and so their inboxes; a mailbox is held by the
 * descriptor of the call, and the caller's inbox by the caller. So what it names
 * is there for as long as somebody waits on it.
 */
#ifndef MSGPASS_ROUTE_H
#define MSGPASS_ROUTE_H

#include "link.h"

struct msgpass_caller;
struct msgpass_endpoint;
struct msgpass_mailbox;
struct msgpass_receive;
struct msgpass_send;

/**
 * struct msgpass_route - where a message is sent to or received from
 * @mailbox: held as said above
 * @link: referenced; NULL where it is not about one sender and one receiver
 * @way: that way of the link, or NULL
 */
struct msgpass_route {
	struct msgpass_mailbox	*mailbox;
	struct msgpass_link	*link;
	struct msgpass_way	*way;
};

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
int msgpass_route_to(struct msgpass_route *route,
		     const struct msgpass_endpoint *endpoint,
		     const struct msgpass_caller *caller,
		     const struct msgpass_send *arg);

/**
 * msgpass_route_from() - find the mailbox, inbox or way that is received from
 * @route: filled in on success; msgpass_route_put() must follow
 * @endpoint: the descriptor used
 * @caller: who receives
 * @arg: what the caller says, its flags checked
 *
 * Links the two processes, where one is named. May sleep. Return: 0; -EINVAL,
 * -EPERM, -ESRCH, -EDQUOT, -ENOMEM.
 */
int msgpass_route_from(struct msgpass_route *route,
		       const struct msgpass_endpoint *endpoint,
		       const struct msgpass_caller *caller,
		       const struct msgpass_receive *arg);

static inline void msgpass_route_put(struct msgpass_route *route)
{
	if (route->link)
		msgpass_link_put(route->link);
}

#endif /* MSGPASS_ROUTE_H */
