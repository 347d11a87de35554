/*
 * The pods that the controllers of Kubernetes would create: how many, how they are named, labelled and owned.
 */
#include "manifest/workload.h"

#include <errno.h>

#include "json.h"
#include "manifest/diagnostics.h"
#include "manifest/manifest.h"
#include "util/cleanup.h"

#define HEAD(api_version, kind, name) \
        "apiVersion: " api_version "\nkind: " kind "\nmetadata: {name: " name ", namespace: ns}\n"
#define TEMPLATE "template: {metadata: {labels: {app: a}}, spec: {schedulerName: s}}"

struct story {
        FILE *stream;
        size_t visited, total;
        size_t stop_at; /* 0: never */
};

/* Labels or annotations, by key: " app=a job-name=j". */
static void tell_map(FILE *stream, const char *before, const json_t *map)
{
        _cleanup_(freep) char *text = map ? json_dumps(map, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

        if (map)
                fprintf(stream, "%s%s", before, text);
}

/* One line for a pod: "ns/name Kind/owner labels". */
static int tell(void *userdata, json_t *pod, size_t number, size_t total)
{
        struct story *story = userdata;
        const json_t *metadata = json_object_get(pod, "metadata");
        const json_t *owner = json_array_get(json_object_get(metadata, "ownerReferences"), 0);
        const char *name = json_string_value(json_object_get(metadata, "name"));
        const char *generate_name = json_string_value(json_object_get(metadata, "generateName"));

        ck_assert_uint_eq(number, ++story->visited);
        story->total = total;
        ck_assert_str_eq(json_string_value(json_object_get(pod, "kind")), "Pod");
        ck_assert_str_eq(json_string_value(json_object_get(pod, "apiVersion")), "v1");
        ck_assert_str_eq(json_string_value(json_object_get(json_object_get(pod, "spec"), "schedulerName")), "s");
        fprintf(story->stream, "%s/%s%s", json_string_value(json_object_get(metadata, "namespace")),
                name ? name : generate_name, name ? "" : "*");
        if (owner) {
                ck_assert(json_is_true(json_object_get(owner, "controller")));
                fprintf(story->stream, " %s/%s", json_string_value(json_object_get(owner, "kind")),
                        json_string_value(json_object_get(owner, "name")));
        }
        tell_map(story->stream, " ", json_object_get(metadata, "labels"));
        tell_map(story->stream, " annotated ", json_object_get(metadata, "annotations"));
        fputc('\n', story->stream);
        return story->visited == story->stop_at ? -ECANCELED : 0;
}

/* Ten letters and digits that no test could know, behind "web-", become HASH. */
static void hide_hash(char *text)
{
        static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
        char hash[11] = "", *place = strstr(text, "web-");

        for (; place && strspn(place + 4, letters) < 10; place = strstr(place + 4, "web-"))
                ;
        if (!place)
                return;
        memcpy(hash, place + 4, 10);
        for (place = strstr(text, hash); place; place = strstr(place, hash)) {
                memcpy(place, "HASH", 4);
                memmove(place + 4, place + 10, strlen(place + 10) + 1);
        }
}

/* Expands the first object of the text; "'" stands for a double quote in what comes out. */
static int expand(const char *text, struct story *story, char **ret_told, struct diagnostics *diagnostics)
{
        _cleanup_(manifests_clear) struct manifests manifests = MANIFESTS_INIT;
        size_t size;
        int r;

        ck_assert_int_eq(manifests_parse(&manifests, "w.yaml", text, strlen(text), diagnostics), 0);
        ck_assert_uint_eq(manifests.count, 1);
        ck_assert(workload_is(&manifests.items[0]));
        story->stream = open_memstream(ret_told, &size);
        r = workload_expand(&manifests.items[0], "default", tell, story, diagnostics);
        fclose(story->stream);
        hide_hash(*ret_told);
        for (char *c = *ret_told; *c; c++)
                if (*c == '"')
                        *c = '\'';
        return r;
}

#define JOB "'batch.kubernetes.io/job-name':'j','job-name':'j'}"
#define INDEX(i)                                                             \
        "{'app':'a','batch.kubernetes.io/job-completion-index':'" i "'," JOB \
        " annotated {'batch.kubernetes.io/job-completion-index':'" i "'}\n"

static const struct pods_case {
        const char *name;
        const char *text;
        const char *pods;
} pods_cases[] = {
        {"a pod is its own",
         "apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {a: b}}\nspec: {schedulerName: s}\n",
         "default/p {'a':'b'}\n"},
        {"a pod keeps its namespace and its generateName",
         "apiVersion: v1\nkind: Pod\nmetadata: {generateName: p-, namespace: own}\nspec: {schedulerName: s}\n",
         "own/p-*\n"},
        {"a Deployment's pods belong to its ReplicaSet",
         HEAD("apps/v1", "Deployment", "web") "spec: {replicas: 2, " TEMPLATE "}\n",
         "ns/web-HASH-* ReplicaSet/web-HASH {'app':'a','pod-template-hash':'HASH'}\n"
         "ns/web-HASH-* ReplicaSet/web-HASH {'app':'a','pod-template-hash':'HASH'}\n"},
        {"a Deployment has one replica if it does not say",
         HEAD("apps/v1", "Deployment", "web") "spec: {" TEMPLATE "}\n",
         "ns/web-HASH-* ReplicaSet/web-HASH {'app':'a','pod-template-hash':'HASH'}\n"},
        {"a Deployment of no replicas", HEAD("apps/v1", "Deployment", "web") "spec: {replicas: 0, " TEMPLATE "}\n",
         ""},
        {"a ReplicaSet", HEAD("apps/v1", "ReplicaSet", "rs") "spec: {replicas: 2, " TEMPLATE "}\n",
         "ns/rs-* ReplicaSet/rs {'app':'a'}\nns/rs-* ReplicaSet/rs {'app':'a'}\n"},
        {"a ReplicationController", HEAD("v1", "ReplicationController", "rc") "spec: {" TEMPLATE "}\n",
         "ns/rc-* ReplicationController/rc {'app':'a'}\n"},
        {"a DaemonSet is one pod", HEAD("apps/v1", "DaemonSet", "ds") "spec: {" TEMPLATE "}\n",
         "ns/ds-* DaemonSet/ds {'app':'a'}\n"},
        {"a StatefulSet counts from zero",
         HEAD("apps/v1", "StatefulSet", "web") "spec: {replicas: 2, " TEMPLATE "}\n",
         "ns/web-0 StatefulSet/web {'app':'a','apps.kubernetes.io/pod-index':'0',"
         "'controller-revision-hash':'web-HASH','statefulset.kubernetes.io/pod-name':'web-0'}\n"
         "ns/web-1 StatefulSet/web {'app':'a','apps.kubernetes.io/pod-index':'1',"
         "'controller-revision-hash':'web-HASH','statefulset.kubernetes.io/pod-name':'web-1'}\n"},
        {"a StatefulSet counts from where it says",
         HEAD("apps/v1", "StatefulSet", "web") "spec: {ordinals: {start: 5}, " TEMPLATE "}\n",
         "ns/web-5 StatefulSet/web {'app':'a','apps.kubernetes.io/pod-index':'5',"
         "'controller-revision-hash':'web-HASH','statefulset.kubernetes.io/pod-name':'web-5'}\n"},
        {"a Job is one pod if it does not say", HEAD("batch/v1", "Job", "j") "spec: {" TEMPLATE "}\n",
         "ns/j-* Job/j {'app':'a'," JOB "\n"},
        {"a Job runs as many as may run at once",
         HEAD("batch/v1", "Job", "j") "spec: {parallelism: 2, completions: 5, " TEMPLATE "}\n",
         "ns/j-* Job/j {'app':'a'," JOB "\nns/j-* Job/j {'app':'a'," JOB "\n"},
        {"a Job runs no more than are to complete",
         HEAD("batch/v1", "Job", "j") "spec: {parallelism: 5, completions: 1, " TEMPLATE "}\n",
         "ns/j-* Job/j {'app':'a'," JOB "\n"},
        {"a Job that only says how many are to complete runs one at once",
         HEAD("batch/v1", "Job", "j") "spec: {completions: 3, " TEMPLATE "}\n", "ns/j-* Job/j {'app':'a'," JOB "\n"},
        {"a Job with a queue of its own runs as many as may run at once",
         HEAD("batch/v1", "Job", "j") "spec: {parallelism: 2, " TEMPLATE "}\n",
         "ns/j-* Job/j {'app':'a'," JOB "\nns/j-* Job/j {'app':'a'," JOB "\n"},
        {"an Indexed Job's pods know their index",
         HEAD("batch/v1", "Job", "j") "spec: {parallelism: 2, completions: 2, completionMode: Indexed, " TEMPLATE
                                      "}\n",
         "ns/j-0-* Job/j " INDEX("0") "ns/j-1-* Job/j " INDEX("1")},
        {"a Job that is suspended", HEAD("batch/v1", "Job", "j") "spec: {suspend: true, " TEMPLATE "}\n", ""},
        {"a CronJob is one run of its job",
         HEAD("batch/v1", "CronJob", "j") "spec: {jobTemplate: {spec: {parallelism: 2, " TEMPLATE "}}}\n",
         "ns/j-* Job/j {'app':'a'," JOB "\nns/j-* Job/j {'app':'a'," JOB "\n"},
        {"a CronJob that is suspended",
         HEAD("batch/v1", "CronJob", "j") "spec: {suspend: true, jobTemplate: {spec: {" TEMPLATE "}}}\n", ""},
        {"a template without metadata",
         HEAD("apps/v1", "ReplicaSet", "rs") "spec: {template: {spec: {schedulerName: s}}}\n",
         "ns/rs-* ReplicaSet/rs {}\n"},
        {"the workload's namespace holds, whatever the template says",
         HEAD("apps/v1", "ReplicaSet",
              "rs") "spec: {template: {metadata: {namespace: x}, spec: {schedulerName: s}}}\n",
         "ns/rs-* ReplicaSet/rs {}\n"},
};

START_TEST(pods_are_what_the_controller_would_make)
{
        const struct pods_case *test = &pods_cases[_i];
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(freep) char *told = NULL;
        struct story story = {0};

        ck_assert_int_eq(expand(test->text, &story, &told, &diagnostics), 0);
        ck_assert_uint_eq(diagnostics.count, 0);
        ck_assert_msg(!strcmp(told, test->pods), "%s:\n%s", test->name, told);
        ck_assert_uint_eq(story.total, story.visited);
}
END_TEST

static const struct fault_case {
        const char *name;
        const char *text;
        const char *path;
} fault_cases[] = {
        {"no name", "apiVersion: apps/v1\nkind: Deployment\nspec: {" TEMPLATE "}\n", "metadata.name"},
        {"a namespace that YAML reads as false",
         "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: n}\nspec: {" TEMPLATE "}\n",
         "metadata.namespace"},
        {"no template", HEAD("apps/v1", "Deployment", "d") "spec: {}\n", "spec.template"},
        {"no spec", HEAD("apps/v1", "Deployment", "d"), "spec.template"},
        {"a template that is a word", HEAD("apps/v1", "Deployment", "d") "spec: {template: x}\n", "spec.template"},
        {"replicas below zero", HEAD("apps/v1", "Deployment", "d") "spec: {replicas: -1, " TEMPLATE "}\n",
         "spec.replicas"},
        {"replicas in words", HEAD("apps/v1", "StatefulSet", "d") "spec: {replicas: two, " TEMPLATE "}\n",
         "spec.replicas"},
        {"a first ordinal in words",
         HEAD("apps/v1", "StatefulSet", "d") "spec: {ordinals: {start: one}, " TEMPLATE "}\n", "spec.ordinals.start"},
        {"parallelism in words", HEAD("batch/v1", "Job", "d") "spec: {parallelism: two, " TEMPLATE "}\n",
         "spec.parallelism"},
        {"a CronJob's parallelism in words",
         HEAD("batch/v1", "CronJob", "d") "spec: {jobTemplate: {spec: {parallelism: two, " TEMPLATE "}}}\n",
         "spec.jobTemplate.spec.parallelism"},
        {"a CronJob without a job", HEAD("batch/v1", "CronJob", "d") "spec: {}\n", "spec.jobTemplate.spec.template"},
        {"metadata that is a list", "apiVersion: apps/v1\nkind: Deployment\nmetadata: []\nspec: {" TEMPLATE "}\n",
         "metadata"},
};

START_TEST(what_is_wrong_is_told_and_makes_no_pods)
{
        const struct fault_case *test = &fault_cases[_i];
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(freep) char *told = NULL;
        struct story story = {0};

        ck_assert_msg(expand(test->text, &story, &told, &diagnostics) == 0, "%s", test->name);
        ck_assert_msg(story.visited == 0, "%s", test->name);
        ck_assert_msg(diagnostics.n_errors == 1, "%s", test->name);
        ck_assert_str_eq(diagnostics.items[0].path, test->path);
}
END_TEST

START_TEST(visiting_stops_where_it_is_told_to)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(freep) char *told = NULL;
        struct story story = {.stop_at = 3};

        ck_assert_int_eq(expand(HEAD("apps/v1", "Deployment", "d") "spec: {replicas: 1000, " TEMPLATE "}\n", &story,
                                &told, &diagnostics),
                         -ECANCELED);
        ck_assert_uint_eq(story.visited, 3);
        ck_assert_uint_eq(story.total, 1000);
}
END_TEST

static const struct kind_case {
        const char *api_version, *kind;
        bool is_workload;
} kind_cases[] = {
        {"v1", "Pod", true},
        {"apps/v1", "Deployment", true},
        {"apps/v1", "StatefulSet", true},
        {"apps/v1", "ReplicaSet", true},
        {"apps/v1", "DaemonSet", true},
        {"batch/v1", "Job", true},
        {"batch/v1", "CronJob", true},
        {"v1", "ReplicationController", true},
        {"v1", "Service", false},
        {"v1", "Deployment", false},
        {"extensions/v1beta1", "Deployment", false},
        {"v1", "pod", false},
};

START_TEST(knows_workloads)
{
        struct manifest manifest = {.api_version = kind_cases[_i].api_version, .kind = kind_cases[_i].kind};

        ck_assert_msg(workload_is(&manifest) == kind_cases[_i].is_workload, "%s %s", manifest.api_version,
                      manifest.kind);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, pods_are_what_the_controller_would_make, 0, ARRAY_SIZE(pods_cases));
        tcase_add_loop_test(tests, what_is_wrong_is_told_and_makes_no_pods, 0, ARRAY_SIZE(fault_cases));
        tcase_add_test(tests, visiting_stops_where_it_is_told_to);
        tcase_add_loop_test(tests, knows_workloads, 0, ARRAY_SIZE(kind_cases));
}

int main(void)
{
        return unit_main("workload", add);
}
