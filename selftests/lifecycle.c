// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module comes and goes (P12): it is refused to go while anything of it is in
 * use, and leaves nothing when it goes, however busy the machine is.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "loading.h"

#include <kselftest_harness.h>

#define TIMES		200
/* A slow kernel does it fewer times, but at least so often. */
#define TIMES_MIN	20
#define ENOUGH		(60 * SECOND)
#define WORKERS		4

FIXTURE(lifecycle)
{
	struct loading loading;
	pid_t workers[WORKERS];
};

FIXTURE_SETUP(lifecycle)
{
	const char *lacking = loading_begin(&self->loading);

	if (lacking)
		SKIP(return, "%s", lacking);
}

FIXTURE_TEARDOWN(lifecycle)
{
	for (unsigned int i = 0; i < WORKERS; i++)
		if (self->workers[i] > 0)
			end_child(self->workers[i]);
	EXPECT_TRUE(loading_end(&self->loading));
}

/* What uses the module, and the end of that use. */
enum use { DEVICE, NAME, DESCRIPTOR, WAIT, RESTS, SYNCHRONOUS, USES };

static void begin_wait(pid_t *child, bool sends)
{
	*child = fork_child();
	if (*child)
		return;
	if (sends) {
		struct msgpass_send send = {
			.flags = MSGPASS_SYNC,
			.data = (uintptr_t)"x",
			.size = 1,
			.to = getppid(),
		};

		_exit(send_full(open_device(), &send));
	}
	_exit(receive_flags(open_device(), NULL, 0, 0));
}

/* Return a descriptor that keeps it, or -1 where it is kept without one. */
static int begin(enum use use, const char *name, pid_t *child)
{
	int device, mailbox;

	/* A process that has never heard of us, and has no descriptor of ours either. */
	if (use == RESTS)
		*child = fork_sleeper();
	device = open_device();
	MUST(device >= 0);
	switch (use) {
	case NAME:
	case DESCRIPTOR:
		mailbox = create_mailbox(device, name, 1, 64);
		MUST(mailbox >= 0);
		close(device);
		if (use == NAME) {
			close(mailbox);
			return -1;
		}
		device = open_device();
		MUST(!unlink_mailbox(device, name));
		close(device);
		return mailbox;
	case WAIT:
	case SYNCHRONOUS:
		begin_wait(child, use == SYNCHRONOUS);
		MUST(until_asleep(*child, *child));
		break;
	case RESTS:
		MUST(!send_text_to(device, *child, "x"));
		break;
	default:
		return device;
	}
	close(device);
	return -1;
}

static void end(enum use use, const char *name, int fd, pid_t child)
{
	int device;

	if (use == NAME) {
		device = open_device();
		MUST(!unlink_mailbox(device, name));
		close(device);
	}
	if (fd >= 0)
		close(fd);
	if (child)
		end_child(child);
}

TEST_F_TIMEOUT(lifecycle, P12_80_whatever_uses_the_module_keeps_it_and_no_longer, SLOW)
{
	char name[MAILBOX_NAME_SIZE];

	name_mailbox(name, "m");
	for (enum use use = 0; use < USES; use++) {
		pid_t child = 0;
		int fd = begin(use, name, &child);

		for (int i = 0; i < 10; i++) {
			ASSERT_EQ(-EWOULDBLOCK, unload_module())
				TH_LOG("use %d", use);
		}
		EXPECT_FALSE(module_is_missing());
		end(use, name, fd, child);
		ASSERT_TRUE(UNTIL(!unload_module()))
			TH_LOG("use %d", use);
		EXPECT_TRUE(has_left_nothing());
		ASSERT_EQ(0, load_module());
	}
}

/* A sender that was admitted and is to be woken a tick later goes before that, and all with it. */
static void leave_late(void)
{
	char name[MAILBOX_NAME_SIZE];
	int device = open_device(), mailbox;
	struct task task;

	MUST(device >= 0);
	name_mailbox(name, "late");
	mailbox = create_mailbox(device, name, 4, 64);
	MUST(mailbox >= 0 && !unlink_mailbox(device, name));
	for (int i = 0; i < 4; i++)
		MUST(!send_text(mailbox, "x"));
	start_send(&task, mailbox, "y", 0, 0);
	MUST(until_senders_wait(mailbox, 1) && until_asleep(getpid(), task.tid));
	MUST(next_is(mailbox, "x"));
	interrupt(&task, false);
	MUST(!join(&task));
	close(mailbox);
	close(device);
}

TEST_F(lifecycle, P12_150_a_wake_up_that_is_due_later_does_not_outlive_the_module)
{
	for (int i = 0; i < 3; i++) {
		/* A tick is short: in some it has not come yet. */
		for (int j = 0; j < 20; j++)
			leave_late();
		ASSERT_TRUE(UNTIL(!unload_module()));
		EXPECT_TRUE(has_left_nothing());
		ASSERT_EQ(0, load_module());
	}
}

/*
 * Everything once: mailboxes that end with the process, whatever becomes of it,
 * messages received and not, to itself too. Most of the time it is away, so that
 * the module is unused now and then.
 */
static void use_once(unsigned int *dice, pid_t parent, unsigned int life)
{
	char name[MAILBOX_NAME_SIZE], text[8];
	struct msgpass_create create = {
		.flags = MSGPASS_PROCESS_OWNED,
		.access = MSGPASS_ACCESS_BOTH,
		.name = (uintptr_t)name,
		.capacity = rand_r(dice) % 3,
		.mode = 0600,
	};
	int device = open_device(), mailbox;

	if (device < 0) {
		/* Away; or just now going. */
		MUST(device == -ENOENT || device == -ENODEV || device == -ENXIO);
		return;
	}
	snprintf(name, sizeof(name), "lifecycle-%d-%d-%u", parent, getpid(), life);
	mailbox = create_full(device, &create);
	MUST(mailbox >= 0);
	for (int i = rand_r(dice) % 20; i; i--) {
		int sent = send_text(mailbox, "x");

		MUST(sent == (create.capacity ? 0 : -EAGAIN));
		MUST(send_text_to(device, getpid(), "self") != -ESRCH);
		if (!sent)
			MUST(next_is(mailbox, "x"));
	}
	/* What it leaves in its inbox keeps the module as long as it lives. */
	while (rand_r(dice) % 64 &&
	       receive_from(device, getpid(), text, sizeof(text), MSGPASS_NONBLOCK) == 4)
		;
	if (rand_r(dice) % 8)
		MUST(!delete_mailbox(mailbox));
	close(mailbox);
	close(device);
}

static pid_t fork_worker(unsigned int seed)
{
	pid_t parent = getpid(), pid = fork_child();
	unsigned int lives;

	if (pid)
		return pid;
	for (lives = rand_r(&seed) % 8; lives; lives--) {
		use_once(&seed, parent, lives);
		usleep(rand_r(&seed) % 16000);
	}
	_exit(0);
}

/* Those that have ended are followed by others; one is killed. */
static bool keep_busy(pid_t workers[WORKERS], unsigned int *seed)
{
	unsigned int victim = rand_r(seed) % WORKERS;
	int status;

	if (workers[victim])
		kill(workers[victim], SIGKILL);
	for (unsigned int i = 0; i < WORKERS; i++) {
		status = 0;
		if (workers[i] && waitpid(workers[i], &status, WNOHANG) != workers[i])
			continue;
		workers[i] = 0;
		if (status && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
			return false;
		workers[i] = fork_worker(rand_r(seed));
	}
	return true;
}

/* How often it went and came, and how long that took in ns, without what was refused. */
struct cycles {
	unsigned int done, refused;
	uint64_t unloading, loading;
};

/* Unload it in a moment when nobody uses it, of which there are enough. */
static int unload_busy(pid_t workers[WORKERS], unsigned int *seed, struct cycles *cycles)
{
	uint64_t limit = msgpass_deadline(20 * SECOND), start;
	int err;

	for (;;) {
		start = msgpass_deadline(0);
		err = unload_module();
		if (!err)
			cycles->unloading += msgpass_deadline(0) - start;
		if (err != -EWOULDBLOCK || start > limit)
			return err;
		if (++cycles->refused % 16 == 0 && !keep_busy(workers, seed))
			return -ECHILD;
		usleep(100);
	}
}

static int load_busy(struct cycles *cycles)
{
	uint64_t start = msgpass_deadline(0);
	int err = load_module();

	cycles->loading += msgpass_deadline(0) - start;
	return err;
}

TEST_F_TIMEOUT(lifecycle, P12_81_it_comes_and_goes_two_hundred_times_under_load, SLOW)
{
	uint64_t start = msgpass_deadline(0);
	struct cycles cycles = { };
	unsigned int seed = 1;

	for (; cycles.done < TIMES; cycles.done++) {
		if (cycles.done >= TIMES_MIN && msgpass_deadline(0) - start > ENOUGH)
			break;
		ASSERT_TRUE(keep_busy(self->workers, &seed));
		ASSERT_EQ(0, unload_busy(self->workers, &seed, &cycles));
		if (cycles.done % 8 == 0)
			EXPECT_TRUE(has_left_nothing());
		/* Some find it gone. */
		ASSERT_TRUE(keep_busy(self->workers, &seed));
		ASSERT_EQ(0, load_busy(&cycles));
	}
	EXPECT_LT(0, cycles.refused);
	TH_LOG("%u times in %u ms, %u of them to unload and %u to load; refused %u times",
	       cycles.done, in_ms(msgpass_deadline(0) - start), in_ms(cycles.unloading),
	       in_ms(cycles.loading), cycles.refused);
	for (unsigned int i = 0; i < WORKERS; i++) {
		end_child(self->workers[i]);
		self->workers[i] = 0;
	}
	ASSERT_TRUE(UNTIL(!unload_module()));
	EXPECT_TRUE(has_left_nothing());
	ASSERT_EQ(0, load_module());
}

TEST_HARNESS_MAIN
