/*
 * Verdicts as people read them. A denial is often all that a user sees of regionfit, in an event of a
 * ReplicaSet: each unit's part names the unit, its pool, and the numbers that were compared.
 */
#include "admission/verdict.h"

#include <stdlib.h>

#include "manifest/writer.h"
#include "policy/resource_policy.h"
#include "util/cleanup.h"

const char *const verdict_names[] = {
        [VERDICT_FITS] = "fits",
        [VERDICT_CONFLICT] = "conflict",
        [VERDICT_NOT_OFFERED] = "not offered",
        [VERDICT_POOL_FULL] = "full",
        [VERDICT_REGION_FULL] = "full",
        [VERDICT_NO_NODE] = "no node",
        [VERDICT_NODES_FULL] = "full",
        [VERDICT_MAX_REACHED] = "max reached",
        [VERDICT_RESOURCES_FULL] = "maxResources reached",
        [VERDICT_NOT_REACHED] = "not reached",
};

static const char *plural(struct quantity quantity)
{
        return quantity_compare(quantity, quantity_whole(1)) ? "s" : "";
}

/* A pool may hold more than its limit (lowered since, or pods that named the region themselves). */
static struct quantity remaining(const struct verdict *verdict)
{
        struct quantity rest = quantity_subtract(verdict->limit, verdict->used);

        return quantity_compare(rest, quantity_whole(0)) < 0 ? quantity_whole(0) : rest;
}

/* "2 GPUs wanted, 1 of 4 remaining" */
static void write_gpus(struct writer *writer, const struct verdict *verdict)
{
        char wanted[QUANTITY_TEXT_MAX], rest[QUANTITY_TEXT_MAX], limit[QUANTITY_TEXT_MAX];

        writer_texts(writer, quantity_format(verdict->wanted, wanted), " GPU", plural(verdict->wanted), " wanted, ",
                     quantity_format(remaining(verdict), rest), " of ", quantity_format(verdict->limit, limit),
                     " remaining");
}

/* "nvidia.com/gpu: 2 wanted, 1 of 4 free"; `what`: of what the last two are. */
static void write_resource(struct writer *writer, const struct verdict *verdict, struct quantity part,
                           const char *what)
{
        char wanted[QUANTITY_TEXT_MAX], limit[QUANTITY_TEXT_MAX], text[QUANTITY_TEXT_MAX];

        writer_texts(writer, verdict->resource, ": ", quantity_format(verdict->wanted, wanted), " wanted, ",
                     quantity_format(part, text), " of ", quantity_format(verdict->limit, limit), what);
}

static void write_fits(struct writer *writer, const struct verdict *verdict)
{
        char wanted[QUANTITY_TEXT_MAX];

        if (verdict->limited)
                write_gpus(writer, verdict);
        else
                writer_texts(writer, quantity_format(verdict->wanted, wanted), " GPU", plural(verdict->wanted),
                             " wanted, no quota");
}

static void write_pods(struct writer *writer, const struct verdict *verdict)
{
        char limit[QUANTITY_TEXT_MAX], used[QUANTITY_TEXT_MAX];

        writer_texts(writer, quantity_format(verdict->used, used), " of max ", quantity_format(verdict->limit, limit),
                     " pods");
}

void verdict_write_numbers(struct writer *writer, const struct verdict *verdict)
{
        switch (verdict->kind) {
        case VERDICT_FITS:
                write_fits(writer, verdict);
                break;
        case VERDICT_POOL_FULL:
                write_gpus(writer, verdict);
                break;
        case VERDICT_NOT_OFFERED:
                writer_texts(writer, "the quota of ", verdict->region, " lists no GPU model series ",
                             *verdict->series ? verdict->series : "*");
                break;
        case VERDICT_REGION_FULL:
                write_gpus(writer, verdict);
                writer_raw(writer, " on the region's virtual nodes");
                break;
        case VERDICT_NO_NODE:
                writer_raw(writer, "no schedulable node matches the unit's nodeSelector");
                break;
        case VERDICT_NODES_FULL:
                write_resource(writer, verdict, remaining(verdict), " free on the unit's nodes");
                break;
        case VERDICT_MAX_REACHED:
                write_pods(writer, verdict);
                break;
        case VERDICT_RESOURCES_FULL:
                write_resource(writer, verdict, verdict->used, " used");
                break;
        case VERDICT_CONFLICT:
                writer_texts(writer, verdict->detail ? verdict->detail : "");
                break;
        case VERDICT_NOT_REACHED:
                break;
        }
}

void verdict_write(struct writer *writer, const struct verdict *verdict, size_t index, const struct unit *unit)
{
        size_t before;

        writer_raw(writer, "units[");
        writer_number(writer, index);
        writer_texts(writer, "] ", unit_resource_names[unit->resource], *verdict->region ? " " : "", verdict->region,
                     *verdict->series ? "/" : "", verdict->series, ": ", verdict_names[verdict->kind]);
        before = writer->size;
        writer_raw(writer, ": ");
        verdict_write_numbers(writer, verdict);
        if (writer->size == before + 2)
                writer->size = before;
}

/* What was written, as a new string. */
static char *finish(struct writer *writer)
{
        char *text = NULL;
        size_t size;

        if (writer_finish(writer, &text, &size) < 0)
                writer_clear(writer);
        return text;
}

char *verdict_numbers(const struct verdict *verdict)
{
        struct writer writer;

        writer_init(&writer, NULL, 0);
        verdict_write_numbers(&writer, verdict);
        return finish(&writer);
}

char *verdict_format(const struct verdict *verdict, size_t index, const struct unit *unit)
{
        struct writer writer;

        writer_init(&writer, NULL, 0);
        verdict_write(&writer, verdict, index, unit);
        return finish(&writer);
}

void verdict_clear(struct verdict *verdict)
{
        free(verdict->detail);
        verdict->detail = NULL;
}
