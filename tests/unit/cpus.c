/*
 * Quotas as the kernel's documentation writes them: cgroup-v2.rst (cpu.max), sched-bwc.rst (cpu.cfs_quota_us).
 */
#include "util/cpus.h"

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "scratch.h"

#define FILES_MAX 4

static const struct quota_case {
        const char *name;
        const char *groups; /* /proc/self/cgroup */
        struct {
                const char *path, *text;
        } files[FILES_MAX];
        unsigned cpus;
} cases[] = {
        {"no control groups", NULL, {{0}}, 0},
        {"version 2, no quota", "0::/\n", {{"sys/fs/cgroup/cpu.max", "max 100000\n"}}, 0},
        {"version 2, two CPUs", "0::/\n", {{"sys/fs/cgroup/cpu.max", "200000 100000\n"}}, 2},
        {"version 2, one and a half", "0::/\n", {{"sys/fs/cgroup/cpu.max", "150000 100000\n"}}, 2},
        {"version 2, a tenth", "0::/\n", {{"sys/fs/cgroup/cpu.max", "10000 100000\n"}}, 1},
        {"version 2, of a group", "0::/a/b\n", {{"sys/fs/cgroup/a/b/cpu.max", "300000 100000\n"}}, 3},
        {"version 2, a group above has less",
         "0::/a/b\n",
         {{"sys/fs/cgroup/a/b/cpu.max", "max 100000\n"}, {"sys/fs/cgroup/a/cpu.max", "50000 50000\n"}},
         1},
        {"version 2, a group above has more",
         "0::/a/b\n",
         {{"sys/fs/cgroup/a/b/cpu.max", "200000 100000\n"}, {"sys/fs/cgroup/a/cpu.max", "800000 100000\n"}},
         2},
        {"version 2, a path of the host",
         "0::/kubepods/pod1/c1\n",
         {{"sys/fs/cgroup/cpu.max", "400000 100000\n"}},
         4},
        {"version 1, no quota",
         "4:cpu,cpuacct:/a\n0::/\n",
         {{"sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "-1\n"}, {"sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n"}},
         0},
        {"version 1, three CPUs",
         "5:cpuset:/x\n4:cpu,cpuacct:/a\n",
         {{"sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "300000\n"},
          {"sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n"}},
         3},
        {"version 1, a path of the host",
         "4:cpuacct,cpu:/docker/1\n",
         {{"sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n"}, {"sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}},
         1},
        {"a file that makes no sense", "0::/\n", {{"sys/fs/cgroup/cpu.max", "many\n"}}, 0},
        {"a line that makes no sense", "nonsense\n", {{"sys/fs/cgroup/cpu.max", "100000 100000\n"}}, 0},
};

/* A file below the scratch folder, with the folders above it. */
static void write_file(const char *name, const char *text)
{
        for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
                char folder[256];

                snprintf(folder, sizeof(folder), "%.*s", (int)(slash - name), name);
                ck_assert(mkdir(scratch_path(folder).text, 0700) == 0 || errno == EEXIST);
        }
        scratch_write(name, text);
}

START_TEST(reads_quotas)
{
        const struct quota_case *test = &cases[_i];

        if (test->groups)
                write_file("proc/self/cgroup", test->groups);
        for (size_t i = 0; i < FILES_MAX && test->files[i].path; i++)
                write_file(test->files[i].path, test->files[i].text);
        ck_assert_msg(cpus_quota(scratch) == test->cpus, "%s: %u", test->name, cpus_quota(scratch));
}
END_TEST

START_TEST(there_is_always_one)
{
        ck_assert_uint_ge(cpus_available(), 1);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, scratch_setup, scratch_teardown);
        tcase_add_loop_test(tests, reads_quotas, 0, ARRAY_SIZE(cases));
        tcase_add_test(tests, there_is_always_one);
}

int main(void)
{
        return unit_main("cpus", add);
}
