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
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Version 1 of the plugins' interface, as far as it is used: Debian's QEMU loads
 * plugins, and comes without the header that declares it.
 */
#define PLUGIN_VERSION		1
#define PLUGIN_ADD_U64		0
#define PLUGIN_NO_REGISTERS	0

struct qemu_plugin_tb;
struct qemu_plugin_insn;

typedef void (*translated_fn)(uint64_t id, struct qemu_plugin_tb *block);
typedef void (*executed_fn)(unsigned int cpu, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, translated_fn call);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block,
						 size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn,
						int operation, void *counter,
						uint64_t value);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    executed_fn call, int registers,
					    void *data);

#define EXPORTED __attribute__((visibility("default")))

EXPORTED extern int qemu_plugin_version;
EXPORTED int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);

int qemu_plugin_version = PLUGIN_VERSION;

/* One for each address that was translated. They stay where they are, because the emulator adds to them. */
struct counter {
	struct counter *next;
	uint64_t address;
	uint64_t count;
	uint64_t at_begin;
};

#define BUCKETS (1 << 16)

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

	(void)cpu, (void)data;
	for (int i = 0; i < BUCKETS; i++)
		for (counter = buckets[i]; counter; counter = counter->next)
			counter->at_begin = counter->count;
	inside = true;
}

static void end(unsigned int cpu, void *data)
{
	struct counter *counter;

	(void)cpu, (void)data;
	if (!inside)
		return;
	inside = false;
	fprintf(out, "block\n");
	for (int i = 0; i < BUCKETS; i++)
		for (counter = buckets[i]; counter; counter = counter->next)
			if (counter->count != counter->at_begin)
				fprintf(out, "%016" PRIx64 " %" PRIu64 "\n", counter->address,
					counter->count - counter->at_begin);
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
