/*
 * Policies and quotas from files, and a ledger of one's own: nothing is asked of anybody.
 */
#include "admission/admission.h"
#include "cli/serve.h"
#include "cli/serve_options.h"
#include "daemon/keypair.h"
#include "daemon/policies.h"
#include "quota/embedded_ledger.h"
#include "quota/ledger.h"
#include "util/log.h"

/* The order of the variables is that of dependence: they are freed from the last to the first. */
int serve_alone(const struct serve_options *options, const struct keypair_source *certificate, struct error *error)
{
        _cleanup_(ledger_freep) struct ledger *ledger = NULL;
        _cleanup_(admission_freep) struct admission *admission = NULL;
        _cleanup_(policies_freep) struct policies *policies = NULL;
        _cleanup_(keypair_freep) struct keypair *keypair = NULL;
        int r;

        if (!options->state)
                log_warn("the ledger lives in memory: what is promised is forgotten at the end; --state keeps it");
        r = embedded_ledger_new(&ledger, options->state, error);
        if (r >= 0)
                r = serve_new_admission(&admission, options, ledger, NULL, NULL, error);
        if (r >= 0)
                r = policies_new(&policies, options->manifests, admission, error);
        if (r >= 0)
                r = keypair_new(&keypair, certificate, NULL, NULL, error);
        if (r < 0)
                return r;
        return serve_until_stopped(options,
                                   &(struct serve_parts){
                                           .admission = admission,
                                           .ledger = ledger,
                                           .policies = policies,
                                           .keypair = keypair,
                                   },
                                   error);
}
