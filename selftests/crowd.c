// SPDX-License-Identifier: GPL-2.0-only
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "crowd.h"
#include "util.h"

#define FIXED		64

int device;

static struct books *books;
static pid_t parent;
static uint64_t dice;

void crowd_begin(struct books *shared, uint64_t seed)
{
	books = shared;
	parent = getpid();
	dice = seed * 0x9e3779b97f4a7c15ULL | 1;
}

unsigned int chance(unsigned int sides)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (dice * 0x2545f4914f6cdd1dULL >> 33) % sides;
}

uint64_t some_seed(void)
{
	chance(1);
	return dice;
}

unsigned int some_capacity(void)
{
	static const unsigned int capacities[] = { 0, 1, 2, 5, 16, MSGPASS_UNBOUNDED };

	return capacities[chance(ARRAY_LEN(capacities))];
}

static uint64_t soon(void)
{
	return msgpass_deadline(chance(4) ? chance(300000) : chance(5 * MILLISECOND));
}

static void name_target(char name[MAILBOX_NAME_SIZE], unsigned int target, uint32_t place)
{
	/* A process's mailbox goes a moment after it: the next gets another name. */
	snprintf(name, MAILBOX_NAME_SIZE, "stress-%d-%u-%u", parent, target,
		 target < SHARED ? 0 : place);
}

/* What to reach a target by: a descriptor, and for the inbox of a process its target. */
struct route {
	int fd;
	uint32_t place;
	struct target target;
};

/*
 * Between publishing a place and taking it back its mailbox has the name, and no
 * other: so the name leads to it, if the place is the same before and after.
 */
static bool find(struct route *route, unsigned int target, unsigned int access)
{
	struct target *found = &books->targets[target];
	uint32_t place = LOAD(found->place);
	char name[MAILBOX_NAME_SIZE];

	if (!place || place == route->place)
		return place;
	route->target = *found;
	if (target < SHARED + OWNERS) {
		if (route->place)
			close(route->fd);
		route->place = 0;
		name_target(name, target, place);
		route->fd = open_mailbox(device, name, access);
		if (route->fd < 0)
			return false;
	}
	route->place = place;
	if (LOAD(found->place) == place)
		return true;
	if (target < SHARED + OWNERS)
		close(route->fd);
	route->place = 0;
	return false;
}

void publish(unsigned int target, uint32_t place, pid_t pid, uint64_t key)
{
	books->targets[target].pid = pid;
	books->targets[target].key = key;
	STORE(books->targets[target].place, place);
}

void withdraw_target(unsigned int target)
{
	uint32_t place = books->targets[target].place;

	STORE(books->targets[target].place, 0);
	if (place)
		books->places[place].ended = true;
}

static bool stopped(unsigned int level)
{
	return LOAD(books->stop) >= level;
}

static unsigned int some_size(unsigned int target)
{
	if (target == FIXED_SIZE)
		return FIXED;
	return PAYLOAD_MIN + chance(chance(4) ? 64 : PAYLOAD_MAX - PAYLOAD_MIN + 1);
}

static void set_mode(struct msgpass_send *send, enum send_mode mode, unsigned int target)
{
	if (mode == SEND_NONBLOCK || mode == SEND_POLL)
		send->flags |= MSGPASS_NONBLOCK;
	if (mode == SEND_SYNC || mode == SEND_SYNC_DEADLINE)
		send->flags |= MSGPASS_SYNC;
	if (mode == SEND_DEADLINE || mode == SEND_SYNC_DEADLINE)
		send->deadline = soon();
	if (mode != SEND_BAD)
		return;
	if (target == FIXED_SIZE && chance(2))
		send->size--;
	else
		send->data = (uintptr_t)-4096L;
}

static void send_one(unsigned int sender, unsigned int target, const struct route *route)
{
	struct pollfd pollfd = { .fd = route->fd, .events = POLLOUT };
	enum send_mode mode = chance(3) ? SEND_WAIT : chance(SEND_MODES);
	struct msgpass_send send = { .priority = chance(PRIORITIES) };
	struct payload payload;
	struct entry *entry = books_try(books, sender, route->place, &payload);
	int err;

	payload.size = some_size(target);
	entry->size = payload.size;
	entry->priority = send.priority;
	entry->mode = mode;
	entry->until_receipt = mode == SEND_SYNC || mode == SEND_SYNC_DEADLINE ||
			       (target == ZERO && mode != SEND_NONBLOCK && mode != SEND_POLL);
	send.data = (uintptr_t)&payload;
	send.size = payload.size;
	set_mode(&send, mode, target);
	if (target >= SHARED + OWNERS) {
		bool by_key = chance(2);

		send.to = by_key ? route->target.key : (uint64_t)route->target.pid;
		send.flags |= by_key ? MSGPASS_TO_KEY : 0;
	} else if (mode == SEND_POLL) {
		/* Not for ever: the receivers may be polling, too. */
		poll(&pollfd, 1, 5);
	}
	err = send_full(route->fd, &send);
	if (err && err != -EAGAIN && err != -ETIMEDOUT && err != -EINTR && err != -EIDRM &&
	    err != -ESRCH && err != -EDQUOT && err != -EFAULT && err != -EMSGSIZE)
		books_fault(books, WRONG_ERROR);
	books_sent(books, entry, err, send.id);
}

void keep_sending(unsigned int sender, uint64_t seed)
{
	struct route routes[TARGETS] = { };
	unsigned int target;

	dice = seed;
	device = open_device();
	for (target = 0; target < TARGETS; target++)
		routes[target].fd = device;
	while (!stopped(1) && books->used[sender] < ENTRIES) {
		target = chance(TARGETS);
		if (find(&routes[target], target, MSGPASS_ACCESS_SEND))
			send_one(sender, target, &routes[target]);
		else
			sched_yield();
	}
	_exit(0);
}

struct source {
	struct route route;
	struct seen seen;
};

struct reader {
	struct slot *slot;
	struct source sources[2];
	unsigned int count;
	int epoll;
	bool calm;
};

static void await(struct reader *reader, enum receive_mode mode)
{
	struct pollfd pollfds[2] = { };
	struct epoll_event event;

	for (unsigned int i = 0; i < reader->count; i++) {
		pollfds[i].fd = reader->sources[i].route.fd;
		pollfds[i].events = POLLIN;
	}
	if (mode == RECEIVE_EPOLL)
		epoll_wait(reader->epoll, &event, 1, -1);
	else
		poll(pollfds, reader->count, -1);
}

void inspect(int fd)
{
	struct msgpass_stat stat = stat_of(fd);

	if (stat.messages == UINT32_MAX)
		return;		/* it has ended */
	if (stat.senders_waiting &&
	    (stat.receivers_waiting || stat.messages < stat.capacity))
		books_fault(books, WAITS_IN_VAIN);
}

static int receive_one(struct reader *reader, struct source *source, enum receive_mode mode)
{
	struct msgpass_receive *receive = &reader->slot->receive;
	int err;

	if (mode == RECEIVE_POLL || mode == RECEIVE_EPOLL)
		await(reader, mode);
	books_receiving(reader->slot, source->route.place);
	receive->buffer_size = mode == RECEIVE_SMALL ? PAYLOAD_MIN - 1 : PAYLOAD_MAX;
	if (mode == RECEIVE_BAD)
		receive->buffer = 0;
	if (mode == RECEIVE_FROM)
		receive->from = books->sender_pid[chance(SENDERS)];
	if (mode == RECEIVE_DEADLINE || mode == RECEIVE_FROM)
		receive->deadline = soon();
	else if (mode != RECEIVE_WAIT)
		receive->flags = MSGPASS_NONBLOCK;
	err = receive_full(source->route.fd, receive);
	if (err && err != -EAGAIN && err != -ETIMEDOUT && err != -EINTR && err != -EIDRM &&
	    !(err == -ESRCH && mode == RECEIVE_FROM) &&
	    !(err == -EMSGSIZE && mode == RECEIVE_SMALL) &&
	    !(err == -EFAULT && mode == RECEIVE_BAD))
		books_fault(books, WRONG_ERROR);
	books_received(books, reader->slot, &source->seen, mode, err);
	if (!chance(8))
		inspect(source->route.fd);
	return err;
}

static enum receive_mode some_mode(const struct reader *reader)
{
	enum receive_mode mode = chance(reader->calm ? RECEIVE_FROM : RECEIVE_MODES);

	/* Only an inbox can be asked for one sender. */
	if (mode == RECEIVE_FROM && reader->count == 1)
		return RECEIVE_WAIT;
	/* Who has two sources cannot wait at one of them for ever. */
	return mode == RECEIVE_WAIT && reader->count > 1 ? RECEIVE_POLL : mode;
}

static void watch(struct reader *reader, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (epoll_ctl(reader->epoll, EPOLL_CTL_ADD, fd, &event))
		books_fault(books, WORKER);
}

static noreturn void keep_receiving_shared(struct reader *reader, unsigned int target)
{
	struct source *source = &reader->sources[0];
	uint32_t before;

	reader->count = 1;
	reader->calm = target == CALM;
	while (!stopped(2)) {
		before = source->route.place;
		if (!find(&source->route, target, MSGPASS_ACCESS_RECEIVE)) {
			sched_yield();
			continue;
		}
		if (source->route.place != before) {
			memset(&source->seen, 0, sizeof(source->seen));
			watch(reader, source->route.fd);
		}
		receive_one(reader, source, some_mode(reader));
	}
	_exit(0);
}

void change_capacity(int fd, uint32_t place)
{
	struct msgpass_set set = { .flags = MSGPASS_SET_CAPACITY, .capacity = some_capacity() };

	books_capacity(books, place, set.capacity);
	if (set_mailbox(fd, &set))
		books_fault(books, WORKER);
}

int create(unsigned int target, uint32_t place, unsigned int capacity)
{
	char name[MAILBOX_NAME_SIZE];
	struct msgpass_create create = {
		.flags = target >= SHARED ? MSGPASS_PROCESS_OWNED :
			 target == FIXED_SIZE ? MSGPASS_FIXED_SIZE : 0,
		.access = target >= SHARED ? MSGPASS_ACCESS_RECEIVE : MSGPASS_ACCESS_BOTH,
		.name = (uintptr_t)name,
		.capacity = capacity,
		.size_max = target == FIXED_SIZE ? FIXED : PAYLOAD_MAX,
		.mode = 0600,
	};

	name_target(name, target, place);
	return create_full(device, &create);
}

/* Sources[0] is the inbox, [1] the mailbox that the process owns. */
static void open_own(struct reader *reader, unsigned int owner)
{
	unsigned int capacity = stat_of(device).capacity;
	struct route *route = &reader->sources[0].route;

	reader->count = 2;
	route->fd = device;
	route->place = books_place(books, capacity, 1);
	publish(SHARED + OWNERS + owner, route->place, getpid(), key_of(device, 0));
	route = &reader->sources[1].route;
	capacity = some_capacity();
	route->place = books_place(books, capacity, 1);
	route->fd = create(SHARED + owner, route->place, capacity);
	if (route->fd < 0) {
		fprintf(stderr, "# no mailbox of its own: %s\n", strerror(-route->fd));
		_exit(1);
	}
	publish(SHARED + owner, route->place, 0, 0);
	watch(reader, device);
	watch(reader, route->fd);
}

static noreturn void keep_receiving_own(struct reader *reader, unsigned int owner)
{
	struct source *source = NULL;
	enum receive_mode mode;

	open_own(reader, owner);
	while (!stopped(2)) {
		source = &reader->sources[chance(2)];
		mode = some_mode(reader);
		if (mode == RECEIVE_FROM)
			source = &reader->sources[0];
		if (!chance(100))
			change_capacity(source->route.fd, source->route.place);
		receive_one(reader, source, mode);
	}
	for (source = reader->sources; source < reader->sources + 2; source++) {
		while (receive_one(reader, source, RECEIVE_NONBLOCK) != -EAGAIN)
			;
		books->places[source->route.place].stat = stat_of(source->route.fd);
	}
	_exit(0);
}

void keep_receiving(unsigned int receiver, uint64_t seed)
{
	struct reader reader = { .slot = &books->slots[receiver] };

	dice = seed;
	device = open_device();
	reader.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (receiver < SHARED * READERS)
		keep_receiving_shared(&reader, receiver / READERS);
	keep_receiving_own(&reader, receiver - SHARED * READERS);
}
