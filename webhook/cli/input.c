/*
 * A path that cannot be read ends a command at once; an object that cannot be, only once the others have been looked
 * at.
 */
#include "cli/input.h"

#include "cli/cli.h"
#include "manifest/manifest.h"
#include "util/error.h"

int input_read(const char *command, const char *path, struct manifests *manifests, struct diagnostics *diagnostics)
{
        _cleanup_error_ struct error error = ERROR_INIT;

        if (manifests_read(manifests, path, diagnostics, &error) >= 0)
                return 0;
        cli_print_error(command, &error);
        return EXIT_STATUS_FAILURE;
}
