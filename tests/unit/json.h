/*
 * JSON values from text in the tests' own sources, in which "'" stands for a double quote.
 */
#pragma once

#include <jansson.h>
#include <string.h>

#include "check.h"

static inline json_t *json_text(const char *text)
{
        char *json = strdup(text);
        json_error_t error;
        json_t *value;

        for (char *c = json; *c; c++)
                if (*c == '\'')
                        *c = '"';
        value = json_loads(json, JSON_DECODE_ANY, &error);
        ck_assert_msg(value != NULL, "the test's JSON is wrong: %s: %s", error.text, text);
        free(json);
        return value;
}
