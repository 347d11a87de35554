/*
 * The walk over a policy's units. Each unit is first held against what the pod's author wrote and what the region
 * offers; only a unit that passes is claimed from the ledger, with every limit that it has to keep. Whether there
 * is room is the ledger's answer alone, given in the same step that reserves: there is no moment between looking
 * and taking.
 *
 * A decision keeps the verdict of every unit, and borrows its names from the policies. When something fails half way,
 * nothing stays reserved: the reservation is the last thing that can fail.
 */
#include "admission/decide.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "admission/catalog.h"
#include "admission/claim.h"
#include "admission/conflict.h"
#include "admission/node_groups.h"
#include "admission/pod.h"
#include "manifest/writer.h"
#include "policy/index.h"
#include "quota/region_quota.h"
#include "util/arena.h"
#include "util/error.h"
#include "util/labels.h"
#include "util/text.h"

/* What an ordinary decision needs, on the stack. */
#define ARENA_BLOCK 4096

/* What the sentence of an ordinary denial needs, on the stack. */
#define MESSAGE_BLOCK 1024

const char *const outcome_names[] = {
        [OUTCOME_UNTOUCHED] = "untouched", [OUTCOME_PLACED] = "placed", [OUTCOME_CHARGED] = "charged",
        [OUTCOME_UNPLACED] = "unplaced",   [OUTCOME_DENIED] = "denied",
};

/* What a decision is made from; all borrowed. */
struct context {
        const struct catalog *catalog;
        struct ledger *ledger;
        const struct decide_options *options;
        const struct pod *pod;
        bool reserve;
        struct arena *arena; /* for what is needed while it is made */
        struct error *error;
};

void decision_clear(struct decision *decision)
{
        for (size_t i = 0; i < decision->n_verdicts; i++)
                verdict_clear(&decision->verdicts[i]);
        for (size_t i = 0; i < decision->n_warnings; i++)
                free(decision->warnings[i]);
        free(decision->verdicts);
        free(decision->warnings);
        free(decision->message);
        *decision = DECISION_INIT;
}

static int add_warning(struct decision *decision, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int add_warning(struct decision *decision, const char *format, ...)
{
        char **warnings, *warning;
        va_list arguments;

        warnings = reallocarray(decision->warnings, decision->n_warnings + 1, sizeof(*warnings));
        if (!warnings)
                return -ENOMEM;
        decision->warnings = warnings;
        va_start(arguments, format);
        warning = text_format_list(format, arguments);
        va_end(arguments);
        if (!warning)
                return -ENOMEM;
        decision->warnings[decision->n_warnings++] = warning;
        return 0;
}

/* Turns a refusal into the verdict that has its numbers. */
static void verdict_refuse(struct verdict *verdict, const struct claim *claim, const struct refusal *refusal)
{
        const struct limit *limit = &claim->limits[refusal->limit];

        verdict->kind = claim->verdicts[refusal->limit];
        verdict->resource = limit->resource;
        verdict->used = refusal->used;
        verdict->wanted = refusal->wanted;
        verdict->limit = limit->limit;
}

/* Asks the ledger: 1: granted, and the decision has the reservation; 0: the verdict says why not; negative errno, as
 * decide() describes. */
static int ask(struct decision *decision, const struct context *context, struct claim *claim, struct verdict *verdict)
{
        uint64_t generation = catalog_generation(context->catalog);
        struct refusal refusal = {0};
        char id[RESERVATION_ID_SIZE];
        int r;

        if (context->reserve)
                r = ledger_reserve(context->ledger, &claim->reservation, generation, claim->limits, claim->n_limits,
                                   &refusal, id, &decision->commit, context->error);
        else
                r = (int)ledger_check(context->ledger, &claim->reservation, generation, claim->limits,
                                      claim->n_limits, &refusal);
        if (r < 0 || r == LEDGER_STALE)
                return r < 0 ? r : -ESTALE;
        if (r == LEDGER_BEHIND)
                return error_set(context->error, EINPROGRESS, "what pods hold is not known at the moment");
        if (r == LEDGER_REFUSED) {
                verdict_refuse(verdict, claim, &refusal);
                return 0;
        }
        if (context->reserve)
                memcpy(decision->reservation, id, sizeof(id));
        return 1;
}

/* Numbers for a unit that fits: what its pool held before this pod. */
static void verdict_accept(struct verdict *verdict, const struct claim *claim, const struct context *context,
                           const struct pool_limit *pool)
{
        struct counter counter = {0};

        verdict->kind = VERDICT_FITS;
        verdict->limited = claim->pool_key;
        verdict->limit = quantity_whole(pool->gpus);
        verdict->wanted = quantity_whole(context->pod->gpus);
        if (!context->options->explain || !claim->pool_key ||
            ledger_counter(context->ledger, claim->pool_key, &counter) < 0)
                return;
        verdict->used = context->reserve ? quantity_subtract(counter.gpus, verdict->wanted) : counter.gpus;
        counter_clear(&counter);
}

/* Claims a unit that the pod does not contradict. 1: the pod is placed; 0: the verdict says why not. */
static int claim_unit(struct decision *decision, const struct context *context, size_t index,
                      const struct claim_bounds *bounds)
{
        struct verdict *verdict = &decision->verdicts[index];
        struct claim claim = CLAIM_IN(context->arena);
        int r;

        r = claim_new_unit(&claim, context->pod, decision->policy, index, verdict->region, verdict->series, bounds);
        if (r >= 0)
                r = ask(decision, context, &claim, verdict);
        if (r > 0)
                verdict_accept(verdict, &claim, context, bounds->pool);
        return r;
}

/* The nodes that cap what regions may give, or NULL. */
static const struct node_table *capping_nodes(const struct context *context)
{
        return context->options->capacity_from_nodes ? catalog_nodes(context->catalog) : NULL;
}

/* The real nodes of a unit, where it is of such and they are known. 0 or -ENOMEM. */
static int find_nodes(const struct context *context, const struct unit *unit, const struct node_group **ret)
{
        const struct node_groups *groups = catalog_node_groups(context->catalog);

        if (!groups || unit_is_virtual(unit))
                return 0;
        return node_groups_find(groups, ret, unit->node_selector);
}

/* 1: the pod is placed on the unit; 0: its verdict says why not; negative errno. */
static int try_unit(struct decision *decision, const struct context *context, size_t index)
{
        const struct unit *unit = &decision->policy->units[index];
        struct verdict *verdict = &decision->verdicts[index];
        const struct pod *pod = context->pod;
        struct pool_limit pool = {.offered = true};
        struct claim_bounds bounds = {.pool = &pool, .virtual_nodes = capping_nodes(context)};
        int r;

        r = conflict_find(&verdict->detail, pod, unit);
        if (r) {
                verdict->kind = VERDICT_CONFLICT;
                return r < 0 ? r : 0;
        }
        r = find_nodes(context, unit, &bounds.nodes);
        if (r < 0)
                return r;
        if (bounds.nodes && !bounds.nodes->n_nodes) {
                verdict->kind = VERDICT_NO_NODE;
                return 0;
        }
        if (*verdict->region)
                pool = quota_table_find(catalog_quotas(context->catalog), verdict->region, verdict->series);
        if (!pool.offered && pod->gpus) {
                verdict->kind = VERDICT_NOT_OFFERED;
                return 0;
        }
        return claim_unit(decision, context, index, &bounds);
}

/* whenTryNextUnits: with ExceedMax, a bounded unit that lacks resources keeps its pods from going further. */
static bool may_go_on(const struct resource_policy *policy, size_t index, enum verdict_kind kind)
{
        const struct unit *unit = &policy->units[index];
        bool bounded = unit->max >= 0 || unit->max_resources.count;
        bool lacks = kind == VERDICT_NOT_OFFERED || kind == VERDICT_POOL_FULL || kind == VERDICT_REGION_FULL ||
                     kind == VERDICT_NO_NODE || kind == VERDICT_NODES_FULL;

        return policy->try_next != TRY_NEXT_EXCEED_MAX || !bounded || !lacks;
}

static int prepare_verdicts(struct decision *decision, const struct pod *pod)
{
        const struct resource_policy *policy = decision->policy;

        decision->verdicts = calloc(policy->n_units, sizeof(*decision->verdicts));
        if (!decision->verdicts)
                return -ENOMEM;
        decision->n_verdicts = policy->n_units;
        for (size_t i = 0; i < policy->n_units; i++) {
                const struct unit *unit = &policy->units[i];
                struct verdict *verdict = &decision->verdicts[i];

                verdict->kind = VERDICT_NOT_REACHED;
                verdict->region = verdict->series = "";
                if (!unit_is_virtual(unit))
                        continue;
                verdict->region = *unit->region ? unit->region : pod->region;
                verdict->series = *unit->series ? unit->series : pod->series;
        }
        return 0;
}

/* 1: placed; 0: no unit fits. */
static int walk_units(struct decision *decision, const struct context *context)
{
        const struct resource_policy *policy = decision->policy;
        int r;

        r = prepare_verdicts(decision, context->pod);
        for (size_t i = 0; i < policy->n_units && r >= 0; i++) {
                r = try_unit(decision, context, i);
                if (r > 0) {
                        decision->outcome = OUTCOME_PLACED;
                        decision->reason = "placed";
                        decision->unit = i;
                        decision->region = decision->verdicts[i].region;
                        decision->series = decision->verdicts[i].series;
                        return 1;
                }
                if (!r && !may_go_on(policy, i, decision->verdicts[i].kind))
                        break;
        }
        return r;
}

/* The sentence that lists every unit's verdict. */
static int explain_units(struct decision *decision)
{
        const struct resource_policy *policy = decision->policy;
        _cleanup_(writer_clear) struct writer writer;
        char block[MESSAGE_BLOCK];
        size_t size;

        writer_init(&writer, block, sizeof(block));
        writer_texts(&writer, "no unit of ResourcePolicy ", policy->namespace, "/", policy->name, " fits");
        for (size_t i = 0; i < decision->n_verdicts; i++) {
                writer_texts(&writer, i ? "; " : ": ");
                verdict_write(&writer, &decision->verdicts[i], i, &policy->units[i]);
        }
        return writer_finish(&writer, &decision->message, &size);
}

static bool denies(const struct resource_policy *policy, const struct decide_options *options)
{
        if (policy->when_nothing_fits != NOTHING_FITS_UNSET)
                return policy->when_nothing_fits == NOTHING_FITS_DENY;
        return policy->strategy == STRATEGY_REQUIRED || options->when_nothing_fits == NOTHING_FITS_DENY;
}

/* "cn-beijing/GU8TF is full: ..." for a pod that names its own region, under --enforce-static. */
static int deny_static(struct decision *decision, const struct pod *pod, struct verdict *verdict)
{
        _cleanup_(freep) char *numbers = verdict_numbers(verdict);

        free(steal_pointer(&decision->message));
        if (!numbers || asprintf(&decision->message, "the pod names region %s%s%s: %s: %s", pod->own_region,
                                 *pod->series ? "/" : "", pod->series, verdict_names[verdict->kind], numbers) < 0)
                return -ENOMEM;
        decision->outcome = OUTCOME_DENIED;
        decision->reason = "static-region-full";
        return 0;
}

/* Claims the pool of a pod that is let through and names its own region. */
static int claim_static(struct decision *decision, const struct context *context, const struct pool_limit *pool)
{
        const struct pod *pod = context->pod;
        struct verdict verdict = {.region = pod->own_region, .series = pod->series};
        struct claim claim = CLAIM_IN(context->arena);
        struct claim_bounds bounds = {0};
        int r;

        if (context->options->enforce_static)
                bounds = (struct claim_bounds){.pool = pool, .virtual_nodes = capping_nodes(context)};
        r = claim_new_static(&claim, pod, &bounds);
        if (r >= 0)
                r = ask(decision, context, &claim, &verdict);
        if (r <= 0)
                return r < 0 ? r : deny_static(decision, pod, &verdict);
        decision->region = pod->own_region;
        decision->series = pod->series;
        if (decision->outcome == OUTCOME_UNTOUCHED) {
                decision->outcome = OUTCOME_CHARGED;
                decision->reason = "static-region";
        }
        return 0;
}

/* A pod that goes through unplaced, but names its own region, takes from that region's pool all the same. */
static int charge_static(struct decision *decision, const struct context *context)
{
        const struct pod *pod = context->pod;
        struct verdict verdict = {.kind = VERDICT_NOT_OFFERED, .region = pod->own_region, .series = pod->series};
        struct pool_limit pool;

        if (!*pod->own_region || !pod->gpus)
                return 0;
        pool = quota_table_find(catalog_quotas(context->catalog), pod->own_region, pod->series);
        if (context->options->enforce_static && !pool.offered)
                return deny_static(decision, pod, &verdict);
        return claim_static(decision, context, &pool);
}

static int nothing_fits(struct decision *decision, const struct context *context)
{
        int r = explain_units(decision);

        if (r < 0)
                return r;
        if (denies(decision->policy, context->options)) {
                decision->outcome = OUTCOME_DENIED;
                decision->reason = "nothing-fits";
                return 0;
        }
        decision->outcome = OUTCOME_UNPLACED;
        decision->reason = "nothing-fits";
        r = add_warning(decision, "%s", decision->message);
        return r < 0 ? r : charge_static(decision, context);
}

/* matchLabelKeys: a pod that lacks one of them belongs to no group. 1: denied. */
static int check_group(struct decision *decision, const struct pod *pod)
{
        const struct resource_policy *policy = decision->policy;

        for (size_t i = 0; i < policy->n_match_label_keys; i++) {
                if (labels_get(pod->labels, policy->match_label_keys[i]))
                        continue;
                if (asprintf(&decision->message,
                             "ResourcePolicy %s/%s groups pods by the label %s (matchLabelKeys), which the pod lacks",
                             policy->namespace, policy->name, policy->match_label_keys[i]) < 0)
                        return -ENOMEM;
                decision->outcome = OUTCOME_DENIED;
                decision->reason = "missing-label";
                return 1;
        }
        return 0;
}

static int warn_of_others(struct decision *decision, const struct policy_matches *matches)
{
        int r = 0;

        for (size_t i = 1; i < matches->count && r >= 0; i++)
                r = add_warning(decision, "ResourcePolicy %s/%s selects the pod as well, and is passed over for %s",
                                matches->items[i]->namespace, matches->items[i]->name, matches->items[0]->name);
        return r;
}

static int decide_by_policy(struct decision *decision, const struct context *context,
                            const struct policy_matches *matches)
{
        int r;

        decision->policy = matches->items[0];
        r = warn_of_others(decision, matches);
        if (r >= 0)
                r = check_group(decision, context->pod);
        if (r)
                return r < 0 ? r : 0;
        r = walk_units(decision, context);
        if (r)
                return r < 0 ? r : 0;
        return nothing_fits(decision, context);
}

static int decide_pod(struct decision *decision, const struct context *context)
{
        _cleanup_(policy_matches_clear) struct policy_matches matches = {0};
        const struct pod *pod = context->pod;
        int r;

        decision->reason = pod->mirror ? "mirror-pod" : "ignored";
        if (pod->mirror || pod->ignored)
                return 0;
        r = policy_index_find(catalog_policies(context->catalog), pod->namespace, pod->labels, &matches);
        if (r < 0)
                return r;
        if (matches.count)
                return decide_by_policy(decision, context, &matches);
        decision->reason = "no-policy";
        return charge_static(decision, context);
}

int decide(struct decision *ret, const struct catalog *catalog, struct ledger *ledger,
           const struct decide_options *options, const struct pod *pod, bool reserve, struct error *error)
{
        _cleanup_(arena_clear) struct arena arena;
        _Alignas(max_align_t) char block[ARENA_BLOCK];
        const struct context context = {
                .catalog = catalog,
                .ledger = ledger,
                .options = options,
                .pod = pod,
                .reserve = reserve,
                .arena = &arena,
                .error = error,
        };
        int r;

        arena_init(&arena, block, sizeof(block));
        *ret = (struct decision){.region = "", .series = "", .reason = ""};
        r = decide_pod(ret, &context);
        if (r < 0)
                decision_clear(ret);
        return r;
}
