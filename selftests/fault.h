/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fault injection: whatever the kernel does for one call that can fail, fails.
 *
 * A scenario runs in rounds. In the 1st round the first allocation, or copy from
 * or to user memory, that its call makes fails; in the 2nd round the second; and
 * so on, until the call comes to its end with none failed: that is a sweep. The
 * kernel counts for one thread, from fault_arm() to fault_disarm(), between which
 * there is nothing but the call. What a fault leads to is a copy's if the call
 * says EFAULT, and an allocation's otherwise: the kernel may have another way to
 * come by what it did not get, then the call succeeds.
 *
 * How many faults there are differs from round to round: a cache may have an
 * object left, or not. So no test demands one in a certain round.
 *
 * What the kernel has for this is set up before the first test, and put back
 * after the last one by the process that has forked them all: however they end.
 */
#ifndef SELFTESTS_FAULT_H
#define SELFTESTS_FAULT_H

#include <stdbool.h>

#include "util.h"

/**
 * struct fault - a scenario's rounds
 * @nth: what is to fail in this round, counted from 1
 * @sweeps: how many are yet to be done, this one included
 * @limit: no new sweep begins after this time
 * @fired: it has failed
 * @left: how many more there would have had to be, for it to fail
 * @allocations: faults of allocations up to now
 * @refused: after how many of these the call said ENOMEM
 * @copies: faults of user copies up to now
 * @wrong: something that must not be, and has been told
 * @file: the thread's counter, while it is armed
 */
struct fault {
	unsigned int nth;
	unsigned int sweeps;
	uint64_t limit;
	bool fired;
	unsigned int left;
	unsigned int allocations;
	unsigned int refused;
	unsigned int copies;
	bool wrong;
	int file;
};

/* fault_seen(): of what there must have been a fault. */
enum {
	FAULT_ALLOCATION	= 1,
	FAULT_COPY		= 2,
};

/* Why there can be no faults here, or NULL. */
const char *fault_lacking(void);
/* Whether user copies can fail, too. */
bool fault_has_copies(void);

/* Begin a round; false after the last one. */
bool fault_next(struct fault *fault);
void fault_arm(struct fault *fault);
/*
 * Return @result, which must be @usual (0 stands for any that is not negative)
 * or, if a fault came, ENOMEM or EFAULT.
 */
int fault_disarm(struct fault *fault, int result, int usual);
/* Whether all went well, with faults of these kinds; says why not. */
bool fault_seen(const struct fault *fault, unsigned int kinds);

/* Return the result of @call, in which this round's fault comes. */
#define UNDER_FAULT(fault, call) UNDER_FAULT_USUALLY(fault, call, 0)
/* Of one that is not to succeed, without a fault either. */
#define UNDER_FAULT_USUALLY(fault, call, usual)					\
	fault_disarm(fault, (fault_arm(fault), (call)), usual)

/*
 * Another way to fail: once the thread has been given @budget bytes in objects, it
 * gets no more, however often it asks. So there is no other way that it could take.
 */
int fault_starve(unsigned int budget);
void fault_feed(int file);

/* Return the result of @call under that. */
#define STARVED(budget, call) ({						\
	int _file = fault_starve(budget);					\
	int _result = (call);							\
										\
	fault_feed(_file);							\
	_result;								\
})

/**
 * struct usage - what the test has of the module
 * @bytes: the least limit under which one more message can be sent, likewise
 * @messages:
 * @mailboxes: and one more mailbox created
 * @files: open descriptors
 * @descriptor: the second that is free; it is a later one where some are reserved
 *	and never get a file
 * @module: references to the module
 */
struct usage {
	unsigned long bytes;
	unsigned long messages;
	unsigned long mailboxes;
	unsigned long files;
	unsigned long descriptor;
	unsigned long module;
};

/**
 * struct scene - what each scenario has
 * @name: of @mailbox
 * @other: a name for the scenario's use
 * @device: open
 * @mailbox: its capacity is 4
 * @before: what was in use in the beginning
 * @fault: in memory that is shared with children
 *
 * The test has an account of its own: its real user is nobody else's.
 */
struct scene {
	char name[MAILBOX_NAME_SIZE];
	char other[MAILBOX_NAME_SIZE];
	int device;
	int mailbox;
	struct usage before;
	struct fault *fault;
};

/* Return false, and leave nothing, if that does not work. */
bool scene_open(struct scene *scene);
void scene_close(struct scene *scene);
/*
 * Whether all that was in use since the beginning has come back, 20 s from now at
 * most. The mailbox is replaced by a new one of its name.
 */
bool scene_is_as_before(struct scene *scene);
/* Fork; the child is a process of a user that nobody has been before. */
pid_t fork_new_user(void);

/* In a fixture's setup. */
#define NEEDS_FAULTS() do {							\
	if (module_is_missing())						\
		SKIP(return, "msgpass is not loaded");				\
	if (fault_lacking())							\
		SKIP(return, "%s", fault_lacking());				\
} while (0)

/* In a scenario where there is nothing else to fail. */
#define NEEDS_COPIES() do {							\
	if (!fault_has_copies())						\
		SKIP(return, "user copies cannot be made to fail");		\
} while (0)

/* The end of a scenario. */
#define EXPECT_FAULTS(scene, kinds) do {					\
	EXPECT_TRUE(fault_seen((scene)->fault, kinds));				\
	EXPECT_TRUE(scene_is_as_before(scene));					\
} while (0)

#endif /* SELFTESTS_FAULT_H */
