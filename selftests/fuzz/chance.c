// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include <time.h>

#include "fuzz.h"

uint64_t mix(uint64_t value)
{
	value = (value ^ (value >> 33)) * 0xff51afd7ed558ccdULL;
	value = (value ^ (value >> 33)) * 0xc4ceb9fe1a85ec53ULL;
	return value ^ (value >> 33);
}

struct stream stream_of(uint64_t seed, unsigned int worker, unsigned int generation,
			unsigned int thread)
{
	return (struct stream){
		.state = mix(seed + mix(((uint64_t)worker << 48) + ((uint64_t)thread << 40) +
					generation + 1)),
	};
}

uint64_t stream_next(struct stream *stream)
{
	stream->state += 0x9e3779b97f4a7c15ULL;
	return mix(stream->state);
}

uint32_t stream_below(struct stream *stream, uint32_t limit)
{
	return (stream_next(stream) >> 32) % limit;
}

struct source source_of(const struct op *op)
{
	return (struct source){
		.op = op,
		.more.state = mix(op->words[0] + ((uint64_t)op->words[WORDS - 1] << 32)),
	};
}

uint32_t source_word(struct source *source)
{
	if (source->used < WORDS)
		return source->op->words[source->used++];
	return stream_next(&source->more);
}

uint32_t source_below(struct source *source, uint32_t limit)
{
	return source_word(source) % limit;
}

bool source_one_in(struct source *source, uint32_t chances)
{
	return !source_below(source, chances);
}

uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * SECOND + time.tv_nsec;
}

void tell_finding(const char *what)
{
	uint32_t number = __atomic_fetch_add(&board->findings, 1, __ATOMIC_RELAXED);
	char text[FINDING_SIZE] = "";

	if (number >= FINDINGS) {
		__atomic_sub_fetch(&board->findings, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&board->unfound, 1, __ATOMIC_RELAXED);
		return;
	}
	if (self)
		snprintf(text, 60, "worker %u.%u thread %u%s: ", self->worker,
			 board->workers[self->worker].generation, self->number,
			 self->is_child ? " (child)" : "");
	strncat(text, what, sizeof(text) - strlen(text) - 1);
	/* Its first byte last: the watcher prints what has begun. */
	memcpy(board->finding[number] + 1, text + 1, FINDING_SIZE - 1);
	__atomic_store_n(&board->finding[number][0], text[0], __ATOMIC_RELEASE);
}
