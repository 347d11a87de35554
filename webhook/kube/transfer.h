/*
 * An exchange in libcurl's words: the options that make its request, and the callbacks that take its answer.
 */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct exchange;

struct transfer {
        struct exchange *exchange;
        CURL *easy;                 /* borrowed */
        struct curl_slist *headers; /* owned, as are the following */
        struct curl_slist *connect_to;
        char *url;
        size_t capacity; /* of the response's body */
        int64_t heard;   /* monotonic ns of the last byte of a stream */
        int failure;     /* what a callback wants returned; 0: nothing */
        bool streaming;  /* the headers of a 2xx stream are there */
        bool headed;     /* the headers of the answer are there, whole */
        bool lost;       /* closed with no answer after it was sent */
        bool too_large;  /* the answer was longer than is taken */
        char reason[CURL_ERROR_SIZE];
};

void transfer_clear(struct transfer *transfer);

/* Sets every option of `easy` anew. -ENOMEM. */
int transfer_prepare(struct transfer *transfer);
