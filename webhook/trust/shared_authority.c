/*
 * What is in memory is always what has been seen in the Secret: a step is taken on a copy, and the copy is written by
 * compare-and-swap and forgotten. So an answer that was lost, or a write that came too late, leaves nothing to undo,
 * and a Secret that is deleted can be made again as it was. The clients' trust hangs on the CAs in it; where they
 * cannot be read, a person has to look, and nothing is replaced.
 */
#include "trust/shared_authority.h"

#include <errno.h>
#include <stdlib.h>

#include "certs/authority.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"

enum condition {
        UNKNOWN,
        MISSING,
        EMPTY,
        DAMAGED,
        WHOLE,
};

struct shared_authority {
        struct certificate_secret_place place;
        struct certs_request request;
        enum condition condition; /* of the Secret as last seen */
        json_t *secret;           /* owned; NULL: MISSING or UNKNOWN */
        enum rotation_request asked;
        struct certs_files files; /* of the Secret when it was WHOLE last */
        struct authority authority;
        bool known; /* there are such files */
};

int shared_authority_new(struct shared_authority **ret, const struct certificate_secret_place *place,
                         const struct certs_request *request, struct error *error)
{
        struct shared_authority *shared = calloc(1, sizeof(*shared));

        if (!shared)
                return error_oom(error);
        shared->place = *place;
        shared->request = *request;
        *ret = shared;
        return 0;
}

struct shared_authority *shared_authority_free(struct shared_authority *shared)
{
        if (!shared)
                return NULL;
        json_decref(shared->secret);
        certs_files_clear(&shared->files);
        authority_clear(&shared->authority);
        free(shared);
        return NULL;
}

static void keep(struct shared_authority *shared, struct certs_files *files, struct authority *authority)
{
        certs_files_clear(&shared->files);
        authority_clear(&shared->authority);
        shared->files = *files;
        shared->authority = *authority;
        shared->known = true;
        *files = (struct certs_files){0};
        *authority = (struct authority){0};
}

/* The condition, or -ENOMEM; of one that is DAMAGED with the reason. */
static int read_secret(struct shared_authority *shared, struct error *error)
{
        _cleanup_certs_files_ struct certs_files files = {0};
        _cleanup_authority_ struct authority authority = {0};
        int r;

        r = certificate_secret_read(&files, shared->secret, error);
        if (r >= 0 && certificate_secret_is_empty(&files))
                return EMPTY;
        if (r >= 0)
                r = authority_load(&authority, &files, error);
        if (r >= 0 && !authority.ca.certificate)
                r = error_set(error, EINVAL, "ca.crt is missing");
        if (r < 0)
                return r == -ENOMEM ? r : DAMAGED;
        keep(shared, &files, &authority);
        return WHOLE;
}

static void read_request(struct shared_authority *shared)
{
        _cleanup_error_ struct error error = ERROR_INIT;

        if (certificate_secret_request(&shared->asked, shared->secret, &error) < 0)
                log_warn("a request is not understood", log_string("secret", shared->place.name),
                         log_string("error", error_message(&error)));
}

int shared_authority_take(struct shared_authority *shared, json_t *secret, struct error *error)
{
        int r;

        json_decref(shared->secret);
        shared->secret = json_incref(secret);
        shared->condition = MISSING;
        if (!secret)
                return 0;
        r = read_secret(shared, error);
        shared->condition = r < 0 ? UNKNOWN : (enum condition)r;
        read_request(shared);
        return shared->condition == DAMAGED ? -EINVAL : r < 0 ? r : 0;
}

const STACK_OF(X509) * shared_authority_bundle(const struct shared_authority *shared)
{
        return shared->authority.bundle;
}

bool shared_authority_server(const struct shared_authority *shared, const char **ret_chain, const char **ret_key)
{
        if (!shared->known || shared->authority.server_fault)
                return false;
        *ret_chain = shared->files.texts[CERTS_TLS_CRT];
        *ret_key = shared->files.texts[CERTS_TLS_KEY];
        return true;
}

bool shared_authority_has_old(const struct shared_authority *shared)
{
        return shared->known && authority_has_old(&shared->authority);
}

/* Files of a new authority. */
static int make_files(struct certs_files *ret, const struct shared_authority *shared, struct error *error)
{
        _cleanup_authority_ struct authority authority = {0};
        int r;

        r = authority_create(&authority, &shared->request, error);
        return r < 0 ? r : authority_store(ret, &authority, error);
}

/* 1, or a negative errno. */
static int create(const struct shared_authority *shared, struct error *error)
{
        _cleanup_certs_files_ struct certs_files made = {0};
        int r = shared->known ? 0 : make_files(&made, shared, error);

        if (r >= 0)
                r = certificate_secret_create(&shared->place, shared->known ? &shared->files : &made, error);
        if (r < 0)
                return r;
        log_info("the Secret of the certificates was made", log_string("secret", shared->place.name),
                 log_string("ca", shared->known ? "as it was" : "new"));
        return 1;
}

static int write_files(const struct shared_authority *shared, const struct certs_files *files, bool answered,
                       struct error *error)
{
        json_auto_t *secret = json_deep_copy(shared->secret);

        if (!secret || certificate_secret_fill(secret, files, answered) < 0)
                return error_oom(error);
        return certificate_secret_update(&shared->place, secret, error);
}

static int fill_empty(const struct shared_authority *shared, struct error *error)
{
        _cleanup_certs_files_ struct certs_files made = {0};
        int r = shared->known ? 0 : make_files(&made, shared, error);

        if (r >= 0)
                r = write_files(shared, shared->known ? &shared->files : &made, false, error);
        return r < 0 ? r : 1;
}

static int take_step(struct authority *authority, enum rotation_step step, const struct certs_request *request,
                     struct error *error)
{
        switch (step) {
        case ROTATION_CREATE:
                return authority_create(authority, request, error);
        case ROTATION_RENEW:
                return authority_renew(authority, request, SAN_ADD, error);
        case ROTATION_STAGE:
                return authority_stage(authority, request, error);
        case ROTATION_FINISH:
                return authority_finish(authority, request, error);
        case ROTATION_DROP_OLD:
                return authority_drop_old(authority, request, error);
        default:
                return 0;
        }
}

static int write_step(const struct shared_authority *shared, enum rotation_step step, const char *reason,
                      struct error *error)
{
        static const char *const names[ROTATION_N_STEPS] = {
                [ROTATION_NONE] = "none",        [ROTATION_CREATE] = "new CA",
                [ROTATION_RENEW] = "renewed",    [ROTATION_STAGE] = "staged",
                [ROTATION_FINISH] = "finished",  [ROTATION_DROP_OLD] = "old CA dropped",
                [ROTATION_ANSWER] = "under way",
        };
        _cleanup_certs_files_ struct certs_files files = {0};
        _cleanup_authority_ struct authority authority = {0};
        int r;

        r = authority_load(&authority, &shared->files, error);
        if (r >= 0)
                r = take_step(&authority, step, &shared->request, error);
        if (r >= 0)
                r = authority_store(&files, &authority, error);
        if (r >= 0)
                r = write_files(shared, &files, rotation_answers(step, shared->asked), error);
        if (r < 0)
                return r;
        log_info("the certificates in the Secret have changed", log_string("secret", shared->place.name),
                 log_string("step", names[step]), log_string("reason", reason ? reason : ""));
        return 1;
}

static int maintain(const struct shared_authority *shared, const struct shared_authority_view *view,
                    struct error *error)
{
        const struct authority *authority = &shared->authority;
        int64_t now = shared->request.now ? shared->request.now : clock_unix();
        _cleanup_(freep) char *reason = NULL;
        struct rotation_state state = {
                .ca_expired = authority_ca_expired(authority, now),
                .ca_due = authority_ca_due(authority, now),
                .staged = authority->next.certificate,
                .has_old = authority_has_old(authority),
                .settled = view->settled,
                .served = view->served,
                .request = shared->asked,
        };
        enum rotation_step step;
        int r;

        r = authority_due(&reason, authority, &shared->request, SAN_ADD, error);
        if (r < 0)
                return r;
        state.server_due = reason;
        step = rotation_next(&state);
        if (step == ROTATION_NONE)
                return 0;
        return write_step(shared, step, rotation_answers(step, shared->asked) ? "it was asked for" : reason, error);
}

int shared_authority_work(struct shared_authority *shared, const struct shared_authority_view *view,
                          struct error *error)
{
        switch (shared->condition) {
        case MISSING:
                return view->leads || !shared->known ? create(shared, error) : 0;
        case EMPTY:
                return view->leads ? fill_empty(shared, error) : 0;
        case WHOLE:
                return view->leads ? maintain(shared, view, error) : 0;
        default:
                return 0;
        }
}
