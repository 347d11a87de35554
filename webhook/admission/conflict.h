/*
 * Whether a pod's author has asked for something that a unit would contradict.
 */
#pragma once

struct pod;
struct unit;

/*
 * Looks at labels, nodeSelector, required node affinity, and the region and GPU model series that the pod names in
 * any of them. Nothing that the author wrote is ever overwritten, so a contradiction means that the unit does not
 * fit. Returns 1 and *ret, a new string that says what contradicts what; 0 where there is no conflict; -ENOMEM.
 */
int conflict_find(char **ret, const struct pod *pod, const struct unit *unit);
