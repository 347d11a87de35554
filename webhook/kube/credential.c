/*
 * Files that rotate (service account tokens every hour or sooner, certificates, the CA) are not watched but read
 * again: whoever finds that the last reading is half a minute old reads them before he goes on. A file that cannot be
 * read, or a plugin that fails, does no harm while what it gave before may still be good: a token that has just been
 * replaced lives on for a while. The plugin's answer counts until it expires.
 *
 * One thread at a time looks, without the lock; those who find it at that wait, as long as their patience lasts.
 */
#include "kube/credential.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "kube/exec_plugin.h"
#include "kube/patience.h"
#include "kube/secret.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/thread_safety.h"

#define FRESH_FOR (30 * NS_PER_SECOND)
#define LOOK_AGAIN (20 * NS_PER_MS)

struct credential {
        struct credential_source source; /* does not change */
        struct lock lock;
        bool looking;             /* a thread is at it; guarded by lock, as are the following */
        bool refused;             /* what is known was not taken */
        int64_t looked_at;        /* monotonic ns; 0: never */
        int64_t expires;          /* Unix seconds; 0: never */
        struct identity identity; /* what is known; version 0: nothing is */
};

void credential_source_clear(struct credential_source *source)
{
        secret_wipe(source->token);
        free(source->token_file);
        free(source->username);
        secret_wipe(source->password);
        free(source->certificate);
        free(source->certificate_file);
        secret_wipe(source->key);
        free(source->key_file);
        free(source->ca);
        free(source->ca_file);
        exec_plugin_free(source->exec);
        *source = CREDENTIAL_SOURCE_INIT;
}

void identity_clear(struct identity *identity)
{
        secret_wipe(identity->authorization);
        free(identity->certificate);
        secret_wipe(identity->key);
        free(identity->ca);
        *identity = IDENTITY_INIT;
}

int credential_new(struct credential **ret, struct credential_source *source, struct error *error)
{
        struct credential *credential = calloc(1, sizeof(*credential));

        if (!credential)
                return error_oom(error);
        if (lock_init(&credential->lock)) {
                free(credential);
                return error_oom(error);
        }
        credential->source = *source;
        *source = CREDENTIAL_SOURCE_INIT;
        *ret = credential;
        return 0;
}

struct credential *credential_free(struct credential *credential)
{
        if (!credential)
                return NULL;
        credential_source_clear(&credential->source);
        identity_clear(&credential->identity);
        lock_destroy(&credential->lock);
        free(credential);
        return NULL;
}

static int copy_text(char **ret, const char *text)
{
        *ret = text ? strdup(text) : NULL;
        return text && !*ret ? -ENOMEM : 0;
}

/* From the file where there is one, else a copy of the text; NULL where there is neither. */
static int take_text(char **ret, const char *file, const char *text, struct error *error)
{
        if (file)
                return secret_read(ret, file, error);
        return copy_text(ret, text) < 0 ? error_oom(error) : 0;
}

static int set_bearer(struct identity *identity, char *token, const char *origin, struct error *error)
{
        size_t size = strlen(token);

        while (size && strchr(" \t\r\n", token[size - 1]))
                token[--size] = '\0';
        token += strspn(token, " \t\r\n");
        if (!*token)
                return error_set(error, EINVAL, "there is no token in %s: it is empty", origin);
        if (strpbrk(token, " \t\r\n"))
                return error_set(error, EINVAL, "what %s holds is no token: it has white space in it", origin);
        if (asprintf(&identity->authorization, "Bearer %s", token) < 0) {
                identity->authorization = NULL;
                return error_oom(error);
        }
        return 0;
}

static int set_basic(struct identity *identity, const char *username, const char *password, struct error *error)
{
        _cleanup_(secret_wipep) char *pair = NULL, *encoded = NULL;

        if (asprintf(&pair, "%s:%s", username ? username : "", password ? password : "") < 0)
                pair = NULL;
        encoded = pair ? secret_to_base64(pair) : NULL;
        if (!encoded || asprintf(&identity->authorization, "Basic %s", encoded) < 0) {
                identity->authorization = NULL;
                return error_oom(error);
        }
        return 0;
}

static int read_authorization(const struct credential_source *source, struct identity *ret, struct error *error)
{
        _cleanup_(secret_wipep) char *token = NULL;
        int r = take_text(&token, source->token_file, source->token, error);

        if (r < 0)
                return r;
        if (token)
                return set_bearer(ret, token, source->token_file ? source->token_file : "the kubeconfig", error);
        if (source->username || source->password)
                return set_basic(ret, source->username, source->password, error);
        return 0;
}

/* What the kubeconfig says of us wins over what a plugin says, as in client-go. */
static int ask_plugin(const struct exec_plugin *plugin, struct identity *ret, int64_t *ret_expires,
                      const struct patience *patience, struct error *error)
{
        _cleanup_(exec_credential_clear) struct exec_credential answer = EXEC_CREDENTIAL_INIT;
        int r = exec_plugin_run(plugin, &answer, patience, error);

        if (r >= 0 && answer.token && !ret->authorization)
                r = set_bearer(ret, answer.token, "the plugin's answer", error);
        if (r < 0)
                return r;
        if (answer.certificate) {
                free(ret->certificate);
                secret_wipe(ret->key);
                ret->certificate = steal_pointer(&answer.certificate);
                ret->key = steal_pointer(&answer.key);
        }
        *ret_expires = answer.expires;
        return 0;
}

/* The CA first: it is needed whoever we are. */
static int look(const struct credential_source *source, struct identity *ret, int64_t *ret_expires,
                const struct patience *patience, struct error *error)
{
        int r = take_text(&ret->ca, source->ca_file, source->ca, error);

        if (r >= 0)
                r = read_authorization(source, ret, error);
        if (r >= 0)
                r = take_text(&ret->certificate, source->certificate_file, source->certificate, error);
        if (r >= 0)
                r = take_text(&ret->key, source->key_file, source->key, error);
        if (r >= 0 && source->exec)
                r = ask_plugin(source->exec, ret, ret_expires, patience, error);
        return r;
}

static bool has_files(const struct credential_source *source)
{
        return source->ca_file || source->token_file || source->certificate_file || source->key_file;
}

static bool is_expired(const struct credential *credential) requires_lock(credential->lock)
{
        return credential->expires && clock_unix() >= credential->expires;
}

/* Plugins are not asked before their answer has ended; a mere reading of files is due sooner. */
static bool is_fresh(const struct credential *credential) requires_lock(credential->lock)
{
        if (!credential->identity.version || credential->refused || is_expired(credential))
                return false;
        return credential->source.exec || !has_files(&credential->source) ||
               clock_monotonic() - credential->looked_at < FRESH_FOR;
}

static bool equal(const char *a, const char *b)
{
        return a && b ? !strcmp(a, b) : a == b;
}

static bool same_identity(const struct identity *a, const struct identity *b)
{
        return equal(a->authorization, b->authorization) && equal(a->certificate, b->certificate) &&
               equal(a->key, b->key) && equal(a->ca, b->ca);
}

static int copy_identity(struct identity *ret, const struct identity *identity, struct error *error)
{
        ret->version = identity->version;
        if (copy_text(&ret->authorization, identity->authorization) < 0 ||
            copy_text(&ret->certificate, identity->certificate) < 0 || copy_text(&ret->key, identity->key) < 0 ||
            copy_text(&ret->ca, identity->ca) < 0) {
                identity_clear(ret);
                return error_oom(error);
        }
        return 0;
}

/* Takes over what was found. */
static void use(struct credential *credential, struct identity *found, int64_t expires)
        requires_lock(credential->lock)
{
        if (!same_identity(&credential->identity, found) || !credential->identity.version) {
                found->version = credential->identity.version + 1;
                identity_clear(&credential->identity);
                credential->identity = *found;
                *found = IDENTITY_INIT;
        }
        credential->expires = expires;
}

/* 0 where what is known may serve on although nothing new was found. */
static int go_on(struct credential *credential, int r, const struct error *error) requires_lock(credential->lock)
{
        if (!credential->identity.version || credential->refused || is_expired(credential))
                return r;
        log_warn("credentials cannot be read again; those from before are still used",
                 log_string("error", error_message(error)));
        return 0;
}

/* The thread that looks; the lock is not held. */
static int renew(struct credential *credential, struct identity *ret, const struct patience *patience,
                 struct error *error)
{
        _cleanup_(identity_clear) struct identity found = IDENTITY_INIT;
        int64_t expires = 0;
        int r = look(&credential->source, &found, &expires, patience, error);

        lock_acquire(&credential->lock);
        credential->looking = false;
        if (r >= 0)
                use(credential, &found, expires);
        else
                r = go_on(credential, r, error);
        if (r >= 0) {
                credential->looked_at = clock_monotonic();
                credential->refused = false;
                r = copy_identity(ret, &credential->identity, error);
        }
        lock_release(&credential->lock);
        return r;
}

static int give_up(int r, struct error *error)
{
        return error_set(error, -r, "%s", r == -ECANCELED ? "canceled" : "no credentials in time");
}

int credential_get(struct credential *credential, struct identity *ret, const struct patience *patience,
                   struct error *error)
{
        const struct timespec pause = {.tv_nsec = LOOK_AGAIN};

        for (;;) {
                int r = patience_check(patience);
                bool fresh, mine;

                if (r < 0)
                        return give_up(r, error);
                lock_acquire(&credential->lock);
                fresh = is_fresh(credential);
                mine = !fresh && !credential->looking;
                if (mine)
                        credential->looking = true;
                if (fresh)
                        r = copy_identity(ret, &credential->identity, error);
                lock_release(&credential->lock);
                if (fresh)
                        return r;
                if (mine)
                        return renew(credential, ret, patience, error);
                nanosleep(&pause, NULL);
        }
}

void credential_refuse(struct credential *credential, uint64_t version)
{
        lock_acquire(&credential->lock);
        if (credential->identity.version == version)
                credential->refused = true;
        lock_release(&credential->lock);
}
