/*
 * Parts of webhook/kube, each by itself, against whatever API server a kubeconfig names, for the tests in Python:
 *
 *     kube KUBECONFIG follow API PLURAL [NAME]         what a reflector tells, a line each
 *     kube KUBECONFIG lease NAMESPACE NAME IDENTITY    "held" and "not held", as it changes
 *     kube KUBECONFIG replica NAMESPACE NAME           nothing
 *     kube KUBECONFIG event NAMESPACE POD MESSAGE...   nothing
 *
 * It ends, in order, when its standard input does; then it says "ended".
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kube/client.h"
#include "kube/config.h"
#include "kube/event_recorder.h"
#include "kube/lease.h"
#include "kube/reflector.h"
#include "kube/replica_lease.h"
#include "util/clock.h"
#include "util/error.h"

/* False where standard input has ended; otherwise after some milliseconds. */
static bool go_on(int ms)
{
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        char byte;

        return poll(&input, 1, ms) == 0 || read(STDIN_FILENO, &byte, 1) > 0;
}

static int begin(void *userdata)
{
        (void)userdata;
        puts("begin");
        return 0;
}

static void tell(const char *what, const json_t *object)
{
        json_t *metadata = json_object_get(object, "metadata");
        const char *name = json_string_value(json_object_get(metadata, "name"));
        const char *kind = json_string_value(json_object_get(object, "kind"));

        printf("%s %s %s %" PRIu64 "\n", what, kind ? kind : "-", name ? name : "-", object_version(object));
}

static int item(void *userdata, const json_t *object)
{
        (void)userdata;
        tell("item", object);
        return 0;
}

static int end(void *userdata, uint64_t version)
{
        (void)userdata;
        printf("end %" PRIu64 "\n", version);
        return 0;
}

static int event(void *userdata, enum reflector_event event, const json_t *object, uint64_t version)
{
        static const char *const names[] = {"ADDED", "MODIFIED", "DELETED"};

        (void)userdata;
        (void)version;
        tell(names[event], object);
        return 0;
}

static void bookmark(void *userdata, uint64_t version)
{
        (void)userdata;
        printf("bookmark %" PRIu64 "\n", version);
}

static int follow(struct kube_client *client, char **arguments, int n, struct error *error)
{
        static const struct reflector_ops ops = {begin, item, end, event, bookmark};
        const struct kube_resource resource = {
                .api = arguments[0],
                .plural = arguments[1],
                .name = n > 2 ? arguments[2] : NULL,
        };
        struct reflector *reflector;
        int r = reflector_new(&reflector, client, &resource, &ops, NULL, error);

        if (r < 0)
                return r;
        while (go_on(1000))
                ;
        reflector_free(reflector);
        return 0;
}

static int lease(struct kube_client *client, char **arguments, int n, struct error *error)
{
        const struct lease_options options = {
                .namespace = arguments[0],
                .name = arguments[1],
                .identity = arguments[n - 1],
                .duration = 3 * NS_PER_SECOND,
                .renewal = 2 * NS_PER_SECOND,
                .retry = NS_PER_SECOND / 4,
        };
        struct lease *lease;
        bool held = false;
        int r = lease_new(&lease, client, &options, error);

        if (r < 0)
                return r;
        while (go_on(10)) {
                if (lease_held(lease) != held)
                        puts(held ? "not held" : "held");
                held = lease_held(lease);
        }
        lease_free(lease);
        return 0;
}

static json_t *annotations(void *userdata)
{
        return json_pack("{s:o}", "regionfit.io/times", json_sprintf("%u", ++*(unsigned *)userdata));
}

static int replica(struct kube_client *client, char **arguments, int n, struct error *error)
{
        unsigned times = 0;
        const struct replica_lease_options options = {
                .namespace = arguments[0],
                .name = arguments[n - 1],
                .interval = NS_PER_SECOND / 4,
                .annotations = annotations,
                .userdata = &times,
        };
        struct replica_lease *lease;
        int r = replica_lease_new(&lease, client, &options, error);

        if (r < 0)
                return r;
        while (go_on(1000))
                ;
        replica_lease_free(lease);
        return 0;
}

static int record(struct kube_client *client, char **arguments, int n, struct error *error)
{
        const struct event_object pod = {
                .api_version = "v1",
                .kind = "Pod",
                .namespace = arguments[0],
                .name = arguments[1],
        };
        struct event_recorder *recorder;
        int r = event_recorder_new(&recorder, client, error);

        if (r < 0)
                return r;
        for (int i = 2; i < n; i++)
                event_recorder_record(recorder, &pod, EVENT_WARNING, "Tested", arguments[i]);
        event_recorder_free(recorder);
        return 0;
}

static const struct part {
        const char *name;
        int (*run)(struct kube_client *client, char **arguments, int n, struct error *error);
        int arguments; /* at least */
} parts[] = {{"follow", follow, 2}, {"lease", lease, 3}, {"replica", replica, 2}, {"event", record, 3}};

static int run(int argc, char **argv, struct error *error)
{
        _cleanup_(kube_config_freep) struct kube_config *config = NULL;
        _cleanup_(kube_client_freep) struct kube_client *client = NULL;
        int r;

        for (size_t i = 0; argc > 2 && i < sizeof(parts) / sizeof(parts[0]); i++) {
                if (strcmp(parts[i].name, argv[2]) != 0 || argc - 3 < parts[i].arguments)
                        continue;
                r = kube_config_load(&config, argv[1], NULL, error);
                if (r >= 0)
                        r = kube_client_new(&client, config, error);
                return r < 0 ? r : parts[i].run(client, argv + 3, argc - 3, error);
        }
        return error_set(error, EINVAL, "usage: kube KUBECONFIG follow|lease|replica|event ...");
}

int main(int argc, char **argv)
{
        _cleanup_error_ struct error error = ERROR_INIT;

        setvbuf(stdout, NULL, _IOLBF, 0);
        if (run(argc, argv, &error) < 0) {
                fprintf(stderr, "kube: %s\n", error_message(&error));
                return EXIT_FAILURE;
        }
        puts("ended");
        return EXIT_SUCCESS;
}
