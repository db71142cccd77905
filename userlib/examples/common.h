/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the example programs and the tool share. Where not said otherwise, what fails
 * has told why on stderr.
 */
#ifndef COMMON_H
#define COMMON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdnoreturn.h>

#include <msgpass.h>

/* Exit codes, beside EXIT_SUCCESS and EXIT_FAILURE. */
#define EXIT_USAGE	2

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/* How much of a file is in one message, at most. */
#define PART_MAX	65536

/* Room for the text of a capacity. */
#define CAPACITY_TEXT	16

/* Many programs may share a terminal or a log: write line by line there. */
void use_whole_lines(void);

/* Answer --help. */
noreturn void show_usage(const char *usage);

/* A number from @min to @max, the value of @option. */
bool get_number(const char *option, const char *text, unsigned int min,
		unsigned int max, unsigned int *number);

/* A capacity: a number, or "unbounded". */
bool get_capacity(const char *text, unsigned int *capacity);
const char *capacity_text(unsigned int capacity, char text[CAPACITY_TEXT]);

/* Whether there is the device. Without it, no mailbox seems to exist, either. */
bool device_exists(void);

/* Open a mailbox that another program creates, within 10 s from now. */
struct msgpass *wait_for_mailbox(const char *name, unsigned int access);

/* As read() and write(), but not in parts; errno is left to the caller. */
ssize_t read_full(int file, char *buffer, size_t size);
bool write_full(int file, const char *buffer, size_t size);

/* The exit code; a failure, too, if not all output could be written. */
int finish(bool success);

#endif /* COMMON_H */
