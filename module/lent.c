// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fault-inject-usercopy.h>
#include <linux/highmem.h>
#include <linux/instrumented.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/pagemap.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>

#include "lent.h"
#include "limit.h"

/* So many pages are looked up, copied or given back before somebody else may run. */
#define BATCH	64

/**
 * struct msgpass_lent - the pages of a payload
 * @references: references
 * @lock: held while a page is copied from; no other is taken inside it
 * @recalled: they are not to be read any more
 * @offset: where the payload begins in the first
 * @count: how many
 * @pages: referenced, until they are recalled
 */
struct msgpass_lent {
	refcount_t	references;
	spinlock_t	lock;		/* guards recalled, and reading the pages */
	bool		recalled;
	unsigned int	offset;
	unsigned int	count;
	struct page	*pages[];
};

static void put_pages(struct msgpass_lent *lent)
{
	unsigned int i;

	for (i = 0; i < lent->count; i++) {
		put_page(lent->pages[i]);
		if (i % BATCH == BATCH - 1)
			cond_resched();
	}
}

/* Return whether all are there; those that are, are counted. */
static bool get_pages(struct msgpass_lent *lent, unsigned long start, unsigned int count)
{
	unsigned int wanted;
	int got;

	/* Interrupts are off for as long as one call takes. */
	while (lent->count < count) {
		wanted = min_t(unsigned int, count - lent->count, BATCH);
		got = get_user_pages_fast(start + lent->count * PAGE_SIZE, wanted, 0,
					  lent->pages + lent->count);
		if (got > 0)
			lent->count += got;
		if (got < (int)wanted || fatal_signal_pending(current))
			return false;
		cond_resched();
	}
	return true;
}

struct msgpass_lent *msgpass_lent_new(const void __user *data, u32 size)
{
	unsigned long start = (unsigned long)data;
	unsigned int offset = offset_in_page(start);
	unsigned int count = DIV_ROUND_UP((size_t)offset + size, PAGE_SIZE);
	struct msgpass_lent *lent;

	lent = kvmalloc(struct_size(lent, pages, count), GFP_MSGPASS);
	if (!lent)
		return NULL;
	refcount_set(&lent->references, 2);
	spin_lock_init(&lent->lock);
	lent->recalled = false;
	lent->offset = offset;
	lent->count = 0;
	if (get_pages(lent, start - offset, count))
		return lent;
	put_pages(lent);
	kvfree(lent);
	return NULL;
}

/*
 * copy_to_user() of a piece of a page, without faults. What it reads is a user's page:
 * to look for a kernel object there is in vain, and takes longer than all else but the copy.
 * Return how much was not copied.
 */
static size_t copy_nofault(void __user *to, const void *from, size_t size)
{
	if (should_fail_usercopy() || !access_ok(to, size))
		return size;
	instrument_copy_to_user(to, from, size);
	pagefault_disable();
	size = raw_copy_to_user(to, from, size);
	pagefault_enable();
	return size;
}

/* Return how much was copied, or -EAGAIN. */
static int copy_from_page(struct msgpass_lent *lent, unsigned int page, unsigned int offset,
			  unsigned int size, void __user *to)
{
	int copied = -EAGAIN;
	void *from;

	spin_lock(&lent->lock);
	if (!lent->recalled) {
		from = kmap_local_page(lent->pages[page]);
		copied = size - copy_nofault(to, from + offset, size);
		kunmap_local(from);
	}
	spin_unlock(&lent->lock);
	return copied;
}

int msgpass_lent_copy_out(struct msgpass_lent *lent, u32 size, void __user *to)
{
	size_t at = lent->offset, end = at + size;
	unsigned int piece;
	int copied;

	while (at < end) {
		piece = min_t(size_t, end - at, PAGE_SIZE - offset_in_page(at));
		copied = copy_from_page(lent, at / PAGE_SIZE, offset_in_page(at), piece, to);
		if (copied < 0)
			return copied;
		at += copied;
		to += copied;
		if (likely(copied == piece) && at / PAGE_SIZE % BATCH)
			continue;
		if (fatal_signal_pending(current))
			return -EINTR;
		if (copied < piece && fault_in_writeable(to, piece - copied))
			return -EFAULT;
		cond_resched();
	}
	return 0;
}

void msgpass_lent_recall(struct msgpass_lent *lent)
{
	spin_lock(&lent->lock);
	lent->recalled = true;
	spin_unlock(&lent->lock);
	put_pages(lent);
	msgpass_lent_put(lent);
}

void msgpass_lent_put(struct msgpass_lent *lent)
{
	if (refcount_dec_and_test(&lent->references))
		kvfree(lent);
}
