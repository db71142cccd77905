/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Books: what many processes did with messages, written down where it survives
 * each of them: in memory that all share.
 *
 * A sender writes an entry before the call (TRYING) and its outcome after it. A
 * receiver has the kernel write header and payload straight into its slot, and
 * marks the slot busy before the call. So whoever is killed, at whatever
 * instruction, leaves no more in doubt than this:
 *
 *	a sender	the entry it was TRYING: may be received, once at most
 *	a receiver	the one message that its busy slot shows: nobody notes its
 *			receipt any more. The kernel writes the slot before it
 *			counts the message as received, so nothing else can be gone
 *
 * What each entry must come to, when all processes are gone:
 *
 *	FAILED		received by nobody
 *	ACCEPTED	received once; or shown in a killed receiver's slot; or
 *			its mailbox ended, unless success had meant receipt
 *	TRYING		received once at most
 *
 * and each mailbox, which has a new number (place) whenever it is made:
 *
 *	that lived	the kernel's count of receipts is that of the ACCEPTED
 *			and of the TRYING that were received, a second and
 *			independent book in which a message that was received
 *			twice by a killed receiver would show
 *	that ended	has no more messages missing than could be in it, and
 *			no missing one is older than a received one of the same
 *			sender and priority, but for those that were in a
 *			receiver's hands or given back
 *	all		a receiver gets those of one sender and priority in the
 *			order sent; where several receive, a message that was
 *			given back may come late, and none else
 */
#ifndef SELFTESTS_BOOKS_H
#define SELFTESTS_BOOKS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <msgpass.h>

#define SENDERS		12
#define SHARED		8	/* mailboxes, with READERS receivers each */
#define READERS		2
#define OWNERS		4	/* receivers with an inbox and a mailbox of their own */
#define RECEIVERS	(SHARED * READERS + OWNERS)
#define TARGETS		(SHARED + 2 * OWNERS)
#define PRIORITIES	3
#define ENTRIES		8192	/* of each sender */
#define PLACES		4096
#define PAYLOAD_MIN	16
#define PAYLOAD_MAX	512

enum send_mode {
	SEND_WAIT, SEND_NONBLOCK, SEND_DEADLINE, SEND_SYNC, SEND_SYNC_DEADLINE,
	SEND_POLL, SEND_BAD, SEND_MODES
};

enum receive_mode {
	RECEIVE_WAIT, RECEIVE_NONBLOCK, RECEIVE_DEADLINE, RECEIVE_POLL, RECEIVE_EPOLL,
	RECEIVE_FROM, RECEIVE_SMALL, RECEIVE_BAD, RECEIVE_MODES
};

/* What the books may find wrong. */
enum fault {
	LOST, TWICE, FAILED_YET_RECEIVED, ACCEPTED_BUT_BAD, TORN, OUT_OF_ORDER,
	WRONG_ID, WRONG_ERROR, WRONG_COUNT, MORE_MISSING_THAN_FITS, HOLES, WAITS_IN_VAIN,
	NOT_RELEASED, UNKNOWN_OUTCOMES, WORKER, FAULTS
};

struct entry {
	uint64_t id, receipt_id;
	uint32_t place, receipts;
	pid_t pid;
	int error;
	uint16_t size;
	uint8_t priority, mode;
	enum { UNTRIED, TRYING, ACCEPTED, FAILED } state;
	bool until_receipt, shown;
};

struct payload {
	uint32_t serial, size;
	uint8_t fill[PAYLOAD_MAX - 8];
};

struct slot {
	uint32_t busy;			/* the place, 0 if it is not busy */
	struct msgpass_receive receive;
	struct payload payload;
};

struct place {
	bool used, ended;
	unsigned int readers;
	uint32_t capacity_max, give_backs, late;
	struct msgpass_stat stat;	/* at the end, if it lived */
	uint32_t certain, doubtful, withdrawn, missing, holes;	/* the audit's */
};

/* Where to send: of a process also who it is. Place 0: not there just now. */
struct target {
	uint32_t place;
	pid_t pid;
	uint64_t key;
};

struct books {
	struct entry entries[SENDERS][ENTRIES];
	uint32_t used[SENDERS];
	pid_t sender_pid[SENDERS];
	struct slot slots[RECEIVERS];
	struct place places[PLACES];
	uint32_t places_used;
	struct target targets[TARGETS];
	uint32_t stop;			/* 1: no more sends; 2: no more waiting */
	/* Of all rounds: */
	uint32_t senders_killed, receivers_killed, deletions;
	uint32_t signals, signals_before;	/* before this round */
	uint32_t faults[FAULTS];
	uint64_t tried[SEND_MODES], accepted[SEND_MODES], errors[256];
	uint64_t receipts[RECEIVE_MODES], died_with, ended_with, unknown;
};

/*
 * What a receiver has seen of a place, for the order. A killed sender's successor
 * goes on with its pages, but is another process: who receives from exactly that
 * one passes by what the dead one has left.
 */
struct seen {
	uint32_t next[SENDERS][PRIORITIES];
	pid_t pid[SENDERS][PRIORITIES];
};

struct books *books_open(void);
/* Begin new books, but for the sums of all rounds. */
void books_begin(struct books *books);
void books_fault(struct books *books, enum fault fault);

/* A number for a new mailbox, 0 if there is none left. */
uint32_t books_place(struct books *books, uint32_t capacity, unsigned int readers);
/* Before the capacity changes. */
void books_capacity(struct books *books, uint32_t place, uint32_t capacity);

/* A sender's: an entry, its payload in @payload; NULL if its pages are full. */
struct entry *books_try(struct books *books, unsigned int sender, uint32_t place,
			struct payload *payload);
void books_sent(struct books *books, struct entry *entry, int err, uint64_t id);

/* A receiver's: before the call, and after it. */
void books_receiving(struct slot *slot, uint32_t place);
void books_received(struct books *books, struct slot *slot, struct seen *seen,
		    enum receive_mode mode, int err);
/* A receiver was killed, and has been waited for. */
void books_bury(struct books *books, struct slot *slot);

/* All processes are gone: does everything add up? */
void books_audit(struct books *books);
/* Print what happened and what is wrong. Return how many faults there are. */
unsigned int books_close(struct books *books);

#endif /* SELFTESTS_BOOKS_H */
