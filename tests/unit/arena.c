/*
 * Arenas: pieces that do not overlap, aligned, from a block and then from the heap, and a bound.
 */
#include "util/arena.h"

#include <stdint.h>
#include <string.h>

#include "check.h"

START_TEST(pieces_do_not_overlap_and_are_aligned)
{
        _cleanup_(arena_clear) struct arena arena;
        _Alignas(max_align_t) char block[256];
        char *pieces[200];

        arena_init(&arena, block, sizeof(block));
        for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
                pieces[i] = arena_allocate(&arena, i + 1);
                ck_assert_uint_eq((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
                memset(pieces[i], (int)i, i + 1);
        }
        for (size_t i = 0; i < ARRAY_SIZE(pieces); i++)
                for (size_t j = 0; j <= i; j++)
                        ck_assert_int_eq(pieces[i][j], (char)i);
}
END_TEST

START_TEST(the_block_is_used_first)
{
        _cleanup_(arena_clear) struct arena arena;
        _Alignas(max_align_t) char block[64];

        arena_init(&arena, block, sizeof(block));
        ck_assert_ptr_eq(arena_text(&arena, 60), block);
        ck_assert_ptr_eq(arena_text(&arena, 4), block + 60);
        ck_assert_uint_eq(arena.taken, 0);
        ck_assert_ptr_nonnull(arena_text(&arena, 1));
        ck_assert_uint_gt(arena.taken, 0);
}
END_TEST

START_TEST(characters_need_no_alignment_and_the_next_piece_has_it)
{
        _cleanup_(arena_clear) struct arena arena = ARENA_INIT;

        for (size_t i = 1; i < 40; i++) {
                ck_assert_ptr_nonnull(arena_text(&arena, i));
                ck_assert_uint_eq((uintptr_t)arena_allocate(&arena, 8) % _Alignof(max_align_t), 0);
        }
}
END_TEST

START_TEST(a_piece_may_be_larger_than_a_chunk)
{
        _cleanup_(arena_clear) struct arena arena = ARENA_INIT;
        char *piece = arena_allocate(&arena, 1000000);

        ck_assert_ptr_nonnull(piece);
        memset(piece, 1, 1000000);
}
END_TEST

START_TEST(nothing_takes_more_than_the_bound)
{
        _cleanup_(arena_clear) struct arena arena = ARENA_INIT;

        ck_assert_ptr_null(arena_allocate(&arena, ARENA_MAX + 1));
        ck_assert_ptr_null(arena_array(&arena, SIZE_MAX / 2, 3));
        ck_assert_ptr_null(arena_allocate(&arena, SIZE_MAX));
        while (arena_allocate(&arena, 1 << 20))
                ck_assert_uint_le(arena.taken, ARENA_MAX);
        ck_assert_ptr_null(arena_text(&arena, ARENA_MAX));
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_test(tests, pieces_do_not_overlap_and_are_aligned);
        tcase_add_test(tests, the_block_is_used_first);
        tcase_add_test(tests, characters_need_no_alignment_and_the_next_piece_has_it);
        tcase_add_test(tests, a_piece_may_be_larger_than_a_chunk);
        tcase_add_test(tests, nothing_takes_more_than_the_bound);
}

int main(void)
{
        return unit_main("arena", add);
}
