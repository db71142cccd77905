/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the selftests share: names that no other test uses, one-line forms of
 * the ioctls, tasks that block while the test goes on, and memory that faults.
 *
 * The one-line forms return what the call returns, or -errno: a test then says
 * EXPECT_EQ(-EAGAIN, send_flags(...)).
 */
#ifndef SELFTESTS_UTIL_H
#define SELFTESTS_UTIL_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

#include <msgpass.h>

#include "machine.h"

#define ARRAY_LEN(array)	(sizeof(array) / sizeof((array)[0]))
#define MILLISECOND		1000000ULL
#define SECOND			1000000000ULL
#define MAILBOX_NAME_SIZE	64

/* Seconds for a test that does something thousands of times: it may have to on
 * a kernel full of debugging, emulated.
 */
#define SLOW			600

/* What threads and processes share. */
#define LOAD(variable)		__atomic_load_n(&(variable), __ATOMIC_ACQUIRE)
#define STORE(variable, value)	__atomic_store_n(&(variable), value, __ATOMIC_RELEASE)
#define ADD(variable, amount)	__atomic_add_fetch(&(variable), amount, __ATOMIC_RELAXED)

/* Poll a condition until it is so, or for that many ns; whether it is so. */
#define WITHIN(time, condition) ({					\
	uint64_t _limit = msgpass_deadline(time);			\
	bool _so;							\
									\
	while (!(_so = (condition)) && msgpass_deadline(0) < _limit)	\
		pause_ms();						\
	_so;								\
})
#define UNTIL(condition)	WITHIN(20 * SECOND, condition)

void pause_ms(void);
unsigned int in_ms(uint64_t ns);

/* A name for this test process: "<test>-<pid>-<label>". */
void name_mailbox(char name[MAILBOX_NAME_SIZE], const char *label);

int open_device(void);
/* Whether there is no device: a test has nothing to test then, and skips. */
bool module_is_missing(void);

/* Create a mailbox of mode 0600; the descriptor sends and receives. */
int create_mailbox(int device, const char *name, unsigned int capacity,
		   unsigned int size_max);
/* One without a name, which ends with whoever has it open. */
int create_unnamed(int device, unsigned int capacity, unsigned int size_max,
		   unsigned int mode);
/* One of this process's own, of mode 0600. */
int create_owned(int device, const char *name, unsigned int capacity);
int open_mailbox(int device, const char *name, unsigned int access);
int unlink_mailbox(int device, const char *name);
int delete_mailbox(int mailbox);

/* Create as the argument says. */
int create_full(int device, const struct msgpass_create *create);
int set_mailbox(int fd, const struct msgpass_set *set);
int set_capacity(int fd, unsigned int capacity);
/* The process key of a process, 0 if it has none. */
uint64_t key_of(int device, pid_t pid);

int send_full(int fd, struct msgpass_send *send);
int send_flags(int fd, const void *data, size_t size, unsigned int flags);
int send_text(int fd, const char *text);
int send_text_to(int device, pid_t pid, const char *text);
/* To and from the process of a key, without waiting. */
int send_to_key(int device, uint64_t key, const void *data, size_t size);
int send_priority(int fd, const char *text, unsigned int priority);

int receive_full(int fd, struct msgpass_receive *receive);
/* From one process; return the size. */
int receive_from(int device, pid_t pid, void *buffer, size_t size, unsigned int flags);
int receive_from_key(int device, uint64_t key, void *buffer, size_t size);
/* Return the size. */
int receive_flags(int fd, void *buffer, size_t size, unsigned int flags);
/* Whether the next message, which must be there, is @text. */
bool next_is(int fd, const char *text);

struct msgpass_stat stat_of(int fd);
/* Poll the state until it is so; false if it is not so after 20 s. */
bool until_receivers_wait(int fd, unsigned int count);
bool until_senders_wait(int fd, unsigned int count);
bool until_messages(int fd, unsigned int count);
/* A thread is seen in /proc in this state: 'S' asleep, 'T' stopped, 'Z' dead. */
char state_of(pid_t pid, pid_t tid);
bool until_state(pid_t pid, pid_t tid, char state);
bool until_asleep(pid_t pid, pid_t tid);

/* Write a file that is there, in one call; return 0 or -1. */
int write_file(const char *path, const char *text);

/* Fork; the child dies with the test. */
pid_t fork_child(void);
/* A child that does nothing until it is killed, and its end. */
pid_t fork_sleeper(void);
void end_child(pid_t pid);
/* Return the exit code, or -signal. */
int wait_child(pid_t pid);
/* Become that uid and gid without capabilities, 1000 for short; exit on failure. */
void become(unsigned int id);
void become_user(void);

/* In a child: what is not so ends it, says where, and fails the test by its exit code. */
#define MUST(condition) do {							\
	if (!(condition)) {							\
		fprintf(stderr, "# %s:%d: not so: %s\n", __FILE__, __LINE__,	\
			#condition);						\
		_exit(100);							\
	}									\
} while (0)

/* An eventfd that counts; one process tells, another awaits as many. */
int open_event(void);
void tell_event(int event);
void await_event(int event);
/* Zeroed memory that children share; it goes with the process. */
void *share_memory(size_t size);

/**
 * struct task - a call in a thread of its own
 * @fd: where
 * @send: what is sent, or
 * @receive: what is received, if @receives, to @text
 * @tid: the thread, once it runs
 * @result: what the call returned, or -errno, once joined
 */
struct task {
	pthread_t thread;
	int fd;
	bool receives;
	struct msgpass_send send;
	struct msgpass_receive receive;
	char text[64];
	pid_t tid;
	int result;
};

/* deadline: 0 or of msgpass_deadline() */
void start_receive(struct task *task, int fd, uint64_t deadline);
/* The next message of one process only, on the device. */
void start_receive_from(struct task *task, int device, pid_t pid);
void start_send(struct task *task, int fd, const char *text, unsigned int flags,
		uint64_t deadline);
/* Start what the caller has filled in. */
void start(struct task *task);
/* Return its result. */
int join(struct task *task);
/* Give a thread a signal (with a handler that does nothing). */
void interrupt(struct task *task, bool restart);

/* What follows the page is ordinary memory. */
#define STALL_SIZE	(16 * 1024 * 1024)

/**
 * struct stall - memory whose first page is not there until it is resolved
 * @page: its address; a kernel that copies to it waits
 * @uffd: the userfaultfd behind it
 */
struct stall {
	void *page;
	int uffd;
};

/* Return false where userfaultfd is not to be had. */
bool stall_open(struct stall *stall);
/* In a test whose fixture has can_stall: what stall_open() returned. */
#define NEEDS_STALL() do {							\
	if (!self->can_stall)							\
		SKIP(return, "needs userfaultfd, and the right to use it");	\
} while (0)

/* Start a receiver that gets stuck in copying there; from one process, or 0. */
void start_stalled(struct task *task, int fd, struct stall *stall, pid_t from);
/* Wait until somebody has run into it. */
bool stall_hit(struct stall *stall);
/* Give the page, so that whoever waits for it goes on. */
void stall_resolve(struct stall *stall);
/* Take it away for good, so that whoever waits for it fails. */
void stall_fail(struct stall *stall);
void stall_close(struct stall *stall);

#endif /* SELFTESTS_UTIL_H */
