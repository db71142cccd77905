// SPDX-License-Identifier: GPL-2.0-only
/* Mailboxes, processes and descriptors when memory or a user copy fails (P12, P10). */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"

#include <kselftest_harness.h>

#define BOTH	(FAULT_ALLOCATION | FAULT_COPY)

FIXTURE(fault_object)
{
	struct scene scene;
};

FIXTURE_SETUP(fault_object)
{
	NEEDS_FAULTS();
	ASSERT_TRUE(scene_open(&self->scene));
}

FIXTURE_TEARDOWN(fault_object)
{
	scene_close(&self->scene);
}

/* Create @other by a call that may fail, which leaves nothing; then by one that does not. */
static int create_other(struct scene *scene, unsigned int flags)
{
	const struct msgpass_create create = {
		.flags = flags,
		.access = MSGPASS_ACCESS_BOTH,
		.name = (uintptr_t)scene->other,
		.capacity = 4,
		.size_max = 64,
		.mode = 0600,
	};
	int fd = UNDER_FAULT(scene->fault, create_full(scene->device, &create));

	if (fd < 0 && open_mailbox(scene->device, scene->other, 0) == -ENOENT)
		fd = create_full(scene->device, &create);
	return fd;
}

static bool works(int mailbox)
{
	return !send_text(mailbox, "text") && next_is(mailbox, "text") &&
	       stat_of(mailbox).admitted_messages == 1;
}

/* Whether the creation did, whatever failed in it, in this round too. */
static bool create_round(struct scene *scene, unsigned int flags)
{
	int fd = create_other(scene, flags);
	bool worked = fd >= 0 && works(fd);

	worked &= !delete_mailbox(fd);
	close(fd);
	return worked;
}

TEST_F_TIMEOUT(fault_object, P12_60_the_device_opens_or_fails_clean, SLOW)
{
	struct scene *scene = &self->scene;

	while (fault_next(scene->fault)) {
		pid_t child = fork_new_user();
		int fd;

		if (!child) {
			fd = UNDER_FAULT(scene->fault, open_device());
			if (fd < 0)
				fd = open_device();
			MUST(fd >= 0);
			MUST(!send_text_to(fd, getpid(), "self"));
			MUST(next_is(fd, "self"));
			_exit(0);
		}
		ASSERT_EQ(0, wait_child(child));
	}
	/* The one copy there is the path's, after the memory for it was had. */
	EXPECT_FAULTS(scene, FAULT_ALLOCATION);
}

TEST_F_TIMEOUT(fault_object, P12_61_a_mailbox_is_created_or_there_is_none, SLOW)
{
	while (fault_next(self->scene.fault))
		ASSERT_TRUE(create_round(&self->scene, 0));
	EXPECT_FAULTS(&self->scene, BOTH);
}

TEST_F_TIMEOUT(fault_object, P12_62_an_owned_mailbox_is_created_or_there_is_none, SLOW)
{
	while (fault_next(self->scene.fault))
		ASSERT_TRUE(create_round(&self->scene, MSGPASS_PROCESS_OWNED));
	EXPECT_FAULTS(&self->scene, BOTH);
}

/*
 * With no slot free but one, for the thread's counter, a descriptor needs a larger
 * table, which is memory too.
 */
static void fill_table(void)
{
	int fd;

	do {
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
		MUST(fd >= 0);
	} while ((fd + 1) % 64);
	close(fd);
}

TEST_F_TIMEOUT(fault_object, P12_63_without_a_descriptor_there_is_no_mailbox, SLOW)
{
	struct scene *scene = &self->scene;

	while (fault_next(scene->fault)) {
		pid_t child = fork_child();

		if (!child) {
			fill_table();
			MUST(create_round(scene, 0));
			_exit(0);
		}
		ASSERT_EQ(0, wait_child(child));
	}
	EXPECT_FAULTS(scene, BOTH);
}

TEST_F_TIMEOUT(fault_object, P12_64_a_mailbox_opens_or_fails_clean, SLOW)
{
	struct scene *scene = &self->scene;

	ASSERT_EQ(0, send_text(scene->mailbox, "kept"));
	while (fault_next(scene->fault)) {
		int fd = UNDER_FAULT(scene->fault,
				     open_mailbox(scene->device, scene->name,
						  MSGPASS_ACCESS_BOTH));

		if (fd < 0)
			fd = open_mailbox(scene->device, scene->name, MSGPASS_ACCESS_BOTH);
		ASSERT_LE(0, fd);
		EXPECT_EQ(1, stat_of(fd).messages);
		close(fd);
	}
	EXPECT_TRUE(next_is(scene->mailbox, "kept"));
	EXPECT_FAULTS(scene, BOTH);
}

static int stat_result(int fd)
{
	struct msgpass_stat stat = { };

	return msgpass_raw_stat(fd, &stat) ? -errno : 0;
}

TEST_F_TIMEOUT(fault_object, P12_65_a_new_process_at_an_inherited_device_fails_clean, SLOW)
{
	struct scene *scene = &self->scene;

	while (fault_next(scene->fault)) {
		pid_t child = fork_new_user();

		if (!child) {
			if (UNDER_FAULT(scene->fault, stat_result(scene->device)))
				MUST(!stat_result(scene->device));
			MUST(stat_of(scene->device).owner_pid == getpid());
			MUST(!send_text_to(scene->device, getpid(), "self"));
			MUST(next_is(scene->device, "self"));
			_exit(0);
		}
		ASSERT_EQ(0, wait_child(child));
	}
	EXPECT_FAULTS(scene, BOTH);
}

static int ask_key(int device, struct msgpass_key *key)
{
	return msgpass_raw_key(device, key) ? -errno : 0;
}

TEST_F_TIMEOUT(fault_object, P12_66_a_process_gets_its_one_key_or_none, SLOW)
{
	struct scene *scene = &self->scene;

	while (fault_next(scene->fault)) {
		pid_t child = fork_sleeper();
		struct msgpass_key key = { .pid = child };

		if (UNDER_FAULT(scene->fault, ask_key(scene->device, &key)))
			EXPECT_EQ(0, ask_key(scene->device, &key));
		EXPECT_NE(0, key.key);
		EXPECT_EQ(key.key, key_of(scene->device, child));
		end_child(child);
	}
	EXPECT_FAULTS(scene, BOTH);
}

TEST_F_TIMEOUT(fault_object, P12_67_a_name_is_taken_away_or_stays, SLOW)
{
	struct scene *scene = &self->scene;
	int fd, err;

	while (fault_next(scene->fault)) {
		fd = create_mailbox(scene->device, scene->other, 4, 64);
		ASSERT_LE(0, fd);
		err = UNDER_FAULT(scene->fault, unlink_mailbox(scene->device, scene->other));
		if (err)
			EXPECT_EQ(0, unlink_mailbox(scene->device, scene->other));
		EXPECT_EQ(-ENOENT, unlink_mailbox(scene->device, scene->other));
		EXPECT_TRUE(works(fd));
		close(fd);
	}
	EXPECT_FAULTS(scene, BOTH);
}

TEST_F_TIMEOUT(fault_object, P12_68_a_mailbox_is_deleted_or_stays, SLOW)
{
	struct scene *scene = &self->scene;
	int fd;

	NEEDS_COPIES();
	while (fault_next(scene->fault)) {
		fd = create_mailbox(scene->device, scene->other, 4, 64);
		ASSERT_LE(0, fd);
		EXPECT_EQ(0, send_text(fd, "text"));
		if (UNDER_FAULT(scene->fault, delete_mailbox(fd))) {
			EXPECT_TRUE(next_is(fd, "text"));
			EXPECT_EQ(0, delete_mailbox(fd));
		}
		EXPECT_EQ(-EIDRM, send_text(fd, "text"));
		EXPECT_EQ(-ENOENT, open_mailbox(scene->device, scene->other, 0));
		close(fd);
	}
	EXPECT_FAULTS(scene, FAULT_COPY);
}

static int list_next(int device, char name[MSGPASS_NAME_MAX + 1])
{
	struct msgpass_next next = { .name = (uintptr_t)name };

	return msgpass_raw_next(device, &next) ? -errno : 0;
}

TEST_F_TIMEOUT(fault_object, P12_69_a_list_of_mailboxes_goes_on_or_fails_clean, SLOW)
{
	struct scene *scene = &self->scene;
	char name[MSGPASS_NAME_MAX + 1];
	const int before = strlen(scene->name) - 1;

	/* What follows a name without its last letter is the mailbox itself. */
	while (fault_next(scene->fault)) {
		snprintf(name, sizeof(name), "%.*s", before, scene->name);
		if (UNDER_FAULT(scene->fault, list_next(scene->device, name))) {
			snprintf(name, sizeof(name), "%.*s", before, scene->name);
			EXPECT_EQ(0, list_next(scene->device, name));
		}
		EXPECT_STREQ(scene->name, name);
	}
	EXPECT_FAULTS(scene, BOTH);
}

static int list_process(int device, struct msgpass_next_process *process)
{
	return msgpass_raw_next_process(device, process) ? -errno : 0;
}

TEST_F_TIMEOUT(fault_object, P12_70_a_list_of_processes_goes_on_or_fails_clean, SLOW)
{
	struct scene *scene = &self->scene;
	uint64_t key = key_of(scene->device, 0);

	NEEDS_COPIES();
	while (fault_next(scene->fault)) {
		struct msgpass_next_process process = { .key = key - 1 };

		if (UNDER_FAULT(scene->fault, list_process(scene->device, &process))) {
			process.key = key - 1;
			EXPECT_EQ(0, list_process(scene->device, &process));
		}
		EXPECT_EQ(key, process.key);
		EXPECT_EQ(getpid(), process.pid);
	}
	EXPECT_FAULTS(scene, FAULT_COPY);
}

static int list_link(int device, struct msgpass_next_link *link)
{
	return msgpass_raw_next_link(device, link) ? -errno : 0;
}

TEST_F_TIMEOUT(fault_object, P12_71_a_list_of_links_goes_on_or_fails_clean, SLOW)
{
	struct scene *scene = &self->scene;
	struct msgpass_next_link own = { };

	NEEDS_COPIES();
	/* The one with itself, by the message to itself. */
	do {
		ASSERT_EQ(0, list_link(scene->device, &own));
	} while (own.pid[0] != getpid() || own.pid[1] != getpid());
	while (fault_next(scene->fault)) {
		struct msgpass_next_link link = { .number = own.number - 1 };

		if (UNDER_FAULT(scene->fault, list_link(scene->device, &link))) {
			link.number = own.number - 1;
			EXPECT_EQ(0, list_link(scene->device, &link));
		}
		EXPECT_EQ(0, memcmp(&own, &link, sizeof(link)));
	}
	EXPECT_FAULTS(scene, FAULT_COPY);
}

TEST_F_TIMEOUT(fault_object, P12_72_a_state_is_read_or_fails_clean, SLOW)
{
	struct scene *scene = &self->scene;

	NEEDS_COPIES();
	while (fault_next(scene->fault))
		if (UNDER_FAULT(scene->fault, stat_result(scene->mailbox)))
			EXPECT_EQ(0, stat_result(scene->mailbox));
	EXPECT_FAULTS(scene, FAULT_COPY);
}

TEST_F_TIMEOUT(fault_object, P12_73_a_capacity_is_changed_or_stays, SLOW)
{
	const struct msgpass_set more = { .flags = MSGPASS_SET_CAPACITY, .capacity = 4 };
	const struct msgpass_set less = { .flags = MSGPASS_SET_CAPACITY, .capacity = 1 };
	struct scene *scene = &self->scene;
	struct task sender;

	NEEDS_COPIES();
	while (fault_next(scene->fault)) {
		ASSERT_EQ(0, set_mailbox(scene->mailbox, &less));
		ASSERT_EQ(0, send_text(scene->mailbox, "one"));
		start_send(&sender, scene->mailbox, "two", 0, msgpass_deadline(20 * SECOND));
		EXPECT_TRUE(until_senders_wait(scene->mailbox, 1));
		if (UNDER_FAULT(scene->fault, set_mailbox(scene->mailbox, &more))) {
			EXPECT_EQ(1, stat_of(scene->mailbox).capacity);
			EXPECT_EQ(1, stat_of(scene->mailbox).senders_waiting);
			EXPECT_EQ(0, set_mailbox(scene->mailbox, &more));
		}
		EXPECT_EQ(0, join(&sender));
		EXPECT_TRUE(next_is(scene->mailbox, "one"));
		EXPECT_TRUE(next_is(scene->mailbox, "two"));
	}
	EXPECT_FAULTS(scene, FAULT_COPY);
}

/*
 * Numbers are found in arrays whose parts have 64 each. A part that is not there is
 * asked for twice; so only who is starved does not get it, and only at every 64th.
 */
#define PART	64

static int key_result(int device, pid_t pid)
{
	struct msgpass_key key = { .pid = pid };

	return ask_key(device, &key);
}

static int link_result(int device, pid_t pid)
{
	char text[8];

	return receive_from(device, pid, text, sizeof(text), MSGPASS_NONBLOCK);
}

/* The least that a call with this child takes. */
static unsigned int least_budget(int device, pid_t child,
				 int (*call)(int device, pid_t pid))
{
	unsigned int budget = 0;

	do {
		budget += 32;
	} while (STARVED(budget, call(device, child)) == -ENOMEM && budget < 65536);
	return budget;
}

/*
 * With two children, one of whom may be the first of a part, find out what is enough;
 * with the others it is too little, at times. Return how often, or -1.
 */
static int starve_at(int device, const pid_t *children, unsigned int count,
		     int (*call)(int device, pid_t pid), int usual)
{
	unsigned int budget = least_budget(device, children[0], call);
	unsigned int other = least_budget(device, children[1], call);
	int failed = 0, err = usual;

	if (other < budget)
		budget = other;
	for (unsigned int i = 2; err == usual && i < count; i++) {
		err = STARVED(budget, call(device, children[i]));
		if (err == -ENOMEM) {
			failed++;
			err = call(device, children[i]);
		}
	}
	return err == usual ? failed : -1;
}

TEST_F_TIMEOUT(fault_object, P12_76_what_no_table_has_room_for_is_not_there, SLOW)
{
	struct scene *scene = &self->scene;
	pid_t children[PART + 3];

	for (unsigned int i = 0; i < ARRAY_LEN(children); i++)
		children[i] = fork_sleeper();
	EXPECT_LT(0, starve_at(scene->device, children, ARRAY_LEN(children), key_result, 0));
	/* With kmemleak, which takes of the same memory, none of these may fail. */
	EXPECT_LE(0, starve_at(scene->device, children, ARRAY_LEN(children), link_result,
			       -EAGAIN));
	for (unsigned int i = 0; i < ARRAY_LEN(children); i++)
		end_child(children[i]);
	EXPECT_TRUE(scene_is_as_before(scene));
}

/* Of each the quota has room for a few only: what was not given back would show. */
TEST_F_TIMEOUT(fault_object, P10_60_failed_creations_use_nothing_up, SLOW)
{
	struct scene *scene = &self->scene;

	scene->fault->sweeps = 20;
	scene->fault->limit = msgpass_deadline(5 * SECOND);
	while (fault_next(scene->fault))
		ASSERT_TRUE(create_round(scene, scene->fault->nth % 2 ?
					 MSGPASS_PROCESS_OWNED : 0));
	EXPECT_FAULTS(scene, BOTH);
}

TEST_F_TIMEOUT(fault_object, P10_61_failed_opens_use_nothing_up, SLOW)
{
	struct scene *scene = &self->scene;
	int fd;

	scene->fault->sweeps = 20;
	scene->fault->limit = msgpass_deadline(5 * SECOND);
	while (fault_next(scene->fault)) {
		fd = UNDER_FAULT(scene->fault, open_mailbox(scene->device, scene->name,
							    MSGPASS_ACCESS_SEND));
		if (fd >= 0)
			close(fd);
	}
	EXPECT_FAULTS(scene, BOTH);
}

TEST_HARNESS_MAIN
