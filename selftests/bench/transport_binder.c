// SPDX-License-Identifier: GPL-2.0-only
/*
 * Android's binder: a call and its reply, which the receiver finds in its own
 * memory. As its users do, what is sent goes with the next wait, in one ioctl; so
 * send only notes what is to go.
 *
 * There are two channels. Who receives from the one that was opened first is the
 * server, and who receives from the second is its client.
 */
#include <fcntl.h>
#include <linux/android/binder.h>
#include <linux/android/binderfs.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "bench.h"
#include "transports.h"

/* Where the kernel makes it, or where we mount a file system of it. */
#define DEVICE		"/dev/binder"
#define FOLDER		"/tmp"
#define NAME		"bench"
#define MAPPED		(4U << 20)

/* Of this process. */
static const char *path = DEVICE;
static int device = -1;
static char *pending;
static binder_uintptr_t received;

/* In a mount namespace of the item's own, which ends with it. */
static const char *mount_binder(void)
{
	struct binderfs_device add = { .name = NAME };
	const char *reason = NULL;
	int control;

	if (!access(DEVICE, R_OK | W_OK))
		return NULL;
	path = FOLDER "/" NAME;
	if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return "only root may mount binderfs";
	if (mount("binder", FOLDER, "binder", 0, NULL))
		return "the kernel has no binder";
	control = open(FOLDER "/binder-control", O_RDWR | O_CLOEXEC);
	if (control < 0 || ioctl(control, BINDER_CTL_ADD, &add))
		reason = strerror(errno);
	close(control);
	return reason;
}

static const char *open_binder(struct channel *channel)
{
	static int count;
	const char *reason = count ? NULL : mount_binder();

	channel->state = (void *)(intptr_t)count++;
	return reason;
}

/* Write commands, and read answers if there is room for them; return their size. */
static size_t talk(const void *commands, size_t size, void *answers, size_t room)
{
	struct binder_write_read both = {
		.write_buffer = (uintptr_t)commands, .write_size = size,
		.read_buffer = (uintptr_t)answers, .read_size = room,
	};

	if (unlikely(ioctl(device, BINDER_WRITE_READ, &both)))
		die("binder: %s", strerror(errno));
	return both.read_consumed;
}

static void attach_binder(struct channel *channel)
{
	const uint32_t enter = BC_ENTER_LOOPER;
	int none = 0;

	device = open(path, O_RDWR | O_CLOEXEC);
	MUST(device >= 0);
	MUST(mmap(NULL, MAPPED, PROT_READ, MAP_PRIVATE, device, 0) != MAP_FAILED);
	if (channel->state)
		return;
	MUST(!ioctl(device, BINDER_SET_CONTEXT_MGR, &none));
	talk(&enter, sizeof(enter), NULL, 0);
}

static void send_binder(struct channel *channel, char *data)
{
	(void)channel;
	pending = data;
}

/* What is to be written: the last message is not needed any more, and the next goes. */
static size_t put_commands(const struct channel *channel, char *commands)
{
	struct binder_transaction_data data = {
		.data_size = channel->size,
		.data.ptr.buffer = (uintptr_t)pending,
	};
	uint32_t command = BC_FREE_BUFFER;
	size_t size = 0;

	if (received) {
		memcpy(commands, &command, sizeof(command));
		memcpy(commands + sizeof(command), &received, sizeof(received));
		size += sizeof(command) + sizeof(received);
		received = 0;
	}
	if (pending) {
		command = channel->state ? BC_TRANSACTION : BC_REPLY;
		memcpy(commands + size, &command, sizeof(command));
		memcpy(commands + size + sizeof(command), &data, sizeof(data));
		size += sizeof(command) + sizeof(data);
		pending = NULL;
	}
	return size;
}

/* Look for the message among what was read; the rest are notices, without an argument. */
static bool take(struct channel *channel, const char *answers, size_t size, size_t *got)
{
	struct binder_transaction_data data;
	uint32_t answer;

	for (size_t at = 0; at + sizeof(answer) <= size;) {
		memcpy(&answer, answers + at, sizeof(answer));
		at += sizeof(answer);
		if (answer == BR_REPLY || answer == BR_TRANSACTION) {
			memcpy(&data, answers + at, sizeof(data));
			received = data.data.ptr.buffer;
			channel->incoming = (char *)(uintptr_t)received;
			*got = data.data_size;
			return true;
		}
		if (unlikely(answer != BR_NOOP && answer != BR_TRANSACTION_COMPLETE &&
			     answer != BR_SPAWN_LOOPER))
			die("binder: it answers %#x", answer);
	}
	return false;
}

static size_t receive_binder(struct channel *channel, char *buffer)
{
	char commands[128], answers[256];
	size_t size = put_commands(channel, commands), got;

	(void)buffer;
	while (!take(channel, answers, talk(commands, size, answers, sizeof(answers)), &got))
		size = 0;
	return got;
}

/* Not in the mapping: the buffer that the channel came with is lost with the process. */
static void close_binder(struct channel *channel)
{
	channel->incoming = new_buffer(channel->size);
}

const struct transport transport_binder = {
	.name = "binder",
	.can = CAN_TURNS,
	.size_min = 1, .size_max = 1 << 20,
	.open = open_binder, .attach = attach_binder, .close = close_binder,
	.send = send_binder, .receive = receive_binder,
};
