/*
 * The API server refuses a MicroTime without its six digits, and cuts a Time's fraction off: so there are two.
 */
#include "kube/timestamp.h"

#include <stdio.h>
#include <time.h>

#define PER_SECOND 1000000

static void write_seconds(int64_t unix_seconds, char buffer[static TIMESTAMP_SIZE])
{
        time_t seconds = unix_seconds;
        struct tm tm;

        gmtime_r(&seconds, &tm);
        strftime(buffer, TIMESTAMP_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
}

const char *timestamp_seconds(int64_t unix_seconds, char buffer[static TIMESTAMP_SIZE])
{
        char seconds[TIMESTAMP_SIZE];

        write_seconds(unix_seconds, seconds);
        snprintf(buffer, TIMESTAMP_SIZE, "%.19sZ", seconds);
        return buffer;
}

const char *timestamp_micro(int64_t unix_microseconds, char buffer[static TIMESTAMP_SIZE])
{
        char seconds[TIMESTAMP_SIZE];

        write_seconds(unix_microseconds / PER_SECOND, seconds);
        snprintf(buffer, TIMESTAMP_SIZE, "%.19s.%06dZ", seconds, (int)(unix_microseconds % PER_SECOND));
        return buffer;
}

int64_t timestamp_unix_micro(void)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return (int64_t)now.tv_sec * PER_SECOND + now.tv_nsec / 1000;
}
