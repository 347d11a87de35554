/*
 * `regionfit certs`: a folder of certificates, made, renewed, rotated and shown.
 *
 * What was typed is parsed in certs_usage.c, the work is done in certs/folder.h; here is what a verb says when it is
 * done. It goes to standard output and names the next command to type, as the order of the steps is the one thing
 * about certificates that nobody remembers.
 */
#include <errno.h>
#include <stdio.h>

#include "certs/folder.h"
#include "certs/report.h"
#include "cli/certs_show.h"
#include "cli/certs_usage.h"
#include "cli/cli.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"

static void print_bundle_hint(const char *folder)
{
        printf("    regionfit certs show %s --ca-bundle --base64\n", folder);
}

static int run_create(const struct certs_invocation *invocation, struct error *error)
{
        int r;

        r = certs_folder_create(invocation->folder, &invocation->request, invocation->force, error);
        if (r == -EEXIST)
                return error_set(error, EEXIST,
                                 "%s has a CA already: `rotate-ca` replaces it gently, --force at once",
                                 invocation->folder);
        if (r < 0)
                return r;
        printf("Made a CA and a server certificate in %s.\n\n"
               "What the API server needs to trust it (caBundle):\n",
               invocation->folder);
        print_bundle_hint(invocation->folder);
        return 0;
}

static int run_renew(const struct certs_invocation *invocation, struct error *error)
{
        _cleanup_(freep) char *reason = NULL;
        int r;

        r = certs_folder_renew(invocation->folder, &invocation->request, invocation->force, &reason, error);
        if (r < 0)
                return r;
        if (reason)
                printf("Renewed the server certificate in %s. Why: %s.\n", invocation->folder, reason);
        else
                printf("Nothing to do: the server certificate in %s is not due for renewal.\n", invocation->folder);
        return 0;
}

static void print_stage(const char *folder, bool changed)
{
        printf(changed ? "The next CA is in the bundle of %s; the CA of before still signs.\n\n"
                       : "A next CA is in the bundle of %s already; nothing was changed.\n\n",
               folder);
        printf("Now give the bundle to the API server (caBundle):\n");
        print_bundle_hint(folder);
        printf("and then let the next CA sign:\n    regionfit certs rotate-ca %s --finish\n", folder);
}

static void print_finish(const char *folder, bool changed)
{
        printf(changed ? "The next CA is the CA of %s now and has signed a new server certificate.\n\n"
                       : "The rotation in %s was finished already; nothing was changed.\n\n",
               folder);
        printf("The old CA stays in the bundle until it expires. To drop it earlier, once every server shows\n"
               "its new certificate:\n    regionfit certs rotate-ca %s --drop-old\n",
               folder);
}

static void print_drop_old(const char *folder, bool changed)
{
        if (!changed) {
                printf("There is no old CA in the bundle of %s; nothing was changed.\n", folder);
                return;
        }
        printf("The bundle of %s has no old CA any more. Give it to the API server (caBundle):\n", folder);
        print_bundle_hint(folder);
}

static int run_rotate(const struct certs_invocation *invocation, struct error *error)
{
        static void (*const print[])(const char *folder, bool changed) = {
                [CERTS_ROTATION_STAGE] = print_stage,
                [CERTS_ROTATION_FINISH] = print_finish,
                [CERTS_ROTATION_DROP_OLD] = print_drop_old,
        };
        bool changed;
        int r;

        r = certs_folder_rotate(invocation->folder, invocation->step, &invocation->request, &changed, error);
        if (r < 0)
                return r;
        print[invocation->step](invocation->folder, changed);
        return 0;
}

static int print_bundle(const char *bundle, bool base64, struct error *error)
{
        _cleanup_(freep) char *line = NULL;
        int r;

        if (!base64) {
                fputs(bundle, stdout);
                return 0;
        }
        r = certs_base64(&line, bundle, error);
        if (r == 0)
                puts(line);
        return r;
}

static int run_show(const struct certs_invocation *invocation, struct error *error)
{
        _cleanup_certs_report_ struct certs_report report = {0};
        int64_t now = clock_unix();
        int r;

        r = certs_folder_describe(&report, invocation->folder, now, error);
        if (r < 0)
                return r;
        if (invocation->ca_bundle)
                return print_bundle(report.ca_bundle, invocation->base64, error);
        if (invocation->json)
                return certs_show_json(&report, invocation->folder, now, error);
        certs_show_text(&report, invocation->folder, now);
        return 0;
}

/* What was printed must have arrived: a bundle that was cut off by a full disk is worse than none. */
static int flush_output(struct error *error)
{
        if (fflush(stdout) == 0 && !ferror(stdout))
                return 0;
        return error_set_errno(error, errno ? errno : EIO, "cannot write to standard output");
}

static int (*const runs[])(const struct certs_invocation *invocation, struct error *error) = {
        [CERTS_CREATE] = run_create,
        [CERTS_RENEW] = run_renew,
        [CERTS_ROTATE_CA] = run_rotate,
        [CERTS_SHOW] = run_show,
};

int cli_certs(int argc, char **argv)
{
        _cleanup_certs_invocation_ struct certs_invocation invocation = {0};
        _cleanup_error_ struct error error = ERROR_INIT;
        int r;

        r = certs_usage_parse(&invocation, argc, argv);
        if (r != EXIT_STATUS_OK)
                return r;

        r = invocation.help ? certs_usage_print(&invocation) : runs[invocation.verb](&invocation, &error);
        if (r == 0)
                r = flush_output(&error);
        if (r == 0)
                return EXIT_STATUS_OK;
        cli_print_error(invocation.command, &error);
        return EXIT_STATUS_FAILURE;
}
