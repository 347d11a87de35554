/*
 * A CA counts from the moment at which every entry of the configuration has it, and loses its time as soon as one has
 * it no more. Time is taken when the configuration reaches us, never from what is written in it: other clocks may
 * differ.
 */
#include "trust/carried.h"

#include <errno.h>

#include "certs/bundle.h"
#include "certs/certificate.h"
#include "trust/registration.h"

void carried_clear(struct carried *carried)
{
        for (size_t i = 0; i < carried->count; i++)
                certificate_free(carried->cas[i].ca);
        free(carried->cas);
        *carried = (struct carried){0};
}

static bool is_everywhere(const struct registration *registration, const X509 *ca)
{
        for (size_t i = 0; i < registration->n_entries; i++)
                if (!bundle_contains(registration->entries[i].cas, ca))
                        return false;
        return true;
}

static int64_t seen_since(const struct carried *carried, const X509 *ca, int64_t now)
{
        for (size_t i = 0; i < carried->count; i++)
                if (X509_cmp(carried->cas[i].ca, ca) == 0)
                        return carried->cas[i].since;
        return now;
}

int carried_update(struct carried *carried, const struct registration *registration, bool gap, int64_t now)
{
        const STACK_OF(X509) *first = registration && registration->n_entries ? registration->entries[0].cas : NULL;
        int n = first ? sk_X509_num(first) : 0;
        _cleanup_carried_ struct carried seen = {.cas = calloc((size_t)n + 1, sizeof(struct carried_ca))};
        struct carried former = *carried;

        if (!seen.cas)
                return -ENOMEM;
        for (int i = 0; i < n; i++) {
                X509 *ca = sk_X509_value(first, i);

                if (!is_everywhere(registration, ca))
                        continue;
                X509_up_ref(ca);
                seen.cas[seen.count++] = (struct carried_ca){
                        .ca = ca,
                        .since = gap ? now : seen_since(carried, ca, now),
                };
        }
        *carried = seen;
        seen = former;
        return 0;
}

bool carried_covers(const struct carried *carried, const STACK_OF(X509) * bundle, int64_t before)
{
        for (int i = 0; i < sk_X509_num(bundle); i++)
                if (seen_since(carried, sk_X509_value(bundle, i), INT64_MAX) > before)
                        return false;
        return sk_X509_num(bundle) > 0;
}
