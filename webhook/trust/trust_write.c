/*
 * What a replica writes for all. The configuration is written by two rules, whatever the bundle comes from. A CA that
 * is missing in it is added at once, and what is there stays, as somebody may serve a certificate of it. What is too
 * much in it goes once all replicas have served the newest certificate for the overlap. So a Secret that was restored
 * from a backup, or files with another CA, lead through the same overlap as a rotation.
 */
#include <errno.h>
#include <stdlib.h>

#include "certs/bundle.h"
#include "certs/certificate.h"
#include "trust/trust_state.h"
#include "util/error.h"
#include "util/log.h"

/* What shall be registered; *ret is new, and NULL where nothing is to be. */
static int wanted_bundle(STACK_OF(X509) * *ret, struct trust *trust, struct error *error)
{
        const STACK_OF(X509) * bundle;
        bool done = true;

        lock_acquire(&trust->lock);
        bundle = trust->shared ? shared_authority_bundle(trust->shared) : trust->offered_bundle;
        if (bundle && trust->registration) {
                *ret = X509_chain_up_ref((STACK_OF(X509) *)bundle);
                done = *ret;
        }
        lock_release(&trust->lock);
        return done ? 0 : error_oom(error);
}

/* What is known of the wanted bundle in the registered configuration. */
struct outlook {
        bool missing; /* a CA of it */
        bool surplus; /* there are others */
        bool settled; /* all of it has been there for the overlap */
};

static struct outlook look_at_registration(struct trust *trust, const STACK_OF(X509) * bundle)
{
        int64_t before = clock_monotonic() - trust->options.overlap;
        struct outlook outlook;

        lock_acquire(&trust->lock);
        outlook = (struct outlook){
                .missing = !registration_covers(trust->registration, bundle),
                .surplus = !registration_is_within(trust->registration, bundle),
                .settled = carried_covers(&trust->carried, bundle, before),
        };
        lock_release(&trust->lock);
        return outlook;
}

/* 1 if all replicas have served the newest certificate for the overlap. */
static int is_served_by_all(struct trust *trust, struct error *error)
{
        _cleanup_(freep) char *fingerprint = NULL;
        const char *chain;
        int r = 0;

        lock_acquire(&trust->lock);
        chain = serving_newest(&trust->serving);
        if (chain)
                r = certs_fingerprint(&fingerprint, chain, error);
        lock_release(&trust->lock);
        if (r < 0 || !fingerprint)
                return r;
        return agreement_holds(&trust->agreement, fingerprint, trust->options.overlap, clock_monotonic(),
                               trust->options.all_serve, trust->options.userdata, error);
}

/* Only the thread replaces the registration, so it may be read here without the lock. */
static int write_registration(struct trust *trust, STACK_OF(X509) * bundle, bool keep, struct error *error)
{
        _cleanup_(freep) char *text = NULL;
        int r = 0;

        if (keep && !registration_add_to(trust->registration, bundle, trust_now(trust)))
                r = error_oom(error);
        if (r >= 0)
                r = certificates_print(&text, bundle, error);
        if (r >= 0)
                r = registration_apply(trust->registration, trust->client, text, &trust->stopping, error);
        if (r < 0)
                return r;
        log_info("the caBundle was written", log_string("configuration", trust->options.configuration),
                 log_integer("cas", sk_X509_num(bundle)));
        return 1;
}

static int work_on_secret(struct trust *trust, bool settled, bool served, struct error *error)
{
        const struct shared_authority_view view = {.leads = true, .settled = settled, .served = served};

        return shared_authority_work(trust->shared, &view, error);
}

/* The registration first: nothing that is served may wait for it. 1 where something was written. */
static int lead(struct trust *trust, struct error *error)
{
        _cleanup_(certificates_freep) STACK_OF(X509) *bundle = NULL;
        struct outlook outlook = {0};
        bool has_old = trust->shared && shared_authority_has_old(trust->shared);
        int r, served = 0;

        r = wanted_bundle(&bundle, trust, error);
        if (r < 0)
                return r;
        if (bundle)
                outlook = look_at_registration(trust, bundle);
        if (outlook.missing)
                return write_registration(trust, bundle, true, error);
        if (outlook.surplus || has_old)
                served = is_served_by_all(trust, error);
        if (outlook.surplus && served > 0)
                return write_registration(trust, bundle, false, error);
        r = trust->shared ? work_on_secret(trust, outlook.settled, served > 0, served < 0 ? NULL : error) : 0;
        return r == 0 && served < 0 ? served : r;
}

int trust_write(struct trust *trust, struct error *error)
{
        static const struct shared_authority_view follower = {0};

        if (trust->options.leads(trust->options.userdata))
                return lead(trust, error);
        agreement_clear(&trust->agreement);
        return trust->shared ? shared_authority_work(trust->shared, &follower, error) : 0;
}
