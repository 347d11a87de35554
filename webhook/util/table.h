/*
 * Rows of text in aligned columns, as kubectl prints them.
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 8

/* A growing table. Zero is empty. */
struct table {
        char **cells; /* owned */
        size_t n_cells, n_columns;
};

/* Starts a table with this heading (NULL-terminated). -ENOMEM. */
int table_init(struct table *table, const char *const *heading);
void table_clear(struct table *table);

/* Appends a row with one text for each column; copies. -ENOMEM. */
int table_add(struct table *table, const char *const *row);

/* Prints it; trailing blanks are left out. */
void table_print(const struct table *table, FILE *stream);
