/*
 * Points in time as Kubernetes writes them (meta/v1 Time and MicroTime, RFC 3339 in UTC).
 */
#pragma once

#include <stdint.h>

#define TIMESTAMP_SIZE 32

/* "2026-01-02T03:04:05Z". Returns the buffer. */
const char *timestamp_seconds(int64_t unix_seconds, char buffer[static TIMESTAMP_SIZE]);

/* "2026-01-02T03:04:05.678901Z". Returns the buffer. */
const char *timestamp_micro(int64_t unix_microseconds, char buffer[static TIMESTAMP_SIZE]);

/* Now. */
int64_t timestamp_unix_micro(void);
