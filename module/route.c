// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/limits.h>
#include <linux/msgpass.h>

#include "endpoint.h"
#include "link.h"
#include "mailbox.h"
#include "process.h"
#include "route.h"

static struct msgpass_process *get_process(u64 address, bool is_key)
{
	if (is_key)
		return msgpass_process_by_key(address);
	if (address > INT_MAX)
		return ERR_PTR(-EINVAL);
	return msgpass_process_by_pid(address);
}

/*
 * The link to a receiver, the way to it permitted. A key reaches whoever has
 * written to us before, and otherwise no further than a pid.
 */
static struct msgpass_link *get_permitted_link(const struct msgpass_caller *caller,
					       struct msgpass_process *receiver)
{
	struct msgpass_process *sender = caller->process;
	struct msgpass_link *link = msgpass_link_find(sender->key, receiver->key);
	int err;

	if (link && READ_ONCE(msgpass_link_from(link, sender->key)->permitted))
		return link;
	err = link || msgpass_process_visible(receiver) ?
	      msgpass_process_accepts(receiver) : -ESRCH;
	if (err) {
		if (link)
			msgpass_link_put(link);
		return ERR_PTR(err);
	}
	if (!link)
		link = msgpass_link_get(sender, receiver, caller->user);
	if (!IS_ERR(link))
		WRITE_ONCE(msgpass_link_from(link, sender->key)->permitted, true);
	return link;
}

struct msgpass_way *msgpass_route_find_way(const struct msgpass_caller *caller,
					   const struct msgpass_send *arg)
{
	struct msgpass_process *sender = caller->process, *receiver;
	struct msgpass_link *link;

	receiver = get_process(arg->to, arg->flags & MSGPASS_TO_KEY);
	if (IS_ERR(receiver))
		return ERR_CAST(receiver);
	link = get_permitted_link(caller, receiver);
	msgpass_process_put(receiver);
	if (IS_ERR(link))
		return ERR_CAST(link);
	msgpass_link_remember(sender, link);
	return msgpass_link_from(link, sender->key);
}

/* The link with the sender that is named, be it alive or not, or ERR_PTR(). */
static struct msgpass_link *get_named_link(const struct msgpass_receive *arg,
					   const struct msgpass_caller *caller)
{
	struct msgpass_process *receiver = caller->process;
	bool is_key = arg->flags & MSGPASS_FROM_KEY;
	struct msgpass_process *sender;
	struct msgpass_link *link;

	sender = get_process(arg->from, is_key);
	if (!IS_ERR(sender)) {
		link = is_key && !msgpass_process_visible(sender) ?
		       msgpass_link_find(receiver->key, sender->key) ?: ERR_PTR(-ESRCH) :
		       msgpass_link_get(receiver, sender, caller->user);
		msgpass_process_put(sender);
		if (!IS_ERR(link) || PTR_ERR(link) != -ESRCH)
			return link;
	} else if (PTR_ERR(sender) != -ESRCH) {
		return ERR_CAST(sender);
	}
	link = is_key ? msgpass_link_find(receiver->key, arg->from) :
			msgpass_link_find_pid(receiver, arg->from);
	return link ?: ERR_PTR(-ESRCH);
}

int msgpass_route_from_process(struct msgpass_route *route,
			       const struct msgpass_caller *caller,
			       const struct msgpass_receive *arg)
{
	const struct msgpass_process *sender;
	struct msgpass_link *link;
	struct msgpass_way *back;

	route->mailbox = caller->process->inbox;
	back = msgpass_link_last(caller->process, arg->from, arg->flags & MSGPASS_FROM_KEY);
	if (likely(back)) {
		route->way = msgpass_link_from(back->link, back->to->key);
		return 0;
	}
	link = get_named_link(arg, caller);
	if (IS_ERR(link))
		return PTR_ERR(link);
	sender = msgpass_link_peer(link, caller->process);
	msgpass_link_remember(caller->process, link);
	route->way = msgpass_link_from(link, sender->key);
	/* Its end is told at once, not when it is cleaned up. */
	if (!msgpass_process_lives(sender))
		msgpass_mailbox_end_way(route->mailbox, route->way);
	return 0;
}
