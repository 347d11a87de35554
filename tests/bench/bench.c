/*
 * Measures what must stay flat, and what stands beside its floor: finding the policies of a pod among 10, 1,000 and
 * 10,000 of them; and promises made durable by 1, 16 and 64 clients at once, beside a bare append and fdatasync of
 * one record, which is what a ledger without group commit would do for each.
 *
 * Every figure is the median of several rounds, in which the cases take turns.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "admission/catalog.h"
#include "policy/index.h"
#include "quota/embedded_ledger.h"
#include "quota/ledger.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/labels.h"
#include "util/log.h"

#include "read_catalog.h"

#define ROUNDS 7
#define ROUND_TIME (300 * NS_PER_MS)
#define CLIENTS_MAX 64

static int compare_doubles(const void *a, const void *b)
{
        double left = *(const double *)a, right = *(const double *)b;

        return (left > right) - (left < right);
}

static double median(double *samples)
{
        qsort(samples, ROUNDS, sizeof(*samples), compare_doubles);
        return samples[ROUNDS / 2];
}

static struct catalog *make_catalog(size_t n)
{
        struct catalog *catalog;
        char *yaml = NULL;
        size_t size;
        FILE *stream = open_memstream(&yaml, &size);

        check(stream ? 0 : -ENOMEM, "policies");
        for (size_t i = 0; i < n; i++)
                fprintf(stream,
                        "apiVersion: scheduling.alibabacloud.com/v1alpha1\nkind: ResourcePolicy\n"
                        "metadata: {name: p%zu, namespace: default}\nspec: {selector: {app: a%zu, tier: web}, "
                        "units: [{resource: ecs}]}\n---\n",
                        i, i);
        fclose(stream);
        catalog = read_catalog(yaml, size);
        free(yaml);
        return catalog;
}

/* Nanoseconds for one pod's policies. */
static double find_once(const struct catalog *catalog, const struct labels *labels)
{
        int64_t start = clock_monotonic(), now = start;
        size_t n = 0;

        for (; now - start < ROUND_TIME / 4; now = clock_monotonic()) {
                for (int i = 0; i < 1000; i++, n++) {
                        _cleanup_(policy_matches_clear) struct policy_matches matches = {0};

                        check(policy_index_find(catalog_policies(catalog), "default", labels, &matches), "find");
                        if (matches.count != 1)
                                check(-ENOENT, "find");
                }
        }
        return (double)(now - start) / (double)n;
}

static void bench_index(void)
{
        static const size_t sizes[] = {10, 1000, 10000};
        enum { N = sizeof(sizes) / sizeof(*sizes) };
        const struct label pairs[] = {{"app", "a7"}, {"tier", "web"}, {"pod-template-hash", "5d4f8c7b9"}};
        double samples[N][ROUNDS], first = 0;
        struct catalog *catalogs[N];
        struct labels *labels;

        check(labels_new(&labels, pairs, 3), "labels");
        for (size_t i = 0; i < N; i++)
                catalogs[i] = make_catalog(sizes[i]);
        for (int round = 0; round < ROUNDS; round++)
                for (size_t i = 0; i < N; i++)
                        samples[i][round] = find_once(catalogs[i], labels);
        printf("policies of a pod          ns   of 10 policies\n");
        for (size_t i = 0; i < N; i++) {
                double ns = median(samples[i]);

                first = i ? first : ns;
                printf("  among %-6zu       %9.0f   %14.2f\n", sizes[i], ns, ns / first);
                catalog_unref(catalogs[i]);
        }
        labels_free(labels);
}

/* The ledger counts nothing here: what is measured is how promises become durable. */
static int classify(void *userdata, const struct reservation *reservation, struct counter_keys *ret)
{
        (void)userdata, (void)reservation, (void)ret;
        return 0;
}

struct client {
        struct commit_waiter waiter; /* first: what `done` gets */
        struct ledger *ledger;
        int64_t end;
        size_t n;
        pthread_t thread;
        pthread_mutex_t mutex;
        pthread_cond_t woken;
        bool done;
};

static void wake(struct commit_waiter *waiter, int result, const char *reason)
{
        struct client *client = (struct client *)waiter;

        check(result, reason);
        pthread_mutex_lock(&client->mutex);
        client->done = true;
        pthread_cond_signal(&client->woken);
        pthread_mutex_unlock(&client->mutex);
}

static void reserve_one(struct client *client)
{
        _cleanup_(reservation_freep) struct reservation *reservation = NULL;
        char id[RESERVATION_ID_SIZE];
        struct refusal refusal;
        uint64_t commit = 0;

        check(reservation_new(&reservation), "reservation");
        check(ledger_reserve(client->ledger, reservation, 1, NULL, 0, &refusal, id, &commit, NULL), "reserve");
        client->done = false;
        if (ledger_wait(client->ledger, &client->waiter, commit) == 1)
                return;
        pthread_mutex_lock(&client->mutex);
        while (!client->done)
                pthread_cond_wait(&client->woken, &client->mutex);
        pthread_mutex_unlock(&client->mutex);
}

static void *run_client(void *userdata)
{
        struct client *client = userdata;

        for (client->n = 0; clock_monotonic() < client->end; client->n++)
                reserve_one(client);
        return NULL;
}

/* Promises a second, made durable for so many clients at once. */
static double reserve(const char *folder, size_t n_clients)
{
        struct classifier classifier = {.generation = 1, .classify = classify};
        struct error error = ERROR_INIT;
        struct client clients[CLIENTS_MAX];
        struct ledger *ledger;
        int64_t start;
        size_t total = 0;

        check(embedded_ledger_new(&ledger, folder, &error), error_message(&error));
        check(ledger_classify(ledger, &classifier, &error), error_message(&error));
        start = clock_monotonic();
        for (size_t i = 0; i < n_clients; i++) {
                clients[i] = (struct client){.waiter = {.done = wake}, .ledger = ledger, .end = start + ROUND_TIME};
                pthread_mutex_init(&clients[i].mutex, NULL);
                pthread_cond_init(&clients[i].woken, NULL);
                pthread_create(&clients[i].thread, NULL, run_client, &clients[i]);
        }
        for (size_t i = 0; i < n_clients; i++) {
                pthread_join(clients[i].thread, NULL);
                total += clients[i].n;
        }
        ledger_free(ledger);
        return (double)total * NS_PER_SECOND / (double)(clock_monotonic() - start);
}

/* The floor: one record, one append, one fdatasync. */
static double append(const char *file)
{
        int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        int64_t start = clock_monotonic(), now = start;
        char record[300];
        size_t n = 0;

        check(fd, file);
        memset(record, 'x', sizeof(record));
        for (; now - start < ROUND_TIME; now = clock_monotonic(), n++)
                if (write(fd, record, sizeof(record)) != sizeof(record) || fdatasync(fd) < 0)
                        check(-EIO, file);
        close(fd);
        unlink(file);
        return (double)n * NS_PER_SECOND / (double)(now - start);
}

static void bench_ledger(const char *folder)
{
        static const size_t clients[] = {1, 16, 64};
        enum { N = sizeof(clients) / sizeof(*clients) };
        double samples[N][ROUNDS], memory[ROUNDS], floors[ROUNDS], floor_rate;
        char state[512], file[512];

        snprintf(state, sizeof(state), "%s/state", folder);
        snprintf(file, sizeof(file), "%s/floor", folder);
        for (int round = 0; round < ROUNDS; round++) {
                floors[round] = append(file);
                memory[round] = reserve(NULL, 1);
                for (size_t i = 0; i < N; i++)
                        samples[i][round] = reserve(state, clients[i]);
        }
        floor_rate = median(floors);
        printf("durable promises          1/s   of the floor\n");
        printf("  floor: append, sync %9.0f\n", floor_rate);
        for (size_t i = 0; i < N; i++) {
                double rate = median(samples[i]);

                printf("  %2zu clients          %9.0f   %12.2f\n", clients[i], rate, rate / floor_rate);
        }
        printf("  in memory           %9.0f\n", median(memory));
}

int main(int argc, char **argv)
{
        if (argc != 2) {
                fprintf(stderr, "usage: bench FOLDER\n");
                return 2;
        }
        bench_index();
        bench_ledger(argv[1]);
        return EXIT_SUCCESS;
}
