/*
 * Durations as Go writes them (time.ParseDuration), which is what Kubernetes uses in metav1.Duration and in the
 * `timeout` parameter of webhook calls: "10s", "1m30s", "500ms", "1.5h".
 */
#pragma once

#include <stdint.h>

/* In nanoseconds. -EINVAL where the text is no duration or is negative, -ERANGE where it exceeds int64. */
int duration_parse(int64_t *ret, const char *text);
