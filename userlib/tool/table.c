// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

#define NUMBER_TEXT	24

void table_begin(struct table *table, const char *const *heads, unsigned int words)
{
	*table = (struct table){ .words = words };
	while (heads[table->columns])
		table->columns++;
	for (unsigned int i = 0; i < table->columns; i++)
		table_word(table, heads[i]);
}

void table_word(struct table *table, const char *text)
{
	if (table->count == table->room) {
		table->room = table->room ? 2 * table->room : 64;
		table->cells = reallocarray(table->cells, table->room,
					    sizeof(*table->cells));
		if (!table->cells)
			err(EXIT_FAILURE, "the table");
	}
	table->cells[table->count] = strdup(text);
	if (!table->cells[table->count++])
		err(EXIT_FAILURE, "the table");
}

void table_number(struct table *table, unsigned long long number)
{
	char text[NUMBER_TEXT];

	snprintf(text, sizeof(text), "%llu", number);
	table_word(table, text);
}

static int width_of(const struct table *table, unsigned int column)
{
	size_t width = 0, i;

	for (i = column; i < table->count; i += table->columns)
		if (strlen(table->cells[i]) > width)
			width = strlen(table->cells[i]);
	return width;
}

void table_end(struct table *table)
{
	int *width = calloc(table->columns, sizeof(*width));
	unsigned int column;
	size_t i;

	if (!width)
		err(EXIT_FAILURE, "the table");
	for (column = 0; column < table->columns; column++)
		width[column] = width_of(table, column);
	for (i = 0; i < table->count; i++) {
		column = i % table->columns;
		printf("%*s%s", column < table->words ? -width[column] : width[column],
		       table->cells[i], column == table->columns - 1 ? "\n" : "  ");
		free(table->cells[i]);
	}
	free(width);
	free(table->cells);
}
