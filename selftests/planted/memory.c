// SPDX-License-Identifier: GPL-2.0-only
#include <linux/slab.h>

#include "planted.h"

#define SIZE	100

/* The compiler must not see through it, nor leave it out. */
static noinline void look(const char *byte)
{
	(void)READ_ONCE(*byte);
}

int planted_use_after_free(void)
{
	char *memory = kmalloc(SIZE, GFP_KERNEL);

	if (!memory)
		return -ENOMEM;
	kfree(memory);
	look(memory);
	return 0;
}

int planted_out_of_bounds(void)
{
	char *memory = kmalloc(SIZE, GFP_KERNEL);

	if (!memory)
		return -ENOMEM;
	look(memory + SIZE);
	kfree(memory);
	return 0;
}

int planted_leak(void)
{
	int i;

	/* A stale register or two may still point to one. */
	for (i = 0; i < 8; i++) {
		void *memory = kmalloc(SIZE, GFP_KERNEL);

		if (!memory)
			return -ENOMEM;
		OPTIMIZER_HIDE_VAR(memory);
	}
	return 0;
}
