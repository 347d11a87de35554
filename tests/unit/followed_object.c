/*
 * One object as it was last seen, whatever the API server says of it.
 */
#include "trust/followed_object.h"

#include "fake_client.h"
#include "util/cleanup.h"

#define OBJECT(version) "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"" version "\"}}"
#define LIST(version, items) \
        "{\"kind\":\"SecretList\",\"metadata\":{\"resourceVersion\":\"" version "\"},\"items\":[" items "]}"
#define EVENT(type, version) "{\"type\":\"" type "\",\"object\":" OBJECT(version) "}\n"
#define GOOD(body_)                            \
        {                                      \
                .status = 200, .body = (body_) \
        }
#define OPEN(body_)                                            \
        {                                                      \
                .status = 200, .body = (body_), .silent = true \
        }
#define GONE                                                       \
        {                                                          \
                .status = 410, .r = -ESTALE, .message = "410 Gone" \
        }
#define REFUSED                                                         \
        {                                                               \
                .status = 403, .r = -EACCES, .message = "403 Forbidden" \
        }

static const struct kube_resource resource = {.api = "/api/v1", .plural = "secrets", .namespace = "ns", .name = "a"};

static const struct follow_case {
        const char *name;
        struct fake_answer answers[4];
        unsigned news;
        const char *version; /* of the object in the end; NULL: there is none */
} cases[] = {
        {"there is one", {GOOD(LIST("5", OBJECT("3"))), OPEN("")}, 1, "3"},
        {"there is none", {GOOD(LIST("5", "")), OPEN("")}, 1, NULL},
        {"it is made", {GOOD(LIST("5", "")), OPEN(EVENT("ADDED", "6"))}, 2, "6"},
        {"it changes", {GOOD(LIST("5", OBJECT("3"))), OPEN(EVENT("MODIFIED", "6") EVENT("MODIFIED", "7"))}, 3, "7"},
        {"it is deleted", {GOOD(LIST("5", OBJECT("3"))), OPEN(EVENT("DELETED", "6"))}, 2, NULL},
        {"it is made again", {GOOD(LIST("5", OBJECT("3"))), OPEN(EVENT("DELETED", "6") EVENT("ADDED", "7"))}, 3, "7"},
        {"it is gone after a gap", {GOOD(LIST("5", OBJECT("3"))), GONE, GOOD(LIST("9", "")), OPEN("")}, 2, NULL},
        {"it is another after a gap",
         {GOOD(LIST("5", OBJECT("3"))), GONE, GOOD(LIST("9", OBJECT("8"))), OPEN("")},
         2,
         "8"},
};

static void count(void *userdata)
{
        __atomic_add_fetch((unsigned *)userdata, 1, __ATOMIC_RELAXED);
}

static void await_news(const unsigned *news, unsigned wanted, const char *name)
{
        int64_t end = clock_monotonic() + 10 * NS_PER_SECOND;

        while (__atomic_load_n(news, __ATOMIC_ACQUIRE) < wanted) {
                ck_assert_msg(clock_monotonic() < end, "%s", name);
                usleep(1000);
        }
}

START_TEST(knows_the_newest)
{
        const struct follow_case *c = &cases[_i];
        struct followed_object *followed = NULL;
        json_t *object = NULL;
        unsigned news = 0;
        bool gap = false;

        fake_begin(c->answers, ARRAY_SIZE(c->answers));
        ck_assert_int_eq(followed_object_new(&followed, NULL, &resource, count, &news, NULL), 0);
        await_news(&news, c->news, c->name);
        ck_assert_msg(followed_object_take(followed, &object, &gap), "%s", c->name);
        ck_assert_msg(gap, "%s: there was nothing before", c->name);
        ck_assert_msg(!object == !c->version, "%s", c->name);
        if (c->version)
                ck_assert_msg(object_version(object) == strtoull(c->version, NULL, 10), "%s", c->name);
        json_decref(object);
        ck_assert_msg(!followed_object_take(followed, &object, &gap), "%s: the news is taken once", c->name);
        followed_object_free(followed);
}
END_TEST

START_TEST(what_is_put_back_is_taken_again)
{
        static const struct fake_answer answers[] = {GOOD(LIST("5", OBJECT("3"))), OPEN("")};
        struct followed_object *followed = NULL;
        json_t *object = NULL;
        unsigned news = 0;
        bool gap;

        fake_begin(answers, ARRAY_SIZE(answers));
        ck_assert_int_eq(followed_object_new(&followed, NULL, &resource, count, &news, NULL), 0);
        await_news(&news, 1, "it is there");
        ck_assert(followed_object_take(followed, &object, &gap));
        followed_object_put_back(followed, object);
        ck_assert(followed_object_take(followed, &object, &gap));
        followed_object_put_back(followed, object);
        followed_object_put_back(followed, json_object()); /* older than what is there */
        ck_assert(followed_object_take(followed, &object, &gap));
        ck_assert_uint_eq(object_version(object), 3);
        json_decref(object);
        followed_object_free(followed);
}
END_TEST

/* Called from the reflector's thread: everything is taken as it comes. */
struct taker {
        struct followed_object *followed; /* NULL: not known yet */
        char gaps[8];
        unsigned news;
};

static void take(void *userdata)
{
        struct taker *taker = userdata;
        json_t *object = NULL;
        bool gap;

        while (!__atomic_load_n(&taker->followed, __ATOMIC_ACQUIRE))
                usleep(100);
        ck_assert(followed_object_take(taker->followed, &object, &gap));
        json_decref(object);
        taker->gaps[taker->news] = gap ? 'g' : '-';
        __atomic_add_fetch(&taker->news, 1, __ATOMIC_RELEASE);
}

/* A list may hide what was there before it; the events of a watch follow one another. */
START_TEST(tells_of_gaps)
{
        static const struct fake_answer answers[] = {GOOD(LIST("5", OBJECT("3"))),
                                                     GOOD(EVENT("MODIFIED", "6") EVENT("DELETED", "7")), GONE,
                                                     GOOD(LIST("9", OBJECT("8"))), OPEN(EVENT("MODIFIED", "10"))};
        struct taker taker = {0};
        struct followed_object *followed = NULL;

        fake_begin(answers, ARRAY_SIZE(answers));
        ck_assert_int_eq(followed_object_new(&followed, NULL, &resource, take, &taker, NULL), 0);
        __atomic_store_n(&taker.followed, followed, __ATOMIC_RELEASE);
        await_news(&taker.news, 5, "all is taken");
        ck_assert_str_eq(taker.gaps, "g--g-");
        followed_object_free(followed);
}
END_TEST

START_TEST(says_why_it_is_not_known)
{
        static const struct fake_answer answers[] = {REFUSED};
        struct followed_object *followed = NULL;
        json_t *object = NULL;
        char failure[64] = "";
        bool gap;
        int64_t end = clock_monotonic() + 10 * NS_PER_SECOND;

        fake_begin(answers, ARRAY_SIZE(answers));
        ck_assert_int_eq(followed_object_new(&followed, NULL, &resource, NULL, NULL, NULL), 0);
        while (!*failure && clock_monotonic() < end)
                followed_object_failure(followed, failure, sizeof(failure));
        ck_assert_str_eq(failure, "403 Forbidden");
        ck_assert(!followed_object_take(followed, &object, &gap));
        followed_object_free(followed);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, knows_the_newest, 0, ARRAY_SIZE(cases));
        tcase_add_test(tests, what_is_put_back_is_taken_again);
        tcase_add_test(tests, tells_of_gaps);
        tcase_add_test(tests, says_why_it_is_not_known);
}

int main(void)
{
        return unit_main("followed_object", add);
}
