/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mailbox: the fixture of the tests of a mailbox, which they may make anew as they
 * need it. To be included by the one file of a program.
 */
#ifndef SELFTESTS_MAILBOX_H
#define SELFTESTS_MAILBOX_H

#include <sys/stat.h>

#include "util.h"

#include <kselftest_harness.h>

FIXTURE(mailbox)
{
	char name[MAILBOX_NAME_SIZE];
	int device, mailbox;
	pid_t guard;		/* of what the test changes of the machine, if it does */
};

FIXTURE_SETUP(mailbox)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	umask(0);
	name_mailbox(self->name, "m");
	self->device = open_device();
	ASSERT_LE(0, self->device);
	self->mailbox = create_mailbox(self->device, self->name, 3, 64);
	ASSERT_LE(0, self->mailbox);
}

FIXTURE_TEARDOWN(mailbox)
{
	delete_mailbox(self->mailbox);
	close(self->mailbox);
	close(self->device);
	if (self->guard > 0)
		EXPECT_EQ(0, end_guard(self->guard));
}

/* Replace the fixture's mailbox. */
#define REMAKE(_capacity, _flags, _size_max, _mode) do {			\
	struct msgpass_create create = {					\
		.flags = _flags,						\
		.access = MSGPASS_ACCESS_BOTH,					\
		.name = (uintptr_t)self->name,					\
		.capacity = _capacity,						\
		.size_max = _size_max,						\
		.mode = _mode,							\
	};									\
	ASSERT_EQ(0, delete_mailbox(self->mailbox));				\
	close(self->mailbox);							\
	self->mailbox = msgpass_raw_create(self->device, &create);		\
	ASSERT_LE(0, self->mailbox);						\
} while (0)

#endif /* SELFTESTS_MAILBOX_H */
