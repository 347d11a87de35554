/*
 * A table of forms. patch, review, yaml and diff write as they go; json and explain need to see everything before
 * they can be printed, and are kept until the end.
 */
#include "cli/output.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "admission/catalog.h"
#include "admission/decide.h"
#include "admission/patch.h"
#include "admission/pod.h"
#include "admission/review.h"
#include "admission/tally.h"
#include "manifest/yaml.h"
#include "quota/ledger.h"
#include "quota/region_quota.h"
#include "util/cleanup.h"
#include "util/diff.h"
#include "util/table.h"

struct output {
        const struct output_form *form; /* borrowed */
        FILE *stream;                   /* borrowed */
        json_t *items;                  /* owned; json */
        struct table table;             /* explain */
        size_t counts[OUTCOME_DENIED + 1];
};

static json_t *patched(const struct placed *placed)
{
        json_t *object;

        return patch_apply(&object, placed->object, placed->patch) < 0 ? NULL : object;
}

static int print_json(FILE *stream, const json_t *value)
{
        _cleanup_(freep) char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;

        if (!text)
                return -ENOMEM;
        fprintf(stream, "%s\n", text);
        return 0;
}

static int show_patch(struct output *output, const struct placed *placed)
{
        json_auto_t *line = json_pack("{s:s, s:s, s:O}", "pod", placed->name, "outcome",
                                      outcome_names[placed->decision->outcome], "patch", placed->patch);

        if (line && placed->decision->message &&
            json_object_set_new(line, "message", json_string(placed->decision->message)) < 0)
                return -ENOMEM;
        return print_json(output->stream, line);
}

static int show_review(struct output *output, const struct placed *placed)
{
        const struct review workload = {.uid = placed->name};
        bool patched = json_array_size(placed->patch);
        _cleanup_(freep) char *body = NULL, *patch = patched ? json_dumps(placed->patch, JSON_COMPACT) : NULL;
        size_t size;
        int r;

        if (patched && !patch)
                return -ENOMEM;
        r = review_respond(&body, &size, placed->review ? placed->review : &workload, placed->decision, patch,
                           patch ? strlen(patch) : 0);
        if (r >= 0)
                fprintf(output->stream, "%s\n", body);
        return r;
}

static int show_yaml(struct output *output, const struct placed *placed)
{
        json_auto_t *object = patched(placed);

        if (!object)
                return -ENOMEM;
        fputs("---\n", output->stream);
        return yaml_write(output->stream, object);
}

static int begin_json(struct output *output)
{
        output->items = json_array();
        return output->items ? 0 : -ENOMEM;
}

static int show_json(struct output *output, const struct placed *placed)
{
        return json_array_append_new(output->items, patched(placed)) == 0 ? 0 : -ENOMEM;
}

static int end_json(struct output *output, const struct catalog *catalog, struct ledger *ledger)
{
        json_auto_t *list = json_pack("{s:s, s:s, s:O}", "apiVersion", "v1", "kind", "List", "items", output->items);
        _cleanup_(freep) char *text = list ? json_dumps(list, JSON_INDENT(2)) : NULL;

        (void)catalog, (void)ledger;
        if (!text)
                return -ENOMEM;
        fprintf(output->stream, "%s\n", text);
        return 0;
}

/* A value as YAML text; new. */
static char *to_yaml(const json_t *value)
{
        char *text = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&text, &size);
        int r;

        if (!stream)
                return NULL;
        r = yaml_write(stream, value);
        if (fclose(stream) < 0 || r < 0) {
                free(text);
                return NULL;
        }
        return text;
}

static int show_diff(struct output *output, const struct placed *placed)
{
        json_auto_t *object = patched(placed);
        _cleanup_(freep) char *before = to_yaml(placed->object), *after = object ? to_yaml(object) : NULL;
        _cleanup_(freep) char *old_name = NULL, *new_name = NULL;

        if (!before || !after || asprintf(&old_name, "a/%s", placed->name) < 0 ||
            asprintf(&new_name, "b/%s", placed->name) < 0)
                return -ENOMEM;
        return diff_print(output->stream, old_name, before, new_name, after);
}

static int begin_explain(struct output *output)
{
        static const char *const heading[] = {"POD", "UNIT", "WHERE", "VERDICT", "NUMBERS", NULL};

        return table_init(&output->table, heading);
}

/* "acs cn-beijing/GU8TF"; new. */
static char *describe_unit(const struct decision *decision, size_t i)
{
        const struct verdict *verdict = &decision->verdicts[i];
        char *text;

        if (asprintf(&text, "%s %s%s%s", unit_resource_names[decision->policy->units[i].resource], verdict->region,
                     *verdict->series ? "/" : "", verdict->series) < 0)
                return NULL;
        return text;
}

static int explain_unit(struct output *output, const struct placed *placed, size_t i)
{
        const struct decision *decision = placed->decision;
        const struct verdict *verdict = &decision->verdicts[i];
        _cleanup_(freep) char *numbers = verdict_numbers(verdict), *where = describe_unit(decision, i), *unit = NULL;
        const char *row[TABLE_COLUMNS_MAX];

        if (!numbers || !where || asprintf(&unit, "%s#%zu", decision->policy->name, i) < 0)
                return -ENOMEM;
        row[0] = i ? "" : placed->name;
        row[1] = unit;
        row[2] = where;
        row[3] = verdict_names[verdict->kind];
        row[4] = numbers;
        return table_add(&output->table, row);
}

/* What became of the pod, where no unit's verdict says so. */
static int explain_outcome(struct output *output, const struct placed *placed)
{
        const struct decision *decision = placed->decision;
        _cleanup_(freep) char *where = NULL;
        const char *row[TABLE_COLUMNS_MAX];

        if (asprintf(&where, "%s%s%s", decision->region, *decision->series ? "/" : "", decision->series) < 0)
                return -ENOMEM;
        row[0] = decision->n_verdicts ? "" : placed->name;
        row[1] = "-";
        row[2] = where;
        row[3] = outcome_names[decision->outcome];
        row[4] = decision->n_verdicts || !decision->message ? decision->reason : decision->message;
        return table_add(&output->table, row);
}

static int show_explain(struct output *output, const struct placed *placed)
{
        int r = 0;

        for (size_t i = 0; i < placed->decision->n_verdicts && r >= 0; i++)
                if (i == 0 || placed->decision->verdicts[i].kind != VERDICT_NOT_REACHED)
                        r = explain_unit(output, placed, i);
        if (r >= 0 && placed->decision->outcome != OUTCOME_PLACED)
                r = explain_outcome(output, placed);
        for (size_t i = 0; i < placed->decision->n_warnings && r >= 0; i++)
                if (placed->decision->outcome != OUTCOME_UNPLACED || i + 1 < placed->decision->n_warnings)
                        r = table_add(&output->table,
                                      (const char *const[]){"", "-", "", "warning", placed->decision->warnings[i]});
        return r;
}

struct pool_rows {
        struct table *table; /* borrowed */
        struct ledger *ledger;
};

static int add_pool(void *userdata, const char *region, const struct pool *pool)
{
        const struct pool_rows *rows = userdata;
        _cleanup_(freep) char *key = tally_pool_key(NULL, region, pool->series);
        char limit[QUANTITY_TEXT_MAX], used[QUANTITY_TEXT_MAX], remaining[QUANTITY_TEXT_MAX];
        struct quantity rest;
        struct counter counter;
        int r;

        if (!key)
                return -ENOMEM;
        r = ledger_counter(rows->ledger, key, &counter);
        if (r < 0)
                return r;
        rest = quantity_subtract(quantity_whole(pool->gpus), counter.gpus);
        if (quantity_compare(rest, quantity_whole(0)) < 0)
                rest = quantity_whole(0);
        quantity_format(quantity_whole(pool->gpus), limit);
        quantity_format(counter.gpus, used);
        quantity_format(rest, remaining);
        counter_clear(&counter);
        return table_add(rows->table, (const char *const[]){region, pool->series, limit, used, remaining});
}

static int print_pools(struct output *output, const struct catalog *catalog, struct ledger *ledger)
{
        static const char *const heading[] = {"REGION", "SERIES", "LIMIT", "USED", "REMAINING", NULL};
        _cleanup_(table_clear) struct table table = {0};
        struct pool_rows rows = {.table = &table, .ledger = ledger};
        int r;

        r = table_init(&table, heading);
        if (r >= 0)
                r = quota_table_visit(catalog_quotas(catalog), add_pool, &rows);
        if (r >= 0 && table.n_cells > table.n_columns) {
                fputc('\n', output->stream);
                table_print(&table, output->stream);
        }
        return r;
}

static int end_explain(struct output *output, const struct catalog *catalog, struct ledger *ledger)
{
        const char *separator = "\n";
        int r;

        table_print(&output->table, output->stream);
        r = print_pools(output, catalog, ledger);
        for (size_t i = 0; i <= OUTCOME_DENIED; i++) {
                if (!output->counts[i])
                        continue;
                fprintf(output->stream, "%s%zu %s", separator, output->counts[i], outcome_names[i]);
                separator = ", ";
        }
        fputc('\n', output->stream);
        return r;
}

static const struct output_form forms[] = {
        {"patch", NULL, show_patch, NULL}, {"explain", begin_explain, show_explain, end_explain},
        {"yaml", NULL, show_yaml, NULL},   {"json", begin_json, show_json, end_json},
        {"diff", NULL, show_diff, NULL},   {"review", NULL, show_review, NULL},
};

const struct output_form *output_find(const char *name)
{
        for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
                if (!strcmp(forms[i].name, name))
                        return &forms[i];
        return NULL;
}

struct output *output_new(const struct output_form *form, FILE *stream)
{
        struct output *output = calloc(1, sizeof(*output));

        if (output) {
                output->form = form;
                output->stream = stream;
        }
        return output;
}

struct output *output_free(struct output *output)
{
        if (!output)
                return NULL;
        json_decref(output->items);
        table_clear(&output->table);
        free(output);
        return NULL;
}

int output_begin(struct output *output)
{
        return output->form->begin ? output->form->begin(output) : 0;
}

int output_show(struct output *output, const struct placed *placed)
{
        output->counts[placed->decision->outcome]++;
        return output->form->show(output, placed);
}

int output_end(struct output *output, const struct catalog *catalog, struct ledger *ledger)
{
        return output->form->end ? output->form->end(output, catalog, ledger) : 0;
}
