/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What message passing costs: every mechanism of the kernel behind one small
 * interface, so that the same workload is measured with each.
 *
 * A *channel* is one queue, from whoever sends to whoever receives. It is opened
 * before any process is forked; each process then has its own copy of the
 * struct, so that what a transport keeps in it belongs to one process.
 *
 * Rules, so that figures can be compared. Each transport is used as its users
 * would at its best. All send from and receive into memory of the process, warm
 * up alike, and are pinned alike. Every message carries its number, which the
 * receiver compares, and the first one of each channel is compared whole.
 *
 * An *item* is a workload, with a transport, a size and a parameter. Each runs in
 * a process of its own, so that items do not see each other's leavings.
 */
#ifndef SELFTESTS_BENCH_H
#define SELFTESTS_BENCH_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/types.h>

#include <msgpass.h>

#define ARRAY_LEN(array)	(sizeof(array) / sizeof((array)[0]))
#define unlikely(condition)	__builtin_expect(!!(condition), 0)

/* Bytes before a message that a transport may use: System V has its type there. */
#define HEADROOM		64
/* Messages that one call carries, at most. */
#define BATCH_MAX		10
#define PRODUCERS_MAX		64
#define NO_PARAMETER		(~0U)

/* The processor's counter, where it has one that programs may read. */
#define HAS_TSC			__has_builtin(__builtin_ia32_rdtsc)

/* What a transport can; what a workload asks for. */
enum {
	CAN_SELF	= 1 << 0,	/* one process sends to itself */
	CAN_TURNS	= 1 << 1,	/* a round trip of single messages */
	CAN_STREAM	= 1 << 2,	/* one way, with or without a queue */
	CAN_QUEUE	= 1 << 3,	/* messages rest, as many as one asks for */
	CAN_JOIN	= 1 << 4,	/* several senders to one receiver */
	CAN_SHARE	= 1 << 5,	/* several receivers of one queue */
	CAN_POLL	= 1 << 6,	/* epoll tells of a message */
	CAN_MANY	= 1 << 7,	/* thousands of queues */
	CAN_SELECT	= 1 << 8,	/* receive from one sender, behind others */
	CAN_DIRECT	= 1 << 9,	/* a process is named, not a queue */
	CAN_MOST	= CAN_SELF | CAN_TURNS | CAN_STREAM | CAN_QUEUE | CAN_JOIN | CAN_SHARE |
			  CAN_POLL | CAN_MANY,
};

struct channel;

/**
 * struct transport - one mechanism
 * @name: as on the command line
 * @can: CAN_* bits
 * @size_min, @size_max: of a message
 * @batch: messages per call, if not 1
 * @prepare: what is needed once, limits for instance
 * @open: make the queue, to hold @depth messages of @size; with 0 as users would
 *	who need room for one call
 * @attach: called by the process that will receive
 * @buffer: where the next message is written, if not at channel.outgoing
 * @send, @receive: one message, or @batch of them; wait as long as it takes.
 *	@receive returns the size of a message
 * @send_as, @receive_from: the same by sender, of those with CAN_SELECT
 * @close: end the queue
 *
 * prepare and open return NULL, or why the machine cannot.
 */
struct transport {
	const char *name;
	unsigned int can;
	size_t size_min, size_max;
	unsigned int batch;
	const char *(*prepare)(struct channel *channel);
	const char *(*open)(struct channel *channel);
	void (*attach)(struct channel *channel);
	char *(*buffer)(struct channel *channel);
	void (*send)(struct channel *channel, char *data);
	size_t (*receive)(struct channel *channel, char *data);
	void (*send_as)(struct channel *channel, char *data, pid_t sender);
	size_t (*receive_from)(struct channel *channel, char *data, pid_t sender);
	void (*close)(struct channel *channel);
};

/**
 * struct channel - one queue, as one process sees it
 * @in, @out: descriptors to receive from and to send to
 * @receiver: the process that receives
 * @outgoing, @incoming: @batch messages, @stride bytes apart
 * @sent, @received: how many calls have been made, for those that need a number
 * @verified: a message has been compared whole
 * @shared: memory of all processes
 * @state: the transport's own
 */
struct channel {
	const struct transport *transport;
	size_t size, stride;
	unsigned int depth, batch;
	int in, out;
	pid_t receiver;
	char *outgoing, *incoming;
	uint32_t sent, received;
	bool verified;
	void *shared;
	void *state;
	struct msgpass_send send;
	struct msgpass_receive receive;
};

/* What stands at the beginning of a message of at least that size. */
struct stamp {
	uint32_t number;
	uint32_t producer;
};

struct item;

/**
 * struct workload - what is done
 * @name: as on the command line
 * @needs: CAN_* bits of the transport, unless @operations are measured instead
 * @sizes, @parameters: ending in 0 and in ~1U; without @parameters there is none
 * @fits: which of the combinations there are, if not all
 * @operations: names that stand for the transport's, ending in NULL
 * @run: measure one item, and print its line
 */
struct workload {
	const char *name;
	unsigned int needs;
	const size_t *sizes;
	const unsigned int *parameters;
	bool (*fits)(const struct item *item);
	const char *const *operations;
	void (*run)(const struct item *item);
};

#define LAST_PARAMETER	(~1U)

struct item {
	const struct workload *workload;
	const struct transport *transport;
	const char *name;
	size_t size;
	unsigned int parameter;
};

/**
 * struct figure - what was measured of one item
 * @batches: the cost of one operation, in each batch
 * @count: of them
 * @mean: their mean is the figure, not their median
 * @unit: if it is not the clock's
 * @switches: context switches per operation, negative if not counted
 * @least, @most: a producer's part, 1 is fair; 0 if there are no shares
 */
struct figure {
	double batches[16];
	unsigned int count;
	bool mean;
	const char *unit;
	double switches;
	double least, most;
};

/**
 * struct plan - how an item is measured
 * @batch: do that many operations
 * @before, @after: around each batch, not measured; may be NULL
 * @argument: its argument
 * @operations: in a batch
 * @warm_up: operations before the first
 * @batches: how many
 * @mean: see struct figure
 */
struct plan {
	void (*batch)(void *argument, unsigned int operations);
	void (*before)(void *argument);
	void (*after)(void *argument);
	void *argument;
	unsigned int operations;
	unsigned int warm_up;
	unsigned int batches;
	bool mean;
};

extern const struct transport *const transports[];
extern const struct workload *const workloads[];

/* The command line. */
extern bool quick, marking, clock_ns;
extern unsigned int cpus;
/* The process of the item that runs: the one that measures. */
extern pid_t item_process;

/* measure.c */
uint64_t now(void);
void pin(unsigned int cpu);
unsigned int cpus_online(void);
unsigned int cpu_of_partner(void);
void marker_begin(void);
void marker_end(void);
/* Operations of a batch that is short enough for most to see no timer's tick. */
unsigned int operations_of(size_t size);
void measure(const struct plan *plan, struct figure *figure);
/* Print the line of an item. After --mark it is the one of the marked batch. */
void report(const struct item *item, const struct plan *plan, const struct figure *figure);
/* Both. */
void measure_and_report(const struct item *item, const struct plan *plan);
/* Print that it cannot be measured here, and end this item's process. */
noreturn void skip(const struct item *item, const char *reason);
/* Something is wrong, in whichever process of the item: end it with an error. */
noreturn void die(const char *format, ...);
#define MUST(condition) do {							\
	if (unlikely(!(condition)))						\
		die("%s:%d: not so: %s (%s)", __FILE__, __LINE__, #condition,	\
		    strerror(errno));						\
} while (0)

/* process.c */
void *share_memory(size_t size);
/* Fork a process that dies with this one, pinned; it runs until it is ended. */
pid_t start_process(unsigned int cpu, void (*run)(void *argument), void *argument);
/* The process says that it is ready; whoever started it waits for that. */
void say_ready(void);
void await_ready(void);
void end_process(pid_t pid);
/* Raise a number in a file of /proc; it is put back when the item is over. */
bool raise_limit(const char *path, unsigned long limit);
/* Write to a file now, and if not NULL something else to it when the item is over. */
bool change_file(const char *path, const char *now, const char *later);
bool file_says(const char *path, const char *word);
/* One that is removed when the item is over. */
bool make_folder(const char *path);
void init_limits(void);
void restore_limits(void);
/* As many descriptors and bytes of POSIX message queues as root may have. */
void raise_resources(void);

/* channel.c */
/* Open a channel, or skip the item. */
void open_channel(struct channel *channel, const struct item *item, unsigned int depth);
void close_channel(struct channel *channel);
/* The same without buffers, which are the caller's. */
void open_queue(struct channel *channel, const struct item *item, unsigned int depth);
void close_queue(struct channel *channel);
/* The calling process is the one that receives. */
void attach_channel(struct channel *channel);
/* Buffers of one or more messages, with a head room, filled with the pattern. */
char *new_buffer(size_t size);
char *new_buffers(size_t size, unsigned int count);
void free_buffer(char *buffer);
void verify(struct channel *channel, const char *data);
noreturn void wrong_message(struct channel *channel, const char *data, uint32_t number);

static inline void write_stamp(char *data, size_t size, uint32_t number, uint32_t producer)
{
	const struct stamp stamp = { .number = number, .producer = producer };

	if (size >= sizeof(stamp))
		memcpy(data, &stamp, sizeof(stamp));
	else
		*data = number;
}

static inline bool right_stamp(const char *data, size_t size, uint32_t number)
{
	uint32_t got;

	if (size < sizeof(struct stamp))
		return *data == (char)number;
	memcpy(&got, data, sizeof(got));
	return got == number;
}

/* Send the messages of one call: numbers @number and on. */
static inline void send_messages(struct channel *channel, uint32_t number, uint32_t producer)
{
	const struct transport *transport = channel->transport;
	char *data = channel->outgoing;

	if (transport->buffer)
		data = transport->buffer(channel);
	for (unsigned int i = 0; i < channel->batch; i++)
		write_stamp(data + i * channel->stride, channel->size, number + i, producer);
	transport->send(channel, data);
}

/* Receive the messages of one call, whoever sent them. */
static inline char *receive_any(struct channel *channel)
{
	if (unlikely(channel->transport->receive(channel, channel->incoming) != channel->size))
		die("%s: a message of another size", channel->transport->name);
	if (unlikely(!channel->verified))
		verify(channel, channel->incoming);
	return channel->incoming;
}

/* Receive those that are numbered @number and on. */
static inline void receive_messages(struct channel *channel, uint32_t number)
{
	char *data = receive_any(channel);

	for (unsigned int i = 0; i < channel->batch; i++) {
		if (unlikely(!right_stamp(data + i * channel->stride, channel->size, number + i)))
			wrong_message(channel, data + i * channel->stride, number + i);
	}
}

#endif /* SELFTESTS_BENCH_H */
