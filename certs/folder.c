/*
 * Each verb is the same three moves under the folder's lock: read the files into an authority, let the authority
 * take its step in memory, write all files as a new generation. Nothing is written when nothing changed, so that
 * certs_folder_ensure() may be called every minute, and on a read-only folder as long as nothing is due. No verb
 * has a state of its own on disk: a crash leaves the folder before the step or after it, and the step may be
 * repeated in either case.
 */
#include "certs/folder.h"

#include <errno.h>

#include "certs/authority.h"
#include "certs/generation.h"
#include "certs/openssl.h"
#include "certs/permissions.h"
#include "certs/report.h"
#include "util/error.h"

/* A folder that is locked, and what was read from it. */
struct visit {
        int fd;
        struct authority authority;
};

#define VISIT_INIT ((struct visit){.fd = -1})

static void visit_clear(struct visit *visit)
{
        closep(&visit->fd);
        authority_clear(&visit->authority);
}
#define _cleanup_visit_ __attribute__((cleanup(visit_clear)))

static int load(struct authority *ret, int fd, struct error *error)
{
        _cleanup_certs_files_ struct certs_files files = {0};
        int r;

        r = generation_read(&files, fd, error);
        if (r < 0)
                return r;
        return authority_load(ret, &files, error);
}

static int save(struct visit *visit, struct error *error)
{
        _cleanup_certs_files_ struct certs_files files = {0};
        int r;

        r = permissions_protect_folder(visit->fd, error);
        if (r == 0)
                r = authority_store(&files, &visit->authority, error);
        if (r == 0)
                r = generation_publish(visit->fd, &files, error);
        return r;
}

/* Opens a folder to change what is in it. -ENOENT: it is not there, or has no CA. */
static int begin(struct visit *visit, const char *folder, struct error *error)
{
        int r;

        r = generation_open(&visit->fd, folder, true, error);
        if (r == 0)
                r = load(&visit->authority, visit->fd, error);
        if (r < 0)
                return r;
        permissions_protect_keys(visit->fd);
        if (!visit->authority.ca.certificate)
                return error_set(error, ENOENT, "there is no CA in this folder");
        return 0;
}

/* Every sentence begins with the folder that it is about. */
static int result(int r, const char *folder, struct error *error)
{
        if (r < 0 && r != -ENOMEM)
                error_prefix(error, "%s", folder);
        return r;
}

static int ensure(struct visit *visit, const char *folder, const struct certs_request *request, bool *ret_changed,
                  struct error *error)
{
        int r;

        r = generation_create(&visit->fd, folder, error);
        if (r == 0)
                r = load(&visit->authority, visit->fd, error);
        if (r < 0)
                return r;
        permissions_protect_keys(visit->fd);
        r = authority_maintain(&visit->authority, request, ret_changed, error);
        if (r == 0 && *ret_changed)
                r = save(visit, error);
        return r;
}

int certs_folder_ensure(const char *folder, const struct certs_request *request, bool *ret_changed,
                        struct error *error)
{
        _cleanup_visit_ struct visit visit = VISIT_INIT;
        bool changed = false;
        int r;

        r = ensure(&visit, folder, request, &changed, error);
        if (r == 0 && ret_changed)
                *ret_changed = changed;
        return result(r, folder, error);
}

static int read_pem(struct certs_pem *ret, const char *folder, struct error *error)
{
        static const enum certs_file needed[] = {CERTS_BUNDLE, CERTS_TLS_CRT, CERTS_TLS_KEY};
        _cleanup_certs_files_ struct certs_files files = {0};
        _cleanup_(closep) int fd = -1;
        int r;

        r = generation_open(&fd, folder, false, error);
        if (r == 0)
                r = generation_read(&files, fd, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
                if (!files.texts[needed[i]])
                        return error_set(error, ENOENT, "%s is missing", certs_file_kinds[needed[i]].name);
        *ret = (struct certs_pem){
                .ca_bundle = steal_pointer(&files.texts[CERTS_BUNDLE]),
                .chain = steal_pointer(&files.texts[CERTS_TLS_CRT]),
                .key = steal_pointer(&files.texts[CERTS_TLS_KEY]),
        };
        return 0;
}

int certs_folder_read(struct certs_pem *ret, const char *folder, struct error *error)
{
        return result(read_pem(ret, folder, error), folder, error);
}

static int create(struct visit *visit, const char *folder, const struct certs_request *request, bool force,
                  struct error *error)
{
        _cleanup_certs_files_ struct certs_files files = {0};
        int r;

        /* Before the folder is made: a request that cannot be met shall leave nothing behind. */
        r = authority_create(&visit->authority, request, error);
        if (r == 0)
                r = generation_create(&visit->fd, folder, error);
        if (r == 0 && !force)
                r = generation_read(&files, visit->fd, error);
        if (r < 0)
                return r;
        if (files.texts[CERTS_CA_CRT] || files.texts[CERTS_CA_KEY])
                return error_set(error, EEXIST, "there is a CA in this folder already");
        return save(visit, error);
}

int certs_folder_create(const char *folder, const struct certs_request *request, bool force, struct error *error)
{
        _cleanup_visit_ struct visit visit = VISIT_INIT;

        return result(create(&visit, folder, request, force, error), folder, error);
}

static int renew(struct visit *visit, const char *folder, const struct certs_request *request, bool force,
                 char **ret_reason, struct error *error)
{
        _cleanup_(freep) char *reason = NULL;
        int r;

        r = begin(visit, folder, error);
        if (r == 0)
                r = authority_due(&reason, &visit->authority, request, SAN_REPLACE, error);
        if (r == 0 && force && !reason) {
                reason = strdup("it was asked for");
                r = reason ? 0 : error_oom(error);
        }
        if (r == 0 && reason)
                r = authority_renew(&visit->authority, request, SAN_REPLACE, error);
        if (r == 0 && reason)
                r = save(visit, error);
        if (r == 0)
                *ret_reason = steal_pointer(&reason);
        return r;
}

int certs_folder_renew(const char *folder, const struct certs_request *request, bool force, char **ret_reason,
                       struct error *error)
{
        _cleanup_visit_ struct visit visit = VISIT_INIT;

        return result(renew(&visit, folder, request, force, ret_reason, error), folder, error);
}

static int finish(struct authority *authority, const struct certs_request *request, bool *ret_changed,
                  struct error *error)
{
        *ret_changed = authority->next.certificate;
        if (*ret_changed)
                return authority_finish(authority, request, error);
        if (!authority_has_old(authority))
                return error_set(error, ENOENT, "no rotation is under way");
        return 0;
}

static int rotate(struct authority *authority, enum certs_rotation step, const struct certs_request *request,
                  bool *ret_changed, struct error *error)
{
        switch (step) {
        case CERTS_ROTATION_STAGE:
                *ret_changed = !authority->next.certificate;
                return *ret_changed ? authority_stage(authority, request, error) : 0;
        case CERTS_ROTATION_FINISH:
                return finish(authority, request, ret_changed, error);
        case CERTS_ROTATION_DROP_OLD:
                *ret_changed = authority_has_old(authority);
                return *ret_changed ? authority_drop_old(authority, request, error) : 0;
        }
        return error_set(error, EINVAL, "unknown step of a rotation");
}

int certs_folder_rotate(const char *folder, enum certs_rotation step, const struct certs_request *request,
                        bool *ret_changed, struct error *error)
{
        _cleanup_visit_ struct visit visit = VISIT_INIT;
        bool changed = false;
        int r;

        r = begin(&visit, folder, error);
        if (r == 0)
                r = rotate(&visit.authority, step, request, &changed, error);
        if (r == 0 && changed)
                r = save(&visit, error);
        if (r == 0)
                *ret_changed = changed;
        return result(r, folder, error);
}

static int describe(struct certs_report *report, const char *folder, int64_t now, struct error *error)
{
        _cleanup_visit_ struct visit visit = VISIT_INIT;
        _cleanup_(freep) char *permissions = NULL;
        int r;

        r = generation_open(&visit.fd, folder, false, error);
        if (r == 0)
                r = load(&visit.authority, visit.fd, error);
        if (r == 0 && !visit.authority.ca.certificate)
                r = error_set(error, ENOENT, "there is no CA in this folder");
        if (r == 0)
                r = certs_report_describe(report, &visit.authority, now, error);
        if (r == 0)
                r = permissions_check(&permissions, visit.fd, error);
        if (r == 0 && permissions)
                r = certs_report_add_problem(report, error, "%s", permissions);
        return r;
}

int certs_folder_describe(struct certs_report *ret, const char *folder, int64_t now, struct error *error)
{
        _cleanup_certs_report_ struct certs_report report = {0};
        int r;

        r = describe(&report, folder, now, error);
        if (r == 0) {
                *ret = report;
                report = (struct certs_report){0};
        }
        return result(r, folder, error);
}
