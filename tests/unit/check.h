/*
 * What every unit test shares: a main() around one Check test case, whose results go to standard output as TAP.
 *
 *     static void add(TCase *tests)
 *     {
 *             tcase_add_loop_test(tests, parses, 0, ARRAY_SIZE(cases));
 *     }
 *
 *     int main(void)
 *     {
 *             return unit_main("quantity", add);
 *     }
 */
#pragma once

#include <check.h>
#include <stdlib.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static inline int unit_main(const char *name, void (*add)(TCase *tests))
{
        Suite *suite = suite_create(name);
        TCase *tests = tcase_create(name);
        SRunner *runner;
        int failed;

        tcase_set_timeout(tests, 60);
        add(tests);
        suite_add_tcase(suite, tests);
        runner = srunner_create(suite);
        srunner_set_tap(runner, "-");
        srunner_run_all(runner, CK_SILENT);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
