/*
 * The limit that a status shows is the one in force, with the region's other quotas taken into account: of two that
 * list a series, both show the smaller. The numbers are made of what this replica knows; that a lowered limit is not
 * shown too early (rule 7) is for whoever writes the status to see to.
 */
#include "cluster/quota_status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cluster/known_object.h"
#include "manifest/diagnostics.h"
#include "quota/region_quota.h"
#include "util/cleanup.h"
#include "util/text.h"

enum column { COLUMN_SERIES, COLUMN_LIMIT, COLUMN_USED, COLUMN_RESERVED, COLUMN_REMAINING, N_COLUMNS };
static const char *const column_names[] = {"series", "limit", "used", "reserved", "remaining"};

/* The columns of kubectl, as they grow. */
struct lines {
        char *text[N_COLUMNS]; /* owned, once the stream is closed */
        size_t size[N_COLUMNS];
        FILE *streams[N_COLUMNS]; /* owned */
};

static int lines_open(struct lines *lines)
{
        for (size_t i = 0; i < N_COLUMNS; i++) {
                lines->streams[i] = open_memstream(&lines->text[i], &lines->size[i]);
                if (!lines->streams[i])
                        return -ENOMEM;
        }
        return 0;
}

/* Closes the streams, so that the text is there. */
static int lines_close(struct lines *lines)
{
        int r = 0;

        for (size_t i = 0; i < N_COLUMNS; i++) {
                if (lines->streams[i] && fclose(lines->streams[i]) != 0)
                        r = -ENOMEM;
                lines->streams[i] = NULL;
        }
        return r;
}

static void lines_clear(struct lines *lines)
{
        lines_close(lines);
        for (size_t i = 0; i < N_COLUMNS; i++)
                free(lines->text[i]);
}

/* What one status is made of. */
struct making {
        const struct known_object *quota;
        const struct quota_table *table;
        const struct quota_numbers *numbers;
        int64_t now;
        json_t *status; /* owned */
        struct lines lines;
        char *duplicate; /* owned; the sentence about a series that is listed twice, or NULL */
        char *over;      /* owned; the sentence about pools that are over their limit, or NULL */
};

static void making_clear(struct making *making)
{
        json_decref(making->status);
        lines_clear(&making->lines);
        free(making->duplicate);
        free(making->over);
}

/* Puts another part behind a sentence. */
static int add_part(char **sentence, char *part)
{
        _cleanup_(freep) char *former = *sentence, *added = part;

        *sentence = NULL;
        if (!added)
                return -ENOMEM;
        *sentence = former ? text_format("%s; %s", former, added) : steal_pointer(&added);
        return *sentence ? 0 : -ENOMEM;
}

static int note_over(struct making *making, const char *series, int64_t used, int64_t limit)
{
        if (used <= limit)
                return 0;
        return add_part(&making->over,
                        text_format("%s: %jd of %jd GPUs are in use", series, (intmax_t)used, (intmax_t)limit));
}

static void write_lines(struct lines *lines, const char *series, int64_t limit, int64_t used, int64_t reserved)
{
        const int64_t numbers[N_COLUMNS] = {0, limit, used, reserved, limit - used - reserved};

        for (size_t i = 0; i < N_COLUMNS; i++) {
                const char *comma = ftell(lines->streams[i]) > 0 ? "," : "";

                if (i == COLUMN_SERIES)
                        fprintf(lines->streams[i], "%s%s", comma, series);
                else
                        fprintf(lines->streams[i], "%s%jd", comma, (intmax_t)numbers[i]);
        }
}

static int add_pool(struct making *making, json_t *pools, const char *region, const char *series)
{
        const struct quota_numbers *numbers = making->numbers;
        int64_t limit = quota_table_find(making->table, region, series).gpus, used = 0, reserved = 0;
        json_t *pool;
        int r = numbers->pool(numbers->userdata, region, series, &used, &reserved);

        if (r < 0)
                return r;
        if (numbers->limit)
                limit = numbers->limit(numbers->userdata, region, series, limit);
        write_lines(&making->lines, series, limit, used, reserved);
        r = note_over(making, series, used, limit);
        if (r < 0)
                return r;
        pool = json_pack("{s:s, s:I, s:I, s:I, s:I}", "gpuModelSeries", series, "limit", (json_int_t)limit, "used",
                         (json_int_t)used, "reserved", (json_int_t)reserved, "remaining",
                         (json_int_t)(limit - used - reserved));
        return json_array_append_new(pools, pool) == 0 ? 0 : -ENOMEM;
}

/* A series that the object itself lists twice is one pool. */
static bool listed_before(const struct region_quota *quota, size_t index)
{
        for (size_t i = 0; i < index; i++)
                if (!strcmp(quota->pools[i].series, quota->pools[index].series))
                        return true;
        return false;
}

static int add_pools(struct making *making)
{
        const struct region_quota *quota = making->quota->value;
        json_t *pools = json_array();
        int r = json_object_set_new(making->status, "pools", pools) == 0 ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && quota && i < quota->n_pools; i++)
                if (!listed_before(quota, i))
                        r = add_pool(making, pools, quota->region, quota->pools[i].series);
        return r;
}

static int add_lines(struct making *making)
{
        const struct region_quota *quota = making->quota->value;
        int r = lines_close(&making->lines);

        if (r < 0 || json_object_set_new(making->status, "region", json_string(quota ? quota->region : "")) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < N_COLUMNS; i++)
                if (json_object_set_new(making->status, column_names[i], json_string(making->lines.text[i])) < 0)
                        return -ENOMEM;
        return 0;
}

static bool lists(const struct region_quota *quota, const char *series)
{
        for (size_t i = 0; i < quota->n_pools; i++)
                if (!strcmp(quota->pools[i].series, series))
                        return true;
        return false;
}

/* Says which other quotas of the region list the series as well. */
static int note_others(struct making *making, const char *series, struct known_object *const *quotas, size_t n)
{
        const struct region_quota *quota = making->quota->value;
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++) {
                const struct region_quota *other = quotas[i]->value;

                if (other && other != quota && !strcmp(other->region, quota->region) && lists(other, series))
                        r = add_part(&making->duplicate,
                                     text_format("%s is listed by RegionQuota %s as well", series, other->name));
        }
        return r;
}

static int note_duplicates(struct making *making, struct known_object *const *quotas, size_t n)
{
        const struct region_quota *quota = making->quota->value;
        int r = 0;

        for (size_t i = 0; quota && i < quota->n_pools && r >= 0; i++) {
                if (listed_before(quota, i))
                        r = add_part(&making->duplicate, text_format("%s is listed twice", quota->pools[i].series));
                else
                        r = note_others(making, quota->pools[i].series, quotas, n);
        }
        return r;
}

/* The condition of this type as it is stored, or NULL. */
static const json_t *stored_condition(const struct known_object *quota, const char *type)
{
        const json_t *conditions = json_object_get(quota->status, "conditions"), *condition;
        size_t i;

        json_array_foreach (conditions, i, condition) {
                const char *stored = json_string_value(json_object_get(condition, "type"));

                if (stored && !strcmp(stored, type))
                        return condition;
        }
        return NULL;
}

/* A string of the caller's, or one that is stored. */
static const char *transition_time(const struct making *making, const char *type, const char *status,
                                   char buffer[static 32])
{
        const json_t *stored = stored_condition(making->quota, type);
        const char *stored_status = json_string_value(json_object_get(stored, "status"));
        const char *stored_time = json_string_value(json_object_get(stored, "lastTransitionTime"));
        time_t now = making->now;
        struct tm tm;

        if (stored_status && stored_time && !strcmp(stored_status, status))
                return stored_time;
        strftime(buffer, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
        return buffer;
}

static int add_condition(struct making *making, const char *type, bool is, const char *reason, const char *message)
{
        const char *status = is ? "True" : "False";
        json_t *conditions = json_object_get(making->status, "conditions"), *condition;
        char buffer[32];

        condition = json_pack("{s:s, s:s, s:I, s:s, s:s, s:s}", "type", type, "status", status, "observedGeneration",
                              (json_int_t)making->quota->generation, "lastTransitionTime",
                              transition_time(making, type, status, buffer), "reason", reason, "message", message);
        return json_array_append_new(conditions, condition) == 0 ? 0 : -ENOMEM;
}

static int add_ready(struct making *making)
{
        const struct known_object *quota = making->quota;
        _cleanup_(freep) char *message = NULL;

        if (quota->fault)
                message = text_format("%s; %s", quota->fault,
                                      quota->value ? "the last good version stays in force" : "it has no effect");
        else if (making->duplicate)
                message = text_format("%s; the smaller limit holds", making->duplicate);
        else
                return add_condition(making, "Ready", true, "InForce", "its limits hold");
        if (!message)
                return -ENOMEM;
        return add_condition(making, "Ready", false, quota->fault ? "Malformed" : "DuplicateSeries", message);
}

static int add_conditions(struct making *making)
{
        int r = json_object_set_new(making->status, "conditions", json_array()) == 0 ? 0 : -ENOMEM;

        if (r >= 0)
                r = add_ready(making);
        if (r < 0)
                return r;
        if (making->over)
                return add_condition(making, "OverLimit", true, "UsedExceedsLimit", making->over);
        return add_condition(making, "OverLimit", false, "WithinLimit", "no pool holds more than its limit");
}

static int make(struct making *making, struct known_object *const *quotas, size_t n)
{
        int r;

        making->status = json_pack("{s:I}", "observedGeneration", (json_int_t)making->quota->generation);
        r = making->status ? lines_open(&making->lines) : -ENOMEM;
        if (r >= 0)
                r = add_pools(making);
        if (r >= 0)
                r = add_lines(making);
        if (r >= 0)
                r = note_duplicates(making, quotas, n);
        return r < 0 ? r : add_conditions(making);
}

/* Every quota that has a value, merged. */
static int make_table(struct quota_table **ret, struct known_object *const *quotas, size_t n)
{
        _cleanup_(diagnostics_clear) struct diagnostics duplicates = DIAGNOSTICS_INIT;
        _cleanup_(freep) struct region_quota **values = calloc(n ? n : 1, sizeof(struct region_quota *));
        size_t n_values = 0;

        if (!values)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                if (quotas[i]->value)
                        values[n_values++] = quotas[i]->value;
        return quota_table_new(ret, values, n_values, &duplicates);
}

int quota_status_make(json_t **ret, struct known_object *const *quotas, size_t n, size_t index,
                      const struct quota_numbers *numbers, int64_t now)
{
        _cleanup_(quota_table_freep) struct quota_table *table = NULL;
        _cleanup_(making_clear) struct making making = {.quota = quotas[index], .numbers = numbers, .now = now};
        int r = make_table(&table, quotas, n);

        making.table = table;
        if (r >= 0)
                r = make(&making, quotas, n);
        if (r < 0)
                return r;
        *ret = steal_pointer(&making.status);
        return 0;
}

bool quota_status_is(const struct known_object *quota, const json_t *status)
{
        const char *key;
        json_t *value;

        json_object_foreach ((json_t *)status, key, value)
                if (!json_equal(json_object_get(quota->status, key), value))
                        return false;
        return true;
}
