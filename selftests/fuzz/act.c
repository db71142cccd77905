// SPDX-License-Identifier: GPL-2.0-only
/* Everything around the calls: descriptors, polling, signals, processes. */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

static unsigned int some_slot(struct source *source)
{
	return source_below(source, SLOTS);
}

static void open_device(struct source *source)
{
	static const int modes[] = { O_RDWR, O_RDWR, O_RDWR, O_RDWR, O_RDWR, O_RDWR, O_RDWR,
				     O_RDWR, O_RDONLY, O_WRONLY, O_RDWR | O_NONBLOCK };
	int fd = open(MSGPASS_DEVICE, modes[source_below(source, ARRAY_LEN(modes))] | O_CLOEXEC);

	put_in_slot(fd, source_one_in(source, 2) ? source_below(source, 2) : some_slot(source),
		    SLOT_DEVICE);
}

static void close_slot(struct source *source)
{
	unsigned int slot = some_slot(source);

	/* Without the device little can be done. */
	if (slot == 0 && !source_one_in(source, 8))
		return;
	slot_kinds[slot] = SLOT_EMPTY;
	close(SLOT_FD + slot);
}

static void duplicate(struct source *source)
{
	unsigned int from = some_slot(source), to = some_slot(source);

	if (to && dup2(SLOT_FD + from, SLOT_FD + to) >= 0)
		slot_kinds[to] = slot_kinds[from];
}

static void toggle_nonblock(struct source *source)
{
	int fd = SLOT_FD + some_slot(source);
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0)
		fcntl(fd, F_SETFL, source_one_in(source, 3) ? flags ^ O_NONBLOCK :
							      flags & ~O_NONBLOCK);
}

static void poll_slots(struct source *source)
{
	static const short events[] = { POLLIN, POLLOUT, POLLIN | POLLOUT, 0, POLLRDHUP | POLLPRI };
	struct pollfd pollfds[3];

	for (unsigned int i = 0; i < ARRAY_LEN(pollfds); i++)
		pollfds[i] = (struct pollfd){
			.fd = SLOT_FD + some_slot(source),
			.events = events[source_below(source, ARRAY_LEN(events))],
		};
	poll(pollfds, 1 + source_below(source, ARRAY_LEN(pollfds)), source_below(source, 3) * 10);
}

/* One epoll instance in the last slot but one; it may be passed on, or be in itself. */
static void use_epoll(struct source *source)
{
	static const uint32_t modes[] = { 0, EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE };
	static const int ops[] = { EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL };
	const unsigned int slot = SLOTS - 2;
	struct epoll_event event = {
		.events = EPOLLIN | (source_one_in(source, 2) ? EPOLLOUT : 0) |
			  modes[source_below(source, ARRAY_LEN(modes))],
	};
	struct epoll_event events[4];

	switch (source_below(source, 8)) {
	case 0:
		put_in_slot(epoll_create1(EPOLL_CLOEXEC), slot, SLOT_OTHER);
		break;
	case 1:
	case 2:
		epoll_wait(SLOT_FD + slot, events, ARRAY_LEN(events), source_below(source, 20));
		break;
	default:
		epoll_ctl(SLOT_FD + slot, ops[source_below(source, ARRAY_LEN(ops))],
			  SLOT_FD + some_slot(source), &event);
	}
}

static void send_signal(struct source *source)
{
	int number = source_one_in(source, 2) ? SIGUSR1 : SIGUSR2;
	struct worker_state *worker = &board->workers[self->worker];
	pid_t tid = worker->threads[source_below(source, THREADS)].tid;
	pid_t pid;

	if (tid && !source_one_in(source, 4)) {
		syscall(SYS_tgkill, worker->pid, tid, number);
		return;
	}
	pid = board->workers[source_below(source, board->processes)].pid;
	if (source_one_in(source, 8))
		number = source_one_in(source, 2) ? SIGSTOP : SIGCONT;
	if (pid > 0)
		kill(pid, number);
}

/* Of this thread alone; with the user goes what it is permitted. */
static void change_user(struct source *source)
{
	uid_t uid = source_one_in(source, 2) ? 1000 : 0;

	syscall(SYS_setresuid, -1, uid, -1);
}

static void live_apart(struct source *source)
{
	static const int namespaces[] = { CLONE_NEWIPC, CLONE_NEWUSER };

	if (source_one_in(source, 4))
		unshare(namespaces[source_below(source, ARRAY_LEN(namespaces))] |
			namespaces[source_below(source, ARRAY_LEN(namespaces))]);
}

void be_idle(void)
{
	execl("/proc/self/exe", "fuzz", "--idle", NULL);
}

/* A few operations more, then an end of some kind. The alarm ends what would wait for good. */
static noreturn void live_as_child(struct source *source)
{
	unsigned int count = 1 + source_below(source, 6);
	struct op op;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(2);
	self->is_child = true;
	self->coverage = NULL;
	live_apart(source);
	for (unsigned int i = 0; i < count; i++) {
		op.kind = some_kind(source_word(source));
		for (unsigned int j = 0; j < WORDS; j++)
			op.words[j] = source_word(source);
		act(&op);
	}
	if (source_one_in(source, 3))
		be_idle();
	if (source_one_in(source, 3))
		kill(getpid(), SIGKILL);
	_exit(0);
}

/* Make room for another child. */
static pid_t *free_child(struct source *source)
{
	struct worker_state *worker = &board->workers[self->worker];
	pid_t *child = &worker->children[source_below(source, CHILDREN)];
	pid_t pid = __atomic_exchange_n(child, 0, __ATOMIC_ACQ_REL);

	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return child;
}

static void fork_child(struct source *source)
{
	pid_t *child, pid;

	if (self->is_child)
		return;
	child = free_child(source);
	pid = fork();
	if (!pid)
		live_as_child(source);
	if (pid < 0)
		return;
	__atomic_add_fetch(&board->forks, 1, __ATOMIC_RELAXED);
	/* Another thread may have put one there meanwhile: it is that one's turn to go. */
	pid = __atomic_exchange_n(child, pid, __ATOMIC_ACQ_REL);
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

static void kill_child(struct source *source)
{
	if (!self->is_child)
		free_child(source);
}

static void pass_descriptor(struct source *source)
{
	int fd = SLOT_FD + some_slot(source);
	char byte = 0, control[CMSG_SPACE(sizeof(fd))] = { };
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	sendmsg(board->sockets[0], &message, MSG_DONTWAIT);
}

static void take_descriptor(struct source *source)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header;
	int fd;

	if (recvmsg(board->sockets[1], &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1)
		return;
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS)
		return;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	put_in_slot(fd, 2 + source_below(source, SLOTS - 3), SLOT_MAILBOX);
}

static const struct {
	const char *name;
	unsigned int weight;
	void (*run)(struct source *source);
} others[] = {
	{ "open /dev/msgpass", 6, open_device },
	{ "close", 6, close_slot },
	{ "dup2", 3, duplicate },
	{ "O_NONBLOCK", 4, toggle_nonblock },
	{ "poll", 5, poll_slots },
	{ "epoll", 8, use_epoll },
	{ "signal", 4, send_signal },
	{ "setresuid", 3, change_user },
	{ "fork", 2, fork_child },
	{ "kill", 1, kill_child },
	{ "pass", 3, pass_descriptor },
	{ "take", 3, take_descriptor },
};

/* Of the calls, by their number: how often. */
static const unsigned int weights[CALLS] = { 14, 10, 3, 4, 60, 60, 10, 8, 6, 3, 3, 3 };

unsigned int some_kind(uint32_t word)
{
	unsigned int kind, sum = 0;

	for (kind = 0; kind < CALLS; kind++)
		sum += weights[kind];
	for (kind = 0; kind < ARRAY_LEN(others); kind++)
		sum += others[kind].weight;
	word %= sum;
	for (kind = 0; kind < CALLS; word -= weights[kind++])
		if (word < weights[kind])
			return kind;
	for (kind = 0; word >= others[kind].weight; kind++)
		word -= others[kind].weight;
	return CALLS + kind;
}

const char *kind_name(unsigned int kind)
{
	kind %= CALLS + ARRAY_LEN(others);
	return kind < CALLS ? calls[kind].name : others[kind - CALLS].name;
}

void act(const struct op *op)
{
	unsigned int kind = op->kind % (CALLS + ARRAY_LEN(others));
	struct source source = source_of(op);

	if (kind < CALLS)
		do_call(kind, &source);
	else
		others[kind - CALLS].run(&source);
}
