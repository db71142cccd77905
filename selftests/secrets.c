// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the module shows has no address of the kernel in it, and what users send does
 * not lie among the kernel's own objects (P12).
 */
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

#include <kselftest_harness.h>

FIXTURE(secrets)
{
	char name[MAILBOX_NAME_SIZE];
	int device, mailbox;
};

FIXTURE_SETUP(secrets)
{
	if (module_is_missing())
		SKIP(return, "msgpass is not loaded");
	name_mailbox(self->name, "m");
	self->device = open_device();
	ASSERT_LE(0, self->device);
	self->mailbox = create_mailbox(self->device, self->name, 4, 64);
	ASSERT_LE(0, self->mailbox);
}

FIXTURE_TEARDOWN(secrets)
{
	delete_mailbox(self->mailbox);
	close(self->mailbox);
	close(self->device);
}

TEST_F(secrets, P12_55_keys_and_numbers_are_counted_and_no_addresses)
{
	struct msgpass_next_process process = { };
	struct msgpass_next_link link = { };
	struct timespec now;
	uint64_t boot;

	ASSERT_EQ(0, send_text_to(self->device, getpid(), "x"));
	ASSERT_EQ(0, clock_gettime(CLOCK_BOOTTIME, &now));
	boot = now.tv_sec * SECOND + now.tv_nsec;
	/* Keys begin at the time of loading, and are fewer than nanoseconds pass. */
	EXPECT_GT(boot, key_of(self->device, 0));
	EXPECT_EQ(0, msgpass_raw_next_process(self->device, &process));
	EXPECT_GT(boot, process.key);
	EXPECT_EQ(0, msgpass_raw_next_link(self->device, &link));
	EXPECT_GT(1U << 28, link.number);
	EXPECT_GT(boot, link.since);
	EXPECT_TRUE(next_is(self->device, "x"));
}

/*
 * Where the kernel may be, with page tables of five levels, too. The last page has
 * what is meant as small negative numbers.
 */
static bool is_address(unsigned long long number)
{
	return number >= 0xff00000000000000ULL && number < 0xfffffffffffff000ULL;
}

/* Whether a text has digits that make a kernel address: 16, or 20 where it is decimal. */
static bool has_address(const char *text)
{
	const char *digits = "0123456789abcdefABCDEF";

	while (*text) {
		size_t length = strspn(text, digits);

		if ((length == 16 && is_address(strtoull(text, NULL, 16))) ||
		    (length == 20 && is_address(strtoull(text, NULL, 10))))
			return true;
		text += length ?: 1;
	}
	return false;
}

static int read_files;

/* For nftw(): a file that cannot be read shows nothing. */
static int shows_no_address(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	char text[16384];
	ssize_t size;
	int fd;

	(void)stat;
	(void)ftw;
	if (type != FTW_F)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return 0;
	size = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (size < 0)
		return 0;
	read_files++;
	text[size] = '\0';
	if (!has_address(text))
		return 0;
	printf("# %s: %s\n", path, text);
	return 1;
}

TEST_F(secrets, P12_56_what_a_user_reads_of_it_shows_no_kernel_address)
{
	static const char * const trees[] = {
		"/proc/sys/kernel/msgpass", "/sys/module/msgpass", "/proc/self/fdinfo",
		"/sys/devices/virtual/misc/msgpass", "/proc/misc",
	};
	char link[128], path[64];
	pid_t child;

	ASSERT_TRUE(has_address("at ffff888012345678, or"));
	ASSERT_TRUE(has_address("0xFFFFffffC0123456"));
	ASSERT_TRUE(has_address("ff3a6bbfc20b1000\n"));
	ASSERT_TRUE(has_address("18446744072639815680\n"));
	ASSERT_FALSE(has_address("00000000ffffffff ffff 12345678ffff888012345678"));
	ASSERT_FALSE(has_address("18446744073709551615\n"));
	child = fork_child();
	if (!child) {
		if (!geteuid())
			become_user();
		/* Or its descriptors would be root's to see. */
		prctl(PR_SET_DUMPABLE, 1);
		for (size_t i = 0; i < ARRAY_LEN(trees); i++)
			MUST(nftw(trees[i], shows_no_address, 8, FTW_PHYS) <= 0);
		/* Five sysctls and three descriptors at the least. */
		MUST(read_files >= 8);
		_exit(0);
	}
	EXPECT_EQ(0, wait_child(child));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->mailbox);
	memset(link, 0, sizeof(link));
	ASSERT_LT(0, readlink(path, link, sizeof(link) - 1));
	EXPECT_EQ(0, strcmp("anon_inode:[msgpass]", link));
}

/* What the kernel itself says when a module comes that it has not been built with. */
static bool is_of_the_loader(const char *line)
{
	return strstr(line, "out-of-tree module") || strstr(line, "module verification failed");
}

TEST_F(secrets, P12_57_it_writes_nothing_to_the_kernels_log)
{
	struct msgpass_receive bad = { .flags = ~0U };
	char record[8192], *text = "";
	bool said = false;
	ssize_t size;
	int log = open("/dev/kmsg", O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (log < 0)
		SKIP(return, "no /dev/kmsg that could be read");
	/* What is there since the module was loaded, and what errors add to it. */
	EXPECT_EQ(-EINVAL, receive_full(self->device, &bad));
	EXPECT_EQ(-EFAULT, send_flags(self->mailbox, (void *)8, 8, 0));
	while (!said && ((size = read(log, record, sizeof(record) - 1)) > 0 || errno == EPIPE)) {
		if (size <= 0)
			continue;
		record[size] = '\0';
		text = strchr(record, ';');
		said = text && !strncmp(text, ";msgpass", strlen(";msgpass")) &&
		       !is_of_the_loader(text);
	}
	EXPECT_FALSE(said)
		TH_LOG("%s", text);
	close(log);
}

/* How many objects of a cache are in use, or -1 if there is no such cache to be read. */
static long objects_of(const char *cache)
{
	FILE *file = fopen("/proc/slabinfo", "r");
	char line[512], name[128];
	long active, found = -1;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%127s %ld", name, &active) == 2 && !strcmp(name, cache))
			found = active;
	if (file)
		fclose(file);
	return found;
}

TEST_F(secrets, P12_58_payloads_lie_in_caches_that_nothing_else_uses)
{
	static const struct {
		const char *cache;
		unsigned int size;
	} kinds[] = {
		{ "msgpass_message", 8 },
		{ "msgpass_payload_256", 256 },
		{ "msgpass_payload_512", 257 },
		{ "msgpass_payload_1024", 1000 },
		{ "msgpass_payload_2048", 2048 },
		{ "msgpass_payload_4096", 2049 },
		{ "msgpass_payload_8192", 8192 },
	};
	static const unsigned int count = 200;
	struct msgpass_set set = {
		.flags = MSGPASS_SET_CAPACITY,
		.capacity = MSGPASS_UNBOUNDED,
	};
	static char payload[8192];
	int mailbox;

	if (access("/proc/slabinfo", R_OK))
		SKIP(return, "/proc/slabinfo cannot be read");
	/* What keeps caches apart up to 6.4 is a part of hardened usercopy. */
	if (objects_of("msgpass_message") < 0 &&
	    access("/sys/kernel/slab/msgpass_message/usersize", F_OK))
		SKIP(return, "this kernel merges caches of one size, or lists none");
	delete_mailbox(self->mailbox);
	mailbox = create_mailbox(self->device, self->name, 4, sizeof(payload));
	ASSERT_LE(0, mailbox);
	dup3(mailbox, self->mailbox, O_CLOEXEC);
	close(mailbox);
	ASSERT_EQ(0, set_mailbox(self->mailbox, &set));
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		for (unsigned int j = 0; j < count; j++)
			ASSERT_EQ(0, send_flags(self->mailbox, payload, kinds[i].size,
						MSGPASS_NONBLOCK));
		EXPECT_LE(count, objects_of(kinds[i].cache))
			TH_LOG("of %s, which is merged with others if it is not listed",
			       kinds[i].cache);
	}
}

TEST_HARNESS_MAIN
