/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Crowd: the processes of the stress test that send and receive at random, and
 * how they find each other. What they do they write into the books.
 *
 * Each shared mailbox has READERS processes that do nothing but receive from it.
 * So whoever waits to send there without a deadline is released in the end, or a
 * wake-up was lost. An owner receives from its inbox and from a mailbox of its
 * own, and waits for both at once.
 */
#ifndef SELFTESTS_CROWD_H
#define SELFTESTS_CROWD_H

#include <stdnoreturn.h>

#include "books.h"

/* Shared mailboxes with something special; the others get a capacity by chance. */
enum {
	ZERO,		/* of capacity 0 for ever */
	CALM,		/* its receivers are not killed, and never fail */
	FIXED_SIZE,
};

/* The endpoint of the process; a child that sends or receives opens its own. */
extern int device;

/* In the process whose name the mailboxes bear. */
void crowd_begin(struct books *books, uint64_t seed);
unsigned int chance(unsigned int sides);
/* A seed for another process. */
uint64_t some_seed(void);
unsigned int some_capacity(void);

/* Nobody waits for what is there, as of one moment. */
void inspect(int mailbox);

int create(unsigned int target, uint32_t place, unsigned int capacity);
void change_capacity(int fd, uint32_t place);
/* Let others find a target; of a process also who it is. */
void publish(unsigned int target, uint32_t place, pid_t pid, uint64_t key);
/* Before it ends. */
void withdraw_target(unsigned int target);

noreturn void keep_sending(unsigned int sender, uint64_t seed);
noreturn void keep_receiving(unsigned int receiver, uint64_t seed);

#endif /* SELFTESTS_CROWD_H */
