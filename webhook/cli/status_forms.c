/*
 * All forms are made from the same JSON value: what scripts read and what people read cannot differ. The tables leave
 * out what is for machines.
 */
#include "cli/status_forms.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/yaml.h"
#include "util/cleanup.h"
#include "util/table.h"
#include "util/text.h"

static const char *text_of(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));

        return text ? text : "";
}

/* A number as text in the caller's buffer; "-" where it is null. */
static const char *number_of(const json_t *object, const char *key, char buffer[static 24])
{
        const json_t *value = json_object_get(object, key);

        if (!json_is_integer(value))
                return "-";
        snprintf(buffer, 24, "%jd", (intmax_t)json_integer_value(value));
        return buffer;
}

static int add_pool(struct table *table, const json_t *pool)
{
        char limit[24], used[24], reserved[24], remaining[24];

        return table_add(table, (const char *const[]){text_of(pool, "region"), text_of(pool, "gpuModelSeries"),
                                                      number_of(pool, "limit", limit), number_of(pool, "used", used),
                                                      number_of(pool, "reserved", reserved),
                                                      number_of(pool, "remaining", remaining)});
}

/* "app=a,tier=b"; new. */
static char *list_group(const json_t *group)
{
        char *text = strdup("");
        const char *key;
        json_t *value;

        json_object_foreach ((json_t *)group, key, value) {
                _cleanup_(freep) char *former = text;

                text = former ? text_format("%s%s%s=%s", former, *former ? "," : "", key, json_string_value(value))
                              : NULL;
        }
        return text;
}

/* "cpu 4/8, nvidia.com/gpu 4/4"; new. */
static char *list_resources(const json_t *resources)
{
        char *text = strdup("");
        const json_t *resource;
        size_t i;

        json_array_foreach (resources, i, resource) {
                _cleanup_(freep) char *former = text;

                text = former ? text_format("%s%s%s %s/%s", former, *former ? ", " : "", text_of(resource, "name"),
                                            text_of(resource, "used"), text_of(resource, "limit"))
                              : NULL;
        }
        return text;
}

static int add_unit(struct table *table, const json_t *policy, const json_t *unit, bool first)
{
        _cleanup_(freep) char *name = text_format("%s/%s", text_of(policy, "namespace"), text_of(policy, "name"));
        _cleanup_(freep) char *group = list_group(json_object_get(unit, "group"));
        _cleanup_(freep) char *resources = list_resources(json_object_get(unit, "resources"));
        _cleanup_(freep) char *where = NULL;
        const char *region = text_of(unit, "region"), *series = text_of(unit, "gpuModelSeries");
        char number[24], pods[24], max[24];

        where = text_format("%s%s%s%s%s", text_of(unit, "resource"), *region || *series ? " " : "", region,
                            *series ? "/" : "", series);
        if (!name || !group || !resources || !where)
                return -ENOMEM;
        return table_add(table, (const char *const[]){first ? name : "", number_of(unit, "unit", number), where,
                                                      group, number_of(unit, "pods", pods),
                                                      number_of(unit, "max", max), resources});
}

static int add_policy(struct table *table, const json_t *policy)
{
        const json_t *unit;
        size_t i;
        int r = 0;

        json_array_foreach (json_object_get(policy, "units"), i, unit)
                if (r >= 0)
                        r = add_unit(table, policy, unit, i == 0);
        return r;
}

static int add_replica(struct table *table, const json_t *replica)
{
        _cleanup_(freep) char *age =
                text_format("%jds ago", (intmax_t)json_integer_value(json_object_get(replica, "age")));
        char lag[24];

        if (!age)
                return -ENOMEM;
        return table_add(table,
                         (const char *const[]){text_of(replica, "namespace"), text_of(replica, "identity"),
                                               json_is_true(json_object_get(replica, "leader")) ? "yes" : "",
                                               text_of(replica, "version"), age, number_of(replica, "lag", lag)});
}

static int add_fault(struct table *table, const json_t *fault)
{
        return table_add(table, (const char *const[]){text_of(fault, "object"), text_of(fault, "field"),
                                                      text_of(fault, "message")});
}

/* The tables, one below the other; one without rows says so in a line, or is left out. */
static const struct {
        const char *key, *none;
        const char *heading[TABLE_COLUMNS_MAX];
        int (*add)(struct table *table, const json_t *item);
} tables[] = {
        {"pools",
         "no pools: there is no RegionQuota",
         {"REGION", "SERIES", "LIMIT", "USED", "RESERVED", "REMAINING"},
         add_pool},
        {"policies",
         "no policies: there is no ResourcePolicy",
         {"POLICY", "UNIT", "WHERE", "GROUP", "PODS", "MAX", "RESOURCES"},
         add_policy},
        {"replicas",
         "no replicas: regionfit does not serve in this cluster",
         {"NAMESPACE", "REPLICA", "LEADER", "VERSION", "RENEWED", "LAG"},
         add_replica},
        {"faults", NULL, {"MALFORMED", "FIELD", "WHAT IS WRONG"}, add_fault},
};

static int show_one(FILE *stream, const json_t *items, size_t which)
{
        _cleanup_(table_clear) struct table table = {0};
        const json_t *item;
        size_t i;
        int r = table_init(&table, tables[which].heading);

        json_array_foreach (items, i, item)
                if (r >= 0)
                        r = tables[which].add(&table, item);
        if (r < 0)
                return r;
        if (!json_array_size(items) && !tables[which].none)
                return 0;
        if (which)
                fputc('\n', stream);
        if (json_array_size(items))
                table_print(&table, stream);
        else
                fprintf(stream, "%s\n", tables[which].none);
        return 0;
}

static int show_table(FILE *stream, const json_t *status)
{
        int r = 0;

        for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && r >= 0; i++)
                r = show_one(stream, json_object_get(status, tables[i].key), i);
        return r;
}

static int show_json(FILE *stream, const json_t *status)
{
        _cleanup_(freep) char *text = json_dumps(status, JSON_INDENT(2));

        if (!text)
                return -ENOMEM;
        return fprintf(stream, "%s\n", text) < 0 ? -EIO : 0;
}

static int show_yaml(FILE *stream, const json_t *status)
{
        fputs("---\n", stream);
        return yaml_write(stream, status);
}

const struct status_form *status_form_find(const char *name)
{
        static const struct status_form forms[] = {{"table", show_table}, {"json", show_json}, {"yaml", show_yaml}};

        for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
                if (!strcmp(forms[i].name, name))
                        return &forms[i];
        return NULL;
}
