/*
 * Pairs are compared by content: whatever way files are replaced in, by rename, by writing over them, by swapping a
 * link somewhere up their path, what counts is that the text is another. The watch on their folders only says when to
 * look, and somebody looks every minute as well, which is when a source renews what it has made itself.
 */
#include "daemon/keypair.h"

#include <errno.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "daemon/tls.h"
#include "util/error.h"
#include "util/log.h"

#define EVENTS (IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_ATTRIB)

struct keypair {
        struct keypair_source source;
        keypair_use *use; /* NULL: tls_use() */
        void *userdata;
        struct keypair_pem taken; /* what was given to `use` last */
        char *refused_text;       /* owned; why one was refused last, so that it is said once */
        int inotify;
};

void keypair_pem_clear(struct keypair_pem *pem)
{
        if (pem->key)
                explicit_bzero(pem->key, strlen(pem->key));
        free(pem->key);
        free(pem->chain);
        free(pem->ca_bundle);
        *pem = (struct keypair_pem){0};
}

struct keypair *keypair_free(struct keypair *keypair)
{
        if (!keypair)
                return NULL;
        closep(&keypair->inotify);
        free(keypair->refused_text);
        keypair_pem_clear(&keypair->taken);
        free(keypair);
        return NULL;
}

/* Either may be NULL. */
static bool is_same(const char *a, const char *b)
{
        return a && b ? !strcmp(a, b) : a == b;
}

static bool is_taken(const struct keypair *keypair, const struct keypair_pem *pem)
{
        const struct keypair_pem *taken = &keypair->taken;

        return is_same(taken->chain, pem->chain) && is_same(taken->key, pem->key) &&
               is_same(taken->ca_bundle, pem->ca_bundle);
}

static int put_in_force(const struct keypair *keypair, const struct keypair_pem *pem, struct error *error)
{
        return keypair->use ? keypair->use(keypair->userdata, pem, error) : tls_use(pem->chain, pem->key, error);
}

/* 1: something new was taken; 0: what was there is still the same. */
static int refresh(struct keypair *keypair, struct error *error)
{
        _cleanup_keypair_pem_ struct keypair_pem pem = {0};
        int r = keypair->source.read(keypair->source.userdata, &pem, error);

        if (r < 0)
                return r;
        if (is_taken(keypair, &pem))
                return 0;
        r = put_in_force(keypair, &pem, error);
        if (r < 0)
                return r;
        keypair_pem_clear(&keypair->taken);
        keypair->taken = pem;
        pem = (struct keypair_pem){0};
        return 1;
}

static bool is_known_refusal(struct keypair *keypair, const struct error *error)
{
        if (keypair->refused_text && !strcmp(keypair->refused_text, error_message(error)))
                return true;
        free(keypair->refused_text);
        keypair->refused_text = strdup(error_message(error));
        return false;
}

void keypair_refresh(struct keypair *keypair)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        char events[4096];
        int r;

        if (keypair->inotify < 0)
                return;
        while (read(keypair->inotify, events, sizeof(events)) > 0)
                ;
        r = refresh(keypair, &error);
        if (r < 0 && !is_known_refusal(keypair, &error))
                log_error("the certificate was not replaced; the former one stays in force",
                          log_string("error", error_message(&error)));
        if (r >= 0)
                free(steal_pointer(&keypair->refused_text));
        if (r > 0 && !keypair->use)
                log_info("a new certificate is in force");
}

static int watch_folder_of(struct keypair *keypair, const char *path, struct error *error)
{
        _cleanup_(freep) char *copy = strdup(path);

        if (!copy)
                return error_oom(error);
        if (inotify_add_watch(keypair->inotify, dirname(copy), EVENTS) < 0)
                return error_set_errno(error, errno, "cannot watch the folder of %s", path);
        return 0;
}

static int watch(struct keypair *keypair, struct error *error)
{
        const char *const *files = keypair->source.files;
        int r = 0;

        if (!*files)
                return 0;
        keypair->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (keypair->inotify < 0)
                return error_set_errno(error, errno, "cannot watch the certificate");
        for (; *files && r >= 0; files++)
                r = watch_folder_of(keypair, *files, error);
        return r;
}

int keypair_new(struct keypair **ret, const struct keypair_source *source, keypair_use *use, void *userdata,
                struct error *error)
{
        _cleanup_(keypair_freep) struct keypair *keypair = calloc(1, sizeof(*keypair));
        int r;

        if (!keypair)
                return error_oom(error);
        *keypair = (struct keypair){.source = *source, .use = use, .userdata = userdata, .inotify = -1};
        r = refresh(keypair, error);
        if (r >= 0)
                r = watch(keypair, error);
        if (r < 0)
                return r;
        *ret = steal_pointer(&keypair);
        return 0;
}

int keypair_fd(const struct keypair *keypair)
{
        return keypair->inotify;
}
