/*
 * Files are compared by content: whatever way they are replaced in, by rename, by writing over them, by swapping a
 * link somewhere up their path, what counts is that the text is another. The watch on their folders only says when to
 * look, and somebody looks every minute as well.
 */
#include "daemon/keypair.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "certs/folder.h"
#include "daemon/tls.h"
#include "trust/trust.h"
#include "util/error.h"
#include "util/log.h"

#define FILE_SIZE_MAX (1024 * 1024)
#define EVENTS (IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_ATTRIB)
#define HOST_NAME_SIZE 256

struct keypair {
        char *cert, *key, *ca, *folder; /* owned; NULL where not given */
        char *host;                     /* owned */
        char host_name[HOST_NAME_SIZE]; /* of this machine */
        struct trust *trust;            /* borrowed; NULL: none */
        bool stand_in;
        struct certs_pem taken; /* what was put in force last, or offered */
        char *refused_text;     /* owned; why one was refused last, so that it is said once */
        int inotify;
};

struct keypair *keypair_free(struct keypair *keypair)
{
        if (!keypair)
                return NULL;
        closep(&keypair->inotify);
        free(keypair->cert);
        free(keypair->key);
        free(keypair->folder);
        free(keypair->host);
        free(keypair->ca);
        free(keypair->refused_text);
        certs_pem_clear(&keypair->taken);
        free(keypair);
        return NULL;
}

/* *ret is new. */
static int read_file(char **ret, const char *path, struct error *error)
{
        _cleanup_(fclosep) FILE *stream = fopen(path, "re");
        _cleanup_(freep) char *text = malloc(FILE_SIZE_MAX); /* of which nothing is touched that is not read */
        size_t size;

        if (!text)
                return error_oom(error);
        if (!stream)
                return error_set_errno(error, errno, "cannot open %s", path);
        size = fread(text, 1, FILE_SIZE_MAX - 1, stream);
        if (ferror(stream))
                return error_set_errno(error, errno ? errno : EIO, "cannot read %s", path);
        *ret = strndup(text, size);
        explicit_bzero(text, size);
        return *ret ? 0 : error_oom(error);
}

/* The names that a certificate of our own is for. */
static struct certs_request own_request(const struct keypair *keypair, const char *sans[static 5])
{
        size_t n = 0;

        sans[n++] = "localhost";
        sans[n++] = "127.0.0.1";
        sans[n++] = "::1";
        if (*keypair->host_name)
                sans[n++] = keypair->host_name;
        if (*keypair->host)
                sans[n++] = keypair->host;
        return (struct certs_request){.sans = sans, .n_sans = n};
}

/* Nobody can renew it without its clients' trust, so it lives as long as its CA. They are told what to trust. */
static int make_in_memory(struct certs_pem *ret, struct certs_request *request, bool stand_in, struct error *error)
{
        _cleanup_(freep) char *bundle = NULL;
        int r;

        request->days = CERTS_DEFAULT_CA_DAYS;
        r = certs_make(ret, request, error);
        if (r < 0 || stand_in)
                return r;
        r = certs_base64(&bundle, ret->ca_bundle, error);
        if (r < 0)
                return r;
        log_warn("the certificate lives in memory and is another at the next start; --state keeps it",
                 log_string("caBundle", bundle));
        return 0;
}

static int read_files(const struct keypair *keypair, struct certs_pem *ret, struct error *error)
{
        int r;

        r = read_file(&ret->chain, keypair->cert, error);
        if (r >= 0)
                r = read_file(&ret->key, keypair->key, error);
        if (r >= 0 && keypair->ca)
                r = read_file(&ret->ca_bundle, keypair->ca, error);
        return r;
}

/* Reads the pair from wherever it comes; new strings. */
static int load(struct keypair *keypair, struct certs_pem *ret, struct error *error)
{
        const char *sans[5];
        struct certs_request request = own_request(keypair, sans);
        int r;

        if (keypair->cert)
                return read_files(keypair, ret, error);
        if (!keypair->folder)
                return make_in_memory(ret, &request, keypair->stand_in, error);
        r = certs_folder_ensure(keypair->folder, &request, NULL, error);
        return r < 0 ? r : certs_folder_read(ret, keypair->folder, error);
}

static bool is_taken(const struct keypair *keypair, const struct certs_pem *pem)
{
        const struct certs_pem *taken = &keypair->taken;

        return taken->chain && !strcmp(taken->chain, pem->chain) && !strcmp(taken->key, pem->key) &&
               (!keypair->ca || !strcmp(taken->ca_bundle, pem->ca_bundle));
}

static int use(const struct keypair *keypair, const struct certs_pem *pem, struct error *error)
{
        if (keypair->trust && keypair->cert)
                return trust_offer(keypair->trust, pem, error);
        return tls_use(pem->chain, pem->key, error);
}

/* 1: something new was taken; 0: what was there is still the same. */
static int refresh(struct keypair *keypair, struct certs_pem *pem, struct error *error)
{
        int r = load(keypair, pem, error);

        if (r < 0)
                return r;
        if (is_taken(keypair, pem))
                return 0;
        r = use(keypair, pem, error);
        if (r < 0)
                return r;
        certs_pem_clear(&keypair->taken);
        keypair->taken = *pem;
        *pem = (struct certs_pem){0};
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
        _cleanup_certs_pem_ struct certs_pem pem = {0};
        _cleanup_error_ struct error error = ERROR_INIT;
        char events[4096];
        int r;

        while (keypair->inotify >= 0 && read(keypair->inotify, events, sizeof(events)) > 0)
                ;
        if (!keypair->cert && !keypair->folder)
                return; /* made in memory, once */
        r = refresh(keypair, &pem, &error);
        if (r < 0 && !is_known_refusal(keypair, &error))
                log_error("the certificate was not replaced; the former one stays in force",
                          log_string("error", error_message(&error)));
        if (r >= 0)
                free(steal_pointer(&keypair->refused_text));
        if (r > 0 && !keypair->trust)
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
        int r;

        if (!keypair->cert && !keypair->folder)
                return 0;
        keypair->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (keypair->inotify < 0)
                return error_set_errno(error, errno, "cannot watch the certificate");
        if (keypair->folder) {
                if (inotify_add_watch(keypair->inotify, keypair->folder, EVENTS) < 0)
                        return error_set_errno(error, errno, "cannot watch the folder %s", keypair->folder);
                return 0;
        }
        r = watch_folder_of(keypair, keypair->cert, error);
        if (r >= 0)
                r = watch_folder_of(keypair, keypair->key, error);
        return r < 0 || !keypair->ca ? r : watch_folder_of(keypair, keypair->ca, error);
}

/* A copy of a string that may be NULL; false where memory ran out. */
static bool copy(char **ret, const char *text)
{
        *ret = text ? strdup(text) : NULL;
        return !text || *ret;
}

int keypair_new(struct keypair **ret, const struct keypair_options *options, struct error *error)
{
        _cleanup_(keypair_freep) struct keypair *keypair = calloc(1, sizeof(*keypair));
        _cleanup_certs_pem_ struct certs_pem pem = {0};
        int r;

        if (!keypair)
                return error_oom(error);
        keypair->inotify = -1;
        keypair->trust = options->trust;
        keypair->stand_in = options->stand_in;
        if (!copy(&keypair->cert, options->cert) || !copy(&keypair->key, options->key) ||
            !copy(&keypair->ca, options->ca) || !copy(&keypair->folder, options->folder) ||
            !copy(&keypair->host, options->host))
                return error_oom(error);
        if (gethostname(keypair->host_name, HOST_NAME_SIZE - 1) < 0)
                keypair->host_name[0] = '\0';
        r = refresh(keypair, &pem, error);
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
