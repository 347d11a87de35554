/*
 * How many CPUs this process may use at the same time.
 */
#pragma once

/* At least 1: by its affinity (sched_getaffinity(2)) and by the quota of its control group, rounded up. */
unsigned cpus_available(void);

/* The same quota alone, with the /proc and /sys that stand in the folder `root`; 0: there is none. */
unsigned cpus_quota(const char *root);
