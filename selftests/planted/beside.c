// SPDX-License-Identifier: GPL-2.0-only
/*
 * A write beside an object that no instrumented code does: a device could, by
 * DMA. Only the allocator's own checks see it, when the object is freed.
 */
#include <linux/slab.h>

#include "planted.h"

#define SIZE	104

int planted_red_zone(void)
{
	struct kmem_cache *cache = kmem_cache_create("planted", SIZE, 0, 0, NULL);
	char *memory;

	if (!cache)
		return -ENOMEM;
	memory = kmem_cache_alloc(cache, GFP_KERNEL);
	if (memory) {
		WRITE_ONCE(memory[SIZE], 0);
		kmem_cache_free(cache, memory);
	}
	/* What KASAN still holds back is freed with its cache. */
	kmem_cache_destroy(cache);
	return memory ? 0 : -ENOMEM;
}
