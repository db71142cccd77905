/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A table as the tool writes it: a line of heads, then rows, each column as wide as
 * its widest cell. Cells are added one after the other, row by row. Without memory
 * for it the tool ends.
 */
#ifndef TABLE_H
#define TABLE_H

#include <stddef.h>

struct table {
	unsigned int columns;
	unsigned int words;
	char **cells;
	size_t count;
	size_t room;
};

/* @heads ends with NULL; the first @words columns are words, the others numbers. */
void table_begin(struct table *table, const char *const *heads, unsigned int words);
void table_word(struct table *table, const char *text);
void table_number(struct table *table, unsigned long long number);
/* Write it, and free it. */
void table_end(struct table *table);

#endif /* TABLE_H */
