// SPDX-License-Identifier: GPL-2.0-only
/* A value for each field: mostly one that makes sense, else one at an edge. */
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#define MAGIC		0xbd5a0000U
#define NAMES		9
#define PID_LIMIT	4194304		/* no process has such a pid */
#define KEY_LIMIT	0x10000000000ULL	/* nor such a key */

static uint32_t pick32(struct source *source, const uint32_t *values, unsigned int count)
{
	return values[source_below(source, count)];
}

#define PICK(_source, ...) ({							\
	static const uint32_t _values[] = { __VA_ARGS__ };			\
	pick32(_source, _values, ARRAY_LEN(_values));				\
})

pid_t some_pid(struct source *source)
{
	struct worker_state *worker = &board->workers[source_below(source, board->processes)];
	unsigned int which = source_below(source, 2 * CHILDREN + 4);

	/* Not the holder: what it is sent would stay, until the quota is used up. */
	if (which < CHILDREN && worker->children[which])
		return worker->children[which];
	if (which == CHILDREN)
		return getpid();
	return worker->pid ? worker->pid : getpid();
}

uint64_t some_key(struct source *source)
{
	return board->keys[source_below(source, KEYS)];
}

void remember_key(uint64_t key)
{
	uint32_t number = __atomic_fetch_add(&board->next_key, 1, __ATOMIC_RELAXED);

	board->keys[number % KEYS] = key;
}

static bool is_ours(uint64_t to, bool is_key)
{
	if (!to || to >= (is_key ? KEY_LIMIT : PID_LIMIT))
		return true;
	if (is_key) {
		for (unsigned int i = 0; i < KEYS; i++)
			if (board->keys[i] == to)
				return true;
		return false;
	}
	if (to == (uint64_t)getpid())
		return true;
	for (unsigned int i = 0; i < board->processes; i++) {
		if (to == (uint64_t)board->workers[i].pid)
			return true;
		for (unsigned int j = 0; j < CHILDREN; j++)
			if (to == (uint64_t)board->workers[i].children[j])
				return true;
	}
	return false;
}

static uint32_t some_flags(const struct attempt *attempt)
{
	struct source *source = attempt->source;
	uint32_t flags;

	switch (attempt->call->cmd) {
	case MSGPASS_IOC_SEND:
		flags = PICK(source, MSGPASS_NONBLOCK, MSGPASS_NONBLOCK, 0, 0, MSGPASS_SYNC);
		return flags | (attempt->device && source_one_in(source, 3) ? MSGPASS_TO_KEY : 0);
	case MSGPASS_IOC_RECEIVE:
		flags = PICK(source, MSGPASS_NONBLOCK, MSGPASS_NONBLOCK, 0);
		return flags | (attempt->device && source_one_in(source, 4) ?
				MSGPASS_FROM_KEY : 0);
	case MSGPASS_IOC_SET:
		if (attempt->device)
			return source_word(source) & (MSGPASS_SET_CAPACITY | MSGPASS_SET_ACCEPTS);
		return source_word(source) & (attempt->call->flags & ~MSGPASS_SET_ACCEPTS);
	default:
		return source_word(source) & source_word(source) & attempt->call->flags;
	}
}

static uint64_t some_process(const struct attempt *attempt)
{
	struct source *source = attempt->source;
	bool by_key = attempt->before.flags & MSGPASS_TO_KEY;

	if (!attempt->device)
		return source_one_in(source, 32);
	/* Of a receive: any. */
	if (attempt->call->cmd == MSGPASS_IOC_RECEIVE && !by_key && !source_one_in(source, 3))
		return 0;
	if (source_one_in(source, 24))
		return PICK(source, 0, 0x7fffffff, 0x80000000, 0xffffffff) |
		       (source_one_in(source, 2) ? 1ULL << 62 : 0);
	return by_key ? some_key(source) : (uint64_t)some_pid(source);
}

static uint64_t some_deadline(struct source *source)
{
	switch (source_below(source, 16)) {
	case 0:
		return 0;
	case 1:
		return 1;
	case 2:
		return now();
	case 3:
		return now() + 3600 * SECOND;
	case 4:
		return (1ULL << 63) - source_below(source, 2);
	case 5:
		return source_one_in(source, 4) ? ~0ULL : now() + SECOND;
	default:
		return now() + source_below(source, 20 * MILLISECOND);
	}
}

static uint32_t some_size(struct source *source)
{
	uint32_t edge;

	if (source_one_in(source, 128))
		return PICK(source, STABLE_SIZE + 1, 1 << 20, BIG_SIZE, BIG_SIZE + 1, 0x7fffffff,
			    0xffffffff);
	edge = PICK(source, 0, 1, 8, 16, 32, 64, 64, 100, 256, 1024, 4096, 8192, 16384);
	return source_one_in(source, 4) ? edge + source_below(source, 3) : edge;
}

/* Return how many bytes of @name count, the NUL included where there is one. */
static size_t some_name(struct source *source, char name[512])
{
	int length = snprintf(name, 64, "fuzz-%d-%u", board->watcher, source_below(source, NAMES));

	switch (source_below(source, 48)) {
	case 0:
		name[0] = 0;
		break;
	case 1:		/* the longest, and one too long */
	case 2:
		memset(name + length, 'x', 511 - length);
		name[MSGPASS_NAME_MAX + source_below(source, 2)] = 0;
		break;
	case 3:
		name[length - 1] = PICK(source, '/', '\n', 127, 1);
		break;
	case 4:		/* without an end */
		memset(name, 'x', 512);
		return 512;
	case 5:		/* another one, not in ASCII */
		name[length - 1] = (char)0xc3;
		break;
	}
	return strlen(name) + 1;
}

/* Nothing is to be written around it. */
static void guard(struct attempt *attempt)
{
	uint8_t *memory = (uint8_t *)(uintptr_t)attempt->memory.address;

	attempt->memory.guarded = attempt->memory.stable;
	if (!attempt->memory.guarded)
		return;
	memset(memory - CANARY, CANARY_BYTE, CANARY);
	memset(memory + attempt->memory_size, CANARY_BYTE, CANARY);
}

static uint64_t place_name(struct attempt *attempt, bool is_buffer)
{
	char name[512] = "";
	size_t size = 1;

	if (!is_buffer || source_one_in(attempt->source, 2))
		size = some_name(attempt->source, name);
	attempt->memory_size = is_buffer ? MSGPASS_NAME_MAX + 1 : size;
	attempt->memory = memory_place(&self->memory, attempt->source, ROLE_NAME,
				       attempt->memory_size);
	/* What stands there from before may be half a name. */
	if (!memory_poke(attempt->memory.address, name, size) && !is_buffer)
		attempt->memory = (struct place){ .address = 8 };
	guard(attempt);
	return attempt->memory.address;
}

uint64_t pattern_head(uint32_t size, uint32_t salt)
{
	return ((uint64_t)(MAGIC ^ size) << 32) | salt;
}

bool pattern_is_broken(const uint8_t *data, uint32_t size)
{
	uint64_t head, word;

	if (size < 16)
		return false;
	memcpy(&head, data, 8);
	if ((head >> 32 & 0xffff0000U) != MAGIC)
		return false;
	if (head >> 32 != (MAGIC ^ size))
		return true;
	for (uint32_t i = 8; i + 8 <= size; i += 8) {
		memcpy(&word, data + i, 8);
		if (word != mix(head + i))
			return true;
	}
	return false;
}

/* Whoever receives it whole can tell; what may change during the call has no pattern. */
static uint64_t place_data(struct attempt *attempt)
{
	uint32_t size = attempt->before.send.size;
	uint64_t head = pattern_head(size, source_word(attempt->source));
	uint64_t word;
	uint8_t *data;

	attempt->memory_size = size;
	attempt->memory = memory_place(&self->memory, attempt->source, ROLE_DATA, size);
	if (!attempt->memory.stable || size < 16 || size > 0xffff)
		return attempt->memory.address;
	data = (uint8_t *)(uintptr_t)attempt->memory.address;
	memcpy(data, &head, 8);
	for (uint32_t i = 8; i + 8 <= size; i += 8) {
		word = mix(head + i);
		memcpy(data + i, &word, 8);
	}
	return attempt->memory.address;
}

static uint64_t place_buffer(struct attempt *attempt)
{
	attempt->memory_size = attempt->before.receive.buffer_size;
	attempt->memory = memory_place(&self->memory, attempt->source, ROLE_BUFFER,
				       attempt->memory_size);
	guard(attempt);
	return attempt->memory.address;
}

static uint64_t value_of(struct attempt *attempt, enum field_kind kind)
{
	struct source *source = attempt->source;

	switch (kind) {
	case FIELD_FLAGS:
		return some_flags(attempt);
	case FIELD_ACCESS:
		return PICK(source, 3, 3, 3, 3, 3, 3, 3, 3, 2, 1, 0);
	case FIELD_NAME:
	case FIELD_NAME_BUFFER:
		return place_name(attempt, kind == FIELD_NAME_BUFFER);
	case FIELD_CAPACITY:
		return PICK(source, 0, 0, 1, 1, 2, 3, 8, 32, MSGPASS_UNBOUNDED);
	case FIELD_SIZE_MAX:
		return PICK(source, 0, 0, 16, 64, 64, 1024, 65536);
	case FIELD_MODE:
		return PICK(source, 0600, 0666, 0666, 0666, 0666, 0644, 0400, 0200, 0, 0222);
	case FIELD_PRIORITY:
		return source_one_in(source, 2) ? 0 :
		       source_below(source, MSGPASS_PRIORITY_MAX + 1);
	case FIELD_DATA:
		return place_data(attempt);
	case FIELD_SIZE:
	case FIELD_BUFFER_SIZE:
		return some_size(source);
	case FIELD_PROCESS:
		return some_process(attempt);
	case FIELD_DEADLINE:
		return some_deadline(source);
	case FIELD_BUFFER:
		return place_buffer(attempt);
	case FIELD_UID:
	case FIELD_GID:
		return PICK(source, 0, 1000, 1000, 0xffffffff);
	case FIELD_ACCEPTS:
		return PICK(source, MSGPASS_ACCEPT_USER, MSGPASS_ACCEPT_ANYONE,
			    MSGPASS_ACCEPT_ANYONE, MSGPASS_ACCEPT_NOBODY, 3);
	case FIELD_PID:
		return source_one_in(source, 3) ? 0 : some_pid(source);
	case FIELD_KEY:
		return source_one_in(source, 2) ? 0 : some_key(source);
	case FIELD_NUMBER:
		return source_one_in(source, 2) ? 0 : source_below(source, 100);
	case FIELD_PAD:
		return 0;
	default:	/* what is there is to be replaced */
		return source_word(source);
	}
}

static void set_field(struct attempt *attempt, const struct field *field, uint64_t value)
{
	memcpy(attempt->before.bytes + field->offset, &value, field->size > 8 ? 8 : field->size);
}

/* One field gets a value at an edge, or one bit more or less. */
static void spoil(struct attempt *attempt)
{
	static const uint64_t edges[] = {
		0, 1, 2, 0x7f, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 1ULL << 32,
		~0ULL >> 1, 1ULL << 63, ~0ULL,
	};
	struct source *source = attempt->source;
	unsigned int count = 0;
	const struct field *field;
	uint64_t value = 0;

	while (attempt->call->fields[count].kind)
		count++;
	field = &attempt->call->fields[source_below(source, count)];
	/*
	 * What is there belongs to its size, and could not be judged at another. And half
	 * a name is another, which nobody would know as ours and delete.
	 */
	if (field->kind == FIELD_BUFFER || field->kind == FIELD_NAME_BUFFER ||
	    field->kind == FIELD_DATA || field->kind == FIELD_NAME)
		return;
	if (field->kind == FIELD_SIZE && attempt->memory.stable)
		memset((void *)(uintptr_t)attempt->memory.address, 0, sizeof(uint64_t));
	if (field->kind == FIELD_BUFFER_SIZE && !attempt->memory.stable)
		return;
	if (field->kind == FIELD_BUFFER_SIZE)
		attempt->memory = (struct place){ .address = attempt->memory.address };
	if (field->kind == FIELD_SIZE)
		attempt->memory.whole = false;
	memcpy(&value, attempt->before.bytes + field->offset, field->size > 8 ? 8 : field->size);
	if (source_one_in(source, 2))
		value ^= 1ULL << source_below(source, 8 * field->size);
	else
		value = edges[source_below(source, ARRAY_LEN(edges))];
	set_field(attempt, field, value);
}

void fill_argument(struct attempt *attempt)
{
	const struct field *field;

	memset(&attempt->before, 0, sizeof(attempt->before));
	for (field = attempt->call->fields; field->kind; field++)
		set_field(attempt, field, value_of(attempt, field->kind));
	if (source_one_in(attempt->source, 10))
		spoil(attempt);
	if (attempt->call->cmd == MSGPASS_IOC_SEND &&
	    !is_ours(attempt->before.send.to, attempt->before.flags & MSGPASS_TO_KEY))
		attempt->before.send.to = attempt->before.flags & MSGPASS_TO_KEY ? 0 : getpid();
}
