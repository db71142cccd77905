/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fuzz: random calls of the whole ioctl interface, from many processes at once.
 *
 * The *watcher* (fuzz.c) starts *workers* (worker.c), kills some of them at random
 * and starts others in their place, until its time is over. It makes no call of
 * the interface itself, so nothing can keep it. A worker has THREADS threads that
 * run *sequences* of operations, and a main thread, the *disturber*, which
 * interrupts who waits too long and plays tricks with the memory that calls use.
 *
 * An operation is a kind and a few words of chance; what it does is decided from
 * its words alone (source_*), so a sequence can be run again, changed a little, or
 * kept where it reached code that none did before (corpus.c, kcov.c).
 *
 * All chance comes from one seed: a stream of its own for each thread of each
 * generation of each worker. The scheduler adds its own.
 *
 * What goes on: call.c makes a call from its words and judges its outcome by what
 * <linux/msgpass.h> promises, values.c has values for each kind of field,
 * memory.c addresses good and bad, act.c everything that is not an ioctl.
 *
 * Messages go to processes and mailboxes of the fuzzer only: a foreign process
 * would keep them, and they the module.
 */
#ifndef SELFTESTS_FUZZ_H
#define SELFTESTS_FUZZ_H

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdnoreturn.h>
#include <sys/types.h>

#include <linux/msgpass.h>

#define ARRAY_LEN(array)	(sizeof(array) / sizeof((array)[0]))
#define MILLISECOND		1000000ULL
#define SECOND			1000000000ULL

#define WORKERS		16
#define THREADS		3
#define CHILDREN	4	/* of each worker, at a time */
#define OPS		10	/* of a sequence */
#define WORDS		15	/* of an operation */
#define CORPUS		48	/* sequences that each thread keeps */
#define SLOTS		16	/* descriptors of each process, from SLOT_FD on */
#define SLOT_FD		100
#define DESCRIPTORS	256	/* RLIMIT_NOFILE */
#define KEYS		64
#define FINDINGS	16
#define FINDING_SIZE	240
#define PCS		65536
#define ERRNOS		134
#define CALLS		12
/* Who is not dead this long after SIGKILL never will be. */
#define DEATH		(20 * SECOND)

struct op {
	uint32_t kind;
	uint32_t words[WORDS];
};

struct sequence {
	uint32_t count;
	struct op ops[OPS];
};

/* What the fuzz threads tell the disturber and the watcher. */
struct thread_state {
	pid_t tid;
	uint64_t since;			/* of the operation under way, or 0 */
	struct op op;
	uint32_t kept;
	struct sequence corpus[CORPUS];
};

struct worker_state {
	pid_t pid;
	uint32_t generation;
	pid_t children[CHILDREN];
	struct thread_state threads[THREADS];
};

/* Shared by all processes; it outlives any of them. */
struct board {
	uint64_t seed;
	pid_t holder;			/* an idle process, and the process group */
	pid_t watcher;
	bool alone;			/* in an IPC namespace of its own */
	int sockets[2];			/* descriptors pass here */
	unsigned int processes;
	bool guided;
	uint64_t executions;
	uint64_t sequences;
	uint64_t forks;
	uint64_t unfound;		/* findings beyond those that there is room for */
	uint32_t results[CALLS][ERRNOS];
	uint64_t keys[KEYS];
	uint32_t next_key;
	uint32_t findings;
	char finding[FINDINGS][FINDING_SIZE];
	uint32_t pc_count;
	uint32_t pcs[PCS];
	struct worker_state workers[WORKERS];
};

extern struct board *board;

/* Chance: a stream, and the words of an operation. */
struct stream {
	uint64_t state;
};

struct source {
	const struct op *op;
	unsigned int used;
	struct stream more;		/* when all words are used */
};

uint64_t mix(uint64_t value);
struct stream stream_of(uint64_t seed, unsigned int worker, unsigned int generation,
			unsigned int thread);
uint64_t stream_next(struct stream *stream);
uint32_t stream_below(struct stream *stream, uint32_t limit);

struct source source_of(const struct op *op);
uint32_t source_word(struct source *source);
uint32_t source_below(struct source *source, uint32_t limit);
bool source_one_in(struct source *source, uint32_t chances);

uint64_t now(void);
/* Something that is not so, to be printed by the watcher. Any thread may. */
void tell_finding(const char *text);
#define finding(...) do {						\
	char _text[FINDING_SIZE];					\
									\
	snprintf(_text, sizeof(_text), __VA_ARGS__);			\
	tell_finding(_text);						\
} while (0)

/* Memory that calls use: an area for each role, so that what is received is never sent. */
enum role { ROLE_ARGUMENT, ROLE_DATA, ROLE_BUFFER, ROLE_NAME, ROLES };

#define PAGES		4		/* of an area that tricks are played with */
#define STABLE_SIZE	(64 * 1024)
#define CANARY		64		/* bytes around what a call may write */
#define CANARY_BYTE	0xc5
#define BIG_SIZE	(16u << 20)

/**
 * struct memory - the memory of one thread
 * @stable: always there, with an unmapped page behind
 * @shifty: the disturber takes pages away, gives them back, protects them
 * @stalling: pages that are not there until the disturber gives them
 */
struct memory {
	uint8_t *stable[ROLES];
	uint8_t *shifty[ROLES];
	uint8_t *stalling[ROLES];
};

/**
 * struct place - where a call finds an argument, or what that names
 * @stable: may be read and written, as may what is around it
 * @whole: may be read and written to the last byte, as long as the call lasts
 * @guarded: is between canaries
 */
struct place {
	uint64_t address;
	bool stable;
	bool whole;
	bool guarded;
};

bool memory_open(struct memory *memory);
/* For the process: what all threads share. Before it gives up its privileges. */
void memory_begin(void);
struct place memory_place(const struct memory *memory, struct source *source,
			  enum role role, size_t size);
/* Copy to or from where nothing may be; false if it is not there (any more). */
bool memory_poke(uint64_t address, const void *from, size_t size);
bool memory_peek(void *to, uint64_t address, size_t size);
/* The disturber: answer page faults, waiting @ms for one; play a trick. */
void memory_answer(struct stream *chance, int ms);
void memory_trick(const struct memory *memory, struct stream *chance);
extern uint8_t *big_buffer, *readonly_page;

/* What an ioctl is. */
enum field_kind {
	FIELD_END, FIELD_FLAGS, FIELD_PAD, FIELD_ACCESS, FIELD_NAME, FIELD_NAME_BUFFER,
	FIELD_CAPACITY, FIELD_SIZE_MAX, FIELD_MODE, FIELD_PRIORITY, FIELD_DATA, FIELD_SIZE,
	FIELD_PROCESS, FIELD_DEADLINE, FIELD_BUFFER, FIELD_BUFFER_SIZE, FIELD_UID, FIELD_GID,
	FIELD_ACCEPTS, FIELD_PID, FIELD_KEY, FIELD_NUMBER, FIELD_OUTPUT,
};

struct field {
	uint16_t offset, size;
	enum field_kind kind;
};

enum { ON_DEVICE = 1, ON_MAILBOX = 2 };

/**
 * struct call - an ioctl
 * @flags: those it knows
 * @output: where in its argument the kernel writes, from here to the end
 * @errnos: those it may fail with, besides those that all may
 * @makes: whether it returns a descriptor
 */
struct call {
	const char *name;
	unsigned int cmd;
	unsigned int on;
	uint32_t flags;
	unsigned int output;
	bool makes;
	struct field fields[20];
	int errnos[10];
};

extern const struct call calls[CALLS];
bool call_may_fail(const struct call *call, int err);

/* A call under way. */
struct attempt {
	const struct call *call;
	struct source *source;
	int fd;
	bool foreign;			/* the descriptor is not one of a slot */
	bool device;			/* it was the device, when last looked */
	unsigned int size;		/* of the argument, as the caller says */
	struct place argument;
	struct place memory;		/* name, data or buffer */
	uint32_t memory_size;
	union {
		uint8_t bytes[512];
		uint32_t flags;		/* every argument begins so */
		struct msgpass_create create;
		struct msgpass_send send;
		struct msgpass_receive receive;
		struct msgpass_stat stat;
		struct msgpass_key key;
		struct msgpass_next_process next_process;
		struct msgpass_next_link next_link;
	} before, after;
	int result;			/* or -errno */
};

/* Descriptors of slots, and what was last put there. */
enum slot_kind { SLOT_EMPTY, SLOT_DEVICE, SLOT_MAILBOX, SLOT_OTHER };

/* One fuzz thread, or the one thread of a child. */
struct thread {
	unsigned int worker, number;
	bool is_child;
	pthread_t pthread;
	struct stream chance;
	struct memory memory;
	struct thread_state *state;
	uint64_t *coverage;		/* NULL without */
	int coverage_fd;
	struct sequence sequence;	/* being run */
	sigjmp_buf jump;
	bool guarded;			/* a signal handler reads it */
};

extern __thread struct thread *self;
extern uint8_t slot_kinds[SLOTS];

void fill_argument(struct attempt *attempt);
uint64_t pattern_head(uint32_t size, uint32_t salt);
bool pattern_is_broken(const uint8_t *data, uint32_t size);
int pick_descriptor(struct attempt *attempt);
void put_in_slot(int fd, unsigned int slot, enum slot_kind kind);
pid_t some_pid(struct source *source);
uint64_t some_key(struct source *source);
void remember_key(uint64_t key);

/* Make the call number @number; its outcome is judged. */
void do_call(unsigned int number, struct source *source);
/* Before and after: what goes in, and whether what comes out may be. */
void judge(const struct attempt *attempt);

/* Operations: the calls come first, by their number. Any kind is one. */
void act(const struct op *op);
unsigned int some_kind(uint32_t word);
const char *kind_name(unsigned int kind);
void run_sequence(struct sequence *sequence);
/* A process that only waits to be killed, for a while: another program. */
void be_idle(void);

/* What to run next, and what is worth to be kept. */
void corpus_next(struct thread *thread, struct sequence *sequence);
void corpus_keep(struct thread *thread, const struct sequence *sequence);

/* Coverage; a thread opens it with the privileges that its process begins with. */
bool kcov_there(void);
void kcov_open(struct thread *thread);
void kcov_enable(struct thread *thread);
void kcov_reset(struct thread *thread);
/* How many places were reached that nobody had reached before. */
unsigned int kcov_collect(struct thread *thread);

/* What a worker does. It does not return. */
noreturn void work(unsigned int worker);

/* What is left by all of them when they are dead; false: something that stays. */
bool clean_up(void);
void report(void);

#endif /* SELFTESTS_FUZZ_H */
