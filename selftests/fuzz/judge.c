// SPDX-License-Identifier: GPL-2.0-only
/* Whether the outcome of a call is one that <linux/msgpass.h> allows. */
#include <errno.h>
#include <string.h>

#include "fuzz.h"

#define SAY(_attempt, _format, ...)						\
	finding("%s: " _format, (_attempt)->call->name, ##__VA_ARGS__)

/* Also of calls that failed: what lies behind the output is never written. */
static void judge_writes(const struct attempt *attempt)
{
	const uint8_t *before = attempt->before.bytes, *after = attempt->after.bytes;
	unsigned int size = _IOC_SIZE(attempt->call->cmd);

	for (unsigned int i = 0; i < attempt->size + CANARY; i++) {
		if (i >= attempt->call->output && i < size)
			continue;
		if (before[i] == after[i])
			continue;
		SAY(attempt, "wrote byte %u of an argument of %u: 0x%x was 0x%x (result %d)", i,
		    attempt->size, after[i], before[i], attempt->result);
		return;
	}
}

static void judge_canary(const struct attempt *attempt)
{
	const uint8_t *memory = (uint8_t *)(uintptr_t)attempt->memory.address;
	unsigned int size = attempt->memory_size;

	/* What stands in pages that go away may be an older argument, with a larger buffer. */
	if (!attempt->memory.guarded || !attempt->argument.stable)
		return;
	for (int i = -CANARY; i < CANARY; i++) {
		const uint8_t *byte = memory + i + (i < 0 ? 0 : size);

		if (*byte == CANARY_BYTE)
			continue;
		SAY(attempt, "wrote byte %d %s memory of %u: 0x%x", i < 0 ? -i - 1 : i,
		    i < 0 ? "before" : "behind", size, *byte);
		return;
	}
}

/* What is there to its last byte is no bad address, so nothing beyond it was asked for. */
static void judge_fault(const struct attempt *attempt)
{
	if (attempt->result == -EFAULT && attempt->argument.whole && attempt->memory.whole)
		SAY(attempt, "failed with EFAULT, of an argument of %u and memory of %u",
		    attempt->size, attempt->memory_size);
}

/* A success that should have been refused. */
static void judge_refusal(const struct attempt *attempt)
{
	const struct call *call = attempt->call;
	const struct field *field;
	uint64_t value;

	if (attempt->before.flags & ~call->flags)
		SAY(attempt, "took the unknown flags 0x%x", attempt->before.flags);
	for (field = call->fields; field->kind; field++) {
		value = 0;
		memcpy(&value, attempt->before.bytes + field->offset,
		       field->size > 8 ? 8 : field->size);
		if (field->kind == FIELD_PAD && value)
			SAY(attempt, "took non-zero padding");
		if (field->kind == FIELD_PRIORITY && value > MSGPASS_PRIORITY_MAX)
			SAY(attempt, "took the priority %llu", (unsigned long long)value);
		if (field->kind == FIELD_DEADLINE && value >> 63)
			SAY(attempt, "took the deadline %llu", (unsigned long long)value);
		if (field->kind == FIELD_MODE && value & ~0666ULL)
			SAY(attempt, "took the mode 0%llo", (unsigned long long)value);
	}
	for (unsigned int i = _IOC_SIZE(call->cmd); i < attempt->size; i++)
		if (attempt->before.bytes[i])
			SAY(attempt, "took a newer argument with something at %u", i);
}

static void judge_time(const struct attempt *attempt, uint64_t deadline)
{
	uint64_t time = now();

	if (attempt->result == -ETIMEDOUT && (!deadline || deadline > time))
		SAY(attempt, "timed out at %llu, its deadline is %llu", (unsigned long long)time,
		    (unsigned long long)deadline);
}

/* No number that the kernel tells is an address of its own. */
static void judge_numbers(const struct attempt *attempt)
{
	const struct field *field;
	uint64_t value;

	for (field = attempt->call->fields; field->kind; field++) {
		if (field->offset < attempt->call->output)
			continue;
		for (unsigned int i = 0; i + 8 <= field->size; i += 8) {
			memcpy(&value, attempt->after.bytes + field->offset + i, 8);
			/* With five levels of page tables it may be that low. */
			if (value >= 0xff00000000000000ULL)
				SAY(attempt, "told an address at %u: 0x%llx", field->offset + i,
				    (unsigned long long)value);
		}
	}
}

static void judge_receive(const struct attempt *attempt)
{
	const struct msgpass_receive *arg = &attempt->after.receive;
	const uint8_t *data = (uint8_t *)(uintptr_t)attempt->memory.address;

	if (attempt->result == -EMSGSIZE) {
		if (arg->size <= arg->buffer_size)
			SAY(attempt, "%u bytes do not fit in %u", arg->size, arg->buffer_size);
		return;
	}
	if (arg->size > arg->buffer_size)
		SAY(attempt, "%u bytes in %u", arg->size, arg->buffer_size);
	if (!arg->id || !arg->sender_key || arg->sender_pid < 0 || arg->sender_tid < 0 ||
	    arg->priority > MSGPASS_PRIORITY_MAX)
		SAY(attempt, "header: id %llu, key %llu, pid %d, tid %d, priority %u",
		    (unsigned long long)arg->id, (unsigned long long)arg->sender_key,
		    arg->sender_pid, arg->sender_tid, arg->priority);
	if (attempt->memory.stable && arg->size <= attempt->memory_size &&
	    pattern_is_broken(data, arg->size))
		SAY(attempt, "a message of %u bytes is not what was sent", arg->size);
}

static void judge_stat(const struct attempt *attempt)
{
	const struct msgpass_stat *arg = &attempt->after.stat;
	bool is_inbox = arg->owner_pid && !(arg->policy & MSGPASS_PROCESS_OWNED);
	char what[160];

	snprintf(what, sizeof(what),
		 "%u messages of %llu, in %llu of %llu, out %llu of %llu, wait %u and %u",
		 arg->messages,
		 (unsigned long long)arg->bytes, (unsigned long long)arg->admitted_messages,
		 (unsigned long long)arg->admitted_bytes,
		 (unsigned long long)arg->received_messages,
		 (unsigned long long)arg->received_bytes, arg->senders_waiting,
		 arg->receivers_waiting);
	if (arg->pad)
		SAY(attempt, "told padding: 0x%x", arg->pad);
	if (arg->received_messages > arg->admitted_messages ||
	    arg->received_bytes > arg->admitted_bytes ||
	    arg->messages > arg->admitted_messages - arg->received_messages ||
	    arg->bytes > arg->admitted_bytes - arg->received_bytes)
		SAY(attempt, "more than was admitted: %s", what);
	if (arg->bytes > (uint64_t)arg->messages * arg->size_max)
		SAY(attempt, "more than fits in a message: %s", what);
	/* At an inbox a receiver may wait for another sender than those. */
	if (!is_inbox && arg->receivers_waiting && arg->senders_waiting)
		SAY(attempt, "both sides wait: %s", what);
	if (arg->mode & ~0666U ||
	    arg->policy & ~(MSGPASS_FIXED_SIZE | MSGPASS_PROCESS_OWNED))
		SAY(attempt, "mode 0%o, policy 0x%x", arg->mode, arg->policy);
}

static void judge_list(const struct attempt *attempt)
{
	const struct msgpass_next_process *process = &attempt->after.next_process;
	const struct msgpass_next_link *link = &attempt->after.next_link;

	switch (attempt->call->cmd) {
	case MSGPASS_IOC_KEY:
		if (!attempt->after.key.key)
			SAY(attempt, "told the key 0");
		break;
	case MSGPASS_IOC_NEXT_PROCESS:
		if (process->key <= attempt->before.next_process.key ||
		    process->accepts > MSGPASS_ACCEPT_NOBODY)
			SAY(attempt, "key %llu after %llu, accepts %u",
			    (unsigned long long)process->key,
			    (unsigned long long)attempt->before.next_process.key, process->accepts);
		break;
	case MSGPASS_IOC_NEXT_LINK:
		if (link->number <= attempt->before.next_link.number ||
		    link->key[0] > link->key[1] || link->since > now())
			SAY(attempt, "link %u after %u, keys %llu and %llu, since %llu",
			    link->number, attempt->before.next_link.number,
			    (unsigned long long)link->key[0], (unsigned long long)link->key[1],
			    (unsigned long long)link->since);
		break;
	}
}

/* A success, or the one failure that has an output. */
static void judge_output(const struct attempt *attempt)
{
	judge_numbers(attempt);
	switch (attempt->call->cmd) {
	case MSGPASS_IOC_SEND:
		if (!attempt->after.send.id)
			SAY(attempt, "told the id 0");
		break;
	case MSGPASS_IOC_RECEIVE:
		judge_receive(attempt);
		break;
	case MSGPASS_IOC_STAT:
		judge_stat(attempt);
		break;
	default:
		judge_list(attempt);
	}
}

void judge(const struct attempt *attempt)
{
	const struct call *call = attempt->call;
	int result = attempt->result;
	bool told = result >= 0;

	if (result < 0 && !call_may_fail(call, -result))
		SAY(attempt, "failed with %d, which it never may", -result);
	if (result > 0 && !call->makes)
		SAY(attempt, "returned %d", result);
	judge_canary(attempt);
	judge_fault(attempt);
	if (!attempt->argument.stable)
		return;
	judge_writes(attempt);
	if (call->cmd == MSGPASS_IOC_RECEIVE)
		judge_time(attempt, attempt->before.receive.deadline);
	if (call->cmd == MSGPASS_IOC_SEND)
		judge_time(attempt, attempt->before.send.deadline);
	if (told)
		judge_refusal(attempt);
	/* A receive that is too small has an output; a send that is too large has none. */
	if (call->cmd == MSGPASS_IOC_RECEIVE && result == -EMSGSIZE)
		told = true;
	if (told)
		judge_output(attempt);
}
