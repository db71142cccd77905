// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/fault-inject-usercopy.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/msgpass.h>
#include <linux/nospec.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/rt.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/time_namespace.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "endpoint.h"
#include "ioctl.h"
#include "lending.h"
#include "lent.h"
#include "mailbox.h"
#include "message.h"
#include "process.h"
#include "route.h"
#include "small.h"
#include "wait.h"

static int get_deadline(struct msgpass_patience *patience, u64 deadline)
{
	struct timespec64 offset = { };
	s64 ahead;

	if (deadline > KTIME_MAX)
		return -EINVAL;
	/* Timers run on the host's clock, whatever the time namespace shows. */
	timens_add_monotonic(&offset);
	ahead = timespec64_to_ns(&offset);
	if (ahead >= (s64)deadline)
		patience->deadline = 0;		/* before the host booted */
	else if (ahead < 0 && (s64)deadline > KTIME_MAX + ahead)
		patience->deadline = KTIME_MAX;
	else
		patience->deadline = deadline - ahead;
	return 0;
}

static inline int get_patience(struct msgpass_patience *patience, const struct file *file,
			       u32 flags, u64 deadline)
{
	patience->none = (flags & MSGPASS_NONBLOCK) || (file->f_flags & O_NONBLOCK);
	patience->deadline = KTIME_MAX;
	return deadline ? get_deadline(patience, deadline) : 0;
}

/*
 * What is larger than what is kept (spare.h) costs more to copy twice, and to clear before,
 * than to lend. Figures: selftests/bench/FASTPATH.md.
 */
#define LEND_ABOVE	SZ_64K

/* So long may the receiver take to begin, and for each byte: 100 MB/s. */
#define LEND_NS		(10 * NSEC_PER_MSEC)
#define LEND_NS_PER_BYTE	10
#define LEND_NS_MAX	(100 * NSEC_PER_MSEC)

static struct msgpass_message *copy_of(const struct msgpass_route *route,
				       const struct msgpass_caller *caller,
				       const struct msgpass_send *arg)
{
	struct msgpass_message *message;

	message = msgpass_message_new(caller->user, caller->process->key,
				      u64_to_user_ptr(arg->data), arg->size,
				      array_index_nospec(arg->priority, MSGPASS_PRIORITIES));
	if (!IS_ERR(message))
		message->way = route->way;
	return message;
}

static bool may_lend(const struct msgpass_route *route, const struct msgpass_send *arg,
		     const struct msgpass_patience *patience)
{
	/* A real-time task does not wait for one that is none. */
	return !patience->none && current->prio >= MAX_RT_PRIO &&
	       msgpass_mailbox_awaits(route->mailbox, route->way, arg->size, patience);
}

/* Return -EAGAIN where a copy is to be sent instead. */
static int lend(const struct msgpass_route *route, const struct msgpass_caller *caller,
		const struct msgpass_send *arg, const struct msgpass_patience *patience,
		struct msgpass_vacancy *vacancy)
{
	u64 brief = min_t(u64, LEND_NS + (u64)arg->size * LEND_NS_PER_BYTE, LEND_NS_MAX);
	struct msgpass_message *message;
	struct msgpass_lent *lent;
	int err = -EAGAIN;
	ktime_t end;

	lent = msgpass_lent_new(u64_to_user_ptr(arg->data), arg->size);
	if (!lent)
		return -EAGAIN;
	message = msgpass_message_lend(caller->user, caller->process->key, lent, arg->size,
				       array_index_nospec(arg->priority, MSGPASS_PRIORITIES));
	if (IS_ERR(message)) {
		msgpass_lent_put(lent);		/* the message's reference */
	} else {
		message->way = route->way;
		end = ktime_add_ns(ktime_get(), brief);
		err = msgpass_mailbox_lend(route->mailbox, message,
					   min(patience->deadline, end), vacancy);
	}
	msgpass_lent_recall(lent);
	return err;
}

/* A send that has room neither waits nor is interrupted; one that waits for receipt does. */
static int is_over(const struct msgpass_vacancy *vacancy, const struct msgpass_patience *patience)
{
	if (!vacancy->sync)
		return 0;
	if (signal_pending(current))
		return -ERESTARTSYS;
	return ktime_get() >= patience->deadline ? -ETIMEDOUT : 0;
}

static int send_in_place(const struct msgpass_route *route, const struct msgpass_caller *caller,
			 const struct msgpass_send *arg, const struct msgpass_patience *patience,
			 const struct msgpass_vacancy *vacancy)
{
	struct msgpass_mailbox *mailbox = route->mailbox;
	struct msgpass_message *message;
	int err = is_over(vacancy, patience);

	if (!err) {
		message = copy_of(route, caller, arg);
		if (!IS_ERR(message))
			return msgpass_mailbox_send_copy(mailbox, message, vacancy, patience);
		err = PTR_ERR(message);
	}
	msgpass_mailbox_leave(mailbox, vacancy);
	return err;
}

/* Return -EAGAIN where it is to be sent as any other. */
static noinline int send_large(const struct msgpass_route *route,
			       const struct msgpass_caller *caller,
			       const struct msgpass_send *arg,
			       const struct msgpass_patience *patience, u64 *id)
{
	struct msgpass_vacancy vacancy = { .sync = arg->flags & MSGPASS_SYNC };
	int err;

	if (!may_lend(route, arg, patience))
		return -EAGAIN;
	err = lend(route, caller, arg, patience, &vacancy);
	*id = vacancy.id;
	return vacancy.is_held ? send_in_place(route, caller, arg, patience, &vacancy) : err;
}

static __always_inline int
send_by_route(const struct msgpass_route *route, const struct msgpass_caller *caller,
	      const struct msgpass_send *arg, const struct msgpass_patience *patience, u64 *id)
{
	struct msgpass_message *message;
	int err;

	if (unlikely(arg->size > LEND_ABOVE)) {
		err = send_large(route, caller, arg, patience, id);
		if (err != -EAGAIN)
			return err;
	}
	message = copy_of(route, caller, arg);
	if (IS_ERR(message))
		return PTR_ERR(message);
	return msgpass_mailbox_send(route->mailbox, message, arg->flags & MSGPASS_SYNC,
				    patience, id);
}

static __always_inline int
send_message(const struct msgpass_endpoint *endpoint, const struct msgpass_caller *caller,
	     const struct msgpass_send *arg, struct msgpass_send __user *uarg,
	     const struct msgpass_patience *patience, u64 *id)
{
	struct msgpass_route route MSGPASS_UNINITIALIZED;
	int err;

	err = msgpass_route_to(&route, endpoint, caller, arg);
	if (err)
		return err;
	if (!msgpass_mailbox_takes(route.mailbox, arg->size))
		err = -EMSGSIZE;
	/* Find out now that the id cannot be told: later it is too late. */
	else if (put_user(0ULL, &uarg->id))
		err = -EFAULT;
	else
		err = send_by_route(&route, caller, arg, patience, id);
	msgpass_route_put(&route);
	return err;
}

/*
 * What is inlined from here on has one caller that every message takes, and one for an
 * argument of another size, which nobody has yet.
 */
static __always_inline int send(const struct file *file, const struct msgpass_send *arg,
				struct msgpass_send __user *uarg)
{
	const struct msgpass_endpoint *endpoint = file->private_data;
	struct msgpass_patience patience MSGPASS_UNINITIALIZED;
	struct msgpass_caller caller MSGPASS_UNINITIALIZED;
	u64 id;
	int err;

	if (!(file->f_mode & FMODE_WRITE))
		return -EACCES;
	if (arg->flags & ~(MSGPASS_NONBLOCK | MSGPASS_SYNC | MSGPASS_TO_KEY) ||
	    arg->pad || arg->priority > MSGPASS_PRIORITY_MAX)
		return -EINVAL;
	err = get_patience(&patience, file, arg->flags, arg->deadline);
	if (err)
		return err;
	if (patience.none && arg->flags & MSGPASS_SYNC)
		return -EINVAL;

	err = msgpass_caller_begin(&caller, endpoint);
	if (err)
		return err;
	err = send_message(endpoint, &caller, arg, uarg, &patience, &id);
	msgpass_caller_end(&caller, endpoint);
	if (err)
		return err;

	/* Sent is sent: if the page went away meanwhile, the id is not told. */
	put_user(id, &uarg->id);
	return 0;
}

int msgpass_ioctl_send(const struct msgpass_call *call)
{
	return send(call->file, call->arg, call->uarg);
}

int msgpass_ioctl_send_exact(struct file *file, struct msgpass_send __user *uarg)
{
	struct msgpass_send arg MSGPASS_UNINITIALIZED;

	might_fault();
	if (should_fail_usercopy() || !user_read_access_begin(uarg, sizeof(*uarg)))
		return -EFAULT;
	unsafe_get_user(arg.flags, &uarg->flags, fault);
	unsafe_get_user(arg.priority, &uarg->priority, fault);
	unsafe_get_user(arg.data, &uarg->data, fault);
	unsafe_get_user(arg.size, &uarg->size, fault);
	unsafe_get_user(arg.pad, &uarg->pad, fault);
	unsafe_get_user(arg.to, &uarg->to, fault);
	unsafe_get_user(arg.deadline, &uarg->deadline, fault);
	user_read_access_end();
	return send(file, &arg, uarg);

fault:
	user_read_access_end();
	return -EFAULT;
}

/* In the first user namespace an id is what it is; that saves the search. */
static u32 uid_in(struct user_namespace *user_ns, kuid_t uid)
{
	return user_ns == &init_user_ns ? __kuid_val(uid) : from_kuid_munged(user_ns, uid);
}

static u32 gid_in(struct user_namespace *user_ns, kgid_t gid)
{
	return user_ns == &init_user_ns ? __kgid_val(gid) : from_kgid_munged(user_ns, gid);
}

/* Tell the receiver about a message. */
static __always_inline int describe(struct msgpass_receive __user *uarg,
				    const struct msgpass_message *message)
{
	const struct msgpass_identity *from = &message->from;
	struct pid_namespace *pid_ns = ns_of_pid(task_pid(current));
	struct user_namespace *user_ns = current_user_ns();
	pid_t pid = pid_nr_ns(from->pid, pid_ns);
	pid_t tid = from->tid == from->pid ? pid : pid_nr_ns(from->tid, pid_ns);
	uid_t uid = uid_in(user_ns, from->uid);
	gid_t gid = gid_in(user_ns, from->gid);

	if (should_fail_usercopy() || !user_write_access_begin(uarg, sizeof(*uarg)))
		return -EFAULT;
	unsafe_put_user(message->id, &uarg->id, fault);
	unsafe_put_user(from->key, &uarg->sender_key, fault);
	unsafe_put_user(pid, &uarg->sender_pid, fault);
	unsafe_put_user(tid, &uarg->sender_tid, fault);
	unsafe_put_user(uid, &uarg->sender_uid, fault);
	unsafe_put_user(gid, &uarg->sender_gid, fault);
	unsafe_put_user(message->priority, &uarg->priority, fault);
	unsafe_put_user(message->size, &uarg->size, fault);
	user_write_access_end();
	return 0;

fault:
	user_write_access_end();
	return -EFAULT;
}

/* Copy a message out. Return 0 if it is whole in user memory. */
static int copy_out(const struct msgpass_receive *arg, struct msgpass_receive __user *uarg,
		    const struct msgpass_message *message)
{
	int err;

	if (message->size > arg->buffer_size)
		return describe(uarg, message) ?: -EMSGSIZE;
	err = msgpass_message_copy_out(message, u64_to_user_ptr(arg->buffer));
	return err ?: describe(uarg, message);
}

/*
 * A small message that rests is copied where it is, under the mailbox's lock: that spares
 * the claim and a second section. Who would have to wait for a page claims it instead.
 */
static __always_inline bool is_copied_at_once(const struct msgpass_receive *arg,
					      struct msgpass_receive __user *uarg,
					      const struct msgpass_message *message)
{
	int err;

	if (!message || message->size > min_t(u32, arg->buffer_size, MSGPASS_SMALL_MAX))
		return false;
	pagefault_disable();
	err = msgpass_small_copy_out(u64_to_user_ptr(arg->buffer), message->small,
				     message->size) ?:
	      describe(uarg, message);
	pagefault_enable();
	/* The memory of who is being killed is about to go: that would be nobody's receipt. */
	return !err && !fatal_signal_pending(current);
}

static __always_inline int
receive_message(const struct msgpass_route *route, const struct msgpass_receive *arg,
		struct msgpass_receive __user *uarg, const struct msgpass_patience *patience)
{
	struct msgpass_mailbox *mailbox = route->mailbox;
	struct msgpass_way *way = route->way;
	struct msgpass_queue *queue = way ? &way->queue : &mailbox->queue;
	struct msgpass_message *message;
	int err;

	do {
		message = msgpass_mailbox_look(mailbox, queue);
		if (is_copied_at_once(arg, uarg, message)) {
			msgpass_mailbox_take(mailbox, message);
			return 0;
		}
		message = msgpass_mailbox_claim(mailbox, way, message, arg->buffer_size,
						patience);
		if (IS_ERR(message))
			return PTR_ERR(message);
		err = copy_out(arg, uarg, message);
		if (!err)
			err = msgpass_mailbox_commit(mailbox, message);
		else
			msgpass_mailbox_give_back(mailbox, message);
		if (err == -EAGAIN && signal_pending(current))
			err = -ERESTARTSYS;
		else if (err == -EAGAIN && !patience->none && ktime_get() >= patience->deadline)
			err = -ETIMEDOUT;
	} while (err == -EAGAIN);
	return err;
}

static noinline int receive_from_process(const struct msgpass_endpoint *endpoint,
					 const struct msgpass_receive *arg,
					 struct msgpass_receive __user *uarg,
					 const struct msgpass_patience *patience)
{
	struct msgpass_caller caller MSGPASS_UNINITIALIZED;
	struct msgpass_route route MSGPASS_UNINITIALIZED;
	int err;

	err = msgpass_caller_begin(&caller, endpoint);
	if (err)
		return err;
	err = msgpass_route_from_process(&route, &caller, arg);
	if (!err) {
		err = receive_message(&route, arg, uarg, patience);
		msgpass_route_put(&route);
	}
	msgpass_caller_end(&caller, endpoint);
	return err;
}

static __always_inline int receive(const struct file *file, const struct msgpass_receive *arg,
				   struct msgpass_receive __user *uarg)
{
	const struct msgpass_endpoint *endpoint = file->private_data;
	struct msgpass_patience patience MSGPASS_UNINITIALIZED;
	struct msgpass_route route MSGPASS_UNINITIALIZED;
	int err;

	if (!(file->f_mode & FMODE_READ))
		return -EACCES;
	if (arg->flags & ~(MSGPASS_NONBLOCK | MSGPASS_FROM_KEY))
		return -EINVAL;
	err = get_patience(&patience, file, arg->flags, arg->deadline);
	if (err)
		return err;

	if (endpoint->mailbox) {
		err = msgpass_route_from_mailbox(&route, endpoint->mailbox, arg);
		return err ?: receive_message(&route, arg, uarg, &patience);
	}
	if (arg->from)
		return receive_from_process(endpoint, arg, uarg, &patience);
	err = msgpass_route_from_inbox(&route, endpoint, arg);
	return err ?: receive_message(&route, arg, uarg, &patience);
}

int msgpass_ioctl_receive(const struct msgpass_call *call)
{
	return receive(call->file, call->arg, call->uarg);
}

int msgpass_ioctl_receive_exact(struct file *file, struct msgpass_receive __user *uarg)
{
	struct msgpass_receive arg MSGPASS_UNINITIALIZED;

	might_fault();
	if (should_fail_usercopy() || !user_read_access_begin(uarg, sizeof(*uarg)))
		return -EFAULT;
	unsafe_get_user(arg.flags, &uarg->flags, fault);
	unsafe_get_user(arg.buffer_size, &uarg->buffer_size, fault);
	unsafe_get_user(arg.buffer, &uarg->buffer, fault);
	unsafe_get_user(arg.from, &uarg->from, fault);
	unsafe_get_user(arg.deadline, &uarg->deadline, fault);
	user_read_access_end();
	return receive(file, &arg, uarg);

fault:
	user_read_access_end();
	return -EFAULT;
}
