// SPDX-License-Identifier: GPL-2.0-only
/*
 * What to run next: something new, or something that has reached new code before,
 * a little changed. The corpora are on the board, so they outlive their threads; one
 * that was killed while it wrote leaves half a sequence, which is a sequence, too.
 */
#include <string.h>

#include "fuzz.h"

static void invent_op(struct stream *chance, struct op *op)
{
	op->kind = some_kind(stream_next(chance) >> 32);
	for (unsigned int i = 0; i < WORDS; i++)
		op->words[i] = stream_next(chance) >> 32;
}

static void invent(struct stream *chance, struct sequence *sequence)
{
	sequence->count = 1 + stream_below(chance, OPS);
	for (unsigned int i = 0; i < sequence->count; i++)
		invent_op(chance, &sequence->ops[i]);
}

/* Of any thread's corpus; false where that is empty. */
static bool recall(struct stream *chance, struct sequence *sequence)
{
	const struct thread_state *state =
		&board->workers[stream_below(chance, board->processes)]
			.threads[stream_below(chance, THREADS)];
	uint32_t kept = __atomic_load_n(&state->kept, __ATOMIC_ACQUIRE);

	if (!kept)
		return false;
	*sequence = state->corpus[stream_below(chance, kept < CORPUS ? kept : CORPUS)];
	sequence->count = 1 + (sequence->count - 1) % OPS;
	return true;
}

static void change(struct stream *chance, struct sequence *sequence)
{
	unsigned int at = stream_below(chance, sequence->count);
	struct op *op = &sequence->ops[at];
	struct sequence other;

	switch (stream_below(chance, 6)) {
	case 0:		/* one more */
		if (sequence->count == OPS)
			break;
		memmove(op + 1, op, (sequence->count - at) * sizeof(*op));
		sequence->count++;
		invent_op(chance, op);
		break;
	case 1:		/* one less */
		if (sequence->count == 1)
			break;
		sequence->count--;
		memmove(op, op + 1, (sequence->count - at) * sizeof(*op));
		break;
	case 2:		/* the end of another */
		if (!recall(chance, &other) || at >= other.count)
			break;
		memcpy(op, &other.ops[at], (other.count - at) * sizeof(*op));
		sequence->count = other.count;
		break;
	case 3:		/* the same, with another kind */
		op->kind = some_kind(stream_next(chance) >> 32);
		break;
	default:	/* a word of one */
		op->words[stream_below(chance, WORDS)] = stream_next(chance) >> 32;
	}
}

void corpus_next(struct thread *thread, struct sequence *sequence)
{
	struct stream *chance = &thread->chance;
	unsigned int changes;

	if (!board->guided || !stream_below(chance, 4) || !recall(chance, sequence)) {
		invent(chance, sequence);
		return;
	}
	for (changes = 1 + stream_below(chance, 3); changes; changes--)
		change(chance, sequence);
}

void corpus_keep(struct thread *thread, const struct sequence *sequence)
{
	struct thread_state *state = thread->state;
	uint32_t kept = state->kept;
	uint32_t at = kept < CORPUS ? kept : stream_below(&thread->chance, CORPUS);

	state->corpus[at] = *sequence;
	__atomic_store_n(&state->kept, kept + 1, __ATOMIC_RELEASE);
}
