// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fault.h"

#define DEBUG_FS	"/sys/kernel/debug/"
#define LIMITS		"/proc/sys/kernel/msgpass/"
#define ALLOCATIONS	DEBUG_FS "failslab/verbose"
#define COPIES		DEBUG_FS "fail_usercopy/verbose"
#define BUDGET		DEBUG_FS "failslab/space"
/* Of the running thread, whichever that is. */
#define STARVES		"/proc/thread-self/make-it-fail"
#define COUNTER		"/proc/thread-self/fail-nth"

/* More rounds than any call here has: the counter does not count. */
#define ROUNDS_MAX	4000
/* Beyond this only pages are had, one like the other, and some are left out. */
#define ROUNDS_DENSE	48

/*
 * What is set while the tests run, and what they may change (without a value).
 * A fault that is told of would come with a stack trace, as if it were a report.
 */
static struct setting {
	const char *path;
	const char *value;
	char before[32];
} settings[] = {
	{ .path = ALLOCATIONS, .value = "0" },
	{ .path = DEBUG_FS "failslab/ignore-gfp-wait", .value = "N" },
	{ .path = DEBUG_FS "failslab/cache-filter", .value = "N" },
	/* Only of who has told so, and then always: see fault_starve(). */
	{ .path = DEBUG_FS "failslab/task-filter", .value = "Y" },
	{ .path = DEBUG_FS "failslab/times", .value = "1000000000" },
	{ .path = DEBUG_FS "failslab/probability", .value = "100" },
	{ .path = BUDGET },
	{ .path = DEBUG_FS "fail_page_alloc/verbose", .value = "0" },
	{ .path = DEBUG_FS "fail_page_alloc/ignore-gfp-wait", .value = "N" },
	{ .path = DEBUG_FS "fail_page_alloc/ignore-gfp-highmem", .value = "N" },
	{ .path = DEBUG_FS "fail_page_alloc/min-order", .value = "0" },
	{ .path = COPIES, .value = "0" },
	{ .path = LIMITS "user_bytes_max" },
	{ .path = LIMITS "user_messages_max" },
	{ .path = LIMITS "user_mailboxes_max" },
};

static pid_t keeper;
static bool unset;

static void read_line(const char *path, char *line, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, line, size - 1);

	line[length < 0 ? 0 : length] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (fd >= 0)
		close(fd);
}

static __attribute__((constructor)) void set_all(void)
{
	struct setting *setting;

	keeper = getpid();
	for (setting = settings; setting < settings + ARRAY_LEN(settings); setting++) {
		read_line(setting->path, setting->before, sizeof(setting->before));
		if (setting->before[0] && setting->value &&
		    write_file(setting->path, setting->value))
			unset = true;
	}
}

static __attribute__((destructor)) void restore_all(void)
{
	struct setting *setting = settings + ARRAY_LEN(settings);

	if (getpid() != keeper)
		return;
	/* Backwards: first what the others have limited. */
	while (setting-- > settings)
		if (setting->before[0])
			write_file(setting->path, setting->before);
}

/* Not by access(2), which asks for the real user, who need not be root. */
static const struct setting *find_setting(const char *path)
{
	const struct setting *setting = settings;

	while (strcmp(setting->path, path))
		setting++;
	return setting;
}

const char *fault_lacking(void)
{
	if (access(COUNTER, W_OK))
		return "needs fault injection in the kernel";
	if (!find_setting(ALLOCATIONS)->before[0])
		return "needs failslab in the kernel, debugfs mounted, and root";
	return unset ? "fault injection cannot be set up" : NULL;
}

bool fault_has_copies(void)
{
	return find_setting(COPIES)->before[0];
}

static void complain(struct fault *fault, const char *what, const char *why)
{
	printf("# with fault %u: %s: %s\n", fault->nth, what, why);
	fault->wrong = true;
}

bool fault_next(struct fault *fault)
{
	if (fault->wrong)
		return false;
	if (fault->nth && !fault->fired) {
		if (fault->sweeps <= 1 || msgpass_deadline(0) > fault->limit)
			return false;
		fault->sweeps--;
		fault->nth = 0;
	}
	fault->nth += fault->nth < ROUNDS_DENSE ? 1 : fault->nth / 8;
	fault->fired = false;
	if (fault->nth > ROUNDS_MAX)
		complain(fault, "the rounds", "no end of them");
	return !fault->wrong;
}

void fault_arm(struct fault *fault)
{
	char text[16];

	fault->file = open(COUNTER, O_RDWR | O_CLOEXEC);
	snprintf(text, sizeof(text), "%u", fault->nth);
	if (fault->file < 0 || pwrite(fault->file, text, strlen(text), 0) < 0)
		complain(fault, "the kernel's counter", strerror(errno));
}

/*
 * What the counter has left; 0 if the fault has come. Its reading and writing are
 * copies that count, too: what fails in them has not failed before.
 */
static unsigned long disarm(struct fault *fault)
{
	unsigned long left = 1;
	char text[16] = "";

	if (pread(fault->file, text, sizeof(text) - 1, 0) >= 0)
		left = strtoul(text, NULL, 10);
	else if (errno != EFAULT)
		complain(fault, "the kernel's counter", strerror(errno));
	if (pwrite(fault->file, "0", 1, 0) < 0 && errno != EFAULT)
		complain(fault, "the kernel's counter", strerror(errno));
	close(fault->file);
	return left;
}

int fault_disarm(struct fault *fault, int result, int usual)
{
	bool as_usual = usual ? result == usual : result >= 0;

	fault->left = disarm(fault);
	fault->fired = !fault->left;
	if (fault->fired && result == -EFAULT)
		fault->copies++;
	else if (fault->fired)
		fault->allocations++;
	if (fault->fired && result == -ENOMEM)
		fault->refused++;
	if (!as_usual && !(fault->fired && (result == -EFAULT || result == -ENOMEM)))
		complain(fault, fault->fired ? "the call" : "which did not come, the call",
			 result < 0 ? strerror(-result) : "it succeeded");
	return result;
}

int fault_starve(unsigned int budget)
{
	int file = open(STARVES, O_WRONLY | O_CLOEXEC);
	char text[16];

	snprintf(text, sizeof(text), "%u", budget);
	MUST(file >= 0 && !write_file(BUDGET, text));
	MUST(pwrite(file, "1", 1, 0) == 1);
	return file;
}

void fault_feed(int file)
{
	MUST(pwrite(file, "0", 1, 0) == 1);
	close(file);
}

bool fault_seen(const struct fault *fault, unsigned int kinds)
{
	printf("# faults: %u of allocations (%u times ENOMEM), %u of user copies\n",
	       fault->allocations, fault->refused, fault->copies);
	if (kinds & FAULT_ALLOCATION && !fault->allocations)
		return false;
	if (kinds & FAULT_COPY && fault_has_copies() && !fault->copies)
		return false;
	return !fault->wrong;
}

static bool can_send(struct scene *scene)
{
	char text[8];

	return !send_text(scene->mailbox, "probe") &&
	       receive_flags(scene->mailbox, text, sizeof(text), MSGPASS_NONBLOCK) == 5;
}

static bool can_create(struct scene *scene)
{
	int mailbox = create_mailbox(scene->device, scene->other, 1, 64);

	if (mailbox < 0)
		return false;
	delete_mailbox(mailbox);
	close(mailbox);
	return true;
}

/* Of the limits up to @most, the least that is enough; beyond it if none is. */
static unsigned long least_limit(struct scene *scene, const char *path,
				 unsigned long most, bool (*is_enough)(struct scene *))
{
	unsigned long low = 0, high = most + 1, middle;
	char text[24];

	while (low < high) {
		middle = low + (high - low) / 2;
		snprintf(text, sizeof(text), "%lu", middle);
		write_file(path, text);
		if (is_enough(scene))
			high = middle;
		else
			low = middle + 1;
	}
	write_file(path, find_setting(path)->before);
	return low;
}

static unsigned long count_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned long count = 0;

	while (folder && readdir(folder))
		count++;
	if (folder)
		closedir(folder);
	return count;
}

/* The second: during the call the counter has the lowest. */
static int second_descriptor(void)
{
	int first = dup(STDIN_FILENO);
	int second = dup(STDIN_FILENO);

	close(second);
	close(first);
	return second;
}

static struct usage usage_of(struct scene *scene)
{
	char references[32];

	/* Our inbox lets go of the module at any close: by a child's, too. */
	close(dup(scene->device));
	read_line("/sys/module/msgpass/refcnt", references, sizeof(references));
	return (struct usage){
		.bytes = least_limit(scene, LIMITS "user_bytes_max", 1 << 20, can_send),
		.messages = least_limit(scene, LIMITS "user_messages_max", 64, can_send),
		.mailboxes = least_limit(scene, LIMITS "user_mailboxes_max", 64, can_create),
		.files = count_files(),
		.descriptor = second_descriptor(),
		.module = strtoul(references, NULL, 10),
	};
}

static void print_usage(const char *when, const struct usage *usage)
{
	printf("# %s: %lu bytes, %lu messages, %lu mailboxes, ", when, usage->bytes,
	       usage->messages, usage->mailboxes);
	printf("%lu files, the next is %lu, %lu of the module\n", usage->files,
	       usage->descriptor, usage->module);
}

/* The first message in a mailbox holds the module from then on. */
static bool create_scene_mailbox(struct scene *scene)
{
	scene->mailbox = create_mailbox(scene->device, scene->name, 4, 8 << 20);
	return scene->mailbox >= 0 && can_send(scene);
}

static void end_scene_mailbox(struct scene *scene)
{
	delete_mailbox(scene->mailbox);
	close(scene->mailbox);
}

bool scene_is_as_before(struct scene *scene)
{
	uint64_t limit = msgpass_deadline(20 * SECOND);
	struct usage now;

	/* One whose use did not end goes on counting beside the new one. */
	end_scene_mailbox(scene);
	if (!create_scene_mailbox(scene))
		return false;
	do {
		now = usage_of(scene);
		if (!memcmp(&now, &scene->before, sizeof(now)))
			return true;
		sched_yield();
	} while (msgpass_deadline(0) < limit);
	print_usage("before", &scene->before);
	print_usage("now", &now);
	return false;
}

/* The real user pays; the effective one, root, is who may inject faults. */
static bool become_payer(uid_t uid)
{
	return !setresuid(uid, 0, 0);
}

pid_t fork_new_user(void)
{
	pid_t pid = fork_child();

	if (!pid)
		MUST(become_payer((2U << 24) + getpid()));
	return pid;
}

static bool set_scene(struct scene *scene)
{
	if (!become_payer((1U << 24) + getpid()))
		return false;
	scene->device = open_device();
	if (scene->device < 0)
		return false;
	/* As with a mailbox, the inbox's first message holds the module. */
	return create_scene_mailbox(scene) &&
	       !send_text_to(scene->device, getpid(), "self") &&
	       next_is(scene->device, "self");
}

bool scene_open(struct scene *scene)
{
	*scene = (struct scene){ .device = -1, .mailbox = -1 };
	name_mailbox(scene->name, "m");
	name_mailbox(scene->other, "other");
	scene->fault = share_memory(sizeof(*scene->fault));
	/* What one sweep steps over, because another took it for more, the next meets. */
	scene->fault->sweeps = 2;
	scene->fault->limit = msgpass_deadline(10 * SECOND);
	if (set_scene(scene)) {
		scene->before = usage_of(scene);
		return true;
	}
	scene_close(scene);
	return false;
}

void scene_close(struct scene *scene)
{
	end_scene_mailbox(scene);
	unlink_mailbox(scene->device, scene->other);
	close(scene->device);
	munmap(scene->fault, sizeof(*scene->fault));
}
