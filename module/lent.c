// SPDX-License-Identifier: GPL-2.0-only
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "lent.h"
#include "limit.h"

/**
 * struct msgpass_lent - the pages of a payload
 * @offset: where it begins in the first
 * @count: how many
 * @pages: referenced
 */
struct msgpass_lent {
	unsigned int	offset;
	unsigned int	count;
	struct page	*pages[];
};

struct msgpass_lent *msgpass_lent_new(const void __user *data, u32 size)
{
	unsigned long start = (unsigned long)data;
	unsigned int offset = offset_in_page(start);
	unsigned int count = DIV_ROUND_UP((size_t)offset + size, PAGE_SIZE);
	struct msgpass_lent *lent;
	int got;

	lent = kvmalloc(struct_size(lent, pages, count), GFP_MSGPASS);
	if (!lent)
		return NULL;
	got = get_user_pages_fast(start, count, 0, lent->pages);
	lent->offset = offset;
	lent->count = max(got, 0);
	if (lent->count == count)
		return lent;
	msgpass_lent_free(lent);
	return NULL;
}

int msgpass_lent_copy_out(const struct msgpass_lent *lent, u32 size, void __user *to)
{
	unsigned int offset = lent->offset;
	struct page *const *page = lent->pages;
	struct iov_iter iter;
	unsigned int piece;

	iov_iter_ubuf(&iter, READ, to, size);
	for (; size; size -= piece, offset = 0, page++) {
		piece = min_t(u32, size, PAGE_SIZE - offset);
		if (copy_page_to_iter(*page, offset, piece, &iter) != piece)
			return -EFAULT;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

void msgpass_lent_free(struct msgpass_lent *lent)
{
	unsigned int i;

	for (i = 0; i < lent->count; i++)
		put_page(lent->pages[i]);
	kvfree(lent);
}
