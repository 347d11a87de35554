/*
 * Objects out of files: documents, lists, folders and standard input, and what is said of what is none.
 */
#include "manifest/manifest.h"

#include "manifest/diagnostics.h"
#include "scratch.h"
#include "util/error.h"

/* "Pod a.yaml#0 items[1]" for each object, one a line. */
static char *text_of_objects(const struct manifests *manifests)
{
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        for (size_t i = 0; i < manifests->count; i++) {
                const struct manifest *manifest = &manifests->items[i];
                const char *slash = strrchr(manifest->file, '/');

                fprintf(stream, "%s %s %s#%zu%s%s\n", manifest->api_version, manifest->kind,
                        slash ? slash + 1 : manifest->file, manifest->document, *manifest->path ? " " : "",
                        manifest->path);
        }
        fclose(stream);
        return text;
}

static char *text_of_faults(const struct diagnostics *diagnostics)
{
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);

        for (size_t i = 0; i < diagnostics->count; i++) {
                _cleanup_(freep) char *line = diagnostic_format(&diagnostics->items[i]);

                fprintf(stream, "%s\n", line);
        }
        fclose(stream);
        return text;
}

static void assert_objects(const char *name, const struct manifests *manifests, const char *expected)
{
        _cleanup_(freep) char *text = text_of_objects(manifests);

        ck_assert_msg(!strcmp(text, expected), "%s:\n%s", name, text);
}

static void assert_faults(const char *name, const struct diagnostics *diagnostics, const char *expected)
{
        _cleanup_(freep) char *text = text_of_faults(diagnostics);

        ck_assert_msg(!strcmp(text, expected), "%s:\n%s", name, text);
}

static const struct text_case {
        const char *name;
        const char *text;
        const char *objects;
        const char *faults;
} text_cases[] = {
        {"an object", "apiVersion: v1\nkind: Pod\n", "v1 Pod f#0\n", ""},
        {"JSON", "{\"apiVersion\": \"v1\", \"kind\": \"Pod\"}", "v1 Pod f#0\n", ""},
        {"nothing", "", "", ""},
        {"several documents, an empty one among them",
         "apiVersion: v1\nkind: Pod\n---\n# nothing\n---\napiVersion: apps/v1\nkind: Deployment\n",
         "v1 Pod f#0\napps/v1 Deployment f#2\n", ""},
        {"a list is taken apart",
         "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod}\n- {apiVersion: v1, kind: Node}\n",
         "v1 Pod f#0 items[0]\nv1 Node f#0 items[1]\n", ""},
        {"a list of one kind, as kubectl get writes it",
         "apiVersion: v1\nkind: PodList\nitems:\n- {apiVersion: v1, kind: Pod}\n", "v1 Pod f#0 items[0]\n", ""},
        {"a list in a list", "kind: List\nitems:\n- kind: List\n  items:\n  - {apiVersion: v1, kind: Pod}\n",
         "v1 Pod f#0 items[0].items[0]\n", ""},
        {"an empty list", "apiVersion: v1\nkind: List\nitems: []\n", "", ""},
        {"a kind that ends as a list does, without items", "apiVersion: v1\nkind: Playlist\n", "v1 Playlist f#0\n",
         ""},
        {"an item that is nothing is left out", "kind: List\nitems:\n-\n- {apiVersion: v1, kind: Pod}\n",
         "v1 Pod f#0 items[1]\n", ""},
        {"a word", "hello\n", "", "f:1: must be an object with apiVersion and kind\n"},
        {"a list of objects that is no List", "- apiVersion: v1\n  kind: Pod\n", "",
         "f:1: must be an object with apiVersion and kind\n"},
        {"an item that is a word", "kind: List\nitems:\n- {apiVersion: v1, kind: Pod}\n- hello\n",
         "v1 Pod f#0 items[0]\n", "f:4: items[1]: must be an object with apiVersion and kind\n"},
        {"no kind", "apiVersion: v1\nmetadata: {}\n", "", "f:1: must have a kind\n"},
        {"a kind that is a number", "apiVersion: v1\nkind: 1\n", "", "f:1: must have a kind\n"},
        {"no apiVersion", "---\nkind: Pod\n", "", "f:2: must have an apiVersion\n"},
        {"the reading goes on behind a fault", "hello\n---\nkind: Pod\n---\napiVersion: v1\nkind: Pod\n",
         "v1 Pod f#2\n", "f:1: must be an object with apiVersion and kind\nf:3: must have an apiVersion\n"},
        {"a key given twice spoils the file", "apiVersion: v1\nkind: Pod\nkind: Node\n", "",
         "f:3: key \"kind\" is given twice\n"},
};

START_TEST(objects_are_found_in_a_text)
{
        const struct text_case *test = &text_cases[_i];
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(manifests_clear) struct manifests manifests = MANIFESTS_INIT;

        ck_assert_int_eq(manifests_parse(&manifests, "f", test->text, strlen(test->text), &diagnostics), 0);
        assert_objects(test->name, &manifests, test->objects);
        assert_faults(test->name, &diagnostics, test->faults);
        ck_assert_uint_eq(diagnostics.n_errors, diagnostics.count);
}
END_TEST

START_TEST(lines_are_those_of_the_file)
{
        static const char text[] = /* 1 */ "apiVersion: v1\n"
                                           /* 2 */ "kind: List\n"
                                           /* 3 */ "items:\n"
                                           /* 4 */ "- apiVersion: v1\n"
                                           /* 5 */ "  kind: Pod\n"
                                           /* 6 */ "  spec:\n"
                                           /* 7 */ "    priority: 1\n"
                                           /* 8 */ "---\n"
                                           /* 9 */ "apiVersion: v1\n"
                                           /* 10 */ "kind: Pod\n";
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(manifests_clear) struct manifests manifests = MANIFESTS_INIT;

        ck_assert_int_eq(manifests_parse(&manifests, "f", text, sizeof(text) - 1, &diagnostics), 0);
        ck_assert_uint_eq(manifests.count, 2);
        ck_assert_uint_eq(manifest_line(&manifests.items[0], ""), 4);
        ck_assert_uint_eq(manifest_line(&manifests.items[0], "kind"), 5);
        ck_assert_uint_eq(manifest_line(&manifests.items[0], "spec.priority"), 7);
        ck_assert_uint_eq(manifest_line(&manifests.items[1], "kind"), 10);
}
END_TEST

#define POD(name) "apiVersion: v1\nkind: " name "\n"

START_TEST(a_folder_is_read_by_name_and_not_deeper)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(manifests_clear) struct manifests manifests = MANIFESTS_INIT;

        scratch_write("b.yaml", POD("B"));
        scratch_write("a.json", "{\"apiVersion\": \"v1\", \"kind\": \"A\"}");
        scratch_write("B.yml", POD("Big"));
        scratch_write("c.yaml", "hello");
        scratch_write("d.yaml", POD("D"));
        scratch_write(".hidden.yaml", POD("Hidden"));
        scratch_write("readme.md", POD("Readme"));
        scratch_write("yaml", POD("Yaml"));
        ck_assert_int_eq(mkdir(scratch_path("deeper").text, 0700), 0);
        scratch_write("deeper/e.yaml", POD("Deep"));
        ck_assert_int_eq(manifests_read(&manifests, scratch, &diagnostics, NULL), 0);
        assert_objects("by name", &manifests, "v1 Big B.yml#0\nv1 A a.json#0\nv1 B b.yaml#0\nv1 D d.yaml#0\n");
        ck_assert_uint_eq(diagnostics.n_errors, 1);
        ck_assert_str_eq(diagnostics.items[0].file, scratch_path("c.yaml").text);
}
END_TEST

START_TEST(what_is_read_is_appended)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(manifests_clear) struct manifests manifests = MANIFESTS_INIT;

        scratch_write("b.yaml", POD("B"));
        scratch_write("a.anything", POD("A"));
        ck_assert_int_eq(manifests_read(&manifests, scratch_path("b.yaml").text, &diagnostics, NULL), 0);
        ck_assert_int_eq(manifests_read(&manifests, scratch_path("a.anything").text, &diagnostics, NULL), 0);
        assert_objects("in the order of reading", &manifests, "v1 B b.yaml#0\nv1 A a.anything#0\n");
}
END_TEST

START_TEST(what_cannot_be_read_is_named)
{
        static const struct {
                const char *name;
                int result;
        } paths[] = {{"missing.yaml", -ENOENT}, {"file/below.yaml", -ENOTDIR}, {"loop.yaml", -ELOOP}};
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(manifests_clear) struct manifests manifests = MANIFESTS_INIT;
        _cleanup_error_ struct error error = ERROR_INIT;

        scratch_write("file", "");
        ck_assert_int_eq(symlink("loop.yaml", scratch_path("loop.yaml").text), 0);
        ck_assert_int_eq(manifests_read(&manifests, scratch_path(paths[_i].name).text, &diagnostics, &error),
                         paths[_i].result);
        ck_assert_msg(strstr(error_message(&error), scratch_path(paths[_i].name).text) != NULL, "%s",
                      error_message(&error));
        ck_assert_uint_eq(manifests.count, 0);
}
END_TEST

START_TEST(a_long_file_is_read_whole)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(manifests_clear) struct manifests manifests = MANIFESTS_INIT;
        FILE *stream = fopen(scratch_path("long.yaml").text, "we");

        for (int i = 0; i < 2500; i++)
                fprintf(stream, "---\n" POD("Pod"));
        fclose(stream);
        ck_assert_int_eq(manifests_read(&manifests, scratch_path("long.yaml").text, &diagnostics, NULL), 0);
        ck_assert_uint_eq(manifests.count, 2500);
        ck_assert_uint_eq(diagnostics.count, 0);
}
END_TEST

START_TEST(standard_input_is_a_file)
{
        _cleanup_(diagnostics_clear) struct diagnostics diagnostics = DIAGNOSTICS_INIT;
        _cleanup_(manifests_clear) struct manifests manifests = MANIFESTS_INIT;

        scratch_write("input", POD("Pod") "---\nhello\n");
        ck_assert_ptr_nonnull(freopen(scratch_path("input").text, "re", stdin));
        ck_assert_int_eq(manifests_read(&manifests, "-", &diagnostics, NULL), 0);
        assert_objects("from standard input", &manifests, "v1 Pod <stdin>#0\n");
        assert_faults("from standard input", &diagnostics, "<stdin>:4: must be an object with apiVersion and kind\n");
}
END_TEST

static const struct name_case {
        const char *name;
        bool taken;
} name_cases[] = {
        {"a.yaml", true},   {"a.yml", true},    {"a.json", true},  {"a.b.yaml", true}, {"a.yaml.bak", false},
        {".yaml", false},   {".a.yaml", false}, {"yaml", false},   {"a.YAML", false},  {"a", false},
        {"a.yaml~", false}, {"", false},        {"..data", false},
};

START_TEST(knows_the_names_of_manifests)
{
        ck_assert_msg(manifest_file_name(name_cases[_i].name) == name_cases[_i].taken, "%s", name_cases[_i].name);
}
END_TEST

START_TEST(an_object_from_no_file_goes_by_its_origin_and_has_no_lines)
{
        json_t *object = json_pack("{s:s, s:s}", "apiVersion", "v1", "kind", "Pod");
        struct manifest manifest = manifest_from_object(object, "default/p");

        ck_assert_str_eq(manifest.file, "default/p");
        ck_assert_str_eq(manifest.kind, "Pod");
        ck_assert_uint_eq(manifest_line(&manifest, "kind"), 0);
        json_decref(object);
}
END_TEST

START_TEST(an_object_from_no_file_is_kept_among_the_others)
{
        json_t *object = json_pack("{s:s, s:s}", "apiVersion", "v1", "kind", "Pod");
        struct manifests manifests = MANIFESTS_INIT;
        char origin[] = "default/p";

        ck_assert_int_eq(manifests_add(&manifests, object, origin), 0);
        json_decref(object);
        origin[0] = 'x';
        ck_assert_uint_eq(manifests.count, 1);
        ck_assert_str_eq(manifests.items[0].file, "default/p");
        ck_assert_str_eq(manifests.items[0].api_version, "v1");
        ck_assert_uint_eq(manifest_line(&manifests.items[0], "kind"), 0);
        manifests_clear(&manifests);
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_checked_fixture(tests, scratch_setup, scratch_teardown);
        tcase_add_loop_test(tests, objects_are_found_in_a_text, 0, ARRAY_SIZE(text_cases));
        tcase_add_test(tests, lines_are_those_of_the_file);
        tcase_add_test(tests, a_folder_is_read_by_name_and_not_deeper);
        tcase_add_test(tests, what_is_read_is_appended);
        tcase_add_loop_test(tests, what_cannot_be_read_is_named, 0, 3);
        tcase_add_test(tests, a_long_file_is_read_whole);
        tcase_add_test(tests, standard_input_is_a_file);
        tcase_add_loop_test(tests, knows_the_names_of_manifests, 0, ARRAY_SIZE(name_cases));
        tcase_add_test(tests, an_object_from_no_file_goes_by_its_origin_and_has_no_lines);
        tcase_add_test(tests, an_object_from_no_file_is_kept_among_the_others);
}

int main(void)
{
        return unit_main("manifest", add);
}
