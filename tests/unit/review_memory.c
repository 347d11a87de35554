/*
 * A review that memory does not suffice for is told from one that is wrong, at whichever allocation it runs out: the
 * arena has a block that grows from nothing, and no heap.
 */
#include "admission/review.h"

#include <errno.h>

#include "admission/pod.h"
#include "manifest/field.h"
#include "recorded.h"
#include "util/arena.h"
#include "util/cleanup.h"
#include "util/error.h"

#define BLOCK_MAX 65536
#define STEP 8

/* -ENOMEM, or 0; whatever else is a fault of this test's. */
static int read_object(const struct kept *object, struct arena *arena)
{
        struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        struct field root = field_document(object, &diagnostics);
        struct pod pod = POD_INIT;
        bool good = pod_read(&pod, &root, "default", pod_default_gpu_resources, arena);

        for (size_t i = 0; i < diagnostics.count; i++)
                ck_assert_msg(strstr(diagnostics.items[i].message, "out of memory"), "%s: %s",
                              diagnostics.items[i].path, diagnostics.items[i].message);
        diagnostics_clear(&diagnostics);
        return good ? 0 : -ENOMEM;
}

static int read_review(const char *text, size_t size, struct arena *arena)
{
        struct review review;
        int r = review_parse(&review, text, size, arena, NULL);

        if (r >= 0 && review.object)
                r = read_object(review.object, arena);
        if (r >= 0 && review.old_object)
                r = read_object(review.old_object, arena);
        return r;
}

START_TEST(memory_that_runs_out_anywhere_is_told)
{
        static _Alignas(max_align_t) char block[BLOCK_MAX];
        size_t size, room = 0;
        _cleanup_(freep) char *text = recorded_read(recorded_names[_i], &size);
        struct arena arena;
        int r;

        do {
                arena_init(&arena, block, room);
                arena.taken = ARENA_MAX;
                r = read_review(text, size, &arena);
                ck_assert_msg(r == 0 || r == -ENOMEM, "with %zu bytes: %d", room, r);
                room += STEP;
        } while (r < 0 && room <= BLOCK_MAX);
        ck_assert_int_eq(r, 0);
        ck_assert_uint_gt(room, 1024);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, memory_that_runs_out_anywhere_is_told, 0, ARRAY_SIZE(recorded_names));
}

int main(void)
{
        return unit_main("review_memory", add);
}
