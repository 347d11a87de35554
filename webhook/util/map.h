/*
 * uthash, set up so that running out of memory is something to handle: after HASH_ADD the item's hh.tbl is NULL.
 */
#pragma once

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
