/*
 * What a reflector asks of the API server and what it tells of the answers, for everything that the server may say.
 *
 * A story has the calls, and what the operations were told: "item a 3", "ADDED a 8", "bookmark 9".
 */
#include "kube/reflector.h"

#include <inttypes.h>

#include "fake_client.h"

#define OBJECT(name, version) "{\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"" version "\"}}"
#define PAGE(version, next, items)                                                                       \
        "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"" version "\"," \
        "\"continue\":\"" next "\"},\"items\":[" items "]}"
#define LIST(version, items) PAGE(version, "", items)
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define STATUS(code) "{\"kind\":\"Status\",\"code\":" code ",\"message\":\"too old\"}"

#define LISTED "begin\nGET /api/v1/pods?limit=500\n"
#define WATCHED(version) \
        "GET /api/v1/pods?watch=true&allowWatchBookmarks=true&resourceVersion=" version "&timeoutSeconds=*\n"

#define GOOD(body_)                            \
        {                                      \
                .status = 200, .body = (body_) \
        }
#define OPEN(body_)                                            \
        {                                                      \
                .status = 200, .body = (body_), .silent = true \
        }
#define CUT(body_)                                                                              \
        {                                                                                       \
                .status = 200, .body = (body_), .r = -EIO, .message = "the connection was lost" \
        }
#define GONE                                                       \
        {                                                          \
                .status = 410, .r = -ESTALE, .message = "410 Gone" \
        }
#define AWAY                                          \
        {                                             \
                .r = -EIO, .message = "no connection" \
        }
#define REFUSED                                                         \
        {                                                               \
                .status = 404, .r = -ENOENT, .message = "404 Not Found" \
        }
#define BROKEN                                                                   \
        {                                                                        \
                .status = 500, .r = -EIO, .message = "500 Internal Server Error" \
        }

static const char *refused; /* the name of an object that cannot be taken in; NULL: none */

static const char *name_of(const json_t *object)
{
        return json_string_value(json_object_get(json_object_get(object, "metadata"), "name"));
}

static int answer_to(const json_t *object)
{
        return refused && !strcmp(refused, name_of(object)) ? -ENOMEM : 0;
}

static int begin(void *userdata)
{
        (void)userdata;
        fake_tell("begin\n");
        return 0;
}

static int item(void *userdata, const json_t *object)
{
        (void)userdata;
        fake_tell("item %s %" PRIu64 "\n", name_of(object), object_version(object));
        return answer_to(object);
}

static int end(void *userdata, uint64_t version)
{
        (void)userdata;
        fake_tell("end %" PRIu64 "\n", version);
        return 0;
}

static int change(void *userdata, enum reflector_event event, const json_t *object, uint64_t version)
{
        static const char *const names[] = {"ADDED", "MODIFIED", "DELETED"};

        (void)userdata;
        fake_tell("%s %s %" PRIu64 "\n", names[event], name_of(object), version);
        return answer_to(object);
}

static void bookmark(void *userdata, uint64_t version)
{
        (void)userdata;
        fake_tell("bookmark %" PRIu64 "\n", version);
}

static const struct reflector_ops ops = {
        .list_begin = begin,
        .list_item = item,
        .list_end = end,
        .event = change,
        .bookmark = bookmark,
};

static const struct kube_resource pods = {.api = "/api/v1", .plural = "pods"};

static struct reflector *follow(const struct kube_resource *resource)
{
        struct reflector *reflector;

        ck_assert_int_eq(reflector_new(&reflector, NULL, resource, &ops, NULL, NULL), 0);
        return reflector;
}

static const struct follow_case {
        const char *name;
        struct fake_answer answers[8];
        size_t n;
        const char *refused;
        const char *story;
} follow_cases[] = {
        {
                "a list, then what changes behind it",
                {GOOD(LIST("7", OBJECT("a", "3") "," OBJECT("b", "5"))),
                 OPEN(EVENT("ADDED", OBJECT("c", "8")) EVENT("MODIFIED", OBJECT("a", "9"))
                              EVENT("DELETED", OBJECT("b", "10")) EVENT("BOOKMARK", OBJECT("", "15")))},
                2,
                NULL,
                LISTED
                "item a 3\nitem b 5\nend 7\n" WATCHED("7") "ADDED c 8\nMODIFIED a 9\nDELETED b 10\nbookmark 15\n",
        },
        {
                "pages are one list",
                {GOOD(PAGE("7", "x/y=", OBJECT("a", "3"))), GOOD(LIST("7", OBJECT("b", "5")))},
                2,
                NULL,
                LISTED "item a 3\nGET /api/v1/pods?limit=500&continue=x%2Fy%3D\nitem b 5\nend 7\n" WATCHED("7"),
        },
        {
                "410 in the middle of a list begins it again",
                {GOOD(PAGE("7", "x", OBJECT("a", "3"))), GONE, GOOD(LIST("9", OBJECT("b", "5")))},
                3,
                NULL,
                LISTED "item a 3\nGET /api/v1/pods?limit=500&continue=x\n" LISTED "item b 5\nend 9\n" WATCHED("9"),
        },
        {
                "a list that breaks off begins again",
                {CUT("{\"kind\":\"PodList\",\"items\":[" OBJECT("a", "3")), GOOD(LIST("9", OBJECT("b", "5")))},
                2,
                NULL,
                LISTED "item a 3\n" LISTED "item b 5\nend 9\n" WATCHED("9"),
        },
        {
                "a list that ends too early begins again, whatever the client says",
                {GOOD("{\"kind\":\"PodList\",\"items\":[" OBJECT("a", "3")), GOOD(LIST("9", ""))},
                2,
                NULL,
                LISTED "item a 3\n" LISTED "end 9\n" WATCHED("9"),
        },
        {
                "a list without a version is none",
                {GOOD("{\"metadata\":{},\"items\":[]}"), GOOD(LIST("9", ""))},
                2,
                NULL,
                LISTED LISTED "end 9\n" WATCHED("9"),
        },
        {
                "a resource that is not there yet is asked for until it is",
                {REFUSED, REFUSED, GOOD(LIST("9", ""))},
                3,
                NULL,
                LISTED LISTED LISTED "end 9\n" WATCHED("9"),
        },
        {
                "an item that cannot be taken in lists again",
                {GOOD(LIST("7", OBJECT("bad", "3"))), GOOD(LIST("9", ""))},
                2,
                "bad",
                LISTED "item bad 3\n" LISTED "end 9\n" WATCHED("9"),
        },
        {
                "a watch that ends in order goes on where it was",
                {GOOD(LIST("7", "")), GOOD(EVENT("ADDED", OBJECT("a", "8")) EVENT("BOOKMARK", OBJECT("", "15")))},
                2,
                NULL,
                LISTED "end 7\n" WATCHED("7") "ADDED a 8\nbookmark 15\n" WATCHED("15"),
        },
        {
                "a watch that is cut goes on where it was, without the half event",
                {GOOD(LIST("7", "")), CUT(EVENT("ADDED", OBJECT("a", "8")) "{\"type\":\"ADDED\",")},
                2,
                NULL,
                LISTED "end 7\n" WATCHED("7") "ADDED a 8\n" WATCHED("8"),
        },
        {
                "an ERROR of 410 lists again",
                {GOOD(LIST("7", "")), GOOD(EVENT("ERROR", STATUS("410"))), GOOD(LIST("20", ""))},
                3,
                NULL,
                LISTED "end 7\n" WATCHED("7") LISTED "end 20\n" WATCHED("20"),
        },
        {
                "410 in answer to a watch lists again",
                {GOOD(LIST("7", "")), GONE, GOOD(LIST("20", ""))},
                3,
                NULL,
                LISTED "end 7\n" WATCHED("7") LISTED "end 20\n" WATCHED("20"),
        },
        {
                "an ERROR of another kind watches again",
                {GOOD(LIST("7", "")), GOOD(EVENT("ADDED", OBJECT("a", "8")) EVENT("ERROR", STATUS("500")))},
                2,
                NULL,
                LISTED "end 7\n" WATCHED("7") "ADDED a 8\n" WATCHED("8"),
        },
        {
                "a server that is away is asked again and costs no list",
                {GOOD(LIST("7", "")), AWAY, AWAY, AWAY, AWAY},
                5,
                NULL,
                LISTED "end 7\n" WATCHED("7") WATCHED("7") WATCHED("7") WATCHED("7") WATCHED("7"),
        },
        {
                "three fruitless watches in a row list again",
                {GOOD(LIST("7", "")), BROKEN, GOOD(EVENT("ERROR", STATUS("504"))), GOOD(""), GOOD(LIST("5", ""))},
                5,
                NULL,
                LISTED "end 7\n" WATCHED("7") WATCHED("7") WATCHED("7") LISTED "end 5\n" WATCHED("5"),
        },
        {
                "an event that cannot be taken in lists again, and what follows it is left alone",
                {GOOD(LIST("7", "")), GOOD(EVENT("ADDED", OBJECT("bad", "8")) EVENT("ADDED", OBJECT("a", "9"))),
                 GOOD(LIST("9", OBJECT("a", "9")))},
                3,
                "bad",
                LISTED "end 7\n" WATCHED("7") "ADDED bad 8\n" LISTED "item a 9\nend 9\n" WATCHED("9"),
        },
        {
                "an event of an unknown type is no event",
                {GOOD(LIST("7", "")), GOOD(EVENT("ADDED", OBJECT("a", "8")) EVENT("MOVED", OBJECT("a", "9")))},
                2,
                NULL,
                LISTED "end 7\n" WATCHED("7") "ADDED a 8\n" WATCHED("8"),
        },
};

START_TEST(follows)
{
        const struct follow_case *test = &follow_cases[_i];
        struct reflector *reflector;

        refused = test->refused;
        fake_begin(test->answers, test->n);
        reflector = follow(&pods);
        fake_expect(test->name, test->story);
        reflector_free(reflector);
}
END_TEST

static const struct path_case {
        struct kube_resource resource;
        const char *story;
} path_cases[] = {
        {{.api = "/api/v1", .plural = "pods"}, "begin\nGET /api/v1/pods?limit=500\nend 7\n"},
        {{.api = "/apis/coordination.k8s.io/v1", .plural = "leases", .namespace = "a b"},
         "begin\nGET /apis/coordination.k8s.io/v1/namespaces/a%20b/leases?limit=500\nend 7\n"},
        {{.api = "/apis/regionfit.io/v1alpha1", .plural = "reservationledgers", .name = "regionfit"},
         "begin\nGET "
         "/apis/regionfit.io/v1alpha1/reservationledgers?fieldSelector=metadata.name%3Dregionfit&limit=500\n"
         "end 7\n"},
};

START_TEST(the_path_names_the_resource)
{
        const struct fake_answer answer = GOOD(LIST("7", ""));

        fake_begin(&answer, 1);
        ck_assert_int_eq(reflector_list(NULL, &path_cases[_i].resource, &ops, NULL, NULL), 0);
        fake_expect("path", path_cases[_i].story);
}
END_TEST

static int kind_of_item(void *userdata, const json_t *object)
{
        const char *kind = json_string_value(json_object_get(object, "kind"));
        const char *version = json_string_value(json_object_get(object, "apiVersion"));

        (void)userdata;
        fake_tell("%s %s\n", version ? version : "-", kind ? kind : "-");
        return 0;
}

static const struct kind_case {
        const char *list;
        const char *kind;
} kind_cases[] = {
        {"{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{}]}",
         "v1 Pod"},
        {"{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"1\"},"
         "\"items\":[{\"kind\":\"Own\",\"apiVersion\":\"a/v2\"}]}",
         "a/v2 Own"},
        {"{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{}]}", "- -"},
        {"{\"kind\":\"Pods\",\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{}]}", "- -"},
};

START_TEST(items_have_a_kind)
{
        const struct fake_answer answer = GOOD(kind_cases[_i].list);
        const struct reflector_ops kind_ops = {.list_begin = begin, .list_item = kind_of_item, .list_end = end};
        char story[128];

        fake_begin(&answer, 1);
        ck_assert_int_eq(reflector_list(NULL, &pods, &kind_ops, NULL, NULL), 0);
        snprintf(story, sizeof(story), "%s%s\nend 1\n", LISTED, kind_cases[_i].kind);
        fake_expect("kind", story);
}
END_TEST

static const struct failure_case {
        const char *name;
        struct fake_answer answers[3];
        size_t n;
        const char *refused;
        int r;
        const char *sentence;
} failure_cases[] = {
        {"a refusal", {REFUSED}, 1, NULL, -ENOENT, "404 Not Found"},
        {"an item that is no JSON",
         {GOOD("{\"items\":[{\"a\":nil}]}")},
         1,
         NULL,
         -EBADMSG,
         "GET /api/v1/pods?limit=500: an object is not JSON: byte 8: invalid token near 'nil'"},
        {"no list",
         {GOOD("<html>")},
         1,
         NULL,
         -EBADMSG,
         "GET /api/v1/pods?limit=500: a list must come where '<' does"},
        {"an item that cannot be taken in",
         {GOOD(LIST("7", OBJECT("bad", "3")))},
         1,
         "bad",
         -ENOMEM,
         "GET /api/v1/pods?limit=500: the list of pods cannot be taken in: Cannot allocate memory"},
        {"410 on the first page is not tried again", {GONE}, 1, NULL, -ESTALE, "410 Gone"},
};

START_TEST(a_list_that_fails_says_why)
{
        const struct failure_case *test = &failure_cases[_i];
        _cleanup_error_ struct error error = ERROR_INIT;

        refused = test->refused;
        fake_begin(test->answers, test->n);
        ck_assert_int_eq(reflector_list(NULL, &pods, &ops, NULL, &error), test->r);
        ck_assert_msg(!strcmp(error_message(&error), test->sentence), "%s: %s", test->name, error_message(&error));
}
END_TEST

/* Until the status is as it should be; 10 s at most. */
static void wait_status(struct reflector *reflector, bool listed, uint64_t version, const char *failure)
{
        int64_t until = clock_monotonic() + 10 * NS_PER_SECOND;
        struct reflector_status status;

        do {
                reflector_status(reflector, &status);
                if (status.listed == listed && status.version == version && !strcmp(status.failure, failure))
                        return;
                usleep(1000);
        } while (clock_monotonic() < until);
        ck_abort_msg("listed %d version %" PRIu64 " failure %s", status.listed, status.version, status.failure);
}

START_TEST(the_status_says_what_is_missing)
{
        static const struct fake_answer answers[] = {REFUSED};
        struct reflector *reflector;
        struct reflector_status status;

        fake_begin(answers, ARRAY_SIZE(answers));
        reflector = follow(&pods);
        wait_status(reflector, false, 0, "404 Not Found");
        reflector_status(reflector, &status);
        ck_assert_int_eq(status.contact, 0);
        ck_assert_uint_eq(status.lists, 0);
        reflector_free(reflector);
}
END_TEST

START_TEST(the_status_has_version_and_contact)
{
        static const struct fake_answer answers[] = {GOOD(LIST("7", "")), OPEN(EVENT("ADDED", OBJECT("a", "8")))};
        int64_t before = clock_monotonic();
        struct reflector *reflector;
        struct reflector_status status;

        fake_begin(answers, ARRAY_SIZE(answers));
        reflector = follow(&pods);
        wait_status(reflector, true, 8, "");
        reflector_status(reflector, &status);
        ck_assert_int_ge(status.contact, before);
        ck_assert_int_le(status.contact, clock_monotonic());
        ck_assert_uint_eq(status.lists, 1);
        ck_assert_uint_eq(status.watches, 1);
        reflector_free(reflector);
}
END_TEST

START_TEST(a_watch_that_resumes_ends_the_failure)
{
        static const struct fake_answer answers[] = {GOOD(LIST("7", "")), AWAY, OPEN("")};
        struct reflector *reflector;

        fake_begin(answers, ARRAY_SIZE(answers));
        reflector = follow(&pods);
        wait_status(reflector, true, 7, "no connection");
        wait_status(reflector, true, 7, "");
        reflector_free(reflector);
}
END_TEST

/* While everything is listed again, bytes come, and it does not follow yet. */
START_TEST(a_list_under_way_does_not_end_the_failure)
{
        static const struct fake_answer answers[] = {GOOD(LIST("7", "")), GONE, OPEN("{\"items\":[")};
        struct reflector *reflector;

        fake_begin(answers, ARRAY_SIZE(answers));
        reflector = follow(&pods);
        fake_expect("list under way", LISTED "end 7\n" WATCHED("7") LISTED);
        usleep(10000);
        wait_status(reflector, true, 7, "410 Gone");
        reflector_free(reflector);
}
END_TEST

/* The k-th wait is between half of and all of 0.1 s * 2^k. */
START_TEST(failures_wait_longer_and_longer)
{
        static const struct fake_answer answers[] = {AWAY, AWAY, AWAY, AWAY};
        struct reflector *reflector;

        fake_begin(answers, ARRAY_SIZE(answers));
        reflector = follow(&pods);
        fake_expect("waits", LISTED LISTED LISTED LISTED LISTED);
        for (size_t i = 0; i + 1 < ARRAY_SIZE(answers); i++)
                ck_assert_int_ge(fake.times[i + 1] - fake.times[i], (50 * NS_PER_MS) << i);
        ck_assert_int_lt(fake.times[1] - fake.times[0], NS_PER_SECOND);
        reflector_free(reflector);
}
END_TEST

static const struct stop_case {
        const char *name;
        struct fake_answer answers[4];
        size_t n;
        const char *story;
} stop_cases[] = {
        {"in a list", {OPEN("{\"items\":[")}, 1, LISTED},
        {"in a watch", {GOOD(LIST("7", "")), OPEN("")}, 2, LISTED "end 7\n" WATCHED("7")},
        {"before the answer", {GOOD(LIST("7", ""))}, 1, LISTED "end 7\n" WATCHED("7")},
        {"after a failure", {AWAY, AWAY, AWAY, AWAY}, 4, LISTED LISTED LISTED LISTED},
};

START_TEST(it_ends_at_once_wherever_it_is)
{
        const struct stop_case *test = &stop_cases[_i];
        struct reflector *reflector;
        int64_t begun;

        fake_begin(test->answers, test->n);
        reflector = follow(&pods);
        fake_expect(test->name, test->story);
        begun = clock_monotonic();
        reflector_free(reflector);
        ck_assert_int_lt(clock_monotonic() - begun, NS_PER_SECOND);
}
END_TEST

static const struct version_case {
        const char *text; /* of resourceVersion, as JSON */
        uint64_t version;
} version_cases[] = {
        {"\"1\"", 1},
        {"\"18446744073709551615\"", UINT64_MAX},
        {"\"18446744073709551616\"", 0},
        {"\"\"", 0},
        {"\"-1\"", 0},
        {"\" 1\"", 0},
        {"\"1x\"", 0},
        {"\"x\"", 0},
        {"7", 0},
        {"null", 0},
};

START_TEST(versions_are_integers)
{
        const struct version_case *test = &version_cases[_i];
        char text[128];
        json_t *object;

        snprintf(text, sizeof(text), "{\"metadata\":{\"resourceVersion\":%s}}", test->text);
        object = json_loads(text, 0, NULL);
        ck_assert_ptr_nonnull(object);
        ck_assert_uint_eq(object_version(object), test->version);
        json_decref(object);
        ck_assert_uint_eq(object_version(NULL), 0);
}
END_TEST

static void setup(void)
{
        refused = NULL;
}

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, setup, NULL);
        tcase_add_loop_test(tests, follows, 0, ARRAY_SIZE(follow_cases));
        tcase_add_loop_test(tests, the_path_names_the_resource, 0, ARRAY_SIZE(path_cases));
        tcase_add_loop_test(tests, items_have_a_kind, 0, ARRAY_SIZE(kind_cases));
        tcase_add_loop_test(tests, a_list_that_fails_says_why, 0, ARRAY_SIZE(failure_cases));
        tcase_add_test(tests, the_status_says_what_is_missing);
        tcase_add_test(tests, the_status_has_version_and_contact);
        tcase_add_test(tests, a_watch_that_resumes_ends_the_failure);
        tcase_add_test(tests, a_list_under_way_does_not_end_the_failure);
        tcase_add_test(tests, failures_wait_longer_and_longer);
        tcase_add_loop_test(tests, it_ends_at_once_wherever_it_is, 0, ARRAY_SIZE(stop_cases));
        tcase_add_loop_test(tests, versions_are_integers, 0, ARRAY_SIZE(version_cases));
}

int main(void)
{
        return unit_main("reflector", add);
}
