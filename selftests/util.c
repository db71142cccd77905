// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

#include "util.h"

static int or_errno(int ret)
{
	return ret < 0 ? -errno : ret;
}

void name_mailbox(char name[MAILBOX_NAME_SIZE], const char *label)
{
	snprintf(name, MAILBOX_NAME_SIZE, "%s-%d-%s", program_invocation_short_name,
		 getpid(), label);
}

bool module_is_missing(void)
{
	return access(MSGPASS_DEVICE, F_OK) && (errno == ENOENT || errno == ENOTDIR);
}

unsigned int in_ms(uint64_t ns)
{
	return ns / MILLISECOND;
}

int open_device(void)
{
	return or_errno(open(MSGPASS_DEVICE, O_RDWR | O_CLOEXEC));
}

int create_mailbox(int device, const char *name, unsigned int capacity,
		   unsigned int size_max)
{
	struct msgpass_create create = {
		.access = MSGPASS_ACCESS_BOTH,
		.name = (uintptr_t)name,
		.capacity = capacity,
		.size_max = size_max,
		.mode = 0600,
	};

	return or_errno(msgpass_raw_create(device, &create));
}

int create_unnamed(int device, unsigned int capacity, unsigned int size_max,
		   unsigned int mode)
{
	char name[MAILBOX_NAME_SIZE];
	struct msgpass_create create = {
		.access = MSGPASS_ACCESS_BOTH,
		.name = (uintptr_t)name,
		.capacity = capacity,
		.size_max = size_max,
		.mode = mode,
	};
	int mailbox;

	name_mailbox(name, "unnamed");
	mailbox = create_full(device, &create);
	return mailbox < 0 ? mailbox : unlink_mailbox(device, name) ?: mailbox;
}

int create_owned(int device, const char *name, unsigned int capacity)
{
	const struct msgpass_create create = {
		.flags = MSGPASS_PROCESS_OWNED,
		.access = MSGPASS_ACCESS_BOTH,
		.name = (uintptr_t)name,
		.capacity = capacity,
		.mode = 0600,
	};

	return create_full(device, &create);
}

int create_full(int device, const struct msgpass_create *create)
{
	return or_errno(msgpass_raw_create(device, create));
}

int set_mailbox(int fd, const struct msgpass_set *set)
{
	return or_errno(msgpass_raw_set(fd, set));
}

int set_capacity(int fd, unsigned int capacity)
{
	const struct msgpass_set set = {
		.flags = MSGPASS_SET_CAPACITY,
		.capacity = capacity,
	};

	return set_mailbox(fd, &set);
}

uint64_t key_of(int device, pid_t pid)
{
	struct msgpass_key key = { .pid = pid };

	return msgpass_raw_key(device, &key) ? 0 : key.key;
}

int open_mailbox(int device, const char *name, unsigned int access)
{
	struct msgpass_open open = {
		.access = access,
		.name = (uintptr_t)name,
	};

	return or_errno(msgpass_raw_open(device, &open));
}

int unlink_mailbox(int device, const char *name)
{
	struct msgpass_unlink unlink = { .name = (uintptr_t)name };

	return or_errno(msgpass_raw_unlink(device, &unlink));
}

int delete_mailbox(int mailbox)
{
	struct msgpass_delete delete = { };

	return or_errno(msgpass_raw_delete(mailbox, &delete));
}

int send_full(int fd, struct msgpass_send *send)
{
	return or_errno(msgpass_raw_send(fd, send));
}

int send_flags(int fd, const void *data, size_t size, unsigned int flags)
{
	struct msgpass_send send = {
		.flags = flags,
		.data = (uintptr_t)data,
		.size = size,
	};

	return send_full(fd, &send);
}

int send_text(int fd, const char *text)
{
	return send_flags(fd, text, strlen(text), MSGPASS_NONBLOCK);
}

int send_text_to(int device, pid_t pid, const char *text)
{
	struct msgpass_send send = {
		.flags = MSGPASS_NONBLOCK,
		.data = (uintptr_t)text,
		.size = strlen(text),
		.to = pid,
	};

	return send_full(device, &send);
}

int send_to_key(int device, uint64_t key, const void *data, size_t size)
{
	struct msgpass_send send = {
		.flags = MSGPASS_NONBLOCK | MSGPASS_TO_KEY,
		.data = (uintptr_t)data,
		.size = size,
		.to = key,
	};

	return send_full(device, &send);
}

int send_priority(int fd, const char *text, unsigned int priority)
{
	struct msgpass_send send = {
		.flags = MSGPASS_NONBLOCK,
		.data = (uintptr_t)text,
		.size = strlen(text),
		.priority = priority,
	};

	return send_full(fd, &send);
}

int receive_full(int fd, struct msgpass_receive *receive)
{
	return or_errno(msgpass_raw_receive(fd, receive));
}

int receive_flags(int fd, void *buffer, size_t size, unsigned int flags)
{
	struct msgpass_receive receive = {
		.flags = flags,
		.buffer = (uintptr_t)buffer,
		.buffer_size = size,
	};
	int err = receive_full(fd, &receive);

	return err ? err : (int)receive.size;
}

int receive_from(int device, pid_t pid, void *buffer, size_t size, unsigned int flags)
{
	struct msgpass_receive receive = {
		.flags = flags,
		.buffer = (uintptr_t)buffer,
		.buffer_size = size,
		.from = pid,
	};
	int err = receive_full(device, &receive);

	return err ? err : (int)receive.size;
}

int receive_from_key(int device, uint64_t key, void *buffer, size_t size)
{
	struct msgpass_receive receive = {
		.flags = MSGPASS_NONBLOCK | MSGPASS_FROM_KEY,
		.buffer = (uintptr_t)buffer,
		.buffer_size = size,
		.from = key,
	};
	int err = receive_full(device, &receive);

	return err ? err : (int)receive.size;
}

bool next_is(int fd, const char *text)
{
	char buffer[256];
	int size = receive_flags(fd, buffer, sizeof(buffer), MSGPASS_NONBLOCK);

	if (size == (int)strlen(text) && !memcmp(buffer, text, size))
		return true;
	if (size < 0)
		printf("# expected \"%s\", got %s\n", text, strerror(-size));
	else
		printf("# expected \"%s\", got \"%.*s\"\n", text, size, buffer);
	return false;
}

struct msgpass_stat stat_of(int fd)
{
	struct msgpass_stat stat = { };

	/* A count that nothing can be waited for with. */
	if (msgpass_raw_stat(fd, &stat))
		stat.messages = UINT32_MAX;
	return stat;
}

void pause_ms(void)
{
	const struct timespec ms = { .tv_nsec = MILLISECOND };

	nanosleep(&ms, NULL);
}

bool until_receivers_wait(int fd, unsigned int count)
{
	return UNTIL(stat_of(fd).receivers_waiting == count);
}

bool until_senders_wait(int fd, unsigned int count)
{
	return UNTIL(stat_of(fd).senders_waiting == count);
}

bool until_messages(int fd, unsigned int count)
{
	return UNTIL(stat_of(fd).messages == count);
}

char state_of(pid_t pid, pid_t tid)
{
	char path[64], line[512] = "", *end;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return '?';
	if (read(fd, line, sizeof(line) - 1) < 0)
		line[0] = '\0';
	close(fd);
	end = strrchr(line, ')');
	return end ? end[2] : '?';
}

bool until_state(pid_t pid, pid_t tid, char state)
{
	return UNTIL(state_of(pid, tid) == state);
}

/*
 * A task is in state S a moment before it has left its CPU; what it waits in can
 * be read once it has.
 */
static bool is_off_cpu(pid_t pid, pid_t tid)
{
	char path[64], line[16] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", pid, tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == EACCES;
	if (read(fd, line, sizeof(line) - 1) < 0)
		line[0] = '\0';
	close(fd);
	return strncmp(line, "running", strlen("running"));
}

bool until_asleep(pid_t pid, pid_t tid)
{
	return UNTIL(state_of(pid, tid) == 'S' && is_off_cpu(pid, tid));
}

int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t written = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return written == (ssize_t)strlen(text) ? 0 : -1;
}

pid_t fork_child(void)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(255);
	}
	return pid;
}

pid_t fork_sleeper(void)
{
	pid_t pid = fork_child();

	if (!pid)
		for (;;)
			pause();
	return pid;
}

void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int open_event(void)
{
	int event = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);

	MUST(event >= 0);
	return event;
}

void tell_event(int event)
{
	MUST(!eventfd_write(event, 1));
}

void await_event(int event)
{
	eventfd_t one;

	MUST(!eventfd_read(event, &one));
}

void *share_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	MUST(memory != MAP_FAILED);
	return memory;
}

int wait_child(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void become(unsigned int id)
{
	if (setgroups(0, NULL) || setresgid(id, id, id) || setresuid(id, id, id))
		_exit(254);
	/* What fork_child() has asked for is forgotten with the old user. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

void become_user(void)
{
	become(1000);
}

static void *run_task(void *argument)
{
	struct task *task = argument;

	STORE(task->tid, gettid());
	if (task->receives)
		task->result = receive_full(task->fd, &task->receive);
	else
		task->result = send_full(task->fd, &task->send);
	return NULL;
}

void start(struct task *task)
{
	task->tid = 0;
	task->result = 1;
	if (pthread_create(&task->thread, NULL, run_task, task))
		abort();
	(void)UNTIL(LOAD(task->tid) != 0);
}

void start_receive(struct task *task, int fd, uint64_t deadline)
{
	*task = (struct task){
		.fd = fd,
		.receives = true,
		.receive = {
			.buffer = (uintptr_t)task->text,
			.buffer_size = sizeof(task->text),
			.deadline = deadline,
		},
	};
	start(task);
}

void start_receive_from(struct task *task, int device, pid_t pid)
{
	*task = (struct task){
		.fd = device,
		.receives = true,
		.receive = {
			.buffer = (uintptr_t)task->text,
			.buffer_size = sizeof(task->text),
			.from = pid,
		},
	};
	start(task);
}

void start_send(struct task *task, int fd, const char *text, unsigned int flags,
		uint64_t deadline)
{
	*task = (struct task){
		.fd = fd,
		.send = {
			.flags = flags,
			.data = (uintptr_t)text,
			.size = strlen(text),
			.deadline = deadline,
		},
	};
	start(task);
}

int join(struct task *task)
{
	pthread_join(task->thread, NULL);
	return task->result;
}

static void do_nothing(int signal)
{
	(void)signal;
}

void interrupt(struct task *task, bool restart)
{
	struct sigaction action = {
		.sa_handler = do_nothing,
		.sa_flags = restart ? SA_RESTART : 0,
	};

	sigaction(SIGUSR1, &action, NULL);
	syscall(SYS_tgkill, getpid(), task->tid, SIGUSR1);
}

bool stall_open(struct stall *stall)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	long size = sysconf(_SC_PAGESIZE);

	stall->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (stall->uffd < 0)
		return false;
	stall->page = mmap(NULL, STALL_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	area.range.start = (uintptr_t)stall->page;
	area.range.len = size;
	if (stall->page == MAP_FAILED || ioctl(stall->uffd, UFFDIO_API, &api) ||
	    ioctl(stall->uffd, UFFDIO_REGISTER, &area)) {
		close(stall->uffd);
		return false;
	}
	return true;
}

void start_stalled(struct task *task, int fd, struct stall *stall, pid_t from)
{
	*task = (struct task){
		.fd = fd,
		.receives = true,
		.receive = {
			.buffer = (uintptr_t)stall->page,
			.buffer_size = 64,
			.from = from,
		},
	};
	start(task);
}

bool stall_hit(struct stall *stall)
{
	struct pollfd pollfd = { .fd = stall->uffd, .events = POLLIN };
	struct uffd_msg msg;

	return poll(&pollfd, 1, 20000) == 1 &&
	       read(stall->uffd, &msg, sizeof(msg)) == sizeof(msg);
}

void stall_resolve(struct stall *stall)
{
	struct uffdio_zeropage zero = {
		.range.start = (uintptr_t)stall->page,
		.range.len = sysconf(_SC_PAGESIZE),
	};

	ioctl(stall->uffd, UFFDIO_ZEROPAGE, &zero);
}

void stall_fail(struct stall *stall)
{
	struct uffdio_range range = {
		.start = (uintptr_t)stall->page,
		.len = sysconf(_SC_PAGESIZE),
	};

	munmap(stall->page, range.len);
	ioctl(stall->uffd, UFFDIO_WAKE, &range);
}

void stall_close(struct stall *stall)
{
	/* Wakes whoever is still in it: the memory is plain memory then. */
	close(stall->uffd);
	munmap(stall->page, STALL_SIZE);
}
