/*
 * What is published is never taken away from a reader, however often it is replaced meanwhile; ThreadSanitizer and
 * AddressSanitizer watch.
 */
#include "util/publication.h"

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include "check.h"

#define READERS 4
#define REPLACEMENTS 100

struct thing {
        int a, b; /* always the same */
};

static struct publication publication;
static bool over;     /* atomic */
static bool released; /* atomic */

static struct thing *thing_new(int number)
{
        struct thing *thing = malloc(sizeof(*thing));

        *thing = (struct thing){number, number};
        return thing;
}

static void *read_often(void *userdata)
{
        long *reads = userdata;

        while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
                struct publication_view view = publication_enter(&publication);
                const struct thing *thing = view.value;

                ck_assert_int_eq(thing->a, thing->b);
                publication_leave(&view);
                __atomic_add_fetch(reads, 1, __ATOMIC_RELAXED);
        }
        return NULL;
}

static bool all_have_read(const long *reads)
{
        bool all = true;

        for (size_t i = 0; i < READERS; i++)
                all &= __atomic_load_n(&reads[i], __ATOMIC_RELAXED) > 0;
        return all;
}

START_TEST(readers_find_a_whole_thing_at_any_time)
{
        pthread_t threads[READERS];
        long reads[READERS] = {0};

        free(publication_replace(&publication, thing_new(0)));
        for (size_t i = 0; i < READERS; i++)
                pthread_create(&threads[i], NULL, read_often, &reads[i]);
        for (int i = 1; i <= REPLACEMENTS || !all_have_read(reads); i++) {
                struct thing *former = publication_replace(&publication, thing_new(i));

                ck_assert_int_eq(former->a, i - 1);
                former->a = -1; /* nobody must see this */
                free(former);
        }
        __atomic_store_n(&over, true, __ATOMIC_RELAXED);
        for (size_t i = 0; i < READERS; i++)
                pthread_join(threads[i], NULL);
        free(publication_replace(&publication, NULL));
}
END_TEST

static void *replace(void *userdata)
{
        void *former = publication_replace(&publication, userdata);

        __atomic_store_n(&released, true, __ATOMIC_SEQ_CST);
        return former;
}

START_TEST(replacing_waits_for_a_reader_that_is_within)
{
        const struct timespec a_while = {.tv_nsec = 50000000};
        int first = 1, second = 2;
        struct publication_view view;
        pthread_t thread;
        void *former;

        publication_replace(&publication, &first);
        view = publication_enter(&publication);
        ck_assert_ptr_eq(view.value, &first);
        pthread_create(&thread, NULL, replace, &second);
        nanosleep(&a_while, NULL);
        ck_assert(!__atomic_load_n(&released, __ATOMIC_SEQ_CST));
        publication_leave(&view);
        pthread_join(thread, &former);
        ck_assert_ptr_eq(former, &first);
        view = publication_enter(&publication);
        ck_assert_ptr_eq(view.value, &second);
        publication_leave(&view);
}
END_TEST

START_TEST(at_first_nothing_is_published)
{
        struct publication_view view = publication_enter(&publication);

        ck_assert_ptr_null(view.value);
        publication_leave(&view);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_test(tests, at_first_nothing_is_published);
        tcase_add_test(tests, readers_find_a_whole_thing_at_any_time);
        tcase_add_test(tests, replacing_waits_for_a_reader_that_is_within);
}

int main(void)
{
        return unit_main("publication", add);
}
