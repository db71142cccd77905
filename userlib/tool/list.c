// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define NUMBER_TEXT	24

/* What the table of mailboxes tells of one: the cells, as texts. */
enum column {
	NAME, OWNER, MODE, CAPACITY, MESSAGES, BYTES, SENDERS, RECEIVERS, COLUMNS
};

struct row {
	char *cells[COLUMNS];
};

struct table {
	struct row *rows;
	size_t count;
	size_t room;
};

static void set_cell(struct row *row, enum column column, const char *text)
{
	row->cells[column] = strdup(text);
	if (!row->cells[column])
		err(EXIT_FAILURE, "the table");
}

static void set_number(struct row *row, enum column column,
		       unsigned long long number)
{
	char text[NUMBER_TEXT];

	snprintf(text, sizeof(text), "%llu", number);
	set_cell(row, column, text);
}

static struct row *add_row(struct table *table)
{
	if (table->count == table->room) {
		table->room = table->room ? 2 * table->room : 16;
		table->rows = reallocarray(table->rows, table->room,
					   sizeof(*table->rows));
		if (!table->rows)
			err(EXIT_FAILURE, "the table");
	}
	return &table->rows[table->count++];
}

static void add_head(struct table *table)
{
	static const char *const heads[] = {
		"NAME", "OWNER", "MODE", "CAPACITY", "MESSAGES", "BYTES",
		"SENDERS", "RECEIVERS",
	};
	struct row *row = add_row(table);
	unsigned int i;

	for (i = 0; i < COLUMNS; i++)
		set_cell(row, i, heads[i]);
}

static void add_stat(struct table *table, const char *name,
		     const struct msgpass_stat *stat)
{
	struct row *row = add_row(table);
	char capacity[CAPACITY_TEXT];
	char owner[OWNER_TEXT];
	char mode[NUMBER_TEXT];
	char text[NAME_TEXT];

	set_cell(row, NAME, name_text(name, text));
	set_cell(row, OWNER, owner_text(stat, owner));
	snprintf(mode, sizeof(mode), "%03o", stat->mode);
	set_cell(row, MODE, mode);
	set_cell(row, CAPACITY, capacity_text(stat->capacity, capacity));
	set_number(row, MESSAGES, stat->messages);
	set_number(row, BYTES, stat->bytes);
	set_number(row, SENDERS, stat->senders_waiting);
	set_number(row, RECEIVERS, stat->receivers_waiting);
}

/* It is there, but no access would open it to this process. */
static void add_closed(struct table *table, const char *name)
{
	struct row *row = add_row(table);
	char text[NAME_TEXT];
	unsigned int i;

	set_cell(row, NAME, name_text(name, text));
	for (i = NAME + 1; i < COLUMNS; i++)
		set_cell(row, i, "-");
}

/* One that has ended since it was listed is left out. */
static int add_mailbox(struct table *table, const char *name)
{
	struct msgpass *mailbox = open_to_look(name);
	struct msgpass_stat stat;
	int code = EXIT_SUCCESS;

	if (!mailbox) {
		if (errno == EACCES || errno == EPERM)
			add_closed(table, name);
		else if (errno != ENOENT)
			code = mailbox_failure(name);
		return code;
	}
	if (!msgpass_stat(mailbox, &stat))
		add_stat(table, name, &stat);
	else if (errno != EIDRM)
		code = mailbox_failure(name);
	msgpass_close(mailbox);
	return code;
}

static void show_table(struct table *table)
{
	int width[COLUMNS] = { };
	unsigned int column;
	size_t i;

	for (i = 0; i < table->count; i++)
		for (column = 0; column < COLUMNS; column++) {
			int length = strlen(table->rows[i].cells[column]);

			if (length > width[column])
				width[column] = length;
		}
	for (i = 0; i < table->count; i++)
		for (column = 0; column < COLUMNS; column++) {
			/* Words to the left, numbers to the right. */
			printf("%*s%s", column < CAPACITY ? -width[column] :
			       width[column], table->rows[i].cells[column],
			       column == COLUMNS - 1 ? "\n" : "  ");
			free(table->rows[i].cells[column]);
		}
	free(table->rows);
}

int command_ls(const struct arguments *arguments)
{
	struct msgpass *endpoint = msgpass_endpoint();
	char name[MSGPASS_NAME_MAX + 1] = "";
	struct table table = { };
	int code = EXIT_SUCCESS;

	(void)arguments;
	if (!endpoint)
		return device_failure();
	add_head(&table);
	while (!msgpass_next(endpoint, name))
		if (add_mailbox(&table, name) != EXIT_SUCCESS)
			code = EXIT_FAILURE;
	if (errno != ENOENT)
		code = failure("listing the mailboxes");
	msgpass_close(endpoint);
	show_table(&table);
	return code;
}
