/*
 * Credits: when a replica asks for one, what it admits against it and until when, what is left in the ledger of it,
 * and who waits for that. The clock of their life is the test's.
 */
#include "quota/credit.h"

#include "boot_clock.h"
#include "fake_ledger_store.h"

#define LONG (60 * NS_PER_SECOND)
#define LIFE (800 * NS_PER_MS)

/* What a pod may be and do; the rest is as new_reservation() says: namespace ns, region r, series A10, one GPU. */
struct kind {
        const char *name, *namespace, *region, *series, *placement, *cpu;
        int64_t gpus;
        bool counts_more; /* toward "more" as well */
};

static int classify_kind(void *userdata, const struct reservation *reservation, struct counter_keys *ret)
{
        int r = classify_by_region(userdata, reservation, ret);

        return r < 0 || !reservation->created_at ? r : counter_keys_add(ret, "more", 0);
}

static struct reservation *new_pod(const struct kind *kind)
{
        struct reservation *pod =
                new_reservation(kind->namespace ? kind->namespace : "ns", kind->region ? kind->region : "r",
                                kind->series ? kind->series : "A10", kind->gpus ? kind->gpus : 1);

        set_text(&pod->placement, kind->placement ? kind->placement : "");
        if (kind->cpu)
                set_resource(pod, "cpu", kind->cpu);
        pod->created_at = kind->counts_more;
        return pod;
}

static int ask_for(struct promised *ret, const struct kind *kind, uint64_t generation, int64_t limit)
{
        _cleanup_(reservation_freep) struct reservation *pod = new_pod(kind);
        struct limit limits = gpu_limit(kind->region ? kind->region : "r", limit);
        struct refusal refusal;

        *ret = (struct promised){0};
        return ledger_reserve(ledger, pod, generation, &limits, 1, &refusal, ret->id, &ret->commit, NULL);
}

static const struct kind plain;

/* One pod is on its way to the store, so many more wait for the next write; then both are let in. */
static void burst_of(const struct kind *kind, size_t n, int64_t limit)
{
        struct promised waiting[100], first;

        ck_assert_uint_le(n, ARRAY_SIZE(waiting));
        close_gate();
        ck_assert_int_eq(ask_for(&first, kind, 1, limit), LEDGER_RESERVED);
        sem_wait(&fake.arrived);
        for (size_t i = 0; i < n; i++)
                ck_assert_int_eq(ask_for(&waiting[i], kind, 1, limit), LEDGER_RESERVED);
        open_gates();
        ck_assert_int_eq(result_of(&first), 0);
        for (size_t i = 0; i < n; i++)
                result_of(&waiting[i]);
}

static size_t outcomes_had(void)
{
        size_t n;

        pthread_mutex_lock(&fake.lock);
        n = fake.next_outcome;
        pthread_mutex_unlock(&fake.lock);
        return n;
}

/* The entry that is a credit; the number of them. New; NULL: there is none. */
static json_t *stored_credit(size_t *ret_count)
{
        json_auto_t *object = fake_get();
        json_t *entry, *found = NULL;
        size_t i;

        *ret_count = 0;
        json_array_foreach (json_object_get(json_object_get(object, "spec"), "entries"), i, entry) {
                if (!json_is_true(json_object_get(entry, "credit")))
                        continue;
                json_decref(found);
                found = json_incref(entry);
                ++*ret_count;
        }
        return found;
}

static size_t credits(void)
{
        size_t n;

        json_decref(stored_credit(&n));
        return n;
}

/* The entry of this id; new, or NULL. */
static json_t *stored_entry(const char *id)
{
        json_auto_t *object = fake_get();
        json_t *entry;
        size_t i;

        json_array_foreach (json_object_get(json_object_get(object, "spec"), "entries"), i, entry)
                if (!strcmp(json_string_value(json_object_get(entry, "id")), id))
                        return json_incref(entry);
        return NULL;
}

static bool is_stored(const char *id)
{
        json_auto_t *entry = stored_entry(id);

        return entry;
}

static bool is_closed(const char *id)
{
        json_auto_t *entry = stored_entry(id);

        return !entry || !json_object_get(entry, "credit");
}

static int64_t member(const json_t *entry, const char *key)
{
        return json_integer_value(json_object_get(entry, key));
}

static char credit_id[RESERVATION_ID_SIZE]; /* of the one that open_credit() has left */

/* A credit of 16 pods, of which nothing has been spent. */
static void open_credit(const struct kind *kind)
{
        struct classifier classifier = {.generation = 1, .classify = classify_kind};
        json_auto_t *credit = NULL;
        size_t n;

        start(LONG);
        ck_assert_int_eq(ledger_classify(ledger, &classifier, NULL), 0);
        burst_of(kind, 4, 1000);
        credit = stored_credit(&n);
        ck_assert_uint_eq(n, 1);
        ck_assert_int_eq(member(credit, "pods"), 16);
        snprintf(credit_id, sizeof(credit_id), "%s", json_string_value(json_object_get(credit, "id")));
}

/* True where the pod is admitted at once, under the id of the credit. */
static bool spends(const struct kind *kind)
{
        struct promised promised;

        ck_assert_int_eq(ask_for(&promised, kind, 1, 1000), LEDGER_RESERVED);
        return !promised.commit && !strcmp(promised.id, credit_id);
}

/* Time passes by the clock of credits, and the ledger looks at it. */
static void pass_time(int64_t time)
{
        atomic_fetch_add(&boot_clock, time);
        cluster_ledger_quotas(cluster, 0, 0);
}

static const struct burst_case {
        const char *name;
        size_t together;
        int64_t room; /* of the pool once they are in; 0: any number */
        int64_t pods; /* of the credit; 0: there is none */
} burst_cases[] = {
        {"a single pod is no stream", 0, 0, 0},
        {"nor are three that wait for one write", 3, 0, 0},
        {"four are", 4, 0, 16},
        {"more of them make more come", 10, 0, 40},
        {"there is a most", 100, 0, 256},
        {"no more than an eighth of what is left", 4, 24, 3},
        {"one pod", 4, 8, 1},
        {"nothing near the end of the pool", 4, 7, 0},
};

START_TEST(a_stream_gets_a_credit_of_what_may_come)
{
        const struct burst_case *test = &burst_cases[_i];
        json_auto_t *credit = NULL;
        size_t n;

        start(LONG);
        burst_of(&plain, test->together, test->room ? 1 + (int64_t)test->together + test->room : 1000000);
        credit = stored_credit(&n);
        ck_assert_msg(n == (test->pods > 0), "%s: %zu", test->name, n);
        ck_assert_msg(member(credit, "pods") == test->pods, "%s: %lld", test->name,
                      (long long)member(credit, "pods"));
        ck_assert_msg(member(credit, "gpus") == test->pods, "%s", test->name);
        assert_pool(0, 1 + (int64_t)test->together + test->pods);
}
END_TEST

START_TEST(pods_are_admitted_at_once_under_its_id_without_a_write)
{
        unsigned writes;

        open_credit(&plain);
        writes = fake_count(&fake.writes);
        for (int i = 0; i < 7; i++)
                ck_assert(spends(&plain));
        ck_assert_uint_eq(fake_count(&fake.writes), writes);
        ck_assert_uint_eq(status().credited, 7);
        assert_pool(0, 5 + 16);
}
END_TEST

START_TEST(the_next_one_is_asked_for_when_half_is_spent)
{
        json_auto_t *next = NULL;
        size_t n;

        open_credit(&plain);
        for (int i = 0; i < 8; i++)
                ck_assert(spends(&plain));
        EVENTUALLY(credits() == 2);
        next = stored_credit(&n);
        ck_assert_str_ne(json_string_value(json_object_get(next, "id")), credit_id);
        for (int i = 0; i < 8; i++)
                ck_assert(spends(&plain)); /* the old one first */
        ck_assert(!spends(&plain));
}
END_TEST

START_TEST(no_third_one_is_asked_for_while_the_next_is_hardly_used)
{
        uint64_t commits;

        open_credit(&plain);
        commits = status().commits;
        for (int i = 0; i < 8; i++)
                ck_assert(spends(&plain));
        EVENTUALLY(credits() == 2 && status().commits > commits);
        for (int i = 0; i < 8; i++)
                ck_assert(spends(&plain));
        usleep(100000);
        ck_assert_uint_eq(credits(), 2);
        for (int i = 0; i < 12; i++)
                ck_assert(!spends(&plain)); /* the next, of 24 */
        EVENTUALLY(credits() == 3);
}
END_TEST

START_TEST(the_next_one_is_asked_for_when_half_of_its_life_is_over)
{
        open_credit(&plain);
        pass_time(LIFE / 2);
        ck_assert(spends(&plain));
        ck_assert_uint_eq(credits(), 1);
        pass_time(1);
        ck_assert(spends(&plain));
        EVENTUALLY(credits() == 2);
}
END_TEST

START_TEST(nothing_is_written_for_a_credit_that_there_is_no_room_for)
{
        struct promised promised;
        unsigned writes;

        start(LONG);
        burst_of(&plain, 4, 5 + 8);
        ck_assert_uint_eq(credits(), 1); /* of one pod */
        writes = fake_count(&fake.writes);
        ck_assert_int_eq(ask_for(&promised, &plain, 1, 5 + 8), LEDGER_RESERVED);
        ck_assert_uint_eq(promised.commit, 0);
        usleep(100000);
        ck_assert_uint_eq(fake_count(&fake.writes), writes);
}
END_TEST

/* The credit is of pods with one GPU and one cpu, 16 in all. */
static const struct kind kinds[] = {
        {.name = "the same", .counts_more = true, .cpu = "1"},
        {.name = "no resource", .counts_more = true, .cpu = NULL},
        {.name = "all GPUs at once", .counts_more = true, .cpu = "1", .gpus = 16},
        {.name = "all of a resource at once", .counts_more = true, .cpu = "16"},
        {.name = "another namespace", .counts_more = true, .cpu = "1", .namespace = "other"},
        {.name = "another region", .counts_more = true, .cpu = "1", .region = "s"},
        {.name = "another series", .counts_more = true, .cpu = "1", .series = "H20"},
        {.name = "a unit", .counts_more = true, .cpu = "1", .placement = "ns/policy#0"},
        {.name = "other counters", .counts_more = false, .cpu = "1"},
        {.name = "more GPUs than it has", .counts_more = true, .cpu = "1", .gpus = 17},
        {.name = "more of a resource than it has", .counts_more = true, .cpu = "16001m"},
};

#define COVERED_KINDS 4

START_TEST(it_is_for_pods_of_its_terms_and_no_more_than_it_has)
{
        const struct kind *kind = &kinds[_i];
        bool spent;

        open_credit(&kinds[0]);
        spent = spends(kind);
        ck_assert_msg(spent == (_i < COVERED_KINDS), "%s", kind->name);
}
END_TEST

START_TEST(it_holds_to_the_end_of_its_life_and_no_longer)
{
        open_credit(&plain);
        atomic_fetch_add(&boot_clock, LIFE);
        ck_assert(spends(&plain));
        atomic_fetch_add(&boot_clock, 1);
        ck_assert(!spends(&plain));
}
END_TEST

START_TEST(what_it_is_spent_on_is_bounded_by_policies_and_quotas_in_force)
{
        struct classifier classifier = BY_REGION(2);
        struct promised promised;

        open_credit(&plain);
        ck_assert_int_eq(ledger_classify(ledger, &classifier, NULL), 0);
        ck_assert_int_eq(ask_for(&promised, &plain, 1, 1000), LEDGER_STALE);
        ck_assert_int_eq(ask_for(&promised, &plain, 2, 1000), LEDGER_RESERVED);
        ck_assert_str_ne(promised.id, credit_id);
        ck_assert_int_eq(result_of(&promised), 0);
        EVENTUALLY(credits() == 0);
}
END_TEST

START_TEST(it_is_not_spent_while_the_quotas_are_behind)
{
        struct promised promised;

        open_credit(&plain);
        fake_change("{'quotas': '500'}", NULL);
        observe();
        ck_assert_int_eq(ask_for(&promised, &plain, 1, 1000), LEDGER_BEHIND);
        cluster_ledger_quotas(cluster, 0, 500);
        ck_assert(spends(&plain));
}
END_TEST

START_TEST(it_is_not_spent_once_its_entry_is_gone)
{
        struct promised promised;

        open_credit(&plain);
        fake_change("{}", "[]");
        observe();
        ck_assert_int_eq(ask_for(&promised, &plain, 1, 1000), LEDGER_RESERVED);
        ck_assert_str_ne(promised.id, credit_id);
        ck_assert_int_eq(result_of(&promised), 0);
        ck_assert(!is_stored(credit_id));
}
END_TEST

START_TEST(what_is_closed_is_what_was_spent)
{
        static const int64_t spent[] = {0, 1, 5, 16};
        const struct kind kind = {.cpu = "250m"};
        json_auto_t *entry = NULL;

        open_credit(&kind);
        for (int64_t i = 0; i < spent[_i]; i++)
                ck_assert(spends(&kind));
        pass_time(LIFE + 1);
        EVENTUALLY(is_closed(credit_id));
        entry = stored_entry(credit_id);
        ck_assert_msg((entry != NULL) == (spent[_i] > 0), "%lld spent", (long long)spent[_i]);
        if (!entry)
                return;
        ck_assert_int_eq(member(entry, "pods"), spent[_i]);
        ck_assert_int_eq(member(entry, "gpus"), spent[_i]);
        ck_assert(!json_object_get(entry, "credit"));
}
END_TEST

START_TEST(a_credit_of_resources_is_closed_with_those_that_were_spent)
{
        struct quantity cpu, expected;
        json_auto_t *entry = NULL;

        open_credit(&kinds[0]);
        ck_assert(spends(&(struct kind){.counts_more = true, .cpu = "250m"}));
        ck_assert(spends(&(struct kind){.counts_more = true, .cpu = "2", .gpus = 3}));
        pass_time(LIFE + 1);
        EVENTUALLY(is_closed(credit_id));
        entry = stored_entry(credit_id);
        ck_assert_int_eq(member(entry, "pods"), 2);
        ck_assert_int_eq(member(entry, "gpus"), 4);
        ck_assert_int_eq(quantity_parse(&expected, "2250m"), 0);
        ck_assert_int_eq(
                quantity_parse(&cpu, json_string_value(json_object_get(json_object_get(entry, "resources"), "cpu"))),
                0);
        ck_assert(!quantity_compare(cpu, expected));
}
END_TEST

/* The clock is put back, which no clock does, to see that it is not the time that keeps it from being spent. */
START_TEST(it_is_never_spent_again_while_closing_it_fails)
{
        struct promised promised;

        open_credit(&plain);
        ck_assert(spends(&plain));
        fake.next_outcome = 0;
        for (size_t i = 0; i < ARRAY_SIZE(fake.outcomes); i++)
                fake.outcomes[i] = (struct outcome){_i ? -EIO : -EAGAIN, false, NULL};
        pass_time(LIFE + 1);
        EVENTUALLY(outcomes_had() >= 1);
        atomic_fetch_sub(&boot_clock, LIFE);
        while (ask_for(&promised, &plain, 1, 1000) != LEDGER_RESERVED)
                usleep(500);
        ck_assert_str_ne(promised.id, credit_id);
        EVENTUALLY(is_closed(credit_id));
        ck_assert(is_stored(credit_id));
}
END_TEST

/* Of the write that asks for the credit. */
static const struct lost_case {
        const char *name;
        struct outcome outcome;
} lost_cases[] = {
        {"refused, as another version is stored", {-EBUSY, false, NULL}},
        {"refused by itself", {-EBUSY, true, NULL}},
        {"lost before it was stored", {-EIO, false, NULL}},
        {"lost after it was stored", {-EIO, true, NULL}},
        {"put off", {-EAGAIN, false, NULL}},
        {"answered with what cannot be read", {0, true, "{}"}},
};

/* What stands in the ledger of a lost write is removed as soon as it is seen: no pod carries that id. */
START_TEST(what_was_not_stored_for_sure_is_never_spent)
{
        const struct lost_case *test = &lost_cases[_i];
        char lost[RESERVATION_ID_SIZE] = "";
        struct promised promised;
        json_auto_t *credit = NULL;
        size_t n;

        fake.outcomes[2] = test->outcome;
        start(LONG);
        pthread_mutex_lock(&fake.lock);
        fake.reads_gated = true; /* what it does not know, it does not find out yet */
        pthread_mutex_unlock(&fake.lock);
        close_gate();
        ck_assert_int_eq(ask_for(&promised, &plain, 1, 1000), LEDGER_RESERVED);
        sem_wait(&fake.arrived);
        for (int i = 0; i < 4; i++)
                ck_assert_int_eq(ask_for(&promised, &plain, 1, 1000), LEDGER_RESERVED);
        sem_post(&fake.gate);
        sem_wait(&fake.arrived);
        sem_post(&fake.gate);
        EVENTUALLY(outcomes_had() == 3);
        credit = stored_credit(&n);
        if (credit)
                snprintf(lost, sizeof(lost), "%s", json_string_value(json_object_get(credit, "id")));
        ck_assert_msg(n == test->outcome.stored, "%s", test->name);
        open_gates();
        EVENTUALLY(status().current);
        for (int i = 0; i < 9; i++) {
                while (ask_for(&promised, &plain, 1, 1000) != LEDGER_RESERVED)
                        usleep(500); /* the answer has only just come */
                ck_assert_msg(strcmp(promised.id, lost) != 0, "%s", test->name);
        }
        EVENTUALLY(!is_stored(lost));
}
END_TEST

/* The watch brings the object before the answer does, which is lost then. */
START_TEST(what_a_watch_shows_is_stored_for_sure)
{
        struct promised first, waiting[4];
        json_auto_t *credit = NULL;
        size_t n;

        fake.outcomes[2] = (struct outcome){-EIO, true, NULL};
        start(LONG);
        close_gate();
        ck_assert_int_eq(ask_for(&first, &plain, 1, 1000), LEDGER_RESERVED);
        sem_wait(&fake.arrived);
        for (int i = 0; i < 4; i++)
                ck_assert_int_eq(ask_for(&waiting[i], &plain, 1, 1000), LEDGER_RESERVED);
        sem_post(&fake.gate);
        sem_wait(&fake.arrived);
        pthread_mutex_lock(&fake.lock);
        fake.answers_gated = true;
        pthread_mutex_unlock(&fake.lock);
        sem_post(&fake.gate);
        sem_wait(&fake.arrived); /* it is stored, and not answered */
        credit = stored_credit(&n);
        ck_assert_uint_eq(n, 1);
        snprintf(credit_id, sizeof(credit_id), "%s", json_string_value(json_object_get(credit, "id")));
        ck_assert(!spends(&plain));
        observe();
        ck_assert(!spends(&plain));
        open_gates();
        ck_assert_int_eq(result_of(&waiting[0]), 0);
        EVENTUALLY(status().unknown == 1 && status().current);
        ck_assert(spends(&plain)); /* its life began before it was sent */
        pass_time(LIFE + 1);
        ck_assert(!spends(&plain));
        EVENTUALLY(is_closed(credit_id));
}
END_TEST

START_TEST(a_credit_that_is_spent_and_seen_is_removed_like_any_promise)
{
        char uid[16];

        open_credit(&plain);
        for (int i = 0; i < 16; i++)
                ck_assert(spends(&plain));
        for (int i = 0; i < 16; i++) {
                snprintf(uid, sizeof(uid), "pod-%d", i);
                show_pod(uid, credit_id, "r", 1, 200 + (uint64_t)i);
        }
        EVENTUALLY(!is_stored(credit_id));
        EVENTUALLY(!strcmp(fake_text("fence"), "215"));
}
END_TEST

/* Waits until it is worth deciding again, and returns how long that took. */
static int64_t wait_current(void)
{
        struct told told = {.waiter.done = tell};
        int64_t begin = clock_monotonic();
        int r;

        sem_init(&told.done, 0, 0);
        r = ledger_wait_current(ledger, &told.waiter);
        ck_assert_int_ge(r, 0);
        while (!r && sem_wait(&told.done) < 0)
                ;
        return clock_monotonic() - begin;
}

START_TEST(nobody_is_refused_for_want_of_what_its_own_replica_holds)
{
        const struct kind large = {.gpus = 32};
        struct promised promised;

        start(LONG);
        burst_of(&plain, 4, 40);
        ck_assert_uint_eq(credits(), 1); /* of (40 - 5) / 8 */
        assert_pool(0, 5 + 4);
        ck_assert_int_eq(ask_for(&promised, &large, 1, 40), LEDGER_BEHIND);
        ck_assert_int_lt(wait_current(), 2 * NS_PER_SECOND);
        ck_assert_int_eq(ask_for(&promised, &large, 1, 40), LEDGER_RESERVED);
        ck_assert_int_eq(result_of(&promised), 0);
        ck_assert_uint_eq(credits(), 0);
}
END_TEST

START_TEST(who_would_not_fit_anyway_is_refused_at_once)
{
        const struct kind large = {.gpus = 36};
        struct promised promised;

        start(LONG);
        burst_of(&plain, 4, 40);
        ck_assert_uint_eq(credits(), 1);
        ck_assert_int_eq(ask_for(&promised, &large, 1, 40), LEDGER_REFUSED);
        ck_assert_uint_eq(credits(), 1);
}
END_TEST

#define CREDIT_OF_4                                                                                      \
        "[{'id': '0123456789abcdef0123456789abcdef', 'namespace': 'ns', 'region': 'r', 'series': 'A10'," \
        " 'placement': '', 'counts': [], 'gpus': 4, 'pods': 4, 'credit': true}]"

/* A replica may have died that holds it; its life, and a second more, is all that anybody waits. */
START_TEST(a_credit_of_another_replica_is_waited_for_no_longer_than_it_lives)
{
        const struct kind large = {.gpus = 7};
        _cleanup_(reservation_freep) struct reservation *pod = new_pod(&large);
        struct limit limit = gpu_limit("r", 10);
        struct promised promised;
        struct refusal refusal;
        int64_t begin, longest = 0;
        enum ledger_answer answer;

        start(LONG);
        fake_change("{}", CREDIT_OF_4);
        observe();
        begin = clock_monotonic();
        while ((answer = ledger_check(ledger, pod, 1, &limit, 1, &refusal)) == LEDGER_BEHIND) {
                int64_t waited = wait_current();

                longest = waited > longest ? waited : longest;
        }
        ck_assert_int_eq(answer, LEDGER_REFUSED);
        ck_assert_int_eq(quantity_value(refusal.used), 4);
        ck_assert_int_eq(quantity_value(refusal.wanted), 7);
        ck_assert_int_ge(clock_monotonic() - begin, LIFE + 900 * NS_PER_MS);
        ck_assert_int_lt(clock_monotonic() - begin, LIFE + 2 * NS_PER_SECOND);
        ck_assert_int_lt(longest, 700 * NS_PER_MS);
        ck_assert_int_eq(ask_for(&promised, &plain, 1, 10), LEDGER_RESERVED);
}
END_TEST

START_TEST(who_waits_for_another_replica_decides_when_that_has_closed_its_credit)
{
        const struct kind large = {.gpus = 7};
        struct promised promised;

        start(LONG);
        fake_change("{}", CREDIT_OF_4);
        observe();
        ck_assert_int_eq(ask_for(&promised, &large, 1, 10), LEDGER_BEHIND);
        fake_change("{}", "[]");
        observe();
        wait_current();
        ck_assert_int_eq(ask_for(&promised, &large, 1, 10), LEDGER_RESERVED);
        ck_assert_int_eq(result_of(&promised), 0);
}
END_TEST

/* Whoever comes later and has to wait as well does not put off the first. */
START_TEST(those_who_come_later_do_not_prolong_the_wait)
{
        const struct kind large = {.gpus = 7};
        struct told told = {.waiter.done = tell};
        struct promised promised;
        int64_t begin;

        start(LONG);
        fake_change("{}", CREDIT_OF_4);
        observe();
        sem_init(&told.done, 0, 0);
        begin = clock_monotonic();
        ck_assert_int_eq(ask_for(&promised, &large, 1, 10), LEDGER_BEHIND);
        ck_assert_int_eq(ledger_wait_current(ledger, &told.waiter), 0);
        while (sem_trywait(&told.done) < 0) {
                ask_for(&promised, &large, 1, 10);
                usleep(20000);
        }
        ck_assert_int_lt(clock_monotonic() - begin, LIFE);
}
END_TEST

/* There is no thread that would end the wait. */
START_TEST(without_a_store_nobody_waits_for_credits)
{
        const struct kind large = {.gpus = 7};
        struct promised promised;

        new_ledger(NULL, LONG);
        classify(1);
        list_pods(NULL, 100);
        fake_change("{}", CREDIT_OF_4);
        observe();
        ck_assert_int_eq(ask_for(&promised, &large, 1, 10), LEDGER_REFUSED);
}
END_TEST

START_TEST(what_is_open_when_the_replica_ends_is_closed)
{
        json_auto_t *entry = NULL;

        open_credit(&plain);
        ck_assert(spends(&plain));
        fake.next_outcome = 0;
        if (_i == 1)
                fake_change("{}", NULL); /* another replica was first */
        fake.outcomes[0] = (struct outcome){_i == 2 ? -EIO : 0, _i == 2, NULL};
        cluster = cluster_ledger_free(cluster);
        entry = stored_entry(credit_id);
        ck_assert_int_eq(member(entry, "pods"), 1);
        ck_assert(!json_object_get(entry, "credit"));
}
END_TEST

/* A replica that does not know of the new quotas yet may go on for the life of its credit. */
START_TEST(new_quotas_count_once_no_credit_of_their_time_can_be_spent)
{
        start(LONG);
        fake_change("{'quotas': '10'}", "[]");
        cluster_ledger_quotas(cluster, 10, 30);
        observe();
        ck_assert_uint_eq(cluster_ledger_quotas_written(cluster), 10); /* nobody holds any */
        fake_change("{}", CREDIT_OF_4);
        observe();
        EVENTUALLY(cluster_ledger_quotas_written(cluster) == 10);
        fake_change("{'quotas': '20'}", NULL);
        observe();
        ck_assert_uint_eq(cluster_ledger_quotas_written(cluster), 10);
        fake_change("{'quotas': '30'}", NULL); /* though those of 20 are not sure yet */
        observe();
        ck_assert_uint_eq(cluster_ledger_quotas_written(cluster), 10);
        if (_i) {
                fake_change("{}", "[]");
                observe();
                ck_assert_uint_eq(cluster_ledger_quotas_written(cluster), 30);
        }
        EVENTUALLY(cluster_ledger_quotas_written(cluster) == 30);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, fake_setup, fake_teardown);
        tcase_add_loop_test(tests, a_stream_gets_a_credit_of_what_may_come, 0, ARRAY_SIZE(burst_cases));
        tcase_add_test(tests, pods_are_admitted_at_once_under_its_id_without_a_write);
        tcase_add_test(tests, the_next_one_is_asked_for_when_half_is_spent);
        tcase_add_test(tests, no_third_one_is_asked_for_while_the_next_is_hardly_used);
        tcase_add_test(tests, the_next_one_is_asked_for_when_half_of_its_life_is_over);
        tcase_add_test(tests, nothing_is_written_for_a_credit_that_there_is_no_room_for);
        tcase_add_loop_test(tests, it_is_for_pods_of_its_terms_and_no_more_than_it_has, 0, ARRAY_SIZE(kinds));
        tcase_add_test(tests, it_holds_to_the_end_of_its_life_and_no_longer);
        tcase_add_test(tests, what_it_is_spent_on_is_bounded_by_policies_and_quotas_in_force);
        tcase_add_test(tests, it_is_not_spent_while_the_quotas_are_behind);
        tcase_add_test(tests, it_is_not_spent_once_its_entry_is_gone);
        tcase_add_loop_test(tests, what_is_closed_is_what_was_spent, 0, 4);
        tcase_add_test(tests, a_credit_of_resources_is_closed_with_those_that_were_spent);
        tcase_add_loop_test(tests, it_is_never_spent_again_while_closing_it_fails, 0, 2);
        tcase_add_loop_test(tests, what_was_not_stored_for_sure_is_never_spent, 0, ARRAY_SIZE(lost_cases));
        tcase_add_test(tests, what_a_watch_shows_is_stored_for_sure);
        tcase_add_test(tests, a_credit_that_is_spent_and_seen_is_removed_like_any_promise);
        tcase_add_test(tests, nobody_is_refused_for_want_of_what_its_own_replica_holds);
        tcase_add_test(tests, who_would_not_fit_anyway_is_refused_at_once);
        tcase_add_test(tests, a_credit_of_another_replica_is_waited_for_no_longer_than_it_lives);
        tcase_add_test(tests, who_waits_for_another_replica_decides_when_that_has_closed_its_credit);
        tcase_add_test(tests, those_who_come_later_do_not_prolong_the_wait);
        tcase_add_test(tests, without_a_store_nobody_waits_for_credits);
        tcase_add_loop_test(tests, what_is_open_when_the_replica_ends_is_closed, 0, 3);
        tcase_add_loop_test(tests, new_quotas_count_once_no_credit_of_their_time_can_be_spent, 0, 2);
}

int main(void)
{
        return unit_main("credit", add);
}
