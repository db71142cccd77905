// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which bytes the kernel writes, one by one (P12). Each call is made twice, with
 * its outputs filled with two different patterns before: a byte that is written
 * is the same after both, one that is not still differs. The argument and the
 * buffer end where a page ends, and the next one is read-only zeros: who writes
 * a single byte behind them gets EFAULT.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util.h"

#include <kselftest_harness.h>

enum kind {
	NONE,		/* in no range of the table */
	IN,		/* stays as it was */
	OUT,		/* written */
	IN_OUT,		/* an input that is written, too */
	ZERO,		/* padding that is written: 0 */
};

struct range {
	size_t begin, end;
	enum kind kind;
};

struct layout {
	const char *name;
	unsigned int cmd;
	size_t size;
	struct range range[4];
};

#define RANGE(_type, _first, _last, _kind)					\
	{ offsetof(struct _type, _first),					\
	  offsetof(struct _type, _last) + sizeof(((struct _type *)NULL)->_last), _kind }
#define LAYOUT(_name, _type, ...)						\
	[_IOC_NR(MSGPASS_IOC_##_name)] =					\
		{ #_name, MSGPASS_IOC_##_name, sizeof(struct _type), { __VA_ARGS__ } }

static const struct layout layouts[] = {
	LAYOUT(CREATE, msgpass_create, RANGE(msgpass_create, flags, pad, IN)),
	LAYOUT(OPEN, msgpass_open, RANGE(msgpass_open, flags, name, IN)),
	LAYOUT(UNLINK, msgpass_unlink, RANGE(msgpass_unlink, flags, name, IN)),
	LAYOUT(DELETE, msgpass_delete, RANGE(msgpass_delete, flags, pad, IN)),
	LAYOUT(SEND, msgpass_send,
	       RANGE(msgpass_send, flags, deadline, IN),
	       RANGE(msgpass_send, id, id, OUT)),
	LAYOUT(RECEIVE, msgpass_receive,
	       RANGE(msgpass_receive, flags, deadline, IN),
	       RANGE(msgpass_receive, id, size, OUT)),
	LAYOUT(STAT, msgpass_stat,
	       RANGE(msgpass_stat, flags, flags, IN),
	       RANGE(msgpass_stat, policy, receivers_waiting, OUT),
	       RANGE(msgpass_stat, pad, pad, ZERO),
	       RANGE(msgpass_stat, bytes, received_bytes, OUT)),
	LAYOUT(SET, msgpass_set, RANGE(msgpass_set, flags, accepts, IN)),
	LAYOUT(KEY, msgpass_key,
	       RANGE(msgpass_key, flags, pid, IN),
	       RANGE(msgpass_key, key, key, OUT)),
	LAYOUT(NEXT, msgpass_next, RANGE(msgpass_next, flags, name, IN)),
	LAYOUT(NEXT_PROCESS, msgpass_next_process,
	       RANGE(msgpass_next_process, flags, flags, IN),
	       RANGE(msgpass_next_process, pid, pid, OUT),
	       RANGE(msgpass_next_process, key, key, IN_OUT),
	       RANGE(msgpass_next_process, uid, mailboxes, OUT)),
	LAYOUT(NEXT_LINK, msgpass_next_link,
	       RANGE(msgpass_next_link, flags, flags, IN),
	       RANGE(msgpass_next_link, number, number, IN_OUT),
	       RANGE(msgpass_next_link, since, pid, OUT)),
};

#define ARGUMENT_MAX	128
/* Where the kernel and its memory are, on every 64-bit machine: five levels of page tables, too. */
#define KERNEL_ADDRESS	0xff00000000000000ULL

static const unsigned char patterns[2] = { 0x55, 0xaa };

/**
 * struct trial - a call that is made twice
 * @number: of the ioctl
 * @fd: where, each time
 * @argument: each time; its outputs do not count
 * @tail: how much larger than ours the argument is said to be; it is zeros
 * @result: what the call returns; of a descriptor 0
 * @says: with an error: that the outputs are written all the same
 */
struct trial {
	unsigned int number;
	int fd[2];
	const void *argument[2];
	size_t tail;
	int result;
	bool says;
};

#define CALL(_name)	_IOC_NR(MSGPASS_IOC_##_name)
#define PAIR(_first, _second)	{ _first, _second }
#define TWICE(_value)	PAIR(_value, _value)

FIXTURE(poison)
{
	char name[2][MAILBOX_NAME_SIZE];
	int device;
	int mailbox[2];
	unsigned char *edge;	/* the end of a page, before one of read-only zeros */
	unsigned char *buffer;	/* another */
};

static size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

/* Two pages that can be written, and one that cannot. Return where that begins. */
static unsigned char *make_edge(void)
{
	size_t page = page_size();
	unsigned char *pages = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	MUST(pages != MAP_FAILED && !mprotect(pages + 2 * page, page, PROT_READ));
	return pages + 2 * page;
}

FIXTURE_SETUP(poison)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	self->device = open_device();
	ASSERT_LE(0, self->device);
	for (int i = 0; i < 2; i++) {
		name_mailbox(self->name[i], i ? "b" : "a");
		self->mailbox[i] = create_mailbox(self->device, self->name[i], 4, 0);
		ASSERT_LE(0, self->mailbox[i]);
	}
	self->edge = make_edge();
	self->buffer = make_edge();
}

FIXTURE_TEARDOWN(poison)
{
	for (int i = 0; i < 2; i++) {
		delete_mailbox(self->mailbox[i]);
		close(self->mailbox[i]);
	}
	close(self->device);
}

static enum kind kind_at(const struct layout *layout, size_t offset)
{
	enum kind kind = NONE;

	for (size_t i = 0; i < ARRAY_LEN(layout->range); i++)
		if (offset >= layout->range[i].begin && offset < layout->range[i].end)
			kind = kind ? NONE : layout->range[i].kind;
	return kind;
}

/* One of the two calls. Return false where it did not return what it should. */
static bool call(const struct trial *trial, int i, unsigned char *edge,
		 unsigned char before[ARGUMENT_MAX], unsigned char after[ARGUMENT_MAX])
{
	const struct layout *layout = &layouts[trial->number];
	unsigned char *argument = edge - layout->size, *other;
	int result;

	memset(edge - page_size(), patterns[i], page_size());
	for (size_t offset = 0; offset < layout->size; offset++) {
		enum kind kind = kind_at(layout, offset);

		if (kind == IN || kind == IN_OUT)
			argument[offset] = ((unsigned char *)trial->argument[i])[offset];
	}
	memcpy(before, argument, layout->size);
	result = ioctl(trial->fd[i], _IOC(_IOC_DIR(layout->cmd), _IOC_TYPE(layout->cmd),
					  _IOC_NR(layout->cmd), layout->size + trial->tail),
		       argument);
	if (result < 0)
		result = -errno;
	else if (result > 0)
		result = close(result);
	memcpy(after, argument, layout->size);

	if (result != trial->result) {
		printf("# %s: %s, not %s\n", layout->name, strerror(-result),
		       strerror(-trial->result));
		return false;
	}
	for (other = edge - page_size(); other < argument; other++)
		if (*other != patterns[i]) {
			printf("# %s: written before the argument\n", layout->name);
			return false;
		}
	return true;
}

/* Of one byte: the two times before and after. What a failure writes tells nothing: 0. */
static bool is_right(enum kind kind, bool says, const unsigned char before[2],
		     const unsigned char after[2])
{
	bool same = after[0] == before[0] && after[1] == before[1];

	switch (kind) {
	case IN:
		return same;
	case OUT:
	case IN_OUT:
		return says ? after[0] == after[1] : same || !(after[0] | after[1]);
	case ZERO:
		return (!says && same) || !(after[0] | after[1]);
	default:
		return false;
	}
}

static bool shows_address(const unsigned char *argument, const unsigned char *before,
			  size_t size)
{
	uint64_t word;

	for (size_t offset = 0; offset + 8 <= size; offset += 8) {
		memcpy(&word, argument + offset, 8);
		if (word >= KERNEL_ADDRESS && memcmp(argument + offset, before + offset, 8))
			return true;
	}
	return false;
}

static bool holds(struct trial trial, unsigned char *edge)
{
	unsigned char before[2][ARGUMENT_MAX], after[2][ARGUMENT_MAX];
	const struct layout *layout = &layouts[trial.number];
	bool says = !trial.result || trial.says;
	bool right = true;

	for (int i = 0; i < 2; i++) {
		if (!call(&trial, i, edge, before[i], after[i]))
			return false;
		if (shows_address(after[i], before[i], layout->size)) {
			printf("# %s: what looks like a kernel address\n", layout->name);
			right = false;
		}
	}
	for (size_t offset = 0; offset < layout->size; offset++) {
		const unsigned char was[2] = { before[0][offset], before[1][offset] };
		const unsigned char is[2] = { after[0][offset], after[1][offset] };

		if (is_right(kind_at(layout, offset), says, was, is))
			continue;
		printf("# %s, byte %zu: %#x and %#x before, %#x and %#x after\n",
		       layout->name, offset, was[0], was[1], is[0], is[1]);
		right = false;
	}
	return right;
}

#define HOLDS(_name, _fd, _argument, ...)					\
	EXPECT_TRUE(holds((struct trial){					\
		.number = CALL(_name), .fd = _fd, .argument = _argument,	\
		##__VA_ARGS__							\
	}, self->edge))

TEST_F(poison, P12_40_every_byte_of_every_argument_is_accounted_for)
{
	for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
		const struct layout *layout = &layouts[i];

		ASSERT_NE(NULL, layout->name);
		ASSERT_GE(ARGUMENT_MAX, layout->size);
		for (size_t offset = 0; offset < layout->size; offset++) {
			EXPECT_NE(NONE, kind_at(layout, offset))
				TH_LOG("%s, byte %zu", layout->name, offset);
		}
	}
}

TEST_F(poison, P12_41_success_writes_every_output_of_a_mailbox_and_nothing_else)
{
	static const size_t tails[] = { 0, 8, 64 };

	for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
		size_t tail = tails[i];
		struct msgpass_send send = { .data = (uintptr_t)"abc", .size = 3, .priority = 7 };
		struct msgpass_receive receive = {
			.flags = MSGPASS_NONBLOCK,
			.buffer = (uintptr_t)self->buffer - 3,
			.buffer_size = 3,
		};
		struct msgpass_stat stat = { };
		struct msgpass_set set = { .flags = MSGPASS_SET_CAPACITY, .capacity = 9 };
		int fd[2] = { self->mailbox[0], self->mailbox[1] };

		HOLDS(SEND, PAIR(fd[0], fd[1]), TWICE(&send), .tail = tail);
		HOLDS(STAT, PAIR(fd[0], fd[1]), TWICE(&stat), .tail = tail);
		HOLDS(RECEIVE, PAIR(fd[0], fd[1]), TWICE(&receive), .tail = tail);
		HOLDS(SET, PAIR(fd[0], fd[1]), TWICE(&set), .tail = tail);
		EXPECT_EQ(0, memcmp(self->buffer - 3, "abc", 3));
	}
}

TEST_F(poison, P12_42_and_so_with_names)
{
	struct msgpass_create create[2] = { };
	struct msgpass_open open[2] = { };
	struct msgpass_unlink unlink[2] = { };
	struct msgpass_delete delete = { };

	for (int i = 0; i < 2; i++) {
		create[i].name = (uintptr_t)self->name[i];
		create[i].access = MSGPASS_ACCESS_BOTH;
		create[i].mode = 0600;
		open[i].name = (uintptr_t)self->name[i];
		open[i].access = MSGPASS_ACCESS_SEND;
		unlink[i].name = (uintptr_t)self->name[i];
	}
	for (size_t tail = 0; tail < 128; tail += 64) {
		HOLDS(OPEN, TWICE(self->device), PAIR(&open[0], &open[1]), .tail = tail);
		HOLDS(UNLINK, TWICE(self->device), PAIR(&unlink[0], &unlink[1]), .tail = tail);
		HOLDS(DELETE, PAIR(self->mailbox[0], self->mailbox[1]), TWICE(&delete),
		      .tail = tail);
		HOLDS(CREATE, TWICE(self->device), PAIR(&create[0], &create[1]), .tail = tail);
		for (int i = 0; i < 2; i++) {
			close(self->mailbox[i]);
			self->mailbox[i] = open_mailbox(self->device, self->name[i],
							MSGPASS_ACCESS_BOTH);
			ASSERT_LE(0, self->mailbox[i]);
		}
	}
}

/* The number of the link before that of this process with itself. */
static unsigned int number_before(int device, uint64_t key)
{
	struct msgpass_next_link link = { };
	unsigned int number = 0;

	while (!msgpass_raw_next_link(device, &link)) {
		if (link.key[0] == key && link.key[1] == key)
			return number;
		number = link.number;
	}
	return number;
}

TEST_F(poison, P12_43_and_of_processes_and_links)
{
	struct msgpass_key keys[2] = { { }, { .pid = getpid() } };
	struct msgpass_send send[2] = { };
	struct msgpass_next_process process = { };
	struct msgpass_next_link link = { };
	struct msgpass_stat stat = { };
	struct msgpass_set set = { };
	int device = self->device;
	pid_t child[2];

	/* Our own link, a message, and two inboxes that count alike. */
	ASSERT_EQ(0, send_text_to(device, getpid(), "x"));
	process.key = key_of(device, 0) - 1;
	link.number = number_before(device, key_of(device, 0));
	for (int i = 0; i < 2; i++) {
		child[i] = fork_sleeper();
		send[i].to = child[i];
	}
	for (size_t tail = 0; tail < 128; tail += 64) {
		HOLDS(KEY, TWICE(device), PAIR(&keys[0], &keys[1]), .tail = tail);
		HOLDS(SEND, TWICE(device), PAIR(&send[0], &send[1]), .tail = tail);
		HOLDS(STAT, TWICE(device), TWICE(&stat), .tail = tail);
		HOLDS(SET, TWICE(device), TWICE(&set), .tail = tail);
		HOLDS(NEXT_PROCESS, TWICE(device), TWICE(&process), .tail = tail);
		HOLDS(NEXT_LINK, TWICE(device), TWICE(&link), .tail = tail);
	}
	for (int i = 0; i < 2; i++)
		end_child(child[i]);
}

TEST_F(poison, P12_44_too_small_a_buffer_tells_of_the_message_and_nothing_of_it)
{
	struct msgpass_receive receive = {
		.buffer = (uintptr_t)self->buffer - 4,
		.buffer_size = 4,
	};
	int fds[2] = { self->mailbox[0], self->device };

	ASSERT_EQ(0, send_text(self->mailbox[0], "secret"));
	ASSERT_EQ(0, send_text_to(self->device, getpid(), "secret"));
	memcpy(self->buffer - 4, "mine", 4);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		for (size_t tail = 0; tail < 128; tail += 64)
			HOLDS(RECEIVE, TWICE(fds[i]), TWICE(&receive), .tail = tail,
			      .result = -EMSGSIZE, .says = true);
	EXPECT_EQ(0, memcmp(self->buffer - 4, "mine", 4));
	EXPECT_TRUE(next_is(self->mailbox[0], "secret"));
}

/* A process id that was somebody's a moment ago. */
static pid_t ended_process(void)
{
	pid_t pid = fork_sleeper();

	end_child(pid);
	return pid;
}

TEST_F(poison, P12_45_a_receive_that_fails_says_nothing)
{
	struct msgpass_receive none = { .flags = MSGPASS_NONBLOCK };
	struct msgpass_receive late = { .deadline = 1 };
	struct msgpass_receive bad = { .flags = ~0U };
	struct msgpass_receive nowhere = { .buffer = 8, .buffer_size = 64 };
	struct msgpass_receive nobody = { .from = ended_process() };
	int out = open_mailbox(self->device, self->name[0], MSGPASS_ACCESS_SEND);
	int fd = self->mailbox[0];

	ASSERT_LE(0, out);
	HOLDS(RECEIVE, TWICE(fd), TWICE(&none), .result = -EAGAIN);
	HOLDS(RECEIVE, TWICE(self->device), TWICE(&none), .result = -EAGAIN);
	HOLDS(RECEIVE, TWICE(fd), TWICE(&late), .result = -ETIMEDOUT);
	HOLDS(RECEIVE, TWICE(fd), TWICE(&bad), .result = -EINVAL);
	HOLDS(RECEIVE, TWICE(out), TWICE(&none), .result = -EACCES);
	HOLDS(RECEIVE, TWICE(self->device), TWICE(&nobody), .result = -ESRCH);
	ASSERT_EQ(0, send_text(fd, "x"));
	HOLDS(RECEIVE, TWICE(fd), TWICE(&nowhere), .result = -EFAULT);
	ASSERT_EQ(0, delete_mailbox(fd));
	HOLDS(RECEIVE, TWICE(fd), TWICE(&none), .result = -EIDRM);
	close(out);
}

TEST_F(poison, P12_46_nor_does_another_call)
{
	struct msgpass_send none = { .flags = MSGPASS_NONBLOCK };
	struct msgpass_send late = { .deadline = 1 };
	struct msgpass_send bad = { .flags = ~0U };
	struct msgpass_send nowhere = { .data = 8, .size = 64 };
	struct msgpass_send large = { .size = ~0U };
	struct msgpass_send nobody = { .to = ended_process() };
	struct msgpass_stat stat = { };
	struct msgpass_key key = { .pid = nobody.to }, negative = { .pid = -1 };
	struct msgpass_next_process process = { .key = INT64_MAX };
	struct msgpass_next_link link = { .number = ~0U };
	int in = open_mailbox(self->device, self->name[0], MSGPASS_ACCESS_RECEIVE);
	int device = self->device, fd = self->mailbox[0];

	ASSERT_LE(0, in);
	HOLDS(SEND, TWICE(fd), TWICE(&bad), .result = -EINVAL);
	HOLDS(SEND, TWICE(fd), TWICE(&nowhere), .result = -EFAULT);
	HOLDS(SEND, TWICE(fd), TWICE(&large), .result = -EMSGSIZE);
	HOLDS(SEND, TWICE(in), TWICE(&none), .result = -EACCES);
	HOLDS(SEND, TWICE(device), TWICE(&nobody), .result = -ESRCH);
	HOLDS(KEY, TWICE(device), TWICE(&key), .result = -ESRCH);
	HOLDS(KEY, TWICE(device), TWICE(&negative), .result = -EINVAL);
	HOLDS(NEXT_PROCESS, TWICE(device), TWICE(&process), .result = -ESRCH);
	HOLDS(NEXT_LINK, TWICE(device), TWICE(&link), .result = -ENOENT);
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, send_text(fd, "full"));
	HOLDS(SEND, TWICE(fd), TWICE(&none), .result = -EAGAIN);
	HOLDS(SEND, TWICE(fd), TWICE(&late), .result = -ETIMEDOUT);
	ASSERT_EQ(0, delete_mailbox(fd));
	HOLDS(SEND, TWICE(fd), TWICE(&none), .result = -EIDRM);
	HOLDS(STAT, TWICE(fd), TWICE(&stat), .result = -EIDRM);
	close(in);
}

TEST_F(poison, P12_47_an_argument_of_an_unknown_size_is_left_alone)
{
	size_t page = page_size();
	unsigned char *expected = malloc(page);

	ASSERT_NE(NULL, expected);
	memset(self->edge - page, patterns[0], page);
	memset(expected, patterns[0], page);
	for (size_t i = 0; i < ARRAY_LEN(layouts); i++)
		for (size_t size = 0; size < layouts[i].size; size++) {
			unsigned int cmd = layouts[i].cmd;
			int fd = i == CALL(DELETE) ? self->mailbox[0] : self->device;

			cmd = _IOC(_IOC_DIR(cmd), _IOC_TYPE(cmd), _IOC_NR(cmd), size);
			EXPECT_EQ(-1, ioctl(fd, cmd, self->edge - size));
			EXPECT_EQ(ENOTTY, errno);
		}
	EXPECT_EQ(0, memcmp(expected, self->edge - page, page));
	free(expected);
}

/* Receive the @size bytes at @sent to right before the edge, and to amid two patterns. */
static bool is_received(int mailbox, unsigned char *edge, const char *sent, size_t size)
{
	unsigned char *amid = edge - 2 * page_size();

	if (send_flags(mailbox, sent, size, MSGPASS_NONBLOCK) ||
	    receive_flags(mailbox, edge - size, size + 4096, MSGPASS_NONBLOCK) != (int)size ||
	    memcmp(edge - size, sent, size))
		return false;
	for (int i = 0; i < 2; i++) {
		memset(amid, patterns[i], 2 * page_size());
		if (send_flags(mailbox, sent, size, MSGPASS_NONBLOCK) ||
		    receive_flags(mailbox, amid + 1, 2 * page_size() - 1, 0) != (int)size ||
		    memcmp(amid + 1, sent, size) || amid[0] != patterns[i])
			return false;
		for (unsigned char *other = amid + 1 + size; other < edge; other++)
			if (*other != patterns[i])
				return false;
	}
	return true;
}

TEST_F(poison, P12_48_a_buffer_is_written_as_far_as_the_message_goes)
{
	char sent[4200];
	size_t size;

	for (size = 0; size < sizeof(sent); size++)
		sent[size] = size * 7;
	/* Where small ones end and large ones begin, and at the edges of pages. */
	for (size = 0; size < 300; size++) {
		EXPECT_TRUE(is_received(self->mailbox[0], self->edge, sent, size))
			TH_LOG("%zu bytes", size);
	}
	for (size = 4080; size < 4112; size++) {
		EXPECT_TRUE(is_received(self->mailbox[0], self->edge, sent, size))
			TH_LOG("%zu bytes", size);
	}
}

TEST_F(poison, P12_49_a_listed_name_is_written_as_far_as_it_goes)
{
	const char *name = self->name[0];
	size_t length = strlen(name) + 1, page = page_size();
	unsigned char *at[2] = { self->buffer - length, self->buffer - page };
	struct msgpass_next next[2] = { { }, { } };

	for (int i = 0; i < 2; i++) {
		memset(self->buffer - page, patterns[i], page);
		for (int j = 0; j < 2; j++) {
			/* The next after it, but for its last letter: nobody's comes between. */
			memcpy(at[j], name, length);
			at[j][length - 2] = '\0';
			next[j].name = (uintptr_t)at[j];
		}
		HOLDS(NEXT, TWICE(self->device), PAIR(&next[0], &next[1]));
		for (int j = 0; j < 2; j++)
			EXPECT_EQ(0, memcmp(at[j], name, length));
		for (unsigned char *other = at[1] + length; other < at[0]; other++)
			ASSERT_EQ(patterns[i], *other);
	}
}

TEST_HARNESS_MAIN
