/*
 * What an Event looks like (core/v1 Event), and what it is called.
 */
#include "kube/event.h"

#include <regex.h>
#include <string.h>

#include "check.h"

#define AT 1767323045 /* 2026-01-02T03:04:05Z */

static const struct event_object replica_set = {
        .api_version = "apps/v1",
        .kind = "ReplicaSet",
        .namespace = "ns",
        .name = "web-1",
        .uid = "12-34",
};
static const struct event_object quota = {.api_version = "a/v1", .kind = "RegionQuota", .name = "cn"};

static const struct json_case {
        const struct event_object *object;
        enum event_type type;
        const char *json;
} json_cases[] = {
        {&replica_set, EVENT_WARNING,
         "{'apiVersion':'v1','kind':'Event','metadata':{'name':'name','namespace':'ns'},"
         "'involvedObject':{'apiVersion':'apps/"
         "v1','kind':'ReplicaSet','namespace':'ns','name':'web-1','uid':'12-34'},"
         "'reason':'NothingFits','message':'no unit fits','type':'Warning','count':3,"
         "'firstTimestamp':'1970-01-01T00:00:07Z','lastTimestamp':'2026-01-02T03:04:05Z',"
         "'source':{'component':'regionfit'},'reportingComponent':'regionfit'}"},
        {&quota, EVENT_NORMAL,
         "{'apiVersion':'v1','kind':'Event','metadata':{'name':'name','namespace':'default'},"
         "'involvedObject':{'apiVersion':'a/v1','kind':'RegionQuota','name':'cn'},"
         "'reason':'NothingFits','message':'no unit fits','type':'Normal','count':3,"
         "'firstTimestamp':'1970-01-01T00:00:07Z','lastTimestamp':'2026-01-02T03:04:05Z',"
         "'source':{'component':'regionfit'},'reportingComponent':'regionfit'}"},
};

static json_t *parse(const char *text)
{
        char *copy = strdup(text);
        json_t *json;

        ck_assert_ptr_nonnull(copy);
        for (char *c = copy; *c; c++)
                if (*c == '\'')
                        *c = '"';
        json = json_loads(copy, 0, NULL);
        ck_assert_ptr_nonnull(json);
        free(copy);
        return json;
}

static void assert_json(json_t *json, const char *text)
{
        json_t *expected = parse(text);

        ck_assert_ptr_nonnull(json);
        ck_assert_msg(json_equal(json, expected), "%s", json_dumps(json, JSON_COMPACT));
        json_decref(json);
        json_decref(expected);
}

START_TEST(it_is_what_the_server_takes)
{
        const struct json_case *test = &json_cases[_i];
        struct event *event = event_new(test->object, test->type, "NothingFits", "no unit fits", AT);

        assert_json(event_to_json(event, "name", 3, 7), test->json);
        event_free(event);
}
END_TEST

START_TEST(a_patch_counts)
{
        struct event *event = event_new(&replica_set, EVENT_NORMAL, "r", "m", AT);

        assert_json(event_to_patch(event, 4), "{'count':4,'lastTimestamp':'2026-01-02T03:04:05Z'}");
        event_free(event);
}
END_TEST

#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X235 X50 X50 X50 X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct name_case {
        const char *name, *pattern;
} name_cases[] = {
        {"web-1", "^web-1\\.[0-9a-f]{16}$"},    {"", "^regionfit\\.[0-9a-f]{16}$"},
        {"web-", "^web\\.[0-9a-f]{16}$"},       {X235 "yz", "^x{235}y\\.[0-9a-f]{16}$"},
        {X235 "-z", "^x{235}\\.[0-9a-f]{16}$"}, {X235 ".z", "^x{235}\\.[0-9a-f]{16}$"},
};

START_TEST(its_name_begins_with_the_objects)
{
        const struct event_object object = {.api_version = "v1", .kind = "Pod", .name = name_cases[_i].name};
        struct event *event = event_new(&object, EVENT_NORMAL, "r", "m", AT);
        char *name = event_make_name(event), *other = event_make_name(event);
        regex_t pattern;

        ck_assert_int_eq(regcomp(&pattern, name_cases[_i].pattern, REG_EXTENDED | REG_NOSUB), 0);
        ck_assert_msg(!regexec(&pattern, name, 0, NULL, 0), "%s", name);
        ck_assert_str_ne(name, other);
        regfree(&pattern);
        free(name);
        free(other);
        event_free(event);
}
END_TEST

/* After `before` bytes of x come the characters of `end`. */
static const struct message_case {
        size_t before;
        const char *end;
        size_t size; /* that is left */
} message_cases[] = {
        {0, "", 0},
        {1023, "y", 1024},
        {1024, "y", 1024},
        {1022, "\xc3\xa4", 1024},
        {1023, "\xc3\xa4", 1023},
        {1021, "\xf0\x9f\x98\x80", 1021},
        {2000, "", 1024},
};

START_TEST(a_message_is_cut_between_characters)
{
        const struct message_case *test = &message_cases[_i];
        char message[2100];
        struct event *event;

        memset(message, 'x', test->before);
        strcpy(message + test->before, test->end);
        event = event_new(&quota, EVENT_NORMAL, "r", message, AT);
        ck_assert_uint_eq(strlen(event->message), test->size);
        event_free(event);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, it_is_what_the_server_takes, 0, ARRAY_SIZE(json_cases));
        tcase_add_test(tests, a_patch_counts);
        tcase_add_loop_test(tests, its_name_begins_with_the_objects, 0, ARRAY_SIZE(name_cases));
        tcase_add_loop_test(tests, a_message_is_cut_between_characters, 0, ARRAY_SIZE(message_cases));
}

int main(void)
{
        return unit_main("event", add);
}
