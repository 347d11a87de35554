/*
 * Widths are known only when every row is there, so rows are kept. A character is a code point: what is printed here
 * are names and numbers.
 */
#include "util/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GAP 3

void table_clear(struct table *table)
{
        for (size_t i = 0; i < table->n_cells; i++)
                free(table->cells[i]);
        free(table->cells);
        *table = (struct table){0};
}

int table_init(struct table *table, const char *const *heading)
{
        *table = (struct table){0};
        while (table->n_columns < TABLE_COLUMNS_MAX && heading[table->n_columns])
                table->n_columns++;
        return table_add(table, heading);
}

int table_add(struct table *table, const char *const *row)
{
        char **cells = reallocarray(table->cells, table->n_cells + table->n_columns, sizeof(*cells));

        if (!cells)
                return -ENOMEM;
        table->cells = cells;
        for (size_t i = 0; i < table->n_columns; i++) {
                cells[table->n_cells] = strdup(row[i]);
                if (!cells[table->n_cells])
                        return -ENOMEM;
                table->n_cells++;
        }
        return 0;
}

static size_t width_of(const char *text)
{
        size_t width = 0;

        for (; *text; text++)
                width += (*text & 0xc0) != 0x80;
        return width;
}

static void print_row(char *const *cells, size_t n, const size_t *widths, FILE *stream)
{
        size_t blanks = 0;

        for (size_t i = 0; i < n; i++) {
                if (*cells[i]) {
                        fprintf(stream, "%*s%s", (int)blanks, "", cells[i]);
                        blanks = 0;
                }
                blanks += widths[i] - width_of(cells[i]) + GAP;
        }
        fputc('\n', stream);
}

void table_print(const struct table *table, FILE *stream)
{
        size_t widths[TABLE_COLUMNS_MAX] = {0};

        for (size_t i = 0; i < table->n_cells; i++) {
                size_t width = width_of(table->cells[i]);

                if (width > widths[i % table->n_columns])
                        widths[i % table->n_columns] = width;
        }
        for (size_t i = 0; i + table->n_columns <= table->n_cells; i += table->n_columns)
                print_row(table->cells + i, table->n_columns, widths, stream);
}
