/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loading: the module goes and comes again in a test.
 *
 * $MSGPASS_KO is the module. A guard loads it again whatever becomes of the test.
 * Such tests run last: with the module goes what others might ask it about.
 */
#ifndef SELFTESTS_LOADING_H
#define SELFTESTS_LOADING_H

#include "util.h"

/**
 * struct loading - the module, as it was found
 * @guard: who loads it again
 * @complaints: what of the kernel's taint tells of a fault
 */
struct loading {
	pid_t guard;
	unsigned long complaints;
};

/* Return why it cannot be unloaded and loaded here, or NULL: then it is loaded. */
const char *loading_begin(struct loading *loading);
/* Whether it is loaded again, and the kernel has found no fault meanwhile. */
bool loading_end(struct loading *loading);

/* Return 0 or -errno. */
int load_module(void);
int unload_module(void);
/* Whether nothing of it is to be seen. */
bool has_left_nothing(void);

#endif /* SELFTESTS_LOADING_H */
