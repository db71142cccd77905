// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "loading.h"

/* Of /proc/sys/kernel/tainted: a bad page, an oops, a warning, a lockup. */
#define COMPLAINTS	0x42a0UL

static int ko = -1;

int load_module(void)
{
	return syscall(SYS_finit_module, ko, "", 0) ? -errno : 0;
}

int unload_module(void)
{
	return syscall(SYS_delete_module, "msgpass", O_NONBLOCK) ? -errno : 0;
}

static void load_again(void)
{
	for (int i = 0; i < 1000 && module_is_missing(); i++) {
		load_module();
		pause_ms();
	}
}

static unsigned long complaints(void)
{
	unsigned long tainted = 0;
	FILE *file = fopen("/proc/sys/kernel/tainted", "re");

	if (!file || fscanf(file, "%lu", &tainted) != 1)
		tainted = ~0UL;
	if (file)
		fclose(file);
	return tainted & COMPLAINTS;
}

static bool file_has(const char *path, const char *word)
{
	char line[512];
	FILE *file = fopen(path, "re");
	bool has = false;

	while (file && !has && fgets(line, sizeof(line), file))
		has = strstr(line, word);
	if (file)
		fclose(file);
	return has;
}

bool has_left_nothing(void)
{
	return module_is_missing() && access("/proc/sys/kernel/msgpass", F_OK) &&
	       access("/sys/module/msgpass", F_OK) &&
	       access("/sys/class/misc/msgpass", F_OK) &&
	       !file_has("/proc/slabinfo", "msgpass");
}

const char *loading_begin(struct loading *loading)
{
	const char *path = getenv("MSGPASS_KO");

	/* A guard may just be at it, of a test that failed. */
	if (!WITHIN(5 * SECOND, !module_is_missing()))
		return "msgpass is not loaded";
	if (geteuid())
		return "needs root";
	ko = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (ko < 0)
		return "no msgpass.ko to load again: set MSGPASS_KO";
	loading->complaints = complaints();
	loading->guard = start_guard(load_again);
	if (loading->guard < 0)
		return "no process to load it again";
	/* The end of a process is told a moment after it. */
	if (!UNTIL(!unload_module()))
		return "somebody else uses msgpass";
	return load_module() ? "msgpass does not load" : NULL;
}

bool loading_end(struct loading *loading)
{
	bool ended = !end_guard(loading->guard);

	close(ko);
	return ended && !module_is_missing() && loading->complaints == complaints();
}
