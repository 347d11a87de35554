/*
 * A container's limit of CPUs is not its affinity: the kernel lets it see all of them, and stops it once it has used
 * its share of a period. With a thread for each CPU that it sees, it would be stopped all the time.
 *
 * The quota may be set on the process's own control group or on any above it. In version 2 that is the file cpu.max
 * of each, in version 1 cpu.cfs_quota_us and cpu.cfs_period_us below the cpu controller's own tree
 * (https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files). Within a container the paths of
 * /proc/self/cgroup may be those of the host, which are not there to be seen; the top of the tree is looked at in any
 * case.
 */
#include "util/cpus.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

#define PATH_SIZE 4096

/* The quota's CPUs in hundredths; 0: there is none. */
static unsigned long share(long quota, long period)
{
        return quota > 0 && period > 0
                       ? ((unsigned long)quota * 100 + (unsigned long)period - 1) / (unsigned long)period
                       : 0;
}

/* The numbers that a file holds; how many there are. */
static int read_numbers(const char *folder, const char *name, long numbers[2])
{
        _cleanup_(fclosep) FILE *file = NULL;
        char path[PATH_SIZE + 64];

        snprintf(path, sizeof(path), "%s/%s", folder, name);
        file = fopen(path, "re");
        return file ? fscanf(file, "%ld %ld", &numbers[0], &numbers[1]) : 0;
}

/* "max 100000" or "150000 100000" in version 2, a file for each in version 1, where -1 is no quota. */
static unsigned long read_share(const char *folder)
{
        long both[2] = {0}, quota[2] = {0}, period[2] = {0};

        if (read_numbers(folder, "cpu.max", both) == 2)
                return share(both[0], both[1]);
        if (read_numbers(folder, "cpu.cfs_quota_us", quota) == 1 &&
            read_numbers(folder, "cpu.cfs_period_us", period) == 1)
                return share(quota[0], period[0]);
        return 0;
}

/* The smallest of a group and all those above it, up to the top of its tree. */
static void look_up(const char *top, const char *group, unsigned long *smallest)
{
        char folder[PATH_SIZE];
        size_t top_length = strlen(top);

        snprintf(folder, sizeof(folder), "%s%s", top, group);
        for (;;) {
                unsigned long found = read_share(folder);
                char *slash;

                if (found && (!*smallest || found < *smallest))
                        *smallest = found;
                slash = strrchr(folder, '/');
                if (!slash || (size_t)(slash - folder) < top_length)
                        return;
                *slash = '\0';
        }
}

static bool has_controller(const char *controllers, const char *name)
{
        size_t length = strlen(name);

        for (const char *at = controllers; (at = strstr(at, name)); at += length)
                if ((at == controllers || at[-1] == ',') && (!at[length] || at[length] == ','))
                        return true;
        return false;
}

/* A line of /proc/self/cgroup: "0::/group" in version 2, "4:cpu,cpuacct:/group" in version 1. */
static void look_at_line(const char *root, char *line, unsigned long *smallest)
{
        char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
        char top[PATH_SIZE];

        if (!group)
                return;
        *controllers++ = *group++ = '\0';
        group[strcspn(group, "\n")] = '\0';
        if (*controllers && !has_controller(controllers, "cpu"))
                return;
        snprintf(top, sizeof(top), *controllers ? "%s/sys/fs/cgroup/cpu" : "%s/sys/fs/cgroup", root);
        look_up(top, strcmp(group, "/") != 0 ? group : "", smallest);
}

unsigned cpus_quota(const char *root)
{
        _cleanup_(fclosep) FILE *file = NULL;
        _cleanup_(freep) char *line = NULL;
        unsigned long smallest = 0;
        char path[PATH_SIZE];
        size_t room = 0;

        snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
        file = fopen(path, "re");
        while (file && getline(&line, &room, file) > 0)
                look_at_line(root, line, &smallest);
        return (unsigned)((smallest + 99) / 100);
}

unsigned cpus_available(void)
{
        unsigned quota = cpus_quota(""), cpus = 1;
        cpu_set_t set;

        if (sched_getaffinity(0, sizeof(set), &set) == 0)
                cpus = (unsigned)CPU_COUNT(&set);
        return quota && quota < cpus ? quota : cpus;
}
