/*
 * What `regionfit certs show` prints about a folder of certificates.
 */
#pragma once

#include <stdint.h>

struct certs_report;
struct error;

/* To standard output, for a person; days are counted from `now`. */
void certs_show_text(const struct certs_report *report, const char *folder, int64_t now);

/* The same as one JSON object. -ENOMEM. */
int certs_show_json(const struct certs_report *report, const char *folder, int64_t now, struct error *error);
