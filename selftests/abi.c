// SPDX-License-Identifier: GPL-2.0-only
/* The contract: sizes, flags, padding, versions, bad addresses (P12, P13). */
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util.h"

#include <kselftest_harness.h>

/* Every ioctl with an argument that works, and where it is. */
struct command {
	const char *name;
	unsigned int cmd;
	size_t size;
	bool on_device, on_mailbox;
};

#define COMMAND(_name, _type, _device, _mailbox) \
	{ #_name, MSGPASS_IOC_##_name, sizeof(struct _type), _device, _mailbox }

static const struct command commands[] = {
	COMMAND(CREATE, msgpass_create, true, false),
	COMMAND(OPEN, msgpass_open, true, false),
	COMMAND(UNLINK, msgpass_unlink, true, false),
	COMMAND(DELETE, msgpass_delete, false, true),
	COMMAND(SEND, msgpass_send, true, true),
	COMMAND(RECEIVE, msgpass_receive, true, true),
	COMMAND(STAT, msgpass_stat, true, true),
	COMMAND(SET, msgpass_set, true, true),
	COMMAND(KEY, msgpass_key, true, false),
	COMMAND(NEXT, msgpass_next, true, false),
	COMMAND(NEXT_PROCESS, msgpass_next_process, true, false),
	COMMAND(NEXT_LINK, msgpass_next_link, true, false),
};

static int do_ioctl(int fd, unsigned int cmd, void *argument)
{
	int ret = ioctl(fd, cmd, argument);

	return ret < 0 ? -errno : ret;
}

static unsigned int resized(unsigned int cmd, size_t size)
{
	return _IOC(_IOC_DIR(cmd), _IOC_TYPE(cmd), _IOC_NR(cmd), size);
}

FIXTURE(abi)
{
	char name[MAILBOX_NAME_SIZE];
	int device, mailbox;
};

FIXTURE_SETUP(abi)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	name_mailbox(self->name, "m");
	self->device = open_device();
	ASSERT_LE(0, self->device);
	self->mailbox = create_mailbox(self->device, self->name, 4, 64);
	ASSERT_LE(0, self->mailbox);
}

FIXTURE_TEARDOWN(abi)
{
	delete_mailbox(self->mailbox);
	close(self->mailbox);
	close(self->device);
}

TEST_F(abi, P12_1_unknown_ioctls_are_refused)
{
	char argument[4096] = { };
	unsigned int nr;

	for (nr = ARRAY_LEN(commands); nr < 256; nr++) {
		EXPECT_EQ(-ENOTTY, do_ioctl(self->device,
					    _IOWR(MSGPASS_IOC_MAGIC, nr, struct msgpass_send),
					    argument));
	}
	EXPECT_EQ(-ENOTTY, do_ioctl(self->device, FIOCLEX + 0x4000, argument));
	EXPECT_EQ(-ENOTTY, do_ioctl(self->mailbox, TCGETS, argument));
	EXPECT_EQ(-ENOTTY, do_ioctl(self->mailbox, MSGPASS_IOC_STAT ^ (1U << 30), argument));
	EXPECT_EQ(-ENOTTY, do_ioctl(self->mailbox,
				    _IOWR(MSGPASS_IOC_MAGIC + 1, 4, struct msgpass_send),
				    argument));
}

TEST_F(abi, P12_2_an_ioctl_is_only_on_its_kind_of_descriptor)
{
	char argument[4096] = { };
	size_t i;

	for (i = 0; i < ARRAY_LEN(commands); i++) {
		if (!commands[i].on_device)
			EXPECT_EQ(-ENOTTY, do_ioctl(self->device, commands[i].cmd, argument))
				TH_LOG("%s", commands[i].name);
		if (!commands[i].on_mailbox)
			EXPECT_EQ(-ENOTTY, do_ioctl(self->mailbox, commands[i].cmd, argument))
				TH_LOG("%s", commands[i].name);
	}
}

TEST_F(abi, P12_3_a_smaller_argument_than_the_first_is_unknown)
{
	char argument[4096] = { };
	size_t i;

	for (i = 0; i < ARRAY_LEN(commands); i++) {
		int fd = commands[i].on_device ? self->device : self->mailbox;

		EXPECT_EQ(-ENOTTY, do_ioctl(fd, resized(commands[i].cmd, commands[i].size - 8),
					    argument))
			TH_LOG("%s", commands[i].name);
		EXPECT_EQ(-ENOTTY, do_ioctl(fd, resized(commands[i].cmd, 0), argument))
			TH_LOG("%s", commands[i].name);
	}
}

TEST_F(abi, P12_4_a_larger_argument_works_if_the_rest_is_zero)
{
	char argument[4096];
	size_t i;

	for (i = 0; i < ARRAY_LEN(commands); i++) {
		int fd = commands[i].on_device ? self->device : self->mailbox;
		unsigned int cmd = resized(commands[i].cmd, commands[i].size + 64);

		memset(argument, 0, sizeof(argument));
		argument[commands[i].size + 63] = 1;
		EXPECT_EQ(-E2BIG, do_ioctl(fd, cmd, argument))
			TH_LOG("%s", commands[i].name);
	}
	memset(argument, 0, sizeof(argument));
	argument[sizeof(struct msgpass_stat) + 64] = 0x5a;
	ASSERT_EQ(0, do_ioctl(self->mailbox,
			      resized(MSGPASS_IOC_STAT, sizeof(struct msgpass_stat) + 64),
			      argument));
	EXPECT_EQ(4, ((struct msgpass_stat *)argument)->capacity);
	/* Nothing is written beyond what this kernel knows. */
	EXPECT_EQ(0, argument[sizeof(struct msgpass_stat)]);
	EXPECT_EQ(0x5a, argument[sizeof(struct msgpass_stat) + 64]);
}

TEST_F(abi, P12_5_unknown_flags_and_padding_are_refused)
{
	struct msgpass_create create = { .name = (uintptr_t)"x" };
	struct msgpass_open open = { .name = (uintptr_t)self->name };
	struct msgpass_unlink unlink = { .name = (uintptr_t)self->name };
	struct msgpass_delete delete = { };
	struct msgpass_send send = { };
	struct msgpass_receive receive = { };
	struct msgpass_stat stat = { };
	struct msgpass_set set = { };
	struct msgpass_key key = { };
	struct msgpass_next next = { };
	struct msgpass_next_process process = { };
	struct msgpass_next_link link = { };
	unsigned int bit;

#define REFUSED(_fd, _cmd, _struct, _field, _value) do {			\
	__typeof__(_struct) bad = _struct;					\
	bad._field = _value;							\
	EXPECT_EQ(-EINVAL, do_ioctl(_fd, _cmd, &bad)) {				\
		TH_LOG(#_cmd " " #_field " %#llx", (unsigned long long)(_value)); \
	}									\
} while (0)

	for (bit = 0; bit < 32; bit++) {
		const unsigned int value = 1U << bit;

		if (value & ~(MSGPASS_FIXED_SIZE | MSGPASS_PROCESS_OWNED))
			REFUSED(self->device, MSGPASS_IOC_CREATE, create, flags, value);
		REFUSED(self->device, MSGPASS_IOC_CREATE, create, pad, value);
		if (value & ~MSGPASS_ACCESS_BOTH) {
			REFUSED(self->device, MSGPASS_IOC_CREATE, create, access, value);
			REFUSED(self->device, MSGPASS_IOC_OPEN, open, access, value);
		}
		if (value & ~0666)
			REFUSED(self->device, MSGPASS_IOC_CREATE, create, mode, value);
		REFUSED(self->device, MSGPASS_IOC_OPEN, open, flags, value);
		REFUSED(self->device, MSGPASS_IOC_UNLINK, unlink, flags, value);
		REFUSED(self->device, MSGPASS_IOC_UNLINK, unlink, pad, value);
		REFUSED(self->mailbox, MSGPASS_IOC_DELETE, delete, flags, value);
		REFUSED(self->mailbox, MSGPASS_IOC_DELETE, delete, pad, value);
		if (value & ~(MSGPASS_NONBLOCK | MSGPASS_SYNC))	/* a mailbox has no key */
			REFUSED(self->mailbox, MSGPASS_IOC_SEND, send, flags, value);
		REFUSED(self->mailbox, MSGPASS_IOC_SEND, send, pad, value);
		if (value & ~MSGPASS_NONBLOCK)
			REFUSED(self->mailbox, MSGPASS_IOC_RECEIVE, receive, flags, value);
		REFUSED(self->mailbox, MSGPASS_IOC_STAT, stat, flags, value);
		if (value > MSGPASS_SET_GID)
			REFUSED(self->mailbox, MSGPASS_IOC_SET, set, flags, value);
		if (value != MSGPASS_SET_CAPACITY && value != MSGPASS_SET_ACCEPTS)
			REFUSED(self->device, MSGPASS_IOC_SET, set, flags, value);
		REFUSED(self->device, MSGPASS_IOC_KEY, key, flags, value);
		REFUSED(self->device, MSGPASS_IOC_NEXT, next, flags, value);
		REFUSED(self->device, MSGPASS_IOC_NEXT, next, pad, value);
		REFUSED(self->device, MSGPASS_IOC_NEXT_PROCESS, process, flags, value);
		REFUSED(self->device, MSGPASS_IOC_NEXT_LINK, link, flags, value);
	}
	REFUSED(self->mailbox, MSGPASS_IOC_SEND, send, flags, MSGPASS_NONBLOCK | MSGPASS_SYNC);
	EXPECT_EQ(0, stat_of(self->mailbox).messages);
}

TEST_F(abi, P12_6_values_out_of_range_are_refused)
{
	struct msgpass_create create = { .name = (uintptr_t)"x" };
	struct msgpass_send send = { };
	struct msgpass_receive receive = { };
	struct msgpass_set set = { };
	struct msgpass_key key = { };

	REFUSED(self->mailbox, MSGPASS_IOC_SET, set, mode, 01000);
	REFUSED(self->mailbox, MSGPASS_IOC_SET, set, mode, 0111);
	REFUSED(self->device, MSGPASS_IOC_SET, set, accepts, MSGPASS_ACCEPT_NOBODY + 1);
	REFUSED(self->device, MSGPASS_IOC_KEY, key, pid, -1);
	REFUSED(self->device, MSGPASS_IOC_RECEIVE, receive, flags, MSGPASS_FROM_KEY);
	REFUSED(self->device, MSGPASS_IOC_RECEIVE, receive, from, 1ULL << 31);
	REFUSED(self->device, MSGPASS_IOC_CREATE, create, size_max, UINT_MAX);
	REFUSED(self->device, MSGPASS_IOC_CREATE, create, flags, MSGPASS_FIXED_SIZE);
	REFUSED(self->mailbox, MSGPASS_IOC_SEND, send, priority, MSGPASS_PRIORITY_MAX + 1);
	REFUSED(self->mailbox, MSGPASS_IOC_SEND, send, priority, UINT_MAX);
	REFUSED(self->mailbox, MSGPASS_IOC_SEND, send, deadline, 1ULL << 63);
	REFUSED(self->mailbox, MSGPASS_IOC_SEND, send, to, getpid());
	REFUSED(self->device, MSGPASS_IOC_SEND, send, to, 0);
	REFUSED(self->device, MSGPASS_IOC_SEND, send, to, (__u64)-1);
	REFUSED(self->device, MSGPASS_IOC_SEND, send, to, 1ULL << 32);
	REFUSED(self->mailbox, MSGPASS_IOC_RECEIVE, receive, deadline, ~0ULL);
	REFUSED(self->mailbox, MSGPASS_IOC_RECEIVE, receive, from, 1);
	EXPECT_EQ(0, stat_of(self->mailbox).messages);
}

TEST_F(abi, P12_7_names_are_checked)
{
	char longest[MSGPASS_NAME_MAX + 2];
	int fd;

	memset(longest, 'n', sizeof(longest));
	longest[MSGPASS_NAME_MAX + 1] = '\0';
	EXPECT_EQ(-EINVAL, create_mailbox(self->device, longest, 1, 1));
	longest[MSGPASS_NAME_MAX] = '\0';
	fd = create_mailbox(self->device, longest, 1, 1);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, delete_mailbox(fd));
	close(fd);

	EXPECT_EQ(-EINVAL, create_mailbox(self->device, "", 1, 1));
	EXPECT_EQ(-EINVAL, create_mailbox(self->device, "a/b", 1, 1));
	EXPECT_EQ(-EINVAL, create_mailbox(self->device, "a\nb", 1, 1));
	EXPECT_EQ(-EINVAL, create_mailbox(self->device, "a\x7f", 1, 1));
	EXPECT_EQ(-EFAULT, create_mailbox(self->device, NULL, 1, 1));
	EXPECT_EQ(-ENOENT, open_mailbox(self->device, "no such mailbox", 0));
}

TEST_F(abi, P12_8_bad_argument_addresses_are_efault)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(commands); i++) {
		int fd = commands[i].on_device ? self->device : self->mailbox;

		EXPECT_EQ(-EFAULT, do_ioctl(fd, commands[i].cmd, NULL))
			TH_LOG("%s", commands[i].name);
		EXPECT_EQ(-EFAULT, do_ioctl(fd, commands[i].cmd, (void *)-8L))
			TH_LOG("%s", commands[i].name);
	}
}

TEST_F(abi, P12_9_descriptors_are_close_on_exec)
{
	int fd = open_mailbox(self->device, self->name, MSGPASS_ACCESS_SEND);

	ASSERT_LE(0, fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->mailbox, F_GETFD));
	EXPECT_EQ(O_WRONLY, fcntl(fd, F_GETFL) & O_ACCMODE);
	close(fd);
}

TEST_F(abi, P12_10_stat_writes_every_byte)
{
	struct msgpass_stat first, second;

	memset(&first, 0x55, sizeof(first));
	memset(&second, 0xaa, sizeof(second));
	first.flags = 0;
	second.flags = 0;
	ASSERT_EQ(0, do_ioctl(self->mailbox, MSGPASS_IOC_STAT, &first));
	ASSERT_EQ(0, do_ioctl(self->mailbox, MSGPASS_IOC_STAT, &second));
	EXPECT_EQ(0, memcmp(&first, &second, sizeof(first)));
	EXPECT_EQ(0, first.pad);
}

/* Two arguments that differ in every byte but @same are the same after it. */
static bool is_all_written(int fd, unsigned int cmd, const void *same, size_t size)
{
	char first[128], second[128];

	memset(first, 0x55, sizeof(first));
	memset(second, 0xaa, sizeof(second));
	memcpy(first, same, size);
	memcpy(second, same, size);
	return !do_ioctl(fd, cmd, first) && !do_ioctl(fd, cmd, second) &&
	       !memcmp(first, second, _IOC_SIZE(cmd));
}

TEST_F(abi, P12_21_the_lists_write_every_byte)
{
	const struct msgpass_next_process process = { };
	const struct msgpass_next_link link = { };

	/* There is a process and a link: ours. */
	ASSERT_EQ(0, send_text_to(self->device, getpid(), "x"));
	EXPECT_TRUE(is_all_written(self->device, MSGPASS_IOC_NEXT_PROCESS, &process,
				   offsetof(struct msgpass_next_process, uid)));
	EXPECT_TRUE(is_all_written(self->device, MSGPASS_IOC_NEXT_LINK, &link,
				   offsetof(struct msgpass_next_link, since)));
	EXPECT_TRUE(next_is(self->device, "x"));
}

TEST_F(abi, P12_11_receive_writes_every_output_and_no_more_data_than_sent)
{
	char buffer[64];
	struct msgpass_receive receive = {
		.buffer = (uintptr_t)buffer,
		.buffer_size = sizeof(buffer),
		.id = ~0ULL, .sender_key = ~0ULL, .sender_pid = -1, .sender_tid = -1,
		.sender_uid = ~0U - 1, .sender_gid = ~0U - 1, .priority = ~0U, .size = ~0U,
	};

	memset(buffer, 0x5a, sizeof(buffer));
	ASSERT_EQ(0, send_priority(self->mailbox, "abc", 7));
	ASSERT_EQ(0, receive_full(self->mailbox, &receive));
	EXPECT_EQ(1, receive.id);
	EXPECT_NE(~0ULL, receive.sender_key);
	EXPECT_NE(0, receive.sender_key);
	EXPECT_EQ(getpid(), receive.sender_pid);
	EXPECT_EQ(gettid(), receive.sender_tid);
	EXPECT_EQ(geteuid(), receive.sender_uid);
	EXPECT_EQ(getegid(), receive.sender_gid);
	EXPECT_EQ(7, receive.priority);
	EXPECT_EQ(3, receive.size);
	EXPECT_EQ(0x5a, buffer[3]);
}

TEST_HARNESS_MAIN
