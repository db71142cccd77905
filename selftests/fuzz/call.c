// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fuzz.h"

uint8_t slot_kinds[SLOTS];

/* The descriptor takes its place, be it in use by another thread or not. */
void put_in_slot(int fd, unsigned int slot, enum slot_kind kind)
{
	if (fd < 0)
		return;
	if (dup3(fd, SLOT_FD + slot, O_CLOEXEC) >= 0)
		slot_kinds[slot] = kind;
	if (fd < SLOT_FD)
		close(fd);
}

/* Return the slot, or -1 where it is a foreign descriptor. */
int pick_descriptor(struct attempt *attempt)
{
	static const int foreign[] = { -1, 0, SLOT_FD - 1, SLOT_FD + SLOTS, 0x7fffffff };
	struct source *source = attempt->source;
	unsigned int slot = source_below(source, SLOTS);
	unsigned int on = attempt->call->on;

	if (source_one_in(source, 64)) {
		attempt->foreign = true;
		attempt->fd = foreign[source_below(source, ARRAY_LEN(foreign))];
		return -1;
	}
	/* On both: the inbox as often as any mailbox. */
	if (on == (ON_DEVICE | ON_MAILBOX))
		on = source_one_in(source, 3) ? ON_DEVICE : ON_MAILBOX;
	if (!source_one_in(source, 24))
		for (unsigned int i = 0; i < SLOTS; i++, slot = (slot + 1) % SLOTS)
			if (slot_kinds[slot] == (on & ON_DEVICE ? SLOT_DEVICE : SLOT_MAILBOX))
				break;
	attempt->fd = SLOT_FD + slot;
	attempt->device = slot_kinds[slot] == SLOT_DEVICE;
	return slot;
}

/* The caller's idea of the argument: this version, an older one, or a newer one. */
static unsigned int some_size(struct source *source, unsigned int size)
{
	switch (source_below(source, 48)) {
	case 0:
		return source_below(source, size);
	case 1:
	case 2:
		return size + 1 + source_below(source, 256);
	case 3:
		return source_one_in(source, 4) ? _IOC_SIZEMASK : 2 * size;
	default:
		return size;
	}
}

/*
 * What stands there from another call must not be taken for an argument of send: it
 * would name a process that is not ours.
 */
static void poke_argument(struct attempt *attempt, unsigned int size)
{
	uint8_t old[sizeof(struct msgpass_send)];

	if (!memory_poke(attempt->argument.address, attempt->before.bytes, size) &&
	    attempt->call->cmd == MSGPASS_IOC_SEND &&
	    memory_peek(old, attempt->argument.address, sizeof(old)))
		attempt->argument.address = (uintptr_t)readonly_page;
}

/* The argument, and behind it what must stay: zeroes that a newer kernel would know, a canary. */
static void place_argument(struct attempt *attempt)
{
	unsigned int size = _IOC_SIZE(attempt->call->cmd);
	uint8_t *bytes = attempt->before.bytes;

	attempt->argument = memory_place(&self->memory, attempt->source, ROLE_ARGUMENT,
					 attempt->size);
	if (attempt->size < size || attempt->size > sizeof(attempt->before) - CANARY) {
		attempt->argument.stable = false;
		poke_argument(attempt, attempt->size < size ? attempt->size : size);
		return;
	}
	if (attempt->size > size && source_one_in(attempt->source, 3))
		bytes[size + source_below(attempt->source, attempt->size - size)] = 1;
	if (!attempt->argument.stable) {
		poke_argument(attempt, attempt->size);
		return;
	}
	memset(bytes + attempt->size, 0xa7, CANARY);
	memcpy((void *)(uintptr_t)attempt->argument.address, bytes, attempt->size + CANARY);
}

/* For one call only, and none that may have to wait for a page. */
static bool become_realtime(const struct attempt *attempt)
{
	struct sched_param param = { .sched_priority = 1 };

	if (attempt->call->cmd != MSGPASS_IOC_SEND && attempt->call->cmd != MSGPASS_IOC_RECEIVE)
		return false;
	return source_one_in(attempt->source, 24) && attempt->argument.stable &&
	       attempt->memory.stable && !sched_setscheduler(0, SCHED_FIFO, &param);
}

static void be_ordinary(void)
{
	struct sched_param param = { };

	sched_setscheduler(0, SCHED_OTHER, &param);
}

/* So few descriptors that none is left. */
static bool starve(const struct attempt *attempt)
{
	const struct rlimit few = { 3, DESCRIPTORS };

	return attempt->call->makes && source_one_in(attempt->source, 48) &&
	       !setrlimit(RLIMIT_NOFILE, &few);
}

static void run(struct attempt *attempt, unsigned int cmd)
{
	bool realtime = become_realtime(attempt);
	const struct rlimit usual = { DESCRIPTORS, DESCRIPTORS };
	bool starved = starve(attempt);
	int ret;

	ret = ioctl(attempt->fd, cmd, attempt->argument.address);
	attempt->result = ret < 0 ? -errno : ret;
	if (realtime)
		be_ordinary();
	if (starved)
		setrlimit(RLIMIT_NOFILE, &usual);
	if (attempt->argument.stable)
		memcpy(&attempt->after, (void *)(uintptr_t)attempt->argument.address,
		       attempt->size + CANARY);
}

static void count(unsigned int number, int result)
{
	unsigned int err = result < 0 ? -result : 0;

	__atomic_add_fetch(&board->executions, 1, __ATOMIC_RELAXED);
	if (err < ERRNOS)
		__atomic_add_fetch(&board->results[number][err], 1, __ATOMIC_RELAXED);
}

/* What was learnt is for others, too. */
static void learn(const struct attempt *attempt)
{
	if (attempt->result || !attempt->argument.stable)
		return;
	if (attempt->call->cmd == MSGPASS_IOC_RECEIVE)
		remember_key(attempt->after.receive.sender_key);
	/* Of no process that some number happened to name: see is_ours(). */
	if (attempt->call->cmd == MSGPASS_IOC_KEY && !attempt->before.key.pid)
		remember_key(attempt->after.key.key);
}

/* The size that was told is enough, unless another message stands there now. */
static void receive_again(const struct attempt *attempt)
{
	struct msgpass_receive arg = attempt->after.receive;
	int err;

	if (attempt->call->cmd != MSGPASS_IOC_RECEIVE || attempt->result != -EMSGSIZE ||
	    !attempt->argument.stable || arg.size > BIG_SIZE)
		return;
	arg.flags |= MSGPASS_NONBLOCK;
	/* Where it can be, with nothing behind. */
	arg.buffer = (uintptr_t)big_buffer;
	if (arg.size <= STABLE_SIZE)
		arg.buffer = (uintptr_t)self->memory.stable[ROLE_BUFFER] + STABLE_SIZE - arg.size;
	arg.buffer_size = arg.size;
	err = ioctl(attempt->fd, MSGPASS_IOC_RECEIVE, &arg) ? errno : 0;
	if (err == EFAULT || err == E2BIG || err == ETIMEDOUT)
		finding("receive: failed with %d into a good buffer of %u, without a wait", err,
			arg.buffer_size);
}

void do_call(unsigned int number, struct source *source)
{
	struct attempt attempt = {
		.call = &calls[number],
		.source = source,
		.memory.whole = true,		/* unless it names some */
	};
	const struct call *call = attempt.call;
	unsigned int cmd = call->cmd;
	int slot;

	slot = pick_descriptor(&attempt);
	fill_argument(&attempt);
	attempt.size = some_size(source, _IOC_SIZE(cmd));
	cmd = _IOC(_IOC_DIR(cmd), _IOC_TYPE(cmd), _IOC_NR(cmd), attempt.size);
	/* Another type or number, of none of the ioctls: see is_ours(). Or another direction. */
	if (source_one_in(source, 128))
		cmd ^= 1U << (4 + source_below(source, 12));
	if (source_one_in(source, 128))
		cmd ^= 1U << 30;
	if ((cmd ^ call->cmd) & ~(_IOC_SIZEMASK << _IOC_SIZESHIFT))
		attempt.foreign = true;
	place_argument(&attempt);
	run(&attempt, cmd);
	count(number, attempt.result);
	if (!attempt.foreign)
		judge(&attempt);
	learn(&attempt);
	if (source_one_in(source, 2))
		receive_again(&attempt);
	/* The deleted are used for a while longer, but not by most. */
	if (slot >= 0 && attempt.result == -EIDRM && source_one_in(source, 2))
		slot_kinds[slot] = SLOT_EMPTY;
	if (call->makes && attempt.result >= 0)
		put_in_slot(attempt.result, 2 + source_below(source, SLOTS - 2), SLOT_MAILBOX);
}
