// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <msgpass.h>

#define NSEC_PER_SEC	1000000000ULL

struct msgpass {
	int fd;
};

struct msgpass *msgpass_endpoint(void)
{
	struct msgpass *endpoint = malloc(sizeof(*endpoint));

	if (!endpoint)
		return NULL;
	endpoint->fd = open(MSGPASS_DEVICE, O_RDWR | O_CLOEXEC);
	if (endpoint->fd < 0) {
		msgpass_close(endpoint);
		return NULL;
	}
	return endpoint;
}

/*
 * Turn @endpoint into the mailbox that was opened through it, as @fd; close it
 * if that failed. Nothing is allocated here: a mailbox just created must not
 * stay behind for want of memory.
 */
static struct msgpass *become_mailbox(struct msgpass *endpoint, int fd)
{
	if (fd < 0) {
		msgpass_close(endpoint);
		return NULL;
	}
	close(endpoint->fd);
	endpoint->fd = fd;
	return endpoint;
}

struct msgpass *msgpass_create(const char *name,
			       const struct msgpass_attributes *attributes,
			       unsigned int access)
{
	const struct msgpass_create argument = {
		.flags		= attributes->flags,
		.access		= access,
		.name		= (uintptr_t)name,
		.capacity	= attributes->capacity,
		.size_max	= attributes->size_max,
		.mode		= attributes->mode,
	};
	struct msgpass *endpoint = msgpass_endpoint();

	if (!endpoint)
		return NULL;
	return become_mailbox(endpoint,
			      msgpass_raw_create(endpoint->fd, &argument));
}

struct msgpass *msgpass_open(const char *name, unsigned int access)
{
	const struct msgpass_open argument = {
		.access	= access,
		.name	= (uintptr_t)name,
	};
	struct msgpass *endpoint = msgpass_endpoint();

	if (!endpoint)
		return NULL;
	return become_mailbox(endpoint,
			      msgpass_raw_open(endpoint->fd, &argument));
}

void msgpass_close(struct msgpass *object)
{
	int saved = errno;

	if (!object)
		return;
	if (object->fd >= 0)
		close(object->fd);
	free(object);
	errno = saved;
}

int msgpass_fd(const struct msgpass *object)
{
	return object->fd;
}

int msgpass_unlink(const char *name)
{
	const struct msgpass_unlink argument = { .name = (uintptr_t)name };
	struct msgpass *endpoint = msgpass_endpoint();
	int ret;

	if (!endpoint)
		return -1;
	ret = msgpass_raw_unlink(endpoint->fd, &argument);
	msgpass_close(endpoint);
	return ret;
}

int msgpass_delete(struct msgpass *mailbox)
{
	const struct msgpass_delete argument = { };

	return msgpass_raw_delete(mailbox->fd, &argument);
}

static int send_message(struct msgpass *object, uint64_t to, const void *data,
			size_t size, unsigned int flags)
{
	struct msgpass_send argument = {
		.flags	= flags,
		.data	= (uintptr_t)data,
		.size	= size,
		.to	= to,
	};

	if (argument.size != size) {
		errno = EMSGSIZE;
		return -1;
	}
	return msgpass_raw_send(object->fd, &argument);
}

int msgpass_send(struct msgpass *mailbox, const void *data, size_t size,
		 unsigned int flags)
{
	return send_message(mailbox, 0, data, size, flags);
}

int msgpass_send_to(struct msgpass *endpoint, pid_t pid, const void *data,
		    size_t size, unsigned int flags)
{
	if (pid <= 0) {
		errno = EINVAL;
		return -1;
	}
	return send_message(endpoint, pid, data, size, flags);
}

int msgpass_send_to_key(struct msgpass *endpoint, uint64_t key, const void *data,
			size_t size, unsigned int flags)
{
	return send_message(endpoint, key, data, size, flags | MSGPASS_TO_KEY);
}

static void set_info(struct msgpass_info *info,
		     const struct msgpass_receive *argument)
{
	info->id = argument->id;
	info->sender_key = argument->sender_key;
	info->sender_pid = argument->sender_pid;
	info->sender_tid = argument->sender_tid;
	info->sender_uid = argument->sender_uid;
	info->sender_gid = argument->sender_gid;
	info->priority = argument->priority;
	info->size = argument->size;
}

static ssize_t receive_message(struct msgpass *object, uint64_t from, void *buffer,
			       size_t size, unsigned int flags,
			       struct msgpass_info *info)
{
	struct msgpass_receive argument = {
		.flags		= flags,
		.buffer_size	= size < UINT32_MAX ? size : UINT32_MAX,
		.buffer		= (uintptr_t)buffer,
		.from		= from,
	};
	int err = msgpass_raw_receive(object->fd, &argument);

	if (info && (!err || errno == EMSGSIZE))
		set_info(info, &argument);
	return err ? -1 : (ssize_t)argument.size;
}

ssize_t msgpass_receive(struct msgpass *from, void *buffer, size_t size,
			unsigned int flags, struct msgpass_info *info)
{
	return receive_message(from, 0, buffer, size, flags, info);
}

ssize_t msgpass_receive_from(struct msgpass *endpoint, pid_t pid, void *buffer,
			     size_t size, unsigned int flags,
			     struct msgpass_info *info)
{
	if (pid <= 0) {
		errno = EINVAL;
		return -1;
	}
	return receive_message(endpoint, pid, buffer, size, flags, info);
}

ssize_t msgpass_receive_from_key(struct msgpass *endpoint, uint64_t key,
				 void *buffer, size_t size, unsigned int flags,
				 struct msgpass_info *info)
{
	return receive_message(endpoint, key, buffer, size,
			       flags | MSGPASS_FROM_KEY, info);
}

int msgpass_key(struct msgpass *endpoint, pid_t pid, uint64_t *key)
{
	struct msgpass_key argument = { .pid = pid };

	if (msgpass_raw_key(endpoint->fd, &argument))
		return -1;
	*key = argument.key;
	return 0;
}

/* The pid that a pidfd has here; -1 and errno where it has none (any more). */
static pid_t pid_of_pidfd(int pidfd)
{
	char path[64], line[128];
	FILE *fdinfo;
	int pid = 0;

	/* pidfds alone have a line "Pid:", -1 once the process is reaped. */
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	fdinfo = fopen(path, "re");
	if (!fdinfo) {
		if (fcntl(pidfd, F_GETFD) < 0)
			errno = EBADF;
		return -1;
	}
	errno = EINVAL;
	while (fgets(line, sizeof(line), fdinfo)) {
		if (sscanf(line, "Pid: %d", &pid) == 1) {
			errno = ESRCH;
			break;
		}
	}
	fclose(fdinfo);
	return pid > 0 ? pid : -1;
}

int msgpass_key_of_pidfd(struct msgpass *endpoint, int pidfd, uint64_t *key)
{
	struct pollfd exited = { .fd = pidfd, .events = POLLIN };
	pid_t pid = pid_of_pidfd(pidfd);
	uint64_t found;

	if (pid < 0 || msgpass_key(endpoint, pid, &found))
		return -1;
	/* Alive still, it has had that pid all the time. */
	switch (poll(&exited, 1, 0)) {
	case 0:
		*key = found;
		return 0;
	case 1:
		errno = ESRCH;
	}
	return -1;
}

int msgpass_set(struct msgpass *object, const struct msgpass_set *set)
{
	return msgpass_raw_set(object->fd, set);
}

int msgpass_next(struct msgpass *endpoint, char name[MSGPASS_NAME_MAX + 1])
{
	const struct msgpass_next argument = { .name = (uintptr_t)name };

	return msgpass_raw_next(endpoint->fd, &argument);
}

int msgpass_next_process(struct msgpass *endpoint,
			 struct msgpass_next_process *process)
{
	return msgpass_raw_next_process(endpoint->fd, process);
}

int msgpass_next_link(struct msgpass *endpoint, struct msgpass_next_link *link)
{
	return msgpass_raw_next_link(endpoint->fd, link);
}

int msgpass_stat(struct msgpass *object, struct msgpass_stat *stat)
{
	struct msgpass_stat argument = { };

	if (msgpass_raw_stat(object->fd, &argument))
		return -1;
	*stat = argument;
	return 0;
}

uint64_t msgpass_deadline(uint64_t nanoseconds)
{
	struct timespec time = { };
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &time);
	now = time.tv_sec * NSEC_PER_SEC + time.tv_nsec;
	/* The kernel's times are signed. */
	return nanoseconds < INT64_MAX - now ? now + nanoseconds : INT64_MAX;
}
