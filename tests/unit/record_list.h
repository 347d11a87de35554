/*
 * Records for the ledger's file, from a JSON array.
 */
#pragma once

#include <jansson.h>

#include "check.h"
#include "manifest/writer.h"
#include "quota/file_store.h"

static inline void write_item(void *array, size_t i, struct writer *to)
{
        char *text = json_dumps(json_array_get(array, i), JSON_COMPACT | JSON_ENCODE_ANY);

        ck_assert_ptr_nonnull(text);
        writer_bytes(to, text, strlen(text));
        free(text);
}

/* The array is borrowed. */
#define RECORDS(array) (&(struct file_store_records){json_array_size(array), write_item, array})
