// SPDX-License-Identifier: GPL-2.0-only
/* Addresses for calls: good ones, bad ones, and such as change during the call. */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

#include "fuzz.h"

#define PAGE	4096

uint8_t *big_buffer, *readonly_page;
static uint8_t *big_data;		/* zeroes, at no cost */
static int uffd = -1;

static uint8_t *map(size_t size, int protection)
{
	uint8_t *memory = mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			       -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void memory_begin(void)
{
	struct uffdio_api api = { .api = UFFD_API };

	big_buffer = map(BIG_SIZE + PAGE, PROT_READ | PROT_WRITE);
	big_data = map(BIG_SIZE + PAGE, PROT_READ);
	readonly_page = map(PAGES * PAGE, PROT_READ);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd >= 0 && ioctl(uffd, UFFDIO_API, &api)) {
		close(uffd);
		uffd = -1;
	}
}

static void register_stalling(uint8_t *start, size_t size)
{
	struct uffdio_register area = {
		.range = { (uintptr_t)start, size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	if (uffd >= 0)
		ioctl(uffd, UFFDIO_REGISTER, &area);
}

bool memory_open(struct memory *memory)
{
	for (int role = 0; role < ROLES; role++) {
		memory->stable[role] = map(STABLE_SIZE + PAGE, PROT_READ | PROT_WRITE);
		memory->shifty[role] = map(PAGES * PAGE, PROT_READ | PROT_WRITE);
		memory->stalling[role] = map(PAGES * PAGE, PROT_READ | PROT_WRITE);
		if (!memory->stable[role] || !memory->shifty[role] || !memory->stalling[role])
			return false;
		if (mprotect(memory->stable[role] + STABLE_SIZE, PAGE, PROT_NONE))
			return false;
		register_stalling(memory->stalling[role], PAGES * PAGE);
	}
	return true;
}

/* Where nothing is, or nothing that is the caller's. */
static uint64_t wild_address(struct source *source)
{
	static const uint64_t wild[] = {
		0, 1, 0x10, 0x7ffffffff000ULL, 0x7fffffffffffULL, 0x800000000000ULL,
		0xffff800000000000ULL, 0xffff888000001000ULL, 0xffffffff81000000ULL,
		0xffffffffffffff00ULL, 0xffffffffffffffffULL, 0x8000000000000000ULL,
	};

	return wild[source_below(source, ARRAY_LEN(wild))];
}

/*
 * In pages that may go away: of an argument and a name never across two, since half of
 * it may name something that is not ours; of nothing beyond them, where other memory is.
 */
static uint64_t in_pages(uint8_t *pages, struct source *source, enum role role, size_t size)
{
	unsigned int offset = source_below(source, PAGES - 1) * PAGE;

	if (size > PAGE)
		return (uintptr_t)pages;
	if (role == ROLE_ARGUMENT || role == ROLE_NAME || source_one_in(source, 2))
		return (uintptr_t)pages + offset;
	return (uintptr_t)pages + offset + PAGE - source_below(source, size + 1);
}

static struct place stable_place(const struct memory *memory, struct source *source,
				 enum role role, size_t size)
{
	uint8_t *start = memory->stable[role] + CANARY;
	struct place place = {
		.address = (uintptr_t)start,
		.stable = size <= STABLE_SIZE - PAGE - 2 * CANARY,
		.whole = size <= STABLE_SIZE - CANARY,
	};

	if (place.stable && source_one_in(source, 4))
		place.address += source_below(source, PAGE);
	return place;
}

struct place memory_place(const struct memory *memory, struct source *source,
			  enum role role, size_t size)
{
	/* A wild argument tells little: the call ends there. */
	unsigned int chances = role == ROLE_ARGUMENT ? 64 : 32;
	uint8_t *end = memory->stable[role] + STABLE_SIZE;
	unsigned int choice = source_below(source, chances);
	uint8_t *pages = NULL;

	if (choice && size > (choice < 3 ? STABLE_SIZE : PAGES * PAGE))
		choice = chances;
	if (choice == 0)
		return (struct place){ .address = wild_address(source) };
	/* The last byte is there, what follows is not; or the last is not, either. */
	if (choice == 1)
		return (struct place){ .address = (uintptr_t)end - size, .whole = true };
	if (choice == 2)
		return (struct place){
			.address = (uintptr_t)end - size + 1 + source_below(source, size + 1) };
	if (choice == 3)
		return (struct place){ .address = (uintptr_t)readonly_page };
	if (choice <= 6)
		pages = memory->shifty[role];
	else if (choice <= 8 && uffd >= 0)
		pages = memory->stalling[role];
	if (pages)
		return (struct place){ .address = in_pages(pages, source, role, size) };
	if (role == ROLE_DATA && size > STABLE_SIZE && size <= BIG_SIZE)
		return (struct place){ .address = (uintptr_t)big_data };
	if (role == ROLE_BUFFER && size > STABLE_SIZE && size <= BIG_SIZE)
		return (struct place){ .address = (uintptr_t)big_buffer };
	return stable_place(memory, source, role, size);
}

static bool copy(void *to, const void *from, size_t size)
{
	if (sigsetjmp(self->jump, 0)) {
		__atomic_store_n(&self->guarded, false, __ATOMIC_RELAXED);
		return false;
	}
	__atomic_store_n(&self->guarded, true, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	memcpy(to, from, size);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&self->guarded, false, __ATOMIC_RELAXED);
	return true;
}

bool memory_poke(uint64_t address, const void *from, size_t size)
{
	return copy((void *)(uintptr_t)address, from, size);
}

bool memory_peek(void *to, uint64_t address, size_t size)
{
	return copy(to, (const void *)(uintptr_t)address, size);
}

/* Give the page, or take it away for good and put another one there. */
static void answer(struct stream *chance, uint64_t address)
{
	struct uffdio_range range = { address & ~(uint64_t)(PAGE - 1), PAGE };
	struct uffdio_zeropage zero = { .range = range };
	void *page = (void *)(uintptr_t)range.start;

	switch (stream_below(chance, 4)) {
	case 0:
		munmap(page, PAGE);
		ioctl(uffd, UFFDIO_WAKE, &range);
		mmap(page, PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		register_stalling(page, PAGE);
		break;
	case 1:
		mprotect(page, PAGE, PROT_READ);
		ioctl(uffd, UFFDIO_ZEROPAGE, &zero);
		mprotect(page, PAGE, PROT_READ | PROT_WRITE);
		break;
	default:
		ioctl(uffd, UFFDIO_ZEROPAGE, &zero);
	}
}

void memory_answer(struct stream *chance, int ms)
{
	struct pollfd pollfd = { .fd = uffd, .events = POLLIN };
	struct uffd_msg message;

	if (uffd < 0 || poll(&pollfd, 1, ms) != 1) {
		if (uffd < 0)
			usleep(ms * 1000);
		return;
	}
	if (read(uffd, &message, sizeof(message)) != sizeof(message) ||
	    message.event != UFFD_EVENT_PAGEFAULT)
		return;
	/* Somebody stands there now, with whatever it has taken. */
	usleep(stream_below(chance, 4) * 5000);
	answer(chance, message.arg.pagefault.address);
}

void memory_trick(const struct memory *memory, struct stream *chance)
{
	unsigned int role = stream_below(chance, ROLES);
	unsigned int offset = stream_below(chance, PAGES) * PAGE;
	uint8_t *page = memory->shifty[role] + offset;

	switch (stream_below(chance, 8)) {
	case 0:
		mmap(page, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		break;
	case 1:
		munmap(page, PAGE);
		break;
	case 2:
		mprotect(page, PAGE, PROT_READ);
		break;
	case 3:
		madvise(page, PAGE, MADV_DONTNEED);
		break;
	case 4:
		madvise(memory->stalling[role] + offset, PAGE, MADV_DONTNEED);
		break;
	default:	/* there again: what is never there tells nothing */
		mmap(memory->shifty[role], PAGES * PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	}
}
