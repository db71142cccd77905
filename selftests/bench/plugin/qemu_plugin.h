/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Version 1 of the interface of QEMU's plugins, as far as it is used here:
 * Debian's QEMU loads plugins, and comes without the header that declares it.
 */
#ifndef SELFTESTS_BENCH_PLUGIN_QEMU_PLUGIN_H
#define SELFTESTS_BENCH_PLUGIN_QEMU_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

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

#define EXPORTED		__attribute__((visibility("default")))

EXPORTED extern int qemu_plugin_version;
EXPORTED int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);

#endif /* SELFTESTS_BENCH_PLUGIN_QEMU_PLUGIN_H */
