// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "books.h"
#include "util.h"

#define NOTHING		UINT32_MAX

struct books *books_open(void)
{
	void *books = mmap(NULL, sizeof(struct books), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return books == MAP_FAILED ? NULL : books;
}

void books_begin(struct books *books)
{
	memset(books, 0, offsetof(struct books, senders_killed));
	books->places_used = 1;
	books->signals_before = books->signals;
}

void books_fault(struct books *books, enum fault fault)
{
	ADD(books->faults[fault], 1);
}

uint32_t books_place(struct books *books, uint32_t capacity, unsigned int readers)
{
	uint32_t place = ADD(books->places_used, 1) - 1;

	if (place >= PLACES)
		return 0;
	books->places[place].used = true;
	books->places[place].capacity_max = capacity;
	books->places[place].readers = readers;
	return place;
}

void books_capacity(struct books *books, uint32_t place, uint32_t capacity)
{
	if (books->places[place].capacity_max < capacity)
		books->places[place].capacity_max = capacity;
}

static uint8_t filling(uint32_t serial)
{
	return serial * 37 + 11;
}

struct entry *books_try(struct books *books, unsigned int sender, uint32_t place,
			struct payload *payload)
{
	uint32_t n = books->used[sender];
	struct entry *entry = &books->entries[sender][n];

	if (n == ENTRIES)
		return NULL;
	books->used[sender]++;
	entry->place = place;
	entry->pid = getpid();
	payload->serial = sender * ENTRIES + n;
	memset(payload->fill, filling(payload->serial), sizeof(payload->fill));
	STORE(entry->state, TRYING);
	return entry;
}

void books_sent(struct books *books, struct entry *entry, int err, uint64_t id)
{
	entry->id = id;
	entry->error = -err;
	STORE(entry->state, err ? FAILED : ACCEPTED);
	ADD(books->tried[entry->mode], 1);
	if (err)
		ADD(books->errors[-err & 255], 1);
	else
		ADD(books->accepted[entry->mode], 1);
}

void books_receiving(struct slot *slot, uint32_t place)
{
	slot->receive = (struct msgpass_receive){ .buffer = (uintptr_t)&slot->payload };
	slot->payload.serial = NOTHING;
	STORE(slot->busy, place);
}

static struct entry *shown(struct books *books, const struct slot *slot)
{
	uint32_t serial = slot->payload.serial;

	return serial < SENDERS * ENTRIES ? &books->entries[0][0] + serial : NULL;
}

static bool is_whole(const struct entry *entry, const struct slot *slot)
{
	const struct msgpass_receive *receive = &slot->receive;
	const struct payload *payload = &slot->payload;
	uint8_t fill = filling(payload->serial);

	if (entry->place != slot->busy || entry->pid != receive->sender_pid ||
	    entry->priority != receive->priority || entry->size != receive->size ||
	    payload->size != receive->size)
		return false;
	for (uint32_t i = 0; i < payload->size - offsetof(struct payload, fill); i++)
		if (payload->fill[i] != fill)
			return false;
	return true;
}

static void note_receipt(struct books *books, struct slot *slot, struct seen *seen)
{
	struct entry *entry = shown(books, slot);
	uint32_t serial = slot->payload.serial, *next;

	if (!entry || !is_whole(entry, slot)) {
		books_fault(books, TORN);
		return;
	}
	entry->receipt_id = slot->receive.id;
	if (ADD(entry->receipts, 1) > 1)
		books_fault(books, TWICE);
	next = &seen->next[serial / ENTRIES][entry->priority];
	if (*next <= serial % ENTRIES) {
		*next = serial % ENTRIES + 1;
		seen->pid[serial / ENTRIES][entry->priority] = entry->pid;
	} else if (seen->pid[serial / ENTRIES][entry->priority] == entry->pid) {
		ADD(books->places[slot->busy].late, 1);
	}
}

void books_received(struct books *books, struct slot *slot, struct seen *seen,
		    enum receive_mode mode, int err)
{
	if (!err) {
		note_receipt(books, slot, seen);
		ADD(books->receipts[mode], 1);
	} else if (err == -EFAULT || err == -EMSGSIZE) {
		ADD(books->places[slot->busy].give_backs, 1);
	}
	STORE(slot->busy, 0);
}

void books_bury(struct books *books, struct slot *slot)
{
	struct entry *entry = shown(books, slot);

	books->receivers_killed++;
	if (!slot->busy)
		return;
	if (entry && slot->receive.id)
		entry->shown = true;
	ADD(books->places[slot->busy].give_backs, 1);
	slot->busy = 0;
}

static void audit_accepted(struct books *books, struct entry *entry, bool later)
{
	struct place *place = &books->places[entry->place];

	place->certain++;
	if (entry->mode == SEND_BAD)
		books_fault(books, ACCEPTED_BUT_BAD);
	if (entry->receipts) {
		if (entry->id != entry->receipt_id)
			books_fault(books, WRONG_ID);
	} else if (entry->shown) {
		books->died_with++;
	} else if (place->ended && !entry->until_receipt) {
		books->ended_with++;
		place->missing++;
		place->holes += later;
	} else {
		books_fault(books, LOST);
	}
}

static void audit_failed(struct books *books, const struct entry *entry)
{
	struct place *place = &books->places[entry->place];
	bool ended = entry->error == EIDRM || entry->error == ESRCH;
	bool bad = entry->error == EFAULT || entry->error == EMSGSIZE;

	place->withdrawn += entry->error == ETIMEDOUT || entry->error == EINTR;
	if (entry->receipts)
		books_fault(books, FAILED_YET_RECEIVED);
	if ((ended && !place->ended) || (bad && entry->mode != SEND_BAD))
		books_fault(books, WRONG_ERROR);
}

/* From the last to the first: of each place, whose the next one that was received is. */
static void audit_sender(struct books *books, unsigned int sender)
{
	static pid_t later[PLACES][PRIORITIES];

	memset(later, 0, sizeof(later));
	for (uint32_t n = books->used[sender]; n--;) {
		struct entry *entry = &books->entries[sender][n];
		struct place *place = &books->places[entry->place];
		pid_t *received = &later[entry->place][entry->priority];

		if (entry->state == ACCEPTED) {
			audit_accepted(books, entry, *received == entry->pid);
		} else if (entry->state == FAILED) {
			audit_failed(books, entry);
		} else {
			books->unknown++;
			place->certain += entry->receipts;
			place->doubtful += entry->shown && !entry->receipts;
			place->withdrawn++;
		}
		if (entry->receipts)
			*received = entry->pid;
	}
}

static void audit_place(struct books *books, const struct place *place)
{
	const struct msgpass_stat *stat = &place->stat;
	bool alone = place->readers == 1;

	if (place->late > (alone ? 0 : place->give_backs))
		books_fault(books, OUT_OF_ORDER);
	if (place->ended) {
		if (place->missing > (uint64_t)place->capacity_max + place->readers)
			books_fault(books, MORE_MISSING_THAN_FITS);
		if (place->holes > (alone ? 0 : place->give_backs + place->readers))
			books_fault(books, HOLES);
	} else if (stat->messages || stat->received_messages < place->certain ||
		   stat->received_messages > place->certain + place->doubtful ||
		   stat->admitted_messages < stat->received_messages ||
		   /* What a signal restarts it may admit and withdraw unseen. */
		   stat->admitted_messages > stat->received_messages +
			place->withdrawn + books->signals - books->signals_before) {
		books_fault(books, WRONG_COUNT);
		printf("# admitted %llu received %llu rest %u, noted %u to %u\n",
		       stat->admitted_messages, stat->received_messages, stat->messages,
		       place->certain, place->certain + place->doubtful);
	}
}

void books_audit(struct books *books)
{
	for (unsigned int i = 0; i < SENDERS; i++)
		audit_sender(books, i);
	for (uint32_t i = 1; i < books->places_used && i < PLACES; i++)
		if (books->places[i].used)
			audit_place(books, &books->places[i]);
	if (books->unknown > books->senders_killed)
		books_fault(books, UNKNOWN_OUTCOMES);
}

static void print_modes(const struct books *books)
{
	static const char *const send[] = {
		"wait", "non-blocking", "deadline", "sync", "sync with deadline", "poll", "bad"
	};
	static const char *const receive[] = {
		"wait", "non-blocking", "deadline", "poll", "epoll", "from one", "small", "bad"
	};

	for (int i = 0; i < SEND_MODES; i++)
		printf("# send %s: %llu of %llu accepted\n", send[i],
		       (unsigned long long)books->accepted[i],
		       (unsigned long long)books->tried[i]);
	printf("# received:");
	for (int i = 0; i < RECEIVE_SMALL; i++)
		printf(" %s %llu", receive[i], (unsigned long long)books->receipts[i]);
	printf("\n");
}

unsigned int books_close(struct books *books)
{
	static const char *const names[] = {
		"lost", "received twice", "failed yet received", "accepted though bad", "torn",
		"out of order", "with a wrong id", "wrong errors", "wrong counts of the kernel",
		"places with more missing than fits", "places with holes", "waits in vain",
		"waits never released", "too many unknown outcomes", "processes that failed"
	};
	unsigned long long accepted = 0;
	unsigned int faults = 0;

	for (int i = 0; i < SEND_MODES; i++)
		accepted += books->accepted[i];
	print_modes(books);
	printf("# %llu accepted: %llu ended with their mailbox, %llu died with a receiver\n",
	       accepted, (unsigned long long)books->ended_with,
	       (unsigned long long)books->died_with);
	printf("# %u senders and %u receivers killed, %u deletions, %u signals, %llu unknown\n",
	       books->senders_killed, books->receivers_killed, books->deletions,
	       books->signals, (unsigned long long)books->unknown);
	printf("# withdrawn: %llu timeouts, %llu interrupted; %llu would block, %llu ended\n",
	       (unsigned long long)books->errors[ETIMEDOUT],
	       (unsigned long long)books->errors[EINTR],
	       (unsigned long long)books->errors[EAGAIN],
	       (unsigned long long)(books->errors[EIDRM] + books->errors[ESRCH]));
	for (int i = 0; i < FAULTS; i++) {
		faults += books->faults[i];
		if (books->faults[i])
			printf("# FAULT: %u %s\n", books->faults[i], names[i]);
	}
	munmap(books, sizeof(*books));
	return faults;
}
