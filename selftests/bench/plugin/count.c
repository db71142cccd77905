// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plugin for QEMU's emulator: how often each instruction was executed between
 * two marks of the program that is measured. Under -icount, and in any other
 * machine whose processors take turns, the counts are exact; one that is
 * repeated by a prefix (rep) counts each time.
 *
 *	qemu-system-x86_64 ... -plugin count.so,out=FILE
 *
 * For each pair of marks FILE gets a line "block", and a line for each
 * instruction, with its address in 16 hexadecimal digits and its count.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu_plugin.h"

int qemu_plugin_version = PLUGIN_VERSION;

/*
 * One for each address that was translated. They stay where they are, because
 * the emulator adds to them.
 */
struct counter {
	struct counter *next;
	uint64_t address;
	uint64_t count;
	uint64_t at_begin;
};

#define BUCKETS 65536

static struct counter *buckets[BUCKETS];
static FILE *out;
static bool inside;

static void *allocate(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		abort();
	return memory;
}

static struct counter *counter_of(uint64_t address)
{
	struct counter **bucket = &buckets[(address ^ address >> 16) % BUCKETS];
	struct counter *counter;

	for (counter = *bucket; counter; counter = counter->next)
		if (counter->address == address)
			return counter;

	counter = allocate(sizeof(*counter));
	counter->address = address;
	counter->next = *bucket;
	*bucket = counter;
	return counter;
}

static void begin(unsigned int cpu, void *data)
{
	struct counter *counter;

	(void)cpu;
	(void)data;
	for (int i = 0; i < BUCKETS; i++)
		for (counter = buckets[i]; counter; counter = counter->next)
			counter->at_begin = counter->count;
	inside = true;
}

static void end(unsigned int cpu, void *data)
{
	struct counter *counter;

	(void)cpu;
	(void)data;
	if (!inside)
		return;
	inside = false;
	fprintf(out, "block\n");
	for (int i = 0; i < BUCKETS; i++)
		for (counter = buckets[i]; counter; counter = counter->next)
			if (counter->count != counter->at_begin)
				fprintf(out, "%016llx %llu\n",
					(unsigned long long)counter->address,
					(unsigned long long)(counter->count - counter->at_begin));
	/* The machine may be killed, and nobody is told. */
	fflush(out);
}

/* The marks exchange a register with itself, in a form that no compiler writes. */
static bool is_mark(const struct qemu_plugin_insn *insn, uint8_t registers)
{
	const uint8_t mark[] = { 0x66, 0x87, registers };

	return qemu_plugin_insn_size(insn) == sizeof(mark) &&
	       !memcmp(qemu_plugin_insn_data(insn), mark, sizeof(mark));
}

static void translated(uint64_t id, struct qemu_plugin_tb *block)
{
	size_t insns = qemu_plugin_tb_n_insns(block);

	(void)id;
	for (size_t i = 0; i < insns; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(block, i);
		struct counter *counter = counter_of(qemu_plugin_insn_vaddr(insn));

		qemu_plugin_register_vcpu_insn_exec_inline(insn, PLUGIN_ADD_U64,
							   &counter->count, 1);
		if (is_mark(insn, 0xdb))	/* xchg %bx,%bx */
			qemu_plugin_register_vcpu_insn_exec_cb(insn, begin,
							       PLUGIN_NO_REGISTERS, NULL);
		else if (is_mark(insn, 0xc9))	/* xchg %cx,%cx */
			qemu_plugin_register_vcpu_insn_exec_cb(insn, end,
							       PLUGIN_NO_REGISTERS, NULL);
	}
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++)
		if (!strncmp(argv[i], "out=", strlen("out=")))
			out = fopen(argv[i] + strlen("out="), "w");
	if (!out)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
